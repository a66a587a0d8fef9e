"""The search for the hypotheses that the best channel uses: which of them, and how much of each.

What is minimised is T times the bound of Theorem A. On a given support that is a rate-distortion
problem, which Blahut and Arimoto's alternation solves. Supports are improved by exchanging one
hypothesis at a time, as k-medoids are: all exchanges are ranked at once by what they would change
if every f took its nearest hypothesis, the most promising ones by the objective itself, and the
best of those are followed up by alternation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ._divergences import blocks, divergences

if TYPE_CHECKING:
    from ._model import FiniteModel

Array = NDArray[np.float64]

_SCORED = 64  # exchanges whose change of the objective is computed
_NUMBERS = 2**20  # weights that scoring takes, unless the support is large
_STEPS = 3  # alternations that a score is taken after
_OFFERED = 8  # and so many hypotheses to go for so many to come
_REFINED = 8  # exchanges a round that are followed up
_FOLLOWED = 12  # alternations when they are
_STARTS = 100  # supports to begin with, unless the best was found from so many
_AGREE = 20
_WORK = 4.5e7  # elements of (M, M) matrices in rounds of exchanges after which no search begins
_OVERHEAD = 5e4  # elements in whose time the rest of a round is done
_NEWTON_EVERY = 4  # alternations between two Newton steps
_NEGLIGIBLE = 1e-12  # share of F~ below which a hypothesis counts as unused


def _quadratic(H: Array, b: Array, x: Array) -> Array:
    """Minimise x.H.x / 2 - b.x over x >= 0, from a feasible x (Lawson and Hanson's active set)."""
    H = H + 1e-12 * np.trace(H) * np.eye(len(x))
    free = x > 0
    for _ in range(3 * len(x) + 10):
        s = np.zeros(len(x))
        s[free] = np.linalg.solve(H[np.ix_(free, free)], b[free])
        below = free & (s <= 0)
        if below.any():
            length = np.min(x[below] / (x[below] - s[below]))
            x = np.where(free, x + length * (s - x), 0.0)
            free &= (x > 1e-14) & ~(below & (x <= 1e-14))
            x = np.where(free, x, 0.0)
            continue
        x = s
        pull = np.where(free, -np.inf, b - H @ x)
        if pull.max() <= 1e-12:
            break
        free[np.argmax(pull)] = True
    return x


class SupportSearch:
    """The alternation on a support, and the search for the support. Logarithms of the channel's
    weights are -T d(f, g).
    """

    def __init__(
        self, model: FiniteModel, size: int, samples: int, iterations: int, rtol: float
    ) -> None:
        self.prior, self.size, self.samples, self.rtol = model.prior, size, samples, rtol
        self.most_steps = self.steps_left = iterations
        cost = samples * np.concatenate(
            [divergences(model, rows) for rows in blocks(model.prior.size)]
        )
        self.endless = ~np.isfinite(cost)
        self.rounds = 0  # of exchanges
        # pairs that would rule out what happens: to be avoided, but finite and so comparable
        self.cost = np.where(self.endless, 1e3 * (1 + cost[~self.endless].max()), cost)
        # [g, f], to rank exchanges
        self.rough = np.ascontiguousarray(self.cost.T, np.float32)

    def select(self, support: NDArray[np.intp]) -> tuple[Array, float]:
        """Return e^(-cost) with each row's best at 1, and the mean of what was taken out."""
        part = self.cost[:, support]
        least = part.min(axis=1)
        return np.exp(least[:, None] - part), float(self.prior @ least)

    def alternate(
        self, support: NDArray[np.intp], law: Array, steps: int
    ) -> tuple[Array, list[float], float]:
        """Blahut and Arimoto's steps, with a step of Newton's after every few, which goes down too;
        law, trace, certified gap.
        """
        weights, offset = self.select(support)
        z = weights @ law
        trace = [offset - float(self.prior @ np.log(z))]
        for i in range(steps + 1):
            gain = weights.T @ (self.prior / z)
            gap = float(np.log(max(1.0, gain.max())))
            if gap <= self.rtol * abs(trace[-1]) or self.steps_left <= 0 or i == steps:
                break
            self.steps_left -= 1
            law = law * gain
            law /= law.sum()
            # a few alternations only compare supports
            if steps > _FOLLOWED and i % _NEWTON_EVERY == _NEWTON_EVERY - 1:
                law = self.newton(weights, law)
            z = weights @ law
            # it never rises: where it seems to, that is rounding
            trace.append(min(trace[-1], offset - float(self.prior @ np.log(z))))
        return law, trace, gap

    def newton(self, weights: Array, law: Array) -> Array:
        """Take a step of Newton's method: to the law that is best to second order, or as far in its
        direction as helps.
        """
        z = weights @ law
        scaled = weights * (np.sqrt(self.prior) / z)[:, None]
        target = _quadratic(scaled.T @ scaled, 2 * (weights.T @ (self.prior / z)) - 1, law)
        value, length = float(self.prior @ np.log(z)), 1.0
        while length > 1e-4:
            new = law + length * (target / target.sum() - law)
            if float(self.prior @ np.log(np.maximum(weights @ new, 1e-300))) > value:
                return new
            length /= 4
        return law

    def harm(self, support: NDArray[np.intp], law: Array) -> Array:
        """How much the objective rises when one hypothesis goes and the others keep their
        proportions.
        """
        weights, _ = self.select(support)
        z = weights @ law
        out = np.empty(support.size)
        for i in range(support.size):
            z_without = np.maximum(z - law[i] * weights[:, i], 0)
            with np.errstate(divide="ignore"):
                lost = np.where(
                    z_without > 0, np.log(z / np.where(z_without > 0, z_without, 1.0)), 1e3
                )
            out[i] = float(self.prior @ lost) + np.log1p(-min(law[i], 1 - 1e-15))
        return out

    def unlimited(self) -> tuple[NDArray[np.intp], Array, list[float], float]:
        """Find the best channel of any size: hypotheses come in while that helps, and as long as
        it may turn out to use no more than `size` of them.
        """
        best = int(np.argmin(self.prior @ self.cost))
        support, law, trace = np.array([best]), np.ones(1), [np.inf]
        while True:
            law, path, _ = self.alternate(
                support, law, self.steps_left if self.steps_left < 200 else 200
            )
            trace.extend(min(trace[-1], value) for value in path)
            gain = self.gains(support, law)
            gap = float(np.log(max(1.0, gain.max())))
            if gap <= self.rtol * abs(trace[-1]) or self.steps_left <= 0:
                return support, law, trace[1:], gap
            used = law > _NEGLIGIBLE
            support, law = support[used], law[used]
            if support.size > 4 * self.size + 32:
                return support, law, trace[1:], gap
            gain[support] = 0.0
            new = np.argsort(-gain, kind="stable")[: max(5, support.size // 2)]
            new = new[gain[new] > 1]
            # counted even where alternation had nothing to do, so that the loop ends
            self.steps_left -= 1
            share = 0.01 / max(1, new.size)
            support, law = (
                np.append(support, new),
                np.append(law * (1 - share * new.size), np.full(new.size, share)),
            )

    def gains(self, support: NDArray[np.intp], law: Array) -> Array:
        """Return what mass on every hypothesis, of the support or not, would gain: at most 1 at the
        optimum.
        """
        part = self.cost[:, support]
        least = part.min(axis=1, keepdims=True)
        z = np.exp(least - part) @ law
        return np.exp(np.minimum(least - self.cost, 700)).T @ (self.prior / z)

    def prune(self, support: NDArray[np.intp], law: Array) -> tuple[NDArray[np.intp], Array]:
        while support.size > self.size:
            drop = max(1, (support.size - self.size) // 4)
            staying = np.sort(np.argsort(self.harm(support, law), kind="stable")[drop:])
            support, law = support[staying], np.maximum(law[staying], 1e-6)
            law, _, _ = self.alternate(support, law / law.sum(), _FOLLOWED)
        return support, law

    def nearest(self, support: NDArray[np.intp]) -> Array:
        """Exchanges of one hypothesis of the support for any other that would change most if every
        f took the one that suits it best: rows of a place in the support and of what comes.
        """
        everyone = np.arange(self.prior.size)
        own = self.rough[support]
        best = np.argmin(own, axis=0)
        first = own[best, everyone]
        own[best, everyone] = np.inf
        second = own.min(axis=0)
        by_place = np.zeros(own.shape, np.float32)
        by_place[best, everyone] = self.prior
        # who is nearer to what comes goes there; who loses the nearest goes there or to the second
        moved = np.clip(self.rough, first, second)
        moved -= first
        change = by_place @ moved.T
        np.subtract(self.rough, first, out=moved)
        np.minimum(moved, 0, out=moved)
        change += moved @ np.float32(self.prior)
        change[:, support] = np.inf
        count = max(_SCORED // 4, min(_SCORED, _NUMBERS // own.size))
        count = min(count, change.size - support.size**2)
        chosen = np.argpartition(change, count - 1, axis=None)[:count]
        return np.stack(np.divmod(chosen, everyone.size), axis=1)

    def offered(self, support: NDArray[np.intp], law: Array) -> Array:
        """Exchanges of what is missed least for what would gain most; rows as of `nearest`."""
        gain = self.gains(support, law)
        gain[support] = -np.inf
        comes = np.argsort(-gain, kind="stable")[: min(_OFFERED, gain.size - support.size)]
        goes = np.argsort(self.harm(support, law), kind="stable")[:_OFFERED]
        return np.stack([np.repeat(goes, comes.size), np.tile(comes, goes.size)], axis=1)

    def scored(self, support: NDArray[np.intp], law: Array, pairs: Array) -> Array:
        """Return exchanges in the order of the objective after a few alternations, least first."""
        exchanged = np.tile(support, (len(pairs), 1))
        exchanged[np.arange(len(pairs)), pairs[:, 0]] = pairs[:, 1]
        costs = self.rough[exchanged]  # [exchange, place, f]
        least = costs.min(axis=1)
        weights = np.exp(least[:, None] - costs)
        laws = np.tile(np.float32(0.5 * law + 0.5 / law.size), (len(pairs), 1))
        prior = np.float32(self.prior)
        for step in range(_STEPS + 1):
            z = np.maximum((laws[:, None] @ weights)[:, 0], np.float32(1e-30))
            if step < _STEPS:
                laws *= (weights @ (prior / z)[..., None])[..., 0]
        return pairs[np.argsort((least - np.log(z)) @ prior, kind="stable")]

    def improve(
        self, support: NDArray[np.intp], law: Array, trace: list[float]
    ) -> tuple[NDArray[np.intp], Array, bool]:
        """Make exchanges that help, if some are found; extends the trace."""
        helped = False
        for soft in (False, True):
            pairs = self.offered(support, law) if soft else self.nearest(support)
            for place, new in self.scored(support, law, pairs)[:_REFINED].tolist():
                if new in support:
                    continue  # since one of the exchanges before
                exchanged = support.copy()
                exchanged[place] = new
                start = np.maximum(law, 1e-3 / law.size)
                better, path, _ = self.alternate(exchanged, start / start.sum(), _FOLLOWED)
                if path[-1] < trace[-1] - 1e-7 * abs(trace[-1]):
                    trace.extend(value for value in path if value < trace[-1])
                    support, law, helped = exchanged, better, True
            if helped:
                break
        return support, law, helped

    def greedy(self) -> NDArray[np.intp]:
        """Return hypotheses found one by one: each lowers the mean least cost most."""
        least = np.full(self.prior.size, np.float32(np.inf))
        support: list[int] = []
        for _ in range(self.size):
            total = np.minimum(self.rough, least) @ np.float32(self.prior)
            total[support] = np.inf
            support.append(int(np.argmin(total)))
            least = np.minimum(least, self.rough[support[-1]])
        return np.array(support)

    def descend(
        self, support: NDArray[np.intp], law: Array
    ) -> tuple[NDArray[np.intp], Array, list[float]]:
        """Exchange as long as that helps."""
        law, trace, _ = self.alternate(support, law, _FOLLOWED)
        helped = self.size < self.prior.size
        while helped and self.steps_left > 0:
            support, law, helped = self.improve(support, law, trace)
            self.rounds += 1
        return support, law, trace

    def run(self) -> tuple[NDArray[np.intp], Array, list[float], float, bool]:
        """Return support, law, trace, certified gap, and whether there were steps enough."""
        support, law, trace, gap = self.unlimited()
        used = law > _NEGLIGIBLE
        support, law = support[used], law[used] / law[used].sum()
        if support.size <= self.size:
            return support, law, trace, gap, self.steps_left > 0
        starts = self.starts(support, law)
        found = []
        for start in starts:
            found.append(self.descend(*start))
            values = np.array([each[2][-1] for each in found])
            agree = np.count_nonzero(values < values.min() + self.rtol * abs(values.min()))
            work = self.rounds * (self.cost.size + _OVERHEAD)
            if agree == _AGREE or work > _WORK or self.steps_left < self.most_steps // 2:
                break
        support, law, trace = min(found, key=lambda each: each[2][-1])
        law, last_path, gap = self.alternate(support, law, self.steps_left)
        trace.extend(last_path[1:])
        return support, law, trace, gap, self.steps_left > 0

    def starts(
        self, support: NDArray[np.intp], law: Array
    ) -> Iterator[tuple[NDArray[np.intp], Array]]:
        """Yield supports to begin with: what stays of a larger one, a greedy one, random ones."""
        equal = np.full(self.size, 1 / self.size)
        yield self.prune(support, law)
        if self.size < self.prior.size:
            yield self.greedy(), equal
            rng = np.random.default_rng(0)  # the same answer every time
            for _ in range(_STARTS - 2):
                yield rng.choice(self.prior.size, self.size, replace=False), equal
