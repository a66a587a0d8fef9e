"""Pictures of a swept frontier (imports matplotlib only when called)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .style import STYLE, line_colours, power_of_ten, pyplot

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..sweeps import Sweep

_MOST_LINES = 9
_GRID = ("budget", "input_dim", "concentration")


def plot_sweep(sweep: Sweep) -> Figure:
    """Draw families of frontiers, the model's share over input dimension and concentration, and the
    elasticity.
    """
    if sweep.task != "compute_optimal":
        raise ValueError(
            f"only swept frontiers can be drawn, not {sweep.task}; open the store with xarray"
        )
    if "budget" not in sweep.shape:
        raise ValueError("a frontier needs several budgets to be drawn")
    plt = pyplot()
    with sweep.open() as opened:
        needed = [name for name in ("width", "samples", "elasticity") if name not in opened]
        if needed:
            raise ValueError(f"the store lacks {', '.join(needed)}, which the picture needs")
        extra = [dim for dim in opened["width"].dims if dim not in _GRID]
        data = opened[["width", "samples", "elasticity"]].isel(dict.fromkeys(extra, 0))
        data = data.expand_dims([dim for dim in _GRID if dim not in data["width"].dims]).transpose(
            *_GRID
        )
        data = _thinned(data).load()
    if not np.isfinite(data["width"]).any():
        raise ValueError("the store has no budget that is feasible and finished: nothing to draw")
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, 3, figsize=(14.5, 4.2), layout="constrained")
    _families(data, axes[0], axes[2])
    _share(data, axes[1])
    return figure


def _thinned(data: Any) -> Any:
    """At most 200 budgets and 60 x 60 others: a picture has no room for more."""
    for dim, limit in (("budget", 200), ("input_dim", 60), ("concentration", 60)):
        if data.sizes[dim] > limit:
            data = data.isel(
                {dim: np.unique(np.rint(np.linspace(0, data.sizes[dim] - 1, limit)).astype(int))}
            )
    return data


def _short(value: Any) -> str:
    """Return a number to three digits; a large one as a power of ten."""
    number = float(f"{float(value):.3g}")
    return power_of_ten(number) if number >= 1000 else f"{number:g}"


def _families(data: Any, left: Axes, right: Axes) -> None:
    """Lines over budgets for some of the (d, K)."""
    dims, concentrations = data.sizes["input_dim"], data.sizes["concentration"]
    several = min(3, dims), min(3, concentrations)
    places = [
        (i, j)
        for i in np.unique(np.rint(np.linspace(0, dims - 1, several[0])).astype(int))
        for j in np.unique(np.rint(np.linspace(0, concentrations - 1, several[1])).astype(int))
    ][:_MOST_LINES]
    for colour, (i, j) in zip(line_colours(len(places)), places, strict=True):
        line = data.isel(input_dim=i, concentration=j)
        label = f"$d =$ {_short(line.input_dim)}, $K =$ {_short(line.concentration)}"
        left.plot(line["samples"], float(line.input_dim) * line["width"], color=colour, label=label)
        right.plot(data["budget"], line["elasticity"], color=colour)
    if not np.isfinite(data["samples"]).any():
        left.set(xlim=(1, 10), ylim=(1, 10))  # logarithmic axes must have something to show
    left.set(
        xscale="log",
        yscale="log",
        xlabel=r"training samples $T^*$",
        ylabel=r"parameters $p^* = d\,n^*$",
    )
    left.set_title("Compute-optimal frontiers")
    left.legend(fontsize=7, frameon=False)
    right.axhline(0.5, color="0.45", linestyle="--", linewidth=1.2)
    right.set(
        xscale="log",
        xlabel="budget (FLOPs)",
        ylabel=r"$d\,\log p^* / d\,\log C$",
        title="Share of growth that goes to parameters",
    )


def _share(data: Any, ax: Axes) -> None:
    """Draw the model's share at the middle budget."""
    middle = data.isel(budget=data.sizes["budget"] // 2)
    parameters = middle["width"] * middle["input_dim"]
    share = (parameters / (parameters + middle["samples"])).transpose("concentration", "input_dim")
    ax.set_title(rf"Model share $p^*/(p^*+T^*)$ at $C =$ {_short(middle.budget)}")
    ax.set(xlabel="input dimension $d$", ylabel="concentration $K$")
    if min(share.shape) < 2:
        dim = "input_dim" if share.sizes["input_dim"] > 1 else "concentration"
        ax.plot(middle[dim], np.ravel(share), marker="o", markersize=4, color=line_colours(2)[0])
        ax.set(xscale="log", xlabel=dim.replace("_", " "), ylabel="share of the model")
        return
    image = ax.pcolormesh(
        middle["input_dim"],
        middle["concentration"],
        share,
        norm="log",
        cmap="viridis",
        shading="nearest",
        rasterized=True,
    )
    ax.set(xscale="log", yscale="log")
    ax.figure.colorbar(image, ax=ax)
