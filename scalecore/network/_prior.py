"""The infinite-width network: its law, and the networks that are drawn from it or thinned."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._common.rebuilt import Rebuilt
from .._common.validation import (
    enough_memory,
    finite_array,
    fraction,
    frozen,
    input_rows,
    nonnegative_number,
    positive_int,
    positive_number,
    stream_key,
    thread_count,
)
from .._core import network as _network

if TYPE_CHECKING:
    from .._common.annotations import Panels, Seed


@dataclass(frozen=True)
class NetworkPrior(Rebuilt):
    """Law of the infinite-width two-layer network.

    F(x) = sqrt(K+1) sum_j s_j theta_j max(w_j . x, 0): masses theta of a Dirichlet process of
    concentration K (sticks of Beta(1, K)), directions w uniform on the unit sphere of R^d, fair
    signs s. For X ~ N(0, I), F(X) has mean 0 and variance 1/2, and labels are drawn with P(Y = 1 |
    F, x) = 1/(1 + exp(-F(x))).

    Parameters
    ----------
    input_dim : int
        Dimension d of the input, from 1 to 65,536.
    concentration : float
        Concentration K, greater than 0 and at most 1e9: how many atoms matter. What is drawn
        takes time in proportion.

    Raises
    ------
    TypeError, ValueError
        If a parameter is out of its domain.

    Examples
    --------
    >>> import scalecore as sc
    >>> prior = sc.NetworkPrior(input_dim=10, concentration=100)
    >>> net = prior.sample(0)
    >>> net
    Network(1864 units, 10 inputs, concentration 100, leftover mass 1e-08)
    """

    input_dim: int
    concentration: float

    def __post_init__(self) -> None:
        object.__setattr__(
            self,
            "input_dim",
            positive_int("input_dim", self.input_dim, most=_network.MOST_INPUT_DIM),
        )
        K = positive_number("concentration", self.concentration)
        if K > _network.MOST_CONCENTRATION:
            raise ValueError(
                f"concentration must be at most {_network.MOST_CONCENTRATION:g}, got {K:g}"
            )
        object.__setattr__(self, "concentration", K)

    @np.errstate(under="ignore")
    def sample(self, rng: Seed = None, *, truncation: float = 1e-8) -> Network:
        """Draw a network.

        Parameters
        ----------
        rng : None, int, SeedSequence or Generator
            Source of randomness. The same seed gives the same atoms in the same order at every
            `truncation`.
        truncation : float, default 1e-8
            Sticks are broken until at most this mass is left, some K ln(1/truncation) of them. What
            is left out changes F by a term of mean 0 and variance leftover**2 / 2.

        Returns
        -------
        Network
            With its units in the order of stick breaking.

        Raises
        ------
        ValueError
            If `truncation` is not between 0 and 1.
        MemoryError
            If the units would not fit into this machine's memory.

        Examples
        --------
        >>> import scalecore as sc
        >>> net = sc.NetworkPrior(input_dim=3, concentration=5).sample(0, truncation=1e-4)
        >>> len(net) == net.output_weights.size, net.leftover <= 1e-4
        (True, True)
        """
        return sample_network(self, stream_key(rng), 0, truncation)


def sample_network(prior: NetworkPrior, key: int, item: int, truncation: float) -> Network:
    """Draw network `item` of a stream; see `NetworkPrior.sample`."""
    truncation = fraction("truncation", truncation)
    units = 1 - prior.concentration * math.log(truncation)
    enough_memory(
        f"a network of concentration {prior.concentration:g}, some {units:.3g} units,",
        units * (prior.input_dim + 1),
    )
    mass_left, chunk = 1.0, 0
    directions, weights, lefts = [], [], []
    while mass_left > truncation:
        directions_here, signs, masses, after = _network.atoms(
            key, item, prior.input_dim, prior.concentration, chunk, mass_left
        )
        below = np.concatenate(
            [np.cumsum(masses[::-1])[::-1][1:], [0.0]]
        )  # mass of the later atoms of this chunk
        directions.append(directions_here)
        weights.append(np.sqrt(prior.concentration + 1) * signs * masses)
        lefts.append(after + below)
        mass_left, chunk = after, chunk + 1
    leftover = np.concatenate(lefts)
    count = int(np.argmax(leftover <= truncation)) + 1
    return Network(
        np.concatenate(directions)[:count],
        np.concatenate(weights)[:count],
        float(leftover[count - 1]),
        prior.concentration,
    )


@dataclass(frozen=True, eq=False, repr=False)
class Network(Rebuilt):
    """A two-layer ReLU network F(x) = sum_j output_weights[j] max(directions[j] . x, 0).

    Attributes
    ----------
    directions : ndarray, shape (m, d)
        Unit vectors. Both arrays are read-only.
    output_weights : ndarray, shape (m,)
        sign * mass * sqrt(K+1).
    leftover : float
        Mass that truncation left out; 0 for a thinned network.
    concentration : float
        K of the prior it was drawn from.

    Raises
    ------
    TypeError, ValueError
        If shapes disagree or a number is not finite, naming the entry.

    Examples
    --------
    >>> import scalecore as sc
    >>> net = sc.NetworkPrior(input_dim=3, concentration=5).sample(0)
    >>> net([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]).round(3)
    array([-0.692,  0.   ])
    >>> round(float(net.masses.sum() + net.leftover), 12)
    1.0
    """

    directions: NDArray[np.float64]
    output_weights: NDArray[np.float64]
    leftover: float
    concentration: float

    def __post_init__(self) -> None:
        directions = finite_array("directions", self.directions, (None, None), "(m, d)")
        if not directions.shape[1]:
            raise ValueError(
                f"directions must have at least one coordinate, got shape {directions.shape}"
            )
        count = len(directions)
        weights = finite_array(
            "output_weights",
            self.output_weights,
            (count,),
            f"(m,) with m = {count} as in directions",
        )
        # copies: what the caller does with arrays of their own changes no network
        object.__setattr__(self, "directions", frozen(directions.copy()))
        object.__setattr__(self, "output_weights", frozen(weights.copy()))
        object.__setattr__(self, "leftover", nonnegative_number("leftover", self.leftover))
        object.__setattr__(
            self, "concentration", positive_number("concentration", self.concentration)
        )

    @property
    def input_dim(self) -> int:
        """Dimension d of the input."""
        return self.directions.shape[1]

    @cached_property
    def _double_atoms(self) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """What the engine evaluates, made once: the arrays above never change."""
        return _network.grouped(self.directions, self.output_weights, np.float64)

    @cached_property
    def _single_atoms(self) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        return _network.grouped(self.directions, self.output_weights, np.float32)

    @property
    def masses(self) -> NDArray[np.float64]:
        """Mass of each unit; with `leftover` they sum to 1."""
        return np.abs(self.output_weights) / np.sqrt(self.concentration + 1)

    def __len__(self) -> int:
        return len(self.output_weights)

    def __repr__(self) -> str:
        return (
            f"Network({len(self)} units, {self.input_dim} inputs, concentration "
            f"{self.concentration:g}, "
            f"leftover mass {self.leftover:.2g})"
        )

    def _repr_html_(self) -> str:
        from .._views import html as _html

        return _html.network(self)

    @np.errstate(under="ignore")
    def __call__(self, X: ArrayLike, *, n_threads: int | None = None) -> NDArray[Any]:
        """Evaluate the logit F(x).

        Parameters
        ----------
        X : array_like, shape (B, d) or (d,)
            Inputs; float32 is computed and returned in float32, everything else real in float64. A
            row with NaN gives NaN.
        n_threads : int, optional
            Threads; None means all that this process may use. The answer does not depend on it.

        Returns
        -------
        ndarray, shape (B,), or a scalar
            Logits.

        Raises
        ------
        TypeError, ValueError
            If X is not real (float16 is refused), or has not d columns.
        """
        rows, single = input_rows("X", X, self.input_dim)
        out = np.empty(len(rows), rows.dtype)
        atoms = self._single_atoms if rows.dtype == np.float32 else self._double_atoms
        _network.logits(*atoms, rows, out, thread_count(n_threads))
        return out[0] if single else out

    @np.errstate(under="ignore")
    def probability(self, X: ArrayLike, *, n_threads: int | None = None) -> NDArray[Any]:
        """P(Y = 1 | F, x) = 1 / (1 + exp(-F(x))); parameters as for calling the network.

        Examples
        --------
        >>> import scalecore as sc
        >>> net = sc.NetworkPrior(input_dim=3, concentration=5).sample(0)
        >>> float(net.probability([0.0, 0.0, 0.0]))
        0.5
        """
        logits = self(X, n_threads=n_threads)
        return np.exp(-np.logaddexp(0, -logits), dtype=logits.dtype)

    @np.errstate(under="ignore")
    def draw(self, T: int, rng: Seed = None) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
        """Draw labelled data: X ~ N(0, I) and fair labels given the network.

        Parameters
        ----------
        T : int
            Samples.
        rng : None, int, SeedSequence or Generator
            Source of randomness.

        Returns
        -------
        X : ndarray, shape (T, d)
        y : ndarray of uint8, shape (T,)

        Examples
        --------
        >>> import scalecore as sc
        >>> X, y = sc.NetworkPrior(input_dim=3, concentration=5).sample(0).draw(100, rng=1)
        >>> X.shape, y.dtype, set(y.tolist())
        ((100, 3), dtype('uint8'), {0, 1})
        """
        count = positive_int("T", T)
        generator = _generator(rng)
        X = generator.standard_normal((count, self.input_dim))
        return X, (generator.random(count) < self.probability(X)).astype(np.uint8)

    @np.errstate(under="ignore")
    def thin(self, n: int, rng: Seed = None, *, resolution: float | None = None) -> Network:
        """Draw the width-n learning model: n units by this network's masses, each of mass 1/n.

        Parameters
        ----------
        n : int
            Width, at least 1.
        rng : None, int, SeedSequence or Generator
            Source of randomness.
        resolution : float, optional
            Also describe each direction by a point of a net: every coordinate is rounded to a
            multiple of resolution/sqrt(d) and the result normalised, which moves the direction by
            at most `resolution`. Between 0 and 2.

        Returns
        -------
        Network
            Its distinct units only, some E U_n = `occupancy` (n, K) of them. E(F - F~)^2 = K/(2n) +
            E|phi_w - phi_w^|^2 exactly, at most K/(2n) + resolution**2/2 (up to the leftover mass,
            whose units are never drawn).

        Raises
        ------
        TypeError, ValueError
            If `n` or `resolution` is out of its domain.

        Examples
        --------
        >>> import scalecore as sc
        >>> net = sc.NetworkPrior(input_dim=3, concentration=5).sample(0)
        >>> thin = net.thin(20, rng=1)
        >>> len(thin) <= 20, round(float(thin.masses.sum()), 12)
        (True, 1.0)
        """
        count = positive_int("n", n, most=2**63 - 1)
        eps = None if resolution is None else fraction("resolution", resolution, most=2.0)
        masses = self.masses
        drawn = _generator(rng).multinomial(count, masses / masses.sum())
        atoms = np.flatnonzero(drawn)
        weights = (
            np.sign(self.output_weights[atoms])
            * drawn[atoms]
            / count
            * np.sqrt(self.concentration + 1)
        )
        directions = self.directions[atoms]
        return Network(
            directions if eps is None else _round_directions(directions, eps),
            weights,
            0.0,
            self.concentration,
        )

    def plot(self, ax: Any = None) -> Panels:
        """Draw the masses, sorted and summed, and for d = 2 the function itself; return axes.

        Examples
        --------
        >>> import scalecore as sc
        >>> axes = sc.NetworkPrior(input_dim=2, concentration=5).sample(0).plot()
        >>> [ax.get_title() for ax in axes]
        ['Masses, sorted', 'Masses, summed', 'Logit $F(x)$']
        """
        from .._views.network_plots import plot_network

        return plot_network(self, ax=ax)


def _round_directions(directions: NDArray[np.float64], resolution: float) -> NDArray[np.float64]:
    """Nearest points of the net of `Network.thin`: off by resolution/2 before normalising, hence by
    at most resolution after.
    """
    step = resolution / np.sqrt(directions.shape[1])
    if step < 2.0**-60:
        return directions  # the grid is finer than the last digits
    points = np.rint(directions / step)
    empty = ~points.any(axis=1)  # only at resolution 2, where any unit vector will do
    points[empty] = np.sign(directions[empty, :1])
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def _generator(rng: Seed) -> np.random.Generator:
    return np.random.default_rng(rng if isinstance(rng, np.random.Generator) else stream_key(rng))
