"""The compute-optimal frontier: for a budget, the width and the number of samples that minimise an
error bound.
"""

from .._common.status import Status
from ._allocation import Frontier, compute_optimal
from ._isoflop import IsoFlop, isoflop

__all__ = ["Frontier", "IsoFlop", "Status", "compute_optimal", "isoflop"]
