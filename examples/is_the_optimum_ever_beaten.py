"""Does any of many random starts end below the optimum that `fit` certifies?

    python examples/is_the_optimum_ever_beaten.py --starts 1000 --random 200 runs1.csv runs2.csv

For every table (CSV files with usual column names, and random ones), form and delta it prints how
far below (negative: above) the best random start lies, relative to the certified objective, and
whether `fit` said that it had converged. The minimiser is SciPy's L-BFGS-B, handed this library's
exact gradients; with ``--minimiser engine`` it is this library's own solver, which takes a thousand
random starts in less time than SciPy takes ten.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import do_model_and_data_grow_alike as field
import numpy as np
from scipy.optimize import minimize

import scalecore as sc

FORMS = ("additive", "tied", "coupled", "kaplan_offset")


def random_table(rng: np.random.Generator) -> sc.RunTable:
    """Return 12 to 60 runs with a truth, noise and outliers of their own."""
    size = int(rng.integers(12, 60))
    N = np.exp(rng.uniform(np.log(3e7), np.log(3e9), size))
    D = np.exp(rng.uniform(np.log(5e8), np.log(1e11), size))
    alpha, beta = rng.uniform(0.15, 0.8, 2)
    terms = rng.uniform(0.2, 2) * (N / 3e8) ** -alpha + rng.uniform(0.2, 2) * (D / 7e9) ** -beta
    noise = 10 ** rng.uniform(-4, -1.5) * rng.standard_t(3, size)
    return sc.RunTable(N, D, (rng.uniform(0.5, 2.5) + terms) * np.exp(np.clip(noise, -1, 1)))


def random_starts(law: sc.FittedLaw, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return starts [start, parameter] all over the form's box."""
    low, high = box_of(law)
    share = rng.uniform(0, 1, (count, len(low)))
    theta = np.where(low >= 0, low + (np.minimum(high, 2) - low) * share, -4 + 5 * share)
    return np.clip(theta, low, high)


def box_of(law: sc.FittedLaw) -> tuple[np.ndarray, np.ndarray]:
    """Return the form's box, without its farthest corners."""
    return np.maximum(law.form.low, -12.0), np.minimum(law.form.high, 12.0)


def best_of_scipy(law: sc.FittedLaw, starts: np.ndarray) -> float:
    """Return the least objective that L-BFGS-B finds from the starts."""
    found = (
        minimize(
            lambda at: law.problem.engine.look(at)[:2],
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=list(zip(*box_of(law), strict=True)),
            options={"maxiter": 2000, "ftol": 1e-15, "gtol": 1e-12},
        )
        for start in starts
    )
    return min(float(one.fun) for one in found)


def best_of_engine(law: sc.FittedLaw, starts: np.ndarray) -> float:
    """Return the least objective that this library's solver finds from the starts."""
    return float(np.nanmin(law.problem.engine.minimise(starts)[1]))


MINIMISERS = {"scipy": best_of_scipy, "engine": best_of_engine}


def tables(
    paths: list[str], count: int, rng: np.random.Generator
) -> Iterator[tuple[str, sc.RunTable]]:
    """Yield the files' tables, those of the public files in a folder, and random ones, by name."""
    for path in paths:
        if Path(path).is_dir():
            for runs in field.tables(Path(path)):
                yield f"{runs.name} ({runs.size})", runs.table
        else:
            yield path, sc.RunTable.read(path)
    for number in range(count):
        yield f"random {number}", random_table(rng)


def main() -> None:
    """Print a line for every fit, and how many were beaten."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "paths", nargs="*", help="CSV files of training runs, or a folder of public ones"
    )
    parser.add_argument("--random", type=int, default=20, help="random tables")
    parser.add_argument("--starts", type=int, default=100)
    parser.add_argument("--forms", nargs="+", default=list(FORMS))
    parser.add_argument("--deltas", nargs="+", type=float, default=[1e-1, 1e-3, 1e-5])
    parser.add_argument("--minimiser", choices=MINIMISERS, default="scipy")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    fits = beaten = silent = 0
    for name, table in tables(options.paths, options.random, rng):
        for form in options.forms:
            for delta in options.deltas:
                law = sc.fit(table, form, delta=delta, resamples=0)
                if np.isnan(law.objective):
                    continue
                fits += 1
                least = MINIMISERS[options.minimiser](law, random_starts(law, options.starts, rng))
                below = 1 - least / law.objective
                lost = below > 1e-9 and law.objective > 1e-24
                beaten += lost
                silent += lost and law.usable
                mark = " BEATEN" if lost else ""
                print(
                    f"{name} {form} {delta:g}: {below:+.1e} {law.status.name} "
                    f"{law.certificate.agreed}/{law.certificate.starts}{mark}"
                )
    print(f"{fits} fits, {beaten} beaten by more than 1e-9, {silent} of them without being told")


if __name__ == "__main__":
    main()
