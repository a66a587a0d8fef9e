"""How far each run lies from a surface through the others, cheaply: for findings, not for answers.

The surface is L = E + A/N^alpha + B/D^beta. For given exponents it is linear in E, A and B, so a
grid of exponents with weighted least squares for each is enough (variable projection). First the
absolute deviations are made small, then those beyond six times the usual one no longer count at
all: runs that are far off do not pull the surface towards themselves.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEAST_RUNS = 12
_MOST_RUNS = 500  # the surface is fitted to so many runs; of more, to a random sample
_EXPONENTS = (0.05, 1.5)
_LARGEST_POWER = 40.0  # largest exponent times distance from the middle, in natural logarithms
_FARTHEST = np.log(1000.0)  # distances are cut to this, a factor of 1000
_CUT = 6.0  # runs further off than this many times the usual deviation are left out of the fit


def deviations(
    parameters: NDArray[np.float64], samples: NDArray[np.float64], loss: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Return how far log L of each run is from the surface, and how far it usually is."""
    u, v, y = (np.log(values) for values in (parameters, samples, loss))
    u, v, y = (values - np.median(values) for values in (u, v, y))
    y = np.clip(y, -30, 30)
    chosen = np.random.default_rng(0).choice(y.size, min(y.size, _MOST_RUNS), replace=False)
    alpha, beta, law = _surface(u[chosen], v[chosen], np.exp(y[chosen]))
    fitted = law @ np.stack([np.ones_like(u), np.exp(-alpha * u), np.exp(-beta * v)])
    distance = y - np.log(np.maximum(fitted, 1e-300))
    distance = np.clip(distance, -_FARTHEST, _FARTHEST)  # also where the surface is not positive
    return distance, 1.4826 * float(np.median(np.abs(distance)))


def _surface(
    u: NDArray[np.float64], v: NDArray[np.float64], loss: NDArray[np.float64]
) -> tuple[float, float, NDArray[np.float64]]:
    """Return alpha, beta and (E, A, B) of a robust fit."""
    grids = []
    for x in (u, v):
        steepest = min(_EXPONENTS[1], _LARGEST_POWER / max(np.abs(x).max(), 1e-9))
        grids.append(np.geomspace(steepest * _EXPONENTS[0] / _EXPONENTS[1], steepest, 10))
    alphas, betas = (grid.ravel() for grid in np.meshgrid(*grids))
    step, cut = np.log(grids[0][1] / grids[0][0]), None
    for _ in range(8):
        laws, objective, deviation = _linear_parts(alphas, betas, u, v, loss, cut)
        best = int(np.argmin(objective))
        alpha, beta = alphas[best], betas[best]
        if cut is None and step < 0.2:
            cut, step = _CUT * 1.4826 * float(np.median(deviation[best])), 4 * step
        step /= 2
        near = np.exp(step * np.array([-1.0, 0.0, 1.0]))
        alphas, betas = (grid.ravel() for grid in np.meshgrid(alpha * near, beta * near))
        alphas, betas = np.minimum(alphas, grids[0][-1]), np.minimum(betas, grids[1][-1])
    return float(alpha), float(beta), laws[best]


def _linear_parts(
    alphas: NDArray[np.float64],
    betas: NDArray[np.float64],
    u: NDArray[np.float64],
    v: NDArray[np.float64],
    loss: NDArray[np.float64],
    cut: float | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return (E, A, B), the objective and the relative deviations, for each pair of exponents."""
    powers = [
        np.ones((alphas.size, u.size)),
        np.exp(-np.outer(alphas, u)),
        np.exp(-np.outer(betas, v)),
    ]
    terms = np.stack(powers, axis=-1) / loss[:, None]
    weights = np.ones(terms.shape[:2])
    for _ in range(8):
        weighted = terms * weights[..., None]
        matrix = np.swapaxes(weighted, -1, -2) @ terms
        matrix += 1e-12 * np.trace(matrix, axis1=-2, axis2=-1)[:, None, None] * np.eye(3)
        laws = np.linalg.solve(matrix, weighted.sum(axis=-2)[..., None])[..., 0]
        deviation = np.abs(1 - (terms @ laws[..., None])[..., 0])
        if cut is None:
            usual = np.median(deviation, axis=-1, keepdims=True) + 1e-9
            weights = 1 / np.maximum(usual, deviation)
        else:
            weights = np.maximum(1 - np.square(deviation / (cut + 1e-9)), 0) ** 2 + 1e-9
    if cut is None:
        return laws, deviation.sum(axis=-1), deviation
    inside = np.maximum(1 - np.square(deviation / (cut + 1e-9)), 0)
    return laws, (1 - inside**3).sum(axis=-1), deviation
