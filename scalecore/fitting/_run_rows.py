"""Rows of a table of runs: their columns, what follows from each, and tables of some of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._common.validation import truth_values
from ._checked_rows import LOSS_SCALES, QUANTITIES, frozen
from ._columns import renumbered
from ._points import Points, points

if TYPE_CHECKING:
    from typing import Self

_COMPUTED = ("data_hash", "_points")  # computed from the fields when first asked for


@dataclass(frozen=True, eq=False, repr=False, init=False)
class RunRows:
    """Rows that were checked, with their columns; `RunTable` says what each field is."""

    parameters: NDArray[np.float64]
    samples: NDArray[np.float64]
    loss: NDArray[np.float64]
    compute: NDArray[np.float64] | None
    unique_samples: NDArray[np.float64] | None
    weight: NDArray[np.float64] | None
    progress: NDArray[np.float64] | None
    run_codes: NDArray[np.int64] | None
    run_names: tuple[str, ...]
    rows: NDArray[np.int64]
    dropped: NDArray[np.int64]
    columns: dict[str, str]
    notes: tuple[str, ...]
    loss_unit: str
    cost: float

    @classmethod
    def _of(cls, fields: dict[str, Any]) -> Self:
        """Return the table with these fields, which `checked_fields` has checked."""
        table = object.__new__(cls)
        vars(table).update(fields)
        return table

    @property
    def loss_scale(self) -> float:
        """Nats in one `loss_unit`: 1, or log 2."""
        return LOSS_SCALES[self.loss_unit]

    @property
    def flops(self) -> NDArray[np.float64]:
        """FLOPs of each run: `compute` where it was given, else ``cost * N * D``."""
        if self.compute is not None:
            return self.compute
        with np.errstate(over="ignore", under="ignore"):
            return frozen(self.cost * self.parameters * self.samples)

    @property
    def log_flops(self) -> NDArray[np.float64]:
        """Natural logarithm of `flops`, also where cost * N * D is beyond every double."""
        if self.compute is not None:
            return np.log(self.compute)
        return np.log(self.cost) + np.log(self.parameters) + np.log(self.samples)

    @property
    def run(self) -> NDArray[np.str_] | None:
        """Name of each row's run; None where no runs were named."""
        return None if self.run_codes is None else np.array(self.run_names)[self.run_codes]

    @cached_property
    def data_hash(self) -> str:
        """SHA-256 of the content, in order, as hexadecimal digits.

        It covers every array that a fit may use (loss in nats, runs by number) and `cost`, bit for
        bit and in the order of the rows; not names, row numbers, units or where it came from.

        Examples
        --------
        >>> import scalecore as sc
        >>> sc.RunTable([1e8], [2e9], [3.4]).data_hash[:16]
        'b77e7b9aeee4ceaa'
        """
        digest = hashlib.sha256(f"scalecore runs 1, cost {self.cost!r}".encode())
        for name in (*QUANTITIES, "run_codes"):
            array = getattr(self, name)
            if array is not None:
                digest.update(f"\n{name} {array.size}\n".encode())
                digest.update(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
        return digest.hexdigest()

    def where(self, mask: ArrayLike) -> Self:
        """Return the table of the rows where `mask` is true; they keep their numbers in `rows`.

        Parameters
        ----------
        mask : array_like of bool, shape (n,)

        Returns
        -------
        RunTable

        Raises
        ------
        TypeError, ValueError
            If `mask` is not one bool a row.

        Examples
        --------
        >>> import scalecore as sc
        >>> table = sc.RunTable([1e8, 1e8, 4e8, 4e8], [2e9, 8e9, 2e9, 8e9], [3.4, 3.1, 3.2, 2.8])
        >>> table.where(table.loss < 3.3).rows
        array([1, 2, 3])
        """
        return self._taken(np.flatnonzero(truth_values("mask", mask, len(self))))

    def best_per_point(self) -> Self:
        """Return the table with only the lowest loss at each N and D (and unique samples).

        Where several runs differ in hyperparameters only, this is their lower envelope.

        Returns
        -------
        RunTable

        Examples
        --------
        >>> import scalecore as sc
        >>> table = sc.RunTable([1e8, 1e8, 4e8], [2e9, 2e9, 8e9], [3.4, 3.3, 2.8])
        >>> table.best_per_point().rows
        array([1, 2])
        """
        return self._taken(self._points.best(self.loss))

    @cached_property
    def _points(self) -> Points:
        """Rows with the same N, D and unique samples."""
        columns = (self.parameters, self.samples, self.unique_samples)
        return points([column for column in columns if column is not None])

    def _taken(self, places: NDArray[np.intp]) -> Self:
        """Return the table of the rows at `places`, in that order."""
        values = self.__getstate__()
        for name in (*QUANTITIES, "rows"):
            if values[name] is not None:
                values[name] = frozen(values[name][places])
        if self.run_codes is not None:
            codes, values["run_names"] = renumbered(self.run_codes[places], self.run_names)
            values["run_codes"] = frozen(codes)
        return self._of(values)

    def __len__(self) -> int:
        return self.loss.size

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in _COMPUTED}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        for value in state.values():
            if isinstance(value, np.ndarray):
                frozen(value)
