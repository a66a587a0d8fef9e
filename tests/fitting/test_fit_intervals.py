"""Intervals that cover, and the way that must not: examples/do_the_intervals_cover.py, small."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import scalecore as sc


@pytest.fixture(scope="module")
def study():
    """The example's module; its functions simulate tables and look whether truths are covered."""
    path = Path(__file__).resolve().parents[2] / "examples" / "do_the_intervals_cover.py"
    specification = importlib.util.spec_from_file_location("do_the_intervals_cover", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def coverage(study, design, form, tables, *, by="run", method="auto", loss="huber"):
    hits = [study.covers(design, form, method, by, loss, seed, 200) for seed in range(tables)]
    return {name: np.mean([hit[name] for hit in hits]) for name in hits[0]}


@pytest.mark.parametrize("design", ["points", "checkpoints", "ladder"])
def test_95_percent_intervals_cover(study, design):
    """60 tables each: with true coverage 95 % fewer than 52 hits happen in 1 of 150 studies."""
    for name, share in coverage(study, design, "additive", 60).items():
        assert share >= 52 / 60, name


def test_rows_of_a_run_taken_for_independent_are_too_sure(study):
    """With true coverage 95 % fewer than 50 hits of 60 happen in fewer than 1 of 2,000 studies."""
    assert coverage(study, "checkpoints", "additive", 60, by="row")["alpha"] < 50 / 60


def test_profiles_agree_with_draws_where_the_law_is_nearly_linear(study):
    table = study.simulated("points", "additive", np.random.default_rng(0))
    law = sc.fit(table, "additive", loss="log", resamples=2000, rng=0)
    draws, profiles = law.interval(), law.interval(method="profile")
    for name in ("E", "alpha", "beta"):
        widths = [high - low for low, high in (draws[name], profiles[name])]
        assert profiles[name][0] < law.values[name] < profiles[name][1]
        assert widths[1] == pytest.approx(widths[0], rel=0.25), name
    assert np.isnan(profiles["A"]).all()


def test_a_profile_stays_in_the_domain():
    rng = np.random.default_rng(3)
    N, D = (a.ravel() for a in np.meshgrid(np.geomspace(5e7, 2e9, 6), np.geomspace(1e9, 6e10, 6)))
    L = (40 / N**0.2 + 90 / D**0.25) * np.exp(0.01 * rng.standard_normal(36))
    law = sc.fit(sc.RunTable(N, D, L), "additive", loss="log", rng=0)
    curve = law.profile("E")
    assert curve.low >= 0
    assert curve.high > 0
    assert np.all(curve.objective >= law.objective * (1 - 1e-9))


def test_one_more_runs_interval_holds_new_runs(study):
    """95 % intervals of kind "run" hold 95 % of new runs; those of the mean hold far fewer."""
    rng = np.random.default_rng(4)
    inside = {"run": [], "mean": []}
    for seed in range(20):
        law = sc.fit(
            study.simulated("points", "additive", rng), "additive", resamples=200, rng=seed
        )
        new = study.simulated("points", "additive", rng)
        for kind, hits in inside.items():
            ends = law.predict(new.parameters, new.samples, kind=kind)
            hits.append(np.mean((ends.low <= new.loss) & (new.loss <= ends.high)))
    # 4,800 runs of 20 fits: the share scatters by less than 0.8 %
    assert 0.92 < np.mean(inside["run"]) < 0.98
    assert np.mean(inside["mean"]) < 0.7
