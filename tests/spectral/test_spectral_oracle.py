"""The oracle of the spectral bounds against itself: formulas, quadrature, series, relations between
bounds, and known values."""

from itertools import pairwise

import numpy as np
import pytest
from oracles import bounds as oracle
from oracles import spectral as spectral


@pytest.mark.parametrize("d", [2, 3, 10, 50, 200])
def test_eigenvalues_by_formula_and_by_quadrature(d):
    exact = np.array([float(spectral.eigenvalue(k, d)) for k in range(12)])
    assert np.allclose(spectral.eigenvalues_by_quadrature(d, 12), exact, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("d", [1, 2, 3, 10, 50])
def test_multiplicities_and_the_whole_variance(d):
    """N_l is the dimension of the harmonics; sum N_l lambda_l = 1/2, and kappa is the series of
    both."""
    counts = [spectral.multiplicity(k, d) for k in range(8)]
    homogeneous = [spectral.binomial(d + k - 1, k) for k in range(8)]
    assert counts[:2] == homogeneous[:2]
    assert [a + b for a, b in zip(counts[2:], homogeneous[:-2], strict=True)] == homogeneous[2:]
    values, counts, tail = spectral.spectrum(d)
    assert 0 <= tail < 1e-5
    assert abs((values * counts).sum() + tail - 0.5) < 1e-15
    if d > 1:
        t = np.linspace(-1, 1, 41)
        assert (
            np.abs((values * counts) @ spectral.legendre(t, d, 400) - spectral.kappa(t)).max()
            < 2 * tail + 1e-13
        )


def test_kappa_even_is_the_even_part():
    t = np.linspace(-1, 1, 101)
    assert np.allclose(
        spectral.kappa_even(t), (spectral.kappa(t) + spectral.kappa(-t)) / 2, atol=1e-15
    )


@pytest.mark.parametrize("T", [0.5, 4.0, 1e3, 1e9])
def test_cost_of_a_coefficient_is_the_least(T):
    for mu in (1e-9, 1e-3, 0.1, 0.5):
        D = mu * np.geomspace(1e-12, 1, 200_001)
        assert np.isclose(
            spectral.coefficient_cost(mu, T), (0.5 * np.log(mu / D) / T + D / 8).min(), rtol=1e-7
        )


def test_known_values_in_ten_dimensions():
    got = [float(spectral.eigenvalue(k, 10)) for k in (0, 1, 2, 4)]
    assert np.allclose(got, [0.16730121, 0.025, 1.38265464e-3, 8.1813884e-6], rtol=1e-8)
    assert [spectral.multiplicity(k, 10) for k in (0, 1, 2, 4)] == [1, 10, 54, 660]
    bayes = [float(spectral.bayes_error_bound(T, 10)) for T in (1000, 5063, 25629, 129747, 1477892)]
    assert np.allclose(
        bayes, [0.0268670066, 0.0143485986, 5.69711770e-3, 2.33763519e-3, 9.70300725e-4], rtol=1e-8
    )


@pytest.mark.parametrize("d", [1, 2, 3, 6])
def test_projection_tells_no_more_than_the_whole_and_grows(d):
    """Eigenvalues below those of the whole covariance, and interlaced when a direction is added."""
    U = spectral.random_directions(2 * d, d, np.random.default_rng(d))
    values, counts, _ = spectral.spectrum(d, 40)
    whole = np.sort(
        np.concatenate(
            [
                np.full(int(min(count, 50)), value)
                for value, count in zip(values, counts, strict=True)
            ]
        )
    )[::-1]
    for pair in (True, False):
        spans = [
            np.sort(spectral.span_eigenvalues(U[:q], d, pair))[::-1] for q in range(1, len(U) + 1)
        ]
        assert all((mu <= whole[: len(mu)] + 1e-12).all() for mu in spans)
        for less, more in pairwise(spans):
            assert (less <= more[: len(less)] + 1e-12).all()
            costs = [
                spectral.coefficient_cost(mu, 500.0).sum() + (0.5 - mu.sum()) / 8
                for mu in (less, more)
            ]
            assert costs[1] <= costs[0] + 1e-13


def test_without_a_span_it_is_the_bound_of_section_four():
    for n, T, d, K in ((1, 1e3, 3, 5.0), (50, 1e5, 10, 100.0), (1000, 1e9, 2, 10.0)):
        assert np.isclose(
            spectral.spectral_value(np.zeros(0), n, T, d, K),
            float(oracle.error_bound(n, T, d, K)),
            rtol=1e-13,
        )


def test_falls_with_width_and_samples():
    d, K, rng = 4, 6.0, np.random.default_rng(5)
    U = spectral.random_directions(30, d, rng)
    table = {0: np.zeros(0)} | {
        q + 2: spectral.span_eigenvalues(U[:q], d) for q in (0, 1, 2, 5, 10, 30)
    }
    by_width = [spectral.spectral_bound(n, 1e4, d, K, table)[0] for n in (1, 2, 3, 5, 10, 40, 200)]
    by_samples = [spectral.spectral_bound(40, T, d, K, table)[0] for T in (1, 10, 1e3, 1e5, 1e8)]
    assert (np.diff(by_width) <= 1e-15).all()
    assert (np.diff(by_samples) <= 1e-15).all()
    assert by_samples[-1] < float(oracle.error_bound(40, 1e8, d, K)) / 3
