"""Commands that simulate: what networks cannot express, and what training reaches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np

from .. import (
    EmpiricalStatus,
    NetworkPrior,
    TrainingRuns,
    misspecification,
    occupancy,
    train,
)
from ._options import (
    COST,
    FORMAT,
    MEASURING,
    NUMBERS,
    ONE_CONCENTRATION,
    PLOT,
    TRAINING,
    WHOLE_INPUT_DIM,
    Axis,
    Picture,
    learning,
    on_terminal,
    options,
    unwritable,
    whole_samples,
)
from ._output import draw, show


@click.command(epilog=NUMBERS)
@options(WHOLE_INPUT_DIM, ONE_CONCENTRATION, MEASURING, FORMAT, PLOT)
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
    draw(plot, measured.plot)


@click.command("train", epilog=NUMBERS)
@options(WHOLE_INPUT_DIM, ONE_CONCENTRATION, TRAINING)
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
        if (
            out is not None
        ):  # first of all: what follows may fail, if only because nobody reads any more
            runs.save(out)
            click.echo(f"wrote {out}", err=True)
    finally:
        tell(runs, budget, cost, form, plot)
    draw(curves, runs.plot)
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
    input_dim, whole = runs.input_dim, runs.widths
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
    if theory is not None:
        columns |= {"bound_width": theory.width, "bound_error": theory.error}
    columns["status"] = [EmpiricalStatus(int(code)).name for code in best.status]
    show(columns, form)
    low, high = best.exponent_interval
    click.echo(f"d log p*/d log C: {best.exponent:.3f} [{low:.3f}, {high:.3f}]", err=True)
    draw(plot, lambda: best.plot()[0])
