r"""Spectral bounds: the error of a width-n network, described by its projection as well as by its atoms.

The infinite-width network :math:`F` is a random function of known covariance. A learner may describe it by coefficients in fixed
features, of which a sample tells most where their variance is largest, and by atoms only where those pay:

.. math::

    \sum_i h(\mu_i, T) + \frac18\Big(\frac{K\rho_q}{n_s} + \frac{\epsilon^2}2\Big)
    + \frac{E U_{n_s}}{T}\Big(\ln 2n_s + d \ln\big(1 + \tfrac2\epsilon\big)\Big),
    \qquad h(\mu, T) = \frac{\ln(\mu T/4) + 1}{2T}\ \text{ if } \mu T > 4,\ \text{ else } \frac\mu8,

where q units of fixed directions have coefficients of variances :math:`\mu_i` and leave the mean square
:math:`\rho_q = \frac12 - \sum_i \mu_i` (of which an eighth remains where no atoms are drawn). docs/spectral.md proves it. Input
dimensions are whole numbers here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._common.validation import broadcast, choice, flag, input_dimension, path, positive_int, real_array
from .._core import spectral as _spectral
from .._core import spectrum as _spectrum
from ._directions import spread
from ._spectrum import Spectrum, spectrum
from ._table import DEAREST_UNITS, SpectralTable, find_table, residual_of_a_small_table

__all__ = [
    "SpectralTable",
    "SpectralTerms",
    "Spectrum",
    "bayes_error_bound",
    "directions",
    "refined_bound",
    "spectral_bound",
    "spectral_table",
    "spectral_terms",
    "spectrum",
]

bayes_error_bound = _spectrum.make_bayes_error_bound(
    """bayes_error_bound(T, d)

Upper bound on the average error of the best possible learner over T samples, whatever its width and the concentration.

Parameters
----------
T : array_like
    Number of training samples, at least 1.
d : array_like
    Input dimension, a whole number from 1 to 1e15.
out, where, dtype, ... :
    As for every `numpy.ufunc`.

Returns
-------
ndarray or scalar
    The bound on I(F; H_T)/T, in nats per sample.

Notes
-----
sum_l N_l h(lambda_l, T) over the spectrum of F (`spectrum`), h(mu, T) = (ln(mu T/4) + 1)/(2T) if mu T > 4 and mu/8 otherwise: each
coefficient is sent with the noise that costs least. `refined_bound`, which mixes coefficients instead, may lie below it. Relative
error below 1e-13. Degrees beyond 131,072 are charged their whole
variance, which only loosens it (d = 2 from T = 1e20 on, d = 3 from 1e25).

T outside [1, 1e300] and d that are not whole give NaN in their own element and a RuntimeWarning. Source: docs/spectral.md.

Examples
--------
>>> import scalecore as sc
>>> sc.bayes_error_bound([1000, 129747], 10).round(6)
array([0.026867, 0.002338])
""",
)

spectral_bound = _spectral.make_ufunc(
    "spectral_bound",
    """spectral_bound(n, T, d, K)

Upper bound on the average error of a width-n network over T samples, by the best mixture of fixed features and atoms.

Never above `error_bound`, and never rising with n or T.

Parameters
----------
n : array_like
    Width of the learning network, at least 1. The fixed part takes whole units of it.
T : array_like
    Number of training samples, at least 1.
d : array_like
    Input dimension, a whole number from 1 to 1e15.
K : array_like
    Concentration of the Dirichlet process, greater than 0.
out, where, dtype, ... :
    As for every `numpy.ufunc`.

Returns
-------
ndarray or scalar
    The bound, in nats per sample.

Notes
-----
The least over q + n_s <= n of sum_i h(mu_i, T) + [K rho_q/n_s + eps^2/2]/8 + E U_(n_s) (ln(2 n_s) + d ln(1 + 2/eps))/T, or of
sum_i h(mu_i, T) + rho_q/8 without atoms; `spectral_terms` tells which. The variances mu_i of q units come from a table that is
built when a dimension is first asked for (seconds to a minute, then kept; `spectral_table` shows progress and keeps it on disk).
Atoms are drawn beside a few of its rows only, which costs 0.1 % of the bound, 3 % at worst.

Arguments outside n, T in [1, 1e300], K in (0, 1e300] and d that are not whole give NaN in their own element and a RuntimeWarning.
Source: docs/spectral.md.

Examples
--------
>>> import scalecore as sc
>>> table = sc.spectral_table(3, most_units=64)
>>> sc.spectral_bound([2, 8, 32], 1e5, 3, 100).round(5)
array([0.03138, 0.00128, 0.00062])
>>> sc.error_bound([2, 8, 32], 1e5, 3, 100).round(5)
array([3.12533, 0.78248, 0.1996 ])
""",
)


refined_bound = _spectral.make_ufunc(
    "refined_bound",
    """refined_bound(n, T, d, K)

Upper bound on the average error of a width-n network over T samples: `spectral_bound`, tightened in three ways.

Parameters
----------
n, T, d, K : array_like
    As for `spectral_bound`.
out, where, dtype, ... :
    As for every `numpy.ufunc`.

Returns
-------
ndarray or scalar
    The bound, in nats per sample; never above `spectral_bound`.

Notes
-----
Units that are left beside a fixed part may be sticks of the process, the m first of which leave only the share (K/(K+2))^m of the
variance: each is sent as a sign and d noisy coordinates; they are whole, also where n is not. For a fixed K the bound then falls
like 1/C, up to powers of log C, and the best width grows like K log C. d + 2 trained units may be a quadratic form in its
eigenbasis, which describes all degrees up to 2. And coefficients of the fixed part are mixed over a Gaussian prior instead of sent
with noise, which costs each f(mu T/4)/T, up to 30 % less than h. Source: docs/spectral.md, where each is proved; `spectral_terms`
tells which is best.

Examples
--------
>>> import scalecore as sc
>>> table = sc.spectral_table(3, most_units=64)
>>> ratio = sc.refined_bound(1000, [1e4, 1e9], 3, 10) / sc.spectral_bound(1000, [1e4, 1e9], 3, 10)
>>> ratio <= [1.0, 0.5]
array([ True,  True])
""",
)

_STRATEGIES = np.array(["fixed", "atoms", "sticks", "quadratic"])
STRATEGIES = {"spectral": _spectral.STRATEGIES["atoms"], "refined": sum(_spectral.STRATEGIES.values())}  # flags of each bound


@dataclass(frozen=True, eq=False)
class SpectralTerms:
    """What the spectral bound is made of, at points of one broadcast shape. Made by `spectral_terms`.

    Attributes
    ----------
    error : ndarray
        The bound in nats per sample: the sum of the five terms that follow.
    coefficients : ndarray
        What it costs to learn the fixed part's coefficients, sum ln(mu/D)/2 / T; of a mixture, sum f(mu T/4)/T of those that pay.
    distortion : ndarray
        What their noise costs, sum D/8 with D = min(mu, 4/T); of a mixture, sum mu/8 of the others.
    residual : ndarray
        What neither the fixed part nor atoms describe: rho_q/8, or K rho_q/(8 n_s).
    list : ndarray
        What it costs to learn atoms, E U (ln(2 n_s) + d ln(1 + 2/eps))/T, or sticks; 0 without.
    resolution_loss : ndarray
        What their rounding costs, eps^2/16 or d m/(2T) of m sticks; 0 without.
    units : ndarray
        Units of the fixed part, q, or of the quadratic form, d + 2.
    atoms : ndarray
        Units that are drawn from the process, n_s, or sticks of it, m; 0 without.
    resolution : ndarray
        The drawn atoms' eps; NaN without.
    strategy : ndarray of str
        What is done beside the fixed part: 'fixed' (nothing), 'atoms', 'sticks', or 'quadratic' in its place; 'invalid' where an
        argument is out of its domain.

    Examples
    --------
    >>> import scalecore as sc
    >>> table = sc.spectral_table(3, most_units=64)
    >>> terms = sc.spectral_terms(1000, [1e4, 1e8], 3, 10)
    >>> terms.strategy
    array(['fixed', 'atoms'], dtype='<U9')
    >>> bool((terms.error == sc.spectral_bound(1000, [1e4, 1e8], 3, 10)).all())
    True
    """

    error: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    distortion: NDArray[np.float64]
    residual: NDArray[np.float64]
    list: NDArray[np.float64]
    resolution_loss: NDArray[np.float64]
    units: NDArray[np.float64]
    atoms: NDArray[np.float64]
    resolution: NDArray[np.float64]
    strategy: NDArray[np.str_]

    @property
    def fixed(self) -> NDArray[np.float64]:
        """The fixed part's share of the bound, `coefficients` + `distortion`."""
        return self.coefficients + self.distortion

    def __repr__(self) -> str:
        if np.shape(self.error):
            kinds, counts = np.unique(self.strategy, return_counts=True)
            told = ", ".join(f"{count} {kind}" for kind, count in zip(kinds, counts, strict=True)) or "empty"
            return f"SpectralTerms(shape {np.shape(self.error)}: {told})"
        beside = {"fixed": "", "quadratic": " as a quadratic form", "invalid": ""}.get(
            str(self.strategy), f" and {self.atoms:.6g} {self.strategy}"
        )
        return (
            f"SpectralTerms({self.error:.4g} nats = coefficients {self.coefficients:.3g} + distortion {self.distortion:.3g} "
            f"+ residual {self.residual:.3g} + list {self.list:.3g} + resolution {self.resolution_loss:.3g}; "
            f"{self.units:.0f} units{beside})"
        )


def spectral_terms(
    n: ArrayLike, T: ArrayLike, d: ArrayLike, K: ArrayLike, *, strategies: str | Iterable[str] = ("atoms",)
) -> SpectralTerms:
    """Tell what `spectral_bound` or `refined_bound` is made of: its terms, the units of the fixed part, and what is beside it.

    Parameters
    ----------
    n, T, d, K : array_like
        As for `spectral_bound`.
    strategies : str or iterable of str, default ("atoms",)
        What may be done beside the fixed part: any of "atoms", "sticks" and "quadratic". With "mixture" the fixed part's
        coefficients are mixed over a Gaussian prior instead of sent with noise. The default is `spectral_bound`, "all" of them are
        `refined_bound`.

    Returns
    -------
    SpectralTerms
        Arrays of the arguments' broadcast shape; NaN where an argument is out of its domain.

    Raises
    ------
    TypeError, ValueError
        If an argument is not real, or shapes do not broadcast.

    Examples
    --------
    >>> import scalecore as sc
    >>> table = sc.spectral_table(3, most_units=64)
    >>> terms = sc.spectral_terms(32, 1e5, 3, 100)
    >>> terms
    SpectralTerms(0.000617... nats = coefficients ... + list 0 + resolution 0; 32 units)
    >>> float(terms.residual) == table.residual[table.units == 32].item() / 8
    True
    """
    inputs = {name: real_array(name, value) for name, value in {"n": n, "T": T, "d": d, "K": K}.items()}
    shape = broadcast(**inputs)
    columns = [np.ascontiguousarray(np.broadcast_to(array, shape)).reshape(-1) for array in inputs.values()]
    values = _spectral.terms(*columns, _flags(strategies)).reshape((*shape, len(_spectral.TERMS)))
    parts = {name: values[..., i].copy()[()] for i, name in enumerate(_spectral.TERMS)}
    kind = parts.pop("strategy")
    known = _STRATEGIES[np.nan_to_num(kind).astype(int)]
    return SpectralTerms(**parts, strategy=np.where(np.isnan(kind), "invalid", known)[()])


def _flags(strategies: str | Iterable[str]) -> int:
    if strategies == "all":
        return STRATEGIES["refined"]
    names = {strategies} if isinstance(strategies, str) else set(strategies)
    return sum(_spectral.STRATEGIES[choice("strategies", name, _spectral.STRATEGIES)] for name in names)


def spectral_table(
    input_dim: int, *, most_units: int = 2048, cache: str | PathLike[str] | None = None, progress: bool = False
) -> SpectralTable:
    """Build the table of fixed parts for an input dimension, from which every spectral bound of this process then reads.

    Without this call a table of 2,048 units is built when a dimension is first asked for.

    Parameters
    ----------
    input_dim : int
        Dimension d.
    most_units : int, default 2048
        Units of the widest fixed part, from 2 to 16,384; what a bound has beyond stays idle or draws atoms. Time grows as its cube.
    cache : path, optional
        A folder in which the table is looked for, and kept. SCALECORE_TABLES in the environment names one for all tables, also
        those that are built unasked: the processes of a pool then build each once.
    progress : bool, default False
        Show a bar.

    Returns
    -------
    SpectralTable
        That of this process, which may reach further than asked.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind, or the table would be too dear: the message says what it would cost, and what the
        nearest one gives.
    OSError
        If `cache` cannot keep the table; where possible before it is built. A folder that SCALECORE_TABLES names and that cannot is
        a RuntimeWarning, and the table is kept in memory.

    Notes
    -----
    At d = 1 two units describe everything, at d = 2 and up to d + 2 units the variances are in closed form, and elsewhere they are
    eigenvalues of well-spread `directions`.

    Examples
    --------
    >>> import scalecore as sc
    >>> sc.spectral_table(4, most_units=64).residual[-1] < 0.003
    np.True_
    """
    d = input_dimension("input_dim", input_dim)
    most = positive_int("most_units", most_units, least=2)
    if most > DEAREST_UNITS and d > 1 and most > d + 2:
        raise ValueError(_too_dear(d, most))
    folder = None if cache is None else Path(path("cache", cache))
    return find_table(d, most, folder, flag("progress", progress))


def _too_dear(d: int, most: int) -> str:
    nearest = max(DEAREST_UNITS, d + 2) if d + 2 < most else DEAREST_UNITS
    hours, memory = 6e-13 * float(most) ** 3, 48e-9 * float(most) ** 2
    units, left = residual_of_a_small_table(d)
    return (
        f"most_units = {most} is too dear at input_dim = {d}: some {hours:.2g} hours and {memory:.2g} GB. Up to {nearest} can be "
        f"had; {units:.0f} units already leave {left:.2g} of the variance 0.5, which adds {left / 8:.2g} nats"
    )


def directions(input_dim: int, count: int) -> NDArray[np.float64]:
    """Return well-spread directions: unit vectors far from each other and from each other's opposites.

    They are what the fixed part of a spectral bound looks along. Up to `input_dim` of them are an orthonormal basis; more start as
    orthonormal frames and descend the energy sum 1/(1 - (u_i.u_j)^2), which leaves less variance than random directions do, and as
    little as descent on that variance itself (docs/spectral.md). In the plane they are equally spaced.

    Parameters
    ----------
    input_dim : int
        Dimension d.
    count : int
        How many.

    Returns
    -------
    ndarray, shape (count, input_dim)
        The same on every machine, bit for bit. The directions of one count are not among those of another.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a whole number above 0.

    Examples
    --------
    >>> import numpy as np
    >>> import scalecore as sc
    >>> six = sc.directions(3, 6)
    >>> np.abs(six @ six.T - np.eye(6)).max().round(3)  # the diagonals of an icosahedron
    np.float64(0.447)
    """
    return spread(input_dimension("input_dim", input_dim), positive_int("count", count))
