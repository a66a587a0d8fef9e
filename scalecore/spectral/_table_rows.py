"""Rows of a table: what the best fixed part of so many units describes.

A row is valid for any directions; rounding may only loosen it (partial sums of its largest
eigenvalues are proved to be nowhere above the exact ones). Rows grow: the partial sums of their
eigenvalues are nowhere below those of the row before, so that its bound is nowhere above
(docs/spectral.md); only the first two, one unit and the pair that makes linear functions, do not
compare. Where a row describes much more than the one before and some partial sum is a little lower,
it is those before that are lowered to it: that keeps them valid, as costs are concave, and loosens
them by little. To lower eigenvalues is to drop directions by chance, which raises what sticks feel
of the rounding of their directions, delta: with the eigenvalues delta changes too.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._common.progress import bar
from .._core import spectrum as _spectrum
from .._core.threads import default_threads
from ._directions import bits_of, symmetry_of, unspread

_EVERY = 64  # up to here each number of units has a row
_RATIO = 1.06  # of one row's units to the next's
_FEW = 256  # directions; with more, what does not grow is crowded, and dear to try again
_PATIENCE = 1.5, 1.05  # times the units of the last row that grew, of few directions and of many
_BATCH = (
    8,
    4,
)  # rows of few and of many directions that are built before it is asked whether they grow
_ALIASES = 512
# less than what rounding leaves of an eigenvalue in closed form; at equal angles, whose terms are
# positive and added pairwise, more is left (docs/spectral.md, section 12.1)
_CLOSED_FORM, _EQUAL_ANGLES = 1 - 1e-12, 1 - 2**-45
_YIELD = 0.05  # of what a row describes more, by which partial sums before may be lowered for it
_ALIKE = 0.02  # eigenvalues that share their mean

# units, eigenvalues (decreasing), how many coefficients have each, delta
Row = tuple[float, NDArray[np.float64], NDArray[np.float64], float]
# what a row describes of the even functions: eigenvalues, how many coefficients have each, and
# sum lambda_l P_l'(1) tr(P Pi_l)
Part = tuple[NDArray[np.float64], NDArray[np.float64], float]


def _counts(d: int, most_units: int) -> list[int]:
    """Return the numbers of fixed directions that have rows."""
    count_limit, forms = most_units - 2, d * (d + 1) // 2
    wanted = set(range(1, min(_EVERY, count_limit) + 1))
    count = float(_EVERY)
    while count < count_limit:
        wanted.add(int(count))
        count *= _RATIO
    wanted.update((d, count_limit))
    if forms <= count_limit:
        wanted.add(forms + (1 << bits_of(d, forms)) - 1)
    return sorted({_size_of_set(d, count) for count in wanted if 0 < count <= count_limit})


def _size_of_set(d: int, limit: int) -> int:
    """Return the largest number of directions, at most so many, that the symmetry they have can."""
    if limit <= d or d == 2:
        return limit
    count = symmetry_of(d, limit).count
    return count if count == limit else _size_of_set(d, count)


def first_rows(d: int) -> list[Row]:
    """Return the rows of no unit, of one, and of a pair, which tables of a dimension begin with."""
    low = _spectrum.spectrum(d, 64)
    even = np.exp(low[:, 0])  # lambda_0, lambda_2, lambda_4, ...
    single_copy = np.ones(1)
    linear = 1 / (4 * d)
    # variance that one unit max(u.x, 0) describes
    single = 2 * (float(np.sum(low[:, 2] * even)) + d * linear * linear)
    rows: list[Row] = [
        (0.0, np.empty(0), np.empty(0), 1.0),
        (1.0, np.array([single]), single_copy, 1.0),
    ]
    if d == 1:
        # at d = 1, max(x, 0) and max(-x, 0) describe every function
        rows.append((2.0, np.array([0.25]), 2 * single_copy, 0.0))
        return rows
    rows.append((2.0, np.array([linear]), np.array([float(d)]), 0.5))
    return rows


def build_rows(d: int, most_units: int, progress: bool) -> list[Row]:
    """Return the rows of a table, as far as rounding allows."""
    rows = first_rows(d)
    if most_units > 2 and d > 1:
        _add_even_parts(d, rows, _counts(d, most_units), progress)
    return rows[: most_units + 1]


def are_rows(d: int, rows: list[Row]) -> bool:
    """Whether these may be the rows of a table of this dimension: those of a file may be of another
    one, or not of a table.

    The engine reads them without another look; csrc/spectral/table.c asks the same of C's callers.
    """
    known = first_rows(d)
    if len(rows) < len(known) or (d == 1 and len(rows) > len(known)):
        return False
    for row, first in zip(rows, known, strict=False):
        mine, its = (np.array([one[0], one[3], *one[1], *one[2]]) for one in (row, first))
        if mine.shape != its.shape or not np.allclose(mine, its, rtol=1e-9, atol=0):
            return False
    units = np.array([row[0] for row in rows])
    return bool((np.diff(units) > 0).all() and units[-1] <= 1e15) and all(
        _is_row(*row) for row in rows[1:]
    )


def _is_row(
    units: float, values: NDArray[np.float64], copies: NDArray[np.float64], delta: float
) -> bool:
    """Whether these are variances, decreasing, of at most 1/2 in all."""
    return (
        values.ndim == copies.ndim == 1
        and values.dtype == copies.dtype == np.float64
        and 1 <= len(values) == len(copies)
        and bool((values >= 1e-100).all() and (np.diff(values) <= 0).all())
        and bool((copies >= 1).all() and (copies <= 1e15).all())
        and float(values @ copies) <= 0.5 + 1e-12
        and 0 <= delta <= 1
        and units == math.floor(units)
    )


def _add_even_parts(d: int, rows: list[Row], counts: list[int], progress: bool) -> None:
    with bar(
        sum(count**2 for count in counts), progress, "entries", f"table of input_dim {d}"
    ) as advance:
        first = 0
        while first < len(counts):
            batch = counts[first : first + max(_BATCH[counts[first] > _FEW], default_threads())]
            for count, part in zip(batch, _even_parts(d, batch), strict=True):
                row = None if part is None else _with_linear(2.0 + count, *part, d)
                if row is not None and _give_way(rows, row, d):
                    rows.append(_merge_close_eigenvalues(row, (rows[1], rows[-1]), d))
                elif count > _PATIENCE[count > _FEW] * rows[-1][0]:
                    advance(sum(count**2 for count in counts[first:]))
                    return  # directions crowd: rounding forbids rows with more of them
            advance(sum(count**2 for count in batch))
            first += len(batch)


def _with_linear(
    units: float,
    eigenvalues: NDArray[np.float64],
    copies: NDArray[np.float64],
    slope: float,
    d: int,
) -> Row:
    eigenvalues, copies = np.append(eigenvalues, 1 / (4 * d)), np.append(copies, float(d))
    order = np.argsort(-eigenvalues, kind="stable")
    return units, eigenvalues[order], copies[order], max(0.0, 0.5 - 2 * slope)


def _even_parts(d: int, counts: list[int]) -> list[Part | None]:
    """Return what the covariance, projected on the even parts of so many directions, has; None
    where rounding forbids.
    """
    sets = [unspread(d, symmetry_of(d, count)) for count in counts if count > d and d > 2]
    described = iter(_spectrum.fixed_parts(sets))
    parts: list[Part | None] = []
    for count in counts:
        if count <= d:
            parts.append(_orthonormal(d, count))
        else:
            parts.append(_circle(count) if d == 2 else _positive(next(described)))
    return parts


def described_by(d: int, directions: NDArray[np.float64]) -> Part | None:
    """Return the same of any directions (count, d)."""
    return _positive(
        _spectrum.fixed_parts([_spectrum.OrbitSet(directions, 0, (0,) * d, False, 0)])[0]
    )


def _positive(described: tuple[NDArray[np.float64], float] | None) -> Part | None:
    if described is None:
        return None
    values, slope = described
    values = np.ascontiguousarray(values[values > 0])
    return values, np.ones(len(values)), slope


def _orthonormal(d: int, count: int) -> Part:
    """Matrices with one number on the diagonal and one off it have two eigenvalues.

    Degree 0, which is nearly all of the covariance, is the same off the diagonal: without it their
    difference has all its digits.
    """
    (g, g_off), (h, h_off), (w, w_off) = (
        matrix[0] for matrix in _spectrum.even_kernels(float(d), np.eye(2))
    )
    high, high_off = _spectrum.even_kernels(float(d), np.eye(2), 2)[1][0]
    sums = g + (count - 1) * g_off
    together, slope = (h + (count - 1) * h_off) / sums, (w + (count - 1) * w_off) / sums
    if count > 1:
        slope += (count - 1) * (w - w_off) / (g - g_off)
    exact = np.array([together, (high - high_off) / (g - g_off)])[:count]
    copies = np.array([1.0, count - 1.0])[:count]
    # from d = 1e9 on degree 2 is too small a part to be counted; a projection has no more of it
    # than the whole
    positive = exact > 0
    most = np.maximum(exact, math.exp(_spectrum.spectrum(d, 2)[1, 0]))
    values = exact * _CLOSED_FORM
    lost = float(copies @ np.where(positive, 2 * (exact - values), most))
    least = values.min() if positive.all() else lost / count
    slope = slope * _CLOSED_FORM - _spectrum.slope_of_lost(d, least, lost)
    return values[positive], copies[positive], slope


def _circle(count: int) -> Part:
    """Return the same for equal angles in the plane, whose matrices are circulant: sums over the
    frequencies that look alike.
    """
    alias = np.arange(count)[:, None] + count * np.arange(-_ALIASES, _ALIASES + 1)
    weights = 2 / (math.pi * (4.0 * alias * alias - 1)) ** 2
    # an upper bound on what all other frequencies add
    beyond = 1.01 / (12 * math.pi**2 * float(count) ** 4 * (_ALIASES - 1.0) ** 3)
    gram = weights.sum(axis=1) + beyond
    # P_l'(1) = l^2, l = 2 |alias|
    slope = float(((2.0 * alias) ** 2 * weights**2).sum(axis=1) @ (1 / gram))
    values = np.sort((weights**2).sum(axis=1) / gram)[::-1] * _EQUAL_ANGLES
    # with all frequencies numerators are larger by at most beyond^2, and denominators smaller
    most = ((weights**2).sum(axis=1) + beyond**2) / weights.sum(axis=1)
    lost = float(most.sum() / _EQUAL_ANGLES - values.sum())
    slope = slope * _CLOSED_FORM - _spectrum.slope_of_lost(2, values[-1], lost)
    return values, np.ones(count), slope


def _lowered(
    row: Row, values: NDArray[np.float64], copies: NDArray[np.float64], lost: float, d: int
) -> Row:
    """Return a row with other eigenvalues, whose sum is smaller by `lost`."""
    delta = row[3] + 2 * _spectrum.slope_of_lost(d, row[1][-1], lost)
    return row[0], values, copies, min(1.0, delta)


def _give_way(rows: list[Row], row: Row, d: int) -> bool:
    """Whether a row grows, after those before have been lowered for it if that takes little."""
    # Each row dominates those before it: what dominates one of them dominates all before that one.
    first = len(rows)
    while first > 3 and not _dominates(row, rows[first - 1]):
        first -= 1
    if first == 3 and not all(_dominates(row, fixed) for fixed in rows[1:3]):
        return False
    above = range(first, len(rows))
    if not above:
        return True
    gain = float(np.sum(row[1] * row[2]) - np.sum(rows[-1][1] * rows[-1][2]))
    lowered: dict[int, Row] = {}
    for k in above:
        count = np.arange(1 + np.sum(rows[k][2]))
        sums, reached = _partial_sums(rows[k], count), _partial_sums(row, count)
        values = np.minimum.accumulate(np.diff(np.minimum(sums, reached)))
        rounding = len(values) * 2**-52  # more than that of all sums, which are below 1/2
        values[0] -= rounding
        if float(np.max(sums - reached)) > _YIELD * gain or values[-1] <= 0:
            return False
        lost = float(sums[-1] - np.sum(values)) + rounding
        alone = _lowered(rows[k], values, np.ones(len(values)), lost, d)
        below = rows[1], lowered.get(k - 1, rows[k - 1])
        lowered[k] = _merge_close_eigenvalues(alone, below, d)
    for k, given in lowered.items():
        rows[k] = given
    return _dominates(row, rows[-1])


def _partial_sums(row: Row, count: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sums of a row's so many largest eigenvalues."""
    corners = np.append(0.0, np.cumsum(row[2]))
    return np.interp(count, corners, np.append(0.0, np.cumsum(row[1] * row[2])))


def _merge_close_eigenvalues(row: Row, below: tuple[Row, ...], d: int) -> Row:
    """Let eigenvalues within 2 % of each other share their mean, which loosens bounds by some parts
    in 1e5 and saves sums.

    That must not hide that the row grows: if it does, the partial sums at the corners of those
    below are kept as well.
    """
    _, values, copies, _ = row
    for corners in ((), np.concatenate([np.cumsum(last[2]) for last in below])):
        groups = _groups(values, np.cumsum(copies), corners)
        counts = np.add.reduceat(copies, groups)
        sizes = np.diff([*groups, len(values)])
        # more than rounding does to a sum of so many, or to one before, which none may exceed
        share = np.maximum.accumulate(sizes + 4) * 2**-53
        means = np.add.reduceat(values * copies, groups) / counts
        means = np.minimum.accumulate(means * (1 - share))
        coarse = _lowered(row, means, counts, 3.01 * float(share @ (means * counts)), d)
        if all(_dominates(coarse, last) for last in below):
            return coarse
    return row


def _groups(
    values: NDArray[np.float64], counts: NDArray[np.float64], corners: ArrayLike
) -> list[int]:
    """Return where groups begin: at most 2 % wide, and none goes on past a number of eigenvalues
    that is kept.
    """
    ends = np.append(np.flatnonzero(_are_among(counts, np.sort(corners))) + 1, len(values))
    groups, at = [], 0
    while at < len(values):
        groups.append(at)
        close = int(np.searchsorted(-values, -values[at] * (1 - _ALIKE), side="right"))
        at = min(max(close, at + 1), int(ends[np.searchsorted(ends, at, side="right")]))
    return groups


def _are_among(numbers: NDArray[np.float64], some: NDArray[np.float64]) -> NDArray[np.bool_]:
    """`np.isin` for what is sorted; that loads more of NumPy than a first answer has time for."""
    if len(some) == 0:
        return np.zeros(len(numbers), bool)
    return some[np.minimum(np.searchsorted(some, numbers), len(some) - 1)] == numbers


def _dominates(row: Row, last: Row) -> bool:
    """Whether the partial sums of a row's eigenvalues are nowhere below another's."""
    # those of a row are concave in their number, so that only the corners of the lower need be
    # looked at
    reached = _partial_sums(row, np.cumsum(last[2]))
    return bool(np.all(reached >= np.cumsum(last[1] * last[2]) - 1e-16))
