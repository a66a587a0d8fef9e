"""A law from values that were published or assumed: no runs, no draws."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .._common.validation import describe, known_name, nonnegative_number, positive_number
from ._centre import Array, Centre
from ._certificate import Certificate, FitStatus
from ._forms import FORMS
from ._run_table import RunTable
from ._user_form import form_of

if TYPE_CHECKING:
    from ._fitted_law import FittedLaw
    from ._forms import Form
    from ._user_form import AnyForm

_ZERO = Centre(0.0, 0.0, 0.0)


def law_of(
    cls: type[FittedLaw], form: AnyForm, values: Mapping[str, Any], loss_unit: str, cost: float
) -> FittedLaw:
    """Return the law of `FittedLaw.from_values`."""
    row = form_of(form, FORMS)
    table = RunTable([], [], [], loss_unit=loss_unit, cost=cost)
    nats = Centre(0.0, 0.0, -float(np.log(table.loss_scale)))  # values are in the user's unit
    theta = row.to_theta(_checked(row, values), nats)
    if not np.isfinite(theta).all():
        raise ValueError(f"values of form {row.name!r} are too large or too small: {dict(values)}")
    reason = "values were given, not fitted"
    return cls(
        table=table,
        form=row,
        theta=theta,
        centre=_ZERO,
        loss_function="none",
        delta=np.nan,
        objective=np.nan,
        status=FitStatus.CONVERGED,
        certificate=Certificate(np.nan, 0, 0, np.nan, np.empty(0), (), 0, reason),
        theta_draws=np.empty((0, len(row.parameters))),
        intervals="none",
        by="row",
        key=0,
    )


def _checked(form: Form, values: Mapping[str, Any]) -> Array:
    """Return the values in the form's order: each there, and E alone may be 0."""
    if not isinstance(values, Mapping):
        raise TypeError(f"values must be a dict of numbers by name, got {describe(values)}")
    for name in values:
        message = f"values has {name!r}, which form {form.name!r} does not have; its parameters are"
        known_name(message, name, form.parameters)
    given = {"E": 0.0, **values}
    missing = [name for name in form.parameters if name not in given]
    if missing:
        raise ValueError(f"values lacks {', '.join(missing)} of form {form.name!r}")
    checks = {"E": nonnegative_number}
    return np.array(
        [checks.get(n, positive_number)(f"values[{n!r}]", given[n]) for n in form.parameters]
    )
