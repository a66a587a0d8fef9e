"""Masses of the infinite-width network's atoms, and how often a network of n units draws each.

Seeds are fixed; a comparison at 4 standard errors alarms falsely once in 16,000, one by
Kolmogorov-Smirnov or by chi-square once in 10,000.
"""

import numpy as np
import pytest
from test_random import chi_square_is_fine, kolmogorov_smirnov

from scalecore._core import network as core


def test_law_of_the_masses():
    key, K = 77, 3.0
    first = [core.atoms(key, item, 1, K, 0, 1.0)[2] for item in range(4000)]
    sticks = np.array([masses[0] for masses in first])
    assert kolmogorov_smirnov(sticks, lambda b: 1 - (1 - b) ** K) < 2.23
    second = np.array([masses[1] / (1 - masses[0]) for masses in first])
    assert kolmogorov_smirnov(second, lambda b: 1 - (1 - b) ** K) < 2.23
    assert abs(np.corrcoef(sticks, second)[0, 1]) < 4 / np.sqrt(4000)
    squares = np.array([np.square(masses).sum() for masses in first])
    assert abs(squares.mean() - 1 / (K + 1)) < 4 * squares.std() / np.sqrt(4000)


@pytest.mark.parametrize(("n", "K"), [(10, 3.0), (30, 0.5), (12, 40.0)])
def test_distinct_units_follow_ewens(n, K):
    """P(U = k) = |s(n, k)| K^k / (K)_n with Stirling numbers of the first kind; chi-square."""
    size = 20_000
    rows = [np.zeros((size, 1)) for _ in range(3)]
    core.experiment(5, 0, 1, K, 1e-8, 1, np.array([float(n)]), False, *rows, 0)
    law = np.zeros(n + 1)
    law[0] = 1.0
    for i in range(n):
        law = np.append(0.0, law[:-1]) * K / (K + i) + law * i / (K + i)
    assert chi_square_is_fine(np.bincount(rows[2][:, 0].astype(int), minlength=n + 1), size * law)


@pytest.mark.parametrize("n", [3, 150, 191, 250, 1000, 20_000, 10**9])
@pytest.mark.parametrize("K", [2.0, 30.0])
def test_draws_are_multinomial(n, K):
    """Pearson's statistic has a known mean and variance, whatever the counts; also of groups of
    atoms, which hold if the counts' covariances do."""
    networks = [core.draws(6, item, K, n) for item in range(600)]
    for group in (1, 7, 32):
        z = []
        for masses, counts in networks:
            starts = np.arange(0, len(masses), group)
            p, seen = np.add.reduceat(masses, starts), np.add.reduceat(counts, starts)
            enough = n * p > 0.05
            p, seen = np.append(p[enough], 1 - p[enough].sum()), seen[enough]
            seen = np.append(seen, n - seen.sum())
            if p[-1] < 1e-12:
                assert seen[-1] <= 1
                p, seen = p[:-1], seen[:-1]
            k = p.size
            variance = 2 * (k - 1) + ((1 / p).sum() - k * k - 2 * k + 2) / n
            if variance > 1e-9:
                z.append((((seen - n * p) ** 2 / (n * p)).sum() - (k - 1)) / np.sqrt(variance))
        assert abs(np.mean(z)) < 4 / np.sqrt(len(z))
