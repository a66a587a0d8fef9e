"""A sweep's store: made, opened, and how much of it is finished."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from pathlib import Path
from secrets import token_hex
from typing import Any

import numpy as np

from .._common.atomic_files import failure
from .._common.optional import imported
from .._core.bounds import VERSION
from ..spectral._table_lookup import has_table, share_table
from ._plan import Axes, Plan, chunk_grid, digest_of, places_of
from ._tasks import AXES, Task, find_task

# An array with a byte for each chunk of the sweep, in a file of its own: that the file is there
# says that the chunk is finished. Other readers of Zarr see an array like any other.
MARKS = "finished_chunks"
# Tables of spectral bounds, until all is finished: whatever process computes a chunk, it goes by
# these. Readers do not look inside an array.
TABLES = f"{MARKS}/.tables"
COPY = f"{MARKS}/.{{}}.json"  # of a file that an option names
# value of every point of a chunk that is not finished
_NOT_COMPUTED = {"f8": np.nan, "i1": -1, "i8": -2}


def _zarr() -> Any:
    return imported("zarr", "sweep needs zarr", "data")


def flush(path: Path) -> None:
    """Wait until a file or a folder is on the disk."""
    if os.name == "nt" and path.is_dir():  # Windows cannot open folders, and need not flush them
        return
    file = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


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
            flush(file)
        if os.name == "nt" and path.exists():  # elsewhere os.replace replaces an empty folder
            path.rmdir()
        making.rename(path)
        flush(path.absolute().parent)
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
            variable_of(name, plan),
            shape=(*shape.values(), *sizes),
            chunks=(*lengths.values(), *sizes),
            dtype=output.dtype,
            fill_value=_NOT_COMPUTED[output.dtype],
            # shuffling bytes puts signs, exponents and leading digits together: a fifth smaller;
            # other compressors take longer for hardly less
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
        if digest_of(copy) != digest:
            raise ValueError(f"{plan['options'][name]} changed while the store was made")


def variable_of(name: str, plan: Plan) -> str:
    """Return an output's name in the store, where one of the axes may have it already."""
    return f"optimal_{name}" if name in plan["axes"] else name


def finished_chunks(path: Path, plan: Plan) -> set[int]:
    """Return the numbers of the chunks that are finished: that have a mark, and all their files,
    which somebody may have deleted since, or not copied.
    """
    marked, outputs = _marked_chunks(path), find_task(plan["task"]).outputs
    for name in plan["variables"]:
        files, further = set(os.listdir(path / variable_of(name, plan))), len(outputs[name].extra)
        marked = {
            number for number in marked if chunk_file(places_of(plan, number), further) in files
        }
    return marked


def forget_lost_chunks(path: Path, plan: Plan) -> None:
    """Remove the marks of chunks whose files are gone, so that they are computed again."""
    # marks first: what other processes finish in between is not lost
    for number in _marked_chunks(path) - finished_chunks(path, plan):
        (path / MARKS / str(number)).unlink(missing_ok=True)


def _marked_chunks(path: Path) -> set[int]:
    return {int(name) for name in os.listdir(path / MARKS) if name.isdecimal()}


def chunk_file(places: Sequence[int], further: int) -> str:
    """Return how Zarr names the file of a chunk, of an array of so many further dimensions."""
    return ".".join(map(str, [*places, *[0] * further])) or "0"


@dataclass(frozen=True)
class Opened:
    """A store at work in this process."""

    path: Path
    plan: Plan
    axes: Axes
    variables: dict[str, Any]  # Zarr arrays by the name of the output

    @property
    def chunk_bytes(self) -> int:
        """How long a chunk's outputs are."""
        return sum(prod(array.chunks) * array.dtype.itemsize for array in self.variables.values())


@lru_cache(maxsize=8)
def open_store(path: str, plan: str) -> Opened:
    """Open a store, once in each process; the plan as JSON, because another store may have come to
    the same place.
    """
    asked, zarr = json.loads(plan), _zarr()
    group = zarr.open_group(path, mode="r+", use_consolidated=False)
    variables = {name: group[variable_of(name, asked)] for name in asked["variables"]}
    return Opened(
        Path(path), asked, {name: np.asarray(group[name][...]) for name in asked["axes"]}, variables
    )


def share_tables(path: Path, plan: Plan, progress: bool) -> None:
    """Build what tables a sweep needs here and now: its workers would each build all of them, and
    show nothing.
    """
    for d, units in plan["tables"].items():
        share_table(int(d), path / TABLES, units, progress)
