"""Tables that notebooks show for results; the only place that writes HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .._common.status import EmpiricalStatus, Status

if TYPE_CHECKING:
    from ..frontier import Frontier
    from ..information import Decomposition, LearningCurve
    from ..network import MisspecificationEstimate, Network
    from ..training import EmpiricalFrontier, TrainingRuns

_MOST_ROWS = 12


def html_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], note: str = ""
) -> str:
    """Return a plain table; everything is escaped, numbers have four digits."""

    def line(tag: str, cells: Sequence[object]) -> str:
        inner = "".join(
            f'<{tag} style="text-align: right">{escape(_text(cell))}</{tag}>' for cell in cells
        )
        return f"<tr>{inner}</tr>"

    head = f"<thead>{line('th', columns)}</thead>" if columns else ""
    body = "".join(line("td", row) for row in rows)
    foot = f"<div>{escape(note)}</div>" if note else ""
    grid = f"<table>{head}<tbody>{body}</tbody></table>"
    return f"<div><strong>{escape(title)}</strong>{grid}{foot}</div>"


def _text(value: object) -> str:
    if isinstance(value, (float, np.floating)):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, (int, np.integer)) else str(value)


def _interval(value: float, ends: NDArray[np.float64]) -> str:
    return f"{value:.4g} [{ends[0]:.3g}, {ends[1]:.3g}]"


def shown_places(count: int, what: str) -> tuple[list[int], str]:
    """Return evenly spaced places among `count`, both ends included, and a note if some are left
    out.
    """
    if count <= _MOST_ROWS:
        return list(range(count)), ""
    places = np.unique(np.linspace(0, count - 1, _MOST_ROWS).round().astype(int))
    return places.tolist(), f"{places.size} of {count:,} {what}, evenly spaced"


def frontier(best: Frontier) -> str:
    """Rows are budgets."""
    names = (
        "budget",
        "input_dim",
        "concentration",
        "width",
        "parameters",
        "samples",
        "error",
        "elasticity",
        "status",
    )
    flat = [np.broadcast_to(getattr(best, name), best.shape) for name in names]
    places, note = shown_places(flat[0].size, "elements")
    rows = []
    for place in places:
        where = np.unravel_index(place, best.shape)
        *numbers, status = (array[where] for array in flat)
        rows.append([*numbers, Status(int(status)).name])
    title = (
        f"Frontier: {best.bound} bound, {'whole' if best.integer else 'real'} widths, shape "
        f"{best.shape}"
    )
    counts = {
        status.name: int(np.count_nonzero(np.equal(best.status, status))) for status in Status
    }
    if note:
        note += "; " + ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
    heads = (
        "C",
        "d",
        "K",
        "width n*",
        "parameters p*",
        "samples T*",
        "error (nats)",
        "d log p*/d log C",
        "status",
    )
    return html_table(title, heads, rows, note)


def network(net: Network) -> str:
    """Rows are properties: size, and how concentrated the mass is."""
    masses = np.sort(net.masses)[::-1]
    half = int(np.searchsorted(np.cumsum(masses), 0.5 * masses.sum())) + 1
    rows = [
        ("units", len(net)),
        ("inputs d", net.input_dim),
        ("concentration K", float(net.concentration)),
        ("leftover mass", float(net.leftover)),
        ("mass of the heaviest unit", float(masses[0])),
        ("units that hold half of the mass", min(half, len(net))),
    ]
    return html_table("Network", (), rows)


def runs(them: TrainingRuns) -> str:
    """Rows are widths, each at the rate that is best in the end."""
    places, note = shown_places(them.widths.size, "widths")
    rows: list[Sequence[object]] = []
    for i in places:
        last = (
            them.error[:, i, :, -1]
            if them.checkpoints.size
            else np.full((1, them.learning_rates.size), np.nan)
        )
        diverged = int(np.count_nonzero(them.diverged[:, i] >= 0))
        mean = last.mean(axis=0)
        if not np.isfinite(mean).any():
            rows.append((them.widths[i], "-", "-", "-", diverged))
            continue
        j = int(np.nanargmin(mean))
        scatter = last[:, j].std(ddof=1) / np.sqrt(them.repeats) if them.repeats > 1 else np.nan
        rows.append((them.widths[i], them.learning_rates[j], mean[j], scatter, diverged))
    title = (
        f"TrainingRuns: {them.optimizer}, {them.samples:,} "
        f"samples{' (interrupted)' if them.interrupted else ''}, "
        f"{them.repeats} repeats, {them.learning_rates.size} rates"
    )
    return html_table(
        title,
        ("width", "best rate", f"{them.measure} (nats)", "standard error", "runs diverged"),
        rows,
        note,
    )


def empirical(found: EmpiricalFrontier) -> str:
    """Rows are budgets, with the bound's own optimum beside, where there is one."""
    theory = found.theory
    places, note = shown_places(found.budget.size, "budgets")
    rows = [
        (
            found.budget[b],
            _interval(found.width[b], found.width_interval[b]),
            found.samples[b],
            _interval(found.error[b], found.error_interval[b]),
            EmpiricalStatus(int(found.status[b])).name,
            *(() if theory is None else (theory.width[b], theory.error[b])),
        )
        for b in places
    ]
    title = (
        f"EmpiricalFrontier: {found.optimizer}, d log p*/d log C = "
        f"{_interval(found.exponent, found.exponent_interval)}, "
        f"{100 * found.confidence:g} % intervals"
    )
    heads = ("C", "width n*", "samples T*", f"{found.measure} (nats)", "status")
    beside = () if theory is None else ("n* of the bound", "bound")
    return html_table(title, (*heads, *beside), rows, note)


def misspecification(estimate: MisspecificationEstimate, occupancy: NDArray[np.float64]) -> str:
    """Rows are widths: what was measured beside what theory says, of which the expected occupancy
    is handed in.
    """
    widths = np.ravel(estimate.widths)
    K = estimate.prior.concentration
    kl, squared, units = (
        np.ravel(part.mean) for part in (estimate.kl, estimate.squared_error, estimate.occupancy)
    )
    scatter, bound = np.ravel(estimate.kl.std_error), np.ravel(estimate.bound)
    places, note = shown_places(widths.size, "widths")
    rows = [
        (
            int(widths[i]),
            f"{kl[i]:.4g} ± {scatter[i]:.1g}",
            bound[i],
            kl[i] / bound[i],
            squared[i],
            K / (2 * widths[i]),
            units[i],
            float(occupancy[i]),
        )
        for i in places
    ]
    title = (
        f"MisspecificationEstimate: {estimate.networks:,} networks x {estimate.inputs:,} inputs, "
        f"{estimate.dtype}"
    )
    heads = (
        "width",
        "KL (nats)",
        "bound K/(16n)",
        "KL / bound",
        "E(F-F~)²",
        "K/(2n)",
        "distinct units",
        "E U_n",
    )
    return html_table(title, heads, rows, note)


def learning_curve(curve: LearningCurve) -> str:
    """Rows are numbers of samples, log-spaced."""
    last = int(curve.samples[-1])
    places = np.unique(np.geomspace(1, last, _MOST_ROWS).round().astype(int)).tolist()
    rows = [
        (
            t,
            curve.information[t],
            curve.std_error[t],
            curve.information[t] / curve.entropy if curve.entropy else "-",
            curve.error[t],
        )
        for t in places
    ]
    how = "exact" if curve.method == "exact" else f"Monte Carlo, {curve.replicates:,} histories"
    note = f"{len(places)} of {last:,} numbers of samples, log-spaced" if len(places) < last else ""
    heads = (
        "samples t",
        "I(F; H_t) (nats)",
        "standard error",
        "share of H(F)",
        "error L_t (nats a sample)",
    )
    return html_table(f"LearningCurve: H(F) = {curve.entropy:.4g} nats; {how}", heads, rows, note)


def decomposition(parts: Decomposition) -> str:
    """Rows are the terms of Theorem B."""
    total, average = parts.total, parts.average
    finite = np.isfinite(total.error) and total.error > 0
    rows = [
        (
            name.replace("_", " "),
            getattr(total, name),
            getattr(average, name),
            f"{100 * getattr(total, name) / total.error:.1f} %" if finite else "-",
        )
        for name in ("retained", "forgotten", "inference_gap", "error")
    ]
    note = ""
    if parts.impossible is not None:
        step, state, x, y = parts.impossible
        note = (
            f"In step {step} the predictor gives 0 to label {y} of input {x} in state {state}, "
            "which can happen."
        )
    title = f"Decomposition: {parts.steps:,} steps"
    return html_table(
        title, ("term", "total (nats)", "per sample (nats)", "share of the error"), rows, note
    )
