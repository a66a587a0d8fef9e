/* Binomial variates: inversion where the mean is small, Hörmann's transformed rejection (BTRS,
   1993) elsewhere. Exact up to rounding. */
#ifndef SC_BINOMIAL_H
#define SC_BINOMIAL_H

#include "special/philox.h"
#include "special/stirling_tail.h"

static double sc_binomial_inversion(sc_sequence *q, double n, double p)
{
    const double odds = p / (1.0 - p), u = sc_next_uniform(q);
    double probability = exp(n * log1p(-p)), cumulative = probability, k = 0.0;
    while (u > cumulative && k < n) {
        k++;
        probability *= odds * (n - k + 1.0) / k;
        cumulative += probability;
        /* u lies so far in the tail that rounding decides: stop here */
        if (probability < 1e-18 * cumulative)
            break;
    }
    return k;
}

static double sc_binomial_rejection(sc_sequence *q, double n, double p)
{
    const double spread = sqrt(n * p * (1.0 - p)), b = 1.15 + 2.53 * spread,
                 a = -0.0873 + 0.0248 * b + 0.01 * p;
    const double c = n * p + 0.5, alpha = (2.83 + 5.1 / b) * spread, sure = 0.92 - 4.2 / b;
    const double odds = p / (1.0 - p), m = floor((n + 1.0) * p);
    for (;;) {
        const double u = sc_next_uniform(q) - 0.5, us = 0.5 - fabs(u),
                     k = floor((2.0 * a / us + b) * u + c);
        double v = sc_next_uniform(q);
        if (us >= 0.07 && v <= sure)
            return k;
        if (k < 0.0 || k > n)
            continue;
        v = log(v * alpha / (a / (us * us) + b));
        const double bound = (m + 0.5) * log((m + 1.0) / (odds * (n - m + 1.0)))
                             + (n + 1.0) * log((n - m + 1.0) / (n - k + 1.0))
                             + (k + 0.5) * log(odds * (n - k + 1.0) / (k + 1.0))
                             + sc_stirling_tail(m) + sc_stirling_tail(n - m) - sc_stirling_tail(k)
                             - sc_stirling_tail(n - k);
        if (v <= bound)
            return k;
    }
}

static double sc_binomial(sc_sequence *q, double n, double p)
{
    if (n <= 0.0 || p <= 0.0)
        return 0.0;
    if (p >= 1.0)
        return n;
    if (p > 0.5)
        return n - sc_binomial(q, n, 1.0 - p);
    return n * p < 10.0 ? sc_binomial_inversion(q, n, p) : sc_binomial_rejection(q, n, p);
}

#endif
