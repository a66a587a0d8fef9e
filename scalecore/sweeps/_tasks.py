"""What can be swept: for each task its axes, its options, its outputs, and how a block of the grid
is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import bounds
from .._common.quantities import COORDINATES
from .._common.validation import describe, known_name, positive_array, whole_numbers
from ..fitting._fitted_law import FittedLaw
from ..frontier import compute_optimal
from ..frontier._objectives import OBJECTIVES
from ..network import NetworkPrior, misspecification
from ..network._misspecification import check_misspecification
from ..planning._plan import Plan, plan
from ..posterior import bayes_error
from ..posterior._bayes_error import check_bayes_error
from ..spectral import bayes_error_bound, bayes_error_lower_bound
from ..training import train
from ..training._plan import default_checkpoints, plan_training

Block = Mapping[str, NDArray[Any]]
Outputs = Callable[[str], NDArray[Any]]

AXES = COORDINATES | {  # name: (long name, units)
    "width": ("hidden units", "1"),
    "samples": ("training samples", "1"),
    "learning_rate": ("learning rate", "1"),
    "repeat": ("repeat", "1"),
    "training_budget": ("compute budget for training", "FLOP"),
    "total_budget": ("compute budget for training and inference", "FLOP"),
    "loss": ("loss to reach", "the law's"),
    "inference_samples": ("samples asked for", "1"),
    "max_parameters": ("largest number of parameters", "1"),
    "max_samples": ("largest number of training samples", "1"),
    "unique_samples": ("different training samples", "1"),
    "training_cost": ("compute per parameter and sample trained on", "FLOP"),
    "inference_cost": ("compute per parameter and sample asked for", "FLOP"),
}


@dataclass(frozen=True)
class Output:
    """One variable of the store."""

    long_name: str
    units: str
    dtype: str = "f8"
    extra: tuple[str, ...] = ()  # dimensions after those of the grid


@dataclass(frozen=True)
class Task:
    """One call of the library over a grid.

    `compute(block, options, keys, n_threads)` returns a function from an output's name to its
    values on a block of the grid: `block` holds each axis shaped to broadcast, `keys` a
    SeedSequence for each point in C order (None where nothing is random). `check(axes, options)`
    raises what the call would. `needs_tables(options)` is whether it goes by the tables of spectral
    bounds. `files` are options that name a file whose content fixes the result: the store keeps a
    copy, and `compute` is handed that one's path.
    """

    name: str
    axes: tuple[str, ...]
    options: Mapping[str, Any]
    outputs: Mapping[str, Output]
    compute: Callable[[Block, Mapping[str, Any], Any, int | None], Outputs]
    check: Callable[[Block, Mapping[str, Any]], object] = lambda axes, options: None
    needs_tables: Callable[[Mapping[str, Any]], bool] = lambda options: False
    optional: tuple[str, ...] = ()
    default: tuple[str, ...] = ()  # outputs that are stored by default; empty for all
    random: bool = False
    files: tuple[str, ...] = ()
    extra_axes: Callable[[Mapping[str, Any]], dict[str, NDArray[Any]]] = field(
        default=lambda options: {}
    )


def _frontier(
    block: Block, options: Mapping[str, Any], keys: Any, n_threads: int | None
) -> Outputs:
    arguments: dict[str, Any] = {**block, **options}
    best = compute_optimal(**arguments, n_threads=n_threads)
    return lambda name: np.asarray(getattr(best, name))


def _check_frontier(axes: Block, options: Mapping[str, Any]) -> None:
    compute_optimal(1.0, 1.0, 1.0, cost=axes.get("cost", 1.0), **options)


_FRONTIER = Task(
    "compute_optimal",
    ("budget", "input_dim", "concentration", "cost"),
    {"bound": "optimal", "integer": False},
    {
        "width": Output("compute-optimal width", "1"),
        "samples": Output("compute-optimal number of samples", "1"),
        "parameters": Output("compute-optimal parameter count", "1"),
        "error": Output("error bound", "nat"),
        "misspecification": Output("misspecification bound", "nat"),
        "estimation": Output("estimation bound", "nat"),
        "elasticity": Output("d log parameters / d log budget", "1"),
        "model_share": Output("parameters / (parameters + samples)", "1"),
        "status": Output("scalecore.Status", "1", "i1"),
    },
    _frontier,
    _check_frontier,
    lambda options: OBJECTIVES[options.get("bound", "optimal")].needs_table,
    optional=("cost",),
    default=("width", "samples", "error", "elasticity", "status"),
)


REQUIRED = object()  # marks an option without a default
_PLAN_AXES = (
    "training_budget",
    "total_budget",
    "loss",
    "inference_samples",
    "max_parameters",
    "max_samples",
    "unique_samples",
    "training_cost",
    "inference_cost",
)


def _planned(block: Block, options: Mapping[str, Any]) -> Plan:
    """Return the plan of a block under the law in a file."""
    if not isinstance(options["law"], str):
        wanted = "option law must be the path, as text, of a file that FittedLaw.save wrote"
        raise TypeError(f"{wanted}, got {describe(options['law'])}")
    return plan(FittedLaw.load(options["law"]), **block, level=options.get("level", 0.95))


def _plan(block: Block, options: Mapping[str, Any], keys: Any, n_threads: int | None) -> Outputs:
    found = _planned(block, options)
    return lambda name: np.asarray(getattr(found, name.removeprefix("predicted_")))


def _plan_outputs() -> dict[str, Output]:
    """Return the amounts of a plan with their ends; its loss has another name than the axis."""
    amounts = {
        "parameters": Output("parameters to train", "1"),
        "samples": Output("samples to train on", "1"),
        "epochs": Output("passes over the different samples", "1"),
        "predicted_loss": Output("loss of the plan", "the law's"),
        "training_compute": Output("compute for training", "FLOP"),
        "inference_compute": Output("compute for inference", "FLOP"),
        "total_compute": Output("compute for training and inference", "FLOP"),
    }
    ends = {
        f"{name}_{end}": Output(f"{output.long_name}, {end} end of the interval", output.units)
        for name, output in amounts.items()
        for end in ("low", "high")
    }
    outputs = {
        "saving": Output("share of compute saved by thinking of inference", "1"),
        "extrapolation": Output("decades beyond the runs", "1"),
        "status": Output("scalecore.PlanStatus", "1", "i1"),
    }
    return amounts | ends | outputs


_PLAN = Task(
    "plan",
    _PLAN_AXES,
    {"law": REQUIRED, "level": 0.95},
    _plan_outputs(),
    _plan,
    lambda axes, options: _planned(
        {name: np.ravel(values)[:1] for name, values in axes.items()}, options
    ),
    optional=_PLAN_AXES,
    default=("parameters", "samples", "predicted_loss", "total_compute", "status"),
    files=("law",),
)


def _ufunc_task(
    function: Any, axes: tuple[str, ...], long_name: str, units: str, needs_table: bool = False
) -> Task:
    def compute(
        block: Block, options: Mapping[str, Any], keys: Any, n_threads: int | None
    ) -> Outputs:
        with np.errstate(invalid="ignore"):
            values = np.asarray(function(*(block[axis] for axis in axes)))
        return lambda name: values

    outputs = {function.__name__: Output(long_name, units)}
    return Task(
        function.__name__, axes, {}, outputs, compute, needs_tables=lambda options: needs_table
    )


def _each_point(
    block: Block, keys: Any, call: Callable[[NetworkPrior, Any], dict[str, NDArray[Any]]]
) -> Outputs:
    """Call for each (input_dim, concentration) of a block and stack what comes back."""
    dims, concentrations = np.broadcast_arrays(block["input_dim"], block["concentration"])
    rows = []
    for dim, concentration, key in zip(dims.flat, concentrations.flat, keys, strict=True):
        rows.append(call(NetworkPrior(int(dim), float(concentration)), key))
    return lambda name: np.stack([row[name] for row in rows]).reshape(
        *dims.shape, *rows[0][name].shape
    )


def _widest_prior(axes: Block) -> NetworkPrior:
    """Check the axes of networks; the prior with the most inputs stands for all when the other
    arguments are checked.
    """
    dims = whole_numbers("input_dim", axes["input_dim"])
    return NetworkPrior(
        int(dims.max()), float(positive_array("concentration", axes["concentration"]).flat[0])
    )


def _misspecification(
    block: Block, options: Mapping[str, Any], keys: Any, n_threads: int | None
) -> Outputs:
    def call(prior: NetworkPrior, key: Any) -> dict[str, NDArray[Any]]:
        got = misspecification(
            prior,
            np.atleast_1d(options["widths"]),
            rng=key,
            n_threads=n_threads,
            **_without(options, "widths"),
        )
        parts = {"kl": got.kl, "squared_error": got.squared_error, "occupancy": got.occupancy}
        out = {name: part.mean for name, part in parts.items()}
        return (
            out
            | {f"{name}_std_error": part.std_error for name, part in parts.items()}
            | {"bound": got.bound}
        )

    return _each_point(block, keys, call)


def _train(block: Block, options: Mapping[str, Any], keys: Any, n_threads: int | None) -> Outputs:
    def call(prior: NetworkPrior, key: Any) -> dict[str, NDArray[Any]]:
        runs = train(
            prior,
            rng=key,
            n_threads=n_threads,
            **{"checkpoints": default_checkpoints(options["samples"])} | dict(options),
        )
        return {"error": runs.error, "final_error": runs.final_error, "diverged": runs.diverged}

    return _each_point(block, keys, call)


def _train_axes(options: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    total = int(options["samples"])
    checkpoints, rates = options.get("checkpoints"), options.get("learning_rates")
    return {
        "repeat": np.arange(int(options.get("repeats", 8))),
        "width": np.atleast_1d(np.asarray(options["widths"], float)),
        "learning_rate": np.ones(1)
        if rates is None
        else np.atleast_1d(np.asarray(rates, float)),  # a filter has no rate: 1 holds its place
        "samples": default_checkpoints(total)
        if checkpoints is None
        else np.union1d(checkpoints, [total]),
    }


def _bayes_error(
    block: Block, options: Mapping[str, Any], keys: Any, n_threads: int | None
) -> Outputs:
    def call(prior: NetworkPrior, key: Any) -> dict[str, NDArray[Any]]:
        found = bayes_error(
            prior,
            np.atleast_1d(options["samples"]),
            rng=key,
            n_threads=n_threads,
            **_without(options, "samples"),
        )
        return {name: getattr(found, name) for name in _BAYES_ERROR}

    return _each_point(block, keys, call)


def _without(options: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in options.items() if key != name}


_WIDTH, _RUNS = ("width",), ("repeat", "width", "learning_rate")
POINT = ("width", "samples", "input_dim", "concentration")  # the axes of a bound at a point
_FIRST, *_OTHERS = (
    _ufunc_task(row.ufunc, POINT, row.long_name, "nat", row.needs_table)
    for row in OBJECTIVES.values()
)
_BOUND_TASKS = [
    _FIRST,
    _ufunc_task(bounds.misspecification_bound, POINT, "misspecification bound", "nat"),
    _ufunc_task(bounds.estimation_bound, POINT, "estimation bound", "nat"),
    _ufunc_task(bounds.optimal_resolution, POINT, "best resolution", "1"),
    *_OTHERS,
]
_OF_SAMPLES = ("samples",)
_BAYES_ERROR = {
    "lower": Output("tightest lower side of the best learner's error", "nat", extra=_OF_SAMPLES),
    "lower_std_error": Output("its standard error over replicates", "nat", extra=_OF_SAMPLES),
    "upper": Output("tightest upper side of the best learner's error", "nat", extra=_OF_SAMPLES),
    "upper_std_error": Output("its standard error over replicates", "nat", extra=_OF_SAMPLES),
    "chains_lower": Output("lower side by the chains", "nat", extra=_OF_SAMPLES),
    "chains_lower_std_error": Output(
        "its standard error over replicates", "nat", extra=_OF_SAMPLES
    ),
    "chains_upper": Output("upper side by the chains' predictions", "nat", extra=_OF_SAMPLES),
    "chains_upper_std_error": Output(
        "its standard error over replicates", "nat", extra=_OF_SAMPLES
    ),
}
_TASKS = [
    _FRONTIER,
    _PLAN,
    *_BOUND_TASKS,
    _ufunc_task(bayes_error_bound, ("samples", "input_dim"), "error bound of any width", "nat"),
    _ufunc_task(
        bayes_error_lower_bound,
        ("samples", "input_dim", "concentration"),
        "lower bound of any learner's error",
        "nat",
    ),
    _ufunc_task(bounds.occupancy, ("width", "concentration"), "expected distinct units", "1"),
    Task(
        "misspecification",
        ("input_dim", "concentration"),
        {"widths": REQUIRED, "networks": 200, "inputs": 1024, "dtype": "float64", "rtol": None},
        {
            "kl": Output("misspecification", "nat", extra=_WIDTH),
            "kl_std_error": Output("its standard error over networks", "nat", extra=_WIDTH),
            "squared_error": Output("E(F - F~)^2", "1", extra=_WIDTH),
            "squared_error_std_error": Output(
                "its standard error over networks", "1", extra=_WIDTH
            ),
            "occupancy": Output("distinct units", "1", extra=_WIDTH),
            "occupancy_std_error": Output("its standard error over networks", "1", extra=_WIDTH),
            "bound": Output("K / (16 n)", "nat", extra=_WIDTH),
        },
        _misspecification,
        lambda axes, options: check_misspecification(_widest_prior(axes), **options),
        random=True,
        extra_axes=lambda options: {"width": np.atleast_1d(np.asarray(options["widths"], float))},
    ),
    Task(
        "bayes_error",
        ("input_dim", "concentration"),
        {"samples": REQUIRED, "replicates": 32, "states": 64, "rtol": None, "side": "both"},
        _BAYES_ERROR,
        _bayes_error,
        lambda axes, options: check_bayes_error(_widest_prior(axes), **options),
        lambda options: True,  # of refined_bound, which may be the least upper side
        random=True,
        extra_axes=lambda options: {
            "samples": np.atleast_1d(np.asarray(options["samples"], float))
        },
    ),
    Task(
        "train",
        ("input_dim", "concentration"),
        {
            "widths": REQUIRED,
            "samples": REQUIRED,
            "learning_rates": None,
            "repeats": 8,
            "optimizer": "sgd",
            "decay": None,
            "decay_start": None,
            "checkpoints": None,
            "test_inputs": 4096,
            "dtype": "float32",
        },
        {
            "error": Output("prequential reducible error", "nat", extra=(*_RUNS, "samples")),
            "final_error": Output(
                "error of the trained network on fresh inputs", "nat", extra=_RUNS
            ),
            "diverged": Output("first sample whose logit was not finite, or -1", "1", "i8", _RUNS),
        },
        _train,
        lambda axes, options: plan_training(_widest_prior(axes), **options),
        random=True,
        extra_axes=_train_axes,
    ),
]
TASKS = {task.name: task for task in _TASKS}


def find_task(task: object) -> Task:
    """Return the task that a name or one of the library's functions stands for."""
    name = task if isinstance(task, str) else getattr(task, "__name__", None)
    known_name(
        f"task must be one of the library's calls, by name or function, got {describe(task)}; "
        "they are",
        name,
        TASKS,
    )
    return TASKS[name]  # type: ignore[index]
