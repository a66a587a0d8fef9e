"""What the commands share: kinds of options, and ways to print and draw."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np

from .._common.validation import MOST_POINTS, axis
from ..frontier._objectives import OBJECTIVES
from ..spectral._table import DEAREST_UNITS, DEFAULT_UNITS

Columns = Mapping[str, Any]
NUMBERS = (
    "NUMBERS are one, 1e6, a list, 1e6,1e9, or a log-spaced range, 1e6:1e15:50 (50 values "
    "including both ends)."
)


class Axis(click.ParamType):
    """Numbers on the command line: 1e6, 1e6,1e9 or a log-spaced range 1e6:1e15:50."""

    name = "numbers"

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
        path = Path(super().convert(value, param, ctx))  # type: ignore[arg-type]
        if path.suffix.lower() not in self.endings:
            self.fail(f"{str(path)!r} must end in one of {', '.join(self.endings)}", param, ctx)
        if why := unwritable(path):
            self.fail(why, param, ctx)
        return path


def unwritable(path: Path) -> str | None:
    """Say why a file cannot be written, as far as can be told before the work."""
    folder = path.absolute().parent
    if not folder.is_dir():
        return f"{str(path)!r}: the folder does not exist"
    if not os.access(path if path.exists() else folder, os.W_OK):
        return f"{str(path)!r} cannot be written: permission denied"
    return None


def options(*decorators: Callable[..., Any]) -> Callable[..., Any]:
    """Apply shared options in the order in which the help shows them."""

    def apply(function: Any) -> Any:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply


WIDTH = click.option(
    "-n",
    "--width",
    type=Axis("width", 1),
    required=True,
    help="Hidden units n of the learning network.",
)
SAMPLES = click.option(
    "-T", "--samples", type=Axis("samples", 1), required=True, help="Training samples T."
)
BUDGET = click.option(
    "-C",
    "--budget",
    type=Axis("budget", exclusive=True),
    required=True,
    help="Compute budget C in FLOPs.",
)
INPUT_DIM = click.option(
    "-d",
    "--input-dim",
    type=Axis("input_dim", 1),
    default="10",
    show_default=True,
    help="Input dimension d.",
)
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
    "--bound",
    type=click.Choice(list(OBJECTIVES)),
    default="optimal",
    show_default=True,
    help="Bound to minimise; spectral and refined are the lower ones, for whole d.",
)
MOST_UNITS = click.option(
    "--most-units",
    type=click.IntRange(2, DEAREST_UNITS),
    default=DEFAULT_UNITS,
    show_default=True,
    help="Size of the table behind a spectral bound: fewer units build faster and bound less "
    "tightly. "
    "The folder SCALECORE_TABLES, if the environment names one, keeps tables.",
)
FORMAT = click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="How to print the numbers.",
)
PLOT = click.option(
    "--plot", type=Picture(), help="Also draw a picture into this file (.png, .pdf, .svg)."
)


SEED = click.option(
    "--seed", type=click.IntRange(0), help="Seed of the random streams; without it, fresh ones."
)


def widths(default: str) -> Any:
    """Make the option --widths, which commands about networks share."""
    text = "Widths n, rounded to whole numbers."
    return click.option(
        "-n", "--widths", type=Axis("widths", 1), default=default, show_default=True, help=text
    )


def whole_widths(values: np.ndarray) -> np.ndarray:
    """Return the different whole numbers that widths round to."""
    return np.unique(np.rint(values))


def precision(*dtypes: str) -> Any:
    """Make the option --dtype; the first is the default."""
    return click.option(
        "--dtype",
        type=click.Choice(dtypes),
        default=dtypes[0],
        show_default=True,
        help="Precision.",
    )


MEASURING = options(  # arguments of misspecification
    widths("1:1e5:16"),
    click.option(
        "--networks",
        type=click.IntRange(2),
        default=200,
        show_default=True,
        help="Networks to draw (with --rtol, the fewest).",
    ),
    click.option(
        "--inputs",
        type=click.IntRange(1),
        default=1024,
        show_default=True,
        help="Inputs per network.",
    ),
    SEED,
    precision("float64", "float32"),
    click.option(
        "--rtol",
        type=Number("rtol", exclusive=True),
        help="Go on until every relative standard error is below this.",
    ),
)
RATES = "0.01,0.02,0.05,0.1,0.2"
TRAINING = options(  # arguments of train
    widths("1:128:12"),
    click.option(
        "-T",
        "--samples",
        type=Number("samples", 1),
        default="1e5",
        show_default=True,
        help="Samples that each learner reads.",
    ),
    click.option(
        "--rates",
        type=Axis("rates", exclusive=True),
        show_default=RATES,
        help="Learning rates; adf has none.",
    ),
    click.option(
        "--repeats",
        type=click.IntRange(2),
        default=8,
        show_default=True,
        help="Networks, each with data of its own.",
    ),
    click.option(
        "--optimizer",
        type=click.Choice(["sgd", "adam", "adf"]),
        default="sgd",
        show_default=True,
        help="How they learn; adf is the Bayesian learner of the spectral bound.",
    ),
    SEED,
    precision("float32", "float64"),
)


def learning(optimizer: str, rates: np.ndarray | None) -> dict[str, Any]:
    """Return what train takes of these: the default rates if none were given, none at all for a
    filter.
    """
    if optimizer == "adf":
        if rates is not None:
            raise click.UsageError(
                "--rates must be left out with --optimizer adf, which has no learning rate"
            )
        return {"optimizer": optimizer}
    return {
        "optimizer": optimizer,
        "learning_rates": axis("rates", RATES) if rates is None else rates,
    }


def whole_samples(value: float) -> int:
    """Return a number of samples; there are no fractions of one."""
    if value != np.floor(value):
        raise click.UsageError(f"samples must be a whole number, got {value:g}")
    return int(value)


def grid(*axes: np.ndarray) -> list[np.ndarray]:
    """All combinations of the axes, the first one slowest, flat."""
    points = math.prod(map(len, axes))
    if points > MOST_POINTS:
        raise click.UsageError(
            f"{points:.3g} combinations are too many to print; at most {MOST_POINTS:g}"
        )
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
        writer.writerow(
            ""
            if (value := plain(item)) is None
            else value
            if isinstance(value, str)
            else repr(value)
            for item in row
        )


def table(columns: Columns) -> str:
    """Format columns for reading: aligned, six digits."""
    cells = {
        name: [item if isinstance(item, str) else f"{item:.6g}" for item in values]
        for name, values in columns.items()
    }
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
        rows = [
            dict(zip(columns, map(plain, row), strict=True))
            for row in zip(*columns.values(), strict=True)
        ]
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
        from ..plotting import save

        save(plot().figure, path)
        click.echo(f"wrote {path}", err=True)
