"""Divergences between hypotheses, a block of rows at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from . import _engine

if TYPE_CHECKING:
    from ._model import FiniteModel

Array = NDArray[np.float64]

_ROWS = 2**17  # elements of an (M, M) matrix that are computed at a time


def divergences(model: FiniteModel, rows: slice) -> Array:
    """E d_KL(P(Y|f,X) || P(Y|g,X)) of some f and all g."""
    _, n_x, n_y = model.likelihood.shape
    total = np.zeros((len(model.likelihood[rows]), len(model.likelihood)))
    for x in range(n_x):
        if model.inputs[x] > 0:
            for y in range(n_y):
                terms = _engine.divergence_terms(
                    model.likelihood[rows, None, x, y], model.likelihood[None, :, x, y]
                )
                total += model.inputs[x] * terms
    return total


def blocks(count: int) -> list[slice]:
    step = max(1, _ROWS // count)
    return [slice(first, first + step) for first in range(0, count, step)]
