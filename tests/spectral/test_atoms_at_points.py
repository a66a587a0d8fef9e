"""What lets points leave out rows without solving for their atoms: what the lower bound of
csrc/spectral/atoms_at_points.h rests on, and that it leaves out nothing that is best."""

import numpy as np
import pytest
from scipy.special import digamma, polygamma

import scalecore as sc

STEEPEST_FALL, BEND = 1 / 17, 0.0375


def rise(n, K, d, T):
    """dh/d ln n, with h(n) the least over eps of eps^2/16 + U (ln 2n + d ln(1 + 2/eps))/T."""
    U, by_log_n = K * (digamma(K + n) - digamma(K)), K * n * polygamma(1, K + n)
    x = d * U / T
    eps = 2 * np.sqrt(2 * np.minimum(x, 1))
    for _ in range(60):  # from above, where the function is convex
        eps = eps - (eps * eps * (eps + 2) - 16 * x) / (eps * (3 * eps + 4))
    eps = np.minimum(eps, 2)
    return (by_log_n * (np.log(2 * n) + d * np.log1p(2 / eps)) + U) / T


def test_the_cost_of_atoms_hardly_ever_bends_down():
    """Where K >= 1, dh/d ln n falls more slowly than n^(-1/17); the least is found with many
    dimensions, an eps near 2 and n/K near a hundred."""
    rng, count, step = np.random.default_rng(0), 400_000, 1e-4
    K = 10 ** np.where(rng.random(count) < 0.3, 0, rng.uniform(0, 4, count))
    n = np.maximum(K * 10 ** rng.uniform(-4, 5, count), 1)
    d, eps = 10 ** rng.uniform(0, 9, count), 2 * 10 ** -rng.exponential(1, count)
    T = 16 * d * K * (digamma(K + n) - digamma(K)) / (eps * eps * (eps + 2))
    power = np.log(rise(n * np.exp(step), K, d, T) / rise(n * np.exp(-step), K, d, T)) / (2 * step)
    assert -STEEPEST_FALL < power.min() < -0.05


@pytest.mark.parametrize("fall", [STEEPEST_FALL, STEEPEST_FALL / (1 - STEEPEST_FALL)])
def test_bends_are_below_what_they_stand_for(fall):
    t = np.linspace(-8, 8, 100_001)
    assert np.all(t - BEND * t**2 <= -np.expm1(-fall * t) / fall + 1e-15)


@pytest.mark.parametrize("d", [2, 10, 100])
def test_no_row_is_left_out_that_is_best(d):
    """Against every row with whole numbers of atoms near those that were found."""
    table = sc.spectral_table(d, most_units=150)
    rng = np.random.default_rng(d)
    n, T, K = (10 ** rng.uniform(a, b, 3000) for a, b in ((0, 7), (0, 16), (-3, 5)))
    found = sc.spectral_terms(n, T, d, K)
    assert np.count_nonzero(found.strategy == "atoms") > 300
    arrays, least = table.strategies.arrays, np.full(n.size, np.inf)
    whole = np.floor(n)
    for row in arrays["atom_row"]:
        most = whole - table.units[row]
        some = np.flatnonzero(most >= 1)
        fixed = cost_of_fixed(table, row, T[some])
        guess = np.minimum(found.atoms[some], most[some]).clip(1)
        for by in (-0.5, -0.1, -0.01, 0, 0.01, 0.1, 0.5):
            drawn = np.floor(np.minimum(guess * np.exp(by), most[some])).clip(1)
            eps = sc.optimal_resolution(drawn, T[some], d, K[some])
            list_ = sc.occupancy(drawn, K[some]) * (np.log(2 * drawn) + d * np.log1p(2 / eps))
            cost = K[some] * table.residual[row] / (8 * drawn) + eps**2 / 16 + list_ / T[some]
            least[some] = np.minimum(least[some], fixed + cost)
    assert np.all(found.error <= least * (1 + 1e-11))


def cost_of_fixed(table, row, T):
    """What the coefficients of a row cost when they are sent with noise."""
    mu = table.eigenvalues[row][:, None]
    noise = np.minimum(mu, 4 / T)
    return table.copies[row] @ (np.log(mu / noise) / (2 * T) + noise / 8)
