"""The error of the best learner, from below and from above."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._common.progress import bar
from .._common.validation import (
    boolean,
    describe,
    one_of,
    positive_int,
    positive_number,
    stream_key,
    thread_count,
    whole_numbers,
)
from .._core import posterior as _posterior
from ..network import NetworkPrior
from ._cells import cells_of
from ._replicates import Plan, check_memory, next_batch, steps_of_cells
from ._result import BayesError, BayesErrorInterrupted, ChainCells
from ._sources import CHAINS, Side, Tightest, filter_upper, proved_lower, proved_upper, tightest

if TYPE_CHECKING:
    from .._common.annotations import Seed

SIDES = ("both", "lower", "upper")
_LEAST_RTOL = 1e-4
_MOST_STATES = 65536


@dataclass(frozen=True, eq=False)
class _Others:
    """Bounds of either side that need no chain."""

    lower: list[Side]
    upper: list[Side]


@np.errstate(under="ignore")
def bayes_error(
    prior: NetworkPrior,
    samples: ArrayLike,
    *,
    replicates: int = 32,
    states: int = 64,
    rtol: float | None = None,
    side: str = "both",
    rng: Seed = None,
    n_threads: int | None = None,
    progress: bool = False,
) -> BayesError:
    """Estimate the error of the best possible learner from below and from above, by sampling.

    The Bayes learner's average error over T samples is L_T = I(F; H_T) / T, a sum of increments i_t
    = I(F; Y_{t+1} | H_t, X_t) for t < T. Each increment is measured between two sides by Markov
    chains over the posterior of the network F given a history H_t that F produced.

    Parameters
    ----------
    prior : NetworkPrior
        Law of F.
    samples : array_like of int
        Numbers of samples T, at least 1. Time grows a little faster than the largest of them.
    replicates : int, default 32
        Networks with a history, at least 2; with `rtol`, the fewest.
    states : int, default 64
        States of each chain, at least 2. The sides differ by some 2/states where chains mix well.
    rtol : float, optional
        Draw replicates, 8 at a time, until every standard error is below this share of its side;
        at least 1e-4.
    side : {"both", "lower", "upper"}
        Which chains to run. "lower" takes half of the time; "upper" alone too, but its standard
        error is several times that of "both". Where there are none, proved bounds stand in.
    rng : None, int, SeedSequence or Generator
        Source of randomness. With the same int as for `train`, replicate i has the network and the
        samples of repeat i.
    n_threads : int, optional
        Threads; None means all that this process may use. The answer does not depend on it.
    progress : bool, default False
        Show a bar on stderr.

    Returns
    -------
    BayesError

    Raises
    ------
    BayesErrorInterrupted
        A KeyboardInterrupt, after Ctrl-C, that carries the replicates that were finished.
    TypeError, ValueError
        If an argument is out of its domain, by name, before any work starts.

    Notes
    -----
    From below: F is an exact draw from its posterior, so every state F_k of a chain that starts at
    F and leaves the posterior as it is has the posterior's law, and the entropy H of a label is
    concave. With P_k the probability of a label 1 at a fresh input X::

        i_t >= E[ H(mean_k P_k) - mean_k H(P_k) ].

    A chain that mixes badly makes this loose, never wrong. From above: the prediction Q of a chain
    that was drawn from the prior and annealed, and has never seen F, is that of a learner, so::

        i_t <= E mean_k d_KL(P_k || Q) = lower side + E d_KL(mean_k P_k || Q).

    Increments are summed over cells, in each of which a replicate draws one t, more often where
    increments are larger, and weights it by the inverse of its chance; expectations over X are
    means over 256 fresh inputs. The masses of far sticks relative to the mass that is left, their
    directions and signs are told to the chain from F, which only lowers its side; the chain from
    the prior does without them. `cells.sticks` says how many move.

    Each side is the tightest of several, and says which. Lower: the chains' and
    `bayes_error_lower_bound`. Upper: the chains', `refined_bound` at unlimited width,
    `bayes_error_bound`, and the errors of the filter of `train`, an honest learner too, over 256 to
    1,024 networks of its own, where they are lower by two standard errors.

    Steps of the chains are found by pilots on other networks, so that the chains themselves are
    fixed. Inputs are rounded to single precision. Source: JVR24 Theorem 3.1.

    Examples
    --------
    >>> import scalecore as sc
    >>> prior = sc.NetworkPrior(input_dim=3, concentration=5)
    >>> found = sc.bayes_error(prior, [10, 100], replicates=8, states=32, rng=1)
    >>> bool((found.lower < found.upper).all()), bool((found.ratio < 1.2).all())
    (True, True)
    >>> bool((found.upper < sc.bayes_error_bound([10, 100], 3)).all())
    True
    """
    plan = _planned(prior, samples, replicates, states, rtol, side, rng)
    threads, show = thread_count(n_threads), boolean("progress", progress)
    check_memory(plan, threads)
    others = _others(plan, n_threads)
    rows = np.zeros((0, plan.cells.count, _posterior.STEP + 1))
    with bar(replicates if rtol is None else None, show, "replicates") as advance:
        try:
            steps = steps_of_cells(plan, threads)
            while len(rows) < plan.replicates or not _precise(plan, rows):
                for part in next_batch(plan, steps, len(rows), threads):
                    rows = np.concatenate([rows, part])
                    advance(len(part))
        except KeyboardInterrupt:
            if len(rows) < 2:
                raise
            text = f"bayes_error was interrupted after {len(rows)} replicates"
            raise BayesErrorInterrupted(text, _result(plan, others, steps, rows)) from None
    return _result(plan, others, steps, rows)


def check_bayes_error(prior: Any, samples: Any, **options: Any) -> None:
    """Raise what `bayes_error` would."""
    _planned(
        prior,
        samples,
        options.get("replicates", 32),
        options.get("states", 64),
        options.get("rtol"),
        options.get("side", "both"),
        0,
    )


def _planned(
    prior: Any, samples: Any, replicates: Any, states: Any, rtol: Any, side: Any, rng: Seed
) -> Plan:
    if not isinstance(prior, NetworkPrior):
        raise TypeError(f"prior must be a NetworkPrior, got {describe(prior)}")
    asked = whole_numbers("samples", samples, most=_posterior.MOST_SAMPLES)
    if asked.size == 0:
        raise ValueError(f"samples must hold at least one number, got {describe(asked)}")
    target = None if rtol is None else positive_number("rtol", rtol)
    if target is not None and target < _LEAST_RTOL:
        raise ValueError(f"rtol must be at least {_LEAST_RTOL:g}, got {target!r}")
    return Plan(
        prior,
        asked,
        positive_int("replicates", replicates, least=2, most=2**31),
        positive_int("states", states, least=2, most=_MOST_STATES),
        target,
        one_of("side", side, SIDES),
        cells_of(prior, asked),
        stream_key(rng),
    )


def _others(plan: Plan, n_threads: int | None) -> _Others:
    upper = proved_upper(plan.prior, plan.samples)
    if plan.side != "lower":
        upper += filter_upper(plan.prior, plan.samples, plan.replicates, plan.key, n_threads)
    return _Others(proved_lower(plan.prior, plan.samples), upper)


def _each(plan: Plan, rows: NDArray[np.float64], column: int) -> NDArray[np.float64]:
    """Return I(F; H_T) / T [replicate, ...] at the samples asked for."""
    total = np.cumsum(rows[..., column] * plan.cells.sizes, axis=1)
    places = np.searchsorted(plan.cells.edges, plan.samples) - 1
    return total[:, places] / plan.samples


def _sums(
    plan: Plan, rows: NDArray[np.float64], column: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean of `_each` and its standard error."""
    each = _each(plan, rows, column)
    return each.mean(axis=0), each.std(axis=0, ddof=1) / np.sqrt(len(rows))


def _precise(plan: Plan, rows: NDArray[np.float64]) -> bool:
    if plan.rtol is None:
        return True
    columns = [_posterior.LOWER] * (plan.side != "upper")
    columns += [_posterior.UPPER] * (plan.side != "lower")
    sides = [_sums(plan, rows, column) for column in columns]
    return all((std_error <= plan.rtol * mean).all() for mean, std_error in sides)


def _chain_side(plan: Plan, rows: NDArray[np.float64], column: int, without: str) -> Side:
    """Return a side by the chains, NaN where the other one alone was asked for."""
    if plan.side == without:
        return Side(CHAINS, *np.full((2, *plan.samples.shape), np.nan))
    return Side(CHAINS, *_sums(plan, rows, column))


def _ratio_error(
    plan: Plan, rows: NDArray[np.float64], lower: Tightest, upper: Tightest
) -> NDArray[np.float64]:
    """Return the standard error of upper / lower, to first order.

    Deviations of the chains' sides are of the same networks, and cancel for the most part; what is
    not by chains is independent of them.
    """
    deviations: NDArray[np.float64] = np.zeros((len(rows), *plan.samples.shape))
    variance: NDArray[np.float64] = np.zeros(plan.samples.shape)
    for side, column, sign in (
        (lower, _posterior.LOWER, -1.0),
        (upper, _posterior.UPPER, 1.0),
    ):
        chains = side.source == CHAINS
        deviations += np.where(chains, sign * _each(plan, rows, column) / side.mean, 0.0)
        variance += np.where(chains, 0.0, (side.std_error / side.mean) ** 2)
    variance += deviations.var(axis=0, ddof=1) / len(rows)
    return np.sqrt(variance) * upper.mean / lower.mean


def _result(
    plan: Plan, others: _Others, steps: NDArray[np.float64], rows: NDArray[np.float64]
) -> BayesError:
    chains_lower = _chain_side(plan, rows, _posterior.LOWER, "upper")
    chains_upper = _chain_side(plan, rows, _posterior.UPPER, "lower")
    lower = tightest(chains_lower, others.lower, upper=False)
    upper = tightest(chains_upper, others.upper, upper=True)
    return BayesError(
        samples=plan.samples[()],
        lower=lower.mean[()],
        lower_std_error=lower.std_error[()],
        lower_source=lower.source,
        upper=upper.mean[()],
        upper_std_error=upper.std_error[()],
        upper_source=upper.source,
        ratio_std_error=_ratio_error(plan, rows, lower, upper)[()],
        chains_lower=chains_lower.mean[()],
        chains_lower_std_error=chains_lower.std_error[()],
        chains_upper=chains_upper.mean[()],
        chains_upper_std_error=chains_upper.std_error[()],
        prior=plan.prior,
        replicates=len(rows),
        states=plan.states,
        cells=_chain_cells(plan, steps, rows),
    )


def _chain_cells(plan: Plan, steps: NDArray[np.float64], rows: NDArray[np.float64]) -> ChainCells:
    mean = rows.mean(axis=0)
    std_error = rows.std(axis=0, ddof=1) / np.sqrt(len(rows))
    for column in (_posterior.LOWER, _posterior.MOVED, _posterior.EFFECTIVE):
        if plan.side == "upper":
            mean[:, column] = std_error[:, column] = np.nan
    for column in (_posterior.UPPER, _posterior.PRIOR_EFFECTIVE):
        if plan.side == "lower":
            mean[:, column] = std_error[:, column] = np.nan
    return ChainCells(
        edges=plan.cells.edges,
        sticks=plan.cells.sticks,
        step=steps,
        lower=mean[:, _posterior.LOWER],
        lower_std_error=std_error[:, _posterior.LOWER],
        upper=mean[:, _posterior.UPPER],
        upper_std_error=std_error[:, _posterior.UPPER],
        acceptance=mean[:, _posterior.ACCEPTANCE],
        flip_acceptance=mean[:, _posterior.FLIP_ACCEPTANCE],
        moved=mean[:, _posterior.MOVED],
        effective=mean[:, _posterior.EFFECTIVE],
        prior_effective=mean[:, _posterior.PRIOR_EFFECTIVE],
    )
