"""What became of a budget: the statuses that results carry."""

from __future__ import annotations

from enum import IntEnum

from .._core.frontier import STATUS_CODES


class Status(IntEnum):
    """What became of one budget.

    INTERIOR: the optimum has width and samples above 1. AT_MIN_WIDTH, AT_MIN_SAMPLES: the best
    allocation has width 1, or one sample. INFEASIBLE: the budget cannot pay for width 1 and one
    sample. INVALID: budget, input_dim or concentration is out of its domain.

    Examples
    --------
    >>> import scalecore as sc
    >>> best = sc.compute_optimal([1e6, 1.0], 10, 100)
    >>> [sc.Status(int(code)).name for code in best.status]
    ['INTERIOR', 'INFEASIBLE']
    """

    INTERIOR = STATUS_CODES["INTERIOR"]
    AT_MIN_WIDTH = STATUS_CODES["AT_MIN_WIDTH"]
    AT_MIN_SAMPLES = STATUS_CODES["AT_MIN_SAMPLES"]
    INFEASIBLE = STATUS_CODES["INFEASIBLE"]
    INVALID = STATUS_CODES["INVALID"]


class EmpiricalStatus(IntEnum):
    """What became of one budget.

    INTERIOR: wider and narrower networks were tried and are worse. AT_FEWEST_PARAMETERS,
    AT_MOST_PARAMETERS: the best width is the narrowest or the widest that the grid and the samples
    allow at this budget, so the optimum may lie beyond. TOO_FEW_WIDTHS: less than three widths have
    learning curves at this budget.

    Examples
    --------
    >>> import scalecore as sc
    >>> [status.name for status in sc.EmpiricalStatus]
    ['INTERIOR', 'AT_FEWEST_PARAMETERS', 'AT_MOST_PARAMETERS', 'TOO_FEW_WIDTHS']
    """

    INTERIOR = 0
    AT_FEWEST_PARAMETERS = 1
    AT_MOST_PARAMETERS = 2
    TOO_FEW_WIDTHS = 3
