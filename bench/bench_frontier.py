"""The frontier beside find_minimum, a minimize_scalar loop and a Numba secant."""

import tracemalloc

import numpy as np
import rivals
from scipy.optimize import elementwise, minimize_scalar

import scalecore as sc

BUDGETS = 100_000
budget = np.geomspace(1e7, 1e24, BUDGETS)  # below, find_minimum's bracket is not one
d, K = 10.0, 100.0
FIELDS = ("width", "samples", "error", "misspecification", "estimation", "elasticity", "status")


def find_minimum():
    most = np.log(budget / d)

    def bound(x, budget):
        width = np.exp(x)
        return np.log(rivals.error_bound_numpy(width, budget / (d * width), d, K))

    return np.exp(elementwise.find_minimum(bound, (0 * most, most / 2, most), args=(budget,)).x)


def minimize_scalar_loop(some):
    def bound(x, C):
        return np.log(rivals.error_bound_numpy(np.exp(x), C / (d * np.exp(x)), d, K))

    return np.exp(
        [
            minimize_scalar(bound, bounds=(0, np.log(C / d)), args=(C,), method="bounded").x
            for C in some
        ]
    )


def test_frontier(contest):
    few = budget[:: BUDGETS // 100]
    width = sc.compute_optimal(budget, d, K).width
    assert np.allclose(rivals.frontier_numba(budget, d, K), width, rtol=1e-6)
    assert np.allclose(find_minimum(), width, rtol=1e-4)
    assert np.allclose(minimize_scalar_loop(few), width[:: BUDGETS // 100], rtol=1e-2)

    def loop():  # a hundredth of the budgets, a hundred times: the loop is too slow for all
        minimize_scalar_loop(few)

    medians = contest(
        "compute_optimal, 1e5 budgets (all fields; the rivals find the width only)",
        {
            "scalecore": lambda: sc.compute_optimal(budget, d, K),
            "scalecore, one thread": lambda: sc.compute_optimal(budget, d, K, n_threads=1),
            "scalecore, closed form": lambda: sc.compute_optimal(budget, d, K, bound="closed_form"),
            "scalecore, whole numbers": lambda: sc.compute_optimal(budget, d, K, integer=True),
            "Numba secant, parallel, fastmath": lambda: rivals.frontier_numba(budget, d, K),
            "scipy.optimize.elementwise.find_minimum": find_minimum,
            "scipy.optimize.minimize_scalar loop (x 1/1000)": loop,
        },
        BUDGETS,
        unit="us a budget",
        scale=1e6,
    )
    assert medians["scalecore"] > 0


def test_memory(contest):
    """What a call takes beyond its results; they themselves are 57 bytes a budget."""
    budget = np.geomspace(1e6, 1e15, 1_000_000)
    square = budget.reshape(1000, 1000)
    calls = {
        "one axis": lambda: sc.compute_optimal(budget, 10, 100),
        "two axes": lambda: sc.compute_optimal(square, 10, 100),
        "broadcast": lambda: sc.compute_optimal(square[:, :1], 10, square[:1] / 1e6),
    }
    notes = {}
    for name, call in calls.items():
        tracemalloc.start()
        result = call()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        kept = sum(getattr(result, field).nbytes for field in FIELDS)
        notes[name] = f"{(peak - kept) / 2**20:.2f} MiB beyond its results"
    contest("a million budgets", calls, 10**6, "ns a budget", rounds=1, repeats=1, notes=notes)
    print(notes)
