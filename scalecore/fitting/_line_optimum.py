"""N* and D* at any budget, read off a line in log N* and log C."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._common.validation import positive_array
from ._lines import Line

# of the resamples must have a line, or those that have one say nothing about the rest
_MOSTLY = 0.9


@dataclass(frozen=True, eq=False)
class LineOptimum:
    """What a line through best model sizes says of budgets; arrays of the budget's shape.

    Attributes
    ----------
    budget, parameters, samples : ndarray
        C, N* and D* = C / (k N*), with k the FLOPs per parameter and sample of the runs.
    parameters_interval, samples_interval : ndarray, shape (..., 2)
        Intervals of the line. They know nothing of the method's bias.

    Examples
    --------
    >>> import numpy as np
    >>> import scalecore as sc
    >>> C, w = np.meshgrid([1e18, 1e19, 1e20, 1e21], [0.25, 0.5, 1, 2, 4])
    >>> N = np.sqrt(C / 120) * w
    >>> L = 2 + 9 * C**-0.1 + np.log(w)**2
    >>> table = sc.RunTable(N.ravel(), (C / 6 / N).ravel(), L.ravel())
    >>> best = sc.isoflop_profiles(table).compute_optimal([1.2e24, 1.2e26])
    >>> best.parameters.round(-9)
    array([1.e+11, 1.e+12])
    """

    budget: NDArray[np.float64]
    parameters: NDArray[np.float64]
    samples: NDArray[np.float64]
    parameters_interval: NDArray[np.float64]
    samples_interval: NDArray[np.float64]


def read_line(
    budget: ArrayLike,
    through: Line,
    draws: NDArray[np.float64] | None,
    level: float,
    log_cost: float,
) -> LineOptimum:
    """Return the line's optimum; `draws` are slopes and heights of resampled lines, or None."""
    array = positive_array("budget", budget)
    x = np.log(array)
    parameters = through.at(x)
    if draws is None:
        margin = through.margin(x, level)
        ends = np.stack([parameters - margin, parameters + margin], axis=-1)
    else:
        slopes, heights = draws
        ends = quantiles(heights + slopes * (x[..., None] - through.middle), level)
    with np.errstate(over="ignore"):
        return LineOptimum(
            budget=array,
            parameters=np.exp(parameters),
            samples=np.exp(x - log_cost - parameters),
            parameters_interval=np.exp(ends),
            samples_interval=np.exp((x - log_cost)[..., None] - ends[..., ::-1]),
        )


def slope_interval(
    through: Line, draws: NDArray[np.float64] | None, level: float
) -> NDArray[np.float64]:
    """Return the interval of the slope, by Student's t or by resamples."""
    if draws is not None:
        return quantiles(draws[0], level)
    margin = through.slope_margin(level)
    return np.array([through.slope - margin, through.slope + margin])


def quantiles(values: NDArray[np.float64], level: float) -> NDArray[np.float64]:
    """Return the percentile interval along the last axis; NaN if a tenth or more is not finite."""
    finite = np.isfinite(values)
    if not (finite.mean(axis=-1) >= _MOSTLY).all():
        return np.full((*values.shape[:-1], 2), np.nan)
    ends = np.nanquantile(
        np.where(finite, values, np.nan), [(1 - level) / 2, (1 + level) / 2], axis=-1
    )
    return np.moveaxis(ends, 0, -1)
