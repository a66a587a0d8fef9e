/* The optimality condition of one budget (docs/theory.md, section 3), one pack of budgets at a
 * time.
 *
 * Along C = cost d n T write M = C/(cost d) = n T and x = ln n. The sign of dL/dn is the sign of
 *
 *     phi(x) = ln( positive part of n^2 dL/dn / its negative part ) = const - ln M + 2x + ln G(x),
 *     optimal:      L = (K/n + eps^2)/16 + U g n/M,   G = U (g + 1) + a g,     a = n U',
 *                   g = ln 2n + d ln(1 + 2/eps),
 *     closed form:  L = K/(8n) + V g n/M,             G = (V + a) g + V g_x,   a = n V',
 *
 * where eps counts as constant (envelope theorem). phi is strictly increasing, which makes the
 * bound unimodal: ln G falls more slowly than 2x rises, because -s psi''(s) <= 2 psi'(s) and 4/(3
 * eps + 4) <= ln(1 + 2/eps). The proof is in docs/theory.md. It is also nearly linear, so Newton's
 * method takes four or five steps from anywhere. (The closed form's phi increases for K >= 1/3
 * only; see frontier.c.)
 */
#ifndef SC_ALLOCATION_H
#define SC_ALLOCATION_H

#include "bounds/bounds.h"
#include "scalecore.h"

typedef struct sc_budget {
    real product, log_product; /* M, the product n T that the budget pays for */
    real d, log_K;
    sc_origin origin;
    sc_ratio ratio;
} sc_budget;

typedef struct sc_condition {
    real phi, slope; /* phi and d phi / dx */
    real pull;       /* d phi / d ln C at fixed x */
} sc_condition;

SC_INLINE sc_condition sc_condition_from(const sc_budget *b, double constant, real x, real G,
                                         real G_x, real pull)
{
    const real offset = r_set(constant) - b->log_K - b->log_product;
    sc_condition c;
    c.phi = r_fma(r_set(2.0), x, offset + sc_log(G));
    c.slope = r_set(2.0) + G_x * r_reciprocal(G);
    c.pull = pull;
    return c;
}

SC_INLINE sc_condition sc_condition_optimal(const sc_budget *b, real x)
{
    const real n = sc_exp(x), K = b->origin.K, one = r_set(1.0);
    const real U = sc_occupancy_at(&b->origin, n);
    const real entropy_per_sample = U * (n * r_reciprocal(b->product)) * b->d;
    const real eps = sc_resolution(entropy_per_sample, SC_FOR_ITS_PARTS);
    const real g = sc_unit_entropy(x + r_set(SC_LN2), b->d, r_reciprocal(eps));
    real trigamma, tetragamma;
    sc_polygamma(K + n, &trigamma, &tetragamma);
    const real a = n * trigamma * K; /* U_x */
    const real a_x = r_fma(n * (n * tetragamma), K, a);
    /* d d ln(1+2/eps) / d ln A, nought where eps is clipped to 2 */
    const real fall =
        r_select(r_le(one, entropy_per_sample), r_set(0.0),
                 b->d * r_set(2.0) * r_reciprocal(r_fma(r_set(3.0), eps, r_set(4.0))));
    const real g_x = one - fall * (one + a * r_reciprocal(U));
    const real G = r_fma(U, g + one, a * g);
    const real G_x = r_fma(a, g + one, (U + a) * g_x) + a_x * g;
    /* ln 16 */
    return sc_condition_from(b, 2.772588722239781, x, G, G_x,
                             (U + a) * fall * r_reciprocal(G) - one);
}

SC_INLINE sc_condition sc_condition_closed_form(const sc_budget *b, real x)
{
    const real n = sc_exp(x), K = b->origin.K, one = r_set(1.0);
    /* h below is 1/2 from there on, and must not overflow */
    const real ratio = r_min(n * b->ratio.inverse, r_set(1e150));
    const real V = sc_occupancy_bound_at(&b->ratio, n, 1);
    const real inverse = r_reciprocal(K + (n - one));
    const real a = n * inverse * K; /* V_x */
    const real a_x = a * ((K - one) * inverse);
    const real s = r_sqrt(one + ratio); /* g = ln 2n + d ln(1 + 2s) */
    const real g =
        sc_closed_form_entropy(&b->ratio, n, b->d, sc_closed_form_cover(&b->ratio, n), 1);
    const real q = r_reciprocal(r_fma(r_set(2.0) * s, s, s));
    const real h = ratio * q;
    const real h_x = r_fma(s, s + r_set(4.0), one) * q * q * ratio * r_reciprocal(s + s);
    const real g_x = r_fma(b->d, h, one);
    const real G = r_fma(V + a, g, V * g_x);
    const real G_x = r_fma(a + a_x, g, (V + a) * g_x) + r_fma(a, g_x, V * b->d * h_x);
    return sc_condition_from(b, 2.0794415416798357, x, G, G_x, -one); /* ln 8 */
}

SC_INLINE sc_condition sc_condition_at(sc_bound bound, const sc_budget *b, real x)
{
    return bound == SC_BOUND_OPTIMAL ? sc_condition_optimal(b, x) : sc_condition_closed_form(b, x);
}

typedef struct sc_parts {
    real misspecification, estimation;
} sc_parts;

/* Both parts of the bound at (n, T). */
SC_INLINE sc_parts sc_parts_at(sc_bound bound, const sc_budget *b, real n, real T)
{
    sc_parts p;
    if (bound == SC_BOUND_OPTIMAL) {
        const real per_sample = sc_occupancy_at(&b->origin, n) / T;
        const real eps = sc_resolution(per_sample * b->d, SC_FOR_ITS_PARTS);
        p.misspecification = sc_misspecification_at(n, b->origin.K, eps);
        p.estimation = per_sample * sc_unit_entropy(sc_log_twice(n), b->d, r_reciprocal(eps));
    } else {
        p.misspecification = sc_closed_form_misspecification(n, b->origin.K);
        p.estimation =
            sc_occupancy_bound_at(&b->ratio, n, 1) / T
            * sc_closed_form_entropy(&b->ratio, n, b->d, sc_closed_form_cover(&b->ratio, n), 1);
    }
    return p;
}

#endif
