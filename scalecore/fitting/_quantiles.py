"""Intervals from draws."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from .._common.validation import fraction
from ._centre import Array


def checked_level(level: object) -> float:
    """Return the level of an interval, strictly between 0 and 1."""
    value = fraction("level", level)
    # Beyond these the tails, or the normal quantile that stands for them, are rounding.
    if not 1e-9 <= value <= 1 - 1e-12:
        raise ValueError(f"level must be between 1e-9 and 1 - 1e-12, got {value}")
    return value


def interval(draws: Iterable[Array], level: float) -> list[tuple[Array, Array]]:
    """Return the central interval of each array of draws [draw, ...].

    A draw that is NaN (a fit that failed, an optimum at infinity) could lie anywhere: half of such
    draws count as low and half as high, so that they widen the interval instead of vanishing.
    """
    tail = (1 - level) / 2
    ends = []
    for values in draws:
        lost = np.isnan(values)
        if lost.any():
            order = np.cumsum(lost, axis=0) % 2 == 0
            values = np.where(lost, np.where(order, -np.inf, np.inf), values)
        low, high = np.quantile(values, [tail, 1 - tail], axis=0, method="inverted_cdf")
        ends.append((low, high))
    return ends
