"""`fit`: from a table of runs to a law with a certificate and draws."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._common.validation import choice, positive_number, stream_key, thread_count
from ._centre import Array, Centre
from ._certificate import AGREES, STATIONARY, Certificate, FitStatus, edges, judged, singular_values
from ._evaluate import value_and_gradient
from ._fitted_law import FittedLaw
from ._forms import FORMS, Form
from ._problem import LOSSES, Problem, problem_of
from ._resampling import METHODS, chosen_method, draws_of
from ._run_table import RunTable
from ._user_form import form_of

MOST_RESAMPLES = 10_000_000
_SPREAD = 0.25  # of the perturbed starts, in units of theta
_MORE_STARTS = 64
ROUNDED = 1e-24  # objectives this small are rounding errors: the law goes through every run


@np.errstate(all="ignore")
def fit(
    table: RunTable,
    form: str | Form | Any = "coupled",
    *,
    loss: str = "huber",
    delta: float = 1e-3,
    resamples: int = 1000,
    by: str = "run",
    intervals: str = "auto",
    rng: Any = None,
    progress: bool = False,
    n_threads: int | None = None,
) -> FittedLaw:
    r"""Fit a law L(N, D) to training runs, with a certificate of the optimum and resampled draws.

    Minimises :math:`\sum_i w_i \rho_\delta(\ln L_i - \ln L(N_i, D_i))` with Huber's
    :math:`\rho_\delta(r) = r^2/2` up to δ and :math:`\delta(|r| - \delta/2)` beyond. The sum is
    over runs (not their mean), in centred logarithms, so no unit of N, D or L matters. Starts come
    from the table alone; δ falls from 1 to the one asked for; steps are Newton's with the exact
    Hessian.

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
    this library's own. A fit of 240 runs takes under a millisecond.

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
    loss, by = choice("loss", loss, LOSSES), choice("by", by, ("run", "row"))
    method = choice("intervals", intervals, METHODS)
    delta = positive_number("delta", delta)
    resamples = resample_count(resamples)
    threads = thread_count(n_threads)
    key = stream_key(rng)
    if "unique_samples" in form.needs and table.unique_samples is None:
        raise ValueError(f"form {form.name!r} needs unique_samples, which the table does not have")
    if len(table) <= form.free:
        return _no_fit(table, form, loss, delta, by, key)
    problem = problem_of(table, form, loss, delta, by)
    theta, objective, certificate = minimise(problem, threads)
    status, reason = judged(problem, certificate)
    certificate = Certificate(**{**vars(certificate), "reason": reason})
    method = chosen_method(method, problem)
    draws = np.empty((0, len(form.parameters)))
    if resamples and status in (FitStatus.CONVERGED, FitStatus.AT_EDGE):
        draws = draws_of(
            problem, theta, resamples, method, key, progress=progress, n_threads=threads
        )
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
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"resamples must be a whole number, got {value!r}")
    if not 0 <= value <= MOST_RESAMPLES:
        raise ValueError(f"resamples must be from 0 to {MOST_RESAMPLES:,}, got {value}")
    return int(value)


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
    found = problem.engine.minimise(np.ascontiguousarray(starts), n_threads=n_threads)
    theta, objective, gradient, passes = found
    best, agree = _best(objective, gradient)
    if agree < max(2, (len(starts) + 1) // 2):
        more = _perturbed(problem, theta[best], _MORE_STARTS)
        again = problem.engine.minimise(more, n_threads=n_threads)
        theta, objective, gradient, passes = (
            np.concatenate(pair) for pair in zip(found, again, strict=True)
        )
        best, agree = _best(objective, gradient)
    at = theta[best]
    values = singular_values(problem, at)
    smallest = values[-1] if len(values) else np.nan
    condition = float(values[0] / smallest) if smallest > 0 else np.inf
    certificate = Certificate(
        float(gradient[best]),
        len(objective),
        agree,
        condition,
        values**2,
        edges(problem, at),
        int(passes[best]),
    )
    return at, float(objective[best]), certificate


def _best(objective: Array, gradient: Array) -> tuple[int, int]:
    """Return the index of the least objective (of those that agree, the most stationary), and how
    many agree.
    """
    finite = np.where(np.isfinite(objective), objective, np.inf)
    least = finite.min()
    same = finite <= least + AGREES * abs(least) + ROUNDED
    best = int(
        np.flatnonzero(same)[np.argmin(np.where(np.isfinite(gradient), gradient, np.inf)[same])]
    )
    if gradient[best] >= STATIONARY:
        best = int(np.argmin(finite))
    return best, int(same.sum())


def _perturbed(problem: Problem, theta: Array, count: int) -> Array:
    """Return starts around theta, at several distances; always the same ones."""
    steps = np.random.default_rng(0).standard_normal((count, len(theta)))
    steps *= _SPREAD * 2.0 ** (np.arange(count) % 6 - 2)[:, None]
    around = theta * (1 + 0.5 * np.tanh(steps)) + np.where(
        theta == 0, 0.1 * np.abs(steps), 0.2 * steps
    )
    return np.ascontiguousarray(np.clip(around, problem.form.low, problem.form.high))
