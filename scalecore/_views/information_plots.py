"""Pictures of exact information (imports matplotlib only when called)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .style import line_colours, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..information import BestChannel, ConstrainedLearner, Decomposition, LearningCurve

__all__ = ["plot_channel", "plot_constrained", "plot_decomposition", "plot_learning_curve"]

_TERMS = ("retained", "forgotten", "inference gap")


def plot_learning_curve(curve: LearningCurve, ax: Axes | None = None) -> Axes:
    """Draw I(F; H_t) against t with a band of two standard errors, and H(F).

    Parameters
    ----------
    curve : LearningCurve
        What `FiniteModel.learning_curve` or `HypothesisSet.learning_curve` returned.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.
    """
    ax = new_axes(ax)
    colour = line_colours(2)[0]
    ax.plot(curve.samples, curve.information, color=colour, label=r"$I(F; H_t)$")
    if curve.replicates:
        low, high = (curve.information + sign * 2 * curve.std_error for sign in (-1, 1))
        ax.fill_between(
            curve.samples, low, high, color=colour, alpha=0.25, linewidth=0, label=r"$\pm 2$ s.e."
        )
    ax.axhline(curve.entropy, linestyle="--", color="0.45", linewidth=1.2, label=r"$H(F)$")
    ax.set(
        xlabel=r"samples $t$",
        ylabel="information (nats)",
        xlim=(0, curve.samples[-1]),
        ylim=(0, None),
    )
    ax.legend(frameon=False)
    return ax


def plot_decomposition(parts: Decomposition, ax: Axes | None = None) -> Axes:
    """Draw the cumulative error as the stack of what is retained, forgotten and not inferred.

    Parameters
    ----------
    parts : Decomposition
        What `FiniteModel.incremental` returned.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; up to the step in which the error becomes infinite, if it does.
    """
    ax = new_axes(ax)
    finite = parts.steps if parts.impossible is None else parts.impossible[0]
    steps = np.arange(finite + 1)
    forgotten, gap, error = (
        np.append(0.0, np.cumsum(term[:finite]))
        for term in (parts.forgotten, parts.inference_gap, parts.error)
    )
    ax.stackplot(
        steps,
        parts.retained[: finite + 1],
        forgotten,
        gap,
        labels=_TERMS,
        colors=line_colours(3),
        alpha=0.85,
    )
    ax.plot(steps, error, color="black", linewidth=1.0, label="error")
    ax.set(xlabel=r"samples $t$", ylabel="cumulative error (nats)", xlim=(0, max(1, finite)))
    if parts.impossible is not None:
        ax.set_title(f"infinite from step {finite} on")
    ax.legend(frameon=False, loc="upper left")
    return ax


def plot_constrained(learner: ConstrainedLearner, ax: Axes | None = None) -> Axes:
    """Draw the two parts of Theorem A's bound, stacked, beside the true error.

    Parameters
    ----------
    learner : ConstrainedLearner
        What `FiniteModel.constrained` returned.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; an infinite part is left out, and the title says so.
    """
    ax = new_axes(ax)
    estimation, misspecification, error = (
        value if np.isfinite(value) else 0.0
        for value in (learner.estimation, learner.misspecification, learner.error)
    )
    colours = line_colours(3)
    ax.bar(0, estimation, color=colours[0], label="estimation")
    ax.bar(0, misspecification, bottom=estimation, color=colours[1], label="misspecification")
    ax.bar(
        1,
        error,
        yerr=2 * learner.std_error if learner.replicates else None,
        color=colours[2],
        label="true error",
    )
    ax.set_xticks([0, 1], ["bound", "error"])
    ax.set(ylabel="nats per sample", xlim=(-0.6, 1.6))
    endless = [
        name for name in ("misspecification", "error") if not np.isfinite(getattr(learner, name))
    ]
    ax.set_title(f"{' and '.join(endless)} infinite" if endless else f"{learner.samples} samples")
    ax.legend(frameon=False)
    return ax


def plot_channel(best: BestChannel, ax: Axes | None = None) -> Axes:
    """Draw the channel as an image: a row for each hypothesis, a column for each that it uses.

    Parameters
    ----------
    best : BestChannel
        What `FiniteModel.best_channel` returned.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.
    """
    ax = new_axes(ax)
    image = ax.imshow(
        best.channel[:, best.hypotheses],
        aspect="auto",
        interpolation="nearest",
        vmin=0,
        vmax=1,
        cmap="viridis",
    )
    few = best.hypotheses.size <= 20
    if few:
        ax.set_xticks(range(best.hypotheses.size), [str(g) for g in best.hypotheses])
    ax.set(
        xlabel=r"hypothesis used, $\tilde F = g$" + ("" if few else " (in order)"),
        ylabel=r"hypothesis $F = f$",
    )
    ax.figure.colorbar(image, ax=ax, label=r"$P(\tilde F = g \mid F = f)$")
    return ax
