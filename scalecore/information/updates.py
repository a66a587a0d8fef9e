"""Ready-made updates for `FiniteModel.incremental`: what a learner keeps of its samples.

Each takes the number of inputs n_x and of labels n_y of the model, and returns an `Update`: a table
of next states.

Examples
--------
>>> import scalecore as sc
>>> sc.updates.sliding_window(1, 2, 3)
Update(sliding window of 3, 15 states, 3.91 bits)
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb, log2
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._common.validation import boolean, fraction, one_of, positive_int, sample_count, update_table
from ._engine import count_vectors

__all__ = [
    "Update",
    "counts",
    "last_sample",
    "leaky_average",
    "saturating_counters",
    "sliding_window",
]

_MOST_STATES = 2**24


@dataclass(frozen=True, eq=False, repr=False)
class Update:
    """What a learner's state becomes.

    Attributes
    ----------
    table : ndarray, shape (S, n_x, n_y) or (S, n_x, n_y, S)
        The next state after input x and label y in state s, or its probabilities.
    initial : int
        S_0.
    name : str
        What it does.

    Examples
    --------
    An update of one's own, which remembers whether a label 1 was ever seen:

    >>> import numpy as np, scalecore as sc
    >>> seen = sc.updates.Update(np.array([[[0, 1]], [[1, 1]]]), name="seen a 1")
    >>> seen
    Update(seen a 1, 2 states, 1 bits)
    """

    table: NDArray[np.generic]
    initial: int = 0
    name: str = "update"

    def __post_init__(self) -> None:
        shape = np.shape(self.table)
        if len(shape) not in (3, 4) or 0 in shape:
            raise ValueError(
                "table must have shape (S, n_x, n_y) or (S, n_x, n_y, S), none of them 0, "
                f"got {shape}"
            )
        object.__setattr__(self, "table", update_table("table", self.table, shape[1], shape[2]))
        object.__setattr__(
            self, "initial", positive_int("initial", self.initial, least=0, most=shape[0] - 1)
        )

    @property
    def states(self) -> int:
        """Number of states S."""
        return len(self.table)

    def __repr__(self) -> str:
        return f"Update({self.name}, {self.states} states, {log2(self.states):.3g} bits)"


def _room(name: str, states: int) -> int:
    if states > _MOST_STATES:
        needed = f"{states:.3g}" if states < 10**300 else f"2**{states.bit_length() - 1}"
        raise ValueError(f"{name} would need {needed} states; the most is {_MOST_STATES}")
    return states


def _power(name: str, base: int, exponent: int) -> int:
    """Return base**exponent, a number of states; one of hundreds of digits is not computed."""
    if exponent * (base.bit_length() - 1) > 1000:
        raise ValueError(
            f"{name} would need {base:.3g}**{exponent:.3g} states; the most is {_MOST_STATES}"
        )
    return _room(name, base**exponent)


def _cells(n_x: int, n_y: int) -> tuple[int, int]:
    return positive_int("n_x", n_x, most=_MOST_STATES), positive_int("n_y", n_y, most=_MOST_STATES)


def counts(n_x: int, n_y: int, samples: int) -> Update:
    """Count the samples of every (x, y) exactly: a sufficient statistic, which forgets nothing.

    Parameters
    ----------
    n_x, n_y : int
        Inputs and labels.
    samples : int
        Up to so many samples are counted, with binomial(samples + n_x n_y, samples) states; later
        ones are ignored.

    Returns
    -------
    Update

    Examples
    --------
    >>> import scalecore as sc
    >>> sc.updates.counts(1, 2, 10)
    Update(counts up to 10 samples, 66 states, 6.04 bits)
    """
    (n_x, n_y), samples = _cells(n_x, n_y), sample_count(samples)
    cells = n_x * n_y
    states = _room("counts", count_vectors(samples, cells + 1))
    bars: NDArray[Any] = np.fromiter(
        combinations(range(samples + cells), cells), np.dtype((np.int64, cells)), states
    )
    sums = bars - np.arange(cells)  # samples in the first 1, 2, ... cells
    total = sums[:, -1]
    # the rank among vectors ordered by their total is sum_k binomial(sums[k] + k, k + 1)
    terms = np.array([[comb(n + k, k + 1) for n in range(samples + 2)] for k in range(cells)])
    columns = np.arange(cells)
    table = np.empty((states, cells), np.int64)
    rank = terms[columns, sums].sum(axis=1)
    for cell in range(cells):
        rank_above = terms[columns, sums + (columns >= cell)].sum(axis=1)
        table[rank, cell] = np.where(total < samples, rank_above, rank)
    return Update(table.reshape(states, n_x, n_y), 0, f"counts up to {samples} samples")


def saturating_counters(n_x: int, n_y: int, bits: int, *, halve: bool = False) -> Update:
    """Count the samples of every (x, y) with `bits` bits each.

    Parameters
    ----------
    n_x, n_y : int
        Inputs and labels; there are n_x n_y counters and 2**(bits n_x n_y) states.
    bits : int
        Of one counter, which goes up to 2**bits - 1.
    halve : bool, default False
        A counter that is full stays so; with `halve`, all counters of its input are halved
        (rounding down) before it counts on, so that their ratio is kept.

    Returns
    -------
    Update

    Examples
    --------
    >>> import scalecore as sc
    >>> sc.updates.saturating_counters(2, 2, 2)
    Update(saturating counters of 2 bits, 256 states, 8 bits)
    """
    (n_x, n_y), bits, halve = (
        _cells(n_x, n_y),
        positive_int("bits", bits, most=_MOST_STATES),
        boolean("halve", halve),
    )
    cells = n_x * n_y
    _power("saturating_counters", 2, bits * cells)
    levels = 2**bits
    places = levels ** np.arange(cells)
    state = np.arange(levels**cells)
    digits = state[:, None] // places % levels
    table = np.empty((state.size, cells), np.int64)
    for cell in range(cells):
        after = digits.copy()
        full = digits[:, cell] == levels - 1
        if halve:
            same = slice(cell // n_y * n_y, (cell // n_y + 1) * n_y)
            after[full, same] //= 2
            after[:, cell] += 1
        else:
            after[~full, cell] += 1
        table[:, cell] = after @ places
    description = f"{'halving' if halve else 'saturating'} counters of {bits} bits"
    return Update(table.reshape(-1, n_x, n_y), 0, description)


def sliding_window(n_x: int, n_y: int, length: int) -> Update:
    """Remember the last `length` samples, in their order.

    Parameters
    ----------
    n_x, n_y : int
        Inputs and labels.
    length : int
        Samples that are remembered; the states are all sequences of up to so many, starting with
        the empty one.

    Returns
    -------
    Update

    Examples
    --------
    >>> import scalecore as sc
    >>> sc.updates.sliding_window(1, 2, 2).table[:, 0].tolist()
    [[1, 2], [3, 4], [5, 6], [3, 4], [5, 6], [3, 4], [5, 6]]
    """
    (n_x, n_y), length = _cells(n_x, n_y), positive_int("length", length, most=_MOST_STATES)
    cells = n_x * n_y
    starts, states = [0], 1  # number of the first state of each length of sequence
    for _ in range(length):
        starts.append(states)
        states = _room("sliding_window", states + _power("sliding_window", cells, len(starts[1:])))
    table = np.empty((states, cells), np.int64)
    for size, start in enumerate(starts):
        code = np.arange(cells**size)[:, None] * cells + np.arange(cells)
        longer = min(size + 1, length)
        table[start : start + cells**size] = starts[longer] + code % cells**longer
    return Update(table.reshape(states, n_x, n_y), 0, f"sliding window of {length}")


def last_sample(n_x: int, n_y: int) -> Update:
    """Remember the last sample: a window of 1.

    Parameters
    ----------
    n_x, n_y : int
        Inputs and labels.

    Returns
    -------
    Update

    Examples
    --------
    >>> import scalecore as sc
    >>> sc.updates.last_sample(2, 2)
    Update(last sample, 5 states, 2.32 bits)
    """
    window = sliding_window(n_x, n_y, 1)
    return Update(window.table, 0, "last sample")


def leaky_average(
    n_x: int, n_y: int, bits: int, rate: float, *, rounding: str = "nearest"
) -> Update:
    """Keep, for every input, an exponentially weighted average of the labels, in `bits` bits.

    A new label y moves the average a to a + rate (y/(n_y - 1) - a).

    Parameters
    ----------
    n_x, n_y : int
        Inputs and labels, at least two.
    bits : int
        Of one average: its levels are k/(2**bits - 1), and it starts at the middle one (the lower
        of two).
    rate : float
        Weight of a new label, above 0 and at most 1.
    rounding : {"nearest", "stochastic"}
        To the nearest level, where a step of less than half a level is no step at all; or to one of
        the two levels beside it, at random and right on average, as a stochastic table.

    Returns
    -------
    Update

    Examples
    --------
    >>> import scalecore as sc
    >>> sc.updates.leaky_average(1, 2, 2, 0.5).table[:, 0].tolist()
    [[0, 2], [0, 2], [1, 2], [2, 3]]
    """
    (n_x, n_y), bits = _cells(n_x, n_y), positive_int("bits", bits, most=_MOST_STATES)
    if n_y < 2:
        raise ValueError(f"n_y must be at least 2, got {n_y}")
    rate = 1.0 if rate == 1 else fraction("rate", rate)
    at_random = one_of("rounding", rounding, ("nearest", "stochastic")) == "stochastic"
    states = _power("leaky_average", 2, bits * n_x)
    levels = 2**bits
    if at_random:
        _room("leaky_average with stochastic rounding: table", states**2 * n_x * n_y)
    state = np.arange(states)
    shape = (states, n_x, n_y, states) if at_random else (states, n_x, n_y)
    table = np.zeros(shape, np.float64 if at_random else np.int64)
    for x in range(n_x):
        place = levels**x
        level = state // place % levels
        for y in range(n_y):
            target = level + rate * (y / (n_y - 1) * (levels - 1) - level)
            if at_random:
                below = np.minimum(np.floor(target).astype(np.int64), levels - 2)
                up = target - below
                table[state, x, y, state + (below - level) * place] = 1 - up
                table[state, x, y, state + (below + 1 - level) * place] = up
            else:
                table[:, x, y] = state + (np.rint(target).astype(np.int64) - level) * place
    middle = (levels - 1) // 2
    initial = middle * sum(levels**x for x in range(n_x))
    return Update(
        table, initial, f"leaky average of {bits} bits, rate {rate:g}, {rounding} rounding"
    )
