"""Training runs and empirical frontiers as labelled data, and runs in one file (imports xarray)."""

from __future__ import annotations

from errno import EISDIR, ENOENT
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import __version__
from .._common.atomic_files import failure, written_whole
from .._common.validation import path as path_of
from ..network import NetworkPrior
from ._adf_features import Features
from ._engine import State
from ._runs import TrainingRuns

if TYPE_CHECKING:
    from xarray import Dataset

    from ._empirical_frontier import EmpiricalFrontier

_FORMAT = 1  # of the file
_NOT_INSTALLED = "needs xarray and netCDF4: pip install 'scalecore[data]'"
_GRID = ("repeat", "width", "learning_rate")
_RUNS = {
    "error": ((*_GRID, "samples"), "prequential reducible error", "nat"),
    "final_error": (_GRID, "error of the trained network on fresh inputs", "nat"),
    "diverged": (_GRID, "first sample whose logit was not finite, or -1", "1"),
}
_STATE = {
    "state_sum": (_GRID, "sum of errors so far", "nat"),
    "state_read": (_GRID, "samples read", "1"),
    "state_diverged": (_GRID, "first sample whose logit was not finite, or -1", "1"),
    "state_record": ((*_GRID, "planned"), "mean error at planned checkpoints", "nat"),
}
_FEATURES = {  # of "adf", for each width
    "directions": (("direction", "input"), "directions u of the features |u . x|"),
    "basis": (("unit", "raw"), "features by coefficient: of the inputs, then of |u . x|"),
    "variances": (("unit",), "variances of the coefficients before any sample"),
}
_AXES = {
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
    "width_interval": ("width_interval", ("budget", "bound"), "bootstrap interval of the best width", "1"),
    "error_interval": ("error_interval", ("budget", "bound"), "bootstrap interval of the error", "nat"),
    "edge_share": ("edge_share", ("budget",), "share of resamples at an edge of the grid", "1"),
    "status": ("status", ("budget",), "status", "1"),
    "line_samples": ("line_samples", ("budget", "width"), "samples along the isoFLOP line", "1"),
    "line_error": ("line_error", ("budget", "width"), "error along the isoFLOP line", "nat"),
    "line_std_error": ("line_std_error", ("budget", "width"), "its standard error", "nat"),
    "line_learning_rate": ("line_learning_rate", ("budget", "width"), "best learning rate", "1"),
}


def _xarray() -> Any:
    try:
        import xarray
    except ImportError as error:
        raise ImportError(f"labelled data {_NOT_INSTALLED}") from error
    return xarray


def runs_dataset(runs: TrainingRuns) -> Dataset:
    """Label the arrays of TrainingRuns; see `TrainingRuns.to_dataset`."""
    dataset = _xarray().Dataset(
        {name: (dims, getattr(runs, name)) for name, (dims, _, _) in _RUNS.items()},
        coords={"width": runs.widths, "learning_rate": runs.learning_rates, "samples": runs.checkpoints},
        attrs={
            "title": "networks trained on the infinite-width network's data",
            "source": f"scalecore {__version__}",
            "input_dim": runs.prior.input_dim,
            "concentration": runs.prior.concentration,
            "optimizer": runs.optimizer,
            "decay": runs.decay,
            "decay_start": runs.decay_start,
            "dtype": runs.dtype,
            "test_inputs": runs.test_inputs,
            "samples_read": runs.samples,
            "interrupted": int(runs.interrupted),
            "key": str(runs.key),
        },
    )
    return _describe(dataset, {name: (text, units) for name, (_, text, units) in _RUNS.items()} | _AXES)


def empirical_dataset(frontier: EmpiricalFrontier) -> Dataset:
    """Label the arrays of an EmpiricalFrontier; see `EmpiricalFrontier.to_dataset`."""
    from ._empirical_frontier import EmpiricalStatus

    dataset = _xarray().Dataset(
        {name: (dims, getattr(frontier, field)) for name, (field, dims, _, _) in _FRONTIER.items()},
        coords={"budget": frontier.budget, "width": frontier.widths, "bound": ["low", "high"]},
        attrs={
            "title": "compute-optimal frontier of trained networks",
            "source": f"scalecore {__version__}",
            "input_dim": frontier.prior.input_dim,
            "concentration": frontier.prior.concentration,
            "optimizer": frontier.optimizer,
            "cost": frontier.cost,
            "confidence": frontier.confidence,
            "exponent": frontier.exponent,
            "exponent_interval": frontier.exponent_interval,
            "slope": frontier.slope,
            "slope_interval": frontier.slope_interval,
        },
    )
    texts = {name: (text, units) for name, (_, _, text, units) in _FRONTIER.items()}
    _describe(dataset, texts | {"budget": ("compute budget", "FLOP"), "width": _AXES["width"]})
    dataset["status"].attrs.update(
        flag_values=np.array([int(status) for status in EmpiricalStatus], np.int8),
        flag_meanings=" ".join(status.name for status in EmpiricalStatus),
    )
    return dataset


def _describe(dataset: Dataset, texts: dict[str, tuple[str, str]]) -> Dataset:
    for name, (long_name, units) in texts.items():
        if name in dataset.variables:
            dataset[name].attrs.update(long_name=long_name, units=units)
    return dataset


def _file(value: Any) -> Path:
    return Path(path_of("path", value))


def save_runs(runs: TrainingRuns, path: Any) -> None:
    """Write runs and their state; see `TrainingRuns.save`."""
    target = _file(path)
    if target.is_dir() or not target.absolute().parent.is_dir():  # netCDF says of both that permission is denied
        raise OSError(*((EISDIR, "it is a folder") if target.is_dir() else (ENOENT, "its folder does not exist")), str(target))
    dataset, state = runs_dataset(runs), runs._state
    arrays = dict(zip(_STATE, (state.sums, state.read, state.diverged, state.record), strict=True))
    dataset = dataset.assign({name: (_STATE[name][0], array) for name, array in arrays.items()})
    dataset = dataset.assign_coords(planned=state.planned)
    adf = runs.optimizer == "adf"
    text = (
        "covariance of the coefficients, then their mean"
        if adf
        else "weights (plane 0; last row: output weights) and Adam's moments"
    )
    for width, weights in zip(runs.widths, state.weights, strict=True):
        dims = ("repeat", "learning_rate", "plane", f"row_{width}" if adf else "row", f"unit_{width}")
        dataset[f"weights_{width}"] = (dims, weights)
        dataset[f"weights_{width}"].attrs.update(long_name=text, units="1")
    for width, them in zip(runs.widths, state.features, strict=False):
        for name, (dims, text) in _FEATURES.items():
            dataset[f"{name}_{width}"] = ([f"{dim}_{width}" for dim in dims], getattr(them, name))
            dataset[f"{name}_{width}"].attrs.update(long_name=text, units="1")
    dataset.attrs["scalecore_format"] = _FORMAT
    _describe(dataset, {name: (text, units) for name, (_, text, units) in _STATE.items()} | _AXES)
    _check_engine()
    try:
        with written_whole(target) as unfinished:  # a full disk must not cost the file that was there
            dataset.to_netcdf(unfinished, engine="netcdf4")
    except OSError as error:
        raise failure(error, "the runs were not saved", target) from error


def load_runs(path: Any) -> TrainingRuns:
    """Read runs and their state; see `TrainingRuns.load`."""
    _check_engine()
    source = _file(path)
    with _xarray().open_dataset(source, engine="netcdf4", decode_cf=False) as opened:
        data = opened.load()
    about = data.attrs
    if "scalecore_format" not in about:
        raise ValueError(f"{source} was not written by TrainingRuns.save")
    if int(about["scalecore_format"]) != _FORMAT:
        raise ValueError(f"{source} has format {about['scalecore_format']} ({about['source']}); this version reads {_FORMAT}")
    widths = data["width"].to_numpy()
    state = State(
        [np.ascontiguousarray(data[f"weights_{width}"].to_numpy()) for width in widths],
        *(np.ascontiguousarray(data[name].to_numpy()) for name in _STATE),
        planned=data["planned"].to_numpy(),
        features=[
            Features(*(np.ascontiguousarray(data[f"{name}_{width}"].to_numpy()) for name in _FEATURES))
            for width in (widths if about["optimizer"] == "adf" else ())
        ],
    )
    return TrainingRuns(
        prior=NetworkPrior(int(about["input_dim"]), float(about["concentration"])),
        widths=widths,
        learning_rates=data["learning_rate"].to_numpy(),
        samples=int(about["samples_read"]),
        checkpoints=data["samples"].to_numpy(),
        **{name: data[name].to_numpy() for name in _RUNS},
        optimizer=str(about["optimizer"]),
        decay=float(about["decay"]),
        decay_start=float(about["decay_start"]),
        dtype=str(about["dtype"]),
        test_inputs=int(about["test_inputs"]),
        interrupted=bool(about["interrupted"]),
        key=int(about["key"]),
        _state=state,
    )


def _check_engine() -> None:
    _xarray()
    try:
        import netCDF4  # noqa: F401
    except ImportError as error:
        raise ImportError(f"saving and loading runs {_NOT_INSTALLED}") from error
