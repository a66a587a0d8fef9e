"""What histories of samples tell, and what a constrained learner misses of it: exact sums over all
histories, or the mean over some that are drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .._common.validation import (
    boolean,
    one_of,
    positive_int,
    sample_count,
    stream_key,
    thread_count,
)
from . import _engine
from ._channel_search import estimation_and_misspecification
from ._results import ConstrainedLearner, LearningCurve

if TYPE_CHECKING:
    from .._common.annotations import Seed
    from ._model import FiniteModel

_METHODS = ("auto", "exact", "monte_carlo")


@dataclass(frozen=True)
class Request:
    """How many samples, and by which of the two methods."""

    samples: int
    method: str
    replicates: int
    key: int
    n_threads: int
    progress: bool

    def is_exact(self, work: int) -> bool:
        """Whether all histories are summed over, at this many exponentials."""
        if self.method == "exact":
            _engine.check_exact(self.samples, work)
        return self.method == "exact" or (
            self.method == "auto"
            and work <= _engine.EXACT_WORK
            and self.samples <= _engine.MOST_COUNTED
        )


def checked_request(
    samples: int,
    method: str,
    replicates: int,
    rng: Seed,
    n_threads: int | None,
    progress: bool,
) -> Request:
    """Return arguments of `FiniteModel.learning_curve` and `constrained`, once they are right."""
    count = sample_count(samples)
    replicates = positive_int("replicates", replicates, least=2, most=2**31)
    one_of("method", method, _METHODS)
    threads, key, show = thread_count(n_threads), stream_key(rng), boolean("progress", progress)
    return Request(count, method, replicates, key, threads, show)


def learning_curve(model: FiniteModel, asked: Request) -> LearningCurve:
    """Compute `FiniteModel.learning_curve`."""
    count, possible = asked.samples, model.prior > 0
    prior = model.prior[possible]
    t = _engine.padded_model(model.likelihood[possible], model.inputs, cells_only=True)
    exact = asked.is_exact(_engine.count_vectors(count, len(t.theta) + 1) * prior.size)
    if exact:
        information = _engine.enumerate_histories(
            t, prior, prior, list(range(count + 1)), asked.n_threads, asked.progress
        )
        std_error = np.zeros(count + 1)
    else:
        information, std_error = _engine.simulate_histories(
            t, prior, None, count, asked.replicates, asked.key, asked.n_threads, asked.progress
        )
    name, drawn = ("exact", 0) if exact else ("monte_carlo", asked.replicates)
    return LearningCurve(np.arange(count + 1), information, std_error, model.entropy, name, drawn)


def constrained(
    model: FiniteModel, channel: NDArray[np.float64], asked: Request
) -> ConstrainedLearner:
    """Compute `FiniteModel.constrained`."""
    count = asked.samples
    information, misspecification = estimation_and_misspecification(model, channel)
    learner = model.prior @ channel
    possible = (model.prior > 0) | (learner > 0)
    t = _engine.padded_model(model.likelihood[possible], model.inputs, cells_only=True)
    laws_of = model.prior[possible], learner[possible]
    exact = asked.is_exact(_engine.count_vectors(count, len(t.theta)) * int(possible.sum()))
    error, std_error, drawn = np.inf, 0.0, 0
    if exact:
        sums = _engine.enumerate_histories(t, *laws_of, [count], asked.n_threads, asked.progress)
        error = sums[0] / count
    elif not _engine.surely_endless(t, *laws_of, count):
        drawn = asked.replicates
        mean, scatter = _engine.simulate_histories(
            t, *laws_of, count, drawn, asked.key, asked.n_threads, asked.progress
        )
        error, std_error = mean[-1] / count, scatter[-1] / count
    name = "monte_carlo" if drawn else "exact"
    parts = information / count, misspecification, information / count + misspecification
    return ConstrainedLearner(*parts, float(error), float(std_error), learner, count, name, drawn)
