/* Every instruction set, a row each, best first: INSTRUCTION_SET(name, whether this processor has
   it). No guard: the file is included once for each use of the list. */
#ifdef SC_HAVE_X86_KERNELS
INSTRUCTION_SET(avx512, SC_CPU_HAS("avx512f") && SC_CPU_HAS("avx512dq") && SC_CPU_HAS("avx512vl"))
INSTRUCTION_SET(avx2, SC_CPU_HAS("avx2") && SC_CPU_HAS("fma"))
#endif
INSTRUCTION_SET(baseline, 1)
#undef INSTRUCTION_SET
