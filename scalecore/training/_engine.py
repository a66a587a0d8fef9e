"""The engine's side of training: the state of all learners, and how it is taken forward."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._common.progress import bar
from .._core import network as _network
from .._core import training as _training
from ._adf_features import Features, features
from ._own_data import OPEN, Block, OwnData
from ._plan import TEST_MULTIPLE, TrainingPlan

_FOR_WEIGHTS = 6  # SC_FOR_WEIGHTS in csrc/special/philox.h: the random stream of initial weights


@dataclass(eq=False)
class State:
    """All that training changes: saved with the runs, so that `extend` continues bit for bit.

    weights[i] is [repeat, rate, plane, input_dim + 1, width] for width i; the last row are output
    weights, planes 1 and 2 Adam's moments. For "adf" it is [repeat, rate, plane, p + 1, p]: the
    covariance of the coefficients of features[i], then their mean. Everything else is [repeat,
    width, rate] and, for `record`, each of the planned checkpoints.

    Where the user's data are read, `last` is the last sample that every learner has read, [repeat,
    input_dim + 1] with the label behind: SGD's weights may not have learned from it yet, and later
    data must have it at its place.
    """

    weights: list[NDArray[Any]]
    sums: NDArray[np.float64]
    read: NDArray[np.int64]
    diverged: NDArray[np.int64]
    record: NDArray[np.float64]
    planned: NDArray[np.int64]
    features: list[Features] = field(default_factory=list)
    last: NDArray[Any] | None = None

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
            last=self.last,
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
    of_widths = [features(plan.input_dim, int(width)) for width in plan.widths] if adf else []
    return State(
        weights=_priors(plan, of_widths) if adf else _initial_weights(plan),
        sums=np.zeros(plan.shape),
        read=np.zeros(plan.shape, np.int64),
        diverged=np.full(plan.shape, -1, np.int64),
        record=np.full((*plan.shape, plan.checkpoints.size), np.nan),
        planned=plan.checkpoints,
        features=of_widths,
        last=None if plan.prior else np.zeros((plan.repeats, plan.input_dim + 1), plan.dtype),
    )


def advance(
    plan: TrainingPlan,
    state: State,
    samples: int,
    n_threads: int,
    progress: bool,
    data: OwnData | None = None,
) -> Measured:
    """Take the learners to `samples` samples, in place; after Ctrl-C, or if the user's data fail,
    as far as they came.
    """
    interrupted = False
    final_error = np.full(plan.shape, np.nan)
    missing = None if samples == OPEN else samples - int(state.read.min())
    with bar(missing, progress, "samples") as report:
        try:
            if data is not None:
                _read_own_data(plan, state, data, samples, n_threads, report)
            else:
                _training.train(
                    **_process(plan),
                    **_learning(plan, state.features),
                    **_learners(plan, state),
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
    if samples == OPEN:
        _close(state)
    reached = int(state.read.min())
    done = state.planned <= reached
    return Measured(
        samples=reached,
        checkpoints=state.planned[done],
        error=np.ascontiguousarray(state.record[..., done]),
        final_error=final_error,
        diverged=np.where(state.diverged < reached, state.diverged, -1),
        interrupted=interrupted or (data is not None and data.failure is not None),
    )


def _read_own_data(
    plan: TrainingPlan,
    state: State,
    data: OwnData,
    samples: int,
    n_threads: int,
    report: Callable[[int], object],
) -> None:
    """Let the learners read the user's data; see `advance`."""
    known = int(state.read.min())
    first = max(0, known - 1) // 2 * 2  # with the last sample that all have read
    recent: list[tuple[int, Block]] = []  # blocks with their first samples

    def sample(number: int) -> NDArray[Any]:
        """Return one that is in the two last blocks, with its label, of every repeat."""
        start, (inputs, labels) = [block for block in recent if block[0] <= number][-1]
        one = np.concatenate([inputs[:, number - start], labels[:, number - start, None]], axis=1)
        return np.broadcast_to(one, (plan.repeats, one.shape[1])).copy()

    def blocks() -> Iterator[Block]:
        start = first
        for block in data.blocks(first, samples, plan.repeats, plan.key):
            recent[:] = [*recent[-1:], (start, block)]
            if known and start == first and (sample(known - 1) != state.last).any():
                raise ValueError(
                    "data must be those that these runs have read, from their first sample on: "
                    f"sample {known - 1} differs"
                )
            start += block[1].shape[1]
            yield block

    try:
        _training.train_on(
            **_learning(plan, state.features),
            **_learners(plan, state),
            first=first,
            blocks=blocks(),
            complete=False,
            n_threads=n_threads,
            advance=report,
        )
    finally:
        reached = int(state.read.min())
        if reached > known:
            state.last = sample(reached - 1)


def _close(state: State) -> None:
    """End the plan of data whose number nobody knew with the samples that were read."""
    end = max(1, int(state.read.max()))
    before = state.planned < end
    with np.errstate(invalid="ignore"):
        last = np.where((state.read == end) & np.isfinite(state.sums), state.sums / end, np.nan)
    state.planned = np.append(state.planned[before], end)
    state.record = np.concatenate([state.record[..., before], last[..., None]], axis=-1)


def completed(
    plan: TrainingPlan, state: State, repeat: int, width: int, rate: int, samples: int
) -> NDArray[Any]:
    """Return a learner's weights after `samples` samples, [input_dim + 1, width]; see `State`."""
    weights = [state.weights[width][repeat : repeat + 1, rate : rate + 1].copy()]
    rates = plan.learning_rates[rate : rate + 1]
    if plan.prior is not None:
        final_errors(
            plan,
            [],
            weights,
            rates,
            samples=samples,
            first_repeat=repeat,
            inputs=TEST_MULTIPLE,
            n_threads=1,
        )
    elif samples % 2 and plan.optimizer == "sgd":
        # the sample, and something in the place of the partner that it waits for
        last = np.repeat(np.asarray(state.last)[repeat : repeat + 1, None], 2, axis=1)
        block = np.ascontiguousarray(last[..., :-1]), np.ascontiguousarray(last[..., -1])
        one = replace(plan, learning_rates=rates)
        scratch = State(
            weights=weights,
            sums=np.zeros((1, 1, 1)),
            read=np.zeros((1, 1, 1), np.int64),
            diverged=np.zeros((1, 1, 1), np.int64),
            record=np.zeros((1, 1, 1, 0)),
            planned=np.zeros(0, np.int64),
        )
        _training.train_on(
            **_learning(one, []),
            **_learners(one, scratch),
            first=samples - 1,
            blocks=[block],
            complete=True,
            n_threads=1,
            advance=lambda more: None,
        )
    return np.asarray(weights[0][0, 0, 0])


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
        **_process(plan),
        **_learning(plan, of_widths),
        states=weights,
        rates=rates,
        samples=samples,
        first_repeat=first_repeat,
        inputs=inputs,
        errors=errors,
        n_threads=n_threads,
    )
    return errors


def _process(plan: TrainingPlan) -> dict[str, Any]:
    """Return what fixes the samples that are drawn."""
    assert plan.prior is not None
    return {"key": plan.key, "concentration": plan.prior.concentration}


def _learning(plan: TrainingPlan, of_widths: list[Features]) -> dict[str, Any]:
    """Return how learners learn."""
    return {
        "input_dim": plan.input_dim,
        "single": plan.dtype == "float32",
        "optimizer": plan.optimizer,
        "decay": plan.decay,
        "decay_start": plan.decay_start,
        "features": [(each.directions, each.basis) for each in of_widths],
    }


def _learners(plan: TrainingPlan, state: State) -> dict[str, Any]:
    """Return who learns, and where it is noted."""
    return {
        "states": state.weights,
        "rates": plan.learning_rates,
        "sums": state.sums,
        "read": state.read,
        "diverged": state.diverged,
        "record": state.record,
        "checkpoints": state.planned,
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
    d, widest = plan.input_dim, int(plan.widths.max())
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
