"""Sums of powers of N and D, coupled or not, and a power of compute."""

from __future__ import annotations

import numpy as np

from .._core import fitting as _engine
from ._centre import Array, Centre, Covariates
from ._form import COUPLING, EXPONENT, FLOOR, OFFSET, TERM, Form, bounded_exp, box
from ._power_starts import engine_starts

# ---- E + A/N^alpha + B/D^beta --------------------------------------------------------------------


def _additive(theta: Array, x: Covariates) -> Array:
    E, a, alpha, b, beta = np.moveaxis(theta, -1, 0)
    return E + bounded_exp(a - alpha * x.n) + bounded_exp(b - beta * x.m)


def additive_values(theta: Array, centre: Centre) -> Array:
    E, a, alpha, b, beta = np.moveaxis(theta, -1, 0)
    A, B = a + centre.y + alpha * centre.n, b + centre.y + beta * centre.m
    with np.errstate(over="ignore"):
        return np.stack([E * np.exp(centre.y), np.exp(A), alpha, np.exp(B), beta], -1)


def additive_theta(values: Array, centre: Centre) -> Array:
    E, A, alpha, B, beta = np.moveaxis(values, -1, 0)
    a, b = np.log(A) - centre.y - alpha * centre.n, np.log(B) - centre.y - beta * centre.m
    return np.stack([E * np.exp(-centre.y), a, alpha, b, beta], -1)


def _additive_optimum(theta: Array, c: Array) -> Array:
    """Along n + m = c the terms' slopes are equal: alpha e^(a - alpha n) = beta e^(b - beta m)."""
    _, a, alpha, b, beta = np.moveaxis(theta, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (np.log(alpha / beta) + a - b + beta * c) / (alpha + beta)


# ---- the same with one exponent ------------------------------------------------------------------


def _untied(theta: Array) -> Array:
    E, a, b, alpha = np.moveaxis(theta, -1, 0)
    return np.stack([E, a, alpha, b, alpha], -1)


def _tied(theta: Array, x: Covariates) -> Array:
    return _additive(_untied(theta), x)


def _tied_values(theta: Array, centre: Centre) -> Array:
    return additive_values(_untied(theta), centre)[..., (0, 1, 3, 2)]


def _tied_theta(values: Array, centre: Centre) -> Array:
    E, A, B, alpha = np.moveaxis(values, -1, 0)
    return additive_theta(np.stack([E, A, alpha, B, alpha], -1), centre)[..., (0, 1, 3, 2)]


def _tied_optimum(theta: Array, c: Array) -> Array:
    return _additive_optimum(_untied(theta), c)


# ---- E + (A/N^alpha + B/D^beta)^gamma ------------------------------------------------------------
# theta has the slopes of the whole term, alpha gamma and beta gamma: as gamma falls to 0 the sum
# becomes "whichever is larger" with these slopes, and nothing runs away.


def _coupled(theta: Array, x: Covariates) -> Array:
    E, a, slope_n, b, slope_m, log_gamma = np.moveaxis(theta, -1, 0)
    gamma = np.exp(log_gamma)
    u, v = a - slope_n * x.n, b - slope_m * x.m
    with np.errstate(invalid="ignore"):  # a draw that failed is NaN, and stays so
        return E + bounded_exp(gamma * np.logaddexp(u / gamma, v / gamma))


def _coupled_values(theta: Array, centre: Centre) -> Array:
    E, a, slope_n, b, slope_m, log_gamma = np.moveaxis(theta, -1, 0)
    gamma = np.exp(log_gamma)
    A, B = a + centre.y + slope_n * centre.n, b + centre.y + slope_m * centre.m
    with np.errstate(over="ignore"):
        terms = np.exp(A / gamma), slope_n / gamma, np.exp(B / gamma), slope_m / gamma
    return np.stack([E * np.exp(centre.y), *terms, gamma], -1)


def _coupled_theta(values: Array, centre: Centre) -> Array:
    E, A, alpha, B, beta, gamma = np.moveaxis(values, -1, 0)
    slope_n, slope_m = alpha * gamma, beta * gamma
    a = gamma * np.log(A) - centre.y - slope_n * centre.n
    b = gamma * np.log(B) - centre.y - slope_m * centre.m
    return np.stack([E * np.exp(-centre.y), a, slope_n, b, slope_m, np.log(gamma)], -1)


def _coupled_optimum(theta: Array, c: Array) -> Array:
    E, a, slope_n, b, slope_m, log_gamma = np.moveaxis(theta, -1, 0)
    inverse = np.exp(-log_gamma)
    terms = (E, a * inverse, slope_n * inverse, b * inverse, slope_m * inverse)
    return _additive_optimum(np.stack(np.broadcast_arrays(*terms), -1), c)


# ---- [(N_c/N)^(alpha_N/alpha_D) + D_c/D]^alpha_D (+ E) -------------------------------------------


def _uncoupled_kaplan(theta: Array) -> Array:
    E, a, slope_n, b, log_gamma = np.moveaxis(theta, -1, 0)
    return np.stack([E, a, slope_n, b, np.exp(log_gamma), log_gamma], -1)


def _kaplan(theta: Array, x: Covariates) -> Array:
    return _coupled(_uncoupled_kaplan(theta), x)


def _kaplan_values(theta: Array, centre: Centre) -> Array:
    E, a, alpha_n, b, log_gamma = np.moveaxis(theta, -1, 0)
    alpha_d = np.exp(log_gamma)
    with np.errstate(over="ignore", divide="ignore"):
        critical_n = np.exp((a + centre.y) / alpha_n + centre.n)
        critical_d = np.exp((b + centre.y) / alpha_d + centre.m)
    return np.stack([E * np.exp(centre.y), critical_n, alpha_n, critical_d, alpha_d], -1)


def _kaplan_theta(values: Array, centre: Centre) -> Array:
    E, critical_n, alpha_n, critical_d, alpha_d = np.moveaxis(values, -1, 0)
    a = alpha_n * (np.log(critical_n) - centre.n) - centre.y
    b = alpha_d * (np.log(critical_d) - centre.m) - centre.y
    return np.stack([E * np.exp(-centre.y), a, alpha_n, b, np.log(alpha_d)], -1)


def _kaplan_optimum(theta: Array, c: Array) -> Array:
    return _coupled_optimum(_uncoupled_kaplan(theta), c)


# ---- E + A/C^alpha -------------------------------------------------------------------------------


def _compute(theta: Array, x: Covariates) -> Array:
    E, a, alpha = np.moveaxis(theta, -1, 0)
    return E + bounded_exp(a - alpha * x.n)


def _compute_values(theta: Array, centre: Centre) -> Array:
    E, a, alpha = np.moveaxis(theta, -1, 0)
    with np.errstate(over="ignore"):
        A = np.exp(a + centre.y + alpha * centre.n)
    return np.stack([E * np.exp(centre.y), A, alpha], -1)


def _compute_theta(values: Array, centre: Centre) -> Array:
    E, A, alpha = np.moveaxis(values, -1, 0)
    return np.stack([E * np.exp(-centre.y), np.log(A) - centre.y - alpha * centre.n, alpha], -1)


# ---- the table -----------------------------------------------------------------------------------

_KAPLAN = Form(
    name="kaplan",
    formula="[(N_c/N)^(alpha_N/alpha_D) + D_c/D]^alpha_D",
    source="Kaplan et al. 2020, equation 1.5",
    parameters=("E", "N_c", "alpha_N", "D_c", "alpha_D"),
    meanings=(FLOOR, "scale of N", "exponent of N", "scale of D", "exponent of D"),
    **box((0.0, 0.0), TERM, EXPONENT, TERM, COUPLING),
    exponents=("alpha_N", "alpha_D"),
    loss=_kaplan,
    starts=engine_starts("kaplan"),
    to_values=_kaplan_values,
    to_theta=_kaplan_theta,
    optimum=_kaplan_optimum,
    code=_engine.FORM_CODES["kaplan"],
    coordinates=(("alpha_N", 2), ("alpha_D", 4)),
)

POWER_FORMS = (
    Form(
        name="additive",
        formula="E + A/N^alpha + B/D^beta",
        source="Hoffmann et al. 2022, approach 3",
        parameters=("E", "A", "alpha", "B", "beta"),
        meanings=(FLOOR, "scale in N", "exponent of N", "scale in D", "exponent of D"),
        **box(OFFSET, TERM, EXPONENT, TERM, EXPONENT),
        exponents=("alpha", "beta"),
        loss=_additive,
        starts=engine_starts("additive"),
        to_values=additive_values,
        to_theta=additive_theta,
        optimum=_additive_optimum,
        code=_engine.FORM_CODES["additive"],
        coordinates=(("E", 0), ("alpha", 2), ("beta", 4)),
    ),
    Form(
        name="tied",
        formula="E + A/N^alpha + B/D^alpha",
        source="the additive form with one exponent",
        parameters=("E", "A", "B", "alpha"),
        meanings=(FLOOR, "scale in N", "scale in D", "exponent of N and of D"),
        **box(OFFSET, TERM, TERM, EXPONENT),
        exponents=("alpha",),
        loss=_tied,
        starts=engine_starts("tied"),
        to_values=_tied_values,
        to_theta=_tied_theta,
        optimum=_tied_optimum,
        code=_engine.FORM_CODES["tied"],
        coordinates=(("E", 0), ("alpha", 3)),
    ),
    Form(
        name="coupled",
        formula="E + (A/N^alpha + B/D^beta)^gamma",
        source="Videau et al. 2026 (arXiv 2608.07222)",
        parameters=("E", "A", "alpha", "B", "beta", "gamma"),
        meanings=(
            FLOOR,
            "scale in N, inside the power",
            "exponent of N, inside the power",
            "scale in D, inside the power",
            "exponent of D, inside the power",
            "coupling: 1 adds, towards 0 whichever is scarcer decides",
        ),
        **box(OFFSET, TERM, EXPONENT, TERM, EXPONENT, COUPLING),
        exponents=("alpha", "beta"),
        loss=_coupled,
        starts=engine_starts("coupled"),
        to_values=_coupled_values,
        to_theta=_coupled_theta,
        optimum=_coupled_optimum,
        code=_engine.FORM_CODES["coupled"],
        coordinates=(("E", 0), ("gamma", 5)),
    ),
    _KAPLAN,
    Form(
        **{
            **vars(_KAPLAN),
            "name": "kaplan_offset",
            "formula": "E + " + _KAPLAN.formula,
            "source": "Kaplan et al. 2020, with an irreducible loss",
            "coordinates": (("E", 0), *_KAPLAN.coordinates),
            **box(OFFSET, TERM, EXPONENT, TERM, COUPLING),
        }
    ),
    Form(
        name="compute",
        formula="E + A/C^alpha",
        source="a power law in compute, for frontiers",
        parameters=("E", "A", "alpha"),
        meanings=(FLOOR, "scale in compute", "exponent of compute"),
        **box(OFFSET, TERM, EXPONENT),
        loss=_compute,
        starts=engine_starts("compute"),
        to_values=_compute_values,
        to_theta=_compute_theta,
        code=_engine.FORM_CODES["compute"],
        coordinates=(("E", 0), ("alpha", 2)),
        needs=("compute",),
    ),
)
