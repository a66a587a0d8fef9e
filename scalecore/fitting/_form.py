"""The row of a form: what its parameters are, how to evaluate it, where fits begin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._core.fitting import (
    HIGHEST_TERM,
    LEAST_COUPLING,
    LOWEST_TERM,
    MOST_COUPLING,
    MOST_OFFSET,
    STEEPEST,
)
from ._centre import Centre, Covariates

Array = NDArray[np.float64]

LEAST_EXPONENT = 1e-4  # lower bound in forms that divide one exponent by the other


@dataclass(frozen=True)
class Form:
    """A form: what its parameters are, how to evaluate it, where fits begin.

    Attributes
    ----------
    name, formula, source : str
    parameters : tuple of str
        Names of the user's values, in order.
    meanings : tuple of str
        What each is.
    low, high : tuple of float
        The box of `theta`; equal where a parameter is held.
    exponents : tuple of str
        Which parameters are exponents of N and D: what identification is about.
    loss : callable
        ``loss(theta, x)``: loss relative to the centre, theta [..., parameter] against x's shape.
    starts : callable
        ``starts(y, x)``: array [start, parameter], from the runs alone.
    to_values, to_theta : callable
        Between theta [..., parameter] and the user's values, given a `Centre`.
    optimum : callable or None
        ``optimum(theta, c)``: n at the least loss along n + m = c, in closed form.
    gradient : callable or None
        ``gradient(theta, x)`` for forms that the C engine does not have: loss and d loss / d theta.
    code : int or None
        The C engine's number of the form.
    needs : tuple of str
        Which of "parameters", "samples", "unique_samples", "compute" it reads.
    coordinates : tuple of (str, int)
        Values that are functions of one entry of theta alone, and which: those can be held.
    on_runs : callable or None
        ``on_runs(x)``: low and high for these runs, where the box depends on them.
    mixture : bool
        Whether it is several laws that were fitted already: it is not fitted as a whole.
    made : (callable, tuple) or None
        A function of some module and the arguments with which it makes this form again.
    """

    name: str
    formula: str
    source: str
    parameters: tuple[str, ...]
    meanings: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    loss: Callable[[Array, Covariates], Array]
    starts: Callable[[Array, Covariates], Array]
    to_values: Callable[[Array, Centre], Array]
    to_theta: Callable[[Array, Centre], Array]
    exponents: tuple[str, ...] = ()
    optimum: Callable[[Array, Array], Array] | None = None
    gradient: Callable[[Array, Covariates], tuple[Array, Array]] | None = None
    code: int | None = None
    needs: tuple[str, ...] = ("parameters", "samples")
    coordinates: tuple[tuple[str, int], ...] = (("E", 0),)
    on_runs: Callable[[Covariates], tuple[tuple[float, ...], tuple[float, ...]]] | None = None
    mixture: bool = False
    made: tuple[Callable[..., Form], tuple[Any, ...]] | None = None

    def __reduce__(self) -> str | tuple[Any, ...]:
        """Pickles and copies make a form anew, for its functions are often local ones."""
        return self.made or super().__reduce__()

    @cached_property
    def free(self) -> int:
        """Number of parameters that are fitted."""
        return sum(low < high for low, high in zip(self.low, self.high, strict=True))

    def refuse_mixture(self, what: str) -> None:
        """Raise where this is a mixture of laws, which has no runs' objective of its own."""
        if self.mixture:
            raise ValueError(
                f"a {self.name} law is a mixture of fitted laws: {what} of each of "
                "Comparison.laws is what there is"
            )

    def __repr__(self) -> str:
        return f"Form({self.name}: {self.formula})"


def bounded_exp(x: Array) -> Array:
    """Return e^x, far beyond any fit, and finite."""
    return np.exp(np.clip(x, -300.0, 300.0))


def box(*pairs: tuple[float, float]) -> dict[str, Any]:
    """Return the ends of a box as a `Form` takes them."""
    return {"low": tuple(low for low, _ in pairs), "high": tuple(high for _, high in pairs)}


TERM, EXPONENT = (LOWEST_TERM, HIGHEST_TERM), (0.0, STEEPEST)
OFFSET, COUPLING = (0.0, MOST_OFFSET), (LEAST_COUPLING, MOST_COUPLING)
FLOOR = "loss that no model and no data removes"
