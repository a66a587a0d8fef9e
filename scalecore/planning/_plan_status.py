"""What became of each question to `plan`."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ._questions import Answer


class PlanStatus(IntEnum):
    """What became of one question to `plan`.

    INTERIOR: the best split, no limit in its way. AT_MAX_PARAMETERS, AT_MAX_SAMPLES: that limit
    decides. AT_BOTH_LIMITS: both do, and what is left of the budget buys nothing. BUDGET_LEFT: more
    repetitions would do harm, so some of the budget is left. OUT_OF_REACH: no model within the
    limits has this loss (it may lie below E). NO_OPTIMUM: all to one side is best.
    NO_LAW: the fit has no law of N and D. INVALID: a number is out of its domain.

    Examples
    --------
    >>> import scalecore as sc
    >>> sc.PlanStatus(5).name
    'OUT_OF_REACH'
    """

    INTERIOR = 0
    AT_MAX_PARAMETERS = 1
    AT_MAX_SAMPLES = 2
    AT_BOTH_LIMITS = 3
    BUDGET_LEFT = 4
    OUT_OF_REACH = 5
    NO_OPTIMUM = 6
    NO_LAW = 7
    INVALID = 8


ANSWERED = (
    PlanStatus.INTERIOR,
    PlanStatus.AT_MAX_PARAMETERS,
    PlanStatus.AT_MAX_SAMPLES,
    PlanStatus.AT_BOTH_LIMITS,
    PlanStatus.BUDGET_LEFT,
)


def statuses_of(answer: Answer) -> NDArray[np.int8]:
    """Return the status of each question, by what decided its answer."""
    best = answer.best
    conditions = (
        (~answer.reached, PlanStatus.OUT_OF_REACH),
        (best.unbounded, PlanStatus.NO_OPTIMUM),
        (best.at_n & best.at_m, PlanStatus.AT_BOTH_LIMITS),
        (answer.left, PlanStatus.BUDGET_LEFT),
        (best.at_n, PlanStatus.AT_MAX_PARAMETERS),
        (best.at_m, PlanStatus.AT_MAX_SAMPLES),
    )
    masks, codes = zip(
        *((np.broadcast_to(mask, best.n.shape), code) for mask, code in conditions), strict=True
    )
    return np.select(masks, codes, default=PlanStatus.INTERIOR).astype(np.int8)
