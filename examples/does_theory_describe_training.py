"""Does the theory describe training? The experiment behind docs/training.md; about ten minutes on
two cores.

python examples/does_theory_describe_training.py [folder for results and pictures] [share of the
samples, 0.01 for a quick look]
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import scalecore as sc

WIDTHS = np.unique(np.rint(np.geomspace(1, 192, 16)))
RATES = [0.005, 0.01, 0.02, 0.05, 0.1]
SETTINGS = {  # (input_dim, concentration): samples, repeats
    (10, 100): (10_000_000, 16),
    (10, 1000): (1_000_000, 16),
    (40, 100): (2_000_000, 16),
}
NARROWEST = 10  # width that the largest budget can still train: optima there are wider


def train(folder, share):
    runs = {}
    for (d, K), (samples, repeats) in SETTINGS.items():
        path = folder / f"runs_{d}_{K}.nc"
        if path.exists():
            runs[d, K] = sc.TrainingRuns.load(path)
            continue
        prior = sc.NetworkPrior(d, K)
        total = max(int(samples * share), 1000)
        runs[d, K] = sc.train(
            prior,
            WIDTHS,
            total,
            learning_rates=RATES,
            repeats=repeats,
            rng=d * 10_000 + K,
            progress=True,
        )
        runs[d, K].save(path)
    return runs


def report(runs):
    frontiers = {}
    for (d, K), them in runs.items():
        first, last = 1e4 * d, d * NARROWEST * them.samples
        frontier = them.frontier(np.geomspace(first, last, int(4 * np.log10(last / first)) + 1))
        frontiers[d, K] = frontier
        theory, inside = frontier.theory, frontier.status == sc.EmpiricalStatus.INTERIOR
        line = np.log(frontier.budget[inside]), np.log(theory.parameters[inside])
        slope = (
            np.polyfit(*line, 1)[0] if inside.sum() > 1 else np.nan
        )  # a quick look may have no line
        print(f"\nd = {d}, K = {K}: {them}")
        print(
            f"d log p*/d log C: trained {frontier.exponent:.3f}, 95 % "
            f"{frontier.exponent_interval.round(3)}; bound {slope:.3f}"
        )
        nearest = np.abs(np.log(frontier.widths / frontier.width[inside, None])).argmin(axis=1)
        best = frontier.line_learning_rate[np.flatnonzero(inside), nearest]
        print(
            f"best rates at the optima: {best.min():g} to {best.max():g}, of "
            f"{them.learning_rates.tolist()}"
        )
        print(
            f"{'C':>9} {'n*':>6} {'95 %':>15} {'error':>8} {'bound n*':>9} {'bound':>7} "
            f"{'ratio':>6}  status"
        )
        for b in range(0, frontier.budget.size, 2):
            trained = "{:9.2e} {:6.1f} [{:6.1f},{:6.1f}] {:8.5f}".format(
                frontier.budget[b],
                frontier.width[b],
                *frontier.width_interval[b],
                frontier.error[b],
            )
            ratio, status = (
                theory.error[b] / frontier.error[b],
                sc.EmpiricalStatus(frontier.status[b]).name,
            )
            print(f"{trained} {theory.width[b]:9.1f} {theory.error[b]:7.3f} {ratio:6.1f}  {status}")
    return frontiers


def compare_shares(runs, resamples=2000):
    """JVR22's insight: p*/T* at the same budget grows with d and with K. Ratios to (10, 100), with
    bootstrap intervals."""
    print("\nBest parameters at one budget, as ratios to (10, 100)")
    for budget in (1e6, 1e7):
        logs = {}
        for key, them in runs.items():
            d = key[0]
            frontier = them.frontier([budget], resamples=resamples)
            low, high = np.log(frontier.width_interval[0] * d)
            logs[key] = np.log(frontier.parameters[0]), low, high, frontier
        base = logs[10, 100]
        for key, (value, low, high, frontier) in logs.items():
            half = np.hypot((high - low) / 2, (base[2] - base[1]) / 2) if key != (10, 100) else 0.0
            ratio, theory = (
                np.exp(value - base[0]),
                frontier.theory.parameters[0] / base[3].theory.parameters[0],
            )
            print(
                f"C = {budget:.0e}, {key!s:10}: p* = {np.exp(value):6.0f} [{np.exp(low):5.0f}, "
                f"{np.exp(high):5.0f}], share "
                f"{frontier.model_share[0]:.4f} (bound {frontier.theory.model_share[0]:.3f}); "
                f"ratio {ratio:.2f} "
                f"[{ratio * np.exp(-half):.2f}, {ratio * np.exp(half):.2f}] (bound {theory:.2f})"
            )


def draw(runs, frontiers, folder):
    for (d, K), frontier in frontiers.items():
        axes = frontier.plot()
        axes[0].figure.savefig(folder / f"training_frontier_{d}_{K}.png", dpi=130)
        plt.close(axes[0].figure)
    ax = runs[10, 100].plot()
    ax.figure.savefig(folder / "training_curves_10_100.png", dpi=130)


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    folder.mkdir(parents=True, exist_ok=True)
    runs = train(folder, float(sys.argv[2]) if len(sys.argv) > 2 else 1.0)
    frontiers = report(runs)
    compare_shares(runs)
    draw(runs, frontiers, folder)
