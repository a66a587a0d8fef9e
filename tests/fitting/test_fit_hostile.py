"""Hostile tables: a status or a refusal, never an exception from inside or a bare number."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scalecore as sc
from scalecore.fitting import _quantiles as quantiles

FORMS = ["additive", "tied", "coupled", "kaplan", "kaplan_offset", "compute"]
N = np.tile([1e8, 3e8, 1e9, 3e9], 4)
D = np.repeat([2e9, 8e9, 3e10, 1e11], 4)
L = 1.8 + 480 / N**0.35 + 2100 / D**0.37


def asked(law):
    """Ask everything; nothing may raise, and a law without a certificate gives no number."""
    best = law.compute_optimal([1e21, 1e25])
    predicted = law.predict([1e9, 1e10], [1e10, 1e11])
    answer = law.samples_for([1e9], [2.5])
    moved = law.influence(1e22)
    assert repr(law)
    assert law._repr_html_()
    assert repr(best)
    assert repr(moved)
    assert law.status.name in repr(law)
    if not law.usable:
        assert law.certificate.reason
        for numbers in (best.parameters, best.loss, predicted.loss, answer.value):
            assert np.isnan(numbers).all()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("count", range(8))
def test_few_runs(form, count):
    law = sc.fit(sc.RunTable(N[:count], D[:count], L[:count]), form, resamples=10, rng=0)
    if count <= law.form.free:
        assert law.status == sc.FitStatus.TOO_FEW_RUNS
        assert f"{count} runs" in law.certificate.reason
    asked(law)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("n", "d", "loss"),
    [
        (np.full(16, 1e8), np.full(16, 1e9), np.full(16, 3.0)),
        (N, D, np.full(16, 3.0)),
        (np.full(16, 1e8), D, L),
        (N, np.full(16, 1e9), L),
        (N, 20 * N, L),
        (N * 1e290, D * 1e250, L),
        (N * 1e-300, D * 1e-300, L * 1e-300),
        (N, D, L * 1e300),
        (N, D, np.geomspace(1e-300, 1e300, 16)),
        (N, D, 1 / L),
        (np.tile(N[:2], 8), np.tile(D[:2], 8), np.tile(L[:2], 8)),
        (np.geomspace(1e-5, 1e5, 16), np.geomspace(1e5, 1e-5, 16), L),
    ],
)
def test_degenerate_tables(form, n, d, loss):
    with np.errstate(all="raise"):
        law = sc.fit(sc.RunTable(n, d, loss), form, resamples=20, rng=0)
    asked(law)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_random_rubbish(seed):
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 40))
    columns = [np.exp(rng.uniform(-1, 1, size) * 10.0 ** rng.uniform(-6, 2)) for _ in range(3)]
    asked(
        sc.fit(
            sc.RunTable(*columns),
            str(rng.choice(FORMS)),
            loss=str(rng.choice(["huber", "log", "absolute"])),
            resamples=5,
            rng=0,
        )
    )


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"table": [1, 2]}, TypeError, "table must be a RunTable"),
        ({"form": "chinchilla"}, ValueError, "form must be one of"),
        ({"form": 3}, TypeError, "form must be"),
        ({"loss": "l2"}, ValueError, "loss must be one of"),
        ({"delta": 0}, ValueError, "delta must be"),
        ({"delta": np.nan}, ValueError, "delta must be"),
        ({"delta": "small"}, TypeError, "delta must be"),
        ({"resamples": -1}, ValueError, "resamples must be"),
        ({"resamples": 1.5}, TypeError, "resamples must be"),
        ({"resamples": 10**12}, ValueError, "resamples must be"),
        ({"by": "cluster"}, ValueError, "by must be one of"),
        ({"intervals": "bootstrap"}, ValueError, "intervals must be one of"),
        ({"rng": -1}, ValueError, "rng must not be negative"),
        ({"n_threads": 0}, ValueError, "n_threads must be"),
        ({"form": "repeated"}, ValueError, "unique_samples"),
    ],
)
def test_wrong_arguments_are_named(change, error, text):
    arguments = {"table": sc.RunTable(N, D, L), "form": "additive", **change}
    with pytest.raises(error, match=text):
        sc.fit(arguments.pop("table"), arguments.pop("form"), **arguments)


def test_a_million_rows_are_linear_work():
    rng = np.random.default_rng(0)
    n, d = np.exp(rng.uniform(18, 23, 10**6)), np.exp(rng.uniform(20, 26, 10**6))
    loss = (1.8 + 480 / n**0.35 + 2100 / d**0.37) * np.exp(0.004 * rng.standard_normal(10**6))
    law = sc.fit(sc.RunTable(n, d, loss), "tied", loss="log", resamples=0)
    assert law.status == sc.FitStatus.CONVERGED
    assert law.values["alpha"] == pytest.approx(0.36, abs=0.02)


def test_bad_questions_are_refused_or_have_a_status():
    law = sc.fit(sc.RunTable(N, D, L), "additive", resamples=10, rng=0)
    best = law.compute_optimal([1e21, 0.0, -1.0, np.nan, np.inf])
    assert list(best.status) == [sc.AllocationStatus.INTERIOR] + 4 * [sc.AllocationStatus.INVALID]
    assert np.isnan(best.parameters[1:]).all()
    predicted = law.predict([1e9, -1.0, np.nan, 0.0], 1e10)
    assert np.isfinite(predicted.loss[0])
    assert np.isnan(predicted.loss[1:]).all()
    for call, error, text in [
        (lambda: law.compute_optimal("1e21"), TypeError, "budget"),
        (lambda: law.compute_optimal(1e21, cost=-6), ValueError, "cost"),
        (lambda: law.compute_optimal(1e21, level=1.0), ValueError, "level"),
        (lambda: law.interval(0), ValueError, "level"),
        (lambda: law.predict([1, 2], [1, 2, 3]), ValueError, "parameters"),
        (lambda: law.predict(1e9, 1e10, kind="both"), ValueError, "kind"),
        (lambda: law.profile("A"), ValueError, "parameter"),
        (lambda: law.profile("E", points=1), ValueError, "points"),
        (lambda: law.influence(-1), ValueError, "budget"),
        (lambda: law.plot("pie"), ValueError, "kind"),
    ]:
        with pytest.raises(error, match=text):
            call()


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (lambda text: text[: len(text) // 2], "not a fitted law"),
        (lambda text: "[]", "not a fitted law"),
        (
            lambda text: text.replace('"format_version": 1', '"format_version": 99'),
            "format version",
        ),
        (lambda text: text.replace('"theta"', '"theta_"'), "not a whole fitted law"),
        (lambda text: text.replace("100000000.0", "100000001.0", 1), "changed"),
        (lambda text: text.replace('"CONVERGED"', '"PERFECT"'), "not a whole fitted law"),
        (lambda text: text.replace('"additive"', '"coupled"'), "not a whole fitted law"),
    ],
)
def test_files_that_are_not_laws(tmp_path, spoil, text):
    path = tmp_path / "law.json"
    sc.fit(sc.RunTable(N, D, L), "additive", resamples=3, rng=0).save(path)
    path.write_text(spoil(path.read_text()))
    with pytest.raises(ValueError, match=text):
        sc.FittedLaw.load(path)


WRONG_PARTS = {
    "delta": ["x", -1.0, [], "HUGE"],
    "objective": [[], {}, "HUGE"],
    "intervals": [None, "x", ""],
    "by": [None, "x"],
    "loss": [None, "x"],
    "key": [-1, 2**64, None, "x", 0.5],
    "status": [None, 5, []],
    "certificate": [None, [], {"a": 1}],
    "theta_draws": [["HUGE"] * 5, "x"],
    "theta": [["HUGE"] * 5, [1.0], None],
    "centre": [
        *({"n": wrong, "m": 1.0, "y": 1.0} for wrong in ("x", [1.0], "HUGE")),
        *({"n": 1.0}, None),
    ],
    "reading": [{"rows": [10**30] * 16, "dropped": [], "columns": {}, "notes": []}, 5],
}


@pytest.mark.parametrize("name", WRONG_PARTS)
def test_a_law_made_by_hand_is_refused_where_it_is_read(tmp_path, name):
    path = tmp_path / "law.json"
    law = sc.fit(sc.RunTable(N, D, L), "additive", resamples=3, rng=0)
    law.save(path)
    content = json.loads(path.read_text())
    assert sc.FittedLaw.load(path).theta.tolist() == law.theta.tolist()
    for value in WRONG_PARTS[name]:
        text = json.dumps({**content, name: value}).replace('"HUGE"', "1" + "0" * 400)
        path.write_text(text)
        with pytest.raises(ValueError, match="is not a whole fitted law"):
            sc.FittedLaw.load(path)


def test_a_file_that_is_nested_without_end_is_no_law(tmp_path):
    path = tmp_path / "law.json"
    path.write_text("[" * 200_000)
    with pytest.raises(ValueError, match="is not a fitted law"):
        sc.FittedLaw.load(path)


def test_a_law_s_fields_are_checked_by_name():
    law = sc.fit(sc.RunTable(N, D, L), "additive", resamples=3, rng=0)
    for name, value in (
        *(("table", None), ("centre", 5), ("status", 0), ("certificate", None)),
        *(("loss_function", "x"), ("delta", -1.0), ("objective", None), ("intervals", None)),
        *(("by", "x"), ("key", -1), ("theta", "x"), ("theta_draws", None)),
        ("centre", dataclasses.replace(law.centre, n="x")),
        ("centre", dataclasses.replace(law.centre, y=None)),
    ):
        with pytest.raises((ValueError, TypeError), match=name):
            dataclasses.replace(law, **{name: value})


@pytest.mark.parametrize("form", ["additive", "coupled", "repeated"])
def test_answers_for_many_points_are_made_in_parts(form, monkeypatch):
    """Memory does not grow with draws times points, and the bits are those of one part."""
    law = sc.fit(sc.RunTable(N, D, L, unique_samples=D / 2), form, resamples=20, rng=0)
    points, budgets = np.geomspace(1e8, 1e10, 23), np.geomspace(1e20, 1e24, 23)

    def answers():
        best = law.compute_optimal(budgets)
        yield from (best.parameters_low, best.loss_high, best.elasticity_low)
        for kind in ("mean", "run"):
            predicted = law.predict(points, 1e10, kind=kind)
            yield from (predicted.loss, predicted.low, predicted.high)
        solved = law.samples_for(points, 2.5)
        yield from (solved.low, solved.high)

    want = list(answers())
    assert sum(np.isfinite(array).any() for array in want) > 5
    monkeypatch.setattr(quantiles, "_AT_ONCE", 20)
    for found, wanted in zip(answers(), want, strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert law.predict(np.empty(0), 1e10).low.shape == (0,)
