"""Where learners are, and how they go on: the engine's calls on training runs."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._common.progress import bar
from .._core import training as _training
from ._adf_features import Features

if TYPE_CHECKING:
    from ._runs import TrainingRuns

TEST_MULTIPLE = 64  # inputs on which a trained network is judged come in multiples
_PER_DECADE = 16  # default checkpoints


@dataclass(eq=False)
class State:
    """Where learners are: what an extension goes on from.

    weights[i] is [repeat, rate, plane, input_dim + 1, width] for width i; the last row are output
    weights, planes 1 and 2 Adam's moments. For "adf" it is [repeat, rate, plane, p + 1, p]: the
    covariance of the coefficients of features[i], then their mean. Everything else is [repeat,
    width, rate] and, for `record`, each of the planned checkpoints.
    """

    weights: list[NDArray[Any]]
    sums: NDArray[np.float64]
    read: NDArray[np.int64]
    diverged: NDArray[np.int64]
    record: NDArray[np.float64]
    planned: NDArray[np.int64]
    features: list[Features] = field(default_factory=list)

    def copy(self) -> State:
        """Return a copy that can be trained without touching this one."""
        weights = [array.copy() for array in self.weights]
        arrays = (array.copy() for array in (self.sums, self.read, self.diverged, self.record))
        return State(weights, *arrays, self.planned, self.features)


def default_checkpoints(samples: int) -> NDArray[np.int64]:
    """Return `samples` and the numbers below it on a lattice of 16 a decade that does not depend on
    `samples`.
    """
    lattice = np.rint(10 ** (np.arange(0, 16 * _PER_DECADE) / _PER_DECADE))
    return np.union1d(lattice[lattice < samples], [samples]).astype(np.int64)


def _process(runs: TrainingRuns) -> tuple[Any, ...]:
    """Return what the engine calls begin with: where samples come from, and how learners learn."""
    prior = runs.prior
    features = [(them.directions, them.basis) for them in runs._state.features]
    single = runs.dtype == "float32"
    return (
        runs.key,
        prior.input_dim,
        prior.concentration,
        single,
        runs.optimizer,
        runs.decay,
        runs.decay_start,
        features,
    )


def advance_runs(runs: TrainingRuns, total: int, threads: int, progress: bool) -> TrainingRuns:
    """Take runs with a state of their own to `total` samples."""
    state, interrupted = runs._state, False
    final_error = np.full(state.sums.shape, np.nan)
    with bar(total - runs.samples, progress, "samples") as advance:
        try:
            _training.train(
                *_process(runs),
                state.weights,
                runs.learning_rates,
                state.sums,
                state.read,
                state.diverged,
                state.record,
                state.planned,
                total,
                threads,
                advance,
            )
            weights = [array.copy() for array in state.weights]
            final_error = judge_weights(
                replace(runs, samples=total),
                weights,
                runs.learning_rates,
                0,
                runs.test_inputs,
                threads,
            )
        except KeyboardInterrupt:
            interrupted = True
    samples = int(state.read.min())
    reached = state.planned <= samples
    if interrupted:
        warnings.warn(
            f"training was interrupted after {samples} of {total} samples; extend() goes on from "
            "there",
            RuntimeWarning,
            stacklevel=3,
        )
    return replace(
        runs,
        samples=samples,
        checkpoints=state.planned[reached],
        error=np.ascontiguousarray(state.record[..., reached]),
        final_error=final_error,
        diverged=np.where(state.diverged < samples, state.diverged, -1),
        interrupted=interrupted,
    )


def judge_weights(
    runs: TrainingRuns,
    weights: list[NDArray[Any]],
    rates: NDArray[np.float64],
    first_repeat: int,
    inputs: int,
    threads: int,
) -> NDArray[np.float64]:
    """Complete the given weights after `runs.samples` samples, in place; return their errors on
    fresh inputs.
    """
    errors = np.empty((weights[0].shape[0], len(weights), rates.size))
    _training.judge(
        *_process(runs),
        weights,
        rates,
        runs.samples,
        first_repeat,
        inputs,
        errors,
        threads,
    )
    return errors
