"""A plain twin of the lower bound (docs/lower_bound.md) in mpmath: integrals over the size of an
atom as hypergeometric functions, every degree as its formula says."""

from functools import cache

import mpmath as mp
import numpy as np

from oracles.spectral import eigenvalue, multiplicity

RANGES = [0, *(4**c for c in range(21))]  # of t: where the movements are chosen anew
LAST_DEGREE = 126
LEFT_OUT = 1e-6  # the share of the rate that all degrees left out have together, at most


@cache
def means(K, gamma):
    """E xi q, E xi q^2, E xi^3 q^2, E xi^3 q and E xi (1-x)^2 q for x ~ Beta(1, K), xi = (K+1) x
    and q = 1/(1 + gamma x^2)."""
    K, gamma = mp.mpf(K), mp.mpf(gamma)

    def series(a, b, c, k):
        return mp.hyp3f2(a, b, c, k / 2, (k + 1) / 2, -gamma)

    half = mp.mpf(1) / 2
    third = 6 * (K + 1) ** 2 / ((K + 2) * (K + 3))
    return (
        series(1, 1, 3 * half, K + 2),
        series(2, 1, 3 * half, K + 2),
        third * series(2, 2, 5 * half, K + 4),
        third * series(1, 2, 5 * half, K + 4),
        K * (K + 1) / ((K + 2) * (K + 3)) * series(1, 1, 3 * half, K + 4),
    )


def damping(d, y):
    """Delta(y) = E w exp(-w y/8), w = |X|^2/d."""
    return (1 + y / (4 * d)) ** (-(mp.mpf(d) / 2 + 1))


def denominator_factor(d, G):
    return 2 * G - min(G, damping(d, 1))


def damped(degree, d, S, c2):
    """Gamma_l(S, c^2)."""
    d = mp.mpf(d)
    if degree == 1:
        return damping(d, S + 2 * d / (d + 2) * c2)
    if degree == 2:
        return damping(d, S + 4 * d / (d + 3) * c2)
    a = mp.sqrt(eigenvalue(degree, d) / d)
    harmonics = multiplicity(degree - 3, int(d) + 6)
    return damping(d, S) - c2 / (4 * d * (d + 4) * a * mp.sqrt(harmonics))


def degree_rate(degree, d, K, gamma):
    """A degree's gain and offset: its part of i_t is at least gain/(t + offset)."""
    K, A, lam = mp.mpf(K), degree * (degree + d - 2), eigenvalue(degree, d)
    J1, J0, J2, own, rest = means(K, gamma)
    G = max(mp.mpf(0), damped(degree, d, rest / J1, own / ((K + 1) * J1)))
    slope = (denominator_factor(d, G) * lam * J1**2 + J2 / (2 * A * (K + 1))) / 4
    return multiplicity(degree, d) * lam / 8 * (G * J1) ** 2 / slope, J0 / slope


def sign_mass_moments(d, K):
    """R, E v, E v^2, E f_+^2 and E f_+ of section 6."""
    k, tau2 = mp.mpf(K) / 2, 1 / (2 * mp.mpf(d))
    tau1 = mp.sqrt(eigenvalue(0, d) / d)
    tau3 = 2 * tau1 / (d + 1)
    m2 = (tau2 + k * tau1**2) / (k + 1)
    m3 = (2 * tau3 + 3 * k * tau2 * tau1 + k**2 * tau1**3) / ((k + 1) * (k + 2))

    def moment(i, j):  # E p^i (1-p)^j
        return mp.rf(k, i) * mp.rf(k, j) / mp.rf(2 * k, i + j)

    above = 2 * moment(3, 1) * (m3 + m2 * tau1) - 4 * moment(2, 2) * m2 * tau1
    return above / (moment(1, 1) * 2 * tau1), moment(1, 1), moment(2, 2), m2, tau1


def degree_0_rate(d, K):
    lam, K = eigenvalue(0, d), mp.mpf(K)
    R, mean_v, mean_v2, m2, tau1 = sign_mass_moments(d, K)
    G = damping(d, 2 * d * (K + 1) * R)
    squares = (K + 1) * mean_v2 * d * 2 * (m2 + tau1**2)  # E |VF|^2
    kappa2 = (K + 1) * mean_v**2 * 4 * lam
    slope = (squares - kappa2 * (1 - denominator_factor(d, G))) / 4
    score = K**2 / (4 * (K + 1))
    gain = 2 * (G / 4) ** 2 * kappa2 / slope
    return gain * (2 if d == 1 else 1), score / slope


def rates(d, K, index):
    """Gains and offsets of all degrees in a range of t."""
    start = RANGES[index]
    last = index + 1 == len(RANGES)
    middle = mp.mpf(start) if last else mp.sqrt(mp.mpf(start) * RANGES[index + 1])
    found = [degree_0_rate(d, K)]
    left = mp.mpf(1) / 2 - eigenvalue(0, d)
    for degree in (1, *range(2, LAST_DEGREE + 1, 2)) if d > 1 else ():
        rate = sum(gain / (start + offset) for gain, offset in found)
        if left / 8 <= LEFT_OUT * rate:
            break
        gamma = middle * (mp.mpf(K) + 1) / (8 * degree * (degree + d - 2))
        found.append(degree_rate(degree, d, K, gamma))
        left -= multiplicity(degree, d) * eigenvalue(degree, d)
    return found


def bayes_error_lower_bound(T, d, K):
    total = mp.mpf(0)
    for index, start in enumerate(RANGES):
        if start >= T:
            break
        end = T if index + 1 == len(RANGES) else min(T, RANGES[index + 1])
        for gain, offset in rates(d, K, index):
            total += gain * mp.log((end + offset) / (start + offset))
    return total / T


def elementary_bound(T, d, K, degrees=40):
    """The one with gamma = 0 for all t, of elementary functions only."""
    found = [degree_0_rate(d, K)]
    if d > 1:
        found += [degree_rate(degree, d, K, 0) for degree in (1, *range(2, degrees + 1, 2))]
    return sum(gain * mp.log(1 + T / offset) for gain, offset in found) / T


# Sampling, for tests


def sticks(K, count, rng, left=1e-5):
    """Masses (count, sticks) of stick breaking, until what is left is small on average."""
    steps = int(np.ceil(np.log(left) / np.log(K / (K + 1)))) + 1
    beta = rng.beta(1, K, (count, steps))
    before = np.cumprod(1 - beta[:, :-1], axis=1)
    return beta * np.hstack([np.ones((count, 1)), before])
