"""Wrong arguments give an error that names them, never what Python stumbled over inside."""

import numpy as np
import pandas as pd
import pytest

import scalecore as sc

COIN = sc.FiniteModel([0.5, 0.5], [[[0.5, 0.5]], [[0.1, 0.9]]], [1.0])
PRIOR = sc.NetworkPrior(3, 5.0)
NETWORK = PRIOR.sample(0)
MANY = sc.FiniteModel([0.5, 0.5], np.full((2, 40, 25), 1 / 25), np.full(40, 1 / 40))
HUGE = 10**400


@pytest.fixture(scope="module", autouse=True)
def small_table():
    sc.spectral_table(3, most_units=16)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: MANY.learning_curve(10**5, method="exact"), "method 'exact' must enumerate"),
        (lambda: MANY.learning_curve(HUGE), "samples must be at most"),
        (lambda: COIN.constrained(np.eye(2), HUGE), "samples must be at most"),
        (lambda: COIN.best_channel(1, HUGE), "samples must be at most"),
        (lambda: COIN.incremental(sc.updates.last_sample(1, 2), HUGE), "steps must be at most"),
        (lambda: sc.updates.saturating_counters(2, 2, 10**6), r"would need 2\*\*4e\+06 states"),
        (lambda: sc.updates.saturating_counters(2, 2, HUGE), "bits must be at most"),
        (lambda: sc.updates.saturating_counters(HUGE, 2, 2), "n_x must be at most"),
        (lambda: sc.updates.leaky_average(3, 2, 10**6, 0.5), "would need"),
        (lambda: sc.updates.leaky_average(3, 2, 500, 0.5), "would need"),
        (lambda: sc.updates.sliding_window(9, 9, 10**6), "would need"),
        (lambda: sc.updates.counts(10**3, 10**3, 10**9), "counts would need"),
        (lambda: sc.updates.counts(1, 2, HUGE), "samples must be at most"),
        (lambda: sc.updates.Update(np.empty((0, 1, 2), int)), "table must have shape"),
        (lambda: sc.updates.Update(np.full((2, 1, 2), 7)), r"table\[0, 0, 0\] must be a state"),
        (lambda: sc.updates.Update(np.zeros((2, 1, 2), int), 2), "initial must be at most 1"),
        (lambda: sc.spectral_table(3, most_units=HUGE), "most_units must be at most"),
        (lambda: sc.spectral_table(3, most_units=10**9), "most_units"),
        (lambda: sc.spectral_table(HUGE), "input_dim must be at most"),
        (lambda: sc.spectrum(10, degrees=10**12), "degrees must be at most"),
        (lambda: sc.spectrum(10, degrees=HUGE), "degrees must be at most"),
        (lambda: sc.directions(HUGE, 2), "input_dim must be at most"),
        (lambda: NETWORK.thin(2**63), "n must be at most"),
        (lambda: NETWORK.thin(HUGE), "n must be at most"),
        (
            lambda: sc.train(PRIOR, [2], 64, learning_rates=[0.1], test_inputs=2**40),
            "test_inputs must be at most",
        ),
        (lambda: sc.misspecification(PRIOR, [1], inputs=HUGE), "inputs must be at most"),
        (lambda: sc.misspecification(PRIOR, [HUGE]), "widths"),
        (lambda: sc.compute_optimal(HUGE, 10, 100), "budget"),
        (lambda: sc.compute_optimal(np.array([True, 1e9], object), 10, 100), "budget must be real"),
        (
            lambda: sc.compute_optimal(np.array([np.timedelta64(1), 1e9], object), 10, 100),
            "budget must be real",
        ),
        (lambda: sc.compute_optimal(1e9, 10, 100, n_threads=-HUGE), "n_threads must be at least"),
        (lambda: sc.spectral_terms(2, 1e5, 3, 10, strategies=None), "strategies must be"),
        (lambda: sc.spectral_terms(2, 1e5, 3, 10, strategies=5), "strategies must be"),
        (lambda: sc.spectral_terms(2, 1e5, 3, 10, strategies=[["atoms"]]), "strategies must be"),
        (lambda: sc.NetworkPrior(HUGE, 5), "input_dim must be at most"),
        (lambda: sc.NetworkPrior(3, HUGE), "concentration must be"),
        (lambda: sc.NetworkPrior(3, -(10**5000)), "concentration must be"),
    ],
)
def test_errors_name_the_argument(call, message):
    with pytest.raises((ValueError, TypeError), match=message) as caught:
        call()
    assert type(caught.value) in (ValueError, TypeError)
    assert len(str(caught.value)) < 400
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "call",
    [
        lambda bad: sc.misspecification(PRIOR, bad),
        lambda bad: sc.train(PRIOR, bad, 64, learning_rates=[0.1]),
        lambda bad: sc.train(PRIOR, [2], 64, learning_rates=bad),
    ],
)
def test_messages_say_which_entry_is_bad(call):
    for value in (0.0, -3.0, np.nan, np.inf):
        bad = [1.0, 2.0, value, 4.0]
        for given in (bad, np.array(bad), pd.Series(bad, index=[7, 8, 9, 10])):
            with pytest.raises(ValueError, match=rf"got {value!r} in \w+\[2\]"):
                call(given)


@pytest.mark.parametrize("kind", [pd.Series, pd.Index, np.array, pd.array])
def test_a_column_of_text_takes_one_line_of_a_message(kind):
    column = kind(["a", "b", "c"] * 50)
    with pytest.raises(TypeError, match="must be real numbers") as caught:
        sc.misspecification(PRIOR, column)
    assert len(str(caught.value)) < 120
    assert "\n" not in str(caught.value)


def test_underflow_is_nobody_s_error():
    """Under `np.seterr(all="raise")` numbers that become 0 inside are as harmless as without."""
    far = sc.FiniteModel(
        np.full(3, 1 / 3), [[[1e-200, 1 - 1e-200]], [[0.5, 0.5]], [[0.9, 0.1]]], [1.0]
    )
    with np.errstate(all="raise"):
        assert 0 <= sc.Network([[1.0, 0.0]], [900.0], 0, 5.0).probability([-1.0, 0.0]) <= 1
        assert sc.Network([[1.0, 0.0]], [-900.0], 0, 5.0).probability([1.0, 0.0]) < 1e-300
        tiny = sc.Network([[1e-30, 0.0]], [1e-30], 0, 5.0)
        assert tiny(np.ones(2, np.float32)) == tiny.probability(np.ones(2, np.float32)) - 0.5 == 0
        assert far.best_channel(2, 10_000).bound > 0
        assert far.learning_curve(200).information[-1] > 0
        assert far.constrained(np.eye(3), 1000).bound > 0
        assert far.incremental(sc.updates.last_sample(1, 2), 100).error.sum() > 0
        assert sc.spectral_table(6, most_units=20).residual[-1] < 0.1
        assert sc.refined_bound(4, 1e5, 6, 10) > 0
        assert sc.spectrum(10**15).mass[0] > 0
        some = sc.HypothesisSet(PRIOR.sample(seed) for seed in range(3))
        assert some.learning_curve(2000, replicates=2, rng=0).information[-1] > 0
        runs = sc.train(PRIOR, [2, 4], 512, learning_rates=[0.1], repeats=2, rng=0)
        assert runs.weights(0, 2)[0].shape == (2, 3)
        assert sc.compute_optimal(1e300, 3, 1e-300).error > 0


@pytest.mark.parametrize("shown", [0.0316228, "0.0316228", 0.03162277660168379])
def test_a_rate_is_found_as_a_repr_shows_it(shown):
    rates = 10 ** np.linspace(-2, -1, 3)
    runs = sc.train(PRIOR, [2], 64, learning_rates=rates, repeats=2, rng=0)
    if isinstance(shown, str):
        with pytest.raises(TypeError, match="learning_rate must be"):
            runs.weights(0, 2, shown)
        return
    np.testing.assert_array_equal(runs.weights(0, 2, shown)[0], runs.weights(0, 2, rates[1])[0])
    with pytest.raises(ValueError, match=r"must be one of 0.01, 0.0316228, 0.1, got 0.0317"):
        runs.weights(0, 2, 0.0317)
    for bad in (None, "a", np.nan, [0.01, 0.1], HUGE):
        with pytest.raises((ValueError, TypeError), match="learning_rate must be"):
            runs.weights(0, 2, bad)
