/* The table of the baseline, whose kernels are the files of kernel_sources.h, each compiled on its
   own with what the compiler takes for granted. */
#include "engine/engine.h"
#include "engine/kernel_table.h"
