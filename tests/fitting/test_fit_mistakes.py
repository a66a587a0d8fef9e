"""Mistakes that have been made in public with fits of scaling laws: each is impossible here."""

import numpy as np
import pytest

import scalecore as sc


def grid(sizes=(5e7, 1.5e8, 5e8, 1.5e9), tokens=(1e9, 4e9, 1.6e10, 6.4e10)):
    N, D = (a.ravel() for a in np.meshgrid(sizes, tokens))
    return N, D


def law_loss(N, D):
    return 1.8 + 480 / N**0.35 + 2100 / D**0.37


def noisy(N, D, seed=0, size=0.004):
    return law_loss(N, D) * np.exp(size * np.random.default_rng(seed).standard_normal(len(N)))


def test_the_sum_over_runs_is_minimised_not_a_mean_that_stops_early():
    """Twenty copies of a table are the same fit, not one that stops twenty times earlier."""
    N, D = grid()
    L = noisy(N, D)
    one = sc.fit(sc.RunTable(N, D, L), "additive", resamples=0)
    many = sc.fit(
        sc.RunTable(np.tile(N, 20), np.tile(D, 20), np.tile(L, 20)), "additive", resamples=0
    )
    assert many.objective == pytest.approx(20 * one.objective, rel=1e-9)
    for name, value in one.values.items():
        assert many.values[name] == pytest.approx(value, rel=1e-7)


def test_starts_depend_on_the_table_and_published_constants_are_nobodys_answer():
    """A truth far from any published law is found to all digits."""
    N, D = grid((3.0, 10.0, 40.0, 200.0), (1e3, 1e4, 1e5, 1e6))
    L = 0.02 + 0.5 / N**0.9 + 11 / D**0.6
    law = sc.fit(sc.RunTable(N, D, L), "additive", resamples=0)
    wanted = {"E": 0.02, "A": 0.5, "alpha": 0.9, "B": 11, "beta": 0.6}
    assert law.status == sc.FitStatus.CONVERGED
    for name, value in wanted.items():
        assert law.values[name] == pytest.approx(value, rel=1e-7), name


def test_constants_are_not_rounded(tmp_path):
    N, D = grid()
    law = sc.fit(sc.RunTable(N, D, noisy(N, D)), "coupled", resamples=20, rng=0)
    path = tmp_path / "law.json"
    law.save(path)
    again = sc.FittedLaw.load(path)
    assert again.values == law.values
    assert again.interval() == law.interval()
    np.testing.assert_array_equal(again.theta_draws, law.theta_draws)
    assert float(again.compute_optimal(1e23).parameters) == float(
        law.compute_optimal(1e23).parameters
    )


def test_raw_units_do_not_make_a_fit_return_its_start():
    N, D = grid()
    L = noisy(N, D)
    raw = sc.fit(sc.RunTable(N, D, L), "additive", loss="squared", resamples=0)
    billions = sc.fit(sc.RunTable(N / 1e9, D / 1e9, L), "additive", loss="squared", resamples=0)
    assert raw.certificate.scaled_gradient < 1e-8
    assert raw.objective == pytest.approx(billions.objective, rel=1e-9)


def test_checkpoints_are_drawn_by_run():
    """Where a run's checkpoints share errors, draws by row are too sure; by run is the default."""
    rng = np.random.default_rng(3)
    N, D = np.repeat(np.geomspace(5e7, 4e9, 20), 12), np.tile(np.geomspace(2e9, 2e11, 12), 20)
    shared = np.repeat(0.004 * rng.standard_normal(20), 12)
    table = sc.RunTable(
        N,
        D,
        law_loss(N, D) * np.exp(shared + 0.0005 * rng.standard_normal(240)),
        run=np.repeat(np.arange(20), 12),
    )
    spread = {
        by: np.std(sc.fit(table, "additive", by=by, rng=0).draws["alpha"]) for by in ("run", "row")
    }
    assert spread["run"] > 2 * spread["row"]
    assert sc.fit(table, "additive", resamples=1, rng=0).by == "run"


def test_no_floor_is_an_edge_and_not_e_to_the_minus_4555():
    N, D = grid()
    L = 40 / N**0.2 + 90 / D**0.25
    law = sc.fit(
        sc.RunTable(N, D, L * np.exp(0.003 * np.random.default_rng(1).standard_normal(16))),
        "additive",
        rng=0,
    )
    clean = sc.fit(sc.RunTable(N, D, L * (N * D / 4e17) ** -0.004), "additive", resamples=0)
    for fitted in (law, clean):
        assert fitted.status in (sc.FitStatus.AT_EDGE, sc.FitStatus.CONVERGED)
        assert fitted.values["E"] == 0.0 or fitted.values["E"] > 1e-6
    assert clean.status == sc.FitStatus.AT_EDGE
    assert clean.certificate.at_edge == ("E",)
    assert clean.values["E"] == 0.0
    assert "E" in clean.certificate.reason
    assert np.isfinite(clean.compute_optimal(1e22).parameters)


@pytest.mark.parametrize("form", ["additive", "coupled", "tied"])
def test_all_runs_on_one_ray_give_no_exponents(form):
    N = np.geomspace(5e7, 5e9, 12)
    law = sc.fit(sc.RunTable(N, 20 * N, noisy(N, 20 * N)), form)
    assert law.status == sc.FitStatus.NOT_IDENTIFIED
    assert "one line" in law.certificate.reason
    assert "add runs" in law.certificate.reason
    best = law.compute_optimal([1e21, 1e23])
    assert np.isnan(best.parameters).all()
    assert (best.status == sc.AllocationStatus.NO_LAW).all()
    assert len(law.theta_draws) == 0


@pytest.mark.parametrize("which", ["one N", "one D"])
def test_one_size_or_one_length_is_not_identified(which):
    many = np.geomspace(1e8, 1e10, 12)
    N, D = (np.full(12, 1e8), many) if which == "one N" else (many, np.full(12, 1e10))
    law = sc.fit(sc.RunTable(N, D, noisy(N, D)), "additive")
    assert law.status == sc.FitStatus.NOT_IDENTIFIED
    assert which in law.certificate.reason


def test_swapped_columns_are_seen():
    N, D = grid()
    kinds = {finding.kind for finding in sc.RunTable(D, N, noisy(N, D)).findings()}
    assert sc.FindingKind.SWAPPED in kinds


def test_a_concave_parabola_has_no_optimum():
    C, N = 1e20, np.geomspace(1e8, 1e9, 9)
    L = 3 - 0.05 * (np.log(N) - np.log(3e8)) ** 2
    profiles = sc.isoflop_profiles(sc.RunTable(N, C / (6 * N), L))
    assert np.isnan(profiles.parameters).all()


def test_budgets_are_told_apart_by_a_relative_tolerance():
    parts = [(C, N) for C in (1.5e19, 2.5e19) for N in np.geomspace(1e8, 1e9, 7)]
    C, N = map(np.array, zip(*parts, strict=True))
    profiles = sc.isoflop_profiles(sc.RunTable(N, C / (6 * N), law_loss(N, C / (6 * N))))
    assert len(profiles.budget) == 2


def test_a_loss_below_the_floor_is_not_inverted_to_a_number():
    N, D = grid()
    law = sc.fit(sc.RunTable(N, D, law_loss(N, D)), "additive", rng=0)
    answer = law.samples_for([1e9, 1e9, 1e9, 1e9], [2.3, 1.9, 1.79, -1.0])
    assert [sc.SolutionStatus(int(s)).name for s in answer.status] == [
        "REACHED",
        "OUT_OF_REACH",
        "OUT_OF_REACH",
        "INVALID",
    ]
    assert np.isnan(answer.value[1:]).all()
    back = law.predict(1e9, answer.value[0]).loss
    assert float(back) == pytest.approx(2.3, rel=1e-9)
