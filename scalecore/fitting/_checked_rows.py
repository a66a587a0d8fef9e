"""The rows of a table of runs, checked: what cannot be used is refused by its row, or dropped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._common.validation import boolean, one_of, positive_number
from ._columns import renumbered, row_list

LOSS_SCALES = {"nats": 1.0, "bits": float(np.log(2.0))}  # nats in one unit
QUANTITIES = (
    *("parameters", "samples", "loss", "compute", "unique_samples", "weight", "progress"),
)
REQUIRED = QUANTITIES[:3]
Labels = tuple[NDArray[np.int64], tuple[str, ...]]  # number of each row's run, names of the runs


def frozen(array: NDArray[Any]) -> NDArray[Any]:
    """Return `array`, read-only from now on."""
    array.flags.writeable = False
    return array


def checked_fields(
    arrays: Mapping[str, NDArray[np.float64]],
    labels: Labels | None,
    *,
    loss_unit: str,
    cost: float,
    drop_invalid: bool,
    rows: NDArray[np.int64] | None = None,
    columns: Mapping[str, str] | None = None,
    notes: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Return the fields of a `RunTable`; `rows` are the row numbers where they came from."""
    scale = LOSS_SCALES[one_of("loss_unit", loss_unit, LOSS_SCALES)]
    each = positive_number("cost", cost)
    drop = boolean("drop_invalid", drop_invalid)
    count = arrays["parameters"].size
    lengths = {name: array.size for name, array in arrays.items()}
    if labels is not None:
        lengths["run"] = labels[0].size
    for name, length in lengths.items():
        if length != count:
            raise ValueError(
                f"{name} must have one element a run, as parameters has ({count:,}), got {length:,}"
            )
    number = np.arange(count) if rows is None else rows
    faults = _faults(arrays, labels)
    invalid = np.logical_or.reduce([np.zeros(count, bool), *(bad for _, bad in faults)])
    if faults and not drop:
        texts = "; ".join(f"{text} in {row_list(number[bad])}" for text, bad in faults)
        raise ValueError(
            f"{np.count_nonzero(invalid):,} of {count:,} rows cannot be used (drop_invalid=True "
            f"leaves them out): {texts}"
        )
    valid = ~invalid
    fields: dict[str, Any] = {}
    for name in QUANTITIES:
        array = arrays.get(name)
        if array is not None:
            column = array[valid] * scale if name == "loss" else array[valid]
            array = frozen(np.ascontiguousarray(column))
        fields[name] = array
    codes, names = (None, ()) if labels is None else renumbered(labels[0][valid], labels[1])
    return fields | {
        "run_codes": None if codes is None else frozen(codes),
        "run_names": names,
        "rows": frozen(number[valid].astype(np.int64)),
        "dropped": frozen(number[invalid].astype(np.int64)),
        "columns": dict(columns or {}),
        "notes": notes,
        "loss_unit": loss_unit,
        "cost": each,
    }


def _faults(
    arrays: Mapping[str, NDArray[np.float64]], labels: Labels | None
) -> list[tuple[str, NDArray[np.bool_]]]:
    """Return what is wrong with rows, in words, each with the rows where it is."""
    found = []
    for name, array in arrays.items():
        found.append((f"{name} is missing or not a number", np.isnan(array)))
        found.append((f"{name} is infinite", np.isposinf(array)))
        found.append((f"{name} is not positive", array <= 0))
        if name == "progress":
            found.append(("progress is above 1", (array > 1) & np.isfinite(array)))
    if labels is not None:
        found.append(("run has no name", labels[0] < 0))
    return [(text, bad) for text, bad in found if bad.any()]
