"""Well-spread directions, the same on every machine; and sets of them with a symmetry, from which
large rows of a table are built.

Only + - * / and roots in a fixed order enter, and sums that are rounded once: descent on an energy
is chaotic, so one different bit would end at a different set. The engine descends
(csrc/spectral/directions.c); here it is decided where from, and with which symmetry.

A set with a symmetry consists of orbits of a group of sign changes of the coordinates. It leaves
within some 2 % of what one without leaves (docs/spectral.md), while its descent and its matrices
cost a fraction: those of one representative for each orbit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .._common.validation import enough_memory, input_dimension, positive_int
from .._core import spectrum as _spectrum

_STEPS = 200
_WORK = 2e10  # operations that one set without symmetry is worth
_GRID = 2.0**45  # cosines may differ in their last bit between machines: rounded they do not
_MOST_BITS = 5
_LEAST_SHARE = 0.33  # of the coordinates, to be changed or left: with fewer it is nearly a mirror
_GOOD_SHARE = 0.36  # with fewer a set wants twice as many orbits
_LEAST_ORBITS = 64
_AT_ONCE = 2**19  # numbers that NumPy makes in some milliseconds
_CHEAP = 1024  # directions that can have a small group


@np.errstate(under="ignore")
def directions(input_dim: int, count: int) -> NDArray[np.float64]:
    """Return well-spread directions: unit vectors far from each other and from all opposites.

    They are what the fixed part of a spectral bound looks along. Up to `input_dim` of them are an
    orthonormal basis; more start as orthonormal frames and descend the energy sum 1/(1 -
    (u_i.u_j)^2), which leaves less variance than random directions do, and as little as descent on
    that variance itself (docs/spectral.md). In the plane they are equally spaced.

    Parameters
    ----------
    input_dim : int
        Dimension d.
    count : int
        How many.

    Returns
    -------
    ndarray, shape (count, input_dim)
        The same on every machine, bit for bit. The directions of one count are not among those of
        another.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a whole number above 0.
    MemoryError
        If this machine does not hold so many.

    Examples
    --------
    >>> import numpy as np
    >>> import scalecore as sc
    >>> six = sc.directions(3, 6)
    >>> np.abs(six @ six.T - np.eye(6)).max().round(3)  # the diagonals of an icosahedron
    np.float64(0.447)
    """
    return spread(input_dimension("input_dim", input_dim), positive_int("count", count, most=2**53))


def spread(d: int, count: int) -> NDArray[np.float64]:
    """Return `count` unit vectors in R^d, as far from each other and each other's opposites as
    descent finds: (count, d).
    """
    enough_memory(f"{count:.6g} directions", (1.0 if count <= d else 2.0) * count * d)
    if count <= d:
        return np.eye(count, d)
    if d == 1:
        return np.ones((count, 1))
    if d == 2:
        return _in_the_plane(count)
    if steps_of(d, Symmetry(count, count)) == 0:
        return _frames(d, count)
    plain = unspread(d, Symmetry(count, count))
    _spectrum.spread(plain)
    return plain.representatives()


def _in_the_plane(count: int) -> NDArray[np.float64]:
    directions = np.empty((count, 2))
    for first in range(0, count, _AT_ONCE):
        part = directions[first : first + _AT_ONCE]
        angle = math.pi / count * np.arange(first, first + len(part))
        part[:, 0], part[:, 1] = np.cos(angle), np.sin(angle)
        part[...] = np.round(part * _GRID) / _GRID
    return directions


@dataclass(frozen=True)
class Symmetry:
    """How many directions a set has, at most so many as asked for, and of which orbits."""

    count: int
    orbits: int
    bits: int = 0
    axes: bool = False


def symmetry_of(d: int, most: int) -> Symmetry:
    """Return what suits a set of at most `most` directions, more than d."""
    bits = bits_of(d, most)
    if bits == 0:
        return Symmetry(most, most)
    axes = most > d * (d + 1) // 4  # with fewer directions, unit vectors among them do not help
    orbits = (most - d * axes) >> bits
    return Symmetry((orbits << bits) + d * axes, orbits, bits, axes)


def unspread(d: int, s: Symmetry) -> _spectrum.OrbitSet:
    """Return where the descent of such a set starts."""
    start = _frames(d, s.orbits)
    return _spectrum.OrbitSet(start, s.bits, signs(d, s.bits), s.axes, steps_of(d, s))


def steps_of(d: int, s: Symmetry) -> int:
    """Return how many steps the descent of such a set may take."""
    return int(min(_STEPS, _WORK / (float(s.count) ** 2 * (4.0 * d + 20))))


def directions_of_row(d: int, count: int) -> NDArray[np.float64]:
    """Return the directions of a row of a table that has so many: (count, d)."""
    if count <= d or d == 2:
        return spread(d, count)
    symmetry = symmetry_of(d, count)
    directions = unspread(d, symmetry)
    _spectrum.spread(directions)
    elements = np.arange(1 << symmetry.bits)
    common = np.bitwise_count(elements[:, None] & np.array(signs(d, symmetry.bits)))
    images = (1 - 2.0 * (common & 1))[:, None] * directions.representatives()
    return np.concatenate([images.reshape(-1, d), np.eye(d)[: d * symmetry.axes]])


def bits_of(d: int, count: int) -> int:
    """Return how many sign changes shall generate the group of a set.

    Its characters have quadratic forms in unequal shares, so that about as many directions as forms
    want a small group.
    """
    forms = d * (d + 1) // 2
    least = 8 if 2 * count <= forms else _LEAST_ORBITS
    if count < _CHEAP:
        least *= 4 if forms < 2 * count < 2.6 * forms else 2
    bits = 0
    while (
        count > _LEAST_ORBITS
        and bits < _MOST_BITS
        and _share(d, bits + 1) >= (_LEAST_SHARE if d > 3 else 0.5)
        and count >> (bits + 1) >= least * (1 + (_share(d, bits + 1) < _GOOD_SHARE))
    ):
        bits += 1
    return bits


@lru_cache(maxsize=256)
def signs(d: int, bits: int) -> tuple[int, ...]:
    """Return for each coordinate a column of so many bits: an element changes its sign if they have
    an odd number in common.

    Every element shall change about half of the signs: columns are chosen one by one, and then
    exchanged while that helps.
    """
    if bits == 0:
        return (0,) * d
    elements = np.arange(1, 1 << bits)
    odd = np.array(
        [[int(g & column).bit_count() & 1 for g in elements] for column in range(1 << bits)]
    )

    def best(changed: NDArray[np.int64], count: int) -> int:
        uneven = np.abs(2 * (changed + odd) - count)
        return int(np.lexsort(((uneven**4).sum(axis=1), uneven.max(axis=1)))[0])

    columns: list[int] = []
    changed = np.zeros(len(elements), np.int64)
    for count in range(1, d + 1):
        columns.append(best(changed, count))
        changed = changed + odd[columns[-1]]
    for _ in range(4):
        for k in range(d):
            without = changed - odd[columns[k]]
            columns[k] = best(without, d)
            changed = without + odd[columns[k]]
    return tuple(columns)


@lru_cache(maxsize=256)
def _share(d: int, bits: int) -> float:
    """Return the least share of the coordinates that an element of the group changes, or leaves."""
    columns = signs(d, bits)
    changed = [sum((g & column).bit_count() & 1 for column in columns) for g in range(1, 1 << bits)]
    return min(min(c, d - c) for c in changed) / d


def _frames(d: int, count: int) -> NDArray[np.float64]:
    """Return pseudo-random orthonormal frames, one under the other; of a single one no more rows
    than are asked for.
    """
    frames, rows = -(-count // d), min(count, d)
    random = np.random.Philox(key=d)
    vectors, others = np.empty((frames, rows, d)), np.empty((frames, rows, d))
    _add_uniform(random, vectors, False)
    _add_uniform(random, vectors, True)
    _add_uniform(random, others, False)
    _add_uniform(random, others, True)
    for frame, other in zip(vectors, others, strict=True):
        frame -= other  # sums of four are round enough for a start
        _spectrum.orthonormalise(frame)
    return vectors.reshape(-1, d)[:count]


def _add_uniform(random: np.random.Philox, array: NDArray[np.float64], add: bool) -> None:
    """Fill an array with uniform numbers, or add them: by parts, between which Ctrl-C is
    answered.
    """
    flat = array.reshape(-1)
    for first in range(0, flat.size, _AT_ONCE):
        part = flat[first : first + _AT_ONCE]
        uniform = (random.random_raw(part.size) >> np.uint64(11)).astype(float) * 2.0**-53
        part[...] = part + uniform if add else uniform
