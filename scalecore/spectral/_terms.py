"""What a spectral bound is made of, term by term."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._common.validation import broadcast, names, one_of, real_array
from .._core import spectral as _spectral
from ._table_lookup import strategies_for

_STRATEGIES = np.array(["fixed", "atoms", "sticks", "quadratic", "polar"])


@dataclass(frozen=True, eq=False)
class SpectralTerms:
    """What the spectral bound is made of, at points of one broadcast shape.

    Made by `spectral_terms`.

    Attributes
    ----------
    error : ndarray
        The bound in nats per sample: the sum of the five terms that follow.
    coefficients : ndarray
        What it costs to learn the fixed part's coefficients, sum ln(mu/D)/2 / T; of a mixture, sum
        f(mu T/4)/T of those that pay.
    distortion : ndarray
        What their noise costs, sum D/8 with D = min(mu, 4/T); of a mixture, sum mu/8 of the others.
    residual : ndarray
        What neither the fixed part nor atoms describe: rho_q/8, or K rho_q/(8 n_s).
    list : ndarray
        What it costs to learn atoms, E U (ln(2 n_s) + d ln(1 + 2/eps))/T, or sticks; 0 without. Of
        polar sticks with what the rounding of their directions costs.
    resolution_loss : ndarray
        What their rounding costs, eps^2/16 or d m/(2T) of m sticks, m/(2T) of polar ones' sizes; 0
        without.
    units : ndarray
        Units of the fixed part, q, or of the quadratic form, d + 2.
    atoms : ndarray
        Units that are drawn from the process, n_s, or sticks of it, m; 0 without.
    resolution : ndarray
        The drawn atoms' eps; NaN without.
    strategy : ndarray of str
        What is done beside the fixed part: 'fixed' (nothing), 'atoms', 'sticks', 'polar' (sticks
        whose sizes and directions are sent apart), or 'quadratic' in its place; 'invalid' where an
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
            strategy = (
                ", ".join(f"{count} {kind}" for kind, count in zip(kinds, counts, strict=True))
                or "empty"
            )
            return f"SpectralTerms(shape {np.shape(self.error)}: {strategy})"
        kind = "polar sticks" if self.strategy == "polar" else self.strategy
        beside = {"fixed": "", "quadratic": " as a quadratic form", "invalid": ""}.get(
            str(self.strategy), f" and {self.atoms:.6g} {kind}"
        )
        return (
            f"SpectralTerms({self.error:.4g} nats = coefficients {self.coefficients:.3g} + "
            f"distortion {self.distortion:.3g} "
            f"+ residual {self.residual:.3g} + list {self.list:.3g} + resolution "
            f"{self.resolution_loss:.3g}; "
            f"{self.units:.0f} units{beside})"
        )


@np.errstate(under="ignore")
def spectral_terms(
    n: ArrayLike,
    T: ArrayLike,
    d: ArrayLike,
    K: ArrayLike,
    *,
    strategies: str | Iterable[str] = ("atoms",),
) -> SpectralTerms:
    """Tell what `spectral_bound` or `refined_bound` is made of.

    That is: its terms, the units of the fixed part, and what is beside it.

    Parameters
    ----------
    n, T, d, K : array_like
        As for `spectral_bound`.
    strategies : str or iterable of str, default ("atoms",)
        What may be done beside the fixed part: any of "atoms", "sticks", "polar" and "quadratic".
        With "mixture" the fixed part's coefficients are mixed over a Gaussian prior instead of sent
        with noise. The default is `spectral_bound`, "all" of them are `refined_bound`.

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
    inputs = {
        name: real_array(name, value) for name, value in {"n": n, "T": T, "d": d, "K": K}.items()
    }
    shape = broadcast(**inputs)
    columns = {
        name: np.ascontiguousarray(np.broadcast_to(array, shape)).reshape(-1)
        for name, array in inputs.items()
    }
    rows = _spectral.terms(
        **columns, strategies=_flags(strategies), tables=strategies_for(columns["d"])
    )
    values = rows.reshape((*shape, len(_spectral.TERMS)))
    parts = {name: values[..., i].copy()[()] for i, name in enumerate(_spectral.TERMS)}
    kind = parts.pop("strategy")
    known = _STRATEGIES[np.nan_to_num(kind).astype(int)]
    return SpectralTerms(**parts, strategy=np.where(np.isnan(kind), "invalid", known)[()])


def _flags(strategies: str | Iterable[str]) -> int:
    if isinstance(strategies, str) and strategies == "all":
        return _spectral.BOUND_STRATEGIES["refined_bound"]
    listed = (
        [strategies] if isinstance(strategies, str) else names("strategies", strategies, empty=True)
    )
    known = {one_of("strategies", name, _spectral.STRATEGIES) for name in listed}
    return sum(_spectral.STRATEGIES[name] for name in known)
