"""What pilots would do to an interval: by gradients, and by fits to simulated pilots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .._common.progress import bar
from ..fitting._allocation import best_split
from ..fitting._centre import Array, Covariates
from ..fitting._certificate import jacobian
from ..fitting._evaluate import losses, value_and_gradient
from ..fitting._problem import Problem, engine_problem, with_delta
from ..fitting._quantiles import interval
from ..fitting._resampling import draws_of
from ._exchange import Information

if TYPE_CHECKING:
    from ..fitting._fitted_law import FittedLaw

_STEP = 1e-4  # step of finite differences in theta
_RESAMPLES = 200  # resamples of each simulated fit
# added to the information, as a share of its trace: variances of what no run sees stay finite
_RIDGE = 1e-10


@dataclass(frozen=True)
class Quantity:
    """What is to be known better: the loss at a budget's best split, or its parameters.

    `c` is ln N D, centred.
    """

    law: FittedLaw
    name: str
    c: float

    def log(self, theta: Array) -> Array:
        """Return its logarithm (relative to the centre) for theta [draw, parameter]."""
        c = np.full(1, self.c)
        n = best_split(self.law.form, theta[:, None, :], c, Covariates(c, c, None, self.law.centre))
        if self.name == "parameters":
            return n[:, 0]
        return np.log(
            losses(self.law.form, theta, Covariates(n, c - n, self._unique(c - n), self.law.centre))
        )[:, 0]

    def _unique(self, m: Array) -> Array | None:
        return m if "unique_samples" in self.law.form.needs else None

    def gradient(self, theta: Array) -> Array:
        """Return d log / d theta [draw, parameter], by central differences."""
        p = theta.shape[1]
        steps = _STEP * np.eye(p) * np.maximum(np.abs(theta), 1.0)[:, None, :]
        up, down = (theta[:, None, :] + sign * steps for sign in (1, -1))
        values = [self.log(moved.reshape(-1, p)).reshape(-1, p) for moved in (up, down)]
        return (values[0] - values[1]) / (2 * np.einsum("kpp->kp", steps))

    def width(self, draws: Array, level: float) -> float:
        """Return the logarithm of high over low of the draws' interval."""
        ((low, high),) = interval([self.log(draws)], level)
        return float(high - low)


def smooth_residuals(law: FittedLaw) -> Array:
    """Return residuals of ln L in a fit of least squares, blown up for the parameters fitted.

    A fit of absolute values goes exactly through as many runs as it has parameters; this one does
    not.
    """
    problem = law.problem
    squares = with_delta(problem, np.inf)
    theta = squares.engine.minimise(law.theta[None], n_threads=1)[0][0]
    value, _ = value_and_gradient(problem.form, theta, problem.x)
    count = len(problem.y)
    return (problem.y - np.log(value)) * np.sqrt(count / max(count - law.form.free, 1))


def run_variance(law: FittedLaw) -> float:
    """Return the variance t of ln L with which a run informs a fit: its information is J J'/t.

    t = E psi^2 / (E psi')^2 for the loss's influence function psi. Huber's is linear up to delta:
    far below the residuals' size psi' counts their density at zero, estimated with a kernel.
    """
    residual, delta = smooth_residuals(law), law.problem.delta
    size = float(np.sqrt(np.mean(residual**2)))
    if not np.isfinite(delta) or size == 0:
        return size**2
    quartiles = np.quantile(residual, [0.25, 0.75])
    # Epanechnikov's kernel
    width = 2.34 * min(size, float(np.ptp(quartiles)) / 1.34 or size) * len(residual) ** -0.2
    above, below = (delta - residual) / width, (-delta - residual) / width
    inside = _epanechnikov_cdf(above) - _epanechnikov_cdf(below)
    psi = np.clip(residual, -delta, delta)
    return float(np.mean(psi**2) / np.mean(inside) ** 2)


def _epanechnikov_cdf(u: Array) -> Array:
    """Return the distribution function of Epanechnikov's kernel."""
    u = np.clip(u, -1.0, 1.0)
    return (2 + 3 * u - u**3) / 4


def information(
    law: FittedLaw, quantity: Quantity, thetas: Array, n: Array, m: Array, width: float, z: float
) -> Information:
    """Return what the fit knows, for several thetas, scaled to the width that the draws have."""
    problem, noise = law.problem, run_variance(law)
    weight = np.ones(len(problem.y)) if problem.weight is None else problem.weight
    at_all = np.concatenate([law.theta[None], thetas])
    information, J = [], []
    for theta in at_all:
        rows = jacobian(problem, theta)
        if problem.loss == "squared":
            rows = rows / value_and_gradient(problem.form, theta, problem.x)[0][:, None]
        information.append((rows * weight[:, None]).T @ rows)
        value, slope = value_and_gradient(law.form, theta, _points(law, n, m))
        J.append(slope / value[:, None])
    M = np.stack(information)
    p = M.shape[1]
    M += np.eye(p) * (_RIDGE * np.trace(M, axis1=1, axis2=2) / p)[:, None, None]
    gradient = quantity.gradient(at_all)
    unscaled = np.linalg.inv(M)
    at_fit = gradient[0] @ unscaled[0] @ gradient[0]
    scale = (width / (2 * z)) ** 2 / at_fit
    return Information(scale * unscaled[1:], gradient[1:], np.stack(J)[1:], noise)


def _points(law: FittedLaw, n: Array, m: Array) -> Covariates:
    return Covariates(n, m, m if "unique_samples" in law.form.needs else None, law.centre)


def promised_width(
    law: FittedLaw,
    quantity: Quantity,
    n: Array,
    m: Array,
    level: float,
    simulations: int,
    key: int,
    *,
    progress: bool,
) -> Array:
    """Return widths of fits to the table and simulated pilots, each with a draw as truth."""
    rng = np.random.default_rng(key)
    draws = law.theta_draws[np.isfinite(law.theta_draws).all(1)]
    residuals = smooth_residuals(law)
    points, widths = _points(law, n, m), []
    with bar(simulations, progress, "simulation") as show:
        for i in range(simulations):
            truth = draws[rng.integers(len(draws))]
            y = np.log(losses(law.form, truth, points)) + rng.choice(residuals, len(n))
            problem = _with_pilots(law.problem, points, y)
            starts = np.ascontiguousarray(np.stack([law.theta, truth]))
            theta, objective, *_ = problem.engine.minimise(starts, n_threads=0)
            best = theta[int(np.argmin(np.where(np.isfinite(objective), objective, np.inf)))]
            drawn = draws_of(problem, best, _RESAMPLES, law.intervals, key + i)
            widths.append(quantity.width(drawn, level))
            show(1)
    return np.array(widths)


def _with_pilots(problem: Problem, points: Covariates, y: Array) -> Problem:
    """Return the problem with more runs, each a cluster of its own."""
    pilot_count, old = len(y), problem.x
    joined = {
        name: np.concatenate([getattr(old, name), getattr(points, name)])
        for name in ("n", "m", "unique")
        if getattr(old, name) is not None
    }
    x = Covariates(joined["n"], joined["m"], joined.get("unique"), old.centre)
    weight = (
        None if problem.weight is None else np.concatenate([problem.weight, np.ones(pilot_count)])
    )
    cluster = None
    if problem.cluster is not None:
        cluster = np.concatenate([problem.cluster, problem.clusters + np.arange(pilot_count)])
    together = np.concatenate([problem.y, y])
    clusters = problem.clusters + pilot_count
    engine = engine_problem(
        problem.form,
        x,
        together,
        of_loss=problem.loss == "squared",
        delta=problem.delta,
        weight=weight,
        cluster=cluster,
        clusters=clusters,
    )
    return Problem(
        problem.form, x, together, weight, cluster, clusters, problem.loss, problem.delta, engine
    )
