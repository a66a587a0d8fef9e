/* Scalar mathematics over `real` (vector.h): logarithms, the exponential, and sums over the
 * harmonic-like series K/(K+i).
 *
 * Errors are relative and hold on the stated domain only; callers mask what lies outside.
 */
#ifndef SC_SPECIAL_H
#define SC_SPECIAL_H

#include "simd/vector.h"

#define SC_LN2 0.6931471805599453

/* ---- logarithms ---------------------------------------------------------------------------------
 * w = 2^k m, 1 <= m < 2, and m is near one of sixteen centres c: ln w = k ln 2 + ln c + ln(1+r), r
 * = m/c - 1, |r| <= 1/32. The tables hold 1/c as rounded, and minus the logarithm of just that.
 */
static const double sc_log_inverse[16] = {/* c = 1 + (i + 1/2)/16 */
                                          0.9696969696969697, 0.9142857142857143,
                                          0.8648648648648649, 0.8205128205128205,
                                          0.7804878048780488, 0.7441860465116279,
                                          0.7111111111111111, 0.6808510638297872,
                                          0.6530612244897959, 0.6274509803921569,
                                          0.6037735849056604, 0.5818181818181818,
                                          0.5614035087719298, 0.5423728813559322,
                                          0.5245901639344263, 0.5079365079365079};
static const double sc_log_centre[16] = {
    0.03077165866675366, 0.08961215868968717, 0.14518200984449783, 0.19782574332991992,
    0.2478361639045812,  0.2954642128938359,  0.3409265869705932,  0.38441169891033206,
    0.42608439531090014, 0.46608972992459924, 0.5045560107523953,  0.5415972824327444,
    0.5773153650348236,  0.6118015411059929,  0.6451379613735847,  0.6773988235918061};
static const double sc_log_twice_centre[16] = {/* ln 2c for the same centres */
                                               0.723918839226699,  0.7827593392496325,
                                               0.8383291904044432, 0.8909729238898653,
                                               0.9409833444645266, 0.9886113934537812,
                                               1.0340737675305385, 1.0775588794702773,
                                               1.1192315758708455, 1.1592369104845446,
                                               1.1977031913123406, 1.2347444629926898,
                                               1.270462545594769,  1.3049487216659381,
                                               1.33828514193353,   1.3705460041517514};

SC_INLINE real sc_log_from(const double centre[16], real w)
{
    const bits index = r_bits(w) >> 48;
    const real r = r_fma(r_mantissa(w), r_lookup16(sc_log_inverse, index), r_set(-1.0));
    real p = r_set(-0.12516085173432817); /* ln(1+r)/r */
    p = r_fma(p, r, r_set(0.14303586389652514));
    p = r_fma(p, r, r_set(-0.16666659279251342));
    p = r_fma(p, r, r_set(0.19999991791946398));
    p = r_fma(p, r, r_set(-0.2500000000084804));
    p = r_fma(p, r, r_set(0.3333333333427558));
    p = r_fma(p, r, r_set(-0.5));
    p = r_fma(p, r, r_set(1.0));
    return r_fma(p, r, r_fma(r_exponent(w), r_set(SC_LN2), r_lookup16(centre, index)));
}

/* ln w and ln 2w for any positive normal w, to an absolute error of an ulp or of 1e-16: ln w is
   used only where it is added to ln 2 or more. */
SC_INLINE real sc_log(real w) { return sc_log_from(sc_log_centre, w); }

SC_INLINE real sc_log_twice(real w) { return sc_log_from(sc_log_twice_centre, w); }

/* Centres c = 1 + i/16, m rounded to the nearest (which may be 2: then k is one more). One of them
   is 1 itself, so that log1p keeps its digits near 0. The inverses are 2^1023/c, from which an
   integer subtraction makes 2^-k/c. */
static const double sc_log1p_inverse[16] = {
    0x1.0000000000000p+1023, 0x1.e1e1e1e1e1e1ep+1022, 0x1.c71c71c71c71cp+1022,
    0x1.af286bca1af28p+1022, 0x1.999999999999ap+1022, 0x1.8618618618618p+1022,
    0x1.745d1745d1746p+1022, 0x1.642c8590b2164p+1022, 0x1.5555555555555p+1022,
    0x1.47ae147ae147bp+1022, 0x1.3b13b13b13b14p+1022, 0x1.2f684bda12f68p+1022,
    0x1.2492492492492p+1022, 0x1.1a7b9611a7b96p+1022, 0x1.1111111111111p+1022,
    0x1.0842108421084p+1022};
static const double sc_log1p_centre[16] = {0.0,
                                           0.060624621816434854,
                                           0.11778303565638351,
                                           0.17185025692665928,
                                           0.2231435513142097,
                                           0.2719337154836418,
                                           0.3184537311185346,
                                           0.3629054936893685,
                                           0.40546510810816444,
                                           0.4462871026284195,
                                           0.48550781578170077,
                                           0.5232481437645479,
                                           0.5596157879354228,
                                           0.5947071077466928,
                                           0.6286086594223742,
                                           0.661398482245365};

/* ln(1+y) for 0 <= y <= 1e307 with a relative error below 1e-15 down to the smallest y. What 1+y
   loses of y matters only where k = 0; there 2^-k/c - 1 is exact and r has all digits of y. */
SC_INLINE real sc_log1p(real y)
{
    const bits rounded = r_bits(r_set(1.0) + y) + ((uint64_t)1 << 47);
    const bits power = rounded & ((uint64_t)0x7ff << 52);
    const real inverse = r_from_bits(r_bits(r_lookup16(sc_log1p_inverse, rounded >> 48)) - power);
    const real r = r_fma(y, inverse, inverse - r_set(1.0));
    real p = r_set(0.11129244696594687); /* ln(1+r)/r */
    p = r_fma(p, r, r_set(-0.1251994659353549));
    p = r_fma(p, r, r_set(0.1428570299134199));
    p = r_fma(p, r, r_set(-0.16666654243142873));
    p = r_fma(p, r, r_set(0.20000000002250592));
    p = r_fma(p, r, r_set(-0.25000000002475586));
    p = r_fma(p, r, r_set(0.33333333333333265));
    p = r_fma(p, r, r_set(-0.4999999999999992));
    p = r_fma(p, r, r_set(1.0));
    return r_fma(p, r,
                 r_fma(r_exponent(r_from_bits(power)), r_set(SC_LN2),
                       r_lookup16(sc_log1p_centre, rounded >> 48)));
}

/* e^x = power (1 + p), |x| <= 700 */
SC_INLINE void sc_exp_parts(real x, real *power, real *p_out)
{
    const real shift = r_set(0x1.8p52);
    const real shifted = r_fma(x, r_set(1.4426950408889634), shift);
    const real k = shifted - shift;
    const real r =
        r_fma(k, r_set(-1.9082149292705877e-10), r_fma(k, r_set(-0.6931471803691238), x));
    real p = r_set(2.5100375832561234e-08);
    p = r_fma(p, r, r_set(2.7620075879983367e-07));
    p = r_fma(p, r, r_set(2.7557268480310024e-06));
    p = r_fma(p, r, r_set(2.4801521322368692e-05));
    p = r_fma(p, r, r_set(0.00019841269863040545));
    p = r_fma(p, r, r_set(0.0013888888917196719));
    p = r_fma(p, r, r_set(0.008333333333330065));
    p = r_fma(p, r, r_set(0.041666666666624164));
    p = r_fma(p, r, r_set(0.16666666666666669));
    p = r_fma(p, r, r_set(0.5));
    p = r_fma(p * r, r, r);
    *power = r_from_bits((r_bits(shifted) + 1023) << 52);
    *p_out = p;
}

SC_INLINE real sc_exp(real x)
{
    real power, p;
    sc_exp_parts(x, &power, &p);
    return r_fma(p, power, power);
}

SC_INLINE real sc_expm1(real x) /* keeps its digits near 0, where the power is 1 */
{
    real power, p;
    sc_exp_parts(x, &power, &p);
    return r_fma(p, power, power - r_set(1.0));
}

SC_INLINE real sc_exp_of_minus_size(real x) /* e^-|x| */
{
    return sc_exp(r_max(r_min(x, -x), r_set(-700.0)));
}

SC_INLINE real sc_softplus(real x) /* ln(1 + e^x) */
{
    const real zero = r_set(0.0);
    return r_max(x, zero) + sc_log1p(sc_exp_of_minus_size(x));
}

SC_INLINE real sc_sigmoid(real x) /* 1/(1 + e^-x) */
{
    const real one = r_set(1.0), e = sc_exp_of_minus_size(x);
    return r_select(r_le(r_set(0.0), x), one, e) / (one + e);
}

/* The same in single precision, to 2e-7. */
SC_INLINE freal f_sigmoid(freal x)
{
    /* in this order NaN stays NaN */
    const freal shift = f_set(0x1.8p23f), least = f_min(f_set(87.0f), f_max(f_set(-87.0f), x));
    const freal shifted = f_fma(least, f_set(-1.44269504f), shift), k = shifted - shift;
    const freal r = f_fma(k, f_set(-1.42860677e-6f), f_fma(k, f_set(-0.693145752f), -least));
    freal p = f_set(1.0f / 720);
    p = f_fma(p, r, f_set(1.0f / 120));
    p = f_fma(p, r, f_set(1.0f / 24));
    p = f_fma(p, r, f_set(1.0f / 6));
    p = f_fma(p, r, f_set(0.5f));
    p = f_fma(p, r, f_set(1.0f));
    p = f_fma(p, r, f_set(1.0f));
    return f_set(1.0f) / (f_set(1.0f) + f_double_exponent(p, shifted));
}

/* What d_KL(Bern(sigmoid a) || Bern(sigmoid b)) takes of a: sigmoid(a), e^-|a|, 1/(1 + e^-|a|). */
typedef struct sc_kl_from {
    real sigmoid, e, larger;
} sc_kl_from;

SC_INLINE sc_kl_from sc_kl_prepare(real a)
{
    sc_kl_from from;
    from.e = sc_exp_of_minus_size(a);
    from.larger = r_set(1.0) / (r_set(1.0) + from.e);
    from.sigmoid = r_select(r_le(r_set(0.0), a), from.larger, from.e * from.larger);
    return from;
}

/* The sum of that divergence over many pairs. It is sigmoid(a) (a - b) - softplus(a) + softplus(b),
 * and softplus(x) = max(x, 0) + ln(1 + e^-|x|). So the sum takes one logarithm, of a product of
 * (1 + e^-|b|) / (1 + e^-|a|) = 1 + (e^-|b| - e^-|a|) / (1 + e^-|a|). A factor is 1/2 to 2: a
 * thousand of them in each lane do not overflow. Where a and b are close, so is a factor to 1, and
 * nothing large cancels. */
typedef struct sc_kl_sum {
    real linear, product;
} sc_kl_sum;

SC_INLINE sc_kl_sum sc_kl_start(void) { return (sc_kl_sum){r_set(0.0), r_set(1.0)}; }

/* Add the pairs in the lanes that `wanted` names. */
SC_INLINE sc_kl_sum sc_kl_add(sc_kl_sum s, mask wanted, real a, sc_kl_from from, real b)
{
    const real zero = r_set(0.0), one = r_set(1.0),
               linear = r_fma(from.sigmoid, a - b, r_max(b, zero) - r_max(a, zero)),
               factor = r_fma(from.larger, sc_exp_of_minus_size(b) - from.e, one);
    s.linear = s.linear + r_select(wanted, linear, zero);
    s.product = s.product * r_select(wanted, factor, one);
    return s;
}

SC_INLINE double sc_kl_total(sc_kl_sum s) { return sum_of_lanes(s.linear + sc_log(s.product)); }

/* ---- digamma difference -------------------------------------------------------------------------
 * Subtracting two digammas loses every digit when n << K. With u = 1/z, v = 1/(z+n) the Stirling
 * series of both telescope into
 *
 *     psi(z+n) - psi(z) = log1p(n u) + n u v [ 1/2 + (u+v) sum_j e_j v^(2j) ],
 *     e_j = sum_{k>=j} c_k u^(2(k-j)),
 *
 * a sum of positive terms but for the alternating c_k = B_2(k+1)/(2(k+1)); seven of them give 1e-16
 * for z >= 10. Below that, psi(z+n) - psi(z) = [same at z+8] + sum_{i<8} n/((z+i)(z+i+n)). What
 * depends on K only is kept in an sc_origin.
 */
#define SC_STIRLING_TERMS 7
static const double sc_stirling[SC_STIRLING_TERMS] = {
    1.0 / 12, -1.0 / 120, 1.0 / 252, -1.0 / 240, 1.0 / 132, -691.0 / 32760, 1.0 / 12};
#define SC_STIRLING_FROM 10.0 /* smaller K are expanded around K + 8 */
#define SC_SHIFT 8
/* Larger K need three terms only, for 2e-17. The others are nought there, lane by lane, so that
   leaving them out where all lanes have such a K gives the same bits. */
#define SC_FAR_FROM 80.0
#define SC_FAR_TERMS 3

typedef struct sc_origin {
    real K;
    mask small;    /* K < 10: expand around K + 8 */
    int any_small; /* in any lane */
    int terms;     /* of the series: SC_FAR_TERMS if all lanes have K >= 80 */
    real z, u;
    real e[SC_STIRLING_TERMS];
} sc_origin;

SC_INLINE sc_origin sc_origin_of(real K)
{
    sc_origin o;
    o.K = K;
    o.small = r_lt(K, r_set(SC_STIRLING_FROM));
    o.any_small = m_any(o.small);
    o.z = r_select(o.small, K + r_set(SC_SHIFT), K);
    o.u = r_reciprocal(o.z);
    const real u2 = o.u * o.u;
    const mask near = r_lt(K, r_set(SC_FAR_FROM));
    o.terms = SC_STIRLING_TERMS;
    o.e[SC_STIRLING_TERMS - 1] = r_set(sc_stirling[SC_STIRLING_TERMS - 1]);
    for (int j = SC_STIRLING_TERMS - 2; j >= 0; j--) {
        if (j >= SC_FAR_TERMS - 1)
            o.e[j + 1] = r_select(near, o.e[j + 1], r_set(0.0));
        o.e[j] = r_fma(o.e[j + 1], u2, r_set(sc_stirling[j]));
    }
    return o;
}

/* sum_{0<i<8} 1/((K+i)(K+i+n)) for K < 10, as one fraction. Beyond n = 1e20 the summand times n no
   longer changes; the cap keeps the product of the seven denominators from overflowing. */
SC_INLINE real sc_shift_sum(real K, real n)
{
    real numerator = r_set(1.0);
    real a = K + r_set(1.0);
    real denominator = a * (a + n);
    for (int i = 2; i < SC_SHIFT; i++) {
        a = K + r_set(i);
        const real next = a * (a + n);
        numerator = r_fma(numerator, next, denominator);
        denominator = denominator * next;
    }
    return numerator * r_reciprocal(denominator);
}

/* Expected occupancy E U_n = K (psi(K+n) - psi(K)) for n >= 1, K > 0. The term i = 0, n/(K+n), is
   added on its own, so that the limit K -> 0 is exactly 1. */
SC_INLINE real sc_occupancy_at(const sc_origin *o, real n)
{
    const real v = r_set(1.0) / (o->z + n);
    const real v2 = v * v;
    real series = o->e[o->terms - 1];
    for (int j = o->terms - 2; j >= 0; j--)
        series = r_fma(series, v2, o->e[j]);
    const real nu = n * o->u;
    const real difference = r_fma(nu * v, r_fma(o->u + v, series, r_set(0.5)), sc_log1p(nu));
    real occupancy = o->K * difference;
    if (o->any_small) {
        const real capped = r_min(n, r_set(1e20));
        const real first = capped * r_reciprocal(o->K + capped);
        const real shifted =
            r_fma(o->K, r_fma(capped, sc_shift_sum(o->K, capped), difference), first);
        occupancy = r_select(o->small, shifted, occupancy);
    }
    return occupancy;
}

/* psi'(s) and psi''(s) for s >= 1, to 1e-12: Stirling's series at s >= 8, the recurrence below. */
SC_INLINE void sc_polygamma(real s, real *trigamma, real *tetragamma)
{
    real sum1 = r_set(0.0), sum2 = r_set(0.0);
    mask small = r_lt(s, r_set(SC_STIRLING_FROM));
    while (m_any(small)) {
        const real inverse = r_reciprocal(s), square = inverse * inverse;
        sum1 = r_select(small, sum1 + square, sum1);
        sum2 = r_select(small, r_fma(square, inverse, sum2), sum2);
        s = r_select(small, s + r_set(1.0), s);
        small = r_lt(s, r_set(SC_STIRLING_FROM));
    }
    const real x = r_reciprocal(s), x2 = x * x;
    real p1 = r_set(0.0), p2 = r_set(0.0);
    for (int k = SC_STIRLING_TERMS; k >= 1; k--) { /* B_2k = 2k c_(k-1) */
        const double bernoulli = 2 * k * sc_stirling[k - 1];
        p1 = r_fma(p1, x2, r_set(bernoulli));
        p2 = r_fma(p2, x2, r_set((2 * k + 1) * bernoulli));
    }
    const real head = r_fma(x, r_set(0.5), r_set(1.0));
    *trigamma = sum1 + x * r_fma(p1, x2, head);
    *tetragamma = -(sum2 + sum2 + x2 * r_fma(p2, x2, r_set(1.0) + x));
}

#endif
