"""`fit`: from a table of runs to a law with a certificate and draws."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .._common.validation import (
    boolean,
    one_of,
    positive_int,
    positive_number,
    stream_key,
    thread_count,
)
from .._core.fitting import (
    AGREES,
    FIRST_DELTAS,
    KINKED,
    MOST_ROUNDS,
    ROUNDED,
    STATIONARY,
    around,
)
from ._centre import Array, Centre
from ._certificate import Certificate, FitStatus, edges, judged, singular_values
from ._evaluate import value_and_gradient
from ._fitted_law import FittedLaw
from ._forms import FORMS, Form
from ._problem import LOSSES, Problem, problem_of
from ._resampling import METHODS, chosen_method, draws_of
from ._run_table import RunTable
from ._user_form import form_of

if TYPE_CHECKING:
    from .._common.annotations import Seed
    from ._user_form import AnyForm

MOST_RESAMPLES = 10_000_000


@np.errstate(all="ignore")
def fit(
    table: RunTable,
    form: AnyForm = "coupled",
    *,
    loss: str = "huber",
    delta: float = 1e-3,
    resamples: int = 1000,
    by: str = "run",
    intervals: str = "auto",
    rng: Seed = None,
    progress: bool = False,
    n_threads: int | None = None,
) -> FittedLaw:
    r"""Fit a law L(N, D) to training runs, with a certificate of the optimum and resampled draws.

    Minimises :math:`\sum_i w_i \rho_\delta(\ln L_i - \ln L(N_i, D_i))` with Huber's
    :math:`\rho_\delta(r) = r^2/2` up to δ and :math:`\delta(|r| - \delta/2)` beyond. The sum is
    over runs (not their mean), in centred logarithms, so no unit of N, D or L matters. Starts come
    from the table alone; δ falls to the one asked for, from 1 for half the starts and from about
    the size of the noise for the others; steps are Newton's with the exact Hessian. Where starts
    disagree, or few runs lie within δ, more of them look around and all over the domain.

    Parameters
    ----------
    table : RunTable
    form : str or object
        "additive", "tied", "coupled", "kaplan", "kaplan_offset", "compute"; for data read more than
        once "repeated" and "repeated_penalty", which need `unique_samples`; the papers' own law
        "jeon_vanroy"; or a form of your own (see `UserForm`).
    loss : {"huber", "log", "squared", "absolute"}
        Huber's loss of ln L; least squares of ln L; least squares of L; absolute values of ln L.
    delta : float, default 1e-3
        Huber's δ, in units of ln L. Only for ``loss="huber"``.
    resamples : int, default 1000
        Draws for intervals; 0 for none.
    by : {"run", "row"}
        What is drawn: whole runs where the table names them (checkpoints of one run are not
        independent), else rows.
    intervals : {"auto", "pairs", "wild"}
        How draws are made: runs or rows with replacement; or residuals times Webb's weights, one
        for each run or row (better where there are few). "auto" takes pairs from 60 on.
    rng : None, int, SeedSequence or Generator
    progress : bool
        Show a bar on standard error.
    n_threads : int, optional
        The answer does not depend on it.

    Returns
    -------
    FittedLaw
        Look at `status` first.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what it should be, or the form needs a column that the table lacks.

    Notes
    -----
    Source: Hoffmann et al. 2022, section 3.3, for the objective; the certificate and the solver are
    this library's own. A fit of 240 runs takes about a millisecond.

    Examples
    --------
    >>> import numpy as np
    >>> import scalecore as sc
    >>> N, D = (a.ravel() for a in np.meshgrid([1e8, 3e8, 1e9, 3e9], [2e9, 8e9, 3e10, 1e11]))
    >>> table = sc.RunTable(N, D, 1.8 + 480 / N**0.35 + 2100 / D**0.37)
    >>> law = sc.fit(table, "additive", resamples=0)
    >>> law.status.name, {name: round(value, 3) for name, value in law.values.items()}
    ('CONVERGED', {'E': 1.8, 'A': 480.0, 'alpha': 0.35, 'B': 2100.0, 'beta': 0.37})
    """
    if not isinstance(table, RunTable):
        raise TypeError(
            f"table must be a RunTable, got {type(table).__name__}: sc.RunTable(parameters, "
            "samples, loss)"
        )
    form = form_of(form, FORMS)
    loss, by = one_of("loss", loss, LOSSES), one_of("by", by, ("run", "row"))
    method = one_of("intervals", intervals, METHODS)
    delta = positive_number("delta", delta)
    resamples, show = resample_count(resamples), boolean("progress", progress)
    threads = thread_count(n_threads)
    key = stream_key(rng)
    if "unique_samples" in form.needs and table.unique_samples is None:
        raise ValueError(f"form {form.name!r} needs unique_samples, which the table does not have")
    if len(table) <= form.free:
        return _no_fit(table, form, loss, delta, by, key)
    problem = problem_of(table, form, loss, delta, by)
    theta, objective, certificate = minimise(problem, threads)
    status, reason = judged(problem, certificate)
    certificate = replace(certificate, reason=reason)
    method = chosen_method(method, problem)
    draws = np.empty((0, len(form.parameters)))
    if resamples and status in (FitStatus.CONVERGED, FitStatus.AT_EDGE):
        draws = draws_of(problem, theta, resamples, method, key, progress=show, n_threads=threads)
    if loss == "absolute":
        objective = _sum_of_sizes(problem, theta)
    return FittedLaw(
        table,
        problem.form,
        theta,
        problem.centre,
        loss,
        delta,
        objective,
        status,
        certificate,
        draws,
        method,
        by,
        key,
    )


def _sum_of_sizes(problem: Problem, theta: Array) -> float:
    residual = problem.y - np.log(value_and_gradient(problem.form, theta, problem.x)[0])
    return float(
        np.sum(np.abs(residual) if problem.weight is None else problem.weight * np.abs(residual))
    )


def resample_count(value: object) -> int:
    """Return how many resamples are wanted."""
    return positive_int("resamples", value, least=0, most=MOST_RESAMPLES)


def _no_fit(table: RunTable, form: Form, loss: str, delta: float, by: str, key: int) -> FittedLaw:
    """Return a law without numbers: there are too few runs for any."""
    nothing = np.full(len(form.parameters), np.nan)
    more = form.free + 1 - len(table)
    reason = f"{len(table)} runs for {form.free} parameters: add at least {more}"
    return FittedLaw(
        table=table,
        form=form,
        theta=nothing,
        centre=Centre(0.0, 0.0, 0.0),
        loss_function=loss,
        delta=delta,
        objective=np.nan,
        status=FitStatus.TOO_FEW_RUNS,
        certificate=Certificate(np.nan, 0, 0, np.inf, np.empty(0), (), 0, reason),
        theta_draws=np.empty((0, len(nothing))),
        intervals="none",
        by=by,
        key=key,
    )


def minimise(problem: Problem, n_threads: int = 0) -> tuple[Array, float, Certificate]:
    """Return the best theta, the objective there and its certificate (without a reason)."""
    form = problem.form
    starts = np.clip(form.starts(problem.y, problem.x), form.low, form.high)
    deltas = FIRST_DELTAS[np.arange(len(starts)) % len(FIRST_DELTAS)]
    found = Ends.of(problem, starts, deltas, n_threads)
    if found.agreed < max(2, (len(starts) + 1) // 2):
        found = found.and_from_around(problem, n_threads)
    if _kinked(problem, found.theta[found.best]):
        for _ in range(MOST_ROUNDS):
            before = found.objective[found.best]
            found = found.and_from_around(problem, n_threads)
            if not found.objective[found.best] < before - AGREES * abs(before):
                break
    best = found.best
    at = found.theta[best]
    values = singular_values(problem, at)
    smallest = values[-1] if len(values) else np.nan
    condition = float(values[0] / smallest) if smallest > 0 else np.inf
    certificate = Certificate(
        float(found.gradient[best]),
        len(found.objective),
        found.agreed,
        condition,
        values**2,
        edges(problem, at),
        int(found.passes[best]),
    )
    return at, float(found.objective[best]), certificate


@dataclass(frozen=True)
class Ends:
    """Where minimisations ended: [start, parameter] and [start]."""

    theta: Array
    objective: Array
    gradient: Array
    passes: NDArray[np.int32]

    @cached_property
    def _same(self) -> NDArray[np.bool_]:
        finite = self._finite
        least = finite.min()
        return finite <= least + AGREES * abs(least) + ROUNDED

    @property
    def _finite(self) -> Array:
        return np.where(np.isfinite(self.objective), self.objective, np.inf)

    @property
    def agreed(self) -> int:
        """How many ended at the least objective."""
        return int(self._same.sum())

    @cached_property
    def best(self) -> int:
        """The index of the least objective; of those that agree, of the most stationary."""
        gradient = np.where(np.isfinite(self.gradient), self.gradient, np.inf)
        best = int(np.argmin(np.where(self._same, gradient, np.inf)))
        return best if self.gradient[best] < STATIONARY else int(np.argmin(self._finite))

    @classmethod
    def of(cls, problem: Problem, starts: Array, first_deltas: Array, n_threads: int) -> Ends:
        """Minimise from the starts, each with a first delta of its own."""
        starts = np.ascontiguousarray(starts)
        return cls(*problem.engine.minimise(starts, first_delta=first_deltas, n_threads=n_threads))

    def and_from_around(self, problem: Problem, n_threads: int) -> Ends:
        """Return these and more, from starts near the best, farther away, and all over the box;
        the farther away, the larger the delta that they begin with.
        """
        form, count = problem.form, len(self.theta)
        starts = around(self.theta[self.best], np.array(form.low), np.array(form.high), count)
        deltas = FIRST_DELTAS[np.arange(len(starts)) % len(FIRST_DELTAS)]
        deltas[: len(starts) // 3] = 10 * min(problem.delta, 1.0)
        more = Ends.of(
            problem,
            starts,
            deltas,
            n_threads,
        )
        return Ends(
            np.concatenate([self.theta, more.theta]),
            np.concatenate([self.objective, more.objective]),
            np.concatenate([self.gradient, more.gradient]),
            np.concatenate([self.passes, more.passes]),
        )


def _kinked(problem: Problem, theta: Array) -> bool:
    """Tell whether the objective is, at theta, one of absolute values: hardly more runs within
    Huber's delta than there are parameters. Neighbouring corners can then both be minima, and
    starts from afar, which all follow the same least squares, end at one of them.
    """
    if not np.isfinite(problem.delta) or not np.isfinite(theta).all():
        return False
    value, _ = value_and_gradient(problem.form, theta, problem.x)
    with np.errstate(invalid="ignore"):
        residual = (
            np.exp(problem.y) - value if problem.loss == "squared" else problem.y - np.log(value)
        )
    return int((np.abs(residual) <= problem.delta).sum()) < KINKED * len(theta)
