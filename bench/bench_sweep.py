"""A swept frontier, flushed to the disk, beside its kernel alone; two workers of Dask beside one.

`pytest bench/bench_sweep.py` measures two million points. As a program it measures what is too long
for that:

    python bench/bench_sweep.py frontier 3e7 --folder .
    python bench/bench_sweep.py dask
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter

import numpy as np

import scalecore as sc
from scalecore._core.threads import default_threads

DIMS, CONCENTRATIONS = np.geomspace(1, 1000, 10), np.geomspace(1, 1e4, 10)


def grid(points):
    return {
        "budget": np.geomspace(1e6, 1e24, int(points) // 100),
        "input_dim": DIMS,
        "concentration": CONCENTRATIONS,
    }


def kernel_alone(budgets):
    for part in np.array_split(budgets, max(1, budgets.size // 10_000)):
        sc.compute_optimal(part[:, None, None], DIMS[:, None], CONCENTRATIONS)


def test_frontier_to_zarr(contest, tmp_path):
    axes = grid(2e6)

    def whole():
        sc.sweep("compute_optimal", axes, tmp_path / "sweep.zarr")
        shutil.rmtree(tmp_path / "sweep.zarr")

    contenders = {"sweep": whole, "compute_optimal alone": lambda: kernel_alone(axes["budget"])}
    medians = contest("2e6 points of compute_optimal to Zarr", contenders, 2e6, "ns a point")
    print(f"kernel's share of the sweep: {medians['compute_optimal alone'] / medians['sweep']:.0%}")


def write_plainly(folder, size):
    """Write as many bytes as a sweep does, in files as long as a chunk's, flushed one after
    another.
    """
    block = np.random.default_rng(0).bytes(2**23)
    with tempfile.TemporaryDirectory(dir=folder) as place:
        for number in range(max(1, round(size / len(block)))):
            with open(Path(place) / str(number), "wb") as file:
                file.write(block)
                file.flush()
                os.fsync(file.fileno())


def kernel_at_its_best(budgets, beside=lambda: None):
    """The kernel on all processors, each at points of its own so that none waits for another, and
    something else beside it.
    """

    def compute(part):
        sc.compute_optimal(part[:, None, None], DIMS[:, None], CONCENTRATIONS, n_threads=1)

    with ThreadPoolExecutor(1) as other, ThreadPoolExecutor(default_threads()) as pool:
        running = other.submit(beside)
        list(pool.map(compute, np.array_split(budgets, max(1, budgets.size // 10_000))))
        running.result()


def frontier(points, folder, rounds):
    """One large sweep and its parts, in turn: where its time goes, and the memory that it needs."""
    import resource

    axes, size, memory = grid(points), 0, 0
    parts = {
        "the sweep": lambda: sc.sweep("compute_optimal", axes, place),
        "compute_optimal alone": lambda: kernel_alone(axes["budget"]),
        "the kernel alone, no thread waiting": lambda: kernel_at_its_best(axes["budget"]),
        "as many bytes written and flushed alone": lambda: write_plainly(folder, size),
        "the kernel, no thread waiting, beside such writing": lambda: kernel_at_its_best(
            axes["budget"], lambda: write_plainly(folder, size)
        ),
    }
    times = {name: [] for name in parts}
    for _ in range(rounds):
        place = Path(tempfile.mkdtemp(dir=folder))
        for name, part in parts.items():
            start, cpu = perf_counter(), time.process_time()
            part()
            times[name].append((perf_counter() - start, time.process_time() - cpu))
            memory = memory or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            size = size or sum(file.stat().st_size for file in place.rglob("*") if file.is_file())
        shutil.rmtree(place)
    medians = {name: np.median(each, axis=0) for name, each in times.items()}
    memory *= 1 if sys.platform == "darwin" else 1024
    print(f"{points:.3g} points, {size / 1e9:.3g} GB, at most {memory / 1e6:.0f} MB in memory;")
    print(f"seconds of the clock, of processors, share of the sweep's time, medians of {rounds}:")
    for name, (wall, processors) in medians.items():
        share = wall / medians["the sweep"][0]
        print(f"    {wall:6.2f} {processors:6.2f} {share:5.0%}  {name}")


def dask(rounds, folder):
    """One worker of one thread, and two, in turn."""
    from distributed import Client, LocalCluster

    prior = {"input_dim": [5, 10], "concentration": np.geomspace(10, 100, 8)}
    options = {
        "widths": [4, 16, 64],
        "learning_rates": [0.02, 0.1],
        "samples": 300_000,
        "repeats": 2,
        "rng": 1,
    }
    calls = {
        "train, 16 points": ("train", prior, options),
        "compute_optimal, 1e7 points": ("compute_optimal", grid(1e7), {}),
    }
    for title, (task, axes, arguments) in calls.items():
        times = {1: [], 2: []}
        for _ in range(rounds):
            for workers in times:
                cluster = LocalCluster(
                    n_workers=workers, threads_per_worker=1, dashboard_address=None
                )
                with (
                    cluster,
                    Client(cluster) as client,
                    tempfile.TemporaryDirectory(dir=folder) as place,
                ):
                    pool = client.get_executor()
                    sc.sweep(
                        "occupancy",
                        {"width": np.arange(1.0, 9), "concentration": 1},
                        place + "/warm",
                        chunks={"width": 1},
                        executor=pool,
                    )
                    start = perf_counter()
                    sc.sweep(task, axes, place + "/sweep", executor=pool, n_threads=1, **arguments)
                    times[workers].append(perf_counter() - start)
        one, two = (float(np.median(values)) for values in times.values())
        print(
            f"{title}: one worker {one:.2f} s, two {two:.2f} s, {one / two:.2f} times as fast "
            f"(medians of {rounds})",
            flush=True,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="what", required=True)
    large, two = commands.add_parser("frontier"), commands.add_parser("dask")
    large.add_argument("points", type=float, nargs="?", default=3e7)
    for command in (large, two):
        command.add_argument("rounds", type=int, nargs="?", default=3)
        command.add_argument("--folder", default=".", help="where to write")
    asked = parser.parse_args()
    frontier(asked.points, asked.folder, asked.rounds) if asked.what == "frontier" else dask(
        asked.rounds, asked.folder
    )
