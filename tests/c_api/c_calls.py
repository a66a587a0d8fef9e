"""scalecore.h through ctypes: functions by name, its structs, and memory as it wants it."""

import ctypes
from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_char_p,
    c_double,
    c_int,
    c_int64,
    c_size_t,
    c_ssize_t,
    c_uint64,
    c_void_p,
)

import numpy as np

from scalecore import c_api


def function(name, result, *arguments):
    """Return a function of the interface, with the types of its result and arguments."""
    return CFUNCTYPE(result, *arguments)(c_api.address(name))


class Column(Structure):
    _fields_ = (("data", c_void_p), ("stride", c_ssize_t))


class NetworkOptions(Structure):
    _fields_ = (
        ("size", c_size_t),
        ("key", c_uint64),
        ("input_dim", ctypes.c_int32),
        ("precision", ctypes.c_int32),
        ("concentration", c_double),
        ("truncation", c_double),
        ("keep_going", c_void_p),
        ("state", c_void_p),
    )


def network_options(**changes):
    values = {
        "size": ctypes.sizeof(NetworkOptions),
        "key": 11,
        "input_dim": 7,
        "concentration": 30.0,
    } | changes
    return NetworkOptions(**values)


# How many bytes samples take to compute, and samples: options, item, fresh, first, count, then
# inputs, labels, probability, offset and work space with its size
SAMPLES_SPACE = function("sc_network_samples_space", c_size_t, POINTER(NetworkOptions), c_int)
SAMPLES = function(
    "sc_network_samples",
    c_int,
    POINTER(NetworkOptions),
    c_uint64,
    c_int,
    c_int64,
    c_int,
    *[c_void_p] * 5,
    c_size_t,
)


def lines(size):
    """Bytes that begin on a cache line."""
    raw = np.zeros(size + 64, np.uint8)
    return raw[-raw.ctypes.data % 64 :][:size]


def at(array):
    """Return the address of an array."""
    return array.ctypes.data


STATUS = function("sc_status_string", c_char_p, c_int)


def text(status):
    """Return what a status means."""
    return STATUS(status).decode()
