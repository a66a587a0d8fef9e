"""A table as a file for C programs, which `sc_spectral_table_load` of scalecore.h reads.

csrc/spectral/table.h has the format.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from ._table import SpectralTable

_MAGIC = b"SCTABLE\x01"  # the last byte is the version of the format


def table_bytes(table: SpectralTable) -> bytes:
    """Return all that the file has: little-endian numbers of eight bytes each, and their CRC-32."""
    import zlib

    lengths = [len(row) for row in table.eigenvalues]
    eigenvalues, copies = np.concatenate(table.eigenvalues), np.concatenate(table.copies)
    columns = (
        _doubles([table.input_dim]),
        _unsigned([len(lengths), sum(lengths)]),
        _doubles(table.units),
        _unsigned(lengths),
        *map(_doubles, (eigenvalues, copies, table.residual, table.delta)),
    )
    content = _MAGIC + b"".join(columns)
    return content + _unsigned([zlib.crc32(content)])


def _doubles(values: ArrayLike) -> bytes:
    return np.asarray(values, "<f8").tobytes()


def _unsigned(values: ArrayLike) -> bytes:
    return np.asarray(values, "<u8").tobytes()
