"""Tables of strategies on disk: one file for each input dimension and number of units asked for.

What only files need is imported when one is met, which `import scalecore` does not wait for.
"""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING

import numpy as np

from .._common.atomic_files import atomic_write
from ._table_rows import Row, are_rows

if TYPE_CHECKING:
    from pathlib import Path

    from ._table import SpectralTable

FOLDER = "SCALECORE_TABLES"  # in the environment: where every table is looked for, and kept
_FORMAT = 7  # of the file, and of what rows are built from


def named_folder() -> Path | None:
    """Return the folder that the environment names, if it does."""
    from pathlib import Path

    name = os.environ.get(FOLDER)
    return Path(name) if name else None


def user_folder() -> Path | None:
    """Return where this user's programs keep what can be made again: by the rules of the system (on
    Unix those of the XDG). None if the environment names a folder, or none with an empty name.
    """
    if FOLDER in os.environ:
        return None
    from pathlib import Path

    try:
        if sys.platform == "win32":
            base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
        elif sys.platform == "darwin":
            base = Path.home() / "Library" / "Caches"
        else:
            named = os.environ.get("XDG_CACHE_HOME", "")
            base = Path(named) if os.path.isabs(named) else Path.home() / ".cache"
        return base / "scalecore"
    except RuntimeError:  # there is no home directory
        return None


def make_folder(folder: Path) -> None:
    """Make a folder if need be, and raise what a file in it would meet: better before a table is
    built than after.
    """
    from tempfile import TemporaryFile

    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    folder.mkdir(parents=True, exist_ok=True)
    # try to write: permissions do not show that a disk is read-only
    with TemporaryFile(dir=folder):
        pass


def _file(folder: Path, d: int, most_units: int) -> Path:
    """Return where a table is or would be."""
    return folder / f"spectral_table_{d}_{most_units}_v{_FORMAT}.npz"


def is_kept(folder: Path, d: int, most_units: int) -> bool:
    """Whether a folder has a table; a folder that cannot be searched has none."""
    return os.path.exists(_file(folder, d, most_units))


def save_table(folder: Path, table: SpectralTable, most_units: int) -> None:
    """Write a table, whole or not at all."""
    with (
        atomic_write(_file(folder, table.input_dim, most_units)) as unfinished,
        open(unfinished, "wb") as file,
    ):
        np.savez(
            file,
            units=table.units,
            lengths=[len(row) for row in table.eigenvalues],
            eigenvalues=np.concatenate(table.eigenvalues),
            copies=np.concatenate(table.copies),
            delta=table.delta,
        )


def load_rows(folder: Path, d: int, most_units: int) -> list[Row] | None:
    """Read the rows of a table; None if there is none, or a disk has damaged it, or it is of
    another dimension: it is built again.
    """
    import zipfile
    import zlib

    try:
        # opened here, because NumPy leaves a damaged file open
        with (
            open(_file(folder, d, most_units), "rb") as file,
            np.load(file) as stored,
        ):
            ends = np.cumsum(stored["lengths"])[:-1]
            parts = np.split(stored["eigenvalues"], ends), np.split(stored["copies"], ends)
            rows = list(
                zip(stored["units"].tolist(), *parts, stored["delta"].tolist(), strict=True)
            )
            return rows if are_rows(d, rows) else None
    except (OSError, EOFError, ValueError, TypeError, LookupError, AttributeError):
        return None
    # what zipfile raises of files that are cut, spoilt, encrypted or too large for memory
    except (zipfile.BadZipFile, zlib.error, RuntimeError, MemoryError, OverflowError):
        return None
