"""What isoFLOP profiles are: best model sizes per compute budget, and the line through them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._line_optimum import LineOptimum, read_line
from ._lines import Line
from ._profile_status import ProfileStatus

if TYPE_CHECKING:
    from .._common.annotations import Panels
    from ._run_table import RunTable


@dataclass(frozen=True, eq=False, repr=False)
class IsoFlopProfiles:
    """Best model sizes per compute budget, by parabolas.

    Attributes
    ----------
    budget : ndarray, shape (B,)
        Compute budgets C in FLOPs (geometric means of the runs' compute), ascending.
    parameters, samples, loss : ndarray, shape (B,)
        N*, D* and the loss (nats) at the parabola's vertex; at the edge where `status` is AT_EDGE;
        NaN where there is no minimum.
    parameters_interval : ndarray, shape (B, 2)
        Fieller's interval of N*: exact for Gaussian errors of the loss, (0, inf) where the runs do
        not tell that there is a minimum. NaN for three runs or fewer.
    bias : ndarray, shape (B,)
        By how much the vertex lies beside the minimum, in log N, if the loss is E + A/N^alpha +
        B/D^beta with the exponents that all runs suggest: a loss is no parabola. NaN if unknown.
    runs : ndarray of int, shape (B,)
        Runs that the parabola goes through.
    status : ndarray of int8, shape (B,)
        `ProfileStatus` of each budget.
    elasticity : float
        d log N*/d log C of a straight line through the INTERIOR vertices; NaN for fewer than three.
    elasticity_interval : ndarray, shape (2,)
        By Student's t of the line, or by resampling runs where rows of one run belong to several
        budgets.
    elasticity_bias : float
        Slope of `bias`: by how much the elasticity is off for that reason alone.
    coefficients : ndarray, shape (B, 3)
        The parabolas: loss = c0 + c1 u + c2 u^2 with u = log(N / N_0).
    centre : ndarray, shape (B,)
        N_0.
    profile : ndarray of int, shape (n,)
        For each row of the table the budget that it belongs to, or -1.
    used : ndarray of bool, shape (n,)
        Whether the parabola goes through it.
    table : RunTable
    rtol, level : float
    window : float or None

    Examples
    --------
    >>> import numpy as np
    >>> import scalecore as sc
    >>> C, w = np.meshgrid([1e18, 1e19, 1e20, 1e21], [0.25, 0.5, 1, 2, 4])
    >>> N = np.sqrt(C / 120) * w
    >>> L = 2 + 9 * C**-0.1 + np.log(w)**2
    >>> table = sc.RunTable(N.ravel(), (C / 6 / N).ravel(), L.ravel())
    >>> sc.isoflop_profiles(table)
    IsoFlopProfiles(4 budgets, 4 with an interior minimum, d log N*/d log C = 0.500 [0.500, 0.500])
    """

    budget: NDArray[np.float64]
    parameters: NDArray[np.float64]
    samples: NDArray[np.float64]
    loss: NDArray[np.float64]
    parameters_interval: NDArray[np.float64]
    bias: NDArray[np.float64]
    runs: NDArray[np.int64]
    status: NDArray[np.int8]
    elasticity: float
    elasticity_interval: NDArray[np.float64]
    elasticity_bias: float
    coefficients: NDArray[np.float64]
    centre: NDArray[np.float64]
    profile: NDArray[np.int64]
    used: NDArray[np.bool_]
    table: RunTable
    rtol: float
    level: float
    window: float | None
    _line: Line = field(repr=False)
    _draws: NDArray[np.float64] | None = field(repr=False)

    def compute_optimal(self, budget: ArrayLike) -> LineOptimum:
        """Read the line through the vertices at other budgets.

        N* = exp(a + b log C), and D* = C / (k N*) with k the FLOPs per parameter and sample of the
        runs. This is the classical extrapolation; `bias` says how good it can be at best.

        Parameters
        ----------
        budget : array_like
            Compute budgets C in FLOPs.

        Returns
        -------
        LineOptimum
            NaN where fewer than three budgets have an interior minimum.

        Raises
        ------
        TypeError, ValueError
            If `budget` is not positive and finite.

        Examples
        --------
        >>> import numpy as np
        >>> import scalecore as sc
        >>> C, w = np.meshgrid([1e18, 1e19, 1e20, 1e21], [0.25, 0.5, 1, 2, 4])
        >>> N = np.sqrt(C / 120) * w
        >>> L = 2 + 9 * C**-0.1 + np.log(w)**2
        >>> table = sc.RunTable(N.ravel(), (C / 6 / N).ravel(), L.ravel())
        >>> best = sc.isoflop_profiles(table).compute_optimal(1.2e24)
        >>> round(float(best.samples / best.parameters), 6)
        20.0
        """
        return read_line(budget, self._line, self._draws, self.level, self._log_cost)

    @property
    def _log_cost(self) -> float:
        """Logarithm of FLOPs per parameter and sample, as the runs have it in the middle."""
        found = np.isfinite(self.samples)
        ratios = (
            np.log(self.budget[found])
            - np.log(self.parameters[found])
            - np.log(self.samples[found])
        )
        return float(np.median(ratios)) if ratios.size else float(np.log(self.table.cost))

    def __repr__(self) -> str:
        interior = int(np.count_nonzero(self.status == ProfileStatus.INTERIOR))
        low, high = self.elasticity_interval
        return (
            f"IsoFlopProfiles({self.budget.size} budgets, {interior} with an interior minimum, "
            f"d log N*/d log C = {self.elasticity:.3f} [{low:.3f}, {high:.3f}])"
        )

    def _repr_html_(self) -> str:
        from .._views.profile_html import profiles_html

        return profiles_html(self, [ProfileStatus(int(status)).name for status in self.status])

    def plot(self, ax: Any = None) -> Panels:
        """Draw the profiles with their parabolas, and N* over C with the line; return two axes.

        Parameters
        ----------
        ax : sequence of two matplotlib.axes.Axes, optional
            Where to draw; a new figure if not given.

        Returns
        -------
        ndarray of matplotlib.axes.Axes

        Examples
        --------
        >>> import numpy as np
        >>> import scalecore as sc
        >>> C, w = np.meshgrid([1e18, 1e19, 1e20, 1e21], [0.25, 0.5, 1, 2, 4])
        >>> N = np.sqrt(C / 120) * w
        >>> L = 2 + 9 * C**-0.1 + np.log(w)**2
        >>> table = sc.RunTable(N.ravel(), (C / 6 / N).ravel(), L.ravel())
        >>> len(sc.isoflop_profiles(table).plot())
        2
        """
        from .._views.profile_plots import plot_profiles

        interior = self.status == ProfileStatus.INTERIOR
        budgets_shown = (
            np.geomspace(self.budget[0] / 2, self.budget[-1] * 2, 60)
            if self.budget.size
            else np.ones(1)
        )
        return plot_profiles(self, interior, self.compute_optimal(budgets_shown), ax=ax)
