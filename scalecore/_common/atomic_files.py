"""Files on a disk that may fail: written whole or not at all, and one error that says what became
of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from time import sleep
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# Windows refuses to replace a file that another program has open, to read it or to look for
# viruses. Most are done in a moment.
_OPEN_FILES_STAY = os.name == "nt"
_WAITS = (0.01, 0.03, 0.1, 0.3, 0.6)  # seconds before each further attempt


@contextmanager
def atomic_write(target: Path) -> Iterator[Path]:
    """Yield a path beside the target; what is written there takes the target's place at the end, or
    leaves no trace.
    """
    # random: another process, perhaps on another machine, may be writing the same file
    unfinished = target.with_name(f"{target.name}.{os.urandom(4).hex()}.unfinished")
    try:
        yield unfinished
        _replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)


def _replace(unfinished: Path, target: Path) -> None:
    for wait in _WAITS if _OPEN_FILES_STAY else ():
        try:
            unfinished.replace(target)
            return
        except PermissionError:
            sleep(wait)
    unfinished.replace(target)


def failure(error: OSError, consequence: str, path: Path) -> OSError:
    """Return an error of the same kind that says what became of a path, and names it instead of a
    file inside.
    """
    if error.errno is None:  # errors of a connection have no number
        return OSError(f"{error}; {consequence}: {path}")
    return OSError(error.errno, f"{error.strerror}; {consequence}", str(path))
