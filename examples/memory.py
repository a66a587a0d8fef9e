"""The two pictures of docs/information.md: learners with 1 to 8 bits of memory, and Theorem A's
bound beside the truth.

python examples/memory.py docs
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import scalecore as sc

STEPS = 300


def coins(M):
    """Coins of unknown bias, uniform on a grid."""
    p = (np.arange(M) + 0.5) / M
    return sc.FiniteModel(np.full(M, 1 / M), np.stack([1 - p, p], axis=1)[:, None, :], [1.0])


def best_average(model, bits, rounding):
    """The leaky average of so many bits whose rate serves best."""
    rates = [1.0] if bits == 1 and rounding == "nearest" else np.geomspace(0.01, 1.0, 15)
    averages = [sc.updates.leaky_average(1, 2, bits, rate, rounding=rounding) for rate in rates]
    return min(
        (model.incremental(update, STEPS) for update in averages),
        key=lambda parts: parts.total.error,
    )


def best_fixed(model, bits):
    """The same average, stochastically rounded, whose level itself is the prediction: what is kept
    but not understood."""
    levels = np.clip(np.arange(2**bits) / (2**bits - 1), 0.5 / 2**bits, 1 - 0.5 / 2**bits)
    said = np.stack([1 - levels, levels], axis=1)[:, None, :]
    averages = [
        sc.updates.leaky_average(1, 2, bits, rate, rounding="stochastic")
        for rate in np.geomspace(0.01, 1.0, 15)
    ]
    return min(
        (model.incremental(update, STEPS, said) for update in averages),
        key=lambda parts: parts.total.error,
    )


def draw_memory(path):
    model = coins(100)
    bits = np.arange(1, 9)
    learners = {
        "last samples (a window of $B$)": [
            model.incremental(sc.updates.sliding_window(1, 2, int(b)), STEPS) for b in bits
        ],
        "leaky average, rounded to nearest": [best_average(model, int(b), "nearest") for b in bits],
        "leaky average, rounded at random": [
            best_average(model, int(b), "stochastic") for b in bits
        ],
        "the same, its level taken for the truth": [best_fixed(model, int(b)) for b in bits],
    }
    optimum = model.learning_curve(STEPS).information[-1]
    colours = plt.get_cmap("viridis")(np.linspace(0.05, 0.85, 3))
    figure, axes = plt.subplots(1, 4, figsize=(14.0, 3.9), layout="constrained", sharey=True)
    for ax, (name, parts) in zip(axes, learners.items(), strict=True):
        bottom = np.zeros(bits.size)
        for colour, term in zip(colours, ("retained", "forgotten", "inference_gap"), strict=True):
            heights = np.array([getattr(part.total, term) for part in parts])
            ax.bar(
                bits, heights, bottom=bottom, color=colour, label=term.replace("_", " "), width=0.8
            )
            bottom += heights
        ax.axhline(
            optimum,
            color="black",
            linewidth=1.0,
            linestyle="--",
            label=r"best possible, $I(F; H_T)$",
        )
        ax.set(title=name, xlabel="bits of memory $B$", xticks=bits, ylim=(0, 48))
        ax.title.set_size(10)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel(f"total error, T = {STEPS} (nats)")
    axes[0].legend(frameon=False, fontsize=9)
    figure.savefig(path, dpi=110)
    plt.close(figure)
    for name, parts in learners.items():
        print(name, *(f"{part.total.error:.2f}" for part in parts))
    print(f"best possible {optimum:.3f}")


def draw_bound(path):
    model = coins(60)
    sizes = [1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 60]
    figure, axes = plt.subplots(1, 3, figsize=(12.0, 3.7), layout="constrained")
    for ax, samples in zip(axes, (30, 300, 3000), strict=True):
        best = [model.best_channel(size, samples) for size in sizes]
        truth = [model.constrained(found.channel, samples) for found in best]
        ax.plot(
            sizes,
            [found.bound for found in best],
            "o-",
            markersize=4,
            color="#440154",
            label="bound of Theorem A",
        )
        ax.plot(
            sizes[1:],
            [found.estimation for found in best[1:]],
            ":",
            color="#440154",
            label="its estimation",
        )
        ax.plot(
            sizes,
            [found.misspecification for found in best],
            "--",
            color="#440154",
            label="its misspecification",
        )
        ax.plot(
            sizes,
            [learner.error for learner in truth],
            "s-",
            markersize=4,
            color="#5ec962",
            label="true error",
        )
        ax.axhline(
            model.learning_curve(samples).error[-1],
            color="black",
            linewidth=1.0,
            label="best learner of all",
        )
        ax.set(
            xscale="log",
            yscale="log",
            xlabel="hypothesis budget",
            title=f"T = {samples}",
            xticks=[1, 2, 5, 10, 20, 60],
        )
        ax.set_xticklabels(["1", "2", "5", "10", "20", "60"])
        ax.minorticks_off()
        ax.set_ylim(0.4 * model.learning_curve(samples).error[-1], 0.4)
        ax.spines[["top", "right"]].set_visible(False)
        statuses = {found.status for found in best}
        print(
            samples,
            *(
                f"{found.bound:.5f}/{learner.error:.5f}"
                for found, learner in zip(best, truth, strict=True)
            ),
            statuses,
        )
    axes[0].set_ylabel("nats per sample")
    axes[-1].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    folder.mkdir(parents=True, exist_ok=True)
    draw_memory(folder / "memory.png")
    draw_bound(folder / "constrained.png")
