"""The engine's sums, solver and resamples against plain NumPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import fitting as oracle

from scalecore._core import fitting as engine
from scalecore.fitting._forms import FORMS
from scalecore.fitting._problem import Covariates, engine_problem

CORE_FORMS = [name for name, form in FORMS.items() if form.code is not None]
HUBER, SQUARES = 1e-3, np.inf


def runs(rng, count=37):
    n, m = rng.uniform(-2, 2, (2, count))
    return (
        n,
        m,
        np.log(0.6 + 0.2 * np.exp(-0.3 * n) + 0.2 * np.exp(-0.35 * m))
        + 0.004 * rng.standard_normal(count),
    )


def random_theta(form, rng):
    theta = rng.uniform(-1.5, 1.0, len(form.parameters))
    theta[np.array(form.low) >= 0] = rng.uniform(0.1, 0.8, int(np.sum(np.array(form.low) >= 0)))
    return np.clip(theta, form.low, form.high)


def problem(name, n, m, y, delta=HUBER, weight=None, of_loss=False, **options):
    x = Covariates(n, m)
    return engine_problem(FORMS[name], x, y, of_loss=of_loss, delta=delta, weight=weight, **options)


@pytest.mark.parametrize("name", CORE_FORMS)
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_values_and_gradients_are_those_of_the_formula(name, seed):
    rng = np.random.default_rng(seed)
    n, m, _ = runs(rng)
    theta = random_theta(FORMS[name], rng)
    value, gradient = engine.values(FORMS[name].code, n, m, theta, True)
    np.testing.assert_allclose(value, oracle.law(name, theta, n, m), rtol=2e-15)
    np.testing.assert_allclose(gradient, oracle.gradient(name, theta, n, m), rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(FORMS[name].loss(theta, Covariates(n, m)), value, rtol=1e-14)


@pytest.mark.parametrize("of_loss", [False, True])
@pytest.mark.parametrize("name", CORE_FORMS)
@given(seed=st.integers(0, 2**32 - 1), delta=st.sampled_from([SQUARES, 1e-1, 1e-3]))
@settings(max_examples=15)
def test_sums_are_those_of_plain_numpy(name, of_loss, seed, delta):
    rng = np.random.default_rng(seed)
    n, m, y = runs(rng)
    weight = rng.uniform(0, 3, len(y))
    theta = random_theta(FORMS[name], rng)
    objective, gradient, _, columns, pull, total = problem(
        name, n, m, y, delta, weight, of_loss
    ).look(theta)
    wanted, slope = oracle.objective(name, theta, n, m, y, delta, weight, of_loss)
    r, J = oracle.residual_and_jacobian(name, theta, n, m, y, of_loss)
    scale = np.sum(weight * np.abs(np.clip(r, -delta, delta)) * np.abs(J), axis=1)
    assert abs(objective - wanted) <= 1e-13 * wanted
    assert np.all(np.abs(gradient - slope) <= 1e-13 * scale + 1e-15)
    np.testing.assert_allclose(columns, (weight * J * J).sum(1), rtol=1e-13, atol=1e-300)
    np.testing.assert_allclose(pull, np.sum(weight * np.clip(r, -delta, delta) ** 2), rtol=1e-13)
    np.testing.assert_allclose(total, weight.sum(), rtol=1e-14)


@pytest.mark.parametrize("of_loss", [False, True])
@pytest.mark.parametrize("name", CORE_FORMS)
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=15)
def test_the_hessian_is_the_gradients_derivative(name, of_loss, seed):
    """With least squares, where it has no jumps: fourth-order differences of the exact gradient."""
    rng = np.random.default_rng(seed)
    n, m, y = runs(rng)
    theta, step = random_theta(FORMS[name], rng), 1e-3
    own = problem(name, n, m, y, SQUARES, None, of_loss)
    hessian = own.look(theta)[2]
    for i in range(len(theta)):
        at = {}
        for k in (-2, -1, 1, 2):
            moved = theta.copy()
            moved[i] += k * step
            at[k] = own.look(moved)[1]
        column = (8 * (at[1] - at[-1]) - (at[2] - at[-2])) / (12 * step)
        assert np.all(np.abs(hessian[i] - column) <= 1e-6 * np.abs(hessian).max() + 1e-9)


@pytest.mark.parametrize("name", ["additive", "compute", "tied", "kaplan", "coupled"])
@given(seed=st.integers(0, 2**32 - 1), alike=st.booleans())
@settings(max_examples=30)
def test_starts_are_the_best_of_the_grid(name, seed, alike):
    """Against SciPy's nnls, one problem at a time; forms derived from sums of powers reparametrise
    these."""
    rng = np.random.default_rng(seed)
    n, m, y = runs(rng, int(rng.integers(6, 60)))
    n, m, y = n * rng.uniform(0.1, 6), m * rng.uniform(0.1, 6), y * rng.uniform(0.1, 20)
    if alike:
        n[:] = 0.3
    logarithms = (n,) if name == "compute" else (n, m)
    want, costs = oracle.power_law_starts(y, *logarithms)
    starts = engine.starts(FORMS[name].code, y, n, m)
    assert starts.shape == (5 if name == "compute" else 8, len(FORMS[name].parameters))
    assert np.isfinite(starts).all()
    sums = starts
    if name == "tied":
        np.testing.assert_allclose(starts[0, 3] ** 2, want[0, 2] * want[0, 4], rtol=1e-6)
        return
    if name == "kaplan":
        sums = np.column_stack([starts[:, :4], np.exp(starts[:, 4])])
    elif name == "coupled":
        sums = starts[[0, 3, 5, 7], :5]
        np.testing.assert_allclose(starts[0, 5], 0, atol=1e-15)
    # Costs tell the grid's points apart only to rounding errors: each start must be some row of the
    # grid, and no row left out may have a clearly lower cost.
    chosen = []
    for start in sums:
        distance = np.abs(want - start).max(1) / np.abs(start).max()
        chosen.append(int(distance.argmin()))
        assert distance.min() < 1e-4
    left_out = np.setdiff1d(np.arange(len(want)), chosen)
    slack = 1e-9 * max(1.0, costs.max())
    assert np.all(costs[left_out] >= costs[chosen].max() - slack)
    assert np.all(np.diff(costs[chosen]) >= -slack)


@pytest.mark.parametrize("how", ["pairs", "wild", "leave_out"])
def test_resamples_do_not_depend_on_threads_or_cuts(how):
    rng = np.random.default_rng(5)
    n, m, y = runs(rng, 60)
    own = problem("additive", n, m, y)
    best = own.minimise(FORMS["additive"].starts(y, Covariates(n, m)))[0][0]
    extra = (
        {"fitted": y.copy(), "residual": 0.01 * rng.standard_normal(60)} if how == "wild" else {}
    )
    whole = own.resample(best, 0, 700, how=how, key=11, n_threads=1, **extra)
    for threads in (2, 7):
        for left, right in zip(
            whole,
            own.resample(best, 0, 700, how=how, key=11, n_threads=threads, **extra),
            strict=True,
        ):
            np.testing.assert_array_equal(left, right)
    first, rest = (
        own.resample(best, *part, how=how, key=11, **extra) for part in ((0, 300), (300, 400))
    )
    np.testing.assert_array_equal(np.concatenate([first[0], rest[0]]), whole[0])


def test_pairs_draw_clusters_with_replacement():
    rng = np.random.default_rng(0)
    cluster = np.sort(rng.integers(0, 12, 50))
    _, first = np.unique(cluster, return_index=True)
    cluster = np.searchsorted(np.unique(cluster), cluster).astype(np.intp)
    n, m, y = runs(rng, 50)
    base = rng.uniform(0.5, 2, 50)
    own = problem("additive", n, m, y, weight=base, cluster=cluster, clusters=len(first))
    counts = []
    for job in range(4000):
        weights, _ = own.drawn(job, how="pairs", key=3)
        times = weights / base
        np.testing.assert_allclose(times, times[first][cluster], rtol=1e-12)
        assert round(times[first].sum()) == len(first)
        counts.append(times[first])
    # Each count is Binomial(G, 1/G): mean 1, variance 1 - 1/G. Twelve means and variances within
    # 4.5 standard errors: a false alarm in fewer than 1 in 5,000 seeds.
    counts = np.array(counts)
    G = len(first)
    assert np.all(np.abs(counts.mean(0) - 1) < 4.5 * np.sqrt((1 - 1 / G) / 4000))
    assert np.all(np.abs(counts.var(0) - (1 - 1 / G)) < 4.5 * np.sqrt(3.0 / 4000))


def test_wild_weights_are_webbs_six_points_one_a_cluster():
    rng = np.random.default_rng(1)
    cluster = np.repeat(np.arange(10), 4).astype(np.intp)
    n, m, y = runs(rng, 40)
    own = problem("additive", n, m, y, cluster=cluster, clusters=10)
    seen = []
    for job in range(3000):
        weights, targets = own.drawn(
            job, how="wild", key=9, fitted=np.zeros(40), residual=np.ones(40)
        )
        assert np.all(weights == 1)
        assert np.all(targets.reshape(10, 4) == targets[::4, None])
        seen.append(targets[::4])
    points, counts = np.unique(np.round(np.square(seen) * np.sign(seen), 12), return_counts=True)
    np.testing.assert_allclose(points, [-1.5, -1, -0.5, 0.5, 1, 1.5])
    # 30,000 draws of six equal chances, within 4.5 standard errors: false alarm below 1 in 20,000
    assert np.all(np.abs(counts - 5000) < 4.5 * np.sqrt(30000 * 5 / 36))


def test_leaving_out_is_a_fit_without_the_cluster():
    rng = np.random.default_rng(2)
    n, m, y = runs(rng, 30)
    own = problem("additive", n, m, y, delta=0.01)
    starts = FORMS["additive"].starts(y, Covariates(n, m))
    best = own.minimise(starts)[0][0]
    without, objective, *_ = own.resample(best, 0, 30, how="leave_out", key=0)
    for i in (0, 13, 29):
        keep = np.arange(30) != i
        part = problem("additive", n[keep], m[keep], y[keep], delta=0.01)
        theta, least, *_ = part.minimise(np.vstack([best, starts]))
        assert abs(objective[i] - least.min()) <= 1e-9 * least.min()
        np.testing.assert_allclose(without[i], theta[least.argmin()], rtol=1e-4, atol=1e-6)


def test_a_form_in_python_is_fitted_as_the_engines_own():
    """The same law through the call-back, without second derivatives, ends at the same optimum."""
    from dataclasses import replace

    rng = np.random.default_rng(3)
    n, m, y = runs(rng, 50)
    x = Covariates(n, m)
    own = FORMS["additive"]

    def gradient(theta, x):
        value = own.loss(theta, x)
        t = np.moveaxis(np.broadcast_to(theta, (*value.shape, 5)), -1, 0)
        first, second = np.exp(t[1] - t[2] * x.n), np.exp(t[3] - t[4] * x.m)
        return value, np.stack(
            [np.ones_like(value), first, -x.n * first, second, -x.m * second], -1
        )

    foreign = replace(own, code=None, gradient=gradient)
    starts = own.starts(y, x)
    for delta in (SQUARES, 1e-2, HUBER):
        ours = engine_problem(own, x, y, of_loss=False, delta=delta, weight=None).minimise(starts)
        theirs = engine_problem(foreign, x, y, of_loss=False, delta=delta, weight=None).minimise(
            starts
        )
        assert abs(ours[1].min() - theirs[1].min()) <= 1e-9 * ours[1].min()


def test_what_a_form_in_python_raises_reaches_the_caller():
    n, m, y = runs(np.random.default_rng(4))
    from dataclasses import replace

    def gradient(theta, x):
        raise KeyError("no such law")

    foreign = replace(FORMS["additive"], code=None, gradient=gradient)
    own = engine_problem(foreign, Covariates(n, m), y, of_loss=False, delta=HUBER, weight=None)
    with pytest.raises(KeyError, match="no such law"):
        own.minimise(np.zeros((1, 5)))
    with pytest.raises(KeyError, match="no such law"):
        own.look(np.zeros(5))


@pytest.mark.parametrize("isa", ["baseline", "avx2", "avx512"])
def test_every_instruction_set_finds_the_same_optimum(isa, run_python):
    from scalecore._core.bounds import instruction_set

    code = """
import numpy as np, scalecore as sc
rng = np.random.default_rng(0)
N = np.exp(rng.uniform(np.log(5e7), np.log(5e9), 60))
D = np.exp(rng.uniform(np.log(1e9), np.log(1e11), 60))
L = (1.8 + 480 / N**0.35 + 2100 / D**0.37) * np.exp(0.004 * rng.standard_normal(60))
for form in ("additive", "coupled", "kaplan_offset"):
    law = sc.fit(sc.RunTable(N, D, L), form, resamples=40, rng=1)
    print(law.status.name, *(repr(float(v)) for v in [*law.values.values(), *law.theta_draws[17]]))
"""
    done = run_python(code, check=False, SCALECORE_ISA=isa)
    if "not" in done.stderr and isa in done.stderr:
        pytest.skip(f"this processor has no {isa}")
    assert done.returncode == 0, done.stderr
    here = run_python(code, SCALECORE_ISA=instruction_set())
    for line, other in zip(done.stdout.splitlines(), here.splitlines(), strict=True):
        status, *numbers = line.split()
        assert status == other.split()[0]
        np.testing.assert_allclose(
            [float(x) for x in numbers], [float(x) for x in other.split()[1:]], rtol=1e-6
        )


def test_more_starts_lie_around_the_best_and_all_over_the_box():
    """A third near, a third farther away, a third anywhere; where theta is 0 they go up."""
    theta, low, high = np.array([0.0, -1.0, 0.3, 9.0]), np.zeros(4), np.full(4, 10.0)
    low[1] = -5.0
    starts = engine.around(theta, low, high, 8)
    assert starts.shape == (72, 4)
    assert np.all((starts >= low) & (starts <= high))
    near, far, anywhere = np.split(starts, 3)
    assert np.all(starts[:, 0] > 0)
    assert 0 < np.abs(near[:, 2] - 0.3).mean() < 0.05 < np.abs(far[:, 2] - 0.3).mean() < 0.3
    assert np.ptp(anywhere[:, 1]) > 4
    assert anywhere[:, 3].max() <= 2
    assert len(np.unique(starts[:, 1])) == 72
    np.testing.assert_array_equal(engine.around(theta, low, high, 8), starts)
    assert not np.array_equal(engine.around(theta, low, high, 9), starts)
    with pytest.raises(ValueError, match="1 to 12 parameters, got 13"):
        engine.around(np.zeros(13), np.zeros(13), np.ones(13), 0)


def test_constants_of_fits_are_what_they_stand_for():
    webb = np.sqrt([0.5, 1.0, 1.5])
    np.testing.assert_allclose(engine.INVERSE_WEBB, np.mean(1 / webb), rtol=1e-15)
    assert engine.FIRST_DELTAS[0] == 1.0  # half the starts begin at least squares
    np.testing.assert_array_equal(engine.FIRST_DELTAS[::2], 1.0)
    assert engine.FIRST_DELTAS[1::2].max() < 0.1  # the others at the size of real runs' noise
    with pytest.raises(ValueError, match="read-only"):
        engine.FIRST_DELTAS[0] = 2.0
