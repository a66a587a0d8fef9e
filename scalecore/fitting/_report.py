"""What a report of a fitted law says: the numbers behind the page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._common.atomic_files import written_whole
from .._common.validation import path as checked_path
from .._core.bounds import VERSION
from .._views import report_html as html
from ._allocation import AllocationStatus

if TYPE_CHECKING:
    from ._fitted_law import FittedLaw

_ALT = {
    "isoloss": "Contours of equal loss over parameters and samples, the runs and best splits.",
    "residuals": "Residuals of the runs.",
    "calibration": "Calibration of the law.",
}


def write(law: FittedLaw, path: Any, budgets: Any) -> None:
    """Write the report."""
    if budgets is None:
        largest = law.ranges.compute[1] if len(law.table) else 1e21
        budgets = largest * np.array([10.0, 100.0, 1000.0])
    sections = [
        ("Answer", _answer(law, np.atleast_1d(budgets))),
        ("How sure, and why", _certainty(law)),
        ("Pictures", _pictures(law)),
        ("Findings", html.items(_findings(law))),
        ("How to reproduce", _recipe(law)),
    ]
    text = html.page(f"Scaling law: {law.form.name}", sections)
    with written_whole(Path(checked_path("path", path))) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def _findings(law: FittedLaw) -> list[str]:
    """Return what is odd about the runs, a line each."""
    if not len(law.table):
        return ["The law was given, not fitted: there are no runs."]
    return [str(finding) for finding in law.table.findings()] or ["Nothing odd was found."]


def _answer(law: FittedLaw, budgets: Any) -> str:
    if not law.usable:
        return html.items(
            [
                f"This law is not usable ({law.status.name}): {law.certificate.reason}",
                "What would help: more runs, at three or more sizes N and amounts of data D each, "
                "varied independently.",
            ]
        )
    best = law.compute_optimal(budgets)
    rows = []
    for i, budget in enumerate(best.budget):
        cells = [f"{budget:.4g}"]
        for name in ("parameters", "samples", "loss"):
            value, low, high = (getattr(best, name + end)[i] for end in ("", "_low", "_high"))
            cells.append(f"{value:.4g}" + ("" if np.isnan(low) else f" [{low:.4g}, {high:.4g}]"))
        beyond = best.extrapolation[i]
        cells.append("" if np.isnan(beyond) else f"{beyond:.1f} decades")
        rows.append([*cells, AllocationStatus(int(best.status[i])).name])
    heads = ("C (FLOPs)", "N*", "D*", f"loss ({law.loss_unit})", "beyond the runs", "status")
    return html.table(heads, rows)


def _certainty(law: FittedLaw) -> str:
    c = law.certificate
    lines = [
        f"Status: {law.status.name}. {c.reason or ''}",
        f"{len(law.table)} runs; {c.agreed} of {c.starts} starts agree, scaled gradient "
        f"{c.scaled_gradient:.1e}, condition {c.condition:.3g}.",
        f"95 % intervals: {len(law.theta_draws)} draws ({law.intervals}, by {law.by}).",
    ]
    if law.usable and len(law.table) and "compute" not in law.form.needs:
        lines.append(f"Most influential: {law.influence(10 * law.ranges.compute[1])!r}")
    return html.items(lines)


def _pictures(law: FittedLaw) -> str:
    from matplotlib import pyplot

    shown = []
    for kind, alt in _ALT.items():
        axes = law.plot(kind)
        shown.append(html.picture(axes, kind, alt))
        pyplot.close(axes.figure)
    return "".join(shown)


def _recipe(law: FittedLaw) -> str:
    lines = [f"Form {law.form.name}: {law.form.formula}"]
    lines += [f"{name} = {value!r}" for name, value in law.values.items()]
    lines += [
        f"Loss {law.loss_function}, delta {law.delta:g}, key of the draws {law.key}.",
        f"Runs: {len(law.table):,}, SHA-256 {law.table.data_hash}; scalecore {VERSION}.",
        "law.report writes this page; law.save keeps the law with its runs and version.",
    ]
    return html.items(lines)
