/* A pack of doubles for one instruction set.
 *
 * Every formula of scalecore is written once, over `real`. What a `real` is depends on the header
 * that the file which is compiled names in SC_VECTOR: eight doubles (vector_avx512.h), four
 * (vector_avx2.h), or the baseline of the processor: two (vector_neon.h on 64-bit Arm,
 * vector_sse2.h on x86), or one (vector_scalar.h, on any other, for compilers that have no
 * operators on vectors, and where the build defines SC_ONE_LANE). The operators + - * / and, on
 * `bits`, + - & >> are the compiler's own for all of them; the headers hold the few operations
 * that have no operator, this file what follows from those.
 *
 * All operations are lane-wise, so a point's result never depends on its neighbours in a pack nor
 * on its place in an array. Fused multiply-adds are explicit and the build turns contraction off:
 * what the compiler vectorises or not cannot change a bit.
 */
#ifndef SC_VECTOR_H
#define SC_VECTOR_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(_MSC_VER) && !defined(__clang__)
#define SC_INLINE static __forceinline
#define SC_ALIGNED __declspec(align(64))
#define SC_NOINLINE __declspec(noinline)
#define SC_PREFETCH(address) ((void)(address))
#else
#define SC_INLINE static inline __attribute__((always_inline, unused))
#define SC_ALIGNED __attribute__((aligned(64)))
#define SC_NOINLINE __attribute__((noinline))
#define SC_PREFETCH(address) __builtin_prefetch(address)
#endif

/* before a short loop over packs: gcc else unrolls it so late that arrays of packs stay in memory */
#if defined(__GNUC__) && !defined(__clang__)
#define SC_UNROLL _Pragma("GCC unroll 8")
#else
#define SC_UNROLL
#endif

#ifndef SC_VECTOR
#if defined(SC_ONE_LANE) || (defined(_MSC_VER) && !defined(__clang__))
#define SC_VECTOR "simd/vector_scalar.h"
#elif defined(__aarch64__)
#define SC_VECTOR "simd/vector_neon.h"
#elif defined(__SSE2__)
#define SC_VECTOR "simd/vector_sse2.h"
#else
#define SC_VECTOR "simd/vector_scalar.h"
#endif
#endif
#include SC_VECTOR

#ifndef SC_HAS_EXPONENT
/* x = 2^exponent mantissa, 1 <= mantissa < 2, for a positive normal x. The exponent field becomes
   the low bits of 2^52. */
SC_INLINE real r_exponent(real x)
{
    return r_from_bits((r_bits(x) >> 52) | r_bits(r_set(0x1p52))) - r_set(0x1p52 + 1023.0);
}
SC_INLINE real r_mantissa(real x)
{
    return r_from_bits((r_bits(x) & (((uint64_t)1 << 52) - 1)) | ((uint64_t)1023 << 52));
}
#endif

SC_INLINE real r_over_root(real m, real v, real eps) { return m / (r_sqrt(v) + eps); }

SC_INLINE real r_floor(real x) /* x >= 0 */
{
    /* from 2^52 on all numbers are whole */
    const real shift = r_set(0x1p52), nearest = (x + shift) - shift,
               below = nearest - r_select(r_lt(x, nearest), r_set(1.0), r_set(0.0));
    return r_select(r_lt(x, shift), below, x);
}

SC_INLINE real r_lane_numbers(void) /* 0, 1, ... */
{
    SC_ALIGNED static const double numbers[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    return r_load(numbers);
}

SC_INLINE double r_lane(real x, int lane)
{
    double lanes[SC_LANES];
    r_store(lanes, x);
    return lanes[lane];
}

SC_INLINE double sum_of_lanes(real x)
{
    double lane[SC_LANES], sum = 0;
    r_store(lane, x);
    for (int j = 0; j < SC_LANES; j++)
        sum += lane[j];
    return sum;
}

SC_INLINE real r_nan(void) { return r_set(NAN); }

#endif
