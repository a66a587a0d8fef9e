"""The forms of a law L(N, D): one row each.

Inside, a law lives in centred logarithms (n = ln N - mean, m = ln D - mean, loss relative to its
geometric mean), so that units cancel and every parameter `theta` is of order one. What a user sees
are `values` in the units of the table. A form knows both, and the way between them.

To add a form: write its functions beside those of its kind, append a `Form` there, give it a test
and a line on the page "Your own runs". A form whose sums run in the C engine has its `code`; any
other is evaluated by NumPy, with the same solver.
"""

from __future__ import annotations

from dataclasses import replace

from ._form import Form
from ._power_forms import POWER_FORMS
from ._repeated_forms import REPEATED_FORMS
from ._theory_forms import THEORY_FORMS

__all__ = ["FORMS", "Form"]


def form_of_this_name(name: str) -> Form:
    """Return a row of the table: what a pickle of one holds is its name."""
    return FORMS[name]


FORMS: dict[str, Form] = {
    form.name: replace(form, made=(form_of_this_name, (form.name,)))
    for form in (*POWER_FORMS, *REPEATED_FORMS, *THEORY_FORMS)
}
