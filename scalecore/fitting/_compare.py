"""`compare`: which form? Judged by what each forecasts of larger runs, and mixed accordingly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._common.progress import bar
from .._common.validation import boolean, names, positive_number, stream_key
from . import _rollout, _stacking
from ._centre import Array
from ._comparison import Comparison, ComparisonStatus
from ._fit import fit, resample_count
from ._fitted_law import FittedLaw
from ._forms import FORMS
from ._quantiles import checked_level
from ._rollout import Fold
from ._run_table import RunTable
from ._user_form import form_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._common.annotations import Seed
    from ._form import Form
    from ._user_form import AnyForm

_DEFAULT = ("additive", "tied", "coupled")
_WITH_REPEATS = ("repeated", "repeated_penalty")
_MOST_FORMS = 12
_DECADES = 1.5  # decades of compute: over fewer, forecasts cannot tell forms apart
_RATIOS = 0.6  # decades of D/N: likewise


def compare(
    table: RunTable,
    forms: Sequence[AnyForm] | None = None,
    rollout: Any = None,
    *,
    horizon: float = 10.0,
    level: float = 0.95,
    resamples: int = 200,
    loss: str = "huber",
    delta: float = 1e-3,
    by: str = "run",
    rng: Seed = None,
    progress: bool = False,
    n_threads: int | None = None,
) -> Comparison:
    """Compare forms of the law by forecasting: fit on smaller runs, score larger ones.

    At each of several cuts every form is fitted to the runs with compute up to the cut, and what it
    says of the runs of the next decade is compared with what they reached. The weights of the
    stacked law minimise the mean square of the relative error of these forecasts; with few folds
    they are drawn towards equal ones (see Notes).

    Parameters
    ----------
    table : RunTable
    forms : list of str or of objects, optional
        As for `fit`. By default additive, tied and coupled, and where the table has repeated
        samples repeated and repeated_penalty too.
    rollout : list of float or of masks, optional
        Cuts in FLOPs; or arrays of bool, one for each fold, that are True for the rows to fit (all
        others are scored). By default up to six cuts half a decade apart below the largest run.
    horizon : float, default 10
        Runs up to this many times a cut are scored.
    level : float, default 0.95
        Of the intervals whose coverage is measured.
    resamples : int, default 200
        Draws of each fit; 0 for no intervals.
    loss, delta, by, rng, n_threads
        As for `fit`.
    progress : bool
        Show a bar on standard error.

    Returns
    -------
    Comparison

    Raises
    ------
    TypeError, ValueError
        If an argument is not what it should be.

    Notes
    -----
    A run (all its checkpoints) is fitted if its last checkpoint is below the cut; else its rows
    between the cut and the horizon are scored. With Q the mean over folds of e e', e the relative
    errors of the forms, the weights are the least w'(Q + r I)w over w >= 0 of sum 1, r the least
    diagonal element of Q over the number of folds. Forms without a law in some fold get none.

    Examples
    --------
    >>> import numpy as np
    >>> import scalecore as sc
    >>> N, D = np.geomspace(2e7, 4e9, 6), np.geomspace(1e9, 3e11, 6)
    >>> N, D = np.repeat(N, 6), np.tile(D, 6)
    >>> truth = 1.8 + (5e3 / N**0.45 + 2e4 / D**0.46) ** 0.7
    >>> comparison = sc.compare(sc.RunTable(N, D, truth), resamples=0)
    >>> comparison.best, comparison.status.name
    ('coupled', 'DECIDED')
    """
    if not isinstance(table, RunTable):
        raise TypeError(
            f"table must be a RunTable, got {type(table).__name__}: "
            "sc.RunTable(parameters, samples, loss)"
        )
    rows = _forms(table, forms)
    level, horizon = checked_level(level), positive_number("horizon", horizon)
    if horizon <= 1:
        raise ValueError(f"horizon must be above 1, got {horizon}")
    resamples, progress = resample_count(resamples), boolean("progress", progress)
    options: dict[str, Any] = {
        "loss": loss,
        "delta": delta,
        "by": by,
        "rng": stream_key(rng),
        "n_threads": n_threads,
    }
    folds = _rollout.folds_of(table, rollout, horizon, max(form.free for form in rows))
    parts = [table.where(fold.fitted) for fold in folds]
    laws: list[list[FittedLaw]] = []
    with bar(len(rows) * (len(folds) + 1), progress, "fit") as show:
        of_all_rows = {}
        for form in rows:
            of_all_rows[form.name] = fit(table, form, resamples=resamples, **options)
            show(1)
            laws.append([])
            for part in parts:
                laws[-1].append(fit(part, form, resamples=resamples, **options))
                show(1)
    scores = _rollout.scores_of(laws, table, folds, level)
    return _comparison(table, of_all_rows, folds, scores, level, chosen=rollout is not None)


def _forms(table: RunTable, forms: Sequence[AnyForm] | None) -> list[Form]:
    if forms is None:
        repeats = table.unique_samples is not None and bool(
            np.any(table.unique_samples < table.samples * (1 - 1e-9))
        )
        forms = (*_DEFAULT, *_WITH_REPEATS) if repeats else _DEFAULT
    given = names("forms", forms)
    rows = [form_of(form, FORMS, f"forms[{i}]") for i, form in enumerate(given)]
    called = [form.name for form in rows]
    if len(set(called)) < len(called) or len(called) > _MOST_FORMS:
        raise ValueError(
            f"forms must be at most {_MOST_FORMS} of different names, "
            f"got {', '.join(map(repr, called))}"
        )
    for form in rows:
        if "compute" in form.needs:
            raise ValueError(
                f"forms must be laws of N and D, got {form.name!r}, which reads compute alone"
            )
    return rows


def _comparison(
    table: RunTable,
    laws: dict[str, FittedLaw],
    folds: tuple[Fold, ...],
    scores: _rollout.Scores,
    level: float,
    *,
    chosen: bool,
) -> Comparison:
    usable = np.array([law.usable for law in laws.values()])
    relative = [np.where(usable[:, None], fold, np.nan) for fold in scores.relative]
    weights = _stacking.weights_of(relative, len(laws))
    if not weights.any() and usable.any():
        weights = usable / usable.sum()
    weighted = np.flatnonzero(weights)
    law = (
        _stacking.mixture([list(laws.values())[k] for k in weighted], weights[weighted])
        if len(weighted)
        else None
    )
    means = np.where(usable, scores.error.mean(1), np.nan) if folds else np.full(len(laws), np.nan)
    places = np.flatnonzero(~np.isnan(means))
    alike = _alike(scores.error[places])
    simplest = min(
        places[alike], key=lambda i: (list(laws.values())[i].form.free, means[i]), default=None
    )
    best = None if simplest is None else list(laws)[simplest]
    status, reason = _judged(table, folds, len(places), alike, usable, chosen)
    return Comparison(
        table=table,
        forms=tuple(laws),
        laws=laws,
        folds=folds,
        error=scores.error,
        largest=scores.largest,
        bias=scores.bias,
        coverage=scores.coverage,
        stacked_error=_left_out(relative),
        weights=dict(zip(laws, map(float, weights), strict=True)),
        law=law,
        best=best,
        level=level,
        status=status,
        reason=reason,
    )


def _left_out(relative: list[Array]) -> Array:
    """Return the mean error of each fold under weights from the others."""
    errors = np.full(len(relative), np.nan)
    if len(relative) < 2:
        return errors
    for j, fold in enumerate(relative):
        weights = _stacking.weights_of(relative[:j] + relative[j + 1 :], len(fold))
        weighted = weights > 0
        if weighted.any():
            errors[j] = np.abs(
                np.log1p(np.maximum(weights[weighted] @ fold[weighted], -1 + 1e-12))
            ).mean()
    return errors


def _alike(error: Array) -> Array:
    """Return which forms' mean errors are the least, or more by a standard error at most."""
    if not error.size:
        return np.zeros(len(error), bool)
    gap = error - error[np.argmin(error.mean(1))]
    if error.shape[1] < 2:
        return gap[:, 0] == 0
    return gap.mean(1) <= gap.std(1, ddof=1) / np.sqrt(error.shape[1])


def _judged(
    table: RunTable,
    folds: tuple[Fold, ...],
    forecasting: int,
    alike: Array,
    usable: Array,
    chosen: bool,
) -> tuple[ComparisonStatus, str]:
    """Return the status and its reason; `forecasting` forms have a law in every fold."""
    if not usable.any():
        return ComparisonStatus.NO_FORECAST, "no form could be fitted to the table"
    if not folds:
        return (
            ComparisonStatus.NO_FORECAST,
            "too few runs, or too few budgets, to fit on smaller ones and score larger ones",
        )
    if not forecasting:
        return ComparisonStatus.NO_FORECAST, "no form gave a law in every fold"
    decades = float(np.log10(table.flops.max() / table.flops.min()))
    ratio = table.samples / table.parameters
    ratios = float(np.log10(ratio.max() / ratio.min()))
    if decades < _DECADES and not chosen:
        return (
            ComparisonStatus.TOO_NARROW,
            f"runs span {decades:.1f} decades of compute: forms differ over more than {_DECADES:g}",
        )
    if ratios < _RATIOS:
        return ComparisonStatus.TOO_NARROW, (
            f"D/N spans a factor of {10**ratios:.2g} only, less than {10**_RATIOS:.0f}: "
            "how N and D work together does not show"
        )
    if len(folds) < 2:
        return (
            ComparisonStatus.TOO_NARROW,
            "one forecast only: how much forecasts scatter is not known",
        )
    if forecasting < 2:
        return ComparisonStatus.UNDECIDED, "only one form forecast in every fold"
    if np.count_nonzero(alike) > 1:
        return (
            ComparisonStatus.UNDECIDED,
            f"{np.count_nonzero(alike)} forms forecast alike: take the stacked law",
        )
    return ComparisonStatus.DECIDED, ""
