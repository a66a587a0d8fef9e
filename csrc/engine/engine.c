/* The choice of an engine: the best that this processor runs, looked for once. */
#include "engine/chosen.h"

#include <string.h>

#ifdef SC_HAVE_X86_KERNELS
#define SC_CPU_HAS(feature) __builtin_cpu_supports(feature)
#endif

#define INSTRUCTION_SET(name, runs_here) extern const sc_engine sc_engine_##name;
#include "engine/instruction_sets.h"

/* Best first. */
#define INSTRUCTION_SET(name, runs_here) &sc_engine_##name,
static const sc_engine *const engines[] = {
#include "engine/instruction_sets.h"
};

static int runs_here(size_t engine)
{
#ifdef SC_HAVE_X86_KERNELS
    __builtin_cpu_init();
#endif
#define INSTRUCTION_SET(name, runs_here) (runs_here) != 0,
    const int runs[] = {
#include "engine/instruction_sets.h"
    };
    return runs[engine];
}

const sc_engine *sc_engine_find(const char *name)
{
    for (size_t i = 0; i < sizeof engines / sizeof *engines; i++)
        if ((!name || !strcmp(name, engines[i]->name)) && runs_here(i))
            return engines[i];
    return NULL;
}

/* No lock: two threads that ask at once look at the same processor and store the same pointer. */
SC_REMEMBERED sc_engine_chosen;

void sc_engine_use(const sc_engine *engine) { SC_REMEMBER(engine); }

SC_COLD const sc_engine *sc_engine_choose(void)
{
    const sc_engine *engine = sc_engine_find(NULL);
    SC_REMEMBER(engine);
    return engine;
}

const sc_engine *sc_engine_in_use(void) { return sc_engine_recalled(); }
