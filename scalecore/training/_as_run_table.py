"""Trained networks as a table of runs, to be fitted like anybody's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..fitting._run_table import RunTable
from ._empirical_frontier import each_repeat

if TYPE_CHECKING:
    from ._runs import TrainingRuns


def run_table(runs: TrainingRuns, cost: float) -> RunTable:
    """Compute `TrainingRuns.to_table`."""
    everyone = np.ones((1, runs.repeats), int)
    errors = np.moveaxis(runs.error, -1, 1)  # (repeat, checkpoint, width, rate)
    loss = each_repeat(errors, everyone)[0].swapaxes(1, 2)  # (repeat, width, checkpoint)
    repeat, width, samples = np.meshgrid(
        np.arange(runs.repeats), runs.widths, runs.checkpoints, indexing="ij"
    )
    usable = np.isfinite(loss) & (loss > 0)
    return RunTable(
        runs.input_dim * width[usable],
        samples[usable],
        loss[usable],
        run=np.array([f"repeat {i}" for i in range(runs.repeats)])[repeat[usable]],
        cost=cost,
    )
