"""A fitted law: what can be asked of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from .._common.validation import one_of
from . import _allocation, _given_values, _inverse, _law_files, _prediction, _sensitivity
from ._centre import Array
from ._fitted_parameters import FittedParameters
from ._quantiles import checked_level

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .._common.annotations import FilePath
    from ._user_form import AnyForm


@dataclass(frozen=True)
class Ranges:
    """Least and largest parameters, samples and compute of the runs; NaN where there are none."""

    parameters: tuple[float, float]
    samples: tuple[float, float]
    compute: tuple[float, float]


@dataclass(frozen=True, eq=False, repr=False)
class FittedLaw(FittedParameters):
    """A law L(N, D) fitted to runs: values, certificate, draws, and what follows from them.

    Attributes
    ----------
    table : RunTable
        The runs.
    form : Form
    theta, theta_draws : ndarray, shape (p,), (draws, p)
        Parameters in centred logarithms; `values` and `draws` have them in the table's units.
    centre : Centre
        The means that were taken away.
    loss_function : str
    delta : float
        Huber's δ.
    objective : float
        The minimised sum over runs (with ``loss="squared"``, relative to the squared geometric mean
        of the losses).
    status : FitStatus
        Look here first.
    certificate : Certificate
    intervals : {"pairs", "wild", "none"}
        How draws were made.
    by : {"run", "row"}
    key : int
        Key of the random streams; the same key and table give the same draws.

    Examples
    --------
    >>> import numpy as np
    >>> import scalecore as sc
    >>> N, D = (a.ravel() for a in np.meshgrid([1e8, 3e8, 1e9, 3e9], [2e9, 8e9, 3e10, 1e11]))
    >>> noise = np.exp(0.003 * np.random.default_rng(0).standard_normal(16))
    >>> table = sc.RunTable(N, D, (1.8 + 480 / N**0.35 + 2100 / D**0.37) * noise)
    >>> law = sc.fit(table, "additive", rng=0)
    >>> law.status.name, law.certificate.agreed == law.certificate.starts
    ('CONVERGED', True)
    >>> low, high = law.interval(0.95)["alpha"]
    >>> bool(low < 0.35 < high)
    True
    """

    @classmethod
    def from_values(
        cls,
        form: AnyForm,
        values: Mapping[str, float],
        *,
        loss_unit: str = "nats",
        cost: float = 6.0,
    ) -> FittedLaw:
        """Return a law with these values: published constants, say. It has no runs and no draws.

        Parameters
        ----------
        form : str or object
            As for `fit`.
        values : dict of str to float
            The form's parameters by name, positive; E may be 0, or left out for 0.
        loss_unit : {"nats", "bits"}
        cost : float, default 6
            FLOPs per parameter and sample.

        Returns
        -------
        FittedLaw
            Its status is CONVERGED and its intervals are NaN.

        Raises
        ------
        TypeError, ValueError
            If a value is missing, unknown or not positive.

        Examples
        --------
        >>> import scalecore as sc
        >>> chinchilla = {"E": 1.69, "A": 406.4, "alpha": 0.34, "B": 410.7, "beta": 0.28}
        >>> law = sc.FittedLaw.from_values("additive", chinchilla)
        >>> f"{law.compute_optimal(5.76e23).parameters:.3g}"
        '3.22e+10'
        """
        return _given_values.law_of(cls, form, values, loss_unit, cost)

    @cached_property
    def ranges(self) -> Ranges:
        """Where the runs are.

        Examples
        --------
        >>> import scalecore as sc
        >>> N, D = [1e8, 4e8, 1e8, 4e8, 1e9, 1e9], [2e9, 2e9, 8e9, 8e9, 3e10, 2e9]
        >>> law = sc.fit(sc.RunTable(N, D, [3.4, 3.2, 3.1, 2.8, 2.6, 3.1]), "tied", resamples=0)
        >>> law.ranges.samples
        (2000000000.0, 30000000000.0)
        """
        columns = (self.table.parameters, self.table.samples, self.table.flops)
        if not len(self.table):
            return Ranges(*((np.nan, np.nan),) * 3)
        return Ranges(*((float(column.min()), float(column.max())) for column in columns))

    # ---- what follows ----------------------------------------------------------------------------

    def predict(
        self,
        parameters: ArrayLike,
        samples: ArrayLike,
        level: float = 0.95,
        *,
        kind: str = "mean",
        unique_samples: ArrayLike | None = None,
    ) -> _prediction.Prediction:
        """Predict the loss at N and D, with an interval.

        Parameters
        ----------
        parameters, samples : array_like
            N and D; they broadcast.
        level : float, default 0.95
        kind : {"mean", "run"}
            The interval of the law itself, or of one more run (which has a residual of its own).
        unique_samples : array_like, optional
            For forms with repeated data; by default every sample is new.

        Returns
        -------
        Prediction
            `loss`, `low`, `high` in the table's unit.

        Examples
        --------
        >>> import numpy as np
        >>> import scalecore as sc
        >>> N, D = (a.ravel() for a in np.meshgrid([1e8, 3e8, 1e9], [2e9, 8e9, 3e10]))
        >>> law = sc.fit(sc.RunTable(N, D, 1.8 + 480 / N**0.35 + 2100 / D**0.37), "additive", rng=0)
        >>> law.predict(7e9, 1.4e11)
        Prediction(2.13 nats [2.13, 2.13] at level 0.95, mean)
        """
        kind = one_of("kind", kind, ("mean", "run"))
        return _prediction.predict(
            self, parameters, samples, checked_level(level), kind, unique_samples
        )

    def compute_optimal(
        self, budget: ArrayLike, cost: float | None = None, level: float = 0.95
    ) -> _allocation.Allocation:
        """Split compute budgets between parameters and samples so that the law's loss is least.

        Minimises L(N, D) with cost N D = budget; in closed form where the form has one.

        Parameters
        ----------
        budget : array_like
            FLOPs.
        cost : float, optional
            FLOPs per parameter and sample; by default the table's (6).
        level : float, default 0.95
            Of the intervals.

        Returns
        -------
        Allocation
            NaN with status NO_LAW if the law is not identified or not converged.

        Examples
        --------
        >>> import numpy as np
        >>> import scalecore as sc
        >>> N, D = (a.ravel() for a in np.meshgrid([1e8, 3e8, 1e9], [2e9, 8e9, 3e10]))
        >>> table = sc.RunTable(N, D, 1.8 + 480 / N**0.35 + 2100 / D**0.35)
        >>> law = sc.fit(table, "additive", resamples=0)
        >>> law.compute_optimal([1e21, 1e23]).elasticity.round(4)
        array([0.5, 0.5])
        """
        return _allocation.compute_optimal(self, budget, self.cost if cost is None else cost, level)

    def samples_for(
        self, parameters: ArrayLike, loss: ArrayLike, level: float = 0.95
    ) -> _inverse.Solution:
        """Return the samples with which a model of these parameters reaches a loss.

        The loss is in the table's unit.

        NaN with a status where no number of samples does.

        Examples
        --------
        >>> import numpy as np
        >>> import scalecore as sc
        >>> N, D = (a.ravel() for a in np.meshgrid([1e8, 3e8, 1e9], [2e9, 8e9, 3e10]))
        >>> table = sc.RunTable(N, D, 1.8 + 480 / N**0.35 + 2100 / D**0.37)
        >>> law = sc.fit(table, "additive", resamples=0)
        >>> answer = law.samples_for(7e9, [2.2, 1.9])
        >>> answer.value.round(-8), [sc.SolutionStatus(s).name for s in answer.status]
        (array([5.18e+10,      nan]), ['REACHED', 'OUT_OF_REACH'])
        """
        return _inverse.solve(self, "samples", parameters, loss, level)

    def parameters_for(
        self, samples: ArrayLike, loss: ArrayLike, level: float = 0.95
    ) -> _inverse.Solution:
        """Return the parameters with which these samples reach a loss; see `samples_for`.

        Examples
        --------
        >>> import scalecore as sc
        >>> N, D = [1e8, 4e8, 1e8, 4e8, 1e9, 1e9], [2e9, 2e9, 8e9, 8e9, 3e10, 2e9]
        >>> law = sc.fit(sc.RunTable(N, D, [3.4, 3.2, 3.1, 2.8, 2.6, 3.1]), "tied", resamples=0)
        >>> law.parameters_for(8e9, 2.8)
        Solution(parameters 4.08e+08, REACHED)
        """
        return _inverse.solve(self, "parameters", samples, loss, level)

    def extrapolation(self, parameters: ArrayLike, samples: ArrayLike) -> Array:
        """Return by how many decades N and D lie beyond the runs, the larger of the two.

        Examples
        --------
        >>> import scalecore as sc
        >>> N, D = [1e8, 4e8, 1e8, 4e8, 1e9, 1e9], [2e9, 2e9, 8e9, 8e9, 3e10, 2e9]
        >>> law = sc.fit(sc.RunTable(N, D, [3.4, 3.2, 3.1, 2.8, 2.6, 3.1]), "tied", resamples=0)
        >>> float(law.extrapolation(1e10, 3e10).round(2))
        1.0
        """
        return _prediction.extrapolation(self, parameters, samples)

    def influence(self, budget: float, cost: float | None = None) -> _sensitivity.Influence:
        """Return what leaving out each run does to the law and to its allocation of a budget.

        Every fit is done again without the run (or row); nothing is linearised.

        Examples
        --------
        >>> import numpy as np
        >>> import scalecore as sc
        >>> N, D = (a.ravel() for a in np.meshgrid([1e8, 3e8, 1e9, 3e9], [2e9, 8e9, 3e10, 1e11]))
        >>> L = 1.8 + 480 / N**0.35 + 2100 / D**0.37
        >>> L[3] *= 1.03
        >>> sc.fit(sc.RunTable(N, D, L), "additive", loss="log", resamples=0).influence(1e23)
        Influence(C = 1e+23: without 'row 3' N* is 1.17 times as large; 16 runs)
        """
        return _sensitivity.influence(self, budget, self.cost if cost is None else cost)

    # ---- how it is shown and kept ----------------------------------------------------------------

    def plot(self, kind: str = "isoloss", ax: Axes | None = None) -> Axes | Figure:
        """Draw the law: "isoloss" (contours, runs, frontier), "residuals" or "calibration".

        Examples
        --------
        >>> import numpy as np
        >>> import scalecore as sc
        >>> N, D = (a.ravel() for a in np.meshgrid([1e8, 3e8, 1e9], [2e9, 8e9, 3e10]))
        >>> table = sc.RunTable(N, D, 1.8 + 480 / N**0.35 + 2100 / D**0.37)
        >>> law = sc.fit(table, "additive", resamples=0)
        >>> law.plot().get_xscale()
        'log'
        """
        from .._views import fits_plots

        return fits_plots.plot_law(self, one_of("kind", kind, fits_plots.KINDS), ax)

    def save(self, path: FilePath) -> None:
        """Write the law to a JSON file with all digits: runs, form, draws, seed, version.

        Examples
        --------
        >>> import os, tempfile
        >>> import scalecore as sc
        >>> N, D = [1e8, 4e8, 1e8, 4e8, 1e9, 1e9], [2e9, 2e9, 8e9, 8e9, 3e10, 2e9]
        >>> law = sc.fit(sc.RunTable(N, D, [3.4, 3.2, 3.1, 2.8, 2.6, 3.1]), "tied", rng=0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "law.json")
        ...     law.save(path)
        ...     sc.FittedLaw.load(path).values == law.values
        True
        """
        _law_files.save(self, path)

    @classmethod
    def load(cls, path: FilePath, form: AnyForm | None = None) -> FittedLaw:
        """Read a law that `save` wrote.

        Parameters
        ----------
        path : path-like
        form : object, optional
            The form, if it is one of your own: files hold its name only.

        Raises
        ------
        OSError, ValueError
            If the file cannot be read, or is not a whole law.

        Examples
        --------
        >>> import os, tempfile
        >>> import scalecore as sc
        >>> N, D = [1e8, 4e8, 1e8, 4e8, 1e9, 1e9], [2e9, 2e9, 8e9, 8e9, 3e10, 2e9]
        >>> law = sc.fit(sc.RunTable(N, D, [3.4, 3.2, 3.1, 2.8, 2.6, 3.1]), "tied", rng=0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "law.json")
        ...     law.save(path)
        ...     sc.FittedLaw.load(path).interval() == law.interval()
        True
        """
        return _law_files.load(cls, path, form)

    def report(self, path: FilePath, budgets: ArrayLike | None = None) -> None:
        """Write one self-contained HTML page: the answer, how sure it is, and how to repeat it.

        Answer first; then why, the runs that move it most, pictures, findings, and lines that make
        the page again.

        The file asks no server for anything; it carries the law along (`save`'s text, up to 1 MB).
        A law without an answer gets a page that says so. Without matplotlib there are no pictures.

        Parameters
        ----------
        path : path-like
        budgets : array_like, optional
            FLOPs; by default 10, 100 and 1000 times the largest run's, to three digits. The runs
            that move the answer are ordered for the first.

        Raises
        ------
        TypeError, ValueError, OSError
            If a budget is not positive and finite, or the file cannot be written; then nothing is.

        Examples
        --------
        >>> import os, tempfile
        >>> import scalecore as sc
        >>> values = {"E": 1.69, "A": 406.4, "alpha": 0.34, "B": 410.7, "beta": 0.28}
        >>> law = sc.FittedLaw.from_values("additive", values)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "report.html")
        ...     law.report(path, [1e23])
        ...     with open(path, encoding="utf-8") as file:
        ...         "N*" in file.read()
        True
        """
        from . import _report

        _report.write(self, path, budgets)

    def __repr__(self) -> str:
        ends = self.interval() if len(self.theta_draws) else {}
        parts = [
            f"{name} {value:.5g}"
            + (f" [{ends[name][0]:.4g}, {ends[name][1]:.4g}]" if name in ends else "")
            for name, value in self.values.items()
        ]
        why = f": {self.certificate.reason}" if self.certificate.reason else ""
        return (
            f"FittedLaw({self.form.name}, {len(self.table)} runs, {self.status.name}{why}; "
            f"{', '.join(parts)})"
        )

    def _repr_html_(self) -> str:
        from .._views import fits_html

        return fits_html.law(self)
