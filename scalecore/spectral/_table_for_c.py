"""A table as a file for C programs, which `sc_spectral_table_load` of scalecore.h reads.

csrc/spectral/table.h has the format.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ._table import SpectralTable

_MAGIC = b"SCTABLE\x01"  # the last byte is the format's number


def table_bytes(table: SpectralTable) -> bytes:
    """Return all that the file has: little-endian numbers of eight bytes each, and their CRC-32."""
    lengths = [len(row) for row in table.eigenvalues]
    numbers = (table.units, lengths, np.concatenate(table.eigenvalues), np.concatenate(table.copies), table.residual, table.delta)
    kinds = ("<f8", "<u8", "<f8", "<f8", "<f8", "<f8")
    head = np.array([table.input_dim], "<f8").tobytes() + np.array([len(lengths), sum(lengths)], "<u8").tobytes()
    columns = b"".join(np.asarray(column).astype(kind).tobytes() for column, kind in zip(numbers, kinds, strict=True))
    content = _MAGIC + head + columns
    return content + np.array([zlib.crc32(content)], "<u8").tobytes()
