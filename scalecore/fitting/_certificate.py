"""Is it the optimum, and does the table say anything about it? What `law.certificate` holds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from .._core.fitting import DEGENERATE, FLAT, STATIONARY
from ._centre import Array

if TYPE_CHECKING:
    from ._problem import Problem

_SQUARES_SUFFICE = 1e-8  # smallest over largest eigenvalue of J'J that rounding errors leave alone


class FitStatus(IntEnum):
    """What became of a fit.

    CONVERGED: a certified optimum. AT_EDGE: certified, with a parameter at the edge of its domain
    (E = 0, say), which is an answer. NOT_IDENTIFIED: other parameters describe the runs as well, so
    there is no allocation. TOO_FEW_RUNS: not more runs than parameters. NOT_CONVERGED: no optimum
    could be certified.

    Examples
    --------
    >>> import scalecore as sc
    >>> sc.FitStatus(0).name
    'CONVERGED'
    """

    CONVERGED = 0
    AT_EDGE = 1
    NOT_IDENTIFIED = 2
    TOO_FEW_RUNS = 3
    NOT_CONVERGED = 4


@dataclass(frozen=True, eq=False)
class Certificate:
    """Evidence that a fit is the optimum, and how well the runs determine it.

    Attributes
    ----------
    scaled_gradient : float
        Largest cosine between the runs' pulls (the derivatives of their losses) and a column of the
        Jacobian, over parameters not held at an edge: 0 at an optimum, in any unit.
    starts, agreed : int
        Minimisations from different starts, and how many of them ended at this objective (within
        1e-9 of it); the others ended higher.
    condition : float
        Condition number of the Jacobian with columns of length one.
    eigenvalues : ndarray
        Squares of its singular values, largest first (they add up to the number of parameters).
    at_edge : tuple of str
        Parameters at the edge of their domain.
    passes : int
        Passes over the runs of the best minimisation.
    reason : str
        For a status that is not CONVERGED: why, and what would help.

    Examples
    --------
    >>> import scalecore as sc
    >>> N, D = [1e8, 2e8, 4e8, 8e8, 2e9, 4e9], [2e9, 4e9, 8e9, 1.6e10, 4e10, 8e10]
    >>> law = sc.fit(sc.RunTable(N, D, [3.6, 3.3, 3.0, 2.8, 2.6, 2.5]), "additive")
    >>> law.status.name, law.certificate.reason[:40]
    ('NOT_IDENTIFIED', 'all runs lie on one line in (ln N, ln D)')
    """

    scaled_gradient: float
    starts: int
    agreed: int
    condition: float
    eigenvalues: Array
    at_edge: tuple[str, ...]
    passes: int
    reason: str = ""

    def __repr__(self) -> str:
        text = (
            f"Certificate(scaled gradient {self.scaled_gradient:.1e}, "
            f"{self.agreed} of {self.starts} starts agree, condition {self.condition:.3g}"
        )
        if self.at_edge:
            text += f", at the edge: {', '.join(self.at_edge)}"
        return f"{text}{': ' + self.reason if self.reason else ''})"


def jacobian(problem: Problem, theta: Array) -> Array:
    """Return d prediction / d theta [run, parameter], of ln L or of L as the loss asks."""
    from ._evaluate import value_and_gradient

    value, gradient = value_and_gradient(problem.form, theta, problem.x)
    return gradient if problem.loss == "squared" else gradient / value[:, None]


def singular_values(problem: Problem, theta: Array) -> Array:
    """Return the singular values of the free, scaled and weighted Jacobian, largest first."""
    free = (
        np.less(problem.form.low, problem.form.high)
        & (theta > problem.form.low)
        & (theta < problem.form.high)
    )
    J = jacobian(problem, theta)[:, free]
    if problem.weight is not None:
        J = J * np.sqrt(problem.weight)[:, None]
    gram = J.T @ J
    lengths = np.sqrt(gram.diagonal())
    lengths[lengths == 0] = 1.0
    gram /= lengths * lengths[:, None]
    if not np.isfinite(gram).all():
        return np.full(len(gram), np.nan)
    squares = np.linalg.eigvalsh(gram)[::-1]
    if not len(squares) or squares[-1] > _SQUARES_SUFFICE * squares[0]:
        return np.sqrt(squares)
    values = np.linalg.svd(J / lengths, compute_uv=False)
    return np.pad(values, (0, max(0, len(gram) - len(values))))


def edges(problem: Problem, theta: Array) -> tuple[str, ...]:
    """Return the parameters at the edge of their domain; a held one has no edge."""
    form = problem.form
    at = np.less(form.low, form.high) & ((theta <= form.low) | (theta >= form.high))
    return tuple(name for name, is_at in zip(form.parameters, at, strict=True) if is_at)


def _on_one_line(n: Array, m: Array) -> bool:
    """Tell whether the points spread along one direction only: the eigenvalues of their second
    moments.
    """
    nn, mm, nm = n @ n, m @ m, n @ m
    mean, half = 0.5 * (nn + mm), np.hypot(0.5 * (nn - mm), nm)
    return bool(mean - half < FLAT**2 * (mean + half))


def _distinct(logarithms: list[Array], enough: int) -> int:
    """Return how many different points there are; from `enough` on, any number not less."""
    for stop in (16 * enough, None):
        points = set(zip(*(log[:stop].tolist() for log in logarithms), strict=True))
        if len(points) >= enough:
            break
    return len(points)


def what_is_missing(problem: Problem) -> str:
    """Return why the runs cannot identify the form whatever their losses, and what would; else
    ''.
    """
    names = {
        "parameters": ("N", problem.x.n),
        "samples": ("D", problem.x.m),
        "compute": ("C", problem.x.n),
    }
    read = [names[need] for need in problem.form.needs if need in names]
    for name, log in read:
        if np.ptp(log) < 1e-9:
            return f"all runs have one {name}: add runs with other {name}"
    x = problem.x
    if x.unique is not None and np.max(x.m - x.unique, initial=0.0) < 1e-9:
        return "no sample was read twice: add runs of several epochs"
    if len(read) == 2 and _on_one_line(problem.x.n, problem.x.m):
        return (
            "all runs lie on one line in (ln N, ln D), such as D = 20 N, on which the terms in N "
            "and D cannot be told apart: add runs with the same N and 4 to 10 times more or fewer "
            "samples"
        )
    distinct = _distinct([log for _, log in read], problem.form.free)
    if distinct < problem.form.free:
        return f"{distinct} different (N, D) for {problem.form.free} parameters: add runs elsewhere"
    return ""


def judged(problem: Problem, certificate: Certificate) -> tuple[FitStatus, str]:
    """Return the status of a fit with this certificate, and the reason."""
    if len(problem.y) <= problem.form.free:
        missing_runs = problem.form.free + 1 - len(problem.y)
        return (
            FitStatus.TOO_FEW_RUNS,
            f"{len(problem.y)} runs for {problem.form.free} parameters: "
            f"add at least {missing_runs}",
        )
    missing = what_is_missing(problem)
    if missing:
        return FitStatus.NOT_IDENTIFIED, missing
    if not certificate.scaled_gradient < STATIONARY:
        return (
            FitStatus.NOT_CONVERGED,
            f"the scaled gradient is {certificate.scaled_gradient:.1e}, not below {STATIONARY:g}",
        )
    if not certificate.condition < DEGENERATE:
        worst = "the parameters trade off against each other"
        return (
            FitStatus.NOT_IDENTIFIED,
            f"{worst} (condition {certificate.condition:.1e}): widen the range of N and of D/N",
        )
    if certificate.at_edge:
        return FitStatus.AT_EDGE, f"{', '.join(certificate.at_edge)} at the edge of the domain"
    return FitStatus.CONVERGED, ""
