"""The spectral bounds beside what a user would write: Numba on the table's prefix sums, and a
search over its rows."""

import numba
import numpy as np

import scalecore as sc

POINTS, BUDGETS, D = 20_000, 2_000, 10
table = sc.spectral_table(D)  # half a minute
arrays = table.strategies.arrays
sums = [
    arrays[name]
    for name in ("units", "residual", "first", "eigenvalue", "copies", "logarithms", "rest")
]
rng = np.random.default_rng(0)
n, T, K = (
    10 ** rng.uniform(0, 6, POINTS),
    10 ** rng.uniform(2, 14, POINTS),
    10 ** rng.uniform(0, 4, POINTS),
)
told = sc.spectral_terms(n, T, D, K)
fixed, drawn = (
    np.flatnonzero(kind)[:2000] for kind in (told.strategy == "fixed", told.strategy == "atoms")
)


@numba.njit(fastmath=True)
def fixed_part_numba(n, T, units, residual, first, eigenvalue, copies, logarithms, rest):
    """Without atoms: the widest row and its prefix sums, by binary searches."""
    out = np.empty(n.size)
    for i in range(n.size):
        row = np.searchsorted(units, n[i], side="right") - 1
        low, high = first[row], first[row + 1]
        least = 4 / T[i]
        while low < high:
            middle = (low + high) // 2
            if eigenvalue[middle] > least:
                low = middle + 1
            else:
                high = middle
        at = low + row
        out[i] = (logarithms[at] + copies[at] * (np.log(T[i] / 4) + 1)) / (2 * T[i]) + (
            rest[at] + residual[row]
        ) / 8
    return out


def test_points(contest):
    wide = fixed[n[fixed] >= 3]  # two units may do worse than one, which Numba does not look at
    assert np.allclose(fixed_part_numba(n[wide], T[wide], *sums), told.error[wide], rtol=1e-9)
    medians = contest(
        f"spectral_bound, {D} dimensions, one thread below 1,024 points",
        {
            "scalecore, a mixture of points": (
                lambda: sc.spectral_bound(n[:1000], T[:1000], D, K[:1000]),
                1000,
            ),
            "scalecore, fixed units best": (
                lambda: sc.spectral_bound(n[fixed][:1000], T[fixed][:1000], D, K[fixed][:1000]),
                1000,
            ),
            "scalecore, atoms best": (
                lambda: sc.spectral_bound(n[drawn][:1000], T[drawn][:1000], D, K[drawn][:1000]),
                1000,
            ),
            "refined_bound, a mixture of points": (
                lambda: sc.refined_bound(n[:1000], T[:1000], D, K[:1000]),
                1000,
            ),
            "bayes_error_bound": (lambda: sc.bayes_error_bound(T[:1000], D), 1000),
            "Numba, fixed units only (no atoms looked for)": (
                lambda: fixed_part_numba(n[:1000], T[:1000], *sums),
                1000,
            ),
        },
        1000,
    )
    assert medians["scalecore, a mixture of points"] > 0


def test_frontier(contest):
    budgets = np.geomspace(1e5, 1e18, BUDGETS)
    few = budgets[::200]
    rows = table.units[1:]

    def search(some):  # every row without atoms; with them a grid of 400 widths
        for C in some:
            widths = np.union1d(rows, np.geomspace(1, C / D, 400))
            widths = widths[widths <= C / D]
            np.argmin(sc.spectral_bound(widths, np.maximum(C / (D * widths), 1.0), D, 100.0))

    medians = contest(
        "compute_optimal(bound='spectral'), d = 10, K = 100",
        {
            "scalecore, one thread": lambda: sc.compute_optimal(
                budgets, D, 100, bound="spectral", n_threads=1
            ),
            "scalecore, all threads": lambda: sc.compute_optimal(budgets, D, 100, bound="spectral"),
            "scalecore, refined, one thread": lambda: sc.compute_optimal(
                budgets, D, 100, bound="refined", n_threads=1
            ),
            "search over rows and 400 widths with our ufunc": (lambda: search(few), few.size),
        },
        BUDGETS,
        unit="us a budget",
        scale=1e6,
    )
    assert medians["scalecore, one thread"] > 0
