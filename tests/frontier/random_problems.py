"""Random budgets, input dimensions and concentrations, wide apart."""

import numpy as np


def random_problems(count, seed):
    rng = np.random.default_rng(seed)
    d = 10 ** rng.uniform(0, 4, count)
    return d * 10 ** rng.uniform(0, 18, count), d, 10 ** rng.uniform(-2, 5, count)
