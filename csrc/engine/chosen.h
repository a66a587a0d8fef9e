/* The engine of the public functions, remembered, so that finding it costs a call no more than a
   load, a test and a jump. */
#ifndef SC_CHOSEN_H
#define SC_CHOSEN_H

#include "engine/engine.h"

#if !defined(__STDC_NO_ATOMICS__) && !(defined(_MSC_VER) && !defined(__clang__))
#include <stdatomic.h>
#define SC_REMEMBERED _Atomic(const sc_engine *)
#define SC_REMEMBER(engine) atomic_store_explicit(&sc_engine_chosen, engine, memory_order_relaxed)
#define SC_RECALL() atomic_load_explicit(&sc_engine_chosen, memory_order_relaxed)
/* without C11 atomics: every target of such compilers reads and writes an aligned pointer whole */
#else
#define SC_REMEMBERED const sc_engine *volatile
#define SC_REMEMBER(engine) (sc_engine_chosen = (engine))
#define SC_RECALL() sc_engine_chosen
#endif

#if defined(__GNUC__)
#define SC_COLD __attribute__((noinline, cold))
#else
#define SC_COLD
#endif
#if defined(__GNUC__) && !defined(_WIN32)
/* not exported: its address then needs no look-up in the symbol table of a shared library */
#define SC_HIDDEN __attribute__((visibility("hidden")))
#else /* DLLs export what they are told to, and nothing else */
#define SC_HIDDEN
#endif

extern SC_HIDDEN SC_REMEMBERED sc_engine_chosen; /* NULL until the first call */

const sc_engine *sc_engine_choose(void); /* look at the processor, and remember */

static inline const sc_engine *sc_engine_recalled(void)
{
    const sc_engine *engine = SC_RECALL();
    return engine ? engine : sc_engine_choose();
}

#endif
