"""Files and data frames as tables of runs, each read by a library that knows the format."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._common.validation import boolean, describe, known_name
from .._common.validation import path as path_of
from ._checked_rows import REQUIRED, checked_fields
from ._columns import float_column, parsed_column, row_list, run_codes
from ._known_columns import Choice, choose

if TYPE_CHECKING:
    from .._common.annotations import FilePath

_DELIMITERS = ",\t;|"
# utf-8-sig handles that of UTF-8
_BYTE_ORDER_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


@dataclass(frozen=True)
class Source:
    """Named columns, however they came; `text` columns hold numbers as they were written."""

    name: str
    headings: list[str]
    column: Callable[[int], Any]
    length: int
    text: bool


def read(path: FilePath, **options: Any) -> dict[str, Any]:
    """Return the checked fields of a file; see `RunTable.read`."""
    file = Path(path_of("path", path))
    kind = file.suffix.lower()
    if kind not in _FILES:
        raise ValueError(f"path must end in {', '.join(_FILES)}, got {file.name!r}")
    return table_fields(_FILES[kind](file), **options)


def from_frame(frame: Any, **options: Any) -> dict[str, Any]:
    """Return the checked fields of a data frame; see `RunTable.from_frame`."""
    return table_fields(_frame_source(frame), **options)


def table_fields(
    source: Source,
    *,
    columns: Mapping[str, Any] | None,
    where: Mapping[str, Any] | None,
    loss_unit: str | None,
    cost: float,
    drop_invalid: bool,
) -> dict[str, Any]:
    """Return the checked fields of a table made of a source's columns."""
    drop_invalid = boolean("drop_invalid", drop_invalid)
    choices = choose(source.name, source.headings, columns)
    rows = _selected(source, where)
    arrays: dict[str, NDArray[np.float64]] = {}
    labels = None
    remarks = []
    for quantity, choice in list(choices.items()):
        values = source.column(source.headings.index(choice.column))
        if len(values) != source.length:
            raise ValueError(
                f"{quantity} must have one element a run, {source.length:,}, got {len(values):,}"
            )
        if quantity == "run":
            codes, names = run_codes("run", values)
            labels = codes[rows], names
            if not choice.asked and (labels[0] < 0).any():
                raise ValueError(
                    f"{source.name} names runs in column {choice.column!r}, but none in "
                    f"{row_list(rows[labels[0] < 0])}; columns={{'run': None}} takes every row "
                    "for a run of its own"
                )
            continue
        guessed = quantity not in REQUIRED and not choice.asked
        if choice.unknown_unit:
            remarks.append(
                f"the unit in {choice.column!r} is not understood: "
                + ("it was not taken" if guessed else "its numbers were taken as they stand")
            )
            if guessed:
                del choices[quantity]
                continue
        numbers, doubt = _tried(source, quantity, choice, values, rows, guessed, drop_invalid)
        if doubt:
            remarks.append(f"{choice.column!r} was not taken for {quantity}: {doubt}")
            del choices[quantity]
            continue
        arrays[quantity] = numbers
        remarks += _alternatives(source, quantity, choice, numbers, rows)
    unit = _loss_unit(choices["loss"], loss_unit)
    return checked_fields(
        arrays,
        labels,
        rows=rows,
        loss_unit=unit,
        cost=cost,
        drop_invalid=drop_invalid,
        columns={quantity: str(choice) for quantity, choice in choices.items()},
        notes=tuple(remarks),
    )


def _tried(
    source: Source,
    quantity: str,
    choice: Choice,
    values: Any,
    rows: NDArray[np.int64],
    guessed: bool,
    drop: bool,
) -> tuple[NDArray[np.float64], str]:
    """Return a column's numbers and, if only its name suggests it, why it is hardly meant."""
    try:
        numbers = _numbers(source, quantity, choice, values, rows, drop and not guessed)
    except (TypeError, ValueError):
        if not guessed:
            raise
        return np.zeros(0), "it does not hold numbers"
    gaps = np.isnan(numbers)
    return numbers, f"it is empty in {row_list(rows[gaps])}" if guessed and gaps.any() else ""


def _numbers(
    source: Source,
    quantity: str,
    choice: Choice,
    values: Any,
    rows: NDArray[np.int64],
    drop: bool = False,
) -> NDArray[np.float64]:
    name = f"{quantity} (column {choice.column!r} of {source.name})"
    if source.text:
        chosen = values if rows.size == source.length else [values[row] for row in rows.tolist()]
        numbers = parsed_column(name, chosen, rows, words_are_missing=drop)
    else:
        numbers = float_column(name, values)[rows]
    return numbers * choice.factor if choice.factor != 1 else numbers


def _alternatives(
    source: Source,
    quantity: str,
    choice: Choice,
    numbers: NDArray[np.float64],
    rows: NDArray[np.int64],
) -> Iterator[str]:
    """Say which other column might have been meant, if it holds other numbers."""
    for heading in choice.others:
        try:
            alternative = _numbers(
                source,
                quantity,
                Choice(heading),
                source.column(source.headings.index(heading)),
                rows,
            )
        except (TypeError, ValueError):  # a column without numbers is no alternative
            continue
        with np.errstate(all="ignore"):
            ratio = alternative / numbers
        if ratio.size and not np.isnan(ratio).all() and np.nanmax(np.abs(ratio - 1)) > 1e-6:
            low, high = np.nanmin(ratio), np.nanmax(ratio)
            yield (
                f"{quantity} is column {choice.column!r}; {heading!r}, {low:.3g} to {high:.3g} "
                "times that, might be meant as well"
            )


def _loss_unit(choice: Choice, asked: str | None) -> str:
    if choice.loss_unit and asked is not None and asked != choice.loss_unit:
        raise ValueError(
            f"loss_unit must be {choice.loss_unit!r}, as the heading {choice.column!r} says, got "
            f"{asked!r}"
        )
    return asked if asked is not None else choice.loss_unit or "nats"


def _selected(source: Source, where: Mapping[str, Any] | None) -> NDArray[np.int64]:
    """Rows whose columns have the values that `where` names."""
    if where is None:
        return np.arange(source.length)
    if not isinstance(where, Mapping):
        raise TypeError(
            f"where must be a dict from columns to the values wanted, got {describe(where)}"
        )
    chosen = np.ones(source.length, bool)
    for column, wanted in where.items():
        known_name(
            f"{source.name} has no column {column!r}, which where asks for; the columns there are",
            column,
            source.headings,
        )
        several = isinstance(wanted, Sequence) and not isinstance(wanted, str)
        values = {str(value) for value in (wanted if several else [wanted])}
        cells = [str(cell) for cell in source.column(source.headings.index(column))]
        chosen &= np.fromiter((cell in values for cell in cells), bool, source.length)
        if not values & set(cells):
            present = sorted(set(cells))
            known = ", ".join(map(repr, present[:12])) + (" ..." if len(present) > 12 else "")
            raise ValueError(
                f"no row of {source.name} has {column!r} = {wanted!r}; its values are "
                f"{known or 'none'}"
            )
    return np.flatnonzero(chosen)


def _csv_source(file: Path) -> Source:
    with file.open("rb") as opened:
        encoding = _BYTE_ORDER_MARKS.get(opened.read(2), "utf-8-sig")
    try:
        with file.open(encoding=encoding, newline="") as opened:
            first = opened.readline()
            opened.seek(0)
            delimiter = max(
                _DELIMITERS, key=lambda mark: len(next(csv.reader([first], delimiter=mark), []))
            )
            lines = csv.reader(opened, delimiter=delimiter)
            rows = [
                line for line in lines if line and (line[0].strip() or any(map(str.strip, line)))
            ]
    except (csv.Error, UnicodeError) as error:
        raise ValueError(f"{file.name} is not a table in CSV: {error}") from None
    if not rows:
        raise ValueError(f"{file.name} is empty; it should begin with a line of column names")
    headings = [heading.strip() for heading in rows.pop(0)]
    if set(map(len, rows)) - {len(headings)}:
        rows = [_whole_row(file.name, i, row, len(headings)) for i, row in enumerate(rows)]
    return Source(file.name, headings, lambda i: [row[i] for row in rows], len(rows), text=True)


def _whole_row(name: str, i: int, row: list[str], columns: int) -> list[str]:
    """Return a row with all its cells: a short one lacks the last, a long one has one too many."""
    if any(map(str.strip, row[columns:])):
        raise ValueError(f"{name} has {columns} columns, but {len(row)} in row {i}")
    return (row + [""] * columns)[:columns]


def _json_source(file: Path) -> Source:
    """One object a line, or one list of objects."""
    try:
        text = file.read_text(encoding="utf-8-sig")
        if text.lstrip().startswith("["):
            records = json.loads(text)
        else:
            records = [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file.name} is not JSON, one object a line: {error}") from None
    for i, record in enumerate(records):
        if not isinstance(record, dict):
            raise ValueError(
                f"{file.name} must hold one object a run, got {describe(record)} in row {i}"
            )
    headings = list(dict.fromkeys(key for record in records for key in record))
    if not headings:
        raise ValueError(f"{file.name} is empty; it should hold one object a run")
    return Source(
        file.name,
        headings,
        lambda i: [record.get(headings[i]) for record in records],
        len(records),
        text=True,
    )


def _parquet_source(file: Path) -> Source:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError(
            "reading Parquet needs PyArrow: pip install 'scalecore[frames]'"
        ) from error
    try:
        return _arrow_source(pyarrow.parquet.read_table(file), file.name)
    except pyarrow.ArrowInvalid as error:
        raise ValueError(f"{file.name} is not Parquet: {error}") from None


_FILES: dict[str, Callable[[Path], Source]] = {
    **dict.fromkeys((".csv", ".tsv", ".txt"), _csv_source),
    **dict.fromkeys((".jsonl", ".ndjson", ".json"), _json_source),
    **dict.fromkeys((".parquet", ".pq"), _parquet_source),
}


def _arrow_source(table: Any, name: str) -> Source:
    def column(i: int) -> Any:
        values = table.column(i)
        return (
            np.asarray(values)
            if values.null_count == 0
            else np.array(values.to_pylist(), dtype=object)
        )

    return Source(
        name, [str(heading) for heading in table.column_names], column, table.num_rows, text=False
    )


def _polars_column(series: Any) -> Any:
    """Return a column as NumPy has it; integers of 128 bits, which it has not, as objects."""
    if "128" in str(series.dtype):
        return np.array(series.to_list(), dtype=object)
    return series.to_numpy()


def _frame_source(frame: Any) -> Source:
    """Return the columns of whatever has named ones."""
    name = "the frame"
    if isinstance(frame, Mapping):
        keys = list(frame)
        for key in keys:
            if not np.iterable(frame[key]) or not hasattr(frame[key], "__len__"):
                raise TypeError(
                    f"frame must be a dict of columns, got {describe(frame[key])} as {key!r}"
                )
        length = len(frame[keys[0]]) if keys else 0
        return Source(
            name, [str(key) for key in keys], lambda i: frame[keys[i]], length, text=False
        )
    if isinstance(frame, np.ndarray) and frame.dtype.names and frame.ndim == 1:
        return Source(
            name,
            list(frame.dtype.names),
            lambda i: frame[frame.dtype.names[i]],
            frame.size,
            text=False,
        )
    module = type(frame).__module__.partition(".")[0]
    if module == "polars" and hasattr(frame, "collect"):
        frame = frame.collect()
    if module == "polars" and hasattr(frame, "to_series"):
        return Source(
            name,
            list(frame.columns),
            lambda i: _polars_column(frame.to_series(i)),
            frame.height,
            text=False,
        )
    if module == "pandas" and hasattr(frame, "iloc") and hasattr(frame, "columns"):
        return Source(
            name,
            [str(h) for h in frame.columns],
            lambda i: frame.iloc[:, i].to_numpy(),
            len(frame),
            text=False,
        )
    if hasattr(frame, "column_names") and hasattr(frame, "num_rows"):
        return _arrow_source(frame, name)
    if hasattr(frame, "__arrow_c_stream__") or hasattr(frame, "__dataframe__"):
        try:
            import pyarrow
            import pyarrow.interchange
        except ImportError as error:
            raise ImportError(
                f"reading a {type(frame).__name__} needs PyArrow: pip install 'scalecore[frames]'"
            ) from error
        by_stream = hasattr(frame, "__arrow_c_stream__")
        try:
            table = pyarrow.table(frame) if by_stream else pyarrow.interchange.from_dataframe(frame)
        except pyarrow.ArrowInvalid:  # one column is no table
            pass
        else:
            return _arrow_source(table, name)
    raise TypeError(
        "frame must be a table of pandas, polars or PyArrow or a dict of columns, got "
        f"{describe(frame)}"
    )
