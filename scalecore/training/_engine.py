"""The engine's side of training: the state of all learners, and how it is taken forward."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._common.progress import bar
from .._core import network as _network
from .._core import training as _training
from ._adf_features import Features, features
from ._plan import TrainingPlan

_FOR_WEIGHTS = 6  # SC_FOR_WEIGHTS in csrc/special/philox.h: the random stream of initial weights


@dataclass(eq=False)
class State:
    """All that training changes: saved with the runs, so that `extend` continues bit for bit.

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
        return State(
            weights=[array.copy() for array in self.weights],
            sums=self.sums.copy(),
            read=self.read.copy(),
            diverged=self.diverged.copy(),
            record=self.record.copy(),
            planned=self.planned,
            features=self.features,
        )


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured so far; fields as those of `TrainingRuns`."""

    samples: int
    checkpoints: NDArray[np.int64]
    error: NDArray[np.float64]
    final_error: NDArray[np.float64]
    diverged: NDArray[np.int64]
    interrupted: bool


def start(plan: TrainingPlan) -> State:
    """Return the state in which nothing has been read."""
    adf = plan.optimizer == "adf"
    of_widths = [features(plan.prior.input_dim, int(width)) for width in plan.widths] if adf else []
    return State(
        weights=_priors(plan, of_widths) if adf else _initial_weights(plan),
        sums=np.zeros(plan.shape),
        read=np.zeros(plan.shape, np.int64),
        diverged=np.full(plan.shape, -1, np.int64),
        record=np.full((*plan.shape, plan.checkpoints.size), np.nan),
        planned=plan.checkpoints,
        features=of_widths,
    )


def advance(
    plan: TrainingPlan, state: State, samples: int, n_threads: int, progress: bool
) -> Measured:
    """Take the learners to `samples` samples, in place; after Ctrl-C, as far as they came."""
    interrupted = False
    final_error = np.full(plan.shape, np.nan)
    with bar(samples - int(state.read.min()), progress, "samples") as report:
        try:
            _training.train(
                **_process(plan, state.features),
                states=state.weights,
                rates=plan.learning_rates,
                sums=state.sums,
                read=state.read,
                diverged=state.diverged,
                record=state.record,
                checkpoints=state.planned,
                samples=samples,
                n_threads=n_threads,
                advance=report,
            )
            final_error = final_errors(
                plan,
                state.features,
                [array.copy() for array in state.weights],
                plan.learning_rates,
                samples=samples,
                first_repeat=0,
                inputs=plan.test_inputs,
                n_threads=n_threads,
            )
        except KeyboardInterrupt:
            interrupted = True
    reached = int(state.read.min())
    done = state.planned <= reached
    return Measured(
        samples=reached,
        checkpoints=state.planned[done],
        error=np.ascontiguousarray(state.record[..., done]),
        final_error=final_error,
        diverged=np.where(state.diverged < reached, state.diverged, -1),
        interrupted=interrupted,
    )


def final_errors(
    plan: TrainingPlan,
    of_widths: list[Features],
    weights: list[NDArray[Any]],
    rates: NDArray[np.float64],
    *,
    samples: int,
    first_repeat: int,
    inputs: int,
    n_threads: int,
) -> NDArray[np.float64]:
    """Complete the given weights, in place, after `samples` samples; return errors on new inputs.

    The weights may be those of some learners: of repeats from `first_repeat` on, at some `rates`.
    """
    errors = np.empty((weights[0].shape[0], len(weights), rates.size))
    _training.final_errors(
        **_process(plan, of_widths),
        states=weights,
        rates=rates,
        samples=samples,
        first_repeat=first_repeat,
        inputs=inputs,
        errors=errors,
        n_threads=n_threads,
    )
    return errors


def _process(plan: TrainingPlan, of_widths: list[Features]) -> dict[str, Any]:
    """Return what both calls of the engine need: where samples come from, how learners learn."""
    return {
        "key": plan.key,
        "input_dim": plan.prior.input_dim,
        "concentration": plan.prior.concentration,
        "single": plan.dtype == "float32",
        "optimizer": plan.optimizer,
        "decay": plan.decay,
        "decay_start": plan.decay_start,
        "features": [(each.directions, each.basis) for each in of_widths],
    }


def _priors(plan: TrainingPlan, of_widths: list[Features]) -> list[NDArray[np.float64]]:
    """Return the law of the coefficients before any sample, one array a width; see `State`."""
    states = []
    for each in of_widths:
        count = each.variances.size
        state = np.zeros((plan.repeats, 1, 1, count + 1, count))
        state[..., range(count), range(count)] = each.variances
        states.append(state)
    return states


def _initial_weights(plan: TrainingPlan) -> list[NDArray[Any]]:
    """Return initial states, one array a width; see the notes of `train`."""
    repeats, rates = plan.repeats, plan.learning_rates.size
    d, widest = plan.prior.input_dim, int(plan.widths.max())
    planes = 3 if plan.optimizer == "adam" else 1
    states = [
        np.zeros((repeats, rates, planes, d + 1, int(width)), plan.dtype) for width in plan.widths
    ]
    for repeat in range(repeats):
        numbers = _network.numbers(
            "normal", plan.key, repeat, _FOR_WEIGHTS, 0, -(-widest * (d + 1) // 16)
        )
        units = numbers[: widest * (d + 1)].reshape(widest, d + 1)
        directions = units[:, :d] / np.sqrt(np.square(units[:, :d]).sum(axis=1))[:, None]
        for state, width in zip(states, map(int, plan.widths), strict=True):
            radius = 0.5 * width**-0.25
            state[repeat, :, 0, :d] = radius * directions[:width].T
            state[repeat, :, 0, d] = np.copysign(radius, units[:width, d])
    return states
