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
    enough_memory,
    one_of,
    positive_int,
    positive_number,
    stream_key,
    thread_count,
    whole_numbers,
)
from .._core import posterior as _posterior
from .._core.threads import default_threads
from ..network import NetworkPrior
from ._cells import Cells, cells_of
from ._result import BayesError, BayesErrorInterrupted, ChainCells
from ._sources import CHAINS, Side, filter_upper, proved_lower, proved_upper, tightest

if TYPE_CHECKING:
    from .._common.annotations import Seed

SIDES = ("both", "lower", "upper")
_BATCH = 8  # replicates between two looks at the standard errors
_LEAST_RTOL = 1e-4
_MOST_STATES = 65536
_PILOTS = 4  # chains that look for the step of a cell
_COSTLY = 20_000  # samples: pilots begin near the step that they look for
_MOST_PILOTED = 150_000  # samples: beyond, a pilot would take as long as a replicate
_FIRST_PILOT = 2**40  # their networks are none of the replicates'
_INPUTS = 256  # fresh inputs a chain
_TURN = 0.8  # mean angle of a trajectory
_FLIPS = 1.0  # proposals for signs a state, as a share of the sticks
_ANNEALING = 8  # moves of a chain from the prior at each doubling of its samples


@dataclass(frozen=True, eq=False)
class _Plan:
    """The checked arguments of `bayes_error`."""

    prior: NetworkPrior
    samples: NDArray[np.float64]
    replicates: int
    states: int
    rtol: float | None
    side: str
    cells: Cells
    key: int


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
    _check_memory(plan, threads)
    others = _others(plan, n_threads)
    rows = np.zeros((0, plan.cells.count, _posterior.STEP + 1))
    with bar(replicates if rtol is None else None, show, "replicates") as advance:
        try:
            steps = _steps(plan, threads)
            while len(rows) < plan.replicates or not _precise(plan, rows):
                batch = _batch(plan, steps, len(rows), threads)
                rows = np.concatenate([rows, batch])
                advance(len(batch))
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
) -> _Plan:
    if not isinstance(prior, NetworkPrior):
        raise TypeError(f"prior must be a NetworkPrior, got {describe(prior)}")
    asked = whole_numbers("samples", samples, most=_posterior.MOST_SAMPLES)
    if asked.size == 0:
        raise ValueError(f"samples must hold at least one number, got {describe(asked)}")
    target = None if rtol is None else positive_number("rtol", rtol)
    if target is not None and target < _LEAST_RTOL:
        raise ValueError(f"rtol must be at least {_LEAST_RTOL:g}, got {target!r}")
    return _Plan(
        prior,
        asked,
        positive_int("replicates", replicates, least=2, most=2**31),
        positive_int("states", states, least=2, most=_MOST_STATES),
        target,
        one_of("side", side, SIDES),
        cells_of(prior, asked),
        stream_key(rng),
    )


def _chain_options(plan: _Plan) -> dict[str, Any]:
    return {
        "key": plan.key,
        "input_dim": plan.prior.input_dim,
        "concentration": plan.prior.concentration,
        "inputs": _INPUTS,
        "turn": _TURN,
        "flips": _FLIPS,
    }


def _check_memory(plan: _Plan, threads: int) -> None:
    """Refuse what does not fit: every thread has a history of its own."""
    largest = _posterior.space_of(
        plan.prior.input_dim,
        int(plan.cells.sticks.max()),
        int(plan.cells.edges[-1]),
        _INPUTS,
        2 * plan.states,
    )
    team = min(threads or default_threads(), plan.cells.count * _BATCH)
    enough_memory(f"chains over {plan.cells.edges[-1]} samples", largest * team / 8)


def _others(plan: _Plan, n_threads: int | None) -> _Others:
    upper = proved_upper(plan.prior, plan.samples)
    if plan.side != "lower":
        upper += filter_upper(plan.prior, plan.samples, plan.replicates, plan.key, n_threads)
    return _Others(proved_lower(plan.prior, plan.samples), upper)


def _scaled(step: Any, samples: Any, wanted: Any) -> Any:
    """Return a step for `wanted` samples from one for `samples`: likelihoods become stiffer."""
    return step * np.sqrt((samples + 100.0) / (wanted + 100.0))


def _steps(plan: _Plan, threads: int) -> NDArray[np.float64]:
    """Return the step of each cell at its middle, the geometric mean of what its pilots found.

    From `_COSTLY` samples on pilots are fewer, and start where the cell before leads; beyond
    `_MOST_PILOTED` that is the step.
    """
    cells, middles = plan.cells, plan.cells.middles
    cheap = np.count_nonzero(middles <= _COSTLY)
    places = [(cell, pilot) for cell in reversed(range(cheap)) for pilot in range(_PILOTS)]
    first = [min(1.0, 5.0 / np.sqrt(300.0 + middles[cell])) for cell, _ in places]
    found = _piloted(plan, places, first, threads).reshape(cheap, _PILOTS)[::-1]
    steps = list(np.exp(found.mean(axis=1)))
    for cell in range(cheap, cells.count):
        places = [(cell, pilot) for pilot in range(_PILOTS // 2)]
        near = _scaled(steps[-1], middles[cell - 1], middles[cell])
        if middles[cell] <= _MOST_PILOTED:
            near = np.exp(_piloted(plan, places, [near] * len(places), threads).mean())
        steps.append(near)
    return np.array(steps)


def _piloted(
    plan: _Plan, places: list[tuple[int, int]], first: list[Any], threads: int
) -> NDArray[np.float64]:
    """Return the logarithms of the steps that pilots found, each a cell and a number."""
    found = _posterior.chains(
        jobs=[
            (_FIRST_PILOT + pilot, cell, plan.cells.sticks[cell], plan.cells.middles[cell])
            for cell, pilot in places
        ],
        steps=first,
        states=1,
        pilot=True,
        n_threads=threads,
        **_chain_options(plan),
    )
    return np.log(found[:, _posterior.STEP])


def _batch(plan: _Plan, steps: NDArray[np.float64], done: int, threads: int) -> NDArray[np.float64]:
    """Return what the engine measures for the next replicates: [replicate, cell, column].

    Both sides are weighted, so that their means are those of the cell's increments.
    """
    cells = plan.cells
    count = min(_BATCH, plan.replicates - done) if done < plan.replicates else _BATCH
    counts = cells.drawn(plan.key, done, _BATCH)[:count]
    # the longest first: so threads end together
    order = [(i, cell) for cell in reversed(range(cells.count)) for i in range(count)]
    jobs = [(done + i, cell, cells.sticks[cell], counts[i, cell]) for i, cell in order]
    wanted = np.minimum(1.0, _scaled(steps, cells.middles, counts))
    found = _posterior.chains(
        jobs=jobs,
        steps=[wanted[place] for place in order],
        states=1 if plan.side == "upper" else plan.states,
        prior_states=0 if plan.side == "lower" else plan.states,
        prior_chains=0 if plan.side == "lower" else 1,
        annealing=_ANNEALING,
        n_threads=threads,
        **_chain_options(plan),
    )
    rows = np.zeros((count, cells.count, found.shape[1]))
    for place, row in zip(order, found, strict=True):
        rows[place] = row
    rows[..., [_posterior.LOWER, _posterior.UPPER]] *= cells.weights(counts)[..., None]
    return rows


def _sums(
    plan: _Plan, rows: NDArray[np.float64], column: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean and the standard error of I(F; H_T) / T at the samples asked for."""
    total = np.cumsum(rows[..., column] * plan.cells.sizes, axis=1)
    places = np.searchsorted(plan.cells.edges, plan.samples) - 1
    each = total[:, places] / plan.samples
    return each.mean(axis=0), each.std(axis=0, ddof=1) / np.sqrt(len(rows))


def _precise(plan: _Plan, rows: NDArray[np.float64]) -> bool:
    if plan.rtol is None:
        return True
    columns = [_posterior.LOWER] * (plan.side != "upper")
    columns += [_posterior.UPPER] * (plan.side != "lower")
    sides = [_sums(plan, rows, column) for column in columns]
    return all((std_error <= plan.rtol * mean).all() for mean, std_error in sides)


def _chain_side(plan: _Plan, rows: NDArray[np.float64], column: int, without: str) -> Side:
    """Return a side by the chains, NaN where the other one alone was asked for."""
    if plan.side == without:
        return Side(CHAINS, *np.full((2, *plan.samples.shape), np.nan))
    return Side(CHAINS, *_sums(plan, rows, column))


def _result(
    plan: _Plan, others: _Others, steps: NDArray[np.float64], rows: NDArray[np.float64]
) -> BayesError:
    chains_lower = _chain_side(plan, rows, _posterior.LOWER, "upper")
    chains_upper = _chain_side(plan, rows, _posterior.UPPER, "lower")
    lower, lower_source = tightest(chains_lower, others.lower, upper=False)
    upper, upper_source = tightest(chains_upper, others.upper, upper=True)
    return BayesError(
        samples=plan.samples[()],
        lower=lower.mean[()],
        lower_std_error=lower.std_error[()],
        lower_source=lower_source,
        upper=upper.mean[()],
        upper_std_error=upper.std_error[()],
        upper_source=upper_source,
        chains_lower=chains_lower.mean[()],
        chains_lower_std_error=chains_lower.std_error[()],
        chains_upper=chains_upper.mean[()],
        chains_upper_std_error=chains_upper.std_error[()],
        prior=plan.prior,
        replicates=len(rows),
        states=plan.states,
        cells=_chain_cells(plan, steps, rows),
    )


def _chain_cells(plan: _Plan, steps: NDArray[np.float64], rows: NDArray[np.float64]) -> ChainCells:
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
