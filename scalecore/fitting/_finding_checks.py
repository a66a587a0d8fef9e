"""What may be odd about a table of runs: each check returns the rows and what was seen, or None."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ._far_runs import LEAST_RUNS, deviations

if TYPE_CHECKING:
    from ._run_table import RunTable

# numbers of the rows and a text that says what is odd; None where nothing is
Seen = tuple[NDArray[np.int64], str] | None

_LEVEL = 0.01  # sizes closer than this, relatively, are one level
_RAY = 0.1  # if ln D stays within this of a line in ln N, the runs say nothing beside that line
_FACTOR = 2.0  # largest ratio of compute to cost * N * D, either way
# a run is far off beyond so many times the usual deviation: the five outliers in the digitised
# data of Hoffmann et al. are, the run next to them is not
_FAR = 12.0
_FAR_LEAST = 0.02  # and at least this much, in ln of the loss
_MOVED = 0.05  # change of ln N* by leaving out a run, as a fit measured it
_UNTUNED = 0.01  # relative difference of losses at one (N, D) that other seeds do not explain
_HIGHEST_LOSS = 12.5  # nats: no better than a guess among 2**18 tokens


class Facts:
    """A table and what several checks need to know about it, each computed once."""

    def __init__(self, table: RunTable, influence: NDArray[np.float64] | None) -> None:
        self.table = table
        self.influence = influence
        self.count = len(table)

    def rows(self, places: NDArray[np.bool_] | NDArray[np.intp]) -> NDArray[np.int64]:
        """Return the user's numbers of the rows at these places."""
        return self.table.rows[places]

    @cached_property
    def log_parameters(self) -> NDArray[np.float64]:
        return np.log(self.table.parameters)

    @cached_property
    def log_samples(self) -> NDArray[np.float64]:
        return np.log(self.table.samples)

    @cached_property
    def log_cost(self) -> NDArray[np.float64]:
        """Logarithm of cost * N * D, which itself may be beyond every double."""
        return np.log(self.table.cost) + self.log_parameters + self.log_samples

    @cached_property
    def levels(self) -> tuple[int, int]:
        """How many different N and D there are, up to three."""
        return _levels(self.log_parameters), _levels(self.log_samples)


def _levels(logs: NDArray[np.float64]) -> int:
    """Count values that differ by more than a level's width, up to three."""
    count, floor = 0, -np.inf
    while count < 3 and (above := logs[logs > floor]).size:
        count, floor = count + 1, above.min() + _LEVEL
    return count


def rows_dropped(facts: Facts) -> Seen:
    dropped = facts.table.dropped
    return (dropped, f"{_rows(dropped.size)} could not be used") if dropped.size else None


def column_in_doubt(facts: Facts) -> Seen:
    notes = facts.table.notes
    return (np.zeros(0, np.int64), "; ".join(notes)) if notes else None


def too_few_runs(facts: Facts) -> Seen:
    if facts.count > 5:
        return None
    return facts.table.rows, f"{_rows(facts.count)} cannot determine five constants"


def duplicate_rows(facts: Facts) -> Seen:
    same = facts.table._points.repeats(facts.table.loss)
    if not same.size:
        return None
    return (
        facts.rows(same),
        f"{_rows(same.size)} repeat{'s' if same.size == 1 else ''} the N, D and loss of an "
        "earlier one",
    )


def swapped(facts: Facts) -> Seen:
    fewer = facts.table.samples < facts.table.parameters
    if facts.count < 3 or np.count_nonzero(fewer) < 0.9 * facts.count:
        return None
    return facts.rows(fewer), f"samples are fewer than parameters in {_of(fewer)}"


def small_units(facts: Facts) -> Seen:
    for name in ("parameters", "samples"):
        values = getattr(facts.table, name)
        if facts.count and values.max() < 1e5 and (values != np.floor(values)).any():
            return facts.rows(
                values != np.floor(values)
            ), f"{name} are {values.min():.4g} to {values.max():.4g} and not whole"
    return None


def one_size(facts: Facts) -> Seen:
    if facts.levels[0] != 1 or facts.count < 2:
        return None
    return facts.table.rows, f"all runs have {facts.table.parameters[0]:.4g} parameters"


def one_sample_count(facts: Facts) -> Seen:
    if facts.levels[1] != 1 or facts.count < 2:
        return None
    return facts.table.rows, f"all runs have read {facts.table.samples[0]:.4g} samples"


def one_ray(facts: Facts) -> Seen:
    """All D = r N, or on another line in log N and log D, such as one isoFLOP curve."""
    if facts.levels[0] < 2 or facts.levels[1] < 2 or facts.count < 3:
        return None
    ratio = facts.log_samples - facts.log_parameters
    middle = np.median(ratio)
    near = np.abs(ratio - middle) < _RAY
    if np.count_nonzero(near) >= 0.95 * facts.count:
        return facts.rows(
            near
        ), f"D/N is {np.exp(middle):.3g}, to within {100 * _RAY:.0f} %, in {_of(near)}"
    u = facts.log_parameters - facts.log_parameters.mean()
    slope = float(u @ (facts.log_samples - facts.log_samples.mean()) / (u @ u))
    deviation = facts.log_samples - facts.log_samples.mean() - slope * u
    if np.sqrt(np.mean(np.square(deviation))) >= _RAY:
        return None
    return (
        facts.table.rows,
        f"D follows N as N^{slope:.2f} in all runs, to {100 * deviation.std():.0f} %",
    )


def too_few_levels(facts: Facts) -> Seen:
    for name, levels in zip(("parameters", "samples"), facts.levels, strict=True):
        if levels == 2:
            return facts.table.rows, f"there are only two different numbers of {name}"
    return None


def compute_disagrees(facts: Facts) -> Seen:
    if facts.table.compute is None:
        return None
    ratio = np.log(facts.table.compute) - facts.log_cost
    far = np.abs(ratio) > np.log(_FACTOR)
    if not far.any():
        return None
    middle = np.exp(np.median(ratio[far]))
    return facts.rows(far), f"compute is {middle:.3g} times {facts.table.cost:g} N D in {_of(far)}"


def compute_rounded(facts: Facts) -> Seen:
    if facts.table.compute is None or facts.count < 3:
        return None
    compute = facts.table.compute
    mantissa = compute / 10.0 ** np.floor(np.log10(compute))
    rounded = np.abs(mantissa - np.rint(mantissa)) < 1e-9
    off = np.abs(np.log(compute) - facts.log_cost)
    odd = rounded & (off > 0.05) & (off <= np.log(_FACTOR))
    if np.count_nonzero(rounded) < 0.9 * facts.count or np.count_nonzero(odd) < 0.1 * facts.count:
        return None
    return facts.rows(odd), f"compute has one digit and is up to {_percent(off[odd])} off"


def repeated_samples(facts: Facts) -> Seen:
    if facts.table.unique_samples is None:
        return None
    epochs = facts.table.samples / facts.table.unique_samples
    repeated = epochs > 1 + 1e-6
    if not repeated.any():
        return None
    return facts.rows(
        repeated
    ), f"samples were read up to {epochs.max():.4g} times in {_of(repeated)}"


def _usual_loss(facts: Facts) -> NDArray[np.float64]:
    """Loss over that of language models of this size (Hoffmann et al. 2022), if they are such."""
    language = (facts.table.parameters > 1e6) & (facts.table.samples > 1e7)
    if np.count_nonzero(language) < max(3, facts.count / 2):
        return np.zeros(0)
    n, d = facts.table.parameters[language], facts.table.samples[language]
    return facts.table.loss[language] / (1.82 + 478 / n**0.347 + 2143 / d**0.367)


def looks_like_perplexity(facts: Facts) -> Seen:
    ratio = _usual_loss(facts)
    high = facts.table.loss > _HIGHEST_LOSS
    median = float(np.median(ratio)) if ratio.size else 1.0
    if median <= 2.2 and (facts.count < 3 or np.count_nonzero(high) < 0.25 * facts.count):
        return None
    low, top = (
        facts.table.loss.min() / facts.table.loss_scale,
        facts.table.loss.max() / facts.table.loss_scale,
    )
    return facts.table.rows, f"losses are {low:.3g} to {top:.3g} {facts.table.loss_unit}"


def looks_like_other_unit(facts: Facts) -> Seen:
    ratio = _usual_loss(facts)
    if not ratio.size:
        return None
    median, unit = float(np.median(ratio)), facts.table.loss_unit
    guess = ""
    alike = np.quantile(ratio, 0.9) < 1.25 * np.quantile(
        ratio, 0.1
    )  # text unlike the training data has higher losses, but unevenly
    if 1.4 < median <= 2.2 and alike:
        guess = "bits per token" if unit == "nats" else "losses counted in bits twice"
    elif 0.2 < median < 0.5:
        guess = "losses per byte or character"
    elif unit == "bits" and median < 0.85:
        guess = "nats"
    seen = (
        f"losses are about {median:.2g} times those of language models of this size, as {guess} are"
    )
    return (facts.table.rows, seen) if guess else None


def several_losses(facts: Facts) -> Seen:
    """Rows that are much worse than another with the same N, D and unique samples."""
    points = facts.table._points
    loss, lowest = facts.table.loss[points.order], points.lowest(facts.table.loss)
    worse = loss > lowest * (1 + _UNTUNED)
    if not worse.any():
        return None
    gap = _percent(np.log(loss[worse]) - np.log(lowest[worse]))
    count = int(np.count_nonzero(worse))
    text = (
        f"{_rows(count)} {'has' if count == 1 else 'have'} a loss up to {gap} above another with "
        "the same N and D"
    )
    return facts.rows(np.sort(points.order[worse])), text


def early_checkpoints(facts: Facts) -> Seen:
    if facts.table.progress is None:
        return None
    early = facts.table.progress < 0.99
    return (
        (facts.rows(early), f"the learning-rate schedule was not over in {_of(early)}")
        if early.any()
        else None
    )


def far_from_others(facts: Facts) -> Seen:
    """By the influence that a fit measured, else by the distance from a robust surface."""
    if facts.count < LEAST_RUNS:
        return None
    table = facts.table
    if facts.influence is not None:
        far = facts.influence > max(_FAR * np.median(facts.influence), _MOVED)
        return (
            (facts.rows(far), f"{_of(far)} move the answer of a fit far more than others do")
            if far.any()
            else None
        )
    if min(facts.levels) < 3:
        return None
    distance, usual = deviations(table.parameters, table.samples, table.loss)
    far = np.abs(distance) > max(_FAR * usual, _FAR_LEAST)
    if not far.any():
        return None
    return facts.rows(
        far
    ), f"the loss is up to {_percent(distance)} off a surface through the other runs in {_of(far)}"


def _percent(logs: NDArray[np.float64]) -> str:
    """Say how far the farthest of some logarithms of ratios is from 1."""
    farthest = float(np.abs(logs).max())
    return (
        f"{100 * np.expm1(farthest):.2g} %"
        if farthest < np.log(2)
        else f"a factor of {np.exp(min(farthest, 700)):.2g}"
    )


def _rows(count: int | np.integer[Any]) -> str:
    return f"{int(count):,} row{'s' if count != 1 else ''}"


def _of(mask: NDArray[np.bool_]) -> str:
    found = int(np.count_nonzero(mask))
    return f"all {_rows(found)}" if found == mask.size else f"{found:,} of {_rows(mask.size)}"
