"""Assumed-density filtering beside Numba (parallel over runs) and NumPy, same mathematics.

Our contender is the whole call of `train`, which draws inputs and labels and finds the features
too; its rivals are handed theirs.
"""

import math

import numba
import numpy as np
import pytest

import scalecore as sc
from scalecore.training._adf_features import features

D, RUNS = 10, 8
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(24)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


@numba.njit(fastmath=True, parallel=True)
def numba_runs(Z, y, variances, nodes, weights, predictions):
    runs, samples, p = Z.shape
    for r in numba.prange(runs):
        P, m, s = np.diag(variances), np.zeros(p), np.empty(p)
        for t in range(samples):
            z = Z[r, t]
            mean = spread = 0.0
            for i in range(p):
                total = 0.0
                for j in range(p):
                    total += P[i, j] * z[j]
                s[i] = total
                mean += m[i] * z[i]
                spread += total * z[i]
            root = math.sqrt(spread)
            yes = slope = bend = 0.0
            for k in range(nodes.size):
                q = 1 / (1 + math.exp(-(mean + root * nodes[k])))
                first = q * (1 - q)
                yes += weights[k] * q
                slope += weights[k] * first
                bend += weights[k] * first * (1 - 2 * q)
            predictions[r, t] = yes
            came, sign = (yes, 1.0) if y[r, t] else (1 - yes, -1.0)
            gain = sign * slope / came
            fall = gain * gain - sign * bend / came
            for i in range(p):
                m[i] += gain * s[i]
                change = fall * s[i]
                for j in range(p):
                    P[i, j] -= change * s[j]


def numpy_run(Z, y, variances):
    P, m = np.diag(variances), np.zeros(variances.size)
    for z, label in zip(Z, y, strict=True):
        s = P @ z
        q = 1 / (1 + np.exp(-(m @ z + np.sqrt(s @ z) * NODES)))
        first = q * (1 - q)
        yes, slope, bend = WEIGHTS @ q, WEIGHTS @ first, WEIGHTS @ (first * (1 - 2 * q))
        came, sign = (yes, 1) if label else (1 - yes, -1)
        gain = sign * slope / came
        m = m + gain * s
        P = P - (gain * gain - sign * bend / came) * np.outer(s, s)


def ours(width, samples, concentration=0.01, threads=None):
    prior, options = (
        sc.NetworkPrior(D, concentration),
        {"repeats": RUNS, "rng": 1, "test_inputs": 64, "checkpoints": [samples]},
    )
    return lambda: sc.train(prior, [width], samples, optimizer="adf", n_threads=threads, **options)


def one_thread(call):
    def run():
        numba.set_num_threads(1)
        call()
        numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)

    return run


@pytest.mark.parametrize("width", [12, 57, 200])
def test_steps(contest, width, monkeypatch):
    samples = {12: 20_000, 57: 10_000, 200: 4_000}[width]
    few = samples // 20
    them = features(D, width)
    monkeypatch.setattr(
        "scalecore.training._engine.features", lambda d, width: them
    )  # directions are found once for all runs
    rng = np.random.default_rng(0)
    Z, y = (
        rng.standard_normal((RUNS, samples, them.variances.size)),
        rng.random((RUNS, samples)) < 0.5,
    )
    predictions = np.empty((RUNS, samples))
    contest(
        f"filter, width {width}, d = {D}, {RUNS} runs, float64",
        {
            "scalecore": ours(width, samples),
            "scalecore, one thread": ours(width, samples, threads=1),
            "scalecore, K = 100: a network of 1,840 units": ours(width, samples, 100),
            "Numba, one thread": one_thread(
                lambda: numba_runs(Z, y, them.variances, NODES, WEIGHTS, predictions)
            ),
            "Numba, parallel over runs": lambda: numba_runs(
                Z, y, them.variances, NODES, WEIGHTS, predictions
            ),
            "NumPy, one run": (lambda: numpy_run(Z[0, :few], y[0, :few], them.variances), few),
        },
        samples * RUNS,
        "us a step",
        1e6,
    )
