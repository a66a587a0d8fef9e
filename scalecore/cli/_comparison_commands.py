"""The command about tables of runs: compare."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np

from ..fitting._compare import compare
from ..fitting._comparison import Comparison
from ..fitting._forms import FORMS
from ..fitting._recipes import RecipeComparison, compare_recipes
from ._options import FORMAT, NUMBERS, PLOT, SEED, Axis, Number, Whole, options
from ._output import draw, show
from ._table_options import READING, RUNS, TABLE_FILE, read_runs

_DEFAULT_RESAMPLES = 200


class _Forms(click.ParamType):
    """Names of forms on the command line, with commas."""

    name = "forms"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse one value of the option."""
        names = [name.strip() for name in value.split(",")]
        unknown = [name for name in names if name not in FORMS]
        if unknown:
            self.fail(f"{unknown[0]!r} is not one of {', '.join(FORMS)}", param, ctx)
        return names


@click.command("compare", epilog=NUMBERS)
@RUNS
@options(READING)
@click.option(
    "--forms",
    type=_Forms(),
    help="Forms with commas; by default additive, tied and coupled, and those for repeated data.",
)
@click.option(
    "--cuts",
    type=Axis("cuts", exclusive=True),
    help="FLOPs up to which runs are fitted; by default up to six below the largest run.",
)
@click.option(
    "--horizon",
    type=Number("horizon", exclusive=True),
    default="10",
    show_default=True,
    help="Runs up to so many times a cut are scored.",
)
@click.option("--each", is_flag=True, help="Print every cut, not means over them.")
@click.option(
    "--against",
    type=TABLE_FILE,
    help="Another table: compare the two recipes instead, with the first of --forms.",
)
@click.option(
    "--resamples",
    type=Whole("resamples", 0, 10**7),
    default=_DEFAULT_RESAMPLES,
    show_default=True,
    help="Draws behind each interval.",
)
@click.option("--progress", is_flag=True, help="Show a bar.")
@options(SEED, FORMAT, PLOT)
def compare_command(
    runs: Path,
    columns: tuple[str, ...],
    where: tuple[str, ...],
    loss_unit: str | None,
    drop_invalid: bool,
    forms: list[str] | None,
    cuts: np.ndarray | None,
    horizon: float,
    each: bool,
    against: Path | None,
    resamples: int,
    progress: bool,
    seed: int | None,
    form: str,
    plot: Path | None,
) -> None:
    """Which form of the law forecasts larger runs? Fitted to the smaller RUNS, scored on larger.

    Errors are means of |ln(forecast/loss)|. With --against, two recipes are compared instead: the
    losses of runs with the same N and D, and the share of the other's compute that RUNS need.

    Example: scalecore compare runs.csv --column loss=val_loss --plot forecasts.png
    """
    reading = (columns, where, loss_unit, drop_invalid)
    table = read_runs(runs, *reading)
    if against is not None:
        other = read_runs(against, *reading)
        recipes = compare_recipes(
            table, other, (forms or ["coupled"])[0], resamples=resamples, rng=seed
        )
        show(_recipe_columns(recipes), form)
        draw(plot, recipes.plot)
        return
    found = compare(
        table,
        forms,
        None if cuts is None else list(cuts),
        horizon=horizon,
        resamples=resamples,
        rng=seed,
        progress=progress,
    )
    show(_each_columns(found) if each else _columns(found), form)
    best = "" if found.best is None else f"; best: {found.best}"
    click.echo(f"note: {found.status.name}{best}{_why(found)}", err=True)
    draw(plot, found.plot)


def _why(found: Comparison) -> str:
    return f" ({found.reason})" if found.reason else ""


def _columns(found: Comparison) -> dict[str, Any]:
    """Columns of means over the cuts, a row for each form and one for the stacked law."""

    def over_folds(values: np.ndarray, how: Any) -> np.ndarray:
        return how(values, axis=1) if found.folds else np.full(len(found.forms), np.nan)

    stacked = found.stacked_error.mean() if len(found.stacked_error) else np.nan
    nothing = [np.nan]
    return {
        "form": [*found.forms, "stacked"],
        "error": [*over_folds(found.error, np.mean), stacked],
        "largest": [*over_folds(found.largest, np.max), *nothing],
        "bias": [*over_folds(found.bias, np.mean), *nothing],
        "coverage": [*over_folds(found.coverage, np.mean), *nothing],
        "weight": [*found.weights.values(), *nothing],
        "status": [*(law.status.name for law in found.laws.values()), ""],
    }


def _each_columns(found: Comparison) -> dict[str, Any]:
    rows = found.rows()
    if not rows:
        return {"form": []}
    return {name: list(np.array([row[name] for row in rows])) for name in rows[0]}


def _recipe_columns(found: RecipeComparison) -> dict[str, Any]:
    return {
        "what": ["difference of losses", "share of the other's compute"],
        "pairs": [np.int64(len(found.pairs)), np.nan],
        "value": [found.mean_difference, found.multiplier],
        "low": [found.mean_difference_low, found.multiplier_low],
        "high": [found.mean_difference_high, found.multiplier_high],
    }
