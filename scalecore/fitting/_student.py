"""Quantiles of Student's t, which NumPy does not have."""

from __future__ import annotations

import math
from statistics import NormalDist

_MANY = 400  # with more degrees of freedom the series around the normal law is as exact


def student_quantile(level: float, freedom: int) -> float:
    """Return t such that a Student variable lies within ±t with probability `level`."""
    z = NormalDist().inv_cdf((1 + level) / 2)
    if freedom >= _MANY:  # Cornish and Fisher: 1e-10 at 99 %
        g1 = (z**3 + z) / 4
        g2 = (5 * z**5 + 16 * z**3 + 3 * z) / 96
        g3 = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
        return z + g1 / freedom + g2 / freedom**2 + g3 / freedom**3
    low, high = 0.0, math.pi / 2  # of atan(t / sqrt(freedom))
    for _ in range(200):
        middle = (low + high) / 2
        if not low < middle < high:
            break
        low, high = (middle, high) if _within(middle, freedom) < level else (low, middle)
    return math.sqrt(freedom) * math.tan((low + high) / 2)


def _within(angle: float, freedom: int) -> float:
    """Probability within ±sqrt(freedom) tan(angle): Abramowitz and Stegun 26.7.3 and 26.7.4."""
    sine, cosine = math.sin(angle), math.cos(angle)
    if freedom % 2 == 0:
        term = total = 1.0
        for k in range(2, freedom, 2):
            term *= (k - 1) / k * cosine**2
            total += term
        return sine * total
    total, term = 0.0, cosine
    for k in range(3, freedom + 1, 2):
        total += term
        term *= (k - 1) / k * cosine**2
    return 2 / math.pi * (angle + sine * total)
