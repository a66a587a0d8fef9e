"""Training by scalecore.h: the package's, bit for bit."""

import ctypes
from ctypes import POINTER, Structure, byref, c_double, c_int, c_size_t, c_void_p

import numpy as np
import pytest
from c_calls import SAMPLES, SAMPLES_SPACE, at, function, lines, network_options

from scalecore._core import training as core_training


class TrainingOptions(Structure):
    _fields_ = (
        ("size", c_size_t),
        ("input_dim", ctypes.c_int32),
        ("precision", ctypes.c_int32),
        ("optimizer", ctypes.c_int32),
        ("examine", ctypes.c_int32),
        ("decay", c_double),
        ("decay_start", c_double),
        ("keep_going", c_void_p),
        ("state", c_void_p),
    )


class Run(Structure):
    _fields_ = (
        ("size", c_size_t),
        ("width", ctypes.c_int32),
        ("reserved", ctypes.c_int32),
        ("learning_rate", c_double),
        ("state", c_void_p),
        ("error_sum", c_double),
        ("read", ctypes.c_int64),
        ("diverged", ctypes.c_int64),
    )


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_training_is_the_packages(optimizer, dtype):
    count, width, rate = 128, 20, 0.05
    planes = 3 if optimizer == "adam" else 1
    plain = np.zeros((planes, 8, width), dtype)
    plain[0] = np.random.default_rng(1).standard_normal((8, width))
    options = TrainingOptions(
        ctypes.sizeof(TrainingOptions), 7, int(dtype == np.float32), planes // 3, 0, 0.5, 100.0
    )
    network = network_options(precision=options.precision)
    state = lines(
        function("sc_run_state_size", c_size_t, POINTER(TrainingOptions), c_int)(
            byref(options), width
        )
    )
    run = Run(size=ctypes.sizeof(Run), width=width, learning_rate=rate, state=at(state))
    begin = function(
        "sc_run_begin", c_int, POINTER(TrainingOptions), POINTER(Run), c_size_t, c_void_p
    )
    assert begin(byref(options), byref(run), state.size, at(plain)) == 0
    data = [np.empty((count, 7), dtype), np.empty(count, dtype), np.empty(count), np.empty(count)]
    space = lines(SAMPLES_SPACE(byref(network), count))
    assert SAMPLES(byref(network), 0, 0, 0, count, *map(at, data), at(space), space.size) == 0
    space = lines(function("sc_train_space", c_size_t, c_int)(count))
    train = function(
        "sc_train",
        c_int,
        POINTER(TrainingOptions),
        POINTER(Run),
        c_int,
        ctypes.c_int64,
        c_int,
        *[c_void_p] * 5,
        c_size_t,
    )
    assert (
        train(byref(options), byref(run), 1, 0, count, *map(at, data), at(space), space.size) == 0
    )
    after = np.empty_like(plain)
    weights = function(
        "sc_run_weights", c_int, POINTER(TrainingOptions), POINTER(Run), c_size_t, c_void_p
    )
    assert weights(byref(options), byref(run), state.size, at(after)) == 0

    shape = (1, 1, 1)
    states, sums, read, diverged = (
        [plain[None, None].copy()],
        np.zeros(shape),
        np.zeros(shape, np.int64),
        np.full(shape, -1),
    )
    core_training.train(
        key=11,
        input_dim=7,
        concentration=30.0,
        single=dtype == np.float32,
        optimizer=optimizer,
        decay=0.5,
        decay_start=100.0,
        features=[],
        states=states,
        rates=np.array([rate]),
        sums=sums,
        read=read,
        diverged=diverged,
        record=np.empty((*shape, 0)),
        checkpoints=np.zeros(0, np.int64),
        samples=count,
        n_threads=1,
        advance=lambda _: None,
    )
    assert (run.read, run.diverged, run.error_sum) == (count, -1, sums[0, 0, 0])
    assert 0 < run.error_sum < np.inf
    np.testing.assert_array_equal(after, states[0][0, 0])
    assert not np.array_equal(after, plain)
