"""Rows of a table with the same N and D (and unique samples): one point, tried several times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_ODD = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)


@dataclass(frozen=True)
class Points:
    """Rows in an order in which those of one point are neighbours, and where points begin in it."""

    order: NDArray[np.intp]
    starts: NDArray[np.intp]

    def lowest(self, loss: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return for each row, in `order`, the lowest loss at its point."""
        if not loss.size:
            return loss
        least = np.minimum.reduceat(loss[self.order], self.starts)
        return np.repeat(least, np.diff(np.append(self.starts, loss.size)))

    def repeats(self, loss: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return the rows whose loss an earlier row at the same point has too."""
        sizes = np.diff(np.append(self.starts, loss.size))
        several = np.repeat(sizes > 1, sizes)
        rows, point = self.order[several], np.repeat(np.arange(sizes.size), sizes)[several]
        sorted_ = np.lexsort((rows, loss[rows], point))
        rows, point = rows[sorted_], point[sorted_]
        same = (point[1:] == point[:-1]) & (loss[rows[1:]] == loss[rows[:-1]])
        return np.sort(rows[1:][same])

    def best(self, loss: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return the first row with the lowest loss at each point, in the order of the rows."""
        lowest = np.flatnonzero(loss[self.order] == self.lowest(loss))
        point = np.searchsorted(self.starts, lowest, side="right")
        first = np.ones(lowest.size, bool)
        first[1:] = point[1:] != point[:-1]
        return np.sort(self.order[lowest[first]])


def points(columns: Sequence[NDArray[np.float64]]) -> Points:
    """Group rows that are the same in all columns (positive float64), three at most.

    One sort of a hash is several times faster than a sort by several columns. Two points of one
    hash (once in ten million tables of a million rows) might be taken apart, but never together.
    """
    hashed = np.zeros(columns[0].size, np.uint64)
    for column, odd in zip(columns, _ODD, strict=False):
        hashed = (hashed ^ column.view(np.uint64)) * odd
        hashed ^= hashed >> np.uint64(32)
    order = np.argsort(hashed, kind="stable")
    new = np.ones(order.size, bool)
    ordered = [column[order] for column in columns]
    new[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in ordered])
    return Points(order, np.flatnonzero(new))
