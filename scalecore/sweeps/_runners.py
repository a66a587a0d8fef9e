"""Who computes which chunk: this process's threads, or the workers of an executor."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from itertools import islice
from pathlib import Path
from time import perf_counter, thread_time
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from .._core.threads import default_threads
from ._chunks import compute_chunk, do_chunk, write_chunk
from ._store import Opened

if TYPE_CHECKING:
    from .._common.annotations import Advance

_SHORT = 0.2  # seconds of a processor: Ctrl-C does not stop a short chunk that is being computed
_AT_ONCE = 2**30  # bytes of results that are being computed at the same time
_WRITERS = 2  # one may wait for the disk while the other compresses


class _InProcess:
    """Chunks computed by this process's threads while those before are being written.

    Long chunks are computed one after another, by all threads together, in the thread that notices
    Ctrl-C. Of short ones each thread computes its own: threads that share a chunk wait for one
    another, and so for the one whose processor a writer has taken.
    """

    def __init__(self, store: Opened, threads: int, advance: Advance) -> None:
        self.store, self.threads, self.advance = store, threads, advance
        self.team = min(threads or default_threads(), os.cpu_count() or 1)
        at_once = max(1, min(self.team, _AT_ONCE // store.chunk_bytes))
        self.most_under_way = at_once + _WRITERS
        self.computers = ThreadPoolExecutor(at_once, "sweep_computer")
        self.writers = ThreadPoolExecutor(_WRITERS, "sweep_writer")
        # a chunk that is being computed has its number here
        self.under_way: dict[Future[Any], int | None] = {}
        self.short = self.was_long = False

    def run(self, waiting: Iterator[int]) -> None:
        try:
            for number in waiting:
                if self.short:
                    self.under_way[self.computers.submit(self._compute_alone, number)] = number
                else:
                    self._write(number, self._compute_together(number))
                while len(self.under_way) >= (self.most_under_way if self.short else 1 + _WRITERS):
                    self._wait_for_one()
            while self.under_way:
                self._wait_for_one()
        finally:
            self.computers.shutdown(wait=False, cancel_futures=True)
            self.writers.shutdown()

    def _compute_together(self, number: int) -> dict[str, NDArray[Any]]:
        start = perf_counter()
        out = compute_chunk(self.store, number, self.threads)
        # threads that had to wait make a short chunk look long; tried alone, it shows what it is
        self.short = not self.was_long and (perf_counter() - start) * self.team < 4 * _SHORT
        return out

    def _compute_alone(self, number: int) -> dict[str, NDArray[Any]]:
        start = thread_time()
        out = compute_chunk(self.store, number, 1)
        if thread_time() - start > _SHORT:
            self.short, self.was_long = False, True
        return out

    def _write(self, number: int, out: dict[str, NDArray[Any]]) -> None:
        self.under_way[self.writers.submit(write_chunk, self.store, number, out)] = None

    def _wait_for_one(self) -> None:
        for future in wait(self.under_way, return_when=FIRST_COMPLETED).done:
            number = self.under_way.pop(future)
            if number is None:
                future.result()
                self.advance(1)
            else:
                self._write(number, future.result())


def run_in_process(store: Opened, waiting: Iterator[int], threads: int, advance: Advance) -> None:
    """Compute chunks on this process's threads, and write them meanwhile."""
    _InProcess(store, threads, advance).run(waiting)


# errors that a second try would raise again
_FINAL = (BrokenExecutor, ValueError, TypeError, KeyboardInterrupt)


def run_on_executor(
    plan: str,
    path: Path,
    waiting: Iterator[int],
    executor: Executor,
    threads: int,
    advance: Advance,
) -> None:
    """Keep an executor's workers busy. A chunk that fails is tried once more, elsewhere if need
    be.
    """
    workers, sharing = _workers(executor)
    # few at a time: a pool computes what was handed to it even after Ctrl-C
    ahead = 1 if isinstance(executor, ProcessPoolExecutor) else 4
    running: dict[Future[int], int] = {}
    again: set[int] = set()

    def submit(number: int) -> None:
        running[executor.submit(do_chunk, str(path.absolute()), plan, number, threads, sharing)] = (
            number
        )

    try:
        for number in islice(waiting, ahead * workers):
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
                elif number in again or isinstance(error, _FINAL):
                    raise error
                else:
                    again.add(number)
                    submit(number)
    except BrokenExecutor as error:
        raise RuntimeError(
            "a worker died and took its executor along; finished chunks are kept, call again with "
            "a new one"
        ) from error
    finally:
        for future in running:
            future.cancel()


def _workers(executor: Executor) -> tuple[int, int]:
    """Return how many chunks an executor computes at a time, and the most that share one
    machine.
    """
    # Dask's Client: each worker may have several threads
    client = getattr(executor, "_client", None)
    if client is not None:
        hosts: Counter[str] = Counter()
        for address, threads in client.nthreads().items():
            hosts[address.rpartition(":")[0]] += threads
        return max(1, hosts.total()), max([1, *hosts.values()])
    # an executor of MPI or of the standard library
    known = getattr(executor, "num_workers", None) or getattr(executor, "_max_workers", None)
    workers = max(1, known) if isinstance(known, int) else os.cpu_count() or 1
    return workers, workers
