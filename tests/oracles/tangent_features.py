"""Features sign(v.x) x_k of known directions v, which two units make (docs/spectral.md, section
10.2), and what is proved and measured of a trained quadratic form's aliases (10.1)."""

import numpy as np

from oracles.spectral import eigenvalue, legendre, multiplicity
from oracles.spectral_tightened import high_kernel


def even_series(t, d, degrees=120):
    """sum over even l of N_l lambda_l^2 P_l(t), and its first two derivatives."""
    P = [legendre(t, d + 2 * k, degrees) for k in range(3)]
    sums = [np.zeros_like(t) for _ in range(3)]
    for k in range(0, degrees, 2):
        weight = float(multiplicity(k, d) * eigenvalue(k, d) ** 2)
        sums[0] += weight * P[0][k]
        if k:
            first = weight * k * (k + d - 2) / (d - 1)
            sums[1] += first * P[1][k - 1]
            sums[2] += first * (k - 1) * (k + d - 1) / (d + 1) * P[2][k - 2]
    return sums


def derivatives(U, a, a1, a2):
    """The matrix [v, i, w, k] of second derivatives, by v_i and w_k, of |v| |w| a(cosine) at unit
    vectors v, w of U; a1 and a2 are the derivatives of a."""
    t = U @ U.T
    toward = U[None] - t[..., None] * U[:, None]  # w - t v
    back = U[:, None] - t[..., None] * U[None]  # v - t w
    v, w = np.broadcast_arrays(U[:, None], U[None])

    def outer(left, right):
        return np.einsum("vwi,vwk->viwk", left, right)

    flat = a1[:, None, :, None] * np.eye(U.shape[1])[None, :, None, :]
    return (
        outer(a[..., None] * v, w)
        + outer(a1[..., None] * toward, w)
        + flat
        - outer(a1[..., None] * w, w)
        + outer(a2[..., None] * toward, back)
    )


def gram_and_covariance(U):
    """Of the features sign(v.x) x_k/2 of all directions v in U: G = <f, f'>, H = <f, Sigma f'>."""
    count, d = U.shape
    t = np.clip(U @ U.T, -1, 1)
    root = np.sqrt(1 - t * t)
    # the second derivative of the kernel is infinite at t = 1, where what it multiplies is nought
    steep = np.divide(1, 2 * np.pi * root, out=np.zeros_like(t), where=root > 1e-7)
    even = (root + t * np.arcsin(t)) / (2 * np.pi), np.arcsin(t) / (2 * np.pi), steep
    size = count * d
    G, H = (derivatives(U, *a).reshape(size, size) for a in (even, even_series(t, d)))
    return G, H


def eigenvalues(U, drop=1e-10):
    """Of F's projection on the span, decreasing; the linear part is apart."""
    G, H = gram_and_covariance(U)
    size, axes = np.linalg.eigh(G)
    axes = axes[:, size > drop * size.max()] / np.sqrt(size[size > drop * size.max()])
    return np.linalg.eigvalsh(axes.T @ H @ axes)[::-1]


def alias_shares(others, d, w):
    """For an atom along each w beside others whose matrix has these eigenvalues: sum over
    eigenvectors of eigenvalue times k_4(w.v), and of k_4(w.v), over k_4(1)."""
    size, vectors = np.linalg.eigh(w[:, :, None] * w[:, None, :] + np.diag(others))
    kernel = high_kernel(np.einsum("nd,ndi->ni", w, vectors), d) / high_kernel(np.ones(1), d)
    return (size * kernel).sum(axis=1), kernel.sum(axis=1)
