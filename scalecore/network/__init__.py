"""The infinite-width network that the bounds are about, and by simulation what width-n networks
cannot express of it.
"""

from .._common.running_moments import Estimate
from ._misspecification import MisspecificationEstimate, misspecification
from ._prior import Network, NetworkPrior

__all__ = ["Estimate", "MisspecificationEstimate", "Network", "NetworkPrior", "misspecification"]
