"""Comparisons of forms and of recipes, as notebooks show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .html import html_table

if TYPE_CHECKING:
    from ..fitting._comparison import Comparison
    from ..fitting._recipes import RecipeComparison


def _percent(value: float) -> str:
    return "–" if np.isnan(value) else f"{100 * value:.3g} %"


def comparison(found: Comparison) -> str:
    """Rows are forms: their forecasts over all folds."""
    rows = []
    for i, form in enumerate(found.forms):
        if found.folds:
            scores = [
                found.error[i].mean(),
                found.largest[i].max(),
                found.bias[i].mean(),
                found.coverage[i].mean(),
            ]
        else:
            scores = [np.nan] * 4
        rows.append(
            [
                form,
                found.laws[form].status.name,
                *map(_percent, scores),
                f"{found.weights[form]:.2f}",
            ]
        )
    if len(found.stacked_error):
        rows.append(["stacked", "", _percent(found.stacked_error.mean()), "", "", "", ""])
    heads = (
        "form",
        "fit of all runs",
        "mean error",
        "largest",
        "bias",
        f"inside {100 * found.level:g} % interval",
        "weight",
    )
    cuts = ", ".join(f"{fold.compute:.2g}" for fold in found.folds if not np.isnan(fold.compute))
    notes = [f"{len(found.folds)} forecasts" + (f", cut at {cuts} FLOPs" if cuts else "")]
    if found.reason:
        notes.insert(0, found.reason)
    return html_table(f"Comparison: {found.status.name}", heads, rows, "; ".join(notes))


def recipes(found: RecipeComparison) -> str:
    """Two rows: the losses of pairs, and the compute for the same loss."""

    def ends(low: float, high: float) -> str:
        return "–" if np.isnan(low) else f"[{low:.3g}, {high:.3g}]"

    rows = [
        (
            f"loss of A over B's, minus 1 ({len(found.pairs):,} pairs)",
            _percent(found.mean_difference),
            ends(100 * found.mean_difference_low, 100 * found.mean_difference_high) + " %",
        ),
        (
            "A's share of B's compute for the same loss",
            found.multiplier,
            ends(found.multiplier_low, found.multiplier_high),
        ),
    ]
    heads = ("", "A against B", f"{100 * found.level:g} % interval")
    return html_table("Two recipes", heads, rows, f"laws: {found.law_a.form.name}")
