"""The papers' own law as a form: its trigamma, its gradient by the envelope theorem, its domain."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scalecore as sc
from scalecore.fitting._forms import FORMS
from scalecore.fitting._problem import centred
from scalecore.fitting._theory_forms import trigamma

VALUES = {"E": 1.7, "s": 3.0, "d": 40.0, "K": 2e6}


def table_of(values=VALUES, noise=0.0):
    N, D = (a.ravel() for a in np.meshgrid(np.geomspace(1e7, 1e10, 6), np.geomspace(1e9, 1e12, 6)))
    loss = values["E"] + values["s"] * sc.error_bound(N / values["d"], D, values["d"], values["K"])
    return sc.RunTable(
        N, D, loss * np.exp(noise * np.random.default_rng(0).standard_normal(N.size))
    )


def test_trigamma_has_all_digits():
    for z in np.concatenate([np.geomspace(1e-8, 1e15, 60), [11.999, 12.0, 12.001, 1.0, 1e300]]):
        exact = mpmath.psi(1, mpmath.mpf(float(z)))
        assert abs(float(trigamma(np.array([z]))[0] / exact - 1)) < 2e-15


def bound(log_s, log_d, log_K, n, m):
    """The bound with mpmath, its best resolution found from the cubic."""
    d, K, N, T = (mpmath.exp(v) for v in (log_d, log_K, n, m))
    width = N / d
    U = K * (mpmath.psi(0, K + width) - mpmath.psi(0, K))
    right = 16 * d * U / T
    e = min(
        mpmath.findroot(
            lambda e: e * e * (e + 2) - right,
            (mpmath.mpf(0), mpmath.cbrt(right) + 1),
            solver="illinois",
        ),
        2,
    )
    net = mpmath.log(2 * width) + d * mpmath.log(1 + 2 / e)
    return mpmath.exp(log_s) * ((K / width + e * e) / 16 + U * net / T)


def slope_of_bound(point, at, j):
    step = mpmath.mpf(10) ** -18
    ends = [
        bound(*[v + sign * step * (k == j) for k, v in enumerate(point)], *at) for sign in (1, -1)
    ]
    return (ends[0] - ends[1]) / (2 * step)


@given(st.floats(-2, 2), st.floats(0.5, 14), st.floats(-8, 30))
def test_gradient_is_exact(log_s, log_d, log_K):
    table = table_of()
    form = FORMS["jeon_vanroy"]
    x, _ = centred(table, form)
    theta = np.array([0.4, log_s, log_d, log_K])
    value, slope = form.gradient(theta, x)
    with mpmath.workdps(60):
        for i in (0, 17, 35):
            at = [mpmath.mpf(float(v)) for v in (x.n[i] + x.centre.n, x.m[i] + x.centre.m)]
            point = [mpmath.mpf(float(v)) for v in theta[1:]]
            assert abs(float(value[i] / (mpmath.mpf("0.4") + bound(*point, *at)) - 1)) < 1e-11
            for j in range(3):
                exact = slope_of_bound(point, at, j)
                assert abs(float(slope[i, j + 1] - exact)) < 1e-10 * max(
                    1e-6, abs(float(value[i] - 0.4))
                )


def test_truth_is_recovered():
    law = sc.fit(table_of(), "jeon_vanroy", resamples=0)
    assert law.usable
    for name, value in VALUES.items():
        assert law.values[name] == pytest.approx(value, rel=1e-5), name


def test_width_of_every_run_is_at_least_one_unit():
    """The bound begins at a width of 1, so d never exceeds the smallest N; smaller models are
    predicted to be worse still."""
    N, D = (a.ravel() for a in np.meshgrid(np.geomspace(1e7, 1e10, 6), np.geomspace(1e9, 1e12, 6)))
    table = sc.RunTable(N, D, 1.8 + 480 / N**0.35 + 2100 / D**0.37)
    law = sc.fit(table, "jeon_vanroy", resamples=0)
    assert law.certificate.scaled_gradient < 1e-8
    assert law.values["d"] <= 1e7 * (1 + 1e-9)
    assert (np.diff(law.predict([1e3, 1e5, law.values["d"], 1e9], 1e9).loss) < 0).all()


def test_units_of_loss_do_not_matter():
    table = table_of(noise=0.003)
    bits = sc.RunTable(table.parameters, table.samples, table.loss / np.log(2), loss_unit="bits")
    a, b = (sc.fit(t, "jeon_vanroy", resamples=0) for t in (table, bits))
    assert a.objective == pytest.approx(b.objective, rel=1e-9)
    assert a.values["s"] == pytest.approx(b.values["s"] * np.log(2), rel=1e-6)


def test_allocation_is_that_of_the_bound():
    """On values of its own the form's compute-optimal width is what `compute_optimal` says of the
    bound."""
    law = sc.FittedLaw.from_values(
        "jeon_vanroy", {"E": 0.0, "s": 1.0, "d": 10.0, "K": 100.0}, cost=1.0
    )
    budgets = np.array([1e9, 1e12])
    frontier = sc.compute_optimal(budgets, 10, 100, cost=1)
    best = law.compute_optimal(budgets)
    np.testing.assert_allclose(best.parameters, frontier.parameters, rtol=1e-4)
    np.testing.assert_allclose(best.loss, frontier.error, rtol=1e-9)
