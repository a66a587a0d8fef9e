"""Files on a disk that may fail: written whole or not at all, and one error that says what became
of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from os import urandom
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@contextmanager
def atomic_write(target: Path) -> Iterator[Path]:
    """Yield a path beside the target; what is written there takes the target's place at the end, or
    leaves no trace.
    """
    # random: another process, perhaps on another machine, may be writing the same file
    unfinished = target.with_name(f"{target.name}.{urandom(4).hex()}.unfinished")
    try:
        yield unfinished
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def failure(error: OSError, consequence: str, path: Path) -> OSError:
    """Return an error of the same kind that says what became of a path, and names it instead of a
    file inside.
    """
    if error.errno is None:  # errors of a connection have no number
        return OSError(f"{error}; {consequence}: {path}")
    return OSError(error.errno, f"{error.strerror}; {consequence}", str(path))
