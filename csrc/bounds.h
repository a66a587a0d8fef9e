/* The bounds of THEORY section 4, one pack of points at a time. */
#ifndef SC_BOUNDS_H
#define SC_BOUNDS_H

#include "special.h"

#define SC_LARGEST 1e300
#define SC_SMALLEST 4.9406564584124654e-324 /* any K > 0 */

SC_INLINE mask sc_in_range(real x) /* [1, SC_LARGEST]; false for NaN */
{
    return m_and(r_le(r_set(1.0), x), r_le(x, r_set(SC_LARGEST)));
}

SC_INLINE mask sc_is_concentration(real K)
{
    return m_and(r_lt(r_set(0.0), K), r_le(K, r_set(SC_LARGEST)));
}

/* The best resolution: the root of eps^2 (eps + 2) = 16 d U / T, clipped to 2, for dU/T = entropy_per_sample.
 *
 * With t = sqrt(8 d U / T) this is f(eps) = eps^2 (1 + eps/2) - t^2 = 0. A polynomial gives eps/t to 6e-5 on the whole of
 * 0 <= t <= sqrt 8, where t itself need not be better. One Newton step leaves 2e-8, which is all that the bound needs: eps is its
 * minimiser, so that 2e-8 in eps is 4e-16 in the bound. Its parts, and eps, want a second step.
 */
typedef enum sc_sharpness { SC_FOR_THE_BOUND, SC_FOR_ITS_PARTS } sc_sharpness;

SC_INLINE real sc_resolution(real entropy_per_sample, sc_sharpness sharpness)
{
    const real squared = r_min(r_set(1.0), entropy_per_sample) * r_set(8.0); /* in this order NaN stays NaN */
    const real t = r_sqrt_coarse(squared);
    const real g = r_fma(r_fma(r_fma(r_set(0.0005145466542924369), t, r_set(-0.005719774745289974)), t, r_set(0.026885363011024288)),
                         squared * squared,
                         r_fma(r_fma(r_set(-0.07254122999235037), t, r_set(0.13734371398235282)), squared,
                               r_fma(r_set(-0.24707680874032076), t, r_set(0.9999179126183895))));
    real eps = t * g;
    for (int step = 0; step < (sharpness == SC_FOR_THE_BOUND ? 1 : 2); step++) {
        const real f = r_fma(eps * eps, r_fma(eps, r_set(0.5), r_set(1.0)), -squared);
        const real slope = eps * r_fma(eps, r_set(1.5), r_set(2.0));
        eps = r_fma(-f, step == 0 ? r_reciprocal_coarse(slope) : r_reciprocal(slope), eps);
    }
    return r_select(r_le(r_set(1.0), entropy_per_sample), r_set(2.0), eps);
}

SC_INLINE real sc_misspecification_at(real n, real K, real eps)
{
    return r_fma(eps, eps, K / n) * r_set(1.0 / 16);
}

/* ln(2n) + d ln(1 + 2/eps): nats that describe one unit. log_n is ln n. */
SC_INLINE real sc_unit_entropy(real log_n, real d, real eps)
{
    const real cover = r_fma(r_set(2.0), r_reciprocal(eps), r_set(1.0));
    return r_fma(d, sc_log(cover), log_n + r_set(SC_LN2));
}

/* Closed form: K/(8n) + (1 + K ln(1+(n-1)/K)) (ln(2n) + d ln(1 + 2 sqrt(1+n/K))) / T. What depends on K only: */
typedef struct sc_ratio {
    real K, inverse;
} sc_ratio;

/* Beyond this, n/K might overflow, and its logarithm is ln n - ln K to the last digit. At K > 1e-5 it cannot be reached:
   with may_be_huge 0 the compiler drops the question. */
#define SC_HUGE_RATIO 1e305

SC_INLINE sc_ratio sc_ratio_of(real K)
{
    return (sc_ratio){K, r_reciprocal(r_max(K, r_set(1e-300)))};
}

/* 1 + K ln(1 + (n-1)/K), which bounds the occupancy from above */
SC_INLINE real sc_occupancy_bound_at(const sc_ratio *ratio, real n, int may_be_huge)
{
    real growth = sc_log1p((n - r_set(1.0)) * ratio->inverse);
    const mask huge = r_lt(r_set(SC_HUGE_RATIO), n * ratio->inverse);
    if (may_be_huge && m_lanes(huge))
        growth = r_select(huge, sc_log(n) - sc_log(ratio->K), growth);
    return r_fma(ratio->K, growth, r_set(1.0));
}

/* ln(2n) + d ln(1 + 2 sqrt(1+n/K)) */
SC_INLINE real sc_closed_form_entropy(const sc_ratio *ratio, real n, real d, int may_be_huge)
{
    const real log_n = sc_log(n), x = n * ratio->inverse, one = r_set(1.0);
    real cover = sc_log(r_fma(r_set(2.0), r_sqrt(one + x), one));
    const mask huge = r_lt(r_set(SC_HUGE_RATIO), x);
    if (may_be_huge && m_lanes(huge))
        cover = r_select(huge, r_fma(log_n - sc_log(ratio->K), r_set(0.5), r_set(SC_LN2)), cover);
    return r_fma(d, cover, log_n + r_set(SC_LN2));
}

SC_INLINE real sc_closed_form_misspecification(real n, real K)
{
    return K * r_set(0.125) / n;
}

#endif
