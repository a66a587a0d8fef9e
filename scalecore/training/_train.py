"""Real networks trained on the process that the bounds are about, or on the user's data: one pass,
errors at every number of samples.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from .._common.validation import boolean, describe, one_of, thread_count
from ..network import NetworkPrior
from ._engine import advance, start
from ._interrupt import ON_INTERRUPT, returned
from ._own_data import own_data
from ._plan import DTYPES, plan_training
from ._runs import TrainingRuns

if TYPE_CHECKING:
    from .._common.annotations import Seed

__all__ = ["train"]


@np.errstate(under="ignore")
def train(
    prior: NetworkPrior | None = None,
    widths: ArrayLike | None = None,
    samples: int | None = None,
    *,
    data: Any = None,
    shuffle: bool | None = None,
    learning_rates: ArrayLike | None = None,
    repeats: int = 8,
    optimizer: str = "sgd",
    decay: float | None = None,
    decay_start: float | None = None,
    checkpoints: ArrayLike | None = None,
    test_inputs: int | None = None,
    rng: Seed = None,
    dtype: str = "float32",
    n_threads: int | None = None,
    progress: bool = False,
    on_interrupt: str = "raise",
) -> TrainingRuns:
    """Train networks of every width and rate by one pass; watch their error.

    The samples are those of the theory's process, or the user's own. Each repeat draws a network F
    and a stream of samples (x_t, y_t); every width and rate learns from that same stream, one
    sample at a time, by descending the log-loss of f(x) = sum_i a_i max(w_i . x, 0) as the logit of
    Y = 1. Its error on a sample is d_KL(P(Y|F, x) || sigma(f(x))) *before* it learns from it, so
    one run of length T gives the prequential error of every shorter run too. Of the user's `data`
    nobody knows P(Y|F, x): the log-loss of the label, -ln sigma(f(x)) or -ln sigma(-f(x)), is
    charged in its place.

    Parameters
    ----------
    prior : NetworkPrior
        Law of F; to be left out with `data`.
    widths : array_like of int
        Widths n, distinct.
    samples : int
        Samples T, at least 1. Memory does not grow with it. May be left out with `data`, which are
        then read to their end.
    data : tuple (X, y) or iterable of such pairs, optional
        Own samples, to be read once: inputs X of shape (T, d) and labels y of shape (T,), 0 and 1
        or False and True. Either arrays (or frames, or files mapped into memory), or an iterator of
        blocks of any lengths, of which each is read and forgotten. Networks have no intercepts, and
        begin as if inputs had mean 0 and variance 1: standardise, and add a column of ones.
    shuffle : bool, optional
        Whether each repeat reads `data` in a random order of its own, by default True for arrays (8
        bytes a sample and repeat). Blocks are read as they come, the same by every repeat: then
        repeats differ by their initial weights alone, and intervals do not know the chance that is
        in the data.
    learning_rates : array_like
        Learning rates, positive, distinct; every width is trained at each. Only "adf" has none.
    repeats : int, default 8
        Networks F, each with a stream of its own; of `data`, initial weights and orders.
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
    test_inputs : int, optional
        Fresh inputs for `final_error`, a multiple of 64, by default 4096; not with `data`.
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
    on_interrupt : {"raise", "return"}
        What Ctrl-C does: raise `TrainingInterrupted`, whose `runs` are what was finished; or return
        them with a RuntimeWarning, so that a loop of trainings goes on. Either way their
        ``interrupted`` is set.

    Returns
    -------
    TrainingRuns

    Raises
    ------
    TrainingInterrupted
        A KeyboardInterrupt, after Ctrl-C.
    TypeError, ValueError
        If an argument is out of its domain, by name, before any work starts. What is wrong with a
        later block of `data`, what their iterator raises, and a ValueError if it ends before
        `samples`, have what was finished as ``runs``.

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
    a learner's memory grow as (d + n - 2)**2, which may be 4096**2. On `data` it is the same
    learner, which takes inputs for standard normal.

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
    if widths is None:
        raise TypeError("widths must be given")
    one_of("dtype", dtype, DTYPES)
    source = None
    if data is not None:
        if prior is not None:
            raise ValueError("prior must be left out where there are data")
        source = own_data(data, shuffle, dtype)
    elif shuffle is not None:
        raise ValueError(
            f"shuffle must be left out where there are no data, got {describe(shuffle)}"
        )
    threads, show = thread_count(n_threads), boolean("progress", progress)
    one_of("on_interrupt", on_interrupt, ON_INTERRUPT)
    plan = plan_training(
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
        source,
    )
    state = start(plan)
    measured = advance(plan, state, plan.samples, threads, show, source)
    runs = TrainingRuns._of(replace(plan, checkpoints=state.planned), measured, state)
    return returned(runs, plan.samples, on_interrupt, source)
