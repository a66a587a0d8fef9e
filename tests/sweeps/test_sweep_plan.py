"""Sweeps over plan: the numbers of plan in any chunks; mistakes before anything is made."""

import numpy as np
import pytest

import scalecore as sc

pytest.importorskip("zarr")

VALUES = {"E": 1.69, "A": 406.4, "alpha": 0.34, "B": 410.7, "beta": 0.28}


@pytest.fixture
def law(tmp_path):
    sc.FittedLaw.from_values("additive", VALUES).save(tmp_path / "law.json")
    return str(tmp_path / "law.json")


def test_plan_over_a_grid(tmp_path, law):
    grid = {
        "total_budget": "1e20:1e24:5",
        "inference_samples": [0.0, 1e12, 1e14],
        "max_parameters": [1e9, 1e12],
    }
    names = ["parameters", "samples", "predicted_loss", "total_compute", "saving", "status"]
    chunks = {"total_budget": 2, "max_parameters": 1}
    done = sc.sweep("plan", grid, tmp_path / "a", law=law, variables=names, chunks=chunks)
    assert done.complete
    exact = sc.plan(
        sc.FittedLaw.load(law),
        total_budget=np.geomspace(1e20, 1e24, 5)[:, None, None],
        inference_samples=np.array([0.0, 1e12, 1e14])[:, None],
        max_parameters=[1e9, 1e12],
    )
    with done.open() as data:
        for name in names:
            expected = getattr(exact, name.removeprefix("predicted_"))
            assert data[name].values == pytest.approx(expected, rel=1e-9, nan_ok=True)
        assert {sc.PlanStatus(s).name for s in np.unique(data.status)} == {
            "INTERIOR",
            "AT_MAX_PARAMETERS",
        }


def test_a_loss_as_axis(tmp_path, law):
    done = sc.sweep(sc.plan, {"loss": [2.5, 2.0, 1.5]}, tmp_path / "a", law=law)
    with done.open() as data:
        assert data.status.values.tolist() == [0, 0, sc.PlanStatus.OUT_OF_REACH]
        assert data.predicted_loss.values[:2].tolist() == [2.5, 2.0]


@pytest.mark.parametrize(
    ("grid", "options", "error", "text"),
    [
        ({"training_budget": [1e21]}, {}, TypeError, "needs the option 'law'"),
        ({"training_budget": [1e21]}, {"law": 5}, TypeError, "option law must be the path"),
        ({"training_budget": [1e21]}, {"law": "no.json"}, FileNotFoundError, "no.json"),
        ({"inference_samples": [1.0]}, {"law": None}, TypeError, "exactly one of"),
        ({"training_budget": [1e21], "loss": [2.0]}, {"law": None}, TypeError, "exactly one of"),
        ({"budget": [1e21]}, {"law": None}, ValueError, "no axis 'budget' for plan"),
    ],
)
def test_mistakes_make_no_store(tmp_path, law, grid, options, error, text):
    options = {name: law if value is None else value for name, value in options.items()}
    with pytest.raises(error, match=text):
        sc.sweep("plan", grid, tmp_path / "a", **options)
    assert not (tmp_path / "a").exists()
