"""The commands about stores: sweep, info and plot."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, nullcontext
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import click
import numpy as np

from ..frontier._objectives import OBJECTIVES
from ..sweeps import Sweep, sweep
from ..sweeps._tasks import POINT, TASKS
from ._options import (
    BOUND,
    BUDGET,
    CONCENTRATION,
    COST,
    INPUT_DIM,
    MEASURING,
    NUMBERS,
    TRAINING,
    Axis,
    Picture,
    Whole,
    learning,
    on_terminal,
    options,
    whole_samples,
)
from ._spectral_commands import tell_dims_without

STORE = click.argument("store", type=click.Path(path_type=Path))
OUT = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Zarr store; an old one is continued.",
)
WORKERS = click.option(
    "--workers", type=Whole("workers"), help="Processes; by default one, with all its threads."
)
CHUNK = click.option(
    "--chunk",
    type=Whole("chunk"),
    help="Length of a chunk along the first axis with several values.",
)


_DEAF = (
    signal.signal,
    (signal.SIGINT, signal.SIG_IGN),
)  # workers: Ctrl-C in a terminal reaches them too, but one process answers


@contextmanager
def ended_at_once(pool: ProcessPoolExecutor | None) -> Iterator[None]:
    """End a pool's workers on Ctrl-C: it would wait for their chunks, and a sweep may be killed at
    any time.
    """
    try:
        yield
    except KeyboardInterrupt:
        for process in list((getattr(pool, "_processes", None) or {}).values()):
            process.terminate()
        raise


def run_sweep(
    task: str,
    grid: dict[str, Any],
    out: Path,
    workers: int | None,
    chunk: int | None,
    **arguments: Any,
) -> None:
    """Run a sweep for the command line, and say what became of it."""
    axes = {
        name: values if np.size(values) > 1 else float(np.ravel(values)[0])
        for name, values in grid.items()
    }
    long = [name for name, values in axes.items() if np.ndim(values)]
    chunks = {long[0]: chunk} if chunk and long else None
    pool = (
        nullcontext()
        if workers is None
        else ProcessPoolExecutor(workers, get_context("spawn"), *_DEAF)
    )
    try:
        with pool as executor, ended_at_once(executor):
            done = sweep(
                task,
                axes,
                out,
                chunks=chunks,
                executor=executor,
                progress=on_terminal(),
                **arguments,
            )
    except (ValueError, TypeError) as error:
        raise click.UsageError(str(error)) from None
    except KeyboardInterrupt:
        click.echo("\nscalecore: finished chunks are kept; the same command continues", err=True)
        raise click.exceptions.Abort from None
    click.echo(repr(done), err=True)


@click.group("sweep")
def sweep_group() -> None:
    """Compute a big grid into a Zarr store, chunk by chunk; run the same command again to continue.

    Example: scalecore sweep frontier -C 1e6:1e24:1000 -d 1:1000:20 --out sweep.zarr, then
    scalecore info sweep.zarr
    """


@sweep_group.command("frontier", epilog=NUMBERS)
@options(BUDGET, INPUT_DIM, CONCENTRATION, COST, BOUND)
@click.option("--integer", is_flag=True, help="Whole widths and samples, searched exactly.")
@options(OUT, WORKERS, CHUNK)
def sweep_frontier(
    budget: np.ndarray,
    input_dim: np.ndarray,
    concentration: np.ndarray,
    cost: float,
    bound: str,
    integer: bool,
    out: Path,
    workers: int | None,
    chunk: int | None,
) -> None:
    """Compute-optimal width and samples over budgets, input dimensions and concentrations.

    Example: scalecore sweep frontier -C 1e6:1e24:1000 -d 1:1000:20 -K 1:1e4:20 --out sweep.zarr
    """
    if OBJECTIVES[bound].needs_table:
        tell_dims_without(input_dim)
    grid = {"budget": budget, "input_dim": input_dim, "concentration": concentration, "cost": cost}
    run_sweep("compute_optimal", grid, out, workers, chunk, bound=bound, integer=integer)


@sweep_group.command("bound", epilog=NUMBERS)
@click.option("-n", "--width", type=Axis("width", 1), help="Hidden units n, where they matter.")
@click.option("-T", "--samples", type=Axis("samples", 1), help="Training samples T, likewise.")
@options(INPUT_DIM, CONCENTRATION)
@click.option(
    "--quantity",
    type=click.Choice([name for name, task in TASKS.items() if set(task.axes) <= set(POINT)]),
    default="error_bound",
    show_default=True,
    help="What to compute.",
)
@options(OUT, WORKERS, CHUNK)
def sweep_bound(
    width: np.ndarray | None,
    samples: np.ndarray | None,
    input_dim: np.ndarray,
    concentration: np.ndarray,
    quantity: str,
    out: Path,
    workers: int | None,
    chunk: int | None,
) -> None:
    """Error bounds over widths, samples, input dimensions and concentrations.

    Example: scalecore sweep bound -n 1:1e6:1000 -T 1e3:1e12:1000 --out bound.zarr
    """
    if TASKS[quantity].needs_tables({}):
        tell_dims_without(input_dim)
    grid = {
        "width": width,
        "samples": samples,
        "input_dim": input_dim,
        "concentration": concentration,
    }
    needed = TASKS[quantity].axes
    for name, option in (("width", "-n"), ("samples", "-T")):
        if (grid[name] is None) == (name in needed):
            wanted = "needs" if name in needed else "has no use for"
            raise click.UsageError(f"{quantity} {wanted} the option {option} / --{name}")
    run_sweep(quantity, {name: grid[name] for name in needed}, out, workers, chunk)


@sweep_group.command("misspecification", epilog=NUMBERS)
@options(INPUT_DIM, CONCENTRATION, MEASURING, OUT, WORKERS, CHUNK)
def sweep_misspecification(
    input_dim: np.ndarray,
    concentration: np.ndarray,
    widths: np.ndarray,
    networks: int,
    inputs: int,
    seed: int | None,
    dtype: str,
    rtol: float | None,
    out: Path,
    workers: int | None,
    chunk: int | None,
) -> None:
    """Misspecification of width-n networks by simulation, over input dimensions and concentrations.

    Example: scalecore sweep misspecification -d 2,10 -K 1:1000:7 -n 1:1e4:9 --seed 1 --out kl.zarr
    """
    grid = {"input_dim": input_dim, "concentration": concentration}
    measured = {
        "widths": widths,
        "networks": networks,
        "inputs": inputs,
        "dtype": dtype,
        "rtol": rtol,
    }
    run_sweep("misspecification", grid, out, workers, chunk, rng=seed, **measured)


@sweep_group.command("train", epilog=NUMBERS)
@options(INPUT_DIM, CONCENTRATION, TRAINING, OUT, WORKERS, CHUNK)
def sweep_train(
    input_dim: np.ndarray,
    concentration: np.ndarray,
    widths: np.ndarray,
    samples: float,
    rates: np.ndarray | None,
    repeats: int,
    optimizer: str,
    seed: int | None,
    dtype: str,
    out: Path,
    workers: int | None,
    chunk: int | None,
) -> None:
    """Train networks on the theory's data, over input dimensions and concentrations.

    Example: scalecore sweep train -d 2,10 -K 1,10,100 -n 1:64:7 -T 1e5 --seed 1 --out train.zarr
    """
    grid = {"input_dim": input_dim, "concentration": concentration}
    trained = {"widths": widths, "samples": whole_samples(samples)} | learning(optimizer, rates)
    run_sweep("train", grid, out, workers, chunk, rng=seed, repeats=repeats, dtype=dtype, **trained)


def loaded(store: Path) -> Sweep:
    """Open a store, or say in one line why not."""
    try:
        return Sweep.load(store)
    except (FileNotFoundError, ValueError) as error:
        raise click.UsageError(str(error)) from None


@click.command("info")
@STORE
def info(store: Path) -> None:
    """Say what a store holds and how complete it is.

    Example: scalecore info sweep.zarr
    """
    from ..sweeps._store import stored_plan

    what, plan = loaded(store), stored_plan(store)
    size = sum(file.stat().st_size for file in store.rglob("*") if file.is_file())
    share = what.finished / what.chunks if what.chunks else 1.0
    click.echo(f"{plan['task']}, by scalecore {plan['scalecore']}")
    for name, values in plan["axes"].items():
        several = name in plan["shape"]
        text = (
            f"{values['count']} values from {values['least']:g} to {values['most']:g}"
            if several
            else f"{values:g}"
        )
        click.echo(
            f"  {name}: {text}{', in chunks of ' + str(plan['chunks'][name]) if several else ''}"
        )
    for name, value in plan["options"].items():
        click.echo(f"  {name} = {value}")
    if plan["seed"] is not None:
        click.echo(f"  seed = {plan['seed']}")
    click.echo(f"variables: {', '.join(plan['variables'])}")
    click.echo(
        f"finished: {what.finished} of {what.chunks} chunks ({share:.1%}), {size / 1e6:.4g} MB"
    )


@click.command("plot")
@STORE
@click.option(
    "--out", type=Picture(), default="sweep.png", show_default=True, help="Picture to write."
)
def plot(store: Path, out: Path) -> None:
    """Draw a swept frontier: its families, the model's share over d and K, and the elasticity.

    Example: scalecore plot sweep.zarr --out sweep.png
    """
    from .._views.sweep_plots import plot_sweep
    from ..plotting import save

    try:
        figure = plot_sweep(loaded(store))
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    save(figure, out)
    click.echo(f"wrote {out}", err=True)
