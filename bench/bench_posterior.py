"""The likelihood of the infinite-width network with its gradient, on one thread, beside Numba,
NumPy/BLAS and, where it is installed, JAX; the FMA peak of the same run."""

import os

import numba
import numpy as np
import pytest

from scalecore._core import posterior
from scalecore._core.network import multiply_adds

D, K, STICKS, SAMPLES, REPEATS = 10, 100.0, 400, 10_000, 50


@numba.njit(fastmath=True)
def numba_pulls(X, w, weights, z, tail, out, h, F):
    """v_j = sum_t e_t 1[w_j.x_t > 0] x_t as a Numba user would write it: lanes over samples, in
    blocks that stay in cache; X is [block, coordinate, sample]."""
    blocks, d, size = X.shape
    for b in range(blocks):
        for t in range(size):
            F[t] = tail[b * size + t]
        for j in range(w.shape[0]):
            for t in range(size):
                h[j, t] = 0.0
            for k in range(d):
                for t in range(size):
                    h[j, t] += w[j, k] * X[b, k, t]
            for t in range(size):
                F[t] += weights[j] * max(h[j, t], 0.0)
        for t in range(size):
            label = z[b * size + t]
            F[t] = label / (1 + np.exp(label * F[t]))
        for j in range(w.shape[0]):
            for t in range(size):
                h[j, t] = F[t] if h[j, t] > 0 else 0.0
            for k in range(d):
                total = 0.0
                for t in range(size):
                    total += h[j, t] * X[b, k, t]
                out[j, k] += total


def numpy_pulls(X, w, weights, z, tail):
    h = X @ w.T
    pull = z / (1 + np.exp(z * (np.maximum(h, 0) @ weights + tail)))
    return ((h > 0) * pull[:, None]).T @ X


def jax_gradient(X, w, weights, z, tail):
    """Return a call of JAX's gradient by w of the log-likelihood, compiled, or None without JAX."""
    # JAX reads them when it is imported: one thread, as all others have here
    os.environ.setdefault(
        "XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    )
    os.environ.setdefault("JAX_ENABLE_X64", "true")
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    try:
        import jax
    except ImportError:
        return None

    def log_likelihood(w, weights, X):
        logits = jax.numpy.maximum(X @ w.T, 0) @ weights + tail
        return jax.nn.log_sigmoid(z * logits).sum()

    both = jax.jit(jax.value_and_grad(log_likelihood, argnums=(0, 1)))
    on_device = [jax.numpy.asarray(array) for array in (w, weights, X)]
    return lambda: jax.block_until_ready(both(*on_device))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradient(contest, dtype):
    """flops: 4d + 2 for a stick and a sample."""
    job, single = [0, 0, STICKS, SAMPLES], dtype == "float32"
    place = {"key": 1, "input_dim": D, "concentration": K, "job": job, "single": single}
    data = posterior.gradient(**place)
    rng, size = np.random.default_rng(0), 250
    w = rng.standard_normal((STICKS, D)).astype(dtype)
    weights = rng.standard_normal(STICKS).astype(dtype) / STICKS
    z, tail = data["labels"].astype(dtype), data["tail"].astype(dtype)
    X = data["inputs"].astype(dtype)
    blocks = np.ascontiguousarray(X.reshape(-1, size, D).transpose(0, 2, 1))
    out, h, F = np.zeros((STICKS, D), dtype), np.zeros((STICKS, size), dtype), np.zeros(size, dtype)
    flops = multiply_adds(1_000_000, single, 1)
    peak = "multiply-adds in registers (as long as they take)"

    def ours():
        # the history is drawn once for all repeats: its share is what one more call would not take
        posterior.gradient(**place, repeats=REPEATS)

    def numba_loops():
        for _ in range(REPEATS):
            numba_pulls(blocks, w, weights, z, tail, out, h, F)

    contenders = {
        "scalecore": ours,
        peak: (lambda: multiply_adds(1_000_000, single, 1), 1),
        "Numba in blocks": numba_loops,
        "NumPy / BLAS": (lambda: numpy_pulls(X, w, weights, z, tail), 1),
    }
    by_jax = jax_gradient(X, w, weights, z, tail)
    if by_jax is not None:
        contenders["JAX, compiled"] = (by_jax, 1)

    medians = contest(
        f"gradient, {STICKS} sticks x {SAMPLES} samples, d = {D}, {dtype}, one thread",
        contenders,
        REPEATS,
        "ms",
        1e3,
    )
    rate = (4 * D + 2) * STICKS * SAMPLES / medians["scalecore"] / 1e6
    most = flops / medians[peak] / 1e6
    print(f"{dtype}: {rate:.0f} of {most:.0f} GFLOP/s ({rate / most:.0%}), history included")
