"""Pictures of the spectral bounds (imports matplotlib only when called)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from .._common.validation import describe, input_dimension, positive_array, positive_number
from ..plotting import _STYLE, _colours, _new_axes, _pyplot
from ..training import EmpiricalStatus
from .training_plots import _optimizer

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..frontier import Frontier
    from ..spectral import Spectrum
    from ..training import EmpiricalFrontier, TrainingRuns

__all__ = ["figure2", "plot_spectrum"]

_BOUNDS = {  # those of compute_optimal, and how their lines look
    "optimal": ("error_bound", "-"),
    "closed_form": ("closed_form_bound", ":"),
    "spectral": ("spectral_bound", "-"),
    "refined": ("refined_bound", "--"),
}
_PER_DECADE = 8  # default budgets of the lines: their widths leap
_PER_MARK = 4  # of which training has every fourth
_MOST = 1e200  # of a rank on a logarithmic axis, whose ticks reach further
_APART = 0.04  # labels of degrees, as a share of the axis


def plot_spectrum(spectrum: Spectrum, ax: Axes | None = None) -> Axes:
    """Draw eigenvalues in decreasing order against their rank, a step with its degree for each.

    Parameters
    ----------
    spectrum : Spectrum
        What `scalecore.spectrum` returned.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, with logarithmic scales; degrees whose ranks overflow or whose eigenvalues underflow are left out.
    """
    ax = _new_axes(ax)
    with np.errstate(over="ignore"):
        last = np.cumsum(spectrum.multiplicity)
    shown = (last <= _MOST) & (spectrum.eigenvalue >= 1 / _MOST) & (spectrum.multiplicity >= 1)
    degree, eigenvalue = spectrum.degree[shown], spectrum.eigenvalue[shown]  # they fall with the degree
    edges = np.append(0.5, last[shown] + 0.5)  # the first rank is 1
    ax.set(xscale="log", yscale="log", xlabel="rank", ylabel=r"eigenvalue $\lambda_\ell$")
    wide, high = np.log(edges[-1] / edges[0]), np.log(eigenvalue[0] / eigenvalue[-1]) + 1
    ax.set_xlim(edges[0] * np.exp(-0.03 * wide), edges[-1] * np.exp(0.03 * wide))  # automatic limits may overflow
    ax.set_ylim(eigenvalue[-1] * np.exp(-0.05 * high), eigenvalue[0] * np.exp(0.1 * high))
    ax.plot(np.repeat(edges, 2)[1:-1], np.repeat(eigenvalue, 2), color=_colours(2)[0])
    ax.set_title(f"Spectrum of the infinite-width network, $d = {spectrum.input_dim}$")
    centres = np.sqrt(edges[1:]) * np.sqrt(edges[:-1])
    labelled, least = -np.inf, _APART * wide
    for number, x, y in zip(degree, centres, eigenvalue, strict=True):
        if np.log(x) >= labelled + least:
            text = rf"$\ell = {number}$" if number == degree[0] else f"{number}"
            ax.annotate(text, (x, y), xytext=(0, 3), textcoords="offset points", fontsize=8, color="0.35")
            labelled = np.log(x)
    return ax


def figure2(
    input_dim: int = 10,
    concentration: float = 100,
    *,
    budgets: ArrayLike | None = None,
    cost: float = 1.0,
    runs: TrainingRuns | None = None,
) -> tuple[Figure, dict[str, Frontier], EmpiricalFrontier | None]:
    """Draw what each bound, and training, makes of a budget: on the left the least error, on the right the width that has it.

    Parameters
    ----------
    input_dim : int
        d. Its first use builds a table (`scalecore.spectral_table`, which can show progress or build a smaller one beforehand).
    concentration : float
        K.
    budgets : array_like, optional
        Budgets of lines and marks, in FLOPs; by default 1e5 to 1e18 times cost * input_dim/10, eight a decade, two where trained.
    cost : float, default 1
        FLOPs per parameter and sample.
    runs : TrainingRuns, optional
        Networks trained at this input_dim and concentration. Their optima are drawn with bootstrap intervals; hollow and
        without, where more resamples than an interval leaves out find the best width at an edge of the grid.

    Returns
    -------
    figure : matplotlib.figure.Figure
    frontiers : dict of Frontier
        The lines: "optimal", "closed_form", "spectral" and "refined", as `compute_optimal` calls its bounds.
    trained : EmpiricalFrontier or None
        The marks: budgets that the runs reach.

    Raises
    ------
    ImportError
        If matplotlib is not installed (``pip install 'scalecore[plot]'``).
    TypeError, ValueError
        If an argument is out of its domain, runs have another law, or there is nothing finite to draw.

    Examples
    --------
    >>> import scalecore as sc
    >>> from scalecore.plotting import figure2
    >>> table = sc.spectral_table(3, most_units=64)
    >>> figure, frontiers, trained = figure2(3, 10, budgets=[1e6, 1e9])
    >>> frontiers["spectral"].error / frontiers["optimal"].error < 0.1
    array([ True,  True])
    """
    from ..frontier import compute_optimal

    plt = _pyplot()
    d, concentration = input_dimension("input_dim", input_dim), positive_number("concentration", concentration)
    cost = positive_number("cost", cost)
    if cost > 1e50:
        raise ValueError(f"cost {cost:g} is too large to draw")
    if runs is not None and (runs.prior.input_dim, runs.prior.concentration) != (d, concentration):
        raise ValueError(
            f"runs must have been trained at input_dim {d} and concentration {concentration:g}, got {describe(runs.prior)}"
        )
    if budgets is None:
        lines = np.geomspace(1e5, 1e18, 13 * _PER_DECADE + 1) * (d / 10) * cost
        marks = lines[::_PER_MARK]
    else:
        lines = marks = np.unique(positive_array("budgets", budgets))
    frontiers = {bound: compute_optimal(lines, d, concentration, cost=cost, bound=bound) for bound in _BOUNDS}
    if not np.isfinite(frontiers["optimal"].error).any():
        raise ValueError("budgets must hold one that pays for width 1 and one sample")
    trained = None if runs is None else _reached(runs, marks, cost)
    with plt.rc_context(_STYLE):
        figure, axes = plt.subplots(1, 2, figsize=(10.2, 4.1), layout="constrained")
        for ax, name, label in zip(axes, ("error", "width"), ("error (nats per sample)", r"width $n^*$"), strict=True):
            _against_budget(ax, frontiers, trained, name)
            ax.set(xscale="log", yscale="log", xlabel="budget $C$ (FLOPs)", ylabel=label)
        axes[0].legend(loc="lower left", frameon=False)
        axes[0].set_title(f"Error of the best allocation ($d = {d:g}$, $K = {concentration:g}$)")
        axes[1].set_title("Its width")
    return figure, frontiers, trained


def _reached(runs: TrainingRuns, budgets: np.ndarray, cost: float) -> EmpiricalFrontier | None:
    """Return the trained frontier at the budgets that enough learning curves reach."""
    payable = cost * runs.prior.input_dim * np.array([runs.widths.min(), runs.widths.max() * float(runs.samples)])
    inside = budgets[(budgets >= payable[0]) & (budgets <= payable[1])]
    if inside.size:
        status = runs.frontier(inside, cost, resamples=2).status
        inside = inside[status != EmpiricalStatus.TOO_FEW_WIDTHS]
    return runs.frontier(inside, cost) if inside.size else None


def _against_budget(ax: Axes, frontiers: dict[str, Frontier], trained: EmpiricalFrontier | None, name: str) -> None:
    """Draw "error" or "width" of all of them."""
    for colour, (bound, (label, style)) in zip(_colours(len(_BOUNDS)), _BOUNDS.items(), strict=True):
        ax.plot(frontiers[bound].budget, getattr(frontiers[bound], name), style, color=colour, label=label)
    if trained is None:
        return
    value, interval = getattr(trained, name), getattr(trained, f"{name}_interval")
    inside = (trained.status == EmpiricalStatus.INTERIOR) & (trained.edge_share <= 1 - trained.confidence)
    bars = np.nan_to_num(np.maximum(np.stack([value - interval[:, 0], interval[:, 1] - value]), 0))
    for chosen, face, text in (
        (inside, "black", f"trained ({_optimizer(trained.optimizer)}), {trained.confidence:.0%} intervals"),
        (~inside, "white", "trained, the grid's edge within reach"),
    ):
        if chosen.any():
            ax.errorbar(
                trained.budget[chosen],
                value[chosen],
                yerr=bars[:, chosen] if face == "black" else None,
                fmt="o",
                color="black",
                markerfacecolor=face,
                markersize=4,
                linewidth=1.0,
                capsize=2,
                label=text,
            )
