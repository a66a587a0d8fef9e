"""Means and standard errors over networks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Estimate:
    """A Monte Carlo mean and its standard error over networks, per width.

    Examples
    --------
    >>> import scalecore as sc
    >>> mc = sc.misspecification(sc.NetworkPrior(10, 100), [100], networks=50, rng=1)
    >>> units = mc.occupancy
    >>> units.mean.shape, bool(abs(units.mean[0] - sc.occupancy(100, 100)) < 4 * units.std_error[0])
    ((1,), True)
    """

    mean: NDArray[np.float64]
    std_error: NDArray[np.float64]


class Moments:
    """Running mean and sum of squares over networks, in their order, so that batches and threads
    change nothing.
    """

    def __init__(self, widths: int) -> None:
        self.count, self.mean, self.squares = 0, np.zeros(widths), np.zeros(widths)

    def add(self, rows: NDArray[np.float64]) -> None:
        """Take in more networks, a row each."""
        for row in rows:
            self.count += 1
            step = row - self.mean
            self.mean = self.mean + step / self.count
            self.squares = self.squares + step * (row - self.mean)

    def estimate(self, shape: tuple[int, ...]) -> Estimate:
        """Return the mean and its standard error."""
        variance = (
            self.squares / (self.count - 1)
            if self.count > 1
            else np.full_like(self.squares, np.nan)
        )
        return Estimate(
            self.mean.reshape(shape)[()], np.sqrt(variance / self.count).reshape(shape)[()]
        )

    def reached(self, rtol: float) -> bool:
        """Whether every width's standard error is at most `rtol` times its mean."""
        estimate = self.estimate(self.mean.shape)
        return bool((estimate.std_error <= rtol * estimate.mean).all())
