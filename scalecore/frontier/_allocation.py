"""The compute-optimal frontier: for a budget, the width and the number of samples that minimise an
error bound.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._common.status import Status
from .._common.validation import (
    boolean,
    broadcast,
    one_of,
    positive_array,
    real_array,
    thread_count,
)
from ..spectral import strategies_for
from ._objectives import OBJECTIVES, Budgets, Optima

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from xarray import Dataset

__all__ = ["Frontier", "Status", "compute_optimal"]

# budgets gathered at a time when the inputs do not lie as columns: they stay in the cache
_BUFFER = 2**17


@dataclass(frozen=True, eq=False)
class Frontier:
    """Compute-optimal allocations, as arrays of one broadcast shape.

    Attributes
    ----------
    budget, input_dim, concentration, cost : ndarray
        What was asked, broadcast: read-only views, so do not change the arrays that you passed
        while you need them. Compute in FLOPs, cost in FLOPs per parameter and sample.
    width, samples : ndarray
        The best width n* and number of samples T* = budget / (cost * input_dim * n*); NaN where
        `status` is INFEASIBLE or INVALID.
    error, misspecification, estimation : ndarray
        The bound there and its two parts, in nats per sample.
    elasticity : ndarray
        d log p* / d log C of the real-valued optimum: the share of a budget's growth that goes to
        parameters. 0 where the width is held at 1 and 1 where the samples are. Of the spectral
        bound it is piecewise: 0 while the width is all fixed units, between which it leaps, and
        that of the atoms beside them (of sticks, which are whole, that of their best real number).
    status : ndarray of int8
        `Status` of each element.
    bound : str
        Which bound was minimised.
    integer : bool
        Whether width and samples are whole numbers.

    Examples
    --------
    >>> import scalecore as sc
    >>> best = sc.compute_optimal([1e6, 1e9, 1.0], 10, 100)
    >>> best
    Frontier(optimal bound, real widths, shape (3,): 2 INTERIOR, 1 INFEASIBLE)
    >>> best.parameters.round()
    array([ 270., 3008.,   nan])
    >>> best.model_share[:2].round(3)
    array([0.068, 0.009])
    """

    budget: NDArray[np.float64]
    input_dim: NDArray[np.float64]
    concentration: NDArray[np.float64]
    cost: NDArray[np.float64]
    width: NDArray[np.float64]
    samples: NDArray[np.float64]
    error: NDArray[np.float64]
    misspecification: NDArray[np.float64]
    estimation: NDArray[np.float64]
    elasticity: NDArray[np.float64]
    status: NDArray[np.int8]
    bound: str
    integer: bool

    @property
    def parameters(self) -> NDArray[np.float64]:
        """Parameter count p* = input_dim * width."""
        return self.input_dim * self.width

    @property
    def model_share(self) -> NDArray[np.float64]:
        """Share of the model, p* / (p* + T*)."""
        parameters = self.parameters
        return parameters / (parameters + self.samples)

    @property
    def shape(self) -> tuple[int, ...]:
        """Broadcast shape of the inputs."""
        return np.shape(self.width)

    def __repr__(self) -> str:
        head = (
            f"Frontier({self.bound} bound, {'whole' if self.integer else 'real'} widths, shape "
            f"{self.shape}"
        )
        if not self.shape:
            status = Status(int(self.status)).name
            return (
                f"{head}: C = {self.budget:g} -> width {self.width:.6g}, parameters "
                f"{self.parameters:.6g}, "
                f"samples {self.samples:.6g}, error {self.error:.4g} nats, {status})"
            )
        counts = {
            status.name: int(np.count_nonzero(np.equal(self.status, status))) for status in Status
        }
        return (
            f"{head}: "
            f"{', '.join(f'{count} {name}' for name, count in counts.items() if count) or 'empty'})"
        )

    def _repr_html_(self) -> str:
        from .._views import html as _html

        return _html.frontier(self)

    def to_dataset(self) -> Dataset:
        """Return an `xarray.Dataset` with named dimensions, coordinates, units and long names.

        An axis along which only one of budget, input_dim and concentration varies is named after it
        and has it as coordinate; other axes are ``dim_0``, ``dim_1``, and so on, with the varying
        inputs as coordinates on them.

        Raises
        ------
        ImportError
            If xarray is not installed (``pip install 'scalecore[data]'``).

        Examples
        --------
        >>> import scalecore as sc
        >>> data = sc.compute_optimal([1e6, 1e9], 10, 100).to_dataset()
        >>> dict(data.sizes), data.width.attrs["units"]
        ({'budget': 2}, '1')
        """
        from .._views.frontier_dataset import frontier_dataset

        return frontier_dataset(self)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw p* against T* on log-log axes, with a dashed line of slope 1; return the axes.

        Examples
        --------
        >>> import scalecore as sc
        >>> ax = sc.compute_optimal([1e6, 1e9, 1e12], 10, 100).plot()
        >>> ax.get_xscale(), ax.get_yscale()
        ('log', 'log')
        """
        from .._views.frontier_plots import plot_frontier

        return plot_frontier(self, ax=ax)


def compute_optimal(
    budget: ArrayLike,
    input_dim: ArrayLike,
    concentration: ArrayLike,
    *,
    cost: ArrayLike = 1.0,
    bound: str = "optimal",
    integer: bool = False,
    n_threads: int | None = None,
) -> Frontier:
    """Find the width and the number of samples that minimise an error bound for a compute budget.

    Minimises bound(n, T) over n >= 1 with T = budget / (cost * input_dim * n) >= 1. Along such an
    isoFLOP line the bound has one minimum (docs/theory.md proves it; the closed form at K < 1/3 may
    have two, and both are looked at). The spectral bounds have one for each strategy, and all are
    looked at.

    Parameters
    ----------
    budget : array_like
        Compute C = cost * input_dim * n * T, in FLOPs.
    input_dim : array_like
        Input dimension d, at least 1.
    concentration : array_like
        Concentration K of the Dirichlet process, greater than 0.
    cost : array_like, default 1
        FLOPs per parameter and sample: 1 in the papers, 6 in transformer practice.
    bound : {"optimal", "closed_form", "spectral", "refined"}
        Minimise `error_bound`, `closed_form_bound`, `spectral_bound` or `refined_bound`. The last
        two take whole input dimensions only and build a table for each (`spectral_table`).
    integer : bool, default False
        Minimise over whole n with T = floor(budget / (cost * input_dim * n)), exactly. Up to 2**53,
        where every double is whole. (Of the spectral bound's strategies the best at real widths and
        those without atoms are searched.)
    n_threads : int, optional
        Threads; None means all that this process may use, and there are never more than 16 or four
        a CPU. The answer does not depend on it.

    Returns
    -------
    Frontier
        Arrays of the inputs' broadcast shape; bad budgets are told by `status` and spoil only
        themselves.

    Raises
    ------
    TypeError, ValueError
        If an argument is not real, shapes do not broadcast, cost is not positive, or an option is
        unknown.

    Notes
    -----
    n* has a relative error below 1e-9 and the bound there one below 1e-14 (spectral, with atoms:
    1e-6 and 1e-12). Source: JVR24 Theorem 4.2 and Figure 1; the spectral bounds are this library's
    own (docs/spectral.md).

    Examples
    --------
    >>> import scalecore as sc
    >>> f = sc.compute_optimal([1e6, 1e9, 1e12], input_dim=10, concentration=100)
    >>> f.width.round(2)
    array([  27.04,  300.81, 5063.91])
    >>> f.elasticity.round(3)
    array([0.321, 0.382, 0.429])
    >>> f = sc.compute_optimal(1e6, 10, 100, integer=True)
    >>> int(f.width), int(f.samples)
    (27, 3703)
    """
    inputs = {
        "budget": real_array("budget", budget),
        "input_dim": real_array("input_dim", input_dim),
        "concentration": real_array("concentration", concentration),
        "cost": positive_array("cost", cost),
    }
    shape = broadcast(**inputs)
    objective = OBJECTIVES[one_of("bound", bound, OBJECTIVES)]
    whole, threads = boolean("integer", integer), thread_count(n_threads)
    size = math.prod(shape)
    optima = Optima.empty(size)
    tables = strategies_for(inputs["input_dim"]) if objective.needs_table and size else []
    done = 0
    for columns in _columns(list(inputs.values()), shape):
        last = done + max(map(len, columns))
        objective.minimise(
            Budgets._make((*columns, tables)), optima.part(done, last), whole, threads
        )
        done = last
    asked: dict[str, Any] = {name: _of_shape(array, shape)[()] for name, array in inputs.items()}
    found: dict[str, Any] = {
        name: getattr(optima, name).reshape(shape)[()] for name in Optima._fields
    }
    return Frontier(**asked, **found, bound=objective.name, integer=whole)


def _of_shape(array: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return an array broadcast, or as it is: that costs a microsecond and more."""
    return array if array.shape == shape else np.broadcast_to(array, shape)


def _columns(
    inputs: list[NDArray[np.float64]], shape: tuple[int, ...]
) -> Iterator[list[NDArray[np.float64]]]:
    """Yield the broadcast inputs as columns in C order: whole where they lie so, gathered in
    bounded pieces where they do not.
    """
    size = math.prod(shape)
    if size == 0:
        return
    if size == 1:
        yield [array.reshape(-1) for array in inputs]
        return
    if all(array.size == 1 or (array.ndim == 1 and len(shape) == 1) for array in inputs):
        yield [
            array.reshape(-1)
            if array.size == 1 and size != 1
            else _of_shape(array, shape).reshape(-1)
            for array in inputs
        ]
        return
    several = [array for array in inputs if array.size > 1]
    with np.nditer(
        several,
        ["external_loop", "buffered"],
        [["readonly"]] * len(several),
        order="C",
        itershape=shape,
        buffersize=_BUFFER,
    ) as iterator:
        for gathered in iterator:
            columns = iter(gathered if len(several) > 1 else [gathered])
            yield [next(columns) if array.size > 1 else array.reshape(-1) for array in inputs]
