/* All kernels for one instruction set, and their table. Included by simd/isa_<name>.c, which
 * defines
 *
 *     SC_ISA     its name, as in engine/instruction_sets.h
 *     SC_VECTOR  the header that says what a pack is
 *     SC_TARGET  what the compiler may use, as in __attribute__((target(...)))
 */
#include "engine/engine.h"
#ifdef SC_HAVE_X86_KERNELS

/* before SC_TARGET applies: every intrinsic must be declared for its own instruction set */
#include <immintrin.h>
#define SC_PRAGMA_(...) _Pragma(#__VA_ARGS__)
#define SC_PRAGMA(...) SC_PRAGMA_(__VA_ARGS__)
#ifdef __clang__
SC_PRAGMA(clang attribute push(__attribute__((target(SC_TARGET))), apply_to = function))
#else
SC_PRAGMA(GCC push_options)
SC_PRAGMA(GCC target(SC_TARGET))
#endif

#include "engine/kernel_sources.h"

#ifdef __clang__
SC_PRAGMA(clang attribute pop)
#else
SC_PRAGMA(GCC pop_options)
#endif

#include "engine/kernel_table.h"
#endif
