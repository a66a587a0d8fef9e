"""One-pass SGD beside Numba (parallel over runs) and PyTorch (a batched graph over the runs, and a
plain loop), same mathematics.

Our first contender is handed the same samples as the rivals (`data=`); the others draw theirs
too, at K = 0.01 where the network that labels them costs next to nothing.
"""

import numba
import numpy as np
import pytest

import scalecore as sc
from scalecore._core.network import multiply_adds
from scalecore._core.threads import default_threads
from scalecore._core.training import sweeps

D, RUNS = 10, 16
RATES = np.geomspace(0.001, 0.03, RUNS)
THREADS = default_threads()


@numba.njit(fastmath=True, parallel=True)
def numba_runs(W, A, X, y, rates, factors, logits):
    runs, d, n = W.shape
    zero, one = np.float32(0), np.float32(1)
    for r in numba.prange(runs):
        w, a, h = W[r].copy(), A[r].copy(), np.empty(n, np.float32)
        for t in range(X.shape[0]):
            h[:] = zero
            for k in range(d):
                x = X[t, k]
                for i in range(n):
                    h[i] += w[k, i] * x
            f = zero
            for i in range(n):
                h[i] = max(h[i], zero)
                f += a[i] * h[i]
            logits[r, t] = f
            slope = -rates[r] * factors[t] * (one / (one + np.exp(-f)) - y[t])
            for i in range(n):
                c = slope * a[i] if h[i] > zero else zero
                a[i] += slope * h[i]
                h[i] = c
            for k in range(d):
                x = X[t, k]
                for i in range(n):
                    w[k, i] += h[i] * x


def torch_batched(torch, n, X, y, rates):
    w = torch.randn(RUNS, n, D).mul_(0.1).requires_grad_()
    a = torch.randn(RUNS, n).mul_(0.1).requires_grad_()
    loss = torch.nn.BCEWithLogitsLoss(reduction="sum")
    for t in range(len(X)):
        f = (a * torch.relu(w @ X[t])).sum(-1)
        loss(f, y[t].expand(RUNS)).backward()
        with torch.no_grad():
            rate = rates * (1 + t / 1000) ** -0.5
            w -= rate[:, None, None] * w.grad
            a -= rate[:, None] * a.grad
            w.grad.zero_()
            a.grad.zero_()


def torch_plain(torch, n, X, y):
    model = torch.nn.Sequential(
        torch.nn.Linear(D, n, bias=False), torch.nn.ReLU(), torch.nn.Linear(n, 1, bias=False)
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: (1 + t / 1000) ** -0.5)
    loss = torch.nn.BCEWithLogitsLoss()
    for t in range(len(X)):
        optimizer.zero_grad()
        loss(model(X[t])[0], y[t]).backward()
        optimizer.step()
        schedule.step()


def alone(torch, call):
    """One thread, which is faster than two for tensors of this size; the setting is OpenMP's and
    would bind us too."""

    def run():
        torch.set_num_threads(1)
        call()
        torch.set_num_threads(THREADS)

    return run


def handed(n, X, y, threads=None, optimizer="sgd", dtype="float32", rates=RATES):
    return lambda: sc.train(
        widths=[n],
        data=(X, y),
        shuffle=False,
        learning_rates=rates,
        repeats=1,
        rng=1,
        checkpoints=[len(X)],
        optimizer=optimizer,
        dtype=dtype,
        n_threads=threads,
    )


def ours(n, samples, concentration=0.01, threads=None, optimizer="sgd", dtype="float32"):
    prior = sc.NetworkPrior(D, concentration)
    options = {
        "learning_rates": RATES,
        "repeats": 1,
        "rng": 1,
        "test_inputs": 64,
        "n_threads": threads,
        "checkpoints": [samples],
    }
    return lambda: sc.train(prior, [n], samples, optimizer=optimizer, dtype=dtype, **options)


def in_registers(n, steps, threads):
    """A call that does the multiply-adds of so many steps, two a weight, and nothing else."""
    repeats = round(4 * D * n * steps / (threads * multiply_adds(1, True, 1)))
    return lambda: multiply_adds(repeats, True, threads)


@pytest.mark.parametrize("n", [64, 16, 256])
def test_steps(contest, n):
    samples = 20_000 if n < 256 else 8_000
    rng = np.random.default_rng(0)
    X, y = (
        rng.standard_normal((samples, D)).astype(np.float32),
        (rng.random(samples) < 0.5).astype(np.float32),
    )
    W, A = (
        0.1 * rng.standard_normal(shape).astype(np.float32) for shape in ((RUNS, D, n), (RUNS, n))
    )
    factors, logits = (
        (1 / np.sqrt(1 + np.arange(samples) / 1000)).astype(np.float32),
        np.empty((RUNS, samples), np.float32),
    )
    weights = np.zeros(RUNS * n * (D + 1), np.float32)
    rates = RATES.astype(np.float32)
    contenders = {
        "scalecore, handed the data": handed(n, X, y),
        "scalecore, handed the data, one thread": handed(n, X, y, threads=1),
        "scalecore, half of the runs, one thread": (
            handed(n, X, y, threads=1, rates=RATES[::2]),
            samples * RUNS,
        ),
        "scalecore, draws its data": ours(n, samples),
        "scalecore, K = 100: a network of 1,840 units": ours(n, samples, 100),
        "scalecore, float64": handed(n, X, y, dtype="float64"),
        "scalecore, Adam": handed(n, X, y, optimizer="adam"),
        "read, change and write the weights, one thread": lambda: sweeps(weights, samples),
        "its multiply-adds in registers": in_registers(n, samples * RUNS, THREADS),
        "its multiply-adds in registers, one thread": in_registers(n, samples * RUNS, 1),
        "Numba, parallel over runs": lambda: numba_runs(W, A, X, y, rates, factors, logits),
    }
    try:
        import torch
    except ImportError:
        torch = None
    if torch is not None and n == 64:
        tX, ty, few = torch.from_numpy(X), torch.from_numpy(y), 200
        tensor = torch.from_numpy(rates)
        contenders["PyTorch, one batched graph"] = (
            alone(torch, lambda: torch_batched(torch, n, tX[:few], ty[:few], tensor)),
            few * RUNS,
        )
        contenders["PyTorch, plain loop"] = (
            alone(torch, lambda: torch_plain(torch, n, tX[:few], ty[:few])),
            few,
        )
    medians = contest(
        f"one-pass SGD, n = {n}, d = {D}, {RUNS} runs, float32",
        contenders,
        samples * RUNS,
        "ns a step",
    )
    own, limit = (
        [medians[name + suffix] for suffix in ("", ", one thread")]
        for name in ("scalecore, handed the data", "its multiply-adds in registers")
    )
    sweep = medians["read, change and write the weights, one thread"]
    half = medians["scalecore, half of the runs, one thread"]
    rival = medians["Numba, parallel over runs"]
    # sgd.h's pairs: a comparison, two products and five additions with products a unit and pair of
    # samples beside the four multiply-adds a weight
    ports = 1 + 9 / (4 * D)
    print(
        f"n = {n}: one thread {limit[1] / own[1]:.0%} of its multiply-adds' limit, "
        f"{THREADS} threads {limit[0] / own[0]:.0%}; {own[1] / sweep:.2f} times one sweep of "
        f"the weights; second core {own[1] / own[0]:.2f}, at best {own[1] / half:.2f}, of "
        f"multiply-adds {limit[1] / limit[0]:.2f}; Numba takes {rival / own[0]:.1f} times as long, "
        f"{rival / limit[0]:.1f} times the multiply-adds, {rival / limit[0] / ports:.1f} times all "
        f"that a pair needs of their ports, of which we use {ports * limit[0] / own[0]:.0%}, and "
        f"{THREADS * rival / sweep:.1f} times a sweep shared by {THREADS} threads"
    )


def test_experiment(contest):
    """Ten widths x six rates x eight repeats; to T = 1e6 it takes fifty times as long."""
    widths, samples = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512], 20_000
    run = {"learning_rates": np.geomspace(0.003, 0.3, 6), "repeats": 8, "rng": 1}
    medians = contest(
        "ten widths x six rates x eight repeats, d = 10, K = 100",
        {
            "scalecore": lambda: sc.train(sc.NetworkPrior(D, 100), widths, samples, **run),
            "scalecore, one thread": lambda: sc.train(
                sc.NetworkPrior(D, 100), widths, samples, n_threads=1, **run
            ),
        },
        samples,
        "us a sample",
        1e6,
    )
    print(
        f"to T = 1e6: {medians['scalecore']:.0f} s; second core "
        f"{medians['scalecore, one thread'] / medians['scalecore']:.2f}"
    )
