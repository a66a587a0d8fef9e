"""Wrong arguments of `train` and of the methods of its runs: refused, by name."""

import numpy as np
import pytest

import scalecore as sc

PRIOR = sc.NetworkPrior(input_dim=10, concentration=100)


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"prior": 3}, TypeError, "prior must be a NetworkPrior"),
        ({"widths": []}, ValueError, "widths must be a non-empty list"),
        ({"widths": [2, 2]}, ValueError, "widths must be distinct"),
        ({"widths": [0]}, ValueError, "widths must be whole numbers"),
        ({"widths": [2.5]}, ValueError, "widths must be whole numbers"),
        ({"widths": [[1, 2]]}, ValueError, "widths must be a non-empty list"),
        ({"widths": [1e12]}, ValueError, "widths must keep"),
        ({"samples": 0}, ValueError, "samples must be at least 1, got 0"),
        ({"samples": 10.5}, TypeError, "samples must be an integer"),
        ({"samples": 2**60}, ValueError, "samples must be at most"),
        ({"learning_rates": []}, ValueError, "learning_rates must be a non-empty list"),
        ({"learning_rates": [0.1, -1]}, ValueError, "learning_rates must be positive"),
        ({"learning_rates": [0.1, 0.1]}, ValueError, "learning_rates must be distinct"),
        ({"learning_rates": "fast"}, TypeError, "learning_rates must be real numbers"),
        ({"learning_rates": [np.nan]}, ValueError, "learning_rates must be positive"),
        ({"repeats": 0}, ValueError, "repeats must be at least 1"),
        ({"optimizer": "rmsprop"}, ValueError, "optimizer must be one of 'sgd', 'adam'"),
        ({"optimizer": 3}, TypeError, "optimizer must be one of"),
        ({"decay": -1}, ValueError, "decay must be"),
        ({"decay_start": 0}, ValueError, "decay_start must be"),
        ({"checkpoints": []}, ValueError, "checkpoints must be a non-empty list"),
        ({"checkpoints": [0]}, ValueError, "checkpoints must be whole numbers"),
        ({"checkpoints": [101]}, ValueError, "checkpoints must be at most 100"),
        ({"test_inputs": 100}, ValueError, "test_inputs must be a multiple of 64"),
        ({"dtype": "float16"}, ValueError, "dtype must be one of"),
        ({"rng": -1}, ValueError, "rng must not be negative"),
        ({"n_threads": 0}, ValueError, "n_threads must be at least 1"),
        ({"progress": 3}, TypeError, "progress must be True or False"),
    ],
)
def test_bad_input_is_refused_by_name(change, error, text):
    arguments = {"prior": PRIOR, "widths": [2], "samples": 100, "learning_rates": [0.1]} | change
    with pytest.raises(error, match=text):
        sc.train(**arguments)


def test_bad_input_of_methods():
    runs = sc.train(PRIOR, [2, 4], 100, learning_rates=[0.1], repeats=2, rng=0, test_inputs=64)
    for call, error, text in (
        (lambda: runs.extend(99), ValueError, "samples must be at least 100"),
        (lambda: runs.extend(200, checkpoints=[50]), ValueError, "checkpoints must lie beyond"),
        (
            lambda: runs.extend(200, checkpoints=[201]),
            ValueError,
            "checkpoints must be at most 200",
        ),
        (lambda: runs.weights(2, 2, 0.1), ValueError, "repeat must be below 2"),
        (lambda: runs.weights(0, 3, 0.1), ValueError, "width must be one of 2, 4"),
        (lambda: runs.weights(0, 2, 0.2), ValueError, "learning_rate must be one of 0.1"),
        (lambda: runs.data(0, 0), ValueError, "samples must be at least 1"),
        (lambda: runs.network(-1), ValueError, "repeat must be at least 0"),
        (lambda: runs.save(None), TypeError, "path must be a path, got None"),
        (lambda: sc.TrainingRuns.load(5), TypeError, "path must be a path, got 5"),
        (
            lambda: runs.save("no/such/folder.nc"),
            FileNotFoundError,
            "its folder does not exist.*no/such/folder.nc",
        ),
        (lambda: runs.save("/"), IsADirectoryError, "it is a folder"),
    ):
        with pytest.raises(error, match=text):
            call()
