"""Chinchilla's second approach: a parabola in log N at each budget, a line through the vertices."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .._common.validation import describe, positive_int, positive_number, stream_key
from ._budget_clusters import budget_clusters
from ._fit import fit
from ._isoflop_result import IsoFlopProfiles
from ._line_optimum import slope_interval
from ._lines import Parabola, line, parabola, straight_lines
from ._profile_status import ProfileStatus
from ._quantiles import checked_level
from ._run_table import RunTable
from ._student import student_quantile

if TYPE_CHECKING:
    from .._common.annotations import Seed

_LEAST_BESIDE = 2  # sizes on either side of the best run that a parabola goes through in any case


def isoflop_profiles(
    table: RunTable,
    *,
    rtol: float = 0.1,
    window: float | None = 10.0,
    level: float = 0.95,
    resamples: int = 1000,
    rng: Seed = 0,
) -> IsoFlopProfiles:
    """Find the best model size for each compute budget by a parabola in log N (isoFLOP profiles).

    Runs of about the same compute are put together, the loss is fitted by least squares as
    c0 + c1 u + c2 u^2 with u = log N, and N* is the vertex. A line through log N* over log C gives
    the elasticity. This is the second approach of Hoffmann et al. (2022); a fitted surface (`fit`)
    uses all runs at once and has not the method's bias, which `IsoFlopProfiles.bias` reports.

    Parameters
    ----------
    table : RunTable
        The runs; their compute is `RunTable.flops`, weights count.
    rtol : float, default 0.1
        Largest relative difference in compute within one budget.
    window : float or None, default 10
        Only runs with up to so many times more or fewer parameters than the budget's best run, and
        two sizes on either side in any case; None takes all. Wider windows have more bias, since
        a loss is no parabola, narrower ones more noise.
    level : float, default 0.95
        Level of the intervals.
    resamples : int, default 1000
        Resamples of runs, where rows of one run belong to several budgets.
    rng : None, int, SeedSequence or Generator, default 0
        Source of the resamples.

    Returns
    -------
    IsoFlopProfiles

    Raises
    ------
    TypeError, ValueError
        If an argument is out of its domain.

    References
    ----------
    J. Hoffmann et al., Training Compute-Optimal Large Language Models (2022), section 3.2.

    Examples
    --------
    >>> import numpy as np
    >>> import scalecore as sc
    >>> C, w = np.meshgrid([1e18, 1e19, 1e20, 1e21], [0.25, 0.5, 1, 2, 4])
    >>> N = np.sqrt(C / 120) * w
    >>> L = 2 + 9 * C**-0.1 + np.log(w)**2
    >>> table = sc.RunTable(N.ravel(), (C / 6 / N).ravel(), L.ravel())
    >>> profiles = sc.isoflop_profiles(table)
    >>> round(profiles.elasticity, 6)
    0.5
    """
    if not isinstance(table, RunTable):
        raise TypeError(f"table must be a RunTable, got {describe(table)}")
    width = float(np.log1p(positive_number("rtol", rtol)))
    reach = np.inf if window is None else float(np.log(positive_number("window", window)))
    if reach <= 0:
        raise ValueError(f"window must be above 1, or None, got {window!r}")
    probability = checked_level(level)
    draws, key = positive_int("resamples", resamples, least=2, most=10**7), stream_key(rng)
    return _profiles(table, float(rtol), width, window, reach, probability, draws, key)


@dataclass
class _Profile:
    """One budget on the way to its results."""

    log_budget: float
    log_cost: float
    rows: NDArray[np.intp]
    centre: float = np.nan
    fit: Parabola | None = None
    coefficients: NDArray[np.float64] = field(default_factory=lambda: np.full(3, np.nan))
    status: ProfileStatus = ProfileStatus.TOO_FEW_RUNS
    best: float = np.nan
    loss: float = np.nan
    ends: tuple[float, float] = (np.nan, np.nan)
    bias: float = np.nan


def _profiles(
    table: RunTable,
    rtol: float,
    width: float,
    window: float | None,
    reach: float,
    level: float,
    resamples: int,
    key: int,
) -> IsoFlopProfiles:
    log_compute = table.log_flops
    names = budget_clusters(log_compute, width)
    order = np.argsort(names, kind="stable")
    bounds = np.searchsorted(names[order], np.arange(names.max(initial=-1) + 2))
    powers = _exponents(table)
    profiles = []
    for first, last in pairwise(bounds.tolist()):
        rows = order[first:last]
        profile = _Profile(
            float(log_compute[rows].mean()), _log_cost(table, log_compute, rows), rows
        )
        _fit(profile, table, reach, level, powers)
        profiles.append(profile)
    x = np.array([profile.log_budget for profile in profiles])
    y = np.array([profile.best for profile in profiles])
    status = np.array([profile.status for profile in profiles], np.int8)
    interior = status == ProfileStatus.INTERIOR
    through = line(x[interior], y[interior])
    inside = [profile for profile in profiles if profile.status == ProfileStatus.INTERIOR]
    draws = _resampled(table, inside, through.middle, resamples, key)
    bias = np.array([profile.bias for profile in profiles])
    used = np.zeros(len(table), bool)
    for profile in profiles:
        used[profile.rows] = profile.fit is not None
    log_costs = np.array([profile.log_cost for profile in profiles])
    ends = np.array([profile.ends for profile in profiles]).reshape(-1, 2)
    with np.errstate(over="ignore"):
        budget, samples, intervals = np.exp(x), np.exp(x - log_costs - y), np.exp(ends)
    return IsoFlopProfiles(
        budget=budget,
        parameters=np.exp(y),
        samples=samples,
        loss=np.array([profile.loss for profile in profiles]),
        parameters_interval=intervals,
        bias=bias,
        runs=np.array([profile.rows.size for profile in profiles], np.int64),
        status=status,
        elasticity=through.slope,
        elasticity_interval=slope_interval(through, draws, level),
        elasticity_bias=line(x[interior], bias[interior]).slope,
        coefficients=np.array([profile.coefficients for profile in profiles]).reshape(-1, 3),
        centre=np.exp(np.array([profile.centre for profile in profiles])),
        profile=names,
        used=used,
        table=table,
        rtol=rtol,
        level=level,
        window=window,
        _line=through,
        _draws=draws,
    )


def _log_cost(table: RunTable, log_compute: NDArray[np.float64], rows: NDArray[np.intp]) -> float:
    """FLOPs per parameter and sample of some runs, their geometric mean's logarithm."""
    if table.compute is None:
        return float(np.log(table.cost))
    return float(
        (log_compute[rows] - np.log(table.parameters[rows]) - np.log(table.samples[rows])).mean()
    )


def _exponents(table: RunTable) -> tuple[float, float] | None:
    """Return alpha and beta of the additive law that explains bias; None where none is known."""
    if not np.isfinite(table.log_flops).all() or len(table) < 5:
        return None
    law = fit(table, "additive", resamples=0)
    return (law.values["alpha"], law.values["beta"]) if law.usable else None


def _weights(table: RunTable, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    return (
        np.ones(rows.size)
        if table.weight is None
        else table.weight[rows] / table.weight[rows].max()
    )


def _fit(
    profile: _Profile,
    table: RunTable,
    reach: float,
    level: float,
    powers: tuple[float, float] | None,
) -> None:
    """Fit one budget's parabola and say what became of it."""
    x, loss = np.log(table.parameters[profile.rows]), table.loss[profile.rows]
    sizes, size = np.unique(x, return_inverse=True)
    if sizes.size < 3:
        return
    lowest = int(np.argmin(loss))
    near = (np.abs(x - x[lowest]) <= reach) | (np.abs(size - size[lowest]) <= _LEAST_BESIDE)
    profile.rows, x, loss = profile.rows[near], x[near], loss[near]
    weight = _weights(table, profile.rows)
    profile.centre = float(x.mean())
    u, least, scale = x - profile.centre, float(loss.min()), float(np.ptp(loss)) or 1.0
    y = (loss - least) / scale
    fit = parabola(u, y, weight)
    vertex = float(fit.vertex)
    profile.fit = fit
    with np.errstate(over="ignore"):
        profile.coefficients = fit.c * scale + np.array([least, 0, 0])
    if not np.isfinite(vertex):
        profile.status = ProfileStatus.NO_INTERIOR_MINIMUM
        return
    if not u.min() < vertex < u.max():
        profile.status = ProfileStatus.AT_EDGE
        edge = int(np.argmin(u) if vertex <= u.min() else np.argmax(u))
        profile.best, profile.loss = float(x[edge]), float(loss[x == x[edge]].min())
        return
    profile.status = ProfileStatus.INTERIOR
    profile.best = profile.centre + vertex
    profile.loss = least + scale * float(fit.c[0] + vertex * (fit.c[1] + vertex * fit.c[2]))
    if u.size > 3:
        residual = y - (fit.c[0] + u * (fit.c[1] + u * fit.c[2]))
        variance = float((weight * residual) @ residual) / (u.size - 3)
        low, high = fit.vertex_interval(variance, student_quantile(level, u.size - 3))
        profile.ends = profile.centre + low, profile.centre + high
    if powers is not None:
        profile.bias = _bias(u, weight, vertex, *powers)


def _bias(
    u: NDArray[np.float64], weight: NDArray[np.float64], vertex: float, alpha: float, beta: float
) -> float:
    """By how much the vertex lies beside the minimum of e^(-alpha v)/alpha + e^(beta v)/beta.

    Along a budget the loss is that, up to constants, with v = log N - log N*: it depends on the
    exponents and on where the runs are, and on nothing else. N* is where this vertex would be seen.
    """
    shift = 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(50):
            v = u - (vertex - shift)
            loss = np.exp(-alpha * v) / alpha + np.exp(beta * v) / beta
            new = float(parabola(v, loss, weight).vertex)
            if not np.isfinite(new) or abs(new - shift) < 1e-13:
                return new
            shift = new
    return shift


def _resampled(
    table: RunTable, profiles: list[_Profile], middle: float, resamples: int, key: int
) -> NDArray[np.float64] | None:
    """Slopes and heights of the line in resamples of runs; None if none has rows in two budgets."""
    if table.run_codes is None or len(profiles) < 3:
        return None
    codes = [table.run_codes[profile.rows] for profile in profiles]
    runs = len(table.run_names)
    budgets = sum(
        (np.bincount(np.unique(each), minlength=runs) for each in codes), np.zeros(runs, int)
    )
    if budgets.max() < 2:
        return None
    generator = np.random.default_rng(key)
    counts = generator.multinomial(runs, np.full(runs, 1 / runs), size=resamples).astype(np.float64)
    best = np.empty((resamples, len(profiles)))
    for j, (profile, each) in enumerate(zip(profiles, codes, strict=True)):
        u = np.log(table.parameters[profile.rows]) - profile.centre
        weight = _weights(table, profile.rows) * counts[:, each]
        loss = table.loss[profile.rows]
        vertex = parabola(u, (loss - loss.min()) / (np.ptp(loss) or 1.0), weight).vertex
        inside = (vertex > u.min()) & (vertex < u.max())
        best[:, j] = np.where(inside, profile.centre + vertex, np.nan)
    x = np.array([profile.log_budget for profile in profiles])
    return np.stack(straight_lines(x, best, middle))
