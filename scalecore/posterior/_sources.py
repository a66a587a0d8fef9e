"""What bounds the best learner's error besides chains: proved bounds, and the filter of training,
which is an honest learner. Both are found before any chain runs, so that nothing can fail after it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..network import NetworkPrior
from ..spectral import bayes_error_bound, bayes_error_lower_bound, refined_bound
from ..training import TrainingInterrupted, train

CHAINS = "chains"
_UNLIMITED = 1e300  # a width
_CAUTION = 2.0  # standard errors by which an estimate must be tighter than the chains'
_FILTERS = 16  # networks of the filter for one of the chains: its error on one sample is all chance
_FEWEST_FILTERS, _MOST_FILTERS = 256, 1024
_MOST_COEFFICIENTS = 512  # of the filter: a sample costs their square


@dataclass(frozen=True, eq=False)
class Side:
    """A bound at each number of samples, with its standard error, which is 0 where it is proved."""

    name: str
    mean: NDArray[np.float64]
    std_error: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Tightest:
    """The tightest bound at each number of samples, with its standard error and its name."""

    mean: NDArray[np.float64]
    std_error: NDArray[np.float64]
    source: NDArray[np.str_]


def proved_lower(prior: NetworkPrior, samples: NDArray[np.float64]) -> list[Side]:
    """Return what no learner goes below."""
    value = bayes_error_lower_bound(samples, prior.input_dim, prior.concentration)
    return [_proved("bayes_error_lower_bound", value, samples)]


def proved_upper(prior: NetworkPrior, samples: NDArray[np.float64]) -> list[Side]:
    """Return what the best learner is proved to reach."""
    d, K = prior.input_dim, prior.concentration
    return [
        _proved("refined_bound", refined_bound(_UNLIMITED, samples, d, K), samples),
        _proved("bayes_error_bound", bayes_error_bound(samples, d), samples),
    ]


def filter_upper(
    prior: NetworkPrior,
    samples: NDArray[np.float64],
    replicates: int,
    key: int,
    n_threads: int | None,
) -> list[Side]:
    """Return the prequential errors of filters (see `train`, "adf"), narrow and, where that is
    cheap, with as many units as an even polynomial of degree 2 has coefficients.
    """
    d = prior.input_dim
    widths = {d + 2} | ({d * (d + 1) // 2 + 2} if d <= 10 else set())
    if 2 * d > _MOST_COEFFICIENTS:
        return []
    checkpoints = np.unique(samples).astype(np.int64)
    repeats = min(max(_FEWEST_FILTERS, _FILTERS * replicates), _MOST_FILTERS)
    try:
        runs = train(
            prior,
            sorted(widths),
            int(checkpoints[-1]),
            optimizer="adf",
            repeats=repeats,
            checkpoints=checkpoints,
            rng=key,
            n_threads=n_threads,
        )
    except TrainingInterrupted:
        raise KeyboardInterrupt from None
    errors = runs.error[:, :, 0, np.searchsorted(checkpoints, samples)]
    means, std_errors = errors.mean(axis=0), errors.std(axis=0, ddof=1) / np.sqrt(repeats)
    return [Side("filter", *both) for both in zip(means, std_errors, strict=True)]


def tightest(chains: Side, others: list[Side], *, upper: bool) -> Tightest:
    """Return, at each number of samples, the tightest of these bounds.

    The two sides of the chains share their networks, so that they know their ratio best: another
    estimate takes the place of one only if it is tighter by two standard errors of the difference.
    """
    sides, sign = [chains, *others], 1.0 if upper else -1.0
    means = np.stack([side.mean for side in sides])
    std_errors = np.stack([side.std_error for side in sides])
    handicap = np.where(std_errors > 0, _CAUTION * np.hypot(std_errors, chains.std_error), 0.0)
    handicap[0] = 0.0
    best = np.nanargmin(sign * means + handicap, axis=0)[None]
    mean, std_error = (np.take_along_axis(values, best, 0)[0] for values in (means, std_errors))
    return Tightest(mean, std_error, np.array([side.name for side in sides])[best[0]])


def _proved(name: str, value: object, samples: NDArray[np.float64]) -> Side:
    return Side(name, np.broadcast_to(np.asarray(value), samples.shape), np.zeros(samples.shape))
