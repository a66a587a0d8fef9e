"""Going on with training: further samples and checkpoints for runs that ended or were stopped."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._common.validation import boolean, checkpoint_list, one_of, thread_count
from ._engine import State, advance
from ._interrupt import ON_INTERRUPT, returned
from ._own_data import OwnData, own_data
from ._plan import default_checkpoints, total_samples

if TYPE_CHECKING:
    from ._runs import TrainingRuns


def extended(
    runs: TrainingRuns,
    samples: int | None,
    data: Any,
    checkpoints: ArrayLike | None,
    n_threads: int | None,
    progress: bool,
    on_interrupt: str,
) -> TrainingRuns:
    """Compute `TrainingRuns.extend`."""
    plan = runs._plan
    source = _continued(runs, data)
    total = total_samples(samples, source, checkpoints)
    one_of("on_interrupt", on_interrupt, ON_INTERRUPT)
    last = int(runs._state.planned[-1])
    if total < last:
        raise ValueError(
            f"samples must be at least {last}, the samples planned so far, got {total}"
        )
    kept, added = _checkpoints(runs, total, checkpoints)
    threads, show = thread_count(n_threads), boolean("progress", progress)
    state = _with_checkpoints(runs._state, kept, added)
    measured = advance(
        replace(plan, checkpoints=state.planned), state, total, threads, show, source
    )
    longer = runs._of(replace(plan, checkpoints=state.planned), measured, state)
    return returned(longer, total, on_interrupt, source)


def _continued(runs: TrainingRuns, data: Any) -> OwnData | None:
    """Return the stream of the user's data, if these runs read data."""
    if runs.prior is not None:
        if data is not None:
            raise ValueError(
                "data must be left out: these runs read the theory's process, which goes on"
            )
        return None
    if data is None:
        raise TypeError("data must be given: these runs read data that they do not keep")
    source = own_data(data, None if runs.shuffled else False, runs.dtype)
    if runs.shuffled and source.size != runs.shuffled:
        raise ValueError(
            f"data must be the same {runs.shuffled} samples, which each repeat reads in an "
            f"order of its own, got {'blocks' if source.size is None else source.size}"
        )
    if source.input_dim != runs.input_dim:
        raise ValueError(f"data must have {runs.input_dim} inputs a sample, got {source.input_dim}")
    return source


def _checkpoints(
    runs: TrainingRuns, total: int, checkpoints: ArrayLike | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which of the planned checkpoints stay, and those that are added."""
    planned = runs._state.planned
    if checkpoints is not None:
        added = checkpoint_list(checkpoints, total)
        if added.min() <= runs.samples:
            raise ValueError(
                f"checkpoints must lie beyond the {runs.samples} samples read, got {added.min()}"
            )
        return planned, added
    lattice, last = default_checkpoints(total), planned[-1]
    # the old end was a checkpoint only because training ended there
    return planned[(planned < last) | np.isin(planned, lattice)], lattice[lattice > last]


def _with_checkpoints(state: State, kept: NDArray[np.int64], added: NDArray[np.int64]) -> State:
    """Return a copy of the state with these checkpoints, and its records at those that stay."""
    longer = state.copy()
    longer.planned = np.union1d(kept, added)
    longer.record = np.full((*state.sums.shape, longer.planned.size), np.nan)
    longer.record[..., np.searchsorted(longer.planned, kept)] = state.record[
        ..., np.isin(state.planned, kept)
    ]
    return longer
