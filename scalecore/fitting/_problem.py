"""A table, a form and a loss as the engine's problem: centred logarithms, the box, clusters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .._core import fitting as _engine
from ._centre import Array, Centre, Covariates

if TYPE_CHECKING:
    from ._forms import Form
    from ._run_table import RunTable

LOSSES = ("huber", "log", "squared", "absolute")


@dataclass(frozen=True)
class Problem:
    """What is minimised: the runs in centred logarithms, and the engine's view of them."""

    form: Form
    x: Covariates
    y: Array
    weight: Array | None
    cluster: NDArray[np.intp] | None
    clusters: int
    loss: str
    delta: float
    engine: _engine.Problem

    @property
    def centre(self) -> Centre:
        """Means that were taken away."""
        assert self.x.centre is not None
        return self.x.centre


def centred(table: RunTable, form: Form) -> tuple[Covariates, Array]:
    """Return the covariates that a form reads of the runs, and the logarithms of their losses."""
    first = table.flops if "compute" in form.needs else table.parameters
    n, m, y = np.log(first), np.log(table.samples), np.log(table.loss)
    centre = Centre(*(float(part.mean()) if len(part) else 0.0 for part in (n, m, y)))
    unique = None
    if "unique_samples" in form.needs:
        given = table.samples if table.unique_samples is None else table.unique_samples
        unique = np.log(np.minimum(given, table.samples)) - centre.m
    return Covariates(n - centre.n, m - centre.m, unique, centre), y - centre.y


def problem_of(table: RunTable, form: Form, loss: str, delta: float, by: str) -> Problem:
    """Return the problem of a table, a form and a loss whose arguments have been checked."""
    form.refuse_mixture("the objective")
    x, y = centred(table, form)
    if form.on_runs is not None:
        low, high = form.on_runs(x)
        form = replace(form, low=low, high=high, made=None)
    cluster = (
        table.run_codes.astype(np.intp) if by == "run" and table.run_codes is not None else None
    )
    scale = {"huber": delta, "absolute": _engine.ALMOST_ABSOLUTE}.get(loss, np.inf)
    count = len(y) if cluster is None else int(cluster.max(initial=-1)) + 1
    engine = engine_problem(
        form,
        x,
        y,
        of_loss=loss == "squared",
        delta=scale,
        weight=table.weight,
        cluster=cluster,
        clusters=count,
    )
    return Problem(form, x, y, table.weight, cluster, count, loss, scale, engine)


def with_delta(problem: Problem, delta: float) -> Problem:
    """Return the same problem with another of Huber's deltas."""
    engine = engine_problem(
        problem.form,
        problem.x,
        problem.y,
        of_loss=problem.loss == "squared",
        delta=delta,
        weight=problem.weight,
        cluster=problem.cluster,
        clusters=problem.clusters,
    )
    return replace(problem, delta=delta, engine=engine)


def engine_problem(
    form: Form,
    x: Covariates,
    y: Array,
    *,
    of_loss: bool,
    delta: float,
    weight: Array | None,
    cluster: NDArray[np.intp] | None = None,
    clusters: int = 0,
    low: Array | None = None,
    high: Array | None = None,
) -> _engine.Problem:
    """Return the engine's problem; `low` and `high` replace the form's box."""
    function = None
    if form.code is None:
        gradient = form.gradient
        assert gradient is not None

        def function(theta: Array, first: int, stop: int) -> tuple[Array, Array]:
            value, slope = gradient(theta.T[:, None, :], x[first:stop])
            return value.T, slope.transpose(1, 2, 0)

    return _engine.Problem(
        _engine.FOREIGN if form.code is None else form.code,
        x.n,
        x.m,
        np.exp(y) if of_loss else y,
        of_loss=of_loss,
        delta=delta,
        low=np.array(form.low) if low is None else low,
        high=np.array(form.high) if high is None else high,
        weight=weight,
        cluster=cluster,
        clusters=clusters,
        function=function,
    )
