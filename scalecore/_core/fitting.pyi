from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FORM_CODES: dict[str, int]
FOREIGN: int
MOST_PARAMETERS: int
RESAMPLINGS: dict[str, int]

STATIONARY: float
AGREES: float
ROUNDED: float
DEGENERATE: float
FLAT: float
ALMOST_ABSOLUTE: float
SHARP_ENOUGH: float
NEAR: float
FAILED: float
LEAST_LEFT: float
UNSEEN: float
INVERSE_WEBB: float
KINKED: int
MOST_ROUNDS: int
ENOUGH_CLUSTERS: int
LOWEST_TERM: float
HIGHEST_TERM: float
STEEPEST: float
LEAST_COUPLING: float
MOST_COUPLING: float
MOST_OFFSET: float
FIRST_DELTAS: Array

class Problem:
    def __init__(
        self,
        form: int,
        n: Array,
        m: Array,
        y: Array,
        *,
        of_loss: bool,
        delta: float,
        low: Array,
        high: Array,
        weight: Array | None = None,
        cluster: NDArray[np.intp] | None = None,
        clusters: int = 0,
        function: Callable[..., Any] | None = None,
        goal: float = 1e-10,
        most_passes: int = 400,
    ) -> None: ...
    @property
    def parameters(self) -> int: ...
    def minimise(
        self, starts: Array, *, first_delta: float | Array = 1.0, n_threads: int = 0
    ) -> tuple[Array, Array, Array, NDArray[Any]]: ...
    def resample(
        self,
        start: Array,
        first: int,
        count: int,
        *,
        how: str,
        key: int,
        fitted: Array | None = None,
        residual: Array | None = None,
        first_delta: float = 1.0,
        n_threads: int = 0,
    ) -> tuple[Array, Array, Array, NDArray[Any]]: ...
    def look(self, theta: Array) -> tuple[Any, ...]: ...
    def drawn(
        self,
        job: int,
        *,
        how: str,
        key: int,
        fitted: Array | None = None,
        residual: Array | None = None,
    ) -> tuple[Array, Array]: ...

def values(
    form: int, n: Array, m: Array, theta: Array, gradient: bool = False
) -> tuple[Array, Array | None]: ...
def starts(form: int, y: Array, n: Array, m: Array | None = None) -> Array: ...
def around(theta: Array, low: Array, high: Array, seed: int) -> Array: ...
