"""Networks and samples of scalecore.h: the package's, bit for bit."""

import ctypes
from ctypes import POINTER, byref, c_double, c_int, c_size_t, c_ssize_t, c_uint64, c_void_p

import numpy as np
import pytest
from c_calls import (
    SAMPLES,
    SAMPLES_SPACE,
    NetworkOptions,
    at,
    function,
    lines,
    network_options,
    text,
)

import scalecore as sc
from scalecore._core import network as core_network
from scalecore._core import training as core_training


def call_samples(options, count=128, **changes):
    dtype = np.float32 if options.precision == 1 else np.float64
    out = {
        "inputs": np.empty((128, 7), dtype),
        "labels": np.empty(128, dtype),
        "probability": np.empty(128),
        "offset": np.empty(128),
    }
    space = lines(SAMPLES_SPACE(byref(options), count))
    pointers = {name: at(array) for name, array in out.items()} | {"space": at(space)} | changes
    return SAMPLES(byref(options), 2, 0, 64, count, *pointers.values(), space.size), out


@pytest.mark.parametrize("precision", [0, 1])
def test_samples_are_those_of_the_package(precision):
    status, out = call_samples(network_options(precision=precision))
    assert status == 0
    inputs, labels, probability = core_training.samples(
        11, 7, 30.0, 2, 64, 128, precision == 1, False
    )
    np.testing.assert_array_equal(out["inputs"], inputs)
    np.testing.assert_array_equal(out["labels"], labels)
    np.testing.assert_array_equal(out["probability"], probability)


def test_wrong_options_have_a_status():
    def said(**changes):
        return text(call_samples(network_options(**changes))[0])

    assert "larger" in said(size=ctypes.sizeof(NetworkOptions) + 8)
    assert "too small" in said(size=8)
    assert "enum" in said(precision=2)
    assert "domain" in said(concentration=-1.0)
    assert "domain" in said(concentration=1e12)
    assert "domain" in said(truncation=2.0)
    # from before there was a truncation
    assert call_samples(network_options(size=NetworkOptions.truncation.offset))[0] == 0
    assert "domain" in text(call_samples(network_options(), 65)[0])
    assert "NULL" in text(call_samples(network_options(), inputs=None)[0])
    labels = np.empty(256)
    assert "aligned" in text(call_samples(network_options(), labels=at(labels) + 4)[0])
    assert "overlaps" in text(
        call_samples(network_options(), labels=at(labels), offset=at(labels) + 8)[0]
    )


def test_atoms_and_logits():
    options = network_options()
    network = sc.NetworkPrior(7, 30.0).sample(3)
    units, signs, masses, after = core_network.atoms(11, 5, 7, 30.0, 0, 1.0)
    atoms = function(
        "sc_network_atoms",
        c_int,
        POINTER(NetworkOptions),
        c_uint64,
        c_uint64,
        c_double,
        *[c_void_p] * 5,
        c_size_t,
    )
    out, weights, directions, left, space = (
        np.empty(64),
        np.empty(64),
        np.empty((64, 7)),
        np.empty(1),
        lines(64 * 7 * 8),
    )
    assert (
        atoms(
            byref(options),
            5,
            0,
            1.0,
            at(out),
            at(weights),
            at(directions),
            at(left),
            at(space),
            space.size,
        )
        == 0
    )
    np.testing.assert_array_equal(out, masses)
    np.testing.assert_array_equal(weights, np.sqrt(31.0) * signs * masses)
    # NumPy adds up the squares in another order
    np.testing.assert_allclose(directions, units, rtol=4e-16)
    assert left[0] == after
    logits = function(
        "sc_network_logits",
        c_int,
        c_int,
        c_int,
        c_ssize_t,
        c_void_p,
        c_void_p,
        c_ssize_t,
        *[c_void_p] * 3,
        c_size_t,
    )
    X = np.random.default_rng(0).standard_normal((50, 7))
    space = lines(function("sc_network_logits_space", c_size_t, c_int)(7))
    result = np.empty(50)
    pointers = [at(network.directions), at(network.output_weights)]
    assert logits(0, 7, len(network), *pointers, 50, at(X), at(result), at(space), space.size) == 0
    np.testing.assert_array_equal(result, network(X))


def test_an_experiment_is_the_packages():
    options = network_options()
    widths, out = np.array([4.0, 30.0]), np.empty((3, 2))
    kl, squared, occupancy = np.empty((1, 2)), np.empty((1, 2)), np.empty((1, 2))
    core_network.experiment(11, 9, 7, 30.0, 1e-8, 100, widths, False, kl, squared, occupancy, 1)
    space_of = function(
        "sc_network_experiment_space", c_size_t, POINTER(NetworkOptions), c_int, c_int
    )
    experiment = function(
        "sc_network_experiment",
        c_int,
        POINTER(NetworkOptions),
        c_uint64,
        c_int,
        c_void_p,
        c_int,
        *[c_void_p] * 4,
        c_size_t,
    )
    space = lines(space_of(byref(options), 2, 100))
    assert (
        experiment(
            byref(options),
            9,
            2,
            at(widths),
            100,
            at(out[0]),
            at(out[1]),
            at(out[2]),
            at(space),
            space.size,
        )
        == 0
    )
    np.testing.assert_array_equal(out, np.concatenate([kl, squared, occupancy]))
