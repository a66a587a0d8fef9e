/* Four doubles, eight floats: AVX2 with fused multiply-add. */
#ifndef SC_VECTOR_AVX2_H
#define SC_VECTOR_AVX2_H

#include <immintrin.h>
#define SC_LANES 4
#define SC_REGISTERS 16
typedef __m256d real;
typedef __m256d mask;
typedef uint64_t bits __attribute__((vector_size(32)));

SC_INLINE real r_set(double x) { return _mm256_set1_pd(x); }
SC_INLINE real r_load(const double *p) { return _mm256_loadu_pd(p); }
SC_INLINE void r_store(double *p, real x) { _mm256_storeu_pd(p, x); }
SC_INLINE real r_fma(real a, real b, real c) { return _mm256_fmadd_pd(a, b, c); }
SC_INLINE real r_fms(real a, real b, real c) { return _mm256_fmsub_pd(a, b, c); }
SC_INLINE real r_fnma(real a, real b, real c) { return _mm256_fnmadd_pd(a, b, c); }
SC_INLINE real r_min(real a, real b) { return _mm256_min_pd(a, b); }
SC_INLINE real r_max(real a, real b) { return _mm256_max_pd(a, b); }
SC_INLINE real r_sqrt(real x) { return _mm256_sqrt_pd(x); }
SC_INLINE real r_sqrt_from_1(real x) { return _mm256_sqrt_pd(x); }
SC_INLINE int b_any(bits b) { return !_mm256_testz_si256((__m256i)b, (__m256i)b); }
SC_INLINE real r_sqrt_coarse(real x) { return _mm256_sqrt_pd(x); }
SC_INLINE mask r_le(real a, real b) { return _mm256_cmp_pd(a, b, _CMP_LE_OQ); }
SC_INLINE mask r_lt(real a, real b) { return _mm256_cmp_pd(a, b, _CMP_LT_OQ); }
SC_INLINE mask r_is_nan(real a) { return _mm256_cmp_pd(a, a, _CMP_UNORD_Q); }
SC_INLINE mask m_and(mask a, mask b) { return _mm256_and_pd(a, b); }
SC_INLINE mask m_or(mask a, mask b) { return _mm256_or_pd(a, b); }
SC_INLINE mask m_not(mask a)
{
    return _mm256_xor_pd(a, _mm256_castsi256_pd(_mm256_set1_epi64x(-1)));
}
SC_INLINE unsigned m_lanes(mask a) { return (unsigned)_mm256_movemask_pd(a); }
SC_INLINE int m_any(mask a) { return _mm256_movemask_pd(a) != 0; }
SC_INLINE real r_select(mask m, real yes, real no) { return _mm256_blendv_pd(no, yes, m); }
SC_INLINE bits r_bits(real x) { return (bits)_mm256_castpd_si256(x); }
SC_INLINE real r_from_bits(bits b) { return _mm256_castsi256_pd((__m256i)b); }
SC_INLINE real r_reciprocal(real x) { return r_set(1.0) / x; }
SC_INLINE real r_reciprocal_coarse(real x) { return r_set(1.0) / x; }
SC_INLINE bits b_set(uint64_t x) { return (bits)_mm256_set1_epi64x((long long)x); }
SC_INLINE bits b_lane_numbers(void) { return (bits){0, 1, 2, 3}; }
/* products of the low 32 bits of each lane */
SC_INLINE bits b_multiply32(bits a, bits b)
{
    return (bits)_mm256_mul_epu32((__m256i)a, (__m256i)b);
}
SC_INLINE mask b_nonzero(bits b)
{
    const __m256i none = _mm256_cmpeq_epi64((__m256i)b, _mm256_setzero_si256());
    return m_not(_mm256_castsi256_pd(none));
}
SC_INLINE real r_lookup16(const double table[16], bits index)
{
    return _mm256_i64gather_pd(table, (__m256i)(index & (bits){15, 15, 15, 15}), 8);
}

typedef __m256 freal; /* the same in single precision */
#define SC_FLANES 8
SC_INLINE freal f_set(float x) { return _mm256_set1_ps(x); }
SC_INLINE freal f_load(const float *p) { return _mm256_loadu_ps(p); }
SC_INLINE void f_store(float *p, freal x) { _mm256_storeu_ps(p, x); }
SC_INLINE freal f_fma(freal a, freal b, freal c) { return _mm256_fmadd_ps(a, b, c); }
SC_INLINE freal f_max(freal a, freal b) { return _mm256_max_ps(a, b); }
SC_INLINE freal f_min(freal a, freal b) { return _mm256_min_ps(a, b); }
/* sums of neighbours within each half: a's, then b's */
SC_INLINE freal f_add_pairs(freal a, freal b) { return _mm256_hadd_ps(a, b); }
/* out[i], i < 8: sum of the pack at rows + i SC_FLANES */
SC_INLINE void f_sum_rows(const float *rows, float *out)
{
    freal four[2];
    for (int i = 0; i < 2; i++) {
        const float *r = rows + 4 * i * SC_FLANES;
        four[i] = f_add_pairs(f_add_pairs(f_load(r), f_load(r + SC_FLANES)),
                              f_add_pairs(f_load(r + 2 * SC_FLANES), f_load(r + 3 * SC_FLANES)));
    }
    f_store(out, _mm256_permute2f128_ps(four[0], four[1], 0x20)
                     + _mm256_permute2f128_ps(four[0], four[1], 0x31));
}
SC_INLINE freal f_where_positive(freal h, freal x)
{
    return _mm256_and_ps(_mm256_cmp_ps(h, f_set(0), _CMP_GT_OQ), x);
}
SC_INLINE freal f_double_exponent(freal x, freal k) /* x 2^j where k = j + 1.5 * 2^23 */
{
    return _mm256_castsi256_ps(
        _mm256_add_epi32(_mm256_castps_si256(x), _mm256_slli_epi32(_mm256_castps_si256(k), 23)));
}
SC_INLINE freal f_over_root(freal m, freal v, freal eps) { return m / (_mm256_sqrt_ps(v) + eps); }
SC_INLINE void r_sum_rows(const double *rows, double *out)
{
    for (int i = 0; i < 8; i += 4) {
        const double *r = rows + i * SC_LANES;
        const real low = _mm256_hadd_pd(r_load(r), r_load(r + SC_LANES));
        const real high = _mm256_hadd_pd(r_load(r + 2 * SC_LANES), r_load(r + 3 * SC_LANES));
        r_store(out + i,
                _mm256_permute2f128_pd(low, high, 0x20) + _mm256_permute2f128_pd(low, high, 0x31));
    }
}
SC_INLINE real r_where_positive(real h, real x)
{
    return _mm256_and_pd(_mm256_cmp_pd(h, r_set(0), _CMP_GT_OQ), x);
}
SC_INLINE real r_load_float(const float *p) { return _mm256_cvtps_pd(_mm_loadu_ps(p)); }

SC_INLINE double sc_first_lane(real x) { return _mm256_cvtsd_f64(x); }

#endif
