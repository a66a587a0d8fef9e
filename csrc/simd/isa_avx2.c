/* The kernels once more, for AVX2 with fused multiply-add. */
#define SC_ISA avx2
#define SC_VECTOR "simd/vector_avx2.h"
#define SC_TARGET "avx2,fma"
#include "simd/isa_kernels.h"
