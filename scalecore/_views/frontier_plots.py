"""Pictures of the frontier and of isoFLOP lines (imports matplotlib only when called)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .style import legend_of_some, line_colours, new_axes, power_of_ten, say_that_there_is_nothing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..frontier import Frontier, IsoFlop

__all__ = ["plot_frontier", "plot_isoflop"]

_ERROR = "error bound (nats per sample)"
_PARAMETERS = r"parameters $p = d\,n$"


def plot_isoflop(lines: IsoFlop, ax: Axes | None = None) -> Axes:
    """Draw the bound against the parameters, one line a budget, each optimum marked.

    Parameters
    ----------
    lines : IsoFlop
        What `scalecore.isoflop` returned.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, with logarithmic scales.
    """
    ax = new_axes(ax)
    points = lines.width.shape[-1]
    budgets = np.ravel(lines.budget)
    best = lines.optimum
    rows = zip(
        budgets,
        lines.parameters.reshape(-1, points),
        lines.error.reshape(-1, points),
        np.ravel(best.parameters),
        np.ravel(best.error),
        _line_labels(np.ravel(best.input_dim), np.ravel(best.concentration)),
        strict=True,
    )
    for colour, (budget, parameters, error, best_parameters, best_error, law) in zip(
        line_colours(budgets.size), rows, strict=True
    ):
        if np.isfinite(best_error):
            ax.plot(parameters, error, color=colour, label=rf"$C =$ {power_of_ten(budget)}{law}")
            ax.plot(
                best_parameters,
                best_error,
                "o",
                color=colour,
                markersize=6,
                markeredgecolor="white",
                zorder=3,
            )
    if not np.isfinite(best.error).any():
        say_that_there_is_nothing(ax)
    ax.set(xscale="log", yscale="log", xlabel=_PARAMETERS, ylabel=_ERROR)
    legend_of_some(ax, title="budget (FLOPs)")
    return ax


def plot_frontier(frontier: Frontier, ax: Axes | None = None) -> Axes:
    """Draw p* against T* on log-log axes with a dashed line of slope 1.

    The budget runs along the first axis of the Frontier; every further axis gives lines of their
    own.

    Parameters
    ----------
    frontier : Frontier
        What `scalecore.compute_optimal` returned.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, with logarithmic scales.
    """
    ax = new_axes(ax)
    budgets = np.atleast_1d(frontier.samples).shape[0]
    samples, parameters, dims, concentrations = (
        np.reshape(array, (budgets, -1) if np.size(array) else (0, 1))
        for array in (
            frontier.samples,
            frontier.parameters,
            frontier.input_dim,
            frontier.concentration,
        )
    )
    colours = line_colours(samples.shape[1])
    for column in range(samples.shape[1]):
        label = None
        if dims.size:
            label = f"$d = {dims[0, column]:g}$, $K = {concentrations[0, column]:g}$"
        marker = "o" if samples.shape[0] <= 30 else "none"
        ax.plot(
            samples[:, column],
            parameters[:, column],
            color=colours[column],
            marker=marker,
            markersize=4,
            label=label,
        )
    finite = np.isfinite(samples) & np.isfinite(parameters)
    if not finite.any():
        say_that_there_is_nothing(ax)
    ax.set(
        xscale="log",
        yscale="log",
        xlabel=r"training samples $T^*$",
        ylabel=r"parameters $p^* = d\,n^*$",
    )
    if finite.any():
        last = np.unravel_index(np.argmax(np.where(finite, samples, 0)), samples.shape)
        ends = np.array([samples[finite].min(), samples[last]])
        ax.plot(
            ends,
            ends * (parameters[last] / samples[last]),
            "--",
            color="0.45",
            linewidth=1.2,
            zorder=1,
            label="slope 1",
        )
        legend_of_some(ax)
        low, high = parameters[finite].min(), parameters[finite].max()
        ax.set_ylim(low / 3, high * 4)  # the dashed line may leave the picture
    return ax


def _line_labels(dims: NDArray[np.float64], concentrations: NDArray[np.float64]) -> list[str]:
    """Return for each line what of d and K differs between lines."""
    parts = [
        (name, values)
        for name, values in (("d", dims), ("K", concentrations))
        if np.unique(values).size > 1
    ]
    return [
        "".join(f", ${name} = {values[i]:g}$" for name, values in parts) for i in range(len(dims))
    ]
