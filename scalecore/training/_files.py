"""Training runs in one file (imports xarray)."""

from __future__ import annotations

from errno import EISDIR, ENOENT
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._common.atomic_files import atomic_write, failure
from .._common.optional import imported
from .._common.validation import path as path_of
from .._views.training_dataset import AXES, GRID, RUNS, label, runs_dataset, xarray
from ..network import NetworkPrior
from ._adf_features import Features
from ._engine import Measured, State
from ._plan import TrainingPlan

if TYPE_CHECKING:
    from .._common.annotations import FilePath
    from ._runs import TrainingRuns

_FORMAT = 1  # version of the file format
_STATE = {  # fields of `State`, and for each its name in the file, dimensions, long name and unit
    "sums": ("state_sum", GRID, "sum of errors so far", "nat"),
    "read": ("state_read", GRID, "samples read", "1"),
    "diverged": ("state_diverged", GRID, "first sample whose logit was not finite, or -1", "1"),
    "record": ("state_record", (*GRID, "planned"), "mean error at planned checkpoints", "nat"),
}
_FEATURES = {  # what "adf" keeps for each width
    "directions": (("direction", "input"), "directions u of the features |u . x|"),
    "basis": (("unit", "raw"), "features by coefficient: of the inputs, then of |u . x|"),
    "variances": (("unit",), "variances of the coefficients before any sample"),
}


def _file(value: Any) -> Path:
    return Path(path_of("path", value))


def save_runs(runs: TrainingRuns, path: FilePath) -> None:
    """Write runs and their state; see `TrainingRuns.save`."""
    target = _file(path)
    # netCDF reports both as permission denied
    if target.is_dir() or not target.absolute().parent.is_dir():
        raise OSError(
            *(
                (EISDIR, "it is a folder")
                if target.is_dir()
                else (ENOENT, "its folder does not exist")
            ),
            str(target),
        )
    dataset, state = runs_dataset(runs), runs._state
    dataset = dataset.assign(
        {name: (dims, getattr(state, part)) for part, (name, dims, _, _) in _STATE.items()}
    )
    dataset = dataset.assign_coords(planned=state.planned)
    adf = runs.optimizer == "adf"
    text = (
        "covariance of the coefficients, then their mean"
        if adf
        else "weights (plane 0; last row: output weights) and Adam's moments"
    )
    for width, weights in zip(runs.widths, state.weights, strict=True):
        dims = (
            "repeat",
            "learning_rate",
            "plane",
            f"row_{width}" if adf else "row",
            f"unit_{width}",
        )
        dataset[f"weights_{width}"] = (dims, weights)
        dataset[f"weights_{width}"].attrs.update(long_name=text, units="1")
    for width, each in zip(runs.widths, state.features, strict=False):
        for name, (axes, meaning) in _FEATURES.items():
            dataset[f"{name}_{width}"] = ([f"{dim}_{width}" for dim in axes], getattr(each, name))
            dataset[f"{name}_{width}"].attrs.update(long_name=meaning, units="1")
    dataset.attrs["scalecore_format"] = _FORMAT
    label(dataset, {name: (text, units) for name, _, text, units in _STATE.values()} | AXES)
    _check_engine()
    try:
        # on a full disk the file that was there must survive
        with atomic_write(target) as unfinished:
            dataset.to_netcdf(unfinished, engine="netcdf4")
    except OSError as error:
        raise failure(error, "the runs were not saved", target) from error


def load_runs(path: FilePath, make: type[TrainingRuns]) -> TrainingRuns:
    """Read runs and their state; see `TrainingRuns.load`."""
    _check_engine()
    source = _file(path)
    with xarray().open_dataset(source, engine="netcdf4", decode_cf=False) as opened:
        data = opened.load()
    about = data.attrs
    if "scalecore_format" not in about:
        raise ValueError(f"{source} was not written by TrainingRuns.save")
    if int(about["scalecore_format"]) != _FORMAT:
        raise ValueError(
            f"{source} has format {about['scalecore_format']} ({about['source']}); this version "
            f"reads {_FORMAT}"
        )
    widths = data["width"].to_numpy()
    arrays: dict[str, Any] = {
        part: np.ascontiguousarray(data[name].to_numpy()) for part, (name, *_) in _STATE.items()
    }
    state = State(
        weights=[np.ascontiguousarray(data[f"weights_{width}"].to_numpy()) for width in widths],
        **arrays,
        planned=data["planned"].to_numpy(),
        features=[
            Features(
                *(np.ascontiguousarray(data[f"{name}_{width}"].to_numpy()) for name in _FEATURES)
            )
            for width in (widths if about["optimizer"] == "adf" else ())
        ],
    )
    plan = TrainingPlan(
        prior=NetworkPrior(int(about["input_dim"]), float(about["concentration"])),
        widths=widths,
        learning_rates=data["learning_rate"].to_numpy(),
        repeats=data.sizes["repeat"],
        optimizer=str(about["optimizer"]),
        decay=float(about["decay"]),
        decay_start=float(about["decay_start"]),
        checkpoints=state.planned,
        test_inputs=int(about["test_inputs"]),
        dtype=str(about["dtype"]),
        key=int(about["key"]),
    )
    measured = Measured(
        samples=int(about["samples_read"]),
        checkpoints=data["samples"].to_numpy(),
        **{name: data[name].to_numpy() for name in RUNS},
        interrupted=bool(about["interrupted"]),
    )
    return make._of(plan, measured, state)


def _check_engine() -> None:
    xarray()
    imported("netCDF4", "saving and loading runs needs xarray and netCDF4", "data")
