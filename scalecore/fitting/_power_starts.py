"""Where fits begin: variable projection over a grid of exponents that the table itself spans."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# What a term e^(-alpha n) falls by over the runs, as a logarithm: from hardly at all to a factor of
# 150.
_FALLS = np.array([0.2, 0.6, 1.2, 2.4, 5.0])
_STARTS = 8  # minimisations that run side by side in one pack
_FARTHEST = 150.0  # log losses beyond this would make squares infinite, and no start better
_LEAST_SHARE = 1e-3  # of the loss: a start must be able to move away from nothing


def power_law_starts(y: Array, *logarithms: Array) -> Array:
    """Return starts [start, parameter] of E + e^(a - alpha n) (+ e^(b - beta m)), best first.

    For every pair of exponents on a grid the best non-negative E, e^a and e^b are those of a linear
    least-squares problem in relative error, min sum (1 - (E + e^a x + e^b z)/L)^2 with
    x = e^(-alpha n), z = e^(-beta m). The grid's exponents are those for which a term falls by 0.2
    to 5 (as a logarithm) over the range of the runs, so they depend on the table only.
    """
    exponents = [_FALLS / max(np.ptp(log), 1e-3) for log in logarithms]
    inverse = np.exp(-np.clip(y, -_FARTHEST, _FARTHEST))
    columns = [
        np.exp(-np.outer(e, log)) * inverse for e, log in zip(exponents, logarithms, strict=True)
    ]
    grid = np.array(list(itertools.product(*(range(len(e)) for e in exponents))))
    design = np.stack(
        [
            np.broadcast_to(inverse, (len(grid), len(y))),
            *(c[i] for c, i in zip(columns, grid.T, strict=True)),
        ],
        1,
    )
    gram, right = design @ design.transpose(0, 2, 1), design.sum(-1)
    coefficients, cost = nonnegative_least_squares(gram, right)
    best = np.argsort(cost, kind="stable")[:_STARTS]
    offset, *terms = np.maximum(coefficients[best], _LEAST_SHARE).T
    pairs = [(np.log(t), e[i]) for t, e, i in zip(terms, exponents, grid[best].T, strict=True)]
    return np.stack([offset, *itertools.chain.from_iterable(pairs)], -1)


def nonnegative_least_squares(gram: Array, right: Array) -> tuple[Array, Array]:
    """Minimise x' G x / 2 - r' x over x >= 0 for a stack of small problems, by trying every
    support.
    """
    size = gram.shape[-1]
    best, least = np.zeros_like(right), np.zeros(len(right))
    ridge = 1e-12 * np.trace(gram, axis1=1, axis2=2)[:, None, None] * np.eye(size)
    for support in itertools.product((False, True), repeat=size):
        chosen = np.flatnonzero(support)
        if not len(chosen):
            continue
        part = np.ix_(range(len(gram)), chosen, chosen)
        x = np.linalg.solve((gram + ridge)[part], right[:, chosen, None])[..., 0]
        cost = -0.5 * (x * right[:, chosen]).sum(-1)
        better = (x >= 0).all(-1) & (cost < least)
        full = np.zeros_like(best)
        full[:, chosen] = x
        best[better], least[better] = full[better], cost[better]
    return best, least
