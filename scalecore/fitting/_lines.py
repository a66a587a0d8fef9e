"""Parabolas and straight lines by weighted least squares, many at once, with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._student import student_quantile

_SINGULAR = 1e-12  # determinant of normal equations with a diagonal of ones


@dataclass(frozen=True)
class Parabola:
    """Weighted least squares of y = c0 + c1 u + c2 u^2, the powers along the last axis.

    `inverse` is that of the normal equations: the covariance of c, but for the variance of y.
    """

    c: NDArray[np.float64]
    inverse: NDArray[np.float64]

    @property
    def vertex(self) -> NDArray[np.float64]:
        """Place of the minimum; NaN where there is none below."""
        c1, c2 = self.c[..., 1], self.c[..., 2]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return np.where(c2 > 0, -c1 / (2 * c2), np.nan)

    def vertex_interval(self, variance: float, t: float) -> tuple[float, float]:
        """Where the vertex may lie, after Fieller: all v at which c1 + 2 c2 v may be zero.

        Exact for Gaussian errors. Infinite at both ends where c2 may be zero as well.
        """
        (_, c1, c2), V = self.c, self.inverse * variance * t**2
        square, linear, constant = 4 * (c2**2 - V[2, 2]), 4 * (c1 * c2 - V[1, 2]), c1**2 - V[1, 1]
        if not square > 0:
            return -np.inf, np.inf
        root = np.sqrt(max(linear**2 - 4 * square * constant, 0.0))
        return (-linear - root) / (2 * square), (-linear + root) / (2 * square)


def normal_equations(
    u: NDArray[np.float64], y: NDArray[np.float64], weight: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return matrix [..., 3, 3] and right side [..., 3, 1] of a parabola's least squares."""
    powers = np.stack([np.ones_like(u), u, u * u], axis=-1)
    weighted = np.swapaxes(powers * weight[..., None], -1, -2)
    return weighted @ powers, weighted @ y[..., None]


def parabola(
    u: NDArray[np.float64], y: NDArray[np.float64], weight: NDArray[np.float64]
) -> Parabola:
    """Fit parabolas through the points of the last axis; arrays broadcast, weight 0 leaves out.

    `u` should be centred and of size about 1. NaN where fewer than three different points weigh.
    """
    matrix, moments = normal_equations(u, y, weight)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.sqrt(np.einsum("...ii->...i", matrix))
        scaled = matrix / scale[..., None, :] / scale[..., None]
    inverse = _symmetric_inverse(scaled) / scale[..., None, :] / scale[..., None]
    return Parabola((inverse @ moments)[..., 0], inverse)


def _symmetric_inverse(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Invert 3 by 3 matrices with a diagonal of ones; NaN where they are singular."""
    a, b, c = matrix[..., 0, 1], matrix[..., 0, 2], matrix[..., 1, 2]
    rows = [
        [1 - c * c, b * c - a, a * c - b],
        [b * c - a, 1 - b * b, a * b - c],
        [a * c - b, a * b - c, 1 - a * a],
    ]
    adjugate = np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
    determinant = adjugate[..., 0, 0] + a * adjugate[..., 0, 1] + b * adjugate[..., 0, 2]
    safe = np.where(determinant > _SINGULAR, determinant, np.nan)
    return adjugate / safe[..., None, None]


@dataclass(frozen=True)
class Line:
    """Least squares of y on x, ready to be read anywhere; NaN for fewer than three points."""

    slope: float
    middle: float
    height: float
    freedom: int
    deviation: float
    sum_of_squares: float

    def at(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the line's height."""
        return self.height + self.slope * (x - self.middle)

    def margin(self, x: NDArray[np.float64], level: float) -> NDArray[np.float64]:
        """Return half the width of the line's confidence interval."""
        if self.freedom < 1:
            return np.full_like(x, np.nan)
        share = 1 / (self.freedom + 2) + np.square(x - self.middle) / self.sum_of_squares
        return student_quantile(level, self.freedom) * self.deviation * np.sqrt(share)

    def slope_margin(self, level: float) -> float:
        """Return half the width of the slope's confidence interval."""
        if self.freedom < 1:
            return np.nan
        return (
            student_quantile(level, self.freedom)
            * self.deviation
            / float(np.sqrt(self.sum_of_squares))
        )


def line(x: NDArray[np.float64], y: NDArray[np.float64]) -> Line:
    """Fit a straight line."""
    if x.size < 3 or np.ptp(x) == 0:
        return Line(np.nan, np.nan, np.nan, 0, np.nan, np.nan)
    middle, height = float(x.mean()), float(y.mean())
    u = x - middle
    sum_of_squares = float(u @ u)
    slope = float(u @ (y - height)) / sum_of_squares
    residual = y - height - slope * u
    deviation = float(np.sqrt(residual @ residual / (x.size - 2)))
    return Line(slope, middle, height, x.size - 2, deviation, sum_of_squares)


def straight_lines(
    x: NDArray[np.float64], y: NDArray[np.float64], middle: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit a straight line to each row of y, without its NaN: slopes, and heights at `middle`."""
    chosen = np.isfinite(y)
    count = chosen.sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = np.where(chosen, x, 0).sum(axis=-1) / count
        height = np.where(chosen, y, 0).sum(axis=-1) / count
        u = np.where(chosen, x - centre[..., None], 0)
        slope = (u * np.where(chosen, y, 0)).sum(axis=-1) / np.square(u).sum(axis=-1)
    slope = np.where(count >= 3, slope, np.nan)
    return slope, height + slope * (middle - centre)
