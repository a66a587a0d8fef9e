"""The ``scalecore`` command."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np

from . import (
    NetworkPrior,
    Status,
    __version__,
    closed_form_bound,
    compute_optimal,
    error_bound,
    estimation_bound,
    isoflop,
    misspecification,
    misspecification_bound,
    occupancy,
    optimal_resolution,
)
from ._validation import MOST_POINTS, axis

Columns = Mapping[str, Any]


class Axis(click.ParamType):
    """Numbers on the command line: 1e6, 1e6,1e9 or a log-spaced range 1e6:1e15:50."""

    name = "axis"

    def __init__(self, argument: str, least: float = 0.0, exclusive: bool = False):
        self.argument, self.least, self.exclusive = argument, least, exclusive

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse one value of an option."""
        if not isinstance(value, str):
            return value
        try:
            return axis(self.argument, value, least=self.least, exclusive=self.exclusive)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Number(Axis):
    """A single number on the command line."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse one value of an option."""
        values = super().convert(value, param, ctx)
        if np.size(values) != 1:
            self.fail(f"{self.argument} must be one number here, got {value!r}", param, ctx)
        return float(np.ravel(values)[0])


class Picture(click.Path):
    """A file to draw into; its ending says which format."""

    name = "picture"
    endings = (".png", ".pdf", ".svg", ".eps", ".jpg")

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Check the ending and the folder before any work starts."""
        path = super().convert(value, param, ctx)
        if path.suffix.lower() not in self.endings:
            self.fail(f"{str(path)!r} must end in one of {', '.join(self.endings)}", param, ctx)
        if not path.absolute().parent.is_dir():
            self.fail(f"{str(path)!r}: the folder does not exist", param, ctx)
        return path


WIDTH = click.option("-n", "--width", type=Axis("width", 1), required=True, help="Hidden units n of the learning network.")
SAMPLES = click.option("-T", "--samples", type=Axis("samples", 1), required=True, help="Training samples T.")
BUDGET = click.option("-C", "--budget", type=Axis("budget", exclusive=True), required=True, help="Compute budget C in FLOPs.")
INPUT_DIM = click.option("-d", "--input-dim", type=Axis("input_dim", 1), default="10", show_default=True, help="Input dimension d.")
CONCENTRATION = click.option(
    "-K",
    "--concentration",
    type=Axis("concentration", exclusive=True),
    default="100",
    show_default=True,
    help="Concentration K of the Dirichlet process.",
)
COST = click.option(
    "--cost",
    type=Number("cost", exclusive=True),
    default="1",
    show_default=True,
    help="FLOPs per parameter and sample (6 for transformers).",
)
BOUND = click.option(
    "--bound", type=click.Choice(["optimal", "closed_form"]), default="optimal", show_default=True, help="Bound to minimise."
)
FORMAT = click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="How to print the numbers.",
)
PLOT = click.option("--plot", type=Picture(), help="Also draw a picture into this file (.png, .pdf, .svg).")


def options(*decorators: Callable[..., Any]) -> Callable[..., Any]:
    """Apply shared options in the order in which the help shows them."""

    def apply(function: Any) -> Any:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply


def grid(*axes: np.ndarray) -> list[np.ndarray]:
    """All combinations of the axes, the first one slowest, flat."""
    points = math.prod(map(len, axes))
    if points > MOST_POINTS:
        raise click.UsageError(f"{points:.3g} combinations are too many to print; at most {MOST_POINTS:g}")
    return [array.ravel() for array in np.meshgrid(*axes, indexing="ij")]


def plain(value: Any) -> Any:
    """Give a number as JSON and CSV want it: None for NaN, int where it is whole by nature."""
    if isinstance(value, (np.integer, str)):
        return value if isinstance(value, str) else int(value)
    return float(value) if np.isfinite(value) else None


def write_csv(columns: Columns, file: Any) -> None:
    """Write columns as CSV with a header; numbers to all their digits, NaN as an empty field."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    for row in zip(*columns.values(), strict=True):
        writer.writerow("" if (value := plain(item)) is None else value if isinstance(value, str) else repr(value) for item in row)


def table(columns: Columns) -> str:
    """Format columns for reading: aligned, six digits."""
    cells = {name: [item if isinstance(item, str) else f"{item:.6g}" for item in values] for name, values in columns.items()}
    widths = {name: max([len(name), *map(len, values)]) for name, values in cells.items()}
    lines = ["  ".join(name.rjust(widths[name]) for name in cells)]
    lines += [
        "  ".join(item.rjust(width) for item, width in zip(row, widths.values(), strict=True))
        for row in zip(*cells.values(), strict=True)
    ]
    return "\n".join(lines)


def show(columns: Columns, form: str) -> None:
    """Print columns in the chosen format."""
    if form == "json":
        rows = [dict(zip(columns, map(plain, row), strict=True)) for row in zip(*columns.values(), strict=True)]
        click.echo(json.dumps(rows, indent=1))
    elif form == "csv":
        text = io.StringIO()
        write_csv(columns, text)
        click.echo(text.getvalue(), nl=False)
    else:
        click.echo(table(columns))


def draw(path: Path | None, plot: Callable[[], Any]) -> None:
    """Draw into a file, if one was asked for."""
    if path is not None:
        from .plotting import save

        save(plot().figure, path)
        click.echo(f"wrote {path}", err=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="scalecore")
def main() -> None:
    """How large a model and how much data for a compute budget? Errors are in nats per sample.

    Options that take numbers also take lists, 1e6,1e9, and log-spaced ranges, 1e6:1e15:50 (50 values including both ends).
    Several axes give all combinations.
    """


@main.command()
@options(WIDTH, SAMPLES, INPUT_DIM, CONCENTRATION, FORMAT)
def bound(width: np.ndarray, samples: np.ndarray, input_dim: np.ndarray, concentration: np.ndarray, form: str) -> None:
    """Error bounds of a network of given width after given samples.

    Example: scalecore bound -n 1:1e4:5 -T 1e6
    """
    point = grid(width, samples, input_dim, concentration)
    columns = dict(zip(("width", "samples", "input_dim", "concentration"), point, strict=True))
    columns |= {
        function.__name__: function(*point)
        for function in (error_bound, misspecification_bound, estimation_bound, optimal_resolution, closed_form_bound)
    }
    columns["occupancy"] = occupancy(point[0], point[3])
    show(columns, form)


@main.command()
@options(BUDGET, INPUT_DIM, CONCENTRATION, COST, BOUND)
@click.option("--integer", is_flag=True, help="Whole widths and samples, searched exactly.")
@options(FORMAT, PLOT)
def frontier(
    budget: np.ndarray,
    input_dim: np.ndarray,
    concentration: np.ndarray,
    cost: float,
    bound: str,
    integer: bool,
    form: str,
    plot: Path | None,
) -> None:
    """Compute-optimal width and samples for each budget.

    Example: scalecore frontier -C 1e6:1e24:7 --cost 6 --plot frontier.png
    """
    shape = (len(budget), len(input_dim), len(concentration))
    best = compute_optimal(
        budget[:, None, None], input_dim[None, :, None], concentration[None, None, :], cost=cost, bound=bound, integer=integer
    )
    names = ("budget", "input_dim", "concentration", "width", "parameters", "samples", "error", "misspecification", "estimation")
    columns = {name: np.broadcast_to(getattr(best, name), shape).ravel() for name in (*names, "elasticity", "model_share")}
    columns["status"] = [Status(int(code)).name for code in best.status.ravel()]
    show(columns, form)
    draw(plot, best.plot)


def isoflop_columns(lines: Any) -> dict[str, np.ndarray]:
    """Columns of an IsoFlop, a row a point."""
    shape = lines.error.shape
    columns = {
        name: np.broadcast_to(np.asarray(getattr(lines.optimum, name))[..., None], shape)
        for name in ("budget", "input_dim", "concentration")
    }
    columns |= {name: getattr(lines, name) for name in ("width", "parameters", "samples", "error")}
    return {name: np.ravel(values) for name, values in columns.items()}


@main.command("isoflop")
@options(BUDGET, INPUT_DIM, CONCENTRATION, COST, BOUND)
@click.option("--points", type=click.IntRange(2, 10**6), default=25, show_default=True, help="Widths on each line.")
@options(FORMAT, PLOT)
def isoflop_command(
    budget: np.ndarray,
    input_dim: np.ndarray,
    concentration: np.ndarray,
    cost: float,
    bound: str,
    points: int,
    form: str,
    plot: Path | None,
) -> None:
    """Bound along lines of equal compute.

    Example: scalecore isoflop -C 1e6,1e9 --points 9
    """
    flat = grid(budget, input_dim, concentration)
    show(isoflop_columns(isoflop(*flat, cost=cost, bound=bound, points=points)), form)
    draw(plot, lambda: isoflop(*flat, cost=cost, bound=bound).plot())


@main.command("figure1")
@click.option("-d", "--input-dim", type=Number("input_dim", 1), default="10", show_default=True, help="Input dimension d.")
@click.option(
    "-K", "--concentration", type=Number("concentration", exclusive=True), default="100", show_default=True, help="Concentration K."
)
@COST
@click.option(
    "--out",
    type=Picture(),
    default="figure1.png",
    show_default=True,
    help="Picture to write; its numbers go beside it as .csv.",
)
def figure1_command(input_dim: float, concentration: float, cost: float, out: Path) -> None:
    """Figure 1 of the paper: isoFLOP curves of the bound, and the compute-optimal frontier.

    Example: scalecore figure1 --out figure1.png
    """
    from .plotting import figure1, save

    try:
        figure, lines, best = figure1(input_dim, concentration, cost=cost)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    curves = isoflop_columns(lines)
    names = ("budget", "input_dim", "concentration", "width", "parameters", "samples", "error")
    panels = {"isoflop": curves}
    for panel, optimum in (("isoflop_optimum", lines.optimum), ("frontier", best)):
        panels[panel] = {name: np.ravel(getattr(optimum, name)) for name in names}
    columns: dict[str, Any] = {"panel": [panel for panel, part in panels.items() for _ in part["width"]]}
    columns |= {name: np.concatenate([part[name] for part in panels.values()]) for name in names}
    numbers = out.with_suffix(".csv")
    save(figure, out)
    with numbers.open("w", newline="") as file:
        write_csv(columns, file)
    click.echo(f"wrote {out} and {numbers}")


@main.command()
@click.option("-d", "--input-dim", type=click.IntRange(1), default=10, show_default=True, help="Input dimension d.")
@click.option(
    "-K", "--concentration", type=Number("concentration", exclusive=True), default="100", show_default=True, help="Concentration K."
)
@click.option(
    "-n", "--widths", type=Axis("widths", 1), default="1:1e5:16", show_default=True, help="Widths n, rounded to whole numbers."
)
@click.option(
    "--networks", type=click.IntRange(2), default=200, show_default=True, help="Networks to draw (with --rtol, the fewest)."
)
@click.option("--inputs", type=click.IntRange(1), default=1024, show_default=True, help="Inputs per network.")
@click.option("--seed", type=click.IntRange(0), help="Seed of the random streams; without it, fresh ones.")
@click.option("--dtype", type=click.Choice(["float64", "float32"]), default="float64", show_default=True, help="Precision.")
@click.option("--rtol", type=Number("rtol", exclusive=True), help="Go on until every relative standard error is below this.")
@options(FORMAT, PLOT)
def simulate(
    input_dim: int,
    concentration: float,
    widths: np.ndarray,
    networks: int,
    inputs: int,
    seed: int | None,
    dtype: str,
    rtol: float | None,
    form: str,
    plot: Path | None,
) -> None:
    """Measure the misspecification of width-n networks by simulation, beside its bound.

    Example: scalecore simulate -d 10 -K 100 --widths 1:1e5:16 --rtol 0.02
    """
    whole = np.unique(np.rint(widths))
    if whole.size > 200:
        raise click.UsageError(f"widths must hold at most 200 different whole numbers, got {whole.size}")
    measured = misspecification(
        NetworkPrior(input_dim, concentration),
        whole,
        networks=networks,
        inputs=inputs,
        rng=seed,
        dtype=dtype,
        rtol=rtol,
        progress=sys.stderr.isatty(),
    )
    columns: dict[str, Any] = {"width": measured.widths, "kl": measured.kl.mean, "kl_std_error": measured.kl.std_error}
    columns |= {"bound": measured.bound, "kl/bound": measured.kl.mean / measured.bound}
    columns |= {"squared_error": measured.squared_error.mean, "squared_error_std_error": measured.squared_error.std_error}
    columns |= {"exact_squared_error": concentration / (2 * measured.widths)}
    columns |= {"occupancy": measured.occupancy.mean, "occupancy_std_error": measured.occupancy.std_error}
    columns |= {"exact_occupancy": occupancy(measured.widths, concentration)}
    show(columns, form)
    draw(plot, measured.plot)


def run(arguments: list[str] | None = None) -> None:
    """Run the command; a mistake gives one line on stderr and exit status 2, anything else that fails one line and 1."""
    try:
        status = main.main(arguments, prog_name="scalecore", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        status = 0
    except click.ClickException as error:
        click.echo(f"scalecore: {error.format_message().splitlines()[0]}", err=True)
        status = 2
    except click.exceptions.Abort:
        status = 130
    except BrokenPipeError:  # `scalecore ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    except MemoryError:
        click.echo("scalecore: not enough memory for so many points", err=True)
        status = 1
    except (ImportError, OSError) as error:
        click.echo(f"scalecore: {error}", err=True)
        status = 1
    sys.exit(status if isinstance(status, int) else 0)
