"""Pictures of training (imports matplotlib only when called)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._common.status import EmpiricalStatus
from .style import STYLE, given_axes, line_colours, new_axes, optimizer_name, power_of_ten, pyplot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._common.annotations import Panels
    from ..training import EmpiricalFrontier, TrainingRuns

_MOST_LINES = 9  # isoFLOP lines that can be told apart in one panel


def plot_runs(runs: TrainingRuns, ax: Axes | None = None) -> Axes:
    """Draw a learning curve for each width: mean and standard error over repeats at the rate that
    is best in the end.
    """
    ax = new_axes(ax)
    mean = runs.error.mean(axis=0)
    with np.errstate(invalid="ignore"):
        std_error = (
            runs.error.std(axis=0, ddof=1) / np.sqrt(runs.repeats)
            if runs.repeats > 1
            else np.zeros_like(mean)
        )
    for colour, i in zip(line_colours(runs.widths.size), np.argsort(runs.widths), strict=True):
        if not runs.checkpoints.size or not np.isfinite(mean[i, :, -1]).any():
            continue
        best = int(np.nanargmin(mean[i, :, -1]))
        ax.plot(runs.checkpoints, mean[i, best], color=colour, label=f"{runs.widths[i]}")
        low, high = mean[i, best] - std_error[i, best], mean[i, best] + std_error[i, best]
        ax.fill_between(
            runs.checkpoints, np.maximum(low, 1e-12), high, color=colour, alpha=0.15, linewidth=0
        )
    if ax.lines:
        shown = np.concatenate([line.get_ydata() for line in ax.lines])
        ax.set_ylim(shown.min() / 1.3, shown.max() * 1.3)
        ax.legend(title="width", fontsize=8, ncols=2, frameon=False)
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="samples $T$",
        ylabel=f"prequential {runs.measure} (nats per sample)",
    )
    ax.set_title(f"{optimizer_name(runs.optimizer)}, {_where_from(runs)}, {runs.repeats} repeats")
    return ax


def _where_from(trained: TrainingRuns | EmpiricalFrontier) -> str:
    prior = trained.prior
    which = "own data" if prior is None else f"$K = {prior.concentration:g}$"
    return f"$d = {trained.input_dim}$, {which}"


def plot_empirical(frontier: EmpiricalFrontier, ax: Any = None) -> Panels:
    """Draw isoFLOP lines with their optima on the left; on the right p* against T*, trained and of
    the bound, where there is one.

    Filled marks are optima inside the grid, hollow ones lie at its edge.
    """
    plt = pyplot()
    if ax is None:
        with plt.rc_context(STYLE):
            ax = plt.subplots(1, 2, figsize=(11.2, 4.1), layout="constrained")[1]
    axes = given_axes(ax, 2)
    _lines(frontier, axes[0])
    _optima(frontier, axes[1])
    return axes


def _lines(frontier: EmpiricalFrontier, ax: Axes) -> None:
    order = np.argsort(frontier.widths)
    d = frontier.input_dim
    reached = np.flatnonzero(frontier.status != EmpiricalStatus.TOO_FEW_WIDTHS)
    count = min(_MOST_LINES, reached.size)
    chosen = (
        reached[np.unique(np.rint(np.linspace(0, reached.size - 1, count)).astype(int))]
        if count
        else reached
    )
    for colour, b in zip(line_colours(chosen.size), chosen, strict=True):
        error, std_error = frontier.line_error[b, order], frontier.line_std_error[b, order]
        label = rf"$C =$ {power_of_ten(float(f'{frontier.budget[b]:.3g}'))}"
        ax.errorbar(
            d * frontier.widths[order],
            error,
            yerr=std_error,
            color=colour,
            linewidth=1.2,
            marker=".",
            markersize=4,
            label=label,
        )
        face = colour if frontier.status[b] == EmpiricalStatus.INTERIOR else "white"
        ax.plot(
            frontier.parameters[b],
            frontier.error[b],
            "o",
            color=face,
            markeredgecolor=colour,
            markersize=7,
            zorder=3,
        )
    ax.set(
        xscale="log",
        yscale="log",
        xlabel=r"parameters $p = d\,n$",
        ylabel=f"prequential {frontier.measure} (nats per sample)",
    )
    ax.set_title(
        f"{optimizer_name(frontier.optimizer)} along isoFLOP lines ({_where_from(frontier)})"
    )
    if chosen.size:
        ax.legend(
            title="budget (FLOPs)",
            fontsize=8,
            frameon=False,
            loc="upper left",
            bbox_to_anchor=(1, 1),
        )


def _optima(frontier: EmpiricalFrontier, ax: Axes) -> None:
    trained, bound = line_colours(2)
    inside = frontier.status == EmpiricalStatus.INTERIOR
    edge = (frontier.status == EmpiricalStatus.AT_FEWEST_PARAMETERS) | (
        frontier.status == EmpiricalStatus.AT_MOST_PARAMETERS
    )
    low, high = frontier.width_interval.T * frontier.input_dim
    with np.errstate(invalid="ignore"):
        bars = np.maximum(np.stack([frontier.parameters - low, high - frontier.parameters]), 0)
    if inside.any():
        text = (
            f"trained: slope {frontier.slope:.2f} [{frontier.slope_interval[0]:.2f}, "
            f"{frontier.slope_interval[1]:.2f}]"
        )
        ax.errorbar(
            frontier.samples[inside],
            frontier.parameters[inside],
            yerr=bars[:, inside],
            fmt="o",
            color=trained,
            markersize=5,
            capsize=2,
            label=text,
        )
    if edge.any():
        ax.plot(
            frontier.samples[edge],
            frontier.parameters[edge],
            "o",
            color="white",
            markeredgecolor=trained,
            label="at the grid's edge",
        )
    theory = frontier.theory
    if theory is not None and np.isfinite(theory.samples * theory.parameters).any():
        finite = np.isfinite(theory.samples) & np.isfinite(theory.parameters)
        ax.plot(
            theory.samples[finite],
            theory.parameters[finite],
            color=bound,
            label="optimum of the bound, same budgets",
        )
    ax.set(
        xscale="log",
        yscale="log",
        xlabel=r"training samples $T^*$",
        ylabel=r"parameters $p^* = d\,n^*$",
    )
    if ax.lines or inside.any():
        if np.isfinite(frontier.parameters).any():
            x, y = (float(np.nanmin(values)) for values in (frontier.samples, frontier.parameters))
            top = float(np.nanmax(frontier.parameters)) * 3 / y
            ax.plot(
                [x, x * top],
                [y, y * top],
                "--",
                color="0.45",
                linewidth=1.2,
                zorder=1,
                label="slope 1",
            )
        ax.legend(fontsize=8, frameon=False, loc="upper left")
        bottom, ceiling = ax.get_ylim()
        ax.set_ylim(bottom, ceiling * 3)
    ax.set_title(f"Compute-optimal frontier, {frontier.confidence:.0%} intervals")
