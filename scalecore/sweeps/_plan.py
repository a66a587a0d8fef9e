"""A sweep's plan: what it computes, and how its grid is cut into chunks."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._common.validation import chunk_lengths, describe, grid_axis, known_name, names, stream_key
from .._core.bounds import VERSION
from ..spectral._table_lookup import dims_with_tables, units_asked_for
from ._tasks import REQUIRED, Task

if TYPE_CHECKING:
    from .._common.annotations import Seed

Plan = dict[str, Any]
Axes = dict[str, NDArray[np.float64]]

_POINTS = 2**20  # in a chunk, where `chunks` does not say
_FORMAT = 3


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
        plan["files"] = {name: digest_of(Path(plain[name])) for name in task.files if name in plain}
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


def digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def chunk_grid(plan: Plan) -> list[int]:
    """Return the number of chunks along each axis."""
    return [ceil(size / plan["chunks"][name]) for name, size in plan["shape"].items()]


def places_of(plan: Plan, number: int) -> list[int]:
    """Return where along each axis the chunk stands."""
    return list(map(int, np.unravel_index(number, chunk_grid(plan)))) if plan["shape"] else []


def slices_of(plan: Plan, number: int) -> dict[str, slice]:
    lengths = plan["chunks"]
    return {
        name: slice(place * lengths[name], min(size, (place + 1) * lengths[name]))
        for place, (name, size) in zip(places_of(plan, number), plan["shape"].items(), strict=True)
    }
