/* The kernels once more, for AVX-512. */
#define SC_ISA avx512
#define SC_VECTOR "simd/vector_avx512.h"
#ifdef __clang__
#define SC_TARGET "avx512f,avx512dq,avx512vl,fma"
#else
#define SC_TARGET "avx512f,avx512dq,avx512vl,fma,prefer-vector-width=512"
#endif
#include "simd/isa_kernels.h"
