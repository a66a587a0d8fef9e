"""The commands about a fitted law: plan and suggest."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import numpy as np

from ..fitting._fitted_law import FittedLaw
from ..planning._design import QUANTITIES, DesignStatus, suggest_runs
from ..planning._plan import Plan, plan
from ..planning._plan_status import PlanStatus
from ._options import FORMAT, NUMBERS, PLOT, SEED, Axis, Number, Whole, grid, options
from ._output import draw, show

LAW = click.argument("law", type=click.Path(dir_okay=False, path_type=Path))
_WRITES = "scalecore fit RUNS --out LAW writes one"
_UNANSWERED = {
    PlanStatus.OUT_OF_REACH: "no model within the limits has that loss, or it lies below E",
    PlanStatus.NO_OPTIMUM: "all to one side is best under this law",
    PlanStatus.NO_LAW: "the fit has no law of N and D",
    PlanStatus.INVALID: "a number is out of its domain",
}
_LIMITS = ("max_parameters", "max_samples", "unique_samples")
_AMOUNTS = ("parameters", "samples", "epochs", "loss", "training_compute", "total_compute")
_WHY = {
    DesignStatus.NO_CANDIDATE: "--budget does not pay for any candidate run",
    DesignStatus.NO_GAIN: "no candidate run narrows the interval",
    DesignStatus.NO_DRAWS: "the law has no draws, so nothing says how uncertain it is",
    DesignStatus.NO_LAW: "the law has no optimum at --target",
}


def law_in(path: Path) -> FittedLaw:
    """Return the law that a file holds."""
    if not path.is_file():
        raise click.UsageError(f"LAW: {str(path)!r} does not exist; {_WRITES}")
    try:
        return FittedLaw.load(path)
    except ValueError as error:
        raise click.UsageError(f"LAW: {error}; {_WRITES}") from error


def _limit(name: str, text: str) -> Any:
    return click.option(f"--{name.replace('_', '-')}", type=Axis(name, exclusive=True), help=text)


@click.command("plan", epilog=NUMBERS)
@LAW
@click.option(
    "-C",
    "--training-budget",
    type=Axis("training_budget", exclusive=True),
    help="FLOPs for training.",
)
@click.option(
    "--total-budget",
    type=Axis("total_budget", exclusive=True),
    help="FLOPs for training and inference together.",
)
@click.option(
    "--loss", type=Axis("loss", exclusive=True), help="Loss to reach as cheaply as can be."
)
@click.option(
    "--inference",
    type=Axis("inference"),
    default="0",
    show_default=True,
    help="Samples that the model will be asked for.",
)
@_limit("max_parameters", "Largest model.")
@_limit("max_samples", "Most training samples, repetitions counted.")
@_limit("unique_samples", "Different samples that there are; needs a form with repeated data.")
@click.option(
    "--training-cost", type=Number("training_cost", exclusive=True), help="By default the table's."
)
@click.option(
    "--inference-cost",
    type=Number("inference_cost"),
    default="2",
    show_default=True,
    help="FLOPs per parameter and sample asked for.",
)
@click.option(
    "--level",
    type=Number("level", exclusive=True),
    default="0.95",
    show_default=True,
    help="Of intervals.",
)
@click.option(
    "--price",
    type=Axis("price", exclusive=True),
    help="Print what other sizes would cost instead: factors of the best N.",
)
@options(FORMAT, PLOT)
def plan_command(
    law: Path,
    training_budget: np.ndarray | None,
    total_budget: np.ndarray | None,
    loss: np.ndarray | None,
    inference: np.ndarray,
    training_cost: float | None,
    inference_cost: float,
    level: float,
    price: np.ndarray | None,
    form: str,
    plot: Path | None,
    **limits: np.ndarray | None,
) -> None:
    """Parameters and samples to train, for a budget or for a loss, under the LAW that a file holds.

    Example: scalecore plan law.json -C 1e21:1e25:5 --inference 1e12 --plot plan.png
    """
    targets = {"training_budget": training_budget, "total_budget": total_budget, "loss": loss}
    given = {name: values for name, values in targets.items() if values is not None}
    if len(given) != 1:
        wanted = "exactly one of --training-budget (-C), --total-budget and --loss must be given"
        raise click.UsageError(wanted)
    axes = {**given, "inference_samples": inference}
    axes |= {name: values for name in _LIMITS if (values := limits[name]) is not None}
    columns = dict(zip(axes, grid(*axes.values()), strict=True))
    found = plan(
        law_in(law),
        **columns,
        training_cost=training_cost,
        inference_cost=inference_cost,
        level=level,
    )
    show(
        _plan_columns(found, columns) if price is None else _price_columns(found, columns, price),
        form,
    )
    for status, why in _UNANSWERED.items():
        if count := int(np.count_nonzero(found.status == status)):
            text = f"note: {count} of {found.status.size} questions have no answer"
            click.echo(f"{text}: {status.name} ({why})", err=True)
    draw(plot, found.plot)


def _plan_columns(found: Plan, asked: dict[str, np.ndarray]) -> dict[str, Any]:
    """Columns of a plan: what was asked, the amounts with their intervals, status."""
    columns: dict[str, Any] = dict(asked)
    drawn = len(found.law.theta_draws) > 0
    for name in _AMOUNTS:
        if name == "epochs" and "unique_samples" not in asked:
            continue
        for end in ("", "_low", "_high") if drawn else ("",):
            columns.setdefault(name + end, getattr(found, name + end))
    columns["extrapolation"] = found.extrapolation
    columns["status"] = [PlanStatus(int(code)).name for code in found.status]
    return columns


def _price_columns(
    found: Plan, asked: dict[str, np.ndarray], factors: np.ndarray
) -> dict[str, Any]:
    """Columns of the price of other sizes, a row for each question and factor."""
    price = found.deviations(factors)
    columns: dict[str, Any] = {
        name: np.repeat(values, len(factors)) for name, values in asked.items()
    }
    columns["factor"] = np.tile(factors, len(found.parameters))
    for name in ("parameters", "samples", "extra_training", "extra_total", "extra_loss"):
        columns.setdefault(name, getattr(price, name).ravel())
    return columns


@click.command("suggest", epilog=NUMBERS)
@LAW
@click.option(
    "--budget",
    type=Number("budget", exclusive=True),
    required=True,
    help="FLOPs for all pilots together.",
)
@click.option(
    "--target",
    type=Number("target", exclusive=True),
    required=True,
    help="FLOPs of the large run that is being planned.",
)
@click.option(
    "--quantity",
    type=click.Choice(QUANTITIES),
    default="loss",
    show_default=True,
    help="Whose interval to narrow: the least loss at the target, or its best N.",
)
@click.option(
    "--most-runs",
    type=Whole("most_runs", 1),
    default=24,
    show_default=True,
    help="Pilots, at most.",
)
@click.option(
    "--most-repeats",
    type=Whole("most_repeats", 1),
    default=3,
    show_default=True,
    help="Of one size, at most.",
)
@click.option(
    "--simulations",
    type=Whole("simulations", 0),
    default=48,
    show_default=True,
    help="Fits to simulated pilots behind the interval to expect.",
)
@options(SEED, FORMAT, PLOT)
def suggest_command(
    law: Path,
    budget: float,
    target: float,
    quantity: str,
    most_runs: int,
    most_repeats: int,
    simulations: int,
    seed: int | None,
    form: str,
    plot: Path | None,
) -> None:
    """Pilot runs that make the forecast of a larger run most certain for their cost.

    Example: scalecore suggest law.json --budget 1e20 --target 1e23 --plot pilots.png
    """
    design = suggest_runs(
        law_in(law),
        budget=budget,
        target=target,
        quantity=quantity,
        most_runs=most_runs,
        most_repeats=most_repeats,
        simulations=simulations,
        rng=seed,
        progress=sys.stderr.isatty(),
    )
    if design.status != DesignStatus.PLANNED:
        raise click.ClickException(f"no pilots: {_WHY[design.status]} ({design.status.name})")
    show(
        {name: getattr(design, name) for name in ("parameters", "samples", "repeats", "compute")},
        form,
    )
    now, then = (f"[{low:.4g}, {high:.4g}]" for low, high in (design.before, design.after))
    total = f"{len(design)} runs, {design.total_compute:.3g} FLOPs"
    click.echo(f"{total}; {quantity} at {target:g} FLOPs: {now} now, about {then} then", err=True)
    draw(plot, design.plot)
