"""`suggest_runs`: the pilot runs that make a forecast most certain for a budget."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._common.validation import (
    boolean,
    broadcast,
    describe,
    one_of,
    positive_array,
    positive_int,
    positive_number,
    stream_key,
)
from ..fitting._centre import Array
from ..fitting._fitted_law import FittedLaw
from ..fitting._quantiles import checked_level
from ._exchange import Purse, chosen_runs
from ._promise import Quantity, information, promised_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._common.annotations import Seed

QUANTITIES = ("loss", "parameters")
_AVERAGED = 48  # draws of the law over which the variance is averaged
_SIDE = 19  # candidates along each axis of the grid
_BEYOND = 10.0  # candidates reach so many times beyond the largest N and D of the runs
_SLANT = 3.0  # and so many times beyond the least and largest D/N of the runs
# least share of the budget for one run: cheaper ones teach little and still need care
_CHEAPEST = 3e-4


class DesignStatus(IntEnum):
    """Whether `suggest_runs` has a suggestion.

    PLANNED. NO_CANDIDATE: no candidate run costs less than the budget. NO_GAIN: no candidate
    narrows the interval. NO_DRAWS: the law has none, so nothing says how uncertain it is (fit with
    resamples, to runs). NO_LAW: the fit has no law of N and D, or no optimum at the target.

    Examples
    --------
    >>> import scalecore as sc
    >>> sc.DesignStatus(0).name
    'PLANNED'
    """

    PLANNED = 0
    NO_CANDIDATE = 1
    NO_GAIN = 2
    NO_DRAWS = 3
    NO_LAW = 4


@dataclass(frozen=True, eq=False)
class Design:
    """Pilot runs to do next, and what they promise.

    Attributes
    ----------
    parameters, samples : ndarray, shape (k,)
        N and D of each different run, the cheapest first.
    repeats : ndarray of int, shape (k,)
        How often it is run, with seeds of its own each time.
    compute : ndarray, shape (k,)
        FLOPs of one run of each.
    budget, target : float
        FLOPs for all pilots, and the compute budget at which the forecast is wanted.
    quantity : {"loss", "parameters"}
        What is to be known better: the least loss at the target, or its N*.
    value : float
        Of the quantity, under the law.
    before, after : (float, float)
        Its interval now, and the one to expect after the pilots, about the present value.
    width_before, width_after : float
        ln(high / low) of the two: 0.02 is an interval of 2 %.
    width_linear : float
        The same as `width_after` by the law's gradients alone, without simulation.
    level : float
    status : DesignStatus
    law : FittedLaw
    candidates : (ndarray, ndarray)
        N and D that were to choose from.

    Examples
    --------
    >>> import numpy as np
    >>> import scalecore as sc
    >>> N, D = (a.ravel() for a in np.meshgrid([1e7, 3e7, 1e8, 3e8], [1e9, 3e9, 1e10]))
    >>> noise = np.exp(0.004 * np.random.default_rng(0).standard_normal(12))
    >>> table = sc.RunTable(N, D, (1.8 + 480 / N**0.35 + 2100 / D**0.37) * noise)
    >>> design = sc.suggest_runs(sc.fit(table, "additive", rng=0), budget=1e20, target=1e22, rng=0)
    >>> design.status.name, len(design) <= 24, design.width_after < design.width_before / 2
    ('PLANNED', True, True)
    """

    parameters: Array
    samples: Array
    repeats: NDArray[np.int64]
    compute: Array
    budget: float
    target: float
    quantity: str
    value: float
    before: tuple[float, float]
    after: tuple[float, float]
    width_before: float
    width_after: float
    width_linear: float
    level: float
    status: DesignStatus
    law: FittedLaw
    candidates: tuple[Array, Array]

    def __len__(self) -> int:
        """Return the number of runs, repeats counted."""
        return int(self.repeats.sum())

    @property
    def total_compute(self) -> float:
        """FLOPs of all pilots together."""
        return float(np.sum(self.compute * self.repeats))

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the pilots among the runs there are.

        Examples
        --------
        >>> import numpy as np
        >>> import scalecore as sc
        >>> N, D = (a.ravel() for a in np.meshgrid([1e7, 3e7, 1e8, 3e8], [1e9, 3e9, 1e10]))
        >>> noise = np.exp(0.004 * np.random.default_rng(0).standard_normal(12))
        >>> table = sc.RunTable(N, D, (1.8 + 480 / N**0.35 + 2100 / D**0.37) * noise)
        >>> law = sc.fit(table, "additive", rng=0)
        >>> sc.suggest_runs(law, budget=1e20, target=1e22, simulations=0).plot().get_yscale()
        'log'
        """
        from .._views import planning_plots

        return planning_plots.design(self, ax)

    def __repr__(self) -> str:
        head = f"Design({self.quantity} at C = {self.target:g}: "
        if self.status != DesignStatus.PLANNED:
            return f"{head}{self.status.name})"
        return (
            f"{head}{len(self)} runs for {self.total_compute:.3g} FLOPs narrow "
            f"[{self.before[0]:.4g}, {self.before[1]:.4g}] to about "
            f"[{self.after[0]:.4g}, {self.after[1]:.4g}], level {self.level:g})"
        )

    def _repr_html_(self) -> str:
        from .._views import planning_html

        return planning_html.design(self)


def suggest_runs(
    law: FittedLaw,
    *,
    budget: float,
    target: float,
    candidates: Any = None,
    quantity: str = "loss",
    most_runs: int = 24,
    most_repeats: int = 3,
    simulations: int = 48,
    level: float = 0.95,
    rng: Seed = None,
    progress: bool = False,
) -> Design:
    r"""Suggest pilot runs that narrow the interval of a forecast most, at a total cost.

    Parameters
    ----------
    law : FittedLaw
        Fitted to the runs there are, with draws.
    budget : float
        FLOPs for all pilots together (at the table's cost per parameter and sample).
    target : float
        The compute budget, in FLOPs, of the large run that is being planned.
    candidates : (array_like, array_like), optional
        N and D of runs that could be done; they broadcast. By default a grid about the runs there
        are: up to ten times their largest N and D, and three times their extreme D/N.
    quantity : {"loss", "parameters"}
        The interval to narrow: of the least loss at the target, or of its best N.
    most_runs : int, default 24
    most_repeats : int, default 3
        Runs at one (N, D), which differ by their seeds alone.
    simulations : int, default 48
        Fits to simulated pilots from which `width_after` is taken (their median); 0 takes it from
        gradients alone.
    level : float, default 0.95
    rng : None, int, SeedSequence or Generator
    progress : bool
        Show a bar on standard error.

    Returns
    -------
    Design
        Look at `status` first.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what it should be.

    Notes
    -----
    V-optimal design by greedy choice and exchange (Fedorov 1972): the variance of ln of the
    quantity is averaged over draws of the law. A run adds J J'/t, J the gradient of ln L and t the
    variance that belongs to the fit's loss function (for Huber's with a small δ, 1/(4 f(0)²), f
    the density of the residuals); what the present runs know is scaled to the width of the draws.

    Examples
    --------
    >>> import numpy as np
    >>> import scalecore as sc
    >>> N, D = (a.ravel() for a in np.meshgrid([1e7, 3e7, 1e8, 3e8], [1e9, 3e9, 1e10]))
    >>> noise = np.exp(0.004 * np.random.default_rng(0).standard_normal(12))
    >>> table = sc.RunTable(N, D, (1.8 + 480 / N**0.35 + 2100 / D**0.37) * noise)
    >>> law = sc.fit(table, "additive", rng=0)
    >>> design = sc.suggest_runs(law, budget=1e20, target=1e22, rng=0)
    >>> bool((design.compute <= 1e20).all()), design.width_after < design.width_before
    (True, True)
    """
    if not isinstance(law, FittedLaw):
        raise TypeError(f"law must be a FittedLaw (from sc.fit), got {describe(law)}")
    budget, target = positive_number("budget", budget), positive_number("target", target)
    quantity, level = one_of("quantity", quantity, QUANTITIES), checked_level(level)
    run_limit = positive_int("most_runs", most_runs, most=10**6)
    repeat_limit = positive_int("most_repeats", most_repeats, most=10**6)
    simulations = positive_int("simulations", simulations, least=0, most=10**6)
    show, key = boolean("progress", progress), stream_key(rng)
    N, D = _candidates(law, budget, candidates)
    ask: dict[str, Any] = {
        "budget": budget,
        "target": target,
        "quantity": quantity,
        "level": level,
        "law": law,
        "candidates": (N, D),
    }
    if not law.usable or "compute" in law.form.needs:
        return _without(DesignStatus.NO_LAW, ask)
    if not len(law.table) or np.isfinite(law.theta_draws).all(1).sum() < 2:
        return _without(DesignStatus.NO_DRAWS, ask)
    measure = Quantity(
        law, quantity, np.log(target) - np.log(law.cost) - law.centre.n - law.centre.m
    )
    log_value, width = float(measure.log(law.theta[None])[0]), measure.width(law.theta_draws, level)
    if not (np.isfinite(log_value) and np.isfinite(width)):
        return _without(DesignStatus.NO_LAW, ask)
    cost = law.cost * N * D
    affordable = (cost <= budget * (1 + 1e-12)) & (cost > 0)
    if not affordable.any():
        return _without(DesignStatus.NO_CANDIDATE, ask)
    N, D, cost = N[affordable], D[affordable], cost[affordable]
    n, m = np.log(N) - law.centre.n, np.log(D) - law.centre.m
    known = information(
        law,
        measure,
        _some_draws(law, measure),
        n,
        m,
        width,
        NormalDist().inv_cdf(0.5 + level / 2),
    )
    chosen, variance = chosen_runs(known, Purse(cost, budget, run_limit, repeat_limit))
    if not len(chosen):
        return _without(DesignStatus.NO_GAIN, ask)
    linear = after = width * float(np.sqrt(variance / known.variance))
    if simulations:
        widths = promised_width(
            law, measure, n[chosen], m[chosen], level, simulations, key, progress=show
        )
        after = float(np.median(widths))
    which, repeats = np.unique(chosen, return_counts=True)
    order = np.argsort(cost[which], kind="stable")
    which, repeats = which[order], repeats[order]
    return Design(
        parameters=N[which],
        samples=D[which],
        repeats=repeats.astype(np.int64),
        compute=cost[which],
        **_intervals(measure, log_value, level, after),
        width_before=width,
        width_after=after,
        width_linear=linear,
        status=DesignStatus.PLANNED,
        **ask,
    )


def _intervals(quantity: Quantity, log_value: float, level: float, width: float) -> dict[str, Any]:
    """Return the quantity, its interval by the draws, and one of so much width in its logarithm."""
    from ..fitting._quantiles import interval

    law = quantity.law
    shift = law.user_centre.y if quantity.name == "loss" else law.centre.n
    ((low, high),) = interval([quantity.log(law.theta_draws)], level)
    value = float(np.exp(log_value + shift))
    return {
        "value": value,
        "before": (float(np.exp(low + shift)), float(np.exp(high + shift))),
        "after": (value * float(np.exp(-width / 2)), value * float(np.exp(width / 2))),
    }


def _some_draws(law: FittedLaw, quantity: Quantity) -> Array:
    """Return draws, evenly spaced, at which the quantity and its gradient are numbers."""
    draws = law.theta_draws[np.isfinite(law.theta_draws).all(1)]
    draws = draws[np.isfinite(quantity.log(draws))]
    spaced = draws[
        np.unique(np.linspace(0, len(draws) - 1, min(_AVERAGED, len(draws))).round().astype(int))
    ]
    good = np.isfinite(quantity.gradient(spaced)).all(1)
    return spaced[good] if good.any() else law.theta[None]


def _candidates(law: FittedLaw, budget: float, given: Any) -> tuple[Array, Array]:
    """Return N and D of the runs to choose from, flat."""
    if given is not None:
        try:
            first, second = given
        except (TypeError, ValueError):
            raise TypeError(
                f"candidates must be a pair of arrays, N and D, got {describe(given)}"
            ) from None
        pair = {
            "candidates[0]": positive_array("candidates[0]", first),
            "candidates[1]": positive_array("candidates[1]", second),
        }
        shape = broadcast(**pair)
        N, D = (np.broadcast_to(array, shape).reshape(-1) for array in pair.values())
        return N, D
    if not len(law.table):
        return np.empty(0), np.empty(0)
    axes = [
        np.geomspace(low, high * _BEYOND, _SIDE)
        for low, high in (law.ranges.parameters, law.ranges.samples)
    ]
    N, D = (array.ravel() for array in np.meshgrid(*axes, indexing="ij"))
    slant = law.table.samples / law.table.parameters
    cost = law.cost * N * D
    good = (cost <= budget) & (cost >= _CHEAPEST * budget)
    good &= (slant.min() / _SLANT <= D / N) & (slant.max() * _SLANT >= D / N)
    return N[good], D[good]


def _without(status: DesignStatus, ask: dict[str, Any]) -> Design:
    """Return a design without runs."""
    nothing, ends = np.empty(0), (np.nan, np.nan)
    return Design(
        parameters=nothing,
        samples=nothing,
        repeats=np.empty(0, np.int64),
        compute=nothing,
        value=np.nan,
        before=ends,
        after=ends,
        width_before=np.nan,
        width_after=np.nan,
        width_linear=np.nan,
        status=status,
        **ask,
    )
