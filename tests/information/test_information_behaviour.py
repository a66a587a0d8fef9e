"""Finite models: ready-made updates, threads and seeds, refusals, progress and Ctrl-C."""

import os
import pickle
import signal
import threading
import time

import numpy as np
import pytest
from information_models import bits, random_model, random_predictor, smooth_coins

import scalecore as sc
from scalecore import updates

# ---- ready-made updates


def replay(update, history):
    state = update.initial
    for x, y in history:
        state = update.table[state, x, y]
    return state


def test_updates_do_what_they_say():
    rng = np.random.default_rng(0)
    n_x, n_y = 2, 2
    count, window, last = (
        updates.counts(n_x, n_y, 6),
        updates.sliding_window(n_x, n_y, 3),
        updates.last_sample(n_x, n_y),
    )
    saturating, halving = (
        updates.saturating_counters(n_x, n_y, 2, halve=halve) for halve in (False, True)
    )
    seen = {name: {} for name in ("count", "window", "last")}
    for _ in range(300):
        history = [tuple(map(int, rng.integers(0, 2, 2))) for _ in range(rng.integers(0, 7))]
        tally = np.bincount([2 * x + y for x, y in history], minlength=4)
        for name, update, key in (
            ("count", count, tuple(tally)),
            ("window", window, tuple(history[-3:])),
            ("last", last, tuple(history[-1:])),
        ):
            assert seen[name].setdefault(key, replay(update, history)) == replay(update, history)
        assert replay(saturating, history) == np.minimum(tally, 3) @ 4 ** np.arange(4)
        if tally.max() <= 3:
            assert replay(halving, history) == tally @ 4 ** np.arange(4)
    for states in seen.values():
        assert len(set(states.values())) == len(states)
    assert replay(halving, [(0, 0)] * 3 + [(0, 1)] * 2 + [(1, 1)] + [(0, 0)]) == np.array(
        [2, 1, 0, 1]
    ) @ 4 ** np.arange(4)
    assert (count.table[-1] == count.states - 1).all()  # full
    assert (count.states, window.states, last.states, saturating.states) == (210, 85, 5, 256)


@pytest.mark.parametrize(
    ("n_x", "n_y", "bits", "rate"), [(1, 2, 3, 0.3), (2, 2, 2, 0.5), (1, 3, 4, 0.1), (1, 2, 1, 1.0)]
)
def test_leaky_average(n_x, n_y, bits, rate):
    nearest, random = (
        updates.leaky_average(n_x, n_y, bits, rate, rounding=how)
        for how in ("nearest", "stochastic")
    )
    levels = 2**bits
    assert nearest.states == random.states == levels**n_x
    assert random.table.sum(-1) == pytest.approx(np.ones((levels**n_x, n_x, n_y)))
    digits = np.arange(levels**n_x)[:, None] // levels ** np.arange(n_x) % levels
    for x in range(n_x):
        for y in range(n_y):
            target = digits.astype(float)
            target[:, x] += rate * (y / (n_y - 1) * (levels - 1) - target[:, x])
            assert (digits[nearest.table[:, x, y]] == np.rint(target)).all()
            assert random.table[:, x, y] @ digits == pytest.approx(target)
            assert (
                np.abs(random.table[:, x, y] @ digits**2 - target**2).max() < 0.2501
            )  # the two levels beside it
    assert (digits[nearest.initial] == (levels - 1) // 2).all()


def test_more_memory_forgets_less():
    model = smooth_coins(25)
    errors = [
        model.incremental(updates.sliding_window(1, 2, length), 40).total.error
        for length in range(1, 9)
    ]
    assert (np.diff(errors) < 0).all()
    assert errors[-1] > model.learning_curve(40).information[-1]
    stochastic = model.incremental(updates.leaky_average(1, 2, 6, 0.1, rounding="stochastic"), 40)
    assert np.isfinite(stochastic.total.error)
    assert abs(stochastic.residual) < 1e-12


# ---- behaviour


def test_same_bits_for_every_number_of_threads():
    model = random_model(1, 517, 2, 2)
    update = updates.saturating_counters(2, 2, 2)
    said = random_predictor(1, 256, 2, 2)
    wide = updates.counts(1, 2, 60)  # 1,891 states: accounts in two parts
    coin = random_model(1, 140, 1, 2)
    calls = (
        lambda n: model.incremental(update, 20, said, n_threads=n),
        lambda n: coin.incremental(wide, 60, n_threads=n),
        lambda n: model.learning_curve(12, method="exact", n_threads=n),
        lambda n: model.learning_curve(
            100, method="monte_carlo", rng=1, replicates=70, n_threads=n
        ),
        lambda n: model.constrained(np.eye(517)[np.arange(517) // 3], 14, n_threads=n),
        lambda n: model.constrained(
            np.eye(517)[np.arange(517) // 3], 90, method="monte_carlo", rng=1, n_threads=n
        ),
    )
    for call in calls:
        results = [bits(call(n)) for n in (1, 2, 7)]
        assert results[0] == results[1] == results[2]


def test_every_instruction_set_agrees(run_python):
    code = """
import numpy as np, scalecore as sc
from scalecore._core.bounds import instruction_set
rng = np.random.default_rng(0)
model = sc.FiniteModel(rng.dirichlet(np.ones(61)), rng.dirichlet(np.ones(2), (61, 2)), [0.3, 0.7])
d = model.incremental(sc.updates.saturating_counters(2, 2, 1), 30)
c = model.learning_curve(15, method="exact")
m = model.learning_curve(50, method="monte_carlo", rng=3)
numbers = (*d.total, c.information[-1], m.information[-1], m.std_error[-1])
print(instruction_set(), *(repr(float(v)) for v in numbers))
"""
    best, *numbers = run_python(code).split()
    assert best in ("avx512", "avx2", "baseline")
    for name in ("avx2", "baseline"):
        _, *others = run_python(code, SCALECORE_ISA=name).split()
        assert [float(x) for x in others] == pytest.approx([float(x) for x in numbers], abs=1e-11)


def test_seeds():
    model = smooth_coins(9)

    def drawn(rng):
        return model.learning_curve(20, method="monte_carlo", rng=rng, replicates=10).information

    assert (drawn(1) == drawn(1)).all()
    assert drawn(1)[-1] != drawn(2)[-1]
    assert drawn(None)[-1] != drawn(None)[-1]
    generator = np.random.default_rng(5)
    assert drawn(generator)[-1] != drawn(generator)[-1]


def test_the_first_histories_do_not_depend_on_how_many_there_are():
    """A longer run extends a shorter one: per-history streams."""
    from scalecore.information import _engine as _finite

    model = smooth_coins(9)
    t = _finite.padded_model(model.likelihood, model.inputs, cells_only=True)
    from scalecore._core import information as core

    arguments = (
        np.cumsum(t.pad(model.prior)),
        t.log_pad(model.prior),
        np.empty(0),
        t.negentropy,
        77,
    )
    many, few = np.empty((9, 30)), np.empty((4, 30))
    core.histories(t.theta, t.log_theta, *arguments, 0, many, 1)
    core.histories(t.theta, t.log_theta, *arguments, 3, few, 1)
    assert (many[3:7] == few).all()


def test_auto_chooses():
    model = random_model(1, 50, 2, 2)
    assert model.learning_curve(20).method == "exact"
    assert model.learning_curve(300, replicates=3).method == "monte_carlo"
    assert model.constrained(np.eye(50), 100).method == "exact"
    assert model.constrained(np.eye(50), 600, replicates=3).method == "monte_carlo"
    one = sc.FiniteModel([1.0], [[[0.5, 0.5]]], [1.0])
    assert np.abs(one.learning_curve(50).information).max() < 1e-13
    assert one.entropy == 0


def test_models_copy_and_freeze():
    prior = np.array([0.5, 0.5])
    model = sc.FiniteModel(prior, [[[0.5, 0.5]], [[0.1, 0.9]]], [1])
    prior[0] = 7
    assert model.prior.tolist() == [0.5, 0.5]
    with pytest.raises(ValueError, match="read-only"):
        model.likelihood[0, 0, 0] = 1
    copy = pickle.loads(pickle.dumps(model))
    assert (copy.likelihood == model.likelihood).all()
    assert repr(model) == "FiniteModel(2 hypotheses, 1 inputs, 2 labels, entropy 0.693147 nats)"
    nearly = sc.FiniteModel([0.5, 0.5 + 4e-13], model.likelihood, [1])
    assert abs(nearly.prior.sum() - 1) < 1e-15
    strided = sc.FiniteModel(
        np.repeat(model.prior, 2)[::2], np.asfortranarray(model.likelihood), [1]
    )
    assert bits(strided.learning_curve(5)) == bits(model.learning_curve(5))


COIN = sc.FiniteModel([0.5, 0.5], [[[0.5, 0.5]], [[0.1, 0.9]]], [1.0])
TABLE = np.zeros((3, 1, 2), int)


def broken(array, index, value):
    array = np.array(array)
    array[index] = value
    return array


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: sc.FiniteModel([0.5, 0.4], COIN.likelihood, [1]),
            r"prior must sum to 1, to within 1e-12, got 0\.9$",
        ),
        (lambda: sc.FiniteModel([0.5, 0.5 + 2e-12], COIN.likelihood, [1]), "prior must sum to 1"),
        (
            lambda: sc.FiniteModel([1.5, -0.5], COIN.likelihood, [1]),
            r"prior\[1\] must be a probability.*got -0.5",
        ),
        (
            lambda: sc.FiniteModel([], COIN.likelihood, [1]),
            r"prior must have shape \(M,\), got \(0,\)",
        ),
        (
            lambda: sc.FiniteModel(0.5, COIN.likelihood, [1]),
            r"prior must have shape \(M,\), got \(\)",
        ),
        (lambda: sc.FiniteModel("a", COIN.likelihood, [1]), "prior must be real numbers"),
        (
            lambda: sc.FiniteModel([0.5, 0.5], broken(COIN.likelihood, (1, 0, 0), 0.2), [1]),
            r"likelihood\[1, 0\] must sum to 1",
        ),
        (
            lambda: sc.FiniteModel([0.5, 0.5], broken(COIN.likelihood, (1, 0, 1), np.nan), [1]),
            r"likelihood\[1, 0, 1\] .* got nan",
        ),
        (
            lambda: sc.FiniteModel([0.5, 0.5], broken(COIN.likelihood, (0, 0, 1), np.inf), [1]),
            r"likelihood\[0, 0, 1\] .* got inf",
        ),
        (
            lambda: sc.FiniteModel([1.0], COIN.likelihood, [1]),
            r"likelihood must have shape \(M, n_x, n_y\) with M = 1 as in prior",
        ),
        (
            lambda: sc.FiniteModel([0.5, 0.5], COIN.likelihood[:, 0], [1]),
            "likelihood must have shape",
        ),
        (
            lambda: sc.FiniteModel([0.5, 0.5], COIN.likelihood, [0.5, 0.5]),
            r"inputs must have shape \(n_x,\) with n_x = 1",
        ),
        (lambda: COIN.learning_curve(0), "samples must be at least 1"),
        (lambda: COIN.learning_curve(2.5), "samples must be an integer"),
        (
            lambda: COIN.learning_curve(5, method="guess"),
            "method must be one of 'auto', 'exact', 'monte_carlo'",
        ),
        (lambda: COIN.learning_curve(5, replicates=1), "replicates must be at least 2"),
        (lambda: COIN.learning_curve(5, rng="seed"), "rng must be None"),
        (lambda: COIN.learning_curve(5, n_threads=0), "n_threads must be at least 1"),
        (lambda: COIN.learning_curve(5, progress=1), "progress must be True or False"),
        (
            lambda: COIN.learning_curve(10**8, method="exact"),
            "method 'exact' must enumerate .* use 'monte_carlo'",
        ),
        (lambda: COIN.constrained([[1, 0], [0.5, 0.6]], 5), r"channel\[1\] must sum to 1"),
        (
            lambda: COIN.constrained([[1, 0, 0], [0, 1, 0]], 5),
            r"channel must have shape \(M, M\) with M = 2",
        ),
        (lambda: COIN.constrained(np.eye(2), 0), "samples must be at least 1"),
        (lambda: COIN.best_channel(0, 5), "size must be at least 1"),
        (lambda: COIN.best_channel(3, 5), "size must be at most 2"),
        (lambda: COIN.best_channel(1, 5, rtol=2), "rtol must be between 0 and 1"),
        (
            lambda: COIN.incremental(broken(TABLE, (2, 0, 1), 3), 5),
            r"update\[2, 0, 1\] must be a state, 0 to 2, got 3",
        ),
        (
            lambda: COIN.incremental(broken(TABLE, (0, 0, 0), -1), 5),
            r"update\[0, 0, 0\] must be a state, 0 to 2, got -1",
        ),
        (
            lambda: COIN.incremental(TABLE.astype(float), 5),
            r"update must have shape \(S, 1, 2\) of whole numbers",
        ),
        (
            lambda: COIN.incremental(np.zeros((3, 2, 1), int), 5),
            r"update must have shape \(S, 1, 2\)",
        ),
        (
            lambda: COIN.incremental(np.full((3, 1, 2, 3), 0.3), 5),
            r"update\[0, 0, 0\] must sum to 1",
        ),
        (lambda: COIN.incremental(np.full((3, 1, 2, 4), 0.25), 5), "update must have shape"),
        (lambda: COIN.incremental("counts", 5), "update must have shape"),
        (lambda: COIN.incremental(TABLE, 0), "steps must be at least 1"),
        (lambda: COIN.incremental(TABLE, 5, initial=3), "initial must be a state, 0 to 2, got 3"),
        (
            lambda: COIN.incremental(TABLE, 5, np.full((3, 1, 2), 0.4)),
            r"predictor\[0, 0\] must sum to 1",
        ),
        (
            lambda: COIN.incremental(TABLE, 5, np.full((2, 1, 2), 0.5)),
            r"predictor must have shape \(S, n_x, n_y\) = \(3, 1, 2\)",
        ),
        (
            lambda: COIN.incremental(TABLE, 5, np.full((4, 3, 1, 2), 0.5)),
            "predictor must have shape",
        ),
        (
            lambda: COIN.incremental(
                TABLE, 5, broken(np.full((5, 3, 1, 2), 0.5), (4, 2, 0, 1), np.nan)
            ),
            r"predictor\[4, 2, 0, 1\]",
        ),
        (lambda: updates.counts(4, 4, 100), "counts would need"),
        (lambda: updates.counts(0, 2, 5), "n_x must be at least 1"),
        (lambda: updates.sliding_window(1, 2, 10**6), "sliding_window would need"),
        (lambda: updates.saturating_counters(2, 2, 7), "saturating_counters would need"),
        (lambda: updates.leaky_average(1, 1, 3, 0.5), "n_y must be at least 2"),
        (lambda: updates.leaky_average(1, 2, 3, 0.0), "rate must be one positive"),
        (lambda: updates.leaky_average(1, 2, 3, 1.5), "rate must be between 0 and 1"),
        (lambda: updates.leaky_average(1, 2, 3, 0.5, rounding="up"), "rounding must be one of"),
        (lambda: updates.leaky_average(1, 2, 16, 0.5, rounding="stochastic"), "would need"),
    ],
)
def test_wrong_arguments_are_refused_by_name(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()


def test_more_samples_than_memory_holds_are_refused():
    """More than 2**44 numbers: the system would kill the process."""
    model = sc.FiniteModel([0.5, 0.5], [[[0.5, 0.5]], [[0.9, 0.1]]], [1.0])
    with pytest.raises(
        MemoryError,
        match=r"histories of 10000000000000 samples would take .* GB, and this machine has",
    ):
        model.learning_curve(10**13)


def test_progress(capsys):
    pytest.importorskip("tqdm")
    for call in (
        lambda show: COIN.learning_curve(5, progress=show),
        lambda show: COIN.learning_curve(5, method="monte_carlo", progress=show),
        lambda show: COIN.incremental(TABLE, 200, progress=show),
    ):
        quiet = call(False)
        assert capsys.readouterr().err == ""
        if quiet.__class__ is sc.Decomposition:
            assert bits(quiet) == bits(call(True))
        else:
            call(True)
        assert "100%" in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("what", ["incremental", "exact", "monte_carlo"])
def test_ctrl_c(what):
    model = random_model(1, 2000, 2, 2)
    calls = {
        "incremental": lambda: model.incremental(updates.saturating_counters(2, 2, 2), 10**6),
        "exact": lambda: model.learning_curve(200, method="exact"),
        "monte_carlo": lambda: model.learning_curve(10**5, method="monte_carlo", replicates=10**4),
    }
    pressed = []

    def press():
        time.sleep(0.5)
        pressed.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        calls[what]()
    late = time.perf_counter() - pressed[0]
    thread.join()
    assert late < 1  # 0.1 s on an idle machine
    assert np.isfinite(COIN.learning_curve(5).information).all()
