"""Stores that others read, several processes at one store, and what a store says of its tables."""

import json
import pathlib
import subprocess
import sys
import warnings
from importlib import import_module

import numpy as np
import pytest

import scalecore as sc
from scalecore.sweeps import _store as stores

xarray = pytest.importorskip("xarray")
zarr = pytest.importorskip("zarr")

GRID = {"budget": "1e6:1e12:6", "input_dim": [2, 10], "concentration": 5}
tables = import_module("scalecore.spectral._table_lookup")


def test_other_tools_open_a_store_without_a_word(tmp_path):
    """xarray, netCDF and Zarr itself, which meets nothing in the store that it does not know."""
    done = sc.sweep("compute_optimal", GRID, tmp_path / "s", chunks={"budget": 2})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with xarray.open_zarr(done.path) as data:
            data.to_netcdf(tmp_path / "s.nc")
        with xarray.open_zarr(done.path, consolidated=False) as data:
            assert data["finished_chunks"].values.tolist() == [1, 1, 1]
        group = zarr.open_group(done.path, mode="r")
        assert {name for name, _ in group.members(max_depth=None)} >= {"width", "status"}
    assert "seed" not in group.attrs
    seeded = sc.sweep(
        "misspecification",
        {"input_dim": 3, "concentration": 5},
        tmp_path / "r",
        widths=[2],
        networks=2,
        inputs=64,
        rng=7,
    )
    assert zarr.open_group(seeded.path, mode="r").attrs["seed"] == "7"
    with xarray.open_dataset(tmp_path / "s.nc") as back:
        assert back["status"].shape == (6, 2)


def test_what_is_not_computed_does_not_look_computed(tmp_path):
    done = sc.sweep(
        "compute_optimal", GRID, tmp_path / "s", chunks={"budget": 2}, variables=["width", "status"]
    )
    for name in ("width", "status"):
        (chunk,) = (done.path / name).glob("1.*")
        chunk.unlink()
    (done.path / stores.MARKS / "1").unlink()
    with done.open() as data:
        assert data["status"].values[2:4].tolist() == [[-1, -1], [-1, -1]]
        assert -1 not in set(sc.Status)
        assert np.isnan(data["width"].values[2:4]).all()
        assert (data["status"].values[[0, 1, 4, 5]] >= 0).all()
    with xarray.open_zarr(done.path) as data:  # which takes it for missing
        assert np.isnan(data["status"].values[2:4]).all()
    assert sc.Sweep.load(done.path).finished == 2
    assert sc.sweep(
        "compute_optimal", GRID, tmp_path / "s", chunks={"budget": 2}, variables=["width", "status"]
    ).complete


@pytest.mark.parametrize(
    "address", ["s3://bucket/x", "file:///tmp/x", "https://host/x.zarr", "gs://b/x", "memory://x"]
)
def test_an_address_is_no_folder(address, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for call in (
        lambda: sc.sweep("occupancy", {"width": [1, 2], "concentration": 5}, address),
        lambda: sc.Sweep.load(address),
        lambda: sc.spectral_table(3, most_units=16, cache=address),
        lambda: sc.TrainingRuns.load(address),
        lambda: sc.Sweep.load(pathlib.Path(address)),
    ):
        with pytest.raises(ValueError, match="must be a path on this machine, not an address, got"):
            call()
    assert list(tmp_path.iterdir()) == []


def test_a_variable_is_named_once(tmp_path):
    with pytest.raises(ValueError, match="variables must be different names, got 'width' twice"):
        sc.sweep("compute_optimal", GRID, tmp_path / "s", variables=["width", "status", "width"])
    assert list(tmp_path.iterdir()) == []


SEVERAL = """
import sys, time, scalecore as sc
until = float(sys.argv[1])
time.sleep(max(0, until - time.time()))
if sys.argv[2] == "table":
    print(sc.spectral_table(6, most_units=24, cache=sys.argv[3]).units[-1])
else:
    grid = {"width": "1:1e4:60", "samples": "1e3:1e9:50", "input_dim": 6, "concentration": 5}
    print(sc.sweep("error_bound", grid, sys.argv[3], chunks={"width": 4}).complete)
"""


@pytest.mark.parametrize("what", ["table", "sweep"])
def test_several_processes_at_once_all_succeed(what, tmp_path):
    """They begin in the same moment, as jobs of a cluster do."""
    import time

    command = [sys.executable, "-c", SEVERAL, str(time.time() + 5), what, str(tmp_path / "there")]
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    ended = [process.communicate(timeout=120) for process in started]
    assert [process.returncode for process in started] == [0] * 4, ended
    assert {out for out, _ in ended} == {"23.0\n" if what == "table" else "True\n"}
    assert [file.name for file in tmp_path.iterdir()] == ["there"]
    if what == "sweep":
        with xarray.open_zarr(tmp_path / "there") as data:
            want = sc.error_bound(data.width.values[:, None], data.samples.values, 6, 5)
            assert np.array_equal(data.error_bound.values, want)


def test_of_several_that_create_a_store_the_first_stays(tmp_path, monkeypatch):
    """Another process comes first at the very last moment; was it another sweep, that is said."""
    real = stores.flush
    for other, message in (
        ({}, None),
        ({"bound": "closed_form"}, "belongs to another sweep: options"),
    ):
        path = tmp_path / f"s{len(other)}"

        def first(file, path=path, other=other):
            if not path.exists():
                monkeypatch.setattr(stores, "flush", real)
                sc.sweep("compute_optimal", GRID, path, **other)
            real(file)

        monkeypatch.setattr(stores, "flush", first)
        if message is None:
            assert sc.sweep("compute_optimal", GRID, path).complete
        else:
            with pytest.raises(ValueError, match=message):
                sc.sweep("compute_optimal", GRID, path)
        assert not list(tmp_path.glob("*.unfinished"))


def test_a_store_says_which_tables_its_numbers_are_from(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "_TABLES", {})
    monkeypatch.delenv("SCALECORE_TABLES", raising=False)
    grid = {"width": [4, 30], "samples": 1e5, "input_dim": [5, 6], "concentration": 100}
    values = {}
    for units in (8, 40):
        for d in grid["input_dim"]:
            sc.spectral_table(d, most_units=units)
        done = sc.sweep("spectral_bound", grid, tmp_path / str(units))
        attributes = zarr.open_group(done.path, mode="r").attrs
        assert json.loads(attributes["spectral_table_units"]) == {"5": units, "6": units}
        with done.open() as data:
            values[units] = data.spectral_bound.values
    assert (values[40] < values[8]).any()
    with pytest.raises(ValueError, match=r"tables is .*8.* there and .*40.* here"):
        sc.sweep("spectral_bound", grid, tmp_path / "8")
    tables._TABLES.clear()  # a process without tables goes by those of the store
    (tmp_path / "8" / stores.MARKS / "0").unlink()
    again = sc.sweep("spectral_bound", grid, tmp_path / "8")
    with again.open() as data:
        assert np.array_equal(data.spectral_bound.values, values[8])
