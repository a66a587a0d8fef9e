"""Which runs shrink a variance most for a budget: greedy choice, then exchange.

A law's parameters have information M (the inverse of their covariance) from the runs there are; a
run with gradient J (of ln L) and residual variance t adds J J'/t. The variance of a quantity with
gradient g is g' M^-1 g. That is averaged over draws of the law, each with gradients of its own, so
that the choice does not trust one fit. (V-optimality; Fedorov 1972, exchange.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..fitting._centre import Array

_THRIFTS = (1.0, 0.8, 0.5, 0.0)  # a run's gain is divided by its cost to this power
_PASSES = 20
_BETTER = 1 - 1e-6


@dataclass
class Information:
    """What is known, for each draw: covariances [draw, p, p], gradients, what a run adds."""

    covariance: Array
    gradient: Array  # gradient of the quantity [draw, parameter]
    runs: Array  # gradients of ln L at the candidates [draw, candidate, parameter]
    noise: float

    @property
    def variance(self) -> float:
        """The quantity's variance, averaged over draws."""
        return float(
            np.mean(np.einsum("kp,kpq,kq->k", self.gradient, self.covariance, self.gradient))
        )

    def gains(self) -> Array:
        """Return by how much one run at each candidate lowers the variance."""
        pulled = np.einsum("kpq,kq->kp", self.covariance, self.gradient)
        along = np.einsum("kcp,kp->kc", self.runs, pulled)
        own = np.einsum("kcp,kpq,kcq->kc", self.runs, self.covariance, self.runs, optimize=True)
        return np.mean(along**2 / (self.noise + own), axis=0)

    def with_run(self, which: int, sign: int = 1) -> Information:
        """Return what is known with one more run at a candidate, or with one less."""
        J = self.runs[:, which]
        v = np.einsum("kpq,kq->kp", self.covariance, J)
        own = np.einsum("kp,kp->k", J, v)
        change = v[:, :, None] * v[:, None, :] / (sign * self.noise + own)[:, None, None]
        return Information(self.covariance - change, self.gradient, self.runs, self.noise)


@dataclass(frozen=True)
class Purse:
    """What may be spent: cost of each candidate, budget, most runs, most of one kind."""

    cost: Array
    budget: float
    most: int
    repeats: int

    def allows(self, runs: list[int]) -> NDArray[np.bool_]:
        """Return which candidates may be added to runs."""
        if len(runs) >= self.most:
            return np.zeros(len(self.cost), bool)
        unspent = self.budget - self.cost[runs].sum()
        count = np.bincount(runs, minlength=len(self.cost)) if runs else np.zeros(len(self.cost))
        return (self.cost <= unspent + 1e-12 * self.budget) & (count < self.repeats)


def chosen_runs(known: Information, purse: Purse) -> tuple[NDArray[np.intp], float]:
    """Return the candidates that are run (some several times), and the variance with them."""
    best: tuple[list[int], float] = ([], known.variance)
    for thrift in _THRIFTS:
        runs, state = _filled(known, [], purse, thrift)
        runs, variance = _exchanged(known, runs, state, purse)
        if variance < best[1] * _BETTER:
            best = (runs, variance)
    return np.sort(np.array(best[0], np.intp)), best[1]


def _filled(
    state: Information, runs: list[int], purse: Purse, thrift: float
) -> tuple[list[int], Information]:
    """Add runs while the budget lasts, each time that of largest gain per cost to a power."""
    runs = list(runs)
    while (allowed := purse.allows(runs)).any():
        gains = np.where(allowed, state.gains() / purse.cost**thrift, -1.0)
        which = int(np.argmax(gains))
        if gains[which] <= 0:
            break
        state = state.with_run(which)
        runs.append(which)
    return runs, state


def _exchanged(
    known: Information, runs: list[int], state: Information, purse: Purse
) -> tuple[list[int], float]:
    """Take runs out one by one and spend what they cost otherwise, as long as that is better."""
    variance = state.variance
    for _ in range(_PASSES):
        improved = False
        for out in sorted(set(runs)):
            fewer = list(runs)
            fewer.remove(out)
            without = state.with_run(out, -1)
            for thrift in (0.0, 1.0):
                tried, refilled = _filled(without, fewer, purse, thrift)
                if refilled.variance < variance * _BETTER:
                    # recomputed from the known runs: updates upon updates lose digits
                    runs, state = tried, _rebuilt(known, tried)
                    variance, improved = state.variance, True
                    break
            if improved:
                break
        if not improved:
            break
    return runs, variance


def _rebuilt(known: Information, runs: list[int]) -> Information:
    for which in runs:
        known = known.with_run(which)
    return known
