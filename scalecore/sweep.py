"""Big grids to Zarr: computed chunk by chunk, on any executor, resumable, the same bits however it ran."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from math import ceil, prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import __version__
from ._progress import bar
from ._sweep_tasks import AXES, REQUIRED, Task, find_task
from ._validation import axis, describe, flag, positive_int, real_array, thread_count

if TYPE_CHECKING:
    from xarray import Dataset

__all__ = ["Sweep", "sweep"]

_POINTS = 2**20  # in a chunk, where `chunks` does not say
_MARKS = ".scalecore/finished"  # a file for each finished chunk: that it is there is all it says
_FORMAT = 1


@dataclass(frozen=True)
class Sweep:
    """A sweep's store.

    Attributes
    ----------
    path : pathlib.Path
        The Zarr store; ``xarray.open_zarr`` reads it.
    task : str
        What was swept.
    shape : dict of str to int
        The grid's named axes.
    finished, chunks : int
        Finished chunks, of how many.
    """

    path: Path
    task: str
    shape: dict[str, int]
    finished: int
    chunks: int

    def __repr__(self) -> str:
        axes = " x ".join(f"{name} {size}" for name, size in self.shape.items()) or "one point"
        return f"Sweep({self.task} over {axes}: {self.finished} of {self.chunks} chunks finished, {self.path})"

    @property
    def complete(self) -> bool:
        """Whether every chunk is finished."""
        return self.finished == self.chunks

    def open(self) -> Dataset:
        """Open the store with xarray: lazily, as Dask arrays. Chunks that are not finished read as NaN (whole numbers as 0)."""
        import xarray

        return xarray.open_zarr(self.path)

    @classmethod
    def load(cls, path: Any) -> Sweep:
        """Read what a store is and how complete.

        Raises
        ------
        FileNotFoundError, ValueError
            If there is no store, or one that `sweep` did not write.
        """
        plan = stored_plan(Path(path))
        return cls(Path(path), plan["task"], plan["shape"], len(_finished(Path(path))), prod(_grid_of(plan)))


def sweep(
    task: Any,
    grid: Mapping[str, Any],
    store: Any,
    *,
    chunks: Mapping[str, int] | None = None,
    executor: Executor | None = None,
    resume: bool = True,
    progress: bool = False,
    rng: Any = None,
    variables: Any = None,
    n_threads: int | None = None,
    **options: Any,
) -> Sweep:
    """Compute one of the library's calls over a grid into a Zarr store.

    Parameters
    ----------
    task : str or function
        `compute_optimal`, `error_bound` or another of the bounds, `misspecification`, or `train`.
    grid : dict
        Named axes: 1-d arrays, single numbers, or text such as ``"1e6:1e15:50"`` (50 log-spaced values including both ends). The
        axes of the bounds are width, samples, input_dim, concentration; of compute_optimal budget, input_dim, concentration and
        cost; of misspecification and train input_dim and concentration.
    store : path
        Folder of the store. One that is there and belongs to the same sweep is continued.
    chunks : dict, optional
        Chunk length along axes; by default about a million points a chunk, one point where networks are drawn.
    executor : concurrent.futures.Executor, optional
        Where chunks are computed: a ProcessPoolExecutor, Dask's ``client.get_executor()``, ...; None means this process and its
        threads.
    resume : bool, default True
        False refuses a store that is there.
    progress : bool, default False
        Show a bar on stderr.
    rng : None, int, SeedSequence or Generator
        Source of randomness for misspecification and train. Streams are keyed by a point's place in the grid.
    variables : list of str, optional
        Outputs to store; by default all, and for compute_optimal width, samples, error, elasticity and status.
    n_threads : int, optional
        Threads for each chunk; by default all that this process may use, shared out among the executor's workers.
    **options
        Further arguments of the task (bound, integer, widths, networks, learning_rates, ...).

    Returns
    -------
    Sweep
        Its `open()` gives the xarray Dataset.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of its domain, or the store belongs to another sweep: the difference is spelled out.
    FileExistsError
        With ``resume=False``, if the store is there.
    OSError
        If the store cannot be written. What was finished stays, and the same call continues.

    Notes
    -----
    A chunk counts as finished once all its files are flushed to the disk; a sweep that is killed, by whatever, computes the others
    again when it is called again. Neither chunks, nor executor, nor interruptions change a bit of the result.

    Examples
    --------
    >>> import scalecore as sc, tempfile, os
    >>> folder = tempfile.mkdtemp()
    >>> grid = {"budget": "1e6:1e12:3", "input_dim": [10, 100], "concentration": 100}
    >>> sc.sweep("compute_optimal", grid, os.path.join(folder, "frontier.zarr")).complete
    True
    """
    what, path = find_task(task), Path(os.fspath(store))
    plan = _plan(what, grid, chunks, options, variables, rng)
    show, threads = flag("progress", progress), thread_count(n_threads)
    if executor is not None and not hasattr(executor, "submit"):
        raise TypeError(f"executor must be a concurrent.futures.Executor, got {describe(executor)}")
    plan = _continue_or_create(what, plan, path, flag("resume", resume), rng is not None)
    done = _finished(path)
    total = prod(_grid_of(plan))
    waiting = (number for number in range(total) if number not in done)
    with bar(total, show, "chunks") as advance:
        advance(len(done))
        if executor is None:
            _run_here(plan, path, waiting, threads, advance)
        else:
            _run_there(plan, path, waiting, executor, threads, advance)
    return Sweep(path, plan["task"], plan["shape"], len(_finished(path)), total)


# ---- the plan: everything that fixes the result, as JSON ----------------------------------------------------------------------


def _plan(
    what: Task, grid: Mapping[str, Any], chunks: Mapping[str, int] | None, options: dict[str, Any], variables: Any, rng: Any
) -> dict[str, Any]:
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
    entropy = str(np.random.SeedSequence(rng).entropy) if isinstance(rng, int) or rng is None else None
    if entropy is None:
        from ._validation import stream_key

        entropy = str(stream_key(rng))
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


def _grid_of(plan: dict[str, Any]) -> list[int]:
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


def _continue_or_create(what: Task, plan: dict[str, Any], path: Path, resume: bool, seeded: bool) -> dict[str, Any]:
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
    (making / _MARKS).mkdir(parents=True)
    making.rename(path)


def _variable(name: str, plan: dict[str, Any]) -> str:
    """Return an output's name in the store, where one of the axes may have it already."""
    return f"optimal_{name}" if name in plan["axes"] else name


def _finished(path: Path) -> set[int]:
    return {int(name) for name in os.listdir(path / _MARKS)}


@lru_cache(maxsize=8)
def _group(path: str) -> Any:
    return _zarr().open_group(path, mode="r+")


# ---- one chunk ------------------------------------------------------------------------------------------------------------------


def _slices(plan: dict[str, Any], number: int) -> dict[str, slice]:
    places = np.unravel_index(number, _grid_of(plan)) if plan["shape"] else ()
    lengths = plan["chunks"]
    return {
        name: slice(int(place) * lengths[name], min(size, (int(place) + 1) * lengths[name]))
        for place, (name, size) in zip(places, plan["shape"].items(), strict=True)
    }


def _compute(plan: dict[str, Any], number: int, n_threads: int) -> dict[str, NDArray[Any]]:
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


def _write(plan: dict[str, Any], path: Path, number: int, out: dict[str, NDArray[Any]]) -> None:
    """Write a chunk, flush it to the disk, and only then say that it is finished."""
    group, parts = _group(str(path)), tuple(_slices(plan, number).values())
    for name, values in out.items():
        variable = _variable(name, plan)
        group[variable][parts] = values
        place = [part.start // length for part, length in zip(parts, plan["chunks"].values(), strict=True)]
        _flush(path / variable / (".".join(map(str, [*place, *[0] * (values.ndim - len(place))])) or "0"))
    mark = path / _MARKS / str(number)
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


def _chunk(plan: dict[str, Any], path: str, number: int, n_threads: int) -> int:
    """Compute and write one chunk, in whatever process."""
    _write(plan, Path(path), number, _compute(plan, number, n_threads))
    return number


# ---- all chunks -----------------------------------------------------------------------------------------------------------------


def _run_here(plan: dict[str, Any], path: Path, waiting: Iterator[int], threads: int, advance: Any) -> None:
    """Compute on this process's threads while the chunks before are being written."""
    with ThreadPoolExecutor(2) as writers:
        writing: set[Future[None]] = set()
        try:
            for number in waiting:
                writing.add(writers.submit(_write, plan, path, number, _compute(plan, number, threads)))
                if len(writing) > 2:
                    done, writing = wait(writing, return_when=FIRST_COMPLETED)
                    _collect(done, path, advance)
        finally:
            done, _ = wait(writing)
            _collect(done, path, advance)


def _collect(done: set[Future[Any]], path: Path, advance: Any) -> None:
    for future in done:
        try:
            future.result()
        except OSError as error:
            raise OSError(
                error.errno, f"{error.strerror or error}; finished chunks are kept, the same call continues", str(path)
            ) from error
        advance(1)


def _run_there(plan: dict[str, Any], path: Path, waiting: Iterator[int], executor: Executor, threads: int, advance: Any) -> None:
    """Keep an executor's workers busy. A chunk that fails is tried once more, elsewhere if need be."""
    workers = _workers(executor)
    each = threads or max(1, (os.cpu_count() or 1) // workers)
    running: dict[Future[int], int] = {}
    again: set[int] = set()

    def submit(number: int) -> None:
        running[executor.submit(_chunk, plan, str(path.absolute()), number, each)] = number

    try:
        for number in islice(waiting, 4 * workers):
            submit(number)
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                number = running.pop(future)
                error = future.exception()
                if error is None:
                    advance(1)
                    submit_next = next(waiting, None)
                    if submit_next is not None:
                        submit(submit_next)
                elif number in again or isinstance(error, (BrokenExecutor, ValueError, TypeError)):
                    raise error
                else:
                    again.add(number)
                    submit(number)
    except BrokenExecutor as error:
        raise RuntimeError(
            "a worker died and took its executor along; finished chunks are kept, call again with a new one"
        ) from error
    except OSError as error:
        raise OSError(
            error.errno, f"{error.strerror or error}; finished chunks are kept, the same call continues", str(path)
        ) from error
    finally:
        for future in running:
            future.cancel()


def _workers(executor: Executor) -> int:
    known = getattr(executor, "_max_workers", None)
    if isinstance(known, int):
        return max(1, known)
    client = getattr(executor, "_client", None)  # Dask
    return max(1, len(client.scheduler_info()["workers"])) if client is not None else os.cpu_count() or 1
