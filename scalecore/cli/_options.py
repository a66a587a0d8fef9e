"""Options that several commands share, and the kinds of their values."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np

from .._common.validation import LARGEST, nearly_whole, parse_axis
from ..frontier._objectives import OBJECTIVES
from ..spectral._table_lookup import DEFAULT_UNITS, MOST_TABLE_UNITS

_MOST_PRINTED = 10**7
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
            return parse_axis(self.argument, value, least=self.least, exclusive=self.exclusive)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Widths(Axis):
    """Whole numbers: what a range passes is rounded to them, what is written must be one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse one value of an option."""
        values = super().convert(value, param, ctx)
        near = nearly_whole(values)
        if isinstance(value, str) and ":" not in value and (near != np.rint(near)).any():
            self.fail(f"{self.argument} must be whole numbers, got {value!r}", param, ctx)
        return np.unique(np.rint(values))


class Number(Axis):
    """A single number on the command line."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse one value of an option."""
        values = super().convert(value, param, ctx)
        if np.size(values) != 1:
            self.fail(f"{self.argument} must be one number here, got {value!r}", param, ctx)
        return float(np.ravel(values)[0])


class Whole(Number):
    """A whole number on the command line, written as any other: 1000, 1e3."""

    name = "integer"

    def __init__(self, argument: str, least: int = 1, most: int | None = None):
        super().__init__(argument, -LARGEST)
        self.lowest, self.highest = least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse one value of an option; digits alone are exact, however many."""
        if isinstance(value, int):
            return value
        digits = str(value).strip().removeprefix("+")
        if digits.isdecimal() and len(digits) < 4000:
            number = int(digits)
        else:
            number = self.whole(super().convert(value, param, ctx), value, param, ctx)
        if number < self.lowest:
            self.fail(f"{self.argument} must be at least {self.lowest}, got {value}", param, ctx)
        if self.highest is not None and number > self.highest:
            self.fail(f"{self.argument} must be at most {self.highest}, got {value}", param, ctx)
        return number

    def whole(
        self, number: float, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Return what is whole, to a few units in the last place."""
        near = float(nearly_whole(np.array(number)))
        if near != math.floor(near):
            self.fail(f"{self.argument} must be a whole number, got {value}", param, ctx)
        return int(near)


def on_terminal() -> bool:
    """Whether bars will be seen; `2>&-` leaves no standard error at all."""
    return sys.stderr is not None and sys.stderr.isatty()


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


def refuse_overwriting(out: Path | None, read: Path) -> None:
    """Refuse to write over the file that a command reads."""
    if out is not None and out.exists() and read.exists() and out.samefile(read):
        raise click.UsageError(f"--out: {str(out)!r} is the file that is read")


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


def _input_dim(kind: click.ParamType) -> Callable[..., Any]:
    return click.option(
        "-d",
        "--input-dim",
        type=kind,
        default="10",
        show_default=True,
        help="Input dimension d.",
    )


def _concentration(kind: click.ParamType) -> Callable[..., Any]:
    return click.option(
        "-K",
        "--concentration",
        type=kind,
        default="100",
        show_default=True,
        help="Concentration K of the Dirichlet process.",
    )


INPUT_DIM = _input_dim(Axis("input_dim", 1))
CONCENTRATION = _concentration(Axis("concentration", exclusive=True))
# of commands about one prior; a formula takes any real d
WHOLE_INPUT_DIM = _input_dim(Whole("input_dim"))
REAL_INPUT_DIM = _input_dim(Number("input_dim", 1))
ONE_CONCENTRATION = _concentration(Number("concentration", exclusive=True))
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
    type=Whole("most_units", 2, MOST_TABLE_UNITS),
    default=DEFAULT_UNITS,
    show_default=True,
    help="Size of the table behind a spectral bound: fewer units build faster and bound less "
    "tightly. "
    "Those of 2,048 units and more are kept in the user's cache folder; SCALECORE_TABLES in the "
    "environment names another, which keeps all.",
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
    "--seed", type=Whole("seed", 0), help="Seed of the random streams; without it, fresh ones."
)


def widths(default: str) -> Any:
    """Make the option --widths, which commands about networks share."""
    text = "Widths n, rounded to whole numbers."
    return click.option(
        "-n", "--widths", type=Widths("widths", 1), default=default, show_default=True, help=text
    )


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
        type=Whole("networks", 2),
        default=200,
        show_default=True,
        help="Networks to draw (with --rtol, the fewest).",
    ),
    click.option(
        "--inputs",
        type=Whole("inputs"),
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
        type=Whole("repeats", 2),
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
        "learning_rates": parse_axis("rates", RATES) if rates is None else rates,
    }


def whole_samples(value: float) -> int:
    """Return a number of samples; there are no fractions of one."""
    whole = float(nearly_whole(np.array(value)))
    if whole != math.floor(whole):
        raise click.UsageError(f"samples must be a whole number, got {value:g}")
    return int(whole)


def grid(*axes: np.ndarray) -> list[np.ndarray]:
    """All combinations of the axes, the first one slowest, flat."""
    points = math.prod(map(len, axes))
    if points > _MOST_PRINTED:
        raise click.UsageError(
            f"{points:.3g} combinations are too many to print; at most {_MOST_PRINTED:g} "
            "(scalecore sweep writes more to a store)"
        )
    return [array.ravel() for array in np.meshgrid(*axes, indexing="ij")]
