"""What a fit hangs on: runs left out, parameters held."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .._common.validation import positive_int, positive_number
from ._allocation import best_split
from ._centre import Array, Covariates
from ._problem import engine_problem
from ._resampling import first_delta

if TYPE_CHECKING:
    from ._fitted_law import FittedLaw
    from ._fitted_parameters import FittedParameters

_WIDEST = 4.0  # a profile reaches at most so many times as far as a normal law would need


@dataclass(frozen=True, eq=False)
class Influence:
    """What leaving out each run (or row) does.

    Attributes
    ----------
    names : tuple of str
        The runs; "row k" where the table does not name them.
    values : dict of str to ndarray
        The parameters without each run.
    parameters_ratio, samples_ratio : ndarray
        N* and D* at the budget without the run, divided by those with it.
    budget : float

    Examples
    --------
    >>> import numpy as np
    >>> import scalecore as sc
    >>> sc.Influence(("a", "b"), {}, np.array([1.0, 1.5]), np.array([1.0, 0.67]), 1e21)
    Influence(C = 1e+21: without 'b' N* is 1.5 times as large; 2 runs)
    """

    names: tuple[str, ...]
    values: dict[str, Array]
    parameters_ratio: Array
    samples_ratio: Array
    budget: float

    @property
    def order(self) -> NDArray[np.intp]:
        """Runs by how far they move N*, the farthest first; a run without which there is no law
        comes first.
        """
        moved = np.abs(np.log(self.parameters_ratio))
        return np.argsort(-np.where(np.isnan(moved), np.inf, moved), kind="stable")

    def __repr__(self) -> str:
        if not self.names:
            return f"Influence(C = {self.budget:g}: no law, so nothing moves it)"
        first = self.order[0]
        return (
            f"Influence(C = {self.budget:g}: without {self.names[first]!r} N* is "
            f"{self.parameters_ratio[first]:.3g} times as large; {len(self.names)} runs)"
        )


@dataclass(frozen=True, eq=False)
class Profile:
    """The least objective with one parameter held at each of several values.

    Attributes
    ----------
    parameter : str
    value, objective : ndarray
        In the table's unit; the minimised sum over runs.
    low, high : float
        Where the objective rises above the threshold of the level: that of the curve itself at one
        standard error of the draws, times the square of the normal quantile. NaN without draws; the
        edge of the domain where the curve never rises that far.
    level : float

    Examples
    --------
    >>> import numpy as np
    >>> import scalecore as sc
    >>> sc.Profile("E", np.array([1.7, 1.8, 1.9]), np.array([2.0, 1.0, 2.0]), 1.72, 1.88, 0.95)
    Profile(E in [1.72, 1.88] at level 0.95)
    """

    parameter: str
    value: Array
    objective: Array
    low: float
    high: float
    level: float

    def __repr__(self) -> str:
        return (
            f"Profile({self.parameter} in [{self.low:.4g}, {self.high:.4g}] at level "
            f"{self.level:g})"
        )


@np.errstate(all="ignore")
def influence(law: FittedLaw, budget: float, cost: float) -> Influence:
    """Return the influence of every cluster on N* and D* at one budget."""
    budget, cost = positive_number("budget", budget), positive_number("cost", cost)
    if not law.usable or not len(law.table):
        return Influence(
            (),
            {name: np.empty(0) for name in law.form.parameters},
            np.empty(0),
            np.empty(0),
            budget,
        )
    problem = law.problem
    # From the optimum with all runs: it is near, and a run that decides between optima is worth
    # knowing.
    theta, objective, *_ = problem.engine.resample(
        law.theta, 0, problem.clusters, how="leave_out", key=0, first_delta=first_delta(problem)
    )
    theta[~np.isfinite(objective)] = np.nan
    if "compute" in law.form.needs:
        ratio = np.full(len(theta), np.nan)
    else:
        c = np.log(budget / cost) - law.centre.n - law.centre.m
        x = Covariates(np.asarray(c), np.asarray(c), None, law.centre)
        ratio = np.exp(best_split(law.form, theta, c, x) - best_split(law.form, law.theta, c, x))
    names = (
        tuple(f"row {row}" for row in law.table.rows)
        if problem.cluster is None
        else tuple(map(str, law.table.run_names))
    )
    values = dict(
        zip(law.form.parameters, law.form.to_values(theta, law.user_centre).T, strict=True)
    )
    return Influence(names, values, ratio, 1 / ratio, budget)


@np.errstate(all="ignore")
def ratio_without(law: FittedLaw, out: NDArray[np.bool_], budget: float) -> float:
    """Return N* at a budget without several rows at once, divided by that with them; NaN where
    there is none.
    """
    problem, keep = law.problem, ~out
    x = problem.x
    unique = None if x.unique is None else x.unique[keep]
    engine = engine_problem(
        problem.form,
        Covariates(x.n[keep], x.m[keep], unique, x.centre),
        problem.y[keep],
        of_loss=problem.loss == "squared",
        delta=problem.delta,
        weight=None if problem.weight is None else problem.weight[keep],
    )
    starts = np.ascontiguousarray(law.theta[None])
    theta = engine.minimise(starts, first_delta=first_delta(problem), n_threads=1)[0][0]
    c = np.asarray(np.log(budget / law.cost) - law.centre.n - law.centre.m)
    at = Covariates(c, c, None, law.centre)
    moved = best_split(law.form, theta, c, at) - best_split(law.form, law.theta, c, at)
    return float(np.exp(moved))


def profile_intervals(law: FittedParameters, level: float) -> dict[str, tuple[float, float]]:
    """Return the profile interval of every parameter that can be held, NaN for the others."""
    ends = dict.fromkeys(law.form.parameters, (np.nan, np.nan))
    for name, _ in law.form.coordinates:
        if law.usable and len(law.theta_draws):
            curve = profile(law, name, 41, level)
            ends[name] = (curve.low, curve.high)
    return ends


@np.errstate(all="ignore")
def profile(law: FittedParameters, parameter: str, points: int, level: float) -> Profile:
    """Return the profile of one parameter."""
    points = positive_int("points", points, least=5, most=10**5)
    known = dict(law.form.coordinates)
    if parameter not in known:
        raise ValueError(
            f"parameter must be one that can be held on its own ({', '.join(known)}), got "
            f"{parameter!r}"
        )
    if not len(law.table):
        raise ValueError("a law from values has no runs, so no profile")
    if not law.usable:
        raise ValueError(
            f"a law that is {law.status.name} has no profile: {law.certificate.reason}"
        )
    which = known[parameter]
    best, low, high = law.theta[which], law.form.low[which], law.form.high[which]
    z = NormalDist().inv_cdf(0.5 + level / 2)
    error = _standard_error(law.theta_draws[:, which])
    reach = _WIDEST * z * error if np.isfinite(error) else 0.5 * max(abs(best), 0.1)
    # Denser near the optimum, where the interval's ends are looked for.
    steps = np.sinh(np.linspace(-2, 2, points)) / np.sinh(2) * reach
    at = np.unique(np.clip(best + steps, low, high))
    objective = _held(law, which, at)
    threshold = np.nan
    if np.isfinite(error) and error > 0:
        beside = np.clip([best - error, best + error], low, high)
        beside = beside[np.abs(beside - best) > 0.5 * error]
        rise = np.mean((_held(law, which, beside) - law.objective) / ((beside - best) / error) ** 2)
        threshold = law.objective + z * z * max(rise, 0.0)
    ends = _crossings(at, objective, threshold)

    def valued(coordinate: Array) -> Array:
        theta = np.broadcast_to(law.theta, (len(coordinate), len(law.theta))).copy()
        theta[:, which] = coordinate
        return law.form.to_values(theta, law.user_centre)[:, law.form.parameters.index(parameter)]

    first, last = valued(np.array(ends)) if np.isfinite(threshold) else (np.nan, np.nan)
    return Profile(parameter, valued(at), objective, float(first), float(last), level)


def _standard_error(draws: Array) -> float:
    """Half the central 68 % of the draws."""
    draws = draws[np.isfinite(draws)]
    if len(draws) < 20:
        return np.nan
    return float(np.ptp(np.quantile(draws, [0.158655, 0.841345])) / 2)


def _held(law: FittedParameters, which: int, at: Array) -> Array:
    """Return the least objective with theta[which] held at each value, going outwards from the
    optimum.
    """
    problem, objective = law.problem, np.empty(len(at))
    order = np.argsort(np.abs(at - law.theta[which]), kind="stable")
    nearest = {-1: law.theta, 1: law.theta}
    for i in order:
        low, high = np.array(problem.form.low), np.array(problem.form.high)
        low[which] = high[which] = at[i]
        engine = engine_problem(
            problem.form,
            problem.x,
            problem.y,
            of_loss=problem.loss == "squared",
            delta=problem.delta,
            weight=problem.weight,
            low=low,
            high=high,
        )
        side = 1 if at[i] >= law.theta[which] else -1
        starts = np.ascontiguousarray(np.stack([nearest[side], law.theta]))
        theta, found, *_ = engine.minimise(starts, first_delta=first_delta(problem), n_threads=1)
        objective[i] = found.min()
        nearest[side] = theta[found.argmin()]
    return objective


def _crossings(at: Array, objective: Array, threshold: float) -> tuple[float, float]:
    """Return where the curve, followed from its least point, crosses the threshold; the last point
    where it does not.
    """
    bottom = int(np.argmin(objective))
    ends = []
    for step, last in ((-1, 0), (1, len(at) - 1)):
        i = bottom
        while i != last and objective[i + step] <= threshold:
            i += step
        if i == last:
            ends.append(float(at[last]))
            continue
        share = (threshold - objective[i]) / (objective[i + step] - objective[i])
        ends.append(float(at[i] + share * (at[i + step] - at[i])))
    return ends[0], ends[1]
