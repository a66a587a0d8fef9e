/* One double, one float, in portable C: the baseline of processors that have no header of their
   own. */
#ifndef SC_VECTOR_SCALAR_H
#define SC_VECTOR_SCALAR_H

#define SC_LANES 1
#define SC_REGISTERS 16
typedef double real;
typedef int mask;
typedef uint64_t bits;

SC_INLINE real r_set(double x) { return x; }
SC_INLINE real r_load(const double *p) { return *p; }
SC_INLINE void r_store(double *p, real x) { *p = x; }
#if defined(__FMA__) || defined(__aarch64__)
SC_INLINE real r_fma(real a, real b, real c) { return fma(a, b, c); }
#else
SC_INLINE real r_fma(real a, real b, real c) { return a * b + c; }
#endif
SC_INLINE real r_fms(real a, real b, real c) { return r_fma(a, b, -c); }
SC_INLINE real r_fnma(real a, real b, real c) { return r_fma(-a, b, c); }
SC_INLINE real r_min(real a, real b) { return a < b ? a : b; }
SC_INLINE real r_max(real a, real b) { return a > b ? a : b; }
SC_INLINE real r_sqrt(real x) { return sqrt(x); }
SC_INLINE real r_sqrt_from_1(real x) { return sqrt(x); }
SC_INLINE int b_any(bits b) { return b != 0; }
SC_INLINE real r_sqrt_coarse(real x) { return sqrt(x); }
SC_INLINE mask r_le(real a, real b) { return a <= b; }
SC_INLINE mask r_lt(real a, real b) { return a < b; }
SC_INLINE mask r_is_nan(real a) { return a != a; }
SC_INLINE mask m_and(mask a, mask b) { return a & b; }
SC_INLINE mask m_or(mask a, mask b) { return a | b; }
SC_INLINE mask m_not(mask a) { return !a; }
SC_INLINE unsigned m_lanes(mask a) { return (unsigned)a; }
SC_INLINE int m_any(mask a) { return a != 0; }
SC_INLINE real r_select(mask m, real yes, real no) { return m ? yes : no; }
SC_INLINE bits r_bits(real x)
{
    bits b;
    memcpy(&b, &x, sizeof b);
    return b;
}
SC_INLINE real r_from_bits(bits b)
{
    real x;
    memcpy(&x, &b, sizeof x);
    return x;
}
SC_INLINE real r_reciprocal(real x) { return 1.0 / x; }
SC_INLINE real r_reciprocal_coarse(real x) { return 1.0 / x; }
SC_INLINE bits b_set(uint64_t x) { return x; }
SC_INLINE bits b_lane_numbers(void) { return 0; }
/* product of the low 32 bits */
SC_INLINE bits b_multiply32(bits a, bits b) { return (a & 0xffffffffu) * (b & 0xffffffffu); }
SC_INLINE mask b_nonzero(bits b) { return b != 0; }
typedef float freal; /* the same in single precision */
#define SC_FLANES 1
SC_INLINE freal f_set(float x) { return x; }
SC_INLINE freal f_load(const float *p) { return *p; }
SC_INLINE void f_store(float *p, freal x) { *p = x; }
#if defined(__FMA__) || defined(__aarch64__)
SC_INLINE freal f_fma(freal a, freal b, freal c) { return fmaf(a, b, c); }
#else
SC_INLINE freal f_fma(freal a, freal b, freal c) { return a * b + c; }
#endif
SC_INLINE freal f_max(freal a, freal b) { return a > b ? a : b; }
SC_INLINE freal f_min(freal a, freal b) { return a < b ? a : b; }
SC_INLINE void f_sum_rows(const float *rows, float *out) { memcpy(out, rows, 8 * sizeof *out); }
SC_INLINE freal f_where_positive(freal h, freal x) { return h > 0 ? x : 0; }
SC_INLINE freal f_double_exponent(freal x, freal k) /* x 2^j where k = j + 1.5 * 2^23 */
{
    uint32_t a, b;
    memcpy(&a, &x, sizeof a);
    memcpy(&b, &k, sizeof b);
    a += b << 23;
    memcpy(&x, &a, sizeof x);
    return x;
}
SC_INLINE freal f_over_root(freal m, freal v, freal eps) { return m / (sqrtf(v) + eps); }
SC_INLINE void r_sum_rows(const double *rows, double *out) { memcpy(out, rows, 8 * sizeof *out); }
SC_INLINE real r_where_positive(real h, real x) { return h > 0 ? x : 0; }
SC_INLINE real r_load_float(const float *p) { return *p; }
SC_INLINE real r_lookup16(const double table[16], bits index) { return table[index & 15]; }

SC_INLINE double sc_first_lane(real x) { return x; }

#endif
