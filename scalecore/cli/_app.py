"""The ``scalecore`` command."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from pathlib import Path
from typing import Any, NoReturn

import click
import numpy as np

from .. import (
    EmpiricalStatus,
    NetworkPrior,
    Status,
    TrainingRuns,
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
    train,
)
from ..frontier._objectives import OBJECTIVES
from ._comparison_commands import compare_command
from ._fitting_commands import fit_command
from ._options import (
    BOUND,
    BUDGET,
    CONCENTRATION,
    COST,
    FORMAT,
    INPUT_DIM,
    MEASURING,
    MOST_UNITS,
    NUMBERS,
    PLOT,
    SAMPLES,
    TRAINING,
    WIDTH,
    Axis,
    Number,
    Picture,
    Whole,
    grid,
    learning,
    on_terminal,
    options,
    save_picture,
    show,
    unwritable,
    whole_samples,
    write_csv,
)
from ._planning_commands import plan_command, suggest_command
from ._report_command import report_command
from ._spectral_commands import figure2_command, prepare, spectral_columns, spectrum_command
from ._sweep_commands import info, plot, sweep_group


class Commands(click.Group):
    """The commands; click would end them with status 1 where nobody reads what they write."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            end_as_others_do()


@click.group(
    cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(__version__, prog_name="scalecore")
def main() -> None:
    """How large a model and how much data for a compute budget? Errors are in nats per sample.

    Options that take numbers also take lists, 1e6,1e9, and log-spaced ranges, 1e6:1e15:50 (50
    values including both ends). Several axes give all combinations.
    """


@main.command(epilog=NUMBERS)
@options(WIDTH, SAMPLES, INPUT_DIM, CONCENTRATION)
@click.option(
    "--spectral",
    is_flag=True,
    help="Also the spectral bounds, and the refined one's strategy; whole d only.",
)
@options(MOST_UNITS, FORMAT)
def bound(
    width: np.ndarray,
    samples: np.ndarray,
    input_dim: np.ndarray,
    concentration: np.ndarray,
    spectral: bool,
    most_units: int,
    form: str,
) -> None:
    """Error bounds of a network of given width after given samples.

    Example: scalecore bound -n 1:1e4:5 -T 1e6 --spectral --most-units 256
    """
    point = grid(width, samples, input_dim, concentration)
    columns = dict(zip(("width", "samples", "input_dim", "concentration"), point, strict=True))
    columns |= {
        function.__name__: function(*point)
        for function in (
            error_bound,
            misspecification_bound,
            estimation_bound,
            optimal_resolution,
            closed_form_bound,
        )
    }
    columns["occupancy"] = occupancy(point[0], point[3])
    if spectral:
        prepare(input_dim, most_units)
        columns |= spectral_columns(*point)
    show(columns, form)


@main.command(epilog=NUMBERS)
@options(BUDGET, INPUT_DIM, CONCENTRATION, COST, BOUND)
@click.option("--integer", is_flag=True, help="Whole widths and samples, searched exactly.")
@options(MOST_UNITS, FORMAT, PLOT)
def frontier(
    budget: np.ndarray,
    input_dim: np.ndarray,
    concentration: np.ndarray,
    cost: float,
    bound: str,
    integer: bool,
    most_units: int,
    form: str,
    plot: Path | None,
) -> None:
    """Compute-optimal width and samples for each budget.

    Example: scalecore frontier -C 1e6:1e24:7 --cost 6 --plot frontier.png
    """
    if OBJECTIVES[bound].needs_table:
        prepare(input_dim, most_units)
    shape = (len(budget), len(input_dim), len(concentration))
    best = compute_optimal(
        budget[:, None, None],
        input_dim[None, :, None],
        concentration[None, None, :],
        cost=cost,
        bound=bound,
        integer=integer,
    )
    names = (
        "budget",
        "input_dim",
        "concentration",
        "width",
        "parameters",
        "samples",
        "error",
        "misspecification",
        "estimation",
    )
    columns: dict[str, Any] = {
        name: np.broadcast_to(getattr(best, name), shape).ravel()
        for name in (*names, "elasticity", "model_share")
    }
    columns["status"] = [Status(int(code)).name for code in best.status.ravel()]
    show(columns, form)
    save_picture(plot, best.plot)


def isoflop_columns(lines: Any) -> dict[str, np.ndarray]:
    """Columns of an IsoFlop, a row a point."""
    shape = lines.error.shape
    columns = {
        name: np.broadcast_to(np.asarray(getattr(lines.optimum, name))[..., None], shape)
        for name in ("budget", "input_dim", "concentration")
    }
    columns |= {name: getattr(lines, name) for name in ("width", "parameters", "samples", "error")}
    return {name: np.ravel(values) for name, values in columns.items()}


@main.command("isoflop", epilog=NUMBERS)
@options(BUDGET, INPUT_DIM, CONCENTRATION, COST, BOUND)
@click.option(
    "--points",
    type=Whole("points", 2, 10**6),
    default=25,
    show_default=True,
    help="Widths on each line.",
)
@options(MOST_UNITS, FORMAT, PLOT)
def isoflop_command(
    budget: np.ndarray,
    input_dim: np.ndarray,
    concentration: np.ndarray,
    cost: float,
    bound: str,
    points: int,
    most_units: int,
    form: str,
    plot: Path | None,
) -> None:
    """Bound along lines of equal compute.

    Example: scalecore isoflop -C 1e6,1e9 --points 9
    """
    flat = grid(budget, input_dim, concentration)
    if OBJECTIVES[bound].needs_table:
        prepare(input_dim, most_units)
    show(isoflop_columns(isoflop(*flat, cost=cost, bound=bound, points=points)), form)
    save_picture(plot, lambda: isoflop(*flat, cost=cost, bound=bound).plot())


@main.command("figure1")
@click.option(
    "-d",
    "--input-dim",
    type=Number("input_dim", 1),
    default="10",
    show_default=True,
    help="Input dimension d.",
)
@click.option(
    "-K",
    "--concentration",
    type=Number("concentration", exclusive=True),
    default="100",
    show_default=True,
    help="Concentration K.",
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
    from ..plotting import figure1, save

    try:
        figure, lines, best = figure1(input_dim, concentration, cost=cost)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    curves = isoflop_columns(lines)
    names = ("budget", "input_dim", "concentration", "width", "parameters", "samples", "error")
    panels = {"isoflop": curves}
    for panel, optimum in (("isoflop_optimum", lines.optimum), ("frontier", best)):
        panels[panel] = {name: np.ravel(getattr(optimum, name)) for name in names}
    columns: dict[str, Any] = {
        "panel": [panel for panel, part in panels.items() for _ in part["width"]]
    }
    columns |= {name: np.concatenate([part[name] for part in panels.values()]) for name in names}
    numbers = out.with_suffix(".csv")
    save(figure, out)
    with numbers.open("w", newline="") as file:
        write_csv(columns, file)
    click.echo(f"wrote {out} and {numbers}")


@main.command(epilog=NUMBERS)
@click.option(
    "-d",
    "--input-dim",
    type=Whole("input_dim"),
    default=10,
    show_default=True,
    help="Input dimension d.",
)
@click.option(
    "-K",
    "--concentration",
    type=Number("concentration", exclusive=True),
    default="100",
    show_default=True,
    help="Concentration K.",
)
@MEASURING
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
    whole = widths
    if whole.size > 200:
        raise click.UsageError(
            f"widths must hold at most 200 different whole numbers, got {whole.size}"
        )
    measured = misspecification(
        NetworkPrior(input_dim, concentration),
        whole,
        networks=networks,
        inputs=inputs,
        rng=seed,
        dtype=dtype,
        rtol=rtol,
        progress=on_terminal(),
    )
    columns: dict[str, Any] = {
        "width": measured.widths,
        "kl": measured.kl.mean,
        "kl_std_error": measured.kl.std_error,
    }
    columns |= {"bound": measured.bound, "kl/bound": measured.kl.mean / measured.bound}
    columns |= {
        "squared_error": measured.squared_error.mean,
        "squared_error_std_error": measured.squared_error.std_error,
    }
    columns |= {"exact_squared_error": concentration / (2 * measured.widths)}
    columns |= {
        "occupancy": measured.occupancy.mean,
        "occupancy_std_error": measured.occupancy.std_error,
    }
    columns |= {"exact_occupancy": occupancy(measured.widths, concentration)}
    show(columns, form)
    save_picture(plot, measured.plot)


@main.command("train", epilog=NUMBERS)
@click.option(
    "-d",
    "--input-dim",
    type=Whole("input_dim"),
    default=10,
    show_default=True,
    help="Input dimension d.",
)
@click.option(
    "-K",
    "--concentration",
    type=Number("concentration", exclusive=True),
    default="100",
    show_default=True,
    help="Concentration K.",
)
@TRAINING
@click.option(
    "-C",
    "--budget",
    type=Axis("budget", exclusive=True),
    help="Budgets in FLOPs; by default three decades that the grid can pay for.",
)
@COST
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Save the runs to this NetCDF file.",
)
@click.option("--curves", type=Picture(), help="Draw the learning curves into this file.")
@options(FORMAT, PLOT)
def train_command(
    input_dim: int,
    concentration: float,
    widths: np.ndarray,
    samples: float,
    rates: np.ndarray | None,
    repeats: int,
    optimizer: str,
    budget: np.ndarray | None,
    cost: float,
    seed: int | None,
    dtype: str,
    out: Path | None,
    curves: Path | None,
    form: str,
    plot: Path | None,
) -> None:
    """Train networks on the theory's data and trace the compute-optimal frontier that they reach,
    beside the bound's.

    Example: scalecore train -d 10 -K 100 -T 1e6 --plot frontier.png
    """
    total = whole_samples(samples)
    if out is not None and (why := unwritable(out)):
        raise click.UsageError(why)
    whole = widths
    try:
        runs = train(
            NetworkPrior(input_dim, concentration),
            whole,
            total,
            **learning(optimizer, rates),
            repeats=repeats,
            rng=seed,
            dtype=dtype,
            progress=on_terminal(),
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    try:
        # save first: printing may fail, for example where the reader of a pipe has gone
        if out is not None:
            runs.save(out)
            click.echo(f"wrote {out}", err=True)
    finally:
        tell(runs, budget, cost, form, plot)
    save_picture(curves, runs.plot)
    if runs.interrupted:
        raise click.exceptions.Abort


def tell(
    runs: TrainingRuns, budget: np.ndarray | None, cost: float, form: str, plot: Path | None
) -> None:
    """Print and draw what training reached."""
    diverged = np.count_nonzero(runs.diverged >= 0)
    if diverged:
        advice = "" if runs.optimizer == "adf" else ": lower --rates"
        click.echo(f"note: {diverged} of {runs.diverged.size} learners diverged{advice}", err=True)
    input_dim, whole = runs.prior.input_dim, runs.widths
    if budget is None:
        budget = (
            cost
            * input_dim
            * np.sqrt(whole[0] * whole[-1])
            * max(runs.samples, 1)
            * np.geomspace(1e-3, 1, 7)
        )
    best = runs.frontier(budget, cost=cost)
    theory = best.theory
    columns: dict[str, Any] = {"budget": best.budget, "width": best.width}
    columns |= {"width_low": best.width_interval[:, 0], "width_high": best.width_interval[:, 1]}
    columns |= {"parameters": best.parameters, "samples": best.samples, "error": best.error}
    columns |= {"bound_width": theory.width, "bound_error": theory.error}
    columns["status"] = [EmpiricalStatus(int(code)).name for code in best.status]
    show(columns, form)
    low, high = best.exponent_interval
    click.echo(f"d log p*/d log C: {best.exponent:.3f} [{low:.3f}, {high:.3f}]", err=True)
    save_picture(plot, lambda: best.plot()[0])


for command in (
    compare_command,
    fit_command,
    plan_command,
    suggest_command,
    report_command,
    spectrum_command,
    figure2_command,
    sweep_group,
    info,
    plot,
):
    main.add_command(command)


def run(arguments: list[str] | None = None) -> None:
    """Run the command; a mistake gives one line on stderr and exit status 2, anything else that
    fails one line and 1.
    """
    warnings.showwarning = lambda message, *where: click.echo(f"scalecore: {message}", err=True)
    try:
        status = main.main(arguments, prog_name="scalecore", standalone_mode=False)
        if sys.stdout is not None:  # None where stdout is closed, as by `>&-`
            sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        status = 0
    except click.ClickException as error:
        click.echo(
            f"scalecore: {error.format_message().splitlines()[0]}{_help_of(error)}", err=True
        )
        status = 2
    except click.exceptions.Abort:
        click.echo("scalecore: interrupted", err=True)
        status = 130
    except BrokenPipeError:  # the reader of a pipe has gone, as in `scalecore ... | head`
        end_as_others_do()
    except MemoryError as error:
        click.echo(f"scalecore: {error or 'not enough memory for so many points'}", err=True)
        status = 1
    except (ValueError, OverflowError) as error:
        click.echo(f"scalecore: {error}", err=True)
        status = 2
    except (ImportError, OSError, RuntimeError) as error:
        click.echo(f"scalecore: {error}", err=True)
        status = 1
    sys.exit(status if isinstance(status, int) else 0)


def end_as_others_do() -> NoReturn:
    """Die of the pipe that nobody reads, without a word, as other Unix tools do (status 141)."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGPIPE)
    sys.exit(141)


def _help_of(error: click.ClickException) -> str:
    """Say where to read on, where click's message does not say what is wanted."""
    context = getattr(error, "ctx", None)
    unknown = error.format_message().startswith(("Missing", "No such", "Got unexpected"))
    return f" (see {context.command_path} --help)" if context is not None and unknown else ""
