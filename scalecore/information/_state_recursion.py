"""Learners that keep nothing but a state: the law of the state from step to step, and what each
step retains, forgets and fails to infer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._common.validation import (
    boolean,
    positive_int,
    probability_laws,
    thread_count,
    update_table,
)
from . import _engine
from ._results import Decomposition
from .updates import Update

if TYPE_CHECKING:
    from ._model import FiniteModel


def incremental(
    model: FiniteModel,
    update: Update | ArrayLike,
    steps: int,
    predictor: ArrayLike | None,
    initial: int | None,
    n_threads: int | None,
    progress: bool,
) -> Decomposition:
    """Compute `FiniteModel.incremental`."""
    n_x, n_y = model.likelihood.shape[1:]
    start = update.initial if isinstance(update, Update) else 0
    table = update_table("update", update.table if isinstance(update, Update) else update, n_x, n_y)
    states, count = len(table), positive_int("steps", steps, most=2**53)
    start = start if initial is None else positive_int("initial", initial, least=0)
    if start >= states:
        raise ValueError(f"initial must be a state, 0 to {states - 1}, got {start}")
    tables = _predictors(predictor, count, states, n_x, n_y)
    threads, show = thread_count(n_threads), boolean("progress", progress)
    t = _engine.padded_model(model.likelihood, model.inputs)
    retained, memory, forgotten, gap, error, impossible = _engine.recursion(
        t, model.prior, table, start, tables, count, threads, show
    )
    result = Decomposition(retained, forgotten, gap, error, memory, 0.0, impossible)
    if impossible is None:
        rounding = _engine.rounding(count, states, n_x * n_y)
        object.__setattr__(result, "residual", _residual(result, rounding))
    return result


def _residual(result: Decomposition, rounding: float) -> float:
    """Return by how much Theorem B's identity is missed, which only rounding may do."""
    total = result.total
    residual = total.error - (total.retained + total.forgotten + total.inference_gap)
    allowed = rounding + 1e-13 * total.inference_gap
    if not abs(residual) <= allowed:
        raise ArithmeticError(
            f"Theorem B is violated by {residual:.3g} nats, more than rounding "
            f"({allowed:.1g}): {result}"
        )
    return residual


def _predictors(
    predictor: ArrayLike | None, steps: int, states: int, n_x: int, n_y: int
) -> NDArray[np.float64]:
    """Return tables as (1 or steps, S, n_x n_y); none at all for the best predictor."""
    if predictor is None:
        return np.empty((0, states, n_x * n_y))
    shape: tuple[int, ...] = (states, n_x, n_y)
    if np.ndim(predictor) == 4:  # type: ignore[arg-type]
        shape = (steps, *shape)
    wanted = f"(S, n_x, n_y) = {(states, n_x, n_y)}, or that for each of {steps} steps"
    return probability_laws("predictor", predictor, shape, wanted).reshape(-1, states, n_x * n_y)
