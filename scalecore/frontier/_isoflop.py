"""The bound along lines of equal compute."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._common.status import Status
from .._common.validation import positive_int, real_array
from ._allocation import Frontier, compute_optimal
from ._objectives import OBJECTIVES

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False)
class IsoFlop:
    """The bound along lines of equal compute.

    Attributes
    ----------
    budget : ndarray
        Budgets in FLOPs, broadcast with input_dim, concentration and cost.
    width, samples, error : ndarray, shape budget.shape + (points,)
        Log-spaced widths from 1 to the widest that the budget pays for, the samples that are left,
        and the bound in nats.
    optimum : Frontier
        The best point of each line.

    Examples
    --------
    >>> import scalecore as sc
    >>> lines = sc.isoflop([1e6, 1e9], 10, 100, points=50)
    >>> lines
    IsoFlop(2 budgets x 50 widths, optimal bound)
    >>> lines.error.shape, lines.optimum.width.round(2)
    ((2, 50), array([ 27.04, 300.81]))
    """

    budget: NDArray[np.float64]
    width: NDArray[np.float64]
    samples: NDArray[np.float64]
    error: NDArray[np.float64]
    optimum: Frontier

    @property
    def parameters(self) -> NDArray[np.float64]:
        """Parameter counts, input_dim * width."""
        return np.asarray(self.optimum.input_dim)[..., np.newaxis] * self.width

    def __repr__(self) -> str:
        return (
            f"IsoFlop({np.size(self.budget)} budgets x {self.width.shape[-1]} widths, "
            f"{self.optimum.bound} bound)"
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the bound against the parameters, one line a budget, optima marked; return the axes.

        Examples
        --------
        >>> import scalecore as sc
        >>> ax = sc.isoflop([1e6, 1e9], 10, 100).plot()
        >>> ax.get_xscale()
        'log'
        """
        from .._views.frontier_plots import plot_isoflop

        return plot_isoflop(self, ax=ax)


def isoflop(
    budgets: ArrayLike,
    input_dim: ArrayLike,
    concentration: ArrayLike,
    *,
    cost: ArrayLike = 1.0,
    points: int = 200,
    bound: str = "optimal",
) -> IsoFlop:
    """Evaluate the bound along isoFLOP lines, d * n * T = budget / cost.

    Parameters
    ----------
    budgets : array_like
        Compute budgets C, in FLOPs.
    input_dim, concentration, cost : array_like
        As for `compute_optimal`; they broadcast with `budgets`.
    points : int, default 200
        Widths on each line, at least 2.
    bound : {"optimal", "closed_form", "spectral", "refined"}
        Which bound.

    Returns
    -------
    IsoFlop
        With ``error[budget, point]``; the line of an infeasible or invalid budget is NaN.

    Raises
    ------
    TypeError, ValueError
        As `compute_optimal`, and if `points` is not an integer above 1.

    Examples
    --------
    >>> import scalecore as sc
    >>> lines = sc.isoflop([1e6, 1e9], 10, 100, points=5)
    >>> lines.width[0].round(1)
    array([1.0000e+00, 1.7800e+01, 3.1620e+02, 5.6234e+03, 1.0000e+05])
    >>> bool((lines.error >= lines.optimum.error[:, None]).all())
    True
    """
    points = positive_int("points", points, least=2, most=10**8)
    optimum = compute_optimal(
        np.atleast_1d(real_array("budgets", budgets)),
        input_dim,
        concentration,
        cost=cost,
        bound=bound,
    )
    refused = np.isin(optimum.status, (Status.INFEASIBLE, Status.INVALID))
    dims, concentrations = (
        np.where(refused, np.nan, array)[..., None]
        for array in (optimum.input_dim, optimum.concentration)
    )
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        product = np.where(refused, np.nan, optimum.budget / (optimum.cost * optimum.input_dim))[
            ..., None
        ]
        width = np.exp(np.log(product) * np.linspace(0.0, 1.0, points))
    width[..., -1:] = product
    samples = product / width
    return IsoFlop(
        optimum.budget,
        width,
        samples,
        OBJECTIVES[bound].ufunc(width, np.maximum(samples, 1.0), dims, concentrations),
        optimum,
    )
