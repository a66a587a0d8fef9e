"""The frontier beside find_minimum, a minimize_scalar loop and a Numba secant."""

import numpy as np
import rivals
from scipy.optimize import elementwise, minimize_scalar

import scalecore as sc

BUDGETS = 100_000
budget = np.geomspace(1e7, 1e24, BUDGETS)  # below, find_minimum's bracket is not one
d, K = 10.0, 100.0


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
