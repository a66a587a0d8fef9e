"""Plain NumPy twins of what the C engine sums over runs, written from the formulas."""

import itertools

import numpy as np
from scipy.optimize import nnls


def law(form, theta, n, m):
    """Return L relative to the centre, for theta as the engine orders it."""
    if form == "additive":
        E, a, alpha, b, beta = theta
        return E + np.exp(a - alpha * n) + np.exp(b - beta * m)
    if form == "tied":
        E, a, b, alpha = theta
        return E + np.exp(a - alpha * n) + np.exp(b - alpha * m)
    if form == "coupled":
        E, a, slope_n, b, slope_m, log_gamma = theta
        gamma = np.exp(log_gamma)
        return E + (np.exp((a - slope_n * n) / gamma) + np.exp((b - slope_m * m) / gamma)) ** gamma
    if form in ("kaplan", "kaplan_offset"):
        E, a, slope_n, b, log_gamma = theta
        gamma = np.exp(log_gamma)
        return E + (np.exp((a - slope_n * n) / gamma) + np.exp(b / gamma - m)) ** gamma
    if form == "compute":
        E, a, alpha = theta
        return E + np.exp(a - alpha * n)
    raise KeyError(form)


def gradient(form, theta, n, m, step=1e-30):
    """Return d L / d theta [parameter, run] by complex steps, exact to rounding."""
    columns = []
    for i in range(len(theta)):
        moved = np.array(theta, complex)
        moved[i] += 1j * step
        columns.append(np.imag(law(form, moved, n, m)) / step)
    return np.array(columns)


def residual_and_jacobian(form, theta, n, m, y, of_loss=False):
    """Return residuals and d prediction / d theta [parameter, run]."""
    value, slope = law(form, theta, n, m), gradient(form, theta, n, m)
    if of_loss:
        return np.exp(y) - value, slope
    return y - np.log(value), slope / value


def huber(r, delta):
    """Return Huber's loss: squares near zero, straight lines beyond delta."""
    if np.isinf(delta):
        return r * r / 2
    size = np.abs(r)
    return np.where(size <= delta, r * r / 2, delta * (size - delta / 2))


def objective(form, theta, n, m, y, delta, weight=None, of_loss=False):
    """Return the sum over runs and its gradient."""
    r, J = residual_and_jacobian(form, theta, n, m, y, of_loss)
    w = np.ones_like(r) if weight is None else weight
    return np.sum(w * huber(r, delta)), -J @ (w * np.clip(r, -delta, delta))


def best_of_random_starts(objective_and_gradient, starts, rng, low, high):
    """Return the least objective that L-BFGS-B finds from so many random starts in the box."""
    from scipy.optimize import minimize

    low, high = np.maximum(low, -12.0), np.minimum(high, 12.0)
    best = np.inf
    for _ in range(starts):
        share = rng.uniform(0, 1, len(low))
        theta = np.clip(
            np.where(low >= 0, low + (np.minimum(high, 2) - low) * share, -4 + 5 * share), low, high
        )
        found = minimize(
            objective_and_gradient,
            theta,
            jac=True,
            method="L-BFGS-B",
            bounds=list(zip(low, high, strict=True)),
            options={"maxiter": 2000, "ftol": 1e-15, "gtol": 1e-12},
        )
        best = min(best, found.fun)
    return best


# ---- starts of sums of powers, in plain NumPy ----------------------------------------------------


def power_law_starts(y, *logarithms):
    """Starts [start, parameter] of E + e^(a - alpha n) (+ e^(b - beta m)) and their costs."""
    inverse = np.exp(-y)
    rows = []
    exponents = [np.array([0.2, 0.6, 1.2, 2.4, 5.0]) / max(np.ptp(log), 1e-3) for log in logarithms]
    for powers in itertools.product(*exponents):
        terms = [np.exp(-e * log) * inverse for e, log in zip(powers, logarithms, strict=True)]
        design = np.stack([inverse, *terms], 1)
        shares, norm = nnls(design, np.ones(len(y)))
        shares = np.maximum(shares, 1e-3)
        pairs = [(np.log(s), e) for s, e in zip(shares[1:], powers, strict=True)]
        rows.append((norm**2, [shares[0], *itertools.chain.from_iterable(pairs)]))
    rows.sort(key=lambda row: row[0])
    return np.array([row[1] for row in rows]), np.array([row[0] for row in rows])
