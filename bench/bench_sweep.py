"""A swept frontier: the whole of `sweep`, flushed to the disk, beside its kernel alone."""

import shutil

import numpy as np

import scalecore as sc

BUDGETS, DIMS, CONCENTRATIONS = np.geomspace(1e6, 1e24, 20_000), np.geomspace(1, 1000, 10), np.geomspace(1, 1e4, 10)


def test_frontier_to_zarr(contest, tmp_path):
    grid = {"budget": BUDGETS, "input_dim": DIMS, "concentration": CONCENTRATIONS}

    def whole():
        sc.sweep("compute_optimal", grid, tmp_path / "sweep.zarr")
        shutil.rmtree(tmp_path / "sweep.zarr")

    def kernel():
        for part in np.array_split(BUDGETS, 2):
            sc.compute_optimal(part[:, None, None], DIMS[:, None], CONCENTRATIONS)

    points = BUDGETS.size * DIMS.size * CONCENTRATIONS.size
    medians = contest(
        "2e6 points of compute_optimal to Zarr", {"sweep": whole, "compute_optimal alone": kernel}, points, "ns a point"
    )
    print(f"kernel's share of the sweep: {medians['compute_optimal alone'] / medians['sweep']:.0%}")
