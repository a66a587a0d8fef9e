"""Training on data of the user's: what is charged, whose bits, what a stranger may hand in."""

import itertools
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.training import Twin

import scalecore as sc
from scalecore.plotting import figure2
from scalecore.training._own_data import order_of

D, T, WIDTHS, RATES = 4, 601, [1, 5, 20], [0.02, 0.1]
PRIOR = sc.NetworkPrior(D, 10)
OPTIONS = {"widths": WIDTHS, "learning_rates": RATES, "rng": 3}


def teacher(samples=T, d=D, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((samples, d))
    logit = 2 * np.abs(X[:, 0]) - 1.5 + X[:, 1]
    return X, rng.random(samples) < 1 / (1 + np.exp(-logit))


X, Y = teacher()


def cut(lengths, X=X, y=Y):
    """Blocks of these lengths, and the rest."""
    start = 0
    for length in lengths:
        yield X[start : start + length], y[start : start + length]
        start += length
    yield X[start:], y[start:]


def same(a, b):
    """Whether runs have the same bits, and their learners too."""
    assert a.samples == b.samples
    assert a.checkpoints.tolist() == b.checkpoints.tolist()
    assert a.error.tobytes() == b.error.tobytes()
    assert a.diverged.tobytes() == b.diverged.tobytes()
    rate = None if a.optimizer == "adf" else float(a.learning_rates[-1])
    for repeat, width in itertools.product(range(a.repeats), a.widths):
        for mine, other in zip(
            a.weights(repeat, width, rate), b.weights(repeat, width, rate), strict=True
        ):
            assert mine.tobytes() == other.tobytes()
    return True


def in_order(**options):
    return sc.train(**{"data": (X, Y), "shuffle": False, "repeats": 2} | OPTIONS | options)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("samples", [600, 601])
def test_log_loss_and_weights_are_those_of_the_textbook(optimizer, samples):
    rates = [0.003, 0.01]
    options = {
        "optimizer": optimizer,
        "learning_rates": rates,
        "dtype": "float64",
        "samples": samples,
    }
    runs = in_order(**options)
    for repeat, (i, width), (j, rate) in itertools.product(
        range(2), enumerate(WIDTHS), enumerate(rates)
    ):
        start = sc.train(
            PRIOR, [width], 1, learning_rates=[1e-300], repeats=2, rng=3, dtype="float64"
        ).weights(repeat, width)
        twin = Twin(*start, rate, optimizer)
        f = np.array(
            [twin.step(x, y, t) for t, (x, y) in enumerate(zip(X, Y, strict=True))][:samples]
        )
        loss = np.logaddexp(0, np.where(Y[:samples], -f, f))
        mean = np.cumsum(loss) / np.arange(1, samples + 1)
        np.testing.assert_allclose(runs.error[repeat, i, j], mean[runs.checkpoints - 1], rtol=1e-9)
        if samples == T:
            hidden, outputs = runs.weights(repeat, width, rate)
            np.testing.assert_allclose(hidden, twin.w, rtol=1e-7, atol=1e-9)
            np.testing.assert_allclose(outputs, twin.a, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adf"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_learners_are_those_of_the_process_on_its_samples(optimizer, dtype):
    """Same learners, bit for bit; only what they are charged differs."""
    rates = {} if optimizer == "adf" else {"learning_rates": RATES}
    options = {"optimizer": optimizer, "dtype": dtype, "repeats": 1, "rng": 5} | rates
    drawn = sc.train(PRIOR, WIDTHS, T, **options)
    inputs, labels, p = drawn.data(0, T)
    given = sc.train(widths=WIDTHS, data=(inputs, labels), shuffle=False, **options)
    for width in WIDTHS:
        rate = None if optimizer == "adf" else 0.1
        for a, b in zip(drawn.weights(0, width, rate), given.weights(0, width, rate), strict=True):
            assert a.tobytes() == b.tobytes()
    # the log-loss is dearer by about the entropy of the labels, 0.6 nats here
    entropy = -np.mean(p * np.log(p) + (1 - p) * np.log1p(-p))
    more = given.error[..., -1] - drawn.error[..., -1]
    assert np.all(np.abs(more - entropy) < 0.15 * entropy)


@settings(max_examples=25, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 90), max_size=12),
    first=st.integers(1, T),
    threads=st.sampled_from([1, 2, 3]),
    optimizer=st.sampled_from(["sgd", "adam", "adf"]),
)
def test_neither_blocks_nor_threads_nor_stops_change_a_bit(lengths, first, threads, optimizer):
    rates = {"learning_rates": None} if optimizer == "adf" else {}
    options = {"optimizer": optimizer, "n_threads": threads} | rates
    whole = in_order(optimizer=optimizer, **rates)
    assert same(whole, sc.train(data=cut(lengths), repeats=2, **OPTIONS | options))
    part = sc.train(data=cut(lengths), samples=first, repeats=2, **OPTIONS | options)
    assert part.samples == first
    assert same(whole, part.extend(data=cut(lengths[::-1]), n_threads=threads))
    assert same(whole, part.extend(T, data=(X, Y)))


def test_each_repeat_has_an_order_of_its_own():
    runs = sc.train(data=(X, Y), repeats=3, **OPTIONS)
    assert runs.shuffled == T
    assert in_order().shuffled == 0
    orders = [order_of(runs.key, repeat, T) for repeat in range(3)]
    assert not np.array_equal(orders[0], orders[1])
    for repeat, order in enumerate(orders):
        assert sorted(order) == list(range(T))
        alone = sc.train(data=(X[order], Y[order]), shuffle=False, repeats=3, **OPTIONS)
        assert alone.error[repeat].tobytes() == runs.error[repeat].tobytes()
    part = sc.train(data=(X, Y), samples=100, repeats=3, **OPTIONS)
    assert same(runs, part.extend(data=(X, Y)))
    for wrong in ((X[:-1], Y[:-1]), (X[::-1], Y[::-1])):
        with pytest.raises(ValueError, match=r"data must be (the same 601|those that)"):
            part.extend(data=wrong)
    with pytest.raises(ValueError, match=r"same 601 samples.*got blocks"):
        part.extend(data=[(X, Y)])


def test_large_blocks_are_cut():
    """More samples than the engine takes at once, in one block and in many."""
    inputs, labels = teacher(10_000)
    options = {"widths": [3], "learning_rates": [0.1], "rng": 1, "repeats": 2}
    whole = sc.train(data=(inputs, labels), shuffle=False, **options)
    for lengths in ([], [4095, 1, 3], [1] * 50, [9_999]):
        assert same(whole, sc.train(data=cut(lengths, inputs, labels), **options))
    shuffled = sc.train(data=(inputs, labels), **options)
    part = sc.train(data=(inputs, labels), samples=4097, **options)
    assert same(shuffled, part.extend(data=(inputs, labels)))


def test_a_stream_of_unknown_length_is_read_to_its_end():
    runs = sc.train(data=cut([100] * 5), repeats=2, **OPTIONS)
    assert runs.samples == T
    assert runs.checkpoints[-1] == T
    assert same(runs, in_order())
    exact = sc.train(data=cut([], X[:316], Y[:316]), repeats=2, **OPTIONS)  # on the lattice
    assert same(exact, in_order(samples=316))
    single = sc.train(data=[(X[:1], Y[:1])], repeats=2, **OPTIONS)
    assert single.checkpoints.tolist() == [1]
    with pytest.raises(TypeError, match="samples must be given with checkpoints"):
        sc.train(data=cut([]), checkpoints=[10], **OPTIONS)


def failing(error, after=300):
    yield X[:200], Y[:200]
    yield X[200:after], Y[200:after]
    raise error


@pytest.mark.parametrize("samples", [None, T])
def test_what_an_iterator_raises_comes_with_what_was_finished(samples):
    with pytest.raises(OSError, match="share is gone") as caught:
        sc.train(data=failing(OSError("share is gone")), samples=samples, repeats=2, **OPTIONS)
    assert "stopped after 300 samples" in caught.value.__notes__[0]
    runs = caught.value.runs
    assert (runs.samples, runs.interrupted) == (300, True)
    assert same(in_order(), runs.extend(data=(X, Y)))


def test_an_iterator_that_ends_too_soon():
    with pytest.raises(
        ValueError, match="hold the 601 samples asked for, and ended after 300"
    ) as e:
        sc.train(data=cut([7], X[:300], Y[:300]), samples=T, repeats=2, **OPTIONS)
    assert e.value.runs.samples == 300
    assert same(in_order(), e.value.runs.extend(data=(X, Y)))


@pytest.mark.parametrize("samples", [None, T])
def test_ctrl_c_inside_an_iterator(samples):
    with pytest.raises(sc.TrainingInterrupted) as caught:
        sc.train(data=failing(KeyboardInterrupt()), samples=samples, repeats=2, **OPTIONS)
    # what waited for more samples was not read; nothing of what was is lost
    assert same(in_order(), caught.value.runs.extend(data=(X, Y)))
    with pytest.warns(RuntimeWarning, match="interrupted after"):
        runs = sc.train(
            data=failing(KeyboardInterrupt()), on_interrupt="return", repeats=2, **OPTIONS
        )
    assert runs.interrupted


def test_a_buffer_may_be_filled_again():
    def blocks():
        inputs, labels = np.empty((50, D), np.float32), np.empty(50, bool)
        for start in range(0, 600, 50):
            inputs[...], labels[...] = X[start : start + 50], Y[start : start + 50]
            yield inputs, labels

    assert same(
        in_order(samples=600, dtype="float32"), sc.train(data=blocks(), repeats=2, **OPTIONS)
    )


def test_arrays_of_all_kinds_are_taken(tmp_path):
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    small = X.astype(np.float32)
    np.save(tmp_path / "X.npy", small)
    read_only = small.copy()
    read_only.flags.writeable = False
    wide = np.zeros((T, 2 * D), np.float32)
    wide[:, ::2] = small
    frame = pandas.DataFrame(small, columns=list("abcd"))
    want = in_order()
    for inputs, labels in (
        (small, Y.astype(float)),
        (np.load(tmp_path / "X.npy", mmap_mode="r"), Y.astype(np.int8)),
        (read_only, Y.astype(np.uint64)),
        (wide[:, ::2], Y[::-1].copy()[::-1]),
        (np.asfortranarray(small), Y.tolist()),
        (small.astype(">f4"), Y),
        (small.tolist(), Y),
        (np.ma.array(small), Y),
        (frame, pandas.Series(Y)),
        (polars.DataFrame(small), polars.Series(Y)),
        (small.astype(np.longdouble), Y),
    ):
        assert same(want, in_order(data=(inputs, labels)))
    whole = np.rint(X).astype(int)
    assert same(in_order(data=(whole, Y)), in_order(data=(whole.astype(float), Y)))
    assert same(in_order(data=(whole > 0, Y)), in_order(data=((whole > 0).astype(float), Y)))


def spoilt(value, row=450, column=2):
    bad = X.copy()
    bad[row, column] = value
    return bad


WRONG = {
    "nan": (
        (spoilt(np.nan), Y),
        ValueError,
        "finite numbers in float32, got nan in row 450, column 2",
    ),
    "inf": ((spoilt(-np.inf), Y), ValueError, "got -inf in row 450"),
    "beyond float32": ((spoilt(1e39), Y), ValueError, r"in float32, got 1e\+39 in row 450"),
    "masked": ((np.ma.masked_greater(X, 3), Y), ValueError, "got nan"),
    "strings": ((X.astype(str), Y), TypeError, "X of data must be numbers"),
    "objects": ((X.astype(object), Y), TypeError, "X of data must be numbers"),
    "complex": ((X + 0j, Y), TypeError, "X of data must be numbers"),
    "dates": ((X.astype("M8[s]"), Y), TypeError, "X of data must be numbers"),
    "one axis": ((X[:, 0], Y), ValueError, r"shape \(T, d\), got \(601,\)"),
    "three axes": ((X[None], Y), ValueError, r"shape \(T, d\)"),
    "no columns": ((X[:, :0], Y), ValueError, r"shape \(T, d\), got \(601, 0\)"),
    "ragged": (([[1.0], [1.0, 2.0]], Y), ValueError, "X of data is not an array"),
    "no rows": ((X[:0], Y[:0]), ValueError, "at least one sample"),
    "too few labels": (
        (X, Y[:-1]),
        ValueError,
        r"y of data must have shape \(601,\).*got \(600,\)",
    ),
    "a column of labels": ((X, Y[:, None]), ValueError, r"got \(601, 1\)"),
    "minus one and one": ((X, 2 * Y.astype(int) - 1), ValueError, r"0 or 1 .*got -1 in"),
    "classes": ((X, np.arange(T) % 3), ValueError, r"y == one of them\), got 2 in y of data\[2\]"),
    "halves": ((X, np.full(T, 0.5)), ValueError, "0 or 1"),
    "nan labels": ((X, np.full(T, np.nan)), ValueError, "0 or 1.*got nan"),
    "names": ((X, ["yes"] * T), TypeError, "0 or 1, or False or True"),
    "a triple": ((X, Y, Y), ValueError, "a tuple"),
    "an array": (X, TypeError, "a tuple"),
    "text": ("data.csv", TypeError, "a tuple"),
    "a number": (5, TypeError, "a tuple"),
    "no blocks": (iter([]), ValueError, "at least one sample"),
    "a block that is none": ([X], TypeError, "block 0 of data must be a pair"),
    "a wrong first block": ([(X, Y[:3])], ValueError, "y in block 0 of data must have shape"),
}


@pytest.mark.parametrize("which", WRONG)
def test_wrong_data_are_refused_before_any_work(which):
    data, kind, message = WRONG[which]
    with pytest.raises(kind, match=message) as caught:
        sc.train(data=data, **OPTIONS)
    assert not hasattr(caught.value, "runs")


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ((X[:5, :3], Y[:5]), r"X in block 1 of data must have shape \(T, 4\), got \(5, 3\)"),
        ((spoilt(np.nan), Y), "X in block 1 of data must be finite"),
        ((X, Y.astype(int) + 1), "y in block 1 of data must be 0 or 1"),
        (None, "block 1 of data must be a pair"),
    ],
)
def test_a_wrong_later_block_comes_with_what_was_finished(block, message):
    with pytest.raises((ValueError, TypeError), match=message) as caught:
        sc.train(data=[(X[:50], Y[:50]), block, (X, Y)], **OPTIONS)
    assert caught.value.runs.samples == 50


@pytest.mark.parametrize(
    ("wrong", "kind", "message"),
    [
        ({"samples": T + 1}, ValueError, "samples must be at most 601"),
        ({"prior": PRIOR}, ValueError, "prior must be left out"),
        ({"test_inputs": 64}, ValueError, "test_inputs must be left out"),
        ({"shuffle": 1}, TypeError, "shuffle must be True or False"),
        ({"data": [(X, Y)], "shuffle": True}, ValueError, "shuffle must be left out or False"),
        ({"widths": None}, TypeError, "widths must be given"),
        ({"checkpoints": [T + 1]}, ValueError, "checkpoints must be at most 601"),
        ({"data": None}, TypeError, "prior must be a NetworkPrior where there are no data"),
        ({"data": None, "prior": PRIOR}, TypeError, "samples must be given"),
        (
            {"data": None, "prior": PRIOR, "samples": 9, "shuffle": True},
            ValueError,
            "shuffle must be left out where there are no data",
        ),
    ],
)
def test_arguments_that_do_not_go_together(wrong, kind, message):
    with pytest.raises(kind, match=message):
        sc.train(**{"data": (X, Y)} | OPTIONS | wrong)


def test_what_own_data_do_not_have():
    runs = in_order()
    with pytest.raises(ValueError, match=r"network\(\) is of runs on the theory's process"):
        runs.network(0)
    with pytest.raises(ValueError, match=r"data\(\) is of runs on the theory's process"):
        runs.data(0, 5)
    with pytest.raises(TypeError, match="data must be given"):
        runs.extend(T + 1)
    with pytest.raises(ValueError, match="data must have 4 inputs a sample, got 3"):
        runs.extend(data=(X[:, :3], Y))
    with pytest.raises(ValueError, match="samples must be at least 601"):
        runs.extend(300, data=(X, Y))
    with pytest.raises(ValueError, match="data must be left out"):
        sc.train(PRIOR, [2], 64, learning_rates=[0.1]).extend(128, data=(X, Y))
    with pytest.raises(ValueError, match="got own data"):
        figure2(D, 10, runs=runs)
    assert np.isnan(runs.final_error).all()


def test_a_diverging_rate_is_marked():
    runs = in_order(learning_rates=[0.1, 1e6])
    assert (runs.diverged[:, 1:, 1] >= 0).all()
    assert (runs.diverged[..., 0] == -1).all()
    assert np.isfinite(runs.error[..., 0, :]).all()


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adf"])
def test_saved_and_pickled_runs_go_on(optimizer, tmp_path):
    pytest.importorskip("netCDF4")
    rates = {"learning_rates": None} if optimizer == "adf" else {}
    for data in ((X, Y), cut([77])):
        options = OPTIONS | {"optimizer": optimizer, "repeats": 2} | rates
        part = sc.train(data=data, samples=333, **options)
        part.save(tmp_path / "runs.nc")
        whole = part.extend(data=(X, Y))
        for again in (sc.TrainingRuns.load(tmp_path / "runs.nc"), pickle.loads(pickle.dumps(part))):
            assert again.prior is None
            assert again.shuffled == part.shuffled
            assert same(part, again)
            assert same(whole, again.extend(data=(X, Y)))


def test_fields_that_do_not_fit_are_refused():
    runs = in_order()
    for name, value in (
        ("prior", PRIOR),
        ("input_dim", D + 1),
        ("input_dim", 0),
        ("shuffled", -1),
        ("test_inputs", 64),
    ):
        fields = {field: getattr(runs, field) for field in vars(runs)} | {name: value}
        with pytest.raises((ValueError, TypeError), match=f"{name}|state"):
            sc.TrainingRuns(**fields)
    for value in (None, np.zeros((2, D), np.float32), np.zeros((2, D + 1))):
        state = runs._state.copy()
        state.last = value
        fields = {field: getattr(runs, field) for field in vars(runs)} | {"_state": state}
        with pytest.raises((ValueError, TypeError), match="last sample"):
            sc.TrainingRuns(**fields)


@pytest.fixture(scope="module")
def road():
    inputs, labels = teacher(20_000)
    return sc.train(
        widths=[1, 2, 4, 8, 16, 32], data=(inputs, labels), learning_rates=[0.03, 0.1], rng=0
    )


def test_the_road_to_a_law_and_a_plan(road):
    found = road.frontier(np.geomspace(3e3, 2e5, 5))
    assert found.theory is None
    assert found.measure == road.measure == "log-loss"
    assert np.isfinite(found.error).all()
    assert 0.45 < road.error[..., -1].mean(axis=0).min() < np.log(2)  # the teacher leaves 0.47
    table = road.to_table(cost=6.0)
    table = table.where(table.samples > 300)
    law = sc.fit(table, "additive", resamples=20, rng=0)
    plan = sc.plan(law, training_budget=1e7)
    assert plan.loss[()] < np.log(2)


def test_views_say_log_loss(road):
    pytest.importorskip("matplotlib.pyplot")
    found = road.frontier(np.geomspace(3e3, 2e5, 5))
    assert "log-loss" in repr(road)
    assert "log-loss (nats)" in road._repr_html_()
    assert "log-loss (nats)" in found._repr_html_()
    assert "bound" not in found._repr_html_()
    assert road.plot().get_ylabel() == "prequential log-loss (nats per sample)"
    assert "own data" in road.plot().get_title()
    lines, optima = found.plot()
    assert "log-loss" in lines.get_ylabel()
    assert "bound" not in " ".join(text.get_text() for text in optima.get_legend().get_texts())
    data, best = road.to_dataset(), found.to_dataset()
    assert data.error.attrs["long_name"] == "prequential log-loss"
    assert "concentration" not in data.attrs
    assert "concentration" not in best.attrs
    assert best.error.attrs["long_name"] == "prequential log-loss at the best width"
    assert best.line_std_error.attrs["long_name"] == "its standard error"
