"""Centred logarithms: the coordinates in which laws are fitted, where no unit is left."""

from __future__ import annotations

from dataclasses import dataclass
from types import EllipsisType
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index: TypeAlias = slice | NDArray[np.bool_] | tuple[slice | EllipsisType | None, ...]


@dataclass(frozen=True)
class Centre:
    """Means of ln N (or ln C), ln D and ln L over the runs of a table, L in nats."""

    n: float
    m: float
    y: float


@dataclass(frozen=True)
class Covariates:
    """What a form reads of runs: centred logarithms of N (or of C) and of D.

    `unique` is ln U centred as D is, for forms with repeated data, else None; `epochs` D/U follows.
    `centre` is for forms that are about N and D themselves.
    """

    n: Array
    m: Array
    unique: Array | None = None
    centre: Centre | None = None

    def __getitem__(self, index: Index) -> Covariates:
        """Return a part, or with new axes."""
        unique = None if self.unique is None else self.unique[index]
        return Covariates(self.n[index], self.m[index], unique, self.centre)
