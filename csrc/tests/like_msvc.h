/* Included before every file of the engine, this makes gcc or clang see the code that Microsoft's
 * compiler would see: no vector extensions, attributes, built-in functions or atomics, and one lane.
 * tests/platforms.sh compiles and runs the driver so, with -pedantic-errors and no variable-length
 * arrays. What it cannot show is how that compiler itself behaves. */
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#undef __GNUC__
#undef __clang__
#undef __SSE2__
#undef __aarch64__
#define _MSC_VER 1930
#define __STDC_NO_ATOMICS__ 1
#define __forceinline inline
#define __declspec(what)
#define __attribute__(what) this_compiler_has_no_such_extension !
#define __extension__ this_compiler_has_no_such_extension !
#define __typeof__ this_compiler_has_no_such_extension !
