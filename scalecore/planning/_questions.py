"""What a plan is asked, checked and laid out flat, and its answer for one set of a law's
parameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._common.validation import broadcast, real_array
from ..fitting._centre import Array
from ._least import Best, Limits, least_budget, least_loss

if TYPE_CHECKING:
    from ..fitting._fitted_law import FittedLaw

TARGETS = ("training_budget", "loss", "total_budget")
AMOUNTS = (
    "parameters",
    "samples",
    "epochs",
    "loss",
    "training_compute",
    "inference_compute",
    "total_compute",
)
_AT_A_TIME = 2**17  # draws times questions that are solved at a time


@dataclass(frozen=True)
class Answer:
    """The amounts of a plan for theta [..., parameter], as arrays [..., question].

    `reached` is False where a loss cannot be reached, `left` true where less than the budget is
    best.
    """

    amounts: dict[str, Array]
    best: Best
    reached: NDArray[np.bool_]
    left: NDArray[np.bool_]


@dataclass(frozen=True)
class Questions:
    """Questions to a law, flat; numbers as the user gave them.

    `valid` says which of them are in their domain; the others have harmless numbers here.
    """

    law: FittedLaw
    target: str
    shape: tuple[int, ...]
    wanted: Array
    inference_samples: Array
    max_parameters: Array
    max_samples: Array
    unique_samples: Array | None
    training_cost: Array
    inference_cost: Array
    valid: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.wanted)

    def __getitem__(self, index: Any) -> Questions:
        """Return some of the questions."""
        arrays = {
            name: value[index]
            for name, value in vars(self).items()
            if isinstance(value, np.ndarray)
        }
        return Questions(**{**vars(self), **arrays})

    def parts(self, each: int) -> Iterator[Questions]:
        """Yield questions so few together that `each` sets of parameters fit into memory."""
        step = max(1, _AT_A_TIME // max(each, 1))
        for first in range(0, len(self), step):
            yield self[first : first + step]

    @property
    def limits(self) -> Limits:
        """The limits in centred logarithms; inference demand counts unless a training budget is
        given.
        """
        centre = self.law.centre
        with np.errstate(divide="ignore"):  # logarithms of each: their product may be no number
            s = np.log(self.inference_cost) + np.log(self.inference_samples)
            s = s - np.log(self.training_cost) - centre.m
            n_most, m_most = np.log(self.max_parameters), np.log(self.max_samples)
        if self.target == "training_budget":
            s = np.full_like(s, -np.inf)
        unique = None if self.unique_samples is None else np.log(self.unique_samples) - centre.m
        return Limits(s, n_most - centre.n, m_most - centre.m, unique)

    def log_budget(self, budget: Array) -> Array:
        """Return budgets in FLOPs as the solver takes them."""
        return np.log(budget) - np.log(self.training_cost) - self.law.centre.n - self.law.centre.m

    def answered(self, theta: Array) -> Answer:
        """Return the answer of theta [parameter], or [draw, 1, parameter]."""
        scale = np.exp(self.law.user_centre.y)
        unspent = np.zeros(1, bool)
        if self.target == "loss":
            _, best, reached = least_budget(self.law, theta, self.wanted / scale, self.limits)
            loss = np.broadcast_to(self.wanted, best.n.shape)
        else:
            best, unspent = least_loss(self.law, theta, self.log_budget(self.wanted), self.limits)
            reached, loss = np.ones(best.n.shape, bool), best.loss * scale
        return Answer(self.amounts(best.n, best.m, loss), best, reached, unspent)

    def amounts(self, n: Array, m: Array, loss: Array) -> dict[str, Array]:
        """Return N, D, epochs, loss and compute at points in centred logarithms."""
        with np.errstate(over="ignore", invalid="ignore"):
            N = _at_most(np.exp(n + self.law.centre.n), self.max_parameters)
            D = _at_most(np.exp(m + self.law.centre.m), self.max_samples)
            training = self.training_cost * N * D
            inference = self.inference_cost * N * self.inference_samples
        unique = np.inf if self.unique_samples is None else self.unique_samples
        values = (N, D, D / np.minimum(D, unique), loss, training, inference, training + inference)
        return dict(zip(AMOUNTS, values, strict=True))


def _at_most(amount: Array, limit: Array) -> Array:
    """Return the amount, and the limit itself where only rounding keeps them apart."""
    return np.where(amount >= limit * (1 - 1e-12), limit, amount)


def questions(
    law: FittedLaw, targets: dict[str, ArrayLike | None], numbers: dict[str, ArrayLike | None]
) -> Questions:
    """Check the arguments of `plan` and lay them out."""
    given = [name for name in TARGETS if targets[name] is not None]
    if len(given) != 1:
        raise TypeError(
            f"exactly one of {', '.join(TARGETS)} must be given, got {', '.join(given) or 'none'}"
        )
    (target,) = given
    if numbers["unique_samples"] is not None and "unique_samples" not in law.form.needs:
        raise ValueError(
            "unique_samples needs a form with repeated data (such as 'repeated'), and the law is "
            f"{law.form.name!r}"
        )
    arrays = {target: real_array(target, targets[target])}  # type: ignore[arg-type]
    arrays |= {
        name: real_array(name, value) for name, value in numbers.items() if value is not None
    }
    shape = broadcast(**arrays)
    # copies, because values out of the domain are replaced below
    flat = {
        name: np.array(np.broadcast_to(array, shape).reshape(-1)) for name, array in arrays.items()
    }
    for name in ("max_parameters", "max_samples"):
        flat.setdefault(name, np.full(flat[target].shape, np.inf))
    valid = np.ones(flat[target].shape, bool)
    for name, array in flat.items():
        may_be_zero = name in ("inference_samples", "inference_cost")
        may_be_infinite = name in ("max_parameters", "max_samples")
        good = (array >= 0 if may_be_zero else array > 0) & (
            ~np.isnan(array) if may_be_infinite else np.isfinite(array)
        )
        array[~good] = 1.0
        valid &= good
    flat["wanted"] = flat.pop(target)
    unique = flat.pop("unique_samples", None)
    return Questions(
        law=law, target=target, shape=shape, valid=valid, unique_samples=unique, **flat
    )
