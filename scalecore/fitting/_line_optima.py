"""The best point of each of many lines of equal compute: the isoFLOP method for learning curves.

Chinchilla's second approach, for lines that are read off curves at the same places: all lines at
once, resamples included. (`isoflop_profiles` has a table of runs, with places of their own.)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .._common.status import EmpiricalStatus
from ._lines import normal_equations

# a parabola goes through the points whose log error is at most this above the lowest
_NEAR = 0.35
_LEAST = 2  # at least so many points on either side of the lowest are in the parabola


def line_optima(
    x: NDArray[np.float64], lines: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int8]]:
    """Return for each line the vertex of a parabola through its lowest points.

    Parameters
    ----------
    x : ndarray, shape (points,)
        Increasing: logarithms of widths, for one.
    lines : ndarray, shape (..., points)
        Errors along lines of equal compute; the parabola goes through their logarithms. What is not
        finite or not positive is left out.

    Returns
    -------
    place, height : ndarray, shape (...)
        x and log error at the vertex. Where the lowest point is at an end of its line, that point;
        NaN where a line has less than three points.
    status : ndarray of int8, shape (...)
        `EmpiricalStatus`.
    """
    usable = np.isfinite(lines) & (lines > 0)
    y = np.where(usable, np.log(np.where(usable, lines, 1)), np.inf)
    number = np.arange(x.size)
    lowest = np.argmin(y, axis=-1)
    first, last = np.argmax(usable, axis=-1), x.size - 1 - np.argmax(usable[..., ::-1], axis=-1)
    status = np.where(
        lowest == first, EmpiricalStatus.AT_FEWEST_PARAMETERS, EmpiricalStatus.INTERIOR
    )
    status = np.where(lowest == last, EmpiricalStatus.AT_MOST_PARAMETERS, status)
    status = np.where(usable.sum(axis=-1) < 3, EmpiricalStatus.TOO_FEW_WIDTHS, status).astype(
        np.int8
    )

    at = lowest[..., None]
    centre, height = x[lowest], np.take_along_axis(y, at, axis=-1)[..., 0]
    near = (y <= height[..., None] + _NEAR) | (np.abs(number - at) <= _LEAST)
    vertex, depth = _vertex(x, y, usable & near, centre, height)
    three = usable & (np.abs(number - at) <= 1)
    low, high = (
        edge(np.where(usable & near, x, -side), axis=-1)
        for edge, side in ((np.min, -np.inf), (np.max, np.inf))
    )
    # a parabola through an asymmetric valley may have its vertex elsewhere
    outside = ~((vertex >= low) & (vertex <= high))
    narrow, narrow_depth = _vertex(x, y, three, centre, height)
    vertex, depth = np.where(outside, narrow, vertex), np.where(outside, narrow_depth, depth)
    interior = status == EmpiricalStatus.INTERIOR
    none = status == EmpiricalStatus.TOO_FEW_WIDTHS
    place = np.where(interior, vertex, np.where(none, np.nan, centre))
    return place, np.where(interior, depth, np.where(none, np.nan, height)), status


def _vertex(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    chosen: NDArray[np.bool_],
    centre: NDArray[np.float64],
    height: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return place and height of the vertex of a parabola through the chosen points of each line.

    By least squares; NaN where there are less than three points, or no minimum.
    """
    offset = np.where(np.isfinite(height), height, 0.0)
    v = np.where(chosen, y, offset[..., None]) - offset[..., None]
    matrix, moments = normal_equations(x - centre[..., None], v, chosen)
    too_few = chosen.sum(axis=-1) < 3
    matrix[too_few] = np.eye(3)
    c0, c1, c2 = np.moveaxis(np.linalg.solve(matrix, moments)[..., 0], -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        step = np.where((c2 > 0) & ~too_few, -c1 / (2 * c2), np.nan)
    return centre + step, offset + c0 + step * (c1 + step * c2)
