"""Forms compared by forecasting: folds, scores, weights, the stacked law, public splits."""

import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scalecore as sc
from scalecore.fitting import _rollout, _stacking


def grid(truth, noise=0.002, seed=0, sizes=(6, 6)):
    N, D = (
        a.ravel()
        for a in np.meshgrid(np.geomspace(2e7, 4e9, sizes[0]), np.geomspace(1e9, 3e11, sizes[1]))
    )
    return sc.RunTable(
        N, D, truth(N, D) * np.exp(noise * np.random.default_rng(seed).standard_normal(N.size))
    )


def additive(N, D):
    return 1.8 + 480 / N**0.35 + 2100 / D**0.37


def coupled(N, D):
    return 1.8 + (5e3 / N**0.45 + 2e4 / D**0.46) ** 0.5


# ---- folds ---------------------------------------------------------------------------------------


def test_folds_are_cuts_by_compute():
    table = grid(additive)
    folds = sc.compare(table, ("tied", "additive"), resamples=0).folds
    assert len(folds) >= 3
    assert [fold.compute for fold in folds] == sorted(fold.compute for fold in folds)
    for fold in folds:
        assert (table.flops[fold.fitted] <= fold.compute * (1 + 1e-9)).all()
        assert (table.flops[fold.scored] > fold.compute).all()
        assert (table.flops[fold.scored] <= 10 * fold.compute * (1 + 1e-9)).all()
        assert fold.fitted.sum() >= 10


def test_runs_stay_on_one_side():
    """Twelve runs of six checkpoints: no run has a row that is fitted and one that is scored."""
    N = np.repeat(np.geomspace(3e7, 3e9, 12), 6)
    D = np.tile(np.geomspace(1e9, 3e10, 6), 12) * np.repeat(np.resize([1.0, 4.0], 12), 6)
    table = sc.RunTable(N, D, additive(N, D), run=np.repeat(np.arange(12), 6).astype(str))
    folds = sc.compare(table, ("tied",), resamples=0).folds
    assert folds
    for fold in folds:
        assert not set(table.run_codes[fold.fitted]) & set(table.run_codes[fold.scored])
        for code in set(table.run_codes[fold.fitted]):
            assert fold.fitted[table.run_codes == code].all()


def test_horizon_and_given_cuts():
    table = grid(additive)
    found = sc.compare(table, ("tied",), [1e20, 1e19], horizon=3.0, resamples=0)
    assert [fold.compute for fold in found.folds] == [1e19, 1e20]
    for fold in found.folds:
        assert (table.flops[fold.scored] <= 3.0 * fold.compute * (1 + 1e-9)).all()


# ---- scores --------------------------------------------------------------------------------------


def test_scores_are_those_of_fits_by_hand():
    table = grid(coupled)
    found = sc.compare(table, ("additive", "coupled"), resamples=0)
    for i, form in enumerate(found.forms):
        for j, fold in enumerate(found.folds):
            law = sc.fit(table.where(fold.fitted), form, resamples=0)
            logs = np.log(law.predict(table.parameters, table.samples).loss / table.loss)[
                fold.scored
            ]
            assert found.error[i, j] == pytest.approx(np.abs(logs).mean(), rel=1e-9)
            assert found.largest[i, j] == pytest.approx(np.abs(logs).max(), rel=1e-9)
            assert found.bias[i, j] == pytest.approx(logs.mean(), rel=1e-9)
    assert found.best == "coupled"
    assert found.status == sc.ComparisonStatus.DECIDED


def test_coverage_of_forecasts():
    """Intervals of the true form cover: 95 % of some 600 scored runs lie inside, never below 88."""
    inside = []
    for seed in range(12):
        found = sc.compare(
            grid(additive, 0.004, seed, (7, 7)), ("additive",), resamples=200, rng=seed
        )
        inside += [
            c * fold.scored.sum() for c, fold in zip(found.coverage[0], found.folds, strict=True)
        ]
    total = sum(fold.scored.sum() for fold in found.folds) * 12
    assert total > 500
    assert 0.88 < sum(inside) / total <= 1.0


def test_simpler_form_wins_a_draw():
    """Where a law has one exponent, tied and additive forecast alike: the simpler is chosen."""
    found = sc.compare(
        grid(lambda N, D: 1.8 + 480 / N**0.36 + 2100 / D**0.36),
        ("coupled", "additive", "tied"),
        resamples=0,
    )
    assert found.best == "tied"


# ---- weights -------------------------------------------------------------------------------------


@given(st.integers(0, 10_000))
def test_weights_are_the_best_of_the_simplex(seed):
    random = np.random.default_rng(seed)
    folds = [
        random.normal(random.normal(0, 0.02, (3, 1)), 0.01, (3, 7))
        for _ in range(random.integers(1, 5))
    ]
    weights = _stacking.weights_of(folds, 3)
    assert (weights >= 0).all()
    assert weights.sum() == pytest.approx(1)
    ridge = min(np.mean([np.mean(fold[k] ** 2) for fold in folds]) for k in range(3)) / len(folds)

    def cost(w):
        return np.mean([np.mean((w @ fold) ** 2) for fold in folds]) + ridge * (w @ w)

    others = random.dirichlet(np.full(3, 0.5), 400)
    assert cost(weights) <= min(map(cost, others)) * (1 + 1e-9)


def test_a_form_without_a_forecast_gets_no_weight():
    folds = [np.array([[0.01, 0.02], [np.nan, np.nan], [-0.01, -0.02]])]
    np.testing.assert_allclose(_stacking.weights_of(folds, 3), [0.5, 0, 0.5])
    assert _stacking.weights_of([np.full((2, 3), np.nan)], 2).tolist() == [0, 0]
    assert _stacking.weights_of([], 2).tolist() == [0, 0]


def test_stacked_law_is_the_mixture():
    found = sc.compare(grid(coupled), resamples=100, rng=0)
    N, D = np.array([1e9, 1e10]), np.array([1e11, 1e12])
    mixed = sum(w * found.laws[form].predict(N, D).loss for form, w in found.weights.items())
    predicted = found.predict(N, D)
    np.testing.assert_allclose(predicted.loss, mixed, rtol=1e-12)
    assert (predicted.low < predicted.high).all()
    least = min(
        law.predict(N, D).low[1] for form, law in found.laws.items() if found.weights[form] > 0.2
    )
    assert predicted.low[1] < least * 1.01
    run = found.predict(N, D, kind="run")
    assert (run.high - run.low > predicted.high - predicted.low).all()
    best = found.compute_optimal(1e23)
    around = found.predict(
        best.parameters * np.array([0.9, 1.0, 1.1]), best.samples / np.array([0.9, 1.0, 1.1])
    ).loss
    assert around[1] == around.min()
    assert best.elasticity_low < best.elasticity < best.elasticity_high


def test_what_a_mixture_cannot_answer_is_refused(tmp_path):
    """It has no objective of its own, and a file of it could not be read again."""
    law = sc.compare(grid(coupled), resamples=20, rng=0).law
    with pytest.raises(ValueError, match="a mixture of fitted laws"):
        law.influence(1e23)
    with pytest.raises(ValueError, match=r"the file of each of Comparison\.laws"):
        law.save(tmp_path / "law.json")
    assert not list(tmp_path.iterdir())
    assert law.samples_for(4e9, 2.3).status == sc.SolutionStatus.REACHED
    assert law.plot().get_xscale() == "log"


# ---- what it says when it cannot tell ------------------------------------------------------------


def test_narrow_tables_are_told():
    N = np.geomspace(1e8, 1e9, 15)
    ray = sc.RunTable(
        np.tile(N, 3),
        np.concatenate([18 * N, 20 * N, 22 * N]),
        np.concatenate([additive(N, r * N) for r in (18, 20, 22)]),
    )
    found = sc.compare(ray, ("tied",), resamples=0)
    assert found.status in (sc.ComparisonStatus.TOO_NARROW, sc.ComparisonStatus.NO_FORECAST)
    few = grid(additive).where(np.arange(36) < 7)
    found = sc.compare(few, resamples=0)
    assert found.status == sc.ComparisonStatus.NO_FORECAST
    assert found.folds == ()
    assert "too few" in found.reason
    one = grid(additive)
    found = sc.compare(one, ("additive", "tied"), [one.flops.max() / 5], resamples=0)
    assert found.status == sc.ComparisonStatus.TOO_NARROW
    assert np.isnan(found.stacked_error).all()


def test_nothing_to_compare():
    empty = sc.compare(sc.RunTable([], [], []), resamples=0)
    assert empty.status == sc.ComparisonStatus.NO_FORECAST
    assert empty.law is None
    assert empty.best is None
    with pytest.raises(ValueError, match="no stacked law"):
        empty.predict(1e9, 1e10)
    assert "NO_FORECAST" in repr(empty)
    assert "NO_FORECAST" in empty._repr_html_()


def test_wrong_arguments():
    table = grid(additive)
    for wrong, error, text in [
        ({"forms": ("additive", "additive")}, ValueError, "different names"),
        ({"forms": ()}, TypeError, "at least one name"),
        ({"forms": ("compute",)}, ValueError, "laws of N and D"),
        ({"forms": ("nonsense",)}, ValueError, "forms|form"),
        ({"forms": ("repeated",)}, ValueError, "unique_samples"),
        ({"horizon": 1.0}, ValueError, "horizon must be above 1"),
        ({"level": 1.0}, ValueError, "level"),
        ({"rollout": "1e20"}, TypeError, "rollout"),
        ({"rollout": [1e30]}, ValueError, "leaves nothing"),
        ({"rollout": [-1.0]}, ValueError, "rollout"),
        ({"rollout": [np.ones(36, bool)]}, ValueError, "leave rows"),
        ({"rollout": [np.ones(5, bool)]}, ValueError, "the table's length"),
        ({"resamples": -1}, ValueError, "resamples"),
    ]:
        with pytest.raises(error, match=text):
            sc.compare(table, **wrong)
    with pytest.raises(TypeError, match="RunTable"):
        sc.compare([[1, 2, 3]])


# ---- how it is shown -----------------------------------------------------------------------------


def test_views(tmp_path):
    found = sc.compare(grid(coupled), resamples=20, rng=1)
    assert "coupled" in found._repr_html_()
    assert "stacked" in found._repr_html_()
    labels = [line.get_label() for line in found.plot().lines]
    assert [label.split(",")[0] for label in labels] == ["additive", "tied", "coupled", "stacked"]
    found.to_csv(tmp_path / "forecasts.csv")
    with open(tmp_path / "forecasts.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 * len(found.folds)
    assert float(rows[0]["error"]) == found.error[0, 0]


def test_same_draws_for_the_same_seed():
    a, b = (sc.compare(grid(additive), ("additive",), resamples=30, rng=5) for _ in range(2))
    np.testing.assert_array_equal(a.coverage, b.coverage)
    np.testing.assert_array_equal(a.law.theta_draws, b.law.theta_draws)


# ---- public splits -------------------------------------------------------------------------------


def read(path, loss, where=lambda row: True, run=None):
    with open(path, newline="") as file:
        rows = [row for row in csv.DictReader(file) if where(row)]
    N, D, L = (np.array([float(row[name]) for row in rows]) for name in ("N", "D", loss))
    return sc.RunTable(N, D, L, run=None if run is None else [row[run] for row in rows]), rows


def forecast_errors(table, fitted):
    """In per cent, of additive, tied and coupled."""
    found = sc.compare(table, ("additive", "tied", "coupled"), [fitted], resamples=0)
    return 100 * found.error[:, 0]


OPEN_LM = {"c4_original": (3.56, 2.24), "rpj": (1.85, 0.18), "rw_original": (2.18, 0.48)}


@pytest.mark.parametrize("data", OPEN_LM)
def test_open_lm(public_table, data):
    loss = "loss_c4_val_shard-{0000000..00"
    table, _ = read(public_table("open_lm_overtraining"), loss, lambda row: row["dataset"] == data)
    errors = forecast_errors(table, table.parameters < 1e9)
    assert tuple(errors[:2].round(2)) == OPEN_LM[data]


def test_gemstones(public_table):
    table, _ = read(
        public_table("gemstones"), "L", lambda row: row["subset"] == "cool_end", "run_name"
    )
    assert forecast_errors(table, table.parameters < 1e9).round(2).tolist() == [1.74, 1.54, 1.75]


def test_olmo_ladder(public_table):
    """Up to 3B, then the finished 7B and 13B."""
    table, rows = read(public_table("olmo_ladder_final"), "c4_en_loss")
    final = np.isin([row["run"] for row in rows], ["peteish7_eval_anneal", "peteish13_eval_final"])
    small = table.parameters < 5e9
    both = table.where(small | final)
    assert forecast_errors(both, both.parameters < 5e9)[0] == pytest.approx(0.25, abs=0.05)


def test_own_folds_of_a_public_table(public_table):
    table, _ = read(public_table("chinchilla_epoch"), "L")
    folds = _rollout.folds_of(table, None, 10.0, 6)
    assert 2 <= len(folds) <= 6
