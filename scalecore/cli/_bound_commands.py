"""Commands about bounds and the frontier that minimises them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np

from .. import (
    Status,
    closed_form_bound,
    compute_optimal,
    error_bound,
    estimation_bound,
    isoflop,
    misspecification_bound,
    occupancy,
    optimal_resolution,
)
from ..frontier._objectives import OBJECTIVES
from ._options import (
    BOUND,
    BUDGET,
    CONCENTRATION,
    COST,
    FORMAT,
    INPUT_DIM,
    MOST_UNITS,
    NUMBERS,
    ONE_CONCENTRATION,
    PLOT,
    REAL_INPUT_DIM,
    SAMPLES,
    WIDTH,
    Picture,
    Whole,
    grid,
    options,
)
from ._output import draw, show, write_csv
from ._spectral_commands import prepare, spectral_columns


@click.command(epilog=NUMBERS)
@options(WIDTH, SAMPLES, INPUT_DIM, CONCENTRATION)
@click.option(
    "--spectral",
    is_flag=True,
    help="Also the spectral bounds, and the refined one's strategy; whole d only.",
)
@options(MOST_UNITS, FORMAT)
def bound(
    width: np.ndarray,
    samples: np.ndarray,
    input_dim: np.ndarray,
    concentration: np.ndarray,
    spectral: bool,
    most_units: int,
    form: str,
) -> None:
    """Error bounds of a network of given width after given samples.

    Example: scalecore bound -n 1:1e4:5 -T 1e6 --spectral --most-units 256
    """
    point = grid(width, samples, input_dim, concentration)
    columns = dict(zip(("width", "samples", "input_dim", "concentration"), point, strict=True))
    columns |= {
        function.__name__: function(*point)
        for function in (
            error_bound,
            misspecification_bound,
            estimation_bound,
            optimal_resolution,
            closed_form_bound,
        )
    }
    columns["occupancy"] = occupancy(point[0], point[3])
    if spectral:
        prepare(input_dim, most_units)
        columns |= spectral_columns(*point)
    show(columns, form)


@click.command(epilog=NUMBERS)
@options(BUDGET, INPUT_DIM, CONCENTRATION, COST, BOUND)
@click.option("--integer", is_flag=True, help="Whole widths and samples, searched exactly.")
@options(MOST_UNITS, FORMAT, PLOT)
def frontier(
    budget: np.ndarray,
    input_dim: np.ndarray,
    concentration: np.ndarray,
    cost: float,
    bound: str,
    integer: bool,
    most_units: int,
    form: str,
    plot: Path | None,
) -> None:
    """Compute-optimal width and samples for each budget.

    Example: scalecore frontier -C 1e6:1e24:7 --cost 6 --plot frontier.png
    """
    if OBJECTIVES[bound].needs_table:
        prepare(input_dim, most_units)
    shape = (len(budget), len(input_dim), len(concentration))
    best = compute_optimal(
        budget[:, None, None],
        input_dim[None, :, None],
        concentration[None, None, :],
        cost=cost,
        bound=bound,
        integer=integer,
    )
    names = (
        "budget",
        "input_dim",
        "concentration",
        "width",
        "parameters",
        "samples",
        "error",
        "misspecification",
        "estimation",
    )
    columns: dict[str, Any] = {
        name: np.broadcast_to(getattr(best, name), shape).ravel()
        for name in (*names, "elasticity", "model_share")
    }
    columns["status"] = [Status(int(code)).name for code in best.status.ravel()]
    show(columns, form)
    draw(plot, best.plot)


def isoflop_columns(lines: Any) -> dict[str, np.ndarray]:
    """Columns of an IsoFlop, a row a point."""
    shape = lines.error.shape
    columns = {
        name: np.broadcast_to(np.asarray(getattr(lines.optimum, name))[..., None], shape)
        for name in ("budget", "input_dim", "concentration")
    }
    columns |= {name: getattr(lines, name) for name in ("width", "parameters", "samples", "error")}
    return {name: np.ravel(values) for name, values in columns.items()}


@click.command("isoflop", epilog=NUMBERS)
@options(BUDGET, INPUT_DIM, CONCENTRATION, COST, BOUND)
@click.option(
    "--points",
    type=Whole("points", 2, 10**6),
    default=25,
    show_default=True,
    help="Widths on each line.",
)
@options(MOST_UNITS, FORMAT, PLOT)
def isoflop_command(
    budget: np.ndarray,
    input_dim: np.ndarray,
    concentration: np.ndarray,
    cost: float,
    bound: str,
    points: int,
    most_units: int,
    form: str,
    plot: Path | None,
) -> None:
    """Bound along lines of equal compute.

    Example: scalecore isoflop -C 1e6,1e9 --points 9
    """
    flat = grid(budget, input_dim, concentration)
    if OBJECTIVES[bound].needs_table:
        prepare(input_dim, most_units)
    show(isoflop_columns(isoflop(*flat, cost=cost, bound=bound, points=points)), form)
    draw(plot, lambda: isoflop(*flat, cost=cost, bound=bound).plot())


@click.command("figure1")
@options(REAL_INPUT_DIM, ONE_CONCENTRATION, COST)
@click.option(
    "--out",
    type=Picture(),
    default="figure1.png",
    show_default=True,
    help="Picture to write; its numbers go beside it as .csv.",
)
def figure1_command(input_dim: float, concentration: float, cost: float, out: Path) -> None:
    """Figure 1 of the paper: isoFLOP curves of the bound, and the compute-optimal frontier.

    Example: scalecore figure1 --out figure1.png
    """
    from ..plotting import figure1, save

    try:
        figure, lines, best = figure1(input_dim, concentration, cost=cost)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    curves = isoflop_columns(lines)
    names = ("budget", "input_dim", "concentration", "width", "parameters", "samples", "error")
    panels = {"isoflop": curves}
    for panel, optimum in (("isoflop_optimum", lines.optimum), ("frontier", best)):
        panels[panel] = {name: np.ravel(getattr(optimum, name)) for name in names}
    columns: dict[str, Any] = {
        "panel": [panel for panel, part in panels.items() for _ in part["width"]]
    }
    columns |= {name: np.concatenate([part[name] for part in panels.values()]) for name in names}
    numbers = out.with_suffix(".csv")
    save(figure, out)
    with numbers.open("w", newline="") as file:
        write_csv(columns, file)
    click.echo(f"wrote {out} and {numbers}")
