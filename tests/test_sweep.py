"""Sweeps: the same bits however they ran, whatever killed them."""

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

import scalecore as sc
from scalecore._sweep_store import MARKS

pytest.importorskip("zarr")
xarray = pytest.importorskip("xarray")
module = sys.modules["scalecore.sweep"]

GRID = {"budget": "1e3:1e24:40", "input_dim": [1, 10, 100, 1000], "concentration": "1:1e4:5"}
CHUNKS = {"budget": 7, "input_dim": 3, "concentration": 2}
TRAIN = {"widths": [1, 4], "learning_rates": [0.1, 0.02], "samples": 300, "repeats": 2, "test_inputs": 64}


def same(one, two):
    with one.open() as a, two.open() as b:
        for name in a.variables:
            assert np.array_equal(a[name].values, b[name].values, equal_nan=a[name].dtype.kind == "f"), name
        assert set(a.variables) == set(b.variables)


def test_frontier_is_compute_optimals(tmp_path):
    done = sc.sweep("compute_optimal", GRID, tmp_path / "s.zarr", chunks=CHUNKS, bound="closed_form")
    assert done.complete
    assert done.chunks == 6 * 2 * 3
    assert "36 of 36 chunks" in repr(done)
    with xarray.open_zarr(tmp_path / "s.zarr") as data:
        best = sc.compute_optimal(
            data.budget.values[:, None, None], data.input_dim.values[:, None], data.concentration.values, bound="closed_form"
        )
        for name in ("width", "samples", "error", "elasticity", "status"):
            assert np.array_equal(data[name].values, getattr(best, name), equal_nan=name != "status")
            assert data[name].dims == ("budget", "input_dim", "concentration")
        assert data["status"].dtype == np.int8
        assert data["error"].attrs == {"long_name": "error bound", "units": "nat"}
        assert data["budget"].attrs["units"] == "FLOP"
        assert data.attrs["source"] == f"scalecore {sc.__version__}"
        plan = json.loads(data.attrs["scalecore_sweep"])
        assert plan["options"] == {"bound": "closed_form"}
    assert repr(sc.Sweep.load(tmp_path / "s.zarr")) == repr(done)


def test_bounds_by_function(tmp_path):
    grid = {"width": [1, 10, 1e6], "samples": "1:1e9:4", "input_dim": 10, "concentration": [0.5, 100]}
    for function in (sc.error_bound, sc.estimation_bound, sc.optimal_resolution, sc.closed_form_bound, sc.misspecification_bound):
        with sc.sweep(function, grid, tmp_path / function.__name__).open() as data:
            expected = function(data.width.values[:, None, None], data.samples.values[:, None], 10, data.concentration.values)
            assert np.array_equal(data[function.__name__].values, expected)
            assert float(data.input_dim) == 10
    with sc.sweep("occupancy", {"width": [1, 5], "concentration": 3}, tmp_path / "u").open() as data:
        assert np.array_equal(data.occupancy.values, sc.occupancy([1, 5], 3))
    with sc.sweep("occupancy", {"width": 4, "concentration": 3}, tmp_path / "point").open() as data:
        assert float(data.occupancy) == sc.occupancy(4, 3)


def test_chosen_variables_and_names_that_clash(tmp_path):
    grid = {"budget": [1e6, 1e9], "input_dim": 10, "concentration": 100}
    with sc.sweep("compute_optimal", grid, tmp_path / "a", variables=["parameters", "model_share"]).open() as data:
        assert set(data.data_vars) == {"parameters", "model_share"}


@pytest.mark.parametrize(
    ("task", "options", "variable"),
    [
        ("misspecification", {"widths": [1, 10], "networks": 20, "inputs": 64}, "kl"),
        ("train", TRAIN, "error"),
    ],
)
def test_random_streams_belong_to_places_in_the_grid(tmp_path, task, options, variable):
    grid = {"input_dim": [2, 3], "concentration": [1, 10, 100]}
    one = sc.sweep(task, grid, tmp_path / "one", rng=5, **options)
    whole = sc.sweep(task, grid, tmp_path / "whole", rng=5, chunks={"input_dim": 2, "concentration": 3}, n_threads=1, **options)
    same(one, whole)
    other = sc.sweep(task, grid, tmp_path / "other", rng=6, **options)
    with one.open() as a, other.open() as b:
        values = a[variable].values
        assert not np.array_equal(values, b[variable].values)
        assert np.unique(values[..., -1].reshape(6, -1), axis=0).shape[0] == 6  # no two points share their randomness
        key = np.random.SeedSequence(5, spawn_key=(4,))
        if task == "train":
            runs = sc.train(sc.NetworkPrior(3, 10), rng=key, **options)
            assert np.array_equal(values[1, 1], runs.error)
            assert a["error"].dims == ("input_dim", "concentration", "repeat", "width", "learning_rate", "samples")
        else:
            got = sc.misspecification(sc.NetworkPrior(3, 10), rng=key, **options)
            assert np.array_equal(values[1, 1], got.kl.mean)


@pytest.mark.parametrize("pool", ["threads", "spawn"])
def test_executors_give_the_same_bits(tmp_path, pool):
    grid = {"input_dim": [2, 3], "concentration": [1, 10]}
    here = sc.sweep("train", grid, tmp_path / "here", rng=1, **TRAIN)
    make = ThreadPoolExecutor(3) if pool == "threads" else ProcessPoolExecutor(2, mp_context=get_context("spawn"))
    with make as executor:
        same(here, sc.sweep("train", grid, tmp_path / "there", rng=1, executor=executor, **TRAIN))
        frontier = sc.sweep("compute_optimal", GRID, tmp_path / "frontier", chunks=CHUNKS, executor=executor)
    same(frontier, sc.sweep("compute_optimal", GRID, tmp_path / "frontier_here", chunks=CHUNKS))


KILLED = """
import sys, scalecore as sc
sc.sweep("train", {"input_dim": [2, 3, 4], "concentration": [1, 3, 10, 30]}, sys.argv[1], rng=7, widths=[1, 4, 16],
         learning_rates=[0.1, 0.02], samples=20_000, repeats=2, test_inputs=64)
"""


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_killed_at_ten_moments(tmp_path):
    command = [sys.executable, "-c", KILLED]
    subprocess.run([*command, str(tmp_path / "whole")], check=True, cwd=tmp_path)
    rng = np.random.default_rng(2)
    finished = []
    for _ in range(10):
        process = subprocess.Popen([*command, str(tmp_path / "killed")], cwd=tmp_path)
        store = tmp_path / "killed" / MARKS
        start, before = time.monotonic(), len(finished)
        while (
            process.poll() is None and time.monotonic() < start + 30 and len(os.listdir(store) if store.exists() else []) <= before
        ):
            time.sleep(0.005)  # until one more chunk is finished,
        time.sleep(rng.uniform(0, 0.03))  # and a random moment longer
        process.kill()
        process.wait()
        marks = sorted(os.listdir(store), key=int)
        assert set(finished) <= set(marks)
        finished = marks
    ages = {name: (store / name).stat().st_mtime_ns for name in finished}
    subprocess.run([*command, str(tmp_path / "killed")], check=True, cwd=tmp_path)
    assert ages.items() <= {name: (store / name).stat().st_mtime_ns for name in os.listdir(store)}.items()  # nothing was done again
    assert len(os.listdir(store)) == 12
    same(sc.Sweep.load(tmp_path / "killed"), sc.Sweep.load(tmp_path / "whole"))


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_killed_dask_workers(tmp_path):
    distributed = pytest.importorskip("distributed")
    grid = {"input_dim": [2, 3], "concentration": [1, 3, 10, 30]}
    options = TRAIN | {"samples": 60_000}
    whole = sc.sweep("train", grid, tmp_path / "whole", rng=7, **options)
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        pids = list(client.run(os.getpid).values())
        killer = threading.Timer(0.4, os.kill, (pids[0], signal.SIGKILL))
        killer.start()
        there = sc.sweep("train", grid, tmp_path / "there", rng=7, executor=client.get_executor(), **options)
        killer.join()
    same(whole, there)


def test_a_broken_pool_is_told_and_loses_nothing(tmp_path):
    grid = {"budget": "1e3:1e9:40", "input_dim": 10, "concentration": 100}
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        pool.submit(int).result()
        for pid in pool._processes:
            os.kill(pid, signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
        with pytest.raises(RuntimeError, match="a worker died"):
            sc.sweep("compute_optimal", grid, tmp_path / "s", chunks={"budget": 4}, executor=pool)
    assert sc.sweep("compute_optimal", grid, tmp_path / "s", chunks={"budget": 4}).complete


def test_a_full_disk_gives_one_error_and_loses_nothing(tmp_path, monkeypatch):
    real, calls = module.write_chunk, []

    def full(plan, path, number, out):
        calls.append(number)
        if len(calls) > 5:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(plan, path, number, out)

    monkeypatch.setattr(module, "write_chunk", full)
    with pytest.raises(OSError, match="No space left on device; finished chunks are kept") as caught:
        sc.sweep("compute_optimal", GRID, tmp_path / "s", chunks=CHUNKS)
    assert caught.value.errno == errno.ENOSPC
    monkeypatch.undo()
    assert sc.Sweep.load(tmp_path / "s").finished == 5
    same(
        sc.sweep("compute_optimal", GRID, tmp_path / "s", chunks=CHUNKS),
        sc.sweep("compute_optimal", GRID, tmp_path / "t", chunks=CHUNKS),
    )


def test_a_store_of_another_sweep_is_refused(tmp_path):
    path = tmp_path / "s"
    sc.sweep("misspecification", {"input_dim": 2, "concentration": [1, 2]}, path, widths=[1], networks=4, inputs=32, rng=1)
    finished = sc.Sweep.load(path)
    for change, text in (
        ({"rng": 2}, 'seed is "1" there and "2" here'),
        ({"networks": 5}, r'options is \{"widths": \[1\], "networks": 4'),
        ({"grid": {"input_dim": 3, "concentration": [1, 2]}}, "axes is"),
        ({"chunks": {"concentration": 2}}, "chunks is"),
    ):
        call = {"grid": {"input_dim": 2, "concentration": [1, 2]}, "widths": [1], "networks": 4, "inputs": 32, "rng": 1} | change
        with pytest.raises(ValueError, match="belongs to another sweep: .*" + text):
            sc.sweep("misspecification", store=path, **call)
    with pytest.raises(FileExistsError, match="resume=True continues it"):
        sc.sweep("occupancy", {"width": 1, "concentration": 1}, path, resume=False)
    assert repr(sc.Sweep.load(path)) == repr(finished)
    again = sc.sweep("misspecification", {"input_dim": 2, "concentration": [1, 2]}, path, widths=[1], networks=4, inputs=32)
    assert again.complete  # without a seed the store's own is used
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_text("x")
    with pytest.raises(ValueError, match="is not a store that sweep wrote"):
        sc.sweep("occupancy", {"width": 1, "concentration": 1}, tmp_path / "other")
    with pytest.raises(FileNotFoundError, match="no such store"):
        sc.Sweep.load(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"task": "frontier of dreams"}, ValueError, "task must be one of compute_optimal"),
        ({"task": print}, ValueError, "task must be one of"),
        ({"grid": [1, 2]}, TypeError, "grid must be a dict"),
        ({"grid": {"budget": 1}}, ValueError, "grid must have the axis 'input_dim'"),
        ({"grid": {"budgets": 1}}, ValueError, "grid has no axis 'budgets'"),
        ({"grid": {"budget": [], "input_dim": 1, "concentration": 1}}, ValueError, "axis budget must be a number or"),
        ({"grid": {"budget": "1e3:", "input_dim": 1, "concentration": 1}}, ValueError, "budget: '1e3:' is neither"),
        ({"grid": {"budget": np.nan, "input_dim": 1, "concentration": 1}}, ValueError, "axis budget must be finite"),
        ({"chunks": {"cost": 3}}, ValueError, "chunks has no axis 'cost'"),
        ({"chunks": {"budget": 0}}, ValueError, r"chunks\['budget'\] must be at least 1"),
        ({"chunks": 3}, TypeError, "chunks must be a dict"),
        ({"variables": ["colour"]}, ValueError, "variables must be among"),
        ({"executor": 3}, TypeError, "executor must be"),
        ({"tolerance": 3}, TypeError, "compute_optimal has no option 'tolerance'"),
        ({"task": "train", "grid": {"input_dim": 1, "concentration": 1}}, TypeError, "train needs the option 'widths'"),
        ({"rng": "seed"}, TypeError, "rng must be"),
        ({"n_threads": 0}, ValueError, "n_threads must be"),
        ({"bound": "tight"}, ValueError, "bound must be one of"),
    ],
)
def test_bad_input_is_refused_by_name(tmp_path, change, error, text):
    call = {"task": "compute_optimal", "grid": GRID, "store": tmp_path / "s"} | change
    with pytest.raises(error, match=text):
        sc.sweep(**call)
