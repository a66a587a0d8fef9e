"""Training runs and empirical frontiers as labelled data (imports xarray)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._common.optional import imported
from .._common.status import EmpiricalStatus
from .._core.bounds import VERSION

if TYPE_CHECKING:
    from xarray import Dataset

    from ..network import NetworkPrior
    from ..training import EmpiricalFrontier, TrainingRuns

GRID = ("repeat", "width", "learning_rate")
RUNS = {
    "error": ((*GRID, "samples"), "prequential reducible error", "nat"),
    "final_error": (GRID, "error of the trained network on fresh inputs", "nat"),
    "diverged": (GRID, "first sample whose logit was not finite, or -1", "1"),
}
AXES = {
    "width": ("hidden units", "1"),
    "learning_rate": ("learning rate", "1"),
    "samples": ("samples read", "1"),
    "planned": ("planned checkpoints", "1"),
}
_FRONTIER = {
    "best_width": ("width", ("budget",), "best width", "1"),
    "best_samples": ("samples", ("budget",), "samples at the best width", "1"),
    "parameters": ("parameters", ("budget",), "parameters at the best width", "1"),
    "error": ("error", ("budget",), "prequential error at the best width", "nat"),
    "width_interval": (
        "width_interval",
        ("budget", "bound"),
        "bootstrap interval of the best width",
        "1",
    ),
    "error_interval": (
        "error_interval",
        ("budget", "bound"),
        "bootstrap interval of the error",
        "nat",
    ),
    "edge_share": ("edge_share", ("budget",), "share of resamples at an edge of the grid", "1"),
    "status": ("status", ("budget",), "status", "1"),
    "line_samples": ("line_samples", ("budget", "width"), "samples along the isoFLOP line", "1"),
    "line_error": ("line_error", ("budget", "width"), "error along the isoFLOP line", "nat"),
    "line_std_error": ("line_std_error", ("budget", "width"), "its standard error", "nat"),
    "line_learning_rate": ("line_learning_rate", ("budget", "width"), "best learning rate", "1"),
}


def xarray() -> Any:
    """Return xarray."""
    return imported("xarray", "labelled data needs xarray and netCDF4", "data")


def runs_dataset(runs: TrainingRuns) -> Dataset:
    """Label the arrays of TrainingRuns; see `TrainingRuns.to_dataset`."""
    own = runs.prior is None
    dataset = xarray().Dataset(
        {name: (dims, getattr(runs, name)) for name, (dims, _, _) in RUNS.items()},
        coords={
            "width": runs.widths,
            "learning_rate": runs.learning_rates,
            "samples": runs.checkpoints,
        },
        attrs={
            "title": "networks trained on "
            + ("own data" if own else "the infinite-width network's data"),
            "source": f"scalecore {VERSION}",
            "input_dim": runs.input_dim,
            **_where_from(runs.prior),
            "optimizer": runs.optimizer,
            "decay": runs.decay,
            "decay_start": runs.decay_start,
            "dtype": runs.dtype,
            "test_inputs": runs.test_inputs,
            "samples_read": runs.samples,
            "interrupted": int(runs.interrupted),
            "key": str(runs.key),
        }
        | ({"shuffled": str(runs.shuffled)} if own else {}),
    )
    texts = {name: (text, units) for name, (_, text, units) in RUNS.items()} | AXES
    if own:
        texts["error"] = ("prequential log-loss", "nat")
    return label(dataset, texts)


def _where_from(prior: NetworkPrior | None) -> dict[str, Any]:
    """Return the attribute of a process that own data have not."""
    return {} if prior is None else {"concentration": prior.concentration}


def empirical_dataset(frontier: EmpiricalFrontier) -> Dataset:
    """Label the arrays of an EmpiricalFrontier; see `EmpiricalFrontier.to_dataset`."""
    dataset = xarray().Dataset(
        {name: (dims, getattr(frontier, field)) for name, (field, dims, _, _) in _FRONTIER.items()},
        coords={"budget": frontier.budget, "width": frontier.widths, "bound": ["low", "high"]},
        attrs={
            "title": "compute-optimal frontier of trained networks",
            "source": f"scalecore {VERSION}",
            "input_dim": frontier.input_dim,
            **_where_from(frontier.prior),
            "optimizer": frontier.optimizer,
            "cost": frontier.cost,
            "confidence": frontier.confidence,
            "exponent": frontier.exponent,
            "exponent_interval": frontier.exponent_interval,
            "slope": frontier.slope,
            "slope_interval": frontier.slope_interval,
        },
    )
    texts = {
        name: (text if name == "line_std_error" else text.replace("error", frontier.measure), units)
        for name, (_, _, text, units) in _FRONTIER.items()
    }
    label(dataset, texts | {"budget": ("compute budget", "FLOP"), "width": AXES["width"]})
    dataset["status"].attrs.update(
        flag_values=np.array([int(status) for status in EmpiricalStatus], np.int8),
        flag_meanings=" ".join(status.name for status in EmpiricalStatus),
    )
    return dataset


def label(dataset: Dataset, texts: dict[str, tuple[str, str]]) -> Dataset:
    """Write long names and units to what a dataset has of these."""
    for name, (long_name, units) in texts.items():
        if name in dataset.variables:
            dataset[name].attrs.update(long_name=long_name, units=units)
    return dataset
