"""The same bits however training is cut up: over threads, calls, interruptions and processes."""

import os
import pickle
import time
import warnings

import numpy as np
import pytest

import scalecore as sc
from scalecore._core import training as core

PRIOR = sc.NetworkPrior(input_dim=10, concentration=100)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_same_bits_for_every_number_of_threads(optimizer, dtype):
    def runs(n_threads):
        return sc.train(
            PRIOR,
            [1, 2, 7, 33, 90],
            4500,
            learning_rates=[0.001, 0.01, 0.03],
            repeats=3,
            optimizer=optimizer,
            dtype=dtype,
            rng=1,
            n_threads=n_threads,
        )

    one = runs(1)
    for n_threads in (2, 3, 7):
        many = runs(n_threads)
        assert np.array_equal(one.error, many.error)
        assert np.array_equal(one.final_error, many.final_error)
        assert all(
            np.array_equal(a, b)
            for a, b in zip(one._state.weights, many._state.weights, strict=True)
        )


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("cuts", [(1, 2, 3), (63, 64, 65, 4095, 4097), (777, 4096), (4999,)])
def test_cut_runs_equal_one_long_call(optimizer, cuts):
    options = {
        "learning_rates": [0.003, 0.03, 0.3],
        "repeats": 3,
        "optimizer": optimizer,
        "rng": 4,
        "test_inputs": 64,
    }
    whole = sc.train(PRIOR, [2, 20, 70], 5001, **options)
    cut = sc.train(PRIOR, [2, 20, 70], cuts[0], **options)
    for samples in (*cuts[1:], 5001):
        before = cut
        kept = before.error.copy()
        cut = before.extend(samples)
        assert np.array_equal(before.error, kept)
    assert np.array_equal(whole.checkpoints, cut.checkpoints)
    assert np.array_equal(whole.error, cut.error)
    assert np.array_equal(whole.final_error, cut.final_error)
    assert np.array_equal(whole.weights(1, 20, 0.03)[0], cut.weights(1, 20, 0.03)[0])


def test_chosen_checkpoints():
    options = {"learning_rates": [0.1], "repeats": 2, "rng": 4, "test_inputs": 64}
    runs = sc.train(PRIOR, [3], 500, checkpoints=[100, 7], **options)
    assert runs.checkpoints.tolist() == [7, 100, 500]
    every = sc.train(PRIOR, [3], 500, checkpoints=np.arange(1, 501), **options)
    assert np.array_equal(every.error[..., runs.checkpoints - 1], runs.error)
    more = runs.extend(1000, checkpoints=[600, 1000])
    assert more.checkpoints.tolist() == [7, 100, 500, 600, 1000]
    default = sc.train(
        PRIOR, [3], 12_345, learning_rates=[0.1], repeats=1, test_inputs=64
    ).checkpoints
    assert (default[0], default[-1]) == (1, 12_345)
    assert (np.diff(default) > 0).all()
    assert np.diff(np.log10(default[default > 200])).max() < 0.07


def test_memory_does_not_grow_with_samples(run_python):
    code = """
import resource, sys, scalecore as sc
sc.train(sc.NetworkPrior(10, 1), [4], 20_000, learning_rates=[0.1], repeats=2, rng=0)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
sc.train(sc.NetworkPrior(10, 1), [4], 2_000_000, learning_rates=[0.1], repeats=2, rng=0)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    assert int(run_python(code)) < 4096  # kilobytes; the samples alone are 160 MB


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("widths", [[2, 8, 64], [200_000]])
def test_ctrl_c_returns_what_was_finished(widths, ctrl_c_in_training):
    """The key is pressed in the middle of far more work than the machine can do meanwhile."""
    options = {"learning_rates": [0.001, 0.002, 0.01], "repeats": 2, "rng": 1}
    with pytest.warns(RuntimeWarning, match=r"interrupted after \d+ of 1000000000000 samples"):
        runs = sc.train(PRIOR, widths, 10**12, on_interrupt="return", **options)
    waited = time.monotonic() - ctrl_c_in_training[0]
    assert waited < 1.0  # measured 0.05 to 0.1 alone; CI's machines are shared
    assert runs.interrupted
    assert np.isnan(runs.final_error).all()
    assert runs.checkpoints.size == 0 or runs.checkpoints[-1] <= runs.samples
    if widths == [2, 8, 64]:
        assert runs.samples > 0
        fewer = sc.train(PRIOR, widths, runs.samples, **options)
        shared = np.isin(fewer.checkpoints, runs.checkpoints)
        assert np.array_equal(fewer.error[..., shared], runs.error)


def test_an_interrupted_run_goes_on(monkeypatch):
    """Interrupted between blocks, and with learners that are not equally far."""
    whole = sc.train(PRIOR, [3, 9], 9000, learning_rates=[0.01, 0.1], repeats=2, rng=3)
    real = core.train
    seen = []

    def stopping(**arguments):
        def advance(more):
            seen.append(more)
            raise KeyboardInterrupt

        return real(**arguments | {"advance": advance})

    monkeypatch.setattr(core, "train", stopping)
    options = {"learning_rates": [0.01, 0.1], "repeats": 2, "rng": 3}
    with pytest.warns(RuntimeWarning, match="interrupted") as caught:
        part = sc.train(PRIOR, [3, 9], 9000, on_interrupt="return", **options)
    assert caught[0].filename == __file__
    with pytest.raises(sc.TrainingInterrupted, match="interrupted after 4096 of 9000") as raised:
        sc.train(PRIOR, [3, 9], 9000, **options)
    for finished in (raised.value.runs, pickle.loads(pickle.dumps(raised.value)).runs):
        assert finished.interrupted
        assert np.array_equal(finished.error, part.error)
    with warnings.catch_warnings():  # a warning that is an error loses nothing
        warnings.simplefilter("error")
        with pytest.raises(RuntimeWarning, match="interrupted") as raised:
            sc.train(PRIOR, [3, 9], 9000, on_interrupt="return", **options)
    assert np.array_equal(raised.value.runs.error, part.error)
    with pytest.raises(sc.TrainingInterrupted) as raised:
        part.extend(12_000)
    assert raised.value.runs.samples > part.samples
    with pytest.raises(ValueError, match="on_interrupt must be one of 'raise', 'return'"):
        sc.train(PRIOR, [3], 64, on_interrupt="ignore", **options)
    monkeypatch.undo()
    assert part.samples == seen[0] == 4096
    assert part.interrupted
    state = part._state
    ahead = part.extend(
        9000
    )._state  # some learners of another run, farther on, in the place of these
    for array, other in (
        (state.sums, ahead.sums),
        (state.read, ahead.read),
        (state.record, ahead.record),
    ):
        array[0, 1] = other[0, 1]
    state.weights[1][0] = ahead.weights[1][0]
    done = part.extend(9000)
    assert not done.interrupted
    assert np.array_equal(done.checkpoints, whole.checkpoints)
    assert np.array_equal(done.error, whole.error)
    assert np.array_equal(done.final_error, whole.final_error)


def test_after_a_fork_training_runs_serially(run_python):
    code = """
import os, sys, scalecore as sc
options = dict(learning_rates=[0.1], repeats=4, rng=0)
first = sc.train(sc.NetworkPrior(10, 10), [4, 8], 5000, **options).error
child = os.fork()
if child == 0:
    same = (sc.train(sc.NetworkPrior(10, 10), [4, 8], 5000, **options).error == first).all()
    os._exit(0 if same else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    if not hasattr(os, "fork"):
        pytest.skip("no fork here")
    assert run_python(code, PYTHONWARNINGS="ignore").strip() == "0"


def test_progress_is_shown(run_python):
    code = (
        "import scalecore as sc; sc.train(sc.NetworkPrior(3, 3), [2], 10_000, "
        "learning_rates=[0.1], repeats=1, progress=True)"
    )
    done = run_python(code, check=False)
    assert done.returncode == 0
    assert "samples" in done.stderr
    assert "10.0k/10.0k" in done.stderr
