"""How good are the bounds, and how good is training? The error of the best possible learner from
both sides, beside every bound and trained networks. The experiment behind docs/both_sides.md.

    python the_truth_from_both_sides.py [FOLDER] [--quick]

FOLDER keeps trained runs (runs_sgd_10_100.nc and so on) and what the chains found, each in a file
of its own once it is finished: a second call goes on from there, a third only draws. The chains
take two hours of two processors, most of it for a million samples; --quick takes some minutes and
shows the same with fewer samples, networks and states.
"""

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr

import scalecore as sc

SAMPLES = [100, 300, 1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000]
# (input_dim, concentration): networks for the sides up to so many samples, and states of their
# chains; more samples are costly
SETTINGS = {
    (10, 100): {10_000: (48, 64), 100_000: (16, 64), 1_000_000: (2, 20)},
    (10, 1000): {10_000: (4, 64)},
    (40, 100): {10_000: (8, 64)},
}
TRAINED_SAMPLES = {(10, 100): 10**6, (10, 1000): 10**5, (40, 100): 10**5}
WIDTHS = np.unique(np.rint(np.geomspace(1, 384, 15)))
RATES = {"sgd": [0.005, 0.01, 0.02, 0.05, 0.1], "adam": [0.0005, 0.001, 0.002, 0.005, 0.01]}
LABELS = {"sgd": "best SGD", "adam": "best Adam", "adf": "filter"}
COLOURS = {"sgd": "tab:red", "adam": "tab:purple", "adf": "tab:green"}
UNLIMITED = 1e9  # a width


def both_sides(folder, prior, chains):
    """Return samples and both sides with their standard errors, from the folder or by chains."""
    d, K = prior.input_dim, prior.concentration
    pieces, done = [], 0
    for most, (networks, states) in chains.items():
        file = folder / f"sides_{d}_{K:g}_{most}.nc"
        if not file.exists():
            samples = [samples for samples in SAMPLES if samples <= most]
            found = sc.bayes_error(
                prior,
                samples,
                replicates=networks,
                states=states,
                rng=int(d * 10_000 + K),
                progress=True,
            )
            found.to_dataset().to_netcdf(file)
        piece = xr.load_dataset(file).drop_dims("cell")
        print(
            f"\nd = {d}, K = {K:g}, to {most} samples, {networks} networks, {states} states: "
            f"upper / lower {float(piece.ratio.min()):.3f} to {float(piece.ratio.max()):.3f}"
        )
        pieces.append(piece.sel(samples=piece.samples > done))
        done = most
    return xr.concat(pieces, "samples", combine_attrs="override")


def trained(folder, prior, optimizer, samples, repeats):
    """Return runs of networks, from the folder or by training."""
    file = folder / f"runs_{optimizer}_{prior.input_dim}_{prior.concentration:g}.nc"
    if not file.exists():
        d = prior.input_dim
        filtered = optimizer == "adf"  # its time grows as the square of the width
        sc.train(
            prior,
            [d + 2, d * (d + 1) // 2 + 2][: 1 + (d <= 10)] if filtered else WIDTHS,
            samples if optimizer == "sgd" else samples // 10,  # the others are slower
            learning_rates=None if filtered else RATES[optimizer],
            optimizer=optimizer,
            repeats=repeats,
            rng=1,
            progress=True,
        ).save(file)
    return sc.TrainingRuns.load(file)


def best_error(errors):
    """Mean and standard error of the best of several learners [repeat, learner, T]; the best in a
    repeat is the one that the other repeats find best, so that luck does not choose."""
    repeats = len(errors)
    errors = np.where(np.isfinite(errors), errors, np.inf)
    others = (errors.sum(axis=0) - errors) / (repeats - 1)
    chosen = np.take_along_axis(errors, others.argmin(axis=1)[:, None], axis=1)[:, 0]
    return chosen.mean(axis=0), chosen.std(axis=0, ddof=1) / np.sqrt(repeats)


def draw_samples(ax, prior, sides, runs):
    """Errors over the number of samples; return the trained errors by optimizer."""
    d, K = prior.input_dim, prior.concentration
    most = max(float(sides.samples.max()), *(them.checkpoints[-1] for them in runs.values()))
    T = np.geomspace(100, most, 81)
    ax.fill_between(
        sides.samples, sides.lower, sides.upper, color="0.6", label="the best learner, both sides"
    )
    ax.plot(T, sc.refined_bound(UNLIMITED, T, d, K), color="tab:blue", label="refined_bound")
    lowest = sc.bayes_error_lower_bound(T, d, K)
    ax.plot(T, lowest, "--", color="tab:blue", label="bayes_error_lower_bound")
    found = {}
    for optimizer, them in runs.items():
        keep = them.checkpoints >= 100
        errors = them.error[..., keep].reshape(them.repeats, -1, keep.sum())
        mean, deviation = best_error(errors)
        found[optimizer] = them.checkpoints[keep], mean, deviation
        some = slice(None, None, max(1, keep.sum() // 20))
        ax.errorbar(
            found[optimizer][0][some],
            mean[some],
            2 * deviation[some],
            fmt="o",
            markersize=3,
            color=COLOURS[optimizer],
            label=LABELS[optimizer],
        )
    ax.set(xscale="log", yscale="log", xlabel="samples $T$", ylabel="error (nats per sample)")
    ax.set_title(f"$d = {d}$, $K = {K:g}$")
    ax.legend(frameon=False, fontsize=8)
    return found


def draw_widths(ax, prior, sides, runs, samples):
    """Errors over the width after so many samples."""
    d, K = prior.input_dim, prior.concentration
    row = sides.sel(samples=samples)
    widths = np.geomspace(1, WIDTHS[-1], 120)
    ax.axhspan(float(row.lower), float(row.upper), color="0.6", label="the best learner")
    ax.plot(widths, sc.refined_bound(widths, samples, d, K), label="refined_bound")
    for optimizer, them in runs.items():
        at = int(np.argmin(np.abs(np.log(them.checkpoints / samples))))
        rows = [best_error(them.error[:, i, :, at : at + 1]) for i in range(them.widths.size)]
        mean, deviation = (np.array([row[k][0] for row in rows]) for k in (0, 1))
        ax.errorbar(
            them.widths,
            mean,
            2 * deviation,
            fmt="o",
            markersize=3,
            color=COLOURS[optimizer],
            label=LABELS[optimizer],
        )
    ax.set(xscale="log", yscale="log", xlabel="width $n$", ylabel="error (nats per sample)")
    ax.set_title(f"$T = {samples:,.0f}$, $d = {d}$, $K = {K:g}$")
    ax.legend(frameon=False, fontsize=8)


def report(prior, sides, found):
    """Print the factors between the lines, with 95 % intervals where chance enters."""
    d, K = prior.input_dim, prior.concentration
    print(f"\nd = {d}, K = {K:g}: lower and upper side, then each as a multiple of the lower side")
    names = ["upper", "refined", "closed lower", *(LABELS[name] for name in found)]
    print(f"{'T':>8} {'lower':>20} " + " ".join(f"{name:>20}" for name in names))
    for T in sides.samples.values:
        row = sides.sel(samples=T)
        lower, error = float(row.lower), float(row.lower_std_error)
        factors = [
            (sc.refined_bound(UNLIMITED, T, d, K) / lower, 0.0),
            (sc.bayes_error_lower_bound(T, d, K) / lower, 0.0),
        ]
        for where, mean, deviation in found.values():
            near = int(np.argmin(np.abs(np.log(where / T))))
            inside = abs(np.log(where[near] / T)) < 0.2
            factors.append(
                (mean[near] / lower, deviation[near] / lower) if inside else (np.nan, np.nan)
            )
        # both sides are of the same networks; the others know nothing of them
        all_factors = [(float(row.ratio), float(row.ratio_std_error))]
        all_factors += [(f, np.hypot(s, f * error / lower)) for f, s in factors]
        cells = [f"{f:7.3f} +- {1.96 * s:5.3f}" for f, s in all_factors]
        print(
            f"{T:8.0f} {lower:11.6f} +-{1.96 * error:7.6f} " + " ".join(f"{c:>20}" for c in cells)
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", nargs="?", default=".", type=Path)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    folder, share = options.folder, 100 if options.quick else 1
    folder.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots(2, 2, figsize=(10.5, 8), layout="constrained")
    for ax, ((d, K), chains) in zip(axes.flat, SETTINGS.items(), strict=False):
        prior, most = sc.NetworkPrior(d, K), TRAINED_SAMPLES[d, K] // share
        sides = both_sides(folder, prior, {1000: (8, 24)} if options.quick else chains)
        runs = {
            name: trained(folder, prior, name, most, 16 if share == 1 else 4) for name in LABELS
        }
        report(prior, sides, draw_samples(ax, prior, sides, runs))
        if (d, K) == (10, 100):
            last = min(float(sides.samples.max()), 10_000.0)
            draw_widths(axes[1, 1], prior, sides, runs, last)
    figure.savefig(folder / "both_sides.png", dpi=130)


if __name__ == "__main__":
    main()
