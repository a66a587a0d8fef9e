"""Forms for repeated data: against a plain transcription of the papers, complex steps, published
numbers."""

import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scalecore as sc
from scalecore.fitting._centre import Centre, Covariates
from scalecore.fitting._forms import FORMS

MUENNIGHOFF = {  # their released fit: logarithms of A, B, E as published
    "E": np.exp(0.6254804),
    "A": np.exp(6.255414),
    "alpha": 0.3526596,
    "B": np.exp(7.3049974),
    "beta": 0.3526596,
    "R_D": 15.387756,
    "R_N": 5.309743,
}
GOOD = {"E": 1.9, "A": 480.0, "alpha": 0.34, "B": 2100.0, "beta": 0.37, "R_D": 12.0, "R_N": 6.0}
PENALISED = {"E": 1.9, "A": 480.0, "alpha": 0.34, "B": 2100.0, "beta": 0.37, "P": 0.05}


def repeated(N, D, U, E, A, alpha, B, beta, R_D, R_N):
    """Muennighoff et al. 2023, equations 4 to 6, with G from the law's own optimum; takes complex
    parameters."""
    G = (alpha * A / (beta * B)) ** (1 / (alpha + beta))
    best = (U * G) ** (beta / alpha) * G
    U_N = np.where(np.real(best) < N, best, N)
    data = U + U * R_D * (1 - np.exp(-(D / U - 1) / R_D))
    model = U_N + U_N * R_N * (1 - np.exp(-(N / U_N - 1) / R_N))
    return E + A / model**alpha + B / data**beta


def penalised(N, D, U, E, A, alpha, B, beta, P):
    return E + A / N**alpha + B / D**beta + P * np.sqrt(N / U) * np.log(D / U)


ORACLES = {"repeated": (repeated, GOOD), "repeated_penalty": (penalised, PENALISED)}


def grid():
    N, U, epochs = (
        a.ravel() for a in np.meshgrid([3e7, 3e8, 3e9, 9e9], [1e8, 2e9, 5e10], [1, 1.5, 4, 30, 700])
    )
    return N, U * epochs, U


def table_of(form, noise=0.0):
    law, values = ORACLES[form]
    N, D, U = grid()
    loss = law(N, D, U, **values) * np.exp(noise * np.random.default_rng(0).standard_normal(N.size))
    return sc.RunTable(N, D, loss, unique_samples=U)


def parts(form, table):
    centre = Centre(
        float(np.log(table.parameters).mean()),
        float(np.log(table.samples).mean()),
        float(np.log(table.loss).mean()),
    )
    unique = np.log(table.unique_samples) - centre.m
    x = Covariates(
        np.log(table.parameters) - centre.n, np.log(table.samples) - centre.m, unique, centre
    )
    return FORMS[form], x, centre


@pytest.mark.parametrize("form", ORACLES)
def test_loss_is_the_papers(form):
    law, values = ORACLES[form]
    row, x, centre = parts(form, table_of(form))
    theta = row.to_theta(np.array(list(values.values())), centre)
    expected = law(*grid(), **values)
    np.testing.assert_allclose(row.loss(theta, x) * np.exp(centre.y), expected, rtol=1e-12)
    np.testing.assert_allclose(row.gradient(theta, x)[0] * np.exp(centre.y), expected, rtol=1e-12)
    np.testing.assert_allclose(row.to_values(theta, centre), list(values.values()), rtol=1e-11)


@pytest.mark.parametrize("form", ORACLES)
@given(shift=st.lists(st.floats(-0.9, 0.9), min_size=7, max_size=7))
def test_gradient_is_exact(form, shift):
    """Complex steps of the transcription, through d values / d theta: its scale is that of each
    column."""
    law, values = ORACLES[form]
    row, x, centre = parts(form, table_of(form))
    start = row.to_theta(np.array(list(values.values())), centre)
    theta = start + 0.3 * np.array(shift[: len(start)]) * np.maximum(np.abs(start), 0.1)
    value, slope = row.gradient(theta, x)
    for i in range(len(theta)):
        at = theta.astype(complex)
        at[i] += 1e-30j
        E, a, alpha, b, beta = at[:5]
        unit = np.exp(centre.y)
        given = [
            E * unit,
            np.exp(a + centre.y + alpha * centre.n),
            alpha,
            np.exp(b + centre.y + beta * centre.m),
            beta,
        ]
        given += (
            list(np.exp(at[5:]))
            if form == "repeated"
            else [at[5] * unit / np.exp((centre.n - centre.m) / 2)]
        )
        exact = law(*grid(), *given).imag / 1e-30 / unit
        np.testing.assert_allclose(
            slope[:, i], exact, rtol=1e-9, atol=1e-11 * max(1.0, np.abs(value).max())
        )


@pytest.mark.parametrize("form", ORACLES)
def test_truth_is_recovered(form):
    _, values = ORACLES[form]
    law = sc.fit(table_of(form), form, resamples=0)
    assert law.status == sc.FitStatus.CONVERGED
    for name, value in values.items():
        assert law.values[name] == pytest.approx(value, rel=1e-6), name


@pytest.mark.parametrize("form", ORACLES)
def test_new_samples_make_it_additive(form):
    """With U = D, or no U at all, the forms are sums of powers, but for parameters beyond the best
    for U."""
    _, values = ORACLES[form]
    law = sc.FittedLaw.from_values(form, values)
    plain = sc.FittedLaw.from_values(
        "additive", {name: values[name] for name in ("E", "A", "alpha", "B", "beta")}
    )
    N, D = 1e8, np.array([1e10, 1e11, 1e12])
    np.testing.assert_allclose(law.predict(N, D).loss, plain.predict(N, D).loss, rtol=1e-12)
    np.testing.assert_allclose(
        law.predict(N, D, unique_samples=D * 5).loss, plain.predict(N, D).loss, rtol=1e-12
    )
    best, other = law.compute_optimal([1e20, 1e23]), plain.compute_optimal([1e20, 1e23])
    np.testing.assert_allclose(best.parameters, other.parameters, rtol=1e-5)


def test_repeats_are_worth_less_and_less():
    law = sc.FittedLaw.from_values("repeated", GOOD)
    loss = law.predict(1e8, 1e9 * np.array([1, 2, 4, 8, 16, 1000, 10000]), unique_samples=1e9).loss
    assert (np.diff(loss) <= 0).all()
    limit = repeated(1e8, 1e20, 1e9, **GOOD)
    assert loss[-1] == pytest.approx(limit, rel=1e-9)


def test_penalised_repeats_do_harm_beyond_a_point():
    """The turn lies where beta B/D^beta = P sqrt(N/U)."""
    law = sc.FittedLaw.from_values("repeated_penalty", PENALISED)
    N, U = 1e9, 1e9
    turn = (PENALISED["beta"] * PENALISED["B"] / (PENALISED["P"] * np.sqrt(N / U))) ** (
        1 / PENALISED["beta"]
    )
    assert turn > 2 * U
    at, before, after = law.predict(N, turn * np.array([1.0, 0.98, 1.02]), unique_samples=U).loss
    assert at < before
    assert at < after


@pytest.mark.parametrize("form", ORACLES)
def test_no_repeats_cannot_identify(form):
    N, D = (a.ravel() for a in np.meshgrid([1e8, 3e8, 1e9, 3e9], [2e9, 8e9, 3e10, 1e11]))
    loss = 1.9 + 480 / N**0.34 + 2100 / D**0.37
    law = sc.fit(sc.RunTable(N, D, loss, unique_samples=D), form, resamples=0)
    assert law.status == sc.FitStatus.NOT_IDENTIFIED
    assert "no sample was read twice" in law.certificate.reason
    with pytest.raises(ValueError, match="needs unique_samples"):
        sc.fit(sc.RunTable(N, D, loss), form)


@pytest.mark.parametrize("form", ORACLES)
def test_units_do_not_matter(form):
    table = table_of(form, noise=0.004)
    other = sc.RunTable(
        table.parameters / 1e9,
        table.samples / 1e9,
        table.loss / np.log(2),
        unique_samples=table.unique_samples / 1e9,
        loss_unit="bits",
    )
    a, b = (sc.fit(t, form, resamples=0) for t in (table, other))
    np.testing.assert_allclose(a.theta, b.theta, rtol=1e-7, atol=1e-9)
    assert a.objective == pytest.approx(b.objective, rel=1e-9)


@pytest.fixture(scope="module")
def datablations(public_table):
    with open(public_table("datablations_fit182"), newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["excluded_as_outlier"] == "False"]
    N, D, U, L = (np.array([float(row[name]) for row in rows]) for name in ("N", "D", "U", "L"))
    assert len(rows) == 182
    return sc.RunTable(N, D, L, unique_samples=U)


def test_published_objective(datablations):
    row, _, centre = parts("repeated", datablations)
    law = sc.fit(datablations, "repeated", resamples=0)
    theta = row.to_theta(np.array(list(MUENNIGHOFF.values())), centre)
    assert round(law.problem.engine.look(np.ascontiguousarray(theta))[0], 8) == 0.01582594


@pytest.mark.parametrize(
    ("form", "objective"), [("repeated", 0.006570453484), ("repeated_penalty", 0.005518009)]
)
def test_free_fits_of_published_runs(datablations, form, objective):
    law = sc.fit(datablations, form, resamples=0)
    assert law.status in (sc.FitStatus.CONVERGED, sc.FitStatus.AT_EDGE)
    assert law.objective < 0.01582594
    assert law.objective == pytest.approx(objective, rel=1e-6)
    assert law.certificate.agreed > law.certificate.starts // 2
