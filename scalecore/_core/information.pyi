import numpy as np
from numpy.typing import NDArray

LOG_ZERO: float
MOST_COUNTED: int
FOR_TRUTHS: int
FOR_INPUTS: int

class Recursion:
    def __init__(
        self,
        theta: NDArray[np.float64],
        log_theta: NDArray[np.float64],
        prior: NDArray[np.float64],
        negentropy: NDArray[np.float64],
        first: NDArray[np.intp],
        source: NDArray[np.int32],
        cell: NDArray[np.int32],
        weight: NDArray[np.float64],
        initial: int,
        hypotheses: int,
        steps: int,
    ) -> None: ...
    def run(
        self,
        predictor: NDArray[np.float64],
        accounts: NDArray[np.float64],
        sums: NDArray[np.float64],
        impossible: NDArray[np.intp],
        n_threads: int,
    ) -> None: ...

def count_vectors(
    theta: NDArray[np.float64],
    log_theta: NDArray[np.float64],
    truth: NDArray[np.float64],
    learner: NDArray[np.float64],
    log_factorial: NDArray[np.float64],
    samples: int,
    first: int,
    last: int,
    n_threads: int,
) -> NDArray[np.float64]: ...
def histories(
    theta: NDArray[np.float64],
    log_theta: NDArray[np.float64],
    cumulative: NDArray[np.float64],
    log_truth: NDArray[np.float64],
    log_learner: NDArray[np.float64],
    negentropy: NDArray[np.float64],
    key: int,
    first: int,
    out: NDArray[np.float64],
    n_threads: int,
) -> None: ...
