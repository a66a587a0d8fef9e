"""Picture of a table of runs (imports matplotlib only when called)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .style import new_axes, say_that_there_is_nothing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..fitting._findings import Finding
    from ..fitting._run_table import RunTable

_MOST_POINTS = 20_000  # of larger tables so many points are drawn, evenly spaced
_MARKS = ("o", "s", "D", "^", "v")
_EDGES = ("tab:red", "tab:orange", "tab:pink", "tab:brown", "tab:purple")
_USUAL_RATIO = 20  # samples per parameter, for the line that helps the eye


def plot_run_table(table: RunTable, findings: Sequence[Finding], ax: Axes | None = None) -> Axes:
    """Draw D against N, coloured by loss, and mark the rows that findings are about."""
    ax = new_axes(ax)
    ax.set(xscale="log", yscale="log", xlabel="parameters $N$", ylabel="training samples $D$")
    if not len(table):
        say_that_there_is_nothing(ax, "the table has no runs")
        return ax
    shown = np.unique(
        np.linspace(0, len(table) - 1, min(len(table), _MOST_POINTS)).round().astype(int)
    )
    points = ax.scatter(
        table.parameters[shown],
        table.samples[shown],
        c=table.loss[shown] / table.loss_scale,
        s=18,
        cmap="viridis_r",
        rasterized=shown.size > 2000,
        zorder=2,
    )
    bar = ax.figure.colorbar(points, ax=ax)
    bar.set_label(f"loss ({table.loss_unit} per sample)")
    bar.ax.invert_yaxis()  # better is higher
    marked = [finding for finding in findings if 0 < finding.rows.size <= len(table) / 2]
    for finding, mark, edge in zip(marked, _MARKS, _EDGES, strict=False):
        places = np.searchsorted(table.rows, finding.rows[:_MOST_POINTS])
        ax.plot(
            table.parameters[places],
            table.samples[places],
            mark,
            markersize=8,
            markerfacecolor="none",
            markeredgecolor=edge,
            label=finding.kind.name.replace("_", " ").lower(),
            zorder=3,
        )
    limits = ax.get_xlim(), ax.get_ylim()
    sizes = np.array(limits[0])
    label = f"$D = {_USUAL_RATIO} N$"
    ax.plot(sizes, _USUAL_RATIO * sizes, "--", color="0.45", linewidth=1.2, zorder=1, label=label)
    ax.set(xlim=limits[0], ylim=limits[1])
    ax.legend(loc="best", frameon=False)
    left_out = f", {shown.size:,} of them drawn" if shown.size < len(table) else ""
    runs = f" of {len(table.run_names):,} runs" if table.run_codes is not None else ""
    ax.set_title(f"{len(table):,} {'rows' if runs else 'runs'}{runs}{left_out}")
    return ax
