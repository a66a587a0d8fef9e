"""What the tests of sweeps share."""

import numpy as np

GRID = {"budget": "1e3:1e24:40", "input_dim": [1, 10, 100, 1000], "concentration": "1:1e4:5"}
CHUNKS = {"budget": 7, "input_dim": 3, "concentration": 2}
NETWORKS = {"input_dim": [2, 3], "concentration": 1}
TRAIN = {
    "widths": [1, 4],
    "learning_rates": [0.1, 0.02],
    "samples": 300,
    "repeats": 2,
    "test_inputs": 64,
}


def same(one, two):
    with one.open() as a, two.open() as b:
        for name in a.variables:
            assert np.array_equal(
                a[name].values, b[name].values, equal_nan=a[name].dtype.kind == "f"
            ), name
        assert set(a.variables) == set(b.variables)
