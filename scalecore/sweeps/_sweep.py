"""Big grids to Zarr: computed chunk by chunk, on any executor, resumable, the same bits however it
ran.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from math import prod
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any

from .._common.atomic_files import failure
from .._common.progress import bar
from .._common.validation import boolean, describe, thread_count
from .._common.validation import path as path_of
from ._plan import chunk_grid, make_plan
from ._runners import run_in_process, run_on_executor
from ._store import (
    MARKS,
    TABLES,
    continue_or_create,
    finished_chunks,
    forget_lost_chunks,
    open_store,
    share_tables,
    stored_plan,
)
from ._tasks import find_task

if TYPE_CHECKING:
    from xarray import Dataset

    from .._common.annotations import FilePath, Seed

__all__ = ["Sweep", "sweep"]


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

    Examples
    --------
    >>> import scalecore as sc, tempfile
    >>> done = sc.sweep("occupancy", {"width": [1, 10], "concentration": 5}, tempfile.mkdtemp())
    >>> done.task, done.shape, done.complete
    ('occupancy', {'width': 2}, True)
    """

    path: Path
    task: str
    shape: dict[str, int]
    finished: int
    chunks: int

    def __repr__(self) -> str:
        axes = " x ".join(f"{name} {size}" for name, size in self.shape.items()) or "one point"
        return (
            f"Sweep({self.task} over {axes}: {self.finished} of {self.chunks} chunks finished, "
            f"{self.path})"
        )

    @property
    def complete(self) -> bool:
        """Whether every chunk is finished."""
        return self.finished == self.chunks

    def open(self) -> Dataset:
        """Open the store with xarray: lazily, as Dask arrays.

        Chunks that are not finished read as NaN, whole numbers as -1 or -2.

        Examples
        --------
        >>> import scalecore as sc, tempfile
        >>> done = sc.sweep("occupancy", {"width": [1, 10], "concentration": 5}, tempfile.mkdtemp())
        >>> with done.open() as data:
        ...     data.occupancy.values.round(3)
        array([1.   , 5.841])
        """
        import xarray

        # without masks, xarray leaves integers as they are
        data = xarray.open_zarr(self.path, mask_and_scale=False).drop_vars(MARKS)
        for variable in data.variables.values():
            variable.attrs.pop("_FillValue", None)
        return data

    @classmethod
    def load(cls, path: FilePath) -> Sweep:
        """Read what a store is and how complete.

        Raises
        ------
        FileNotFoundError, ValueError
            If there is no store, or one that `sweep` did not write.

        Examples
        --------
        >>> import scalecore as sc, tempfile
        >>> folder = tempfile.mkdtemp()
        >>> _ = sc.sweep("occupancy", {"width": [1, 10], "concentration": 5}, folder)
        >>> sc.Sweep.load(folder).finished
        1
        """
        store = Path(path_of("path", path))
        plan = stored_plan(store)
        return cls(
            store,
            plan["task"],
            plan["shape"],
            len(finished_chunks(store, plan)),
            prod(chunk_grid(plan)),
        )


def sweep(
    task: Any,
    grid: Mapping[str, Any],
    store: Any,
    *,
    chunks: Mapping[str, int] | None = None,
    executor: Executor | None = None,
    resume: bool = True,
    progress: bool = False,
    rng: Seed = None,
    variables: Any = None,
    n_threads: int | None = None,
    **options: Any,
) -> Sweep:
    """Compute one of the library's calls over a grid into a Zarr store.

    Parameters
    ----------
    task : str or function
        `compute_optimal`, `error_bound` or another of the bounds, `misspecification`, `train`, or
        `plan` under the law in a file (``law="law.json"``, of which the store keeps a copy).
    grid : dict
        Named axes: 1-d arrays, single numbers, or text such as ``"1e6:1e15:50"`` (50 log-spaced
        values including both ends). The axes of the bounds are width, samples, input_dim,
        concentration; of compute_optimal budget, input_dim, concentration and cost; of
        misspecification and train input_dim and concentration; of plan its numbers, the target
        among them.
    store : path
        Folder of the store. One that is there and belongs to the same sweep is continued.
    chunks : dict, optional
        Chunk length along axes; by default about a million points a chunk, one point where networks
        are drawn.
    executor : concurrent.futures.Executor, optional
        Where chunks are computed: a ProcessPoolExecutor, Dask's ``client.get_executor()``, mpi4py's
        MPIPoolExecutor, ...; None means this process and its threads.
    resume : bool, default True
        False refuses a store that is there.
    progress : bool, default False
        Show a bar on stderr.
    rng : None, int, SeedSequence or Generator
        Source of randomness for misspecification and train. Streams are keyed by a point's place in
        the grid.
    variables : list of str, optional
        Outputs to store; by default all, and for compute_optimal width, samples, error, elasticity
        and status.
    n_threads : int, optional
        Threads that compute in this process, or for each chunk on an executor; by default all that
        a process may use, shared out among the executor's workers on its machine.
    **options
        Further arguments of the task (bound, integer, widths, networks, learning_rates, ...).

    Returns
    -------
    Sweep
        Its `open()` gives the xarray Dataset.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of its domain, or the store belongs to another sweep: the difference
        is spelled out.
    FileExistsError
        With ``resume=False``, if the store is there.
    OSError
        If the store cannot be written. What was finished stays, and the same call continues.

    Notes
    -----
    A chunk counts as finished once all its files are flushed to the disk; a sweep that is killed,
    by whatever, computes the others again when it is called again, and so those of which a file was
    deleted since. Neither chunks, nor executor,
    nor interruptions change a bit of the result.

    Tables of spectral bounds (`spectral_table`) that this process does not have are built by it
    before the first chunk, with a bar each, and lie in the store until all chunks are finished:
    every worker goes by them.

    Examples
    --------
    >>> import scalecore as sc, tempfile, os
    >>> folder = tempfile.mkdtemp()
    >>> grid = {"budget": "1e6:1e12:3", "input_dim": [10, 100], "concentration": 100}
    >>> sc.sweep("compute_optimal", grid, os.path.join(folder, "frontier.zarr")).complete
    True
    """
    definition, path = find_task(task), Path(path_of("store", store))
    plan, axes = make_plan(definition, grid, chunks, options, variables, rng)
    show, threads = boolean("progress", progress), thread_count(n_threads)
    if executor is not None and not hasattr(executor, "submit"):
        raise TypeError(f"executor must be a concurrent.futures.Executor, got {describe(executor)}")
    plan = continue_or_create(
        definition, plan, axes, path, boolean("resume", resume), rng is not None
    )
    forget_lost_chunks(path, plan)
    done = finished_chunks(path, plan)
    total = prod(chunk_grid(plan))
    waiting = (  # chunks that another process has not finished meanwhile
        number
        for number in range(total)
        if number not in done and not (path / MARKS / str(number)).exists()
    )
    try:
        if len(done) < total and definition.needs_tables(plan["options"]):
            share_tables(path, plan, show)
        with bar(total, show, "chunks") as advance:
            advance(len(done))
            if executor is None:
                run_in_process(
                    open_store(str(path.absolute()), json.dumps(plan)), waiting, threads, advance
                )
            else:
                run_on_executor(json.dumps(plan), path, waiting, executor, threads, advance)
    except OSError as error:
        raise failure(error, "finished chunks are kept, the same call continues", path) from error
    finished = len(finished_chunks(path, plan))
    if finished == total:
        rmtree(path / TABLES, ignore_errors=True)
    return Sweep(path, plan["task"], plan["shape"], finished, total)
