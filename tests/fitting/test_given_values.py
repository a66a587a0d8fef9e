"""Laws from published values: no runs behind them, but everything that a law alone can answer."""

import numpy as np
import pytest

import scalecore as sc

HOFFMANN = {"E": 1.69, "A": 406.4, "alpha": 0.34, "B": 410.7, "beta": 0.28}


def test_predicts_by_the_formula():
    law = sc.FittedLaw.from_values("additive", HOFFMANN)
    N, D = np.array([1e8, 7e10]), np.array([1e10, 1.4e12])
    assert law.predict(N, D).loss == pytest.approx(
        1.69 + 406.4 / N**0.34 + 410.7 / D**0.28, rel=1e-14
    )
    assert law.values == pytest.approx(HOFFMANN, rel=1e-13)
    assert law.status == sc.FitStatus.CONVERGED
    assert law.usable
    assert np.isnan(law.compute_optimal(1e23).parameters_low)


def test_bits_are_bits():
    bits = sc.FittedLaw.from_values("additive", HOFFMANN, loss_unit="bits")
    assert bits.predict(1e9, 1e10).loss == pytest.approx(
        1.69 + 406.4 / 1e9**0.34 + 410.7 / 1e10**0.28
    )
    assert bits.predict(1e9, 1e10).unit == "bits"


@pytest.mark.parametrize(
    ("form", "values", "loss"),
    [
        ("tied", {"A": 400.0, "B": 900.0, "alpha": 0.3}, lambda N, D: 400 / N**0.3 + 900 / D**0.3),
        (
            "coupled",
            {**HOFFMANN, "gamma": 0.8},
            lambda N, D: 1.69 + (406.4 / N**0.34 + 410.7 / D**0.28) ** 0.8,
        ),
        (
            "kaplan",
            {"N_c": 8.8e13, "alpha_N": 0.076, "D_c": 5.4e13, "alpha_D": 0.095},
            lambda N, D: ((8.8e13 / N) ** (0.076 / 0.095) + 5.4e13 / D) ** 0.095,
        ),
    ],
)
def test_other_forms(form, values, loss):
    law = sc.FittedLaw.from_values(form, values)
    assert law.predict(3e9, 2e11).loss == pytest.approx(loss(3e9, 2e11), rel=1e-12)


def test_saves_shows_and_draws(tmp_path):
    law = sc.FittedLaw.from_values("additive", HOFFMANN)
    law.save(tmp_path / "law.json")
    again = sc.FittedLaw.load(tmp_path / "law.json")
    assert again.values == law.values
    assert again.status == law.status
    assert "0 runs" in repr(law)
    assert "given" in law._repr_html_()
    for kind in ("isoloss", "residuals", "calibration"):
        law.plot(kind)
    assert np.isnan(law.ranges.compute).all()
    assert len(law.residuals) == 0
    assert np.isnan(law.extrapolation(1e9, 1e10))
    assert law.influence(1e21).names == ()
    with pytest.raises(ValueError, match="no runs"):
        law.profile("E")


@pytest.mark.parametrize(
    ("values", "error", "text"),
    [
        ({"E": 1.69}, ValueError, "lacks A, alpha, B, beta"),
        ({**HOFFMANN, "gama": 1.0}, ValueError, "'gama'"),
        ({**HOFFMANN, "A": -1.0}, ValueError, r"values\['A'\]"),
        ({**HOFFMANN, "E": -0.1}, ValueError, r"values\['E'\]"),
        ({**HOFFMANN, "beta": np.nan}, ValueError, r"values\['beta'\]"),
        ([1.0, 2.0], TypeError, "dict"),
    ],
)
def test_refuses_what_is_no_law(values, error, text):
    with pytest.raises(error, match=text):
        sc.FittedLaw.from_values("additive", values)
