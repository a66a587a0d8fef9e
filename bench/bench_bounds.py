"""Error bounds beside NumPy + SciPy, chunks on a thread pool, numexpr and Numba."""

import timeit
from pathlib import Path

import numpy as np
import pytest
import rivals
from scipy import special

import scalecore as sc

POINTS = 1_000_000
rng = np.random.default_rng(0)
n, T = 10 ** rng.uniform(0, 6, POINTS), 10 ** rng.uniform(3, 9, POINTS)
d_array, K_array = rng.uniform(5, 20, POINTS), rng.uniform(50, 200, POINTS)
d, K = 10.0, 100.0


def test_error_bound(contest):
    contenders = {
        "scalecore": lambda: sc.error_bound(n, T, d, K),
        "NumPy + SciPy": lambda: rivals.error_bound_numpy(n, T, d, K),
        "NumPy + SciPy, 8,192-point chunks, thread pool": lambda: rivals.error_bound_chunks(
            n, T, d, K
        ),
        "numexpr": lambda: rivals.error_bound_numexpr(n, T, d, K),
        "Numba parallel, fastmath": lambda: rivals.error_bound_numba(n, T, d, K),
    }
    expected = contenders["scalecore"]()
    for name, call in contenders.items():
        assert np.allclose(call(), expected, rtol=1e-12), name
    contest("error_bound, 1e6 points, scalar d and K", contenders, POINTS)


def test_among_ourselves(contest):
    out = np.empty(POINTS)
    contest(
        "the same, into a given array",
        {
            "error_bound": lambda: sc.error_bound(n, T, d, K, out=out),
            "closed_form_bound": lambda: sc.closed_form_bound(n, T, d, K, out=out),
            "occupancy": lambda: sc.occupancy(n, K, out=out),
            "error_bound, d and K arrays": lambda: sc.error_bound(n, T, d_array, K_array, out=out),
            "misspecification_bound": lambda: sc.misspecification_bound(n, T, d, K, out=out),
            "estimation_bound": lambda: sc.estimation_bound(n, T, d, K, out=out),
        },
        POINTS,
    )


def test_second_core(contest):
    threadpoolctl = pytest.importorskip("threadpoolctl")
    out = np.empty(POINTS)

    def one_thread():
        with threadpoolctl.threadpool_limits(limits=1, user_api="openmp"):
            sc.error_bound(n, T, d, K, out=out)

    contest(
        "error_bound, threads (the one-thread row carries threadpoolctl's own millisecond or two)",
        {"all threads": lambda: sc.error_bound(n, T, d, K, out=out), "one thread": one_thread},
        POINTS,
    )


@pytest.mark.parametrize("count", [10**4, 10**6, 10**8])
def test_linear(contest, count):
    out = np.empty(count)
    widths = np.broadcast_to(n[:1], (count,)) if count > POINTS else n[:count]
    contest(
        f"error_bound, {count:.0e} points",
        {"scalecore": lambda: sc.error_bound(widths, 1e6, d, K, out=out)},
        count,
    )


def test_scalar_call(contest):
    calls = 20_000

    def of(function):
        return lambda: timeit.timeit(function, number=calls)

    array = np.array(10.0)
    contest(
        "one point a call",
        {
            "error_bound(10., 10., 10., 100.)": of(lambda: sc.error_bound(10.0, 10.0, 10.0, 100.0)),
            "occupancy(10., 100.)": of(lambda: sc.occupancy(10.0, 100.0)),
            "scipy.special.digamma(10.)": of(lambda: special.digamma(10.0)),
            "scipy.special.digamma(0-d array)": of(lambda: special.digamma(array)),
            "scipy.special.hyp2f1 (four arguments)": of(lambda: special.hyp2f1(1.0, 2.0, 0.5, 0.1)),
            "numpy.add(10., 10.)": of(lambda: np.add(10.0, 10.0)),
        },
        calls,
        unit="ns a call",
    )


def test_import(contest):
    import subprocess
    import sys

    def importing(name):
        return lambda: subprocess.run(
            [sys.executable, "-c", f"import {name}"], check=True, cwd=Path.home()
        )

    contest(
        "import",
        {"scalecore": importing("scalecore"), "numpy": importing("numpy")},
        1,
        unit="ms",
        scale=1e3,
    )
