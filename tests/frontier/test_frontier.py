import os
import pickle
import signal
import threading
import time

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import bounds as oracle
from random_problems import random_problems

import scalecore as sc
from scalecore import Status

# docs/theory.md, section 3: budget, n, d n, T, error and eps for real n, c = 1, d = 10, K = 100
TABLE = np.array(
    [
        (1e6, 27.0413, 270.413, 3698.05, 0.374777, 0.62900),
        (1e9, 300.810, 3008.10, 332436, 0.0359236, 0.17549),
        (1e12, 5063.91, 50639.1, 1.97476e7, 2.30495e-3, 0.039608),
        (1e18, 2.51390e6, 2.51390e7, 3.97788e10, 4.85326e-6, 1.4273e-3),
        (1e24, 1.65491e9, 1.65491e10, 6.04263e13, 7.45065e-9, 4.6917e-5),
    ]
).T
SLOPES = [0.4597, 0.5881, 0.7350, 0.8559, 0.9025]  # d log p* / d log T* over the preceding decade


def test_reference_table_to_all_its_digits():
    budget, width, parameters, samples, error, eps = TABLE
    f = sc.compute_optimal(budget, 10, 100)
    for got, given_digits, digits in (
        (f.width, width, 6), (f.parameters, parameters, 6), (f.samples, samples, 6),
        (f.error, error, 6),
        (sc.optimal_resolution(f.width, f.samples, 10, 100), eps, 5),
    ):  # fmt: skip
        assert [f"{x:.{digits - 1}e}" for x in got] == [f"{x:.{digits - 1}e}" for x in given_digits]
    before = sc.compute_optimal(budget / 10, 10, 100)
    slopes = np.log(f.parameters / before.parameters) / np.log(f.samples / before.samples)
    assert slopes.round(4).tolist() == SLOPES
    assert (f.status == Status.INTERIOR).all()


@pytest.mark.parametrize(
    ("bound", "exact"), [("optimal", oracle.error_bound), ("closed_form", oracle.closed_form_bound)]
)
def test_optimum_against_mpmath(bound, exact):
    budget, d, K = random_problems(120, 5)
    f = sc.compute_optimal(budget, d, K, bound=bound, cost=2.0)
    inside = np.flatnonzero(f.status == Status.INTERIOR)
    assert inside.size > 80
    for i in inside[:60]:
        if (
            bound == "optimal"
            and 0.99 < d[i] * sc.occupancy(f.width[i], K[i]) / f.samples[i] < 1.01
        ):
            # where the resolution is just clipped the numerical derivative has a kink; a test of
            # its own covers that
            continue
        n, error = oracle.optimum(
            budget[i], mp.mpf(d[i]), mp.mpf(K[i]), 2, exact, start=float(f.width[i])
        )
        assert abs(mp.mpf(float(f.width[i])) / n - 1) < 1e-9, (budget[i], d[i], K[i])
        assert abs(mp.mpf(float(f.error[i])) / error - 1) < 1e-14, (budget[i], d[i], K[i])


@pytest.mark.parametrize("bound", ["optimal", "closed_form"])
def test_nothing_on_a_dense_grid_is_better_and_lines_are_unimodal(bound):
    """THEORY leaves unimodality to be checked; docs/theory.md proves it; this looks at 600 lines of
    2,000 points."""
    budget, d, K = random_problems(600, 6)
    lines = sc.isoflop(budget, d, K, points=2000, bound=bound)
    f = sc.compute_optimal(budget, d, K, bound=bound)
    assert not np.isin(f.status, (Status.INVALID, Status.INFEASIBLE)).any()
    assert (f.error[:, None] <= lines.error * (1 + 1e-14)).all()
    steps = np.sign(np.diff(np.log(lines.error), axis=1)) * (
        np.abs(np.diff(np.log(lines.error), axis=1)) > 1e-13
    )
    turned = [np.flatnonzero(np.diff(row[row != 0])) for row in steps]
    assert all(turn.size <= 1 for turn in turned)
    assert all(row[row != 0][-1] > 0 for row, turn in zip(steps, turned, strict=True) if turn.size)


def test_optimum_where_the_resolution_is_clipped():
    """d E U_n > T at the optimum: the derivative has a kink nearby; compare with a fine search
    instead."""
    d, K = np.array([1e3, 1e4, 1e4, 5e3]), np.array([1e3, 1e4, 1e5, 3e4])
    budget = d * np.array([1e5, 1e6, 1e7, 3e6])
    f = sc.compute_optimal(budget, d, K)
    assert (sc.optimal_resolution(f.width, f.samples, d, K) == 2).any()
    n = f.width[:, None] * np.exp(np.linspace(-1e-3, 1e-3, 4001))
    error = sc.error_bound(n, (budget / d)[:, None] / n, d[:, None], K[:, None])
    assert (np.abs(n[np.arange(4), error.argmin(1)] / f.width - 1) < 2e-6).all()
    assert (f.error <= error.min(1) * (1 + 1e-15)).all()


def test_closed_form_has_two_minima_at_small_concentration():
    """At K < 1/3 the closed form leaps between n = 1 and 3/2; the frontier must take the lower of
    its two minima."""
    rng = np.random.default_rng(14)
    d, K = 10 ** rng.uniform(0, 3, 400), 10 ** rng.uniform(-8, -0.4, 400)
    K[::2] = rng.uniform(1e-3, 0.33, 200)
    budget = d * 10 ** rng.uniform(0.1, 14, 400)
    budget[::2] = d[::2] * 10 ** rng.uniform(
        0.05, 3, 200
    )  # where the minima are close to each other
    f = sc.compute_optimal(budget, d, K, bound="closed_form")
    n = np.concatenate([1 + np.geomspace(1e-12, 1, 3000), np.geomspace(2, 1e6, 4000)])
    most = (budget / d)[:, None]
    error = np.where(
        n <= most, sc.closed_form_bound(n, np.maximum(most / n, 1), d[:, None], K[:, None]), np.inf
    )
    assert (
        f.error <= np.minimum(error.min(1), sc.closed_form_bound(1, budget / d, d, K)) * (1 + 1e-14)
    ).all()
    assert 50 < np.count_nonzero(f.status == Status.AT_MIN_WIDTH) < 390
    whole = sc.compute_optimal(budget, d, K, bound="closed_form", integer=True)
    for i in np.flatnonzero(budget / d < 1e6)[:100]:
        assert whole.error[i] == pytest.approx(
            oracle.best_integer(sc.closed_form_bound, budget[i], d[i], K[i])[2], rel=1e-15
        )


@pytest.mark.parametrize("bound", ["optimal", "closed_form"])
def test_extreme_budgets_and_concentrations(bound):
    rng = np.random.default_rng(15)
    d, K = 10 ** rng.uniform(0, 50, 3000), 10 ** rng.uniform(-320, 300, 3000)
    budget = d * 10 ** rng.uniform(0, 240, 3000)
    f = sc.compute_optimal(budget, d, K, bound=bound)
    most = budget / d
    n = np.exp(np.log(most)[:, None] * np.linspace(0, 1, 301))
    ufunc = {"optimal": sc.error_bound, "closed_form": sc.closed_form_bound}[bound]
    grid = ufunc(n, np.maximum(most[:, None] / n, 1), d[:, None], K[:, None]).min(1)
    assert (f.error <= grid * (1 + 1e-12)).all()
    assert np.isfinite(f.elasticity).all()


@pytest.mark.parametrize("bound", ["optimal", "closed_form"])
def test_elasticity_is_the_derivative(bound):
    budget, d, K = random_problems(300, 8)
    f = sc.compute_optimal(budget, d, K, bound=bound)
    h = 1e-4
    up, down = (sc.compute_optimal(budget * np.exp(s), d, K, bound=bound) for s in (h, -h))
    numeric = (np.log(up.parameters) - np.log(down.parameters)) / (2 * h)
    same = (f.status == up.status) & (f.status == down.status)
    kink = (sc.optimal_resolution(up.width, up.samples, d, K) == 2) != (
        sc.optimal_resolution(down.width, down.samples, d, K) == 2
    )
    assert same.sum() > 250
    assert np.abs(numeric - f.elasticity)[same & ~kink].max() < 2e-6
    assert (f.elasticity[f.status == Status.AT_MIN_WIDTH] == 0).all()


def test_asymptotics_and_model_share():
    f = sc.compute_optimal(np.geomspace(1e6, 1e24, 200), 10, 100)
    slope = f.elasticity / (1 - f.elasticity)  # d log p* / d log T*, since p* T* = C
    assert (np.diff(slope) > 0).all()
    assert slope[-1] < 1
    assert np.allclose(f.parameters * f.samples, f.budget, rtol=1e-14)
    share = sc.compute_optimal(1e6, [10, 100, 10], [100, 100, 1000]).model_share
    assert share.round(4).tolist() == [0.0681, 0.3422, 0.2697]
    grid = sc.compute_optimal(
        1e12, np.geomspace(1, 1e4, 30)[:, None], np.geomspace(1, 1e4, 30)
    ).model_share
    assert (np.diff(grid, axis=0) > 0).all()
    assert (np.diff(grid, axis=1) > 0).all()


def test_statuses():
    f = sc.compute_optimal([1e6, 9.99, 0, -1, np.nan, np.inf, 10, 20], 10, [100] * 7 + [1e4])
    assert [Status(s).name for s in f.status] == [
        "INTERIOR", "INFEASIBLE", "INFEASIBLE", "INVALID", "INVALID", "INVALID",
        "AT_MIN_WIDTH", "AT_MIN_SAMPLES",
    ]  # fmt: skip
    for name in (
        "width",
        "samples",
        "error",
        "misspecification",
        "estimation",
        "elasticity",
        "parameters",
        "model_share",
    ):
        assert np.isnan(getattr(f, name)).tolist() == [
            False,
            True,
            True,
            True,
            True,
            True,
            False,
            False,
        ]
    assert (f.width[6], f.samples[6]) == (1, 1)
    narrow = sc.compute_optimal(1e6, 10, 1e-3)
    assert (narrow.status, narrow.width, narrow.samples, narrow.elasticity) == (
        Status.AT_MIN_WIDTH,
        1,
        1e5,
        0,
    )
    wide = sc.compute_optimal(1e3, 10, 1e9)
    assert (wide.status, wide.width, wide.samples, wide.elasticity) == (
        Status.AT_MIN_SAMPLES,
        100,
        1,
        1,
    )
    bad = sc.compute_optimal(1e6, [10, 0.5, np.nan, 10, 10, 10], [100, 100, 100, 0, -1, np.inf])
    assert [Status(s).name for s in bad.status] == ["INTERIOR"] + ["INVALID"] * 5
    assert f.error[6:] == pytest.approx(sc.error_bound([1, 2], [1, 1], 10, [100, 1e4]), rel=1e-15)


@given(
    st.floats(allow_nan=True, allow_infinity=True), st.floats(allow_nan=True, allow_infinity=True),
    st.floats(allow_nan=True, allow_infinity=True), st.booleans(),
    st.sampled_from(["optimal", "closed_form"]),
)  # fmt: skip
def test_any_floats_get_an_answer(budget, d, K, integer, bound):
    f = sc.compute_optimal([budget, 1e6], [d, 10], [K, 100], integer=integer, bound=bound)
    assert f.error[1] == sc.compute_optimal(1e6, 10, 100, integer=integer, bound=bound).error
    solved = f.status[0] in (Status.INTERIOR, Status.AT_MIN_WIDTH, Status.AT_MIN_SAMPLES)
    assert np.isfinite(f.width[0]) == solved
    if solved:
        assert f.width[0] >= 1
        assert f.samples[0] >= 1
        assert f.error[0] > 0
        assert -1e-12 <= f.elasticity[0] <= 1 + 1e-12


@pytest.mark.parametrize("integer", [False, True])
@pytest.mark.parametrize("bound", ["optimal", "closed_form"])
def test_same_bits_for_threads_layouts_and_neighbours(integer, bound):
    count = 501 if integer else 20_003
    budget, d, K = random_problems(count, 12)
    fields = ("width", "samples", "error", "misspecification", "estimation", "elasticity", "status")

    def solve(*inputs, threads=1):
        f = sc.compute_optimal(*inputs, integer=integer, bound=bound, n_threads=threads)
        return np.stack([getattr(f, name).astype(float) for name in fields])

    expected = solve(budget, d, K)
    for threads in (2, 7, None):
        assert np.array_equal(solve(budget, d, K, threads=threads), expected, equal_nan=True)
    assert np.array_equal(
        solve(*(np.repeat(x, 2)[::2] for x in (budget, d, K))), expected, equal_nan=True
    )
    assert np.array_equal(
        solve(*(x[::-1] for x in (budget, d, K)))[:, ::-1], expected, equal_nan=True
    )
    assert np.array_equal(solve(*(x[5:] for x in (budget, d, K))), expected[:, 5:], equal_nan=True)
    for i in range(0, count, count // 20):
        assert np.array_equal(solve(budget[i], d[i], K[i]), expected[:, i], equal_nan=True)
    packed = np.zeros(count, dtype=[("budget", "f8"), ("tag", "i4")])  # stride 12
    packed["budget"] = budget
    assert np.array_equal(solve(packed["budget"], d, K), expected, equal_nan=True)
    assert np.array_equal(solve(budget.astype(">f8"), d, K), expected, equal_nan=True)
    budget.flags.writeable = False
    grid = solve(budget[:30, None, None], d[:4, None], K[:3])
    assert grid.shape == (7, 30, 4, 3)
    assert np.array_equal(grid[:, 7, 2, 1], solve(budget[7], d[2], K[1]), equal_nan=True)


def test_grids_larger_than_the_gathering_buffer():
    budget = np.geomspace(1e4, 1e12, 1100)
    grid = sc.compute_optimal(budget[:, None], np.linspace(1, 50, 1000), 100.0)
    assert grid.width.shape == (1100, 1000)
    assert (
        grid.width[:, 17] == sc.compute_optimal(budget, np.linspace(1, 50, 1000)[17], 100.0).width
    ).all()
    assert (
        grid.width[1099] == sc.compute_optimal(budget[1099], np.linspace(1, 50, 1000), 100.0).width
    ).all()


def test_shapes_and_kinds():
    assert sc.compute_optimal([], 10, 100).width.shape == (0,)
    assert sc.compute_optimal(np.empty((0, 3)), 10, 100).status.shape == (0, 3)
    assert (
        sc.compute_optimal(10**30, 10, 100).width == sc.compute_optimal(1e30, 10, 100).width
    )  # beyond 64 bits
    assert (
        sc.compute_optimal(np.float32(1e6), np.int8(10), 100).width
        == sc.compute_optimal(1e6, 10, 100).width
    )
    scalar = sc.compute_optimal(1e6, 10, 100)
    assert isinstance(scalar.width, np.floating)
    assert scalar.cost == 1
    assert sc.compute_optimal(6e6, 10, 100, cost=6).width == scalar.width
    assert sc.compute_optimal([1e6, 6e6], 10, 100, cost=[1, 6]).width.tolist() == [scalar.width] * 2
    with pytest.raises(AttributeError):
        scalar.width = 3
    assert "27.0413" in repr(scalar)
    assert "INTERIOR" in repr(scalar)
    assert "2 INFEASIBLE" in repr(sc.compute_optimal([1e6, 1, 1], 10, 100))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"budget": "1e6"}, "budget must be real numbers"),
        ({"budget": 1e6 + 0j}, "budget must be real numbers"),
        ({"budget": None}, "budget must be real numbers"),
        ({"budget": True}, "budget must be real numbers"),
        ({"input_dim": ["a"]}, "input_dim must be real numbers"),
        ({"concentration": {}}, "concentration must be real numbers"),
        (
            {"budget": [1.0, 2.0], "input_dim": [1.0, 2.0, 3.0]},
            r"do not broadcast together: budget \(2,\), input_dim \(3,\)",
        ),
        ({"budget": [[1.0, 2.0], [3.0]]}, "budget is not an array"),
        ({"cost": 0}, "cost must be positive"),
        ({"cost": np.nan}, "cost must be positive"),
        ({"cost": "a"}, "cost must be real"),
        (
            {"bound": "x"},
            "bound must be one of 'optimal', 'closed_form', 'spectral', 'refined', got 'x'",
        ),
        ({"bound": 3}, "bound must be one of"),
        ({"integer": 1}, "integer must be True or False"),
        ({"n_threads": 0}, "n_threads must be at least 1, got 0"),
        ({"n_threads": -1}, "n_threads must be at least 1"),
        ({"n_threads": 1.5}, "n_threads must be an integer"),
        ({"n_threads": True}, "n_threads must be an integer"),
    ],
)
def test_wrong_arguments_are_refused_by_name(change, message):
    with pytest.raises((TypeError, ValueError), match=message):
        sc.compute_optimal(**({"budget": 1e6, "input_dim": 10, "concentration": 100} | change))


def test_what_is_masked_is_not_a_number():
    masked = np.ma.array([1e6, 1e9, 1e12], mask=[False, True, False])
    best = sc.compute_optimal(masked, 10, np.ma.array([100, 100, 100], mask=[False, False, True]))
    assert best.status.tolist() == [sc.Status.INTERIOR, sc.Status.INVALID, sc.Status.INVALID]
    assert best.width[0] == sc.compute_optimal(1e6, 10, 100).width
    assert np.isnan(best.budget[1])
    with pytest.raises(ValueError, match="cost must be positive and finite"):
        sc.compute_optimal(1e6, 10, 100, cost=masked)
    whole = np.ma.array([1e6, 1e9], mask=False)
    assert (
        sc.compute_optimal(whole, 10, 100).width == sc.compute_optimal(whole.data, 10, 100).width
    ).all()


def test_isoflop():
    lines = sc.isoflop([1e6, 1e9, 5, np.nan], 10, 100, points=50)
    assert lines.width.shape == lines.samples.shape == lines.error.shape == (4, 50)
    assert (lines.width[:2, 0] == 1).all()
    assert np.allclose(lines.width[:2, -1], [1e5, 1e8])
    assert np.allclose((lines.parameters * lines.samples)[:2], lines.budget[:2, None])
    assert np.isnan(lines.error[2:]).all()
    assert (lines.error[:2] >= lines.optimum.error[:2, None]).all()
    assert (
        lines.error[0] == sc.error_bound(lines.width[0], np.maximum(lines.samples[0], 1), 10, 100)
    ).all()
    assert sc.isoflop(1e6, 10, 100).error.shape == (1, 200)
    dear = sc.isoflop([6e6], 10, 100, points=50, cost=6)
    assert np.allclose(dear.width, lines.width[0], rtol=1e-12)
    assert np.allclose(dear.error, lines.error[0], rtol=1e-12)
    assert sc.isoflop([[1e6], [1e7]], [1, 10, 100], 100, points=3).error.shape == (2, 3, 3)
    closed = sc.isoflop([1e6], 10, 100, points=50, bound="closed_form")
    assert (closed.error > lines.error[0]).all()
    assert "1 budgets x 50 widths" in repr(closed)
    for points in (1, 0, 2.5, "3"):
        with pytest.raises((TypeError, ValueError), match="points"):
            sc.isoflop(1e6, 10, 100, points=points)
    with pytest.raises(TypeError, match="budgets must be real"):
        sc.isoflop("x", 10, 100)


def test_to_dataset():
    xarray = pytest.importorskip("xarray")
    f = sc.compute_optimal(np.array([1e6, 1e9])[:, None], [1.0, 10, 100], 100)
    one = sc.compute_optimal([1e6, 1e9], 10, 100).to_dataset()
    assert isinstance(one, xarray.Dataset)
    assert one.width.dims == ("budget",)
    assert one.budget.to_numpy().tolist() == [1e6, 1e9]
    assert one.input_dim.item() == 10
    assert one.error.attrs["units"] == "nat"
    grid = sc.compute_optimal(
        np.array([1e6, 1e9])[:, None, None], np.array([1.0, 10, 100])[:, None], np.array([1.0, 9])
    ).to_dataset()
    assert grid.width.dims == ("budget", "input_dim", "concentration")
    assert (
        grid.width.sel(budget=1e9, input_dim=10, concentration=9).item()
        == sc.compute_optimal(1e9, 10, 9).width
    )
    for copy in (pickle.loads(pickle.dumps(f)), f):
        assert copy.to_dataset().width.dims == ("budget", "input_dim")
    assert sc.compute_optimal(np.empty((0, 3)), 10, 100).to_dataset().width.shape == (0, 3)
    together = sc.compute_optimal([1e6, 1e9], [10, 20], 100).to_dataset()
    assert together.width.dims == ("dim_0",)
    assert together.budget.dims == ("dim_0",)
    assert sc.compute_optimal(1e6, 10, 100).to_dataset().width.dims == ()
    assert sc.compute_optimal([1e6], 10, 100).to_dataset().width.dims == ("budget",)
    assert sc.compute_optimal([], 10, 100).to_dataset().sizes == {"dim_0": 0}


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("integer", [False, True])
def test_ctrl_c_stops_long_work_and_leaves_the_session_usable(integer):
    budget = np.broadcast_to(
        1e24 if integer else 1e12, (10**8,)
    )  # far more than can be done before the key is pressed
    pressed = []

    def press():
        time.sleep(0.5)
        pressed.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        sc.compute_optimal(budget, 10, 100, integer=integer, n_threads=2)
    late = time.perf_counter() - pressed[0]
    thread.join()
    assert late < 2  # 0.1 s on an idle machine; a loop that never looks takes 4 s or more
    assert sc.compute_optimal(1e6, 10, 100).width == pytest.approx(27.04131403)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")
def test_a_forked_child_does_not_hang(run_python):
    code = """
import multiprocessing, numpy as np, warnings, scalecore as sc
from scalecore._core.threads import default_threads
warnings.simplefilter("ignore")
n = np.geomspace(1, 1e9, 200_000)
def work(_):
    error = sc.compute_optimal(n * 100, 10, 100, n_threads=2).error
    return float(sc.error_bound(n, 1e6, 10, 100).sum()), float(error.sum()), default_threads()
if __name__ == "__main__":
    here = work(0)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        there = pool.map(work, range(4), chunksize=1)
    assert all(t[:2] == here[:2] for t in there)
    assert all(t[2] == 1 for t in there)
    print("done")
"""
    assert run_python(code, timeout=60).strip() == "done"
