r"""Spectral bounds: the error of a width-n network, described by its projection as well as by its
atoms.

The infinite-width network :math:`F` is a random function of known covariance. A learner may
describe it by coefficients in fixed features, of which a sample tells most where their variance is
largest, and by atoms only where those pay:

.. math::

    \sum_i h(\mu_i, T) + \frac18\Big(\frac{K\rho_q}{n_s} + \frac{\epsilon^2}2\Big)
    + \frac{E U_{n_s}}{T}\Big(\ln 2n_s + d \ln\big(1 + \tfrac2\epsilon\big)\Big),
    \qquad h(\mu, T) = \frac{\ln(\mu T/4) + 1}{2T}\ \text{ if } \mu T > 4,\ \text{ else } \frac\mu8,

where q units of fixed directions have coefficients of variances :math:`\mu_i` and leave the mean
square :math:`\rho_q = \frac12 - \sum_i \mu_i` (of which an eighth remains where no atoms are
drawn). docs/spectral.md proves it. Input dimensions are whole numbers here.
"""

from __future__ import annotations

from .._core import spectral as _spectral
from .._core import spectrum as _spectrum

__all__ = ["bayes_error_bound", "bayes_error_lower_bound", "refined_bound", "spectral_bound"]

bayes_error_bound = _spectrum.make_bayes_error_bound(
    """bayes_error_bound(T, d)

Upper bound on the average error of the best possible learner over T samples, whatever its width and
the concentration.

Parameters
----------
T : array_like
    Number of training samples, at least 1.
d : array_like
    Input dimension, a whole number from 1 to 1e15.
out, where, dtype, ... :
    As for every `numpy.ufunc`.

Returns
-------
ndarray or scalar
    The bound on I(F; H_T)/T, in nats per sample.

Notes
-----
sum_l N_l h(lambda_l, T) over the spectrum of F (`spectrum`), h(mu, T) = (ln(mu T/4) + 1)/(2T) if mu
T > 4 and mu/8 otherwise: each coefficient is sent with the noise that costs least. `refined_bound`,
which mixes coefficients instead, may lie below it. Relative error below 1e-13. Degrees beyond
131,072 are charged their whole variance, which only loosens it (d = 2 from T = 1e20 on, d = 3 from
1e25).

T outside [1, 1e300] and d that are not whole give NaN in their own element and a RuntimeWarning.
Source: docs/spectral.md.

Examples
--------
>>> import scalecore as sc
>>> sc.bayes_error_bound([1000, 129747], 10).round(6)
array([0.026867, 0.002338])
""",
)

bayes_error_lower_bound = _spectrum.make_bayes_error_lower_bound(
    """bayes_error_lower_bound(T, d, K)

Lower bound on the average error of the best possible learner over T samples: no learner of any
width does better.

Parameters
----------
T : array_like
    Number of training samples, at least 1.
d : array_like
    Input dimension, a whole number from 1 to 1e15.
K : array_like
    Concentration of the Dirichlet process, greater than 0.
out, where, dtype, ... :
    As for every `numpy.ufunc`.

Returns
-------
ndarray or scalar
    A number that I(F; H_T)/T is not below, in nats per sample.

Notes
-----
The information of sample t is at least twice the mean square error of the best estimate of
P(Y = 1 | F, X) from the samples before (Pinsker), and for the coefficient of that function on each
eigenfunction van Trees' inequality bounds the error from below:

    T L_T >= sum_l N_l lambda_l/8 * integral_0^T (G_l J_1)^2 /
             ((t/4)(G'_l lambda_l J_1^2 + J_2/(2A (K+1))) + J_0) dt,

where G_l and G'_l say how much of a logit's change reaches the label, A = l (l+d-2), and J_0, J_1
and J_2 are one-dimensional integrals over the size of an atom (degree 0 has its own). Degrees up to
126 are counted; integrals are exact to 1e-11 and the result is lowered by 1e-9.

Where many atoms matter it is near the truth: at d = 10, K = 100 it is 0.87, 0.82, 0.75 and 0.63 of
a simulated lower bound at T = 128, 1e3, 1e4 and 1e5. For K below 1, and once atoms are seen one by
one, it is loose. At a real T it bounds the information interpolated between whole T.

Arguments outside T in [1, 1e300] and K in (0, 1e300], and d that are not whole, give NaN in their
own element and a RuntimeWarning. Source: docs/lower_bound.md.

Examples
--------
>>> import scalecore as sc
>>> sc.bayes_error_lower_bound([1000, 1e5], 10, 100).round(5)
array([0.01499, 0.0012 ])
>>> sc.bayes_error_bound([1000, 1e5], 10).round(5)
array([0.02687, 0.00265])
""",
)

spectral_bound = _spectral.make_ufunc(
    "spectral_bound",
    """spectral_bound(n, T, d, K)

Upper bound on the average error of a width-n network over T samples, by the best mixture of fixed
features and atoms.

Never above `error_bound` at whole n, and never rising with n or T.

Parameters
----------
n : array_like
    Width of the learning network, at least 1. Only whole units are paid for: at a real n the bound
    is that of the whole one below, while `error_bound` interpolates.
T : array_like
    Number of training samples, at least 1.
d : array_like
    Input dimension, a whole number from 1 to 1e15.
K : array_like
    Concentration of the Dirichlet process, greater than 0.
out, where, dtype, ... :
    As for every `numpy.ufunc`.

Returns
-------
ndarray or scalar
    The bound, in nats per sample.

Notes
-----
The least over q + n_s <= n of sum_i h(mu_i, T) + [K rho_q/n_s + eps^2/2]/8 + E U_(n_s) (ln(2 n_s) +
d ln(1 + 2/eps))/T, or of sum_i h(mu_i, T) + rho_q/8 without atoms; `spectral_terms` tells which.
The variances mu_i of q units come from a table that is built when a dimension is first asked for
(in some seconds, then kept; `spectral_table` shows progress and keeps it on disk). Atoms are
drawn beside a few of its rows only, which costs 0.1 % of the bound, 3 % at worst.

Arguments outside n, T in [1, 1e300], K in (0, 1e300] and d that are not whole give NaN in their own
element and a RuntimeWarning. Source: docs/spectral.md.

Examples
--------
>>> import scalecore as sc
>>> table = sc.spectral_table(3, most_units=64)
>>> sc.spectral_bound([2, 8, 32], 1e5, 3, 100).round(5)
array([0.03138, 0.00128, 0.00062])
>>> sc.error_bound([2, 8, 32], 1e5, 3, 100).round(5)
array([3.12533, 0.78248, 0.1996 ])
""",
)


refined_bound = _spectral.make_ufunc(
    "refined_bound",
    """refined_bound(n, T, d, K)

Upper bound on the average error of a width-n network over T samples: `spectral_bound`, tightened in
three ways.

Parameters
----------
n, T, d, K : array_like
    As for `spectral_bound`.
out, where, dtype, ... :
    As for every `numpy.ufunc`.

Returns
-------
ndarray or scalar
    The bound, in nats per sample; never above `spectral_bound`.

Notes
-----
Units that are left beside a fixed part may be sticks of the process, the m first of which leave
only the share (K/(K+2))^m of the variance: each is sent as a sign and d noisy coordinates or,
polar, as a noisy signed size and a direction that is the more precise the larger the size. They are
whole, also where n is not. For a fixed K the bound then falls like 1/C, up to powers of log C, and
the best width grows like K log C. d + 2 trained units may be a quadratic form in its eigenbasis,
which describes all degrees up to 2. And coefficients of the fixed part are mixed over a Gaussian
prior instead of sent with noise, which costs each f(mu T/4)/T, up to 30 % less than h. Source:
docs/spectral.md, where each is proved; `spectral_terms` tells which is best.

Examples
--------
>>> import scalecore as sc
>>> table = sc.spectral_table(3, most_units=64)
>>> ratio = sc.refined_bound(1000, [1e4, 1e9], 3, 10) / sc.spectral_bound(1000, [1e4, 1e9], 3, 10)
>>> ratio <= [1.0, 0.5]
array([ True,  True])
""",
)
