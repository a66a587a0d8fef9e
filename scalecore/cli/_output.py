"""What the commands print and draw: columns as a table, CSV or JSON, and pictures."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

import click
import numpy as np

Columns = Mapping[str, Any]
_ROWS = 10_000  # that are text at a time


def plain(value: Any) -> Any:
    """Give a number as JSON and CSV want it: None for NaN, int where it is whole by nature."""
    if isinstance(value, (np.integer, str)):
        return value if isinstance(value, str) else int(value)
    return float(value) if np.isfinite(value) else None


def write_csv(columns: Columns, file: TextIO, header: bool = True) -> None:
    """Write columns as CSV; numbers to all their digits, NaN as an empty field."""
    writer = csv.writer(file, lineterminator="\n")
    if header:
        writer.writerow(columns)
    for row in zip(*columns.values(), strict=True):
        writer.writerow(
            ""
            if (value := plain(item)) is None
            else value
            if isinstance(value, str)
            else repr(value)
            for item in row
        )


def pieces(columns: Columns) -> Iterator[list[tuple[Any, ...]]]:
    """Rows of columns, some at a time: as text they take many times their memory."""
    columns = {name: np.asarray(values) for name, values in columns.items()}
    for first in range(0, len(next(iter(columns.values()), ())), _ROWS):
        parts = (values[first : first + _ROWS] for values in columns.values())
        yield list(zip(*parts, strict=True))


def table(columns: Columns) -> Iterator[str]:
    """Format columns for reading, aligned, six digits: some lines at a time."""
    widths = [len(name) for name in columns]
    for rows in pieces(columns):
        for row in rows:
            widths = [max(w, len(_cell(item))) for w, item in zip(widths, row, strict=True)]
    yield "  ".join(name.rjust(width) for name, width in zip(columns, widths, strict=True))
    for rows in pieces(columns):
        yield "\n".join(
            "  ".join(_cell(item).rjust(width) for item, width in zip(row, widths, strict=True))
            for row in rows
        )


def _cell(item: Any) -> str:
    return item if isinstance(item, str) else f"{item:.6g}"


def show(columns: Columns, form: str) -> None:
    """Print columns in the chosen format."""
    if form == "json":
        click.echo("[", nl=False)
        for number, rows in enumerate(pieces(columns)):
            some = [dict(zip(columns, map(plain, row), strict=True)) for row in rows]
            click.echo("," * bool(number) + json.dumps(some, indent=1)[1:-2], nl=False)
        click.echo("\n]" if len(next(iter(columns.values()), ())) else "]")
    elif form == "csv":
        for number, rows in enumerate(pieces(columns)):
            text = io.StringIO()
            part = dict(zip(columns, zip(*rows, strict=True), strict=True))
            write_csv(part, text, header=not number)
            click.echo(text.getvalue(), nl=False)
    else:
        for lines in table(columns):
            click.echo(lines)


def draw(path: Path | None, plot: Callable[[], Any]) -> None:
    """Draw into a file, if one was asked for."""
    if path is not None:
        from ..plotting import save

        save(plot().figure, path)
        click.echo(f"wrote {path}", err=True)
