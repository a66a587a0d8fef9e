"""What a width-n network with fixed directions can say: features of the input, and what the process
says of their coefficients.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._core import spectrum as _spectrum
from ..spectral._directions import spread

# eigenvalues of the Gram matrix below this share of the largest are noise: their directions are
# left out
_SMALLEST = 1e-12


@dataclass(frozen=True, eq=False)
class Features:
    """Uncorrelated features z = basis @ [x, |directions @ x|] with unit second moments, for X ~
    N(0, I).

    variances[i] is that of the target's coefficient of z_i (which has mean 0); what all of them
    leave of the target's 1/2 is `residual`.
    """

    directions: NDArray[np.float64]
    basis: NDArray[np.float64]
    variances: NDArray[np.float64]

    @property
    def residual(self) -> float:
        """Mean square of the target that no coefficients reach."""
        return max(0.5 - math.fsum(self.variances), 0.0)

    def network(
        self, coefficients: NDArray[np.float64], width: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return hidden and output weights of the width-n ReLU network that is `coefficients` @
        z.
        """
        units, d = self.directions.shape
        raw = coefficients @ self.basis
        linear, even = raw[:d], raw[d:]
        hidden, outputs = np.zeros((width, d)), np.zeros(width)
        # at d = 1, max(x, 0) and max(-x, 0) describe every function; further units are idle
        if d == 1 and width > 1:
            hidden[:2, 0], outputs[:2] = (1, -1), (even[0] + linear[0], even[0] - linear[0])
            return hidden, outputs
        hidden[:units], outputs[:units] = self.directions, 2 * even  # |z| = 2 max(z, 0) - z
        if width > 1:
            hidden[units], outputs[units] = linear - even @ self.directions, 1
            hidden[units + 1], outputs[units + 1] = -hidden[units], -1
        return hidden, outputs


def features(input_dim: int, width: int) -> Features:
    """Return the features of a width: a pair of units makes what is linear, the others |u . x|; one
    unit alone is a ReLU.
    """
    linear = 1 / (4 * input_dim)
    if width == 1:
        first_axis = np.eye(1, input_dim)
        variance = 2 * (
            float(_spectrum.even_kernels(float(input_dim), np.ones((1, 1)))[1][0, 0])
            + input_dim * linear**2
        )
        return Features(
            first_axis,
            np.concatenate([first_axis, [[1.0]]], axis=1) / np.sqrt(2),
            np.array([variance]),
        )
    units = (
        np.eye(1)
        if input_dim == 1
        else spread(input_dim, width - 2)
        if width > 2
        else np.zeros((0, input_dim))
    )
    cosines = np.clip(units @ units.T, -1, 1)
    np.fill_diagonal(cosines, 1.0)
    gram, covariance, _ = _spectrum.even_kernels(float(input_dim), cosines)
    sizes, axes = np.linalg.eigh(gram)
    seen = sizes > _SMALLEST * sizes.max(initial=0.0)
    whiten = axes[:, seen] / np.sqrt(sizes[seen])  # for |u . x|/2, the even part of max(u . x, 0)
    variances, turn = np.linalg.eigh(whiten.T @ covariance @ whiten)
    basis = np.zeros((input_dim + variances.size, input_dim + len(units)))
    basis[:input_dim, :input_dim] = np.eye(input_dim)
    basis[input_dim:, input_dim:] = 0.5 * (whiten @ turn[:, ::-1]).T
    return Features(
        units, basis, np.concatenate([np.full(input_dim, linear), np.maximum(variances[::-1], 0.0)])
    )
