/* The table of the baseline's kernels. The files of kernel_sources.h are compiled each on its own
   for the baseline, with the compiler's default instruction set. */
#include "engine/engine.h"
#include "engine/kernel_table.h"
