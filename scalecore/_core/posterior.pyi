from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

STICK_MULTIPLE: int
INPUT_MULTIPLE: int
MOST_STICKS: int
MOST_SAMPLES: int
LOWER: int
UPPER: int
ACCEPTANCE: int
FLIP_ACCEPTANCE: int
MOVED: int
EFFECTIVE: int
PRIOR_EFFECTIVE: int
SECOND_MOMENT: int
STEP: int

def chains(
    *,
    key: int,
    input_dim: int,
    concentration: float,
    jobs: ArrayLike,
    steps: ArrayLike,
    inputs: int,
    states: int,
    prior_states: int = 0,
    prior_chains: int = 0,
    annealing: int = 0,
    turn: float,
    flips: float,
    pilot: bool = False,
    accept_all: bool = False,
    trace: NDArray[np.float64] | None = None,
    n_threads: int = 0,
) -> NDArray[np.float64]: ...
def space_of(input_dim: int, sticks: int, samples: int, inputs: int, all_states: int) -> int: ...
def gradient(
    *,
    key: int,
    input_dim: int,
    concentration: float,
    job: ArrayLike,
    single: bool,
    latents: ArrayLike | None = None,
    signs: ArrayLike | None = None,
    repeats: int = 1,
) -> dict[str, Any]: ...
