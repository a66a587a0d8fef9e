"""What is to be trained: the checked arguments of `train`, before anything has been read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._common.validation import (
    checkpoint_list,
    describe,
    distinct,
    enough_memory,
    nonnegative_number,
    one_of,
    positive_array,
    positive_int,
    positive_number,
    sample_count,
    stream_key,
    whole_numbers,
)
from ..network import NetworkPrior
from ._own_data import OPEN, OwnData

if TYPE_CHECKING:
    from .._common.annotations import Seed

TEST_MULTIPLE = 64  # inputs on which trained networks are compared come in multiples
_PER_DECADE = 16  # default checkpoints
OPTIMIZERS = ("sgd", "adam", "adf")
DTYPES = ("float32", "float64")
_MOST_COEFFICIENTS = 4096  # of "adf": a covariance of 128 MB


@dataclass(frozen=True, eq=False)
class TrainingPlan:
    """Everything that fixes the numbers of a training: the data, the learners, what is recorded.

    Attributes are those of `TrainingRuns`; `checkpoints` are all that are planned, the last of
    which is the number of samples.
    """

    prior: NetworkPrior | None
    input_dim: int
    shuffled: int
    widths: NDArray[np.int64]
    learning_rates: NDArray[np.float64]
    repeats: int
    optimizer: str
    decay: float
    decay_start: float
    checkpoints: NDArray[np.int64]
    test_inputs: int
    dtype: str
    key: int

    @property
    def samples(self) -> int:
        """Samples that every learner will have read."""
        return int(self.checkpoints[-1])

    @property
    def shape(self) -> tuple[int, int, int]:
        """Repeats, widths and learning rates."""
        return self.repeats, self.widths.size, self.learning_rates.size


def plan_training(
    prior: NetworkPrior | None,
    widths: ArrayLike,
    samples: int | None,
    learning_rates: ArrayLike | None,
    repeats: int,
    optimizer: str,
    decay: float | None,
    decay_start: float | None,
    checkpoints: ArrayLike | None,
    test_inputs: int | None,
    dtype: str,
    rng: Seed = None,
    data: OwnData | None = None,
) -> TrainingPlan:
    """Check the arguments of `train`."""
    if data is None and not isinstance(prior, NetworkPrior):
        raise TypeError(
            f"prior must be a NetworkPrior where there are no data, got {describe(prior)}"
        )
    grid = distinct("widths", whole_numbers("widths", widths))
    one_of("optimizer", optimizer, OPTIMIZERS)
    rates, decay, decay_start = _rates(optimizer, learning_rates, decay, decay_start)
    total, count = (
        total_samples(samples, data, checkpoints),
        positive_int("repeats", repeats, most=2**31),
    )
    planned = (
        default_checkpoints(total)
        if checkpoints is None
        else np.union1d(checkpoint_list(checkpoints, total), [total])
    )
    inputs = _test_inputs(test_inputs, data)
    one_of("dtype", dtype, DTYPES)
    input_dim = data.input_dim if data is not None else cast(NetworkPrior, prior).input_dim
    _check_size(optimizer, input_dim, grid.max())
    each = 3.0 * (input_dim + 1) * grid.sum() + float(grid.size) * (planned.size + 4)
    enough_memory(f"training of {count} repeats", 0.5 * count * rates.size * each)
    return TrainingPlan(
        prior=prior,
        input_dim=input_dim,
        shuffled=(data.size or 0) if data is not None and data.shuffled else 0,
        widths=grid.astype(np.int64),
        learning_rates=rates,
        repeats=count,
        optimizer=optimizer,
        decay=decay,
        decay_start=decay_start,
        checkpoints=planned.astype(np.int64),
        test_inputs=inputs,
        dtype=dtype,
        key=stream_key(rng),
    )


def total_samples(samples: int | None, data: OwnData | None, checkpoints: ArrayLike | None) -> int:
    """Return how many samples are to be read; OPEN where nobody knows how many there are."""
    if samples is None:
        if data is None:
            raise TypeError("samples must be given where there are no data")
        if data.size is None and checkpoints is not None:
            raise TypeError("samples must be given with checkpoints where data are blocks")
        return OPEN if data.size is None else data.size
    total = sample_count(samples)
    if data is not None and data.size is not None and total > data.size:
        raise ValueError(
            f"samples must be at most {data.size}, those of data, which are read once, got {total}"
        )
    return total


def _test_inputs(value: int | None, data: OwnData | None) -> int:
    """Return how many fresh inputs there are; of the user's data there are none."""
    if data is not None:
        if value is not None:
            raise ValueError(
                f"test_inputs must be left out where there are data, got {describe(value)}"
            )
        return 0
    inputs = positive_int("test_inputs", 4096 if value is None else value, most=2**30)
    if inputs % TEST_MULTIPLE:
        raise ValueError(f"test_inputs must be a multiple of {TEST_MULTIPLE}, got {inputs}")
    return inputs


def default_checkpoints(samples: int) -> NDArray[np.int64]:
    """Return `samples` and the numbers below it on a lattice of 16 a decade that does not depend on
    `samples`.
    """
    lattice = np.rint(10 ** (np.arange(0, 16 * _PER_DECADE) / _PER_DECADE))
    return np.union1d(lattice[lattice < samples], [samples]).astype(np.int64)


def _rates(
    optimizer: str, learning_rates: ArrayLike | None, decay: float | None, decay_start: float | None
) -> tuple[NDArray[np.float64], float, float]:
    """Return the rates and how they fall; a filter has none and stands at rate 1."""
    if optimizer == "adf":
        for name, value in (
            ("learning_rates", learning_rates),
            ("decay", decay),
            ("decay_start", decay_start),
        ):
            if value is not None:
                raise ValueError(
                    f"{name} must be left out with optimizer='adf', which has no learning rate, "
                    f"got {describe(value)}"
                )
        return np.ones(1), 0.0, 1.0
    if learning_rates is None:
        raise TypeError(
            f"learning_rates must be given with optimizer={optimizer!r}: positive numbers"
        )
    return (
        distinct("learning_rates", positive_array("learning_rates", learning_rates)),
        0.5 if decay is None else nonnegative_number("decay", decay),
        1000.0 if decay_start is None else positive_number("decay_start", decay_start),
    )


def _check_size(optimizer: str, input_dim: int, widest: float) -> None:
    if optimizer == "adf":
        if widest + input_dim - 2 > _MOST_COEFFICIENTS:
            raise ValueError(
                "widths must keep width + input_dim - 2 coefficients at most "
                f"{_MOST_COEFFICIENTS} with optimizer='adf', "
                f"got {widest:g} and input_dim {input_dim}"
            )
    elif widest * (input_dim + 1) * (3 if optimizer == "adam" else 1) >= 2**31:
        raise ValueError(
            f"widths must keep width * (input_dim + 1) below 2**31 numbers, got {widest:g}"
        )
