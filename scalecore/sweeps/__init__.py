"""Big grids to Zarr: computed chunk by chunk, on any executor, resumable, the same bits however it
ran.
"""

from ._sweep import Sweep, sweep

__all__ = ["Sweep", "sweep"]
