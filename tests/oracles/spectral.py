"""Plain twins of the spectral bounds (docs/spectral.md) in NumPy, SciPy and mpmath: slow and
obvious.

A function of the even or whole span is a column of coefficients on max(u . x, 0) or on |u . x|/2;
every inner product is a value of the kernel kappa or of a series in Legendre polynomials, so
nothing is sampled.
"""

from functools import cache

import mpmath as mp
import numpy as np
from scipy.linalg import eigh

from oracles.bounds import occupancy, resolution

mp.mp.dps = 40


# The spectrum


def multiplicity(degree, d):
    """Harmonics of degree l on the sphere of R^d, exactly."""
    return binomial(d + degree - 1, degree) - binomial(d + degree - 3, degree - 2)


def binomial(n, k):
    if k < 0 or (n < k and n >= 0):
        return 0
    return int(mp.nint(mp.binomial(n, k)))


def eigenvalue(degree, d):
    """lambda_l of the covariance of F, by formula, in mpmath."""
    d = mp.mpf(d)
    if degree == 0:
        a = mp.gamma(d / 2) / (2 * mp.sqrt(mp.pi) * mp.gamma((d + 1) / 2))
    elif degree == 1:
        a = 1 / (2 * d)
    elif degree % 2:
        a = mp.mpf(0)
    else:
        a = mp.exp(
            mp.loggamma(d / 2)
            + mp.loggamma(degree - 1)
            - mp.loggamma(mp.mpf(degree) / 2)
            - mp.loggamma((degree + d + 1) / 2)
        )
        a /= mp.sqrt(mp.pi) * mp.mpf(2) ** degree
    return d * a**2


def legendre(t, d, degrees):
    """P_l(t) of dimension d with P_l(1) = 1, for l = 0 ... degrees - 1, by the three-term
    recurrence."""
    t = np.asarray(t, float)
    P = [np.ones_like(t), t]
    for k in range(1, degrees - 1):
        P.append(((2 * k + d - 2) * t * P[k] - k * P[k - 1]) / (k + d - 2))
    return np.array(P[:degrees])


def kappa(t):
    """E max(u.X, 0) max(w.X, 0), t = u.w."""
    t = np.clip(t, -1, 1)
    return (np.sqrt(1 - t * t) + (np.pi - np.arccos(t)) * t) / (2 * np.pi)


def kappa_even(t):
    """E |u.X| |w.X| / 4: the part of kappa even in t."""
    t = np.clip(t, -1, 1)
    return (np.sqrt(1 - t * t) + t * np.arcsin(t)) / (2 * np.pi)


def eigenvalues_by_quadrature(d, degrees, nodes=200):
    """E kappa(t) P_l(t) over a coordinate t = cos(angle) of a uniform direction, d >= 2: kappa =
    sum N_l lambda_l P_l."""
    x, w = np.polynomial.legendre.leggauss(nodes)
    angle = (
        np.pi * (x + 1) / 2
    )  # in the angle everything is analytic: Gauss-Legendre converges geometrically
    w = w * np.sin(angle) ** (d - 2)
    return (legendre(np.cos(angle), d, degrees) * kappa(np.cos(angle))) @ (w / w.sum())


@cache
def spectrum(d, degrees=400):
    """Eigenvalues and multiplicities of degrees 0 ... degrees - 1 as floats, and the variance of
    all the others together."""
    exact = [(eigenvalue(k, d), multiplicity(k, d)) for k in range(degrees)]
    tail = mp.mpf(1) / 2 - mp.fsum(e * m for e, m in exact)
    return (
        np.array([float(e) for e, _ in exact]),
        np.array([float(m) for _, m in exact]),
        float(tail),
    )


# One coefficient, and unlimited width


def coefficient_cost(mu, T):
    """h: the least of (1/2) ln(mu/D)/T + D/8 over D <= mu."""
    mu, T = np.broadcast_arrays(np.asarray(mu, float), np.asarray(T, float))
    s = np.maximum(mu * T / 4, 1)
    return np.where(mu * T > 4, (np.log(s) + 1) / (2 * T), mu / 8)


def distortion(mu, T):
    return np.minimum(mu, 4 / T)


def bayes_error_bound(T, d):
    """Sum over l of N_l h(lambda_l, T), in mpmath; once lambda_l T <= 4 the rest is its variance /
    8."""
    T, total, left, k = mp.mpf(T), mp.mpf(0), mp.mpf(1) / 2, 0
    while k <= 2 or eigenvalue(k - k % 2, d) * T > 4:
        mu, count = eigenvalue(k, d), multiplicity(k, d)
        if mu * T > 4:
            total += count * (mp.log(mu * T / 4) + 1) / (2 * T)
            left -= count * mu
        k += 1
    return total + left / 8


# Projections on the span of some units


def fixed_span(U, pair=True):
    """(G, H): Gram matrix of the features of directions U and of the covariance of F between them.

    With the pair of units the linear functions are free and the features are |u.x|/2; without it
    they are max(u.x, 0).
    """
    U = np.atleast_2d(U)
    d, t = U.shape[1], np.clip(U @ U.T, -1, 1)
    if d == 1:  # N_0 = N_1 = 1 and no more
        degrees, values, counts = 2, np.array([0.25, 0.25]), np.array([1.0, 1.0])
    else:
        degrees = 60 if d > 4 else 400
        values, counts, _ = spectrum(d, degrees)
    keep = np.arange(degrees) % (2 if pair else 1) == 0
    G = kappa_even(t) if pair else kappa(t)
    H = np.einsum("l,lij->ij", np.where(keep, counts * values**2, 0), legendre(t, d, degrees))
    return G, H


def projected(U, pair=True, drop=1e-10):
    """(mu, basis): eigenvalues of F's projection on the span, the linear part apart, and the
    coefficients of its eigenfunctions."""
    if len(U) == 0:
        return np.zeros(0), np.zeros((0, 0))
    G, H = fixed_span(U, pair)
    size, axes = np.linalg.eigh(G)
    axes = axes[:, size > drop * size.max()] / np.sqrt(size[size > drop * size.max()])
    mu, turn = eigh(axes.T @ H @ axes)
    return mu[::-1], (axes @ turn)[:, ::-1]


def span_eigenvalues(U, d, pair=True):
    """All eigenvalues of the projected covariance, the pair's d included: q = len(U) + 2 units with
    the pair, len(U) without."""
    mu, _ = projected(U, pair)
    return np.concatenate([np.full(d, 1 / (4 * d)), mu]) if pair else mu


def random_directions(count, d, rng):
    U = rng.standard_normal((count, d))
    return U / np.linalg.norm(U, axis=1, keepdims=True)


# The bound


def atoms_parts(n_s, T, d, K, residual):
    """(misspecification, estimation) of n_s drawn units beside a span that leaves `residual`."""
    eps, U = float(resolution(n_s, T, d, K)), float(occupancy(n_s, K))
    return (K * residual / n_s + eps**2 / 2) / 8, U * (
        np.log(2 * n_s) + d * np.log(1 + 2 / eps)
    ) / T


def spectral_value(eigenvalues, n_s, T, d, K):
    """The bound of a span with these eigenvalues and n_s drawn units."""
    residual = max(0.5 - float(np.sum(eigenvalues)), 0.0)
    fixed = float(np.sum(coefficient_cost(eigenvalues, T)))
    return fixed + (sum(atoms_parts(n_s, T, d, K, residual)) if n_s else residual / 8)


def spectral_bound(n, T, d, K, table):
    """Least value over a table {q: eigenvalues} (0: none) and whole n_s with q + n_s <= n: (value,
    q, n_s)."""
    best = (np.inf, 0, 0)
    for q, eigenvalues in table.items():
        if q <= n:
            room = int(n - q)
            for n_s in (
                range(room + 1)
                if room <= 200
                else np.unique(np.r_[0, np.geomspace(1, room, 200).astype(int)])
            ):
                best = min(best, (spectral_value(eigenvalues, n_s, T, d, K), q, int(n_s)))
    return best
