"""What it costs to train another size than the best, and what further epochs are worth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..fitting._centre import Array
from ..fitting._quantiles import interval
from ._least import REACH, Limits, loss_at, lowest, more_can_harm, root

if TYPE_CHECKING:
    from ._questions import Questions

_NAMES = {
    0.25: "a quarter of the parameters",
    0.5: "half the parameters",
    2.0: "twice the parameters",
}
_PRICES = ("training", "total", "loss")


@dataclass(frozen=True, eq=False)
class Deviations:
    """The price of training another size than the plan's.

    Arrays have the plan's shape and an axis of factors, last.

    Attributes
    ----------
    factors : ndarray, shape (k,)
        Of the plan's parameters.
    parameters, samples : ndarray
        N, and the D with which it has the plan's loss; NaN where it never has.
    training_compute, inference_compute, total_compute : ndarray
        FLOPs for the plan's loss; infinite where it is out of reach.
    extra_training, extra_total : ndarray
        Share by which training and total compute for the same loss exceed the plan's: 0.04 is 4 %
        more. Infinite where this size never reaches the loss.
    loss : ndarray
        Loss of this size at the plan's budget (what counts there: training, or all).
    extra_loss : ndarray
        Share by which that exceeds the plan's loss. Infinite where the budget does not pay for it.
    extra_training_low, extra_training_high, ... : ndarray
        Ends of intervals of the three shares, each draw of the law against its own best plan.
    level : float
    loss_unit : str

    Examples
    --------
    >>> import scalecore as sc
    >>> chinchilla = {"E": 1.69, "A": 406.4, "alpha": 0.34, "B": 410.7, "beta": 0.28}
    >>> law = sc.FittedLaw.from_values("additive", chinchilla)
    >>> price = sc.plan(law, training_budget=1e23).deviations(2)
    >>> f"{float(price.extra_training[0]):.2%} {float(price.extra_loss[0]):.3%}"
    '13.15% 0.356%'
    """

    factors: Array
    parameters: Array
    samples: Array
    training_compute: Array
    inference_compute: Array
    total_compute: Array
    extra_training: Array
    extra_total: Array
    loss: Array
    extra_loss: Array
    extra_training_low: Array
    extra_training_high: Array
    extra_total_low: Array
    extra_total_high: Array
    extra_loss_low: Array
    extra_loss_high: Array
    level: float
    loss_unit: str

    def __repr__(self) -> str:
        if self.parameters.ndim > 1:
            return (
                f"Deviations({self.parameters[..., 0].size} plans at {len(self.factors)} factors)"
            )
        parts = []
        for factor, extra in zip(self.factors, self.extra_total, strict=True):
            name = _NAMES.get(float(factor), f"{factor:g} times the parameters")
            how = f"{abs(100 * extra):.3g} % {'more' if extra >= 0 else 'less'}"
            parts.append(
                f"{name} {how if np.isfinite(extra) else 'never' if np.isinf(extra) else 'no plan'}"
            )
        return f"Deviations(compute for the same loss: {', '.join(parts) or 'no factors'})"

    def _repr_html_(self) -> str:
        from .._views import planning_html

        return planning_html.deviations(self)


@dataclass(frozen=True, eq=False)
class EpochReturns:
    """What passes over the same samples are worth.

    Attributes
    ----------
    parameters, unique_samples : ndarray, shape of the plan
    epochs : ndarray, shape (k,)
        1, 2, ...
    loss : ndarray, shape (..., k)
        After so many passes.
    effective_samples : ndarray, shape (..., k)
        New samples that would do as much; infinite where no number would.
    worth : ndarray, shape (..., k)
        Of each pass: the effective samples that it adds, per unique sample. 1 is as good as new.
    loss_unit : str

    Examples
    --------
    >>> import scalecore as sc
    >>> values = {"E": 1.87, "A": 521, "alpha": 0.35, "B": 1488, "beta": 0.35}
    >>> law = sc.FittedLaw.from_values("repeated", values | {"R_D": 15.4, "R_N": 5.3})
    >>> sc.plan(law, training_budget=1e22, unique_samples=2e10).epoch_returns(4)
    EpochReturns(N = 6.68e+09, U = 2e+10: worth 1, 0.7, 0.6, 0.53)
    """

    parameters: Array
    unique_samples: Array
    epochs: Array
    loss: Array
    effective_samples: Array
    worth: Array
    loss_unit: str

    def __repr__(self) -> str:
        if self.loss.ndim > 1:
            return f"EpochReturns({self.loss[..., 0].size} plans, {len(self.epochs)} epochs)"
        worth = ", ".join(f"{value:.2g}" for value in self.worth)
        return (
            f"EpochReturns(N = {float(self.parameters):.4g}, U = "
            f"{float(self.unique_samples):.4g}: worth {worth})"
        )

    def _repr_html_(self) -> str:
        from .._views import planning_html

        return planning_html.epochs(self)


def deviations(ask: Questions, good: NDArray[np.bool_], factors: Array, level: float) -> Deviations:
    """Return the prices of other sizes for questions; NaN where there is no plan."""
    law, count = ask.law, (len(ask), len(factors))
    columns: dict[str, Array] = {name: np.full(count, np.nan) for name in _fields()}
    for i, part in enumerate(ask[j : j + 1] for j in range(len(ask))):
        if not good[i]:
            continue
        found = _priced(part, law.theta, factors)
        columns_of = {name: found[name] for name in found}
        if len(law.theta_draws):
            drawn = _priced(part, law.theta_draws[:, None, :], factors)
            ends = interval([drawn["extra_" + name] for name in _PRICES], level)
            for name, (low, high) in zip(_PRICES, ends, strict=True):
                columns_of[f"extra_{name}_low"], columns_of[f"extra_{name}_high"] = low, high
        for name, values in columns_of.items():
            columns[name][i] = values
    shaped = {name: values.reshape(*ask.shape, len(factors)) for name, values in columns.items()}
    return Deviations(factors=factors, level=level, loss_unit=law.loss_unit, **shaped)


def _fields() -> tuple[str, ...]:
    amounts = (
        "parameters",
        "samples",
        "training_compute",
        "inference_compute",
        "total_compute",
        "loss",
    )
    shares = [f"extra_{name}{end}" for name in _PRICES for end in ("", "_low", "_high")]
    return (*amounts, *shares)


def _priced(ask: Questions, theta: Array, factors: Array) -> dict[str, Array]:
    """Return the columns of `Deviations` for one question and theta [parameter] or [draw, 1,
    parameter].
    """
    answer = ask.answered(theta)
    best, law, limits = answer.best, ask.law, ask.limits
    n = best.n + np.log(factors)
    wide = Limits(limits.s, np.full(1, np.inf), np.full(1, np.inf), limits.unique)
    same = np.broadcast_to(best.loss, n.shape)
    m, reached = samples_with(law, theta, n, same, wide)
    free = replace(ask, max_parameters=np.full(1, np.inf), max_samples=np.full(1, np.inf))
    amounts = free.amounts(n, m, same)
    budget = best.n + np.logaddexp(best.m, limits.s)
    with np.errstate(divide="ignore", invalid="ignore"):
        room = budget - n
        at_budget = np.where(
            room > limits.s, room + np.log(-np.expm1(np.minimum(limits.s - room, 0))), -np.inf
        )
        loss = loss_at(law, theta, n, np.maximum(at_budget, -REACH), wide)
        loss = np.where(room > limits.s, loss, np.inf)
        found = {
            name: np.where(reached, amounts[name], np.nan) for name in ("parameters", "samples")
        }
        found["parameters"] = amounts["parameters"]
        for name in ("training_compute", "inference_compute", "total_compute"):
            found[name] = np.where(reached, amounts[name], np.inf)
        for name in ("training", "total"):
            found["extra_" + name] = (
                found[name + "_compute"] / answer.amounts[name + "_compute"] - 1
            )
        found["extra_loss"] = loss / best.loss - 1
        found["loss"] = loss * np.exp(law.user_centre.y)
    lost = best.unbounded | ~answer.reached
    return {name: np.where(lost, np.nan, values) for name, values in found.items()}


def samples_with(
    law: Any, theta: Array, n: Array, loss: Array, limits: Limits
) -> tuple[Array, NDArray[np.bool_]]:
    """Return the least m with which models of size n have a loss (relative to the centre), and
    whether they can.
    """
    greatest = np.broadcast_to(np.minimum(limits.m_most, REACH), n.shape)

    def excess(m: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log(loss_at(law, theta, n, m, limits) / loss)

    if more_can_harm(law, limits):
        least = np.full(n.shape, -REACH)
        greatest = lowest(lambda m: loss_at(law, theta, n, m, limits), least, greatest, scan=True)
    at_most = excess(greatest)
    m = root(excess, np.full(n.shape, -REACH), greatest, at_most)
    return m, ~(at_most > 0)


def epoch_returns(ask: Questions, parameters: Array, most: int) -> EpochReturns:
    """Return what each pass over the unique samples is worth at these parameters."""
    if ask.unique_samples is None:
        raise ValueError("epochs need a plan with unique_samples (and a form with repeated data)")
    law, epochs = ask.law, np.arange(1.0, most + 1)
    with np.errstate(invalid="ignore"):
        n = np.log(parameters).reshape(-1, 1) - law.centre.n
    n = np.broadcast_to(n, (len(ask), most))
    u = np.broadcast_to(np.log(ask.unique_samples)[:, None] - law.centre.m, n.shape)
    endless = np.full(n.shape, np.inf)
    loss = loss_at(law, law.theta, n, u + np.log(epochs), Limits(endless, endless, endless, u))
    new, reached = samples_with(law, law.theta, n, loss, Limits(endless, endless, endless, None))
    effective = np.where(reached, np.exp(new + law.centre.m), np.inf)
    effective = np.where(np.isnan(n), np.nan, effective)
    unique = ask.unique_samples[:, None]
    with np.errstate(invalid="ignore"):
        worth = np.diff(effective, axis=-1, prepend=0.0) / unique
    values = (loss * np.exp(law.user_centre.y), effective, worth)
    loss, effective, worth = (part.reshape(*ask.shape, most) for part in values)
    return EpochReturns(
        parameters=parameters,
        unique_samples=ask.unique_samples.reshape(ask.shape)[()],
        epochs=epochs,
        loss=loss,
        effective_samples=effective,
        worth=worth,
        loss_unit=law.loss_unit,
    )
