"""The command that writes the report of a fitted law."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from ._options import NUMBERS, Axis, refuse_overwriting, unwritable
from ._planning_commands import LAW, law_in


@click.command("report", epilog=NUMBERS)
@LAW
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="HTML file to write.",
)
@click.option(
    "-C",
    "--budget",
    type=Axis("budget", exclusive=True),
    help="FLOPs; by default 10, 100 and 1000 times the largest run's.",
)
def report_command(law: Path, out: Path, budget: np.ndarray | None) -> None:
    """Write a page about the LAW that a file holds: answer, certainty, runs that decide, pictures.

    Example: scalecore report law.json --out report.html -C 1e23,1e24
    """
    if why := unwritable(out):
        raise click.UsageError(f"--out: {why}")
    refuse_overwriting(out, law)
    law_in(law).report(out, budget)
    click.echo(f"wrote {out}", err=True)
