"""The loss that a law predicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from .._common.validation import broadcast, real_array
from ._centre import Array, Covariates
from ._evaluate import losses
from ._quantiles import interval_in_parts

if TYPE_CHECKING:
    from ._fitted_law import FittedLaw

# least number of pairs (a draw of the law, a residual) from which the interval of a new run is made
_LEAST_PAIRS = 2000
_GOLDEN = (np.sqrt(5.0) - 1) / 2


@dataclass(frozen=True, eq=False)
class Prediction:
    """Predicted losses.

    Attributes
    ----------
    loss, low, high : ndarray
        In the table's unit; `low` and `high` are NaN where the law has no draws.
    level : float
    kind : {"mean", "run"}
    unit : str

    Examples
    --------
    >>> import scalecore as sc
    >>> sc.Prediction(2.0, 1.9, 2.1, 0.95, "mean", "nats")
    Prediction(2 nats [1.9, 2.1] at level 0.95, mean)
    """

    loss: Array
    low: Array
    high: Array
    level: float
    kind: str
    unit: str

    def __repr__(self) -> str:
        if np.ndim(self.loss):
            return (
                f"Prediction({np.size(self.loss)} losses in {self.unit}, level {self.level:g}, "
                f"{self.kind})"
            )
        ends = (
            ""
            if np.isnan(self.low)
            else f" [{float(self.low):.4g}, {float(self.high):.4g}] at level {self.level:g}"
        )
        return f"Prediction({float(self.loss):.4g} {self.unit}{ends}, {self.kind})"


def covariates(
    law: FittedLaw, parameters: Array, samples: Array, unique: Array | None
) -> Covariates:
    """Return flat arrays of N, D and U as the law's form reads them; out of domain is NaN."""
    with np.errstate(divide="ignore", invalid="ignore"):
        N, D = (np.where(a > 0, a, np.nan) for a in (parameters, samples))
        first = law.cost * N * D if "compute" in law.form.needs else N
        n, m = np.log(first) - law.centre.n, np.log(D) - law.centre.m
        u = None
        if "unique_samples" in law.form.needs:
            u = (
                m
                if unique is None
                else np.log(np.minimum(np.where(unique > 0, unique, np.nan), D)) - law.centre.m
            )
    return Covariates(n, m, u, law.centre)


@np.errstate(all="ignore")
def predict(
    law: FittedLaw,
    parameters: ArrayLike,
    samples: ArrayLike,
    level: float,
    kind: str,
    unique: ArrayLike | None,
) -> Prediction:
    """Return the prediction of `FittedLaw.predict`."""
    arrays = {
        "parameters": real_array("parameters", parameters),
        "samples": real_array("samples", samples),
    }
    if unique is not None:
        arrays["unique_samples"] = real_array("unique_samples", unique)
    shape = broadcast(**arrays)
    flat = {name: np.broadcast_to(array, shape).reshape(-1) for name, array in arrays.items()}
    x = covariates(law, flat["parameters"], flat["samples"], flat.get("unique_samples"))
    scale = np.exp(law.user_centre.y)
    nothing = np.full(len(x.n), np.nan)
    if not law.usable:
        return Prediction(*(nothing.reshape(shape)[()],) * 3, level, kind, law.loss_unit)
    loss = losses(law.form, law.theta, x) * scale
    low = high = nothing
    if len(law.theta_draws):
        factors = None
        if kind == "run":
            factors = np.exp(_residuals_of_new_runs(law, max(len(law.theta_draws), _LEAST_PAIRS)))
        count = len(law.theta_draws if factors is None else factors)

        def drawn(part: slice) -> list[Array]:
            values = losses(law.form, law.theta_draws, x[part]) * scale
            if factors is not None:
                values = values[np.arange(count) % len(values)] * factors[:, None]
            return [values]

        ((low, high),) = interval_in_parts(drawn, len(nothing), count, level)
    loss, low, high = (array.reshape(shape)[()] for array in (loss, low, high))
    return Prediction(loss, low, high, level, kind, law.loss_unit)


def _residuals_of_new_runs(law: FittedLaw, count: int) -> Array:
    """Return residuals of ln L, evenly spread over those of the runs in an order like chance's.

    They are blown up for the parameters that were fitted to them. The order (multiples of the
    golden ratio) has nothing to do with that of the draws, which are added to them one by one.
    """
    runs, free = len(law.table), law.form.free
    wider = np.sqrt(runs / max(runs - free, 1))
    return np.quantile(law.residuals, (np.arange(count) * _GOLDEN + 0.5) % 1.0) * wider


@np.errstate(all="ignore")
def extrapolation(law: FittedLaw, parameters: ArrayLike, samples: ArrayLike) -> Array:
    """Return decades beyond the runs, the larger of N's and D's."""
    N, D = real_array("parameters", parameters), real_array("samples", samples)
    broadcast(parameters=N, samples=D)
    with np.errstate(divide="ignore", invalid="ignore"):
        beyond = [
            np.maximum(np.maximum(np.log10(low / value), np.log10(value / high)), 0.0)
            for value, (low, high) in ((N, law.ranges.parameters), (D, law.ranges.samples))
        ]
    return np.maximum(*beyond)[()]
