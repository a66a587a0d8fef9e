/* Two doubles, four floats: SSE2, which every 64-bit x86 processor has: the baseline there. It has
   no fused multiply-add, so that r_fma rounds twice, in every place alike. */
#ifndef SC_VECTOR_SSE2_H
#define SC_VECTOR_SSE2_H

#include <emmintrin.h>
#define SC_LANES 2
#define SC_REGISTERS 16
typedef __m128d real;
typedef __m128d mask;
typedef uint64_t bits __attribute__((vector_size(16)));

SC_INLINE real r_set(double x) { return _mm_set1_pd(x); }
SC_INLINE real r_load(const double *p) { return _mm_loadu_pd(p); }
SC_INLINE void r_store(double *p, real x) { _mm_storeu_pd(p, x); }
SC_INLINE real r_fma(real a, real b, real c) { return a * b + c; }
SC_INLINE real r_fms(real a, real b, real c) { return a * b - c; }
SC_INLINE real r_fnma(real a, real b, real c) { return c - a * b; }
SC_INLINE real r_min(real a, real b) { return _mm_min_pd(a, b); }
SC_INLINE real r_max(real a, real b) { return _mm_max_pd(a, b); }
SC_INLINE real r_sqrt(real x) { return _mm_sqrt_pd(x); }
SC_INLINE real r_sqrt_from_1(real x) { return _mm_sqrt_pd(x); }
SC_INLINE int b_any(bits b) { return (b[0] | b[1]) != 0; }
SC_INLINE real r_sqrt_coarse(real x) { return _mm_sqrt_pd(x); }
SC_INLINE mask r_le(real a, real b) { return _mm_cmple_pd(a, b); }
SC_INLINE mask r_lt(real a, real b) { return _mm_cmplt_pd(a, b); }
SC_INLINE mask r_is_nan(real a) { return _mm_cmpunord_pd(a, a); }
SC_INLINE mask m_and(mask a, mask b) { return _mm_and_pd(a, b); }
SC_INLINE mask m_or(mask a, mask b) { return _mm_or_pd(a, b); }
SC_INLINE mask m_not(mask a) { return _mm_xor_pd(a, _mm_castsi128_pd(_mm_set1_epi32(-1))); }
SC_INLINE unsigned m_lanes(mask a) { return (unsigned)_mm_movemask_pd(a); }
SC_INLINE int m_any(mask a) { return _mm_movemask_pd(a) != 0; }
SC_INLINE real r_select(mask m, real yes, real no)
{
    return _mm_or_pd(_mm_and_pd(m, yes), _mm_andnot_pd(m, no));
}
SC_INLINE bits r_bits(real x) { return (bits)_mm_castpd_si128(x); }
SC_INLINE real r_from_bits(bits b) { return _mm_castsi128_pd((__m128i)b); }
SC_INLINE real r_reciprocal(real x) { return r_set(1.0) / x; }
SC_INLINE real r_reciprocal_coarse(real x) { return r_set(1.0) / x; }
SC_INLINE bits b_set(uint64_t x) { return (bits){x, x}; }
SC_INLINE bits b_lane_numbers(void) { return (bits){0, 1}; }
/* products of the low 32 bits of each lane */
SC_INLINE bits b_multiply32(bits a, bits b) { return (bits)_mm_mul_epu32((__m128i)a, (__m128i)b); }
SC_INLINE mask b_nonzero(bits b)
{
    /* halves that are nought; a lane is nought where both of its halves are */
    const __m128i none = _mm_cmpeq_epi32((__m128i)b, _mm_setzero_si128());
    const __m128i both = _mm_and_si128(none, _mm_shuffle_epi32(none, _MM_SHUFFLE(2, 3, 0, 1)));
    return m_not(_mm_castsi128_pd(both));
}
SC_INLINE real r_lookup16(const double table[16], bits index)
{
    const __m128i low = (__m128i)(index & b_set(15));
    return _mm_loadh_pd(_mm_load_sd(table + (unsigned)_mm_extract_epi16(low, 0)),
                        table + (unsigned)_mm_extract_epi16(low, 4));
}

typedef __m128 freal; /* the same in single precision */
#define SC_FLANES 4
SC_INLINE freal f_set(float x) { return _mm_set1_ps(x); }
SC_INLINE freal f_load(const float *p) { return _mm_loadu_ps(p); }
SC_INLINE void f_store(float *p, freal x) { _mm_storeu_ps(p, x); }
SC_INLINE freal f_fma(freal a, freal b, freal c) { return a * b + c; }
SC_INLINE freal f_max(freal a, freal b) { return _mm_max_ps(a, b); }
SC_INLINE freal f_min(freal a, freal b) { return _mm_min_ps(a, b); }
/* out[i], i < 8: sum of the pack at rows + i SC_FLANES */
SC_INLINE void f_sum_rows(const float *rows, float *out)
{
    for (int i = 0; i < 8; i += 4) {
        const float *r = rows + i * SC_FLANES;
        freal a = f_load(r), b = f_load(r + SC_FLANES), c = f_load(r + 2 * SC_FLANES),
              d = f_load(r + 3 * SC_FLANES);
        _MM_TRANSPOSE4_PS(a, b, c, d);
        f_store(out + i, (a + b) + (c + d));
    }
}
SC_INLINE freal f_where_positive(freal h, freal x)
{
    return _mm_and_ps(_mm_cmpgt_ps(h, f_set(0)), x);
}
SC_INLINE freal f_double_exponent(freal x, freal k) /* x 2^j where k = j + 1.5 * 2^23 */
{
    return _mm_castsi128_ps(
        _mm_add_epi32(_mm_castps_si128(x), _mm_slli_epi32(_mm_castps_si128(k), 23)));
}
SC_INLINE freal f_over_root(freal m, freal v, freal eps) { return m / (_mm_sqrt_ps(v) + eps); }
SC_INLINE void r_sum_rows(const double *rows, double *out)
{
    for (int i = 0; i < 8; i += 2) {
        const real a = r_load(rows + i * SC_LANES), b = r_load(rows + (i + 1) * SC_LANES);
        r_store(out + i, _mm_unpacklo_pd(a, b) + _mm_unpackhi_pd(a, b));
    }
}
SC_INLINE real r_where_positive(real h, real x) { return _mm_and_pd(_mm_cmpgt_pd(h, r_set(0)), x); }
SC_INLINE real r_load_float(const float *p)
{
    return _mm_cvtps_pd(_mm_castsi128_ps(_mm_loadl_epi64((const __m128i *)(const void *)p)));
}

SC_INLINE double sc_first_lane(real x) { return _mm_cvtsd_f64(x); }

#endif
