"""What is odd about a table of runs: one row of a table for each kind, with a check and advice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from . import _finding_checks as checks
from ._checked_rows import frozen
from ._columns import row_list
from ._finding_checks import Facts

if TYPE_CHECKING:
    from ._run_table import RunTable


class FindingKind(IntEnum):
    """What is odd about a table of runs.

    ROWS_DROPPED: `drop_invalid` left out rows. COLUMN_IN_DOUBT: a reader had a choice of columns.
    TOO_FEW_RUNS: fewer than the constants of a law. DUPLICATE_ROWS: the same N, D and loss twice.
    SWAPPED: samples fewer than parameters nearly everywhere. SMALL_UNITS: sizes that are no whole
    numbers, such as billions. ONE_SIZE, ONE_SAMPLE_COUNT, ONE_RAY: all runs have one N, one D, or
    lie on one line in log N and log D. TOO_FEW_LEVELS: only two different N or D.
    COMPUTE_DISAGREES, COMPUTE_ROUNDED: compute is far from cost * N * D, or was rounded to a digit.
    REPEATED_SAMPLES: more samples than unique ones. LOOKS_LIKE_PERPLEXITY, LOOKS_LIKE_OTHER_UNIT:
    what is called a loss in nats is hardly one. SEVERAL_LOSSES: very different ones at one N and D.
    EARLY_CHECKPOINTS: the learning-rate schedule was not over. FAR_FROM_OTHERS: losses that no
    surface through the other runs explains, or runs that decide a fit.

    Examples
    --------
    >>> import scalecore as sc
    >>> sc.FindingKind.SWAPPED.name
    'SWAPPED'
    """

    ROWS_DROPPED = 0
    COLUMN_IN_DOUBT = 1
    TOO_FEW_RUNS = 2
    DUPLICATE_ROWS = 3
    SWAPPED = 4
    SMALL_UNITS = 5
    ONE_SIZE = 6
    ONE_SAMPLE_COUNT = 7
    ONE_RAY = 8
    TOO_FEW_LEVELS = 9
    COMPUTE_DISAGREES = 10
    COMPUTE_ROUNDED = 11
    REPEATED_SAMPLES = 12
    LOOKS_LIKE_PERPLEXITY = 13
    LOOKS_LIKE_OTHER_UNIT = 14
    SEVERAL_LOSSES = 15
    EARLY_CHECKPOINTS = 16
    FAR_FROM_OTHERS = 17


@dataclass(frozen=True, eq=False, repr=False)
class Finding:
    """Something odd about a table of runs.

    Attributes
    ----------
    kind : FindingKind
    rows : ndarray of int64
        The rows it is about, by their numbers in `RunTable.rows` (or `RunTable.dropped`); empty
        where it is about none.
    seen : str
        What was seen.
    advice : str
        What to do about it, in a sentence.

    Examples
    --------
    >>> import scalecore as sc
    >>> table = sc.RunTable([1e8, 4e8] * 4, [2e9, 2e9, 8e9, 8e9] * 2, [3.4, 3.2, 3.1, 2.8] * 2)
    >>> finding = table.findings()[0]
    >>> finding.kind.name, finding.rows
    ('DUPLICATE_ROWS', array([4, 5, 6, 7]))
    """

    kind: FindingKind
    rows: NDArray[np.int64]
    seen: str
    advice: str

    def __repr__(self) -> str:
        where = f" ({row_list(self.rows)})" if self.rows.size else ""
        return f"{self.kind.name}: {self.seen}{where}. {self.advice}"

    __str__ = __repr__


@dataclass(frozen=True)
class _Check:
    kind: FindingKind
    check: Callable[[Facts], checks.Seen]
    advice: str


_NOT_IDENTIFIED = "The exponents cannot be told apart from such runs; add runs"
CHECKS = (
    _Check(
        FindingKind.ROWS_DROPPED,
        checks.rows_dropped,
        "Look why, before trusting what the others say.",
    ),
    _Check(
        FindingKind.COLUMN_IN_DOUBT,
        checks.column_in_doubt,
        "Name the column that is meant with columns=, and say which was used: results differ.",
    ),
    _Check(
        FindingKind.TOO_FEW_RUNS,
        checks.too_few_runs,
        "Add runs, at three model sizes and three numbers of samples at least.",
    ),
    _Check(
        FindingKind.DUPLICATE_ROWS,
        checks.duplicate_rows,
        "Leave them out if they are one run listed twice; else they count twice.",
    ),
    _Check(
        FindingKind.SWAPPED,
        checks.swapped,
        "If parameters and samples were swapped, swap them back.",
    ),
    _Check(
        FindingKind.SMALL_UNITS,
        checks.small_units,
        "If these are millions or billions, multiply: compute is cost * N * D.",
    ),
    _Check(
        FindingKind.ONE_SIZE,
        checks.one_size,
        f"{_NOT_IDENTIFIED} with other numbers of parameters.",
    ),
    _Check(
        FindingKind.ONE_SAMPLE_COUNT,
        checks.one_sample_count,
        f"{_NOT_IDENTIFIED} with other numbers of samples.",
    ),
    _Check(
        FindingKind.ONE_RAY,
        checks.one_ray,
        f"{_NOT_IDENTIFIED} off that line, with a few times more or fewer samples per parameter.",
    ),
    _Check(
        FindingKind.TOO_FEW_LEVELS,
        checks.too_few_levels,
        "An exponent needs at least three; add runs at a third.",
    ),
    _Check(
        FindingKind.COMPUTE_DISAGREES,
        checks.compute_disagrees,
        "Check what was counted (embeddings, attention, FLOPs or multiply-adds) and pass cost= to "
        "match.",
    ),
    _Check(
        FindingKind.COMPUTE_ROUNDED,
        checks.compute_rounded,
        "Leave it out, so that cost * N * D is used: rounded budgets put runs on one isoFLOP "
        "curve that do not belong there.",
    ),
    _Check(
        FindingKind.REPEATED_SAMPLES,
        checks.repeated_samples,
        'Fit a form for repeated data (form="repeated"), or keep the rows with samples <= '
        "unique_samples.",
    ),
    _Check(
        FindingKind.LOOKS_LIKE_PERPLEXITY,
        checks.looks_like_perplexity,
        "If these are perplexities, take their logarithm.",
    ),
    _Check(
        FindingKind.LOOKS_LIKE_OTHER_UNIT,
        checks.looks_like_other_unit,
        "Say what the unit is with loss_unit=, if it is nats or bits per token.",
    ),
    _Check(
        FindingKind.SEVERAL_LOSSES,
        checks.several_losses,
        "If hyperparameters were not tuned alike, keep each point's best with "
        "table.best_per_point(); if only seeds or data differ, keep them all.",
    ),
    _Check(
        FindingKind.EARLY_CHECKPOINTS,
        checks.early_checkpoints,
        "Their losses are not what a finished run of that length reaches; keep table.progress > "
        "0.99.",
    ),
    _Check(
        FindingKind.FAR_FROM_OTHERS,
        checks.far_from_others,
        "They may decide a fit: look at them, and compare a fit without them.",
    ),
)


def findings(table: RunTable, influence: NDArray[np.float64] | None) -> tuple[Finding, ...]:
    """Compute `RunTable.findings`."""
    facts = Facts(table, influence)
    # products and ratios of very large or small numbers may overflow
    with np.errstate(over="ignore"):
        seen = [(row, row.check(facts)) for row in CHECKS]
    return tuple(
        Finding(row.kind, frozen(found[0]), found[1], row.advice)
        for row, found in seen
        if found is not None
    )
