"""The bounds that an allocation can minimise: one row each, in one table.

`compute_optimal`, `isoflop`, the commands, sweeps and figure2 read the table. To add a bound, write
its ufunc and how to minimise it along a line of equal compute, and append a row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._core import frontier as _frontier
from .._core import spectral as _spectral
from ..bounds import closed_form_bound, error_bound
from ..spectral import refined_bound, spectral_bound

Column = NDArray[np.float64]


class Budgets(NamedTuple):
    """What is asked, as 1-d arrays of one length; of length 1 where all budgets share a value.

    `tables` are those of all input dimensions, increasing, for a bound that needs them.
    """

    budget: Column
    input_dim: Column
    concentration: Column
    cost: Column
    tables: Sequence[_spectral.Strategies] = ()


class Optima(NamedTuple):
    """What is found, as 1-d arrays to be filled, an element for each budget."""

    width: Column
    samples: Column
    error: Column
    misspecification: Column
    estimation: Column
    elasticity: Column
    status: NDArray[np.int8]  # members of `scalecore.Status`

    @classmethod
    def empty(cls, count: int) -> Optima:
        """Return columns for so many budgets."""
        return cls(
            np.empty(count),
            np.empty(count),
            np.empty(count),
            np.empty(count),
            np.empty(count),
            np.empty(count),
            np.empty(count, np.int8),
        )

    def part(self, first: int, last: int) -> Optima:
        """Return a view of some of the budgets."""
        if first == 0 and last == len(self.status):
            return self
        return Optima._make(column[first:last] for column in self)


@dataclass(frozen=True, eq=False)
class Objective:
    """A bound that `compute_optimal` can minimise.

    `minimise(budgets, optima, integer, n_threads)` fills `optima`: along d n T = budget / cost over
    n, T >= 1, whole ones if `integer`; n_threads 0 means all that this process may use. A bound
    with `needs_table` takes whole input dimensions only, and a table for each is handed to it.
    """

    name: str  # value of the argument `bound`
    ufunc: Callable[..., Any]  # function of n, T, d and K, in nats per sample
    minimise: Callable[[Budgets, Optima, bool, int], None]
    long_name: str
    style: str = "-"  # how pictures draw its line
    needs_table: bool = False

    @property
    def label(self) -> str:
        """Its name in legends: that of the ufunc."""
        return self.ufunc.__name__


def _closed(code: int) -> Callable[[Budgets, Optima, bool, int], None]:
    def minimise(budgets: Budgets, optima: Optima, integer: bool, n_threads: int) -> None:
        # one by one: a dictionary of them takes a tenth of what a single budget does
        _frontier.compute_optimal(
            budget=budgets.budget,
            input_dim=budgets.input_dim,
            concentration=budgets.concentration,
            cost=budgets.cost,
            width=optima.width,
            samples=optima.samples,
            error=optima.error,
            misspecification=optima.misspecification,
            estimation=optima.estimation,
            elasticity=optima.elasticity,
            status=optima.status,
            bound=code,
            integer=integer,
            n_threads=n_threads,
        )

    return minimise


def _spectral_part(strategies: int) -> Callable[[Budgets, Optima, bool, int], None]:
    def minimise(budgets: Budgets, optima: Optima, integer: bool, n_threads: int) -> None:
        columns = budgets._asdict() | optima._asdict()
        _spectral.compute_optimal(
            **columns, strategies=strategies, integer=integer, n_threads=n_threads
        )

    return minimise


_ROWS = [
    Objective(
        "optimal",
        error_bound,
        _closed(_frontier.BOUND_CODES["optimal"]),
        "error bound",
    ),
    Objective(
        "closed_form",
        closed_form_bound,
        _closed(_frontier.BOUND_CODES["closed_form"]),
        "closed-form error bound",
        style=":",
    ),
    Objective(
        "spectral",
        spectral_bound,
        _spectral_part(_spectral.BOUND_STRATEGIES["spectral_bound"]),
        "spectral error bound",
        needs_table=True,
    ),
    Objective(
        "refined",
        refined_bound,
        _spectral_part(_spectral.BOUND_STRATEGIES["refined_bound"]),
        "refined spectral error bound",
        style="--",
        needs_table=True,
    ),
]
OBJECTIVES = {row.name: row for row in _ROWS}
