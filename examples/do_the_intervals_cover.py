"""Do the intervals of a fit cover? Simulated tables, nominal level against how often the truth is
inside.

    python examples/do_the_intervals_cover.py --tables 1000 --out coverage.csv

For each design (points as in the 240 of Hoffmann et al.'s Figure 4; 20 runs with checkpoints whose
errors go together; a ladder of 25 runs), each true form and each method of resampling it simulates
tables with known truth, fits them, and counts how often the 95 % intervals of the exponents, of N*
and of the loss at ten times the largest compute contain the truth. By-row resampling of the
checkpoints is in the table as a warning: it fails.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time

import numpy as np

import scalecore as sc

TRUTHS = {
    "additive": {"E": 1.8, "A": 480.0, "alpha": 0.35, "B": 2100.0, "beta": 0.37},
    "coupled": {"E": 1.75, "A": 2300.0, "alpha": 0.42, "B": 10000.0, "beta": 0.43, "gamma": 0.77},
}
# standard deviation of ln L; Student's t with 4 degrees of freedom, as residuals of real tables
# look
NOISE = 0.004


def points(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """240 runs along isoFLOP lines, 6e18 to 3e21 FLOPs."""
    C = np.repeat(np.geomspace(6e18, 3e21, 9), 27)[:240]
    N = np.sqrt(C / 6 / 20) * np.exp(rng.uniform(-1.3, 1.3, len(C)))
    return {"parameters": N, "samples": C / (6 * N)}


def checkpoints(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """20 runs with 12 checkpoints each."""
    N = np.repeat(np.geomspace(5e7, 4e9, 20), 12)
    D = np.tile(np.geomspace(2e9, 2e11, 12), 20)
    return {"parameters": N, "samples": D, "run": np.repeat(np.arange(20), 12)}


def ladder(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """5 sizes at 5 samples per parameter."""
    N, ratio = (a.ravel() for a in np.meshgrid(np.geomspace(1e8, 3e9, 5), [5, 10, 20, 50, 100]))
    return {"parameters": N, "samples": N * ratio}


DESIGNS = {"points": points, "checkpoints": checkpoints, "ladder": ladder}


def true_loss(form: str, N: np.ndarray, D: np.ndarray) -> np.ndarray:
    """Return the truth."""
    t = TRUTHS[form]
    return t["E"] + (t["A"] / N ** t["alpha"] + t["B"] / D ** t["beta"]) ** t.get("gamma", 1.0)


def simulated(design: str, form: str, rng: np.random.Generator) -> sc.RunTable:
    """Return one table: heavy-tailed errors, two thirds of whose variance a run's checkpoints
    share."""
    columns = DESIGNS[design](rng)
    size = len(columns["parameters"])
    noise = rng.standard_t(4, size) / np.sqrt(2)
    if "run" in columns:
        shared = (rng.standard_t(4, columns["run"].max() + 1) / np.sqrt(2))[columns["run"]]
        noise = np.sqrt(2 / 3) * shared + np.sqrt(1 / 3) * noise
    loss = true_loss(form, columns["parameters"], columns["samples"]) * np.exp(NOISE * noise)
    return sc.RunTable(columns["parameters"], columns["samples"], loss, run=columns.get("run"))


def truth_of(form: str, budget: float) -> dict[str, float]:
    """Return the true exponents, N* and loss at a budget of 6ND FLOPs."""
    t = TRUTHS[form]
    G = (t["alpha"] * t["A"] / (t["beta"] * t["B"])) ** (1 / (t["alpha"] + t["beta"]))
    N = G * (budget / 6) ** (t["beta"] / (t["alpha"] + t["beta"]))
    loss = float(true_loss(form, np.array(N), np.array(budget / (6 * N))))
    return {
        "alpha": t["alpha"],
        "beta": t["beta"],
        "N*": N,
        "loss": loss,
        "elasticity": t["beta"] / (t["alpha"] + t["beta"]),
    }


def covers(
    design: str, form: str, method: str, by: str, loss: str, seed: int, resamples: int
) -> dict[str, bool | float]:
    """Fit one simulated table; return which truths lie in their 95 % intervals."""
    table = simulated(design, form, np.random.default_rng([seed, hash_of(design), hash_of(form)]))
    law = sc.fit(
        table, form, loss=loss, intervals=method, by=by, resamples=resamples, rng=seed, n_threads=1
    )
    budget = 10 * float(table.flops.max())
    truth, best, ends = truth_of(form, budget), law.compute_optimal(budget), law.interval()
    low_high = {
        "alpha": ends["alpha"],
        "beta": ends["beta"],
        "N*": (best.parameters_low, best.parameters_high),
        "loss": (best.loss_low, best.loss_high),
        "elasticity": (best.elasticity_low, best.elasticity_high),
    }
    return {name: bool(low <= truth[name] <= high) for name, (low, high) in low_high.items()}


def hash_of(name: str) -> int:
    """Return a number that is the same in every process."""
    return int.from_bytes(name.encode()[:6], "little")


def main() -> None:
    """Run the study and write its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", type=int, default=1000, help="simulated tables of each kind")
    parser.add_argument("--resamples", type=int, default=400)
    parser.add_argument("--designs", nargs="+", default=list(DESIGNS), choices=list(DESIGNS))
    parser.add_argument("--forms", nargs="+", default=list(TRUTHS), choices=list(TRUTHS))
    parser.add_argument(
        "--methods", nargs="+", default=["pairs", "wild"], choices=["auto", "pairs", "wild"]
    )
    parser.add_argument("--losses", nargs="+", default=["huber", "log"], choices=["huber", "log"])
    parser.add_argument("--out", help="CSV file; standard output without it")
    options = parser.parse_args()
    rows = []
    for design in options.designs:
        for form in options.forms:
            for method in options.methods:
                for loss in options.losses:
                    for by in ("run", "row") if design == "checkpoints" else ("run",):
                        began = time.perf_counter()
                        hits = [
                            covers(design, form, method, by, loss, seed, options.resamples)
                            for seed in range(options.tables)
                        ]
                        shares = {
                            name: float(np.mean([hit[name] for hit in hits])) for name in hits[0]
                        }
                        kind = {
                            "design": design,
                            "form": form,
                            "method": method,
                            "fit": loss,
                            "by": by,
                        }
                        rows.append({**kind, **shares})
                        print(rows[-1], f"{time.perf_counter() - began:.0f} s", file=sys.stderr)
    with open(options.out, "w", newline="") if options.out else sys.stdout as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
