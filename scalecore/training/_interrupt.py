"""What Ctrl-C in the middle of training does with the runs as far as they came."""

from __future__ import annotations

import contextlib
import warnings
from typing import TYPE_CHECKING

from .._common.callers import caller_stacklevel
from ._own_data import OPEN, OwnData

if TYPE_CHECKING:
    from ._runs import TrainingRuns

ON_INTERRUPT = ("raise", "return")


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C during training: what `train` and `TrainingRuns.extend` raise.

    Attributes
    ----------
    runs : TrainingRuns
        What was finished, with ``interrupted`` set; its `extend` goes on from there.

    Examples
    --------
    >>> import scalecore as sc
    >>> issubclass(sc.TrainingInterrupted, KeyboardInterrupt)
    True
    """

    def __init__(self, message: str, runs: TrainingRuns) -> None:
        super().__init__(message, runs)
        self.runs = runs

    def __str__(self) -> str:
        return str(self.args[0])


def returned(
    runs: TrainingRuns, total: int, on_interrupt: str, data: OwnData | None = None
) -> TrainingRuns:
    """Return runs that were to read `total` samples; if they were interrupted, raise or warn.

    If the user's `data` failed, raise that; the runs travel with it.
    """
    failure = data.failure if data is not None else None
    if failure is not None:
        failure.add_note(f"training stopped after {runs.samples} samples: see the error's `runs`")
        with contextlib.suppress(AttributeError):  # an exception with slots
            failure.runs = runs  # type: ignore[attr-defined]
        raise failure
    if not runs.interrupted:
        return runs
    of = "" if total == OPEN else f" of {total}"
    text = f"training was interrupted after {runs.samples}{of} samples; extend() goes on from there"
    if on_interrupt == "raise":
        raise TrainingInterrupted(text, runs)
    try:
        warnings.warn(text, RuntimeWarning, stacklevel=caller_stacklevel())
    # where warnings are errors, the runs must not be lost: they travel with the error
    except RuntimeWarning as error:
        error.runs = runs  # type: ignore[attr-defined]
        raise
    return runs
