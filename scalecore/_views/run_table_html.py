"""A table of runs, as notebooks show it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .html import html_table

if TYPE_CHECKING:
    from ..fitting._findings import Finding
    from ..fitting._run_table import RunTable

_NAMES = {
    "parameters": "parameters N",
    "samples": "samples D",
    "loss": "loss",
    "compute": "compute (FLOPs)",
    "unique_samples": "unique samples U",
    "weight": "weight",
    "progress": "progress of the schedule",
}


def run_table_html(table: RunTable, findings: Sequence[Finding]) -> str:
    """Rows are columns of the table with their ranges; then what is odd about it."""
    rows = []
    for name, text in _NAMES.items():
        values = getattr(table, name)
        if values is None:
            continue
        if name == "loss":
            values, text = values / table.loss_scale, f"loss ({table.loss_unit})"
        ends = (values.min(), np.median(values), values.max()) if values.size else ("-",) * 3
        rows.append((text, table.columns.get(name, "-"), *ends, np.unique(values).size))
    if table.run_codes is not None:
        rows.append(("run", table.columns.get("run", "-"), "-", "-", "-", len(table.run_names)))
    heads = ("quantity", "column", "lowest", "median", "highest", "different values")
    note = " ".join(f"{text[:1].upper()}{text[1:]}." for text in table.notes)
    first = html_table(f"RunTable: {len(table):,} rows", heads, rows, note)
    if not findings:
        return first
    odd = [
        (finding.kind.name, finding.rows.size or "-", finding.seen, finding.advice)
        for finding in findings
    ]
    return first + html_table("Findings", ("what", "rows", "seen", "advice"), odd)
