"""One network and the whole Monte Carlo beside NumPy/BLAS, Numba and PyTorch (where installed); the
FMA peak of the same run."""

import math

import numba
import numpy as np
import pytest

import scalecore as sc
from scalecore._core.network import multiply_adds
from scalecore._core.threads import default_threads

K, WIDTH, INPUTS = 100.0, 500, 1024
THREADS = default_threads()


@numba.njit(fastmath=True, inline="always")
def normal():
    return np.random.normal()  # noqa: NPY002 (Numba's own generator)


@numba.njit(fastmath=True, parallel=True)
def numba_networks(networks, d, seed):
    """The estimate as a Numba user would write it: parallel over networks, unrolled for d = 10."""
    squared = np.zeros(networks)
    for net in numba.prange(networks):
        np.random.seed(seed + net)  # noqa: NPY002
        X = np.empty((10, INPUTS))
        for k in range(10):
            for b in range(INPUTS):
                X[k, b] = normal()
        F, thinned = np.zeros(INPUTS), np.zeros(INPUTS)
        left, draws = 1.0, WIDTH
        h = np.empty(INPUTS)
        while left > 1e-8 or draws > 0:
            beta = 1 - np.random.random() ** (1 / K)  # noqa: NPY002
            mass = left * beta
            count = np.random.binomial(draws, beta) if draws > 0 else 0  # noqa: NPY002
            draws -= count
            left -= mass
            w0, w1, w2, w3, w4 = normal(), normal(), normal(), normal(), normal()
            w5, w6, w7, w8, w9 = normal(), normal(), normal(), normal(), normal()
            norm = math.sqrt(
                w0 * w0
                + w1 * w1
                + w2 * w2
                + w3 * w3
                + w4 * w4
                + w5 * w5
                + w6 * w6
                + w7 * w7
                + w8 * w8
                + w9 * w9
            )
            sign = 1.0 if np.random.random() < 0.5 else -1.0  # noqa: NPY002
            scale = math.sqrt(K + 1) / norm * sign
            a, c = scale * mass, scale * count / WIDTH
            for b in range(INPUTS):
                z = w0 * X[0, b] + w1 * X[1, b] + w2 * X[2, b] + w3 * X[3, b] + w4 * X[4, b]
                z += w5 * X[5, b] + w6 * X[6, b] + w7 * X[7, b] + w8 * X[8, b] + w9 * X[9, b]
                h[b] = max(z, 0.0)
                F[b] += a * h[b]
            if count > 0:
                for b in range(INPUTS):
                    thinned[b] += c * h[b]
        total = 0.0
        for b in range(INPUTS):
            total += (F[b] - thinned[b]) ** 2
        squared[net] = total / INPUTS
    return squared.mean()


def numpy_networks(networks, d, seed, dtype=np.float64):
    rng = np.random.default_rng(seed)
    squared = []
    for _ in range(networks):
        sticks = rng.beta(1, K, int(K * 18.42) + 60)
        left = np.cumprod(1 - sticks)
        masses = sticks * np.append(1, left[:-1])
        masses /= masses.sum()
        w = rng.standard_normal((masses.size, d), dtype)
        w /= np.linalg.norm(w, axis=1, keepdims=True)
        X = rng.standard_normal((d, INPUTS), dtype)
        signs = rng.choice([-1, 1], masses.size)
        counts = rng.multinomial(WIDTH, masses)
        weights = np.stack([signs * masses, signs * counts / WIDTH]) * np.sqrt(K + 1)
        F, thinned = weights.astype(dtype) @ np.maximum(w @ X, 0)
        squared.append(np.square(F - thinned).mean())
    return np.mean(squared)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_whole_estimate(contest, dtype):
    networks, prior = 64, sc.NetworkPrior(10, K)

    def ours(widths=WIDTH, threads=None):
        return lambda: sc.misspecification(
            prior, widths, networks=networks, inputs=INPUTS, rng=1, dtype=dtype, n_threads=threads
        )

    contenders = {
        "scalecore": ours(),
        "scalecore, one thread": ours(threads=1),
        "scalecore, sixteen widths 1 ... 1e5": ours(np.unique(np.rint(np.geomspace(1, 1e5, 16)))),
        "NumPy / BLAS": lambda: numpy_networks(networks, 10, 1, np.dtype(dtype).type),
    }
    if dtype == "float64":
        contenders["Numba unrolled for d = 10, parallel over networks"] = lambda: numba_networks(
            networks, 10, 1
        )
    repeats, single, peak = (
        1_000_000,
        dtype == "float32",
        "multiply-adds in registers (as long as they take)",
    )
    ours_first, *others = contenders.items()
    contenders = dict(
        [ours_first, (peak, lambda: multiply_adds(repeats, single, 0)), *others]
    )  # not behind BLAS's spinning threads
    medians = contest(
        f"misspecification, {dtype}, d = 10, K = 100, n = 500, 1,024 inputs",
        contenders,
        networks,
        "us a network",
        1e6,
    )
    rate = 100 * math.log(1e8) * INPUTS * 22 / medians["scalecore"] / 1e3
    most = multiply_adds(repeats, single, 0) / (medians[peak] * networks) / 1e3
    print(f"{dtype}: {rate:.0f} of {most:.0f} GFLOP/s ({rate / most:.0%}), random numbers included")


@pytest.mark.parametrize("d", [10, 100])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_evaluation(contest, d, dtype):
    """flops: 2d + 2 for an atom and an input."""
    rng = np.random.default_rng(0)
    atoms = 8192
    net = sc.Network(rng.standard_normal((atoms, d)), rng.standard_normal(atoms), 0.0, 1.0)
    X = rng.standard_normal((INPUTS, d)).astype(dtype)
    w, a, XT = (
        net.directions.astype(dtype),
        net.output_weights.astype(dtype),
        np.ascontiguousarray(X.T),
    )
    repeats, single, peak = (
        400_000,
        dtype == "float32",
        "multiply-adds in registers (as long as they take)",
    )
    flops = multiply_adds(repeats, single, 0)
    contenders = {
        "scalecore": lambda: net(X),
        peak: lambda: multiply_adds(repeats, single, 0),  # not behind BLAS's spinning threads
        "NumPy / BLAS": lambda: a @ np.maximum(w @ XT, 0),
    }
    try:
        import torch
    except ImportError:
        torch = None
    if torch is not None:
        torch.set_num_threads(THREADS)
        tw, ta, tX = (torch.from_numpy(array) for array in (w, a, XT))
        contenders["PyTorch"] = lambda: ta @ torch.relu(tw @ tX)
    medians = contest(
        f"evaluation, {atoms} atoms x {INPUTS} inputs, d = {d}, {dtype}", contenders, 1, "ms", 1e3
    )
    rate, most = (
        (2 * d + 2) * atoms * INPUTS / medians["scalecore"] / 1e6,
        flops / medians[peak] / 1e6,
    )
    print(
        f"d = {d}, {dtype}: {rate:.0f} of {most:.0f} GFLOP/s ({rate / most:.0%}) on {THREADS} "
        "threads"
    )
