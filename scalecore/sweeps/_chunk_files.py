"""Chunks of Zarr arrays in files: the same bytes that Zarr writes, with fewer copies on the way."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._common.atomic_files import atomic_write

# Linux hands a file that is opened with this flag to the disk as it lies in memory. Otherwise the
# system copies it first, page by page, which takes longer than to compress it.
_UNCACHED = getattr(os, "O_DIRECT", 0)
_PAGE = 4096  # such a file is written from an address, and in a length, that this divides
_LEAST_UNCACHED = 2**20  # bytes
_NOT_ON_THIS_DISK = (errno.EINVAL, errno.ENOTSUP)


def encode(array: Any, values: NDArray[Any]) -> memoryview:
    """Return what the file of a chunk holds of these values of a Zarr array."""
    if values.shape != array.chunks:  # chunks at the end of an axis are as long as the others
        whole = np.full(array.chunks, array.fill_value, array.dtype)
        whole[tuple(map(slice, values.shape))] = values
        values = whole
    encoded: Any = np.ascontiguousarray(values, array.dtype)
    for codec in array.compressors:
        encoded = codec.encode(encoded)
    return memoryview(encoded).cast("B")


def write_file(target: Path, content: memoryview) -> None:
    """Write a file, whole or not at all; it may not be on the disk yet."""
    with atomic_write(target) as unfinished:
        if len(content) < _LEAST_UNCACHED or not _write_uncached(unfinished, content):
            unfinished.write_bytes(content)


def _write_uncached(path: Path, content: memoryview) -> bool:
    """Write a file past the system's cache; return whether that can be done here."""
    if not _UNCACHED:
        return False
    size = -(-len(content) // _PAGE) * _PAGE
    memory = np.empty(size + _PAGE, np.uint8)  # NumPy asks for large pages
    pages = memory[-memory.ctypes.data % _PAGE :][:size]
    pages[: len(content)] = content
    pages[len(content) :] = 0
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | _UNCACHED, 0o666)
        try:
            done = 0
            while done < size:
                done += os.pwrite(file, pages[done:].data, done)
            os.ftruncate(file, len(content))
        finally:
            os.close(file)
    except OSError as error:
        if error.errno not in _NOT_ON_THIS_DISK:
            raise
        return False
    return True
