"""Pictures of the best learner's error between its sides (imports matplotlib only when called)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .style import line_colours, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..posterior import BayesError

__all__ = ["plot_bayes_error"]


def plot_bayes_error(found: BayesError, ax: Axes | None = None) -> Axes:
    """Draw the band between the sides over the number of samples.

    Parameters
    ----------
    found : BayesError
        What `scalecore.bayes_error` returned.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, with logarithmic scales.
    """
    ax = new_axes(ax)
    order = np.argsort(np.ravel(found.samples))
    samples, lower, lower_error, upper, upper_error = (
        np.ravel(getattr(found, name))[order]
        for name in ("samples", "lower", "lower_std_error", "upper", "upper_std_error")
    )
    first, second = line_colours(2)
    if np.isfinite(lower).all():
        ax.fill_between(samples, lower, upper, color=first, alpha=0.2, linewidth=0)
    for values, errors, colour, label in (
        (upper, upper_error, second, "at most"),
        (lower, lower_error, first, "at least"),
    ):
        ax.errorbar(
            samples,
            values,
            yerr=2 * np.nan_to_num(errors),
            fmt="o-",
            color=colour,
            markersize=4,
            linewidth=1.2,
            capsize=2,
            label=rf"{label}, $\pm 2$ s.e.",
        )
    prior = found.prior
    ax.set(
        xscale="log",
        yscale="log",
        xlabel=r"samples $T$",
        ylabel="error of the best learner (nats per sample)",
    )
    ax.set_title(
        f"$d = {prior.input_dim}$, $K = {prior.concentration:g}$, {found.replicates} replicates"
    )
    ax.legend(frameon=False)
    return ax
