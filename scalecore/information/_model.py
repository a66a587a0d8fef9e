"""Exact information of finite models: what can be learned, what a constrained learner misses, what
a statistic forgets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._common.rebuilt import Rebuilt
from .._common.validation import positive_int, probability_laws, sample_count
from . import _engine
from ._channel_search import BestChannel, best_channel
from ._history_sums import checked_request, constrained, learning_curve
from ._results import ConstrainedLearner, Decomposition, LearningCurve
from ._state_recursion import incremental
from .updates import Update

if TYPE_CHECKING:
    from .._common.annotations import Seed


@dataclass(frozen=True, eq=False, repr=False)
class FiniteModel(Rebuilt):
    """A model with finitely many hypotheses, inputs and labels: every term can be computed.

    A hypothesis F = f is drawn from `prior`; given it, samples are independent: X = x with
    probability inputs[x], then Y = y with probability likelihood[f, x, y].

    Parameters
    ----------
    prior : array_like, shape (M,)
        P(F = f).
    likelihood : array_like, shape (M, n_x, n_y)
        P(Y = y | F = f, X = x).
    inputs : array_like, shape (n_x,)
        P(X = x).

    Raises
    ------
    TypeError, ValueError
        If shapes disagree, an entry is negative or not finite, or a law does not sum to 1 to within
        1e-12, naming the entry. Laws are divided by their sums, so that what is left of 1e-12 does
        not grow over many samples.

    Notes
    -----
    The model keeps read-only copies. Zero probabilities are fine. Source: JVR24 section 3;
    docs/information.md.

    Examples
    --------
    A coin that is fair, or comes up 1 nine times in ten:

    >>> import scalecore as sc
    >>> coin = sc.FiniteModel([0.5, 0.5], [[[0.5, 0.5]], [[0.1, 0.9]]], [1.0])
    >>> coin
    FiniteModel(2 hypotheses, 1 inputs, 2 labels, entropy 0.693147 nats)
    >>> coin.learning_curve(20)
    LearningCurve(20 samples: 0.647811 of 0.693147 nats, 0.03239 a sample; exact)
    """

    prior: NDArray[np.float64]
    likelihood: NDArray[np.float64]
    inputs: NDArray[np.float64]

    def __post_init__(self) -> None:
        prior = probability_laws("prior", self.prior, (None,), "(M,)")
        likelihood = probability_laws(
            "likelihood",
            self.likelihood,
            (prior.size, None, None),
            f"(M, n_x, n_y) with M = {prior.size} as in prior",
        )
        n_x = likelihood.shape[1]
        inputs = probability_laws(
            "inputs", self.inputs, (n_x,), f"(n_x,) with n_x = {n_x} as in likelihood"
        )
        for name, array in (("prior", prior), ("likelihood", likelihood), ("inputs", inputs)):
            object.__setattr__(self, name, array)

    @property
    def entropy(self) -> float:
        """H(F), nats."""
        return max(0.0, -float(_engine.x_log_x(self.prior).sum()))

    def __repr__(self) -> str:
        hypotheses, n_x, n_y = self.likelihood.shape
        return (
            f"FiniteModel({hypotheses} hypotheses, {n_x} inputs, {n_y} labels, entropy "
            f"{self.entropy:.6g} nats)"
        )

    @np.errstate(under="ignore")
    def learning_curve(
        self,
        samples: int,
        *,
        method: str = "auto",
        replicates: int = 100,
        rng: Seed = None,
        n_threads: int | None = None,
        progress: bool = False,
    ) -> LearningCurve:
        """Return what t samples tell about the hypothesis, I(F; H_t), for t = 0 ... `samples`.

        Parameters
        ----------
        samples : int
            T.
        method : {"auto", "exact", "monte_carlo"}
            "exact" sums over the counts of the (x, y) cells, binomial(T + C, C) count vectors of C
            cells, each at the cost of M exponentials; "auto" does so up to 4e8 of those.
        replicates : int, default 100
            Histories that a Monte Carlo draws. Each costs 2 C M multiply-adds and M exponentials a
            sample.
        rng : None, int, SeedSequence or Generator
            Source of its randomness.
        n_threads : int, optional
            Threads; None means all that this process may use. The answer does not depend on it.
        progress : bool, default False
            Show a bar on stderr.

        Returns
        -------
        LearningCurve
            `method` says which of the two ran.

        Raises
        ------
        TypeError, ValueError
            If an argument is out of its domain; for "exact", if there is too much to enumerate.

        Notes
        -----
        I(F; H_T) = T L_T of the Bayes-optimal learner (JVR24 Theorem 3.1). The Monte Carlo draws
        histories and sums I(F; Y_{t+1} | X_t, H_t = h), which is exact given the history: by the
        chain rule its mean is I(F; H_T). It scatters less than log-likelihood ratios, for it
        averages over the hypothesis and the next sample instead of drawing them.

        Examples
        --------
        >>> import numpy as np, scalecore as sc
        >>> p = np.linspace(0.05, 0.95, 19)
        >>> coins = np.stack([1 - p, p], axis=1)[:, None, :]
        >>> model = sc.FiniteModel(np.full(19, 1 / 19), coins, [1.0])
        >>> exact = model.learning_curve(50)
        >>> drawn = model.learning_curve(50, method="monte_carlo", rng=1)
        >>> bool(abs(drawn.information[-1] - exact.information[-1]) < 4 * drawn.std_error[-1])
        True
        """
        asked = checked_request(samples, method, replicates, rng, n_threads, progress)
        return learning_curve(self, asked)

    @np.errstate(under="ignore")
    def constrained(
        self,
        channel: ArrayLike,
        samples: int,
        *,
        method: str = "auto",
        replicates: int = 100,
        rng: Seed = None,
        n_threads: int | None = None,
        progress: bool = False,
    ) -> ConstrainedLearner:
        """Return Theorem A for a learner that takes a function F~ of F for the truth.

        Its prior is the law of F~, its likelihood that of F with F~ in its place.

        Parameters
        ----------
        channel : array_like, shape (M, M)
            channel[f, g] = P(F~ = g | F = f).
        samples : int
            T.
        method, replicates, rng, n_threads, progress
            As for `learning_curve`; here the exact sum is over binomial(T + C - 1, C - 1) count
            vectors.

        Returns
        -------
        ConstrainedLearner
            estimation + misspecification = bound >= error.

        Raises
        ------
        TypeError, ValueError
            If an argument is out of its domain.

        Notes
        -----
        L_T <= I(F; F~)/T + E d_KL(P(Y|F,X) || P(Y|F<-F~,X)). Source: JVR24 Theorem 3.1 and
        docs/information.md, Theorem A.

        Examples
        --------
        Only two of three coins are known to the learner:

        >>> import numpy as np, scalecore as sc
        >>> coins = [[[0.8, 0.2]], [[0.5, 0.5]], [[0.2, 0.8]]]
        >>> model = sc.FiniteModel(np.full(3, 1 / 3), coins, [1.0])
        >>> model.constrained([[1, 0, 0], [0.5, 0, 0.5], [0, 0, 1]], 50)
        ConstrainedLearner(50 samples: error 0.0616917 (exact) <= bound 0.0836231 = estimation
        0.009242 + misspecification 0.07438)
        """
        size = self.prior.size
        table = probability_laws(
            "channel", channel, (size, size), f"(M, M) with M = {size} as in prior"
        )
        asked = checked_request(samples, method, replicates, rng, n_threads, progress)
        return constrained(self, table, asked)

    @np.errstate(under="ignore")
    def best_channel(
        self, size: int, samples: int, *, iterations: int = 10_000, rtol: float = 1e-6
    ) -> BestChannel:
        """Return the channel onto at most `size` hypotheses that has Theorem A's least bound.

        Parameters
        ----------
        size : int
            The hypothesis budget, 1 to M.
        samples : int
            T: the more data, the more a sample's misspecification weighs against the estimation of
            F~.
        iterations : int, default 10000
            Alternations, over all supports together, before it gives up.
        rtol : float, default 1e-6
            A support is done when its bound is proved to be within this share of the least.

        Returns
        -------
        BestChannel
            With the channel, the bound's parts, the trace of the bound and the status.

        Raises
        ------
        TypeError, ValueError
            If an argument is out of its domain.

        Notes
        -----
        For fixed hypotheses the bound is convex and Blahut and Arimoto's alternation, channel[f, g]
        ~ P(F~ = g) exp(-T d(f, g)), goes down to its minimum. Which hypotheses is a combinatorial
        question: from several supports (those that the unlimited optimum uses, pruned to `size`; a
        greedy one; random ones, always the same) hypotheses are exchanged while that helps, and the
        best local optimum is taken, once it was found often enough. Source: docs/information.md.

        Examples
        --------
        >>> import numpy as np, scalecore as sc
        >>> p = np.linspace(0.05, 0.95, 19)
        >>> coins = np.stack([1 - p, p], axis=1)[:, None, :]
        >>> model = sc.FiniteModel(np.full(19, 1 / 19), coins, [1.0])
        >>> model.best_channel(4, 100)
        BestChannel(4 of 19 hypotheses, 100 samples: bound 0.0283926 = estimation 0.01296 +
        misspecification 0.01543; converged)
        """
        count = self.prior.size
        if (size := positive_int("size", size, most=2**53)) > count:
            raise ValueError(f"size must be at most {count}, the number of hypotheses, got {size}")
        return best_channel(
            self,
            size,
            sample_count(samples),
            positive_int("iterations", iterations, most=2**31),
            rtol,
        )

    @np.errstate(under="ignore")
    def incremental(
        self,
        update: Update | ArrayLike,
        steps: int,
        predictor: ArrayLike | None = None,
        *,
        initial: int | None = None,
        n_threads: int | None = None,
        progress: bool = False,
    ) -> Decomposition:
        """Return Theorem B for a learner that keeps nothing but a state.

        It says what the learner retains, forgets and fails to infer.

        Parameters
        ----------
        update : Update or array_like
            A ready-made `scalecore.updates`, or update[s, x, y], the next state, or update[s, x, y,
            s'], its probabilities.
        steps : int
            T.
        predictor : array_like, shape (S, n_x, n_y) or (steps, S, n_x, n_y), optional
            What the learner says of label y in state s at input x (at each step). None: the best,
            P(Y|S_t,X_t).
        initial : int, optional
            S_0; by default the update's own, or 0.
        n_threads : int, optional
            Threads; None means all that this process may use. The answer does not depend on it.
        progress : bool, default False
            Show a bar on stderr.

        Returns
        -------
        Decomposition
            Per step and in total.

        Raises
        ------
        TypeError, ValueError
            If an argument is out of its domain, naming the entry.
        ArithmeticError
            If the identity is violated by more than rounding: that would be an error of this
            library.

        Notes
        -----
        T L_T = I(F; S_T) + sum_t [I(F; S_t,X_t,Y_{t+1}) - I(F; S_{t+1})] + sum_t E
        d_KL(P(Y_{t+1}|S_t,X_t) || predictor). A step costs M n_x n_y operations for each state that
        can be reached, and M logarithms; memory is 32 S M bytes. Source: JVR22 for incremental
        algorithms; docs/information.md, Theorem B.

        Examples
        --------
        A learner that remembers the last sample only:

        >>> import scalecore as sc
        >>> coin = sc.FiniteModel([0.5, 0.5], [[[0.5, 0.5]], [[0.1, 0.9]]], [1.0])
        >>> coin.incremental(sc.updates.last_sample(1, 2), 20)
        Decomposition(20 steps: error 1.70155 nats = retained 0.101749 + forgotten 1.5998 +
        inference gap 0)
        """
        return incremental(self, update, steps, predictor, initial, n_threads, progress)
