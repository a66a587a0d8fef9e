"""Draws of a law: the fit repeated on resampled runs, in the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .._common.progress import bar
from ._certificate import jacobian
from ._evaluate import value_and_gradient

if TYPE_CHECKING:
    from ._centre import Array
    from ._problem import Problem

METHODS = ("auto", "pairs", "wild")
ENOUGH_CLUSTERS = 60  # from here on, drawing runs with replacement covers
_AT_A_TIME = 20_000
_NEAR = 1e-3  # residuals move by some thousandths from one resample to another


def chosen_method(method: str, problem: Problem) -> str:
    """Return how draws are made where the caller leaves it open."""
    if method != "auto":
        return method
    return "pairs" if problem.clusters >= ENOUGH_CLUSTERS else "wild"


def first_delta(problem: Problem) -> float:
    """Return where Huber's delta begins for a fit whose answer is near: not among absolute values."""
    return min(max(problem.delta, _NEAR), 1.0)


def draws_of(
    problem: Problem, theta: Array, count: int, method: str, key: int, *, progress: bool = False, n_threads: int = 0
) -> Array:
    """Return theta [draw, parameter] of `count` resamples; NaN where a minimisation failed."""
    fitted = residual = None
    if method == "wild":
        fitted, residual = _for_wild(problem, theta)
    parts = []
    with bar(count, progress, "resample") as show:
        for first in range(0, count, _AT_A_TIME):
            size = min(_AT_A_TIME, count - first)
            drawn, objective, gradient, _ = problem.engine.resample(
                theta,
                first,
                size,
                how=method,
                key=key,
                fitted=fitted,
                residual=residual,
                first_delta=first_delta(problem),
                n_threads=n_threads,
            )
            drawn[~(np.isfinite(objective) & (gradient < 1e-3))] = np.nan
            parts.append(drawn)
            show(size)
    return np.concatenate(parts)


def _for_wild(problem: Problem, theta: Array) -> tuple[Array, Array]:
    """Return the fitted ln L (or L) of each run, and residuals blown up for what the fit took from them.

    A cluster's residuals are divided by sqrt(1 - h), h its share of the fit's degrees of freedom
    (the trace of its block of the hat matrix, divided by its runs).
    """
    value, _ = value_and_gradient(problem.form, theta, problem.x)
    logs = problem.loss != "squared"
    fitted = np.log(value) if logs else value
    residual = problem.y - fitted if logs else np.exp(problem.y) - fitted
    J = jacobian(problem, theta)
    weight = np.ones(len(residual)) if problem.weight is None else problem.weight
    J = J * np.sqrt(weight)[:, None]
    U, s, _ = np.linalg.svd(J, full_matrices=False)
    leverage = (U[:, s > 1e-10 * s[0]] ** 2).sum(1)
    cluster = np.arange(len(residual)) if problem.cluster is None else problem.cluster
    runs = np.bincount(cluster)
    share = np.bincount(cluster, leverage) / np.maximum(runs, 1)
    return fitted, residual / np.sqrt(np.maximum(1 - share[cluster], 0.05))
