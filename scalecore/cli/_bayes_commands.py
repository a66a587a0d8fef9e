"""The command that says what the best possible learner reaches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np

from .. import BayesErrorInterrupted, NetworkPrior, bayes_error
from ._options import (
    FORMAT,
    NUMBERS,
    ONE_CONCENTRATION,
    PLOT,
    SEED,
    WHOLE_INPUT_DIM,
    Number,
    Whole,
    Widths,
    on_terminal,
    options,
)
from ._output import draw, show


@click.command("bayes", epilog=NUMBERS)
@options(WHOLE_INPUT_DIM, ONE_CONCENTRATION)
@click.option(
    "-T",
    "--samples",
    type=Widths("samples", 1),
    default="100,1000",
    show_default=True,
    help="Numbers of samples, rounded to whole numbers.",
)
@click.option(
    "--replicates",
    type=Whole("replicates", 2),
    default=32,
    show_default=True,
    help="Networks with a history (with --rtol, the fewest).",
)
@click.option(
    "--states",
    type=Whole("states", 2),
    default=64,
    show_default=True,
    help="States of each chain; the sides differ by some 2/states.",
)
@click.option(
    "--side",
    type=click.Choice(["both", "lower", "upper"]),
    default="both",
    show_default=True,
    help="Which side is wanted.",
)
@click.option(
    "--rtol",
    type=Number("rtol", exclusive=True),
    help="Go on until every relative standard error is below this.",
)
@SEED
@options(FORMAT, PLOT)
def bayes_command(
    input_dim: int,
    concentration: float,
    samples: np.ndarray,
    replicates: int,
    states: int,
    side: str,
    rtol: float | None,
    seed: int | None,
    form: str,
    plot: Path | None,
) -> None:
    """Estimate the error of the best possible learner from below and from above, by simulation.

    Example: scalecore bayes -d 10 -K 100 -T 1e2:1e4:5 --plot best.png
    """
    stopped = False
    try:
        found = bayes_error(
            NetworkPrior(input_dim, concentration),
            samples,
            replicates=replicates,
            states=states,
            side=side,
            rtol=rtol,
            rng=seed,
            progress=on_terminal(),
        )
    except BayesErrorInterrupted as error:
        found, stopped = error.result, True
        click.echo(f"note: {error}", err=True)
    columns: dict[str, Any] = {"samples": found.samples}
    for side in ("lower", "upper"):
        for name in (side, f"{side}_std_error", f"{side}_source"):
            columns[name] = getattr(found, name)
    show(columns, form)
    draw(plot, found.plot)
    if stopped:
        raise click.exceptions.Abort
