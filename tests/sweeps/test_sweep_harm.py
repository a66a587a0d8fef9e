"""Sweeps that are killed, and disks that fail: nothing finished is lost or done again, and the rest
has the same bits."""

import errno
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from importlib import import_module
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from sweep_cases import CHUNKS, GRID, same

import scalecore as sc
from scalecore.sweeps._store import MARKS

pytest.importorskip("zarr")
pytest.importorskip("xarray")
module = import_module("scalecore.sweeps._runners")

POINTS = 48
KILLED = """
import sys, scalecore as sc
def run(executor=None):
    sc.sweep("train", {"input_dim": [2, 3, 4], "concentration": "1:30:16"}, sys.argv[1], rng=7,
             widths=[1, 4, 16], learning_rates=[0.1, 0.02], samples=100_000, repeats=2,
             test_inputs=64, executor=executor)
"""


def ages(store):
    """Return when each finished chunk was marked so."""
    return (
        {file.name: file.stat().st_mtime_ns for file in (store / MARKS).iterdir()}
        if (store / MARKS).exists()
        else {}
    )


def wait_for_chunks(store, count, process):
    deadline = time.monotonic() + 60
    while len(ages(store)) < count and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)


@pytest.fixture(scope="session")
def whole_sweep(tmp_path_factory):
    """The sweep of KILLED, uninterrupted and in one process."""
    folder = tmp_path_factory.mktemp("whole")
    subprocess.run(
        [sys.executable, "-c", KILLED + "run()", str(folder / "whole")], check=True, cwd=folder
    )
    return sc.Sweep.load(folder / "whole")


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_ctrl_c_in_a_terminal_ends_a_pool(tmp_path):
    """Nothing waits inside the pool, which would compute it before it ends."""
    (tmp_path / "script.py").write_text(
        """
import signal
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
import scalecore as sc

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        sc.sweep("train", {"input_dim": 2, "concentration": "1:9:9"}, "store", executor=pool,
                 widths=[64], samples=10**9,
                 learning_rates=[0.1])
"""
    )
    process = subprocess.Popen(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "store").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(4)  # until both workers are at it
    try:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(timeout=10)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_killed_at_ten_moments(tmp_path, whole_sweep):
    command = [sys.executable, "-c", KILLED + "run()", str(tmp_path / "killed")]
    rng, before = np.random.default_rng(2), {}
    for _ in range(10):
        process = subprocess.Popen(command, cwd=tmp_path)
        wait_for_chunks(tmp_path / "killed", len(before) + 1, process)
        time.sleep(rng.uniform(0, 0.03))
        process.kill()
        process.wait()
        after = ages(tmp_path / "killed")
        assert before.items() <= after.items()  # nothing finished was done again
        assert len(before) < len(after) < POINTS
        before = after
    subprocess.run(command, check=True, cwd=tmp_path)
    assert before.items() <= ages(tmp_path / "killed").items()
    same(whole_sweep, sc.Sweep.load(tmp_path / "killed"))


# In a file of its own: a cluster's processes import their parent's main module.
KILLED_ON_DASK = (
    KILLED
    + """
import os
from distributed import Client, LocalCluster

if __name__ == "__main__":
    cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None,
                           silence_logs=50)
    with cluster, Client(cluster) as client:
        print(*client.run(os.getpid).values(), flush=True)
        run(client.get_executor())
        print("done", flush=True)
"""
)
MOMENTS = 3 if os.environ.get("CI") else 10


@pytest.fixture
def dask_sweep(tmp_path):
    """Start a sweep on a cluster of its own; returns its process, and the workers' pids. None of
    them outlives the test."""
    pytest.importorskip("distributed")
    (tmp_path / "script.py").write_text(KILLED_ON_DASK)
    started = []

    def start(store):
        with open(tmp_path / "log", "a") as log:
            process = subprocess.Popen(
                [sys.executable, "script.py", str(store)],
                cwd=tmp_path,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        workers = [int(pid) for pid in process.stdout.readline().split()]
        started.append((process, workers))
        assert len(workers) == 2, (tmp_path / "log").read_text()
        return process, workers

    yield start
    for process, workers in started:
        if process.poll() is None:
            process.kill()
            kill(workers)
        process.communicate()


def kill(pids):
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_workers_of_dask_killed_at_random_moments(tmp_path, dask_sweep, whole_sweep):
    rng = np.random.default_rng(3)
    for moment in range(MOMENTS):
        store = tmp_path / f"store{moment}"
        process, workers = dask_sweep(store)
        wait_for_chunks(store, int(rng.integers(0, 40)), process)
        time.sleep(rng.uniform(0, 0.05))
        before = ages(store)
        os.kill(workers[int(rng.integers(2))], signal.SIGKILL)
        assert process.communicate(timeout=120)[0] == "done\n", (tmp_path / "log").read_text()
        assert before.items() <= ages(store).items()  # nothing finished was done again
        same(whole_sweep, sc.Sweep.load(store))


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_clients_of_dask_killed_at_random_moments(tmp_path, dask_sweep, whole_sweep):
    rng, store = np.random.default_rng(4), tmp_path / "store"
    for _ in range(MOMENTS):
        process, workers = dask_sweep(store)
        before = ages(store)
        wait_for_chunks(store, len(before) + 1, process)
        time.sleep(rng.uniform(0, 0.02))
        process.kill()
        process.wait()
        time.sleep(rng.uniform(0, 0.02))  # the workers may finish a chunk meanwhile
        kill(workers)
        assert before.items() <= ages(store).items()
        assert len(before) < len(ages(store)) < POINTS
    before = ages(store)
    process, _ = dask_sweep(store)
    assert process.communicate(timeout=120)[0] == "done\n", (tmp_path / "log").read_text()
    assert before.items() <= ages(store).items()
    same(whole_sweep, sc.Sweep.load(store))


def test_a_chunk_is_marked_after_all_of_it_is_flushed(tmp_path, monkeypatch):
    parts = [import_module(f"scalecore.sweeps.{name}") for name in ("_store", "_chunks")]
    real, flushed = parts[0].flush, []
    for part in parts:
        monkeypatch.setattr(part, "flush", lambda path: (real(path), flushed.append(path)))
    path = tmp_path / "s"
    sc.sweep(
        "compute_optimal",
        {"budget": [1e6, 1e9], "input_dim": 10, "concentration": [1, 9]},
        path,
        chunks={"budget": 1},
    )
    names = [
        re.sub(r"^s\.[^/]*", "s", str(file.relative_to(tmp_path)))  # made beside, then renamed
        for file in flushed
    ]
    assert {str(file.relative_to(tmp_path)) for file in path.rglob("*")} <= set(names)
    for chunk in "01":
        for variable in ("width", "samples", "error", "elasticity", "status"):
            file = names.index(f"s/{variable}/{chunk}.0")
            assert f"s/{variable}" in names[file:]  # its name in the folder, too
            assert file < names.index(f"s/{MARKS}/{chunk}")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_disk_that_fails_gives_one_error_and_loses_nothing(tmp_path, monkeypatch, code):
    real, calls = module.write_chunk, count(1)

    def failing(store, number, out):
        if next(calls) > 5:
            raise OSError(code, os.strerror(code))
        real(store, number, out)

    monkeypatch.setattr(module, "write_chunk", failing)
    with pytest.raises(
        OSError, match=f"{os.strerror(code)}; finished chunks are kept, the same call continues"
    ) as caught:
        sc.sweep("compute_optimal", GRID, tmp_path / "s", chunks=CHUNKS)
    assert caught.value.errno == code
    assert caught.value.filename == str(tmp_path / "s")
    monkeypatch.undo()
    assert sc.Sweep.load(tmp_path / "s").finished == 5
    same(
        sc.sweep("compute_optimal", GRID, tmp_path / "s", chunks=CHUNKS),
        sc.sweep("compute_optimal", GRID, tmp_path / "t", chunks=CHUNKS),
    )


# Permissions do not hold root back: the process begins as root, if the tests do, loads all it
# needs, and goes on as nobody.
READ_ONLY = """
import os, sys, scalecore as sc
from concurrent.futures import ThreadPoolExecutor

sys.stderr = sys.stdout
finished, begun, new, warm = sys.argv[1:]
call = "compute_optimal", {"budget": "1e6:1e12:8", "input_dim": 10, "concentration": 100}
sc.sweep(*call, warm, chunks={"budget": 1}).open().close()
if os.getuid() == 0:
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
done = sc.sweep(*call, finished, chunks={"budget": 1}).complete
print(done, sc.Sweep.load(begun).finished, flush=True)
for store in begun, new:
    for executor in None, ThreadPoolExecutor(2):
        try:
            sc.sweep(*call, store, chunks={"budget": 1}, executor=executor)
        except OSError as error:
            print(type(error).__name__, error, flush=True)
"""


@pytest.fixture
def open_folder():
    """A folder that the user `nobody` can reach, as pytest's are not."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@pytest.mark.skipif(os.name == "nt", reason="permissions are others there")
def test_a_read_only_store_gives_one_error_and_loses_nothing(tmp_path, open_folder):
    grid, chunks = {"budget": "1e6:1e12:8", "input_dim": 10, "concentration": 100}, {"budget": 1}
    place = open_folder / "place"
    finished = sc.sweep("compute_optimal", grid, place / "finished", chunks=chunks)
    sc.sweep("compute_optimal", grid, place / "begun", chunks=chunks)
    for number in (3, 6):
        (place / "begun" / MARKS / str(number)).unlink()
    folders = [place, *(folder for folder in place.rglob("*") if folder.is_dir())]
    before = {file: file.stat().st_mtime_ns for file in place.rglob("*") if file.is_file()}
    for folder in folders:
        folder.chmod(0o555)
    try:
        command = [
            sys.executable,
            "-c",
            READ_ONLY,
            *(str(place / name) for name in ("finished", "begun", "new")),
            tmp_path / "warm",
        ]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert {
            file: file.stat().st_mtime_ns for file in place.rglob("*") if file.is_file()
        } == before
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert done.stdout.splitlines() == [
        "True 6",  # a finished store can be read, and asked for again
        *2
        * [
            "PermissionError [Errno 13] Permission denied; finished chunks are kept, the same "
            f"call continues: '{place}/begun'"
        ],
        *2
        * [
            "PermissionError [Errno 13] Permission denied; the store was not created: "
            f"'{place}/new'"
        ],
    ], done.stdout + done.stderr
    assert done.stderr == ""
    same(finished, sc.sweep("compute_optimal", grid, place / "begun", chunks=chunks))


@pytest.mark.parametrize("variable", ["error", "width", "status"])
def test_a_chunk_that_lost_a_file_is_computed_again(tmp_path, variable):
    """As when a copy of the store was cut short; the others are left alone."""
    grid = {"budget": "1e3:1e9:7", "concentration": [1, 10], "input_dim": 3}
    first = sc.sweep("compute_optimal", grid, tmp_path / "store", chunks={"budget": 2})
    store = first.path
    with first.open() as data:
        before = {key: np.array(data[key]) for key in data}
    kept = ages(store)
    (store / variable / "1.0").unlink()
    assert sc.Sweep.load(store).finished == 3
    again = sc.sweep("compute_optimal", grid, store, chunks={"budget": 2})
    assert again.complete
    with again.open() as data:
        for key, values in before.items():
            np.testing.assert_array_equal(values, data[key])
    changed = {key for key, age in ages(store).items() if age != kept[key]}
    assert changed == {"1"}
