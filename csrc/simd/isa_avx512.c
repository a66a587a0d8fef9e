/* The kernels once more, for AVX-512. */
#define SC_KERNEL(name) name##_avx512
#include "engine.h"
#ifdef SC_HAVE_X86_KERNELS

#include <immintrin.h> /* before the target changes, so that every intrinsic is declared for its own */
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,fma,prefer-vector-width=512")
#endif

#define SC_ISA 3 /* SC_ISA_AVX512 */
#include "bounds.c"
#include "points.c"
#include "frontier.c"
#include "network.c"
#include "training.c"
#include "information.c"
#include "histories.c"
#include "spectral.c"
#include "spectral_frontier.c"
#include "directions.c"
#include "fitting/sums.c"

#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
