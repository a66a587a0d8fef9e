"""Training: learners against a plain NumPy twin, bad luck, and what training must reach.

Statistical comparisons have fixed seeds; at 4 standard errors each alarms falsely once in 16,000.
"""

import os

import numpy as np
import pytest
from oracles.training import Twin, kl

import scalecore as sc
from scalecore._core import training as core

PRIOR = sc.NetworkPrior(input_dim=10, concentration=100)
SMALL = bool(os.environ.get("CI"))


def initial_weights(repeats, widths, d, key_seed, dtype="float64"):
    """Weights before any step: a rate too small to move them."""
    runs = sc.train(
        sc.NetworkPrior(d, 100),
        widths,
        1,
        learning_rates=[1e-300],
        repeats=repeats,
        rng=key_seed,
        dtype=dtype,
        test_inputs=64,
    )
    return {(r, n): runs.weights(r, n, 1e-300) for r in range(repeats) for n in widths}


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("samples", [1000, 1001])
@pytest.mark.parametrize(("d", "widths"), [(10, (1, 3, 16, 64, 100)), (1, (2, 40)), (37, (8, 33))])
def test_follows_the_twin_step_for_step(optimizer, samples, d, widths):
    rates = [0.003, 0.01] if optimizer == "adam" else [0.01, 0.05]
    prior = sc.NetworkPrior(d, 100)
    runs = sc.train(
        prior,
        widths,
        samples,
        learning_rates=rates,
        repeats=2,
        optimizer=optimizer,
        rng=5,
        dtype="float64",
        checkpoints=np.arange(1, samples + 1),
        test_inputs=64,
    )
    start = initial_weights(2, widths, d, 5)
    for repeat in range(2):
        X, y, probability = runs.data(repeat, samples)
        assert np.allclose(
            probability, runs.network(repeat).probability(X), rtol=1e-6
        )  # the network is cut at a mass of 1e-8
        for i, n in enumerate(widths):
            for j, rate in enumerate(rates):
                twin = Twin(*start[repeat, n], rate, optimizer)
                logits = np.array([twin.step(X[t], y[t], t) for t in range(samples)])
                expected = np.cumsum(kl(probability, logits)) / np.arange(1, samples + 1)
                assert np.allclose(runs.error[repeat, i, j], expected, rtol=1e-10, atol=0)
                hidden, outputs = runs.weights(repeat, n, rate)
                scale = np.abs(twin.w).max()
                assert np.abs(hidden - twin.w).max() <= 1e-10 * scale
                assert np.abs(outputs - twin.a).max() <= 1e-10 * np.abs(twin.a).max()


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_single_precision_follows_the_twin(optimizer):
    widths, rates, samples = (1, 5, 16, 48, 64, 130), [0.003, 0.01, 0.02], 300
    runs = sc.train(
        PRIOR,
        widths,
        samples,
        learning_rates=rates,
        repeats=3,
        optimizer=optimizer,
        rng=5,
        checkpoints=[100, 300],
    )
    start = initial_weights(3, widths, 10, 5, "float32")
    for repeat in range(3):
        X, y, probability = runs.data(repeat, samples)
        for i, n in enumerate(widths):
            for j, rate in enumerate(rates):
                twin = Twin(*start[repeat, n], rate, optimizer)
                logits = np.array([twin.step(X[t].astype(float), y[t], t) for t in range(samples)])
                expected = kl(probability, logits).mean()
                assert abs(runs.error[repeat, i, j, -1] / expected - 1) < (
                    1e-3 if optimizer == "adam" else 2e-6
                )


@pytest.mark.parametrize("name", ["avx512", "avx2", "baseline"])
def test_every_instruction_set_agrees(name, run_python):
    code = """
import numpy as np, scalecore as sc
for optimizer in ("sgd", "adam"):
    for dtype in ("float64", "float32"):
        runs = sc.train(sc.NetworkPrior(7, 50), [1, 3, 17, 70], 501,
                        learning_rates=[0.002, 0.01, 0.02], repeats=2,
                        optimizer=optimizer, rng=2, dtype=dtype)
        numbers = [*runs.error[..., -1].ravel(), *runs.final_error.ravel()]
        print(*(float(value).hex() for value in numbers))
"""
    done = run_python(code, check=False, SCALECORE_ISA=name)
    if done.returncode and "SCALECORE_ISA" in done.stderr:
        pytest.skip(f"no {name} here")
    assert done.returncode == 0, done.stderr
    here = run_python(code).splitlines()
    for line, other, rtol in zip(
        done.stdout.splitlines(), here, (1e-9, 1e-4, 1e-9, 5e-2), strict=True
    ):
        assert np.allclose(
            [float.fromhex(v) for v in line.split()],
            [float.fromhex(v) for v in other.split()],
            rtol=rtol,
        )


def test_gradient_is_the_log_losss():
    """The first step against central differences of -ln P(y | x)."""
    start = initial_weights(1, (6,), 4, 9)[0, 6]
    rate = 0.25
    runs = sc.train(
        sc.NetworkPrior(4, 100),
        [6],
        1,
        learning_rates=[rate],
        repeats=1,
        rng=9,
        dtype="float64",
        test_inputs=64,
    )
    X, y, _ = runs.data(0, 1)
    x, sign = X[0], 2 * y[0] - 1

    def loss(weights):
        hidden, outputs = weights[:-6].reshape(6, 4), weights[-6:]
        return np.logaddexp(0, -sign * (outputs @ np.maximum(hidden @ x, 0)))

    flat, after = (
        np.concatenate([part.ravel() for part in weights])
        for weights in (start, runs.weights(0, 6, rate))
    )
    for i in range(flat.size):
        step = np.zeros_like(flat)
        step[i] = 1e-6
        assert (after - flat)[i] == pytest.approx(
            -rate * (loss(flat + step) - loss(flat - step)) / 2e-6, abs=1e-9
        )
    assert np.abs(after - flat).max() > 1e-3


def test_initial_weights_are_as_documented():
    for n in (1, 10, 200):
        weights = initial_weights(40, (n,), 10, 3)
        radius = 0.5 * n**-0.25
        for hidden, outputs in weights.values():
            assert np.allclose(np.linalg.norm(hidden, axis=1), radius)
            assert np.allclose(np.abs(outputs), radius)
        X = np.random.default_rng(1).standard_normal((2000, 10))
        squares = [
            np.square(np.maximum(X @ hidden.T, 0) @ outputs).mean()
            for hidden, outputs in weights.values()
        ]
        assert abs(np.mean(squares) - 1 / 32) < 4 * np.std(squares, ddof=1) / np.sqrt(40) + 1e-3
    narrow, wide = (initial_weights(1, (n,), 10, 3)[0, n][0] for n in (10, 200))
    assert np.allclose(
        narrow / np.linalg.norm(narrow, axis=1)[:, None],
        wide[:10] / np.linalg.norm(wide[:10], axis=1)[:, None],
    )


def test_predictor_of_nought_has_the_error_of_knowing_nothing():
    """E[ln 2 - H(sigma(F))], for learners whose weights are nought and stay it."""
    repeats, samples = (40, 512) if SMALL else (200, 1024)
    shape = (repeats, 1, 1)
    states = [np.zeros((repeats, 1, 1, 11, 5))]
    sums, read, diverged = np.zeros(shape), np.zeros(shape, np.int64), np.full(shape, -1, np.int64)
    record = np.empty((*shape, 1))
    core.train(
        key=77,
        input_dim=10,
        concentration=100.0,
        single=False,
        optimizer="sgd",
        decay=0.5,
        decay_start=1000.0,
        features=[],
        states=states,
        rates=np.array([0.1]),
        sums=sums,
        read=read,
        diverged=diverged,
        record=record,
        checkpoints=np.array([samples]),
        samples=samples,
        n_threads=0,
        advance=id,
    )
    assert not states[0].any()
    got = record.ravel()
    rng, other = np.random.default_rng(4), []
    for seed in range(repeats):
        p = PRIOR.sample(seed).probability(rng.standard_normal((samples, 10)))
        other.append((np.log(2) + p * np.log(p) + (1 - p) * np.log(1 - p)).mean())
    error = np.hypot(np.std(got, ddof=1), np.std(other, ddof=1)) / np.sqrt(repeats)
    assert abs(got.mean() - np.mean(other)) < 4 * error
    assert 0.05 < got.mean() < 0.0625  # below Var F / 8


def test_a_single_unit_is_learned():
    """K -> 0: the target is one unit, and a wide enough learner's error goes to nought as T
    grows."""
    samples = 100_000
    runs = sc.train(
        sc.NetworkPrior(5, 1e-3),
        [16],
        samples,
        learning_rates=[0.05, 0.2],
        repeats=6,
        rng=3,
        dtype="float64",
    )
    mean = runs.error[:, 0].mean(axis=0).min(axis=0)
    at = {t: mean[np.argmin(np.abs(runs.checkpoints - t))] for t in (1000, 10_000, samples)}
    assert at[10_000] < at[1000] / 3
    assert at[samples] < at[10_000] / 3
    assert at[samples] < 2e-3
    assert runs.final_error[:, 0].mean(axis=0).min() < at[samples]


def test_wide_beats_narrow_after_enough_samples():
    runs = sc.train(PRIOR, [1, 32], 30_000, learning_rates=[0.02], repeats=6, rng=1)
    final = runs.error[..., -1].mean(axis=0)
    assert final[1, 0] < final[0, 0] / 2
    assert (
        runs.final_error[:, 1] < runs.error[:, 1, :, -1]
    ).all()  # the average remembers the beginning


def test_final_error_is_that_of_the_weights():
    runs = sc.train(
        PRIOR,
        [12],
        2001,
        learning_rates=[0.05],
        repeats=2,
        rng=8,
        dtype="float64",
        test_inputs=64 * 400,
    )
    for repeat in range(2):
        hidden, outputs = runs.weights(repeat, 12, 0.05)
        X = np.random.default_rng(repeat).standard_normal((64 * 400, 10))
        errors = kl(runs.network(repeat).probability(X), np.maximum(X @ hidden.T, 0) @ outputs)
        spread = errors.std() / np.sqrt(errors.size) * np.sqrt(2)
        assert abs(runs.final_error[repeat, 0, 0] - errors.mean()) < 4 * spread


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_divergence_is_marked_and_spoils_nothing_else(dtype):
    options = {"repeats": 3, "rng": 2, "dtype": dtype, "checkpoints": np.arange(1, 3001)}
    calm = sc.train(PRIOR, [4, 30], 3000, learning_rates=[0.01, 0.1], **options)
    wild = sc.train(PRIOR, [4, 30], 3000, learning_rates=[0.01, 100.0, 0.1, 1e30], **options)
    assert np.array_equal(calm.error, wild.error[:, :, [0, 2]])
    assert np.array_equal(calm.final_error, wild.final_error[:, :, [0, 2]])
    assert (calm.diverged == -1).all()
    assert (wild.diverged[:, :, [0, 2]] == -1).all()
    assert (wild.diverged[:, :, 3] >= 0).all()
    for place in zip(*np.nonzero(wild.diverged >= 0), strict=True):
        step = wild.diverged[place]
        assert np.isfinite(wild.error[place][:step]).all()  # the mean of the samples before it
        assert np.isnan(wild.error[place][step:]).all()
        assert np.isnan(wild.final_error[place])
    budgets = [3e4, 1e5]
    with_wild, without = wild.frontier(budgets), calm.frontier(budgets)
    assert np.array_equal(with_wild.line_error, without.line_error)
    assert "diverged" in repr(wild)


def test_the_step_of_divergence_is_the_twins():
    runs = sc.train(
        PRIOR, [8], 400, learning_rates=[1e20], repeats=2, rng=2, dtype="float64", test_inputs=64
    )
    start = initial_weights(2, (8,), 10, 2)
    for repeat in range(2):
        X, y, _ = runs.data(repeat, 400)
        twin = Twin(*start[repeat, 8], 1e20)
        with np.errstate(all="ignore"):
            bad = [not np.isfinite(twin.step(X[t], y[t], t)) for t in range(400)]
        assert (
            abs(runs.diverged[repeat, 0, 0] - int(np.argmax(bad))) <= 1
        )  # a product may overflow in another order


def test_the_first_network_is_the_priors_own():
    runs = sc.train(PRIOR, [2], 64, learning_rates=[0.1], repeats=2, rng=6, test_inputs=64)
    assert np.array_equal(runs.network(0).directions, PRIOR.sample(6).directions)
    assert not np.array_equal(runs.network(1).directions[:5], runs.network(0).directions[:5])
    X, y, probability = runs.data(1, 20_000)
    assert X.dtype == y.dtype == np.float32
    assert abs(y.mean() - probability.mean()) < 4 * np.sqrt(0.25 / 20_000)
    assert abs(np.corrcoef(y, probability)[0, 1] - np.std(probability) / 0.5) < 0.03
