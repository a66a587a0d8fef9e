"""What a user would write otherwise, each at its best."""

import math
from concurrent.futures import ThreadPoolExecutor

import numba
import numexpr
import numpy as np
from scipy.special import digamma

pool = ThreadPoolExecutor()


def error_bound_numpy(n, T, d, K):
    U = K * (digamma(K + n) - digamma(K))
    A = 16 * d * U / T
    t = np.sqrt(A / 2)
    eps = t / np.sqrt(1 + t / 3)
    for _ in range(3):
        eps = eps - (eps * eps * (eps + 2) - A) / (eps * (3 * eps + 4))
    eps = np.minimum(eps, 2)
    return (K / n + eps * eps) / 16 + U * (np.log(2 * n) + d * np.log(1 + 2 / eps)) / T


def error_bound_chunks(n, T, d, K, size=8192):
    out = np.empty_like(n)

    def part(first):
        piece = slice(first, first + size)
        out[piece] = error_bound_numpy(n[piece], T[piece], d, K)

    list(pool.map(part, range(0, n.size, size)))
    return out


def error_bound_numexpr(n, T, d, K):
    names = {"n": n, "T": T, "d": d, "K": K, "z": K + n, "psi_K": float(digamma(K))}

    def evaluate(expression):
        return numexpr.evaluate(expression, names)

    names["U"] = evaluate("K*(log(z) - 0.5/z - 1/(12*z**2) + 1/(120*z**4) - 1/(252*z**6) - psi_K)")
    names["A"] = evaluate("16*d*U/T")
    names["eps"] = evaluate("sqrt(A/2)/sqrt(1 + sqrt(A/2)/3)")
    for _ in range(2):
        names["eps"] = evaluate("eps - (eps*eps*(eps + 2) - A)/(eps*(3*eps + 4))")
    names["eps"] = evaluate("where(eps < 2, eps, 2)")
    return evaluate("(K/n + eps**2)/16 + U*(log(2*n) + d*log(1 + 2/eps))/T")


@numba.njit(fastmath=True, inline="always")
def numba_digamma(z):
    below = 0.0
    while z < 8:
        below -= 1 / z
        z += 1
    u = 1 / z
    u2 = u * u
    return (
        below
        + math.log(z)
        - 0.5 * u
        - u2 * (1 / 12 - u2 * (1 / 120 - u2 * (1 / 252 - u2 * (1 / 240 - u2 / 132))))
    )


@numba.njit(fastmath=True, inline="always")
def numba_trigamma(z):
    below = 0.0
    while z < 8:
        below += 1 / (z * z)
        z += 1
    u = 1 / z
    u2 = u * u
    return below + u * (1 + u * (0.5 + u * (1 / 6 - u2 * (1 / 30 - u2 * (1 / 42 - u2 / 30)))))


@numba.njit(fastmath=True, inline="always")
def numba_resolution(A):
    t = math.sqrt(A / 2)
    eps = t / math.sqrt(1 + t / 3)
    for _ in range(2):
        eps -= (eps * eps * (eps + 2) - A) / (eps * (3 * eps + 4))
    return min(eps, 2.0)


@numba.njit(parallel=True, fastmath=True)
def error_bound_numba(n, T, d, K):
    out = np.empty_like(n)
    psi_K = numba_digamma(K)
    for i in numba.prange(n.size):
        U = K * (numba_digamma(K + n[i]) - psi_K)
        eps = numba_resolution(16 * d * U / T[i])
        out[i] = (K / n[i] + eps * eps) / 16 + U * (
            math.log(2 * n[i]) + d * math.log(1 + 2 / eps)
        ) / T[i]
    return out


@numba.njit(fastmath=True, inline="always")
def numba_condition(x, M, d, K, psi_K):
    n = math.exp(x)
    U = K * (numba_digamma(K + n) - psi_K)
    eps = numba_resolution(16 * d * U * n / M)
    g = math.log(2 * n) + d * math.log(1 + 2 / eps)
    return (
        math.log(16 / (K * M)) + 2 * x + math.log(U * (g + 1) + n * K * numba_trigamma(K + n) * g)
    )


@numba.njit(parallel=True, fastmath=True)
def frontier_numba(budget, d, K):
    """The width of each budget by the secant method on the log of the stationarity condition."""
    width = np.empty_like(budget)
    psi_K = numba_digamma(K)
    for i in numba.prange(budget.size):
        M = budget[i] / d
        x0 = 0.5 * math.log(M)
        x1 = 0.9 * x0
        f0, f1 = numba_condition(x0, M, d, K, psi_K), numba_condition(x1, M, d, K, psi_K)
        while abs(x1 - x0) > 1e-5:
            x0, x1 = x1, x1 - f1 * (x1 - x0) / (f1 - f0)
            f0, f1 = f1, numba_condition(x1, M, d, K, psi_K)
        width[i] = math.exp(x1)
    return width
