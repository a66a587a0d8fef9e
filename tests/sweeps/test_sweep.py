"""Sweeps: what they store, the same bits however they ran, and what is refused."""

import json
import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from importlib import import_module
from importlib.util import find_spec
from multiprocessing import get_context
from types import SimpleNamespace

import numpy as np
import pytest
from sweep_cases import CHUNKS, GRID, NETWORKS, TRAIN, same

import scalecore as sc

pytest.importorskip("zarr")
xarray = pytest.importorskip("xarray")


def test_frontier_is_compute_optimals(tmp_path):
    done = sc.sweep(
        "compute_optimal", GRID, tmp_path / "s.zarr", chunks=CHUNKS, bound="closed_form"
    )
    assert done.complete
    assert done.chunks == 6 * 2 * 3
    assert "36 of 36 chunks" in repr(done)
    with xarray.open_zarr(tmp_path / "s.zarr") as data:
        best = sc.compute_optimal(
            data.budget.values[:, None, None],
            data.input_dim.values[:, None],
            data.concentration.values,
            bound="closed_form",
        )
        for name in ("width", "samples", "error", "elasticity", "status"):
            assert np.array_equal(
                data[name].values, getattr(best, name), equal_nan=name != "status"
            )
            assert data[name].dims == ("budget", "input_dim", "concentration")
        with done.open() as whole:  # there whole numbers stay such
            assert whole["status"].dtype == np.int8
        assert data["error"].attrs == {"long_name": "error bound", "units": "nat"}
        assert data["budget"].attrs["units"] == "FLOP"
        assert data.attrs["source"] == f"scalecore {sc.__version__}"
        plan = json.loads(data.attrs["scalecore_sweep"])
        assert plan["options"] == {"bound": "closed_form"}
    assert repr(sc.Sweep.load(tmp_path / "s.zarr")) == repr(done)


def test_bounds_by_function(tmp_path):
    grid = {
        "width": [1, 10, 1e6],
        "samples": "1:1e9:4",
        "input_dim": 10,
        "concentration": [0.5, 100],
    }
    for function in (
        sc.error_bound,
        sc.estimation_bound,
        sc.optimal_resolution,
        sc.closed_form_bound,
        sc.misspecification_bound,
    ):
        with sc.sweep(function, grid, tmp_path / function.__name__).open() as data:
            expected = function(
                data.width.values[:, None, None],
                data.samples.values[:, None],
                10,
                data.concentration.values,
            )
            assert np.array_equal(data[function.__name__].values, expected)
            assert float(data.input_dim) == 10
    with sc.sweep(
        "occupancy", {"width": [1, 5], "concentration": 3}, tmp_path / "u"
    ).open() as data:
        assert np.array_equal(data.occupancy.values, sc.occupancy([1, 5], 3))
    with sc.sweep("occupancy", {"width": 4, "concentration": 3}, tmp_path / "point").open() as data:
        assert float(data.occupancy) == sc.occupancy(4, 3)


def test_chosen_variables_and_names_that_clash(tmp_path):
    grid = {"budget": [1e6, 1e9], "input_dim": 10, "concentration": 100}
    with sc.sweep(
        "compute_optimal", grid, tmp_path / "a", variables=["parameters", "model_share"]
    ).open() as data:
        assert set(data.data_vars) == {"parameters", "model_share"}


@pytest.mark.parametrize(
    ("task", "options", "variable"),
    [
        ("misspecification", {"widths": [1, 10], "networks": 20, "inputs": 64}, "kl"),
        ("train", TRAIN, "error"),
        ("bayes_error", {"samples": [5, 20], "replicates": 2, "states": 4}, "lower"),
    ],
)
def test_random_streams_belong_to_places_in_the_grid(tmp_path, task, options, variable):
    grid = {"input_dim": [2, 3], "concentration": [1, 10, 100]}
    one = sc.sweep(task, grid, tmp_path / "one", rng=5, **options)
    whole = sc.sweep(
        task,
        grid,
        tmp_path / "whole",
        rng=5,
        chunks={"input_dim": 2, "concentration": 3},
        n_threads=1,
        **options,
    )
    same(one, whole)
    other = sc.sweep(task, grid, tmp_path / "other", rng=6, **options)
    with one.open() as a, other.open() as b:
        values = a[variable].values
        assert not np.array_equal(values, b[variable].values)
        assert (
            np.unique(values[..., -1].reshape(6, -1), axis=0).shape[0] == 6
        )  # no two points share their randomness
        key = np.random.SeedSequence(5, spawn_key=(4,))
        if task == "train":
            runs = sc.train(sc.NetworkPrior(3, 10), rng=key, **options)
            assert np.array_equal(values[1, 1], runs.error)
            assert a["error"].dims == (
                "input_dim",
                "concentration",
                "repeat",
                "width",
                "learning_rate",
                "samples",
            )
        elif task == "bayes_error":
            found = sc.bayes_error(sc.NetworkPrior(3, 10), rng=key, **options)
            assert np.array_equal(values[1, 1], found.lower)
        else:
            got = sc.misspecification(sc.NetworkPrior(3, 10), rng=key, **options)
            assert np.array_equal(values[1, 1], got.kl.mean)


@pytest.mark.parametrize("pool", ["threads", "spawn"])
def test_executors_give_the_same_bits(tmp_path, pool):
    grid = {"input_dim": [2, 3], "concentration": [1, 10]}
    here = sc.sweep("train", grid, tmp_path / "here", rng=1, **TRAIN)
    make = (
        ThreadPoolExecutor(3)
        if pool == "threads"
        else ProcessPoolExecutor(2, mp_context=get_context("spawn"))
    )
    with make as executor:
        same(here, sc.sweep("train", grid, tmp_path / "there", rng=1, executor=executor, **TRAIN))
        frontier = sc.sweep(
            "compute_optimal", GRID, tmp_path / "frontier", chunks=CHUNKS, executor=executor
        )
    same(frontier, sc.sweep("compute_optimal", GRID, tmp_path / "frontier_here", chunks=CHUNKS))


def test_a_broken_pool_is_told_and_loses_nothing(tmp_path):
    grid = {"budget": "1e3:1e9:40", "input_dim": 10, "concentration": 100}
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        pool.submit(int).result()
        for pid in pool._processes:
            os.kill(pid, signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
        with pytest.raises(RuntimeError, match="a worker died"):
            sc.sweep("compute_optimal", grid, tmp_path / "s", chunks={"budget": 4}, executor=pool)
    assert sc.sweep("compute_optimal", grid, tmp_path / "s", chunks={"budget": 4}).complete


def test_a_store_of_another_sweep_is_refused(tmp_path):
    path = tmp_path / "s"
    sc.sweep(
        "misspecification",
        {"input_dim": 2, "concentration": [1, 2]},
        path,
        widths=[1],
        networks=4,
        inputs=32,
        rng=1,
    )
    finished = sc.Sweep.load(path)
    for change, text in (
        ({"rng": 2}, 'seed is "1" there and "2" here'),
        ({"networks": 5}, r'options is \{"widths": \[1\], "networks": 4'),
        ({"grid": {"input_dim": 3, "concentration": [1, 2]}}, "axes is"),
        ({"chunks": {"concentration": 2}}, "chunks is"),
    ):
        call = {
            "grid": {"input_dim": 2, "concentration": [1, 2]},
            "widths": [1],
            "networks": 4,
            "inputs": 32,
            "rng": 1,
        } | change
        with pytest.raises(ValueError, match="belongs to another sweep: .*" + text):
            sc.sweep("misspecification", store=path, **call)
    with pytest.raises(FileExistsError, match="resume=True continues it"):
        sc.sweep("occupancy", {"width": 1, "concentration": 1}, path, resume=False)
    assert repr(sc.Sweep.load(path)) == repr(finished)
    again = sc.sweep(
        "misspecification",
        {"input_dim": 2, "concentration": [1, 2]},
        path,
        widths=[1],
        networks=4,
        inputs=32,
    )
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
        ({"task": "frontier of dreams"}, ValueError, "task must be one of the library's calls"),
        ({"task": "error_bounds"}, ValueError, "did you mean 'error_bound'?"),
        ({"task": print}, ValueError, "task must be one of"),
        ({"grid": [1, 2]}, TypeError, "grid must be a dict"),
        ({"grid": {"budget": 1}}, ValueError, "grid must have the axis 'input_dim'"),
        (
            {"grid": {"budgets": 1}},
            ValueError,
            "grid has no axis 'budgets' .* did you mean 'budget'?",
        ),
        (
            {"grid": {"dim": 1}},
            ValueError,
            "grid has no axis 'dim' .* its axes are budget, input_dim, concentration, cost",
        ),
        (
            {"grid": {"budget": [], "input_dim": 1, "concentration": 1}},
            ValueError,
            "axis budget must be a number or",
        ),
        (
            {"grid": {"budget": "1e3:", "input_dim": 1, "concentration": 1}},
            ValueError,
            "budget: '1e3:' is neither",
        ),
        (
            {"grid": {"budget": np.nan, "input_dim": 1, "concentration": 1}},
            ValueError,
            "axis budget must be finite",
        ),
        ({"chunks": {"cost": 3}}, ValueError, "chunks has no axis 'cost'"),
        ({"chunks": {"budget": 0}}, ValueError, r"chunks\['budget'\] must be at least 1"),
        ({"chunks": 3}, TypeError, "chunks must be a dict"),
        (
            {"variables": ["colour"]},
            ValueError,
            "compute_optimal has no variable 'colour'; its variables are width",
        ),
        (
            {"variables": "width"},
            TypeError,
            "variables must be a list of at least one name, got 'width'",
        ),
        ({"variables": 3}, TypeError, "variables must be a list"),
        ({"variables": []}, TypeError, "variables must be a list of at least one"),
        ({"store": 5}, TypeError, "store must be a path, got 5"),
        ({"executor": 3}, TypeError, "executor must be"),
        ({"tolerance": 3}, TypeError, "compute_optimal has no option 'tolerance'"),
        (
            {"task": "train", "grid": {"input_dim": 1, "concentration": 1}},
            TypeError,
            "train needs the option 'widths'",
        ),
        ({"rng": "seed"}, TypeError, "rng must be"),
        ({"n_threads": 0}, ValueError, "n_threads must be"),
        ({"bound": "tight"}, ValueError, "bound must be one of"),
        ({"grid": GRID | {"cost": [1, -1]}}, ValueError, "cost must be positive"),
        ({"grid": GRID | {"cost": "0:6:2"}}, ValueError, "cost: '0:6:2' is neither"),
        (
            {"grid": {"budget": np.ones((2, 2)), "input_dim": 1, "concentration": 1}},
            ValueError,
            "axis budget must be a number or",
        ),
        ({"boundd": "optimal"}, TypeError, "did you mean 'bound'?"),
        (
            {"task": "misspecification", "grid": NETWORKS, "widths": [0.5]},
            ValueError,
            "widths must be whole numbers",
        ),
        (
            {
                "task": "misspecification",
                "grid": {"input_dim": [2, 2.5], "concentration": 1},
                "widths": 1,
            },
            ValueError,
            "input_dim must",
        ),
        (
            {
                "task": "misspecification",
                "grid": {"input_dim": 2, "concentration": [1, 0]},
                "widths": 1,
            },
            ValueError,
            "concentration must",
        ),
        (
            {"task": "misspecification", "grid": NETWORKS, "widths": 1, "inputs": 0},
            ValueError,
            "inputs must be at least 1",
        ),
        (
            {"task": "train", "grid": NETWORKS} | TRAIN | {"test_inputs": 63},
            ValueError,
            "test_inputs must be a multiple",
        ),
        (
            {"task": "train", "grid": NETWORKS} | TRAIN | {"optimizer": "lbfgs"},
            ValueError,
            "optimizer must be one of",
        ),
        (
            {"task": "train", "grid": NETWORKS} | TRAIN | {"checkpoints": [400]},
            ValueError,
            "checkpoints must be at most 300",
        ),
    ],
)
def test_bad_input_is_refused_by_name(tmp_path, change, error, text):
    call = {"task": "compute_optimal", "grid": GRID, "store": tmp_path / "s"} | change
    with pytest.raises(error, match=text):
        sc.sweep(**call)
    assert not list(tmp_path.iterdir())  # before anything is created


MPI = """
import sys, scalecore as sc
from mpi4py.futures import MPIPoolExecutor

if __name__ == "__main__":
    with MPIPoolExecutor() as pool:
        workers = pool.num_workers
        sc.sweep("train", {"input_dim": [2, 3], "concentration": [1, 10]}, sys.argv[1],
                 executor=pool, rng=1, widths=[1, 4],
                 learning_rates=[0.1, 0.02], samples=300, repeats=2, test_inputs=64)
    print(workers)
"""


@pytest.mark.skipif(
    not (find_spec("mpi4py") and shutil.which("mpiexec")), reason="needs mpi4py and mpiexec"
)
def test_mpi_gives_the_same_bits(tmp_path):
    (tmp_path / "script.py").write_text(MPI)
    # Open MPI, 4 and 5, must be told that it may start more ranks than there are processors, and as
    # root; MPICH does so unasked.
    may = {
        "OMPI_MCA_rmaps_base_oversubscribe": "1",
        "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
    }
    may |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    command = ["mpiexec", "-n", "3", sys.executable, "-m", "mpi4py.futures", "script.py", "there"]
    done = subprocess.run(
        command, cwd=tmp_path, env=os.environ | may, capture_output=True, text=True, timeout=120
    )
    assert done.stdout == "2\n", done.stderr
    here = sc.sweep(
        "train", {"input_dim": [2, 3], "concentration": [1, 10]}, tmp_path / "here", rng=1, **TRAIN
    )
    same(here, sc.Sweep.load(tmp_path / "there"))


def test_workers_share_their_machine():
    workers = import_module("scalecore.sweeps._runners")._workers
    hosts = {
        "tcp://10.0.0.1:4001": 2,
        "tcp://10.0.0.1:4002": 2,
        "tcp://10.0.0.2:4001": 3,
        "tls://[::1]:8": 1,
    }
    dask = SimpleNamespace(_client=SimpleNamespace(nthreads=lambda: hosts))
    assert workers(dask) == (8, 4)
    assert workers(SimpleNamespace(num_workers=6)) == (6, 6)
    with ThreadPoolExecutor(3) as threads:
        assert workers(threads) == (3, 3)


def test_a_store_may_be_replaced_by_another(tmp_path):
    """Within one process, which keeps stores open."""
    with ThreadPoolExecutor(1) as executor:
        for chunk in (40, 3):
            axes = {
                "budget": np.geomspace(1e3, 1e9, 40 + chunk),
                "input_dim": 10,
                "concentration": 100,
            }
            for where in (None, executor):
                with sc.sweep(
                    "compute_optimal",
                    axes,
                    tmp_path / "s",
                    chunks={"budget": chunk},
                    executor=where,
                ).open() as data:
                    assert np.array_equal(
                        data.error.values, sc.compute_optimal(axes["budget"], 10, 100).error
                    )
                shutil.rmtree(tmp_path / "s")


def test_a_file_is_no_store(tmp_path):
    (tmp_path / "s").write_text("mine")
    with pytest.raises(NotADirectoryError, match="store must be a folder or not be there yet"):
        sc.sweep("compute_optimal", GRID, tmp_path / "s")
    with pytest.raises(ValueError, match="is not a store that sweep wrote"):
        sc.Sweep.load(tmp_path / "s")
    assert (tmp_path / "s").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1
