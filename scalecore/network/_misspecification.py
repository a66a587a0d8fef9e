"""The infinite-width network that the bounds are about, and by simulation what width-n networks
cannot express of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._common.progress import bar
from .._common.running_moments import Estimate, Moments
from .._common.validation import (
    boolean,
    describe,
    one_of,
    positive_int,
    positive_number,
    stream_key,
    thread_count,
    whole_numbers,
)
from .._core import network as _network
from ..bounds import occupancy
from ._prior import Network, NetworkPrior

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._common.annotations import Seed

__all__ = ["Estimate", "MisspecificationEstimate", "Network", "NetworkPrior", "misspecification"]

_DTYPES = ("float64", "float32")
_LEAST_RTOL = 1e-6  # it would take some 1e12 networks
_BATCH = 64  # networks between two looks at the standard errors


@dataclass(frozen=True, eq=False, repr=False)
class MisspecificationEstimate:
    """What `misspecification` measured.

    Attributes
    ----------
    widths : ndarray
        As asked.
    kl : Estimate
        E d_KL(P(Y|F,X) || P(Y|F~,X)), nats per sample; `bound` lies above it.
    squared_error : Estimate
        E(F - F~)^2; exactly K/(2n).
    occupancy : Estimate
        E U_n, distinct units; exactly `scalecore.occupancy` (n, K).
    bound : ndarray
        K/(16 n), nats per sample.
    prior : NetworkPrior
    networks, inputs : int
        Networks that were drawn, and inputs per network.
    dtype : str
        Precision in which the networks were evaluated.

    Examples
    --------
    >>> import scalecore as sc
    >>> mc = sc.misspecification(sc.NetworkPrior(10, 100), [100, 1000], networks=50, rng=1)
    >>> mc.bound, bool((mc.kl.mean < mc.bound).all())
    (array([0.0625 , 0.00625]), True)
    """

    widths: NDArray[np.float64]
    kl: Estimate
    squared_error: Estimate
    occupancy: Estimate
    bound: NDArray[np.float64]
    prior: NetworkPrior
    networks: int
    inputs: int
    dtype: str

    def __repr__(self) -> str:
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = self.kl.mean / self.bound
        return (
            f"MisspecificationEstimate({np.size(self.widths)} widths, {self.networks} networks x "
            f"{self.inputs} inputs, "
            f"KL is {np.min(ratio):.2g} to {np.max(ratio):.2g} of the bound K/(16n))"
        )

    def _repr_html_(self) -> str:
        from .._views import html as _html

        return _html.misspecification(
            self, occupancy(np.ravel(self.widths), self.prior.concentration)
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the estimate with error bars over the bound; return the axes.

        Examples
        --------
        >>> import scalecore as sc
        >>> prior = sc.NetworkPrior(10, 100)
        >>> ax = sc.misspecification(prior, [100, 1000], networks=10, rng=1).plot()
        >>> ax.get_yscale()
        'log'
        """
        from .._views.network_plots import plot_misspecification

        return plot_misspecification(self, ax=ax)


@np.errstate(under="ignore")
def misspecification(
    prior: NetworkPrior,
    widths: ArrayLike,
    *,
    networks: int = 200,
    inputs: int = 1024,
    rng: Seed = None,
    dtype: str = "float64",
    rtol: float | None = None,
    n_threads: int | None = None,
    progress: bool = False,
) -> MisspecificationEstimate:
    """Measure what width-n networks cannot express of the infinite-width network, by Monte Carlo.

    Each network F is drawn whole (until a mass of 1e-8 is left, and further where draws ask for
    it), thinned to F~ at every width, and both are compared on one set of inputs shared by all
    widths.

    Parameters
    ----------
    prior : NetworkPrior
        Law of F.
    widths : array_like of int
        Widths n, at least 1; at most 200 of them.
    networks : int, default 200
        Networks to draw; with `rtol`, the fewest.
    inputs : int, default 1024
        Inputs per network. Inputs of one network are correlated through it, so standard errors are
        over networks.
    rng : None, int, SeedSequence or Generator
        Source of randomness.
    dtype : {"float64", "float32"}
        Precision in which networks are evaluated.
    rtol : float, optional
        Draw networks, 64 at a time, until every width's relative standard error of KL and of the
        squared error is below this, which is at least 1e-6.
    n_threads : int, optional
        Threads; None means all that this process may use. The answer does not depend on it.
    progress : bool, default False
        Show a bar on stderr.

    Returns
    -------
    MisspecificationEstimate
        kl, squared_error and occupancy with standard errors, and the bound K/(16 n).

    Raises
    ------
    TypeError, ValueError
        If an argument is out of its domain, by name, before any work starts.

    Notes
    -----
    E(F - F~)^2 = K/(2n), E U_n = K (psi(K+n) - psi(K)) exactly, and E d_KL <= K/(16 n).
    Source: JVR24 Corollary 4.1; docs/theory.md.

    Examples
    --------
    >>> import scalecore as sc
    >>> mc = sc.misspecification(sc.NetworkPrior(10, 100), [10, 100, 1000], networks=50, rng=1)
    >>> bool((mc.kl.mean < mc.bound).all())
    True
    >>> off = abs(mc.squared_error.mean - 100 / (2 * mc.widths))
    >>> bool((off < 4 * mc.squared_error.std_error).all())
    True
    """
    asked, networks, inputs, single, target = check_misspecification(
        prior, widths, networks, inputs, dtype, rtol
    )
    threads, key, progress = thread_count(n_threads), stream_key(rng), boolean("progress", progress)
    flat = np.ascontiguousarray(asked.ravel())
    moments = [Moments(flat.size) for _ in range(3)]
    with bar(networks if target is None else None, progress, "networks") as advance:
        while moments[0].count < networks or (
            target is not None and not all(moment.reached(target) for moment in moments[:2])
        ):
            done = moments[0].count
            batch = min(_BATCH, networks - done) if done < networks else _BATCH
            rows = [np.zeros((batch, flat.size)) for _ in moments]
            _network.experiment(
                key,
                done,
                prior.input_dim,
                prior.concentration,
                1e-8,
                inputs,
                flat,
                single,
                *rows,  # type: ignore[call-arg, arg-type]
                threads,
            )
            for moment, part in zip(moments, rows, strict=True):
                moment.add(part)
            advance(batch)
    kl, squared, occupancy = (moment.estimate(asked.shape) for moment in moments)
    bound = (prior.concentration / (16 * asked))[()]
    return MisspecificationEstimate(
        asked[()], kl, squared, occupancy, bound, prior, moments[0].count, inputs, dtype
    )


def check_misspecification(
    prior: Any, widths: Any, networks: Any, inputs: Any, dtype: Any, rtol: Any
) -> tuple[Any, ...]:
    """Check arguments of `misspecification`; return them from `widths` on, the precision as whether
    it is single.
    """
    if not isinstance(prior, NetworkPrior):
        raise TypeError(f"prior must be a NetworkPrior, got {describe(prior)}")
    asked = whole_numbers("widths", widths)
    if not 1 <= asked.size <= _network.MOST_WIDTHS:
        raise ValueError(f"widths must hold 1 to {_network.MOST_WIDTHS} widths, got {asked.size}")
    networks, inputs = (
        positive_int("networks", networks, most=2**31),
        positive_int("inputs", inputs, most=2**31 - 1),
    )
    single = one_of("dtype", dtype, _DTYPES) == "float32"
    target = None if rtol is None else positive_number("rtol", rtol)
    if target is not None and target < _LEAST_RTOL:
        raise ValueError(f"rtol must be at least {_LEAST_RTOL:g}, got {target!r}")
    return asked, networks, inputs, single, target
