"""What `bayes_error` found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..network import NetworkPrior

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from xarray import Dataset


@dataclass(frozen=True, eq=False)
class ChainCells:
    """What the chains did in each cell of samples, edges[i] <= t < edges[i + 1].

    Attributes
    ----------
    edges : ndarray of int
        One more than cells.
    sticks : ndarray of int
        Sticks that moved; what lies beyond was told to the chain from the truth, and left out by
        the chain from the prior.
    step : ndarray
        Step of the integrator at the cell's geometric middle, found by pilots.
    lower, lower_std_error, upper, upper_std_error : ndarray
        Mean increment i_t of the information over the cell from both sides, nats.
    acceptance, flip_acceptance : ndarray
        Accepted shares of trajectories and of flips of signs.
    moved : ndarray
        Root mean square change of the logit, from the truth to the last state of its chain.
    effective, prior_effective : ndarray
        States of the chain from the truth and of that from the prior, corrected for their
        correlation.

    Examples
    --------
    >>> import scalecore as sc
    >>> prior = sc.NetworkPrior(input_dim=3, concentration=5)
    >>> found = sc.bayes_error(prior, [10, 100], replicates=4, states=8, rng=1)
    >>> found.cells.edges.tolist()
    [0, 1, 3, 10, 32, 100]
    """

    edges: NDArray[np.int64]
    sticks: NDArray[np.int64]
    step: NDArray[np.float64]
    lower: NDArray[np.float64]
    lower_std_error: NDArray[np.float64]
    upper: NDArray[np.float64]
    upper_std_error: NDArray[np.float64]
    acceptance: NDArray[np.float64]
    flip_acceptance: NDArray[np.float64]
    moved: NDArray[np.float64]
    effective: NDArray[np.float64]
    prior_effective: NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class BayesError:
    """The error of the best learner between two sides: what `bayes_error` found.

    Attributes
    ----------
    samples : ndarray
        Numbers of samples T, as asked. All that follows has their shape.
    lower, lower_std_error : ndarray
        The tightest known lower bound of the average error L_T, nats per sample, and its standard
        error over replications, which is 0 where the bound is proved.
    lower_source : ndarray of str
        Which one that is: "chains" or "bayes_error_lower_bound".
    upper, upper_std_error : ndarray
        The tightest known upper bound of L_T, in the same way.
    upper_source : ndarray of str
        "chains", "filter", "refined_bound" or "bayes_error_bound".
    ratio_std_error : ndarray
        Standard error of `ratio`. Where both sides are the chains' it is small, because both are
        measured on the same networks.
    chains_lower, chains_lower_std_error, chains_upper, chains_upper_std_error : ndarray
        The bounds by the chains, whether they are the tightest or not; NaN where a side was not
        asked for.
    prior : NetworkPrior
    replicates, states : int
        Networks with their histories, and states of each chain.
    cells : ChainCells
        What the chains did, cell by cell.

    Examples
    --------
    >>> import scalecore as sc
    >>> prior = sc.NetworkPrior(input_dim=3, concentration=5)
    >>> found = sc.bayes_error(prior, [10, 100], replicates=8, states=16, rng=1)
    >>> found
    BayesError(2 numbers of samples, 8 replicates x 16 states, upper/lower 1.2... to 1.2...)
    >>> bool((found.lower < found.upper).all())
    True
    >>> bool((found.information_lower == found.samples * found.lower).all())
    True
    """

    samples: NDArray[np.float64]
    lower: NDArray[np.float64]
    lower_std_error: NDArray[np.float64]
    lower_source: NDArray[np.str_]
    upper: NDArray[np.float64]
    upper_std_error: NDArray[np.float64]
    upper_source: NDArray[np.str_]
    ratio_std_error: NDArray[np.float64]
    chains_lower: NDArray[np.float64]
    chains_lower_std_error: NDArray[np.float64]
    chains_upper: NDArray[np.float64]
    chains_upper_std_error: NDArray[np.float64]
    prior: NetworkPrior
    replicates: int
    states: int
    cells: ChainCells

    @property
    def information_lower(self) -> NDArray[np.float64]:
        """The lower side of I(F; H_T) = T L_T, nats."""
        return self.samples * self.lower

    @property
    def information_upper(self) -> NDArray[np.float64]:
        """The upper side of I(F; H_T) = T L_T, nats."""
        return self.samples * self.upper

    @property
    def ratio(self) -> NDArray[np.float64]:
        """Upper over lower side: how well the error is known."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.upper / self.lower

    def __repr__(self) -> str:
        ratio = self.ratio
        between = (
            f", upper/lower {np.min(ratio):.3g} to {np.max(ratio):.3g}"
            if np.isfinite(ratio).all()
            else ""
        )
        return (
            f"BayesError({np.size(self.samples)} numbers of samples, {self.replicates} replicates "
            f"x {self.states} states{between})"
        )

    def _repr_html_(self) -> str:
        from .._views.bayes_error_html import bayes_error_html

        return bayes_error_html(self)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the band between the sides, with error bars of two standard errors; return the axes.

        Examples
        --------
        >>> import scalecore as sc
        >>> prior = sc.NetworkPrior(input_dim=3, concentration=5)
        >>> ax = sc.bayes_error(prior, [10, 100], replicates=4, states=8, rng=1).plot()
        >>> ax.get_yscale()
        'log'
        """
        from .._views.bayes_error_plots import plot_bayes_error

        return plot_bayes_error(self, ax=ax)

    def to_dataset(self) -> Dataset:
        """Return everything as a labelled xarray Dataset, `samples` and `cell` its axes.

        Examples
        --------
        >>> import scalecore as sc
        >>> prior = sc.NetworkPrior(input_dim=3, concentration=5)
        >>> sc.bayes_error(prior, [10, 100], replicates=4, states=8, rng=1).to_dataset().sizes
        Frozen({'samples': 2, 'cell': 5})
        """
        from .._views.bayes_error_dataset import bayes_error_dataset

        return bayes_error_dataset(self)


class BayesErrorInterrupted(KeyboardInterrupt):
    """Ctrl-C during `bayes_error`, when at least two replicates were finished.

    Attributes
    ----------
    result : BayesError
        Of the replicates that were finished.

    Examples
    --------
    >>> import scalecore as sc
    >>> issubclass(sc.BayesErrorInterrupted, KeyboardInterrupt)
    True
    """

    def __init__(self, message: str, result: BayesError) -> None:
        super().__init__(message, result)
        self.result = result

    def __str__(self) -> str:
        return str(self.args[0])
