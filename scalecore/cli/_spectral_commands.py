"""The commands about spectral bounds: spectrum and figure2, and what the others need of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np

from .._common.validation import parse_axis
from ..frontier import Frontier, Status
from ..network import NetworkPrior
from ..spectral import (
    bayes_error_bound,
    bayes_error_lower_bound,
    refined_bound,
    spectral_bound,
    spectral_terms,
    spectrum,
)
from ..spectral._table_lookup import dims_with_tables, tables_for
from ..training import EmpiricalFrontier, EmpiricalStatus, TrainingRuns, train
from ._options import (
    COST,
    FORMAT,
    MOST_UNITS,
    PLOT,
    SEED,
    Number,
    Picture,
    Whole,
    learning,
    on_terminal,
    options,
    whole_samples,
)
from ._output import draw, show, write_csv

_WIDTHS = "1:64:13"  # of figure2 --train
_REPEATS = 8


def prepare(input_dims: np.ndarray, most_units: int) -> None:
    """Build the tables of the dimensions that have one, with a bar on a terminal; say which have
    none.
    """
    tables_for(input_dims, most_units, progress=on_terminal())
    tell_dims_without(input_dims)


def tell_dims_without(input_dims: np.ndarray) -> None:
    """Say which dimensions have no table, hence no spectral bound."""
    without = np.setdiff1d(input_dims, dims_with_tables(input_dims))
    if without.size:
        values = ", ".join(f"{d:g}" for d in without[:5])
        click.echo(
            f"note: spectral bounds are for whole input_dim up to 1e15; none for {values}", err=True
        )


def spectral_columns(
    width: Any, samples: Any, input_dim: Any, concentration: Any
) -> dict[str, Any]:
    """Columns that --spectral adds to the command bound."""
    point = (width, samples, input_dim, concentration)
    with np.errstate(invalid="ignore"):  # prepare has told
        columns = {
            function.__name__: function(*point) for function in (spectral_bound, refined_bound)
        }
        columns["bayes_error_bound"] = bayes_error_bound(samples, input_dim)
        columns["bayes_error_lower_bound"] = bayes_error_lower_bound(*point[1:])
        return columns | {"strategy": spectral_terms(*point, strategies="all").strategy}


@click.command("spectrum")
@click.option(
    "-d",
    "--input-dim",
    type=Whole("input_dim", 1, 10**15),
    default=10,
    show_default=True,
    help="Input dimension d.",
)
@click.option(
    "--degrees",
    type=Whole("degrees", 1, 10**5),
    default=12,
    show_default=True,
    help="How many degrees: 0, 1, 2, 4, 6, and so on.",
)
@options(FORMAT, PLOT)
def spectrum_command(input_dim: int, degrees: int, form: str, plot: Path | None) -> None:
    """Eigenvalues of the infinite-width network's covariance: how much of its variance each degree
    carries.

    Example: scalecore spectrum -d 10 --degrees 8 --plot spectrum.png
    """
    found = spectrum(input_dim, degrees=degrees)
    show(
        {
            name: getattr(found, name)
            for name in ("degree", "eigenvalue", "multiplicity", "mass", "tail")
        },
        form,
    )
    draw(plot, found.plot)


@click.command("figure2")
@click.option(
    "-d",
    "--input-dim",
    type=Whole("input_dim", 1, 10**15),
    show_default="that of --runs, or 10",
    help="Input dimension d.",
)
@click.option(
    "-K",
    "--concentration",
    type=Number("concentration", exclusive=True),
    show_default="that of --runs, or 100",
    help="Concentration K.",
)
@COST
@click.option(
    "--runs",
    "stored",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Runs that `scalecore train --out` saved.",
)
@click.option(
    "--train",
    "samples",
    type=Number("train", 1),
    help="Train a quick set of networks on so many samples.",
)
@SEED
@MOST_UNITS
@click.option(
    "--out",
    type=Picture(),
    default="figure2.png",
    show_default=True,
    help="Picture to write; its numbers go beside it as .csv.",
)
def figure2_command(
    input_dim: int | None,
    concentration: float | None,
    cost: float,
    stored: Path | None,
    samples: float | None,
    seed: int | None,
    most_units: int,
    out: Path,
) -> None:
    """Least error and best width for each budget: by every bound, and as trained.

    Example: scalecore figure2 -d 10 -K 100 --train 1e5 --most-units 256 --out figure2.png
    """
    from ..plotting import figure2, save

    if stored is not None and samples is not None:
        raise click.UsageError("--runs and --train exclude each other")
    total = None if samples is None else whole_samples(samples)
    try:
        runs = None if stored is None else TrainingRuns.load(stored)
        prior = runs.prior if runs is not None and runs.prior else NetworkPrior(10, 100.0)
        d, K = input_dim or prior.input_dim, concentration or prior.concentration
        if total is not None:
            runs = _quick(NetworkPrior(d, K), total, seed)
        prepare(np.array([float(d)]), most_units)
        figure, frontiers, trained = figure2(d, K, cost=cost, runs=runs)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    numbers = out.with_suffix(".csv")
    save(figure, out)
    with numbers.open("w", newline="") as file:
        write_csv(_numbers(frontiers, trained), file)
    click.echo(f"wrote {out} and {numbers}")


def _quick(prior: NetworkPrior, samples: int, seed: int | None) -> TrainingRuns:
    return train(
        prior,
        np.unique(np.rint(parse_axis("widths", _WIDTHS))),
        samples,
        **learning("sgd", None),
        repeats=_REPEATS,
        rng=seed,
        progress=on_terminal(),
    )


def _numbers(frontiers: dict[str, Frontier], trained: EmpiricalFrontier | None) -> dict[str, Any]:
    """Columns of figure2's numbers, a row for each budget of each line."""
    values = ("budget", "width", "parameters", "samples", "error")
    intervals = ("width_low", "width_high", "error_low", "error_high")
    parts: list[dict[str, Any]] = []
    for bound, best in frontiers.items():
        part = {name: getattr(best, name) for name in values} | {
            name: np.full(best.shape, np.nan) for name in intervals
        }
        parts.append(
            part
            | {
                "line": [bound] * best.width.size,
                "status": [Status(int(code)).name for code in best.status],
            }
        )
    if trained is not None:
        part = {name: getattr(trained, name) for name in values}
        part |= dict(
            zip(intervals, (*trained.width_interval.T, *trained.error_interval.T), strict=True)
        )
        names = [EmpiricalStatus(int(code)).name for code in trained.status]
        parts.append(
            part | {"line": [f"trained ({trained.optimizer})"] * len(names), "status": names}
        )
    one = next(iter(frontiers.values()))
    columns: dict[str, Any] = {
        name: np.concatenate([part[name] for part in parts]).tolist() for name in parts[0]
    }
    rows = len(columns["line"])
    law = {
        "input_dim": [float(one.input_dim.flat[0])] * rows,
        "concentration": [float(one.concentration.flat[0])] * rows,
    }
    return (
        {"line": columns["line"]}
        | law
        | {name: columns[name] for name in (*values, *intervals, "status")}
    )
