"""Exact information of finite models: what can be learned, what a constrained learner misses, what
a statistic forgets.
"""

from . import updates
from ._channel_search import BestChannel
from ._hypotheses import HypothesisSet
from ._model import FiniteModel
from ._results import ConstrainedLearner, Decomposition, LearningCurve, Terms

__all__ = [
    "BestChannel",
    "ConstrainedLearner",
    "Decomposition",
    "FiniteModel",
    "HypothesisSet",
    "LearningCurve",
    "Terms",
    "updates",
]
