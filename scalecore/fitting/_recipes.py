"""`compare_recipes`: two tables against each other, run by run and as compute multipliers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .._common.validation import fraction, stream_key
from ._centre import Array, Covariates
from ._fit import fit, resample_count
from ._prediction import covariates
from ._quantiles import checked_level, interval
from ._run_table import RunTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._common.annotations import Seed
    from ._fitted_law import FittedLaw
    from ._user_form import AnyForm

_FARTHEST = 12.0  # ln of a multiplier: no recipe saves more than a factor of 160,000
_HALVINGS = 40
_LEAST_ROWS = 3  # fewest rows of a table from which a multiplier is computed
_MOST_ROWS = 1000  # laws are compared at up to so many rows, with all draws


@dataclass(frozen=True, eq=False, repr=False)
class RecipeComparison:
    """Two recipes compared: A's runs against B's.

    Attributes
    ----------
    pairs : ndarray of int64, shape (pairs, 2)
        Rows of A and of B (places in the tables) with the same N and D.
    parameters, samples : ndarray, shape (pairs,)
    difference : ndarray, shape (pairs,)
        A's loss over B's, minus 1.
    mean_difference, mean_difference_low, mean_difference_high : float
        Mean over the pairs, resampled by run where runs are named; NaN without pairs.
    multiplier, multiplier_low, multiplier_high : float
        What share of B's compute A needs for the same loss, over all runs of both; NaN where it
        cannot be told.
    row_compute, row_multiplier : ndarray, shape (rows of A,)
        The same for each row of A alone, and its compute: whether it changes with scale.
    law_a, law_b : FittedLaw
    level : float

    Examples
    --------
    >>> import numpy as np
    >>> import scalecore as sc
    >>> N, D = np.geomspace(1e8, 4e9, 5), np.geomspace(2e9, 2e11, 5)
    >>> N, D = np.repeat(N, 5), np.tile(D, 5)
    >>> loss = lambda N, D: 1.8 + 480 / N**0.35 + 2100 / D**0.37
    >>> share = 0.8  # A does with N and D what B does with N and D divided by the root of this
    >>> a = sc.RunTable(N, D, loss(N / share**0.5, D / share**0.5))
    >>> b = sc.RunTable(N, D, loss(N, D))
    >>> found = sc.compare_recipes(a, b, "additive", resamples=50, rng=0)
    >>> round(found.multiplier, 6), len(found.pairs)
    (0.8, 25)
    """

    pairs: NDArray[np.int64]
    parameters: Array
    samples: Array
    difference: Array
    mean_difference: float
    mean_difference_low: float
    mean_difference_high: float
    multiplier: float
    multiplier_low: float
    multiplier_high: float
    row_compute: Array
    row_multiplier: Array
    law_a: FittedLaw
    law_b: FittedLaw
    level: float

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw each run's multiplier against its compute, with the one over all; return the axes.

        Examples
        --------
        >>> import numpy as np
        >>> import scalecore as sc
        >>> N, D = np.geomspace(1e8, 4e9, 4), np.geomspace(2e9, 2e11, 4)
        >>> N, D = np.repeat(N, 4), np.tile(D, 4)
        >>> b = sc.RunTable(N, D, 1.8 + 480 / N**0.35 + 2100 / D**0.37)
        >>> a = sc.RunTable(N, D, 1.8 + 470 / N**0.35 + 2000 / D**0.37)
        >>> sc.compare_recipes(a, b, "additive", resamples=20).plot().get_xscale()
        'log'
        """
        from .._views import comparison_plots

        return comparison_plots.plot_recipes(self, ax)

    def __repr__(self) -> str:
        parts = []
        if len(self.pairs):
            ends = f"[{100 * self.mean_difference_low:.3g}, {100 * self.mean_difference_high:.3g}]"
            parts.append(
                f"{len(self.pairs):,} pairs, A's loss {100 * self.mean_difference:+.3g} % {ends}"
            )
        if np.isfinite(self.multiplier):
            ends = f"[{self.multiplier_low:.3g}, {self.multiplier_high:.3g}]"
            parts.append(f"A needs {self.multiplier:.3g} {ends} of B's compute for the same loss")
        return f"RecipeComparison({'; '.join(parts) or 'nothing to compare'})"

    def _repr_html_(self) -> str:
        from .._views import comparison_html

        return comparison_html.recipes(self)


def compare_recipes(
    a: RunTable,
    b: RunTable,
    form: AnyForm = "coupled",
    *,
    rtol: float = 0.01,
    level: float = 0.95,
    resamples: int = 1000,
    by: str = "run",
    rng: Seed = None,
    n_threads: int | None = None,
) -> RecipeComparison:
    r"""Compare two recipes: losses at the same N and D, and compute for the same loss.

    A run of A with N, D and loss L has the multiplier m at which B's fitted law reaches the same
    loss: :math:`L_B(N/\sqrt m, D/\sqrt m) = L`; so A needs m of B's compute for it. Over all it is
    the m at which B's law, so moved, agrees with A's law over A's runs on average (mean difference
    of ln L zero); the same is done over B's runs, and the geometric mean of the two taken, so that
    exchanging A and B inverts it. Intervals come from draws of both laws.

    Parameters
    ----------
    a, b : RunTable
    form : str or object
        Of the laws, as for `fit`.
    rtol : float, default 0.01
        Relative difference of N and of D within which two rows are a pair.
    level : float, default 0.95
    resamples : int, default 1000
        Draws of each law and of the pairs, for intervals.
    by, rng, n_threads
        As for `fit`.

    Returns
    -------
    RecipeComparison

    Raises
    ------
    TypeError, ValueError
        If an argument is not what it should be.

    Examples
    --------
    >>> import numpy as np
    >>> import scalecore as sc
    >>> N, D = np.geomspace(1e8, 4e9, 5), np.geomspace(2e9, 2e11, 5)
    >>> N, D = np.repeat(N, 5), np.tile(D, 5)
    >>> b = sc.RunTable(N, D, 1.8 + 480 / N**0.35 + 2100 / D**0.37)
    >>> a = sc.RunTable(N, D, 0.99 * b.loss)
    >>> found = sc.compare_recipes(a, b, "additive", resamples=100, rng=0)
    >>> round(found.mean_difference, 6), found.multiplier < 1
    (-0.01, True)
    """
    for name, table in (("a", a), ("b", b)):
        if not isinstance(table, RunTable):
            raise TypeError(f"{name} must be a RunTable, got {type(table).__name__}")
    level, rtol, resamples = (
        checked_level(level),
        fraction("rtol", rtol),
        resample_count(resamples),
    )
    key = stream_key(rng)
    random = np.random.default_rng(key)
    seeds = random.integers(2**63, size=2)  # independent resamples for each law
    laws = [
        fit(t, form, resamples=resamples, by=by, rng=int(s), n_threads=n_threads)
        for t, s in zip((a, b), seeds, strict=True)
    ]
    pairs = _pairs(a, b, rtol)
    difference = a.loss[pairs[:, 0]] / b.loss[pairs[:, 1]] - 1
    cluster = _clusters(a, by)[pairs[:, 0]]
    means = _resampled_means(difference, cluster, random, resamples)
    over_all = _over_all(laws[0], laws[1], laws[0].theta[None], laws[1].theta[None])[0]
    multipliers = np.empty(0)
    if np.isfinite(over_all) and all(len(law.theta_draws) for law in laws):
        multipliers = np.exp(_over_all(laws[0], laws[1], laws[0].theta_draws, laws[1].theta_draws))
    return RecipeComparison(
        pairs=pairs,
        parameters=a.parameters[pairs[:, 0]],
        samples=a.samples[pairs[:, 0]],
        difference=difference,
        mean_difference=float(difference.mean()) if len(pairs) else np.nan,
        **_ends("mean_difference", means, level),
        multiplier=float(np.exp(over_all)),
        **_ends("multiplier", multipliers, level),
        row_compute=a.flops,
        row_multiplier=np.exp(_row_multipliers(laws[1], a)),
        law_a=laws[0],
        law_b=laws[1],
        level=level,
    )


def _ends(name: str, draws: Array, level: float) -> dict[str, float]:
    low, high = (np.nan, np.nan) if not len(draws) else interval([draws], level)[0]
    return {name + "_low": float(low), name + "_high": float(high)}


def _pairs(a: RunTable, b: RunTable, rtol: float) -> NDArray[np.int64]:
    """Return for rows of A the nearest row of B with the same N and D, each row of B once."""
    found, taken = [], set()
    order = np.argsort(b.parameters, kind="stable")
    sizes = b.parameters[order]
    for i in range(len(a)):
        first, stop = np.searchsorted(
            sizes, a.parameters[i] * np.array([1 - rtol, 1 + rtol]), side="right"
        )
        near = order[first:stop]
        far = np.abs(np.log(b.parameters[near] / a.parameters[i])) + np.abs(
            np.log(b.samples[near] / a.samples[i])
        )
        for j in near[np.argsort(far, kind="stable")]:
            if int(j) not in taken and abs(b.samples[j] / a.samples[i] - 1) <= rtol:
                found.append((i, int(j)))
                taken.add(int(j))
                break
    return np.array(found, np.int64).reshape(-1, 2)


def _clusters(table: RunTable, by: str) -> NDArray[np.int64]:
    if by == "run" and table.run_codes is not None:
        return table.run_codes
    return np.arange(len(table))


def _resampled_means(
    values: Array, cluster: NDArray[np.int64], random: np.random.Generator, count: int
) -> Array:
    """Return `count` means of the values, clusters being drawn with replacement."""
    if not len(values):
        return np.empty(0)
    _, code = np.unique(cluster, return_inverse=True)
    sizes, sums = np.bincount(code), np.bincount(code, values)
    means = np.empty(count)
    for i in range(count):
        drawn = random.multinomial(len(sizes), np.full(len(sizes), 1 / len(sizes)))
        means[i] = drawn @ sums / (drawn @ sizes)
    return means


def _moved_loss(law: FittedLaw, theta: Array, table: RunTable, log_m: Array) -> Array:
    """Return the law's loss [theta, row], relative to its centre, at N and D over the root of m."""
    x = covariates(law, table.parameters, table.samples, table.unique_samples)
    half = log_m / 2
    unique = None if x.unique is None else x.unique - half
    return law.form.loss(theta[:, None, :], Covariates(x.n - half, x.m - half, unique, x.centre))


def _bisected(below: Callable[[Array], NDArray[np.bool_]], shape: tuple[int, ...]) -> Array:
    """Return where `below` (of ln m) turns false; NaN where it does not between the ends."""
    low, high = np.full(shape, -_FARTHEST), np.full(shape, _FARTHEST)
    within = below(low) & ~below(high)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        small = below(middle)
        low, high = np.where(small, middle, low), np.where(small, high, middle)
    return np.where(within, (low + high) / 2, np.nan)


def _row_multipliers(law: FittedLaw, table: RunTable) -> Array:
    """Return ln m of each row: where the law with N and D over the root of m has the row's loss."""
    if not law.usable:
        return np.full(len(table), np.nan)
    wanted = table.loss / table.loss_scale * np.exp(-law.user_centre.y)
    return _bisected(
        lambda log_m: _moved_loss(law, law.theta[None], table, log_m) < wanted, (1, len(table))
    )[0]


def _thinned(table: RunTable) -> RunTable:
    """Return the table, or evenly spaced rows of a long one: an average needs no more."""
    if len(table) <= _MOST_ROWS:
        return table
    places = np.linspace(0, len(table) - 1, _MOST_ROWS).round().astype(int)
    return table.where(np.isin(np.arange(len(table)), places))


def _multipliers(law: FittedLaw, other: FittedLaw, theta: Array, other_theta: Array) -> Array:
    """Return ln m [theta] at which the law, moved by m, agrees with the other over its runs."""
    table = _thinned(other.table)
    if not law.usable or not other.usable or len(table) < _LEAST_ROWS:
        return np.full(len(theta), np.nan)
    unmoved = _moved_loss(other, other_theta, table, np.zeros((len(theta), 1)))
    wanted = np.log(unmoved * np.exp(other.user_centre.y - law.user_centre.y))

    def below(log_m: Array) -> NDArray[np.bool_]:
        return (np.log(_moved_loss(law, theta, table, log_m[:, None])) - wanted).sum(-1) < 0

    return _bisected(below, (len(theta),))


def _over_all(a: FittedLaw, b: FittedLaw, theta_a: Array, theta_b: Array) -> Array:
    """Return ln of A's share of B's compute [theta]: the mean over A's runs and over B's."""
    return (_multipliers(b, a, theta_b, theta_a) - _multipliers(a, b, theta_a, theta_b)) / 2
