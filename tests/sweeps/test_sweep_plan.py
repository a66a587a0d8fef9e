"""Sweeps over plan: the numbers of plan in any chunks; mistakes before anything is made."""

import re
import shutil
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

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


GRID = {"training_budget": "1e20:1e24:4", "inference_samples": [0.0, 1e12], "max_samples": 1e12}
ENDS = ["parameters", "parameters_low", "parameters_high", "predicted_loss_high", "status"]


def fitted(path, seed):
    """A law with draws in a file."""
    N, D = (a.ravel() for a in np.meshgrid(np.geomspace(1e7, 3e8, 4), np.geomspace(1e9, 2e10, 4)))
    noise = np.exp(0.004 * np.random.default_rng(seed).standard_normal(16))
    table = sc.RunTable(N, D, (1.8 + 480 / N**0.35 + 2100 / D**0.37) * noise)
    sc.fit(table, "additive", rng=seed, resamples=60).save(path)
    return str(path)


def swept(store, law, **more):
    return sc.sweep(
        "plan", GRID, store, law=law, variables=ENDS, chunks={"inference_samples": 1}, **more
    )


def values_of(done):
    with done.open() as data:
        return {name: data[name].values for name in ENDS}


def same(ours, others):
    return all(np.array_equal(ours[name], others[name], equal_nan=True) for name in ENDS)


def test_a_store_can_be_computed_again_from_itself_alone(tmp_path):
    law = fitted(tmp_path / "law.json", 0)
    first = values_of(swept(tmp_path / "a", law))
    Path(law).unlink()
    kept = str(tmp_path / "a" / "finished_chunks" / ".law.json")
    assert same(first, values_of(swept(tmp_path / "b", kept)))
    exact = sc.plan(
        sc.FittedLaw.load(kept),
        training_budget=np.geomspace(1e20, 1e24, 4)[:, None],
        inference_samples=[0.0, 1e12],
        max_samples=1e12,
    )
    assert first["parameters_high"] == pytest.approx(exact.parameters_high, rel=1e-9)
    assert np.array_equal(first["status"], exact.status)


def lose_a_chunk(store):
    """As if the process had died before the last chunk."""
    (store / "finished_chunks" / "1").unlink()


def test_a_sweep_that_continues_goes_by_its_own_law(tmp_path):
    law = fitted(tmp_path / "law.json", 0)
    first = values_of(swept(tmp_path / "a", law))
    lose_a_chunk(tmp_path / "a")
    (tmp_path / "moved").mkdir()
    moved = str(shutil.move(law, tmp_path / "moved" / "other_name.json"))
    done = swept(tmp_path / "a", moved)  # the same law from another place
    assert done.complete
    assert same(first, values_of(done))


def test_a_sweep_does_not_continue_with_another_law(tmp_path):
    law = fitted(tmp_path / "law.json", 0)
    swept(tmp_path / "a", law)
    lose_a_chunk(tmp_path / "a")
    fitted(tmp_path / "law.json", 1)  # in the same place
    text = f"belongs to another sweep: {law} holds another law than the one that the store keeps"
    with pytest.raises(ValueError, match=re.escape(text)):
        swept(tmp_path / "a", law)
    assert not (tmp_path / "a" / "finished_chunks" / "1").exists()


def test_workers_need_no_law_but_the_copy(tmp_path):
    law = fitted(tmp_path / "law.json", 0)
    first = values_of(swept(tmp_path / "a", law))
    swept(tmp_path / "b", law)
    for number in ("0", "1"):
        (tmp_path / "b" / "finished_chunks" / number).unlink()
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        done = swept(tmp_path / "b", law, executor=pool)
    assert done.complete
    assert same(first, values_of(done))


def test_a_grid_of_limits_and_repeated_data(tmp_path):
    values = VALUES | {"R_D": 15.4, "R_N": 5.3}
    sc.FittedLaw.from_values("repeated", values).save(tmp_path / "law.json")
    grid = {"unique_samples": [1e9, 1e11], "training_budget": [1e20, 1e22]}
    done = sc.sweep(
        "plan", grid, tmp_path / "a", law=str(tmp_path / "law.json"), variables=["epochs", "status"]
    )
    exact = sc.plan(
        sc.FittedLaw.load(tmp_path / "law.json"),
        unique_samples=np.array([1e9, 1e11])[:, None],
        training_budget=[1e20, 1e22],
    )
    with done.open() as data:
        assert data.epochs.values == pytest.approx(exact.epochs, rel=1e-9)
        assert data.epochs.values[0, 1] > 2
        assert len(data.attrs["law_sha256"]) == 64
