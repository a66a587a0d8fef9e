"""IsoFLOP profiles, as notebooks show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .html import _interval, html_table, shown_places

if TYPE_CHECKING:
    from ..fitting._isoflop_result import IsoFlopProfiles


def profiles_html(profiles: IsoFlopProfiles, statuses: Sequence[str]) -> str:
    """Rows are budgets."""
    places, note = shown_places(profiles.budget.size, "budgets")
    rows = [
        (
            profiles.budget[b],
            int(profiles.runs[b]),
            _interval(profiles.parameters[b], profiles.parameters_interval[b].tolist()),
            profiles.samples[b],
            profiles.loss[b] / profiles.table.loss_scale,
            profiles.bias[b],
            statuses[b],
        )
        for b in places
    ]
    slope = _interval(profiles.elasticity, profiles.elasticity_interval.tolist())
    title = f"IsoFlopProfiles: d log N*/d log C = {slope}, {100 * profiles.level:g} % intervals"
    heads = (
        "C",
        "runs",
        "N*",
        "D*",
        f"loss ({profiles.table.loss_unit})",
        "bias of log N*",
        "status",
    )
    return html_table(title, heads, rows, note)
