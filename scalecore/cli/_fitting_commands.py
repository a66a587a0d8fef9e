"""The command that fits a law to a table of runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np

from ..fitting._allocation import AllocationStatus
from ..fitting._fit import fit
from ..fitting._fitted_law import FittedLaw
from ..fitting._forms import FORMS
from ..fitting._problem import LOSSES
from ..fitting._quantiles import checked_level
from ..fitting._resampling import METHODS
from ._options import (
    FORMAT,
    NUMBERS,
    PLOT,
    SEED,
    Axis,
    Number,
    Whole,
    options,
    refuse_overwriting,
    unwritable,
)
from ._output import draw, show
from ._table_options import READING, RUNS, as_options, read_runs

_AMOUNTS = ("parameters", "samples", "loss", "elasticity")


@click.command("fit", epilog=NUMBERS)
@RUNS
@options(READING)
@click.option(
    "--form",
    "law_form",
    type=click.Choice(list(FORMS)),
    default="coupled",
    show_default=True,
    help="Form of the law.",
)
@click.option(
    "--loss", type=click.Choice(LOSSES), default="huber", show_default=True, help="What is summed."
)
@click.option(
    "--delta",
    type=Number("delta", exclusive=True),
    default="1e-3",
    show_default=True,
    help="Huber's delta, in units of ln L.",
)
@click.option(
    "--resamples",
    type=Whole("resamples", 0, 10**7),
    default=1000,
    show_default=True,
    help="Draws behind each interval.",
)
@click.option(
    "--by",
    type=click.Choice(["run", "row"]),
    default="run",
    show_default=True,
    help="What is drawn: whole runs where the table names them, or rows.",
)
@click.option(
    "--intervals", type=click.Choice(METHODS), default="auto", show_default=True, help="How."
)
@click.option(
    "--level",
    type=Number("level", exclusive=True),
    default="0.95",
    show_default=True,
    help="Of intervals.",
)
@click.option(
    "-C",
    "--budget",
    type=Axis("budget", exclusive=True),
    help="FLOPs: print the best split of these budgets instead of the law's parameters.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep the law in a JSON file, for plan, suggest and report.",
)
@click.option("--progress", is_flag=True, help="Show a bar.")
@options(SEED, FORMAT, PLOT)
def fit_command(
    runs: Path,
    columns: tuple[str, ...],
    where: tuple[str, ...],
    loss_unit: str | None,
    drop_invalid: bool,
    law_form: str,
    loss: str,
    delta: float,
    resamples: int,
    by: str,
    intervals: str,
    level: float,
    budget: np.ndarray | None,
    out: Path | None,
    progress: bool,
    seed: int | None,
    form: str,
    plot: Path | None,
) -> None:
    """Fit a law L(N, D) to a table of RUNS, with a certificate of the optimum and intervals.

    Example: scalecore fit runs.csv --form additive -C 1e21:1e24:4 --out law.json --plot fit.png
    """
    if out is not None and (why := unwritable(out)):
        raise click.UsageError(f"--out: {why}")
    refuse_overwriting(out, runs)
    level = checked_level(level)
    table = read_runs(runs, columns, where, loss_unit, drop_invalid)
    law = fit(
        table,
        law_form,
        loss=loss,
        delta=delta,
        resamples=resamples,
        by=by,
        intervals=intervals,
        rng=seed,
        progress=progress,
    )
    click.echo(f"note: {table!r}", err=True)
    for finding in table.findings():
        click.echo(f"note: {as_options(str(finding))}", err=True)
    if out is not None:
        law.save(out)
    show(_parameters(law, level) if budget is None else _splits(law, budget, level), form)
    c = law.certificate
    why = f" ({c.reason})" if c.reason else ""
    click.echo(
        f"note: {law.status.name}{why}; {c.agreed} of {c.starts} starts agree, "
        f"scaled gradient {c.scaled_gradient:.1e}, objective {law.objective:.10g}",
        err=True,
    )
    draw(plot, law.plot)


def _parameters(law: FittedLaw, level: float) -> dict[str, Any]:
    """Return a row for each parameter."""
    low, high = zip(*law.interval(level).values(), strict=True)
    return {
        "parameter": list(law.form.parameters),
        "value": list(law.values.values()),
        "low": list(low),
        "high": list(high),
    }


def _splits(law: FittedLaw, budget: np.ndarray, level: float) -> dict[str, Any]:
    """Return a row for each budget."""
    best = law.compute_optimal(budget, level=level)
    columns: dict[str, Any] = {"budget": best.budget}
    for name in _AMOUNTS:
        for end in ("", "_low", "_high") if len(law.theta_draws) else ("",):
            columns[name + end] = getattr(best, name + end)
    columns["status"] = [AllocationStatus(int(status)).name for status in best.status]
    return columns
