"""A swept frontier, flushed to the disk, beside its kernel alone; two workers of Dask beside one.

`pytest bench/bench_sweep.py` measures two million points. As a program it measures what is too long
for that:

    python bench/bench_sweep.py frontier 1e8 --folder .
    python bench/bench_sweep.py dask
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from time import perf_counter

import numpy as np

import scalecore as sc
from scalecore._core import frontier as kernel

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


def write_alone(folder, size):
    """Seconds, of the clock and of processors, that the disk takes for as many bytes, in files as
    long as a chunk's, written and flushed one after another."""
    block, start, cpu = np.random.default_rng(0).bytes(2**23), perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory(dir=folder) as place:
        for number in range(max(1, round(size / len(block)))):
            with open(Path(place) / str(number), "wb") as file:
                file.write(block)
                file.flush()
                os.fsync(file.fileno())
        return perf_counter() - start, time.process_time() - cpu


def frontier(points, folder):
    """One large sweep: where its time goes, and the memory that it needs."""
    import resource

    inside, compute = 0.0, kernel.compute_optimal

    def timed(*arguments, **named):
        nonlocal inside
        start = perf_counter()
        compute(*arguments, **named)
        inside += perf_counter() - start

    axes, place = grid(points), tempfile.mkdtemp(dir=folder)
    kernel.compute_optimal = timed
    start, cpu = perf_counter(), time.process_time()
    sc.sweep("compute_optimal", axes, place, progress=True)
    wall, cpu = perf_counter() - start, time.process_time() - cpu
    kernel.compute_optimal = compute
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )
    size = sum(file.stat().st_size for file in Path(place).rglob("*") if file.is_file())
    shutil.rmtree(place)
    start, kernel_cpu = perf_counter(), time.process_time()
    kernel_alone(axes["budget"])
    alone, kernel_cpu = perf_counter() - start, time.process_time() - kernel_cpu
    disk, disk_cpu = write_alone(folder, size)
    print(
        f"{points:.3g} points, {size / 1e9:.3g} GB: {wall:.1f} s, {cpu:.1f} s of processors, at "
        f"most {memory / 1e6:.0f} MB"
    )
    print(f"inside the kernel: {inside:.1f} s, {inside / wall:.0%} of the sweep's time")
    print(f"the kernel alone, nothing written: {alone:.1f} s, {alone / wall:.0%}")
    print(f"as many bytes written and flushed alone: {disk:.1f} s, {disk / wall:.0%}")
    print(
        f"processors: kernel {kernel_cpu:.1f} s, writing {disk_cpu:.1f} s; were they never idle and"
        f" did nothing else, the kernel's share would be {kernel_cpu / (kernel_cpu + disk_cpu):.0%}"
    )


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
    large.add_argument("points", type=float, nargs="?", default=1e8)
    two.add_argument("rounds", type=int, nargs="?", default=3)
    for command in (large, two):
        command.add_argument("--folder", default=".", help="where to write")
    asked = parser.parse_args()
    frontier(asked.points, asked.folder) if asked.what == "frontier" else dask(
        asked.rounds, asked.folder
    )
