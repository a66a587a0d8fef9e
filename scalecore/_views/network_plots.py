"""Pictures of networks and of what they cannot express (imports matplotlib only when called)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .style import STYLE, given_axes, line_colours, new_axes, pyplot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._common.annotations import Panels
    from ..network import MisspecificationEstimate, Network

__all__ = ["plot_misspecification", "plot_network"]


def plot_misspecification(estimate: MisspecificationEstimate, ax: Axes | None = None) -> Axes:
    """Draw the measured misspecification, with error bars of two standard errors, over the bound.

    Parameters
    ----------
    estimate : MisspecificationEstimate
        What `scalecore.misspecification` returned.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, with logarithmic scales.
    """
    ax = new_axes(ax)
    order = np.argsort(np.ravel(estimate.widths))
    widths, bound, mean, error = (
        np.ravel(array)[order]
        for array in (estimate.widths, estimate.bound, estimate.kl.mean, estimate.kl.std_error)
    )
    ax.plot(widths, bound, "--", color="0.45", linewidth=1.2, label=r"bound $K/(16n)$")
    colour = line_colours(2)[0]
    ax.errorbar(
        widths,
        mean,
        yerr=2 * np.nan_to_num(error),
        fmt="o",
        color=colour,
        markersize=4,
        capsize=2,
        label=r"Monte Carlo, $\pm 2$ s.e.",
    )
    prior = estimate.prior
    ax.set(
        xscale="log", yscale="log", xlabel=r"width $n$", ylabel="misspecification (nats per sample)"
    )
    ax.set_title(
        f"$d = {prior.input_dim}$, $K = {prior.concentration:g}$, {estimate.networks} networks"
    )
    ax.legend(frameon=False)
    return ax


def plot_network(network: Network, ax: Any = None) -> Panels:
    """Draw a network's masses, sorted and summed, and for two inputs the function itself.

    Parameters
    ----------
    network : Network
        The network.
    ax : sequence of matplotlib.axes.Axes, optional
        Two axes, or three for two inputs; a new figure if not given.

    Returns
    -------
    ndarray of matplotlib.axes.Axes
        The axes.
    """
    plt = pyplot()
    panels = 3 if network.input_dim == 2 else 2
    if ax is None:
        with plt.rc_context(STYLE):
            ax = plt.subplots(1, panels, figsize=(4.4 * panels, 3.6), layout="constrained")[1]
    axes = given_axes(ax, panels)
    masses = np.sort(network.masses)[::-1]
    ranks = np.arange(1, masses.size + 1)
    colour = line_colours(2)[0]
    axes[0].plot(ranks, masses, color=colour)
    axes[0].set(
        xscale="log",
        yscale="log",
        xlabel="rank of the unit",
        ylabel="mass",
        ylim=(masses[masses > 1e-12].min(), masses[0] * 2),
    )
    axes[0].set_title("Masses, sorted")
    axes[1].plot(ranks, np.cumsum(masses), color=colour)
    axes[1].set(
        xscale="log",
        xlabel="number of largest units",
        ylabel="their share of the mass",
        ylim=(0, 1.02),
    )
    axes[1].set_title("Masses, summed")
    if panels == 3:
        side = np.linspace(-3, 3, 201)
        grid = np.stack(np.meshgrid(side, side), axis=-1)
        values = network(grid.reshape(-1, 2)).reshape(201, 201)
        largest = np.abs(values).max()
        image = axes[2].pcolormesh(
            side, side, values, cmap="RdBu_r", vmin=-largest, vmax=largest, rasterized=True
        )
        axes[2].contour(side, side, values, levels=[0.0], colors="black", linewidths=0.8)
        axes[2].set(xlabel=r"$x_1$", ylabel=r"$x_2$", aspect="equal", title="Logit $F(x)$")
        axes[2].figure.colorbar(image, ax=axes[2])
    return axes
