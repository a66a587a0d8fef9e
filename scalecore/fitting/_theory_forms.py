"""The papers' own law on real runs: a width-n network that learns a function of the prior.

L(N, D) = E + s error_bound(N/d, D; d, K), with the input dimension d, the concentration K, and a
scale s from the bound's binary labels to the losses of the runs.
"""

from __future__ import annotations

import itertools

import numpy as np

from ..bounds import error_bound, occupancy, optimal_resolution
from ._centre import Array, Centre, Covariates
from ._form import FLOOR, OFFSET, Form, bounded_exp, box
from ._power_starts import nonnegative_least_squares

_SCALE = (-60.0, 60.0)  # ln s, relative to the loss
_DIMENSION = (0.0, 35.0)  # ln d
_CONCENTRATION = (-14.0, 60.0)  # ln K
_STARTS = 8
_LEAST_SHARE = 1e-3
_AT_ONE = 1e-9  # at d = smallest N the width is 1, up to this relative rounding error
_SHIFT = 12  # from this argument on the asymptotic series of the trigamma has all digits


def trigamma(z: Array) -> Array:
    """Return the second derivative of ln Gamma for z > 0."""
    z = np.asarray(z, float)
    total = np.zeros_like(z)
    small = z < _SHIFT
    if small.any():
        steps = np.arange(_SHIFT)
        total[small] = ((z[small][..., None] + steps) ** -2.0).sum(-1)
        z = np.where(small, z + _SHIFT, z)
    x = 1 / z
    x2 = x * x
    series = 1 / 30 - x2 * (5 / 66 - x2 * (691 / 2730 - x2 * 7 / 6))
    series = x * (1 + x * (0.5 + x * (1 / 6 - x2 * (1 / 30 - x2 * (1 / 42 - x2 * series)))))
    return total + series


def _arguments(theta: Array, x: Covariates) -> tuple[Array, ...]:
    """Return E, s, width, samples, d and K, width and samples at least 1."""
    E, log_s, log_d, log_K = np.moveaxis(theta, -1, 0)
    assert x.centre is not None
    n = bounded_exp(np.maximum(x.n + x.centre.n - log_d, 0.0))
    T = bounded_exp(np.maximum(x.m + x.centre.m, 0.0))
    return E, bounded_exp(log_s), n, T, bounded_exp(log_d), bounded_exp(log_K)


def _bound(theta: Array, x: Covariates) -> Array:
    """Return the law; below a width of one unit, where no fit goes, K/(16 n) rises on."""
    E, s, n, T, d, K = _arguments(theta, x)
    assert x.centre is not None
    short = np.maximum(theta[..., 2] - x.n - x.centre.n, 0.0)
    return E + s * (error_bound(n, T, d, K) + K / 16 * np.expm1(np.minimum(short, 300.0)))


def _bound_gradient(theta: Array, x: Covariates) -> tuple[Array, Array]:
    """Return values and derivatives; the best resolution counts as constant (envelope theorem)."""
    E, s, n, T, d, K = _arguments(theta, x)
    assert x.centre is not None
    value, e, U = error_bound(n, T, d, K), optimal_resolution(n, T, d, K), occupancy(n, K)
    log_net = np.log1p(2 / e)
    bits = (np.log(2 * n) + d * log_net) / T  # what one unit costs, for each sample
    higher, lower = trigamma(K + n), trigamma(K)
    by_log_n = n * K * higher * bits + U / T - K / (16 * n)
    within = x.n + x.centre.n - theta[..., 2] > -_AT_ONE
    by_log_d = U * d * log_net / T - np.where(within, by_log_n, 0.0)  # N/d falls as d rises
    by_log_K = K / (16 * n) + (U + K * K * (higher - lower)) * bits
    columns = (np.ones_like(value), s * value, s * by_log_d, s * by_log_K)
    return E + s * value, np.stack(np.broadcast_arrays(*columns), -1)


def _bound_values(theta: Array, centre: Centre) -> Array:
    unit = np.exp(centre.y)
    E, log_s, log_d, log_K = np.moveaxis(theta, -1, 0)
    return np.stack([E * unit, np.exp(log_s) * unit, np.exp(log_d), np.exp(log_K)], -1)


def _bound_theta(values: Array, centre: Centre) -> Array:
    E, s, d, K = np.moveaxis(values, -1, 0)
    unit = np.exp(-centre.y)
    return np.stack([E * unit, np.log(s * unit), np.log(d), np.log(K)], -1)


def _bound_starts(y: Array, x: Covariates) -> Array:
    """Return the best E and s for d and K on a grid that spans the runs' N and D."""
    assert x.centre is not None
    smallest, largest = float(x.n.min() + x.centre.n), float(x.n.max() + x.centre.n)
    log_d = np.linspace(0.0, max(smallest, 1.0), 7)
    log_K = np.linspace(0.0, max(largest, 1.0) + 6.0, 12)
    grid = np.array([[0.0, 0.0, d, K] for d, K in itertools.product(log_d, log_K)])
    shape = _bound(grid[:, None, :], x)
    unit = shape.mean(-1, keepdims=True)
    inverse = np.exp(-y)
    design = np.stack([np.broadcast_to(inverse, shape.shape), shape / unit * inverse], 1)
    coefficients, cost = nonnegative_least_squares(
        design @ design.transpose(0, 2, 1), design.sum(-1)
    )
    grid[:, 0] = np.maximum(coefficients[:, 0], _LEAST_SHARE)
    grid[:, 1] = np.log(np.maximum(coefficients[:, 1], _LEAST_SHARE) / unit[:, 0])
    return grid[np.argsort(cost, kind="stable")[:_STARTS]]


def _bound_box(x: Covariates) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the box in which every run has a width of at least one unit: d <= N."""
    assert x.centre is not None
    ends = box(OFFSET, _SCALE, (0.0, max(float(x.n.min() + x.centre.n), 1e-3)), _CONCENTRATION)
    return ends["low"], ends["high"]


THEORY_FORMS = (
    Form(
        name="jeon_vanroy",
        formula="E + s error_bound(N/d, D; d, K)",
        source="Jeon and Van Roy 2024 (arXiv 2407.01456), Corollary 4.1, with the constants of "
        "this library",
        parameters=("E", "s", "d", "K"),
        meanings=(
            FLOOR,
            "scale of the bound",
            "input dimension",
            "concentration: latent complexity",
        ),
        **box(OFFSET, _SCALE, _DIMENSION, _CONCENTRATION),
        exponents=("d", "K"),
        loss=_bound,
        starts=_bound_starts,
        to_values=_bound_values,
        to_theta=_bound_theta,
        gradient=_bound_gradient,
        coordinates=(("E", 0), ("d", 2), ("K", 3)),
        on_runs=_bound_box,
    ),
)
