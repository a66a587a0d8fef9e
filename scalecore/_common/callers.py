"""Who called the package, for warnings that are about what the caller did."""

from __future__ import annotations

import sys
from itertools import count

# NumPy's and the standard library's frames may stand between ours, as decorators.
_PASSED_OVER = {"scalecore", "numpy", "contextlib"}


def caller_stacklevel() -> int:
    """Return the `stacklevel` at which a warning names the line that called the package.

    Counted from the function that asks, as `warnings.warn` in it counts; 1 if there is no other.
    """
    frame = sys._getframe(1)
    for level in count(1):
        if str(frame.f_globals.get("__name__")).partition(".")[0] not in _PASSED_OVER:
            return level
        if frame.f_back is None:
            return 1
        frame = frame.f_back
    raise AssertionError("frames end")
