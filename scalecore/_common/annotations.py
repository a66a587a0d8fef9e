"""Types that annotations share, for type checkers: no module imports this one when it runs."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

FilePath: TypeAlias = str | PathLike[str]
# what `rng` may be (SPEC 7); None draws fresh numbers
Seed: TypeAlias = int | np.integer[Any] | np.random.SeedSequence | np.random.Generator | None
Panels: TypeAlias = NDArray[np.object_]  # Matplotlib's axes, side by side
Advance: TypeAlias = Callable[[int], object]  # how much more is done, for a progress bar
