"""Eigenvalues of rows against 40-digit arithmetic: rounding may only have lowered their sums."""

import mpmath as mp
import numpy as np
import pytest
from oracles import spectral as oracle

import scalecore as sc
from scalecore.spectral._table_rows import described_by


def exact_sums(d, directions, degrees=240):
    """Sums of the largest eigenvalues of the even part's projected covariance, from below, in 40
    digits: degrees from 240 on are left out, which only lowers them."""
    with mp.workdps(40):
        U = [[mp.mpf(float(x)) for x in row] for row in directions]
        U = [[x / mp.sqrt(mp.fsum(y * y for y in row)) for x in row] for row in U]
        weight = [
            oracle.multiplicity(k, d) * oracle.eigenvalue(k, d) ** 2 for k in range(0, degrees, 2)
        ]
        count = len(U)
        G, H = mp.matrix(count, count), mp.matrix(count, count)
        for i in range(count):
            for j in range(i + 1):
                t = mp.mpf(1) if i == j else mp.fsum(a * b for a, b in zip(U[i], U[j], strict=True))
                G[i, j] = G[j, i] = (mp.sqrt(1 - t * t) + t * mp.asin(t)) / (2 * mp.pi)
                last, now, total = mp.mpf(1), t, weight[0]
                for k in range(1, degrees - 1):
                    last, now = now, ((2 * k + d - 2) * t * now - k * last) / (k + d - 2)
                    if k % 2:
                        total += weight[(k + 1) // 2] * now
                H[i, j] = H[j, i] = total
        inverse = mp.cholesky(G) ** -1
        values = sorted(mp.eigsy(inverse * H * inverse.T, eigvals_only=True), reverse=True)
        return np.array([float(mp.fsum(values[: k + 1])) for k in range(count)])


@pytest.mark.parametrize(("d", "count", "closest"), [(3, 24, None), (5, 20, None), (3, 16, 1e-4)])
def test_rounding_never_promises_more_than_40_digits(d, count, closest):
    """Also where two directions nearly coincide, and rounding decides."""
    directions = sc.directions(d, count).copy()
    if closest:
        directions[1] = directions[0] + closest * directions[2]
        directions[1] /= np.linalg.norm(directions[1])
    part = described_by(d, directions)
    assert part is not None
    found, exact = np.cumsum(part[0]), exact_sums(d, directions)
    # what the exact sums leave out is below 1e-16, and so is what the sums here round
    assert (found <= exact[: len(found)] + 2e-16).all()
    assert exact[-1] - found[-1] < (1e-11 if closest is None else 1e-4)
