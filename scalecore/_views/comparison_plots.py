"""Pictures of comparisons (imports matplotlib only when called)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .style import new_axes, say_that_there_is_nothing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..fitting._comparison import Comparison
    from ..fitting._recipes import RecipeComparison

_MARKERS = "os^Dvp*hX<>d"


def plot_comparison(found: Comparison, ax: Axes | None = None) -> Axes:
    """Draw mean forecast errors against the cuts, one line a form, and the mixture's."""
    ax = new_axes(ax)
    if not found.folds or np.isnan(found.error).all():
        say_that_there_is_nothing(ax, f"no forecasts: {found.reason}")
        return ax
    cuts = np.array([fold.compute for fold in found.folds])
    masks = bool(np.isnan(cuts).any())
    at = np.arange(1.0, len(cuts) + 1) if masks else cuts
    for i, form in enumerate(found.forms):
        label = f"{form}, weight {found.weights[form]:.2f}"
        ax.plot(
            at,
            100 * np.maximum(found.error[i], 1e-8),
            marker=_MARKERS[i % len(_MARKERS)],
            linewidth=1.4,
            label=label,
        )
    if np.isfinite(found.stacked_error).any():
        ax.plot(
            at,
            100 * np.maximum(found.stacked_error, 1e-8),
            "k--",
            linewidth=2,
            label="stacked, weights from other folds",
        )
    ax.set(yscale="log", ylabel="mean forecast error (%)")
    if masks:
        ax.set(xlabel="fold", xticks=at)
    else:
        ax.set(xscale="log", xlabel="fitted on runs up to (FLOPs)")
    ax.legend(frameon=True, framealpha=0.9)
    ax.set_title(f"Forecasts of larger runs: {found.status.name.lower().replace('_', ' ')}")
    return ax


def plot_recipes(found: RecipeComparison, ax: Axes | None = None) -> Axes:
    """Draw the multipliers of A's runs against their compute, and the one over all as a band."""
    ax = new_axes(ax)
    if not np.isfinite(found.row_multiplier).any():
        say_that_there_is_nothing(ax, "no run of A has a loss that B's law reaches")
        return ax
    ax.axhline(1.0, color="0.6", linewidth=1)
    ax.plot(
        found.row_compute,
        found.row_multiplier,
        ".",
        color="0.3",
        label="a run of A against B's law",
    )
    if np.isfinite(found.multiplier):
        label = f"all runs of both: {found.multiplier:.3g}"
        ax.axhline(found.multiplier, color="tab:red", linewidth=2, label=label)
        if np.isfinite(found.multiplier_low):
            ax.axhspan(
                found.multiplier_low, found.multiplier_high, color="tab:red", alpha=0.2, linewidth=0
            )
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="compute of A's run (FLOPs)",
        ylabel="share of B's compute for the same loss",
    )
    ax.legend(frameon=True, framealpha=0.9)
    return ax
