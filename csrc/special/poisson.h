/* Poisson variates, many at a time: inversion where the mean is small, Hörmann's transformed
   rejection (PTRS, 1993) elsewhere. Exact up to rounding, for means up to 2^53. */
#ifndef SC_POISSON_H
#define SC_POISSON_H

#include "special/philox.h"
#include "special/stirling_tail.h"

#define SC_VARIATES 64      /* at most so many at a time */
#define SC_INVERSION 10.0   /* means below this are for inversion */
#define SC_NO_VARIATE 100.0 /* a mean to fill up a pack with */

/* Walk up from 0 until the distribution function passes a uniform number. `mean` is padded to a
   multiple of 8 by noughts. */
static void sc_poisson_inversion(sc_sequence *q, const double *mean, const int *place, int count,
                                 double *out)
{
    SC_ALIGNED double uniform[SC_VARIATES], number[SC_LANES];
    sc_next_groups(q, (count + SC_GROUP - 1) / SC_GROUP, uniform);
    for (int i = 0; i < count; i += SC_LANES) {
        const real mu = r_load(mean + i), u = r_load(uniform + i);
        real p = sc_exp(-mu), cumulative = p, k = r_set(0.0);
        for (double j = 1.0;; j++) {
            /* where u lies so far in the tail that rounding decides, stop */
            const mask on = m_and(r_lt(cumulative, u), r_lt(cumulative * r_set(1e-18), p));
            if (!m_any(on))
                break;
            k = r_select(on, r_set(j), k);
            p = p * (mu * r_set(1.0 / j)); /* p waits for one product only */
            cumulative = cumulative + p;
        }
        r_store(number, k);
        for (int j = 0; j < SC_LANES && i + j < count; j++)
            out[place[i + j]] = number[j];
    }
}

/* One attempt from two uniform numbers; returns the lanes whose k is to be taken. */
SC_INLINE mask sc_poisson_attempt(real mu, real u, real v, real *k_out)
{
    const real half = r_set(0.5), one = r_set(1.0), centred = u - half,
               us = half - r_max(centred, -centred);
    const real b = r_fma(r_sqrt(mu), r_set(2.53), r_set(0.931)),
               a = r_fma(b, r_set(0.02483), r_set(-0.059)),
               inverse_alpha = r_fma(r_set(1.1328), r_reciprocal(b - r_set(3.4)), r_set(1.1239));
    const real x = r_fma(r_fma(a + a, r_reciprocal(us), b), centred, mu + r_set(0.43));
    const real k = r_floor(r_max(x, r_set(0.0))), next = k + one;
    const real height = sc_log(v * inverse_alpha * (us * us) * r_reciprocal(r_fma(b, us * us, a)));
    /* ln of the probability of k, where k ln(mu) and ln k! would cancel: by ln(mu/(k+1)) */
    const real high = r_max(next, mu), low = r_min(next, mu),
               apart = sc_log1p((high - low) * r_reciprocal(low)),
               ratio = r_select(r_lt(mu, next), -apart, apart);
    const real bound = r_fma(k + half, ratio, next - mu)
                       - r_fma(half, sc_log(mu), r_set(0.91893853320467274)) /* ln(2 pi)/2 */
                       - sc_stirling_tails(k);
    *k_out = k;
    return m_and(r_le(r_set(0.0), x), r_le(height, bound));
}

/* Attempts until all have been taken; those that have not move to the front. `mean` is padded to a
   multiple of 8, and is used up. */
static void sc_poisson_rejection(sc_sequence *q, double *mean, int *place, int count, double *out)
{
    SC_ALIGNED double uniform[2 * SC_VARIATES], number[SC_LANES];
    while (count > 0) {
        int left = 0;
        sc_next_groups(q, (count + 7) / 8, uniform);
        for (int i = 0; i < count; i += SC_LANES) {
            const double *u = uniform + i / 8 * SC_GROUP + i % 8;
            real k;
            const unsigned taken =
                m_lanes(sc_poisson_attempt(r_load(mean + i), r_load(u), r_load(u + 8), &k));
            r_store(number, k);
            for (int j = 0; j < SC_LANES && i + j < count; j++) {
                out[place[i + j]] = number[j];
                mean[left] = mean[i + j];
                place[left] = place[i + j];
                left += !(taken >> j & 1);
            }
        }
        count = left;
    }
}

/* out[i]: a Poisson variate of mean[i], i < count <= SC_VARIATES; returns their sum. Which random
   numbers a variate uses does not depend on how many lanes a pack has. */
static double sc_fill_poisson(sc_sequence *q, const double *mean, int count, double *out)
{
    SC_ALIGNED double small[SC_VARIATES + 8], large[SC_VARIATES + 8];
    int small_place[SC_VARIATES + 1], large_place[SC_VARIATES + 1], smalls = 0, larges = 0, i = 0;
    for (; i < count; i++) {
        const int is_small = mean[i] < SC_INVERSION;
        small_place[smalls] = large_place[larges] = i;
        small[smalls] = large[larges] = mean[i];
        smalls += is_small;
        larges += !is_small;
    }
    for (i = 0; i < 8; i++) {
        small[smalls + i] = 0.0;
        large[larges + i] = SC_NO_VARIATE;
    }
    sc_poisson_inversion(q, small, small_place, smalls, out);
    sc_poisson_rejection(q, large, large_place, larges, out);
    real sums = r_set(0.0); /* exact in any order: whole numbers */
    for (i = 0; i + SC_LANES <= count; i += SC_LANES)
        sums = sums + r_load(out + i);
    double sum = sum_of_lanes(sums);
    for (; i < count; i++)
        sum += out[i];
    return sum;
}

#endif
