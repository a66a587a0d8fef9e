"""Ready-made updates for `FiniteModel.incremental`: see `scalecore.information.updates`, of which this is the public name."""

from .information.updates import Update, counts, last_sample, leaky_average, saturating_counters, sliding_window

__all__ = ["Update", "counts", "last_sample", "leaky_average", "saturating_counters", "sliding_window"]
