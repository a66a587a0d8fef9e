/* The public functions: check arguments, choose the engine, call its kernel. */
#include "check.h"

#if !defined(__STDC_NO_ATOMICS__) && !(defined(_MSC_VER) && !defined(__clang__))
#include <stdatomic.h>
#define REMEMBERED _Atomic(const sc_engine *)
#define REMEMBER(engine) atomic_store_explicit(&in_use, engine, memory_order_relaxed)
#define RECALL() atomic_load_explicit(&in_use, memory_order_relaxed)
#else /* aligned pointers are written whole on everything that such compilers compile for */
#define REMEMBERED const sc_engine *volatile
#define REMEMBER(engine) (in_use = (engine))
#define RECALL() in_use
#endif

#define ENGINE(isa)                                                                                                              \
    {#isa,                                                                                                                       \
     {sc_point_error_bound_##isa, sc_point_misspecification_bound_##isa, sc_point_estimation_bound_##isa,                        \
      sc_point_optimal_resolution_##isa, sc_point_closed_form_bound_##isa, sc_point_occupancy_##isa},                            \
     sc_evaluate_##isa, sc_compute_optimal_##isa, sc_experiment_##isa, sc_experiment_space_##isa, sc_atoms_##isa,          \
     sc_logits64_##isa, sc_logits32_##isa, sc_logits_space_##isa, sc_samples_##isa, sc_samples_space_##isa, sc_schedule_##isa,   \
     sc_train_##isa, sc_train_space_##isa, sc_learner_size_##isa, sc_learner_copy_##isa, sc_sweeps_##isa, sc_philox_##isa,       \
     sc_numbers_##isa, sc_binomial_##isa, sc_recur_##isa, sc_account_##isa, sc_enumerate_##isa, sc_enumerate_space_##isa,        \
     sc_replicate_##isa, sc_replicate_space_##isa, sc_spectral_points_##isa, sc_spectral_optimal_##isa,                          \
     sc_spectral_price_##isa, sc_fit_lanes_##isa, sc_fit_sum_##isa, sc_fit_add_##isa, sc_fit_values_##isa, sc_repulsion_##isa,                                                                                \
     sc_multiply_adds_##isa}

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

#if defined(__GNUC__)
#define SC_COLD __attribute__((noinline, cold)) /* so that a call of a bound is a load, a test and a jump */
#else
#define SC_COLD
#endif

/* Whoever comes first looks at the processor; two who come at once find the same. */
static REMEMBERED in_use;

void sc_engine_use(const sc_engine *engine)
{
    REMEMBER(engine);
}

static SC_COLD const sc_engine *look(void)
{
    const sc_engine *engine = sc_engine_find(NULL);
    REMEMBER(engine);
    return engine;
}

static inline const sc_engine *recall(void)
{
    const sc_engine *engine = RECALL();
    return engine ? engine : look();
}

const sc_engine *sc_engine_in_use(void) { return recall(); }

/* A column may take part if it is there and aligned, and is either out itself or apart from it. */
static int column_is_fine(sc_column column, ptrdiff_t count, const void *out, ptrdiff_t out_stride, sc_span out_span)
{
    sc_span span;
    if (!column.data || !sc_aligned(column.data, _Alignof(double))
        || !sc_span_of(column.data, count, column.stride, sizeof(double), &span))
        return 0;
    return sc_disjoint(span, out_span) || (column.data == out && (column.stride == out_stride || count == 1));
}

ptrdiff_t sc_evaluate(sc_quantity quantity, ptrdiff_t count, sc_column n, sc_column T, sc_column d, sc_column K,
                      double *out, ptrdiff_t out_stride)
{
    const sc_column in[4] = {n, T, d, K};
    sc_span span;
    if ((int)quantity < 0 || quantity >= SC_QUANTITY_COUNT || count < 0)
        return SC_ERROR_ARGUMENT;
    if (count == 0)
        return 0;
    if (!out || !sc_aligned(out, _Alignof(double)) || (out_stride == 0 && count > 1)
        || !sc_span_of(out, count, out_stride, sizeof(double), &span))
        return SC_ERROR_ARGUMENT;
    for (int i = 0; i < 4; i++)
        if ((quantity != SC_OCCUPANCY || i == 0 || i == 3) && !column_is_fine(in[i], count, out, out_stride, span))
            return SC_ERROR_ARGUMENT;
    return recall()->evaluate(quantity, count, in, out, out_stride);
}

/* Seven columns of results, which may take inputs' places but not each other's. */
static int results_are_fine(const sc_column in[4], ptrdiff_t count, const sc_frontier_out *out)
{
    const void *const column[7] = {out->width, out->samples, out->error, out->misspecification, out->estimation, out->elasticity,
                                   out->status};
    sc_span span[7];
    for (int i = 0; i < 7; i++) {
        const size_t each = i < 6 ? sizeof(double) : sizeof(int8_t);
        if (!sc_aligned(column[i], i < 6 ? _Alignof(double) : 1)
            || !sc_span_of(column[i], column[i] ? count : 0, 1, each, &span[i]))
            return 0;
        for (int j = 0; j < i; j++)
            if (!sc_disjoint(span[i], span[j]))
                return 0;
        for (int j = 0; j < 4; j++)
            if (!column_is_fine(in[j], count, i < 6 ? column[i] : NULL, 1, span[i]))
                return 0;
    }
    return 1;
}

int sc_compute_optimal(sc_bound bound, int integer, ptrdiff_t count, sc_column budget, sc_column input_dim,
                       sc_column concentration, sc_column cost, const sc_frontier_out *out)
{
    const sc_column in[4] = {budget, input_dim, concentration, cost};
    if ((bound != SC_BOUND_OPTIMAL && bound != SC_BOUND_CLOSED_FORM) || count < 0 || !out || !sc_aligned(out, _Alignof(void *)))
        return SC_ERROR_ARGUMENT;
    if (count == 0)
        return SC_OK;
    if (!results_are_fine(in, count, out))
        return SC_ERROR_ARGUMENT;
    recall()->compute_optimal(bound, integer, count, in, out);
    return SC_OK;
}

int sc_optimal_allocation(sc_bound bound, int integer, double budget, double input_dim, double concentration, double cost,
                          double *width, double *samples, double *error)
{
    int8_t status;
    const sc_frontier_out out = {width, samples, error, NULL, NULL, NULL, &status};
    const int wrong = sc_compute_optimal(bound, integer, 1, (sc_column){&budget, 0}, (sc_column){&input_dim, 0},
                                         (sc_column){&concentration, 0}, (sc_column){&cost, 0}, &out);
    return wrong ? wrong : status;
}

int sc_random(sc_law law, uint64_t key, uint64_t item, uint32_t purpose, uint64_t first_group, int groups, double *out)
{
    if ((int)law < 0 || law > SC_UNIFORM || purpose > 255 || groups < 0 || (groups > 0 && !out)
        || !sc_aligned(out, _Alignof(double)))
        return SC_ERROR_ARGUMENT;
    recall()->numbers(law, key, item, purpose, first_group, groups, out);
    return SC_OK;
}

double sc_error_bound(double n, double T, double d, double K)
{
    return recall()->point[SC_ERROR_BOUND](n, T, d, K);
}

double sc_misspecification_bound(double n, double T, double d, double K)
{
    return recall()->point[SC_MISSPECIFICATION_BOUND](n, T, d, K);
}

double sc_estimation_bound(double n, double T, double d, double K)
{
    return recall()->point[SC_ESTIMATION_BOUND](n, T, d, K);
}

double sc_optimal_resolution(double n, double T, double d, double K)
{
    return recall()->point[SC_OPTIMAL_RESOLUTION](n, T, d, K);
}

double sc_closed_form_bound(double n, double T, double d, double K)
{
    return recall()->point[SC_CLOSED_FORM_BOUND](n, T, d, K);
}

double sc_occupancy(double n, double K)
{
    return recall()->point[SC_OCCUPANCY](n, 1.0, 1.0, K);
}

const char *sc_status_string(int status)
{
    switch (status) {
    case SC_INTERIOR: return "interior";
    case SC_AT_MIN_WIDTH: return "at minimum width";
    case SC_AT_MIN_SAMPLES: return "at minimum samples";
    case SC_INFEASIBLE: return "infeasible: the budget cannot pay for one unit and one sample";
    case SC_INVALID: return "invalid: an input is out of its domain";
    case SC_ERROR_ARGUMENT: return "wrong argument: a NULL, a negative count, an unknown enum, a misaligned pointer or an overlap";
    case SC_ERROR_NULL: return "wrong argument: NULL where data or memory is due";
    case SC_ERROR_RANGE: return "wrong argument: a count, size or number out of its domain";
    case SC_ERROR_ENUM: return "wrong argument: not a value of this enum";
    case SC_ERROR_SIZE: return "wrong argument: a struct larger than this version knows, or too small";
    case SC_ERROR_ALIGNMENT: return "wrong argument: a pointer that is not aligned";
    case SC_ERROR_OVERLAP: return "wrong argument: memory to write overlaps other memory of the call";
    case SC_ERROR_SPACE: return "wrong argument: too little work space";
    case SC_ERROR_ORDER: return "wrong argument: samples that a run cannot read next";
    case SC_STOPPED: return "stopped by keep_going";
    default: return "unknown status";
    }
}

const char *sc_version(void) { return SC_VERSION; }
int sc_version_number(void) { return SC_VERSION_NUMBER; }

int sc_compatible(int compiled)
{
    const int major = compiled / 10000, minor = compiled / 100 % 100;
    return compiled <= SC_VERSION_NUMBER && major == SC_VERSION_MAJOR && (major > 0 || minor == SC_VERSION_MINOR);
}

const char *sc_instruction_set(void) { return recall()->name; }
