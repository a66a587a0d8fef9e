"""Plain twins of the tightened spectral bounds, docs/spectral.md, sections from "Tightened:
coefficients" on."""

import mpmath as mp
import numpy as np

from oracles import spectral as oracle

# Coefficients under a Gaussian prior


def _tangent():
    """(s*, slope) of the tangent from (0, 1) to ln(1+s) + 1/(1+s): that function's concave majorant
    up to s*."""
    s = mp.findroot(lambda s: mp.log(1 + s) + 1 / (1 + s) - 1 - (s / (1 + s)) ** 2, 2.16)
    return float(s), float(s / (1 + s) ** 2)


TANGENT, SLOPE = _tangent()


def mixture_cost(mu, T, d, eigenspace=False):
    """Cost of a coefficient, in place of h; for spans of eigenfunctions of Sigma the simpler,
    smaller one."""
    s = np.asarray(mu, float) * T / 4
    curvature = (1 + 2 / d) / 16 * s / (1 + s)
    cost = np.log1p(s) / 2
    if not eigenspace:
        cost = np.where(s < TANGENT, (1 + SLOPE * s - 1 / (1 + s)) / 2, cost)
    return np.minimum(s / 2, cost + curvature) / T


def mixture_bayes_bound(T, d, degrees=200):
    values, counts, tail = (
        (np.array([0.25] * 2), np.ones(2), 0.0) if d == 1 else oracle.spectrum(d, degrees)
    )
    return float((counts * mixture_cost(values, T, d, eigenspace=True)).sum()) + tail / 8


# Directions by von Mises and Fisher


def cosine_and_rate(strength, d):
    """Mean cosine and rate of the channel, exactly: A_d(strength) and strength A - ln E
    exp(strength t), in mpmath."""
    k, v = mp.mpf(strength), mp.mpf(d) / 2
    a = mp.besseli(v, k) / mp.besseli(v - 1, k)
    return a, k * a - mp.log(mp.gamma(v) * (2 / k) ** (v - 1) * mp.besseli(v - 1, k))


def rate_bound(a, d, u=None):
    """No less than the rate at mean cosine a, without Bessel functions; u = 1 - a^2 where that is
    known better."""
    low, high, u = (d - 1) / 2, (d + 1) / 2, (1 - a) * (1 + a) if u is None else u
    gain = a * a / (high + np.sqrt(low**2 + d * u))
    log_u = np.where(a * a < 0.5, np.log1p(-np.minimum(a * a, 0.5)), np.log(u))
    return (low * (np.log1p(-gain) - log_u) if d > 1 else 0.0) + d * gain


def direction_cost(x, d):
    """(least over a of x (1 - a) + rate_bound(a), 1 - a there): closed form."""
    low, high = (d - 1) / 2, (d + 1) / 2
    s = np.hypot(high, x)
    miss = (low + high**2 / (s + x)) / (low + s)
    return x * miss + rate_bound(x / (low + s), d, miss * (2 - miss)), miss


def rounding_share(U, d, pair=True):
    """delta: |(I - P)(phi_w - phi_w^)|^2 has mean at most delta (1 - cos). Without fixed directions
    1, or 1/2 with the pair."""
    if len(U) == 0:
        return 0.5 if pair else 1.0
    degrees = 60 if d > 4 else 400
    values, counts, _ = oracle.spectrum(d, degrees)
    k = np.arange(degrees)
    weight = (
        np.where(k % 2 == 0, counts * values**2 * k * (k + d - 2) / (d - 1), 0) if pair else None
    )
    _, basis = oracle.projected(U, pair)
    if not pair:
        weight = counts * values**2 * k * (k + d - 2) / (d - 1)
    J = np.einsum("l,lij->ij", weight, oracle.legendre(np.clip(U @ U.T, -1, 1), d, degrees))
    return (0.5 if pair else 1.0) - 2 * np.trace(basis.T @ J @ basis)


# Counts


def counts_entropy(n, units):
    """No less than the entropy of the sorted counts, a partition of n into `units` parts on
    average."""
    z = min(1.0, units**2 / n)
    return units * np.log(1 / z) + 2 * np.sqrt(n * (z + (np.pi**2 / 6 - 1) * z * z))


def atoms_cost(n_s, T, d, K, residual, share):
    """Drawn units beside a span: von Mises and Fisher, sorted counts; its part of the bound."""
    U = float(oracle.occupancy(n_s, K))
    return (
        K * residual / n_s / 8
        + (counts_entropy(n_s, U) + U * (np.log(2) + direction_cost(T * share / (8 * U), d)[0])) / T
    )


# Sticks


def stick_sizes(m, K):
    """E of (K + 1) theta_j^2, j = 1 ... m, and of what is left; together 1."""
    ratio = K / (K + 2)
    return 2 / (K + 2) * ratio ** np.arange(m), ratio**m


def sticks_cost(m, T, d, K, residual=0.5, share=1.0):
    """The first m sticks as trained units beside a span that leaves `residual` and `share`; its
    part of the bound."""
    sizes, left = stick_sizes(m, K)
    tau = max(residual, share / 2)
    x = sizes * T * tau / (4 * d)
    sent = (np.log(2) + d / 2 * (np.log(np.maximum(x, 1)) + 1)) / T
    unsent = sizes * residual / 8
    return np.where(x > 1, np.minimum(sent, unsent), unsent).sum() + left * residual / 8


def sticks_bound(m, T, d, K):
    """No span: the closed form, valid where every unit sent has x >= 1."""
    log_first = np.log(T / (4 * d * (K + 2)))
    per = m * (np.log(2) + d / 2 * (log_first + 1)) - d / 2 * m * (m - 1) / 2 * np.log1p(2 / K)
    return per / T + (K / (K + 2)) ** m / 16


# Sticks whose sizes and directions are sent apart


def gain_of_turns(d):
    """G: what a direction costs is at most (d-1)/2 ln(1 + 2 G x/(d-1)), x the price of 1 - cos."""
    half = (d - 1) / 2
    return np.exp(1 - np.log(2) + 1 / half + np.log1p(-1 / d))


def turns_of_sticks(m, B, K):
    """At least the sum over the first m sticks of E ln(1 + B theta_j^2): the least of three bounds
    in closed form."""
    L, K = mp.log(B) / 2, mp.mpf(K)
    h = mp.digamma(1 + K) + mp.euler
    together = 2 * (L - h) + K * ((L - h) ** 2 + mp.pi**2 / 4 - mp.polygamma(1, 1 + K))
    if K < 1:
        together += 2 * mp.pi * K * (2 ** (1 - K) - 1) * mp.exp(-L)
        together += 4 * (1 - K * h) * mp.exp(-2 * L)
    if K >= 2:
        apart = 2 * m * (L - h) - m * (m - 1) / K
        apart += mp.pi * K * (K - 1) * mp.exp(-L) * ((K / (K - 1)) ** m - 1)
    else:
        means = [B * 2 / ((K + 1) * (K + 2)) * (K / (K + 2)) ** j for j in range(m)]
        costs = [mp.log(v) + 1 / v for v in means]
        first = 2 * (L - h) + mp.pi * max(K, 1) * mp.exp(-L)
        apart = mp.fsum(costs[1:]) + min(costs[0], first)
    return float(together), float(apart)


def polar_cost(m, T, d, K, residual=0.5, share=1.0):
    """The same for the first m sticks, their signed sizes and directions sent apart; infinite where
    a size is below its noise."""
    sizes, left = stick_sizes(m, K)
    if sizes[-1] * T * residual < 4:
        return np.inf
    size = (np.log(sizes * T * residual / 4) + 1) / 2
    if K < 1:
        w = T * residual / 4 * K / ((K + 1) * (K + 2))
        e = 2 * w / (w + np.sqrt(w * w + 4 * w))
        size[0] = min(size[0], np.log(2) + (np.log1p(w / e) + e) / 2)
    if d == 1:
        turns = m * np.log(2)
    else:
        half = (d - 1) / 2
        B = gain_of_turns(d) * (K + 1) * T * share / (8 * half)
        turns = half * min(turns_of_sticks(m, B, K))
    return (size.sum() + turns) / T + left * residual / 8


# A trained quadratic form


def high_kernel(t, d):
    """Sum over l >= 4 of N_l lambda_l P_l(t): the even part of kappa without degrees 0 and 2."""
    values, counts, _ = oracle.spectrum(d, 3)
    return (
        oracle.kappa_even(t) - values[0] - counts[2] * values[2] * (d * np.square(t) - 1) / (d - 1)
    )


def quadratic_parts(T, d):
    """(cost of the coefficients of degrees 0 to 2, variance above, mean square of the aliases) with
    d + 2 trained units."""
    values, counts, _ = oracle.spectrum(d, 3)
    cost = d * float(mixture_cost(values[1], T, d)) + float(
        oracle.coefficient_cost(values[[0, 2]], T) @ counts[[0, 2]]
    )
    above = 0.5 - float(values @ counts)
    s0, s2 = 1 - oracle.distortion(values[[0, 2]], T) / values[[0, 2]]
    orthogonal = float(high_kernel(np.array(0.0), d))
    return cost, above, above * (s2 * (1 - 1 / d) + s0 / d) + orthogonal * (1 - 1 / d) * (s0 - s2)


def quadratic_bound(T, d):
    cost, above, alias = quadratic_parts(T, d)
    return cost + (np.sqrt(above) + np.sqrt(alias)) ** 2 / 8
