"""Forms for data that is read more than once: U unique samples, D samples in all.

Both are sums of powers, E + A/N^alpha + B/D^beta, while every sample is new (U = D).
"""

from __future__ import annotations

import numpy as np

from .._core.fitting import STEEPEST
from ._centre import Array, Centre, Covariates
from ._form import EXPONENT, FLOOR, LEAST_EXPONENT, OFFSET, TERM, Form, bounded_exp, box
from ._power_forms import additive_theta, additive_values
from ._power_starts import power_law_starts

_SATURATION = (-7.0, 14.0)  # ln R*: below, repeats teach nothing; above, they are as good as new
_POWERS = (OFFSET, TERM, (LEAST_EXPONENT, STEEPEST), TERM, (LEAST_EXPONENT, STEEPEST))
# values of R* at which fits start: repeats wear off at once, slowly, hardly
_GUESSES = (0.3, 3.0, 30.0)
_SHARES = (0.003, 0.03, 0.3)  # largest penalty at which fits start, as shares of the loss
_BEST = 3  # the best power-law starts, tried with each guess


def _unique(x: Covariates) -> Array:
    """Return centred ln U; no more samples are unique than were read."""
    return x.m if x.unique is None else np.minimum(x.unique, x.m)


def _saturated(excess: Array, log_scale: Array) -> tuple[Array, Array, Array]:
    """Return what of an amount q (1 + r) counts, and its derivatives.

    With r = e^excess - 1 >= 0 and R = e^log_scale it counts as q g, g = 1 + R (1 - e^(-r/R)):
    returned are ln g, d ln g / d excess and d ln g / d log_scale.
    """
    scale = np.exp(log_scale)
    r = np.expm1(np.clip(excess, 0.0, 300.0))
    lost = np.expm1(-r / scale)
    decay, gain = 1 + lost, -scale * lost
    g = 1 + gain
    return np.log1p(gain), decay * (1 + r) / g, (gain - r * decay) / g


# ---- Muennighoff et al.: repeats and excess parameters wear off ----------------------------------


def _repeated_gradient(theta: Array, x: Covariates) -> tuple[Array, Array]:
    E, a, alpha, b, beta, log_d, log_n = np.moveaxis(theta, -1, 0)
    u = _unique(x)
    best = (np.log(alpha / beta) + a - b + beta * u) / alpha  # least loss of the sum at D = U
    excess = np.maximum(x.n - best, 0.0)
    over = excess > 0
    ln_g, slope, by_scale = _saturated(excess, log_n)
    ln_h, _, by_scale_d = _saturated(x.m - u, log_d)
    n, m = np.where(over, best, x.n) + ln_g, u + ln_h
    first, second = bounded_exp(a - alpha * n), bounded_exp(b - beta * m)
    # where best < n, the effective n moves with best: n' = best + ln g(n - best)
    pull = np.where(over, -alpha * first * (1 - slope), 0.0) / alpha
    columns = (
        np.ones_like(first),
        first + pull,
        -n * first + pull * (1 / alpha - best),
        second - pull,
        -m * second + pull * (u - 1 / beta),
        -beta * second * by_scale_d,
        np.where(over, -alpha * first * by_scale, 0.0),
    )
    return E + first + second, np.stack(np.broadcast_arrays(*columns), -1)


def _repeated(theta: Array, x: Covariates) -> Array:
    E, a, alpha, b, beta, log_d, log_n = np.moveaxis(theta, -1, 0)
    u = _unique(x)
    best = (np.log(alpha / beta) + a - b + beta * u) / alpha
    excess = np.maximum(x.n - best, 0.0)
    n = np.minimum(x.n, best) + _saturated(excess, log_n)[0]
    m = u + _saturated(x.m - u, log_d)[0]
    return E + bounded_exp(a - alpha * n) + bounded_exp(b - beta * m)


def _repeated_values(theta: Array, centre: Centre) -> Array:
    return np.concatenate([additive_values(theta[..., :5], centre), np.exp(theta[..., 5:])], -1)


def _repeated_theta(values: Array, centre: Centre) -> Array:
    return np.concatenate([additive_theta(values[..., :5], centre), np.log(values[..., 5:])], -1)


def _repeated_starts(y: Array, x: Covariates) -> Array:
    """Return sums of powers of N and of what samples count for under three guesses of R_D*."""
    u = _unique(x)
    rows = []
    for guess in np.log(_GUESSES):
        powers = power_law_starts(y, x.n, u + _saturated(x.m - u, guess)[0])[:_BEST]
        rows += [[*start, guess, log_n] for start in powers for log_n in np.log(_GUESSES)]
    return np.array(rows)


# ---- additive, and a penalty that repeats cost ---------------------------------------------------
# P sqrt(N/U) ln(D/U): nothing while samples are new; then more, the more parameters there are for
# each unique sample. As both the gain and the penalty are known in ln D, further repeats do harm
# from beta B/D^beta = P sqrt(N/U) on.


def _penalty_weight(x: Covariates) -> Array:
    u = _unique(x)
    return bounded_exp(0.5 * (x.n - u)) * (x.m - u)


def _penalised_gradient(theta: Array, x: Covariates) -> tuple[Array, Array]:
    E, a, alpha, b, beta, p = np.moveaxis(theta, -1, 0)
    weight = _penalty_weight(x)
    first, second = bounded_exp(a - alpha * x.n), bounded_exp(b - beta * x.m)
    columns = (np.ones_like(first), first, -x.n * first, second, -x.m * second, weight)
    return E + first + second + p * weight, np.stack(np.broadcast_arrays(*columns), -1)


def _penalised(theta: Array, x: Covariates) -> Array:
    E, a, alpha, b, beta, p = np.moveaxis(theta, -1, 0)
    powers = bounded_exp(a - alpha * x.n) + bounded_exp(b - beta * x.m)
    return E + powers + p * _penalty_weight(x)


def _penalty_unit(centre: Centre) -> float:
    return float(np.exp(centre.y - 0.5 * (centre.n - centre.m)))


def _penalised_values(theta: Array, centre: Centre) -> Array:
    powers = additive_values(theta[..., :5], centre)
    return np.concatenate([powers, theta[..., 5:] * _penalty_unit(centre)], -1)


def _penalised_theta(values: Array, centre: Centre) -> Array:
    powers = additive_theta(values[..., :5], centre)
    return np.concatenate([powers, values[..., 5:] / _penalty_unit(centre)], -1)


def _penalised_starts(y: Array, x: Covariates) -> Array:
    """Return sums of powers, with penalties of some shares of the loss where they weigh most."""
    largest = max(float(np.max(_penalty_weight(x), initial=0.0)), 1e-300)
    powers = power_law_starts(y, x.n, x.m)[:_BEST]
    return np.array([[*start, share / largest] for start in powers for share in _SHARES])


# ---- the rows ------------------------------------------------------------------------------------

_NEEDS = ("parameters", "samples", "unique_samples")
_MEANINGS = (FLOOR, "scale in N", "exponent of N", "scale in D", "exponent of D")

REPEATED_FORMS = (
    Form(
        name="repeated",
        formula="E + A/N'^alpha + B/D'^beta, D' = U + U R_D (1 - exp(-(D/U - 1)/R_D)), N' likewise",
        source="Muennighoff et al. 2023, section 3.1",
        parameters=("E", "A", "alpha", "B", "beta", "R_D", "R_N"),
        meanings=(
            *_MEANINGS,
            "repeats until data wear off: at most R_D U repeated samples count",
            "the same for parameters beyond the best for U: U_N = min(N, N_best(U))",
        ),
        **box(*_POWERS, _SATURATION, _SATURATION),
        exponents=("alpha", "beta"),
        loss=_repeated,
        starts=_repeated_starts,
        to_values=_repeated_values,
        to_theta=_repeated_theta,
        gradient=_repeated_gradient,
        coordinates=(("E", 0), ("alpha", 2), ("beta", 4), ("R_D", 5), ("R_N", 6)),
        needs=_NEEDS,
    ),
    Form(
        name="repeated_penalty",
        formula="E + A/N^alpha + B/D^beta + P sqrt(N/U) ln(D/U)",
        source="in the spirit of Lovelace et al. 2026 (arXiv 2605.01640); the penalty's shape is "
        "ours",
        parameters=("E", "A", "alpha", "B", "beta", "P"),
        meanings=(*_MEANINGS, "overfitting: what an e-fold of repeats costs where N = U"),
        **box(OFFSET, TERM, EXPONENT, TERM, EXPONENT, OFFSET),
        exponents=("alpha", "beta"),
        loss=_penalised,
        starts=_penalised_starts,
        to_values=_penalised_values,
        to_theta=_penalised_theta,
        gradient=_penalised_gradient,
        coordinates=(("E", 0), ("alpha", 2), ("beta", 4), ("P", 5)),
        needs=_NEEDS,
    ),
)
