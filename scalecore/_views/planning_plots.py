"""Pictures of plans and designs (imports matplotlib only when called)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .style import new_axes, say_that_there_is_nothing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..planning._design import Design
    from ..planning._deviations import Deviations, EpochReturns
    from ..planning._plan import Plan

_HIGHEST = 100.0  # per cent: top of the axis of prices
_AXES = {
    "training_budget": "training budget (FLOPs)",
    "loss": "target loss",
    "total_budget": "total budget (FLOPs)",
}


def price(price: Deviations, parameters: float, ax: Axes | None = None) -> Axes:
    """Draw extra compute against size: what it costs to train another model for the same loss."""
    ax = new_axes(ax)
    if not np.isfinite(price.extra_total).any():
        say_that_there_is_nothing(ax, "no plan, so no price")
        return ax
    N = price.factors * parameters
    lines = [
        ("total", "tab:red", "training and inference"),
        ("training", "tab:blue", "training alone"),
    ]
    if np.allclose(price.extra_total, price.extra_training, equal_nan=True):
        lines = [("training", "tab:blue", "training compute")]
    lowest = 0.0
    for name, colour, label in lines:
        middle, low, high = (
            100 * getattr(price, f"extra_{name}{end}") for end in ("", "_low", "_high")
        )
        ax.plot(N, _drawable(middle), color=colour, label=label)
        lowest = min(lowest, np.nanmin(middle))
        if np.isfinite(low).any():
            ax.fill_between(
                N,
                _drawable(low),
                np.nan_to_num(high, posinf=10 * _HIGHEST),
                color=colour,
                alpha=0.2,
                linewidth=0,
            )
    ax.axhline(0.0, color="0.6", linewidth=1)
    ax.axvline(parameters, color="0.6", linewidth=1, linestyle="--")
    ax.set(xscale="log", xlabel="parameters $N$", ylabel="extra compute for the same loss (%)")
    ax.set(ylim=(max(1.15 * lowest, -_HIGHEST) - 5, _HIGHEST))
    ax.xaxis.set_minor_formatter("")  # over two decades there is room for powers of ten only
    ax.legend(frameon=True, framealpha=0.9, edgecolor="none")
    ax.set_title(f"the price of other sizes than {parameters:.3g}")
    return ax


def _drawable(values: Any) -> Any:
    return np.where(np.isfinite(values), values, np.nan)


def targets(plan: Plan, ax: Axes | None = None) -> Axes:
    """Draw parameters and samples against what was asked."""
    ax = new_axes(ax)
    wanted = np.reshape(plan.wanted, -1)
    if not plan.answered.any():
        say_that_there_is_nothing(ax, "no question has an answer")
        return ax
    order = np.argsort(wanted)
    for name, colour, label in (
        ("parameters", "tab:red", "parameters $N$"),
        ("samples", "tab:blue", "samples $D$"),
    ):
        middle, low, high = (
            np.reshape(getattr(plan, name + end), -1)[order] for end in ("", "_low", "_high")
        )
        ax.plot(wanted[order], middle, "o-", color=colour, markersize=4, label=label)
        if np.isfinite(low).any():
            ax.fill_between(
                wanted[order],
                low,
                np.where(np.isinf(high), np.nan, high),
                color=colour,
                alpha=0.2,
                linewidth=0,
            )
    ax.set(
        xscale="linear" if plan.target == "loss" else "log", yscale="log", xlabel=_AXES[plan.target]
    )
    ax.set_ylabel("parameters, samples")
    ax.legend(frameon=False)
    ax.set_title(f"{plan.law.form.name}: what to train")
    return ax


def epochs(returns: EpochReturns, ax: Axes | None = None) -> Axes:
    """Draw what each pass over the unique samples is worth."""
    ax = new_axes(ax)
    worth = returns.worth.reshape(-1, len(returns.epochs))
    unique = np.broadcast_to(returns.unique_samples, returns.loss.shape[:-1]).reshape(-1)
    for row, samples in zip(worth, unique, strict=True):
        ax.plot(returns.epochs, _drawable(row), "o-", markersize=4, label=f"U = {samples:.3g}")
    ax.axhline(1.0, color="0.6", linewidth=1, linestyle="--")
    ax.set(xlabel="epoch", ylabel="worth of this pass, in new samples", ylim=(0, None))
    ax.legend(frameon=False)
    ax.set_title("what repeating is worth")
    return ax


def design(design: Design, ax: Axes | None = None) -> Axes:
    """Draw the pilots in (N, D) among runs and candidates; areas grow with repeats."""
    ax = new_axes(ax)
    if not len(design.parameters):
        say_that_there_is_nothing(ax, f"no pilots: {design.status.name}")
        return ax
    ax.set(xscale="log", yscale="log", xlabel="parameters $N$", ylabel="training samples $D$")
    ax.plot(*design.candidates, ".", color="0.85", markersize=3, label="candidates")
    table = design.law.table
    ax.plot(
        table.parameters, table.samples, ".", color="0.35", markersize=5, label="runs there are"
    )
    ax.scatter(
        design.parameters,
        design.samples,
        s=30 * np.asarray(design.repeats),
        color="tab:red",
        label=f"pilots ({int(design.repeats.sum())} runs)",
        zorder=3,
    )
    ax.legend(frameon=True, framealpha=0.9, edgecolor="none")
    ax.set_title(
        f"{design.quantity} at {design.target:.3g} FLOPs: "
        f"to {design.width_after / design.width_before:.2g} of its width"
    )
    return ax
