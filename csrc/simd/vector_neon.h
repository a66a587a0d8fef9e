/* Two doubles, four floats: Advanced SIMD (NEON), which every 64-bit Arm processor has.
   Multiply-adds are fused, so that the bits are those of AVX2 but where a sum runs over the lanes
   of a pack. */
#ifndef SC_VECTOR_NEON_H
#define SC_VECTOR_NEON_H

#include <arm_neon.h>
#define SC_LANES 2
#define SC_REGISTERS 32
typedef float64x2_t real;
typedef uint64x2_t mask;
typedef uint64_t bits __attribute__((vector_size(16)));

SC_INLINE real r_set(double x) { return vdupq_n_f64(x); }
SC_INLINE real r_load(const double *p) { return vld1q_f64(p); }
SC_INLINE void r_store(double *p, real x) { vst1q_f64(p, x); }
SC_INLINE real r_fma(real a, real b, real c) { return vfmaq_f64(c, a, b); }
SC_INLINE real r_fms(real a, real b, real c) { return vfmaq_f64(-c, a, b); }
SC_INLINE real r_fnma(real a, real b, real c) { return vfmsq_f64(c, a, b); }
/* As x86 does it, b where either is NaN; the processor's own minimum would be NaN there. */
SC_INLINE real r_min(real a, real b) { return vbslq_f64(vcltq_f64(a, b), a, b); }
SC_INLINE real r_max(real a, real b) { return vbslq_f64(vcgtq_f64(a, b), a, b); }
SC_INLINE real r_sqrt(real x) { return vsqrtq_f64(x); }
SC_INLINE real r_sqrt_from_1(real x) { return vsqrtq_f64(x); }
SC_INLINE int b_any(bits b) { return (b[0] | b[1]) != 0; }
SC_INLINE real r_sqrt_coarse(real x) { return vsqrtq_f64(x); }
SC_INLINE mask r_le(real a, real b) { return vcleq_f64(a, b); }
SC_INLINE mask r_lt(real a, real b) { return vcltq_f64(a, b); }
SC_INLINE mask m_and(mask a, mask b) { return vandq_u64(a, b); }
SC_INLINE mask m_or(mask a, mask b) { return vorrq_u64(a, b); }
SC_INLINE mask m_not(mask a) { return vceqzq_u64(a); }
SC_INLINE mask r_is_nan(real a) { return m_not(vceqq_f64(a, a)); }
SC_INLINE uint64_t m_halves(mask a) /* 32 bits a lane */
{
    return vget_lane_u64(vreinterpret_u64_u32(vmovn_u64(a)), 0);
}
SC_INLINE unsigned m_lanes(mask a)
{
    return (unsigned)((m_halves(a) & 1) | (m_halves(a) >> 32 & 2));
}
SC_INLINE int m_any(mask a) { return m_halves(a) != 0; }
SC_INLINE real r_select(mask m, real yes, real no) { return vbslq_f64(m, yes, no); }
SC_INLINE bits r_bits(real x) { return (bits)vreinterpretq_u64_f64(x); }
SC_INLINE real r_from_bits(bits b) { return vreinterpretq_f64_u64((uint64x2_t)b); }
SC_INLINE real r_reciprocal(real x) { return r_set(1.0) / x; }
SC_INLINE real r_reciprocal_coarse(real x) { return r_set(1.0) / x; }
SC_INLINE bits b_set(uint64_t x) { return (bits)vdupq_n_u64(x); }
SC_INLINE bits b_lane_numbers(void) { return (bits){0, 1}; }
/* products of the low 32 bits of each lane */
SC_INLINE bits b_multiply32(bits a, bits b)
{
    return (bits)vmull_u32(vmovn_u64((uint64x2_t)a), vmovn_u64((uint64x2_t)b));
}
SC_INLINE mask b_nonzero(bits b) { return vtstq_u64((uint64x2_t)b, (uint64x2_t)b); }
SC_INLINE real r_lookup16(const double table[16], bits index)
{
    const bits place = index & (bits){15, 15};
    return (real){table[place[0]], table[place[1]]};
}

typedef float32x4_t freal; /* the same in single precision */
#define SC_FLANES 4
SC_INLINE freal f_set(float x) { return vdupq_n_f32(x); }
SC_INLINE freal f_load(const float *p) { return vld1q_f32(p); }
SC_INLINE void f_store(float *p, freal x) { vst1q_f32(p, x); }
SC_INLINE freal f_fma(freal a, freal b, freal c) { return vfmaq_f32(c, a, b); }
SC_INLINE freal f_max(freal a, freal b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
SC_INLINE freal f_min(freal a, freal b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
/* out[i], i < 8: sum of the pack at rows + i SC_FLANES */
SC_INLINE void f_sum_rows(const float *rows, float *out)
{
    for (int i = 0; i < 8; i += 4) {
        const float *r = rows + i * SC_FLANES;
        f_store(out + i,
                vpaddq_f32(vpaddq_f32(f_load(r), f_load(r + SC_FLANES)),
                           vpaddq_f32(f_load(r + 2 * SC_FLANES), f_load(r + 3 * SC_FLANES))));
    }
}
SC_INLINE freal f_where_positive(freal h, freal x)
{
    return vreinterpretq_f32_u32(vandq_u32(vcgtzq_f32(h), vreinterpretq_u32_f32(x)));
}
SC_INLINE freal f_double_exponent(freal x, freal k) /* x 2^j where k = j + 1.5 * 2^23 */
{
    return vreinterpretq_f32_u32(
        vaddq_u32(vreinterpretq_u32_f32(x), vshlq_n_u32(vreinterpretq_u32_f32(k), 23)));
}
SC_INLINE freal f_over_root(freal m, freal v, freal eps) { return m / (vsqrtq_f32(v) + eps); }
SC_INLINE void r_sum_rows(const double *rows, double *out)
{
    for (int i = 0; i < 8; i += 2)
        r_store(out + i,
                vpaddq_f64(r_load(rows + i * SC_LANES), r_load(rows + (i + 1) * SC_LANES)));
}
SC_INLINE real r_where_positive(real h, real x)
{
    return vreinterpretq_f64_u64(vandq_u64(vcgtzq_f64(h), vreinterpretq_u64_f64(x)));
}
SC_INLINE real r_load_float(const float *p) { return vcvt_f64_f32(vld1_f32(p)); }

SC_INLINE double sc_first_lane(real x) { return vgetq_lane_f64(x, 0); }

#endif
