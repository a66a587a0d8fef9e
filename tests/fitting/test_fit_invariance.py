"""What must not matter to a fit does not: units, order, the scale of weights, threads."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scalecore as sc

RNG = np.random.default_rng(0)
N, D = (
    np.exp(RNG.uniform(np.log(5e7), np.log(5e9), 60)),
    np.exp(RNG.uniform(np.log(1e9), np.log(1e11), 60)),
)
L = (1.8 + 480 / N**0.35 + 2100 / D**0.37) * np.exp(0.004 * RNG.standard_normal(60))
FORMS = ["additive", "tied", "coupled", "kaplan_offset", "compute"]
TARGET = 7e10, 1.4e12


def law_of(form="additive", n=N, d=D, loss=L, **options):
    table = {
        key: options.pop(key)
        for key in ("weight", "run", "loss_unit", "compute", "cost")
        if key in options
    }
    return sc.fit(sc.RunTable(n, d, loss, **table), form, **({"resamples": 0} | options))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("unit", [1e-9, 1e-6, 3.7])
def test_units_of_n_and_d_do_not_matter(form, unit):
    raw, scaled = law_of(form), law_of(form, N * unit, D * unit, cost=6 / unit**2)
    assert scaled.objective == pytest.approx(raw.objective, rel=1e-9)
    here, there = raw.predict(*TARGET).loss, scaled.predict(TARGET[0] * unit, TARGET[1] * unit).loss
    assert float(there) == pytest.approx(float(here), rel=1e-9)
    exponents = [
        name for name in raw.form.parameters if name.startswith(("alpha", "beta", "gamma", "E"))
    ]
    for name in exponents:
        assert scaled.values[name] == pytest.approx(raw.values[name], rel=1e-7, abs=1e-9), name


@pytest.mark.parametrize("loss", ["huber", "log", "absolute", "squared"])
@pytest.mark.parametrize("form", FORMS)
def test_bits_and_nats_are_one_law(form, loss):
    nats, bits = law_of(form, loss=L, **{}), None
    nats = sc.fit(sc.RunTable(N, D, L), form, loss=loss, resamples=0)
    bits = sc.fit(sc.RunTable(N, D, L / np.log(2), loss_unit="bits"), form, loss=loss, resamples=0)
    assert float(bits.predict(*TARGET).loss) * np.log(2) == pytest.approx(
        float(nats.predict(*TARGET).loss), rel=1e-9
    )
    assert bits.objective == pytest.approx(nats.objective, rel=1e-9)
    assert bits.values["E"] * np.log(2) == pytest.approx(nats.values["E"], rel=1e-8, abs=1e-9)
    if form != "compute":
        a, b = (law.compute_optimal(1e23) for law in (nats, bits))
        assert float(a.parameters) == pytest.approx(float(b.parameters), rel=1e-7)


@pytest.mark.parametrize("form", FORMS)
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=8)
def test_the_order_of_rows_does_not_matter(form, seed):
    order = np.random.default_rng(seed).permutation(len(N))
    one, other = law_of(form), law_of(form, N[order], D[order], L[order])
    assert other.objective == pytest.approx(one.objective, rel=1e-9)
    assert float(other.predict(*TARGET).loss) == pytest.approx(
        float(one.predict(*TARGET).loss), rel=1e-9
    )


def test_weights_are_counts_and_their_scale_does_not_matter():
    times = np.random.default_rng(1).integers(1, 4, len(N))
    split = law_of(n=np.repeat(N, times), d=np.repeat(D, times), loss=np.repeat(L, times))
    for scale in (1.0, 1e-6, 1e6):
        weighted = law_of(weight=scale * times)
        assert weighted.objective == pytest.approx(scale * split.objective, rel=1e-9)
        for name, value in split.values.items():
            # Logarithms are centred at the mean of the rows, so the last digits may differ.
            assert weighted.values[name] == pytest.approx(value, rel=1e-7), name


@pytest.mark.parametrize("intervals", ["pairs", "wild"])
def test_draws_do_not_depend_on_threads(intervals):
    laws = [
        law_of(resamples=500, rng=4, intervals=intervals, n_threads=threads)
        for threads in (1, 2, 5)
    ]
    for law in laws[1:]:
        np.testing.assert_array_equal(law.theta_draws, laws[0].theta_draws)
        np.testing.assert_array_equal(law.theta, laws[0].theta)


def test_the_seed_decides_the_draws():
    first, again, other = (law_of(resamples=50, rng=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.theta_draws, again.theta_draws)
    assert not np.array_equal(first.theta_draws, other.theta_draws)
    np.testing.assert_array_equal(first.theta, other.theta)
