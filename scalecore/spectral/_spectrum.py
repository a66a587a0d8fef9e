"""The spectrum of the infinite-width network's covariance operator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .._common.validation import input_dimension, positive_int
from .._core import spectrum as _spectrum

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_DEGREES = 2**24


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Eigenvalues of the covariance operator of the infinite-width network. Made by `spectrum`.

    Attributes
    ----------
    input_dim : int
        The dimension d.
    degree : ndarray
        Degrees l of the spherical harmonics: 0, 1, 2, 4, 6, ... (odd ones above 1 have eigenvalue
        0).
    log_eigenvalue, log_multiplicity : ndarray
        Natural logarithms of lambda_l and N_l; these neither underflow nor overflow.
    mass : ndarray
        Variance of F that lies in each degree, N_l lambda_l.
    tail : ndarray
        Variance that lies in all higher degrees. Mass up to a degree and the tail after it sum to
        1/2.

    Examples
    --------
    >>> import scalecore as sc
    >>> spectrum = sc.spectrum(10)
    >>> spectrum.degree[:4], spectrum.multiplicity[:4].round()
    (array([0, 1, 2, 4]), array([  1.,  10.,  54., 660.]))
    >>> spectrum.eigenvalue[:3].round(6)
    array([0.167301, 0.025   , 0.001383])
    >>> round(float(spectrum.tail[2]), 5)
    0.00804
    """

    input_dim: int
    degree: NDArray[np.int64]
    log_eigenvalue: NDArray[np.float64]
    log_multiplicity: NDArray[np.float64]
    mass: NDArray[np.float64]
    tail: NDArray[np.float64]

    @property
    def eigenvalue(self) -> NDArray[np.float64]:
        """Eigenvalues lambda_l; 0 where they underflow."""
        return np.exp(self.log_eigenvalue)

    @property
    def multiplicity(self) -> NDArray[np.float64]:
        """Multiplicities N_l; infinite where they overflow."""
        with np.errstate(over="ignore"):
            return np.exp(self.log_multiplicity)

    def __repr__(self) -> str:
        low = float(self.mass[self.degree <= 2].sum() / 0.5)
        return (
            f"Spectrum(input_dim {self.input_dim}, {len(self.degree)} degrees; degree <= 2 "
            f"carries {low:.1%} of the variance)"
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw decreasing eigenvalues against their rank, each degree a step; return the axes.

        Examples
        --------
        >>> import scalecore as sc
        >>> ax = sc.spectrum(10).plot()
        >>> ax.get_xscale(), ax.get_yscale()
        ('log', 'log')
        """
        from .._views.spectral_plots import plot_spectrum

        return plot_spectrum(self, ax=ax)


@np.errstate(under="ignore")
def spectrum(input_dim: int, *, degrees: int = 32) -> Spectrum:
    r"""Return the spectrum of the infinite-width network's covariance operator.

    F has mean 0, and :math:`E F(x) F(x')` has the spherical harmonics (times the norm of x) as
    eigenfunctions, for every concentration: :math:`\lambda_l = d a_l^2` with multiplicity
    :math:`N_l = \binom{d+l-1}l - \binom{d+l-3}{l-2}`,

    .. math::

        a_0 = \frac{\Gamma(d/2)}{2\sqrt\pi\,\Gamma((d+1)/2)}, \quad a_1 = \frac1{2d}, \quad
        |a_l| = \frac{\Gamma(d/2)\,\Gamma(l-1)}{\sqrt\pi\,2^l\,\Gamma(l/2)\,\Gamma((l+d+1)/2)}
        \quad (l\ \text{even}), \quad \sum_l N_l \lambda_l = \tfrac12 .

    Parameters
    ----------
    input_dim : int
        Dimension d, from 1 to 1e15.
    degrees : int, default 32
        How many degrees: 0, 1, 2, 4, 6, ..., at most 2**24.

    Returns
    -------
    Spectrum

    Raises
    ------
    TypeError, ValueError
        If an argument is not a whole number, or is out of its range.

    Notes
    -----
    Relative errors are below 1e-13 (of logarithms: absolute ones, at d = 1e7 below 2e-13). Source:
    docs/spectral.md.

    Examples
    --------
    >>> import scalecore as sc
    >>> sc.spectrum(10)
    Spectrum(input_dim 10, 32 degrees; degree <= 2 carries 98.4% of the variance)
    >>> float(sc.spectrum(10**7).eigenvalue[2])
    1.59...e-15
    """
    d = input_dimension("input_dim", input_dim)
    degrees = positive_int("degrees", degrees, most=_MOST_DEGREES)
    even = _spectrum.spectrum(float(d), max(degrees - 1, 1))
    columns = np.insert(even, 1, [-np.log(4.0 * d), np.log(d), 0.25, even[0, 3]], axis=0)
    columns[0, 3] += 0.25
    degree = np.append([0, 1], 2 * np.arange(1, len(even)))
    return Spectrum(
        d, degree[:degrees], *(np.ascontiguousarray(column) for column in columns[:degrees].T)
    )
