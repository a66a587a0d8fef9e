"""Draws of a law: the fit repeated on resampled runs, in the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .._common.progress import bar
from ._certificate import jacobian
from ._evaluate import value_and_gradient
from ._problem import with_delta

if TYPE_CHECKING:
    from ._centre import Array
    from ._problem import Problem

METHODS = ("auto", "pairs", "wild")
ENOUGH_CLUSTERS = 60  # with so many runs, intervals from drawing runs with replacement cover
_AT_A_TIME = 20_000
_SHARP_ENOUGH = (
    1e-5  # Huber's delta of draws: kinks a hundredth of the residuals wide do not show in them
)
# at least this share of a residual is kept, however much its run determines the fit
_LEAST_LEFT = 0.1
# E 1/|v| of Webb's six weights, +-sqrt(1/2), +-1, +-sqrt(3/2)
_INVERSE_WEBB = (np.sqrt(2) + 1 + np.sqrt(2 / 3)) / 3
_NEAR = 1e-3  # width of the window around 0: residuals move by so much from resample to resample


def chosen_method(method: str, problem: Problem) -> str:
    """Return how draws are made where the caller leaves it open."""
    if method != "auto":
        return method
    return "pairs" if problem.clusters >= ENOUGH_CLUSTERS else "wild"


def first_delta(problem: Problem) -> float:
    """Return where Huber's delta begins for a fit whose answer is near: not among absolute
    values.
    """
    return min(max(problem.delta, _NEAR), 1.0)


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
    if problem.delta < _SHARP_ENOUGH:
        problem = with_delta(problem, _SHARP_ENOUGH)
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
        residual = residual * _INVERSE_WEBB
    J = jacobian(problem, theta)
    weight = np.ones(len(residual)) if problem.weight is None else problem.weight
    root = np.sqrt(weight)
    U, s, _ = np.linalg.svd(J * root[:, None], full_matrices=False)
    return fitted, _without_own_pull(
        residual * root, U[:, s > 1e-10 * s[0]], problem.cluster
    ) / root


def _without_own_pull(residual: Array, basis: Array, cluster: NDArray[np.intp] | None) -> Array:
    """Return (1 - H_g)^-1 r_g for each cluster g, H_g = U_g U_g', U the basis of the fit's
    directions.
    """
    if cluster is None:
        return residual / np.maximum(1 - (basis**2).sum(1), _LEAST_LEFT)
    out = residual.copy()
    for rows in np.split(np.argsort(cluster, kind="stable"), np.cumsum(np.bincount(cluster))[:-1]):
        U = basis[rows]
        share, turn = np.linalg.eigh(U.T @ U)  # (1 - U U')^-1 = 1 + U (1 - U'U)^-1 U'
        seen = turn.T @ (U.T @ residual[rows])
        out[rows] += U @ (turn @ (seen / np.maximum(1 - share, _LEAST_LEFT)))
    return out
