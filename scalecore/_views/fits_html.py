"""Fitted laws and allocations, as notebooks show them."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from .html import html_table

if TYPE_CHECKING:
    from ..fitting._allocation import Allocation
    from ..fitting._fitted_law import FittedLaw

_MOST_ROWS = 12


def law(law: FittedLaw) -> str:
    """Rows are parameters with their intervals; below, the certificate."""
    ends = law.interval()
    rows = [
        (name, meaning, value, *ends[name])
        for (name, value), meaning in zip(law.values.items(), law.form.meanings, strict=True)
    ]
    c = law.certificate
    notes = [
        f"{law.form.formula}; {len(law.table):,} runs, {law.loss_function} loss, objective "
        f"{law.objective:.6g}",
        f"{c.agreed} of {c.starts} starts agree, scaled gradient {c.scaled_gradient:.1e}, "
        f"condition {c.condition:.3g}",
        f"intervals: {len(law.theta_draws):,} draws ({law.intervals})",
    ]
    if c.reason:
        notes.insert(0, c.reason)
    heads = ("parameter", "meaning", "value", "2.5 %", "97.5 %")
    return html_table(
        f"FittedLaw: {law.form.name}, {law.status.name}", heads, rows, "; ".join(notes)
    )


def allocation(best: Allocation, status: type[IntEnum]) -> str:
    """Rows are budgets; `status` names the codes of theirs."""
    names = ("budget", "parameters", "samples", "loss", "elasticity", "status")
    shape = np.shape(best.parameters)
    flat = {name: np.broadcast_to(getattr(best, name), shape).reshape(-1) for name in names}
    ends = {
        name: [np.reshape(getattr(best, name + end), -1) for end in ("_low", "_high")]
        for name in names[1:5]
    }
    places = np.unique(
        np.linspace(0, flat["budget"].size - 1, min(flat["budget"].size, _MOST_ROWS))
        .round()
        .astype(int)
    )
    rows = []
    for i in places:
        cells: list[object] = [float(flat["budget"][i])]
        for name in names[1:5]:
            low, high = (end[i] for end in ends[name])
            cells.append(
                f"{flat[name][i]:.4g}" + ("" if np.isnan(low) else f" [{low:.3g}, {high:.3g}]")
            )
        rows.append([*cells, status(int(flat["status"][i])).name])
    note = (
        f"{places.size} of {flat['budget'].size:,} budgets"
        if places.size < flat["budget"].size
        else ""
    )
    heads = (
        "C",
        "parameters N*",
        "samples D*",
        f"loss ({best.loss_unit})",
        "d ln N*/d ln C",
        "status",
    )
    return html_table(f"Allocation: intervals at level {best.level:g}", heads, rows, note)
