"""What becomes of a compute budget when its best model size is looked for."""

from __future__ import annotations

from enum import IntEnum


class ProfileStatus(IntEnum):
    """What became of one compute budget.

    INTERIOR: a minimum between the smallest and the largest model. AT_EDGE: the parabola's minimum
    lies outside the models tried, so the best of them at that edge is given, and the optimum may
    lie beyond. NO_INTERIOR_MINIMUM: the parabola has no minimum (its vertex is a maximum, or it is
    flat). TOO_FEW_RUNS: fewer than three model sizes.

    Examples
    --------
    >>> import scalecore as sc
    >>> [status.name for status in sc.ProfileStatus]
    ['INTERIOR', 'AT_EDGE', 'NO_INTERIOR_MINIMUM', 'TOO_FEW_RUNS']
    """

    INTERIOR = 0
    AT_EDGE = 1
    NO_INTERIOR_MINIMUM = 2
    TOO_FEW_RUNS = 3
