"""Columns from anywhere as float64 or as run numbers; what is missing in them is NaN, or -1."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._common.validation import describe

_MISSING_TEXT = frozenset({"", "-", "na", "n/a", "<na>", "nan", "null", "none"})
_SUFFIXES = {"k": "e3", "m": "e6", "b": "e9", "g": "e9", "t": "e12"}
_MOST_NAMED = 10  # a message names up to so many row numbers


def is_missing(item: object) -> bool:
    """Whether an element stands for nothing: None, NaN, NA, NaT, masked, an empty text."""
    if item is None or item is np.ma.masked or type(item).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(item, str):
        return not item.strip()
    return isinstance(item, (float, np.floating)) and bool(item != item)


def one_dimensional(name: str, values: Any) -> NDArray[Any]:
    """Return `values` as an array with one axis."""
    try:
        array = np.asarray(values)
    except ValueError as error:  # elements of different lengths
        raise ValueError(f"{name} is not an array: {error}") from None
    except UserWarning:  # what is masked in a list, where warnings are errors
        array = np.asarray(values, dtype=object)
    if array.ndim != 1:
        raise ValueError(
            f"{name} must be one-dimensional, one element a run, got {describe(values)}"
        )
    return array


def float_column(name: str, values: Any) -> NDArray[np.float64]:
    """Return numbers as a new float64 array: NaN where missing, infinite where too large."""
    array = one_dimensional(name, values)
    if array.dtype.kind in "iuf":
        with np.errstate(over="ignore"):
            out = np.array(array, np.float64, order="C")
        if isinstance(values, np.ma.MaskedArray):
            out[np.ma.getmaskarray(values)] = np.nan
        return out
    if array.dtype != object and array.size:
        raise TypeError(f"{name} must be real numbers, got {describe(values)}")
    out = np.empty(array.size)
    for i, item in enumerate(array.tolist()):
        if is_missing(item):
            out[i] = np.nan
        elif isinstance(item, (numbers.Real, Decimal)) and not isinstance(
            item, (bool, np.timedelta64)
        ):
            out[i] = _double(item)
        else:
            raise TypeError(f"{name} must be real numbers, got {describe(item)} in row {i}")
    if isinstance(values, np.ma.MaskedArray):
        out[np.ma.getmaskarray(values)] = np.nan
    return out


def _double(item: Any) -> float:
    try:
        return float(item)
    except OverflowError:  # a whole number beyond every double
        return float("inf") if item > 0 else float("-inf")


def parsed_column(
    name: str, cells: Sequence[Any], rows: NDArray[np.int64], *, words_are_missing: bool = False
) -> NDArray[np.float64]:
    """Return the numbers in cells of a text file; `rows` are where they stand, for the message.

    A cell without any digit, such as "diverged", may count as missing; "7B" is a number that was
    written wrongly, and is refused.
    """
    try:
        return np.fromiter(cells, dtype=object, count=len(cells)).astype(np.float64)
    except (TypeError, ValueError, OverflowError):  # some cells are empty, or not numbers
        return np.array(
            [
                float("nan") if words_are_missing and _is_word(cell) else _parsed(name, cell, row)
                for cell, row in zip(cells, rows.tolist(), strict=True)
            ],
            np.float64,
        )


def _is_word(cell: Any) -> bool:
    """Whether a cell is a text that holds no number: without digits, and no infinity."""
    if not isinstance(cell, str) or any(map(str.isdigit, cell)):
        return False
    return cell.strip().lower().lstrip("+-") not in ("inf", "infinity")


def _parsed(name: str, cell: Any, row: int) -> float:
    if is_missing(cell) or (isinstance(cell, str) and cell.strip().lower() in _MISSING_TEXT):
        return float("nan")
    try:
        if isinstance(cell, (str, int, float)) and not isinstance(cell, bool):
            return float(cell)
    except ValueError:
        pass
    except OverflowError:
        return _double(cell)
    hint = "; drop_invalid=True leaves it out" if _is_word(cell) else _hint(cell)
    raise ValueError(f"{name} must be numbers, got {describe(cell)} in row {row}{hint}")


def _hint(cell: Any) -> str:
    """Say how to write what is probably meant; not to guess at it is safer."""
    text = cell.strip().lower() if isinstance(cell, str) else ""
    if text[:-1] and text[-1] in _SUFFIXES and text[:-1].replace(".", "", 1).strip().isdigit():
        return f"; write {text[:-1].strip()}{_SUFFIXES[text[-1]]}"
    plain = text.replace(",", "").replace(" ", "").replace("'", "")
    return (
        f"; write {plain}"
        if plain and plain != text and plain.replace(".", "", 1).isdigit()
        else ""
    )


def run_codes(name: str, values: Any) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return each row's run as a number, from 0 as they appear, or -1 for none; and their names."""
    array = one_dimensional(name, values)
    items = array.tolist()
    seen: dict[Any, int] = {}
    try:
        codes = np.fromiter(
            (seen.setdefault(item, len(seen)) for item in items), np.int64, len(items)
        )
    except TypeError:
        raise TypeError(
            f"{name} must be names or numbers of runs, got {describe(values)}"
        ) from None
    masked = (
        np.ma.getmaskarray(values)
        if isinstance(values, np.ma.MaskedArray)
        else np.zeros(len(items), bool)
    )
    missing = np.fromiter((is_missing(item) for item in seen), bool, len(seen))
    codes[(missing[codes] if len(seen) else masked) | masked] = -1
    names = [
        f"{item:.0f}"
        if isinstance(item, float) and item.is_integer() and abs(item) < 2**53
        else str(item)
        for item in seen
    ]
    return renumbered(codes, names)


def renumbered(
    codes: NDArray[np.int64], names: Sequence[str]
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return codes from 0 again for the runs that are left, in the same order; -1 stays."""
    present = np.zeros(len(names), bool)
    present[codes[codes >= 0]] = True
    place = np.append(np.cumsum(present) - 1, -1)  # the last one is for code -1
    return place[codes].astype(np.int64), tuple(
        name for name, used in zip(names, present, strict=True) if used
    )


def row_list(rows: Iterable[int]) -> str:
    """Name rows: ``row 3``, ``rows 3, 5, 8`` or the first ten and how many more."""
    numbers_ = [int(row) for row in rows]
    unnamed = len(numbers_) - _MOST_NAMED
    text = ", ".join(map(str, numbers_[:_MOST_NAMED])) + (
        f" and {unnamed:,} more" if unnamed > 0 else ""
    )
    return f"row{'s' if len(numbers_) != 1 else ''} {text}"
