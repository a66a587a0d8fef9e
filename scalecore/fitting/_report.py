"""What a report of a fitted law says: the numbers and sentences behind the page."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._common.atomic_files import atomic_write
from .._common.validation import path as checked_path
from .._common.validation import positive_array
from .._core.bounds import VERSION
from .._views import report_html as html
from ._allocation import AllocationStatus
from ._centre import Array
from ._certificate import FitStatus
from ._findings import Finding, FindingKind
from ._forms import FORMS
from ._law_files import text_of
from ._report_pictures import pictures
from ._sensitivity import ratio_without

if TYPE_CHECKING:
    from ._allocation import Allocation
    from ._fitted_law import FittedLaw
    from ._sensitivity import Influence

_TIMES = (10.0, 100.0, 1000.0)  # the largest run's compute: budgets where none are given
_WITHOUT_RUNS = 1e21  # stands for the largest run's compute where there are no runs
_HEADLINES = 3  # budgets that are answered in a sentence; the table has all
_FAR = 2.0  # decades beyond the largest run from which the page warns
_MOVES = 5  # runs listed by how far they move the answer
_DECIDES = 1.25  # a run without which N* is this many times larger or smaller decides it
_MOST_REFITS = 3e7  # runs times rows: above, leaving out each run takes too long
_MOST_ATTACHED = 1e6  # bytes of a law that the page carries along
_NAMES = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"))
_MEANS = {
    FitStatus.CONVERGED: "the optimum is certified, and the runs determine every parameter",
    FitStatus.AT_EDGE: "the optimum is certified; a parameter is at the edge of its domain",
}


def write(law: FittedLaw, path: Any, budgets: Any) -> None:
    """Write the report, whole or not at all."""
    place = Path(checked_path("path", path))
    asked = _budgets(law, budgets)
    best = law.compute_optimal(asked)
    moved = _influence(law, float(asked[0]))
    found = _found(law, moved)
    runs = "given values" if law.usable and not len(law.table) else f"{len(law.table):,} runs"
    sections = [
        ("How sure, and why", _certainty(law, best, moved, found)),
        ("Runs that move the answer most", _moves(law, moved)),
        ("Pictures", pictures(law, best)),
        ("Findings about the runs", html.items(map(str, found) if found else [_nothing(law)])),
        ("How to reproduce", _recipe(law, asked)),
    ]
    text = html.page(f"Scaling law of {runs}: {law.form.name}", _answer(law, best), sections)
    with atomic_write(place) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def _budgets(law: FittedLaw, given: Any) -> Array:
    if given is None:
        largest = law.ranges.compute[1] if len(law.table) else _WITHOUT_RUNS
        # three digits: nobody asks for 1.2956e+23
        return np.array([float(f"{factor * largest:.3g}") for factor in _TIMES])
    asked = np.atleast_1d(positive_array("budgets", given)).ravel()
    if not asked.size:
        raise ValueError("budgets must hold at least one, got none")
    return asked


def _amount(value: float) -> str:
    """Return a number of parameters or samples as people say it."""
    for size, name in _NAMES:
        if size <= value < 1000 * size:
            return f"{value / size:.3g} {name}"
    return f"{value:.3g}"


def _ends(low: float, high: float) -> str:
    return "" if np.isnan(low) else f"{low:.4g} to {high:.4g}"


def _answer(law: FittedLaw, best: Allocation) -> str:
    """Return the answer in sentences, and as a table of all budgets."""
    if not law.usable:
        return html.answer([("", "There is no answer: ", _no_law(law))])
    unit, sentences = law.loss_unit, []
    for i in range(min(best.budget.size, _HEADLINES)):
        before = f"With {best.budget[i]:.4g} FLOPs: "
        if best.status[i] != AllocationStatus.INTERIOR:
            status = AllocationStatus(int(best.status[i])).name
            sentences.append((before, "no best split", f" under this law ({status})."))
            continue
        ends = _ends(best.loss_low[i], best.loss_high[i])
        sentences.append(
            (
                before,
                f"{_amount(best.parameters[i])} parameters on {_amount(best.samples[i])} samples",
                f", for a loss of {best.loss[i]:.4g} {unit}" + (f" ({ends})." if ends else "."),
            )
        )
    return html.answer(sentences) + _answer_table(law, best)


def _no_law(law: FittedLaw) -> str:
    return f"{law.status.name}, {law.certificate.reason or 'no law was found'}."


def _answer_table(law: FittedLaw, best: Allocation) -> str:
    rows = []
    for i, budget in enumerate(best.budget):
        cells: list[object] = [f"{budget:.4g}"]
        for name in ("parameters", "samples", "loss"):
            value, low, high = (getattr(best, name + end)[i] for end in ("", "_low", "_high"))
            cells.append((f"{value:.4g}", _ends(low, high)))
        beyond = best.extrapolation[i]
        cells += [
            f"{best.samples_per_parameter[i]:.3g}",
            "–" if np.isnan(beyond) else f"{beyond:.1f} decades",
            AllocationStatus(int(best.status[i])).name,
        ]
        rows.append(cells)
    caption = f"Best split of a budget of {law.cost:g} × N × D FLOPs"
    caption += "; below each number its 95 % interval" if len(law.theta_draws) else ""
    loss = f"loss ({law.loss_unit})"
    return html.table(
        caption, ("FLOPs", "N*", "D*", loss, "D*/N*", "beyond the runs", "status"), rows
    )


def _nothing(law: FittedLaw) -> str:
    return "Nothing odd was found." if len(law.table) else "There are no runs."


def _certainty(
    law: FittedLaw, best: Allocation, moved: Influence | None, found: Iterable[Finding]
) -> str:
    """Return what speaks for the answer and against it, and the parameters with intervals."""
    if not law.usable:
        lines = [f"Status {_no_law(law)}"]
        if len(law.table):
            lines.append(
                "What would help: runs at three or more sizes N and three or more amounts of data "
                "D each, varied independently of each other."
            )
        return html.items(lines)
    lines = [_status(law)]
    if len(law.table):
        size = 100 * np.abs(np.expm1(law.residuals))
        lines.append(
            f"Half of the runs are within {np.median(size):.2g} % of the law, the farthest is "
            f"{size.max():.2g} % off."
        )
        lines += _of_intervals(law)
    if moved is not None and moved.names:
        lines.append(_most_moving(moved))
    lines += _without_far_runs(law, best, found)
    grows = best.elasticity[0]
    ends = _ends(best.elasticity_low[0], best.elasticity_high[0])
    if np.isfinite(grows):
        lines.append(
            f"N* grows as C to the power {grows:.3g}{f' ({ends})' if ends else ''}: at one half "
            "model and data grow alike."
        )
    far = np.nanmax(best.extrapolation) if np.isfinite(best.extrapolation).any() else 0.0
    if far > _FAR:
        lines.append(
            f"The largest budget lies {far:.1f} decades of compute beyond the runs. Intervals do "
            "not know whether the form holds there: sc.compare(table) tries forms by forecasting "
            "larger runs from smaller ones."
        )
    return html.items(lines) + _parameters(law)


def _status(law: FittedLaw) -> str:
    if not len(law.table):
        return "The values were given, not fitted: nothing says how sure they are."
    c = law.certificate
    if law.form.mixture:
        return f"A mixture of laws: {law.form.formula}."
    edge = f" ({c.reason})" if c.reason else ""
    return (
        f"Status {law.status.name}: {_MEANS[law.status]}{edge}. {c.agreed} of {c.starts} starts "
        f"ended there; the scaled gradient is {c.scaled_gradient:.1e}, the condition number "
        f"{c.condition:.3g}."
    )


def _of_intervals(law: FittedLaw) -> list[str]:
    drawn = len(law.theta_draws)
    if not drawn:
        return ["No intervals: the law was fitted without draws (resamples=0)."]
    if law.table.run_codes is None:
        unit = "rows, each taken for a run of its own (if they are checkpoints, name their runs)"
    else:
        named = f"runs with their checkpoints, {len(law.table.run_names):,} of them"
        unit = named if law.by == "run" else "rows, though runs are named: too narrow"
    return [f"Intervals hold 95 % of {drawn:,} draws ({law.intervals}), over {unit}."]


def _parameters(law: FittedLaw) -> str:
    ends = law.interval()
    rows = [
        (name, (f"{value:.5g}", _ends(*ends[name])), meaning)
        for (name, value), meaning in zip(law.values.items(), law.form.meanings, strict=True)
    ]
    return html.table(
        f"Parameters of L(N, D) = {law.form.formula}", ("parameter", "value", "meaning"), rows
    )


# ---- single runs ---------------------------------------------------------------------------------


def _influence(law: FittedLaw, budget: float) -> Influence | None:
    """Return what each run does to the answer; None where nobody can or should say."""
    if not law.usable or law.form.mixture or "compute" in law.form.needs or not len(law.table):
        return None
    clusters = len(law.table.run_names) or len(law.table)
    if clusters * len(law.table) > _MOST_REFITS:
        return None
    return law.influence(budget)


def _most_moving(moved: Influence) -> str:
    first = moved.order[0]
    ratio = float(moved.parameters_ratio[first])
    if np.isnan(ratio):
        return f"Without {moved.names[first]} there is no law: it decides the answer."
    size = f"Without {moved.names[first]} N* would be {ratio:.3g} times as large"
    if max(ratio, 1 / ratio) > _DECIDES:
        return f"{size}: one run decides much of the answer. Look at it."
    return f"{size}; no other run moves it farther."


def _moves(law: FittedLaw, moved: Influence | None) -> str:
    """Return the runs that move N* and D* farthest when they are left out."""
    if moved is None or not moved.names:
        return html.paragraph(_why_not_looked_at(law))
    rows = []
    for i in moved.order[:_MOVES]:
        ratios = (moved.parameters_ratio[i], moved.samples_ratio[i])
        shown = ["no law" if np.isnan(ratio) else f"× {ratio:.3f}" for ratio in ratios]
        rows.append((moved.names[i], *shown, _what_is(law, int(i))))
    caption = (
        f"The fit done again without each of {len(moved.names):,}, at {moved.budget:.4g} FLOPs"
    )
    caption += "; rows are counted from 0" if law.problem.cluster is None else ""
    return html.table(caption, ("left out", "N*", "D*", "what it is"), rows)


def _why_not_looked_at(law: FittedLaw) -> str:
    if not len(law.table):
        return "There are no runs."
    if not law.usable:
        return "There is no answer that a run could move."
    if law.form.mixture:
        return "Not looked at for a mixture of laws: write a report of each form."
    return "Not looked at: the form has no split, or there are too many runs to leave out each."


def _what_is(law: FittedLaw, number: int) -> str:
    """Return N, D and loss of a row, or of the last checkpoint of a run."""
    table, cluster = law.table, law.problem.cluster
    rows = np.array([number]) if cluster is None else np.flatnonzero(cluster == number)
    row = rows[np.argmax(table.samples[rows])]
    return (
        f"N {table.parameters[row]:.3g}, D {table.samples[row]:.3g}, loss "
        f"{table.loss[row] / table.loss_scale:.4g}, {100 * math.expm1(law.residuals[row]):+.2g} % "
        "off the law"
    )


def _found(law: FittedLaw, moved: Influence | None) -> list[Finding]:
    """Return what is odd about the runs, by themselves and by what each does to the answer."""
    found = list(law.table.findings())
    if moved is not None and moved.names and np.isfinite(moved.parameters_ratio).all():
        seen = {(finding.kind, finding.rows.tobytes()) for finding in found}
        more = law.table.findings(moved)
        found += [other for other in more if (other.kind, other.rows.tobytes()) not in seen]
    return found


def _without_far_runs(law: FittedLaw, best: Allocation, found: Iterable[Finding]) -> list[str]:
    """Say what the answer would be without all runs that lie far from the others."""
    rows = [finding.rows for finding in found if finding.kind == FindingKind.FAR_FROM_OTHERS]
    if not rows or not law.usable or law.form.mixture or "compute" in law.form.needs:
        return []
    out = np.isin(law.table.rows, np.concatenate(rows))
    budget = float(best.budget[0])
    ratio = ratio_without(law, out, budget)
    count = f"Without the {np.count_nonzero(out):,} runs that lie far from the others (below)"
    if not np.isfinite(ratio):
        return [f"{count} there would be no answer: they decide it."]
    text = f"{count} N* at {budget:.4g} FLOPs would be {ratio:.3g} times as large"
    decide = max(ratio, 1 / ratio) > _DECIDES
    return [f"{text}: they decide much of the answer." if decide else f"{text}."]


# ---- how to reproduce ----------------------------------------------------------------------------


def _recipe(law: FittedLaw, budgets: Array) -> str:
    """Return lines that give this page again, and the fit, and the file that they read."""
    listed = ", ".join(repr(float(budget)) for budget in budgets)
    facts = (
        f"scalecore {VERSION}; {len(law.table):,} runs, SHA-256 {law.table.data_hash}; "
        f"loss {law.loss_function}, delta {law.delta:g}, key of the draws {law.key}."
    )
    if law.form.mixture:
        return html.items([facts]) + html.code("sc.compare(table).law.report('report.html')")
    own = "" if law.form.name in FORMS else ", form"  # a file holds its name only
    python = [
        "import scalecore as sc",
        "",
        f'law = sc.FittedLaw.load("law.json"{own})',
        f'law.report("report.html", [{listed}])',
    ]
    if len(law.table):
        python += ["", "# the fit itself, from the runs in that file", _fit_line(law)]
    shell = f"scalecore report law.json --out report.html -C {listed.replace(', ', ',')}"
    content = text_of(law)
    words = f"holds the runs, the law and its draws ({len(content) / 1000:,.0f} kB)."
    file = (
        html.attachment("law.json", content, words)
        if len(content) <= _MOST_ATTACHED
        else html.paragraph("law.json is what law.save writes; it is too large for this page.")
    )
    lines = file + html.code("\n".join(python)) + html.paragraph("or, from a shell")
    return lines + html.code(shell) + html.items([facts, *_all_digits(law)])


def _fit_line(law: FittedLaw) -> str:
    loss = f'"{law.loss_function}"'
    delta = f", delta={law.delta!r}" if law.loss_function == "huber" else ""
    how = "" if law.intervals == "none" else f', intervals="{law.intervals}"'
    check = "\nassert again.values == law.values" if law.usable else ""
    return (
        f'again = sc.fit(law.table, law.form, loss={loss}{delta}, by="{law.by}", '
        f"resamples={len(law.theta_draws)}{how}){check}"
    )


def _all_digits(law: FittedLaw) -> list[str]:
    return [", ".join(f"{name} = {value!r}" for name, value in law.values.items())]
