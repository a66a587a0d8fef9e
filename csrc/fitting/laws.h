/* The laws themselves: value, gradient and second derivatives with respect to the parameters, a
 * pack of replicas at a time.
 *
 * A law is two inline functions: `sc_law_at` computes value and gradient and keeps what the second
 * derivatives need; `sc_law_curvature` adds c times the second derivatives to a packed matrix. Only
 * entries that are not zero are touched.
 */
#ifndef SC_FITTING_LAWS_H
#define SC_FITTING_LAWS_H

#include "fitting/fitting.h"
#include "special/special.h"

#define SC_PACKED(i, j) ((i) * ((i) + 1) / 2 + (j)) /* j <= i */

typedef struct sc_law_point {
    real value;
    real gradient[SC_FIT_MOST_PARAMETERS]; /* d value / d theta */
    real first, second;                    /* the terms in N and in D */
    /* coupled: weight of the first term, u - v, gamma times the entropy of the weights */
    real share, difference, entropy;
} sc_law_point;

SC_INLINE real sc_law_exp(real x) /* far beyond any fit, and finite */
{
    return sc_exp(r_max(r_min(x, r_set(300.0)), r_set(-300.0)));
}

/* T = (e^(u/gamma) + e^(v/gamma))^gamma. Its logarithm z = max(u, v) + gamma ln(1 +
   e^(-|u-v|/gamma)) has dz/du = p, dz/dv = 1-p with p = sigmoid((u-v)/gamma), and dz/d gamma is the
   entropy of (p, 1-p). */
SC_INLINE void sc_law_coupled_term(sc_law_point *o, real u, real v, real gamma, real inverse_gamma)
{
    const real one = r_set(1.0), zero = r_set(0.0);
    o->difference = u - v;
    const real d = o->difference * inverse_gamma, far = r_min(r_max(d, -d), r_set(600.0));
    const real e = sc_exp(-far), smaller = e / (one + e);
    o->share = r_select(r_le(zero, d), one - smaller, smaller);
    const real excess = gamma * sc_log1p(e);
    o->entropy = r_fma(gamma * smaller, far, excess);
    o->first = sc_law_exp(r_max(u, v) + excess);
}

SC_INLINE void sc_law_at(sc_form form, const real *theta, real gamma, real inverse_gamma, real n,
                         real m, sc_law_point *o)
{
    real *g = o->gradient;
    g[0] = r_set(1.0);
    if (form == SC_FORM_COMPUTE) {
        o->first = sc_law_exp(r_fnma(theta[2], n, theta[1]));
        o->value = theta[0] + o->first;
        g[1] = o->first;
        g[2] = -n * o->first;
    } else if (form == SC_FORM_ADDITIVE) {
        o->first = sc_law_exp(r_fnma(theta[2], n, theta[1]));
        o->second = sc_law_exp(r_fnma(theta[4], m, theta[3]));
        o->value = theta[0] + (o->first + o->second);
        g[1] = o->first;
        g[2] = -n * o->first;
        g[3] = o->second;
        g[4] = -m * o->second;
    } else if (form == SC_FORM_TIED) {
        o->first = sc_law_exp(r_fnma(theta[3], n, theta[1]));
        o->second = sc_law_exp(r_fnma(theta[3], m, theta[2]));
        o->value = theta[0] + (o->first + o->second);
        g[1] = o->first;
        g[2] = o->second;
        g[3] = r_fnma(n, o->first, -m * o->second);
    } else {
        const int kaplan = form == SC_FORM_KAPLAN, last = kaplan ? 4 : 5;
        const real u = r_fnma(theta[2], n, theta[1]),
                   v = r_fnma(kaplan ? gamma : theta[4], m, theta[3]);
        sc_law_coupled_term(o, u, v, gamma, inverse_gamma);
        o->value = theta[0] + o->first;
        const real p = o->share * o->first, q = o->first - p;
        g[1] = p;
        g[2] = -n * p;
        g[3] = q;
        if (kaplan) /* v = b - gamma m depends on gamma, too */
            g[last] = r_fnma(gamma * m, q, o->entropy * o->first);
        else {
            g[4] = -m * q;
            g[last] = o->entropy * o->first;
        }
    }
}

/* H += c d^2 value / d theta d theta' */
SC_INLINE void sc_law_curvature(sc_form form, real gamma, real inverse_gamma, real n, real m,
                                const sc_law_point *o, real c, real *H)
{
    if (form == SC_FORM_COMPUTE || form == SC_FORM_ADDITIVE || form == SC_FORM_TIED) {
        const real first = c * o->first, slope = n * first;
        H[SC_PACKED(1, 1)] = H[SC_PACKED(1, 1)] + first;
        if (form == SC_FORM_TIED) {
            const real second = c * o->second, second_slope = m * second;
            H[SC_PACKED(3, 1)] = H[SC_PACKED(3, 1)] - slope;
            H[SC_PACKED(2, 2)] = H[SC_PACKED(2, 2)] + second;
            H[SC_PACKED(3, 2)] = H[SC_PACKED(3, 2)] - second_slope;
            H[SC_PACKED(3, 3)] = r_fma(n, slope, r_fma(m, second_slope, H[SC_PACKED(3, 3)]));
            return;
        }
        H[SC_PACKED(2, 1)] = H[SC_PACKED(2, 1)] - slope;
        H[SC_PACKED(2, 2)] = r_fma(n, slope, H[SC_PACKED(2, 2)]);
        if (form == SC_FORM_ADDITIVE) {
            const real second = c * o->second, second_slope = m * second;
            H[SC_PACKED(3, 3)] = H[SC_PACKED(3, 3)] + second;
            H[SC_PACKED(4, 3)] = H[SC_PACKED(4, 3)] - second_slope;
            H[SC_PACKED(4, 4)] = r_fma(m, second_slope, H[SC_PACKED(4, 4)]);
        }
        return;
    }
    /* T (dz dz' + d^2 z): the first is gradient gradient'/T; d^2 z is a multiple of one vector's
       square, and a term in gamma alone */
    const int kaplan = form == SC_FORM_KAPLAN, last = kaplan ? 4 : 5;
    const real T = c * o->first, outer = c / o->first;
    const real square = T * o->share * (r_set(1.0) - o->share) * inverse_gamma;
    real d[6];
    d[1] = r_set(1.0);
    d[2] = -n;
    d[3] = r_set(-1.0);
    if (kaplan)
        d[4] = r_fma(gamma, m, -o->difference);
    else {
        d[4] = m;
        d[5] = -o->difference;
    }
    for (int i = 1; i <= last; i++)
        for (int j = 1; j <= i; j++)
            H[SC_PACKED(i, j)] =
                r_fma(square * d[i], d[j],
                      r_fma(outer * o->gradient[i], o->gradient[j], H[SC_PACKED(i, j)]));
    const real alone = kaplan ? r_fnma(gamma * m, r_set(1.0) - o->share, o->entropy) : o->entropy;
    H[SC_PACKED(last, last)] = r_fma(T, alone, H[SC_PACKED(last, last)]);
}

#endif
