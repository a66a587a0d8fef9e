"""Well-spread directions, the same on every machine.

Only + - * / and roots in a fixed order enter, and sums that are exact (`exact_sum`): descent on an
energy is chaotic, so one different bit would end at a different set. No BLAS, no `np.sum`, no
functions of the mathematical library.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .._common.validation import input_dimension, positive_int
from .._core import spectrum as _spectrum

_STEPS = 200
_WORK = 1e10  # operations that one set is worth
_GRID = (
    2.0**45
)  # cosines may differ in their last bit between machines: rounded to this they do not


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

    Examples
    --------
    >>> import numpy as np
    >>> import scalecore as sc
    >>> six = sc.directions(3, 6)
    >>> np.abs(six @ six.T - np.eye(6)).max().round(3)  # the diagonals of an icosahedron
    np.float64(0.447)
    """
    return spread(input_dimension("input_dim", input_dim), positive_int("count", count))


def spread(d: int, count: int, n_threads: int = 0) -> NDArray[np.float64]:
    """Return `count` unit vectors in R^d, as far from each other and each other's opposites as
    descent finds: (count, d).
    """
    if count <= d:
        return np.eye(count, d)
    if d == 1:
        return np.ones((count, 1))
    if d == 2:
        angle = math.pi / count * np.arange(count)
        return np.round(np.stack([np.cos(angle), np.sin(angle)], axis=1) * _GRID) / _GRID
    return _descend(_frames(d, count), n_threads)


def _frames(d: int, count: int) -> NDArray[np.float64]:
    """Return pseudo-random orthonormal frames, one under the other."""
    frames = -(-count // d)
    raw = np.random.Philox(key=d).random_raw(4 * frames * d * d).reshape(4, frames, d, d)
    parts = (raw >> np.uint64(11)).astype(float) * 2.0**-53
    vectors = (parts[0] + parts[1]) - (parts[2] + parts[3])  # round enough for a start
    for frame in vectors:
        _spectrum.orthonormalise(frame)
    return np.ascontiguousarray(vectors.reshape(-1, d)[:count])


def _dots(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    total = a[0] * b[0]
    for k in range(1, len(a)):
        total = total + a[k] * b[k]
    return total


def _inner(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return exact_sum((a * b).ravel())


def exact_sum(numbers: NDArray[np.float64]) -> float:
    """Return `math.fsum` of them, sooner: in layers of multiples of a power of two, so coarse that
    all their sums are exact.
    """
    layers: list[float] = []
    while (most := float(np.abs(numbers).max(initial=0.0))) != 0:
        if not 1e-200 < most < 1e200:
            return math.fsum([*layers, *numbers.tolist()])
        shift = math.ldexp(1.5, math.frexp(most)[1] + numbers.size.bit_length())
        layer = (numbers + shift) - shift
        layers.append(float(layer.sum()))
        numbers = numbers - layer
    return math.fsum(layers)


def _descend(start: NDArray[np.float64], n_threads: int) -> NDArray[np.float64]:
    """Lower the energy sum 1/(1 - (u_i.u_j)^2) by gradient steps of Barzilai and Borwein's lengths;
    keep the lowest.
    """
    count, d = start.shape
    pull = np.empty((count, d))

    def look(u: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        padded = np.zeros((d, -(-count // 64) * 64))
        padded[:, :count] = u
        energy = math.fsum(_spectrum.repulsion(padded, count, pull, n_threads).tolist())
        return energy, pull.T - _dots(pull.T, u) * u

    turns = int(min(_STEPS, _WORK / (count * count * (4.0 * d + 20))))
    if turns == 0:  # a look alone would take as long as all that a smaller set is worth
        return start
    u = np.ascontiguousarray(start.T)
    energy, gradient = look(u)
    best, lowest = u, energy
    longest = 2.0 ** (
        -1 - -(-count.bit_length() // (d - 1))
    )  # half the distance of neighbours, or so
    step = math.inf
    for turn in range(turns):
        steepest = math.sqrt(_dots(gradient, gradient).max())
        if steepest <= 1e-12:
            break
        step = min(step, longest / steepest)
        moved = u - step * gradient
        moved = moved / np.sqrt(_dots(moved, moved))
        energy_there, gradient_there = look(moved)
        if energy_there > 1.1 * energy:
            step = step / 4
            continue
        way, change = moved - u, gradient_there - gradient
        along = _inner(way, change)
        lengths = (
            (2 * step,)
            if along <= 0
            else (along / _inner(change, change), _inner(way, way) / along)
        )
        step = lengths[turn % len(lengths)]
        u, energy, gradient = moved, energy_there, gradient_there
        if energy < lowest:
            best, lowest = u, energy
    return np.ascontiguousarray(best.T)
