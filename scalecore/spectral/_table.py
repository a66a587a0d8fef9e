"""The table of one input dimension: for every number of units that the fixed part may take, the
variances that it sends and what it leaves.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from .._common.atomic_files import atomic_write
from .._common.validation import path
from .._core import spectral as _spectral
from ._table_for_c import table_bytes
from ._table_rows import Row


@dataclass(frozen=True, eq=False)
class SpectralTable:
    """What a fixed part of so many units describes, for one input dimension.

    Made by `spectral_table`.

    Attributes
    ----------
    input_dim : int
        The dimension d.
    units : ndarray, shape (rows,)
        Units of the fixed part, increasing from 0.
    residual : ndarray, shape (rows,)
        Mean square of F that the fixed part leaves: 1/2 less its eigenvalues.
    eigenvalues, copies : tuple of ndarray
        For each row the variances of its coefficients, decreasing, and how many have each.
    delta : ndarray, shape (rows,)
        Share of a direction's rounding that is seen beside the fixed part, 1 - 2 sum lambda_l
        P_l'(1) tr(P Pi_l).

    Examples
    --------
    >>> import scalecore as sc
    >>> table = sc.spectral_table(7, most_units=20)
    >>> table
    SpectralTable(input_dim 7, ... rows, up to 20 units, which leave 0.038 of 0.5)
    >>> table.eigenvalues[2], table.copies[2]
    (array([0.03571429]), array([7.]))
    """

    input_dim: int
    units: NDArray[np.float64]
    residual: NDArray[np.float64]
    eigenvalues: tuple[NDArray[np.float64], ...]
    copies: tuple[NDArray[np.float64], ...]
    delta: NDArray[np.float64]
    strategies: _spectral.Strategies = field(repr=False)

    def __repr__(self) -> str:
        return (
            f"SpectralTable(input_dim {self.input_dim}, {len(self.units)} rows, up to "
            f"{self.units[-1]:.0f} units, "
            f"which leave {self.residual[-1]:.2g} of 0.5)"
        )

    def save(self, file: str | PathLike[str]) -> None:
        """Write the table to a file for C programs, which `sc_spectral_table_load` reads.

        The file is written whole or not at all. scalecore.h has the function.

        Parameters
        ----------
        file : path
            The file, which is replaced if it is there.

        Raises
        ------
        TypeError, ValueError
            If `file` is not a path.
        OSError
            If the file cannot be written.

        Notes
        -----
        The file has the rows only. What C computes from them is what Python computes, to the last
        bit. (`cache=` of `spectral_table` is what keeps tables for Python.)

        Examples
        --------
        >>> import tempfile, pathlib
        >>> import scalecore as sc
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = pathlib.Path(folder, "four.sctable")
        ...     sc.spectral_table(4, most_units=64).save(file)
        ...     file.read_bytes()[:7]
        b'SCTABLE'
        """
        from pathlib import Path

        with atomic_write(Path(path("file", file))) as unfinished:
            Path(unfinished).write_bytes(table_bytes(self))


def assemble(d: int, rows: list[Row]) -> SpectralTable:
    """Make the table of these rows."""
    units, eigenvalues, copies, delta = zip(*rows, strict=True)
    residual = np.array(
        [
            max(0.0, 0.5 - float(np.sum(m * c)) + 1e-16)
            for m, c in zip(eigenvalues, copies, strict=True)
        ]
    )
    if d == 1 and len(rows) == 3:
        residual[2] = 0.0
    strategies = _spectral.Strategies(
        d,
        units,
        list(map(len, eigenvalues)),
        np.concatenate(eigenvalues),
        np.concatenate(copies),
        residual,
        delta,
    )
    return SpectralTable(
        d, np.array(units), residual, eigenvalues, copies, np.array(delta), strategies
    )
