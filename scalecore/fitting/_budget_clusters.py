"""Runs of about one compute budget, found by a relative tolerance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def budget_clusters(log_compute: NDArray[np.float64], width: float) -> NDArray[np.int64]:
    """Return the number of each run's budget, from the smallest, no wider than `width`.

    The interval of that width that holds the most runs is a budget, then among the rest the next
    one: so a budget that was not kept to exactly is not cut in two by where intervals begin.
    """
    order = np.argsort(log_compute, kind="stable")
    x = log_compute[order]
    # allowance for rounding in cost * N * D
    slack = 1e-12 * max(1.0, float(np.abs(x).max(initial=0.0)))
    starts = np.zeros(x.size, bool)  # where a budget begins
    free = [(0, x.size)]  # stretches that are not divided into budgets yet
    while free:
        first, last = free.pop()
        starts[first:last][:1] = True
        ends = np.searchsorted(x[first:last], x[first:last] + width + slack, side="right")
        counts = ends - np.arange(last - first)
        largest = int(counts.max(initial=0))
        if largest <= 1:
            starts[first:last] = True
            continue
        done = 0
        for start in np.flatnonzero(counts == largest).tolist():
            if start >= done:
                free.append((first + done, first + start))
                starts[first + start] = True
                done = start + largest
        free.append((first + done, last))
    out = np.empty(x.size, np.int64)
    out[order] = np.cumsum(starts) - 1
    return out
