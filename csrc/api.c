/* The public functions: check arguments, choose the engine, call its kernel. */
#include "engine.h"

#include <string.h>

#define ENGINE(isa)                                                                                                              \
    {#isa, sc_evaluate_##isa, sc_compute_optimal_##isa, sc_experiment_##isa, sc_experiment_space_##isa, sc_atoms_##isa,          \
     sc_logits64_##isa, sc_logits32_##isa, sc_logits_space_##isa, sc_samples_##isa, sc_samples_space_##isa, sc_schedule_##isa,   \
     sc_train_##isa, sc_train_space_##isa, sc_learner_size_##isa, sc_learner_copy_##isa, sc_sweeps_##isa, sc_philox_##isa,       \
     sc_numbers_##isa, sc_binomial_##isa, sc_recur_##isa, sc_account_##isa, sc_enumerate_##isa, sc_enumerate_space_##isa,        \
     sc_replicate_##isa, sc_replicate_space_##isa, sc_multiply_adds_##isa}

static const sc_engine engines[] = { /* best first */
#ifdef SC_HAVE_X86_KERNELS
    ENGINE(avx512),
    ENGINE(avx2),
#endif
    ENGINE(baseline),
};

static int runs_here(const sc_engine *engine)
{
#ifdef SC_HAVE_X86_KERNELS
    __builtin_cpu_init();
    if (!strcmp(engine->name, "avx512"))
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    if (!strcmp(engine->name, "avx2"))
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    (void)engine;
    return 1;
}

const sc_engine *sc_engine_find(const char *name)
{
    for (size_t i = 0; i < sizeof engines / sizeof *engines; i++)
        if ((!name || !strcmp(name, engines[i].name)) && runs_here(&engines[i]))
            return &engines[i];
    return NULL;
}

ptrdiff_t sc_evaluate(sc_quantity quantity, ptrdiff_t count, sc_column n, sc_column T, sc_column d, sc_column K,
                      double *out, ptrdiff_t out_stride)
{
    const sc_column in[4] = {n, T, d, K};
    if ((int)quantity < 0 || quantity >= SC_QUANTITY_COUNT || count < 0)
        return -1;
    if (count == 0)
        return 0;
    if (!out || !n.data || !K.data || (quantity != SC_OCCUPANCY && (!T.data || !d.data)))
        return -1;
    return sc_engine_find(NULL)->evaluate(quantity, count, in, out, out_stride);
}

int sc_compute_optimal(sc_bound bound, int integer, ptrdiff_t count, sc_column budget, sc_column input_dim,
                       sc_column concentration, sc_column cost, const sc_frontier_out *out)
{
    const sc_column in[4] = {budget, input_dim, concentration, cost};
    if ((bound != SC_BOUND_OPTIMAL && bound != SC_BOUND_CLOSED_FORM) || count < 0 || !out)
        return -1;
    if (count == 0)
        return 0;
    for (int i = 0; i < 4; i++)
        if (!in[i].data)
            return -1;
    sc_engine_find(NULL)->compute_optimal(bound, integer, count, in, out);
    return 0;
}

int sc_random(sc_law law, uint64_t key, uint64_t item, uint32_t purpose, uint64_t first_group, int groups, double *out)
{
    if ((int)law < 0 || law > SC_UNIFORM || purpose > 255 || groups < 0 || (groups > 0 && !out))
        return -1;
    sc_engine_find(NULL)->numbers(law, key, item, purpose, first_group, groups, out);
    return 0;
}

static double one_point(sc_quantity quantity, double n, double T, double d, double K)
{
    double out;
    sc_evaluate(quantity, 1, (sc_column){&n, 0}, (sc_column){&T, 0}, (sc_column){&d, 0}, (sc_column){&K, 0}, &out, 1);
    return out;
}

double sc_error_bound(double n, double T, double d, double K) { return one_point(SC_ERROR_BOUND, n, T, d, K); }
double sc_misspecification_bound(double n, double T, double d, double K) { return one_point(SC_MISSPECIFICATION_BOUND, n, T, d, K); }
double sc_estimation_bound(double n, double T, double d, double K) { return one_point(SC_ESTIMATION_BOUND, n, T, d, K); }
double sc_optimal_resolution(double n, double T, double d, double K) { return one_point(SC_OPTIMAL_RESOLUTION, n, T, d, K); }
double sc_closed_form_bound(double n, double T, double d, double K) { return one_point(SC_CLOSED_FORM_BOUND, n, T, d, K); }
double sc_occupancy(double n, double K) { return one_point(SC_OCCUPANCY, n, 1.0, 1.0, K); }

const char *sc_status_string(int status)
{
    switch (status) {
    case SC_INTERIOR: return "interior";
    case SC_AT_MIN_WIDTH: return "at minimum width";
    case SC_AT_MIN_SAMPLES: return "at minimum samples";
    case SC_INFEASIBLE: return "infeasible: the budget cannot pay for one unit and one sample";
    case SC_INVALID: return "invalid: an input is out of its domain";
    default: return "unknown status";
    }
}

const char *sc_version(void) { return SC_VERSION; }
const char *sc_instruction_set(void) { return sc_engine_find(NULL)->name; }
