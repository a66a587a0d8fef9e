"""The parameters that a fit found, what is known about them, and the runs that they are of."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from .._common.validation import frozen, one_of, real_array
from . import _sensitivity
from ._centre import Array, Centre
from ._certificate import Certificate, FitStatus
from ._evaluate import value_and_gradient
from ._forms import Form
from ._law_fields import check_fields
from ._problem import centred, problem_of
from ._quantiles import checked_level, interval
from ._run_table import RunTable

if TYPE_CHECKING:
    from typing import Self

    from ._problem import Problem


@dataclass(frozen=True, eq=False, repr=False)
class FittedParameters:
    """Parameters of a form, their certificate and draws; `FittedLaw` says what each field is."""

    table: RunTable
    form: Form
    theta: Array
    centre: Centre
    loss_function: str
    delta: float
    objective: float
    status: FitStatus
    certificate: Certificate
    theta_draws: Array
    intervals: str
    by: str
    key: int

    def __post_init__(self) -> None:
        check_fields(self)
        count = len(self.form.parameters)
        for name, shape in (("theta", (count,)), ("theta_draws", (None, count))):
            array = np.array(real_array(name, getattr(self, name)), order="C")
            if array.ndim != len(shape) or array.shape[-1] != count:
                raise ValueError(
                    f"{name} must have {count} parameters of form {self.form.name!r} along its "
                    f"last axis, got shape {array.shape}"
                )
            # Residuals and the like are computed once, of numbers that stay.
            object.__setattr__(self, name, frozen(array))

    def __reduce__(self) -> tuple[type[Self], tuple[Any, ...]]:
        """Pickles and copies hold the fields; what the engine made of them is made again."""
        return type(self), tuple(getattr(self, field.name) for field in fields(self))

    @property
    def usable(self) -> bool:
        """Whether there is a law to ask: CONVERGED or AT_EDGE."""
        return self.status in (FitStatus.CONVERGED, FitStatus.AT_EDGE)

    @property
    def loss_unit(self) -> str:
        """Unit of losses: the table's."""
        return self.table.loss_unit

    @property
    def cost(self) -> float:
        """FLOPs per parameter and sample, of the table."""
        return self.table.cost

    @property
    def user_centre(self) -> Centre:
        """The centre with the loss in the user's unit."""
        return Centre(
            self.centre.n, self.centre.m, self.centre.y - float(np.log(self.table.loss_scale))
        )

    @property
    @np.errstate(all="ignore")
    def values(self) -> dict[str, float]:
        """The fitted parameters by name, in the table's units."""
        return dict(
            zip(
                self.form.parameters,
                map(float, self.form.to_values(self.theta, self.user_centre)),
                strict=True,
            )
        )

    @property
    @np.errstate(all="ignore")
    def draws(self) -> dict[str, Array]:
        """Draws of the parameters by name, in the table's units."""
        columns = self.form.to_values(self.theta_draws, self.user_centre).T
        return dict(zip(self.form.parameters, columns, strict=True))

    def interval(
        self, level: float = 0.95, method: str = "draws"
    ) -> dict[str, tuple[float, float]]:
        """Return the interval of each parameter.

        Parameters
        ----------
        level : float, default 0.95
        method : {"draws", "profile"}
            The central part of the draws; or where the objective with the parameter held stays low
            (`profile`; better at an edge such as E = 0, and NaN for parameters that cannot be
            held).

        Examples
        --------
        >>> import scalecore as sc
        >>> N = [1e8, 1e8, 1e8, 4e8, 4e8, 4e8, 2e9, 2e9, 2e9]
        >>> D = [2e9, 8e9, 3e10, 2e9, 8e9, 3e10, 2e9, 8e9, 3e10]
        >>> L = [3.50, 3.17, 3.02, 3.27, 2.94, 2.79, 3.12, 2.79, 2.63]
        >>> law = sc.fit(sc.RunTable(N, D, L), "tied", rng=1)
        >>> low, high = law.interval()["alpha"]
        >>> bool(low < law.values["alpha"] < high)
        True
        """
        level = checked_level(level)
        if one_of("method", method, ("draws", "profile")) == "profile":
            return _sensitivity.profile_intervals(self, level)
        if not len(self.theta_draws):
            return dict.fromkeys(self.form.parameters, (np.nan, np.nan))
        ends = interval(self.draws.values(), level)
        return {
            name: (float(low), float(high))
            for name, (low, high) in zip(self.form.parameters, ends, strict=True)
        }

    @cached_property
    def residuals(self) -> Array:
        """Residuals of the runs, ln L - ln L(N, D).

        Examples
        --------
        >>> import scalecore as sc
        >>> N, D = [1e8, 4e8, 1e8, 4e8, 1e9, 1e9], [2e9, 2e9, 8e9, 8e9, 3e10, 2e9]
        >>> law = sc.fit(sc.RunTable(N, D, [3.4, 3.2, 3.1, 2.8, 2.6, 3.1]), "tied", resamples=0)
        >>> law.residuals.shape, bool(abs(law.residuals).max() < 0.1)
        ((6,), True)
        """
        if np.isnan(self.theta).any() or not len(self.table):
            return np.full(len(self.table), np.nan)
        x, y = centred(self.table, self.form)
        return y - np.log(value_and_gradient(self.form, self.theta, x)[0])

    @cached_property
    def problem(self) -> Problem:
        """What was minimised: the runs in centred logarithms, and the engine's view of them.

        Examples
        --------
        >>> import scalecore as sc
        >>> N, D = [1e8, 4e8, 1e8, 4e8, 1e9, 1e9], [2e9, 2e9, 8e9, 8e9, 3e10, 2e9]
        >>> law = sc.fit(sc.RunTable(N, D, [3.4, 3.2, 3.1, 2.8, 2.6, 3.1]), "tied", resamples=0)
        >>> objective, gradient, *_ = law.problem.engine.look(law.theta)
        >>> bool(abs(objective - law.objective) < 1e-15)
        True
        """
        if not len(self.table):
            raise ValueError("a law from values has no runs, so nothing was minimised")
        return problem_of(self.table, self.form, self.loss_function, self.delta, self.by)

    def profile(
        self, parameter: str, *, points: int = 41, level: float = 0.95
    ) -> _sensitivity.Profile:
        """Return the objective with one parameter held, and the interval that follows from it.

        Examples
        --------
        >>> import numpy as np
        >>> import scalecore as sc
        >>> N, D = (a.ravel() for a in np.meshgrid([1e8, 3e8, 1e9, 3e9], [2e9, 8e9, 3e10, 1e11]))
        >>> noise = np.exp(0.003 * np.random.default_rng(0).standard_normal(16))
        >>> table = sc.RunTable(N, D, (1.8 + 480 / N**0.35 + 2100 / D**0.37) * noise)
        >>> curve = sc.fit(table, "additive", rng=0).profile("E")
        >>> bool(curve.low < 1.8 < curve.high)
        True
        """
        return _sensitivity.profile(
            self, one_of("parameter", parameter, self.form.parameters), points, checked_level(level)
        )
