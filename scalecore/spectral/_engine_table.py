"""A table's rows as the engine reads them: prefix sums, and what atoms and sticks beside them
need.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .._core import spectral as _spectral
from .._core import spectrum as _spectrum
from ._table_rows import Row

# rows beside which atoms are tried leave at most this share of what the row tried before leaves
_ATOMS_RATIO = 0.8
# of many sticks the mean of ln(size^2) is lower than ln of its mean by ln 2 + 2 Euler's constant
_MEAN_LOG_IS_LOWER = 1.8475785103630110
_SLANT = 1.7638757  # pi e^-(Euler's constant)
_READ_AHEAD = np.zeros(8)  # padding: the engine reads whole packs


def engine_table(d: int, rows: list[Row], residual: NDArray[np.float64]) -> _spectral.Strategies:
    """Lay out a table for the engine."""
    units = np.array([row[0] for row in rows])
    eigenvalues, copies = [row[1] for row in rows], [row[2] for row in rows]
    rounding = np.maximum(np.maximum(residual, np.array([row[3] for row in rows]) / 2), 1e-300)
    log_delta = np.log(np.maximum([row[3] for row in rows], 1e-300))
    last_polar, polar_rise = _last_polar(d, log_delta - np.log(np.maximum(residual, 1e-300)))
    arrays = {
        "units": units,
        "log_units": np.log(np.maximum(units, 0.5)),
        "residual": residual,
        "log_residual": np.log(np.maximum(residual, 1e-300)),
        "first": np.cumsum([0, *map(len, eigenvalues)], dtype=np.intp),
        "eigenvalue": np.concatenate([*eigenvalues, _READ_AHEAD]),
        "multiplicity": np.concatenate([*copies, _READ_AHEAD]),
        "copies": _before(copies),
        "logarithms": _before([c * np.log(m) for m, c in zip(eigenvalues, copies, strict=True)]),
        "rest": np.concatenate(
            [
                np.append(np.cumsum((m * c)[::-1])[::-1], 0.0)
                for m, c in zip(eigenvalues, copies, strict=True)
            ]
        ),
        "log_rounding": np.log(rounding),
        "last_stick": _last_stick(d, residual / rounding),
        "log_delta": log_delta,
        "last_polar": last_polar,
        "polar_rise": polar_rise,
        "atom_row": np.array([*_atom_rows(residual), 0], np.intp),
    }
    return _spectral.Strategies(d, arrays, _low_degrees(d))


def _before(columns: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return for each row the sums of its column before each entry, and all of it."""
    return np.concatenate([np.append(0.0, np.cumsum(column)) for column in columns])


def _atom_rows(residual: NDArray[np.float64]) -> list[int]:
    rows, last = [], math.inf
    for i, rest_of_row in enumerate(residual):
        if 0 < rest_of_row <= _ATOMS_RATIO * last or (rest_of_row > 0 and i == len(residual) - 1):
            rows.append(i)
            last = rest_of_row
    return rows


# ---- beside a row --------------------------------------------------------------------------------


def _last_stick(d: int, ratio: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the root y > 0 of ratio e^y = 1 + y + 2 ln 2/d: a stick of mean square m pays if ln(m
    T tau/(4d)) is at least y.
    """
    level = 1 + 2 * math.log(2) / d
    y = 3 - np.log(np.maximum(ratio, 1e-300))
    for _ in range(100):  # a convex function: after the first step Newton's iterates only fall
        y = y - (ratio * np.exp(np.minimum(y, 700)) - y - level) / np.maximum(
            ratio * np.exp(np.minimum(y, 700)) - 1, 0.1
        )
    return np.where(ratio > 0, np.maximum(y, 0), math.inf)


def _last_polar(
    d: int, log_ratio: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the root z of e^z = 1 + z + (d-1)(t + c e^(-t/2)), t = z + turn, or 0; and its
    derivative in `turn`: a polar stick of mean square m may pay if ln(m T rho/4) is at least z.

    `turn` is for the smallest angles that any concentration has (csrc/spectral/stick_strategy.h,
    last_polar_stick); log_ratio is ln(delta/rho).
    """
    low, high = np.zeros_like(log_ratio), np.full_like(log_ratio, 700.0)
    half, turn, cost_of_sign = (d - 1) / 2, log_ratio, 2 * math.log(2)
    if d > 1:
        turn = log_ratio + 1 + math.log(2) + 1 / half + math.log1p(-1 / d) - math.log(8 * half)
        turn = turn - _MEAN_LOG_IS_LOWER
    while float(np.max(high - low)) > 1e-9:
        z = 0.5 * (low + high)
        t = z + turn
        turning = 2 * half * (t + _SLANT * np.exp(-0.5 * np.maximum(t, -1400)))
        above = np.exp(z) > 1 + z + (turning if d > 1 else cost_of_sign)
        low, high = np.where(above, low, z), np.where(above, z, high)
    steep = 2 * half * (1 - 0.5 * _SLANT * np.exp(-0.5 * np.maximum(low + turn, -1400)))
    return low, steep / np.maximum(np.exp(low) - 1 - steep, 0.25 * np.exp(low))


def _low_degrees(d: int) -> tuple[float, float, float, float, float]:
    """Return lambda_0, lambda_2, N_2, and sum N_l lambda_l P_l(t) over l >= 4 at t = 1 and at t =
    0.
    """
    low = _spectrum.spectrum(float(d), 2)
    if d == 1:
        return 0.25, 1.0, 0.0, 0.0, 0.0
    variance = np.exp(low[:, 0])
    orthogonal = 1 / (2 * math.pi) - variance[0] + low[1, 2] / (d - 1)
    return (
        float(variance[0]),
        float(variance[1]),
        float(np.exp(low[1, 1])),
        float(low[1, 3]),
        max(0.0, float(orthogonal)),
    )
