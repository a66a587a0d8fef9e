/* The bounds of docs/theory.md, section 2 ("The bound at width n"), one pack of points at a
   time. */
#ifndef SC_BOUNDS_H
#define SC_BOUNDS_H

#include "special/special.h"

#define SC_LARGEST 1e300

SC_INLINE mask sc_in_range(real x) /* [1, SC_LARGEST]; false for NaN */
{
    return m_and(r_le(r_set(1.0), x), r_le(x, r_set(SC_LARGEST)));
}

SC_INLINE mask sc_is_concentration(real K)
{
    return m_and(r_lt(r_set(0.0), K), r_le(K, r_set(SC_LARGEST)));
}

/* The best resolution: the root of eps^2 (eps + 2) = 16 x, clipped to 2, where x = d U/T, the
 * entropy per sample.
 *
 * This is f(eps) = eps^2 (eps/16 + 1/8) - x = 0. A polynomial in t = sqrt x gives eps/t to 8e-5 on
 * the whole of 0 <= t <= 1, where t itself need not be better. One Newton step leaves 2e-8, which
 * is all that the bound needs: eps is its minimiser, so that 2e-8 in eps is 4e-16 in the bound. Its
 * parts, and eps, want a second step.
 */
typedef enum sc_sharpness { SC_FOR_THE_BOUND, SC_FOR_ITS_PARTS } sc_sharpness;

typedef struct sc_net {
    real eps, inverse; /* the resolution and 1/eps */
} sc_net;

/* eps to 8e-5 where it is not clipped to 2; where it is, the result is not used */
SC_INLINE real sc_resolution_start(real x)
{
    const real t = r_sqrt_coarse(x);
    const real g = r_fma(r_fma(r_fma(r_set(0.7451431495414426), t, r_set(-2.928524669588468)), t,
                               r_set(4.866770559937858)),
                         x * x,
                         r_fma(r_fma(r_set(-4.642638719510424), t, r_set(3.107733488328555)), x,
                               r_fma(r_set(-1.9766144699225665), t, r_set(2.8281949465694436))));
    return t * g;
}

/* The root from its start. The reciprocal of the slope eps (3 eps/16 + 1/4) gives a first 1/eps as
   well, good to four digits, which two Newton steps double twice. */
SC_INLINE sc_net sc_resolution_polished(real x, real eps, sc_sharpness sharpness)
{
    const real one = r_set(1.0), eighth = r_set(0.125), quarter = r_set(0.25);
    real steepness = r_fma(eps, r_set(0.1875), quarter),
         inverse_slope = r_reciprocal_coarse(eps * steepness);
    real f = r_fms(eps * eps, r_fma(eps, r_set(0.0625), eighth), x);
    real inverse = inverse_slope * steepness;
    eps = r_fnma(f, inverse_slope, eps);
    inverse = r_fma(inverse, r_fnma(eps, inverse, one), inverse);
    if (sharpness == SC_FOR_ITS_PARTS) {
        steepness = r_fma(eps, r_set(0.1875), quarter);
        f = r_fms(eps * eps, r_fma(eps, r_set(0.0625), eighth), x);
        eps = r_fnma(f, r_reciprocal(eps * steepness), eps);
    }
    inverse = r_fma(inverse, r_fnma(eps, inverse, one), inverse);
    return (sc_net){eps, inverse};
}

SC_INLINE sc_net sc_net_clipped(sc_net net, real x)
{
    const mask clipped = r_le(r_set(1.0), x);
    return (sc_net){r_select(clipped, r_set(2.0), net.eps),
                    r_select(clipped, r_set(0.5), net.inverse)};
}

SC_INLINE real sc_resolution(real x, sc_sharpness sharpness)
{
    return sc_net_clipped(sc_resolution_polished(x, sc_resolution_start(x), sharpness), x).eps;
}

SC_INLINE real sc_misspecification_at(real n, real K, real eps)
{
    return r_fma(eps, eps, K / n) * r_set(1.0 / 16);
}

/* ln(2n) + d ln(1 + 2/eps): nats that describe one unit */
SC_INLINE real sc_unit_entropy(real log_2n, real d, real inverse_eps)
{
    return r_fma(d, sc_log(r_fma(r_set(2.0), inverse_eps, r_set(1.0))), log_2n);
}

/* Closed form: K/(8n) + (1 + K ln(1+(n-1)/K)) (ln(2n) + d ln(1 + 2 sqrt(1+n/K))) / T. sc_ratio
   holds what depends on K only. */
typedef struct sc_ratio {
    real K, inverse;
} sc_ratio;

/* Beyond this n/K might overflow, and ln(1 + n/K) is ln n - ln K to the last digit. Plain blocks
   (bounds.c) cannot reach it: with may_be_huge = 0 the compiler leaves the test out. */
#define SC_HUGE_RATIO 1e305

SC_INLINE sc_ratio sc_ratio_of(real K)
{
    return (sc_ratio){K, r_reciprocal(r_max(K, r_set(1e-300)))};
}

SC_INLINE mask sc_is_huge(const sc_ratio *ratio, real n)
{
    return m_or(r_lt(r_set(SC_HUGE_RATIO), n * ratio->inverse), r_lt(ratio->K, r_set(1e-300)));
}

SC_INLINE real sc_log_huge(const sc_ratio *ratio, real n) /* ln(n/K); K may be denormal */
{
    return sc_log(n) - (sc_log(ratio->K * r_set(0x1p200)) - r_set(200 * SC_LN2));
}

/* 1 + K ln(1 + (n-1)/K), which bounds the occupancy from above */
SC_INLINE real sc_occupancy_bound_at(const sc_ratio *ratio, real n, int may_be_huge)
{
    real growth = sc_log1p((n - r_set(1.0)) * ratio->inverse);
    const mask huge = sc_is_huge(ratio, n);
    if (may_be_huge && m_any(huge))
        growth = r_select(huge, sc_log_huge(ratio, n), growth);
    return r_fma(ratio->K, growth, r_set(1.0));
}

/* 1 + 2 sqrt(1+n/K) */
SC_INLINE real sc_closed_form_cover(const sc_ratio *ratio, real n)
{
    return r_fma(r_set(2.0), r_sqrt_from_1(r_fma(n, ratio->inverse, r_set(1.0))), r_set(1.0));
}

/* ln(2n) + d ln(1 + 2 sqrt(1+n/K)) */
SC_INLINE real sc_closed_form_entropy(const sc_ratio *ratio, real n, real d, real cover,
                                      int may_be_huge)
{
    real log_cover = sc_log(cover);
    const mask huge = sc_is_huge(ratio, n);
    if (may_be_huge && m_any(huge))
        log_cover =
            r_select(huge, r_fma(sc_log_huge(ratio, n), r_set(0.5), r_set(SC_LN2)), log_cover);
    return r_fma(d, log_cover, sc_log_twice(n));
}

SC_INLINE real sc_closed_form_misspecification(real n, real K) { return K * r_set(0.125) / n; }

#endif
