"""The infinite-width network.

Statistical tests have fixed seeds; a comparison at 4 standard errors alarms falsely once in 16,000,
one by Kolmogorov-Smirnov or by chi-square once in 10,000.
"""

import os
import pickle
import signal
import threading
import time
from functools import cache

import numpy as np
import pytest
from test_random import kolmogorov_smirnov

import scalecore as sc

DIMS, CONCENTRATIONS, WIDTHS = (1, 2, 10, 100), (0.1, 1.0, 10.0, 100.0, 1e4), (1, 10, 1000, 100_000)
SMALL = bool(os.environ.get("CI"))  # CI runs the same checks on fewer networks


def logits(net, X):
    return np.maximum(X @ net.directions.T, 0) @ net.output_weights


@cache
def measured(d, K):
    networks, inputs = (60, 64) if K == 1e4 else (1500, 256) if K <= 1 else (500, 256)
    networks //= 3 if SMALL else 1
    return sc.misspecification(
        sc.NetworkPrior(d, K), WIDTHS, networks=networks, inputs=inputs, rng=int(d * 1000 + K)
    )


def occupancy_std(n, K):
    """Exact: U_n is a sum of independent events of probability K/(K+i)."""
    i = np.arange(n)
    return np.sqrt((K * i / (K + i) ** 2).sum())


@pytest.mark.slow
@pytest.mark.parametrize("d", DIMS)
@pytest.mark.parametrize("K", CONCENTRATIONS)
def test_exact_identities(d, K):
    """160 comparisons; fixed seeds, so what holds once holds always."""
    mc, n = measured(d, K), np.array(WIDTHS)
    error = mc.squared_error
    assert (np.abs(error.mean - K / (2 * n)) <= 4 * error.std_error).all()
    occupancy = mc.occupancy
    std_error = np.array([occupancy_std(width, K) for width in WIDTHS]) / np.sqrt(mc.networks)
    assert (
        np.abs(occupancy.mean - sc.occupancy(n, K)) <= 4 * std_error + 1 / mc.networks
    ).all()  # one rare event more or less
    assert np.allclose(occupancy.std_error[2:], std_error[2:], rtol=0.5, atol=0.01)
    assert (mc.kl.mean <= mc.bound + 4 * mc.kl.std_error).all()
    assert (mc.bound == K / (16 * n)).all()


@pytest.mark.slow
@pytest.mark.parametrize("d", DIMS)
@pytest.mark.parametrize("K", CONCENTRATIONS)
def test_variance_of_the_logit_is_one_half(d, K):
    rng = np.random.default_rng(int(d + K))
    count = (10 if d == 100 else 30) if K == 1e4 else 400
    squares = []
    for seed in range(count):
        X = rng.standard_normal((256, d))
        squares.append(np.square(sc.NetworkPrior(d, K).sample(seed)(X)).mean())
    assert abs(np.mean(squares) - 0.5) <= 4 * np.std(squares, ddof=1) / np.sqrt(count)


def test_observed_share_of_the_bound():
    """docs/theory.md: 0.80 to 0.90 of the bound for K >= 10, n >= K/2."""
    for d, K in ((10, 10.0), (10, 100.0), (2, 100.0)):
        mc = sc.misspecification(
            sc.NetworkPrior(d, K), [K / 2, 10 * K, 1000 * K], networks=400, rng=3
        )
        share, error = mc.kl.mean / mc.bound, mc.kl.std_error / mc.bound
        assert (share > 0.80 - 4 * error).all()
        assert (share < 0.90 + 4 * error).all()


def test_thinned_network_follows_ewens_too():
    prior, n, K = sc.NetworkPrior(2, 3.0), 10, 3.0
    distinct = np.array([len(prior.sample(seed).thin(n, seed + 10**6)) for seed in range(3000)])
    assert abs(distinct.mean() - sc.occupancy(n, K)) < 4 * distinct.std() / np.sqrt(3000)


def test_directions_are_uniform_and_signs_fair():
    net = sc.NetworkPrior(3, 2000.0).sample(5)
    w = net.directions
    assert np.allclose(np.linalg.norm(w, axis=1), 1)
    for k in range(3):
        assert kolmogorov_smirnov(w[:, k], lambda t: (t + 1) / 2) < 2.23  # Archimedes
    assert np.abs(w.T @ w / len(w) - np.eye(3) / 3).max() < 4 / np.sqrt(len(w))
    signs = np.sign(net.output_weights)
    assert abs(signs.mean()) < 4 / np.sqrt(len(w))
    assert abs(np.corrcoef(signs, net.masses)[0, 1]) < 4 / np.sqrt(len(w))
    one = sc.NetworkPrior(1, 1000.0).sample(1).directions
    assert set(one.ravel()) == {-1.0, 1.0}


def test_truncation_is_as_the_theory_says():
    """The same seed gives the same atoms at every truncation; what is left out has variance
    leftover^2 / 2."""
    prior, rng = sc.NetworkPrior(10, 50.0), np.random.default_rng(1)
    ratios = []
    for seed in range(300):
        X = rng.standard_normal((64, 10))
        fine, finer, coarse = (prior.sample(seed, truncation=t) for t in (1e-4, 1e-8, 1e-2))
        assert (finer.output_weights[: len(fine)] == fine.output_weights).all()
        assert (finer.directions[: len(coarse)] == coarse.directions).all()
        assert np.abs(fine(X) - finer(X)).max() < 1e-3
        for net, truncation in ((fine, 1e-4), (finer, 1e-8), (coarse, 1e-2)):
            assert net.leftover <= truncation
            assert net.leftover + net.masses.sum() == pytest.approx(1, abs=1e-12)
            assert net.leftover + net.masses[-1] > truncation  # no stick too many
        ratios.append(np.square(finer(X) - coarse(X)).mean() / (coarse.leftover**2 / 2))
    assert abs(np.mean(ratios) - 1) < 4 * np.std(ratios) / np.sqrt(300)
    assert np.mean(ratios) > 0.5


@pytest.mark.parametrize("d", [1, 2, 7, 10, 33, 100])
@pytest.mark.parametrize("B", [1, 31, 32, 33, 511, 512, 513, 1500])
def test_evaluation_against_numpy(d, B):
    net = sc.NetworkPrior(d, 20.0).sample(d)
    X = np.random.default_rng(d).standard_normal((B, d))
    expected = logits(net, X)
    scale = np.abs(net.output_weights).sum()
    assert np.abs(net(X) - expected).max() < 1e-13 * scale
    single = net(X.astype(np.float32))
    assert single.dtype == np.float32
    assert np.abs(single - expected).max() < 2e-5 * scale
    assert (net(X[::-1]) == net(X)[::-1]).all()
    assert (net(np.asfortranarray(X)) == net(X)).all()
    assert net(X[0]) == net(X)[0]
    assert np.allclose(net.probability(X), 1 / (1 + np.exp(-expected)), rtol=1e-12)
    assert all((net(X, n_threads=threads) == net(X)).all() for threads in (1, 2, 7))


def test_any_number_of_units():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50, 5))
    for m in (1, 2, 3, 4, 5, 127, 128, 129, 300):
        w = rng.standard_normal((m, 5))
        net = sc.Network(w, rng.standard_normal(m), 0.0, 1.0)
        assert np.allclose(net(X), logits(net, X), rtol=1e-12, atol=1e-12)
    frozen = sc.NetworkPrior(5, 1.0).sample(1)
    frozen.directions.flags.writeable = False
    X.flags.writeable = False
    assert np.isfinite(frozen(X)).all()
    assert frozen(np.empty((0, 5))).shape == (0,)
    assert frozen(np.arange(5)).shape == ()
    assert not np.isfinite(frozen(np.full((1, 5), np.inf))).any()


def test_arrays_of_the_caller_change_no_network():
    directions, weights, X = np.eye(5), np.arange(1.0, 6), np.ones((3, 5))
    net = sc.Network(directions, weights, 0.0, 1.0)
    directions[:], weights[:] = 7, 7
    for dtype in (np.float64, np.float32):
        for _ in range(2):  # made and kept
            assert (net(X.astype(dtype)) == 15).all()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_nan_spoils_its_row_only(dtype):
    net = sc.NetworkPrior(4, 10.0).sample(2)
    X = np.random.default_rng(1).standard_normal((100, 4)).astype(dtype)
    clean = net(X)
    X[37, 2] = np.nan
    got = net(X)
    assert np.isnan(got).tolist() == [i == 37 for i in range(100)]
    assert (np.delete(got, 37) == np.delete(clean, 37)).all()


def test_draw():
    net = sc.NetworkPrior(3, 10.0).sample(2)
    X, y = net.draw(20_000, 5)
    assert X.shape == (20_000, 3)
    assert y.dtype == np.uint8
    assert set(y) == {0, 1}
    p = net.probability(X)
    assert abs((y - p).mean()) < 4 * np.sqrt((p * (1 - p)).mean() / y.size)
    assert abs(((y - p) * net(X)).mean()) < 4 * np.sqrt((p * (1 - p) * net(X) ** 2).mean() / y.size)
    again = net.draw(20_000, 5)
    assert (again[0] == X).all()
    assert (again[1] == y).all()


def kernel_distance(w, v):
    """E (max(w.X, 0) - max(v.X, 0))^2 in closed form (Cho & Saul's arc-cosine kernel)."""
    c = np.clip((w * v).sum(1), -1, 1)
    return 1 - (np.sqrt(1 - c * c) + (np.pi - np.arccos(c)) * c) / np.pi


@pytest.mark.parametrize(
    ("d", "K", "n", "eps"),
    [(10, 100.0, 50, 0.5), (3, 5.0, 8, 1.0), (2, 20.0, 30, 2.0), (30, 10.0, 20, 0.2)],
)
def test_thinning_with_resolution(d, K, n, eps):
    """E(F-F~)^2 = K/(2n) + E|phi_w - phi_w^|^2 <= K/(2n) + eps^2/2."""
    rng, prior = np.random.default_rng(int(d * K)), sc.NetworkPrior(d, K)
    errors = []
    for seed in range(800):
        net = prior.sample(seed, truncation=1e-6)
        thin = net.thin(n, rng, resolution=eps)
        X = rng.standard_normal((64, d))
        errors.append(np.square(net(X) - thin(X)).mean())
    w = rng.standard_normal((20_000, d))
    w /= np.linalg.norm(w, axis=1, keepdims=True)
    from scalecore.network._prior import _round_directions

    rounded = _round_directions(w, eps)
    assert np.allclose(np.linalg.norm(rounded, axis=1), 1)
    assert np.linalg.norm(rounded - w, axis=1).max() <= eps + 1e-12
    distance = kernel_distance(w, rounded).mean()
    mean, error = np.mean(errors), np.std(errors) / np.sqrt(len(errors))
    assert abs(mean - K / (2 * n) - distance) < 4 * error
    assert mean < K / (2 * n) + eps**2 / 2 + 4 * error


def test_same_bits_for_every_number_of_threads():
    prior = sc.NetworkPrior(7, 30.0)
    for dtype in ("float64", "float32"):
        results = [
            sc.misspecification(
                prior,
                [1, 5, 700, 10_000],
                networks=70,
                inputs=100,
                rng=4,
                dtype=dtype,
                n_threads=threads,
            )
            for threads in (1, 2, 7)
        ]
        for other in results[1:]:
            for name in ("kl", "squared_error", "occupancy"):
                assert (getattr(other, name).mean == getattr(results[0], name).mean).all()
                assert (getattr(other, name).std_error == getattr(results[0], name).std_error).all()


def test_seeds():
    prior = sc.NetworkPrior(3, 10.0)

    def weights(rng):
        return prior.sample(rng).output_weights

    assert (weights(1) == weights(1)).all()
    assert not np.isin(weights(1), weights(2)).any()
    assert not np.isin(weights(None), weights(None)).any()
    assert (weights(np.random.SeedSequence(5)) == weights(np.random.SeedSequence(5))).all()
    generator = np.random.default_rng(5)
    assert not np.isin(weights(generator), weights(generator)).any()  # a Generator moves on
    assert (weights(np.int64(7)) == weights(7)).all()
    a, b = (sc.misspecification(prior, [10], networks=300, inputs=64, rng=seed) for seed in (1, 2))
    assert a.kl.mean != b.kl.mean
    assert abs(a.kl.mean - b.kl.mean) < 4 * np.hypot(a.kl.std_error, b.kl.std_error)


def test_single_precision_agrees():
    prior = sc.NetworkPrior(10, 100.0)
    double, single = (
        sc.misspecification(prior, [10, 1000], networks=64, rng=1, dtype=dtype)
        for dtype in ("float64", "float32")
    )
    assert np.allclose(single.kl.mean, double.kl.mean, rtol=1e-4)
    assert (single.kl.mean != double.kl.mean).all()
    assert (single.occupancy.mean == double.occupancy.mean).all()


def test_standard_errors_are_over_networks():
    """200 repetitions of a small estimate scatter as much as it says; counting inputs as
    independent would say far less."""
    prior = sc.NetworkPrior(10, 5.0)
    runs = [
        sc.misspecification(prior, [20], networks=40, inputs=512, rng=seed) for seed in range(200)
    ]
    scatter = np.std([run.squared_error.mean for run in runs])
    claimed = np.sqrt(np.mean([run.squared_error.std_error**2 for run in runs]))
    assert 0.8 < scatter / claimed < 1.25


def test_rtol():
    mc = sc.misspecification(
        sc.NetworkPrior(5, 20.0), [10, 100], networks=10, inputs=128, rng=0, rtol=0.05
    )
    assert mc.networks > 10
    for estimate in (mc.kl, mc.squared_error):
        assert (estimate.std_error <= 0.05 * estimate.mean).all()
    again = sc.misspecification(
        sc.NetworkPrior(5, 20.0), [10, 100], networks=mc.networks, inputs=128, rng=0
    )
    assert (again.kl.mean == mc.kl.mean).all()


def test_shapes_names_and_pickle():
    prior = sc.NetworkPrior(input_dim=4, concentration=2)
    net = prior.sample(0)
    copy = pickle.loads(pickle.dumps(net))
    X = np.ones((3, 4))
    assert (copy(X) == net(X)).all()
    assert pickle.loads(pickle.dumps(prior)) == prior
    assert (
        repr(net)
        == f"Network({len(net)} units, 4 inputs, concentration 2, leftover mass {net.leftover:.2g})"
    )
    mc = sc.misspecification(prior, [[1, 2], [3, 4]], networks=5, inputs=8, rng=0)
    assert mc.kl.mean.shape == mc.bound.shape == mc.occupancy.std_error.shape == (2, 2)
    one = sc.misspecification(prior, 7, networks=5, inputs=8, rng=0)
    assert np.shape(one.kl.mean) == ()
    assert "1 widths, 5 networks x 8 inputs" in repr(one)
    assert np.isnan(sc.misspecification(prior, 7, networks=1, inputs=8, rng=0).kl.std_error)
    assert (one.occupancy.mean >= 1) & (one.occupancy.mean <= 7)


PRIOR = sc.NetworkPrior(3, 10.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sc.NetworkPrior(0, 1), "input_dim must be at least 1"),
        (lambda: sc.NetworkPrior(2.5, 1), "input_dim must be an integer"),
        (lambda: sc.NetworkPrior(2, 0), "concentration must be one positive"),
        (lambda: sc.NetworkPrior(2, -1), "concentration must be one positive"),
        (lambda: sc.NetworkPrior(2, np.nan), "concentration must be one positive"),
        (lambda: sc.NetworkPrior(2, "a"), "concentration must be real"),
        (lambda: PRIOR.sample(0, truncation=0), "truncation must be one positive"),
        (lambda: PRIOR.sample(0, truncation=1), "truncation must be between 0 and 1"),
        (lambda: PRIOR.sample(0, truncation=2), "truncation must be between 0 and 1"),
        (lambda: PRIOR.sample("seed"), "rng must be None, an int"),
        (lambda: PRIOR.sample(-1), "rng must not be negative"),
        (lambda: PRIOR.sample(1.5), "rng must be None, an int"),
        (lambda: PRIOR.sample(0)(np.ones((4, 2))), r"X must have shape \(B, 3\)"),
        (lambda: PRIOR.sample(0)(np.ones((4, 3), np.float16)), "X must be float64, float32"),
        (lambda: PRIOR.sample(0)(np.ones((4, 3), complex)), "X must be float64, float32"),
        (lambda: PRIOR.sample(0)([["a", "b", "c"]]), "X must be float64, float32"),
        (lambda: PRIOR.sample(0)(np.ones((2, 4, 3))), "X must have shape"),
        (lambda: PRIOR.sample(0)([[1, 2, 3], [1, 2]]), "X is not an array"),
        (
            lambda: sc.misspecification(PRIOR, np.ma.array([1, 2], mask=[False, True])),
            "widths must be whole numbers",
        ),
        (lambda: PRIOR.sample(0)(np.ones((2, 3)), n_threads=0), "n_threads must be at least 1"),
        (lambda: PRIOR.sample(0).draw(0), "T must be at least 1"),
        (lambda: PRIOR.sample(0).thin(0), "n must be at least 1"),
        (lambda: PRIOR.sample(0).thin(5, resolution=0), "resolution must be one positive"),
        (lambda: PRIOR.sample(0).thin(5, resolution=2.1), "resolution must be between 0 and 2"),
        (lambda: sc.misspecification((3, 10), 5), "prior must be a NetworkPrior"),
        (lambda: sc.misspecification(PRIOR, 0), "widths must be whole numbers, at least 1"),
        (lambda: sc.misspecification(PRIOR, [1, 2.5]), "widths must be whole numbers"),
        (lambda: sc.misspecification(PRIOR, [1, np.inf]), "widths must be whole numbers"),
        (lambda: sc.misspecification(PRIOR, []), "widths must hold 1 to 200"),
        (lambda: sc.misspecification(PRIOR, range(1, 300)), "widths must hold 1 to 200"),
        (lambda: sc.misspecification(PRIOR, 5, networks=0), "networks must be at least 1"),
        (lambda: sc.misspecification(PRIOR, 5, inputs=0), "inputs must be at least 1"),
        (
            lambda: sc.misspecification(PRIOR, 5, dtype="float16"),
            "dtype must be one of 'float64', 'float32'",
        ),
        (lambda: sc.misspecification(PRIOR, 5, rtol=0), "rtol must be one positive"),
        (lambda: sc.misspecification(PRIOR, 5, n_threads=0), "n_threads must be at least 1"),
    ],
)
def test_wrong_arguments_are_refused_by_name(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()


@pytest.mark.parametrize("K", [1e-6, 1e-3, 0.1])
def test_small_concentrations(K):
    net = sc.NetworkPrior(3, K).sample(1)
    assert net.leftover + net.masses.sum() == pytest.approx(1)
    mc = sc.misspecification(sc.NetworkPrior(3, K), [1, 100, 10**9], networks=20, rng=1)
    assert np.isfinite(mc.kl.mean).all()
    assert (mc.occupancy.mean >= 1).all()


def test_progress_and_its_absence(capsys):
    pytest.importorskip("tqdm")
    sc.misspecification(PRIOR, 5, networks=5, inputs=8, rng=0)
    assert capsys.readouterr().err == ""
    sc.misspecification(PRIOR, 5, networks=5, inputs=8, rng=0, progress=True)
    assert "networks" in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("K", [1e6, 100.0])
def test_ctrl_c(K):
    pressed = []

    def press():
        time.sleep(0.3)
        pressed.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        sc.misspecification(sc.NetworkPrior(10, K), 10, networks=10**6, rng=0)
    late = time.perf_counter() - pressed[0]
    thread.join()
    assert late < 1  # 0.1 s on an idle machine; one network of K = 1e6 alone takes several seconds
    assert np.isfinite(sc.misspecification(PRIOR, 5, networks=5, inputs=8, rng=0).kl.mean)


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs /proc")
def test_memory_does_not_grow_with_concentration(run_python):
    code = """
import scalecore as sc
sc.misspecification(sc.NetworkPrior(10, 1e6), [1, 1000, 100000], networks=2, inputs=64, rng=0)
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
    assert float(run_python(code)) < 100 * 1024  # kB, the interpreter and NumPy included


def test_a_net_finer_than_digits_changes_nothing():
    net = sc.NetworkPrior(3, 5).sample(0)
    whole = net.thin(50, 1)
    for resolution in (1e-300, 1e-40, 1e-16):
        with np.errstate(all="raise"):
            np.testing.assert_allclose(
                net.thin(50, 1, resolution=resolution).directions, whole.directions, atol=1e-15
            )


def test_what_no_machine_holds_is_refused_by_name():
    with pytest.raises(
        MemoryError,
        match=r"concentration 1e\+09, some 1.84e\+10 units, would take .* GB, and this machine has",
    ):
        sc.NetworkPrior(1000, 1e9).sample(0)
    with pytest.raises(ValueError, match="input_dim must be at most 65536"):
        sc.NetworkPrior(10**12, 1)
    with pytest.raises(ValueError, match="inputs must be at most 2147483647"):
        sc.misspecification(sc.NetworkPrior(3, 5), [1], networks=2, inputs=10**18)
    with pytest.raises(TypeError, match="progress must be True or False"):
        sc.misspecification(sc.NetworkPrior(3, 5), [1], progress="a")
