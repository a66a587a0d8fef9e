"""Pictures of isoFLOP profiles (imports matplotlib only when called)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .style import (
    STYLE,
    given_axes,
    legend_of_some,
    line_colours,
    new_axes,
    power_of_ten,
    pyplot,
    say_that_there_is_nothing,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._common.annotations import Panels
    from ..fitting._envelope import Envelope
    from ..fitting._isoflop_result import IsoFlopProfiles
    from ..fitting._line_optimum import LineOptimum

_MOST_POINTS = 20_000


def plot_profiles(
    profiles: IsoFlopProfiles,
    interior: NDArray[np.bool_],
    along: LineOptimum,
    ax: Any = None,
) -> Panels:
    """Draw each budget's runs and parabola, and the vertices over budgets with their line."""
    plt = pyplot()
    if ax is None:
        with plt.rc_context(STYLE):
            ax = plt.subplots(1, 2, figsize=(10.2, 4.1), layout="constrained")[1]
    axes = given_axes(ax, 2)
    left, right = axes
    table, shown = profiles.table, np.flatnonzero(np.isfinite(profiles.coefficients[:, 0]))
    for colour, b in zip(line_colours(shown.size), shown, strict=True):
        rows = profiles.used & (profiles.profile == b)
        size, loss = table.parameters[rows], table.loss[rows]
        left.plot(
            size,
            loss / table.loss_scale,
            "o",
            color=colour,
            markersize=3.5,
            label=rf"$C =$ {power_of_ten(profiles.budget[b])}",
        )
        u = np.linspace(np.log(size.min()), np.log(size.max()), 100) - np.log(profiles.centre[b])
        height = profiles.coefficients[b] @ np.stack([np.ones_like(u), u, u * u])
        left.plot(
            profiles.centre[b] * np.exp(u), height / table.loss_scale, color=colour, linewidth=1
        )
        if interior[b]:
            left.plot(
                profiles.parameters[b],
                profiles.loss[b] / table.loss_scale,
                "*",
                color=colour,
                markersize=10,
                markeredgecolor="white",
            )
    left.set(xscale="log", xlabel="parameters $N$", ylabel=f"loss ({table.loss_unit} per sample)")
    left.set_title("isoFLOP profiles and their vertices")
    right.set(
        xscale="log",
        yscale="log",
        xlabel="compute budget $C$ (FLOPs)",
        ylabel="best number of parameters $N^*$",
    )
    if not shown.size:
        for each, text in zip(axes, ("no budget has a profile",) * 2, strict=True):
            each.set_xscale("linear")
            each.set_yscale("linear")
            say_that_there_is_nothing(each, text)
        return axes
    legend_of_some(left, title="budget (FLOPs)")
    _draw_line(right, profiles, interior, along)
    return axes


def _draw_line(
    ax: Axes, profiles: IsoFlopProfiles, interior: NDArray[np.bool_], along: LineOptimum
) -> None:
    """Draw vertices, with intervals where those are finite, edges hollow, and the line."""
    best, ends = profiles.parameters, profiles.parameters_interval
    known = interior & np.isfinite(ends).all(axis=1) & (ends[:, 0] > 0)
    bars = np.where(known[:, None], np.abs(ends - best[:, None]), 0).T
    colour = line_colours(2)[0]
    ax.errorbar(
        profiles.budget[interior],
        best[interior],
        yerr=bars[:, interior],
        fmt="o",
        color=colour,
        markersize=4,
        capsize=2,
        label="vertex",
    )
    edge = np.isfinite(best) & ~interior
    if edge.any():
        ax.plot(
            profiles.budget[edge],
            best[edge],
            "o",
            markerfacecolor="none",
            color=colour,
            label="at the edge: no optimum",
        )
    if np.isfinite(along.parameters).all():
        low, high = profiles.elasticity_interval
        label = f"slope {profiles.elasticity:.3f} [{low:.3f}, {high:.3f}]"
        ax.plot(along.budget, along.parameters, color="0.35", linewidth=1.2, label=label)
        ax.fill_between(
            along.budget, *along.parameters_interval.T, color="0.35", alpha=0.15, linewidth=0
        )
    ax.legend(loc="upper left", frameon=False)
    ax.set_title(r"$N^* \propto C^{\,\mathrm{slope}}$")


def plot_envelope(found: Envelope, ax: Axes | None = None) -> Axes:
    """Draw the loss of every run over its compute, coloured by size, and the envelope."""
    ax = new_axes(ax)
    table = found.table
    ax.set(
        xscale="log", xlabel="compute $C$ (FLOPs)", ylabel=f"loss ({table.loss_unit} per sample)"
    )
    if not len(table):
        say_that_there_is_nothing(ax, "the table has no runs")
        return ax
    shown = np.unique(
        np.linspace(0, len(table) - 1, min(len(table), _MOST_POINTS)).round().astype(int)
    )
    points = ax.scatter(
        table.flops[shown],
        table.loss[shown] / table.loss_scale,
        c=np.log10(table.parameters[shown]),
        s=10,
        cmap="viridis",
        rasterized=shown.size > 2000,
    )
    ax.figure.colorbar(points, ax=ax).set_label(r"$\log_{10}$ parameters $N$")
    ax.plot(
        found.budget,
        found.loss / table.loss_scale,
        color="0.2",
        linewidth=1.2,
        drawstyle="steps-post",
        label="envelope",
    )
    low, high = found.elasticity_interval
    ax.set_title(rf"$N^* \propto C^{{\,{found.elasticity:.3f}}}$ [{low:.3f}, {high:.3f}]")
    ax.legend(frameon=False)
    return ax
