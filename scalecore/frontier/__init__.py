"""The compute-optimal frontier: for a budget, the width and the number of samples that minimise an error bound."""

from ._allocation import Frontier, IsoFlop, Status, compute_optimal, isoflop

__all__ = ["Frontier", "IsoFlop", "Status", "compute_optimal", "isoflop"]
