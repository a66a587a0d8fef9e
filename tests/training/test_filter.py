"""Assumed-density filtering: against a plain NumPy twin, against exact posteriors, and under the
spectral bound.

Statistical comparisons have fixed seeds; at 4 standard errors each alarms falsely once in 16,000.
"""

import os

import numpy as np
import pytest

import scalecore as sc
from scalecore import directions
from scalecore.training._adf_features import Features, features

PRIOR = sc.NetworkPrior(input_dim=10, concentration=100)
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(120)


def train(prior, widths, samples, **options):
    return sc.train(
        prior,
        widths,
        samples,
        optimizer="adf",
        **({"repeats": 2, "rng": 5, "test_inputs": 64} | options),
    )


class Twin:
    """The filter as a textbook writes it; averages over the logit by Gauss and Hermite."""

    def __init__(self, them):
        self.them = them
        self.mean, self.covariance = np.zeros(them.variances.size), np.diag(them.variances)

    def features(self, x):
        return self.them.basis @ np.concatenate([x, np.abs(self.them.directions @ x)])

    def predict(self, z):
        a = z @ self.mean + np.sqrt(z @ self.covariance @ z) * NODES
        weights = WEIGHTS / WEIGHTS.sum()
        yes, no = 1 / (1 + np.exp(-a)), 1 / (1 + np.exp(a))
        return weights @ yes, weights @ no, weights @ (yes * no), weights @ (yes * no * (no - yes))

    def step(self, x, y):
        z = self.features(x)
        yes, no, slope, bend = self.predict(z)
        gain, fall = (
            (slope / yes, (slope / yes) ** 2 - bend / yes)
            if y
            else (-slope / no, (slope / no) ** 2 + bend / no)
        )
        s, self.fall = self.covariance @ z, fall
        self.mean = self.mean + gain * s
        self.covariance = self.covariance - fall * np.outer(s, s)
        return np.log(yes / no), yes


def kl(p, q):
    return p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("d", "widths"), [(10, (1, 2, 3, 12, 40)), (1, (1, 2, 5)), (3, (1, 2, 4, 11)), (37, (2, 9))]
)
def test_follows_the_twin_step_for_step(d, widths, dtype):
    samples = 300
    runs = train(
        sc.NetworkPrior(d, 20), widths, samples, dtype=dtype, checkpoints=np.arange(1, samples + 1)
    )
    for repeat in range(2):
        X, y, probability = runs.data(repeat, samples)
        for i, width in enumerate(widths):
            twin = Twin(features(d, width))
            predicted = np.array([twin.step(X[t].astype(float), y[t])[1] for t in range(samples)])
            expected = np.cumsum(kl(probability, predicted)) / np.arange(1, samples + 1)
            assert np.allclose(runs.error[repeat, i, 0], expected, rtol=1e-10, atol=1e-15)
            state = runs._state.weights[i][repeat, 0, 0]
            assert np.abs(state[-1] - twin.mean).max() <= 1e-10 * np.abs(twin.mean).max()
            assert np.abs(state[:-1] - twin.covariance).max() <= 1e-10 * twin.covariance.max()


def posterior_by_quadrature(them, X, y, centre=0.0, spread=None):
    """Mean and covariance of at most two coefficients on a grid, by default over their prior."""
    spread = np.sqrt(them.variances) if spread is None else spread
    axes = [
        middle + np.linspace(-9, 9, 91) * each
        for middle, each in zip(np.broadcast_to(centre, len(spread)), spread, strict=True)
    ]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))
    log_weight = -0.5 * (grid**2 / them.variances).sum(axis=1)
    for x, label in zip(X, y, strict=True):
        z = them.basis @ np.concatenate([x, np.abs(them.directions @ x)])
        log_weight -= np.logaddexp(0, (1 - 2 * label) * (grid @ z))
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    mean = weight @ grid
    return mean, (grid - mean).T @ ((grid - mean) * weight[:, None])


@pytest.mark.parametrize(("d", "width"), [(1, 1), (1, 2), (2, 2), (4, 1)])
def test_one_sample_gives_the_exact_posteriors_moments(d, width):
    them = features(d, width)
    for seed in range(4):
        runs = train(sc.NetworkPrior(d, 3), [width], 1, rng=seed, dtype="float64", repeats=1)
        X, y, _ = runs.data(0, 1)
        mean, covariance = posterior_by_quadrature(them, X, y)
        state = runs._state.weights[0][0, 0, 0]
        assert np.allclose(state[-1], mean, rtol=1e-9, atol=1e-12)
        assert np.allclose(state[:-1], covariance, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("d", "width"), [(1, 2), (2, 2), (3, 1)])
def test_stays_near_the_exact_posterior(d, width):
    runs = train(sc.NetworkPrior(d, 3), [width], 600, dtype="float64", repeats=4)
    for repeat in range(4):
        X, y, _ = runs.data(repeat, 600)
        state = runs._state.weights[0][repeat, 0, 0]
        mean, covariance = posterior_by_quadrature(
            features(d, width), X, y, state[-1], np.sqrt(np.diag(state[:-1]))
        )
        assert (np.abs(state[-1] - mean) < 0.2 * np.sqrt(np.diag(covariance))).all()
        assert np.abs(np.linalg.solve(covariance, state[:-1]) - np.eye(len(mean))).max() < 0.1


def test_posterior_is_calibrated():
    """d = 1 and two units say everything: F(x) = A max(x, 0) + B max(-x, 0). Standardised errors
    have mean square 1."""
    runs = train(sc.NetworkPrior(1, 20), [2], 2000, repeats=300)
    squares = []
    for repeat in range(300):
        net, state = runs.network(repeat), runs._state.weights[0][repeat, 0, 0]
        up, down = (net([[x]])[0] for x in (1.0, -1.0))
        error = np.array([up - down, up + down]) / 2 - state[-1]
        squares.append(error @ np.linalg.solve(state[:-1], error) / 2)
    assert abs(np.mean(squares) - 1) < 4 * np.std(squares, ddof=1) / np.sqrt(300)


def test_final_error_is_that_of_the_prediction_on_fresh_inputs():
    runs = train(PRIOR, [12], 500, test_inputs=64 * 100)
    for repeat in range(2):
        twin = Twin(features(10, 12))
        state = runs._state.weights[0][repeat, 0, 0]
        twin.mean, twin.covariance = state[-1], state[:-1]
        X = np.random.default_rng(repeat).standard_normal((3000, 10))
        predicted = np.array([twin.predict(twin.features(x))[0] for x in X])
        errors = kl(runs.network(repeat).probability(X), predicted)
        spread = errors.std() * np.sqrt(1 / 3000 + 1 / 6400)
        assert abs(runs.final_error[repeat, 0, 0] - errors.mean()) < 4 * spread


def spectral_bound(them, samples):
    u = them.variances * samples / 4
    return (
        np.where(u > 1, np.log(np.maximum(u, 1)) + 1, u).sum() / (2 * samples) + them.residual / 8
    )


@pytest.mark.parametrize(
    ("d", "K", "width", "samples", "repeats"),
    [
        (1, 20, 2, 1000, 150),
        (3, 5, 8, 3000, 60),
        (10, 100, 12, 1000, 100),
        (10, 1, 57, 2000, 24),
        (10, 10, 100, 3000, 16),
    ],
)
def test_mean_error_comes_under_the_spectral_bound(d, K, width, samples, repeats):
    """The mean over networks, with 4 standard errors added; knowing nothing is far above."""
    checkpoints = [samples // 10, samples]
    runs = train(
        sc.NetworkPrior(d, K), [width], samples, repeats=repeats, checkpoints=checkpoints, rng=7
    )
    for i, at in enumerate(checkpoints):
        errors = runs.error[:, 0, 0, i]
        assert errors.mean() + 4 * errors.std(ddof=1) / np.sqrt(repeats) < spectral_bound(
            features(d, width), at
        )
    assert spectral_bound(features(d, width), samples) < 0.03 < 0.05


@pytest.mark.parametrize(("d", "width"), [(1, 1), (1, 3), (2, 1), (3, 7), (6, 2), (10, 20)])
def test_features_are_what_networks_are_made_of(d, width):
    """Second moments of the features, and of coefficients of sampled networks on them, from the
    kernel that two units have."""
    them = features(d, width)
    X = np.random.default_rng(1).standard_normal((10_000, d))
    Z = np.concatenate([X, np.abs(X @ them.directions.T)], axis=1) @ them.basis.T
    moments = (Z[:, :, None] * Z[:, None, :]).reshape(len(Z), -1)
    error = np.abs(moments.mean(axis=0) - np.eye(Z.shape[1]).ravel())
    assert (error < 5 * moments.std(axis=0) / np.sqrt(len(Z))).all()
    squares = []
    for seed in range(400):
        net = sc.NetworkPrior(d, 5).sample(seed, truncation=1e-4)
        c = np.clip(them.directions @ net.directions.T, -1, 1)
        even = ((np.sqrt(1 - c * c) + c * np.arcsin(c)) / np.pi) @ net.output_weights  # <F, |u.x|>
        squares.append(
            (them.basis @ np.concatenate([net.output_weights @ net.directions / 2, even])) ** 2
        )
    mean, spread = np.mean(squares, axis=0), np.std(squares, axis=0, ddof=1) / np.sqrt(400)
    assert (np.abs(mean - them.variances) < 4.5 * spread).all()
    assert 0 <= them.residual == pytest.approx(0.5 - them.variances.sum(), abs=1e-12)


@pytest.mark.parametrize(("d", "width"), [(1, 1), (1, 2), (1, 5), (4, 1), (4, 2), (4, 3), (10, 57)])
def test_weights_are_the_network_of_the_posterior_mean(d, width):
    runs = train(sc.NetworkPrior(d, 5), [width], 400, dtype="float64")
    hidden, outputs = runs.weights(1, width)
    assert hidden.shape == (width, d)
    X = np.random.default_rng(2).standard_normal((200, d))
    twin = Twin(features(d, width))
    expected = [twin.features(x) @ runs._state.weights[0][1, 0, 0, -1] for x in X]
    assert np.allclose(np.maximum(X @ hidden.T, 0) @ outputs, expected, atol=1e-12)
    assert np.array_equal(runs.weights(1, width, 1.0)[1], outputs)


def test_directions_are_well_spread():
    for d, count in ((3, 2), (10, 10), (2, 9), (10, 50)):
        units = directions(d, count)
        assert units.shape == (count, d)
        assert np.allclose(np.linalg.norm(units, axis=1), 1)
        assert np.array_equal(units, directions(d, count))
    assert np.allclose(np.eye(10) @ directions(10, 10).T @ directions(10, 10), np.eye(10))
    angles = np.sort(np.arctan2(*directions(2, 9).T) % np.pi)
    assert np.allclose(np.diff(angles), np.pi / 9, atol=1e-3)


def test_reads_what_sgd_reads():
    options = {"repeats": 3, "rng": 11, "test_inputs": 64}
    ours = sc.train(PRIOR, [12], 300, optimizer="adf", **options)
    theirs = sc.train(PRIOR, [12], 300, learning_rates=[1e-300], **options)
    for a, b in zip(ours.data(2, 300), theirs.data(2, 300), strict=True):
        assert np.array_equal(a, b)
    assert np.array_equal(ours.network(2).output_weights, theirs.network(2).output_weights)
    assert ours.learning_rates.tolist() == [1.0]


def test_same_bits_for_every_number_of_threads():
    small = sc.NetworkPrior(10, 5)
    one = train(small, [1, 2, 7, 33, 60], 4200, repeats=3, n_threads=1)
    for n_threads in (2, 7):
        many = train(small, [1, 2, 7, 33, 60], 4200, repeats=3, n_threads=n_threads)
        assert np.array_equal(one.error, many.error)
        assert np.array_equal(one.final_error, many.final_error)
        assert all(
            np.array_equal(a, b)
            for a, b in zip(one._state.weights, many._state.weights, strict=True)
        )
    alone = train(small, [33], 4200, repeats=3)
    assert np.array_equal(alone.error[:, 0], one.error[:, 3])


@pytest.mark.parametrize("cuts", [(1, 2, 3), (63, 64, 65, 4095, 4097), (777, 4096)])
def test_cut_runs_equal_one_long_call(cuts):
    small = sc.NetworkPrior(10, 5)
    whole = train(small, [2, 20, 60], 4200)
    cut = train(small, [2, 20, 60], cuts[0])
    for samples in (*cuts[1:], 4200):
        before, kept = cut, cut._state.weights[1].copy()
        cut = before.extend(samples)
        assert np.array_equal(before._state.weights[1], kept)
    assert np.array_equal(whole.checkpoints, cut.checkpoints)
    assert np.array_equal(whole.error, cut.error)
    assert np.array_equal(whole.final_error, cut.final_error)
    assert np.array_equal(whole._state.weights[2], cut._state.weights[2])


@pytest.mark.parametrize("d", [1, 10])
def test_saved_runs_go_on(d, tmp_path):
    pytest.importorskip("netCDF4")
    runs = train(sc.NetworkPrior(d, 10), [1, 2, 12], 300)
    runs.save(tmp_path / "runs.nc")
    again = sc.TrainingRuns.load(tmp_path / "runs.nc")
    assert repr(again) == repr(runs)
    assert np.array_equal(again.error, runs.error)
    assert np.array_equal(again.extend(700).error, runs.extend(700).error)
    assert np.array_equal(again.weights(0, 12)[0], runs.weights(0, 12)[0])


def test_frontier_plot_and_dataset():
    pytest.importorskip("matplotlib")
    runs = train(sc.NetworkPrior(4, 10), [1, 2, 4, 8, 16, 32], 3000, repeats=4)
    found = runs.frontier([3e3, 1e4, 3e4])
    assert np.isfinite(found.error).all()
    assert (found.line_learning_rate[np.isfinite(found.line_error)] == 1).all()
    assert "ADF" in runs.plot().get_title()
    assert len(found.plot()) == 2
    assert "rate 1" not in repr(runs)
    assert "adf" in runs._repr_html_()
    pytest.importorskip("xarray")
    assert runs.to_dataset().sizes["learning_rate"] == 1


@pytest.mark.parametrize("name", ["avx512", "avx2", "baseline"])
def test_every_instruction_set_agrees(name, run_python):
    code = """
import scalecore as sc
runs = sc.train(sc.NetworkPrior(7, 50), [1, 3, 17, 70], 501, optimizer="adf", repeats=2, rng=2)
print(*(float(value).hex() for value in [*runs.error[..., -1].ravel(), *runs.final_error.ravel()]))
"""
    done = run_python(code, check=False, SCALECORE_ISA=name)
    if done.returncode and "SCALECORE_ISA" in done.stderr:
        pytest.skip(f"no {name} here")
    assert done.returncode == 0, done.stderr
    there, here = (
        [float.fromhex(value) for value in text.split()] for text in (done.stdout, run_python(code))
    )
    assert np.allclose(
        there, here, rtol=1e-5
    )  # inputs in single precision differ by their last bits


@pytest.mark.parametrize("name", ["avx512", "avx2", "baseline"])
def test_every_instruction_set_marks_a_broken_learner(name, run_python):
    code = """
import dataclasses, numpy as np, scalecore as sc, scalecore.training._engine as training
real = training.features
def spoiled(d, width):
    basis = real(d, width).basis * (np.nan if width == 5 else 1)
    return dataclasses.replace(real(d, width), basis=basis)
training.features = spoiled
runs = sc.train(sc.NetworkPrior(3, 5), [2, 5], 60, optimizer="adf", repeats=1)
print(*runs.diverged.ravel(), *np.isnan(runs.error[0, :, 0, -1]))
"""
    done = run_python(code, check=False, SCALECORE_ISA=name)
    if done.returncode and "SCALECORE_ISA" in done.stderr:
        pytest.skip(f"no {name} here")
    assert done.stdout.split() == ["-1", "0", "False", "True"], done.stderr


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        (
            {"learning_rates": [0.1]},
            ValueError,
            "learning_rates must be left out with optimizer='adf'.* got ",
        ),
        ({"decay": 0.5}, ValueError, "decay must be left out with optimizer='adf'"),
        ({"decay_start": 10}, ValueError, "decay_start must be left out with optimizer='adf'"),
        (
            {"widths": [5000]},
            ValueError,
            "widths must keep width .* at most 4096 .* got 5000 and input_dim 10",
        ),
        ({"widths": [0]}, ValueError, "widths must be whole numbers"),
        ({"optimizer": "ADF"}, ValueError, "optimizer must be one of 'sgd', 'adam', 'adf'"),
        ({"optimizer": "sgd"}, TypeError, "learning_rates must be given with optimizer='sgd'"),
    ],
)
def test_bad_input_is_refused_by_name(change, error, text):
    with pytest.raises(error, match=text):
        sc.train(**({"prior": PRIOR, "widths": [2], "samples": 100, "optimizer": "adf"} | change))


def test_a_rate_that_is_not_there_is_refused():
    runs = train(PRIOR, [2], 10)
    with pytest.raises(ValueError, match="learning_rate must be one of 1"):
        runs.weights(0, 2, 0.1)
    with pytest.raises(ValueError, match=r"learning_rate must be one of 0.1, 0.2, got None"):
        sc.train(PRIOR, [2], 10, learning_rates=[0.1, 0.2], repeats=1).weights(0, 2)


@pytest.mark.parametrize("scale", [1e-200, 1e2, 1e6])
def test_huge_and_tiny_logits_spoil_nothing(scale, monkeypatch):
    """Features whose logits have a variance of scale**2 before any sample: everything stays finite,
    the covariance positive."""
    real = features

    def scaled(d, width):
        them = real(d, width)
        return Features(them.directions, them.basis * scale, them.variances)

    monkeypatch.setattr("scalecore.training._engine.features", scaled)
    runs = train(sc.NetworkPrior(3, 5), [1, 2, 6], 300, dtype="float64")
    if scale == 1e6:  # beyond what is averaged over: marked, not wrong
        assert (runs.diverged >= 0).all()
        assert np.isnan(runs.error[..., -1]).all()
        return
    assert np.isfinite(runs.error).all()
    for state in runs._state.weights:
        assert np.isfinite(state).all()
        for covariance in state[:, 0, 0, :-1].reshape(-1, *state.shape[-1:] * 2):
            assert np.linalg.eigvalsh(covariance).min() > 0


def test_a_broken_learner_is_marked_and_spoils_nothing_else(monkeypatch):
    real = features
    calm = train(PRIOR, [2, 12], 300)

    def broken(d, width):
        them = real(d, width)
        return (
            Features(them.directions, them.basis * np.nan, them.variances) if width == 12 else them
        )

    monkeypatch.setattr("scalecore.training._engine.features", broken)
    runs = train(PRIOR, [2, 12], 300)
    assert (runs.diverged[:, 1] == 0).all()
    assert np.isnan(runs.error[:, 1]).all()
    assert np.array_equal(runs.error[:, 0], calm.error[:, 0])


def test_covariance_does_not_drift():
    """After many updates P is the inverse of the precision, to which each sample adds fall/(1 -
    fall z'Pz) z z'."""
    samples, width = 20_000, 4
    runs = train(sc.NetworkPrior(2, 5), [width], samples, dtype="float64", repeats=1)
    covariance = runs._state.weights[0][0, 0, 0, :-1]
    assert np.array_equal(covariance, covariance.T)
    twin = Twin(features(2, width))
    precision = np.diag(1 / twin.them.variances)
    for x, label in zip(*runs.data(0, samples)[:2], strict=True):
        z = twin.features(x)
        s = twin.covariance @ z
        twin.step(x, label)
        precision += twin.fall / (1 - twin.fall * (s @ z)) * np.outer(z, z)
    assert np.abs(covariance @ precision - np.eye(width)).max() < 1e-11


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize(("d", "widths"), [(10, [1, 2, 12, 57]), (1000, [2])])
def test_ctrl_c_returns_what_was_finished(d, widths, ctrl_c_in_training):
    with pytest.warns(RuntimeWarning, match=r"interrupted after \d+ of 1000000000000 samples"):
        runs = train(sc.NetworkPrior(d, 10), widths, 10**12, on_interrupt="return")
    assert ctrl_c_in_training
    assert runs.interrupted
    assert np.isnan(runs.final_error).all()
    if len(widths) > 1:
        assert runs.samples > 0
        fewer = train(sc.NetworkPrior(d, 10), widths, runs.samples)
        shared = np.isin(fewer.checkpoints, runs.checkpoints)
        assert np.array_equal(fewer.error[..., shared], runs.error)
