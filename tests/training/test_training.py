"""Training: learners against a plain NumPy twin, cuts, threads, bad luck, and what training must
reach.

Statistical comparisons have fixed seeds; at 4 standard errors each alarms falsely once in 16,000.
"""

import os
import pickle
import time
import warnings

import numpy as np
import pytest

import scalecore as sc
from scalecore._core import training as core

PRIOR = sc.NetworkPrior(input_dim=10, concentration=100)
SMALL = bool(os.environ.get("CI"))


class Twin:
    """The learner as a textbook writes it, in float64."""

    def __init__(self, hidden, outputs, rate, optimizer="sgd", decay=0.5, decay_start=1000.0):
        self.w, self.a = np.array(hidden, float), np.array(outputs, float)
        self.rate, self.optimizer, self.decay, self.decay_start = (
            rate,
            optimizer,
            decay,
            decay_start,
        )
        self.moments = [np.zeros_like(array) for array in (self.w, self.w, self.a, self.a)]

    def step(self, x, y, t):
        z = self.w @ x
        h = np.maximum(z, 0)
        f = self.a @ h
        slope = 1 / (1 + np.exp(-f)) - y
        gradients = np.outer(slope * self.a * (z > 0), x), slope * h
        rate = self.rate * (1 + t / self.decay_start) ** -self.decay
        for i, (weight, gradient) in enumerate(zip((self.w, self.a), gradients, strict=True)):
            if self.optimizer == "sgd":
                weight -= rate * gradient
                continue
            m, v = self.moments[2 * i : 2 * i + 2]
            m += 0.1 * (gradient - m)
            v += 0.001 * (gradient**2 - v)
            weight -= (
                rate * (m / (1 - 0.9 ** (t + 1))) / (np.sqrt(v / (1 - 0.999 ** (t + 1))) + 1e-8)
            )
        return f


def kl(p, f):
    """d_KL(Bern(p) || Bern(sigma f))."""
    q = 1 / (1 + np.exp(-f))
    return p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))


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


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_same_bits_for_every_number_of_threads(optimizer, dtype):
    def runs(n_threads):
        return sc.train(
            PRIOR,
            [1, 2, 7, 33, 90],
            4500,
            learning_rates=[0.001, 0.01, 0.03],
            repeats=3,
            optimizer=optimizer,
            dtype=dtype,
            rng=1,
            n_threads=n_threads,
        )

    one = runs(1)
    for n_threads in (2, 3, 7):
        many = runs(n_threads)
        assert np.array_equal(one.error, many.error)
        assert np.array_equal(one.final_error, many.final_error)
        assert all(
            np.array_equal(a, b)
            for a, b in zip(one._state.weights, many._state.weights, strict=True)
        )


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("cuts", [(1, 2, 3), (63, 64, 65, 4095, 4097), (777, 4096), (4999,)])
def test_cut_runs_equal_one_long_call(optimizer, cuts):
    options = {
        "learning_rates": [0.003, 0.03, 0.3],
        "repeats": 3,
        "optimizer": optimizer,
        "rng": 4,
        "test_inputs": 64,
    }
    whole = sc.train(PRIOR, [2, 20, 70], 5001, **options)
    cut = sc.train(PRIOR, [2, 20, 70], cuts[0], **options)
    for samples in (*cuts[1:], 5001):
        before = cut
        kept = before.error.copy()
        cut = before.extend(samples)
        assert np.array_equal(before.error, kept)
    assert np.array_equal(whole.checkpoints, cut.checkpoints)
    assert np.array_equal(whole.error, cut.error)
    assert np.array_equal(whole.final_error, cut.final_error)
    assert np.array_equal(whole.weights(1, 20, 0.03)[0], cut.weights(1, 20, 0.03)[0])


def test_chosen_checkpoints():
    runs = sc.train(
        PRIOR,
        [3],
        500,
        learning_rates=[0.1],
        repeats=2,
        rng=4,
        checkpoints=[100, 7],
        test_inputs=64,
    )
    assert runs.checkpoints.tolist() == [7, 100, 500]
    every = sc.train(
        PRIOR,
        [3],
        500,
        learning_rates=[0.1],
        repeats=2,
        rng=4,
        checkpoints=np.arange(1, 501),
        test_inputs=64,
    )
    assert np.array_equal(every.error[..., runs.checkpoints - 1], runs.error)
    more = runs.extend(1000, checkpoints=[600, 1000])
    assert more.checkpoints.tolist() == [7, 100, 500, 600, 1000]
    default = sc.train(
        PRIOR, [3], 12_345, learning_rates=[0.1], repeats=1, test_inputs=64
    ).checkpoints
    assert (default[0], default[-1]) == (1, 12_345)
    assert (np.diff(default) > 0).all()
    assert np.diff(np.log10(default[default > 200])).max() < 0.07


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


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"prior": 3}, TypeError, "prior must be a NetworkPrior"),
        ({"widths": []}, ValueError, "widths must be a non-empty list"),
        ({"widths": [2, 2]}, ValueError, "widths must be distinct"),
        ({"widths": [0]}, ValueError, "widths must be whole numbers"),
        ({"widths": [2.5]}, ValueError, "widths must be whole numbers"),
        ({"widths": [[1, 2]]}, ValueError, "widths must be a non-empty list"),
        ({"widths": [1e12]}, ValueError, "widths must keep"),
        ({"samples": 0}, ValueError, "samples must be at least 1, got 0"),
        ({"samples": 10.5}, TypeError, "samples must be an integer"),
        ({"samples": 2**60}, ValueError, "samples must be at most"),
        ({"learning_rates": []}, ValueError, "learning_rates must be a non-empty list"),
        ({"learning_rates": [0.1, -1]}, ValueError, "learning_rates must be positive"),
        ({"learning_rates": [0.1, 0.1]}, ValueError, "learning_rates must be distinct"),
        ({"learning_rates": "fast"}, TypeError, "learning_rates must be real numbers"),
        ({"learning_rates": [np.nan]}, ValueError, "learning_rates must be positive"),
        ({"repeats": 0}, ValueError, "repeats must be at least 1"),
        ({"optimizer": "rmsprop"}, ValueError, "optimizer must be one of 'sgd', 'adam'"),
        ({"optimizer": 3}, TypeError, "optimizer must be one of"),
        ({"decay": -1}, ValueError, "decay must be"),
        ({"decay_start": 0}, ValueError, "decay_start must be"),
        ({"checkpoints": []}, ValueError, "checkpoints must be a non-empty list"),
        ({"checkpoints": [0]}, ValueError, "checkpoints must be whole numbers"),
        ({"checkpoints": [101]}, ValueError, "checkpoints must be at most 100"),
        ({"test_inputs": 100}, ValueError, "test_inputs must be a multiple of 64"),
        ({"dtype": "float16"}, ValueError, "dtype must be one of"),
        ({"rng": -1}, ValueError, "rng must not be negative"),
        ({"n_threads": 0}, ValueError, "n_threads must be at least 1"),
        ({"progress": 3}, TypeError, "progress must be True or False"),
    ],
)
def test_bad_input_is_refused_by_name(change, error, text):
    arguments = {"prior": PRIOR, "widths": [2], "samples": 100, "learning_rates": [0.1]} | change
    with pytest.raises(error, match=text):
        sc.train(**arguments)


def test_bad_input_of_methods():
    runs = sc.train(PRIOR, [2, 4], 100, learning_rates=[0.1], repeats=2, rng=0, test_inputs=64)
    for call, error, text in (
        (lambda: runs.extend(99), ValueError, "samples must be at least 100"),
        (lambda: runs.extend(200, checkpoints=[50]), ValueError, "checkpoints must lie beyond"),
        (
            lambda: runs.extend(200, checkpoints=[201]),
            ValueError,
            "checkpoints must be at most 200",
        ),
        (lambda: runs.weights(2, 2, 0.1), ValueError, "repeat must be below 2"),
        (lambda: runs.weights(0, 3, 0.1), ValueError, "width must be one of 2, 4"),
        (lambda: runs.weights(0, 2, 0.2), ValueError, "learning_rate must be one of 0.1"),
        (lambda: runs.data(0, 0), ValueError, "samples must be at least 1"),
        (lambda: runs.network(-1), ValueError, "repeat must be at least 0"),
        (lambda: runs.save(None), TypeError, "path must be a path, got None"),
        (lambda: sc.TrainingRuns.load(5), TypeError, "path must be a path, got 5"),
        (
            lambda: runs.save("no/such/folder.nc"),
            FileNotFoundError,
            "its folder does not exist.*no/such/folder.nc",
        ),
        (lambda: runs.save("/"), IsADirectoryError, "it is a folder"),
    ):
        with pytest.raises(error, match=text):
            call()


def test_the_first_network_is_the_priors_own():
    runs = sc.train(PRIOR, [2], 64, learning_rates=[0.1], repeats=2, rng=6, test_inputs=64)
    assert np.array_equal(runs.network(0).directions, PRIOR.sample(6).directions)
    assert not np.array_equal(runs.network(1).directions[:5], runs.network(0).directions[:5])
    X, y, probability = runs.data(1, 20_000)
    assert X.dtype == y.dtype == np.float32
    assert abs(y.mean() - probability.mean()) < 4 * np.sqrt(0.25 / 20_000)
    assert abs(np.corrcoef(y, probability)[0, 1] - np.std(probability) / 0.5) < 0.03


def test_memory_does_not_grow_with_samples(run_python):
    code = """
import resource, sys, scalecore as sc
sc.train(sc.NetworkPrior(10, 1), [4], 20_000, learning_rates=[0.1], repeats=2, rng=0)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
sc.train(sc.NetworkPrior(10, 1), [4], 2_000_000, learning_rates=[0.1], repeats=2, rng=0)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    assert int(run_python(code)) < 4096  # kilobytes; the samples alone are 160 MB


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("widths", [[2, 8, 64], [200_000]])
def test_ctrl_c_returns_what_was_finished(widths, ctrl_c_in_training):
    """The key is pressed in the middle of far more work than the machine can do meanwhile."""
    options = {"learning_rates": [0.001, 0.002, 0.01], "repeats": 2, "rng": 1}
    with pytest.warns(RuntimeWarning, match=r"interrupted after \d+ of 1000000000000 samples"):
        runs = sc.train(PRIOR, widths, 10**12, on_interrupt="return", **options)
    waited = time.monotonic() - ctrl_c_in_training[0]
    assert waited < 1.0  # measured 0.05 to 0.1 alone; CI's machines are shared
    assert runs.interrupted
    assert np.isnan(runs.final_error).all()
    assert runs.checkpoints.size == 0 or runs.checkpoints[-1] <= runs.samples
    if widths == [2, 8, 64]:
        assert runs.samples > 0
        fewer = sc.train(PRIOR, widths, runs.samples, **options)
        shared = np.isin(fewer.checkpoints, runs.checkpoints)
        assert np.array_equal(fewer.error[..., shared], runs.error)


def test_an_interrupted_run_goes_on(monkeypatch):
    """Interrupted between blocks, and with learners that are not equally far."""
    whole = sc.train(PRIOR, [3, 9], 9000, learning_rates=[0.01, 0.1], repeats=2, rng=3)
    real = core.train
    seen = []

    def stopping(**arguments):
        def advance(more):
            seen.append(more)
            raise KeyboardInterrupt

        return real(**arguments | {"advance": advance})

    monkeypatch.setattr(core, "train", stopping)
    options = {"learning_rates": [0.01, 0.1], "repeats": 2, "rng": 3}
    with pytest.warns(RuntimeWarning, match="interrupted") as caught:
        part = sc.train(PRIOR, [3, 9], 9000, on_interrupt="return", **options)
    assert caught[0].filename == __file__
    with pytest.raises(sc.TrainingInterrupted, match="interrupted after 4096 of 9000") as raised:
        sc.train(PRIOR, [3, 9], 9000, **options)
    for finished in (raised.value.runs, pickle.loads(pickle.dumps(raised.value)).runs):
        assert finished.interrupted
        assert np.array_equal(finished.error, part.error)
    with warnings.catch_warnings():  # a warning that is an error loses nothing
        warnings.simplefilter("error")
        with pytest.raises(RuntimeWarning, match="interrupted") as raised:
            sc.train(PRIOR, [3, 9], 9000, on_interrupt="return", **options)
    assert np.array_equal(raised.value.runs.error, part.error)
    with pytest.raises(sc.TrainingInterrupted) as raised:
        part.extend(12_000)
    assert raised.value.runs.samples > part.samples
    with pytest.raises(ValueError, match="on_interrupt must be one of 'raise', 'return'"):
        sc.train(PRIOR, [3], 64, on_interrupt="ignore", **options)
    monkeypatch.undo()
    assert part.samples == seen[0] == 4096
    assert part.interrupted
    state = part._state
    ahead = part.extend(
        9000
    )._state  # some learners of another run, farther on, in the place of these
    for array, other in (
        (state.sums, ahead.sums),
        (state.read, ahead.read),
        (state.record, ahead.record),
    ):
        array[0, 1] = other[0, 1]
    state.weights[1][0] = ahead.weights[1][0]
    done = part.extend(9000)
    assert not done.interrupted
    assert np.array_equal(done.checkpoints, whole.checkpoints)
    assert np.array_equal(done.error, whole.error)
    assert np.array_equal(done.final_error, whole.final_error)


def test_after_a_fork_training_runs_serially(run_python):
    code = """
import os, sys, scalecore as sc
options = dict(learning_rates=[0.1], repeats=4, rng=0)
first = sc.train(sc.NetworkPrior(10, 10), [4, 8], 5000, **options).error
child = os.fork()
if child == 0:
    same = (sc.train(sc.NetworkPrior(10, 10), [4, 8], 5000, **options).error == first).all()
    os._exit(0 if same else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    if not hasattr(os, "fork"):
        pytest.skip("no fork here")
    assert run_python(code, PYTHONWARNINGS="ignore").strip() == "0"


def test_progress_is_shown(run_python):
    code = (
        "import scalecore as sc; sc.train(sc.NetworkPrior(3, 3), [2], 10_000, "
        "learning_rates=[0.1], repeats=1, progress=True)"
    )
    done = run_python(code, check=False)
    assert done.returncode == 0
    assert "samples" in done.stderr
    assert "10.0k/10.0k" in done.stderr
