"""Pictures of the spectral bounds (imports matplotlib only when called)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .style import line_colours, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..spectral import Spectrum

__all__ = ["plot_spectrum"]

# largest rank that is drawn: the ticks of a logarithmic axis reach further and must not overflow
_MOST = 1e200
_APART = 0.04  # least distance of two labels, as a share of the axis


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
        The axes, with logarithmic scales; degrees whose ranks overflow or whose eigenvalues
        underflow are left out.
    """
    ax = new_axes(ax)
    with np.errstate(over="ignore"):
        last = np.cumsum(spectrum.multiplicity)
    shown = (last <= _MOST) & (spectrum.eigenvalue >= 1 / _MOST) & (spectrum.multiplicity >= 1)
    # eigenvalues fall with the degree
    degree, eigenvalue = (
        spectrum.degree[shown],
        spectrum.eigenvalue[shown],
    )
    edges = np.append(0.5, last[shown] + 0.5)  # the first rank is 1
    ax.set(xscale="log", yscale="log", xlabel="rank", ylabel=r"eigenvalue $\lambda_\ell$")
    wide, high = np.log(edges[-1] / edges[0]), np.log(eigenvalue[0] / eigenvalue[-1]) + 1
    ax.set_xlim(
        edges[0] * np.exp(-0.03 * wide), edges[-1] * np.exp(0.03 * wide)
    )  # automatic limits may overflow
    ax.set_ylim(eigenvalue[-1] * np.exp(-0.05 * high), eigenvalue[0] * np.exp(0.1 * high))
    ax.plot(np.repeat(edges, 2)[1:-1], np.repeat(eigenvalue, 2), color=line_colours(2)[0])
    ax.set_title(f"Spectrum of the infinite-width network, $d = {spectrum.input_dim}$")
    centres = np.sqrt(edges[1:]) * np.sqrt(edges[:-1])
    labelled, least = -np.inf, _APART * wide
    for number, x, y in zip(degree, centres, eigenvalue, strict=True):
        if np.log(x) >= labelled + least:
            text = rf"$\ell = {number}$" if number == degree[0] else f"{number}"
            ax.annotate(
                text, (x, y), xytext=(0, 3), textcoords="offset points", fontsize=8, color="0.35"
            )
            labelled = np.log(x)
    return ax
