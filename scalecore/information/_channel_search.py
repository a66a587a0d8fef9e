"""Channels from hypotheses to hypotheses: the bound of Theorem A, and the channel that makes it
least.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .._common.validation import fraction
from . import _engine
from ._divergences import blocks, divergences
from ._support_search import SupportSearch

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ._model import FiniteModel

Array = NDArray[np.float64]


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


def estimation_and_misspecification(model: FiniteModel, channel: Array) -> tuple[float, float]:
    """I(F; F~) and E d_KL(P(Y|F,X) || P(Y|F<-F~,X))."""
    law, information, misspecification = model.prior @ channel, 0.0, 0.0
    for rows in blocks(len(channel)):
        distance = divergences(model, rows)
        parts = _terms(model.prior[rows, None], channel[rows], law, distance)
        information, misspecification = information + parts[0], misspecification + parts[1]
    return information, misspecification


def _terms(prior: Array, channel: Array, law: Array, distance: Array) -> tuple[float, float]:
    """Return what some f and g add to both, from the divergences between them."""
    joint = prior * channel
    told = prior * np.where(joint > 0, _engine.divergence_terms(channel, law[None]), law[None])
    return float(told.sum()), float((joint * np.where(joint > 0, distance, 0.0)).sum())


def best_channel(
    model: FiniteModel, size: int, samples: int, iterations: int, rtol: float
) -> BestChannel:
    """See `FiniteModel.best_channel`."""
    search = SupportSearch(model, size, samples, iterations, fraction("rtol", rtol))
    support, law, trace, gap, finished = search.run()
    weights, _ = search.select(support)
    rows = weights * law
    best_gain = float(search.gains(support, law).max())
    channel = np.zeros(search.cost.shape)
    channel[:, support] = rows / rows.sum(axis=1, keepdims=True)
    used = channel[:, support]
    distance = np.where(search.endless[:, support], np.inf, search.cost[:, support] / samples)
    information, misspecification = _terms(model.prior[:, None], used, model.prior @ used, distance)
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
