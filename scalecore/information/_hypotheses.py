"""A finite set of networks as hypotheses: what data of the papers' own inputs tell about which of
them is the truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._common.progress import bar
from .._common.rebuilt import Rebuilt
from .._common.running_moments import Moments
from .._common.validation import (
    boolean,
    networks_of_one_dimension,
    positive_int,
    probability_laws,
    sample_count,
    stream_key,
    thread_count,
)
from .._core import network as _network
from .._core.information import FOR_INPUTS, FOR_TRUTHS
from ..network import Network
from ._engine import x_log_x
from ._results import LearningCurve

if TYPE_CHECKING:
    from .._common.annotations import Seed

__all__ = ["HypothesisSet"]

_NUMBERS = 2**20  # logits (networks times samples) in memory at a time


@dataclass(frozen=True, eq=False, repr=False)
class HypothesisSet(Rebuilt):
    """Finitely many networks, one of which labels the data.

    F is one of them, X ~ N(0, I), P(Y = 1|F,x) = 1/(1 + exp(-F(x))).

    Parameters
    ----------
    networks : iterable of Network
        The hypotheses, of one input dimension; draw them from a `NetworkPrior`.
    prior : array_like, optional
        Their probabilities; uniform if not given.

    Raises
    ------
    TypeError, ValueError
        If they are no networks, or of several input dimensions, or the prior is not a law on them.

    Examples
    --------
    >>> import scalecore as sc
    >>> prior = sc.NetworkPrior(input_dim=3, concentration=5)
    >>> some = sc.HypothesisSet(prior.sample(seed) for seed in range(8))
    >>> some
    HypothesisSet(8 networks, 3 inputs, entropy 2.07944 nats)
    >>> curve = some.learning_curve(200, replicates=20, rng=0)
    >>> bool(0.5 < curve.information[-1] < curve.entropy)
    True
    """

    networks: tuple[Network, ...]
    prior: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        networks = networks_of_one_dimension("networks", self.networks, Network)
        count = len(networks)
        given: ArrayLike = np.full(count, 1 / count) if self.prior is None else self.prior
        object.__setattr__(self, "networks", networks)
        object.__setattr__(
            self,
            "prior",
            probability_laws(
                "prior", given, (count,), f"({count},), a probability for each network"
            ),
        )

    @property
    def _law(self) -> NDArray[np.float64]:
        assert self.prior is not None  # __post_init__ fills it in
        return self.prior

    @property
    def entropy(self) -> float:
        """H(F), nats: ln M for a uniform prior."""
        return max(0.0, -float(x_log_x(self._law).sum()))

    def __repr__(self) -> str:
        return (
            f"HypothesisSet({len(self.networks)} networks, {self.networks[0].input_dim} inputs, "
            f"entropy {self.entropy:.6g} nats)"
        )

    @np.errstate(under="ignore")
    def learning_curve(
        self,
        samples: int,
        *,
        replicates: int = 50,
        rng: Seed = None,
        n_threads: int | None = None,
        progress: bool = False,
    ) -> LearningCurve:
        """Estimate I(F; H_t), t = 0 ... `samples`.

        It is the cumulative error of the best learner that knows the networks.

        Parameters
        ----------
        samples : int
            T.
        replicates : int, default 50
            Data sets to draw, at least 2; each evaluates every network on its T inputs.
        rng : None, int, SeedSequence or Generator
            Source of randomness.
        n_threads : int, optional
            Threads; None means all that this process may use. The answer does not depend on it.
        progress : bool, default False
            Show a bar on stderr.

        Returns
        -------
        LearningCurve
            By Monte Carlo with exact posteriors; memory does not grow with `samples` x networks.

        Raises
        ------
        TypeError, ValueError
            If an argument is out of its domain.

        Notes
        -----
        Averages I(F; Y_{t+1} | X_t = x_t, H_t = h) over drawn data, which is exact given them: by
        the chain rule its sum has mean I(F; H_T). Source: JVR24 Theorem 3.1; docs/information.md.

        Examples
        --------
        >>> import scalecore as sc
        >>> prior = sc.NetworkPrior(input_dim=3, concentration=5)
        >>> some = sc.HypothesisSet(prior.sample(seed) for seed in range(4))
        >>> curve = some.learning_curve(100, replicates=10, rng=0)
        >>> curve.method, bool(0 < curve.information[-1] < some.entropy)
        ('monte_carlo', True)
        """
        count, replicates = (
            sample_count(samples),
            positive_int("replicates", replicates, least=2, most=2**31),
        )
        threads, key, show = thread_count(n_threads), stream_key(rng), boolean("progress", progress)
        moments = Moments(count + 1)
        with bar(replicates, show, "data sets") as advance:
            for item in range(replicates):
                moments.add(
                    np.append(0.0, np.cumsum(self._history(key, item, count, threads or None)))[
                        None
                    ]
                )
                advance(1)
        estimate = moments.estimate((count + 1,))
        return LearningCurve(
            np.arange(count + 1),
            estimate.mean,
            estimate.std_error,
            self.entropy,
            "monte_carlo",
            replicates,
        )

    def _history(
        self, key: int, item: int, samples: int, threads: int | None
    ) -> NDArray[np.float64]:
        """Return what each sample of one data set tells, given those before and its own input."""
        d, block = self.networks[0].input_dim, max(16, _NUMBERS // len(self.networks) // 16 * 16)
        truth = int(
            np.searchsorted(
                np.cumsum(self._law)[:-1],
                _numbers("uniform", key, item, FOR_TRUTHS, 0, 1)[0],
                side="right",
            )
        )
        with np.errstate(divide="ignore"):
            belief = np.log(self._law)  # up to an additive constant, which cancels
        information = np.empty(samples)
        for first in range(0, samples, block):
            size = min(block, samples - first)
            X = _numbers("normal", key, item, FOR_INPUTS, first * d, size * d).reshape(size, d)
            u = _numbers("uniform", key, item, FOR_TRUTHS, 16 + first, size)
            logits = np.stack([network(X, n_threads=threads) for network in self.networks])
            zeros, ones = -np.logaddexp(0, logits), -np.logaddexp(0, -logits)  # ln P(Y|f,x)
            likely = np.where(np.log(u) < ones[truth], ones, zeros)
            before = np.cumsum(likely, axis=1) - likely + belief[:, None]
            belief = before[:, -1] + likely[:, -1]
            weights = np.exp(before - before.max(axis=0))
            weights /= weights.sum(axis=0)
            information[first : first + size] = _mutual_information(weights, zeros, ones)
        return information


def _mutual_information(
    weights: NDArray[np.float64], zeros: NDArray[np.float64], ones: NDArray[np.float64]
) -> NDArray[np.float64]:
    """I(F; Y) under each column's weights: the mean over f of d_KL(P(Y|f) || their mixture)."""
    total = np.zeros(weights.shape[1])
    for logarithms in (zeros, ones):
        p = np.exp(logarithms)
        mixture = (weights * p).sum(axis=0)
        total += (weights * p * (logarithms - np.log(np.maximum(mixture, 1e-300)))).sum(axis=0)
    return total


def _numbers(
    kind: str, key: int, item: int, purpose: int, first: int, count: int
) -> NDArray[np.float64]:
    """Numbers first, first + 1, ... of a stream; `first` a multiple of 16."""
    return _network.numbers(kind, key, item, purpose, first // 16, -(-count // 16))[:count]
