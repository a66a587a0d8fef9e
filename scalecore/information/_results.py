"""What `FiniteModel` and `HypothesisSet` return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ConstrainedLearner", "Decomposition", "LearningCurve", "Terms"]


@dataclass(frozen=True, eq=False, repr=False)
class LearningCurve:
    """The error of the best learner: what data tell about the hypothesis.

    Attributes
    ----------
    samples : ndarray of int, shape (T + 1,)
        t = 0, 1, ..., T.
    information : ndarray, shape (T + 1,)
        I(F; H_t) in nats: the cumulative reducible error of the Bayes-optimal learner.
    std_error : ndarray, shape (T + 1,)
        Its standard error over histories; 0 where all histories were summed.
    entropy : float
        H(F), which the information never exceeds.
    method : str
        "exact" or "monte_carlo".
    replicates : int
        Histories drawn; 0 if exact.

    Examples
    --------
    >>> import scalecore as sc
    >>> coin = sc.FiniteModel([0.5, 0.5], [[[0.5, 0.5]], [[0.1, 0.9]]], [1.0])
    >>> curve = coin.learning_curve(3)
    >>> curve.information.round(4)
    array([0.    , 0.1017, 0.1859, 0.2559])
    >>> curve.error.round(4)
    array([   nan, 0.1017, 0.093 , 0.0853])
    """

    samples: NDArray[np.int64]
    information: NDArray[np.float64]
    std_error: NDArray[np.float64]
    entropy: float
    method: str
    replicates: int

    @property
    def error(self) -> NDArray[np.float64]:
        """L_t = I(F; H_t) / t, nats per sample; NaN at t = 0."""
        return np.append(np.nan, self.information[1:] / self.samples[1:])

    def __repr__(self) -> str:
        how = (
            "exact"
            if self.method == "exact"
            else f"{self.replicates} histories, standard error {self.std_error[-1]:.2g}"
        )
        return (
            f"LearningCurve({self.samples[-1]} samples: {self.information[-1]:.6g} of "
            f"{self.entropy:.6g} nats, "
            f"{self.error[-1]:.4g} a sample; {how})"
        )

    def _repr_html_(self) -> str:
        from .._views import html as _html

        return _html.learning_curve(self)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the information with a band of two standard errors, and H(F); return the axes.

        Examples
        --------
        >>> import scalecore as sc
        >>> coin = sc.FiniteModel([0.5, 0.5], [[[0.5, 0.5]], [[0.1, 0.9]]], [1.0])
        >>> ax = coin.learning_curve(20).plot()
        >>> ax.get_xlabel()
        'samples $t$'
        """
        from .._views.information_plots import plot_learning_curve

        return plot_learning_curve(self, ax=ax)


@dataclass(frozen=True, eq=False, repr=False)
class ConstrainedLearner:
    """Theorem A for one channel: the bound, its two parts, and the truth.

    Attributes
    ----------
    estimation : float
        I(F; F~)/T, nats per sample.
    misspecification : float
        E d_KL(P(Y|F,X) || P(Y|F<-F~,X)), nats per sample; infinite where F~ rules out what F
        allows.
    bound : float
        Their sum.
    error : float
        L_T of the learner that is Bayesian as if F~ were the truth, nats per sample; never above
        `bound`, and infinite if what it rules out can happen.
    std_error : float
        Standard error of `error` over histories; 0 if exact.
    prior : ndarray, shape (M,)
        The learner's prior, P(F~ = g).
    samples : int
        T.
    method : str
        "exact" or "monte_carlo".
    replicates : int
        Histories drawn; 0 if exact.

    Examples
    --------
    >>> import scalecore as sc
    >>> model = sc.FiniteModel([0.4, 0.3, 0.3], [[[0.8, 0.2]], [[0.5, 0.5]], [[0.2, 0.8]]], [1.0])
    >>> learner = model.constrained([[1, 0, 0], [0.5, 0, 0.5], [0, 0, 1]], 50)
    >>> learner.error <= learner.bound, learner.prior
    (True, array([0.55, 0.  , 0.45]))
    """

    estimation: float
    misspecification: float
    bound: float
    error: float
    std_error: float
    prior: NDArray[np.float64]
    samples: int
    method: str
    replicates: int

    def __repr__(self) -> str:
        how = (
            "exact"
            if self.method == "exact"
            else f"+- {self.std_error:.2g}, {self.replicates} histories"
        )
        return (
            f"ConstrainedLearner({self.samples} samples: error {self.error:.6g} ({how}) <= bound "
            f"{self.bound:.6g} = "
            f"estimation {self.estimation:.4g} + misspecification {self.misspecification:.4g})"
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the two parts of the bound, stacked, beside the true error; return the axes.

        Examples
        --------
        >>> import scalecore as sc
        >>> coins = [[[0.8, 0.2]], [[0.5, 0.5]], [[0.2, 0.8]]]
        >>> model = sc.FiniteModel([0.4, 0.3, 0.3], coins, [1.0])
        >>> learner = model.constrained([[1, 0, 0], [0.5, 0, 0.5], [0, 0, 1]], 50)
        >>> ax = learner.plot()
        >>> ax.get_ylabel()
        'nats per sample'
        """
        from .._views.information_plots import plot_constrained

        return plot_constrained(self, ax=ax)


class Terms(NamedTuple):
    """The whole run's terms of Theorem B, in nats: error = retained + forgotten + inference_gap."""

    retained: float
    forgotten: float
    inference_gap: float
    error: float


@dataclass(frozen=True, eq=False, repr=False)
class Decomposition:
    """Theorem B: where the error of a learner that keeps a statistic comes from.

    Terms that are 0 come out as rounding, some 1e-15 of either sign.

    Attributes
    ----------
    retained : ndarray, shape (steps + 1,)
        I(F; S_t), t = 0 ... steps, nats.
    forgotten : ndarray, shape (steps,)
        I(F; S_t, X_t, Y_{t+1}) - I(F; S_{t+1}), nats.
    inference_gap : ndarray, shape (steps,)
        E d_KL(P(Y_{t+1}|S_t,X_t) || predictor), nats; 0 for the best predictor.
    error : ndarray, shape (steps,)
        E d_KL(P(Y_{t+1}|F,X_t) || predictor), nats.
    memory : ndarray, shape (steps + 1,)
        H(S_t), which I(F; S_t) never exceeds, nats.
    residual : float
        total error less the sum of its terms: rounding.
    impossible : tuple of int or None
        The first (step, state, input, label) that can happen and has probability 0 under the
        predictor: the error is infinite.

    Examples
    --------
    >>> import scalecore as sc
    >>> coin = sc.FiniteModel([0.5, 0.5], [[[0.5, 0.5]], [[0.1, 0.9]]], [1.0])
    >>> parts = coin.incremental(sc.updates.last_sample(1, 2), 20)
    >>> total = parts.total
    >>> abs(total.error - (total.retained + total.forgotten + total.inference_gap)) < 1e-12
    True
    >>> round(parts.average.error, 4)
    0.0851
    """

    retained: NDArray[np.float64]
    forgotten: NDArray[np.float64]
    inference_gap: NDArray[np.float64]
    error: NDArray[np.float64]
    memory: NDArray[np.float64]
    residual: float
    impossible: tuple[int, ...] | None

    @property
    def steps(self) -> int:
        """Samples read."""
        return self.error.size

    @property
    def total(self) -> Terms:
        """Terms of the whole run, nats: T L_T = I(F; S_T) + what was forgotten + what was not
        inferred.
        """
        return Terms(
            float(self.retained[-1]),
            float(self.forgotten.sum()),
            float(self.inference_gap.sum()),
            float(self.error.sum()),
        )

    @property
    def average(self) -> Terms:
        """The same per sample: error is L_T."""
        return Terms(*(term / self.steps for term in self.total))

    def __repr__(self) -> str:
        total = self.total
        text = (
            f"Decomposition({self.steps} steps: error {total.error:.6g} nats = retained "
            f"{total.retained:.6g} + "
            f"forgotten {total.forgotten:.6g} + inference gap {total.inference_gap:.6g}"
        )
        if self.impossible is not None:
            step, state, x, y = self.impossible
            text += (
                f"; infinite, for in step {step} the predictor gives 0 to label {y} of input {x} "
                f"in state {state}, which can happen"
            )
        return text + ")"

    def _repr_html_(self) -> str:
        from .._views import html as _html

        return _html.decomposition(self)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the cumulative error as the stack of its three terms; return the axes.

        Examples
        --------
        >>> import scalecore as sc
        >>> coin = sc.FiniteModel([0.5, 0.5], [[[0.5, 0.5]], [[0.1, 0.9]]], [1.0])
        >>> parts = coin.incremental(sc.updates.last_sample(1, 2), 20)
        >>> ax = parts.plot()
        >>> ax.get_xlabel()
        'samples $t$'
        """
        from .._views.information_plots import plot_decomposition

        return plot_decomposition(self, ax=ax)
