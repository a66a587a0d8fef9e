"""Plain twins of every formula, in mpmath and NumPy: what the library is compared with."""

import mpmath as mp
import numpy as np

mp.mp.dps = 40


def occupancy(n, K):
    with mp.workdps(80):  # digammas that agree to forty digits are subtracted
        n, K = mp.mpf(n), mp.mpf(K)
        return +(K * (mp.digamma(K + n) - mp.digamma(K)))


def resolution(n, T, d, K):
    A = 16 * mp.mpf(d) * occupancy(n, K) / mp.mpf(T)
    if A >= 16:
        return mp.mpf(2)
    eps = mp.sqrt(A / 2) / mp.sqrt(1 + mp.sqrt(A / 2) / 3)
    for _ in range(8):
        eps -= (eps * eps * (eps + 2) - A) / (eps * (3 * eps + 4))
    return eps


def parts(n, T, d, K, eps=None):
    n, T, d, K = map(mp.mpf, (n, T, d, K))
    eps = resolution(n, T, d, K) if eps is None else mp.mpf(eps)
    return (K / n + eps**2) / 16, occupancy(n, K) * (mp.log(2 * n) + d * mp.log(1 + 2 / eps)) / T


def misspecification_bound(n, T, d, K):
    return parts(n, T, d, K)[0]


def estimation_bound(n, T, d, K):
    return parts(n, T, d, K)[1]


def error_bound(n, T, d, K):
    return sum(parts(n, T, d, K))


def closed_form_bound(n, T, d, K):
    n, T, d, K = map(mp.mpf, (n, T, d, K))
    units = 1 + K * mp.log1p((n - 1) / K)
    return K / (8 * n) + units * (mp.log(2 * n) + d * mp.log(1 + 2 * mp.sqrt(1 + n / K))) / T


def optimum(budget, d, K, cost=1, bound=error_bound, start=None):
    """(n*, bound there) of an interior optimum: the root in ln n of a numerical derivative, so that
    no analytic one is trusted."""
    most = mp.mpf(budget) / (mp.mpf(cost) * d)

    def slope(x):
        return mp.diff(lambda y: mp.log(bound(mp.e**y, most / mp.e**y, d, K)), x, h=mp.mpf("1e-13"))

    x = mp.findroot(
        slope,
        (mp.log(start) - mp.mpf("1e-4"), mp.log(start) + mp.mpf("1e-4")),
        tol=1e-20,
        maxsteps=30,
        verify=False,
    )
    return mp.e**x, bound(mp.e**x, most / mp.e**x, d, K)


def best_integer(bound, budget, d, K, cost=1.0, widths=None):
    """Brute force over whole widths with NumPy: (n, T, error)."""
    most = budget / (cost * d)
    n = np.arange(1, np.floor(most) + 1) if widths is None else widths
    T = np.floor(budget / (cost * d * n))
    n, T = n[T >= 1], T[T >= 1]
    error = bound(n, T, d, K)
    best = np.argmin(error)
    return n[best], T[best], error[best]


def relative_error(got, exact):
    """Largest relative error of floats against mpmath numbers, and where."""
    errors = [float(abs(mp.mpf(float(g)) - e) / abs(e)) for g, e in zip(got, exact, strict=True)]
    return max(errors), int(np.argmax(errors))
