"""Training runs: what was measured, and what can be asked of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from .._common.validation import (
    distinct,
    fraction,
    positive_array,
    positive_int,
    positive_number,
    stream_key,
)
from ._checks import check_runs
from ._empirical_frontier import EmpiricalFrontier, fit_empirical_frontier
from ._extension import extended
from ._trained_learners import TrainedLearners

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from xarray import Dataset

    from .._common.annotations import FilePath, Seed
    from ..fitting._run_table import RunTable


@dataclass(frozen=True, eq=False, repr=False)
class TrainingRuns(TrainedLearners):
    """What `train` measured, and everything that it takes to go on.

    Attributes
    ----------
    prior : NetworkPrior or None
        Law of the networks that drew the data; None where the user gave them.
    input_dim : int
        Inputs d of a sample.
    shuffled : int
        Size of the user's data if each repeat read them in an order of its own, else 0.
    widths, learning_rates : ndarray
        The grid: every width is trained at every rate. For "adf", which has none, the rate is 1.
    samples : int
        Samples T that every learner has read.
    checkpoints : ndarray of int
        Numbers of samples at which `error` is recorded.
    error : ndarray, shape (repeat, width, learning_rate, checkpoint)
        Prequential reducible error (1/t) sum_{s<t} d_KL(P(Y|F, x_s) || P(Y|learner after s samples,
        x_s)), in nats per sample. Of the user's data nobody knows P(Y|F, x): there it is the
        prequential log-loss (1/t) sum_{s<t} -ln P(y_s|learner after s samples, x_s), which is more
        by what no learner can predict; see `measure`. NaN from the checkpoint on before which a
        learner diverged.
    final_error : ndarray, shape (repeat, width, learning_rate)
        Mean d_KL of what was trained on `test_inputs` fresh inputs; NaN if it diverged, if training
        was interrupted, and of the user's data.
    diverged : ndarray of int, shape (repeat, width, learning_rate)
        The sample (from 0) whose logit was first not finite; -1 where none was.
    optimizer, decay, decay_start, dtype, test_inputs
        As asked.
    interrupted : bool
        Training was stopped by Ctrl-C, or the user's data failed; `extend` goes on.
    key : int
        Key of the random streams.

    Examples
    --------
    >>> import scalecore as sc
    >>> prior, rates = sc.NetworkPrior(4, 10), [0.02, 0.1]
    >>> runs = sc.train(prior, [1, 4, 16], 2000, learning_rates=rates, repeats=3, rng=1)
    >>> runs.error[..., -1].mean(axis=0).shape
    (3, 2)
    >>> bool((runs.diverged == -1).all())
    True
    """

    def __repr__(self) -> str:
        diverged = np.count_nonzero(self.diverged >= 0)
        ends = (
            f"{self.widths.min()} to {self.widths.max()}"
            if self.widths.size > 1
            else f"{self.widths[0]}"
        )
        mean = (
            self.error[..., -1].mean(axis=0) if self.checkpoints.size else np.full((1, 1), np.nan)
        )
        best = f", {self.measure} {np.nanmin(mean):.3g} nats" if np.isfinite(mean).any() else ""
        if best:
            width, rate = np.unravel_index(np.nanargmin(mean), mean.shape)
            at = "" if self.optimizer == "adf" else f", rate {self.learning_rates[rate]:g}"
            best += f" at width {self.widths[width]}{at}"
        return (
            f"TrainingRuns({self.optimizer}, {self.samples} "
            f"samples{' (interrupted)' if self.interrupted else ''}, "
            f"widths {ends}, {self.learning_rates.size} rates, {self.repeats} repeats{best}, "
            f"{diverged} diverged)"
        )

    def _repr_html_(self) -> str:
        from .._views import html as _html

        return _html.runs(self)

    @np.errstate(under="ignore")
    def extend(
        self,
        samples: int | None = None,
        *,
        data: Any = None,
        checkpoints: ArrayLike | None = None,
        n_threads: int | None = None,
        progress: bool = False,
        on_interrupt: str = "raise",
    ) -> TrainingRuns:
        """Go on until `samples` samples in all; the result equals one long call, bit for bit.

        Parameters
        ----------
        samples : int, optional
            Samples T in all, at least as many as were planned; may be left out with `data`, which
            are then read to their end.
        data : optional
            If these runs read the user's data: the same data from their first sample on, and what
            has come since. What was read is passed over. Arrays that were shuffled must be the very
            arrays.
        checkpoints : array_like of int, optional
            Further checkpoints; by default those that one long call without `checkpoints` would
            have, beyond the present ones.
        n_threads, progress, on_interrupt
            As for `train`.

        Returns
        -------
        TrainingRuns
            New runs; these ones stay as they are.

        Examples
        --------
        >>> import scalecore as sc
        >>> prior, rates = sc.NetworkPrior(4, 10), [0.02, 0.1]
        >>> runs = sc.train(prior, [1, 4, 16], 2000, learning_rates=rates, repeats=3, rng=1)
        >>> longer = runs.extend(4000)
        >>> longer.samples, runs.samples
        (4000, 2000)
        """
        return extended(self, samples, data, checkpoints, n_threads, progress, on_interrupt)

    @np.errstate(under="ignore")
    def frontier(
        self,
        budgets: ArrayLike,
        cost: float = 1.0,
        *,
        resamples: int = 1000,
        confidence: float = 0.95,
        rng: Seed = 0,
    ) -> EmpiricalFrontier:
        """Find the best width for each compute budget from the learning curves.

        Along the isoFLOP line C = cost * d * n * T the error of width n is read off its learning
        curve at T = C / (cost * d * n), linearly in log T and log error. Each repeat's learning
        rate is the one that the *other* repeats find best, so that no point profits from its own
        noise. The best width is the vertex of a parabola in log n through the lowest points of the
        line.

        Parameters
        ----------
        budgets : array_like
            Compute budgets C in FLOPs, 1-d.
        cost : float, default 1
            FLOPs per parameter and sample.
        resamples : int, default 1000
            Bootstrap resamples of the repeats.
        confidence : float, default 0.95
            Coverage of the percentile intervals.
        rng : None, int, SeedSequence or Generator, default 0
            Source of the resamples.

        Returns
        -------
        EmpiricalFrontier

        Raises
        ------
        TypeError, ValueError
            If an argument is out of its domain, or there is only one repeat.

        Examples
        --------
        >>> import scalecore as sc
        >>> prior, rates = sc.NetworkPrior(4, 10), [0.02, 0.1]
        >>> runs = sc.train(prior, [1, 4, 16], 2000, learning_rates=rates, repeats=3, rng=1)
        >>> runs.frontier([1e3, 4e3, 1.6e4]).width.shape
        (3,)
        """
        check_runs(self)
        values = np.unique(distinct("budgets", positive_array("budgets", budgets)))
        if self.repeats < 2:
            raise ValueError(
                "frontier needs at least 2 repeats: each one's learning rate is chosen on the "
                "others"
            )
        return fit_empirical_frontier(
            self,
            values,
            positive_number("cost", cost),
            positive_int("resamples", resamples, least=2, most=10**7),
            fraction("confidence", confidence),
            stream_key(rng),
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw a learning curve for each width, at the rate that ends best; return the axes.

        Examples
        --------
        >>> import scalecore as sc
        >>> prior, rates = sc.NetworkPrior(4, 10), [0.02, 0.1]
        >>> runs = sc.train(prior, [1, 4, 16], 2000, learning_rates=rates, repeats=3, rng=1)
        >>> ax = runs.plot()
        >>> len(ax.lines) >= 3
        True
        """
        from .._views.training_plots import plot_runs

        return plot_runs(self, ax=ax)

    def to_dataset(self) -> Dataset:
        """Return an `xarray.Dataset` with named dimensions, coordinates, units and long names.

        Examples
        --------
        >>> import scalecore as sc
        >>> prior, rates = sc.NetworkPrior(4, 10), [0.02, 0.1]
        >>> runs = sc.train(prior, [1, 4, 16], 2000, learning_rates=rates, repeats=3, rng=1)
        >>> dict(runs.to_dataset().error.sizes)
        {'repeat': 3, 'width': 3, 'learning_rate': 2, 'samples': 46}
        """
        from .._views.training_dataset import runs_dataset

        return runs_dataset(self)

    def to_table(self, cost: float = 1.0) -> RunTable:
        """Return a table of these runs, a row for each repeat, width and checkpoint.

        It can be fitted like a table of anybody's (`fit`, `isoflop_profiles`, `envelope`). The loss
        is `error`, reducible or, of own data, the whole log-loss, at the learning rate that the
        *other* repeats find best at that checkpoint, as in `frontier`; what diverged is left out.
        Rows of one repeat are read from the same samples, so a repeat is what `RunTable.run` names.

        Parameters
        ----------
        cost : float, default 1
            FLOPs per parameter and sample.

        Returns
        -------
        RunTable

        Examples
        --------
        >>> import scalecore as sc
        >>> prior = sc.NetworkPrior(4, 10)
        >>> runs = sc.train(prior, [1, 4, 16], 2000, learning_rates=[0.02, 0.1], repeats=3, rng=1)
        >>> table = runs.to_table()
        >>> len(table), table.run_names
        (414, ('repeat 0', 'repeat 1', 'repeat 2'))
        """
        from ._as_run_table import run_table

        return run_table(self, positive_number("cost", cost))

    def save(self, path: FilePath) -> None:
        """Write everything, the learners' weights too, to one NetCDF file.

        It needs ``pip install 'scalecore[data]'``.

        Examples
        --------
        >>> import scalecore as sc
        >>> prior, rates = sc.NetworkPrior(4, 10), [0.02, 0.1]
        >>> runs = sc.train(prior, [1, 4, 16], 2000, learning_rates=rates, repeats=3, rng=1)
        >>> import os, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "runs.nc")
        ...     runs.save(path)
        ...     again = sc.TrainingRuns.load(path)
        >>> bool((again.error == runs.error).all())
        True
        """
        from ._files import save_runs

        save_runs(self, path)

    @classmethod
    def load(cls, path: FilePath) -> TrainingRuns:
        """Read what `save` wrote: the same runs, which can be extended.

        Examples
        --------
        >>> import scalecore as sc
        >>> prior, rates = sc.NetworkPrior(4, 10), [0.02, 0.1]
        >>> runs = sc.train(prior, [1, 4, 16], 2000, learning_rates=rates, repeats=3, rng=1)
        >>> import os, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "runs.nc")
        ...     runs.save(path)
        ...     again = sc.TrainingRuns.load(path)
        >>> again.extend(3000).samples
        3000
        """
        from ._files import load_runs

        return load_runs(path, cls)
