"""The table that notebooks show for a BayesError."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .html import html_table, shown_places

if TYPE_CHECKING:
    from ..posterior import BayesError


def bayes_error_html(found: BayesError) -> str:
    """Rows are numbers of samples."""
    samples = np.ravel(found.samples)
    columns = [
        np.ravel(getattr(found, name))
        for name in (
            "lower",
            "lower_std_error",
            "upper",
            "upper_std_error",
            "ratio",
            "ratio_std_error",
        )
    ]
    sources = [np.ravel(source) for source in (found.lower_source, found.upper_source)]
    places, note = shown_places(samples.size, "numbers of samples")
    rows = [
        (
            int(samples[i]),
            *(float(column[i]) for column in columns),
            *(str(source[i]) for source in sources),
        )
        for i in places
    ]
    prior = found.prior
    title = (
        f"BayesError: d = {prior.input_dim}, K = {prior.concentration:g}, "
        f"{found.replicates} replicates x {found.states} states"
    )
    sides = ("lower (nats)", "s.e.", "upper (nats)", "s.e.", "upper/lower", "s.e.")
    heads = ("samples T", *sides, "lower by", "upper by")
    return html_table(title, heads, rows, note)
