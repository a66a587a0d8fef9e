"""A sweep's plan, its store, and one chunk of it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import lru_cache
from math import ceil, prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import __version__
from ._sweep_tasks import AXES, REQUIRED, Task, find_task
from ._validation import axis, describe, positive_int, real_array, stream_key

MARKS = ".scalecore/finished"  # a file for each finished chunk: that it is there is all it says
_POINTS = 2**20  # in a chunk, where `chunks` does not say
_FORMAT = 1


def make_plan(
    what: Task, grid: Mapping[str, Any], chunks: Mapping[str, int] | None, options: dict[str, Any], variables: Any, rng: Any
) -> dict[str, Any]:
    """Return everything that fixes the result, as what JSON can hold; check it all."""
    if not isinstance(grid, Mapping):
        raise TypeError(f"grid must be a dict of named axes, got {describe(grid)}")
    for name in grid:
        if name not in what.axes:
            raise ValueError(f"grid has no axis {name!r} for {what.name}; its axes are {', '.join(what.axes)}")
    for name in what.axes:
        if name not in grid and name not in what.optional:
            raise ValueError(f"grid must have the axis {name!r} for {what.name}")
    axes = {name: _axis_values(name, values) for name, values in grid.items()}
    for name in options:
        if name not in what.options:
            known = ", ".join(what.options) or "none"
            raise TypeError(f"{what.name} has no option {name!r} in a sweep; its options are {known}")
    for name, default in what.options.items():
        if default is REQUIRED and name not in options:
            raise TypeError(f"{what.name} needs the option {name!r}")
    stored = list(what.default or what.outputs) if variables is None else list(variables)
    for name in stored:
        if name not in what.outputs:
            raise ValueError(f"variables must be among {', '.join(what.outputs)}, got {name!r}")
    plain = {name: np.asarray(value).tolist() if not isinstance(value, str) else value for name, value in options.items()}
    shape = {name: len(values) for name, values in axes.items() if isinstance(values, list)}
    known = rng is None or isinstance(rng, (int, np.integer))
    stream_key(rng)  # refuses what is no source of randomness
    entropy = str(np.random.SeedSequence(rng).entropy if known else stream_key(rng))
    return {
        "format": _FORMAT,
        "scalecore": __version__,
        "task": what.name,
        "axes": axes,
        "shape": shape,
        "chunks": _chunk_lengths(what, shape, chunks),
        "options": plain,
        "variables": stored,
        "seed": entropy if what.random else None,
    }


def _axis_values(name: str, values: Any) -> list[float] | float:
    array = axis(name, values) if isinstance(values, str) else real_array(name, values)
    if array.ndim > 1 or array.size == 0:
        raise ValueError(f"axis {name} must be a number or a non-empty list, got {describe(values)}")
    if not np.isfinite(array).all():
        raise ValueError(f"axis {name} must be finite, got {describe(values)}")
    return array.tolist()


def _chunk_lengths(what: Task, shape: dict[str, int], chunks: Mapping[str, int] | None) -> dict[str, int]:
    if chunks is not None and not isinstance(chunks, Mapping):
        raise TypeError(f"chunks must be a dict, got {describe(chunks)}")
    for name in chunks or {}:
        if name not in shape:
            raise ValueError(f"chunks has no axis {name!r}; the grid's are {', '.join(shape) or 'none'}")
    lengths, points = {}, 1 if what.random else _POINTS
    for name in reversed(shape):  # the last axes whole, as long as they fit
        lengths[name] = min(shape[name], positive_int(f"chunks[{name!r}]", chunks[name])) if chunks and name in chunks else 0
        if not lengths[name]:
            lengths[name] = max(1, min(shape[name], points))
        points = max(1, points // lengths[name])
    return {name: lengths[name] for name in shape}


def chunk_grid(plan: dict[str, Any]) -> list[int]:
    """Return the number of chunks along each axis."""
    return [ceil(size / plan["chunks"][name]) for name, size in plan["shape"].items()]


# ---- the store ------------------------------------------------------------------------------------------------------------------


def _zarr() -> Any:
    try:
        import zarr
    except ImportError as error:
        raise ImportError("sweep needs zarr: pip install 'scalecore[data]'") from error
    return zarr


def stored_plan(path: Path) -> dict[str, Any]:
    """Return what fixes a store's content."""
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such store")
    try:
        plan = json.loads(_zarr().open_group(path, mode="r").attrs["scalecore_sweep"])
    except (KeyError, ValueError, FileNotFoundError):
        raise ValueError(f"{path} is not a store that sweep wrote") from None
    return plan


def continue_or_create(what: Task, plan: dict[str, Any], path: Path, resume: bool, seeded: bool) -> dict[str, Any]:
    """Return the plan to go by: of a store that is there, or of the one made now."""
    if not path.exists():
        _create(what, plan, path)
        return plan
    if not resume:
        raise FileExistsError(f"{path} is there already; resume=True continues it")
    if not any(path.iterdir()):
        path.rmdir()
        _create(what, plan, path)
        return plan
    stored = stored_plan(path)
    if not seeded:
        plan["seed"] = stored["seed"]
    if plan != stored:
        differences = [
            f"{key} is {_short(stored.get(key))} there and {_short(plan[key])} here" for key in plan if plan[key] != stored.get(key)
        ]
        raise ValueError(f"{path} belongs to another sweep: {'; '.join(differences)}")
    return plan


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 200 else text[:197] + "..."


def _create(what: Task, plan: dict[str, Any], path: Path) -> None:
    """Write the empty store beside its place, then move it there: a store is never half made."""
    zarr = _zarr()
    making = path.with_name(f"{path.name}.{os.getpid()}.unfinished")
    group = zarr.open_group(making, mode="w", zarr_format=2)  # its consolidated metadata are a standard; 3's are not yet
    group.attrs.update(
        title=f"{plan['task']} over a grid", source=f"scalecore {__version__}", scalecore_sweep=json.dumps(plan), seed=plan["seed"]
    )
    extra = {name: np.asarray(values) for name, values in what.extra_axes(plan["options"]).items()}
    for name, values in (plan["axes"] | extra).items():
        array = np.asarray(values)
        dims = [name] if array.ndim else []
        long_name, units = AXES[name]
        group.create_array(
            name,
            data=array,
            chunks=array.shape or (),
            compressors=None,
            fill_value=None,
            attributes={"long_name": long_name, "units": units, "_ARRAY_DIMENSIONS": dims},
        )
    shape, lengths = plan["shape"], plan["chunks"]
    scalars = " ".join(name for name in plan["axes"] if name not in shape)
    for name in plan["variables"]:
        output = what.outputs[name]
        sizes = [len(extra[dim]) for dim in output.extra]
        group.create_array(
            _variable(name, plan),
            shape=(*shape.values(), *sizes),
            chunks=(*lengths.values(), *sizes),
            dtype=output.dtype,
            fill_value=np.nan if output.dtype == "f8" else None,  # xarray takes it for missing
            compressors=None if output.dtype == "f8" else "auto",  # mantissas do not compress
            attributes={"long_name": output.long_name, "units": output.units, "_ARRAY_DIMENSIONS": [*shape, *output.extra]}
            | ({"coordinates": scalars} if scalars else {}),
        )
    zarr.consolidate_metadata(making)
    (making / MARKS).mkdir(parents=True)
    making.rename(path)


def _variable(name: str, plan: dict[str, Any]) -> str:
    """Return an output's name in the store, where one of the axes may have it already."""
    return f"optimal_{name}" if name in plan["axes"] else name


def finished_chunks(path: Path) -> set[int]:
    """Return the numbers of the chunks that are finished."""
    return {int(name) for name in os.listdir(path / MARKS)}


@lru_cache(maxsize=8)
def _group(path: str) -> Any:
    return _zarr().open_group(path, mode="r+")


# ---- one chunk ------------------------------------------------------------------------------------------------------------------


def _slices(plan: dict[str, Any], number: int) -> dict[str, slice]:
    places = np.unravel_index(number, chunk_grid(plan)) if plan["shape"] else ()
    lengths = plan["chunks"]
    return {
        name: slice(int(place) * lengths[name], min(size, (int(place) + 1) * lengths[name]))
        for place, (name, size) in zip(places, plan["shape"].items(), strict=True)
    }


def compute_chunk(plan: dict[str, Any], number: int, n_threads: int) -> dict[str, NDArray[Any]]:
    """Compute one chunk."""
    what, parts, dims = find_task(plan["task"]), _slices(plan, number), list(plan["shape"])
    block = {}
    for name, values in plan["axes"].items():
        array = np.asarray(values)[parts[name]] if name in parts else np.asarray(values)
        block[name] = array.reshape([-1 if dim == name else 1 for dim in dims]) if name in parts else array
    keys = None
    if what.random:
        places = np.arange(prod(plan["shape"].values())).reshape(list(plan["shape"].values()))[tuple(parts.values())]
        keys = [np.random.SeedSequence(int(plan["seed"]), spawn_key=(int(place),)) for place in places.flat]
    out = what.compute(block, plan["options"], keys, n_threads or None)
    return {name: out[name] for name in plan["variables"]}


def write_chunk(plan: dict[str, Any], path: Path, number: int, out: dict[str, NDArray[Any]]) -> None:
    """Write a chunk, flush it to the disk, and only then say that it is finished."""
    group, parts = _group(str(path)), tuple(_slices(plan, number).values())
    for name, values in out.items():
        variable = _variable(name, plan)
        group[variable][parts] = values
        place = [part.start // length for part, length in zip(parts, plan["chunks"].values(), strict=True)]
        _flush(path / variable / (".".join(map(str, [*place, *[0] * (values.ndim - len(place))])) or "0"))
    mark = path / MARKS / str(number)
    mark.touch()
    _flush(mark)
    _flush(mark.parent)


def _flush(path: Path) -> None:
    try:
        file = os.open(path, os.O_RDONLY)
    except (FileNotFoundError, PermissionError):  # a chunk of nothing but the fill value has no file; folders, on Windows
        return
    try:
        os.fsync(file)
    finally:
        os.close(file)


def do_chunk(plan: dict[str, Any], path: str, number: int, n_threads: int) -> int:
    """Compute and write one chunk, in whatever process."""
    write_chunk(plan, Path(path), number, compute_chunk(plan, number, n_threads))
    return number
