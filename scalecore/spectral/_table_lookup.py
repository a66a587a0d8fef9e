"""The one road to tables: those of this process, else of a folder, else built and kept.

Ufuncs, `compute_optimal`, `spectral_terms`, commands and `spectral_table` ask `tables_for`; sweeps
share tables between processes by `share_table` and `adopt_table`, and then ask it too.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from .._common.atomic_files import failure
from .._common.callers import caller_stacklevel
from .._common.validation import boolean, input_dimension, path, positive_int
from .._core import spectral as _spectral
from ._directions import bits_of
from ._table import SpectralTable, assemble
from ._table_files import (
    FOLDER,
    is_kept,
    load_rows,
    make_folder,
    named_folder,
    save_table,
    user_folder,
)
from ._table_rows import build_rows

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_UNITS = 2048
MOST_TABLE_UNITS = 16384  # without symmetry, six matrices of 2 GB each on every thread
SMALL_UNITS = 128

_TABLES: dict[
    int, tuple[SpectralTable, int]
] = {}  # and the units asked for: where directions crowd, a table ends before
_BUILDING = threading.RLock()


def _after_fork() -> None:
    """Free the child's lock: a thread that held it is not there."""
    global _BUILDING
    _BUILDING = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def tables_for(
    dims: ArrayLike,
    most_units: int | None = None,
    cache: Path | None = None,
    progress: bool = False,
) -> list[SpectralTable]:
    """Return the tables of the different dimensions that have one, in increasing order.

    Each is this process's, and built (or a larger one, if asked for more units) where there is none
    yet. Without a folder that anybody names, tables of the usual size are kept in the user's cache,
    if that can be written. A `cache` that cannot keep a table is an error, if possible before it is
    built; a folder that the environment names, which may not be what the caller thinks of, a
    warning.
    """
    return [_table_for(d, most_units, cache, progress) for d in dims_with_tables(dims)]


def strategies_for(dims: ArrayLike) -> list[_spectral.Strategies]:
    """Return the same tables as the engine reads them."""
    return [table.strategies for table in tables_for(dims)]


# A ufunc meets its dimensions only in NumPy's loop, where it has looked which have a table; whoever
# knows them before hands tables down.
_spectral.TABLES_FOR[0] = lambda dims: [_table_for(int(d)).strategies for d in dims]


def _table_for(
    d: int, most_units: int | None = None, cache: Path | None = None, progress: bool = False
) -> SpectralTable:
    with _BUILDING:
        table, asked = _TABLES.get(d, (None, 0))
        if table is None or (most_units or 0) > asked:
            return _found_or_built(d, None, most_units or DEFAULT_UNITS, cache, progress)
        if cache is not None:
            return _found_or_built(d, table, asked, cache, progress)
        return table


@np.errstate(under="ignore")
def _found_or_built(
    d: int, table: SpectralTable | None, asked: int, cache: Path | None, progress: bool
) -> SpectralTable:
    """Return a table that has so many units: this process's if it has, or from a folder, or a new
    one; keep it here and where tables are kept.
    """
    folder = cache if cache is not None or table is not None else named_folder()
    unasked = folder is None and table is None and asked >= DEFAULT_UNITS
    if unasked:
        folder = user_folder()
    if table is None and folder is not None:
        table = _read(folder, d, asked)
    keep = folder is not None and (table is None or not is_kept(folder, d, asked))
    refusal = _refusal(make_folder, folder) if keep else None
    if refusal is not None and cache is not None:
        raise failure(
            refusal, "cache must be a folder that can be made and written", cache
        ) from refusal
    if table is None:
        table = assemble(d, build_rows(d, asked, progress))
    _TABLES[d] = table, asked
    if keep and refusal is None:
        refusal = _refusal(save_table, folder, table, asked)
    if refusal is not None and cache is not None:
        raise failure(
            refusal, "cache does not keep the table, only this process does", cache
        ) from refusal
    if refusal is not None and not unasked:
        reason = refusal.strerror or refusal
        text = (
            f"{FOLDER} names {folder}, where tables cannot be kept, only in this process: {reason}"
        )
        warnings.warn(text, RuntimeWarning, stacklevel=caller_stacklevel())
    return table


def dims_with_tables(dims: ArrayLike) -> list[int]:
    """Return the different dimensions that have a table, increasing: whole ones, from 1 to 1e15."""
    return list(map(int, _spectral.dims_with_tables(np.ravel(np.asarray(dims, float)))))


def has_table(d: int) -> bool:
    """Whether this process has a table of a dimension."""
    return d in _TABLES


def units_asked_for(d: int) -> int:
    """Return the units of this process's table, as asked, or of the one that it would build."""
    return _TABLES[d][1] if d in _TABLES else DEFAULT_UNITS


@np.errstate(under="ignore")
def share_table(d: int, folder: Path, units: int, progress: bool = False) -> None:
    """Put this process's table into a folder, for `adopt_table` in others; one that is there
    stays. Without a table yet, one of so many units is built.
    """
    with _BUILDING:
        if _read(folder, d, DEFAULT_UNITS) is None:
            make_folder(folder)
            table = tables_for(d, None if d in _TABLES else units, progress=progress)[0]
            save_table(folder, table, DEFAULT_UNITS)


@np.errstate(under="ignore")
def adopt_table(d: int, folder: Path, units: int) -> None:
    """Take the table that a process shared, where this one has none; it was asked for so many
    units. Where the folder has none either, one like it is built.
    """
    with _BUILDING:
        table = None if d in _TABLES else _read(folder, d, DEFAULT_UNITS)
        if table is not None:
            _TABLES[d] = table, units
        elif d not in _TABLES:
            tables_for(d, units)


@np.errstate(under="ignore")
def residual_of_a_small_table(d: int) -> tuple[float, float]:
    """Return the most units of a table that this process has, or of one that takes no time, and
    what they leave.
    """
    with _BUILDING:
        table = _TABLES[d][0] if d in _TABLES else assemble(d, build_rows(d, SMALL_UNITS, False))
    return float(table.units[-1]), float(table.residual[-1])


def _read(folder: Path, d: int, most_units: int) -> SpectralTable | None:
    rows = load_rows(folder, d, most_units)
    return None if rows is None else assemble(d, rows)


def _refusal(call: Callable[..., None], *arguments: Any) -> OSError | None:
    try:
        call(*arguments)
    except OSError as error:
        return error
    return None


def spectral_table(
    input_dim: int,
    *,
    most_units: int = 2048,
    cache: str | PathLike[str] | None = None,
    progress: bool = False,
) -> SpectralTable:
    """Build the table of an input dimension, from which all spectral bounds of this process read.

    Without this call a table of 2,048 units is built when a dimension is first asked for.

    Parameters
    ----------
    input_dim : int
        Dimension d.
    most_units : int, default 2048
        Units of the widest fixed part, from 2 to 16,384; what a bound has beyond stays idle or
        draws atoms. Time grows as its cube.
    cache : path, optional
        A folder in which the table is looked for, and kept. SCALECORE_TABLES in the environment
        names one for all tables, also those that are built unasked. Without it, tables of 2,048
        units and more are kept in the user's cache (``~/.cache/scalecore`` or as XDG_CACHE_HOME
        says; on macOS and Windows where caches are kept there) if that can be written, and an
        empty name keeps them nowhere.
    progress : bool, default False
        Show a bar.

    Returns
    -------
    SpectralTable
        That of this process, which may reach further than asked.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind, or the table would be too expensive: the message says
        what it would cost, what the largest allowed is, and what a small table leaves.
    OSError
        If `cache` cannot keep the table; where possible before it is built. A folder that
        SCALECORE_TABLES names and that cannot is a RuntimeWarning, and the table is kept in memory.

    Notes
    -----
    At d = 1 two units describe everything, at d = 2 and up to d + 2 units the variances are in
    closed form, and elsewhere they are eigenvalues of well-spread `directions`.

    Examples
    --------
    >>> import scalecore as sc
    >>> sc.spectral_table(4, most_units=64).residual[-1] < 0.003
    np.True_
    """
    d = input_dimension("input_dim", input_dim)
    most = positive_int("most_units", most_units, least=2, most=10**9)
    if most > MOST_TABLE_UNITS and d > 1 and most > d + 2:
        raise ValueError(_too_expensive(d, most))
    from pathlib import Path

    folder = None if cache is None else Path(path("cache", cache))
    return tables_for(d, most, folder, boolean("progress", progress))[0]


def _too_expensive(d: int, most_units: int) -> str:
    hours, memory = _price(d, float(most_units))
    largest = max(MOST_TABLE_UNITS, d + 2)
    units, residual = residual_of_a_small_table(d)
    return (
        f"most_units = {most_units} is too expensive at input_dim = {d}: some {hours:.2g} hours "
        f"and {memory:.2g} GB for each thread; the largest allowed is {largest}. "
        f"{units:.0f} units already leave {residual:.2g} of the variance 0.5, which adds "
        f"{residual / 8:.2g} nats"
    )


def _price(d: int, units: float) -> tuple[float, float]:
    """Return hours of one core that the rows take, and the GB of a thread for the widest of them.

    Orbits of 2^b sign changes divide a row's directions into 2^b sets of matrices, one for each
    character, of which a thread keeps three, and three more of one character's while it projects.
    In the plane sums over the frequencies take the place of matrices.
    """
    if d == 2:
        return 1e-7 * units, 33e-6 * units
    characters = 2.0 ** bits_of(d, int(units))
    orbits = units / characters
    return 6e-13 * characters * orbits**3, 24e-9 * (characters + 1) * orbits**2
