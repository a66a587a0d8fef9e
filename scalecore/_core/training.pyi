from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

def train(
    *,
    key: int,
    input_dim: int,
    concentration: float,
    single: bool,
    optimizer: str,
    decay: float,
    decay_start: float,
    features: list[tuple[NDArray[np.float64], NDArray[np.float64]]],
    states: list[NDArray[Any]],
    rates: NDArray[np.float64],
    sums: NDArray[np.float64],
    read: NDArray[np.int64],
    diverged: NDArray[np.int64],
    record: NDArray[np.float64],
    checkpoints: NDArray[np.int64],
    samples: int,
    n_threads: int,
    advance: Callable[[int], object],
) -> None: ...
def train_on(
    *,
    input_dim: int,
    single: bool,
    optimizer: str,
    decay: float,
    decay_start: float,
    features: list[tuple[NDArray[np.float64], NDArray[np.float64]]],
    states: list[NDArray[Any]],
    rates: NDArray[np.float64],
    sums: NDArray[np.float64],
    read: NDArray[np.int64],
    diverged: NDArray[np.int64],
    record: NDArray[np.float64],
    checkpoints: NDArray[np.int64],
    first: int,
    blocks: Iterable[tuple[NDArray[Any], NDArray[Any]]],
    complete: bool,
    n_threads: int,
    advance: Callable[[int], object],
) -> None: ...
def final_errors(
    *,
    key: int,
    input_dim: int,
    concentration: float,
    single: bool,
    optimizer: str,
    decay: float,
    decay_start: float,
    features: list[tuple[NDArray[np.float64], NDArray[np.float64]]],
    states: list[NDArray[Any]],
    rates: NDArray[np.float64],
    samples: int,
    first_repeat: int,
    inputs: int,
    errors: NDArray[np.float64],
    n_threads: int,
) -> None: ...
def samples(
    key: int,
    input_dim: int,
    concentration: float,
    repeat: int,
    first: int,
    count: int,
    single: bool,
    fresh: bool,
) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.float64]]: ...
def sweeps(weights: NDArray[np.float32], repeats: int) -> None: ...
