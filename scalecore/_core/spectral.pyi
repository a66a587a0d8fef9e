from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

STRATEGIES: dict[str, int]
BOUND_STRATEGIES: dict[str, int]
TERMS: tuple[str, ...]
TABLES_FOR: list[Callable[[list[float]], list[Strategies]] | None]

class Strategies:
    arrays: dict[str, NDArray[Any]]
    def __init__(
        self,
        input_dim: float,
        units: ArrayLike,
        lengths: ArrayLike,
        eigenvalues: ArrayLike,
        copies: ArrayLike,
        residual: ArrayLike,
        delta: ArrayLike,
    ) -> None: ...

def dims_with_tables(dims: NDArray[np.float64]) -> list[float]: ...
def make_ufunc(name: str, doc: str) -> np.ufunc: ...
def terms(
    n: NDArray[np.float64],
    T: NDArray[np.float64],
    d: NDArray[np.float64],
    K: NDArray[np.float64],
    strategies: int,
    tables: Iterable[Strategies],
) -> NDArray[np.float64]: ...
def compute_optimal(
    budget: NDArray[np.float64],
    input_dim: NDArray[np.float64],
    concentration: NDArray[np.float64],
    cost: NDArray[np.float64],
    width: NDArray[np.float64],
    samples: NDArray[np.float64],
    error: NDArray[np.float64],
    misspecification: NDArray[np.float64],
    estimation: NDArray[np.float64],
    elasticity: NDArray[np.float64],
    status: NDArray[np.int8],
    strategies: int,
    tables: Iterable[Strategies],
    integer: bool,
    n_threads: int,
) -> None: ...
