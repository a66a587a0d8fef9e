"""A sweep's plan, its store, and one chunk of it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, prod
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._common.atomic_files import failure
from .._common.optional import imported
from .._common.validation import chunk_lengths, describe, grid_axis, known_name, names, stream_key
from .._core.bounds import VERSION
from .._core.threads import default_threads
from ..spectral._table_lookup import (
    adopt_table,
    dims_with_tables,
    has_table,
    share_table,
    units_asked_for,
)
from ._tasks import AXES, REQUIRED, Task, find_task

if TYPE_CHECKING:
    from .._common.annotations import Seed

Plan = dict[str, Any]
Axes = dict[str, NDArray[np.float64]]

# An array with a byte for each chunk of the sweep, in a file of its own: that the file is there
# says that the chunk is finished. Other readers of Zarr see an array like any other.
MARKS = "finished_chunks"
# Tables of spectral bounds, until all is finished: whatever process computes a chunk, it goes by
# these. Readers do not look inside an array.
TABLES = f"{MARKS}/.tables"
COPY = f"{MARKS}/.{{}}.json"  # of a file that an option names
_POINTS = 2**20  # in a chunk, where `chunks` does not say
_FORMAT = 3
# value of every point of a chunk that is not finished
_NOT_COMPUTED = {"f8": np.nan, "i1": -1, "i8": -2}


def make_plan(
    task: Task,
    grid: Mapping[str, Any],
    chunks: Mapping[str, int] | None,
    options: dict[str, Any],
    variables: Any,
    rng: Seed,
) -> tuple[Plan, Axes]:
    """Return everything that fixes the result, as what JSON can hold, and the axes' values; check
    it all.
    """
    if not isinstance(grid, Mapping):
        raise TypeError(f"grid must be a dict of named axes, got {describe(grid)}")
    for name in grid:
        known_name(f"grid has no axis {name!r} for {task.name}; its axes are", name, task.axes)
    for name in task.axes:
        if name not in grid and name not in task.optional:
            raise ValueError(f"grid must have the axis {name!r} for {task.name}")
    axes = {name: grid_axis(name, values) for name, values in grid.items()}
    for name in options:
        known_name(
            f"{task.name} has no option {name!r} in a sweep; its options are",
            name,
            task.options,
            TypeError,
        )
    for name, default in task.options.items():
        if default is REQUIRED and name not in options:
            raise TypeError(f"{task.name} needs the option {name!r}")
    stored = (
        list(task.default or task.outputs) if variables is None else names("variables", variables)
    )
    for name in stored:
        known_name(f"{task.name} has no variable {name!r}; its variables are", name, task.outputs)
    task.check(axes, dict(task.options) | options)
    plain = {
        name: np.asarray(value).tolist() if not isinstance(value, str) else value
        for name, value in options.items()
    }
    shape = {name: len(values) for name, values in axes.items() if values.ndim}
    stream_key(rng)  # refuses what is no source of randomness
    entropy = str(
        np.random.SeedSequence(rng).entropy
        if rng is None or isinstance(rng, (int, np.integer))
        else stream_key(rng)
    )
    plan = {
        "format": _FORMAT,
        "scalecore": VERSION,
        "task": task.name,
        "axes": {name: _axis_entry(values) for name, values in axes.items()},
        "shape": shape,
        "chunks": chunk_lengths(shape, chunks, 1 if task.random else _POINTS),
        "options": plain,
        "variables": stored,
        "seed": entropy if task.random else None,
    }
    if task.files:
        plan["files"] = {name: _digest(Path(plain[name])) for name in task.files if name in plain}
    if task.needs_tables(plain):
        dims = dims_with_tables(axes["input_dim"])
        plan["tables"] = {str(d): units_asked_for(d) for d in dims}
    return plan, axes


def _axis_entry(values: NDArray[np.float64]) -> Any:
    """Return what a plan says of an axis. The store has its values; a million of them would make
    the plan slow to read and send.
    """
    if not values.ndim:
        return float(values)
    digest = hashlib.sha256(values.astype("<f8").tobytes()).hexdigest()[:16]
    return {
        "count": len(values),
        "least": float(values.min()),
        "most": float(values.max()),
        "sha256": digest,
    }


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def chunk_grid(plan: Plan) -> list[int]:
    """Return the number of chunks along each axis."""
    return [ceil(size / plan["chunks"][name]) for name, size in plan["shape"].items()]


# ---- the store -----------------------------------------------------------------------------------


def _zarr() -> Any:
    return imported("zarr", "sweep needs zarr", "data")


def stored_plan(path: Path) -> Plan:
    """Return what fixes a store's content."""
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such store")
    try:
        plan = json.loads(_zarr().open_group(path, mode="r").attrs["scalecore_sweep"])
    except (KeyError, ValueError, FileNotFoundError):
        raise ValueError(f"{path} is not a store that sweep wrote") from None
    return plan


def continue_or_create(
    task: Task, plan: Plan, axes: Axes, path: Path, resume: bool, seeded: bool
) -> Plan:
    """Return the plan to go by: of a store that is there, or of the one made now."""
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(
            f"store must be a folder or not be there yet, but {path} is a file"
        )
    if path.exists() and not resume:
        raise FileExistsError(f"{path} is there already; resume=True continues it")
    if not path.exists() or not any(path.iterdir()):
        _create(task, plan, axes, path)  # another process may have created it first
    stored = stored_plan(path)
    if not seeded:
        plan["seed"] = stored["seed"]
    for d, units in stored.get("tables", {}).items():
        if d in plan.get("tables", {}) and not has_table(int(d)):
            plan["tables"][d] = units  # this process builds, or takes, one like it
    for name, digest in stored.get("files", {}).items():
        if plan.get("files", {}).get(name) == digest:
            plan["options"][name] = stored["options"][name]  # the same file, wherever it lies now
    if plan != stored:
        differences = [
            f"{key} is {_short(stored.get(key))} there and {_short(plan[key])} here"
            for key in plan
            if plan[key] != stored.get(key) and key != "files"
        ]
        differences += [
            f"{plan['options'][name]} holds another {name} than the one that the store keeps"
            for name, digest in plan.get("files", {}).items()
            if stored.get("files", {}).get(name) != digest
        ]
        raise ValueError(f"{path} belongs to another sweep: {'; '.join(differences)}")
    return plan


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 200 else text[:197] + "..."


def _create(task: Task, plan: Plan, axes: Axes, path: Path) -> None:
    """Write the empty store beside its place, flush it, then move it there: a store is never half
    made. Of several processes that do so at once the first one's stays.
    """
    making = path.with_name(f"{path.name}.{token_hex(4)}.unfinished")
    try:
        _write_empty(task, plan, axes, making)
        for file in (making, *making.rglob("*")):
            _flush(file)
        if os.name == "nt" and path.exists():  # elsewhere os.replace replaces an empty folder
            path.rmdir()
        making.rename(path)
        _flush(path.absolute().parent)
    except OSError as error:
        if not (path.is_dir() and (path / MARKS).is_dir()):
            raise failure(error, "the store was not created", path) from error
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _write_empty(task: Task, plan: Plan, axes: Axes, making: Path) -> None:
    from numcodecs import Blosc  # a dependency of Zarr's

    # format 2, whose consolidated metadata are a standard; those of format 3 are not yet
    group = _zarr().open_group(making, mode="w", zarr_format=2)
    group.attrs.update(
        title=f"{plan['task']} over a grid",
        source=f"scalecore {VERSION}",
        scalecore_sweep=json.dumps(plan),
        **({} if plan["seed"] is None else {"seed": plan["seed"]}),
        **{f"{name}_sha256": digest for name, digest in plan.get("files", {}).items()},
        **({"spectral_table_units": json.dumps(plan["tables"])} if "tables" in plan else {}),
    )
    extra = {name: np.asarray(values) for name, values in task.extra_axes(plan["options"]).items()}
    for name, array in (axes | extra).items():
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
        output = task.outputs[name]
        sizes = [len(extra[dim]) for dim in output.extra]
        group.create_array(
            _variable(name, plan),
            shape=(*shape.values(), *sizes),
            chunks=(*lengths.values(), *sizes),
            dtype=output.dtype,
            fill_value=_NOT_COMPUTED[output.dtype],
            # shuffling bytes puts signs, exponents and leading digits together: a fifth smaller, in
            # less time than a copy takes
            compressors=Blosc("lz4", 1, Blosc.SHUFFLE),
            attributes={
                "long_name": output.long_name,
                "units": output.units,
                "_ARRAY_DIMENSIONS": [*shape, *output.extra],
            }
            | ({"coordinates": scalars} if scalars else {}),
        )
    group.create_array(
        MARKS,
        shape=(prod(chunk_grid(plan)),),
        chunks=(1,),
        dtype="u1",
        fill_value=0,
        compressors=None,
        attributes={"long_name": "whether a chunk is finished", "_ARRAY_DIMENSIONS": ["chunk"]},
    )
    _zarr().consolidate_metadata(making)
    for name, digest in plan.get("files", {}).items():
        copy = making / COPY.format(name)
        shutil.copyfile(plan["options"][name], copy)
        if _digest(copy) != digest:
            raise ValueError(f"{plan['options'][name]} changed while the store was made")


def _variable(name: str, plan: Plan) -> str:
    """Return an output's name in the store, where one of the axes may have it already."""
    return f"optimal_{name}" if name in plan["axes"] else name


def finished_chunks(path: Path, plan: Plan) -> set[int]:
    """Return the numbers of the chunks that are finished: that have a mark, and all their files,
    which somebody may have deleted since, or not copied.
    """
    marked, outputs = _marked_chunks(path), find_task(plan["task"]).outputs
    for name in plan["variables"]:
        files, further = set(os.listdir(path / _variable(name, plan))), len(outputs[name].extra)
        marked = {
            number for number in marked if _chunk_file(_places(plan, number), further) in files
        }
    return marked


def forget_lost_chunks(path: Path, plan: Plan) -> None:
    """Remove the marks of chunks whose files are gone, so that they are computed again."""
    # marks first: what other processes finish in between is not lost
    for number in _marked_chunks(path) - finished_chunks(path, plan):
        (path / MARKS / str(number)).unlink(missing_ok=True)


def _marked_chunks(path: Path) -> set[int]:
    return {int(name) for name in os.listdir(path / MARKS) if name.isdecimal()}


def _chunk_file(places: Sequence[int], further: int) -> str:
    """Return how Zarr names the file of a chunk, of an array of so many further dimensions."""
    return ".".join(map(str, [*places, *[0] * further])) or "0"


@dataclass(frozen=True)
class Opened:
    """A store at work in this process."""

    path: Path
    plan: Plan
    axes: Axes
    variables: dict[str, Any]  # Zarr arrays by the name of the output


@lru_cache(maxsize=8)
def open_store(path: str, plan: str) -> Opened:
    """Open a store, once in each process; the plan as JSON, because another store may have come to
    the same place.
    """
    asked, zarr = json.loads(plan), _zarr()
    # Zarr would look for empty chunks, which takes as long as writing them
    with zarr.config.set({"array.write_empty_chunks": True}):
        group = zarr.open_group(path, mode="r+", use_consolidated=False)
        variables = {name: group[_variable(name, asked)] for name in asked["variables"]}
    return Opened(
        Path(path), asked, {name: np.asarray(group[name][...]) for name in asked["axes"]}, variables
    )


def share_tables(path: Path, plan: Plan, progress: bool) -> None:
    """Build what tables a sweep needs here and now: its workers would each build all of them, and
    show nothing.
    """
    for d, units in plan["tables"].items():
        share_table(int(d), path / TABLES, units, progress)


# ---- one chunk -----------------------------------------------------------------------------------


def _places(plan: Plan, number: int) -> list[int]:
    """Return where along each axis the chunk stands."""
    return list(map(int, np.unravel_index(number, chunk_grid(plan)))) if plan["shape"] else []


def _slices(plan: Plan, number: int) -> dict[str, slice]:
    lengths = plan["chunks"]
    return {
        name: slice(place * lengths[name], min(size, (place + 1) * lengths[name]))
        for place, (name, size) in zip(_places(plan, number), plan["shape"].items(), strict=True)
    }


def compute_chunk(store: Opened, number: int, n_threads: int) -> dict[str, NDArray[Any]]:
    """Compute one chunk."""
    plan = store.plan
    task, parts, dims = find_task(plan["task"]), _slices(plan, number), list(plan["shape"])
    block = {
        name: values[parts[name]].reshape([-1 if dim == name else 1 for dim in dims])
        if name in parts
        else values
        for name, values in store.axes.items()
    }
    if task.needs_tables(plan["options"]):
        for d in dims_with_tables(block["input_dim"]):
            adopt_table(d, store.path / TABLES, plan["tables"][str(d)])
    keys = None
    if task.random:
        shape = list(plan["shape"].values())
        places = np.arange(prod(shape)).reshape(shape)[tuple(parts.values())]
        keys = [
            np.random.SeedSequence(int(plan["seed"]), spawn_key=(int(place),))
            for place in places.flat
        ]
    copies = {name: str(store.path / COPY.format(name)) for name in plan.get("files", {})}
    output = task.compute(block, plan["options"] | copies, keys, n_threads or None)
    return {name: output(name) for name in plan["variables"]}


def write_chunk(store: Opened, number: int, out: dict[str, NDArray[Any]]) -> None:
    """Write a chunk, flush it to the disk, and only then say that it is finished."""
    parts = tuple(_slices(store.plan, number).values())
    places, files = _places(store.plan, number), []
    for name, values in out.items():
        store.variables[name][parts] = values
        chunk = _chunk_file(places, values.ndim - len(places))
        files.append(store.path / _variable(name, store.plan) / chunk)
    for file in files:
        _flush(file)
        _flush(file.parent)
    mark = store.path / MARKS / str(number)
    mark.write_bytes(b"\x01")
    _flush(mark)
    _flush(mark.parent)


def _flush(path: Path) -> None:
    if os.name == "nt" and path.is_dir():  # Windows cannot open folders, and need not flush them
        return
    file = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def do_chunk(path: str, plan: str, number: int, n_threads: int, sharing: int) -> int:
    """Compute and write one chunk, in whatever process; without `n_threads`, on its share of the
    machine.
    """
    store = open_store(path, plan)
    # finished by a worker that died before it could report it
    if (store.path / MARKS / str(number)).exists():
        return number
    write_chunk(
        store,
        number,
        compute_chunk(store, number, n_threads or max(1, default_threads() // sharing)),
    )
    return number
