"""Draws of a law: the fit repeated on resampled runs, in the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .._common.progress import bar
from .._core.fitting import (
    ENOUGH_CLUSTERS,
    FAILED,
    INVERSE_WEBB,
    LEAST_LEFT,
    NEAR,
    SHARP_ENOUGH,
    UNSEEN,
)
from ._certificate import jacobian
from ._evaluate import value_and_gradient
from ._problem import with_delta

if TYPE_CHECKING:
    from ._centre import Array
    from ._problem import Problem

METHODS = ("auto", "pairs", "wild")
_AT_A_TIME = 20_000


def chosen_method(method: str, problem: Problem) -> str:
    """Return how draws are made where the caller leaves it open."""
    if method != "auto":
        return method
    return "pairs" if problem.clusters >= ENOUGH_CLUSTERS else "wild"


def first_delta(problem: Problem) -> float:
    """Return where Huber's delta begins for a fit whose answer is near: not among absolute
    values.
    """
    return min(max(problem.delta, NEAR), 1.0)


def draws_of(
    problem: Problem,
    theta: Array,
    count: int,
    method: str,
    key: int,
    *,
    progress: bool = False,
    n_threads: int = 0,
) -> Array:
    """Return theta [draw, parameter] of `count` resamples; NaN where a minimisation failed."""
    if problem.delta < SHARP_ENOUGH:
        problem = with_delta(problem, SHARP_ENOUGH)
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
            drawn[~(np.isfinite(objective) & (gradient < FAILED))] = np.nan
            parts.append(drawn)
            show(size)
    return np.concatenate(parts)


def _for_wild(problem: Problem, theta: Array) -> tuple[Array, Array]:
    """Return the fitted ln L (or L) of each run, and residuals to multiply by random weights.

    A fit of absolute values (Huber's loss with a small delta is nearly one) goes exactly through as
    many runs as it has parameters, and its spread follows from the density of the residuals at
    zero, not from their variance. So residuals are those of least squares, which has no such runs;
    and where most of them lie in the linear part of the loss they are multiplied by E 1/|v|, v a
    weight, because v r has that much more density at zero than r.

    The residuals r of a cluster become (1 - H)^-1 r, H its block of the hat matrix: what they would
    be in a fit without the cluster, to first order (the jackknife's correction).
    """
    value, _ = value_and_gradient(problem.form, theta, problem.x)
    logs = problem.loss != "squared"
    fitted = np.log(value) if logs else value
    smooth = theta
    if np.isfinite(problem.delta):
        squares = with_delta(problem, np.inf)
        smooth = squares.engine.minimise(theta[None], n_threads=1)[0][0]
    at_smooth, _ = value_and_gradient(problem.form, smooth, problem.x)
    residual = problem.y - np.log(at_smooth) if logs else np.exp(problem.y) - at_smooth
    if problem.delta < np.median(np.abs(residual)):
        residual = residual * INVERSE_WEBB
    J = jacobian(problem, theta)
    weight = np.ones(len(residual)) if problem.weight is None else problem.weight
    root = np.sqrt(weight)
    U, s, _ = np.linalg.svd(J * root[:, None], full_matrices=False)
    return fitted, _without_own_pull(
        residual * root, U[:, s > UNSEEN * s[0]], problem.cluster
    ) / root


def _without_own_pull(residual: Array, basis: Array, cluster: NDArray[np.intp] | None) -> Array:
    """Return (1 - H_g)^-1 r_g for each cluster g, H_g = U_g U_g', U the basis of the fit's
    directions.
    """
    if cluster is None:
        return residual / np.maximum(1 - (basis**2).sum(1), LEAST_LEFT)
    out = residual.copy()
    for rows in np.split(np.argsort(cluster, kind="stable"), np.cumsum(np.bincount(cluster))[:-1]):
        U = basis[rows]
        share, turn = np.linalg.eigh(U.T @ U)  # (1 - U U')^-1 = 1 + U (1 - U'U)^-1 U'
        seen = turn.T @ (U.T @ residual[rows])
        out[rows] += U @ (turn @ (seen / np.maximum(1 - share, LEAST_LEFT)))
    return out
