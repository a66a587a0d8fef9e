"""Every picture (imports matplotlib only when called)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .frontier import Frontier, IsoFlop
    from .network import MisspecificationEstimate, Network

__all__ = ["figure1", "plot_frontier", "plot_isoflop", "plot_misspecification", "plot_network", "save"]

_ERROR = "error bound (nats per sample)"
_PARAMETERS = r"parameters $p = d\,n$"
_STYLE = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.labelsize": 11,
    "font.size": 10,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.6,
    "savefig.dpi": 200,
}
_COLOURS = "viridis"
_NAMED = 12  # most lines that a legend names one by one; of more it names some


def __getattr__(name: str) -> Any:
    if name == "figure2":  # beside figure1 for who imports it; its own file imports this one
        from ._views.spectral_plots import figure2

        return figure2
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _pyplot() -> Any:
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError("pictures need matplotlib: pip install 'scalecore[plot]'") from error
    return plt


def _new_axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    plt = _pyplot()
    with plt.rc_context(_STYLE):
        return plt.subplots(figsize=(5.2, 4.0), layout="constrained")[1]


def _power(value: float) -> str:
    exponent = np.floor(np.log10(value) + 1e-9)
    mantissa = value / 10**exponent
    return rf"$10^{{{exponent:.0f}}}$" if abs(mantissa - 1) < 1e-6 else rf"${mantissa:.3g}\times 10^{{{exponent:.0f}}}$"


def _colours(count: int) -> NDArray[np.float64]:
    return _pyplot().get_cmap(_COLOURS)(np.linspace(0.05, 0.85, count))


def _legend(ax: Axes, **options: Any) -> None:
    """Name the lines that have labels: all, or where there are many some, evenly spread, the first and the last among them."""
    handles, labels = ax.get_legend_handles_labels()
    others = [i for i, label in enumerate(labels) if label == "slope 1"]
    lines = [i for i in range(len(labels)) if i not in others]
    if len(lines) > _NAMED:
        lines = [lines[i] for i in np.unique(np.linspace(0, len(lines) - 1, 8).round().astype(int))]
    if lines:
        shown = lines + others
        ax.legend([handles[i] for i in shown], [labels[i] for i in shown], loc="best", frameon=False, **options)


def _laws(dims: NDArray[np.float64], concentrations: NDArray[np.float64]) -> list[str]:
    """Return for each line what of d and K differs between lines."""
    parts = [(name, values) for name, values in (("d", dims), ("K", concentrations)) if np.unique(values).size > 1]
    return ["".join(f", ${name} = {values[i]:g}$" for name, values in parts) for i in range(len(dims))]


def _nothing(ax: Axes, text: str = "no budget has an optimum") -> None:
    ax.set(xlim=(1, 10), ylim=(1, 10))  # logarithmic axes must have something to show
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", color="0.45")


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
    ax = _new_axes(ax)
    points = lines.width.shape[-1]
    budgets = np.ravel(lines.budget)
    best = lines.optimum
    rows = zip(
        budgets,
        lines.parameters.reshape(-1, points),
        lines.error.reshape(-1, points),
        np.ravel(best.parameters),
        np.ravel(best.error),
        _laws(np.ravel(best.input_dim), np.ravel(best.concentration)),
        strict=True,
    )
    for colour, (budget, parameters, error, best_parameters, best_error, law) in zip(_colours(budgets.size), rows, strict=True):
        if np.isfinite(best_error):
            ax.plot(parameters, error, color=colour, label=rf"$C =$ {_power(budget)}{law}")
            ax.plot(best_parameters, best_error, "o", color=colour, markersize=6, markeredgecolor="white", zorder=3)
    if not np.isfinite(best.error).any():
        _nothing(ax)
    ax.set(xscale="log", yscale="log", xlabel=_PARAMETERS, ylabel=_ERROR)
    _legend(ax, title="budget (FLOPs)")
    return ax


def plot_frontier(frontier: Frontier, ax: Axes | None = None) -> Axes:
    """Draw p* against T* on log-log axes with a dashed line of slope 1.

    The budget runs along the first axis of the Frontier; every further axis gives lines of their own.

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
    ax = _new_axes(ax)
    budgets = np.atleast_1d(frontier.samples).shape[0]
    samples, parameters, dims, concentrations = (
        np.reshape(array, (budgets, -1) if np.size(array) else (0, 1))
        for array in (frontier.samples, frontier.parameters, frontier.input_dim, frontier.concentration)
    )
    colours = _colours(samples.shape[1])
    for column in range(samples.shape[1]):
        label = f"$d = {dims[0, column]:g}$, $K = {concentrations[0, column]:g}$" if budgets else None
        marker = "o" if samples.shape[0] <= 30 else "none"
        ax.plot(samples[:, column], parameters[:, column], color=colours[column], marker=marker, markersize=4, label=label)
    finite = np.isfinite(samples) & np.isfinite(parameters)
    if not finite.any():
        _nothing(ax)
    ax.set(xscale="log", yscale="log", xlabel=r"training samples $T^*$", ylabel=r"parameters $p^* = d\,n^*$")
    if finite.any():
        last = np.unravel_index(np.argmax(np.where(finite, samples, 0)), samples.shape)
        ends = np.array([samples[finite].min(), samples[last]])
        ax.plot(ends, ends * (parameters[last] / samples[last]), "--", color="0.45", linewidth=1.2, zorder=1, label="slope 1")
        _legend(ax)
        low, high = parameters[finite].min(), parameters[finite].max()
        ax.set_ylim(low / 3, high * 4)  # the dashed line may leave the picture
    return ax


def figure1(
    input_dim: float = 10, concentration: float = 100, *, budgets: NDArray[np.float64] | None = None, cost: float = 1.0
) -> tuple[Figure, IsoFlop, Frontier]:
    """Draw Figure 1 of JVR24: isoFLOP curves of the bound on the left, the compute-optimal frontier on the right.

    Parameters
    ----------
    input_dim, concentration : float
        d and K; 10 and 100 in the paper.
    budgets : ndarray, optional
        Budgets of the isoFLOP curves, in FLOPs; by default 1e5, 1e6, ..., 1e10 times input_dim/10.
    cost : float, default 1
        FLOPs per parameter and sample.

    Returns
    -------
    figure : matplotlib.figure.Figure
    lines : IsoFlop
        What the left panel shows.
    frontier : Frontier
        What the right panel shows.

    Raises
    ------
    ImportError
        If matplotlib is not installed (``pip install 'scalecore[plot]'``).
    ValueError
        If there is nothing finite to draw.
    """
    from .frontier import compute_optimal, isoflop

    plt = _pyplot()
    if input_dim > 1e200 or cost > 1e50:
        raise ValueError(f"input_dim {input_dim:g} and cost {cost:g} are too large to draw")
    if budgets is None:
        budgets = np.geomspace(1e5, 1e10, 6) * (input_dim / 10) * cost
    spread = np.geomspace(1e4, 1e18, 57) * (input_dim / 10) * cost
    lines = isoflop(budgets, input_dim, concentration, cost=cost)
    if not np.isfinite(lines.optimum.error).any():
        raise ValueError("no budget has a finite optimum to draw")
    frontier = compute_optimal(spread, input_dim, concentration, cost=cost)
    with plt.rc_context(_STYLE):
        figure, (left, right) = plt.subplots(1, 2, figsize=(10.2, 4.1), layout="constrained")
        plot_isoflop(lines, ax=left)
        plot_frontier(frontier, ax=right)
        top = np.nanmax(lines.optimum.error) * 30
        shown = lines.parameters[lines.error <= top]
        left.set(xlim=(shown.min() / 1.5, shown.max() * 30), ylim=(np.nanmin(lines.optimum.error) / 2, top))
        left.set_title(f"Bound along isoFLOP curves ($d = {input_dim:g}$, $K = {concentration:g}$)")
        right.set_title("Compute-optimal frontier")
        for line in right.get_lines()[:1]:
            line.set(marker="none", label=r"optimum of the bound at budget $C$ (FLOPs)")
        decades = np.isin(np.round(np.log10(spread / spread[0]), 6), np.arange(0, 15, 2))
        right.plot(
            frontier.samples[decades], frontier.parameters[decades], "o", color=right.get_lines()[0].get_color(), markersize=4
        )
        for budget, x, y in zip(spread[decades], frontier.samples[decades], frontier.parameters[decades], strict=True):
            right.annotate(
                rf"$C =$ {_power(budget)}", (x, y), xytext=(-4, 5), textcoords="offset points", ha="right", fontsize=8, color="0.35"
            )
        right.legend(loc="upper left", frameon=False)
        right.set_xlim(np.nanmin(frontier.samples) / 60, np.nanmax(frontier.samples) * 4)
    return figure, lines, frontier


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
    ax = _new_axes(ax)
    order = np.argsort(np.ravel(estimate.widths))
    widths, bound, mean, error = (
        np.ravel(array)[order] for array in (estimate.widths, estimate.bound, estimate.kl.mean, estimate.kl.std_error)
    )
    ax.plot(widths, bound, "--", color="0.45", linewidth=1.2, label=r"bound $K/(16n)$")
    colour = _colours(2)[0]
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
    ax.set(xscale="log", yscale="log", xlabel=r"width $n$", ylabel="misspecification (nats per sample)")
    ax.set_title(f"$d = {prior.input_dim}$, $K = {prior.concentration:g}$, {estimate.networks} networks")
    ax.legend(frameon=False)
    return ax


def plot_network(network: Network, ax: Any = None) -> Any:
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
    plt = _pyplot()
    panels = 3 if network.input_dim == 2 else 2
    if ax is None:
        with plt.rc_context(_STYLE):
            ax = plt.subplots(1, panels, figsize=(4.4 * panels, 3.6), layout="constrained")[1]
    axes = np.ravel(ax)
    if axes.size != panels:
        raise ValueError(f"ax must hold {panels} axes, got {axes.size}")
    masses = np.sort(network.masses)[::-1]
    ranks = np.arange(1, masses.size + 1)
    colour = _colours(2)[0]
    axes[0].plot(ranks, masses, color=colour)
    axes[0].set(
        xscale="log", yscale="log", xlabel="rank of the unit", ylabel="mass", ylim=(masses[masses > 1e-12].min(), masses[0] * 2)
    )
    axes[0].set_title("Masses, sorted")
    axes[1].plot(ranks, np.cumsum(masses), color=colour)
    axes[1].set(xscale="log", xlabel="number of largest units", ylabel="their share of the mass", ylim=(0, 1.02))
    axes[1].set_title("Masses, summed")
    if panels == 3:
        side = np.linspace(-3, 3, 201)
        grid = np.stack(np.meshgrid(side, side), axis=-1)
        values = network(grid.reshape(-1, 2)).reshape(201, 201)
        most = np.abs(values).max()
        image = axes[2].pcolormesh(side, side, values, cmap="RdBu_r", vmin=-most, vmax=most, rasterized=True)
        axes[2].contour(side, side, values, levels=[0.0], colors="black", linewidths=0.8)
        axes[2].set(xlabel=r"$x_1$", ylabel=r"$x_2$", aspect="equal", title="Logit $F(x)$")
        axes[2].figure.colorbar(image, ax=axes[2])
    return axes


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure, in the format that the file's ending names, and close it."""
    plt = _pyplot()
    with plt.rc_context(_STYLE):
        figure.savefig(path)
    plt.close(figure)
