"""The best learner's error between its sides.

Statistical tests have fixed seeds; a bracket at 3 standard errors on either side alarms falsely
once in 370, one of them at 4 once in 16,000.
"""

import os
import pickle
import signal
import threading
import time

import numpy as np
import pytest
from oracles import posterior as oracle

import scalecore as sc
from scalecore._core import posterior as core
from scalecore.posterior import _bayes_error, _cells, _replicates, _sources

SMALL = bool(os.environ.get("CI"))
PRIOR = sc.NetworkPrior(3, 5.0)


def brackets(found, truth, std_error, place=-1, widths=3.0):
    """Whether the sides hold the truth between them, up to 3 standard errors of both."""
    low, high = found.information_lower[place], found.information_upper[place]
    T = found.samples[place]
    low_error = np.hypot(T * found.lower_std_error[place], std_error)
    high_error = np.hypot(T * found.upper_std_error[place], std_error)
    return low - widths * low_error <= truth <= high + widths * high_error


@pytest.mark.slow
@pytest.mark.parametrize(
    ("d", "K", "steps"),
    [(1, 0.05, 64), (1, 1.0, 64), (2, 1.0, 48), (3, 3.0, 32), (10, 2.0, 32)],
)
def test_truth_from_weighted_draws(d, K, steps):
    """Where few nats are known, draws from the prior weighted by their likelihoods are exact."""
    rng = np.random.default_rng(int(100 * K) + d)
    truths = 60 if SMALL else 160
    truth, std_error = oracle.information_by_weights(
        oracle.ManyNetworks(d, K, rng), truths, 4000, steps, rng
    )
    found = sc.bayes_error(sc.NetworkPrior(d, K), [steps], replicates=48, rng=1)
    assert brackets(found, truth, std_error), (truth, std_error, found.information_lower)
    assert found.chains_upper[0] / found.chains_lower[0] < 1.15


@pytest.mark.slow
@pytest.mark.parametrize(("d", "K", "steps"), [(1, 0.5, 30), (3, 5.0, 40), (10, 100.0, 40)])
def test_sets_of_hypotheses(d, K, steps):
    """F is one of 512 networks from the prior, and posteriors are sums over them. I(F; H) is what
    data tell of which network of a set it is and of which set; that they hardly tell of the set,
    where they tell less than 2 of its ln 512 = 6.2 nats, is what the lower side tests here."""
    prior = sc.NetworkPrior(d, K)
    told = []
    for number in range(4 if SMALL else 8):
        networks = [prior.sample(1000 * number + i) for i in range(512)]
        curve = sc.HypothesisSet(networks).learning_curve(steps, replicates=12, rng=number)
        told.append(curve.information[-1])
    truth, std_error = np.mean(told), np.std(told, ddof=1) / np.sqrt(len(told))
    found = sc.bayes_error(prior, [steps], replicates=32, states=48, rng=6)
    assert brackets(found, truth, std_error), (truth, std_error, found.information_lower)


@pytest.mark.slow
@pytest.mark.parametrize(("d", "steps"), [(1, 300), (2, 200), (3, 100)])
def test_one_atom(d, steps):
    """K -> 0: F(x) = s max(w.x, 0), whose posterior is a sum over directions."""
    rng = np.random.default_rng(d)
    truths = 60 if SMALL else 160
    truth, std_error = oracle.one_atom_information(d, steps, truths, rng)
    found = sc.bayes_error(sc.NetworkPrior(d, 1e-4), [steps], replicates=64, rng=2)
    assert brackets(found, truth, std_error), (truth, std_error, found.information_lower)


# (d, K, T): I in nats with its standard error, or the ends of an interval; from codes of their own
# (quadrature at d = 1, a grid over directions for one atom).
KNOWN = {
    (2, 1e-4, 10): (0.422, 0.012),
    (2, 1e-4, 100): (2.052, 0.015),
    (2, 1e-4, 1000): (3.380, 0.046),
    (3, 1e-4, 10): (0.451, 0.018),
    (3, 1e-4, 100): (2.407, 0.027),
    (3, 1e-4, 1000): (4.963, 0.081),
}


@pytest.mark.slow
@pytest.mark.parametrize(("d", "K", "T"), list(KNOWN))
def test_values_by_other_codes(d, K, T):
    truth, std_error = KNOWN[d, K, T]
    found = sc.bayes_error(sc.NetworkPrior(d, K), [T], replicates=96, states=48, rng=3)
    assert brackets(found, truth, std_error), (found.information_lower, found.information_upper)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("K", "low", "high"),
    [(1e-3, 1.411, 1.437), (0.1, 3.04, 3.09), (1.0, 7.23, 7.32), (10.0, 8.25, 8.43)],
)
def test_two_slopes(K, low, high):
    """d = 1 at T = 1e5, where quadrature gives the information between two ends."""
    if SMALL:
        pytest.skip("takes a minute")
    found = sc.bayes_error(sc.NetworkPrior(1, K), [1e5], replicates=8, states=24, rng=4)
    assert brackets(found, (low + high) / 2, (high - low) / 4)


@pytest.mark.slow
def test_ten_inputs():
    """d = 10, K = 100: 4.36(4) and 18.18(19) nats at 128 and 1000 by another code's chains."""
    found = sc.bayes_error(sc.NetworkPrior(10, 100), [128, 1000], replicates=32, rng=5)
    for place, (known, std_error) in enumerate([(4.36, 0.04), (18.18, 0.19)]):
        low = found.information_lower[place]
        error = np.hypot(std_error, found.samples[place] * found.lower_std_error[place])
        assert abs(low - known) < 0.05 * known + 3 * error  # its chains were others
    assert (found.chains_upper / found.chains_lower < 1.10).all()
    # the filter's error can hardly be told from the chains'
    assert np.isin(found.upper_source, ["chains", "filter"]).all()


def test_sides_are_ordered_and_shrink():
    found = sc.bayes_error(PRIOR, [1, 10, 100, 1000], replicates=16, states=16, rng=6)
    assert (found.chains_lower < found.chains_upper).all()
    assert (np.diff(found.chains_upper) < 0).all()
    assert (np.diff(found.information_lower) > 0).all()
    cells = found.cells
    assert cells.edges[0] == 0
    assert set(found.samples) <= set(cells.edges)
    assert (cells.lower <= cells.upper).all()
    sizes = np.diff(cells.edges)
    assert (sizes * cells.lower).sum() == pytest.approx(1000 * found.chains_lower[-1])
    assert (sizes * cells.upper).sum() == pytest.approx(1000 * found.chains_upper[-1])


def test_the_tightest_sides_are_named():
    """With two states proved bounds and the filter are tighter than chains."""
    found = sc.bayes_error(PRIOR, [100, 10**4], replicates=32, states=2, rng=7)
    assert found.lower_source.tolist() == ["bayes_error_lower_bound"] * 2
    assert np.array_equal(found.lower, sc.bayes_error_lower_bound([100, 10**4], 3, 5.0))
    assert (found.lower_std_error == 0).all()
    assert found.upper_source.tolist() == ["filter", "refined_bound"]
    assert found.upper_std_error[0] > 0
    assert found.upper[1] == sc.refined_bound(1e300, 10**4, 3, 5.0)
    assert found.upper_std_error[1] == 0
    assert (found.chains_lower < found.lower).all()
    assert (found.chains_upper > found.upper).all()
    many = sc.bayes_error(PRIOR, [1000], replicates=64, rng=7)
    assert many.lower_source == many.upper_source == ["chains"]
    assert many.lower == many.chains_lower
    assert many.upper == many.chains_upper


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_an_estimate_must_be_clearly_tighter_than_the_chains(sign):
    """And what is proved need not. Means and names at four numbers of samples, either side."""
    chains = _sources.Side("chains", sign * np.array([1.0, 1.0, 1.0, np.nan]), np.full(4, 0.1))
    proved = _sources.Side("proved", sign * np.array([0.99, 2.0, 2.0, 2.0]), np.zeros(4))
    estimate = _sources.Side("filter", sign * np.array([0.9, 0.75, 0.6, 3.0]), np.full(4, 0.1))
    side = _sources.tightest(chains, [proved, estimate], upper=sign > 0)
    assert side.source.tolist() == ["proved", "chains", "filter", "proved"]
    assert (sign * side.mean).tolist() == [0.99, 1.0, 0.6, 2.0]
    assert side.std_error.tolist() == [0.0, 0.1, 0.1, 0.0]


def test_a_failing_bound_fails_before_the_chains(monkeypatch):
    def failing(*_):
        raise RuntimeError("no table")

    monkeypatch.setattr(_bayes_error, "proved_upper", failing)
    monkeypatch.setattr(core, "chains", lambda **_: pytest.fail("chains ran first"))
    with pytest.raises(RuntimeError, match="no table"):
        sc.bayes_error(PRIOR, [10], replicates=2, states=2)


def test_error_of_the_ratio():
    """Against the jackknife over replicates; where sides have other sources, as independent."""
    plan = _bayes_error._planned(PRIOR, [10, 100], 12, 8, None, "both", 3)
    steps = _replicates.steps_of_cells(plan, 0)
    rows = np.concatenate(list(_replicates.next_batch(plan, steps, 0, 0)))
    nothing = _bayes_error._Others([], [])
    found = _bayes_error._result(plan, nothing, steps, rows)
    ratios = np.array(
        [
            _bayes_error._result(plan, nothing, steps, np.delete(rows, left, axis=0)).ratio
            for left in range(len(rows))
        ]
    )
    jackknife = np.sqrt((len(rows) - 1) * ratios.var(axis=0))
    assert found.ratio_std_error == pytest.approx(jackknife, rel=0.1)
    independent = np.hypot(found.lower_std_error / found.lower, found.upper_std_error / found.upper)
    assert (found.ratio_std_error < 0.6 * found.ratio * independent).all()
    # a proved lower side, and an upper one that is another estimate
    proved = _sources.Side("proved", found.lower * 2, np.zeros(2))
    other = _sources.Side("filter", found.upper / 2, found.upper / 100)
    among = _bayes_error._result(plan, _bayes_error._Others([proved], [other]), steps, rows)
    assert (among.lower_source == "proved").all()
    assert (among.upper_source == "filter").all()
    assert among.ratio_std_error == pytest.approx(0.02 * among.ratio)


def test_one_side_alone():
    lower = sc.bayes_error(PRIOR, [10, 100], replicates=8, states=8, side="lower", rng=8)
    both = sc.bayes_error(PRIOR, [10, 100], replicates=8, states=8, rng=8)
    upper = sc.bayes_error(PRIOR, [10, 100], replicates=8, states=8, side="upper", rng=8)
    assert np.array_equal(lower.chains_lower, both.chains_lower)
    assert np.isnan(lower.chains_upper).all()
    assert set(lower.upper_source) <= {"refined_bound", "bayes_error_bound"}
    assert np.isnan(upper.chains_lower).all()
    assert (upper.lower_source == "bayes_error_lower_bound").all()
    assert np.array_equal(upper.lower, sc.bayes_error_lower_bound([10, 100], 3, 5.0))
    error = np.hypot(upper.chains_upper_std_error, both.chains_upper_std_error)
    assert (np.abs(upper.chains_upper - both.chains_upper) < 4 * error).all()


def test_shapes_and_order_are_kept():
    forward = sc.bayes_error(PRIOR, [[10, 30], [100, 30]], replicates=4, states=4, rng=9)
    assert forward.lower.shape == forward.upper_source.shape == (2, 2)
    back = sc.bayes_error(PRIOR, [100, 30, 10], replicates=4, states=4, rng=9)
    assert np.array_equal(forward.lower[1, ::-1], back.lower[1::-1])
    one = sc.bayes_error(PRIOR, 100, replicates=4, states=4, rng=9)
    assert np.ndim(one.lower) == 0
    assert repr(one).startswith("BayesError(1 numbers")


@pytest.mark.parametrize("threads", [2, 3])
def test_same_bits_for_any_threads(threads):
    one, more = (
        sc.bayes_error(PRIOR, [10, 200], replicates=10, states=6, rng=10, n_threads=n)
        for n in (1, threads)
    )
    assert np.array_equal(one.lower, more.lower)
    assert np.array_equal(one.chains_upper, more.chains_upper)
    assert np.array_equal(one.cells.step, more.cells.step)


def test_more_replicates_until_it_is_precise():
    found = sc.bayes_error(PRIOR, [20], replicates=8, states=8, rtol=0.03, rng=11)
    assert found.replicates > 8
    assert found.replicates % 8 == 0
    assert found.lower_std_error[0] <= 0.03 * found.lower[0]
    first = sc.bayes_error(PRIOR, [20], replicates=found.replicates, states=8, rng=11)
    assert np.array_equal(first.lower, found.lower)


def test_chances_of_a_cell_are_those_of_its_weights():
    cells = _cells.cells_of(PRIOR, np.array([1000.0]))
    drawn = np.concatenate([cells.drawn(5, batch, 8) for batch in range(0, 16_000, 8)])
    for cell, (first, beyond) in enumerate(zip(cells.edges, cells.edges[1:], strict=False)):
        every = np.arange(first, beyond)
        weights = cells.weights(np.repeat(every[:, None], cells.count, axis=1))[:, cell]
        chances = 1 / (every.size * weights)
        assert chances.sum() == pytest.approx(1, rel=1e-12)
        assert (np.diff(chances) < 0).all()
        # in tenths of a cell; 60 frequencies, each beyond 4.5 deviations with chance 7e-6
        parts = min(10, every.size)
        part = (np.arange(every.size) * parts) // every.size
        counted = np.bincount(part[drawn[:, cell] - first], minlength=parts) / len(drawn)
        wanted = np.bincount(part, weights=chances)
        deviation = np.sqrt(wanted * (1 - wanted) / len(drawn))
        assert (np.abs(counted - wanted) <= 4.5 * deviation + 1e-12).all()
    # what falls as increments do hardly depends on which t is drawn
    falling = cells.weights(drawn) / np.sqrt(1 + drawn / (4 * PRIOR.input_dim))
    assert (falling.std(axis=0) <= 0.01 * falling.mean(axis=0)).all()


def test_counts_of_a_batch_are_spread_over_their_cell():
    cells = _cells.cells_of(PRIOR, np.array([1000.0]))
    counts = np.concatenate([cells.drawn(5, batch, 8) for batch in range(0, 8000, 8)])
    # the cells that follow do not change those before
    fewer = _cells.cells_of(PRIOR, np.array([10.0]))
    assert np.array_equal(fewer.drawn(5, 8, 8), cells.drawn(5, 8, 8)[:, : fewer.count])
    # one in each eighth of a cell: their means scatter far less
    means = counts.reshape(-1, 8, cells.count).mean(axis=1)[:, -1]
    assert means.std() < 0.2 * counts[:, -1].std()


def test_sticks_leave_what_was_promised():
    samples = np.array([1, 100, 10**4, 10**6])
    for K in (1e-3, 1.0, 100.0):
        sticks = _cells.moving_sticks(sc.NetworkPrior(10, K), samples)
        left = (K / (K + 2)) ** sticks / 16
        assert (left <= 0.0051 * sc.bayes_error_bound(samples, 10)).all()
        assert (sticks % core.STICK_MULTIPLE == 0).all()
        assert (np.diff(sticks) >= 0).all()


def interrupted(call, seconds):
    def press():
        time.sleep(seconds)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt) as caught:
            call()
    finally:
        thread.join()
    return caught.value


def test_ctrl_c_carries_what_was_finished():
    def call():
        sc.bayes_error(PRIOR, [300], replicates=10**6, states=16, side="lower", rng=12)

    stopped = interrupted(call, 1.5)
    assert isinstance(stopped, sc.BayesErrorInterrupted)
    count = stopped.result.replicates
    assert 2 <= count < 10**6
    assert str(count) in str(stopped)
    whole = sc.bayes_error(PRIOR, [300], replicates=count, states=16, side="lower", rng=12)
    assert np.array_equal(whole.lower, stopped.result.lower)


def test_costly_batches_come_in_parts(monkeypatch):
    """So that Ctrl-C leaves what is finished of a batch; the answer is the same."""
    options = {"replicates": 10, "states": 4, "rng": 12}
    whole = sc.bayes_error(PRIOR, [300], **options)
    sizes = []
    measured = _replicates._measured

    def counted(plan, steps, first, counts, threads):
        sizes.append((first, len(counts)))
        return measured(plan, steps, first, counts, threads)

    monkeypatch.setattr(_replicates, "_COSTLY", 200)
    monkeypatch.setattr(_replicates, "_measured", counted)
    monkeypatch.setattr(_bayes_error, "steps_of_cells", lambda plan, threads: whole.cells.step)
    parts = sc.bayes_error(PRIOR, [300], n_threads=3, **options)
    assert sizes == [(0, 3), (3, 3), (6, 2), (8, 2)]
    assert np.array_equal(parts.lower, whole.lower)
    assert np.array_equal(parts.upper, whole.upper)


def test_ctrl_c_inside_one_batch():
    def call():
        sc.bayes_error(sc.NetworkPrior(10, 100), [10**6], replicates=2, rng=12)

    assert type(interrupted(call, 0.5)) is KeyboardInterrupt


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"prior": 3}, "prior must be a NetworkPrior"),
        ({"samples": []}, "samples must hold at least one"),
        ({"samples": [0]}, "samples must be whole numbers"),
        ({"samples": [1.5]}, "samples must be whole numbers"),
        ({"samples": [float("nan")]}, "samples must be whole numbers"),
        ({"samples": [1e10]}, "samples must be whole numbers, at most 1e"),
        ({"samples": "many"}, "samples must be real numbers"),
        ({"replicates": 1}, "replicates must be at least 2"),
        ({"replicates": 2.5}, "replicates must be an integer"),
        ({"states": 1}, "states must be at least 2"),
        ({"states": 10**9}, "states must be at most"),
        ({"rtol": 0.0}, "rtol must be one positive"),
        ({"rtol": 1e-9}, "rtol must be at least"),
        ({"side": "left"}, "side must be one of"),
        ({"rng": -1}, "rng must not be negative"),
        ({"n_threads": 0}, "n_threads must be at least 1"),
        ({"progress": 1}, "progress must be True or False"),
        ({"prior": sc.NetworkPrior(3, 1e8)}, "prior must have a concentration"),
    ],
)
def test_mistakes(wrong, message):
    arguments = {"prior": PRIOR, "samples": [10], "replicates": 2, "states": 2} | wrong
    prior, samples = arguments.pop("prior"), arguments.pop("samples")
    with pytest.raises((TypeError, ValueError), match=message):
        sc.bayes_error(prior, samples, **arguments)


def test_too_many_samples_for_this_machine():
    with pytest.raises(MemoryError, match="chains over 1000000000 samples"):
        sc.bayes_error(sc.NetworkPrior(4000, 5.0), [1e9], replicates=2, states=2)


def test_views():
    found = sc.bayes_error(PRIOR, [10, 100], replicates=4, states=4, rng=13)
    html = found._repr_html_()
    assert "BayesError: d = 3, K = 5" in html
    assert html.count("<tr>") == 3
    ax = found.plot()
    assert ax.get_xscale() == ax.get_yscale() == "log"
    data = found.to_dataset()
    assert (data.lower.values == found.lower).all()
    assert (data.cell_lower.values == found.cells.lower).all()
    assert data.lower.attrs["units"] == "nat"
    again = pickle.loads(pickle.dumps(found))
    assert np.array_equal(again.upper, found.upper)
