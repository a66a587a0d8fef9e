"""Channels from hypotheses to hypotheses: the bound of Theorem A, and the search for the channel
that makes it least.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .._common.validation import fraction
from . import _engine

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ._model import FiniteModel

Array = NDArray[np.float64]

_ROWS = 2**17  # elements of an (M, M) matrix that are computed at a time
_TRIED = 8  # candidates for an exchange: so many hypotheses to go, so many to come
_REFINED = 3  # exchanges a round that are followed up by alternation until it converges
_NEWTON_EVERY = 4  # alternations between two Newton steps
_NEGLIGIBLE = 1e-12  # share of F~ below which a hypothesis counts as unused


@dataclass(frozen=True, eq=False, repr=False)
class BestChannel:
    """The channel that `FiniteModel.best_channel` found.

    Attributes
    ----------
    channel : ndarray, shape (M, M)
        channel[f, g] = P(F~ = g | F = f).
    hypotheses : ndarray of int
        The g that it uses, at most `size` of them.
    estimation, misspecification, bound : float
        Theorem A's terms, nats per sample.
    size, samples : int
        As asked.
    trace : ndarray
        The bound after every alternation since there were no more than `size` hypotheses; it never
        rises.
    status : str
        "converged": within rtol of the least bound on these hypotheses, and no exchange that was
        tried helps. "iteration_limit": not yet. "infinite": whatever was tried, something that
        happens is ruled out.
    gap : float
        What the bound is at most above the least on these hypotheses (certified), nats per sample.
    optimal : bool
        Whether it is proved that no channel at all, of any size, is better by more than `gap`.

    Examples
    --------
    >>> import scalecore as sc
    >>> model = sc.FiniteModel([0.4, 0.3, 0.3], [[[0.8, 0.2]], [[0.5, 0.5]], [[0.2, 0.8]]], [1.0])
    >>> best = model.best_channel(2, 50)
    >>> best.hypotheses
    array([0, 1])
    >>> best.channel.round(2)
    array([[1., 0., 0.],
           [0., 1., 0.],
           [0., 1., 0.]])
    """

    channel: Array
    hypotheses: NDArray[np.intp]
    estimation: float
    misspecification: float
    bound: float
    size: int
    samples: int
    trace: Array
    status: str
    gap: float
    optimal: bool

    def __repr__(self) -> str:
        return (
            f"BestChannel({self.hypotheses.size} of {len(self.channel)} hypotheses, "
            f"{self.samples} samples: "
            f"bound {self.bound:.6g} = estimation {self.estimation:.4g} + misspecification "
            f"{self.misspecification:.4g}; "
            f"{self.status})"
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the channel from the hypotheses to those that it uses; return the axes.

        Examples
        --------
        >>> import scalecore as sc
        >>> coins = [[[0.8, 0.2]], [[0.5, 0.5]], [[0.2, 0.8]]]
        >>> model = sc.FiniteModel([0.4, 0.3, 0.3], coins, [1.0])
        >>> best = model.best_channel(2, 50)
        >>> ax = best.plot()
        >>> len(ax.images) + len(ax.collections)
        1
        """
        from .._views.information_plots import plot_channel

        return plot_channel(self, ax=ax)


def _divergences(model: FiniteModel, rows: slice) -> Array:
    """E d_KL(P(Y|f,X) || P(Y|g,X)) of some f and all g."""
    _, n_x, n_y = model.likelihood.shape
    total = np.zeros((len(model.likelihood[rows]), len(model.likelihood)))
    for x in range(n_x):
        if model.inputs[x] > 0:
            for y in range(n_y):
                terms = _engine.divergence_terms(
                    model.likelihood[rows, None, x, y], model.likelihood[None, :, x, y]
                )
                total += model.inputs[x] * terms
    return total


def _blocks(count: int) -> list[slice]:
    step = max(1, _ROWS // count)
    return [slice(first, first + step) for first in range(0, count, step)]


def estimation_and_misspecification(model: FiniteModel, channel: Array) -> tuple[float, float]:
    """I(F; F~) and E d_KL(P(Y|F,X) || P(Y|F<-F~,X))."""
    law, information, misspecification = model.prior @ channel, 0.0, 0.0
    for rows in _blocks(len(channel)):
        joint = model.prior[rows, None] * channel[rows]
        terms = model.prior[rows, None] * np.where(
            joint > 0, _engine.divergence_terms(channel[rows], law[None, :]), law[None, :]
        )
        information += float(terms.sum())
        distance = _divergences(model, rows)
        misspecification += float((joint * np.where(joint > 0, distance, 0.0)).sum())
    return information, misspecification


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


class _Search:
    """The alternation on a support, and the search for the support. Logarithms of the channel's
    weights are -T d(f, g).
    """

    def __init__(
        self, model: FiniteModel, size: int, samples: int, iterations: int, rtol: float
    ) -> None:
        self.prior, self.size, self.samples, self.steps_left, self.rtol = (
            model.prior,
            size,
            samples,
            iterations,
            rtol,
        )
        cost = samples * np.concatenate(
            [_divergences(model, rows) for rows in _blocks(model.prior.size)]
        )
        self.endless = ~np.isfinite(cost)
        # pairs that would rule out what happens: to be avoided, but finite and so comparable
        self.cost = np.where(self.endless, 1e3 * (1 + cost[~self.endless].max()), cost)

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
            if i % _NEWTON_EVERY == _NEWTON_EVERY - 1:
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
        """Find the best channel of any size: hypotheses come in while that helps."""
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
            law, _, _ = self.alternate(support, law / law.sum(), 20)
        return support, law

    def exchanges(self, support: NDArray[np.intp], law: Array) -> list[tuple[float, int, int]]:
        """Exchanges of one hypothesis of the support (its place) for another, most promising
        first.
        """
        part = self.cost[:, support]
        least = part.min(axis=1, keepdims=True)
        weights, weights_of_all = np.exp(least - part), np.exp(np.minimum(least - self.cost, 700))
        z = weights @ law
        gain = weights_of_all.T @ (self.prior / z)
        gain[support] = -np.inf
        offered = np.argsort(-gain, kind="stable")[:_TRIED]
        found = []
        goes = np.argsort(self.harm(support, law), kind="stable")[:_TRIED]
        for place, old in enumerate(support):
            near = np.argsort(self.cost[old] + self.cost[:, old], kind="stable")[: _TRIED // 2]
            for new in np.union1d(offered, near) if place in goes else near:
                if not (support == new).any():
                    after = np.maximum(
                        z - law[place] * weights[:, place] + law[place] * weights_of_all[:, new],
                        1e-300,
                    )
                    found.append((float(self.prior @ np.log(z / after)), place, int(new)))
        return sorted(found)

    def improve(
        self, support: NDArray[np.intp], law: Array, trace: list[float]
    ) -> tuple[NDArray[np.intp], Array, bool]:
        """One exchange that helps, if one is found; extends the trace."""
        for _, place, new in self.exchanges(support, law)[:_REFINED]:
            exchanged = support.copy()
            exchanged[place] = new
            start = np.maximum(law, 1e-3 / law.size)
            better, path, _ = self.alternate(exchanged, start / start.sum(), 100)
            if path[-1] < trace[-1] - 1e-9 * abs(trace[-1]):
                better, rest_of_path, _ = self.alternate(exchanged, better, self.steps_left)
                trace.extend(value for value in path + rest_of_path[1:] if value < trace[-1])
                return exchanged, better, True
        return support, law, False

    def run(self) -> tuple[NDArray[np.intp], Array, list[float], float, bool]:
        everything = self.prior.size
        support, law, trace, gap = self.unlimited()
        used = support[law > _NEGLIGIBLE]
        if used.size <= self.size:
            return (
                used,
                law[law > _NEGLIGIBLE] / law[law > _NEGLIGIBLE].sum(),
                trace,
                gap,
                self.steps_left > 0,
            )
        support, law = self.prune(used, law[law > _NEGLIGIBLE])
        law, trace, gap = self.alternate(support, law, self.steps_left)
        helped = self.size < everything
        while helped and self.steps_left > 0:
            support, law, helped = self.improve(support, law, trace)
        law, last_path, gap = self.alternate(support, law, self.steps_left)
        trace.extend(last_path[1:])
        return support, law, trace, gap, self.steps_left > 0


def best_channel(
    model: FiniteModel, size: int, samples: int, iterations: int, rtol: float
) -> BestChannel:
    """See `FiniteModel.best_channel`."""
    search = _Search(model, size, samples, iterations, fraction("rtol", rtol))
    support, law, trace, gap, finished = search.run()
    weights, _ = search.select(support)
    rows = weights * law
    best_gain = float(search.gains(support, law).max())
    channel = np.zeros(search.cost.shape)
    channel[:, support] = rows / rows.sum(axis=1, keepdims=True)
    information, misspecification = estimation_and_misspecification(model, channel)
    order = np.sort(support[(search.prior @ channel)[support] > 0])
    parts = information / samples, misspecification, information / samples + misspecification
    status = (
        "infinite"
        if not np.isfinite(misspecification)
        else "converged"
        if finished
        else "iteration_limit"
    )
    optimal = bool(np.log(max(1.0, best_gain)) <= max(gap, rtol * abs(trace[-1])))
    return BestChannel(
        channel,
        order,
        *parts,
        size,
        samples,
        np.array(trace) / samples,
        status,
        gap / samples,
        optimal,
    )
