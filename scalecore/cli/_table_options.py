"""How commands read a table of training runs: which file, which columns, which rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ..fitting._run_table import RunTable
from ._options import options

TABLE_FILE = click.Path(dir_okay=False, path_type=Path)
RUNS = click.argument("runs", type=TABLE_FILE)
READING = options(
    click.option(
        "--column",
        "columns",
        multiple=True,
        metavar="QUANTITY=NAME",
        help="Which column holds parameters, samples, loss, compute, unique_samples, run or "
        "weight, if its name does not say; may be given several times.",
    ),
    click.option(
        "--where",
        multiple=True,
        metavar="COLUMN=VALUE",
        help="Only rows with this value; may be given several times.",
    ),
    click.option(
        "--loss-unit",
        type=click.Choice(["nats", "bits"]),
        help="Of the loss; by default what its heading says, else nats.",
    ),
    click.option("--drop-invalid", is_flag=True, help="Leave out rows that cannot be used."),
)


def read_runs(
    file: Path, columns: Sequence[str], where: Sequence[str], loss_unit: str | None, drop: bool
) -> RunTable:
    """Return the table that a command's options ask for."""
    if not file.exists():
        raise click.UsageError(f"{str(file)!r} does not exist")
    try:
        table = RunTable.read(
            file,
            columns=_pairs("--column", columns) or None,
            where=_pairs("--where", where) or None,
            loss_unit=loss_unit,
            drop_invalid=drop,
        )
    except ValueError as error:
        raise ValueError(as_options(str(error))) from error
    if len(table) == 0:
        dropped = " that --drop-invalid keeps" if drop else ""
        raise click.UsageError(f"{file.name} has names of columns, but no run{dropped}")
    for note in table.notes:
        click.echo(f"note: {as_options(note)}", err=True)
    return table


_AS_OPTIONS = (  # how a message advises in Python, and on the command line
    (r"columns=\{'(\w+)': None\}", r"leaving out --column \1"),
    (r"columns=\{'(\w+)': \.\.\.\}", r"--column \1=NAME"),
    (r"columns=\{'(\w+)': '([^']*)'\}", r"--column '\1=\2'"),
    (r"columns\['(\w+)'\]", r"--column \1"),
    (r"\bcolumns=", "--column"),
    (r"drop_invalid=True", "--drop-invalid"),
    (r"\bloss_unit=", "--loss-unit"),
    (r'form="(\w+)"', r"--form \1"),
    (r"which where asks for", "which --where asks for"),
)


def as_options(text: str) -> str:
    """Return a message with a command's options instead of a function's arguments."""
    for python, shell in _AS_OPTIONS:
        text = re.sub(python, shell, text)
    return text


def _pairs(option: str, given: Sequence[str]) -> dict[str, Any]:
    pairs = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name or not value:
            raise click.UsageError(f"{option} must be like name=value, got {text!r}")
        pairs[name.strip()] = value.strip()
    return pairs
