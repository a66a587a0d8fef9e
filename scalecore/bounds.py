r"""Error bounds for a width-n network after T samples: NumPy ufuncs, in nats per sample.

A width-``n`` network learns a function drawn from the infinite-width prior of concentration ``K``
on ``R^d`` from ``T`` samples. Its error is at most misspecification (what a width-``n`` network
cannot express) plus estimation (what ``T`` samples do not tell):

.. math::

    \frac1{16}\Big(\frac Kn + \epsilon^2\Big) + \frac{E U_n}{T}\Big(\ln 2n + d \ln\big(1 +
    \tfrac2\epsilon\big)\Big), \qquad E U_n = K\,(\psi(K+n) - \psi(K)),

for any resolution :math:`0 < \epsilon \le 2` at which a unit's direction is described. Everything
here takes ``n, T, d >= 1`` and ``K > 0``, real, up to 1e300, broadcasts, and gives NaN (with
NumPy's usual ``invalid`` warning) where an argument is outside. Large calls use all threads that
the process may use; results do not depend on how many.
"""

from __future__ import annotations

import numpy as np

from ._core.bounds import make_ufunc

__all__ = [
    "closed_form_bound",
    "error_bound",
    "estimation_bound",
    "misspecification_bound",
    "occupancy",
    "optimal_resolution",
]

_PARAMETERS = """
Parameters
----------
n : array_like
    Width of the learning network, at least 1 (real: the formula is analytic in n).
T : array_like
    Number of training samples, at least 1.
d : array_like
    Input dimension, at least 1.
K : array_like
    Concentration of the Dirichlet process, greater than 0.
out, where, dtype, ... :
    As for every `numpy.ufunc`.
"""

_NOTES = """
Arguments outside n, T, d in [1, 1e300] and K in (0, 1e300] give NaN in their own element and a
RuntimeWarning.
"""


def _bound(name: str, summary: str, returns: str, notes: str, example: str) -> np.ufunc:
    sections = {
        "Returns": f"ndarray or scalar\n    {returns}",
        "Notes": notes + _NOTES,
        "Examples": example,
    }
    body = "\n\n".join(
        f"{title}\n{'-' * len(title)}\n{text.strip()}" for title, text in sections.items()
    )
    return make_ufunc(name, f"{name}(n, T, d, K)\n\n{summary}\n{_PARAMETERS}\n{body}")


error_bound = _bound(
    "error_bound",
    "Upper bound on the average error of a width-n network over T samples, at the best resolution.",
    "The bound, in nats per sample.",
    """min over 0 < eps <= 2 of (K/n + eps^2)/16 + E U_n (ln(2n) + d ln(1 + 2/eps)) / T. The
minimiser is `optimal_resolution`, the two parts are `misspecification_bound` and
`estimation_bound`. Relative error below 2e-15. Source: JVR24 Corollary 4.1, constants derived in
docs/theory.md, section 2.
""",
    """>>> import scalecore as sc
>>> float(sc.error_bound(300, 3.3e5, 10, 100))
0.0360...
>>> sc.error_bound([30, 300, 3000], 1e6, 10, 100).round(4)
array([0.2096, 0.0266, 0.0156])
""",
)

misspecification_bound = _bound(
    "misspecification_bound",
    "Part of `error_bound` that more samples do not lower: what a width-n network cannot express.",
    "The misspecification, in nats per sample.",
    """(K/n + eps^2)/16 at eps = `optimal_resolution` (n, T, d, K). It follows from
d_KL(Bern(sigma(a)) || Bern(sigma(b))) <= (a-b)^2/8 and E(F - F~)^2 <= K/(2n) + eps^2/2.
Source: JVR24 Corollary 4.1.
""",
    """>>> import scalecore as sc
>>> float(sc.misspecification_bound(300, 3.3e5, 10, 100))
0.0227...
""",
)

estimation_bound = _bound(
    "estimation_bound",
    "Part of `error_bound` that falls with the samples: what T samples do not tell about the "
    "width-n network.",
    "The estimation error, in nats per sample.",
    """E U_n (ln(2n) + d ln(1 + 2/eps)) / T at eps = `optimal_resolution` (n, T, d, K): the entropy
of a list of the distinct units - count, sign, direction - divided by T.
Source: JVR24 Corollary 4.1.
""",
    """>>> import scalecore as sc
>>> float(sc.estimation_bound(300, 3.3e5, 10, 100))
0.0132...
""",
)

optimal_resolution = _bound(
    "optimal_resolution",
    "The resolution at which the bound is least: how precisely a unit's direction is worth "
    "describing.",
    "The distance eps between a unit's direction and its description, in (0, 2].",
    """The positive root of eps^2 (eps + 2) = 16 d E U_n / T, clipped to 2.
""",
    """>>> import scalecore as sc
>>> float(sc.optimal_resolution(300, 3.3e5, 10, 100))
0.175...
>>> float(sc.optimal_resolution(300, 1, 10, 100))
2.0
""",
)

closed_form_bound = _bound(
    "closed_form_bound",
    "A bound in closed form, above `error_bound` everywhere.",
    "The bound, in nats per sample.",
    """K/(8n) + (1 + K ln(1 + (n-1)/K)) (ln(2n) + d ln(1 + 2 sqrt(1 + n/K))) / T: the resolution is
fixed at eps^2 = K/(n+K) and the occupancy replaced by an upper bound. It is the shape in which
JVR24 states Corollary 4.1.
""",
    """>>> import scalecore as sc
>>> float(sc.closed_form_bound(300, 3.3e5, 10, 100))
0.0511...
""",
)

occupancy = make_ufunc(
    "occupancy",
    f"""occupancy(n, K)

Expected number of distinct atoms among n draws from a Dirichlet process.

Parameters
----------
n : array_like
    Number of draws (the width), at least 1; real.
K : array_like
    Concentration, greater than 0.
out, where, dtype, ... :
    As for every `numpy.ufunc`.

Returns
-------
ndarray or scalar
    E U_n = K (psi(K+n) - psi(K)) = sum_(i<n) K/(K+i), between 1 and n.

Notes
-----
Computed without subtracting two digammas, which loses every digit when n is much smaller than K;
relative error below 2e-15. Source: Ewens' sampling formula; docs/theory.md, section 2.3.
{_NOTES}
Examples
--------
>>> import scalecore as sc
>>> float(sc.occupancy(1, 100))
1.0
>>> float(sc.occupancy(1e6, 100))
921.5...
""",
)
