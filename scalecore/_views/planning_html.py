"""Plans and designs, as notebooks show them."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from .html import html_table, shown_places

if TYPE_CHECKING:
    from ..planning._design import Design
    from ..planning._deviations import Deviations, EpochReturns
    from ..planning._plan import Plan

_TARGETS = {
    "training_budget": "training budget",
    "loss": "target loss",
    "total_budget": "total budget",
}


def with_ends(value: float, low: float, high: float) -> str:
    """Return a number with its interval, where it has one."""
    return f"{value:.4g}" + (
        "" if np.isnan(low) or high - low <= 1e-9 * abs(value) else f" [{low:.3g}, {high:.3g}]"
    )


def plan(plan: Plan, status: type[IntEnum]) -> str:
    """Rows are questions; `status` names the codes of theirs."""
    names = ["parameters", "samples", "epochs", "loss", "training_compute", "total_compute"]
    if not np.nanmax(plan.epochs, initial=1.0) > 1:
        names.remove("epochs")
    heads = {"parameters": "N", "samples": "D", "loss": f"loss ({plan.law.loss_unit})"}
    flat = {
        name: [np.reshape(getattr(plan, name + end), -1) for end in ("", "_low", "_high")]
        for name in names
    }
    wanted, codes = np.reshape(plan.wanted, -1), np.reshape(plan.status, -1)
    places, note = shown_places(len(wanted), "questions")
    rows = []
    for i in places:
        cells = [with_ends(*(float(column[i]) for column in flat[name])) for name in names]
        rows.append([float(wanted[i]), *cells, status(int(codes[i])).name])
    columns = [
        _TARGETS[plan.target],
        *(heads.get(name, name.replace("_", " ")) for name in names),
        "status",
    ]
    return html_table(
        f"Plan: {plan.law.form.name}, intervals at level {plan.level:g}", columns, rows, note
    )


def deviations(price: Deviations) -> str:
    """Rows are factors, of the first plan where there are several."""
    several = price.parameters.ndim > 1

    def column(name: str) -> np.ndarray:
        return np.asarray(getattr(price, name)).reshape(-1, len(price.factors))[0]

    shares = {
        name: [column(f"extra_{name}{end}") for end in ("", "_low", "_high")]
        for name in ("training", "total", "loss")
    }
    rows = []
    for i, factor in enumerate(price.factors):
        cells = [_percent(*(float(part[i]) for part in parts)) for parts in shares.values()]
        rows.append(
            [f"{factor:g}", float(column("parameters")[i]), float(column("samples")[i]), *cells]
        )
    heads = (
        "times N",
        "N",
        "D for the same loss",
        "training compute",
        "total compute",
        "loss at the same budget",
    )
    note = f"the first of {price.parameters[..., 0].size:,} plans" if several else ""
    return html_table("Price of other sizes, for the same loss", heads, rows, note)


def _percent(value: float, low: float, high: float) -> str:
    text = f"{100 * value:+.3g} %" if np.isfinite(value) else "out of reach"
    return text + ("" if np.isnan(low) else f" [{100 * low:+.3g}, {100 * high:+.3g}]")


def epochs(returns: EpochReturns) -> str:
    """Rows are passes, of the first plan where there are several."""
    first = [
        part.reshape(-1, len(returns.epochs))[0]
        for part in (returns.loss, returns.effective_samples, returns.worth)
    ]
    rows = [
        (int(epoch), *map(float, row)) for epoch, *row in zip(returns.epochs, *first, strict=True)
    ]
    heads = (
        "epochs",
        f"loss ({returns.loss_unit})",
        "as good as so many new samples",
        "worth of this pass",
    )
    return html_table("What passes over the same samples are worth", heads, rows)


def design(design: Design) -> str:
    """Rows are pilots; below, what they promise."""
    columns = (design.parameters, design.samples, design.repeats, design.compute)
    rows = [
        (float(N), float(D), int(count), float(cost))
        for N, D, count, cost in zip(*columns, strict=True)
    ]
    title = f"Pilots for the {design.quantity} at C = {design.target:g}: {design.status.name}"
    note = (
        f"{len(design)} runs, {design.total_compute:.3g} of {design.budget:.3g} FLOPs; "
        f"interval now [{design.before[0]:.4g}, {design.before[1]:.4g}], "
        f"then about [{design.after[0]:.4g}, {design.after[1]:.4g}]"
    )
    return html_table(title, ("N", "D", "times", "compute of one"), rows, note if rows else "")
