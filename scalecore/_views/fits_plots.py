"""Pictures of fitted laws (imports matplotlib only when called)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .style import line_colours, new_axes, say_that_there_is_nothing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..fitting._fitted_law import FittedLaw

KINDS = ("isoloss", "residuals", "calibration")
_GRID = 121
_LEVELS = 9
_BEYOND = 30.0  # how many times beyond the largest runs the map reaches
_BUDGETS = 61
_USUAL = ((1e7, 1e10), (1e9, 1e12), (6e16, 6e22))  # ranges of N, D and C for a law without runs


def plot_law(law: FittedLaw, kind: str, ax: Axes | None = None) -> Axes:
    """Draw a law as one of `KINDS`."""
    ax = new_axes(ax)
    if np.isnan(law.theta).any():
        say_that_there_is_nothing(ax, f"no law: {law.certificate.reason}")
        return ax
    if kind != "isoloss" and not len(law.table):
        say_that_there_is_nothing(ax, "no runs: the values were given")
        return ax
    return {"isoloss": _isoloss, "residuals": _residuals, "calibration": _calibration}[kind](
        law, ax
    )


def _isoloss(law: FittedLaw, ax: Axes) -> Axes:
    """Contours of equal loss in (N, D), the runs, and where budgets are best spent."""
    of_runs = (law.ranges.parameters, law.ranges.samples, law.ranges.compute)
    (n_low, n_high), (d_low, d_high), (c_low, c_high) = of_runs if len(law.table) else _USUAL
    N = np.geomspace(n_low / 2, n_high * _BEYOND, _GRID)
    D = np.geomspace(d_low / 2, d_high * _BEYOND, _GRID)
    ax.set(xscale="log", yscale="log", xlabel="parameters $N$", ylabel="training samples $D$")
    if law.usable:
        loss = law.predict(N[None, :], D[:, None]).loss
        levels = np.unique(np.quantile(loss, np.linspace(0.02, 0.95, _LEVELS)))
        colours = line_colours(len(levels))[::-1]
        lines = ax.contour(N, D, loss, levels=levels, colors=colours, linewidths=1.2)
        ax.clabel(lines, fmt="%.3g", fontsize=8)
    ax.plot(
        law.table.parameters,
        law.table.samples,
        ".",
        color="0.25",
        markersize=4,
        label="runs" if len(law.table) else "_",
        zorder=3,
    )
    budgets = np.geomspace(c_low, c_high * _BEYOND**1.5, _BUDGETS)
    best = law.compute_optimal(budgets)
    if np.isfinite(best.parameters).any():
        ax.plot(
            best.parameters,
            best.samples,
            color="tab:red",
            linewidth=2,
            label="compute-optimal",
            zorder=4,
        )
        if np.isfinite(best.parameters_low).any():
            # at a given budget N and D lie on a line of equal compute: its part between the ends
            for i in range(0, _BUDGETS, 12):
                ends = np.array([best.parameters_low[i], best.parameters_high[i]])
                ax.plot(
                    ends,
                    budgets[i] / (best.cost * ends),
                    color="tab:red",
                    linewidth=5,
                    alpha=0.3,
                    solid_capstyle="butt",
                )
    ax.set(xlim=(N[0], N[-1]), ylim=(D[0], D[-1]))
    ax.legend(loc="upper left", frameon=True, framealpha=0.9)
    ax.set_title(f"{law.form.name}: loss ({law.loss_unit}), {len(law.table):,} runs")
    return ax


def _residuals(law: FittedLaw, ax: Axes) -> Axes:
    """Residuals against compute: what the law misses should have no shape."""
    ax.axhline(0.0, color="0.6", linewidth=1)
    points = ax.scatter(
        law.table.flops,
        100 * law.residuals,
        c=np.log10(law.table.samples / law.table.parameters),
        s=14,
        cmap="viridis",  # from dark to light, so that it can be read in grey
        edgecolors="0.3",
        linewidths=0.3,
    )
    ax.figure.colorbar(points, ax=ax, label=r"$\log_{10}(D/N)$")
    ax.set(xscale="log", xlabel="compute (FLOPs)", ylabel="observed over fitted loss − 1 (%)")
    ax.set_title(f"{law.form.name}: residuals of {len(law.table):,} runs")
    return ax


def _calibration(law: FittedLaw, ax: Axes) -> Axes:
    """How often runs lie within intervals of each level: the diagonal where intervals are
    honest.
    """
    levels = np.linspace(0.05, 0.95, 19)
    if not len(law.theta_draws):
        say_that_there_is_nothing(ax, "no draws: fit with resamples > 0")
        return ax
    covered = np.array([share_inside(law, float(level)) for level in levels])
    ax.plot([0, 1], [0, 1], "--", color="0.6", linewidth=1, label="honest")
    ax.plot(levels, covered, "o-", color="tab:blue", label="one run's interval, runs of the fit")
    ax.set(xlabel="nominal level", ylabel="share of runs inside", xlim=(0, 1), ylim=(0, 1))
    ax.legend(frameon=False)
    ax.set_title(f"{law.form.name}: calibration on {len(law.table):,} runs")
    return ax


def share_inside(law: FittedLaw, level: float) -> float:
    """Return the share of the runs, some hundreds at most, that lie in one run's interval."""
    table = law.table
    shown: NDArray[np.intp] = np.unique(
        np.linspace(0, len(table) - 1, min(len(table), 400)).round().astype(int)
    )
    part = table.where(np.isin(np.arange(len(table)), shown))
    predicted = law.predict(
        part.parameters, part.samples, level, kind="run", unique_samples=part.unique_samples
    )
    observed = part.loss / part.loss_scale
    return float(np.mean((predicted.low <= observed) & (observed <= predicted.high)))
