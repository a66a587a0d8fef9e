"""The spectral bounds as ufuncs: what happens while a table is built reaches the caller, types are
treated as by other ufuncs."""

import os
import signal
import threading
import time
import warnings
from importlib import import_module

import numpy as np
import pytest

import scalecore as sc
from scalecore._core import spectral as core

lookup = import_module("scalecore.spectral._table_lookup")
NAMES = ("spectral_bound", "refined_bound")
MANY = 3_000_000


@pytest.fixture(scope="module", autouse=True)
def small_table():
    sc.spectral_table(3, most_units=16)


def ways_to_call(function):
    """A scalar, a few points, many, buffered ones, masked ones, and one bad dimension before a good
    one."""
    ones = np.ones(5000)
    return (
        lambda: function(2, 1e5, 3, 10),
        lambda: function(ones[:3], 1e5, 3, 10),
        lambda: function(ones, 1e5, 3, 10),
        lambda: function(ones.astype(np.float32), 1e5, 3, 10),
        lambda: function(ones, 1e5, 3, 10, out=ones.copy(), where=np.arange(5000) % 7 == 3),
        lambda: function(2, 1e5, [np.nan, 0.5, 3], 10),
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "error", [MemoryError, OverflowError, RuntimeWarning, OSError, KeyboardInterrupt, SystemExit]
)
def test_what_a_table_raises_reaches_the_caller(name, error, monkeypatch, capfd):
    def refuse(d, *_):
        raise error("no table today")

    function = getattr(sc, name)
    calls = (
        *ways_to_call(function),
        lambda: sc.spectral_terms(2, 1e5, 3, 10),
        lambda: sc.compute_optimal(1e9, 3, 10, bound="refined"),
    )
    with monkeypatch.context() as patched:
        patched.setattr(lookup, "_table_for", refuse)
        for call in calls:
            with pytest.raises(error, match="no table today"):
                call()
    assert capfd.readouterr() == ("", "")
    assert 0 < function(2, 1e5, 3, 10) < 0.1


def test_only_a_ufunc_calls_up(monkeypatch):
    """Whoever knows the dimensions hands their tables down, each once."""

    def refuse(dims):
        raise AssertionError(f"called up for {dims}")

    monkeypatch.setattr(core, "TABLES_FOR", [refuse])
    dims = [3, np.nan, 3.0, 2.5, 1]
    asked = []
    real = lookup._table_for
    monkeypatch.setattr(lookup, "_table_for", lambda d, *more: (asked.append(d), real(d, *more))[1])
    best = sc.compute_optimal([[1e6], [1e9]], dims, 10, bound="refined")
    assert np.isfinite(best.error).tolist() == [[True, False, True, False, True]] * 2
    assert np.isfinite(sc.spectral_terms(2, 1e5, dims, 10).error).sum() == 3
    assert asked == [1, 3, 1, 3]
    with pytest.raises(AssertionError, match=r"called up for \[1.0, 3.0\]"):
        sc.refined_bound(2, 1e5, dims, 10)
    with np.errstate(invalid="ignore"):
        assert np.isnan(sc.refined_bound(2, 1e5, [np.nan, np.inf, 0.5, -3, 1e300], 10)).all()


def test_a_grid_of_many_dimensions_asks_for_each_once(monkeypatch):
    dims = np.tile(np.r_[np.arange(1, 200), 1e15, 1e15 + 1, 64.5], (3, 1)).T.copy().ravel("F")
    assert core.dims_with_tables(dims) == [*range(1, 200), 1e15]
    assert core.dims_with_tables(dims[::-7]) == sorted({*dims[::-7]} - {1e15 + 1, 64.5})
    assert core.dims_with_tables(np.array([2.9999999999999996, 3.0])) == [3.0]
    assert core.dims_with_tables(np.empty(0)) == []


def test_the_core_refuses_tables_that_do_not_serve():
    one, three = (table.strategies for table in lookup.tables_for([1, 3]))
    columns = [np.array([2.0, 2.0]), np.full(2, 1e5), np.array([1.0, 3.0]), np.full(2, 10.0)]
    assert np.isfinite(core.terms(*columns, 1, [one, three])[:, 0]).all()
    for tables, said in (
        ([one], "needs its table"),
        ([], "needs its table"),
        ([three, one], "increasing"),
        ([one, one, three], "increasing"),
        ([one, None], "Strategies"),
    ):
        with pytest.raises(ValueError, match=said):
            core.terms(*columns, 1, tables)
    results = [np.empty(2) for _ in range(6)]
    inputs = [np.full(1, 1e6), columns[2], np.ones(1), np.ones(1)]
    status = np.empty(2, np.int8)
    with pytest.raises(ValueError, match="needs its table"):
        core.compute_optimal(*inputs, *results, status, 1, [three], False, 1)


@pytest.mark.parametrize("name", NAMES)
def test_a_warning_while_a_table_is_built_is_one_or_an_error(name, monkeypatch):
    real = lookup._table_for

    def slow(d, *others):
        warnings.warn("slow disk", RuntimeWarning, stacklevel=2)
        return real(d, *others)

    monkeypatch.setattr(lookup, "_table_for", slow)
    for call in ways_to_call(getattr(sc, name)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert np.ndim(call()) >= 0
        assert "slow disk" in {str(warning.message) for warning in caught}
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(RuntimeWarning, match=r"slow disk|invalid value"):
                call()


@pytest.mark.parametrize("name", NAMES)
def test_dimensions_up_to_1e15_have_bounds(name):
    d = np.array([1e8, 1e12, 1e15])
    values = getattr(sc, name)(5, 1e3, d, 10)
    assert (values > 0).all()
    assert (values <= sc.error_bound(5, 1e3, d, 10)).all()
    assert values[-1] == pytest.approx(values[-2], rel=1e-9)  # there is a limit
    assert sc.spectral_terms(5, 1e3, 1e15, 10).strategy == "fixed"
    assert sc.compute_optimal(1e30, 1e15, 10, bound=name.removesuffix("_bound")).error > 0


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize(
    "call",
    [
        lambda many: sc.spectral_bound(many, 1e5, 3, 10),
        lambda many: sc.refined_bound(many, 1e5, 3, 10),
        lambda many: sc.spectral_terms(many, 1e5, 3, 10, strategies="all"),
        lambda many: sc.compute_optimal(1e9 * many, 3, 10, bound="refined", integer=True),
    ],
)
def test_ctrl_c_is_answered_among_many_points(call):
    """Points for many seconds."""
    many, pressed = np.geomspace(1, 1e5, MANY), []

    def press():
        time.sleep(0.3)
        pressed.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()

    def work():
        while thread.is_alive():  # a fast machine is done with one call before the key is pressed
            call(many)

    with pytest.raises(KeyboardInterrupt):
        work()
    thread.join()
    assert time.monotonic() - pressed[0] < 5


@pytest.mark.parametrize("name", NAMES)
def test_types_as_for_other_ufuncs(name):
    function, twin = getattr(sc, name), sc.error_bound
    want = function(3.0, 1e5, 3.0, 1.0)
    for n in (
        3,
        True + 2,
        np.float32(3),
        np.float16(3),
        np.int8(3),
        np.uint64(3),
        np.array(3),
        np.array([3], ">f8"),
        [3],
    ):
        assert np.all(function(n, 1e5, np.int32(3), True) == want)
        assert function(n, 1e5, 3, 1).dtype == np.float64
    assert function(10**25, 1e5, 3, 1) == function(1e25, 1e5, 3, 1)
    assert (
        function(3, 1e5, 3, 1, dtype=float) == function(3, 1e5, 3, 1, signature="dddd->d") == want
    )
    assert function(3, 1e5, 3, 1, out=np.zeros((), np.float32)) == np.float32(want)
    assert np.isnan(function(np.full(3, np.nan), 1e5, 3, 1)).all()  # without a warning
    for bad in (
        3 + 0j,
        "3",
        None,
        object(),
        np.datetime64("2020"),
        np.timedelta64(3),
        np.longdouble(3),
        [10**25],
        np.zeros(2, "i4,f8"),
    ):
        for ufunc in (function, twin):
            with pytest.raises(TypeError, match=f"{name}|error_bound"):
                ufunc(bad, 1e5, 3, 1)
    for options in (
        {"dtype": np.float32},
        {"signature": "ffff->f"},
        {"out": np.zeros((), int)},
        {"dtype": complex},
    ):
        for ufunc in (function, twin):
            with pytest.raises(TypeError, match=f"{name}|error_bound|loop"):
                ufunc(3, 1e5, 3, 1, **options)
    with np.errstate(invalid="raise"), pytest.raises(FloatingPointError, match=name):
        function(0.5, 1e5, 3, 1)
    with pytest.warns(RuntimeWarning, match=f"invalid value encountered in {name}"):
        assert np.isnan(function(3, 1e5, 2.5, 1))
