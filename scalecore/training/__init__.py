"""Real networks trained on the process that the bounds are about: one pass over the data, errors at
every number of samples.
"""

from .._common.status import EmpiricalStatus
from ._empirical_frontier import EmpiricalFrontier
from ._interrupt import TrainingInterrupted
from ._runs import TrainingRuns
from ._train import train

__all__ = ["EmpiricalFrontier", "EmpiricalStatus", "TrainingInterrupted", "TrainingRuns", "train"]
