"""Chinchilla's first approach: runs that no cheaper run beats, and a line through their sizes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._common.validation import describe, positive_int, stream_key
from ._line_optimum import LineOptimum, read_line, slope_interval
from ._lines import Line, line, straight_lines
from ._profile_status import ProfileStatus
from ._quantiles import checked_level
from ._run_table import RunTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._common.annotations import Seed

_NEAR = np.log(2.0)  # up to so much less compute counts as about the same, in natural logs
_BINS = 32  # in that distance
_OTHER_SIZE = 0.03  # in log N; more than compute differs in a bin
_LAYERS = 12  # rows that may come to the front in a resample, but for one in 2**12


@dataclass(frozen=True, eq=False, repr=False)
class Envelope:
    """The runs that no run of the same or less compute beats.

    Attributes
    ----------
    budget, parameters, samples, loss : ndarray, shape (E,)
        C, N, D and the loss (nats) of those runs, by compute.
    rows : ndarray of int, shape (E,)
        Their numbers in `RunTable.rows`.
    status : ndarray of int8, shape (E,)
        INTERIOR where runs of as much compute or up to half of it have smaller and larger models,
        AT_EDGE where only one or the other, TOO_FEW_RUNS where neither.
    elasticity : float
        d log N/d log C of a straight line through the INTERIOR ones; NaN for fewer than three.
    elasticity_interval : ndarray, shape (2,)
        From resamples of runs where they are named, else of rows. A rough one: the least of several
        noisy losses is lower than it should be, whatever is resampled. NaN where a tenth of the
        resamples or more has no line.
    table : RunTable
    level : float

    Examples
    --------
    >>> import numpy as np
    >>> import scalecore as sc
    >>> N, D = np.geomspace(1e7, 1e9, 9), np.geomspace(1e8, 1e11, 90)
    >>> N, D = (x.ravel() for x in np.meshgrid(N, D))
    >>> found = sc.envelope(sc.RunTable(N, D, 1.8 + 400 / N**0.35 + 400 / D**0.35))
    >>> bool(abs(found.elasticity - 0.5) < 0.05)
    True
    """

    budget: NDArray[np.float64]
    parameters: NDArray[np.float64]
    samples: NDArray[np.float64]
    loss: NDArray[np.float64]
    rows: NDArray[np.int64]
    status: NDArray[np.int8]
    elasticity: float
    elasticity_interval: NDArray[np.float64]
    table: RunTable
    level: float
    _line: Line = field(repr=False)
    _draws: NDArray[np.float64] = field(repr=False)

    def compute_optimal(self, budget: ArrayLike) -> LineOptimum:
        """Read the line at other budgets; as `IsoFlopProfiles.compute_optimal`.

        Examples
        --------
        >>> import numpy as np
        >>> import scalecore as sc
        >>> N, D = np.geomspace(1e7, 1e9, 9), np.geomspace(1e8, 1e11, 90)
        >>> N, D = (x.ravel() for x in np.meshgrid(N, D))
        >>> found = sc.envelope(sc.RunTable(N, D, 1.8 + 400 / N**0.35 + 400 / D**0.35))
        >>> found.compute_optimal([1e20, 1e21]).parameters.shape
        (2,)
        """
        costs = np.log(self.budget) - np.log(self.parameters) - np.log(self.samples)
        log_cost = float(np.median(costs)) if costs.size else float(np.log(self.table.cost))
        return read_line(budget, self._line, self._draws, self.level, log_cost)

    def __repr__(self) -> str:
        interior = int(np.count_nonzero(self.status == ProfileStatus.INTERIOR))
        low, high = self.elasticity_interval
        return (
            f"Envelope({self.budget.size} runs of {len(self.table)}, {interior} not at an edge, "
            f"d log N*/d log C = {self.elasticity:.3f} [{low:.3f}, {high:.3f}])"
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw loss over compute, the envelope marked; return the axes.

        Examples
        --------
        >>> import numpy as np
        >>> import scalecore as sc
        >>> N, D = np.geomspace(1e7, 1e9, 9), np.geomspace(1e8, 1e11, 90)
        >>> N, D = (x.ravel() for x in np.meshgrid(N, D))
        >>> ax = sc.envelope(sc.RunTable(N, D, 1.8 + 400 / N**0.35 + 400 / D**0.35)).plot()
        >>> ax.get_xscale()
        'log'
        """
        from .._views.profile_plots import plot_envelope

        return plot_envelope(self, ax=ax)


def envelope(
    table: RunTable, *, level: float = 0.95, resamples: int = 1000, rng: Seed = 0
) -> Envelope:
    """Find the runs that no run of the same or less compute beats, and how their size grows.

    This is the first approach of Hoffmann et al. (2022), for tables that have many checkpoints or
    sizes; it needs them, since where sizes are few the best of them is far from the best there is.
    A fitted surface (`fit`) uses all runs.

    Parameters
    ----------
    table : RunTable
        The runs; their compute is `RunTable.flops`. Weights do not count.
    level : float, default 0.95
        Level of the interval.
    resamples : int, default 1000
        Resamples of runs, or of rows where runs are not named.
    rng : None, int, SeedSequence or Generator, default 0
        Source of the resamples.

    Returns
    -------
    Envelope

    Raises
    ------
    TypeError, ValueError
        If an argument is out of its domain.

    References
    ----------
    J. Hoffmann et al., Training Compute-Optimal Large Language Models (2022), section 3.1.

    Examples
    --------
    >>> import scalecore as sc
    >>> table = sc.RunTable([1e7, 1e8, 1e7, 1e8], [1e9, 1e8, 1e10, 1e9], [3.2, 3.9, 3.0, 2.9])
    >>> sc.envelope(table).rows
    array([0, 3])
    """
    if not isinstance(table, RunTable):
        raise TypeError(f"table must be a RunTable, got {describe(table)}")
    probability = checked_level(level)
    count, key = positive_int("resamples", resamples, least=2, most=10**7), stream_key(rng)
    # the same budget is the same, whatever N * D rounds to
    log_compute = np.round(table.log_flops, 9)
    order = np.lexsort((table.loss, log_compute))
    x, loss = log_compute[order], table.loss[order]
    front = np.flatnonzero(_front(loss))
    status = _status(x, np.log(table.parameters[order]))
    chosen = front[status[front] == ProfileStatus.INTERIOR]
    through = line(x[chosen], np.log(table.parameters[order[chosen]]))
    draws = _resampled(table, order, x, status, through.middle, count, key)
    rows = order[front]
    with np.errstate(over="ignore"):
        budget = np.exp(x[front])
    return Envelope(
        budget=budget,
        parameters=table.parameters[rows],
        samples=table.samples[rows],
        loss=table.loss[rows],
        rows=table.rows[rows],
        status=status[front],
        elasticity=through.slope,
        elasticity_interval=slope_interval(through, draws, probability),
        table=table,
        level=probability,
        _line=through,
        _draws=draws,
    )


def _front(loss: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether each loss is below all before it, along the last axis."""
    before = np.minimum.accumulate(loss, axis=-1)
    front = np.isfinite(loss)
    front[..., 1:] &= loss[..., 1:] < before[..., :-1]
    return front


def _status(x: NDArray[np.float64], size: NDArray[np.float64]) -> NDArray[np.int8]:
    """Say for each run whether others of its compute or a little less are smaller and larger."""
    if not x.size:
        return np.zeros(0, np.int8)
    place = np.floor((x - x[0]) * (_BINS / _NEAR)).astype(np.int64)
    bins, starts = np.unique(place, return_index=True)
    least, greatest = np.minimum.reduceat(size, starts), np.maximum.reduceat(size, starts)
    low, high = least.copy(), greatest.copy()
    for shift in range(1, min(_BINS, bins.size - 1) + 1):
        close = bins[shift:] - bins[:-shift] <= _BINS
        low[shift:] = np.where(close, np.minimum(low[shift:], least[:-shift]), low[shift:])
        high[shift:] = np.where(close, np.maximum(high[shift:], greatest[:-shift]), high[shift:])
    at = np.searchsorted(bins, place)
    beside = (low[at] < size - _OTHER_SIZE).astype(int) + (high[at] > size + _OTHER_SIZE)
    kinds = [ProfileStatus.TOO_FEW_RUNS, ProfileStatus.AT_EDGE, ProfileStatus.INTERIOR]
    return np.array(kinds, np.int8)[beside]


def _resampled(
    table: RunTable,
    order: NDArray[np.intp],
    x: NDArray[np.float64],
    status: NDArray[np.int8],
    middle: float,
    resamples: int,
    key: int,
) -> NDArray[np.float64]:
    """Slopes and heights of the line in resamples of runs, or of rows."""
    loss = table.loss[order]
    if table.run_codes is None:
        candidates = _first_layers(loss)
        codes, count = np.arange(candidates.size), len(table)
    else:
        candidates = np.arange(loss.size)
        codes, count = table.run_codes[order], len(table.run_names)
    loss, x, size = loss[candidates], x[candidates], np.log(table.parameters[order[candidates]])
    usable = status[candidates] == ProfileStatus.INTERIOR
    generator, found = np.random.default_rng(key), np.full((2, resamples), np.nan)
    if not loss.size:
        return found
    for i in range(resamples):
        if table.run_codes is None:  # each of many rows is drawn or not, nearly independently
            drawn = generator.random(codes.size) < 1 - (1 - 1 / count) ** count
        else:
            drawn = np.bincount(generator.integers(count, size=count), minlength=count)[codes] > 0
        chosen = _front(np.where(drawn, loss, np.inf)) & usable
        slope, height = straight_lines(x[chosen], size[chosen][None], middle)
        found[:, i] = slope[0], height[0]
    return found


def _first_layers(loss: NDArray[np.float64]) -> NDArray[np.intp]:
    """Rows that are on the front after up to so many fronts were taken away."""
    remaining, layers = loss.copy(), np.zeros(loss.size, bool)
    for _ in range(_LAYERS):
        front = _front(remaining)
        if not front.any():
            break
        layers |= front
        remaining[front] = np.inf
    return np.flatnonzero(layers)
