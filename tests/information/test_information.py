"""Finite models: both theorems against brute force, identities on random models, Monte Carlo
against exact sums.

Statistical tests have fixed seeds; a comparison at 4 standard errors alarms falsely once in 16,000.
"""

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from information_models import random_model, random_predictor, random_update, smooth_coins
from oracles import information as oracle

import scalecore as sc
from scalecore import updates

SMALL = bool(os.environ.get("CI"))  # CI runs the same checks on fewer models
MANY = settings(max_examples=300 if SMALL else 2000, suppress_health_check=[HealthCheck.too_slow])


SEEDS = st.integers(0, 2**32)


# ---- Theorem B


@MANY
@given(
    SEEDS,
    st.integers(1, 9),
    st.integers(1, 12),
    st.booleans(),
    st.sampled_from(["best", "fixed", "in time"]),
    st.booleans(),
)
def test_identity_and_tensor_sums(seed, S, steps, stochastic, predicts, zeros):
    """The identity to 1e-12, and every term of every step to 1e-12, on thousands of random
    models."""
    model = random_model(seed, zeros=0.3 if zeros else 0.0)
    update = random_update(seed, model, S, stochastic)
    shape = (S, *model.likelihood.shape[1:])
    predictor = {
        "best": None,
        "fixed": random_predictor(seed, *shape),
        "in time": random_predictor(seed, steps, *shape),
    }[predicts]
    got = model.incremental(update, steps, predictor)
    total = got.total
    assert abs(total.error - total.retained - total.forgotten - total.inference_gap) < 1e-12 * max(
        1, total.inference_gap
    )
    assert got.residual == total.error - (total.retained + total.forgotten + total.inference_gap)
    expected = oracle.decompose(model, update, steps, predictor)
    for name, values in zip(
        ("retained", "forgotten", "inference_gap", "error"), expected, strict=True
    ):
        assert np.abs(getattr(got, name) - values).max() < 1e-12 * max(1, np.abs(values).max()), (
            name
        )
    assert (got.forgotten > -1e-13).all()
    assert (got.inference_gap >= 0).all()
    assert (got.retained <= np.minimum(got.memory, model.entropy) + 1e-13).all()
    assert total.error <= got.memory[-1] + got.forgotten.sum() + total.inference_gap + 1e-12


@pytest.mark.parametrize(
    ("S", "steps", "n_x", "n_y"),
    [(1, 4, 2, 2), (3, 5, 1, 2), (4, 4, 2, 2), (2, 3, 2, 3), (5, 6, 1, 3)],
)
def test_brute_force_over_all_histories(S, steps, n_x, n_y):
    for seed in range(5):
        model = random_model(seed, 6, n_x, n_y)
        update, predictor = random_update(seed, model, S), random_predictor(seed, S, n_x, n_y)
        got = model.incremental(update, steps, predictor)
        retained, error = oracle.enumerate_decomposition(model, update, steps, predictor)
        assert got.total.retained == pytest.approx(retained, abs=1e-12)
        assert got.total.error == pytest.approx(error, rel=1e-12)
        assert got.average.error == got.total.error / steps


@pytest.mark.parametrize(("n_x", "n_y", "steps"), [(1, 2, 60), (2, 2, 12), (1, 4, 9), (3, 2, 5)])
def test_a_sufficient_statistic_forgets_nothing(n_x, n_y, steps):
    model = random_model(n_x + n_y, 40, n_x, n_y)
    got = model.incremental(updates.counts(n_x, n_y, steps), steps)
    assert np.abs(got.forgotten).max() < 1e-13
    assert (got.inference_gap == 0).all()
    curve = model.learning_curve(steps, method="exact")
    assert np.abs(got.retained - curve.information).max() < 1e-12
    assert got.total.error == pytest.approx(curve.information[-1], abs=1e-12)


def test_all_histories_as_states_forget_nothing():
    """A window as long as the run is the history itself."""
    model = random_model(5, 7, 1, 3)
    got = model.incremental(updates.sliding_window(1, 3, 5), 5)
    assert np.abs(got.forgotten).max() < 1e-13
    assert got.total.retained == pytest.approx(
        oracle.learner_error(model, model.prior, 5), abs=1e-12
    )


def test_constant_predictor():
    """One state, a constant predictor: everything is forgotten at once, and the gap is d_KL(P(Y|X)
    || predictor)."""
    model = random_model(3, 9, 2, 3)
    said = random_predictor(3, 1, 2, 3)
    got = model.incremental(np.zeros((1, 2, 3), int), 7, said)
    mean = np.tensordot(model.prior, model.likelihood, 1)
    gap = oracle.kl(mean, said[0]) @ model.inputs
    assert got.inference_gap == pytest.approx(np.full(7, gap), rel=1e-13)
    assert np.abs(got.retained).max() < 1e-13
    one = sum(
        model.inputs[x] * oracle.information(model.prior[:, None] * model.likelihood[:, x])
        for x in range(2)
    )
    assert got.forgotten == pytest.approx(np.full(7, one), rel=1e-12)
    same = model.incremental(np.zeros((1, 2, 3), int), 7, mean[None])
    assert same.inference_gap.max() < 1e-16


def test_a_small_gap_keeps_its_digits():
    model = sc.FiniteModel([0.5, 0.5], [[[0.5, 0.5]], [[0.5, 0.5]]], [1.0])
    for eps in (1e-3, 1e-6, 1e-8):
        got = model.incremental(np.zeros((1, 1, 2), int), 1, [[[0.5 + eps, 0.5 - eps]]])
        assert got.inference_gap[0] == pytest.approx(
            -0.5 * np.log1p(-4 * eps**2), rel=1e-7 if eps == 1e-8 else 1e-9
        )


def test_long_runs_stay_exact():
    """Rounding does not grow: 3,000 steps, and mass and identity hold."""
    model = random_model(11, 30, 2, 2)
    got = model.incremental(updates.leaky_average(2, 2, 1, 0.6, rounding="stochastic"), 3000)
    assert abs(got.residual) < 1e-11
    assert (
        np.abs(got.forgotten[-1] - got.error[-1]) < 1e-12
    )  # stationary: it forgets as fast as it learns
    expected = oracle.decompose(
        model, updates.leaky_average(2, 2, 1, 0.6, rounding="stochastic").table, 3000
    )
    assert np.abs(got.forgotten - expected[1]).max() < 1e-12


@pytest.mark.parametrize("M", [70, 511, 521])
@pytest.mark.parametrize("S", [1024, 1025, 4097])
def test_however_blocks_are_cut(S, M):
    """They are whole up to 1,024 states, and from 512 hypotheses on up to 4,096. Of the states, 400
    are reached; without the others the recursion is that of few states."""
    rng = np.random.default_rng(4)
    model = random_model(3, M, 1, 2)
    few = rng.integers(0, 400, (400, 1, 2))
    places = rng.permutation(S)[:400]
    many = rng.integers(0, S, (S, 1, 2))
    many[places] = places[few]
    want = model.incremental(few, 9)
    for threads in (1, 3):
        got = model.incremental(many, 9, initial=int(places[0]), n_threads=threads)
        for name in ("retained", "forgotten", "error"):
            assert np.abs(getattr(got, name) - getattr(want, name)).max() < 1e-12, name


def test_states_that_are_never_reached_cost_nothing_and_change_nothing():
    model = random_model(2, 5, 1, 2)
    small = np.array([[[1, 0]], [[0, 1]]])
    large = np.concatenate([small, np.full((100, 1, 2), 57)])
    a, b = model.incremental(small, 9), model.incremental(large, 9)
    assert a.total == pytest.approx(b.total, abs=1e-14)
    c = model.incremental(large, 9, initial=57)  # absorbed there
    assert np.abs(c.retained).max() < 1e-14


def test_impossible_predictions():
    model = sc.FiniteModel([0.5, 0.5], [[[1.0, 0.0]], [[0.5, 0.5]]], [1.0])
    stuck = np.array([[[1, 1]], [[1, 1]]])
    got = model.incremental(stuck, 4, [[[0.5, 0.5]], [[1.0, 0.0]]])
    assert got.impossible == (1, 1, 0, 1)
    assert np.isinf(got.error).tolist() == [False, True, True, True]
    assert got.total.error == got.total.inference_gap == np.inf
    assert "infinite, for in step 1 the predictor gives 0 to label 1 of input 0 in state 1" in repr(
        got
    )
    fine = model.incremental(stuck, 4, [[[0.5, 0.5]], [[0.75, 0.25]]])
    assert fine.impossible is None
    assert np.isfinite(fine.error).all()
    never = sc.FiniteModel([1.0], [[[1.0, 0.0]]], [1.0]).incremental(
        stuck, 4, [[[1.0, 0.0]], [[1.0, 0.0]]]
    )
    assert (never.error == 0).all()


def test_extreme_probabilities():
    """Subnormal likelihoods and posteriors that underflow: finite, and the identity holds."""
    model = sc.FiniteModel([0.5, 0.5], [[[1e-300, 1.0]], [[1.0, 5e-324]]], [1.0])
    got = model.incremental(updates.counts(1, 2, 40), 40)
    assert got.total.error == pytest.approx(np.log(2), rel=1e-12)
    assert got.retained[1:] == pytest.approx(np.full(40, np.log(2)), rel=1e-12)
    assert model.learning_curve(40, method="exact").information[1:] == pytest.approx(
        np.full(40, np.log(2)), rel=1e-12
    )
    drawn = model.learning_curve(400, method="monte_carlo", rng=0)
    assert drawn.information[1:] == pytest.approx(np.full(400, np.log(2)), rel=1e-12)


# ---- Theorem A and the learning curve


@pytest.mark.parametrize("zeros", [0.0, 0.3])
@pytest.mark.parametrize(
    ("n_x", "n_y", "T"), [(1, 2, 8), (2, 2, 5), (3, 1, 4), (2, 3, 4), (1, 5, 4)]
)
def test_learning_curve_against_all_histories(n_x, n_y, T, zeros):
    for seed in range(4):
        model = random_model(seed, None, n_x, n_y, zeros)
        curve = model.learning_curve(T)
        assert curve.method == "exact"
        assert curve.information[0] == 0
        for t in (1, T):
            assert curve.information[t] == pytest.approx(
                oracle.learner_error(model, model.prior, t), abs=1e-12
            )
        assert (curve.information <= curve.entropy + 1e-12).all()
        steps = np.diff(curve.information)
        assert (steps > -1e-12).all()
        assert (np.diff(steps) < 1e-12).all()  # each sample tells less than the one before
        assert (curve.std_error == 0).all()
        assert curve.error[1:] == pytest.approx(curve.information[1:] / np.arange(1, T + 1))


@MANY
@given(SEEDS, st.integers(1, 6), st.booleans())
def test_theorem_a_is_never_violated(seed, T, zeros):
    model = random_model(seed, n_x=1 + seed % 2, zeros=0.3 if zeros else 0.0)
    M = len(model.prior)
    rng = np.random.default_rng([seed, 3])
    channel = (
        rng.dirichlet(np.full(M, 10.0 ** rng.uniform(-2, 1)), M)
        if seed % 3
        else np.eye(M)[rng.integers(0, M, M)]
    )
    channel = channel / channel.sum(1, keepdims=True)
    got = model.constrained(channel, T)
    assert got.error <= got.bound + 1e-12
    assert got.bound == got.estimation + got.misspecification
    assert min(got.estimation, got.misspecification, got.error) >= -1e-14
    estimation, misspecification = oracle.bound(model, channel, T)
    assert got.estimation == pytest.approx(estimation, abs=1e-12)
    assert got.misspecification == pytest.approx(misspecification, rel=1e-12, abs=1e-13)
    assert (
        got.error >= model.learning_curve(T, method="exact").error[-1] - 1e-12
    )  # nobody beats the best learner


@pytest.mark.parametrize("zeros", [0.0, 0.5])
def test_constrained_error_against_all_histories(zeros):
    finite = 0
    for seed in range(40):
        model = random_model(seed, n_x=1 + seed % 2, n_y=2 + seed % 2, zeros=zeros)
        M, rng = len(model.prior), np.random.default_rng(seed)
        channel = np.eye(M)[rng.integers(0, max(1, M // 2), M)]
        got = model.constrained(channel, 4)
        expected = oracle.learner_error(model, model.prior @ channel, 4) / 4
        assert got.error == pytest.approx(expected, rel=1e-12, abs=1e-13)
        finite += np.isfinite(expected)
    assert finite == 40 if zeros == 0 else 5 < finite < 40


def test_equality_cases():
    model = random_model(7, 8, 2, 2)
    same = model.constrained(np.eye(8), 6)
    assert same.misspecification == 0
    assert same.estimation == pytest.approx(model.entropy / 6, rel=1e-13)
    assert same.error == pytest.approx(model.learning_curve(6).error[-1], rel=1e-12)
    assert same.error < same.bound
    blind = model.constrained(np.tile(np.eye(8)[3], (8, 1)), 6)  # F~ is always hypothesis 3
    assert abs(blind.estimation) < 1e-16
    assert blind.error == pytest.approx(blind.bound, rel=1e-12)
    far = sc.FiniteModel(np.full(3, 1 / 3), np.eye(3)[:, None, :], [1.0])
    assert far.learning_curve(3).information[1:] == pytest.approx(np.full(3, np.log(3)), rel=1e-14)


def test_supports_that_differ():
    """Two hypotheses of the learner cover each cell, but neither both: infinite from the second
    sample on."""
    truth = [[[0.5, 0.25, 0.25]], [[0.5, 0.5, 0.0]], [[0.5, 0.0, 0.5]]]
    model = sc.FiniteModel([1.0, 0.0, 0.0], truth, [1.0])
    channel = [[0, 0.5, 0.5], [0, 1, 0], [0, 0, 1]]
    for method in ("exact", "monte_carlo"):
        one, two = (
            model.constrained(channel, T, method=method, rng=0, replicates=50) for T in (1, 2)
        )
        assert one.misspecification == one.bound == np.inf
        assert one.error == pytest.approx(
            np.log(2) * 0 + oracle.learner_error(model, np.array([0, 0.5, 0.5]), 1), abs=1e-12
        )
        assert two.error == np.inf
    late = model.constrained(channel, 10**6, method="monte_carlo", rng=0)
    assert late.error == np.inf
    assert "inf" in repr(late)
    rare = sc.FiniteModel(
        [1.0, 0.0], [[[1.0, 1e-320]], [[1.0, 0.0]]], [1.0]
    )  # never drawn, but possible
    assert rare.constrained([[0, 1], [0, 1]], 5, method="exact").error == np.inf
    assert rare.constrained([[0, 1], [0, 1]], 5, method="monte_carlo", rng=0).error == np.inf


@pytest.mark.parametrize(
    ("M", "n_x", "n_y", "T"),
    [(2, 1, 2, 40), (19, 1, 2, 100), (30, 2, 2, 25), (7, 2, 3, 10), (300, 1, 3, 20)],
)
def test_monte_carlo_within_four_standard_errors(M, n_x, n_y, T):
    """Learning curve and constrained error, 10 comparisons."""
    model = random_model(M, M, n_x, n_y)
    exact = model.learning_curve(T, method="exact")
    drawn = model.learning_curve(T, method="monte_carlo", rng=M, replicates=500)
    assert (exact.method, drawn.method, drawn.replicates) == ("exact", "monte_carlo", 500)
    assert drawn.information[0] == drawn.std_error[0] == 0
    assert drawn.information[1] == pytest.approx(
        exact.information[1], rel=1e-12
    )  # nothing is drawn for the first sample
    assert abs(drawn.information[-1] - exact.information[-1]) < 4 * drawn.std_error[-1]
    assert drawn.std_error[-1] < 0.1 * exact.information[-1]
    channel = np.eye(M)[np.arange(M) // 2]
    a, b = (
        model.constrained(channel, T, method=method, rng=M + 1, replicates=500)
        for method in ("exact", "monte_carlo")
    )
    assert 0 < b.std_error < 0.5 * a.error
    assert abs(a.error - b.error) < 4 * b.std_error


def test_standard_errors_are_honest():
    """300 repetitions scatter as much as they say."""
    model = random_model(4, 20, 1, 3)
    runs = [
        model.learning_curve(30, method="monte_carlo", rng=seed, replicates=20)
        for seed in range(300)
    ]
    scatter = np.std([run.information[-1] for run in runs])
    claimed = np.sqrt(np.mean([run.std_error[-1] ** 2 for run in runs]))
    assert 0.85 < scatter / claimed < 1.15


def test_hypotheses_that_come_back():
    """A hypothesis far below the smallest double is not lost: likelihood ratios of 1e-60 a sample,
    one way and then the other."""
    low = 1e-60
    model = sc.FiniteModel(
        [0.0, 0.5, 0.5], [[[0.5, 0.5]], [[1 - low, low]], [[low, 1 - low]]], [1.0]
    )
    truth = sc.FiniteModel([1.0, 0.0, 0.0], model.likelihood, [1.0])
    channel = [[0, 0.5, 0.5], [0, 1, 0], [0, 0, 1]]
    a, b = (
        truth.constrained(channel, 60, method=method, rng=1, replicates=4000)
        for method in ("exact", "monte_carlo")
    )
    assert abs(a.error - b.error) < 4 * b.std_error
    assert a.error > 50


# ---- the best channel


def least_bound(model, support, samples, iterations=3000):
    """Blahut and Arimoto by the book."""
    distances = oracle.mean(
        oracle.kl(model.likelihood[:, None], model.likelihood[None]), model.inputs
    )[:, list(support)]
    weights, law = np.exp(-samples * distances), np.full(len(support), 1 / len(support))
    for _ in range(iterations):
        law = law * (weights.T @ (model.prior / (weights @ law)))
    return -(model.prior @ np.log(weights @ law)) / samples


def test_best_channel_against_all_supports():
    from itertools import combinations

    for seed in range(12):
        model = random_model(seed, 6, 1, 3)
        for size in (1, 2, 3):
            best = min(
                least_bound(model, support, 10, 400) for support in combinations(range(6), size)
            )
            got = model.best_channel(size, 10)
            assert got.bound >= best - 1e-6  # 400 iterations come that close
            assert got.bound <= best + 1e-5
            assert got.hypotheses.size <= size
            assert got.status == "converged"


def least_of_all_supports(model, size, samples, iterations=500):
    """Blahut and Arimoto's alternation on every support there is, side by side."""
    from itertools import combinations

    distances = oracle.mean(
        oracle.kl(model.likelihood[:, None], model.likelihood[None]), model.inputs
    )
    supports = np.array(list(combinations(range(len(distances)), size)))
    costs = samples * distances.T[supports]  # [support, place, f]
    least = costs.min(axis=1)
    weights, laws = np.exp(least[:, None] - costs), np.full(supports.shape, 1 / size)
    for _ in range(iterations):
        z = (laws[:, None] @ weights)[:, 0]
        laws = laws * (weights @ (model.prior / z)[..., None])[..., 0]
    z = (laws[:, None] @ weights)[:, 0]
    return ((least - np.log(z)) @ model.prior).min() / samples


def test_best_channel_is_the_best_of_all_supports():
    """Where there are too many supports for a search that only goes down to find the best."""
    for seed in range(30):
        rng = np.random.default_rng(seed)
        model = random_model(seed, int(rng.integers(8, 16)), 2, 3)
        size, samples = int(rng.integers(1, 5)), int(10 ** rng.uniform(1, 4))
        got = model.best_channel(size, samples)
        best = least_of_all_supports(model, size, samples)
        assert got.status == "converged"
        assert got.bound <= best * (1 + 1e-5), seed
        assert got.bound >= best * (1 - 1e-3), seed  # so near come 500 alternations


@pytest.mark.slow
def test_best_channel_is_no_worse_than_random_starts():
    """The best of 20 descents from random supports; 200 models, in CI 20."""
    from scalecore.information._support_search import SupportSearch

    for seed in range(20 if os.environ.get("CI") else 200):
        rng = np.random.default_rng(seed)
        M, n_x, n_y = (int(rng.integers(*ends)) for ends in ((8, 50), (1, 4), (2, 5)))
        prior = rng.dirichlet(np.full(M, rng.choice([0.3, 1, 10])))
        likelihood = rng.dirichlet(np.full(n_y, rng.choice([0.5, 1, 3])), (M, n_x))
        model = sc.FiniteModel(prior, likelihood, rng.dirichlet(np.ones(n_x)))
        size, samples = int(rng.integers(1, min(9, M))), int(10 ** rng.uniform(0.5, 4))
        search, best = SupportSearch(model, size, samples, 10**6, 1e-6), np.inf
        for _ in range(20):
            start = np.sort(rng.choice(M, size, replace=False))
            support, law, trace = search.descend(start, np.full(size, 1 / size))
            _, path, _ = search.alternate(support, law, 10_000)
            best = min(best, trace[-1] / samples, path[-1] / samples)
        assert model.best_channel(size, samples).bound <= best * (1 + 2e-6), seed


def test_best_channel_is_monotone_and_tells_the_truth():
    model = smooth_coins(40)
    bounds = []
    for size in (1, 2, 3, 5, 8, 40):
        got = model.best_channel(size, 200)
        assert (np.diff(got.trace) <= 0).all()
        assert got.trace[-1] == pytest.approx(got.bound, rel=1e-9)
        assert got.channel.sum(axis=1) == pytest.approx(np.ones(40), abs=1e-14)
        assert set(np.flatnonzero(got.channel.any(axis=0))) == set(got.hypotheses)
        estimation, misspecification = oracle.bound(model, got.channel, 200)
        assert (got.estimation, got.misspecification) == pytest.approx(
            (estimation, misspecification), abs=1e-12
        )
        truth = model.constrained(got.channel, 200)
        assert truth.bound == pytest.approx(got.bound, rel=1e-12)
        assert truth.error <= got.bound
        assert got.bound - got.gap <= least_bound(model, got.hypotheses, 200) + 1e-9
        bounds.append(got.bound)
    assert (np.diff(bounds) < 0).all()
    assert got.optimal
    assert got.bound <= model.entropy / 200
    assert bounds[0] == pytest.approx(
        min(oracle.bound(model, np.tile(row, (40, 1)), 200)[1] for row in np.eye(40)), rel=1e-12
    )


def test_best_channel_limits():
    model = smooth_coins(30)
    assert model.best_channel(5, 100, iterations=3).status == "iteration_limit"
    identity = sc.FiniteModel(np.full(3, 1 / 3), np.eye(3)[:, None, :], [1.0])
    assert identity.best_channel(2, 5).status == "infinite"
    assert identity.best_channel(2, 5).bound == np.inf
    assert identity.best_channel(3, 5).bound == pytest.approx(np.log(3) / 5, rel=1e-12)
    half = sc.FiniteModel(np.full(3, 1 / 3), [[[1, 0, 0]], [[0.5, 0.5, 0]], [[0, 0, 1.0]]], [1.0])
    got = half.best_channel(2, 5)  # hypothesis 1 can stand for 0, nothing else can be spared
    assert got.hypotheses.tolist() == [1, 2]
    assert np.isfinite(got.bound)
