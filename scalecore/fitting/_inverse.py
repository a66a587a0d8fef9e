"""Inverse questions: how many samples, or parameters, for a loss."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._common.validation import broadcast, real_array
from ._centre import Array, Covariates
from ._quantiles import checked_level, interval_in_parts

if TYPE_CHECKING:
    from ._fitted_law import FittedLaw

_FARTHEST = 100.0  # |ln N| or |ln D| from the runs' centre: 43 decades
_HALVINGS = 60


class SolutionStatus(IntEnum):
    """Whether a loss can be reached.

    REACHED. OUT_OF_REACH: no number is enough, the loss lies below what the law allows (below E,
    for one). ALWAYS: any number is enough. NO_LAW: the fit has no law. INVALID: an input is out of
    its domain.

    Examples
    --------
    >>> import scalecore as sc
    >>> sc.SolutionStatus(1).name
    'OUT_OF_REACH'
    """

    REACHED = 0
    OUT_OF_REACH = 1
    ALWAYS = 2
    NO_LAW = 3
    INVALID = 4


@dataclass(frozen=True, eq=False)
class Solution:
    """Samples (or parameters) that reach a loss.

    Attributes
    ----------
    value, low, high : ndarray
        NaN where `status` is not REACHED. `high` is infinite where so many draws of the law cannot
        reach the loss at all.
    status : ndarray of int8
        `SolutionStatus`.
    of : {"samples", "parameters"}
    level : float

    Examples
    --------
    >>> import scalecore as sc
    >>> sc.Solution(1e9, 9e8, 1.2e9, 0, "samples", 0.95)
    Solution(samples 1e+09 [9e+08, 1.2e+09], REACHED)
    """

    value: Array
    low: Array
    high: Array
    status: NDArray[np.int8]
    of: str
    level: float

    def __repr__(self) -> str:
        if np.ndim(self.value):
            reached = int(np.count_nonzero(np.equal(self.status, SolutionStatus.REACHED)))
            return (
                f"Solution({self.of} for {np.size(self.value)} losses, {reached} of them REACHED)"
            )
        ends = "" if np.isnan(self.low) else f" [{float(self.low):.4g}, {float(self.high):.4g}]"
        return (
            f"Solution({self.of} {float(self.value):.4g}{ends}, "
            f"{SolutionStatus(int(self.status)).name})"
        )


@np.errstate(all="ignore")
def solve(law: FittedLaw, of: str, given: ArrayLike, loss: ArrayLike, level: float) -> Solution:
    """Return the solution of `FittedLaw.samples_for` and `FittedLaw.parameters_for`."""
    given_amount = "parameters" if of == "samples" else "samples"
    level = checked_level(level)
    arrays = {given_amount: real_array(given_amount, given), "loss": real_array("loss", loss)}
    shape = broadcast(**arrays)
    fixed, wanted = (np.broadcast_to(array, shape).reshape(-1) for array in arrays.values())
    valid = np.isfinite(fixed) & (fixed > 0) & np.isfinite(wanted) & (wanted > 0)
    nothing = np.full(fixed.shape, np.nan)
    if not law.usable or "compute" in law.form.needs:
        status = np.where(valid, SolutionStatus.NO_LAW, SolutionStatus.INVALID).astype(np.int8)
        return Solution(*(nothing.reshape(shape)[()],) * 3, status.reshape(shape)[()], of, level)
    centre = law.centre
    with np.errstate(divide="ignore", invalid="ignore"):
        at = np.where(
            valid, np.log(fixed) - (centre.n if given_amount == "parameters" else centre.m), np.nan
        )
        target = np.where(valid, wanted * np.exp(-law.user_centre.y), np.nan)
    origin = centre.m if of == "samples" else centre.n
    log, status = _crossing(law, law.theta, of, at, target)
    status = np.where(valid, status, SolutionStatus.INVALID).astype(np.int8)
    low, high = nothing, nothing
    if len(law.theta_draws):
        ((low, high),) = interval_in_parts(
            lambda part: [_drawn_crossings(law, of, at[part], target[part])],
            len(at),
            len(law.theta_draws),
            level,
        )
        low, high = (
            np.where(status == SolutionStatus.REACHED, np.exp(end + origin), np.nan)
            for end in (low, high)
        )
    value = np.where(status == SolutionStatus.REACHED, np.exp(log + origin), np.nan)
    value, low, high = (array.reshape(shape)[()] for array in (value, low, high))
    return Solution(value, low, high, status.reshape(shape)[()], of, level)


def _drawn_crossings(law: FittedLaw, of: str, at: Array, target: Array) -> Array:
    """Return where each draw crosses the targets; infinite where it does not."""
    drawn, which = _crossing(law, law.theta_draws[:, None, :], of, at, target)
    return np.where(
        which == SolutionStatus.OUT_OF_REACH,
        np.inf,
        np.where(which == SolutionStatus.ALWAYS, -np.inf, drawn),
    )


def _crossing(
    law: FittedLaw, theta: Array, of: str, at: Array, target: Array
) -> tuple[Array, NDArray[np.int8]]:
    """Return where the falling law crosses the target, by bisection, and whether it does."""

    def value(log: Array) -> Array:
        n, m = (at, log) if of == "samples" else (log, at)
        return law.form.loss(theta, Covariates(n, m, None, law.centre))

    shape = np.broadcast_shapes(theta.shape[:-1], at.shape)
    low, high = np.full(shape, -_FARTHEST), np.full(shape, _FARTHEST)
    status = np.full(shape, SolutionStatus.REACHED, np.int8)
    with np.errstate(over="ignore", invalid="ignore"):
        status[value(low) <= target] = SolutionStatus.ALWAYS
        status[value(high) > target] = SolutionStatus.OUT_OF_REACH
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            above = value(middle) > target
            low, high = np.where(above, middle, low), np.where(above, high, middle)
    return (low + high) / 2, status
