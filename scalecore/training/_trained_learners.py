"""Learners as their training left them: what was planned and measured, what they read, and what
they became.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._common.validation import place_among, positive_int, sample_count
from .._core import training as _training
from ..network import Network, NetworkPrior
from ..network._prior import sample_network
from ._checks import check_runs
from ._engine import Measured, State, completed
from ._plan import TEST_MULTIPLE, TrainingPlan

if TYPE_CHECKING:
    from typing import Self


@dataclass(frozen=True, eq=False, repr=False)
class TrainedLearners:
    """Learners of a plan with their data and weights; `TrainingRuns` says what each field is."""

    prior: NetworkPrior | None
    input_dim: int
    shuffled: int
    widths: NDArray[np.int64]
    learning_rates: NDArray[np.float64]
    samples: int
    checkpoints: NDArray[np.int64]
    error: NDArray[np.float64]
    final_error: NDArray[np.float64]
    diverged: NDArray[np.int64]
    optimizer: str
    decay: float
    decay_start: float
    dtype: str
    test_inputs: int
    interrupted: bool
    key: int
    _state: State = field(repr=False)

    def __post_init__(self) -> None:
        check_runs(self)

    def __reduce__(self) -> tuple[type[Self], tuple[Any, ...]]:
        """Pickles and copies are made by the constructor, which checks them."""
        return type(self), tuple(getattr(self, f.name) for f in fields(self))

    @classmethod
    def _of(cls, plan: TrainingPlan, measured: Measured, state: State) -> Self:
        """Return the runs of a plan, made once all is measured."""
        own = {f.name for f in fields(cls)}
        planned = {name: value for name, value in vars(plan).items() if name in own}
        return cls(**planned | vars(measured), _state=state)

    @property
    def _plan(self) -> TrainingPlan:
        check_runs(self)  # once more: fields of a frozen dataclass can be exchanged
        own = {f.name: getattr(self, f.name) for f in fields(TrainingPlan)}
        return TrainingPlan(**own | {"checkpoints": self._state.planned})

    @property
    def repeats(self) -> int:
        """Number of repeats: networks, each with its own data."""
        return self.error.shape[0]

    @property
    def measure(self) -> str:
        """What `error` is, in nats per sample: "error" (reducible), or "log-loss" of own data."""
        return "log-loss" if self.prior is None else "error"

    @np.errstate(under="ignore")
    def network(self, repeat: int, *, truncation: float = 1e-8) -> Network:
        """Return the infinite-width network that drew the data of a repeat.

        Examples
        --------
        >>> import scalecore as sc
        >>> prior, rates = sc.NetworkPrior(4, 10), [0.02, 0.1]
        >>> runs = sc.train(prior, [1, 4, 16], 2000, learning_rates=rates, repeats=3, rng=1)
        >>> runs.network(repeat=0).input_dim
        4
        """
        return sample_network(self._process("network"), self.key, self._repeat(repeat), truncation)

    @np.errstate(under="ignore")
    def data(
        self, repeat: int, samples: int
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.float64]]:
        """Return the first samples that the learners of a repeat read.

        Parameters
        ----------
        repeat : int
            Which repeat, from 0.
        samples : int
            How many samples.

        Returns
        -------
        X : ndarray, shape (samples, d)
            Inputs, in `dtype`.
        y : ndarray, shape (samples,)
            Labels, 0 or 1, in `dtype`.
        probability : ndarray, shape (samples,)
            P(Y = 1 | F, x), in float64.

        Examples
        --------
        >>> import scalecore as sc
        >>> prior, rates = sc.NetworkPrior(4, 10), [0.02, 0.1]
        >>> runs = sc.train(prior, [1, 4, 16], 2000, learning_rates=rates, repeats=3, rng=1)
        >>> X, y, probability = runs.data(repeat=0, samples=100)
        >>> X.shape, bool(abs(runs.network(0).probability(X) - probability).max() < 1e-5)
        ((100, 4), True)
        """
        prior = self._process("data")
        plan, count, item = self._plan, sample_count(samples), self._repeat(repeat)
        whole = -(-count // TEST_MULTIPLE) * TEST_MULTIPLE
        parts = [
            _training.samples(
                plan.key,
                prior.input_dim,
                prior.concentration,
                item,
                first,
                min(2**14, whole - first),
                plan.dtype == "float32",
                False,
            )
            for first in range(0, whole, 2**14)
        ]
        X, y, probability = (
            np.concatenate(columns)[:count] for columns in zip(*parts, strict=True)
        )
        return X, y, probability

    @np.errstate(under="ignore")
    def weights(
        self, repeat: int, width: int, learning_rate: float | None = None
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the weights of a trained network f(x) = sum_i outputs[i] max(hidden[i] . x, 0).

        For "adf" that is the posterior's mean; `final_error` is that of the posterior's prediction,
        which is not quite sigma(f).

        Parameters
        ----------
        repeat : int
            Which repeat, from 0.
        width, learning_rate
            One of `widths` and of `learning_rates`; the rate may be left out where there is only
            one.

        Returns
        -------
        hidden : ndarray, shape (width, d)
        outputs : ndarray, shape (width,)

        Examples
        --------
        >>> import scalecore as sc
        >>> prior, rates = sc.NetworkPrior(4, 10), [0.02, 0.1]
        >>> runs = sc.train(prior, [1, 4, 16], 2000, learning_rates=rates, repeats=3, rng=1)
        >>> hidden, outputs = runs.weights(repeat=0, width=16, learning_rate=0.1)
        >>> hidden.shape, outputs.shape
        ((16, 4), (16,))
        """
        plan, item = self._plan, self._repeat(repeat)
        i = place_among("width", width, self.widths)
        only = learning_rate is None and self.learning_rates.size == 1
        j = 0 if only else place_among("learning_rate", learning_rate, self.learning_rates)
        if self.optimizer == "adf":
            return self._state.features[i].network(
                self._state.weights[i][item, j, 0, -1], int(width)
            )
        weights = completed(plan, self._state, item, i, j, self.samples)
        return weights[:-1].T.copy(), weights[-1].copy()

    def _process(self, name: str) -> NetworkPrior:
        """Return the prior, which the method of this name needs."""
        if self.prior is None:
            raise ValueError(
                f"{name}() is of runs on the theory's process; these read data of your own"
            )
        return self.prior

    def _repeat(self, repeat: int) -> int:
        item = positive_int("repeat", repeat, least=0, most=2**53)
        if item >= self.repeats:
            raise ValueError(f"repeat must be below {self.repeats}, got {item}")
        return item
