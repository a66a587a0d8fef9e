"""Cells of the samples' axis: where increments of the information are measured, and with how many
sticks that move.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .._core import posterior as _posterior
from ..network import NetworkPrior
from ..spectral import bayes_error_bound

_MOST_RATIO = 10**0.5  # of a cell's ends: an increment hardly changes within a cell
# Increments hardly fall before a few samples for each dimension, and then about as t**(-1/2).
_FLAT_SAMPLES = 4
# What is told of the tail, or hidden from chains from the prior, costs at most this share of the
# error bound of any width.
_TAIL_SHARE = 0.005


@dataclass(frozen=True, eq=False)
class Cells:
    """Samples edges[i] <= t < edges[i + 1] of cell i, and the sticks that move there.

    In each cell t is drawn with a density that falls as (t + flat)**(-1/2), about as increments
    do: so what an increment stands for, itself divided by its chance, hardly depends on which t it
    is, and replicates differ less.
    """

    edges: NDArray[np.int64]
    sticks: NDArray[np.int64]
    flat: int  # samples up to which increments hardly fall

    @property
    def count(self) -> int:
        """Number of cells."""
        return self.sticks.size

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Increments that each cell stands for."""
        return np.diff(self.edges)

    @property
    def middles(self) -> NDArray[np.int64]:
        """A number of samples in each cell, its geometric middle."""
        return np.sqrt(self.edges[:-1] * (self.edges[1:] - 1.0)).astype(np.int64)

    def drawn(self, key: int, batch: int, count: int) -> NDArray[np.int64]:
        """Return numbers of samples [replicate, cell]: one in each of `count` parts of a cell that
        are as likely as each other, in an order of each cell's own. Neither cells that follow nor
        how many of the rows are used changes them.
        """
        places = np.empty((count, self.count))
        for cell in range(self.count):
            rng = np.random.Generator(np.random.Philox(key=[key, batch], counter=[0, 0, 0, cell]))
            places[:, cell] = (rng.permuted(np.arange(count)) + rng.random(count)) / count
        first, beyond = np.sqrt(self.edges[:-1] + self.flat), np.sqrt(self.edges[1:] + self.flat)
        drawn = np.floor((first + places * (beyond - first)) ** 2) - self.flat
        return np.clip(drawn, self.edges[:-1], self.edges[1:] - 1).astype(np.int64)

    def weights(self, counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return weights of drawn numbers of samples [replicate, cell].

        The mean of a weighted increment is the mean increment of the cell: a weight is the chance
        of t in a uniform draw, 1/(b - a), divided by its chance here, the share of [t, t + 1) in
        the integral of the density over [a, b).
        """

        def roots(first: NDArray[np.int64], beyond: NDArray[np.int64]) -> NDArray[np.float64]:
            return np.sqrt(first + self.flat) + np.sqrt(beyond + self.flat)

        return roots(counts, counts + 1) / roots(self.edges[:-1], self.edges[1:])


def cells_of(prior: NetworkPrior, samples: NDArray[np.float64]) -> Cells:
    """Return cells from 0 to the largest of `samples`, each of which is an edge."""
    wanted = np.unique(np.concatenate([[0, 1], samples.ravel()])).astype(np.int64)
    parts = [wanted[:2]]
    for low, high in pairwise(wanted[1:]):
        count = max(1, math.ceil(math.log(high / low) / math.log(_MOST_RATIO) - 1e-9))
        parts.append(np.rint(np.geomspace(low, high, count + 1)).astype(np.int64))
    edges = np.unique(np.concatenate(parts))
    sticks = moving_sticks(prior, edges[1:])
    return Cells(edges, sticks, flat=_FLAT_SAMPLES * prior.input_dim)


def moving_sticks(prior: NetworkPrior, samples: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return so many sticks that the rest hardly counts.

    The squared mass that J sticks leave is (K/(K+2))**J in the mean; it changes the logit by half
    of that in mean square, and the error by an eighth of that change.
    """
    bound = np.asarray(bayes_error_bound(np.maximum(samples, 1), prior.input_dim))
    count = np.log(16 * _TAIL_SHARE * bound) / -math.log1p(2 / prior.concentration)
    multiple = _posterior.STICK_MULTIPLE
    sticks = multiple * np.ceil(np.maximum(count, 1) / multiple)
    if sticks.max() > _posterior.MOST_STICKS:
        raise ValueError(
            f"prior must have a concentration that {_posterior.MOST_STICKS} sticks describe, got "
            f"{prior.concentration:g}"
        )
    return sticks.astype(np.int64)
