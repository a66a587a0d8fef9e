"""The compute-optimal split of a budget under a fitted law."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._common.validation import positive_number, real_array
from ._centre import Array, Covariates
from ._evaluate import losses
from ._quantiles import checked_level, interval_in_parts

if TYPE_CHECKING:
    from ._fitted_law import FittedLaw
    from ._forms import Form

_REACH = 60.0  # optima are looked for within this distance of the runs' centre, in ln N
_GOLDEN = (np.sqrt(5.0) - 1) / 2


class AllocationStatus(IntEnum):
    """What became of one budget: INTERIOR, NO_OPTIMUM (all to one side is best), NO_LAW, INVALID.

    Examples
    --------
    >>> import scalecore as sc
    >>> sc.AllocationStatus(0).name
    'INTERIOR'
    """

    INTERIOR = 0
    NO_OPTIMUM = 1
    NO_LAW = 2
    INVALID = 3


@dataclass(frozen=True, eq=False)
class Allocation:
    """Compute-optimal allocations under a fitted law, as arrays of the budgets' shape.

    Attributes
    ----------
    budget : ndarray
        FLOPs.
    cost : float
        FLOPs per parameter and sample.
    parameters, samples, loss : ndarray
        N*, D* = budget / (cost N*), and the law's loss there in the table's unit.
    elasticity : ndarray
        d ln N* / d ln C: one half means that model and data grow alike.
    parameters_low, parameters_high, samples_low, samples_high, loss_low, loss_high,
    elasticity_low, elasticity_high : ndarray
        Ends of the intervals, from the law's draws; NaN where it has none.
    status : ndarray of int8
        `AllocationStatus` of each budget.
    extrapolation : ndarray
        Decades of compute beyond the largest run.
    level : float
    loss_unit : str

    Examples
    --------
    >>> import numpy as np
    >>> import scalecore as sc
    >>> N, D = (a.ravel() for a in np.meshgrid([1e8, 3e8, 1e9, 3e9], [2e9, 8e9, 3e10, 1e11]))
    >>> table = sc.RunTable(N, D, 1.8 + 480 / N**0.35 + 2100 / D**0.37)
    >>> best = sc.fit(table, "additive", resamples=0).compute_optimal(1e23)
    >>> f"{float(best.parameters):.3g} {float(best.samples):.3g} {float(best.elasticity):.4f}"
    '3.13e+10 5.32e+11 0.5139'
    """

    budget: Array
    cost: float
    parameters: Array
    samples: Array
    loss: Array
    elasticity: Array
    parameters_low: Array
    parameters_high: Array
    samples_low: Array
    samples_high: Array
    loss_low: Array
    loss_high: Array
    elasticity_low: Array
    elasticity_high: Array
    status: NDArray[np.int8]
    extrapolation: Array
    level: float
    loss_unit: str

    @property
    def samples_per_parameter(self) -> Array:
        """Samples per parameter, D*/N*."""
        return self.samples / self.parameters

    def __repr__(self) -> str:
        if np.ndim(self.parameters):
            good = int(np.count_nonzero(self.status == AllocationStatus.INTERIOR))
            return f"Allocation({np.size(self.budget)} budgets, {good} of them with an optimum)"

        def shown(name: str) -> str:
            value, low, high = (float(getattr(self, name + end)) for end in ("", "_low", "_high"))
            return f"{value:.4g}" + ("" if np.isnan(low) else f" [{low:.4g}, {high:.4g}]")

        return (
            f"Allocation(C = {float(self.budget):g}: N = {shown('parameters')}, D = "
            f"{shown('samples')}, "
            f"loss {shown('loss')} {self.loss_unit}, elasticity {shown('elasticity')}, "
            f"{AllocationStatus(int(self.status)).name})"
        )

    def _repr_html_(self) -> str:
        from .._views import fits_html

        return fits_html.allocation(self, AllocationStatus)


def best_split(form: Form, theta: Array, c: Array, x: Covariates) -> Array:
    """Return n at the least loss along n + m = c for theta [..., parameter]; NaN where it is at
    infinity.

    `x` carries the centre, and the unique samples (as one number) of forms that need them.
    """
    if form.optimum is not None:
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
            n = form.optimum(theta, c)
        return np.where(np.isfinite(n) & (np.abs(n) < 1e4), n, np.nan)
    shape = np.broadcast_shapes(theta.shape[:-1], np.shape(c))
    low, high = np.full(shape, -_REACH), np.full(shape, _REACH)

    def value(n: Array) -> Array:
        return form.loss(theta, Covariates(n, c - n, x.unique, x.centre))

    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = value(left), value(right)
    for _ in range(75):
        smaller = at_left <= at_right
        low, high = np.where(smaller, low, left), np.where(smaller, right, high)
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        at_left, at_right = value(left), value(right)
    n = (low + high) / 2
    return np.where(np.abs(n) < _REACH - 1e-6, n, np.nan)


def elasticity(form: Form, theta: Array, c: Array, x: Covariates) -> Array:
    """Return d n* / d c, by a central difference (exact where n* is linear in c)."""
    step = 1e-2
    return (best_split(form, theta, c + step, x) - best_split(form, theta, c - step, x)) / (
        2 * step
    )


@np.errstate(all="ignore")
def compute_optimal(law: FittedLaw, budget: ArrayLike, cost: float, level: float) -> Allocation:
    """Return the allocation of `FittedLaw.compute_optimal`, with intervals from the draws."""
    budgets = np.array(real_array("budget", budget))
    cost, level = positive_number("cost", cost), checked_level(level)
    shape = budgets.shape
    flat = budgets.reshape(-1)
    valid = np.isfinite(flat) & (flat > 0)
    status = np.where(valid, AllocationStatus.INTERIOR, AllocationStatus.INVALID).astype(np.int8)
    centre, form = law.centre, law.form
    with np.errstate(divide="ignore", invalid="ignore"):
        c = np.where(valid, np.log(flat) - np.log(cost) - centre.n - centre.m, np.nan)
    x = Covariates(c, c, None, centre)

    def at(theta: Array, part: slice = slice(None)) -> tuple[Array, ...]:
        expanded = theta if theta.ndim == 1 else theta[:, None, :]
        n = best_split(form, expanded, c[part], x[part])
        m = c[part] - n
        loss = losses(form, theta, Covariates(n, m, None, centre)) * np.exp(law.user_centre.y)
        return (
            np.exp(n + centre.n),
            np.exp(m + centre.m),
            loss,
            elasticity(form, expanded, c[part], x[part]),
        )

    usable = law.usable and "compute" not in form.needs
    names = ("parameters", "samples", "loss", "elasticity")
    if usable:
        draws = law.theta_draws
        point, ends = at(law.theta), None
        if len(draws):
            ends = interval_in_parts(lambda part: at(draws, part), len(c), len(draws), level)
    else:
        point, ends = tuple(np.full(flat.shape, np.nan) for _ in names), None
        status[valid] = AllocationStatus.NO_LAW
    status[(status == AllocationStatus.INTERIOR) & np.isnan(point[0])] = AllocationStatus.NO_OPTIMUM
    fields: dict[str, Any] = {}
    for i, name in enumerate(names):
        fields[name] = point[i].reshape(shape)[()]
        for j, end in enumerate(("_low", "_high")):
            fields[name + end] = (
                np.full(flat.shape, np.nan) if ends is None else ends[i][j]
            ).reshape(shape)[()]
    with np.errstate(divide="ignore", invalid="ignore"):
        beyond = np.maximum(np.log10(flat / law.ranges.compute[1] * law.cost / cost), 0.0)
    return Allocation(
        budget=budgets[()],
        cost=cost,
        status=status.reshape(shape)[()],
        extrapolation=beyond.reshape(shape)[()],
        level=level,
        loss_unit=law.loss_unit,
        **fields,
    )
