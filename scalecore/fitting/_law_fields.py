"""What a law must be made of: checked where it is made, by `fit`, by hand, or from a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .._common.validation import describe, one_of, positive_int, positive_number
from ._centre import Centre
from ._certificate import Certificate, FitStatus
from ._problem import LOSSES
from ._run_table import RunTable

if TYPE_CHECKING:
    from ._fitted_parameters import FittedParameters

NO_LOSS = "none"  # of a law whose values were given


def check_fields(law: FittedParameters) -> None:
    """Refuse, by name, a field that is of the wrong kind, or that no fit could have written.

    The arrays `theta` and `theta_draws` are the constructor's own business.
    """
    kinds = {"table": RunTable, "centre": Centre, "status": FitStatus, "certificate": Certificate}
    for name, kind in kinds.items():
        value = getattr(law, name)
        if not isinstance(value, kind):
            raise TypeError(f"{name} must be a {kind.__name__}, got {describe(value)}")
    for name in ("n", "m", "y"):
        mean = getattr(law.centre, name)
        if not isinstance(mean, (float, np.floating)):  # of runs beyond all doubles it is infinite
            raise TypeError(f"centre.{name} must be a float, got {describe(mean)}")
    one_of("loss_function", law.loss_function, (*LOSSES, NO_LOSS))
    one_of("intervals", law.intervals, ("pairs", "wild", "none"))
    one_of("by", law.by, ("run", "row"))
    positive_int("key", law.key, least=0, most=2**64 - 1)
    if law.loss_function != NO_LOSS:
        positive_number("delta", law.delta)
    if not isinstance(law.objective, (float, np.floating)):
        raise TypeError(f"objective must be a float, got {describe(law.objective)}")
