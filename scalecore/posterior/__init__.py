"""The error of the best learner, from both sides, by sampling from the posterior."""

from ._bayes_error import bayes_error
from ._result import BayesError, BayesErrorInterrupted, ChainCells

__all__ = ["BayesError", "BayesErrorInterrupted", "ChainCells", "bayes_error"]
