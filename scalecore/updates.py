"""Ready-made updates for `FiniteModel.incremental`, from `scalecore.information.updates`."""

from .information.updates import (
    Update,
    counts,
    last_sample,
    leaky_average,
    saturating_counters,
    sliding_window,
)

__all__ = [
    "Update",
    "counts",
    "last_sample",
    "leaky_average",
    "saturating_counters",
    "sliding_window",
]
