"""Does the learner of the spectral bound come under it, and under SGD? The experiment behind the
filter in docs/training.md.

python examples/does_the_filter_keep_the_promise.py [folder for results and pictures] [share of the
samples, 0.01 for a quick look]

Both learn from the same networks and samples, those of does_theory_describe_training.py. About ten
minutes on two cores.
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import scalecore as sc
from scalecore.training._adf_features import features

D, K, REPEATS, SAMPLES = 10, 100, 16, 1_000_000
WIDTHS = [2, 4, 7, 12, 20, 30, 57, 100, 200]
RATES = [0.005, 0.01, 0.02, 0.05, 0.1]
MANY, FEW = (
    256,
    10_000,
)  # repeats and samples of a closer look: targets differ much in how well they suit few units
SHOWN = [2, 12, 30, 57, 100, 200]


def bound(width, samples):
    """The spectral bound of a width without atoms: sum h(mu_i, T) + rho/8."""
    them = features(D, width)
    u = np.multiply.outer(samples, them.variances) / 4
    rate = np.where(u > 1, np.log(np.maximum(u, 1)) + 1, u)
    return (rate / (2 * np.asarray(samples, float)[..., None])).sum(axis=-1) + them.residual / 8


def train(folder, share):
    runs, seed = {}, D * 10_000 + K
    for name, samples, options in (
        ("many", FEW, {"optimizer": "adf", "repeats": MANY, "rng": seed + 1}),
        ("adf", SAMPLES, {"optimizer": "adf", "repeats": REPEATS, "rng": seed}),
        (
            "sgd",
            SAMPLES,
            {"optimizer": "sgd", "repeats": REPEATS, "rng": seed, "learning_rates": RATES},
        ),
    ):
        path = folder / f"promise_{name}.nc"
        if not path.exists():
            them = sc.train(
                sc.NetworkPrior(D, K),
                WIDTHS,
                max(int(samples * share), 1000),
                progress=True,
                **options,
            )
            them.save(path)
        runs[name] = sc.TrainingRuns.load(path)
    return runs


def report(runs):
    adf, sgd, many = runs["adf"], runs["sgd"], runs["many"]
    print(adf, sgd, many, sep="\n")
    print(f"{MANY} repeats: the filter over the bound, and the difference in standard errors")
    for samples in (100, 1000, 10_000):
        if samples in many.checkpoints:
            errors = many.error[:, :, 0, np.searchsorted(many.checkpoints, samples)]
            mean, spread = errors.mean(axis=0), errors.std(axis=0, ddof=1) / np.sqrt(MANY)
            parts = (mean, spread, [bound(width, samples) for width in WIDTHS])
            each = (
                f"{w}: {m / b:.3f} ({(m - b) / s:+.1f})"
                for w, m, s, b in zip(WIDTHS, *parts, strict=True)
            )
            print(f"T = {samples}: " + ", ".join(each))
    print(
        f"{'q':>4} {'T':>8} {'ADF':>9} {'s.e.':>8} {'bound':>9} {'ADF/bound':>9} {'SGD':>9} "
        f"{'ADF/SGD':>8} {'s.e.':>6}"
    )
    for width in SHOWN:
        i = WIDTHS.index(width)
        for samples in (100, 1000, 10_000, 100_000, 1_000_000):
            if samples not in adf.checkpoints:
                continue
            t = np.searchsorted(adf.checkpoints, samples)
            ours = adf.error[:, i, 0, t]
            rate = np.argmin(sgd.error[:, i, :, t].mean(axis=0))
            theirs = sgd.error[:, i, rate, t]
            ratio = ours.mean() / theirs.mean()
            spread = np.std(ours - ratio * theirs, ddof=1) / theirs.mean() / np.sqrt(REPEATS)
            least = bound(width, samples)
            print(
                f"{width:4d} {samples:8d} {ours.mean():9.6f} "
                f"{ours.std(ddof=1) / np.sqrt(REPEATS):8.6f} {least:9.6f} "
                f"{ours.mean() / least:9.3f} {theirs.mean():9.6f} {ratio:8.3f} {spread:6.3f}"
            )
    budgets = [1e5, 1e6, 1e7, 1e8, 1e9]
    found = {name: runs[name].frontier(budgets) for name in ("adf", "sgd")}
    print(
        f"{'C':>6}"
        + "".join(
            f" | {name} {'n*':>6} {'error':>8} {'95 %':>18}  {'status':<20}" for name in found
        )
    )
    for b, budget in enumerate(budgets):
        parts = []
        for them in found.values():
            low, high = them.error_interval[b]
            status = sc.EmpiricalStatus(them.status[b]).name
            parts.append(
                f" |     {them.width[b]:6.1f} {them.error[b]:8.5f} [{low:8.5f},{high:8.5f}]  "
                f"{status:<20}"
            )
        print(f"{budget:6.0e}" + "".join(parts))


def draw(runs, folder):
    adf, sgd = runs["adf"], runs["sgd"]
    figure, axes = plt.subplots(
        2, 3, figsize=(12, 7), sharex=True, sharey=True, layout="constrained"
    )
    for ax, width in zip(axes.flat, SHOWN, strict=True):
        i = WIDTHS.index(width)
        T = adf.checkpoints
        best = sgd.error[:, i].mean(axis=0).min(axis=0)
        mean, spread = (
            adf.error[:, i, 0].mean(axis=0),
            adf.error[:, i, 0].std(axis=0, ddof=1) / np.sqrt(REPEATS),
        )
        ax.fill_between(
            T, mean - 2 * spread, mean + 2 * spread, color="#3b528b", alpha=0.2, linewidth=0
        )
        ax.plot(T, mean, color="#3b528b", label="filter (ADF), 2 standard errors")
        ax.plot(sgd.checkpoints, best, color="#d95f02", label="SGD, best of 5 rates")
        ax.plot(T, bound(width, T), "k--", linewidth=1.2, label="spectral bound of this width")
        ax.axhline(features(D, width).residual / 8, color="0.6", linewidth=0.8, label=r"$\rho_q/8$")
        ax.set(
            xscale="log", yscale="log", xlim=(30, T[-1]), ylim=(9e-4, 0.08), title=f"width {width}"
        )
        ax.spines[["top", "right"]].set_visible(False)
    axes[0, 0].legend(frameon=False, fontsize=8)
    figure.supxlabel("samples $T$")
    figure.supylabel("prequential error (nats per sample)")
    figure.savefig(folder / "training_filter_10_100.png", dpi=110)


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    folder.mkdir(parents=True, exist_ok=True)
    runs = train(folder, float(sys.argv[2]) if len(sys.argv) > 2 else 1.0)
    report(runs)
    draw(runs, folder)
