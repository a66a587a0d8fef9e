"""Several laws as one: weights by which forecasts are mixed, and a law that is the mixture."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from ._centre import Array, Centre, Covariates
from ._certificate import Certificate, FitStatus
from ._fitted_law import FittedLaw
from ._form import Form

_POOLED = 2000  # draws of a mixture of laws
_MOST_ERROR = 1.0  # relative error; forecasts that are further off count the same


def weights_of(relative: Sequence[Array], count: int) -> Array:
    """Return weights of `count` forms, non-negative and of sum 1, whose mixture forecasts best.

    Minimises the mean square over folds of the mixture's relative error, w'Qw, plus a ridge that
    draws towards equal weights: the least mean square of a form over the number of folds. A form
    that is NaN in any fold gets none.
    """
    good = np.array(
        [all(np.isfinite(fold[i]).all() for fold in relative) for i in range(count)], bool
    )
    weights = np.zeros(count)
    if not relative or not good.any():
        return weights
    Q = np.zeros((good.sum(), good.sum()))
    for fold in relative:
        e = np.clip(fold[good], -_MOST_ERROR, _MOST_ERROR)
        Q += e @ e.T / e.shape[1] / len(relative)
    Q += np.eye(len(Q)) * (Q.diagonal().min() / len(relative) + 1e-18)
    weights[good] = _on_simplex(Q)
    return weights


def _on_simplex(Q: Array) -> Array:
    """Minimise w'Qw over the simplex for a positive definite Q, by trying every support."""
    best, least = np.full(len(Q), 1 / len(Q)), np.inf
    for support in itertools.product((False, True), repeat=len(Q)):
        chosen = np.flatnonzero(support)
        if not len(chosen):
            continue
        w = np.linalg.solve(Q[np.ix_(chosen, chosen)], np.ones(len(chosen)))
        if (w < 0).any() or not w.sum() > 0:
            continue
        value = 1 / w.sum()  # of w'Qw at w over its sum
        if value < least:
            best, least = np.zeros(len(Q)), value
            best[chosen] = w / w.sum()
    return best


def mixture(laws: Sequence[FittedLaw], weights: Array) -> FittedLaw:
    """Return the law sum_k w_k L_k of laws of one table.

    Its theta are the weights and then the laws' own; a draw has all its weight on one law, and as
    many draws are of a law as its weight says: intervals hold what the forms disagree about.
    """
    sizes = [len(law.form.parameters) for law in laws]
    theta = np.concatenate([weights, *(law.theta for law in laws)])
    first = laws[0]
    return FittedLaw(
        table=first.table,
        form=_mixture_form([law.form for law in laws], weights, sizes),
        theta=theta,
        centre=first.centre,
        loss_function=first.loss_function,
        delta=first.delta,
        objective=np.nan,
        status=FitStatus.CONVERGED,
        certificate=Certificate(np.nan, 0, 0, np.nan, np.empty(0), (), 0, "a mixture of laws"),
        theta_draws=_pooled(laws, weights, theta),
        intervals=first.intervals,
        by=first.by,
        key=first.key,
    )


def _pooled(laws: Sequence[FittedLaw], weights: Array, theta: Array) -> Array:
    ends = np.round(np.cumsum(weights) * _POOLED).astype(int)
    rows = []
    at = len(laws)
    for k, law in enumerate(laws):
        count = ends[k] - (ends[k - 1] if k else 0)
        size = law.theta_draws.shape[1]
        if count and not len(law.theta_draws):
            return np.empty((0, len(theta)))
        if count:
            drawn = np.tile(theta, (count, 1))
            drawn[:, : len(laws)] = np.arange(len(laws)) == k
            places = np.linspace(0, len(law.theta_draws) - 1, count).round().astype(int)
            drawn[:, at : at + size] = law.theta_draws[places]
            rows.append(drawn)
        at += size
    return np.concatenate(rows)


def _mixture_form(forms: Sequence[Form], weights: Array, sizes: Sequence[int]) -> Form:
    starts = len(forms) + np.concatenate([[0], np.cumsum(sizes)])
    parts = [slice(starts[k], starts[k + 1]) for k in range(len(forms))]
    total = int(starts[-1])
    free = round(float(weights @ [form.free for form in forms]))

    def loss(theta: Array, x: Covariates) -> Array:
        value: Array = np.zeros(1)
        for k, (form, part) in enumerate(zip(forms, parts, strict=True)):
            if np.any(theta[..., k] != 0):
                value = value + theta[..., k] * form.loss(theta[..., part], x)
        return value

    def gradient(theta: Array, x: Covariates) -> tuple[Array, Array]:
        value = loss(theta, x)
        return value, np.zeros((*value.shape, total))

    def to_values(theta: Array, centre: Centre) -> Array:
        own = [
            form.to_values(theta[..., part], centre)
            for form, part in zip(forms, parts, strict=True)
        ]
        return np.concatenate([theta[..., : len(forms)], *own], -1)

    def to_theta(values: Array, centre: Centre) -> Array:
        own = [
            form.to_theta(values[..., part], centre)
            for form, part in zip(forms, parts, strict=True)
        ]
        return np.concatenate([values[..., : len(forms)], *own], -1)

    names = [f"weight of {form.name}" for form in forms]
    names += [f"{form.name}: {name}" for form in forms for name in form.parameters]
    return Form(
        name="stacked",
        formula=" + ".join(f"{w:.3g} {form.name}" for w, form in zip(weights, forms, strict=True)),
        source="weights by roll-out, see compare",
        parameters=tuple(names),
        meanings=("",) * total,
        low=(0.0,) * total,
        high=(1.0,) * free + (0.0,) * (total - free),
        loss=loss,
        starts=lambda y, x: np.empty((0, total)),
        to_values=to_values,
        to_theta=to_theta,
        gradient=gradient,
        needs=tuple(dict.fromkeys(need for form in forms for need in form.needs)),
        coordinates=(),
        mixture=True,
        made=(_mixture_form, (tuple(forms), weights, tuple(sizes))),
    )
