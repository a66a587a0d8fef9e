"""The least loss that a budget buys under a law, and the least budget for a loss.

Everything is in the law's centred logarithms. A model of n = ln N trained on m = ln D samples and
asked for S more costs

    training_cost N D + inference_cost N S,   so   n + ln(e^m + e^s) = c

is what a budget allows: c the logarithm of the budget over the training cost, s that of the
inference demand in units of a training sample (minus infinity where inference does not count).
Going by m keeps every digit: n(m) = c - ln(e^m + e^s), whichever of the two is larger.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..fitting._allocation import best_split
from ..fitting._centre import Array, Covariates

if TYPE_CHECKING:
    from ..fitting._fitted_law import FittedLaw

REACH = 100.0  # largest |ln N| and |ln D| from the runs' centre that is looked at: 43 decades
_GOLDEN = (np.sqrt(5.0) - 1) / 2
_FINE = 1e-7  # a golden section ends here; the last digits come from slopes
_COARSE = 1e-3  # accuracy where only the loss counts, which is flat at its minimum
_SCANNED = 41
_STEP = 1e-2  # distance of the points from which slopes are found
_ROOTS = 90  # most steps of a root search; twenty are usual
_SOLVED = 1e-13  # accuracy of a budget's logarithm
_ROUNDING = 1e-11
# a budget is compared with budgets whose logarithms are so much smaller: where one of them has the
# lower loss, spending all of it does harm
_LESS = (0.3, 1.0, 2.0, 4.0, 8.0, 16.0)
_HARM = 1e-9
# limits that are not set are infinite, laws without values are NaN: neither shall warn
_QUIET = np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore")


@dataclass(frozen=True)
class Limits:
    """What restricts a plan, in centred logarithms, one number for each question.

    `n_most`, `m_most` are the largest N and D; `unique` is ln U (None where nothing is repeated).
    """

    s: Array
    n_most: Array
    m_most: Array
    unique: Array | None

    def __getitem__(self, index: Any) -> Limits:
        """Return those of some questions."""
        unique = None if self.unique is None else self.unique[index]
        return Limits(self.s[index], self.n_most[index], self.m_most[index], unique)

    @property
    def highest(self) -> tuple[Array, Array]:
        """The largest n and m that are looked at."""
        return np.minimum(self.n_most, REACH), np.minimum(self.m_most, REACH)


@dataclass(frozen=True)
class Best:
    """Where the loss is least: n, m, the loss (relative), and whether a limit or the end of the
    world stops it.
    """

    n: Array
    m: Array
    loss: Array
    at_n: NDArray[np.bool_]
    at_m: NDArray[np.bool_]
    unbounded: NDArray[np.bool_]


@_QUIET
def loss_at(law: FittedLaw, theta: Array, n: Array, m: Array, limits: Limits) -> Array:
    """Return the loss relative to the centre; theta [..., parameter] against questions [...,
    question].
    """
    unique = None
    if "unique_samples" in law.form.needs:
        unique = m if limits.unique is None else np.minimum(limits.unique, m)
    return law.form.loss(theta, Covariates(n, m, unique, law.centre))


def more_can_harm(law: FittedLaw, limits: Limits) -> bool:
    """Whether more compute may raise the loss: where samples are repeated, some forms have it
    so.
    """
    return limits.unique is not None and "unique_samples" in law.form.needs


@_QUIET
def least_loss(
    law: FittedLaw, theta: Array, c: Array, limits: Limits
) -> tuple[Best, NDArray[np.bool_]]:
    """Return the best split of budgets `c` for theta [..., 1, parameter], and where less than all
    is best.
    """
    best = best_of_all(law, theta, c, limits)
    if not more_can_harm(law, limits):
        return best, np.zeros(best.n.shape, bool)
    before = [best_of_all(law, theta, c - less, limits, _COARSE).loss for less in _LESS]
    harmed = np.asarray((np.stack(before) < best.loss * (1 - _HARM)).any(axis=0))
    if not harmed.any():
        return best, harmed
    enough = np.where(harmed, best_budget(law, theta, limits, c), c)
    better = best_of_all(law, theta, enough, limits)
    unspent = np.asarray(harmed & (better.loss < best.loss * (1 - _HARM)))
    return Best(
        *(
            np.where(unspent, *pair)
            for pair in zip(vars(better).values(), vars(best).values(), strict=True)
        )
    ), unspent


@_QUIET
def best_budget(
    law: FittedLaw, theta: Array, limits: Limits, greatest: Array | None = None
) -> Array:
    """Return the budget, up to the most, that has the least loss when it is spent."""
    least, all_of_it = _all_budgets(theta, limits)
    greatest = (
        all_of_it
        if greatest is None
        else np.broadcast_to(np.clip(greatest, least, all_of_it), least.shape)
    )
    return lowest(
        lambda c: best_of_all(law, theta, c, limits, _COARSE).loss,
        least,
        greatest,
        scan=True,
        fine=_COARSE,
    )


def _all_budgets(theta: Array, limits: Limits) -> tuple[Array, Array]:
    """Return the smallest and largest budget that is looked at."""
    n_high, m_high = limits.highest
    shape = np.broadcast_shapes(theta.shape[:-1], n_high.shape)
    greatest = np.broadcast_to(n_high + np.logaddexp(m_high, limits.s), shape)
    return np.broadcast_to(np.logaddexp(-REACH, limits.s) - REACH, shape), greatest


@_QUIET
def best_of_all(
    law: FittedLaw, theta: Array, c: Array, limits: Limits, fine: float = _FINE
) -> Best:
    """Return the best split of budgets `c` that are spent as far as limits allow."""
    n_high, m_high = limits.highest
    shape = np.broadcast_shapes(theta.shape[:-1], c.shape)
    c = np.broadcast_to(np.minimum(c, np.logaddexp(m_high, limits.s) + n_high), shape)
    low, high = _log_difference(c - n_high, limits.s), np.broadcast_to(m_high, shape)
    low = np.minimum(np.maximum(low, -REACH), high)
    n_of = lambda m: c - np.logaddexp(m, limits.s)  # noqa: E731

    def value(m: Array) -> Array:
        return loss_at(law, theta, n_of(m), m, limits)

    exact = law.form.optimum is not None and np.isneginf(limits.s).all()
    if exact:
        m = c - best_split(law.form, theta, c, Covariates(c, c, None, law.centre))
        m = np.clip(m, low, high)
    else:
        m = lowest(value, low, high, scan=law.form.optimum is None, fine=fine)
        m = _polished(value, m, low, high) if fine == _FINE else m
    return _with_ends(value, n_of, m, low, high, limits)


def _with_ends(
    value: Callable[[Array], Array],
    n_of: Callable[[Array], Array],
    m: Array,
    low: Array,
    high: Array,
    limits: Limits,
) -> Best:
    """Compare with the ends of the bracket, and say what the end is where it is best."""
    loss, at_low, at_high = value(m), value(low), value(high)
    to_low, to_high = at_low <= np.minimum(loss, at_high), at_high <= loss
    to_high &= ~(to_low & (low < high))
    m = np.where(to_high, high, np.where(to_low, low, m))
    loss = np.where(to_high, at_high, np.where(to_low, at_low, loss))
    n_high, m_high = limits.highest
    # at a limit exactly, without rounding
    n = np.where((m <= low) & (low > -REACH), n_high, n_of(m))
    at_n, at_m = n >= n_high - _ROUNDING, m >= m_high - _ROUNDING
    unbounded = (
        (at_n & (limits.n_most > REACH))
        | (at_m & (limits.m_most > REACH))
        | (m <= -REACH)
        | (n < -2 * REACH)
    )
    return Best(n, m, loss, at_n, at_m, unbounded | np.isnan(m) | np.isnan(loss))


def _log_difference(x: Array, s: Array) -> Array:
    """Return ln(e^x - e^s), minus infinity where there is nothing left."""
    return np.where(x > s, x + np.log(-np.expm1(np.minimum(s - x, 0.0))), -np.inf)


def lowest(
    value: Callable[[Array], Array], low: Array, high: Array, *, scan: bool, fine: float = _FINE
) -> Array:
    """Return where a function with one valley is least, by golden section; `scan` first looks for
    the deepest one.
    """
    if scan:
        at = low + (high - low) * np.linspace(0, 1, _SCANNED).reshape(-1, *(1,) * low.ndim)
        values = np.stack([value(point) for point in at])
        lowest = np.argmin(np.where(np.isnan(values), np.inf, values), axis=0)
        width = (high - low) / (_SCANNED - 1)
        low, high = (
            low + width * np.maximum(lowest - 1, 0),
            low + width * np.minimum(lowest + 1, _SCANNED - 1),
        )
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = value(left), value(right)
    widest = np.nanmax(high - low, initial=fine)
    for _ in range(int(np.ceil(np.log(fine / widest) / np.log(_GOLDEN)))):
        smaller = at_left <= at_right
        low, high = np.where(smaller, low, left), np.where(smaller, right, high)
        new = np.where(smaller, high - _GOLDEN * (high - low), low + _GOLDEN * (high - low))
        at_new = value(new)
        left, at_left, right, at_right = (
            np.where(smaller, new, right),
            np.where(smaller, at_new, at_right),
            np.where(smaller, left, new),
            np.where(smaller, at_left, at_new),
        )
    return (low + high) / 2


def _polished(value: Callable[[Array], Array], m: Array, low: Array, high: Array) -> Array:
    """Return m after a Newton step by differences of fourth order: a valley is flat, its slope is
    not.

    Taken only where it is tiny and goes down: a law with a kink keeps what the section found.
    """
    far, near = 2 * _STEP, _STEP
    f = {step: value(m + step) for step in (-far, -near, 0.0, near, far)}
    slope = (8 * (f[near] - f[-near]) - (f[far] - f[-far])) / (12 * _STEP)
    bend = (16 * (f[near] + f[-near]) - (f[far] + f[-far]) - 30 * f[0.0]) / (12 * _STEP**2)
    step = -slope / bend
    polished = m + step
    good = (np.abs(step) < 10 * np.sqrt(_FINE)) & (bend > 0) & (polished > low) & (polished < high)
    good &= value(np.where(good, polished, m)) <= f[0.0] * (1 + 1e-15)
    return np.where(good, polished, m)


@_QUIET
def least_budget(
    law: FittedLaw, theta: Array, loss: Array, limits: Limits
) -> tuple[Array, Best, NDArray[np.bool_]]:
    """Return the smallest budgets c with which a loss can be reached, the split, and whether it can
    be.
    """
    least, greatest = _all_budgets(theta, limits)

    def excess(c: Array) -> Array:
        return np.log(best_of_all(law, theta, c, limits).loss / loss)

    at_most = excess(greatest)
    if more_can_harm(law, limits) and (at_most > 0).any():
        greatest = np.where(at_most > 0, best_budget(law, theta, limits), greatest)
        at_most = excess(greatest)
    c = root(excess, least, greatest, at_most)
    best = best_of_all(law, theta, c, limits)
    reached = ~(at_most > 0) | (best.loss <= loss * (1 + 1e-12))
    return c, best, reached


@_QUIET
def root(f: Callable[[Array], Array], a: Array, b: Array, at_b: Array) -> Array:
    """Return where a falling function is 0 in [a, b]: Chandrupatla's method, for all elements
    together.
    """
    at_a = f(a)
    c, at_c = a, at_a
    t = np.full(a.shape, 0.5)
    best = b
    for _ in range(_ROOTS):
        x = a + t * (b - a)
        at_x = f(x)
        same = np.sign(at_x) == np.sign(at_a)
        c, at_c = np.where(same, a, b), np.where(same, at_a, at_b)
        b, at_b = np.where(same, b, a), np.where(same, at_b, at_a)
        a, at_a = x, at_x
        nearer = np.abs(at_a) < np.abs(at_b)
        best = np.where(nearer, a, b)
        tolerance = 2 * np.finfo(float).eps * np.abs(best) + _SOLVED
        done = (
            (tolerance >= 0.5 * np.abs(b - a))
            | (np.where(nearer, at_a, at_b) == 0)
            | np.isnan(at_x)
        )
        xi, phi = (a - b) / (c - b), (at_a - at_b) / (at_c - at_b)
        quadratic = (phi**2 < xi) & ((1 - phi) ** 2 < 1 - xi)
        interpolated = at_a / (at_b - at_a) * at_c / (at_b - at_c) + (c - a) / (b - a) * at_a / (
            at_c - at_a
        ) * at_b / (at_c - at_b)
        edge = tolerance / np.abs(b - a)
        t = np.clip(np.where(quadratic, interpolated, 0.5), edge, 1 - edge)
        if done.all():
            break
        t = np.where(np.isnan(t), 0.5, t)
    return best
