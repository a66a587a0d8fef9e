"""The two figures, which compute what they draw, and every picture by name (imports matplotlib only
when called).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._common.status import EmpiricalStatus
from ._common.validation import describe, input_dimension, positive_array, positive_number
from ._views.frontier_plots import plot_frontier, plot_isoflop
from ._views.network_plots import plot_misspecification, plot_network
from ._views.style import STYLE, line_colours, optimizer_name, power_of_ten, pyplot
from .frontier import compute_optimal, isoflop
from .frontier._objectives import OBJECTIVES
from .spectral import bayes_error_lower_bound

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .frontier import Frontier, IsoFlop
    from .training import EmpiricalFrontier, TrainingRuns


__all__ = [
    "figure1",
    "figure2",
    "plot_frontier",
    "plot_isoflop",
    "plot_misspecification",
    "plot_network",
    "save",
]

# default budgets per decade of the lines: many, because whole widths make them leap
_PER_DECADE = 8
_PER_MARK = 4  # default budgets per decade of the marks; training computes every fourth


def figure1(
    input_dim: float = 10,
    concentration: float = 100,
    *,
    budgets: NDArray[np.float64] | None = None,
    cost: float = 1.0,
) -> tuple[Figure, IsoFlop, Frontier]:
    """Draw Figure 1 of JVR24: isoFLOP curves of the bound on the left, the compute-optimal frontier
    on the right.

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
    plt = pyplot()
    if input_dim > 1e200 or cost > 1e50:
        raise ValueError(f"input_dim {input_dim:g} and cost {cost:g} are too large to draw")
    if budgets is None:
        budgets = np.geomspace(1e5, 1e10, 6) * (input_dim / 10) * cost
    fine_budgets = np.geomspace(1e4, 1e18, 57) * (input_dim / 10) * cost
    lines = isoflop(budgets, input_dim, concentration, cost=cost)
    if not np.isfinite(lines.optimum.error).any():
        raise ValueError("no budget has a finite optimum to draw")
    frontier = compute_optimal(fine_budgets, input_dim, concentration, cost=cost)
    with plt.rc_context(STYLE):
        figure, (left, right) = plt.subplots(1, 2, figsize=(10.2, 4.1), layout="constrained")
        plot_isoflop(lines, ax=left)
        plot_frontier(frontier, ax=right)
        top = np.nanmax(lines.optimum.error) * 30
        shown = lines.parameters[lines.error <= top]
        left.set(
            xlim=(shown.min() / 1.5, shown.max() * 30),
            ylim=(np.nanmin(lines.optimum.error) / 2, top),
        )
        left.set_title(f"Bound along isoFLOP curves ($d = {input_dim:g}$, $K = {concentration:g}$)")
        right.set_title("Compute-optimal frontier")
        for line in right.get_lines()[:1]:
            line.set(marker="none", label=r"optimum of the bound at budget $C$ (FLOPs)")
        decades = np.isin(
            np.round(np.log10(fine_budgets / fine_budgets[0]), 6), np.arange(0, 15, 2)
        )
        right.plot(
            frontier.samples[decades],
            frontier.parameters[decades],
            "o",
            color=right.get_lines()[0].get_color(),
            markersize=4,
        )
        for budget, x, y in zip(
            fine_budgets[decades],
            frontier.samples[decades],
            frontier.parameters[decades],
            strict=True,
        ):
            right.annotate(
                rf"$C =$ {power_of_ten(budget)}",
                (x, y),
                xytext=(-4, 5),
                textcoords="offset points",
                ha="right",
                fontsize=8,
                color="0.35",
            )
        right.legend(loc="upper left", frameon=False)
        right.set_xlim(np.nanmin(frontier.samples) / 60, np.nanmax(frontier.samples) * 4)
    return figure, lines, frontier


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure, in the format that the file's ending names, and close it."""
    plt = pyplot()
    with plt.rc_context(STYLE):
        figure.savefig(path)
    plt.close(figure)


def figure2(
    input_dim: int = 10,
    concentration: float = 100,
    *,
    budgets: ArrayLike | None = None,
    cost: float = 1.0,
    runs: TrainingRuns | None = None,
) -> tuple[Figure, dict[str, Frontier], EmpiricalFrontier | None]:
    """Draw what each bound, and training, makes of a budget: on the left the least error, on the
    right the width that has it.

    The band is where the error of the best possible learner lies that reads as many samples as the
    optimum of "refined" does: between `bayes_error_lower_bound` and that optimum's error.

    Parameters
    ----------
    input_dim : int
        d. Its first use builds a table (`scalecore.spectral_table`, which can show progress or
        build a smaller one beforehand).
    concentration : float
        K.
    budgets : array_like, optional
        Budgets of lines and marks, in FLOPs; by default 1e5 to 1e18 times cost * input_dim/10,
        eight a decade, two where trained.
    cost : float, default 1
        FLOPs per parameter and sample.
    runs : TrainingRuns, optional
        Networks trained at this input_dim and concentration. Their optima are drawn with bootstrap
        intervals; hollow and without, where more resamples than an interval leaves out find the
        best width at an edge of the grid.

    Returns
    -------
    figure : matplotlib.figure.Figure
    frontiers : dict of Frontier
        The lines: "optimal", "closed_form", "spectral" and "refined", as `compute_optimal` calls
        its bounds.
    trained : EmpiricalFrontier or None
        The marks: budgets that the runs reach.

    Raises
    ------
    ImportError
        If matplotlib is not installed (``pip install 'scalecore[plot]'``).
    TypeError, ValueError
        If an argument is out of its domain, runs have another law, or there is nothing finite to
        draw.

    Examples
    --------
    >>> import scalecore as sc
    >>> from scalecore.plotting import figure2
    >>> table = sc.spectral_table(3, most_units=64)
    >>> figure, frontiers, trained = figure2(3, 10, budgets=[1e6, 1e9])
    >>> frontiers["spectral"].error / frontiers["optimal"].error < 0.1
    array([ True,  True])
    """
    plt = pyplot()
    d, concentration = (
        input_dimension("input_dim", input_dim),
        positive_number("concentration", concentration),
    )
    cost = positive_number("cost", cost)
    if cost > 1e50:
        raise ValueError(f"cost {cost:g} is too large to draw")
    if runs is not None and (
        runs.prior is None or (runs.prior.input_dim, runs.prior.concentration) != (d, concentration)
    ):
        raise ValueError(
            f"runs must have been trained at input_dim {d} and concentration {concentration:g}, "
            f"got {'own data' if runs.prior is None else describe(runs.prior)}"
        )
    if budgets is None:
        lines = np.geomspace(1e5, 1e18, 13 * _PER_DECADE + 1) * (d / 10) * cost
        marks = lines[::_PER_MARK]
    else:
        lines = marks = np.unique(positive_array("budgets", budgets))
    frontiers = {
        bound: compute_optimal(lines, d, concentration, cost=cost, bound=bound)
        for bound in OBJECTIVES
    }
    if not np.isfinite(frontiers["optimal"].error).any():
        raise ValueError("budgets must hold one that pays for width 1 and one sample")
    trained = None if runs is None else _reached(runs, marks, cost)
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, 2, figsize=(10.2, 4.1), layout="constrained")
        for ax, name, label in zip(
            axes, ("error", "width"), ("error (nats per sample)", r"width $n^*$"), strict=True
        ):
            _against_budget(ax, frontiers, trained, name)
            if name == "error":
                _best_learner(ax, frontiers["refined"])
            ax.set(xscale="log", yscale="log", xlabel="budget $C$ (FLOPs)", ylabel=label)
        axes[0].legend(loc="lower left", frameon=False)
        axes[0].set_title(f"Error of the best allocation ($d = {d:g}$, $K = {concentration:g}$)")
        axes[1].set_title("Its width")
    return figure, frontiers, trained


def _reached(runs: TrainingRuns, budgets: np.ndarray, cost: float) -> EmpiricalFrontier | None:
    """Return the trained frontier at the budgets that enough learning curves reach."""
    payable = (
        cost
        * runs.input_dim
        * np.array([runs.widths.min(), runs.widths.max() * float(runs.samples)])
    )
    inside = budgets[(budgets >= payable[0]) & (budgets <= payable[1])]
    if inside.size:
        status = runs.frontier(inside, cost, resamples=2).status
        inside = inside[status != EmpiricalStatus.TOO_FEW_WIDTHS]
    return runs.frontier(inside, cost) if inside.size else None


def _best_learner(ax: Axes, best: Frontier) -> None:
    """Shade where the error of the best learner is that reads as many samples as `best` does."""
    floor = bayes_error_lower_bound(best.samples, best.input_dim, best.concentration)
    label = "the best learner of the refined optimum's samples"
    ax.fill_between(best.budget, floor, best.error, color="0.85", linewidth=0, label=label)


def _against_budget(
    ax: Axes, frontiers: dict[str, Frontier], trained: EmpiricalFrontier | None, name: str
) -> None:
    """Draw "error" or "width" of all of them."""
    for colour, (bound, best) in zip(line_colours(len(frontiers)), frontiers.items(), strict=True):
        row = OBJECTIVES[bound]
        ax.plot(best.budget, getattr(best, name), row.style, color=colour, label=row.label)
    if trained is None:
        return
    value, interval = getattr(trained, name), getattr(trained, f"{name}_interval")
    inside = (trained.status == EmpiricalStatus.INTERIOR) & (
        trained.edge_share <= 1 - trained.confidence
    )
    bars = np.nan_to_num(np.maximum(np.stack([value - interval[:, 0], interval[:, 1] - value]), 0))
    for chosen, face, text in (
        (
            inside,
            "black",
            f"trained ({optimizer_name(trained.optimizer)}), {trained.confidence:.0%} intervals",
        ),
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
