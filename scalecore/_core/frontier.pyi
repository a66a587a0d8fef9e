import numpy as np
from numpy.typing import NDArray

STATUS_CODES: dict[str, int]
BOUND_CODES: dict[str, int]

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
    bound: int,
    integer: bool,
    n_threads: int,
) -> None: ...
