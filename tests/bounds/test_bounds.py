import itertools
import os
import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import bounds as oracle

import scalecore as sc

NAMES = [
    "error_bound",
    "misspecification_bound",
    "estimation_bound",
    "closed_form_bound",
    "occupancy",
]
UFUNCS = [*NAMES, "optimal_resolution"]


def call(name, n, T, d, K):
    return getattr(sc, name)(n, K) if name == "occupancy" else getattr(sc, name)(n, T, d, K)


def exact(name, n, T, d, K):
    if name == "occupancy":
        return oracle.occupancy(n, K)
    return {"optimal_resolution": oracle.resolution}.get(name, getattr(oracle, name, None))(
        n, T, d, K
    )


def everywhere(count, seed):
    """Log-uniform points of the whole domain, then regions where formulas change: n << K, n >> K,
    small K, clipped resolution."""
    rng = np.random.default_rng(seed)
    n, T, d, K = (
        10 ** rng.uniform(low, high, count) for low, high in ((0, 18), (0, 30), (0, 7), (-3, 15))
    )
    part = np.array_split(np.arange(count), 8)
    n[part[0]] = np.minimum(K[part[0]] * 10 ** rng.uniform(-12, -1, part[0].size), 1e18).clip(1)
    n[part[1]] = (K[part[1]] * 10 ** rng.uniform(1, 12, part[1].size)).clip(1, 1e18)
    K[part[2]] = 10 ** rng.uniform(-3, 1.5, part[2].size)
    n[part[2]] = 10 ** rng.uniform(0, 2, part[2].size)
    T[part[3]] = (d * sc.occupancy(n, K) * 10 ** rng.uniform(-0.3, 0.3, count))[part[3]].clip(
        1, 1e30
    )
    n[part[4]] = np.round(n[part[4]])
    K[part[5]] = np.round(K[part[5]]).clip(1)
    return n, T, d, K


CORNERS = np.array(
    list(
        itertools.product(
            (1, 1 + 1e-15, 2, 1e18),
            (1, 2, 1e30),
            (1, 1e7),
            (1e-3, 1, 9.999999, 10, 10.000001, 1e15),
        )
    )
).T


@pytest.mark.parametrize("name", UFUNCS)
def test_accuracy_over_the_whole_domain(name):
    points = np.concatenate([np.array(everywhere(2000, 7)), CORNERS], axis=1)
    worst, where = oracle.relative_error(
        call(name, *points), [exact(name, *point) for point in points.T]
    )
    assert worst <= 2e-15, points[:, where]


@pytest.mark.parametrize("isa", ["baseline", "avx2", "avx512"])
def test_every_instruction_set_is_accurate(isa, run_python):
    """Each engine in a process of its own against mpmath; an engine that this processor lacks must
    say so."""
    code = f"""
import sys; sys.path[:0] = {[str(folder) for folder in Path(__file__).parents[:2]]!r}
try:
    import scalecore
except ImportError as error:
    assert "SCALECORE_ISA" in str(error); print("lacking"); raise SystemExit
from scalecore._core.bounds import instruction_set
assert instruction_set() == {isa!r}
import test_bounds as t
from oracles import bounds as oracle
points = t.everywhere(300, 3)
for name in t.UFUNCS:
    exact = [t.exact(name, *p) for p in zip(*points)]
    print(oracle.relative_error(t.call(name, *points), exact)[0])
f = scalecore.compute_optimal([1e6, 1e9, 1e24], 10, 100)
print(abs(f.width / [27.04131402966, 300.8098174807, 1654909010.0] - 1).max() / 1e6)
"""
    printed = run_python(code, SCALECORE_ISA=isa).split()
    if printed != ["lacking"]:
        assert len(printed) == len(UFUNCS) + 1
        assert max(map(float, printed)) <= 4e-15  # without fused multiply-add the last bits differ


def test_an_unknown_instruction_set_is_refused(run_python):
    done = run_python("import scalecore", check=False, SCALECORE_ISA="mmx")
    assert done.returncode != 0
    assert "SCALECORE_ISA='mmx'" in done.stderr


@given(
    st.floats(0, 18).map(lambda x: 10**x),
    st.floats(0, 30).map(lambda x: 10**x),
    st.floats(0, 7).map(lambda x: 10**x),
    st.floats(-3, 15).map(lambda x: 10**x),
    st.floats(1e-6, 2),
)
def test_relations_between_the_bounds(n, T, d, K, eps):
    error = sc.error_bound(n, T, d, K)
    assert error <= sc.closed_form_bound(n, T, d, K)
    assert error == pytest.approx(
        sc.misspecification_bound(n, T, d, K) + sc.estimation_bound(n, T, d, K), rel=2e-15
    )
    assert error <= float(sum(oracle.parts(n, T, d, K, eps))) * (
        1 + 1e-15
    )  # no other resolution is better
    assert 0 < sc.optimal_resolution(n, T, d, K) <= 2
    assert sc.error_bound(n, 2 * T, d, K) <= error * (1 + 1e-15)
    assert sc.error_bound(n, T, d, 2 * K) >= error * (1 - 1e-15)
    assert sc.occupancy(n, K) * (1 + 1e-15) >= 1
    assert sc.occupancy(n, K) <= min(n, 1 + K * np.log1p((n - 1) / K)) * (1 + 2e-15)
    assert sc.occupancy(n, K) >= K * np.log1p(n / K) * (1 - 2e-15)


def test_occupancy_is_never_below_one():
    """The first sample opens a unit, to the last bit, whatever K is."""
    K = 10 ** np.linspace(-300, 300, 200_001)
    for n in (1.0, np.nextafter(1, 2), 1 + 1e-9, 1.5):
        assert (sc.occupancy(n, K) >= 1).all()
        assert all(sc.occupancy(n, k) >= 1 for k in K[::1000])  # scalars have a way of their own
    rng = np.random.default_rng(2)
    n, K = 1 + 10 ** rng.uniform(-17, 300, 300_000), 10 ** rng.uniform(-300, 300, 300_000)
    values = sc.occupancy(n, K)
    assert (values >= 1).all()
    assert (values <= n * (1 + 1e-15)).all()


def test_whole_occupancy_is_its_sum():
    for K in (0.01, 1, 7.5, 100.0, 1e6):
        n = np.arange(1, 2000)
        assert np.allclose(
            sc.occupancy(n, K),
            np.cumsum(K / (K + n - np.longdouble(1))).astype(float),
            rtol=2e-15,
            atol=0,
        )


def test_huge_numbers_stay_finite_and_ordered():
    n = 10.0 ** np.arange(0, 301, 10)
    for K in (5e-324, 1e-310, 1e-300, 1e-20, 1.0, 1e20):
        for name in ("error_bound", "closed_form_bound"):
            values = call(name, n, 1e6, 10, K)
            assert np.isfinite(values).all()
            late = n >= max(K, 1) * 1e10
            assert (
                np.diff(values[late]) > 0
            ).all() or K < 1e-15  # for K -> 0 there is one unit, whatever n
            assert (np.diff(values[late]) >= 0).all()
    assert sc.occupancy(1e300, 5e-324) == 1
    assert sc.error_bound(1, 1, 1, 1e300) == pytest.approx(1e300 / 16)
    assert sc.error_bound(1e300, 1e300, 1e300, 1e300) > 0


def test_closed_form_where_n_over_K_overflows():
    for n, K in (
        (1e300, 1e-12),
        (1e295, 1e-3),
        (1e300, 1e-300),
        (1, 5e-324),
        (1, 1e-301),
        (7, 1e-310),
        (1e300, 5e-324),
    ):
        assert sc.closed_form_bound(n, 100, 10, K) == pytest.approx(
            float(oracle.closed_form_bound(n, 100, 10, K)), rel=2e-15
        )


BAD = [
    (0.999999, 2, 2, 2), (2, 0.5, 2, 2), (2, 2, 0, 2), (2, 2, 2, 0.0), (2, 2, 2, -0.0),
    (2, 2, 2, -1), (-np.inf, 2, 2, 2),
    (np.inf, 2, 2, 2),
    (2, np.inf, 2, 2), (2, 2, np.inf, 2), (2, 2, 2, np.inf), (1e301, 2, 2, 2), (2, 2, 5e-324, 2),
]  # fmt: skip


@pytest.mark.parametrize("name", UFUNCS)
@pytest.mark.parametrize("where", range(9))
@pytest.mark.parametrize("point", BAD)
def test_bad_numbers_spoil_only_themselves(name, where, point):
    good = everywhere(9, 1)
    mixed = [column.copy() for column in good]
    for column, value in zip(mixed, point, strict=True):
        column[where] = value
    used = (0, 3) if name == "occupancy" else (0, 1, 2, 3)
    is_bad = any(
        not ((v > 0 if i == 3 else v >= 1) and v <= 1e300) for i, v in enumerate(point) if i in used
    )
    if is_bad:
        with pytest.warns(RuntimeWarning, match="invalid value encountered"):
            values = call(name, *mixed)
    else:
        values = call(name, *mixed)
    others = np.arange(9) != where
    assert np.isnan(values[where]) == is_bad
    assert (values[others] == call(name, *good)[others]).all()


def test_nan_stays_nan_without_a_warning():
    for name in UFUNCS:
        for column in range(4):
            if name == "occupancy" and column in (1, 2):
                continue
            points = [column.copy() for column in everywhere(20, 2)]
            points[column][3] = np.nan
            values = call(name, *points)  # any warning would be an error here
            assert np.isnan(values).tolist() == [i == 3 for i in range(20)]
    assert np.isnan(sc.error_bound(np.nan, 0.1, 1, 1))


def test_floating_point_flags_of_the_caller_are_left_alone():
    with np.errstate(all="raise"):
        sc.error_bound(np.geomspace(1, 1e300, 1000), np.geomspace(1, 1e300, 1000)[::-1], 1e7, 1e-3)
        with pytest.raises(FloatingPointError):
            sc.error_bound(0.5, 1, 1, 1)


def test_is_a_ufunc_in_every_way():
    for name in UFUNCS:
        function = getattr(sc, name)
        assert isinstance(function, np.ufunc)
        assert function.__name__ == name
        assert function.nin == (2 if name == "occupancy" else 4)
        with (
            warnings.catch_warnings()
        ):  # pickle looks through every module that is loaded, deprecated ones too
            warnings.simplefilter("ignore")
            assert pickle.loads(pickle.dumps(function)) is function
    n, T = np.geomspace(1, 1e6, 7)[:, None], np.geomspace(10, 1e9, 5)
    grid = sc.error_bound(n, T, 10, 100)
    assert grid.shape == (7, 5)
    assert grid[3, 2] == sc.error_bound(n[3, 0], T[2], 10, 100)
    out = np.full((7, 5), -1.0)
    mask = np.arange(35).reshape(7, 5) % 3 == 0
    assert sc.error_bound(n, T, 10, 100, out=out, where=mask) is out
    assert (out[mask] == grid[mask]).all()
    assert (out[~mask] == -1).all()
    x = np.geomspace(1, 1e6, 5000)
    expected = sc.error_bound(x, 1e6, 10, 100)
    sc.error_bound(x, 1e6, 10, 100, out=x)
    assert (x == expected).all()
    assert sc.error_bound(np.array([], float), 1, 1, 1).shape == (0,)
    assert sc.error_bound(np.empty((3, 0)), 1, 1, 1).shape == (3, 0)
    assert sc.error_bound(np.int32(3), np.float32(8), 2, True) == sc.error_bound(3.0, 8.0, 2.0, 1.0)
    assert sc.error_bound(np.float32(3), 8, 2, 1).dtype == np.float64


@pytest.mark.parametrize("bad", ["3", 3 + 0j, None, [1, 2, 3, 4, 5], object()])
def test_wrong_types_and_shapes_are_refused_by_name(bad):
    with pytest.raises((TypeError, ValueError), match=r"error_bound|broadcast"):
        sc.error_bound(bad, np.ones(3), 1, 1)


def test_dask_xarray_and_pandas_work_unasked():
    dask_array = pytest.importorskip("dask.array")
    xarray = pytest.importorskip("xarray")
    pandas = pytest.importorskip("pandas")
    n = np.geomspace(1, 1e6, 1000)
    expected = sc.error_bound(n, 1e6, 10, 100)
    lazy = sc.error_bound(dask_array.from_array(n, chunks=130), 1e6, 10, 100)
    assert isinstance(lazy, dask_array.Array)
    assert (lazy.compute() == expected).all()
    series = sc.error_bound(pandas.Series(n, index=np.arange(1000) + 5, name="n"), 1e6, 10, 100)
    assert isinstance(series, pandas.Series)
    assert series.index[0] == 5
    assert (series.to_numpy() == expected).all()
    widths = xarray.DataArray(n, dims="n", coords={"n": n})
    samples = xarray.DataArray([1e3, 1e6], dims="T")
    labelled = sc.error_bound(widths, samples, 10, 100)
    assert labelled.dims == ("n", "T")
    assert (labelled.isel(T=1).to_numpy() == expected).all()


@pytest.mark.parametrize("name", UFUNCS)
def test_same_bits_for_every_layout(name):
    count = 20_011
    points = everywhere(count, 11)
    expected = call(name, *points)
    one_by_one = [call(name, *(column[i] for column in points)) for i in range(0, count, 97)]
    assert (expected[::97] == one_by_one).all()
    wide = [np.repeat(column, 3).reshape(-1, 3)[:, 1] for column in points]
    backwards = [column[::-1] for column in points]
    assert (call(name, *wide) == expected).all()
    assert (call(name, *backwards)[::-1] == expected).all()
    frozen = [column.copy() for column in points]
    for column in frozen:
        column.flags.writeable = False
    assert (call(name, *frozen) == expected).all()
    packed = np.zeros(count, dtype=[("pad", "u1"), ("x", "f8")])  # unaligned, stride 9
    packed["x"] = points[0]
    assert (call(name, packed["x"], *points[1:]) == expected).all()
    aligned = np.zeros(
        count, dtype=np.dtype([("x", "f8"), ("pad", "u4")], align=False)
    )  # stride 12
    aligned["x"] = points[0]
    assert (call(name, aligned["x"], *points[1:]) == expected).all()
    for offset in (1, 2, 3, 5, 7):
        assert (call(name, *(column[offset:] for column in points)) == expected[offset:]).all()
    out = np.zeros((count, 2))
    getattr(sc, name)(*((points[0], points[3]) if name == "occupancy" else points), out=out[:, 1])
    assert (out[:, 1] == expected).all()
    # scalar d and K take another path through the kernels
    n, T = points[0], points[1]
    assert (
        call(name, n, T, 10.0, 100.0)
        == call(name, n, T, np.full(count, 10.0), np.full(count, 100.0))
    ).all()
    assert (
        call(name, n, T, 10.0, 0.3) == call(name, n, T, np.full(count, 10.0), np.full(count, 0.3))
    ).all()


def test_same_bits_for_every_number_of_threads(run_python):
    code = """
import hashlib, numpy as np, scalecore as sc
from scalecore._core.threads import default_threads
n, T = np.geomspace(1, 1e12, 300_001), np.geomspace(1e15, 1, 300_001)
numbers = sc.error_bound(n, T, 10, 100).tobytes() + sc.occupancy(n, T).tobytes()
print(default_threads(), hashlib.sha256(numbers).hexdigest())
"""
    printed = [run_python(code, OMP_NUM_THREADS=str(threads)).split() for threads in (1, 2, 7)]
    assert len({digest for _, digest in printed}) == 1
    from scalecore._core.threads import has_openmp

    if has_openmp():
        assert [threads for threads, _ in printed] == ["1", "2", "7"]


def test_threadpoolctl_is_obeyed():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    from scalecore._core.threads import default_threads

    with threadpoolctl.threadpool_limits(limits=1, user_api="openmp"):
        assert default_threads() == 1


# Ctrl-C


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize(
    "call",
    [
        "sc.error_bound(many[1:], 1e5, 3, 10, out=out)",
        "sc.error_bound(many[1:], 1e5, 3, 10, out=many[:-1])",  # overlapping: in turn
        "sc.occupancy(many[1:], 10.0, out=out)",
        "sc.bayes_error_bound(many[1:], 3, out=out)",
        "sc.bayes_error_lower_bound(many[1:], 3, 10.0, out=out)",
    ],
)
def test_ctrl_c_is_answered_inside_one_call(call, run_python):
    """The key is pressed as soon as the first point is there, and the last is never computed."""
    code = f"""
import os, signal, threading, numpy as np, scalecore as sc
many = np.tile(np.geomspace(2, 1e6, 1_000_000), 60)
out = many[:-1] if "many[:-1]" in {call!r} else np.full(len(many) - 1, -1.0)
first, last = out[0], out[-1]
def press():
    while out[0] == first:
        pass
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=press, daemon=True).start()
try:
    {call}
    print("finished")
except KeyboardInterrupt:
    print(out[0] != first, out[-1] == last)
"""
    assert run_python(code).split() == ["True", "True"]


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize(
    "call",
    [
        "sc.error_bound(many, 1e5, 3, 10, out=out, where=every_other)",
        "sc.occupancy(many, 10.0, out=out, where=every_other)",
        "sc.bayes_error_bound(many, 3, out=out, where=every_other)",
        "sc.error_bound(many[:, None], pair, 3, 10, out=as_strided(out, (len(out), 2), (8, 0)))",
    ],
)
def test_ctrl_c_is_answered_between_many_short_loops(call, run_python):
    """NumPy calls the loop for each run of `where`, or for each row: no call is long."""
    code = f"""
import signal, numpy as np, scalecore as sc
from numpy.lib.stride_tricks import as_strided
many = np.tile(np.geomspace(2, 1e6, 1_000_000), 30)
out, pair = np.full(len(many), -1.0), np.array([1e5, 1e6])
every_other = np.arange(len(many)) % 2 == 0
signal.signal(signal.SIGALRM, signal.default_int_handler)
try:
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    {call}
    print("finished")
except KeyboardInterrupt:
    print(out[-1] == out[-2] == -1.0)
"""
    assert run_python(code).split() == ["True"]


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_handler_that_does_not_raise_spoils_nothing(run_python):
    """Points are computed to the end, and are what they are without signals."""
    code = """
import os, signal, threading, time, numpy as np, scalecore as sc
heard = []
signal.signal(signal.SIGUSR1, lambda *_: heard.append(1))
many = np.geomspace(1, 1e6, 20_000_000)
done = threading.Event()
def press():
    while not done.wait(0.02):
        os.kill(os.getpid(), signal.SIGUSR1)
threading.Thread(target=press, daemon=True).start()
found = sc.error_bound(many, 1e5, 3, 10)
during = len(heard)
done.set()
print(during > 1, np.array_equal(found[::1000], sc.error_bound(many[::1000], 1e5, 3, 10)))
"""
    assert run_python(code).split() == ["True", "True"]
