"""A comparison of forms by their forecasts: what can be asked of it."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from .._common.validation import path
from ._allocation import Allocation
from ._centre import Array
from ._fitted_law import FittedLaw
from ._prediction import Prediction
from ._rollout import Fold
from ._run_table import RunTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._common.annotations import FilePath


class ComparisonStatus(IntEnum):
    """What a comparison can tell.

    DECIDED: one form forecasts better than the others by more than the folds scatter. UNDECIDED:
    two or more are closer than that: take the stacked law. TOO_NARROW: the runs span too little
    compute or too little D/N, or leave less than two cuts. NO_FORECAST: nothing could be scored.

    Examples
    --------
    >>> import scalecore as sc
    >>> sc.ComparisonStatus(1).name
    'UNDECIDED'
    """

    DECIDED = 0
    UNDECIDED = 1
    TOO_NARROW = 2
    NO_FORECAST = 3


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Forms compared by their forecasts of larger runs.

    Attributes
    ----------
    table : RunTable
    forms : tuple of str
    laws : dict of str to FittedLaw
        Each form fitted to the whole table.
    folds : tuple of Fold
        The cuts, from the smallest on.
    error, largest, bias : ndarray, shape (forms, folds)
        Mean and largest size of ln(forecast/loss), and its mean; NaN where a form gave no law.
    coverage : ndarray, shape (forms, folds)
        Share of the scored rows inside the forecast's interval for one run, at `level`.
    stacked_error : ndarray, shape (folds,)
        Mean error of the mixture with weights from the other folds; NaN with less than two.
    weights : dict of str to float
        Of the stacked law; of sum 1.
    law : FittedLaw or None
        The stacked law: the mixture of `laws` with these weights, to be asked as any other.
    best : str or None
        The simplest form whose mean error is the least, or more by at most a standard error over
        the folds.
    level : float
    status : ComparisonStatus
        Look here first.
    reason : str

    Examples
    --------
    >>> import numpy as np
    >>> import scalecore as sc
    >>> N, D = np.geomspace(2e7, 4e9, 6), np.geomspace(1e9, 3e11, 6)
    >>> N, D = np.repeat(N, 6), np.tile(D, 6)
    >>> noise = np.exp(0.002 * np.random.default_rng(0).standard_normal(36))
    >>> table = sc.RunTable(N, D, (1.8 + 480 / N**0.35 + 2100 / D**0.37) * noise)
    >>> comparison = sc.compare(table, resamples=100, rng=0)
    >>> bool(comparison.error[0].mean() < 0.005), len(comparison.folds) > 2
    (True, True)
    >>> round(sum(comparison.weights.values()), 12)
    1.0
    """

    table: RunTable
    forms: tuple[str, ...]
    laws: dict[str, FittedLaw]
    folds: tuple[Fold, ...]
    error: Array
    largest: Array
    bias: Array
    coverage: Array
    stacked_error: Array
    weights: dict[str, float]
    law: FittedLaw | None
    best: str | None
    level: float
    status: ComparisonStatus
    reason: str

    @property
    def mean_error(self) -> dict[str, float]:
        """Mean error of each form over the folds; NaN where it gave no law in one of them."""
        means = self.error.mean(1) if self.folds else np.full(len(self.forms), np.nan)
        return dict(zip(self.forms, map(float, means), strict=True))

    def predict(
        self,
        parameters: ArrayLike,
        samples: ArrayLike,
        level: float = 0.95,
        kind: str = "mean",
        *,
        unique_samples: Any = None,
    ) -> Prediction:
        """Return the stacked forecast, with intervals from the draws of all forms together.

        Parameters and result are those of `FittedLaw.predict`.

        Examples
        --------
        >>> import numpy as np
        >>> import scalecore as sc
        >>> N, D = np.geomspace(2e7, 4e9, 6), np.geomspace(1e9, 3e11, 6)
        >>> N, D = np.repeat(N, 6), np.tile(D, 6)
        >>> table = sc.RunTable(N, D, 1.8 + 480 / N**0.35 + 2100 / D**0.37)
        >>> found = sc.compare(table, ("additive", "coupled"), resamples=0)
        >>> f"{found.predict(7e10, 1.4e12).loss:.4f}"
        '1.9441'
        """
        return self._stacked().predict(
            parameters, samples, level, kind=kind, unique_samples=unique_samples
        )

    def compute_optimal(
        self, budget: ArrayLike, cost: float | None = None, level: float = 0.95
    ) -> Allocation:
        """Return the allocation under the stacked law; see `FittedLaw.compute_optimal`.

        Examples
        --------
        >>> import numpy as np
        >>> import scalecore as sc
        >>> N, D = np.geomspace(2e7, 4e9, 6), np.geomspace(1e9, 3e11, 6)
        >>> N, D = np.repeat(N, 6), np.tile(D, 6)
        >>> table = sc.RunTable(N, D, 1.8 + 480 / N**0.35 + 2100 / D**0.37)
        >>> best = sc.compare(table, ("additive", "coupled"), resamples=0).compute_optimal(1e23)
        >>> f"{float(best.parameters):.3g}"
        '3.13e+10'
        """
        return self._stacked().compute_optimal(budget, cost, level)

    def _stacked(self) -> FittedLaw:
        if self.law is None:
            raise ValueError(f"there is no stacked law: {self.reason}")
        return self.law

    def rows(self) -> list[dict[str, Any]]:
        """Return one dict for each form and fold, for a data frame or a CSV file.

        Examples
        --------
        >>> import numpy as np
        >>> import scalecore as sc
        >>> N, D = np.geomspace(2e7, 4e9, 6), np.geomspace(1e9, 3e11, 6)
        >>> N, D = np.repeat(N, 6), np.tile(D, 6)
        >>> table = sc.RunTable(N, D, 1.8 + 480 / N**0.35 + 2100 / D**0.37)
        >>> rows = sc.compare(table, ("tied", "additive"), rollout=[1e20, 1e21], resamples=0).rows()
        >>> len(rows), rows[0]["form"], rows[0]["compute"]
        (4, 'tied', 1e+20)
        """
        columns = ("error", "largest", "bias", "coverage")
        return [
            {
                "form": form,
                "compute": fold.compute,
                "fitted": int(np.count_nonzero(fold.fitted)),
                "scored": int(np.count_nonzero(fold.scored)),
                **{name: float(getattr(self, name)[i, j]) for name in columns},
                "weight": self.weights[form],
            }
            for i, form in enumerate(self.forms)
            for j, fold in enumerate(self.folds)
        ]

    def to_csv(self, file: FilePath) -> None:
        """Write `rows` to a CSV file.

        Examples
        --------
        >>> import os, tempfile
        >>> import numpy as np
        >>> import scalecore as sc
        >>> N, D = np.geomspace(2e7, 4e9, 6), np.geomspace(1e9, 3e11, 6)
        >>> N, D = np.repeat(N, 6), np.tile(D, 6)
        >>> table = sc.RunTable(N, D, 1.8 + 480 / N**0.35 + 2100 / D**0.37)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     place = os.path.join(folder, "forecasts.csv")
        ...     sc.compare(table, ("tied", "additive"), rollout=[1e20], resamples=0).to_csv(place)
        ...     with open(place) as file:
        ...         file.readline().strip()
        'form,compute,fitted,scored,error,largest,bias,coverage,weight'
        """
        with open(path("file", file), "w", newline="", encoding="utf-8") as out:
            fields = (
                "form",
                "compute",
                "fitted",
                "scored",
                "error",
                "largest",
                "bias",
                "coverage",
                "weight",
            )
            writer = csv.DictWriter(out, fields, lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows())

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the error of every form, and of the mixture, against the cut; return the axes.

        Examples
        --------
        >>> import numpy as np
        >>> import scalecore as sc
        >>> N, D = np.geomspace(2e7, 4e9, 6), np.geomspace(1e9, 3e11, 6)
        >>> N, D = np.repeat(N, 6), np.tile(D, 6)
        >>> table = sc.RunTable(N, D, 1.8 + 480 / N**0.35 + 2100 / D**0.37)
        >>> sc.compare(table, ("tied", "additive"), resamples=0).plot().get_yscale()
        'log'
        """
        from .._views import comparison_plots

        return comparison_plots.plot_comparison(self, ax)

    def __repr__(self) -> str:
        shares = ", ".join(
            f"{form} {100 * error:.3g} % (weight {self.weights[form]:.2f})"
            for form, error in self.mean_error.items()
        )
        why = f": {self.reason}" if self.reason else ""
        counts = f"{len(self.table):,} rows, {len(self.folds)} forecasts"
        return f"Comparison({counts}, {self.status.name}{why}; mean error {shares})"

    def _repr_html_(self) -> str:
        from .._views import comparison_html

        return comparison_html.comparison(self)
