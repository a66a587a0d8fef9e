"""Twins of what csrc/spectral/rounding.h bounds (docs/spectral.md, section 12.1): projections in
exact arithmetic, and the proved losses from their formulas."""

from functools import cache

import mpmath as mp
import numpy as np

from oracles import spectral as oracle

U = 2.0**-53


def legendre_series(t, d, weights):
    """Sum over even l of weights[l/2] P_l(t), in mpmath."""
    last, now, total = mp.mpf(1), t, weights[0]
    for k in range(1, 2 * len(weights) - 1):
        last, now = now, ((2 * k + d - 2) * t * now - k * last) / (k + d - 2)
        if k % 2:
            total += weights[(k + 1) // 2] * now
    return total


@cache
def exact_weights(d):
    """N_l lambda_l^2 of even degrees, as far as the engine's series go."""
    weights = []
    while not weights or weights[-1] > mp.mpf(1e-18) * weights[0]:
        degree = 2 * len(weights)
        weights.append(oracle.multiplicity(degree, d) * oracle.eigenvalue(degree, d) ** 2)
    return weights[:-1]


def steepness(d):
    """P_l'(1) of the same degrees."""
    return [mp.mpf(k * (k + d - 2)) / (d - 1) for k in range(0, 2 * len(exact_weights(d)), 2)]


def gram_entry(t):
    return (mp.sqrt(1 - t * t) + t * mp.asin(t)) / (2 * mp.pi)


def exact_projection(d, directions):
    """Sums of the largest eigenvalues of the even part's projected covariance, and the slope, both
    from below: the degrees that the engine's series leave out only lower them."""
    units = [[mp.mpf(float(x)) for x in row] for row in directions]
    units = [[x / mp.sqrt(mp.fsum(y * y for y in row)) for x in row] for row in units]
    weights = exact_weights(d)
    slopes = [w * p for w, p in zip(weights, steepness(d), strict=True)]
    count = len(units)
    G, H, S = (mp.matrix(count, count) for _ in range(3))
    for i in range(count):
        for j in range(i + 1):
            t = mp.mpf(1)
            if i != j:
                t = mp.fsum(a * b for a, b in zip(units[i], units[j], strict=True))
            G[i, j] = G[j, i] = gram_entry(t)
            H[i, j] = H[j, i] = legendre_series(t, d, weights)
            S[i, j] = S[j, i] = legendre_series(t, d, slopes)
    inverse = mp.cholesky(G) ** -1
    values = sorted(mp.eigsy(inverse * H * inverse.T, eigvals_only=True), reverse=True)
    sums = [mp.fsum(values[: k + 1]) for k in range(count)]
    return sums, mp.fsum((inverse * S * inverse.T)[i, i] for i in range(count))


def exact_circle(count):
    """Eigenvalues and slope of so many equal angles in the plane, all frequencies of which that
    look alike are summed."""
    values, slope = [], mp.mpf(0)
    for k in range(count):

        def alike(term, k=k):
            return mp.nsum(lambda j: term(k + count * j), [-mp.inf, mp.inf])

        def mass(m):
            return 2 / (mp.pi * (4 * m * m - 1)) ** 2

        gram = alike(mass)
        values.append(alike(lambda m: mass(m) ** 2) / gram)
        slope += alike(lambda m: (2 * m * mass(m)) ** 2) / gram
    return sorted(values, reverse=True), slope


def slope_of_lost(d, least, lost):
    """At most so much does the slope fall when directions with variances from `least` on are
    dropped by chance, which describe `lost` in the mean (section 12.2)."""
    degree = 2
    while oracle.eigenvalue(degree, d) > least:
        degree += 2
    return float(lost * (1 + mp.mpf(degree * (degree + d - 2)) / (d - 1)))


def projection(d, directions):
    """What the proved losses are made of, without a group, in NumPy: U, X, M, H without its lowest
    degrees, the features of those, S's diagonal, and the sums over degrees."""
    weights = np.array([float(w) for w in exact_weights(d)])
    p = np.array([float(x) for x in steepness(d)])
    count, n = len(weights), len(directions)
    first = 2 if d * (d + 1) // 2 <= n else 1
    t = directions @ directions.T
    t[np.diag_indices(n)] = 1
    t = np.clip(t, -1, 1)
    P = oracle.legendre(t, d, 2 * count)[::2]
    H = np.einsum("l,lij->ij", weights[first:], P[first:])
    upper = np.linalg.cholesky(oracle.kappa_even(t)).T
    X = np.linalg.inv(upper.T)
    rest = weights[0] - (weights[1] / (d - 1) if first == 2 else 0)
    features = [np.full(n, np.sqrt(rest))]
    if first == 2:
        form = weights[1] * d / (d - 1)
        features += [
            np.sqrt(form * (1 if a == b else 2)) * directions[:, a] * directions[:, b]
            for a in range(d)
            for b in range(a, d)
        ]
    features = np.array(features)
    projected = features @ X.T
    slopes = X @ np.einsum("l,lij->ij", weights * p, P) @ X.T
    return {
        "upper": upper,
        "X": X,
        "H": H,
        "M": X @ H @ X.T + projected.T @ projected,
        "features": features,
        "projected": projected,
        "S": np.diag(slopes),
        "slopes": slopes,
        "sum": weights[first:].sum(),
        "steep": weights[first:] @ p[first:],
        "slope_sum": weights @ p,
        "slope_steep": weights @ p**2,
        "terms": count,
    }


def overlaps(part, weight, gram, depth):
    """(5)"""
    column = np.abs(part["X"]).T @ weight
    s = np.abs(part["upper"]) @ column
    return 4.1 * depth * (s @ s) + gram * column.sum() ** 2


def proved_losses(d, directions):
    """What the sums of eigenvalues, and the slope, are lowered by: (10) and (11)."""
    part = projection(d, directions)
    u = 1.01 * U
    n, terms, low = len(directions), part["terms"], len(part["features"])
    length = 1.01 * np.abs((directions**2).sum(axis=1) - 1).max() + u * (d + 2)
    cosine = 1.01 * length + u * (d + 1)
    legendre, sums = cosine + 5 * u * (d - 1), u * (terms + 8)
    gram = (cosine + 16 * u) / 4
    depth, square = u * (n / 4 + 8), (part["X"] ** 2).sum()
    size = 1.01 * np.linalg.norm(part["M"])
    feature = depth + 1.01 * length + 6 * u
    w, z = (part["features"] ** 2).sum(), (part["projected"] ** 2).sum()
    spread = (
        2.02 * depth * 1.01 * np.abs(part["H"]).sum(axis=1).max() * square
        + u * (low / 4 + 8) * (size + 2.1 * z)
        + 4 * U * n * (n + 192) * size
    )
    along = (
        n * (part["steep"] * legendre + sums * part["sum"]) * square
        + 2 * feature * np.sqrt(square * w * z)
        + 3 * feature**2 * square * w
    )
    v = np.sqrt(np.diag(part["M"]) + 3 * (spread + along))
    loss = np.sqrt(n) * spread + along + u * (200 + 14 * terms) * (v @ v)
    loss = 1.01 * (loss + overlaps(part, v, gram, depth))
    wrong = 2.02 * u * (n / 2 + 16) * 1.01 * n * part["slope_sum"] * square
    wrong += n * (part["slope_steep"] * legendre + sums * part["slope_sum"]) * square
    v = np.sqrt(part["S"] + wrong)
    slope = wrong + u * (204 + 14 * terms + n) * part["S"].sum()
    return loss, 1.01 * (slope + overlaps(part, v, gram, depth))
