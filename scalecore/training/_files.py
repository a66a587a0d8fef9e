"""Training runs in one file (imports xarray)."""

from __future__ import annotations

import math
from errno import EIO, EISDIR, ENOENT
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._common.atomic_files import atomic_write, failure
from .._common.optional import imported
from .._common.validation import describe
from .._common.validation import path as path_of
from .._views.training_dataset import AXES, GRID, RUNS, label, runs_dataset, xarray
from ..network import NetworkPrior
from ._adf_features import Features
from ._engine import Measured, State
from ._plan import TrainingPlan

if TYPE_CHECKING:
    from xarray import Dataset

    from .._common.annotations import FilePath
    from ._runs import TrainingRuns

_FORMAT, _OWN_DATA = 1, 2  # of the file: runs on the theory's process, runs on own data
_SIGNATURE = b"\x89HDF\r\n\x1a\n"  # with which a NetCDF-4 file begins
_STATE = {  # by the fields of `State`: name in the file, dimensions, long name, unit
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
    if runs.prior is None:
        dataset["state_last"] = (("repeat", "last"), state.last)
        dataset["state_last"].attrs.update(long_name="last sample read, then its label", units="1")
    dataset.attrs["scalecore_format"] = _OWN_DATA if runs.prior is None else _FORMAT
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
    data = _opened(source)
    about = _Named(source, "attribute", data.attrs)
    columns = _Named(source, "variable", data)
    if "scalecore_format" not in data.attrs:
        raise ValueError(f"{source} was not written by TrainingRuns.save")
    form = about.number("scalecore_format")
    if form not in (_FORMAT, _OWN_DATA):
        raise ValueError(
            f"{source} has format {about['scalecore_format']} ({data.attrs.get('source')}); this "
            f"version reads {_FORMAT} and {_OWN_DATA}"
        )
    own, input_dim = form == _OWN_DATA, int(about.number("input_dim"))
    widths = columns.array("width")
    state = State(
        weights=[columns.array(f"weights_{width}") for width in widths],
        **{part: columns.array(name) for part, (name, *_) in _STATE.items()},
        planned=columns.array("planned"),
        features=[
            Features(*(columns.array(f"{name}_{width}") for name in _FEATURES))
            for width in (widths if about["optimizer"] == "adf" else ())
        ],
        last=columns.array("state_last") if own else None,
    )
    plan = TrainingPlan(
        prior=None if own else NetworkPrior(input_dim, about.number("concentration")),
        input_dim=input_dim,
        shuffled=int(about.number("shuffled")) if own else 0,
        widths=widths,
        learning_rates=columns.array("learning_rate"),
        repeats=data.sizes.get("repeat", 0),
        optimizer=str(about["optimizer"]),
        decay=about.number("decay"),
        decay_start=about.number("decay_start"),
        checkpoints=state.planned,
        test_inputs=int(about.number("test_inputs")),
        dtype=str(about["dtype"]),
        key=int(about.number("key")),
    )
    measured = Measured(
        samples=int(about.number("samples_read")),
        checkpoints=columns.array("samples"),
        **{name: columns.array(name) for name in RUNS},
        interrupted=bool(about.number("interrupted")),
    )
    try:
        return make._of(plan, measured, state)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{source} does not hold training runs: {error}") from None


class _Named:
    """What a file holds by name; what it does not hold is told with the file's name."""

    def __init__(self, source: Path, kind: str, held: Any) -> None:
        self.source, self.kind, self.held = source, kind, held

    def __getitem__(self, name: str) -> Any:
        if name not in self.held:
            raise ValueError(
                f"{self.source} does not hold training runs: it has no {self.kind} {name!r}"
            )
        return self.held[name]

    def array(self, name: str) -> NDArray[Any]:
        return np.ascontiguousarray(self[name].to_numpy())

    def number(self, name: str) -> Any:
        """Return a finite number; a key has more digits than a double, and is text."""
        value = self[name]
        try:
            number = int(value) if isinstance(value, str) else value.item()
            if not abs(number) < math.inf:
                raise ValueError
        except (ValueError, TypeError, AttributeError):
            raise ValueError(
                f"{self.source} does not hold training runs: its {self.kind} {name!r} must be a "
                f"number, got {describe(value)}"
            ) from None
        return number


def _is_no_netcdf4(source: Path) -> bool:
    """Tell whether a file that can be read begins otherwise than NetCDF-4 files do; the library's
    own error numbers for such files differ from one build to another.
    """
    try:
        with source.open("rb") as file:
            return file.read(len(_SIGNATURE)) != _SIGNATURE
    except OSError:
        return False


def _opened(source: Path) -> Dataset:
    try:
        with xarray().open_dataset(source, engine="netcdf4", decode_cf=False) as opened:
            return opened.load()
    except OSError:
        if _is_no_netcdf4(source):
            raise ValueError(f"{source} was not written by TrainingRuns.save") from None
        raise
    except RuntimeError as error:  # as netCDF4 says of damaged files
        raise OSError(EIO, f"it cannot be read ({error})", str(source)) from error


def _check_engine() -> None:
    xarray()
    imported("netCDF4", "saving and loading runs needs xarray and netCDF4", "data")
