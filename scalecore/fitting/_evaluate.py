"""Values of a law at any N and D, for one set of parameters or for many draws of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .._core import fitting as _engine
from ._centre import Array, Covariates

if TYPE_CHECKING:
    from ._forms import Form


def value_and_gradient(form: Form, theta: Array, x: Covariates) -> tuple[Array, Array]:
    """Return a law's values [run] and gradients [run, parameter] at one theta [parameter]."""
    if form.code is None:
        assert form.gradient is not None
        return form.gradient(theta, x)
    value, gradient = _engine.values(
        form.code, np.ascontiguousarray(x.n), np.ascontiguousarray(x.m), theta, True
    )
    assert gradient is not None  # it was asked for
    return value, gradient.T


def losses(form: Form, theta: Array, x: Covariates) -> Array:
    """Return losses relative to the centre: theta [..., parameter] against points, as [...,
    point].
    """
    expanded = theta if theta.ndim == 1 else theta[..., None, :]
    return form.loss(expanded, x)
