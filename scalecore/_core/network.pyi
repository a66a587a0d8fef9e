import numpy as np
from numpy.typing import NDArray

MOST_WIDTHS: int
MOST_INPUT_DIM: int
MOST_CONCENTRATION: float

def atoms(
    key: int, item: int, input_dim: int, concentration: float, chunk: int, left: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float]: ...
def grouped(
    directions: NDArray[np.floating], weights: NDArray[np.floating], dtype: type
) -> tuple[NDArray[np.floating], NDArray[np.floating]]: ...
def logits(
    directions: NDArray[np.floating],
    weights: NDArray[np.floating],
    inputs: NDArray[np.floating],
    out: NDArray[np.floating],
    n_threads: int,
) -> None: ...
def experiment(
    key: int,
    first: int,
    input_dim: int,
    concentration: float,
    truncation: float,
    inputs: int,
    widths: NDArray[np.float64],
    single: bool,
    kl: NDArray[np.float64],
    squared: NDArray[np.float64],
    occupancy: NDArray[np.float64],
    n_threads: int,
) -> None: ...
def philox(counter: list[int], key: int) -> list[int]: ...
def numbers(
    kind: str, key: int, item: int, purpose: int, first: int, groups: int
) -> NDArray[np.float64]: ...
def binomial(key: int, n: float, p: float, size: int) -> NDArray[np.float64]: ...
def multiply_adds(repeats: int, single: bool, n_threads: int) -> float: ...
