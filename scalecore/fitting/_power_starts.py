"""Where fits of sums of powers begin: the engine's variable projection over a grid of exponents."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .._core import fitting as _engine

if TYPE_CHECKING:
    from ._centre import Covariates

Array = NDArray[np.float64]


def power_law_starts(y: Array, n: Array, m: Array) -> Array:
    """Return starts [start, parameter] of E + e^(a - alpha n) + e^(b - beta m), best first.

    For every pair of exponents on a grid the best non-negative E, e^a and e^b are those of a linear
    least-squares problem in relative error, min sum (1 - (E + e^a x + e^b z)/L)^2 with
    x = e^(-alpha n), z = e^(-beta m). The grid's exponents are those for which a term falls by 0.2
    to 5 (as a logarithm) over the range of the runs, so they depend on the table only.
    """
    return _engine.starts(_engine.FORM_CODES["additive"], *map(np.ascontiguousarray, (y, n, m)))


def engine_starts(name: str) -> Callable[[Array, Covariates], Array]:
    """Return the `starts` of a form that the engine has: those of sums of powers, reparametrised.

    The coupled form's are the best few sums of powers, each with the coupling of the additive form
    and with sharper or softer ones.
    """
    code = _engine.FORM_CODES[name]

    def starts(y: Array, x: Covariates) -> Array:
        return _engine.starts(code, *map(np.ascontiguousarray, (y, x.n, x.m)))

    return starts


def nonnegative_least_squares(gram: Array, right: Array) -> tuple[Array, Array]:
    """Minimise x' G x / 2 - r' x over x >= 0 for a stack of problems in two unknowns."""
    ridge = 1e-12 * np.trace(gram, axis1=1, axis2=2)
    a, b, c = gram[:, 0, 0] + ridge, gram[:, 0, 1], gram[:, 1, 1] + ridge
    r, s = right.T
    zero = np.zeros_like(r)
    with np.errstate(divide="ignore", invalid="ignore"):
        both = np.stack([c * r - b * s, a * s - b * r], -1) / (a * c - b * b)[:, None]
        tries = np.stack([both, np.stack([r / a, zero], -1), np.stack([zero, s / c], -1)], 1)
    cost = -0.5 * (tries * right[:, None]).sum(-1)
    cost = np.where((tries >= 0).all(-1) & (cost < 0), cost, np.inf)
    least = cost.argmin(1)
    rows = np.arange(len(gram))
    found = np.isfinite(cost[rows, least])
    best = np.where(found[:, None], tries[rows, least], 0.0)
    return best, np.where(found, cost[rows, least], 0.0)
