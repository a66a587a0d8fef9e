"""A form of the user's own: a Python object in, a `Form` row out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from .._common.validation import describe, one_of
from .._core import fitting as _engine
from ._centre import Array, Centre, Covariates
from ._forms import Form

if TYPE_CHECKING:
    from ._run_table import RunTable


@runtime_checkable
class UserForm(Protocol):
    """What a form of your own has to be.

    Attributes
    ----------
    name : str
    parameters : sequence of str
        Names of the parameters, at most 12.
    low, high : sequence of float
        The box in which they may lie; infinite ends are allowed.

    Notes
    -----
    Methods: ``loss(values, parameters, samples)``, the loss in nats for `values` [..., parameter]
    broadcast against N and D; ``starts(table)``, an array [start, parameter] (several, from the
    runs); and, optionally, ``gradient(values, parameters, samples)``, d loss / d values
    [..., parameter], without which central differences are taken. Parameters of order one and
    logarithms of scales fit best.

    Examples
    --------
    >>> import numpy as np
    >>> import scalecore as sc
    >>> class Straight:
    ...     name, parameters = "straight", ("c", "alpha", "beta")
    ...     low, high = (-50, 0, 0), (50, 5, 5)
    ...
    ...     def loss(self, values, parameters, samples):
    ...         c, alpha, beta = np.moveaxis(values, -1, 0)
    ...         return np.exp(c - alpha * np.log(parameters) - beta * np.log(samples))
    ...
    ...     def starts(self, table):
    ...         return [[1.0, 0.1, 0.1], [3.0, 0.3, 0.05]]
    >>> N, D = (a.ravel() for a in np.meshgrid([1e8, 3e8, 1e9], [2e9, 8e9, 3e10]))
    >>> table = sc.RunTable(N, D, np.exp(4) * N**-0.1 * D**-0.05)
    >>> law = sc.fit(table, Straight(), resamples=0)
    >>> {name: round(value, 6) for name, value in law.values.items()}
    {'c': 4.0, 'alpha': 0.1, 'beta': 0.05}
    """

    name: str
    parameters: Sequence[str]
    low: Sequence[float]
    high: Sequence[float]

    def loss(self, values: Array, parameters: Array, samples: Array) -> Array:
        """Return the loss in nats.

        Examples
        --------
        See `UserForm`.

        >>> import scalecore as sc
        >>> hasattr(sc.UserForm, "loss")
        True
        """
        ...

    def starts(self, table: RunTable) -> ArrayLike:
        """Return starts [start, parameter].

        Examples
        --------
        See `UserForm`.

        >>> import scalecore as sc
        >>> hasattr(sc.UserForm, "starts")
        True
        """
        ...


AnyForm: TypeAlias = str | Form | UserForm  # what `form` may be


def form_of(form: AnyForm, known: Mapping[str, Form], argument: str = "form") -> Form:
    """Return the row that a name, a row or a user's object stands for."""
    if isinstance(form, Form):
        return form
    if isinstance(form, str):
        return known[one_of(argument, form, known)]
    if not isinstance(form, UserForm):
        wanted = "name, parameters, low, high, loss() and starts() (see sc.UserForm)"
        raise TypeError(
            f"{argument} must be one of {', '.join(map(repr, known))} or an object with {wanted}, "
            f"got {describe(form)}"
        )
    return _wrapped(form)


def _wrapped(own: UserForm) -> Form:
    names = tuple(own.parameters)
    low, high = (tuple(float(end) for end in ends) for ends in (own.low, own.high))
    if not 1 <= len(names) <= _engine.MOST_PARAMETERS or not len(low) == len(high) == len(names):
        raise ValueError(
            f"form {own.name!r} must have 1 to {_engine.MOST_PARAMETERS} parameters with an end "
            "in low and in high each, "
            f"got {len(names)}, {len(low)} and {len(high)}"
        )
    if any(not a <= b for a, b in zip(low, high, strict=True)):
        raise ValueError(f"form {own.name!r} must have low <= high, got {low} and {high}")

    def loss(theta: Array, x: Covariates) -> Array:
        assert x.centre is not None
        N, D = np.exp(x.n + x.centre.n), np.exp(x.m + x.centre.m)
        return np.asarray(own.loss(theta, N, D), float) * np.exp(-x.centre.y)

    def gradient(theta: Array, x: Covariates) -> tuple[Array, Array]:
        assert x.centre is not None
        exact = getattr(own, "gradient", None)
        if exact is None:
            return loss(theta, x), _differences(loss, theta, x, np.array(low), np.array(high))
        N, D = np.exp(x.n + x.centre.n), np.exp(x.m + x.centre.m)
        return loss(theta, x), np.asarray(exact(theta, N, D), float) * np.exp(-x.centre.y)

    def starts(y: Array, x: Covariates) -> Array:
        from ._run_table import RunTable

        assert x.centre is not None
        c = x.centre
        table = RunTable(np.exp(x.n + c.n), np.exp(x.m + c.m), np.exp(y + c.y))
        given = np.atleast_2d(np.asarray(own.starts(table), float))
        if (
            given.ndim != 2
            or given.shape[1] != len(names)
            or not len(given)
            or not np.isfinite(given).all()
        ):
            raise ValueError(
                f"form {own.name!r}: starts() must give finite numbers of shape (starts, "
                f"{len(names)}), got {given.shape}"
            )
        return given

    return Form(
        name=str(own.name),
        formula=str(getattr(own, "formula", "a form of the user's own")),
        source=str(getattr(own, "source", "user")),
        parameters=names,
        meanings=tuple(getattr(own, "meanings", ("",) * len(names))),
        low=low,
        high=high,
        loss=loss,
        starts=starts,
        to_values=_same,
        to_theta=_same,
        gradient=gradient,
        made=(_wrapped, (own,)),
    )


def _same(theta: Array, centre: Centre) -> Array:
    return np.asarray(theta, float)


def _differences(
    loss: Callable[..., Array], theta: Array, x: Covariates, low: Array, high: Array
) -> Array:
    """Central differences of fourth order: errors near 1e-12 where the parameters are of order
    one.
    """
    columns = []
    for i in range(theta.shape[-1]):
        step = np.maximum(np.abs(theta[..., i]), 1.0) * 1e-3
        value = {}
        for k in (-2, -1, 1, 2):
            moved = np.array(np.broadcast_to(theta, theta.shape))
            moved[..., i] = theta[..., i] + k * step
            value[k] = loss(moved, x)
        columns.append((8 * (value[1] - value[-1]) - (value[2] - value[-2])) / (12 * step))
    return np.stack(np.broadcast_arrays(*columns), -1)
