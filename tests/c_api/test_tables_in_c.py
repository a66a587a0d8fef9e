"""Spectral tables of C programs: `SpectralTable.save` and scalecore.h give Python's bounds."""

import struct
import zlib
from ctypes import POINTER, byref, c_char_p, c_double, c_int, c_int64, c_size_t, c_void_p

import numpy as np
import pytest
from c_calls import function

import scalecore as sc

TABLES = [(1, 64), (2, 64), (3, 40), (10, 100), (1000, 64), (10**15, 5)]
BOUNDS = {1: sc.spectral_bound, 31: sc.refined_bound}
SC_ERROR_NULL, SC_ERROR_RANGE, SC_ERROR_FILE = -2, -3, -11


load = function("sc_spectral_table_load", c_int, c_char_p, POINTER(c_void_p))
read = function("sc_spectral_table_read", c_int, c_char_p, c_size_t, POINTER(c_void_p))
build = function(
    "sc_spectral_table_build", c_int, c_double, c_int64, *(c_void_p,) * 6, POINTER(c_void_p)
)  # units, lengths, eigenvalues, copies, residual, delta
free = function("sc_spectral_table_free", None, c_void_p)
bound = function("sc_spectral_bound", c_double, c_void_p, c_int, c_double, c_double, c_double)
input_dim = function("sc_spectral_table_input_dim", c_double, c_void_p)
most_units = function("sc_spectral_table_most_units", c_double, c_void_p)


@pytest.fixture(params=TABLES, ids=str)
def saved(request, tmp_path):
    d, most = request.param
    table = sc.spectral_table(d, most_units=most)
    table.save(tmp_path / "table")
    return table, tmp_path / "table"


def points(count=300):
    rng = np.random.default_rng(5)
    return 10 ** rng.uniform([0, 0, -2], [7, 14, 5], (count, 3))  # n, T, K


def assert_same_bounds(handle, table):
    for strategies, python in BOUNDS.items():
        n, T, K = points().T
        got = [bound(handle, strategies, *point) for point in zip(n, T, K, strict=True)]
        np.testing.assert_array_equal(got, python(n, T, table.input_dim, K))


def test_a_file_gives_the_bounds_of_python(saved):
    table, file = saved
    handle = c_void_p()
    assert load(str(file).encode(), byref(handle)) == 0
    assert input_dim(handle) == table.input_dim
    assert most_units(handle) == table.units[-1]
    assert_same_bounds(handle, table)
    free(handle)


def test_rows_give_the_bounds_of_python(saved):
    table, _ = saved
    handle = c_void_p()
    lengths = np.array([len(row) for row in table.eigenvalues], np.int64)
    numbers = np.concatenate(table.eigenvalues), np.concatenate(table.copies)
    columns = table.units, lengths, *numbers, table.residual, table.delta
    pointers = [column.ctypes.data for column in columns]
    assert build(table.input_dim, len(lengths), *pointers, byref(handle)) == 0
    assert_same_bounds(handle, table)
    free(handle)


def test_the_file_is_as_documented(saved):
    """The layout of csrc/spectral/table.h, read apart from the code that writes it."""
    table, file = saved
    data = file.read_bytes()
    magic, d, rows, numbers = struct.unpack_from("<8sdQQ", data)
    assert (magic, d, rows) == (b"SCTABLE\x01", table.input_dim, len(table.units))
    assert len(data) == 8 * (5 + 4 * rows + 2 * numbers)
    assert struct.unpack("<Q", data[-8:]) == (zlib.crc32(data[:-8]),)
    units = struct.unpack_from(f"<{rows}d", data, 32)
    lengths = struct.unpack_from(f"<{rows}Q", data, 32 + 8 * rows)
    rest = np.array(struct.unpack_from(f"<{2 * numbers + 2 * rows}d", data, 32 + 16 * rows))
    assert units == tuple(table.units)
    assert sum(lengths) == numbers
    ends = [numbers, 2 * numbers, 2 * numbers + rows]
    eigenvalues, copies, residual, delta = np.split(rest, ends)
    np.testing.assert_array_equal(eigenvalues, np.concatenate(table.eigenvalues))
    np.testing.assert_array_equal(copies, np.concatenate(table.copies))
    np.testing.assert_array_equal(residual, table.residual)
    np.testing.assert_array_equal(delta, table.delta)


def test_damaged_and_foreign_files(saved, tmp_path):
    _, file = saved
    data = file.read_bytes()
    handle = c_void_p()
    rng = np.random.default_rng(6)
    assert load(str(tmp_path / "none").encode(), byref(handle)) == SC_ERROR_FILE
    assert load(str(tmp_path).encode(), byref(handle)) == SC_ERROR_FILE
    assert load(None, byref(handle)) == SC_ERROR_NULL
    for place in rng.integers(0, len(data), 50):  # a byte, and an end
        damaged = bytearray(data)
        damaged[place] ^= 1 << rng.integers(8)
        assert read(bytes(damaged), len(data), byref(handle)) == SC_ERROR_FILE
        assert read(data[:place], int(place), byref(handle)) == SC_ERROR_FILE
    assert handle.value is None


@pytest.mark.parametrize(
    ("place", "number"),
    [
        *((8, 0.0), (8, 2.5), (8, np.nan), (16, 2**63), (16, 1), (24, 2**62)),
        *((32, 1.0), (32 + 8 * 3, np.nan), (32 + 8 * 2, np.inf)),
    ],
)
def test_hostile_numbers_with_a_sum_that_fits(place, number, tmp_path):
    sc.spectral_table(3, most_units=40).save(tmp_path / "table")
    data = bytearray((tmp_path / "table").read_bytes())
    struct.pack_into("<d" if isinstance(number, float) else "<Q", data, place, number)
    struct.pack_into("<Q", data, len(data) - 8, zlib.crc32(data[:-8]))
    handle = c_void_p()
    assert read(bytes(data), len(data), byref(handle)) == SC_ERROR_FILE
    assert handle.value is None


def test_saving_where_nothing_can_be():
    table = sc.spectral_table(3, most_units=40)
    with pytest.raises(TypeError, match="file must be a path, got 3"):
        table.save(3)
    with pytest.raises(FileNotFoundError):
        table.save("no/such/folder/table")
