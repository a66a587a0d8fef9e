"""Replicates: the steps of their chains, and what the engine measures of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._common.validation import enough_memory
from .._core import posterior as _posterior
from .._core.threads import default_threads
from ..network import NetworkPrior
from ._cells import Cells

_BATCH = 8  # replicates between two looks at the standard errors
_PILOTS = 4  # chains that look for the step of a cell
_COSTLY = 20_000  # samples: pilots begin near the step that they look for, batches come in parts
_MOST_PILOTED = 150_000  # samples: beyond, a pilot would take as long as a replicate
_FIRST_PILOT = 2**40  # their networks are none of the replicates'
_INPUTS = 256  # fresh inputs a chain
_TURN = 0.8  # mean angle of a trajectory
_FLIPS = 1.0  # proposals for signs a state, as a share of the sticks
_ANNEALING = 8  # moves of a chain from the prior at each doubling of its samples


@dataclass(frozen=True, eq=False)
class Plan:
    """The checked arguments of `bayes_error`."""

    prior: NetworkPrior
    samples: NDArray[np.float64]
    replicates: int
    states: int
    rtol: float | None
    side: str
    cells: Cells
    key: int


def _chain_options(plan: Plan) -> dict[str, Any]:
    return {
        "key": plan.key,
        "input_dim": plan.prior.input_dim,
        "concentration": plan.prior.concentration,
        "inputs": _INPUTS,
        "turn": _TURN,
        "flips": _FLIPS,
    }


def check_memory(plan: Plan, threads: int) -> None:
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


def _scaled(step: Any, samples: Any, wanted: Any) -> Any:
    """Return a step for `wanted` samples from one for `samples`: likelihoods become stiffer."""
    return step * np.sqrt((samples + 100.0) / (wanted + 100.0))


def steps_of_cells(plan: Plan, threads: int) -> NDArray[np.float64]:
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
    plan: Plan, places: list[tuple[int, int]], first: list[Any], threads: int
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


def next_batch(
    plan: Plan, steps: NDArray[np.float64], done: int, threads: int
) -> Iterator[NDArray[np.float64]]:
    """Yield what the engine measures for the next batch of replicates.

    Where samples are many it is as many replicates at a time as there are threads: so that what
    Ctrl-C throws away is minutes of work and not hours.
    """
    count = min(_BATCH, plan.replicates - done) if done < plan.replicates else _BATCH
    counts = plan.cells.drawn(plan.key, done, _BATCH)[:count]
    size = (threads or default_threads()) if plan.cells.edges[-1] > _COSTLY else count
    for first in range(0, count, size):
        yield _measured(plan, steps, done + first, counts[first : first + size], threads)


def _measured(
    plan: Plan,
    steps: NDArray[np.float64],
    first: int,
    counts: NDArray[np.int64],
    threads: int,
) -> NDArray[np.float64]:
    """Return what the engine measures for replicates from `first` on: [replicate, cell, column].

    Both sides are weighted, so that their means are those of the cell's increments.
    """
    cells, count = plan.cells, len(counts)
    # the longest first: so threads end together
    order = [(i, cell) for cell in reversed(range(cells.count)) for i in range(count)]
    jobs = [(first + i, cell, cells.sticks[cell], counts[i, cell]) for i, cell in order]
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
