"""Tables of strategies: for every number of units that the fixed part may take, the variances that it sends and what it leaves.

A row is valid for any directions; rounding may only loosen it (eigenvalues are lowered by their error). Rows grow: one is kept only
if its eigenvalues' partial sums are nowhere below those of the row before, so that its bound is nowhere above (docs/spectral.md);
only the first two, one unit and the pair that makes linear functions, do not compare.
"""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._core import spectral as _spectral
from ._directions import spread
from ._files import failure
from ._progress import bar
from ._table_files import FOLDER, Row, is_kept, load_rows, make_folder, named_folder, save_table

DEFAULT_UNITS = 2048
DEAREST_UNITS = 16384  # matrices of 2 GB
_EVERY = 64  # up to here each number of units has a row
_RATIO = 1.06  # of one row's units to the next's
_ATOMS_RATIO = 0.8  # of one row's residual to the next's, where the rest may draw atoms
_PATIENCE = 1.5  # times the units of the last row that grew
_ALIASES = 512

Part = tuple[
    NDArray[np.float64], NDArray[np.float64], float
]  # of even functions: eigenvalues, copies, sum lambda_l P_l'(1) tr P Pi_l


@dataclass(frozen=True, eq=False)
class SpectralTable:
    """What a fixed part of so many units describes, for one input dimension. Made by `spectral_table`.

    Attributes
    ----------
    input_dim : int
        The dimension d.
    units : ndarray, shape (rows,)
        Units of the fixed part, increasing from 0.
    residual : ndarray, shape (rows,)
        Mean square of F that the fixed part leaves: 1/2 less its eigenvalues.
    eigenvalues, copies : tuple of ndarray
        For each row the variances of its coefficients, decreasing, and how many have each.
    delta : ndarray, shape (rows,)
        Share of a direction's rounding that is seen beside the fixed part, 1 - 2 sum lambda_l P_l'(1) tr(P Pi_l).

    Examples
    --------
    >>> import scalecore as sc
    >>> table = sc.spectral_table(7, most_units=20)
    >>> table
    SpectralTable(input_dim 7, ... rows, up to 20 units, which leave 0.038 of 0.5)
    >>> table.eigenvalues[2], table.copies[2]
    (array([0.03571429]), array([7.]))
    """

    input_dim: int
    units: NDArray[np.float64]
    residual: NDArray[np.float64]
    eigenvalues: tuple[NDArray[np.float64], ...]
    copies: tuple[NDArray[np.float64], ...]
    delta: NDArray[np.float64]
    strategies: _spectral.Strategies = field(repr=False)

    def __repr__(self) -> str:
        return (
            f"SpectralTable(input_dim {self.input_dim}, {len(self.units)} rows, up to {self.units[-1]:.0f} units, "
            f"which leave {self.residual[-1]:.2g} of 0.5)"
        )


_TABLES: dict[int, tuple[SpectralTable, int]] = {}  # and the units asked for: where directions crowd, a table ends before
_BUILDING = threading.RLock()


def find_table(input_dim: float, most_units: int | None = None, cache: Path | None = None, progress: bool = False) -> SpectralTable:
    """Return the table of this process, building it (or a larger one, if asked for more units) where there is none yet.

    A `cache` that cannot keep the table is an error, if possible before it is built; a folder that the environment names, which may
    not be what the caller thinks of, a warning.
    """
    d = int(input_dim)
    with _BUILDING:
        table, asked = _TABLES.get(d, (None, 0))
        if table is None or (most_units or 0) > asked:
            table, asked = None, most_units or DEFAULT_UNITS
        folder = cache if cache is not None or table is not None else named_folder()
        if table is None and folder is not None:
            table = _read(folder, d, asked)
        keep = folder is not None and (table is None or not is_kept(folder, d, asked))
        refusal = _refusal(make_folder, folder) if keep else None
        if refusal is not None and cache is not None:
            raise failure(refusal, "cache must be a folder that can be made and written", cache) from refusal
        if table is None:
            table = _assemble(d, _rows(d, asked, progress))
        _TABLES[d] = table, asked
        if keep and refusal is None:
            refusal = _refusal(save_table, folder, table, asked)
        if refusal is not None and cache is not None:
            raise failure(refusal, "cache does not keep the table, only this process does", cache) from refusal
        if refusal is not None:
            reason = refusal.strerror or refusal
            text = f"{FOLDER} names {folder}, where tables cannot be kept, only in this process: {reason}"
            warnings.warn(text, RuntimeWarning, stacklevel=3)
        return table


def dims_with_tables(input_dims: ArrayLike) -> list[int]:
    """Return the different dimensions that have a table: whole ones, from 1 to 1e15."""
    dims = np.unique(input_dims)
    return [int(d) for d in dims[(dims == np.floor(dims)) & (dims >= 1) & (dims <= 1e15)]]


def share_table(d: int, folder: Path, progress: bool = False) -> None:
    """Put this process's table into a folder, for `adopt_table` in others; one that is there stays."""
    with _BUILDING:
        if _read(folder, d, DEFAULT_UNITS) is None:
            make_folder(folder)
            save_table(folder, find_table(d, progress=progress), DEFAULT_UNITS)


def adopt_table(d: int, folder: Path) -> None:
    """Take the table that a process shared, where this one has none and the folder has it."""
    with _BUILDING:
        table = None if d in _TABLES else _read(folder, d, DEFAULT_UNITS)
        if table is not None:
            _TABLES[d] = table, int(table.units[-1])


def _read(folder: Path, d: int, most_units: int) -> SpectralTable | None:
    rows = load_rows(folder, d, most_units)
    return None if rows is None else _assemble(d, rows)


def _refusal(call: Callable[..., None], *arguments: Any) -> OSError | None:
    try:
        call(*arguments)
    except OSError as error:
        return error
    return None


_spectral.TABLE_OF[0] = lambda d: find_table(d).strategies


# ---- rows ------------------------------------------------------------------------------------------------------------------------


def _counts(d: int, most_units: int) -> list[int]:
    """Return the numbers of fixed directions that have rows."""
    most = most_units - 2
    counts = set(range(1, min(_EVERY, most) + 1))
    count = float(_EVERY)
    while count < most:
        counts.add(int(count))
        count *= _RATIO
    counts.update(c for c in (d, d * (d + 1) // 2, most) if 0 < c <= most)
    return sorted(counts)


def _rows(d: int, most_units: int, progress: bool) -> list[Row]:
    low = _spectral.spectrum(d, 64)
    even = np.exp(low[:, 0])  # lambda_0, lambda_2, lambda_4, ...
    one = np.ones(1)
    linear = 1 / (4 * d)
    single = 2 * (float(np.sum(low[:, 2] * even)) + d * linear * linear)  # of max(u.x, 0), whose mean square is 1/2
    rows: list[Row] = [(0.0, np.empty(0), np.empty(0), 1.0), (1.0, np.array([single]), one, 1.0)]
    if d == 1:
        rows.append((2.0, np.array([0.25]), 2 * one, 0.0))  # max(x, 0) and max(-x, 0) are all there is
        return rows[: most_units + 1]
    rows.append((2.0, np.array([linear]), np.array([float(d)]), 0.5))
    if most_units > 2:
        counts = _counts(d, most_units)
        left = sum(count**2 for count in counts)
        with bar(left, progress, "entries", f"table of input_dim {d}") as advance:
            for count in counts:
                part = _even_part(d, count)
                row = None if part is None else _with_linear(2.0 + count, *part, d)
                if row is not None and _grows(row, rows[-1]) and _grows(row, rows[1]):
                    rows.append(row)
                elif count > _PATIENCE * rows[-1][0]:
                    advance(left)
                    break  # directions crowd beyond what rounding allows
                advance(count**2)
                left -= count**2
    return rows[: most_units + 1]


def _with_linear(units: float, eigenvalues: NDArray[np.float64], copies: NDArray[np.float64], slope: float, d: int) -> Row:
    eigenvalues, copies = np.append(eigenvalues, 1 / (4 * d)), np.append(copies, float(d))
    order = np.argsort(-eigenvalues, kind="stable")
    return units, eigenvalues[order], copies[order], max(0.0, 0.5 - 2 * slope)


def _even_part(d: int, count: int) -> Part | None:
    """Return what the covariance, projected on the even parts of `count` directions, has; None if rounding forbids."""
    if count <= d:
        return _orthonormal(d, count)
    return _circle(count) if d == 2 else _projected(d, spread(d, count))


def _orthonormal(d: int, count: int) -> Part:
    """Matrices with one number on the diagonal and one off it have two eigenvalues."""
    (g, g_off), (h, h_off), (w, w_off) = (matrix[0] for matrix in _spectral.even_kernels(float(d), np.eye(2)))
    sums = g + (count - 1) * g_off
    together, slope = (h + (count - 1) * h_off) / sums, (w + (count - 1) * w_off) / sums
    if count == 1:
        return np.array([together]), np.ones(1), slope
    values = np.array([together, (h - h_off) / (g - g_off)])
    return values, np.array([1.0, count - 1.0]), slope + (count - 1) * (w - w_off) / (g - g_off)


def _circle(count: int) -> Part:
    """Return the same for equal angles in the plane, whose matrices are circulant: sums over the frequencies that look alike."""
    alias = np.arange(count)[:, None] + count * np.arange(-_ALIASES, _ALIASES + 1)
    weights = 2 / (math.pi * (4.0 * alias * alias - 1)) ** 2
    beyond = 1.01 / (12 * math.pi**2 * float(count) ** 4 * (_ALIASES - 1.0) ** 3)  # at least what the other frequencies add
    gram = weights.sum(axis=1) + beyond
    slope = float(((2.0 * alias) ** 2 * weights**2).sum(axis=1) @ (1 / gram))  # P_l'(1) = l^2, l = 2 |alias|
    return np.sort((weights**2).sum(axis=1) / gram)[::-1], np.ones(count), slope


def _projected(d: int, directions: NDArray[np.float64]) -> Part | None:
    cosines = directions @ directions.T
    np.fill_diagonal(cosines, 1.0)
    gram, covariance, slopes = _spectral.even_kernels(float(d), cosines)
    try:
        inverse = np.linalg.inv(np.linalg.cholesky(gram))
    except np.linalg.LinAlgError:
        return None
    projected = inverse @ covariance @ inverse.T
    values = np.linalg.eigvalsh((projected + projected.T) / 2)[::-1]
    values = values - 2 * np.finfo(float).eps * np.abs(covariance).sum(axis=0).max() * _square_norm(
        inverse
    )  # what rounding may have added
    values = np.ascontiguousarray(values[values > 0])
    return values, np.ones(len(values)), float(np.sum(inverse * (inverse @ slopes))) * (1 - 1e-9)


def _square_norm(matrix: NDArray[np.float64]) -> float:
    """Return the largest eigenvalue of matrix' matrix, from below by a few per cent at most."""
    vector = np.ones(matrix.shape[1])
    for _ in range(12):
        vector = matrix.T @ (matrix @ (vector / np.linalg.norm(vector)))
    return float(np.linalg.norm(vector))


def _grows(row: Row, last: Row) -> bool:
    """Whether the partial sums of a row's eigenvalues are nowhere below another's."""
    # those of a row are concave in their number, so that only the corners of the lower need be looked at
    corners = np.cumsum(last[2])
    reached = np.interp(corners, np.append(0.0, np.cumsum(row[2])), np.append(0.0, np.cumsum(row[1] * row[2])))
    return bool(np.all(reached >= np.cumsum(last[1] * last[2]) - 1e-16))


def _assemble(d: int, rows: list[Row]) -> SpectralTable:
    units = np.array([row[0] for row in rows])
    eigenvalues, copies = tuple(row[1] for row in rows), tuple(row[2] for row in rows)
    residual = np.array([max(0.0, 0.5 - float(np.sum(m * c)) + 1e-16) for m, c in zip(eigenvalues, copies, strict=True)])
    if d == 1 and len(rows) == 3:
        residual[2] = 0.0
    atoms, last = [], math.inf
    for i, left in enumerate(residual):
        if 0 < left <= _ATOMS_RATIO * last or (left > 0 and i == len(units) - 1):
            atoms.append(i)
            last = left
    delta = np.array([row[3] for row in rows])
    rounding = np.maximum(np.maximum(residual, delta / 2), 1e-300)
    ratios = residual / rounding
    strategies = _spectral.Strategies(
        d, units, residual, eigenvalues, copies, atoms, rounding, _last_stick(d, ratios), _low_degrees(d)
    )
    return SpectralTable(d, units, residual, eigenvalues, copies, delta, strategies)


def _last_stick(d: int, ratio: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the root y > 0 of ratio e^y = 1 + y + 2 ln 2/d: a stick of mean square m pays if ln(m T tau/(4d)) is at least y."""
    level = 1 + 2 * math.log(2) / d
    y = 3 - np.log(np.maximum(ratio, 1e-300))
    for _ in range(100):  # convex from above: Newton's steps only fall
        y = y - (ratio * np.exp(np.minimum(y, 700)) - y - level) / np.maximum(ratio * np.exp(np.minimum(y, 700)) - 1, 0.1)
    return np.where(ratio > 0, np.maximum(y, 0), math.inf)


def _low_degrees(d: int) -> tuple[float, float, float, float, float]:
    """Return lambda_0, lambda_2, N_2, and sum N_l lambda_l P_l(t) over l >= 4 at t = 1 and at t = 0."""
    low = _spectral.spectrum(float(d), 2)
    if d == 1:
        return 0.25, 1.0, 0.0, 0.0, 0.0
    variance = np.exp(low[:, 0])
    orthogonal = 1 / (2 * math.pi) - variance[0] + low[1, 2] / (d - 1)
    return float(variance[0]), float(variance[1]), float(np.exp(low[1, 1])), float(low[1, 3]), max(0.0, float(orthogonal))
