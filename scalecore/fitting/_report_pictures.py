"""The pictures of a report, each with words that carry its numbers."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from .._views import report_html as html
from .._views.fits_plots import share_inside

if TYPE_CHECKING:
    from ._allocation import Allocation
    from ._fitted_law import FittedLaw

_LEVELS = (0.5, 0.8, 0.95)
_CAPTIONS = {
    "isoloss": "Lines of equal loss. Dots are runs, the thick line the best split of each budget, "
    "pale bars its 95 % interval.",
    "residuals": "What the law misses, run by run: it should have no shape. Light dots are runs "
    "with many samples for each parameter, dark ones with few.",
    "calibration": "How many runs lie inside intervals of each level: on the dashed line, just as "
    "many as promised.",
}


def pictures(law: FittedLaw, best: Allocation) -> str:
    """Return the pictures that there is something to draw for."""
    if find_spec("matplotlib") is None:
        return html.paragraph("No pictures: they need matplotlib, pip install 'scalecore[plot]'.")
    if np.isnan(law.theta).any():
        return html.paragraph("There is no law to draw.")
    from matplotlib import pyplot

    words = {"isoloss": _isoloss(law, best)}
    if len(law.table):
        words["residuals"] = _residuals(law)
        if len(law.theta_draws):
            words["calibration"] = _calibration(law)
    shown = []
    for kind, text in words.items():
        axes = law.plot(kind)
        caption = _CAPTIONS[kind] if law.usable or kind != "isoloss" else "Dots are runs."
        shown.append(html.picture(axes, kind, text, caption))
        pyplot.close(axes.figure)  # type: ignore[arg-type]  # no sub-figure
    return html.pictures(shown)


def _isoloss(law: FittedLaw, best: Allocation) -> str:
    ranges = law.ranges
    text = "Parameters N and samples D" + (", with lines of equal loss. " if law.usable else ". ")
    if len(law.table):
        text += (
            f"{len(law.table):,} runs with N from {ranges.parameters[0]:.3g} to "
            f"{ranges.parameters[1]:.3g} and D from {ranges.samples[0]:.3g} to "
            f"{ranges.samples[1]:.3g}. "
        )
    splits = [
        f"N {best.parameters[i]:.3g} and D {best.samples[i]:.3g} at {budget:.3g} FLOPs"
        for i, budget in enumerate(best.budget)
        if np.isfinite(best.parameters[i])
    ]
    return text + (f"Best splits: {'; '.join(splits)}." if splits else "There is no best split.")


def _residuals(law: FittedLaw) -> str:
    off = 100 * np.expm1(law.residuals)
    half, most = np.quantile(np.abs(off), [0.5, 0.9])
    far = int(np.argmax(np.abs(off)))
    return (
        f"Residuals of {len(off):,} runs against compute: half within {half:.2g} %, nine in ten "
        f"within {most:.2g} %; the farthest, row {law.table.rows[far]}, {off[far]:+.2g} %."
    )


def _calibration(law: FittedLaw) -> str:
    shares = [f"{share_inside(law, level):.0%} at level {level:.0%}" for level in _LEVELS]
    return f"Share of runs inside the interval of one run: {', '.join(shares)}."
