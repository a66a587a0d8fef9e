"""The compute-optimal frontier that training reaches, read off learning curves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._common.status import EmpiricalStatus
from ..fitting._line_optima import line_optima
from ..fitting._lines import straight_lines
from ..frontier import Frontier, compute_optimal

if TYPE_CHECKING:
    from xarray import Dataset

    from .._common.annotations import Panels
    from ..network import NetworkPrior
    from ._runs import TrainingRuns


@dataclass(frozen=True, eq=False, repr=False)
class EmpiricalFrontier:
    """Best widths and their errors per compute budget, as training found them.

    Attributes
    ----------
    budget : ndarray, shape (B,)
        Budgets C in FLOPs, ascending.
    width, samples, parameters : ndarray, shape (B,)
        The best width n*, T* = C / (cost * d * n*) and p* = d n*. Where `status` says that the
        optimum is at an edge of the grid, that edge.
    error : ndarray, shape (B,)
        Prequential error there, or log-loss (see `measure`), nats per sample.
    width_interval, error_interval : ndarray, shape (B, 2)
        Bootstrap intervals over repeats; censored where resamples came to an edge of the grid, see
        `edge_share`.
    edge_share : ndarray, shape (B,)
        Share of the resamples whose optimum is at an edge.
    status : ndarray of int8, shape (B,)
        `EmpiricalStatus` of each budget.
    exponent, slope : float
        d log p*/d log C and d log p*/d log T* of straight lines through the budgets that are
        INTERIOR; NaN if fewer than three are.
    exponent_interval, slope_interval : ndarray, shape (2,)
        Their bootstrap intervals.
    widths : ndarray, shape (W,)
    line_samples, line_error, line_std_error, line_learning_rate : ndarray, shape (B, W)
        The isoFLOP lines: samples, mean error over repeats and its standard error, and the rate
        that all repeats together find best. NaN where a width has no learning curve.
    cost, confidence : float
    input_dim : int
    prior : NetworkPrior or None
    optimizer : str

    Examples
    --------
    >>> import scalecore as sc
    >>> prior, widths, rates = sc.NetworkPrior(4, 10), [1, 2, 4, 8, 16, 32], [0.02, 0.1]
    >>> runs = sc.train(prior, widths, 5000, learning_rates=rates, repeats=3, rng=1)
    >>> found = runs.frontier([1e4, 2e4, 4e4])
    >>> found.width_interval.shape, found.theory.width.shape
    ((3, 2), (3,))
    """

    budget: NDArray[np.float64]
    width: NDArray[np.float64]
    samples: NDArray[np.float64]
    parameters: NDArray[np.float64]
    error: NDArray[np.float64]
    width_interval: NDArray[np.float64]
    error_interval: NDArray[np.float64]
    edge_share: NDArray[np.float64]
    status: NDArray[np.int8]
    exponent: float
    slope: float
    exponent_interval: NDArray[np.float64]
    slope_interval: NDArray[np.float64]
    widths: NDArray[np.int64]
    line_samples: NDArray[np.float64]
    line_error: NDArray[np.float64]
    line_std_error: NDArray[np.float64]
    line_learning_rate: NDArray[np.float64]
    cost: float
    confidence: float
    input_dim: int
    prior: NetworkPrior | None
    optimizer: str

    @property
    def measure(self) -> str:
        """What `error` is: "error" (reducible), or "log-loss" where the user gave the data."""
        return "log-loss" if self.prior is None else "error"

    @property
    def theory(self) -> Frontier | None:
        """What the bound's optimum is for the same budgets: `compute_optimal`. None where the user
        gave the data: no theory knows their concentration.
        """
        if self.prior is None:
            return None
        return compute_optimal(
            self.budget, self.prior.input_dim, self.prior.concentration, cost=self.cost
        )

    @property
    def model_share(self) -> NDArray[np.float64]:
        """Share of the model, p* / (p* + T*)."""
        return self.parameters / (self.parameters + self.samples)

    def __repr__(self) -> str:
        interior = int(np.count_nonzero(self.status == EmpiricalStatus.INTERIOR))
        low, high = self.exponent_interval
        return (
            f"EmpiricalFrontier({self.optimizer}, {self.budget.size} budgets, {interior} with an "
            "interior optimum, "
            f"d log p*/d log C = {self.exponent:.3f} [{low:.3f}, {high:.3f}])"
        )

    def _repr_html_(self) -> str:
        from .._views import html as _html

        return _html.empirical(self)

    def plot(self, ax: Any = None) -> Panels:
        """Draw isoFLOP lines with their optima, and p* against T* over the theory's; return axes.

        Examples
        --------
        >>> import scalecore as sc
        >>> prior, widths, rates = sc.NetworkPrior(4, 10), [1, 2, 4, 8, 16, 32], [0.02, 0.1]
        >>> runs = sc.train(prior, widths, 5000, learning_rates=rates, repeats=3, rng=1)
        >>> found = runs.frontier([1e4, 2e4, 4e4])
        >>> len(found.plot())
        2
        """
        from .._views.training_plots import plot_empirical

        return plot_empirical(self, ax=ax)

    def to_dataset(self) -> Dataset:
        """Return an `xarray.Dataset` with named dimensions, coordinates, units and long names.

        Examples
        --------
        >>> import scalecore as sc
        >>> prior, widths, rates = sc.NetworkPrior(4, 10), [1, 2, 4, 8, 16, 32], [0.02, 0.1]
        >>> runs = sc.train(prior, widths, 5000, learning_rates=rates, repeats=3, rng=1)
        >>> found = runs.frontier([1e4, 2e4, 4e4])
        >>> "width_interval" in found.to_dataset()
        True
        """
        from .._views.training_dataset import empirical_dataset

        return empirical_dataset(self)


def fit_empirical_frontier(
    runs: TrainingRuns,
    budgets: NDArray[np.float64],
    cost: float,
    resamples: int,
    confidence: float,
    key: int,
) -> EmpiricalFrontier:
    """Compute `TrainingRuns.frontier`."""
    with np.errstate(over="ignore"):  # a line beyond all samples
        line_samples = budgets[:, None] / (cost * runs.input_dim * runs.widths)
    errors = _along_lines(runs, line_samples)
    repeats = runs.repeats
    draws = np.random.default_rng(key).integers(repeats, size=(resamples, repeats))
    counts = np.concatenate(
        [np.ones((1, repeats), int), [np.bincount(draw, minlength=repeats) for draw in draws]]
    )
    # (1 + resamples, B, W); the first row has every repeat once
    means = mean_over_resample(errors, counts)
    order = np.argsort(runs.widths)
    log_width, log_error, status = line_optima(np.log(runs.widths[order]), means[..., order])
    interior = status[0] == EmpiricalStatus.INTERIOR
    also_interior = interior & (status == EmpiricalStatus.INTERIOR)
    exponents, _ = straight_lines(
        np.log(budgets), np.where(also_interior, log_width, np.nan), middle=0.0
    )

    def interval(values: NDArray[np.float64]) -> NDArray[np.float64]:
        tails = [50 * (1 - confidence), 50 * (1 + confidence)]
        ends = np.full((2, *values.shape[1:]), np.nan)
        known = np.isfinite(values[1:]).any(axis=0)
        ends[:, known] = np.nanpercentile(values[1:][:, known], tails, axis=0)
        return np.moveaxis(ends, 0, -1)

    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = exponents / (1 - exponents)  # p* T* = C / cost
    width = np.exp(log_width[0])
    of_all = errors.mean(axis=0)
    best = np.argmin(np.where(np.isfinite(of_all), of_all, np.inf), axis=-1)
    valid = np.isfinite(means[0])
    each = np.where(valid, each_repeat(errors, counts[:1])[0], np.nan)
    return EmpiricalFrontier(
        budget=budgets,
        width=width,
        samples=budgets / (cost * runs.input_dim * width),
        parameters=runs.input_dim * width,
        error=np.exp(log_error[0]),
        width_interval=np.exp(interval(log_width)),
        error_interval=np.exp(interval(log_error)),
        edge_share=np.mean(status[1:] != EmpiricalStatus.INTERIOR, axis=0),
        status=status[0],
        exponent=float(exponents[0]),
        slope=float(slopes[0]),
        exponent_interval=interval(exponents),
        slope_interval=interval(slopes),
        widths=runs.widths,
        line_samples=np.where(valid, line_samples, np.nan),
        line_error=np.where(valid, means[0], np.nan),
        line_std_error=each.std(axis=0, ddof=1) / np.sqrt(repeats),
        line_learning_rate=np.where(valid, runs.learning_rates[best], np.nan),
        cost=cost,
        confidence=confidence,
        input_dim=runs.input_dim,
        prior=runs.prior,
        optimizer=runs.optimizer,
    )


def _along_lines(runs: TrainingRuns, line_samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Errors (repeat, budget, width, rate) at the lines' samples; NaN outside the learning curves
    and after a divergence.
    """
    log_checkpoints = np.log(runs.checkpoints)
    with np.errstate(divide="ignore"):
        log_errors = np.log(np.maximum(runs.error, 0))
    out = np.full((runs.repeats, *line_samples.shape, runs.learning_rates.size), np.nan)
    if runs.checkpoints.size == 0:
        return out
    inside = (line_samples >= runs.checkpoints[0]) & (
        line_samples <= runs.checkpoints[-1] * (1 + 1e-12)
    )
    place = np.interp(
        np.log(np.maximum(line_samples, 1)), log_checkpoints, np.arange(log_checkpoints.size)
    )
    low = np.minimum(place.astype(int), max(log_checkpoints.size - 2, 0))
    high = np.minimum(low + 1, log_checkpoints.size - 1)
    part = (place - low)[None, :, None]
    for i in range(runs.widths.size):
        curve = log_errors[:, i]
        before, after = curve[..., low[:, i]].swapaxes(1, 2), curve[..., high[:, i]].swapaxes(1, 2)
        share = part[..., i]
        with np.errstate(invalid="ignore"):
            value = np.exp(np.where(share == 0, before, before + share * (after - before)))
        out[:, :, i] = np.where(inside[None, :, i, None], value, np.nan)
    return out


def each_repeat(errors: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Error of each repeat at the rate that the other repeats of a resample find best: (resample,
    repeat, budget, width).

    Rates at which any repeat diverged are out; where none is left, infinity. A repeat is alone in a
    resample that has no other; then it is left to choose for itself.
    """
    repeats = errors.shape[0]
    usable = np.where(np.isfinite(errors).all(axis=0), errors, np.inf)
    total = np.tensordot(counts, np.where(np.isfinite(usable), usable, 0), axes=1)
    total = np.where(np.isfinite(usable[0]), total, np.inf)
    out = np.empty((counts.shape[0], *errors.shape[:3]))
    for repeat in range(repeats):
        own = np.where(np.isfinite(usable[repeat]), usable[repeat], 0)
        some_others = (counts[:, repeat] < counts.sum(axis=1))[:, None, None, None]
        judges = np.where(some_others, total - counts[:, repeat, None, None, None] * own, total)
        best = np.argmin(judges, axis=-1)[..., None]
        out[:, repeat] = np.take_along_axis(
            np.broadcast_to(usable[repeat], judges.shape), best, axis=-1
        )[..., 0]
    return out


def mean_over_resample(
    errors: NDArray[np.float64], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Mean error over a resample's repeats, (resample, budget, width); infinite where there is
    none.
    """
    out = np.empty((counts.shape[0], *errors.shape[1:3]))
    for budget in range(errors.shape[1]):  # a budget at a time, to save memory
        each = each_repeat(errors[:, budget : budget + 1], counts)[:, :, 0]
        finite = np.isfinite(each)
        mean = (counts[..., None] * np.where(finite, each, 0)).sum(axis=1) / counts.sum(axis=1)[
            :, None
        ]
        out[:, budget] = np.where(finite.all(axis=1), mean, np.inf)
    return out
