"""One fit of L = E + A/N^alpha + B/D^beta as a user would write it otherwise, each at its best.

All minimise the sum of Huber's losses of ln L residuals, in theta = (ln E, ln A', ln B', alpha,
beta) with centred ln N and ln D. The scripts that people copy do not centre, and converge worse.
"""

import copy
import importlib.util
import itertools
import tempfile

import numpy as np
from scipy import optimize

DELTA = 1e-3
# ours come from the table; these are for tables of language models, all near the truth
STARTS = [
    np.array([e, a, a, slope, slope])
    for e, a, slope in itertools.product((0.0, 0.6), (-2.0, -0.5), (0.25, 0.5))
]


class Table:
    """Runs in centred logarithms, the objective and its derivatives."""

    def __init__(self, N, D, loss):
        self.raw = N, D, loss
        self.n, self.m, self.y = np.log(N), np.log(D), np.log(loss)
        self.n, self.m = self.n - self.n.mean(), self.m - self.m.mean()

    def take(self, rows):
        """Return the table of these rows, centred as this one: theta means the same."""
        part = copy.copy(self)
        part.n, part.m, part.y = self.n[rows], self.m[rows], self.y[rows]
        return part

    def terms(self, theta):
        e, a, b, alpha, beta = theta
        ones = np.ones_like(self.n)
        return np.exp(np.stack([e * ones, a - alpha * self.n, b - beta * self.m]))

    def residuals(self, theta):
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            return self.y - np.log(self.terms(theta).sum(0))

    def jacobian(self, theta):
        e, a, b = self.terms(theta)
        return (-np.stack([e, a, b, -self.n * a, -self.m * b]) / (e + a + b)).T

    def objective(self, theta):
        size = np.abs(self.residuals(theta))
        return np.sum(np.where(size <= DELTA, size**2 / 2, DELTA * (size - DELTA / 2)))

    def gradient(self, theta):
        return np.clip(self.residuals(theta), -DELTA, DELTA) @ self.jacobian(theta)


def best_of(minimise, starts):
    return min((minimise(start) for start in starts), key=lambda found: found[0])


def lbfgs(table, starts, gradient):
    # SciPy's tolerances take an objective of about 1 for granted, and this one is near 1e-3: in
    # units of DELTA**2 they stop where they should
    options = {"ftol": 1e-13, "gtol": 1e-6, "maxiter": 2000, "maxfun": 50_000}
    scale = DELTA**2
    jac = gradient and (lambda theta: gradient(theta) / scale)

    def minimise(start):
        found = optimize.minimize(
            lambda theta: table.objective(theta) / scale,
            start,
            jac=jac,
            method="L-BFGS-B",
            options=options,
        )
        return found.fun * scale, found.x

    return best_of(minimise, starts)


def lbfgs_numeric(table, starts=STARTS):
    return lbfgs(table, starts, None)


def lbfgs_exact(table, starts=STARTS):
    return lbfgs(table, starts, table.gradient)


def least_squares(table, starts=STARTS):
    def minimise(start):
        found = optimize.least_squares(
            table.residuals,
            start,
            table.jacobian,
            loss="huber",
            f_scale=DELTA,
            x_scale="jac",
            ftol=1e-14,
            xtol=1e-14,
            gtol=1e-14,
            max_nfev=1000,
        )
        return table.objective(found.x), found.x

    return best_of(minimise, starts)


def lmfit_least_squares(table, starts=STARTS):
    import lmfit

    names = ("e", "a", "b", "alpha", "beta")

    def residuals(parameters):
        return table.residuals([parameters[name].value for name in names])

    def minimise(start):
        parameters = lmfit.create_params(**dict(zip(names, start, strict=True)))
        found = lmfit.minimize(
            residuals,
            parameters,
            method="least_squares",
            loss="huber",
            f_scale=DELTA,
            ftol=1e-14,
            xtol=1e-14,
            gtol=1e-14,
            max_nfev=10_000,
            calc_covar=False,
        )
        theta = [found.params[name].value for name in names]
        return table.objective(theta), theta

    return best_of(minimise, starts)


def iminuit_migrad(table, starts=STARTS):
    import iminuit

    def minimise(start):
        minuit = iminuit.Minuit(table.objective, start, grad=table.gradient)
        minuit.errordef = 1e-7  # its goal for the distance to the minimum goes with it
        minuit.tol = 1e-4
        minuit.migrad()
        return minuit.fval, np.array(minuit.values)

    return best_of(minimise, starts)


def chinchilla_package(table):
    """The package of this name, from two values of each parameter (32 starts), without its plot."""
    import chinchilla
    import pandas as pd
    from chinchilla._metrics import log_huber

    N, D, loss = table.raw
    grid = {
        "E": (1.2, 2.0),
        "a": (4.0, 8.0),
        "b": (5.0, 9.0),
        "alpha": (0.25, 0.5),
        "beta": (0.25, 0.5),
    }
    with tempfile.TemporaryDirectory() as folder:
        ours = chinchilla.Chinchilla(
            folder, grid, loss_fn=lambda y, p: log_huber(y, p, DELTA), log_level=50
        )
        ours.database.df = pd.DataFrame({"C": 6 * N * D, "N": N, "D": D, "loss": loss})
        ours.visualizer.optim = lambda *args, **kwargs: None
        ours.fit(parallel=False)
    E, A, B, alpha, beta = (float(getattr(ours, name)) for name in ("E", "A", "B", "alpha", "beta"))
    a = np.log(A) - alpha * np.log(N).mean()
    b = np.log(B) - beta * np.log(D).mean()
    theta = np.array([np.log(E), a, b, alpha, beta])
    return table.objective(theta), theta


RIVALS = {
    "SciPy L-BFGS-B": lbfgs_numeric,
    "SciPy L-BFGS-B, exact gradients": lbfgs_exact,
    "SciPy least_squares, Huber, exact Jacobian": least_squares,
}
for package, name, call in (
    ("lmfit", "lmfit least_squares, Huber", lmfit_least_squares),
    ("iminuit", "iminuit MIGRAD, exact gradients", iminuit_migrad),
):
    if importlib.util.find_spec(package):
        RIVALS[name] = call
