"""Finite models as the engine takes them: tables padded along the hypotheses, and the sums over
histories and steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb, fsum, lgamma, log

import numpy as np
from numpy.typing import NDArray

from .._common.progress import bar
from .._common.running_moments import Moments
from .._common.validation import enough_memory
from .._core import information as _information

# up to so many pairs of hypothesis and count vector are enumerated by default: half a second of one
# core
EXACT_WORK = 4 * 10**8
MOST_COUNTED = _information.MOST_COUNTED
_MOST_WORK = 2**44  # the engine counts count vectors in 64 bits
# pairs of hypothesis and count vector, or histories, between two moves of the progress bar
_PASS = 2**26

Array = NDArray[np.float64]


def divergence_terms(p: Array, q: Array) -> Array:
    """Return p ln(p/q) - p + q elementwise: at least 0, no digits lost where p is near q, infinite
    where q = 0 < p.
    """
    high, low = np.maximum(p, q), np.minimum(p, q)
    apart = high - low
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        logarithm = np.log1p(apart / low)
        far = ~np.isfinite(logarithm)  # where low is 0, or so small that the quotient overflows
        logarithm = np.where(far, np.log(high) - np.log(low), logarithm)
        terms = np.where(p > q, p * logarithm - apart, apart - p * logarithm)
    return np.where(p == 0, q, terms)


def x_log_x(p: Array) -> Array:
    """Return p ln p, which is 0 at 0."""
    return p * np.log(np.where(p > 0, p, 1.0))


@dataclass(frozen=True)
class PaddedModel:
    """P(x) P(y|f,x) as [input][label][hypothesis], its logarithm, and E(ln P(Y|f,X) | f);
    hypotheses padded to a multiple of 8.
    """

    theta: Array
    log_theta: Array
    negentropy: Array
    hypotheses: int

    def pad(self, law: Array) -> Array:
        """Return numbers of the hypotheses, padded by 0."""
        return np.append(law, np.zeros(self.theta.shape[-1] - self.hypotheses))

    def log_pad(self, law: Array) -> Array:
        """Return the logarithms, and for 0 what the engine takes for the logarithm of 0."""
        padded = self.pad(law)
        return np.where(
            padded > 0, np.log(np.where(padded > 0, padded, 1.0)), _information.LOG_ZERO
        )


def padded_model(likelihood: Array, inputs: Array, *, cells_only: bool = False) -> PaddedModel:
    """Lay a model out for the engine; `cells_only`: each possible cell as an input of its own, the
    others left out.
    """
    hypotheses = len(likelihood)
    stride = -(-hypotheses // 8) * 8
    theta = np.zeros((*likelihood.shape[1:], stride))
    theta[..., :hypotheses] = np.moveaxis(likelihood * inputs[:, None], 0, -1)
    negentropy = np.zeros(stride)
    if cells_only:
        theta = theta[theta.any(axis=-1)][:, None, :]
        negentropy[:hypotheses] = x_log_x(theta).sum(axis=(0, 1))[:hypotheses]
    else:
        negentropy[:hypotheses] = (x_log_x(likelihood).sum(axis=2) * inputs).sum(axis=1)
    log_theta = np.where(theta > 0, np.log(np.where(theta > 0, theta, 1.0)), _information.LOG_ZERO)
    return PaddedModel(theta, log_theta, negentropy, hypotheses)


def count_vectors(samples: int, cells: int) -> int:
    """How many ways `samples` samples can fall into so many cells; 10**300 for all that is more."""
    logarithm = lgamma(samples + cells) - lgamma(cells) - lgamma(samples + 1)
    return comb(samples + cells - 1, cells - 1) if logarithm < 690 else 10**300


def check_exact(samples: int, work: int) -> None:
    """Refuse an enumeration that nobody could wait for."""
    if samples > MOST_COUNTED or work > _MOST_WORK:
        raise ValueError(
            f"method 'exact' must enumerate {min(work, 10**300):.2g} hypotheses x count vectors "
            f"for {samples} samples; "
            f"it can up to {_MOST_WORK:.2g} and {MOST_COUNTED} samples: use 'monte_carlo'"
        )


def enumerate_histories(
    t: PaddedModel, truth: Array, learner: Array, samples: list[int], threads: int, progress: bool
) -> Array:
    """E ln(P(H_t|F) / sum of learner P(H_t|g)) for each t of `samples`, over all count vectors."""
    truth, learner, cells = t.pad(truth), t.pad(learner), len(t.theta)
    log_factorial = np.array([lgamma(n + 1) for n in range(max(samples) + 1)])
    step = max(1, _PASS // t.theta.shape[-1])
    out = np.zeros(len(samples))
    with bar(
        sum(count_vectors(count, cells) for count in samples if count), progress, "count vectors"
    ) as advance:
        for i, count in enumerate(samples):
            parts: list[float] = []
            total = count_vectors(count, cells)
            for first in range(0, total if count else 0, step):
                last = min(total, first + step)
                parts.extend(
                    _information.count_vectors(
                        t.theta,
                        t.log_theta,
                        truth,
                        learner,
                        log_factorial,
                        count,
                        first,
                        last,
                        threads,
                    )
                )
                advance(last - first)
            out[i] = np.inf if np.inf in parts else fsum(parts)
    return out


def simulate_histories(
    t: PaddedModel,
    truth: Array,
    learner: Array | None,
    samples: int,
    replicates: int,
    key: int,
    threads: int,
    progress: bool,
) -> tuple[Array, Array]:
    """Mean and standard error of the learner's cumulative error after 0 .. samples samples; no
    learner is the best one.
    """
    log_learner = np.empty(0) if learner is None else t.log_pad(learner)
    cumulative, log_truth = np.cumsum(t.pad(truth)), t.log_pad(truth)
    batch = max(2, min(64, _PASS // (samples + 1)))
    enough_memory(f"histories of {samples} samples", samples * (2.0 * batch + 4))
    moments = Moments(samples + 1)
    with bar(replicates, progress, "histories") as advance:
        while moments.count < replicates:
            rows = np.zeros((min(batch, replicates - moments.count), samples + 1))
            drawn = np.empty((len(rows), samples))
            _information.histories(
                t.theta,
                t.log_theta,
                cumulative,
                log_truth,
                log_learner,
                t.negentropy,
                key,
                moments.count,
                drawn,
                threads,
            )
            np.cumsum(drawn, axis=1, out=rows[:, 1:])
            with np.errstate(invalid="ignore"):  # infinity less infinity
                moments.add(rows)
            advance(len(rows))
    estimate = moments.estimate((samples + 1,))
    endless = ~np.isfinite(estimate.mean)
    return np.where(endless, np.inf, estimate.mean), np.where(endless, np.inf, estimate.std_error)


def surely_endless(t: PaddedModel, truth: Array, learner: Array, samples: int) -> bool:
    """Whether some hypothesis allows, within so many samples, what every hypothesis of the learner
    rules out.

    Asked of the hypotheses all of whose cells fit into the samples; for the others the Monte Carlo
    may still find out.
    """
    allowed = (t.theta[:, 0, : t.hypotheses] > 0).T
    can, knows = np.unique(allowed[truth > 0], axis=0), np.unique(allowed[learner > 0], axis=0)
    return any(not (knows | ~row).all(axis=1).any() for row in can if row.sum() <= samples)


def transitions(
    update: NDArray[np.generic],
) -> tuple[NDArray[np.intp], NDArray[np.int32], NDArray[np.int32], Array]:
    """Return (first, source, cell, weight): the transitions into each state, in the order of their
    sources.
    """
    states, cells = update.shape[0], update.shape[1] * update.shape[2]
    if update.ndim == 3:
        target = update.reshape(-1)
        place, weight = np.arange(target.size), np.ones(target.size)
    else:
        table = update.reshape(states * cells, states)
        place, target = np.nonzero(table)
        weight = table[place, target].astype(np.float64)
    order = np.argsort(target, kind="stable")
    first = np.concatenate([[0], np.cumsum(np.bincount(target, minlength=states))]).astype(np.intp)
    source, cell = np.divmod(place[order], cells)
    return first, source.astype(np.int32), cell.astype(np.int32), weight[order]


def recursion(
    t: PaddedModel,
    prior: Array,
    update: NDArray[np.generic],
    initial: int,
    predictor: Array,
    steps: int,
    threads: int,
    progress: bool,
) -> tuple[Array, Array, Array, Array, Array, tuple[int, ...] | None]:
    """Return retained and H(S_t), for 0 .. steps; forgotten, inference gap and error of each step;
    where the gap is infinite.
    """
    padded = t.pad(prior)
    run = _information.Recursion(
        t.theta,
        t.log_theta,
        padded,
        padded * t.negentropy,
        *transitions(update),
        initial,
        t.hypotheses,
        steps,
    )
    accounts, sums, impossible = (
        np.empty((steps + 1, 4)),
        np.empty((steps, 3)),
        np.empty(steps, np.intp),
    )
    pace = 64 if progress else steps
    with bar(steps, progress, "steps") as advance:
        for first in range(0, steps, pace):
            last = min(steps, first + pace)
            table = predictor[first:last] if len(predictor) > 1 else predictor
            run.run(
                table, accounts[first : last + 1], sums[first:last], impossible[first:last], threads
            )
            advance(last - first)
    cells, inputs, states, gap = accounts.T
    log_laws = np.append(0.0, sums[:, 0])
    negentropy = np.append(padded @ t.negentropy, sums[:-1, 1])
    retained = log_laws - states
    # E ln P(S,X,Y|F) before a step is that of S and of the sample; merging leaves that of S after
    inputs_alone = padded @ (x_log_x(t.theta).sum(axis=(0, 1)) - t.negentropy)
    inputs_alone = inputs_alone * np.append(1.0, sums[:-1, 2])
    merged = log_laws[:-1] + negentropy + inputs_alone - log_laws[1:]
    forgotten = merged - cells[:-1] + states[1:]
    error = (inputs - cells)[:-1] + negentropy + gap[:-1]
    index = None
    if (impossible >= 0).any():
        step = int(np.argmax(impossible >= 0))
        index = (step, *map(int, np.unravel_index(impossible[step], update.shape[:3])))
    return retained, -states, forgotten, gap[:-1].copy(), error, index


def rounding(steps: int, states: int, cells: int) -> float:
    """Return how far the two sides of Theorem B may be apart: each step's sums are entropies of at
    most ln(states x cells).
    """
    return 1e-14 * (steps + 1) * (2 + log(states * cells))
