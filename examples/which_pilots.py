"""Do suggested pilots keep their promise, and what would other pilots of the same cost have done?

    python examples/which_pilots.py --truths 200 --out pilots.csv
    python examples/which_pilots.py --form coupled --truths 50

Each truth is a law with random constants: additive, coupled, or repeated (runs read some of their
samples again). Small runs with noise (16, 25 or 48) are fitted with the truth's form; then
`suggest_runs` chooses pilots for a budget and promises an interval of the loss at a compute budget
a thousand times larger. The pilots are run (simulated at the truth), the fit is repeated, and the
width of the interval is compared with the promise. On the same small runs, other people's pilots
of the same total cost: an isoFLOP grid (three budgets, five sizes about the best), a ladder at 20
samples per parameter as in the Chinchilla recipe, and runs drawn at random from the same
candidates. Suggestions for a half, a quarter and an eighth of the budget say what cost reaches the
isoFLOP grid's width.
"""

import argparse
import csv

import numpy as np

import scalecore as sc

PILOTS, TARGET = 1e20, 1e23  # FLOPs
NOISE = 0.004
DRAWS = 400
SHARES = (1.0, 0.5, 0.25, 0.125)


def truth(form, rng):
    """A law such as are published: exponents about 0.35, terms of order one at the small runs."""
    values = {
        "E": rng.uniform(1.5, 2.1),
        "alpha": rng.uniform(0.28, 0.45),
        "beta": rng.uniform(0.28, 0.45),
    }
    shares = {"A": rng.uniform(0.5, 1.5), "B": rng.uniform(0.5, 1.5)}
    if form == "coupled":  # the power outside leaves the exponents of each term alone as they are
        values["gamma"] = power = rng.uniform(0.5, 0.9)
        values["alpha"], values["beta"] = values["alpha"] / power, values["beta"] / power
        shares = {name: share ** (1 / power) for name, share in shares.items()}
    if form == "repeated":
        values["R_D"], values["R_N"] = rng.uniform(8, 25), rng.uniform(3, 10)
    values["A"] = shares["A"] * 5e7 ** values["alpha"]
    values["B"] = shares["B"] * 4e9 ** values["beta"]
    return sc.FittedLaw.from_values(form, values)


def small_runs(form):
    """N, D and the different samples (None: all) of the runs there are."""
    side = 5 if form == "coupled" else 4  # a parameter more
    axes = (np.geomspace(1e7, 3e8, side), np.geomspace(1e9, 2e10, side))
    N, D = (a.ravel() for a in np.meshgrid(*axes))
    if form != "repeated":
        return N, D, None
    epochs = np.repeat([1.0, 6.0, 36.0], len(N))
    N, D = np.tile(N, 3), np.tile(D, 3)
    return N, D, D / epochs


def runs(law, N, D, rng, unique=None):
    """The truth's losses, times noise of some thousandths: Student's t, for a few runs go wrong."""
    noise = NOISE * rng.standard_t(5, len(N)) / np.sqrt(5 / 3)
    return law.predict(N, D, unique_samples=unique).loss * np.exp(noise)


def isoflop_grid(law):
    """Three budgets by factors of 3, five sizes each by factors of 2 about the fit's best."""
    budgets = np.array([1 / 9, 1 / 3, 1.0])
    budgets *= PILOTS / (5 * budgets.sum())
    N = law.compute_optimal(budgets).parameters[:, None] * 2.0 ** np.arange(-2, 3)
    return N.ravel(), (budgets[:, None] / (6 * N)).ravel()


def ladder(law):
    """Eight runs at 20 samples per parameter, each with twice the compute of the one before."""
    budgets = 2.0 ** np.arange(8)
    N = np.sqrt(budgets * PILOTS / budgets.sum() / (6 * 20))
    return N, 20 * N


def random_runs(design, rng):
    """Candidates in random order, as many as the budget pays for, 24 at most."""
    N, D = design.candidates
    order, chosen, left = rng.permutation(len(N)), [], PILOTS
    for i in order:
        if 6 * N[i] * D[i] <= left and len(chosen) < 24:
            chosen.append(i)
            left -= 6 * N[i] * D[i]
    return N[chosen], D[chosen]


def width(table, form, key):
    """ln(high / low) of the loss at the target, and the interval."""
    best = sc.fit(table, form, resamples=DRAWS, rng=key).compute_optimal(TARGET)
    return float(np.log(best.loss_high / best.loss_low)), best.loss_low, best.loss_high


def more(table, law, N, D, rng):
    """The table with these runs added, all of new samples."""
    unique = table.unique_samples
    return sc.RunTable(
        np.concatenate([table.parameters, N]),
        np.concatenate([table.samples, D]),
        np.concatenate([table.loss, runs(law, N, D, rng)]),
        unique_samples=None if unique is None else np.concatenate([unique, D]),
    )


def one(form, number, seed):
    """Everything for one truth, as a row; None where the small runs do not identify the form."""
    rng = np.random.default_rng([seed, number])
    law = truth(form, rng)
    N, D, unique = small_runs(form)
    table = sc.RunTable(N, D, runs(law, N, D, rng, unique), unique_samples=unique)
    fitted = sc.fit(table, form, resamples=DRAWS, rng=number)
    if not fitted.usable:
        return None
    designs = {
        share: sc.suggest_runs(
            fitted,
            budget=share * PILOTS,
            target=TARGET,
            simulations=32 if share == 1 else 0,
            rng=number,
        )
        for share in SHARES
    }
    pilots = {
        f"suggested, {share:g} of the cost": (
            np.repeat(d.parameters, d.repeats),
            np.repeat(d.samples, d.repeats),
        )
        for share, d in designs.items()
    }
    pilots |= {
        "isoFLOP grid": isoflop_grid(fitted),
        "ladder": ladder(fitted),
        "random": random_runs(designs[1.0], rng),
    }
    row = {
        "truth": number,
        "before": designs[1.0].width_before,
        "promised": designs[1.0].width_after,
    }
    exact = law.compute_optimal(TARGET).loss
    for name, (n, d) in pilots.items():
        row[name], low, high = width(more(table, law, n, d, rng), form, number)
        row[name + ": covered"] = int(low <= exact <= high)
    return row


def summary(rows):
    """Lines of the table that the page quotes."""
    column = lambda name: np.array([row[name] for row in rows])  # noqa: E731
    ratio = column("suggested, 1 of the cost") / column("promised")
    print(
        f"{len(rows)} truths; interval before: {np.median(column('before')):.4f}, "
        f"promised: {np.median(column('promised')):.4f}"
    )
    low, high = np.quantile(ratio, [0.1, 0.9])
    print(
        f"realised over promised width: median {np.median(ratio):.3f}, "
        f"from {low:.2f} to {high:.2f} in four of five"
    )
    print(f"{'pilots':28} {'width (median)':>15} {'over isoFLOP':>13} {'covered':>8}")
    grid = column("isoFLOP grid")
    for name in rows[0]:
        if name in ("truth", "before", "promised") or name.endswith("covered"):
            continue
        share = np.mean(column(name + ": covered"))
        print(
            f"{name:28} {np.median(column(name)):15.4f} "
            f"{np.median(column(name) / grid):13.2f} {share:8.1%}"
        )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--form", choices=("additive", "coupled", "repeated"), default="additive")
    parser.add_argument("--truths", type=int, default=200)
    parser.add_argument("--seed", type=int, default=16)
    parser.add_argument("--out", help="CSV with a row for each truth")
    given = parser.parse_args()
    found = (one(given.form, number, given.seed) for number in range(given.truths))
    rows = [row for row in found if row is not None]
    summary(rows)
    if given.out:
        with open(given.out, "w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
