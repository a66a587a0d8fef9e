"""Real networks trained on the process that the bounds are about: one pass over the data, errors at
every number of samples.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._common.validation import (
    checkpoint_list,
    choice,
    describe,
    distinct,
    flag,
    nonnegative_number,
    positive_array,
    positive_int,
    positive_number,
    sample_count,
    stream_key,
    thread_count,
    whole_numbers,
)
from .._core import network as _network
from ..network import NetworkPrior
from ._adf_features import features
from ._empirical_frontier import EmpiricalFrontier, EmpiricalStatus
from ._engine import TEST_MULTIPLE, State, advance_runs, default_checkpoints
from ._runs import TrainingRuns

__all__ = ["EmpiricalFrontier", "EmpiricalStatus", "TrainingRuns", "train"]

_OPTIMIZERS = ("sgd", "adam", "adf")
_DTYPES = ("float32", "float64")
_FOR_WEIGHTS = 6  # the purpose of their random stream, SC_FOR_WEIGHTS
_MOST_COEFFICIENTS = 4096  # of "adf": a covariance of 128 MB


def train(
    prior: NetworkPrior,
    widths: ArrayLike,
    samples: int,
    *,
    learning_rates: ArrayLike | None = None,
    repeats: int = 8,
    optimizer: str = "sgd",
    decay: float | None = None,
    decay_start: float | None = None,
    checkpoints: ArrayLike | None = None,
    test_inputs: int = 4096,
    rng: Any = None,
    dtype: str = "float32",
    n_threads: int | None = None,
    progress: bool = False,
) -> TrainingRuns:
    """Train networks of every width and rate on the theory's data by one pass; watch their error.

    Each repeat draws a network F and a stream of samples (x_t, y_t); every width and rate learns
    from that same stream, one sample at a time, by descending the log-loss of f(x) = sum_i a_i
    max(w_i . x, 0) as the logit of Y = 1. Its error on a sample is d_KL(P(Y|F, x) || sigma(f(x)))
    *before* it learns from it, so one run of length T gives the prequential error of every shorter
    run too.

    Parameters
    ----------
    prior : NetworkPrior
        Law of F.
    widths : array_like of int
        Widths n, distinct.
    samples : int
        Samples T, at least 1. Memory does not grow with it.
    learning_rates : array_like
        Learning rates, positive, distinct; every width is trained at each. Only "adf" has none.
    repeats : int, default 8
        Networks, each with a stream of its own.
    optimizer : {"sgd", "adam", "adf"}
        Stochastic gradient descent, or Adam (beta 0.9 and 0.999, epsilon 1e-8), with batch size 1;
        or assumed-density filtering, the Bayesian learner of the spectral bound, which knows the
        process (see the notes).
    decay, decay_start : float, default 0.5 and 1000
        The rate of sample t (from 0) is learning_rate * (1 + t / decay_start) ** -decay, for Adam
        too; not for "adf".
    checkpoints : array_like of int, optional
        Numbers of samples at which to record the error; by default 16 a decade from 1. `samples`
        itself is always one.
    test_inputs : int, default 4096
        Fresh inputs for `final_error`, a multiple of 64.
    rng : None, int, SeedSequence or Generator
        Source of randomness. With the same int as for `NetworkPrior.sample`, repeat 0 learns from
        that very network.
    dtype : {"float32", "float64"}
        Precision of the learners, their inputs and the labels' logits; errors are computed and
        summed in float64. An "adf" learner itself always computes in float64, on inputs and labels
        that are those of the others.
    n_threads : int, optional
        Threads; None means all that this process may use. The answer does not depend on it.
    progress : bool, default False
        Show a bar on stderr.

    Returns
    -------
    TrainingRuns
        After Ctrl-C: what was finished, with ``interrupted`` set and a RuntimeWarning.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of its domain, by name, before any work starts.

    Notes
    -----
    Initial weights: w_i uniform on the sphere of radius r, a_i = +r or -r fairly, r = n**(-1/4) /
    2. So the layers are balanced and the first logit has variance 1/32 at every width (the target's
    is 1/2). Widths and rates of a repeat share them: the first n units of one sequence. The
    gradient of max(z, 0) at z = 0 is 0. Theory: JVR24 section 3 and Theorem B of
    docs/information.md, with the weights as the statistic.

    "adf" spends a width of n on two units +-v, which make any linear function, and n - 2 units of
    fixed, well-spread directions u_i, of which only ``|u_i . x|`` remains to be weighed; a width of
    1 is one fixed unit. On these features z, made uncorrelated, it keeps a Gaussian law N(m, P) of
    the coefficients, which begins with the covariance that the process gives them. Its prediction
    is the mean of the sigmoid over the logit's law N(m . z, z' P z), and errors are charged for
    that; a label moves the law to the Gaussian with the posterior's mean and covariance. A step and
    a learner's memory grow as (d + n - 2)**2, which may be 4096**2.

    Examples
    --------
    >>> import scalecore as sc
    >>> prior = sc.NetworkPrior(input_dim=10, concentration=100)
    >>> runs = sc.train(prior, [2, 8, 32], 2000, learning_rates=[0.02, 0.1], repeats=4, rng=1)
    >>> runs.error.shape == (4, 3, 2, runs.checkpoints.size)
    True
    >>> bool(runs.error[..., -1].mean(axis=0).min() < 0.03)
    True
    >>> # the same networks and samples
    >>> sc.train(prior, [2, 32], 2000, optimizer="adf", repeats=4, rng=1)
    TrainingRuns(adf, 2000 samples, widths 2 to 32, 1 rates, 4 repeats, error 0.014... nats at width
    32, 0 diverged)
    """
    runs = plan_runs(
        prior,
        widths,
        samples,
        learning_rates,
        repeats,
        optimizer,
        decay,
        decay_start,
        checkpoints,
        test_inputs,
        dtype,
        rng,
    )
    threads, show = thread_count(n_threads), flag("progress", progress)
    if optimizer == "adf":
        runs._state.features.extend(features(prior.input_dim, int(width)) for width in runs.widths)
        runs._state.weights.extend(_priors(runs))
    else:
        runs._state.weights.extend(_initial_weights(runs))
    return advance_runs(runs, int(samples), threads, show)


def plan_runs(
    prior: Any,
    widths: Any,
    samples: Any,
    learning_rates: Any,
    repeats: Any,
    optimizer: Any,
    decay: Any,
    decay_start: Any,
    checkpoints: Any,
    test_inputs: Any,
    dtype: Any,
    rng: Any = None,
) -> TrainingRuns:
    """Check the arguments of `train`; return runs that have read nothing and have no weights
    yet.
    """
    if not isinstance(prior, NetworkPrior):
        raise TypeError(f"prior must be a NetworkPrior, got {describe(prior)}")
    grid = distinct("widths", whole_numbers("widths", widths))
    choice("optimizer", optimizer, _OPTIMIZERS)
    rates, decay, decay_start = _rates(optimizer, learning_rates, decay, decay_start)
    _check_size(optimizer, prior.input_dim, grid.max())
    total, count = sample_count(samples), positive_int("repeats", repeats)
    planned = (
        default_checkpoints(total)
        if checkpoints is None
        else np.union1d(checkpoint_list(checkpoints, total), [total])
    )
    inputs = positive_int("test_inputs", test_inputs)
    if inputs % TEST_MULTIPLE:
        raise ValueError(f"test_inputs must be a multiple of {TEST_MULTIPLE}, got {inputs}")
    choice("dtype", dtype, _DTYPES)
    shape = (count, grid.size, rates.size)
    return TrainingRuns(
        prior=prior,
        widths=grid.astype(np.int64),
        learning_rates=rates,
        samples=0,
        checkpoints=np.zeros(0, np.int64),
        error=np.zeros((*shape, 0)),
        final_error=np.full(shape, np.nan),
        diverged=np.full(shape, -1),
        optimizer=optimizer,
        decay=decay,
        decay_start=decay_start,
        dtype=dtype,
        test_inputs=inputs,
        interrupted=False,
        key=stream_key(rng),
        _state=State(
            [],
            np.zeros(shape),
            np.zeros(shape, np.int64),
            np.full(shape, -1, np.int64),
            np.full((*shape, planned.size), np.nan),
            planned.astype(np.int64),
        ),
    )


def _rates(
    optimizer: str, learning_rates: ArrayLike | None, decay: float | None, decay_start: float | None
) -> tuple[NDArray[np.float64], float, float]:
    """Return the rates and how they fall; a filter has none and stands at rate 1."""
    if optimizer == "adf":
        for name, value in (
            ("learning_rates", learning_rates),
            ("decay", decay),
            ("decay_start", decay_start),
        ):
            if value is not None:
                raise ValueError(
                    f"{name} must be left out with optimizer='adf', which has no learning rate, "
                    f"got {describe(value)}"
                )
        return np.ones(1), 0.0, 1.0
    if learning_rates is None:
        raise TypeError(
            f"learning_rates must be given with optimizer={optimizer!r}: positive numbers"
        )
    return (
        distinct("learning_rates", positive_array("learning_rates", learning_rates)),
        0.5 if decay is None else nonnegative_number("decay", decay),
        1000.0 if decay_start is None else positive_number("decay_start", decay_start),
    )


def _check_size(optimizer: str, input_dim: int, widest: float) -> None:
    if optimizer == "adf":
        if widest + input_dim - 2 > _MOST_COEFFICIENTS:
            raise ValueError(
                "widths must keep width + input_dim - 2 coefficients at most "
                f"{_MOST_COEFFICIENTS} with optimizer='adf', "
                f"got {widest:g} and input_dim {input_dim}"
            )
    elif widest * (input_dim + 1) * (3 if optimizer == "adam" else 1) >= 2**31:
        raise ValueError(
            f"widths must keep width * (input_dim + 1) below 2**31 numbers, got {widest:g}"
        )


def _priors(runs: TrainingRuns) -> list[NDArray[np.float64]]:
    """Return the law of the coefficients before any sample, one array a width; see `State`."""
    states = []
    for them in runs._state.features:
        count = them.variances.size
        state = np.zeros((runs.repeats, 1, 1, count + 1, count))
        state[..., range(count), range(count)] = them.variances
        states.append(state)
    return states


def _initial_weights(runs: TrainingRuns) -> list[NDArray[Any]]:
    """Return initial states, one array a width; see the notes of `train`."""
    repeats, rates = runs.repeats, runs.learning_rates.size
    d, widest = runs.prior.input_dim, int(runs.widths.max())
    planes = 3 if runs.optimizer == "adam" else 1
    states = [
        np.zeros((repeats, rates, planes, d + 1, int(width)), runs.dtype) for width in runs.widths
    ]
    for repeat in range(repeats):
        numbers = _network.numbers(
            "normal", runs.key, repeat, _FOR_WEIGHTS, 0, -(-widest * (d + 1) // 16)
        )
        units = numbers[: widest * (d + 1)].reshape(widest, d + 1)
        directions = units[:, :d] / np.sqrt(np.square(units[:, :d]).sum(axis=1))[:, None]
        for state, width in zip(states, map(int, runs.widths), strict=True):
            radius = 0.5 * width**-0.25
            state[repeat, :, 0, :d] = radius * directions[:width].T
            state[repeat, :, 0, d] = np.copysign(radius, units[:width, d])
    return states
