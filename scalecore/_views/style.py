"""What pictures share: how they look, and what their legends say (imports matplotlib only when
called).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._common.optional import imported
from .._common.validation import describe

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STYLE = {
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
_NAMED = 12  # a legend names up to so many lines; of more it names a selection


def pyplot() -> Any:
    """Return matplotlib.pyplot."""
    return imported("matplotlib.pyplot", "pictures need matplotlib", "plot")


def new_axes(ax: Axes | None) -> Axes:
    """Return the axes given, or those of a new figure."""
    plt = pyplot()
    if ax is not None:
        return _checked("ax", ax)
    with plt.rc_context(STYLE):
        return plt.subplots(figsize=(5.2, 4.0), layout="constrained")[1]


def given_axes(ax: Any, count: int) -> NDArray[np.object_]:
    """Return the axes given, which must be so many."""
    axes = np.ravel(np.asarray(ax, dtype=object))
    if axes.size != count:
        raise ValueError(f"ax must hold {count} axes, got {axes.size}")
    for i, one in enumerate(axes):
        _checked(f"ax[{i}]", one)
    return axes


def _checked(name: str, ax: Any) -> Axes:
    if not isinstance(ax, pyplot().Axes):
        raise TypeError(f"{name} must be matplotlib axes, got {describe(ax)}")
    return ax


def power_of_ten(value: float) -> str:
    """Return a number as a power of ten, in TeX."""
    exponent = np.floor(np.log10(value) + 1e-9)
    mantissa = value / 10**exponent
    return (
        rf"$10^{{{exponent:.0f}}}$"
        if abs(mantissa - 1) < 1e-6
        else rf"${mantissa:.3g}\times 10^{{{exponent:.0f}}}$"
    )


def line_colours(count: int) -> NDArray[np.float64]:
    """Return colours that differ, dark to light."""
    return pyplot().get_cmap(_COLOURS)(np.linspace(0.05, 0.85, count))


def legend_of_some(ax: Axes, **options: Any) -> None:
    """Name the lines that have labels: all, or where there are many some, evenly spread, the first
    and the last among them.
    """
    handles, labels = ax.get_legend_handles_labels()
    slope_one = [i for i, label in enumerate(labels) if label == "slope 1"]
    lines = [i for i in range(len(labels)) if i not in slope_one]
    if len(lines) > _NAMED:
        lines = [lines[i] for i in np.unique(np.linspace(0, len(lines) - 1, 8).round().astype(int))]
    if lines:
        shown = lines + slope_one
        ax.legend(
            [handles[i] for i in shown],
            [labels[i] for i in shown],
            loc="best",
            frameon=False,
            **options,
        )


def say_that_there_is_nothing(ax: Axes, text: str = "no budget has an optimum") -> None:
    """Fill axes that have nothing to draw."""
    ax.set(xlim=(1, 10), ylim=(1, 10))  # logarithmic axes must have something to show
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", color="0.45")


def optimizer_name(name: str) -> str:
    """Return an optimizer's name as people write it."""
    return {"sgd": "SGD", "adam": "Adam", "adf": "ADF"}[name]
