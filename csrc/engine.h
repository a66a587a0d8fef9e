/* The kernels of one instruction set, and the choice among those that this processor has.
 *
 * bounds.c and frontier.c are compiled once per instruction set: on their own for the baseline, and through isa_avx2.c and
 * isa_avx512.c, which switch the compiler's target and include them again. Each fills in its share of one sc_engine.
 */
#ifndef SC_ENGINE_H
#define SC_ENGINE_H

#include "scalecore.h"

typedef struct sc_engine {
    const char *name;
    ptrdiff_t (*evaluate)(sc_quantity, ptrdiff_t, const sc_column in[4], double *out, ptrdiff_t out_stride);
    void (*compute_optimal)(sc_bound, int integer, ptrdiff_t, const sc_column in[4], const sc_frontier_out *out);
} sc_engine;

/* The best engine that this processor runs, or NULL when `name` is not NULL and names none that it runs. */
const sc_engine *sc_engine_find(const char *name);

#ifndef SC_KERNEL
#define SC_KERNEL(name) name##_baseline
#endif

#if (defined(__x86_64__) || defined(__i386__)) && (defined(__GNUC__) || defined(__clang__))
#define SC_HAVE_X86_KERNELS 1
#endif

#define SC_DECLARE_KERNELS(isa)                                                                                                  \
    ptrdiff_t sc_evaluate_##isa(sc_quantity, ptrdiff_t, const sc_column[4], double *, ptrdiff_t);                                \
    void sc_compute_optimal_##isa(sc_bound, int, ptrdiff_t, const sc_column[4], const sc_frontier_out *);
SC_DECLARE_KERNELS(baseline)
SC_DECLARE_KERNELS(avx2)
SC_DECLARE_KERNELS(avx512)

#endif
