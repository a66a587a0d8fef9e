"""One chunk of a sweep: computed, written and marked."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._core.threads import default_threads
from ..spectral._table_lookup import adopt_table, dims_with_tables
from ._chunk_files import encode, write_file
from ._plan import places_of, slices_of
from ._store import COPY, MARKS, TABLES, Opened, chunk_file, flush, open_store, variable_of
from ._tasks import find_task


def compute_chunk(store: Opened, number: int, n_threads: int) -> dict[str, NDArray[Any]]:
    """Compute one chunk."""
    plan = store.plan
    task, parts, dims = find_task(plan["task"]), slices_of(plan, number), list(plan["shape"])
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
    places, files = places_of(store.plan, number), []
    for name, values in out.items():
        chunk = chunk_file(places, values.ndim - len(places))
        file = store.path / variable_of(name, store.plan) / chunk
        write_file(file, encode(store.variables[name], values))
        files.append(file)
    for file in files:
        flush(file)
        flush(file.parent)
    mark = store.path / MARKS / str(number)
    mark.write_bytes(b"\x01")
    flush(mark)
    flush(mark.parent)


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
