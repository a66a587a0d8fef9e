"""Forms judged by forecasting: fit on the smaller runs, score the larger ones, several times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._common.validation import describe, positive_array, truth_values
from ._centre import Array

if TYPE_CHECKING:
    from ._fitted_law import FittedLaw
    from ._run_table import RunTable

Mask = NDArray[np.bool_]

_STEP = 0.5  # decades of compute from one cut to the next
_MOST_FOLDS = 6
_RUNS_PER_PARAMETER = 2  # fewest runs per parameter in the fitted part
_LEAST_SCORED = 2
_MOST_COVERED = 500  # intervals are computed for at most so many scored rows
_SAME = 1e-9  # relative difference of compute up to which it is rounding


@dataclass(frozen=True, eq=False)
class Fold:
    """One cut of a table: runs to fit on, and larger ones to forecast.

    Attributes
    ----------
    compute : float
        Runs up to this compute were fitted; NaN where the rows were given as a mask.
    fitted, scored : ndarray of bool, shape (n,)
        Rows of the table. Of a run, rows are on one side only.

    Examples
    --------
    >>> import numpy as np
    >>> import scalecore as sc
    >>> N, D = np.geomspace(2e7, 4e9, 6), np.geomspace(1e9, 3e11, 6)
    >>> N, D = np.repeat(N, 6), np.tile(D, 6)
    >>> table = sc.RunTable(N, D, 1.8 + 480 / N**0.35 + 2100 / D**0.37)
    >>> fold = sc.compare(table, ("tied",), rollout=[1e20], resamples=0).folds[0]
    >>> int(fold.fitted.sum()), int(fold.scored.sum())
    (25, 8)
    """

    compute: float
    fitted: Mask
    scored: Mask

    def __repr__(self) -> str:
        fitted, scored = np.count_nonzero(self.fitted), np.count_nonzero(self.scored)
        cut = "" if np.isnan(self.compute) else f", cut at {self.compute:.3g} FLOPs"
        return f"Fold({fitted:,} rows fitted, {scored:,} scored{cut})"


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of forms in folds [form, fold], and relative errors [form, row] of each fold."""

    error: Array
    largest: Array
    bias: Array
    coverage: Array
    relative: tuple[Array, ...]


def run_compute(table: RunTable) -> Array:
    """Return for each row what its whole run cost: the most of the run's rows."""
    if table.run_codes is None:
        return table.flops
    largest = np.zeros(len(table.run_names))
    np.maximum.at(largest, table.run_codes, table.flops)
    return largest[table.run_codes]


def folds_of(table: RunTable, rollout: Any, horizon: float, most_free: int) -> tuple[Fold, ...]:
    """Return the folds that `rollout` asks for; see `compare`."""
    if rollout is None:
        return _own_folds(table, horizon, most_free)
    if isinstance(rollout, (str, bytes)) or not np.iterable(rollout):
        raise TypeError(f"rollout must be a list of budgets or of masks, got {describe(rollout)}")
    entries = list(rollout)
    if entries and all(np.iterable(entry) for entry in entries):
        return tuple(_given_fold(table, i, entry) for i, entry in enumerate(entries))
    cuts = np.sort(np.atleast_1d(positive_array("rollout", entries)))
    folds = tuple(_cut(table, float(cut), horizon) for cut in cuts)
    for fold in folds:
        if not fold.fitted.any() or not fold.scored.any():
            costs = table.flops if len(table) else np.array([np.nan])
            raise ValueError(
                f"rollout: a cut at {fold.compute:.3g} FLOPs leaves nothing to fit or to score; "
                f"runs cost {costs.min():.3g} to {costs.max():.3g}"
            )
    return folds


def _given_fold(table: RunTable, place: int, mask: ArrayLike) -> Fold:
    fitted = truth_values(f"rollout[{place}]", mask, len(table))
    if fitted.all() or not fitted.any():
        raise ValueError(
            f"rollout[{place}] must leave rows to fit (True) and rows to score (False)"
        )
    return Fold(np.nan, fitted, ~fitted)


def _cut(table: RunTable, compute: float, horizon: float) -> Fold:
    of_run, limit = run_compute(table), compute * (1 + _SAME)
    beyond = (table.flops > limit) & (table.flops <= compute * horizon * (1 + _SAME))
    return Fold(compute, of_run <= limit, (of_run > limit) & beyond)


def _own_folds(table: RunTable, horizon: float, most_free: int) -> tuple[Fold, ...]:
    """Return cuts half a decade apart, down from the largest run, while there is enough to fit."""
    if not len(table):
        return ()
    of_run = run_compute(table)
    decades = float(np.log10(of_run.max() / of_run.min()))
    step = min(_STEP, decades / 4)
    folds: list[Fold] = []
    for k in range(1, 4 * _MOST_FOLDS):
        if step == 0 or len(folds) == _MOST_FOLDS or k * step >= decades:
            break
        fold = _cut(table, float(of_run.max() * 10 ** (-k * step)), horizon)
        if (
            np.count_nonzero(fold.fitted) < _RUNS_PER_PARAMETER * most_free
            or np.count_nonzero(fold.scored) < _LEAST_SCORED
        ):
            continue
        if not any(np.array_equal(fold.fitted, other.fitted) for other in folds):
            folds.append(fold)
    return tuple(folds[::-1])


def score(
    law: FittedLaw, table: RunTable, fold: Fold, level: float
) -> tuple[float, float, float, float, Array]:
    """Return mean and largest |ln(forecast/loss)|, its mean, coverage and forecast/loss - 1."""
    held_out = table.where(fold.scored)
    observed = held_out.loss / held_out.loss_scale
    forecast = law.predict(
        held_out.parameters, held_out.samples, unique_samples=held_out.unique_samples
    ).loss
    logs = np.log(forecast / observed)
    if not np.isfinite(logs).all():
        return np.nan, np.nan, np.nan, np.nan, np.full(len(observed), np.nan)
    inside = np.nan
    if len(law.theta_draws):
        places = np.unique(
            np.linspace(0, len(observed) - 1, min(len(observed), _MOST_COVERED)).round().astype(int)
        )
        sampled = held_out.where(np.isin(np.arange(len(held_out)), places))
        ends = law.predict(
            sampled.parameters,
            sampled.samples,
            level,
            kind="run",
            unique_samples=sampled.unique_samples,
        )
        inside = float(np.mean((ends.low <= observed[places]) & (observed[places] <= ends.high)))
    return (
        float(np.abs(logs).mean()),
        float(np.abs(logs).max()),
        float(logs.mean()),
        inside,
        forecast / observed - 1,
    )


def scores_of(
    laws: list[list[FittedLaw]], table: RunTable, folds: tuple[Fold, ...], level: float
) -> Scores:
    """Return the scores of laws [form][fold]."""
    shape = (len(laws), len(folds))
    found = np.full((4, *shape), np.nan)
    relative = [np.full((len(laws), np.count_nonzero(fold.scored)), np.nan) for fold in folds]
    for i, of_form in enumerate(laws):
        for j, (law, fold) in enumerate(zip(of_form, folds, strict=True)):
            *found[:, i, j], relative[j][i] = score(law, table, fold, level)
    return Scores(found[0], found[1], found[2], found[3], tuple(relative))
