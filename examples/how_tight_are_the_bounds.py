"""How far is each bound above what training reaches? The trained frontier beside all bounds, per
budget, with 95 % intervals.

    python how_tight_are_the_bounds.py [RUNS.nc]

RUNS.nc is what does_theory_describe_training.py saved, or `scalecore train --out`; without it a
small experiment is trained first (two minutes on two cores). Intervals are those of the trained
error, by bootstrap over repeats.
"""

import sys

import numpy as np

import scalecore as sc

BOUNDS = ("optimal", "spectral", "refined")


def small_experiment():
    prior = sc.NetworkPrior(input_dim=10, concentration=100)
    widths = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64]
    return sc.train(
        prior,
        widths,
        1_000_000,
        learning_rates=[0.01, 0.02, 0.05, 0.1],
        repeats=8,
        rng=1,
        progress=True,
    )


def main():
    runs = sc.TrainingRuns.load(sys.argv[1]) if len(sys.argv) > 1 else small_experiment()
    d, K = runs.prior.input_dim, runs.prior.concentration
    budgets = np.array([1e5, 1e6, 1e7, 1e8, 1e9])
    budgets = budgets[budgets <= d * runs.widths[-1] * runs.samples]
    trained = runs.frontier(budgets)
    best = {bound: sc.compute_optimal(budgets, d, K, bound=bound) for bound in BOUNDS}
    print(f"d = {d}, K = {K:g}, {runs.repeats} repeats\n")
    print(f"{'C':>6} {'trained':>28}" + "".join(f"{name:>10} {'ratio':>22}" for name in BOUNDS))
    for i, budget in enumerate(budgets):
        low, high = trained.error_interval[i]
        row = f"{budget:6.0e} {trained.error[i]:9.5f} [{low:.5f}, {high:.5f}]"
        for bound in BOUNDS:
            value = best[bound].error[i]
            row += (
                f"{value:11.5f} {value / trained.error[i]:7.2f} [{value / high:6.2f}, "
                f"{value / low:6.2f}]"
            )
        print(row)
    terms = sc.spectral_terms(
        best["refined"].width, best["refined"].samples, d, K, strategies="all"
    )
    print(
        "\nrefined:",
        ", ".join(
            f"{C:.0e} n* = {n:.0f} ({s})"
            for C, n, s in zip(budgets, best["refined"].width, terms.strategy, strict=True)
        ),
    )


if __name__ == "__main__":
    main()
