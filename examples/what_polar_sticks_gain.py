"""How much do polar sticks lower the refined bound? The bound at its best width with them, over
that without (docs/spectral.md, section 9.1).

    python what_polar_sticks_gain.py
"""

import numpy as np

import scalecore as sc

SETTINGS = [
    (10, 100),
    (10, 10),
    (10, 1),
    (10, 1000),
    (3, 10),
    (3, 1),
    (3, 0.1),
    (100, 100),
    (2, 10),
]
BUDGETS = np.array([1e8, 1e9, 1e10, 1e12, 1e15, 1e18])
OTHERS = ["atoms", "sticks", "quadratic", "mixture"]


def least_over_widths(budget, d, K, strategies):
    """The bound at the best of many widths, at whose samples the budget is spent."""
    widths = np.unique(np.geomspace(1, np.sqrt(budget / d), 4000).astype(int))
    terms = sc.spectral_terms(widths, budget / (d * widths), d, K, strategies=strategies)
    return terms.error.min()


def main():
    print("| d, K | " + " | ".join(f"{budget:.0e}".replace("+", "") for budget in BUDGETS) + " |")
    print("|---" * (1 + len(BUDGETS)) + "|")
    for d, K in SETTINGS:
        gains = [
            least_over_widths(budget, d, K, "all") / least_over_widths(budget, d, K, OTHERS)
            for budget in BUDGETS
        ]
        print(f"| {d}, {K:g} | " + " | ".join(f"{gain:.3f}" for gain in gains) + " |")


if __name__ == "__main__":
    main()
