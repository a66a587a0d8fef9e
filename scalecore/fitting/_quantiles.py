"""Intervals from draws."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from .._common.validation import fraction
from ._centre import Array

_AT_ONCE = 2**15  # draws of all points that are made at once


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


def interval_in_parts(
    drawn: Callable[[slice], Iterable[Array]], points: int, draws: int, level: float
) -> list[tuple[Array, Array]]:
    """Return the same of draws [draw, point] for many points, a part of the points at a time.

    So memory does not grow with draws times points, and a Ctrl-C is seen in between. `drawn` makes
    the arrays of draws of a part.
    """
    parts = [interval(drawn(part), level) for part in _parts(points, max(1, _AT_ONCE // draws))]
    return [
        (np.concatenate([low for low, _ in ends]), np.concatenate([high for _, high in ends]))
        for ends in zip(*parts, strict=True)
    ]


def _parts(points: int, step: int) -> Iterator[slice]:
    for first in range(0, max(points, 1), step):
        yield slice(first, first + step)
