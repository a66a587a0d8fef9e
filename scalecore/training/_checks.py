"""Training runs as a stranger may make, load or change them: what does not fit is refused by name.

The engine refuses it as well, but cannot say which field was wrong; and some of it no engine sees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._common.validation import (
    boolean,
    describe,
    distinct,
    nonnegative_number,
    one_of,
    positive_array,
    positive_int,
    positive_number,
    whole_numbers,
)
from ..network import NetworkPrior
from ._adf_features import Features
from ._engine import State
from ._plan import DTYPES, OPTIMIZERS, TEST_MULTIPLE

if TYPE_CHECKING:
    from ._trained_learners import TrainedLearners

_PLANES = {"adam": 3}  # of a learner's weights: themselves and Adam's two moments


def check_runs(runs: TrainedLearners) -> None:
    """Refuse runs of which a field does not fit the others."""
    check_plan(runs)
    if not isinstance(runs._state, State):
        raise TypeError(f"_state must be that of training runs, got {describe(runs._state)}")
    planned = _rising("the planned checkpoints", runs._state.planned, 2**53)
    last = int(planned[-1])
    if positive_int("samples", runs.samples, least=0) > last:
        raise ValueError(f"samples must be at most {last}, the last planned, got {runs.samples}")
    boolean("interrupted", runs.interrupted)
    done = planned[planned <= runs.samples]
    _fits("checkpoints", runs.checkpoints, done.shape, np.int64)
    if not np.array_equal(runs.checkpoints, done):
        raise ValueError(
            f"checkpoints must be the {done.size} planned ones up to the {runs.samples} samples "
            f"read, got {describe(runs.checkpoints)}"
        )
    repeats = min(np.shape(runs.error)[:1] or (0,))
    grid = repeats, runs.widths.size, runs.learning_rates.size
    if not repeats:
        raise ValueError(f"error must have at least one repeat, got {describe(runs.error)}")
    _fits("error", runs.error, (*grid, done.size), np.float64)
    _fits("final_error", runs.final_error, grid, np.float64)
    _fits("diverged", runs.diverged, grid, np.int64)
    _check_state(runs, grid, planned.size)


def check_plan(runs: TrainedLearners) -> None:
    """Refuse fields that `train` would not have accepted as arguments."""
    own = runs.prior is None
    if not own and not isinstance(runs.prior, NetworkPrior):
        raise TypeError(f"prior must be a NetworkPrior or None, got {describe(runs.prior)}")
    d = positive_int("input_dim", runs.input_dim, most=2**31)
    if runs.prior is not None and d != runs.prior.input_dim:
        raise ValueError(f"input_dim must be the prior's {runs.prior.input_dim}, got {d}")
    positive_int("shuffled", runs.shuffled, least=0, most=2**53 if own else 0)
    for name, check in (("widths", whole_numbers), ("learning_rates", positive_array)):
        values = getattr(runs, name)
        distinct(name, check(name, values))
        _fits(name, values, (np.size(values),), np.int64 if name == "widths" else np.float64)
    one_of("optimizer", runs.optimizer, OPTIMIZERS)
    nonnegative_number("decay", runs.decay)
    positive_number("decay_start", runs.decay_start)
    one_of("dtype", runs.dtype, DTYPES)
    inputs = positive_int("test_inputs", runs.test_inputs, least=0, most=2**30)
    if own != (inputs == 0):
        raise ValueError(f"test_inputs must be 0 where prior is None, and only there, got {inputs}")
    if inputs % TEST_MULTIPLE:
        raise ValueError(f"test_inputs must be a multiple of {TEST_MULTIPLE}, got {inputs}")
    positive_int("key", runs.key, least=0, most=2**64 - 1)


def _check_state(runs: TrainedLearners, grid: tuple[int, int, int], planned: int) -> None:
    state, adf, d = runs._state, runs.optimizer == "adf", runs.input_dim
    if runs.prior is None:
        _fits("the state's last sample", state.last, (grid[0], d + 1), runs.dtype)
    elif state.last is not None:
        raise ValueError(f"the state must have no last sample, got {describe(state.last)}")
    _fits("the state's sums", state.sums, grid, np.float64)
    _fits("the state's read", state.read, grid, np.int64)
    _fits("the state's diverged", state.diverged, grid, np.int64)
    _fits("the state's record", state.record, (*grid, planned), np.float64)
    if np.min(state.read) < 0:
        raise ValueError(f"the state's read must not be negative, got {np.min(state.read)}")
    for name, values, wanted in (
        ("weights", state.weights, grid[1]),
        ("features", state.features, grid[1] if adf else 0),
    ):
        if len(values) != wanted:
            raise ValueError(f"the state must have {wanted} {name}, got {len(values)}")
    planes = _PLANES.get(runs.optimizer, 1)
    kind = np.float64 if adf else runs.dtype
    for i, (width, weights) in enumerate(zip(runs.widths, state.weights, strict=True)):
        name = f"the weights of width {width}"
        rows, columns = d + 1, int(width)
        if adf:
            columns = _check_features(int(width), state.features[i], d)
            rows = columns + 1
        _fits(name, weights, (grid[0], grid[2], planes, rows, columns), kind)


def _check_features(width: int, features: Any, d: int) -> int:
    """Return how many coefficients they have."""
    if not isinstance(features, Features):
        raise TypeError(f"the features of width {width} must be Features, got {describe(features)}")
    which, count = f"of width {width}", np.size(features.variances)
    rows = min(np.shape(features.directions)[:1] or (0,))
    if rows > max(1, width - 2):  # the linear part takes two units
        raise ValueError(f"the directions {which} must be at most {max(1, width - 2)}, got {rows}")
    _fits(f"the variances {which}", features.variances, (count,), np.float64)
    _fits(f"the directions {which}", features.directions, (rows, d), np.float64)
    _fits(f"the basis {which}", features.basis, (count, rows + d), np.float64)
    return count


def _rising(name: str, values: Any, most: int) -> NDArray[np.int64]:
    """Return whole numbers from 1 that rise."""
    _fits(name, values, (max(1, np.size(values)),), np.int64)
    if values[0] < 1 or values[-1] > most or (np.diff(values) <= 0).any():
        raise ValueError(f"{name} must rise from at least 1, got {values[:9].tolist()}")
    return np.asarray(values)


def _fits(name: str, array: Any, shape: tuple[int, ...], dtype: Any) -> None:
    """Refuse what is not an array of this shape and kind, one number after the other."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name} must be an array, got {describe(array)}")
    if array.shape != shape or array.dtype != dtype:
        raise ValueError(
            f"{name} must have shape {shape} and dtype {np.dtype(dtype)}, "
            f"got {array.shape} and {array.dtype}"
        )
