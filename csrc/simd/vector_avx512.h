/* Eight doubles, sixteen floats: AVX-512 (F, DQ and VL). */
#ifndef SC_VECTOR_AVX512_H
#define SC_VECTOR_AVX512_H

#include <immintrin.h>
#define SC_LANES 8
#define SC_REGISTERS 32
#define SC_HAS_EXPONENT 1 /* r_exponent and r_mantissa are instructions */
typedef __m512d real;
typedef __mmask8 mask;
typedef uint64_t bits __attribute__((vector_size(64)));

SC_INLINE real r_set(double x) { return _mm512_set1_pd(x); }
SC_INLINE real r_load(const double *p) { return _mm512_loadu_pd(p); }
SC_INLINE void r_store(double *p, real x) { _mm512_storeu_pd(p, x); }
SC_INLINE real r_fma(real a, real b, real c) { return _mm512_fmadd_pd(a, b, c); }
SC_INLINE real r_fms(real a, real b, real c) { return _mm512_fmsub_pd(a, b, c); }
SC_INLINE real r_fnma(real a, real b, real c) { return _mm512_fnmadd_pd(a, b, c); }
SC_INLINE real r_min(real a, real b) { return _mm512_min_pd(a, b); }
SC_INLINE real r_max(real a, real b) { return _mm512_max_pd(a, b); }
SC_INLINE mask r_le(real a, real b) { return _mm512_cmp_pd_mask(a, b, _CMP_LE_OQ); }
SC_INLINE mask r_lt(real a, real b) { return _mm512_cmp_pd_mask(a, b, _CMP_LT_OQ); }
SC_INLINE mask r_is_nan(real a) { return _mm512_cmp_pd_mask(a, a, _CMP_UNORD_Q); }
SC_INLINE mask m_and(mask a, mask b) { return (mask)(a & b); }
SC_INLINE mask m_or(mask a, mask b) { return (mask)(a | b); }
SC_INLINE mask m_not(mask a) { return (mask)~a; }
SC_INLINE unsigned m_lanes(mask a) { return a; }
SC_INLINE int m_any(mask a) { return a != 0; }
SC_INLINE real r_select(mask m, real yes, real no) { return _mm512_mask_blend_pd(m, no, yes); }
SC_INLINE bits r_bits(real x) { return (bits)_mm512_castpd_si512(x); }
SC_INLINE real r_from_bits(bits b) { return _mm512_castsi512_pd((__m512i)b); }
SC_INLINE real r_exponent(real x) { return _mm512_getexp_pd(x); }
SC_INLINE real r_mantissa(real x)
{
    return _mm512_getmant_pd(x, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src);
}

/* The divider delivers eight quotients in 16 cycles and eight roots in 23; an estimate and two
   Newton steps take a third of that, and leave an error below 1 ulp. The coarse forms have 14 bits,
   to start Newton's method from. */
SC_INLINE real r_reciprocal_coarse(real x) { return _mm512_rcp14_pd(x); }
SC_INLINE real r_reciprocal(real x)
{
    real r = _mm512_rcp14_pd(x);
    r = r_fma(r, _mm512_fnmadd_pd(x, r, r_set(1.0)), r);
    return r_fma(r, _mm512_fnmadd_pd(x, r, r_set(1.0)), r);
}
SC_INLINE real r_sqrt_coarse(real x) { return x * _mm512_rsqrt14_pd(x); } /* x > 0 */
SC_INLINE real r_sqrt(real x) { return _mm512_sqrt_pd(x); }
SC_INLINE bits b_set(uint64_t x) { return (bits)_mm512_set1_epi64((long long)x); }
SC_INLINE bits b_lane_numbers(void) { return (bits){0, 1, 2, 3, 4, 5, 6, 7}; }
/* products of the low 32 bits of each lane */
SC_INLINE bits b_multiply32(bits a, bits b)
{
    return (bits)_mm512_mul_epu32((__m512i)a, (__m512i)b);
}
SC_INLINE mask b_nonzero(bits b) { return _mm512_test_epi64_mask((__m512i)b, (__m512i)b); }
/* 1 <= x <= 1e306, below 1 ulp: s (1-e)^(-1/2) for s near the root, 1 - e = s^2/x */
SC_INLINE real r_sqrt_from_1(real x)
{
    const real inverse = _mm512_rsqrt14_pd(x), s = x * inverse;
    const real e = _mm512_fnmadd_pd(s, inverse, r_set(1.0));
    const real series = r_fma(r_fma(r_set(0.3125), e, r_set(0.375)), e, r_set(0.5));
    return r_fma(s * e, series, s);
}
SC_INLINE int b_any(bits b) { return _mm512_test_epi64_mask((__m512i)b, (__m512i)b) != 0; }
SC_INLINE real r_lookup16(const double table[16], bits index)
{
    return _mm512_permutex2var_pd(_mm512_loadu_pd(table), (__m512i)index,
                                  _mm512_loadu_pd(table + 8));
}

typedef __m512 freal; /* the same in single precision */
#define SC_FLANES 16
SC_INLINE freal f_set(float x) { return _mm512_set1_ps(x); }
SC_INLINE freal f_load(const float *p) { return _mm512_loadu_ps(p); }
SC_INLINE void f_store(float *p, freal x) { _mm512_storeu_ps(p, x); }
SC_INLINE freal f_fma(freal a, freal b, freal c) { return _mm512_fmadd_ps(a, b, c); }
SC_INLINE freal f_max(freal a, freal b) { return _mm512_max_ps(a, b); }
SC_INLINE freal f_min(freal a, freal b) { return _mm512_min_ps(a, b); }
/* sums of neighbouring lanes within each quarter: a's and b's in turn */
SC_INLINE freal f_add_neighbours(freal a, freal b)
{
    return _mm512_unpacklo_ps(a, b) + _mm512_unpackhi_ps(a, b);
}
SC_INLINE freal f_add_pairs(freal a, freal b)
{
    const __m512d x = _mm512_castps_pd(a), y = _mm512_castps_pd(b);
    return _mm512_castpd_ps(_mm512_unpacklo_pd(x, y)) + _mm512_castpd_ps(_mm512_unpackhi_pd(x, y));
}
/* out[i], i < 8: sum of the pack at rows + i SC_FLANES */
SC_INLINE void f_sum_rows(const float *rows, float *out)
{
    freal four[2];
    for (int i = 0; i < 2; i++) {
        /* lane j of every quarter of four[i] belongs to row 4i + j */
        const float *r = rows + 4 * i * SC_FLANES;
        four[i] =
            f_add_pairs(f_add_neighbours(f_load(r), f_load(r + SC_FLANES)),
                        f_add_neighbours(f_load(r + 2 * SC_FLANES), f_load(r + 3 * SC_FLANES)));
    }
    const freal halves =
        _mm512_shuffle_f32x4(four[0], four[1], 0x44) + _mm512_shuffle_f32x4(four[0], four[1], 0xee);
    f_store(out, _mm512_permutexvar_ps(
                     _mm512_setr_epi32(0, 1, 2, 3, 8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11), halves)
                     + _mm512_permutexvar_ps(
                         _mm512_setr_epi32(4, 5, 6, 7, 12, 13, 14, 15, 4, 5, 6, 7, 12, 13, 14, 15),
                         halves));
}
SC_INLINE freal f_where_positive(freal h, freal x)
{
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(h, f_set(0), _CMP_GT_OQ), x);
}
SC_INLINE freal f_double_exponent(freal x, freal k) /* x 2^j where k = j + 1.5 * 2^23 */
{
    return _mm512_castsi512_ps(
        _mm512_add_epi32(_mm512_castps_si512(x), _mm512_slli_epi32(_mm512_castps_si512(k), 23)));
}
SC_INLINE freal f_over_root(freal m, freal v, freal eps) /* m / (sqrt v + eps) to 3 ulp, v >= 0 */
{
    const freal start = _mm512_rsqrt14_ps(f_max(f_set(1e-37f), v)), half = v * f_set(0.5f);
    const freal root = v * (start * _mm512_fnmadd_ps(half * start, start, f_set(1.5f)));
    const freal below = root + eps, inverse = _mm512_rcp14_ps(below);
    return m * f_fma(inverse, _mm512_fnmadd_ps(below, inverse, f_set(1.0f)), inverse);
}
SC_INLINE void r_sum_rows(const double *rows, double *out)
{
    real two[4], four[2];
    for (int i = 0; i < 4; i++) { /* lanes belong to rows 2i and 2i + 1 in turn */
        const real a = r_load(rows + 2 * i * SC_LANES), b = r_load(rows + (2 * i + 1) * SC_LANES);
        two[i] = _mm512_unpacklo_pd(a, b) + _mm512_unpackhi_pd(a, b);
    }
    for (int i = 0; i < 2; i++)
        four[i] = _mm512_shuffle_f64x2(two[2 * i], two[2 * i + 1], 0x88)
                  + _mm512_shuffle_f64x2(two[2 * i], two[2 * i + 1], 0xdd);
    r_store(out, _mm512_shuffle_f64x2(four[0], four[1], 0x88)
                     + _mm512_shuffle_f64x2(four[0], four[1], 0xdd));
}
SC_INLINE real r_where_positive(real h, real x)
{
    return _mm512_maskz_mov_pd(_mm512_cmp_pd_mask(h, r_set(0), _CMP_GT_OQ), x);
}
SC_INLINE real r_load_float(const float *p) { return _mm512_cvtps_pd(_mm256_loadu_ps(p)); }

SC_INLINE double sc_first_lane(real x) { return _mm512_cvtsd_f64(x); }

#endif
