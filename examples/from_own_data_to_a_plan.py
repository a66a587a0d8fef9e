"""From data of one's own to a law and a plan: digits, odd or even; tumours, benign or not.

    pip install 'scalecore[examples]'      # scikit-learn, which ships both data sets
    python examples/from_own_data_to_a_plan.py digits
    python examples/from_own_data_to_a_plan.py cancer --plot cancer.png

Networks of seven widths read the samples once, in 16 random orders. Their log-loss along the way
gives the best width for each budget, and a law that says what more data and wider networks would
be worth: a plan for ten and a hundred times the compute.
"""

import argparse

import numpy as np

import scalecore as sc

WIDTHS, RATES = [1, 2, 4, 8, 16, 32, 64], [0.005, 0.01, 0.02, 0.05, 0.1]
FEWEST = 100  # samples from which the law is fitted


def load(name):
    """Inputs, standardised, with a column of ones for the intercepts, and labels."""
    from sklearn.datasets import load_breast_cancer, load_digits

    X, target = (load_digits if name == "digits" else load_breast_cancer)(return_X_y=True)
    X = X[:, X.std(axis=0) > 0]
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    return np.column_stack([X, np.ones(len(X))]), (target % 2 == 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("data", choices=["digits", "cancer"])
    parser.add_argument("--plot", help="draw the isoFLOP lines into this file")
    given = parser.parse_args()
    try:
        X, y = load(given.data)
    except ImportError:
        raise SystemExit(
            "this example needs scikit-learn: pip install 'scalecore[examples]'"
        ) from None
    runs = sc.train(widths=WIDTHS, data=(X, y), learning_rates=RATES, decay=0, repeats=16, rng=0)
    print(runs)
    d, most = X.shape[1], len(X)
    budgets = d * most * np.geomspace(0.1, 8, 6)
    found = runs.frontier(budgets)
    print(found)
    for row in zip(found.budget, found.width, found.width_interval, found.error, strict=True):
        print(
            "C = {:.2g}: width {:.1f} [{:.1f}, {:.1f}], log-loss {:.3f}".format(
                *row[:2], *row[2], row[3]
            )
        )
    if given.plot:
        found.plot()[0].figure.savefig(given.plot)

    table = runs.to_table()
    law = sc.fit(table.where(table.samples >= FEWEST), "additive", rng=0)
    print(law)
    plan = sc.plan(law, training_budget=budgets[-1] * np.array([10, 100]))
    for C, p, T, loss in zip(
        plan.training_compute, plan.parameters, plan.samples, plan.loss, strict=True
    ):
        print(f"C = {C:.2g}: width {p / d:.0f}, {T:.0f} samples, log-loss {loss:.3f}")


if __name__ == "__main__":
    main()
