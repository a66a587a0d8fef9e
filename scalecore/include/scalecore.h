/* scalecore: information-theoretic error bounds and compute-optimal allocation.
 *
 * The whole engine behind the Python package, usable from C11 and C++ on its own. Every function is pure: no state, no threads, no
 * allocation, no errno, safe to call from any number of threads at once. Errors are in nats per sample, compute in the unit of `cost`.
 *
 *   n  width, T  samples, d  input_dim: finite reals in [1, 1e300];     K  concentration: a real in (0, 1e300]
 *   outside this domain a result is NaN.
 *
 * Arrays come as a pointer and a stride counted in doubles: 1 for a plain array, 0 for one value that serves every point.
 */
#ifndef SCALECORE_H
#define SCALECORE_H

#include <stddef.h>
#include <stdint.h>

#define SC_VERSION_MAJOR 0
#define SC_VERSION_MINOR 1
#define SC_VERSION_PATCH 0
#define SC_VERSION "0.1.0"

#ifdef __cplusplus
extern "C" {
#endif

/* What became of one budget. */
typedef enum sc_status {
    SC_INTERIOR = 0,       /* the optimum is inside: width > 1 and samples > 1 */
    SC_AT_MIN_WIDTH = 1,   /* best at width 1: the budget is better spent on data alone */
    SC_AT_MIN_SAMPLES = 2, /* best at one sample */
    SC_INFEASIBLE = 3,     /* cannot pay for one unit and one sample: budget < cost * input_dim */
    SC_INVALID = 4         /* an input is out of its domain */
} sc_status;

typedef enum sc_quantity {
    SC_ERROR_BOUND = 0,
    SC_MISSPECIFICATION_BOUND = 1,
    SC_ESTIMATION_BOUND = 2,
    SC_OPTIMAL_RESOLUTION = 3,
    SC_CLOSED_FORM_BOUND = 4,
    SC_OCCUPANCY = 5, /* depends on n and K only; T and d may be NULL */
    SC_QUANTITY_COUNT = 6
} sc_quantity;

typedef enum sc_bound {
    SC_BOUND_OPTIMAL = 0,    /* minimise sc_error_bound */
    SC_BOUND_CLOSED_FORM = 1 /* minimise sc_closed_form_bound */
} sc_bound;

typedef struct sc_column {
    const double *data;
    ptrdiff_t stride; /* in doubles */
} sc_column;

/* One point. */
double sc_error_bound(double n, double T, double d, double K);
double sc_misspecification_bound(double n, double T, double d, double K);
double sc_estimation_bound(double n, double T, double d, double K);
double sc_optimal_resolution(double n, double T, double d, double K);
double sc_closed_form_bound(double n, double T, double d, double K);
double sc_occupancy(double n, double K);

/* `count` points: out[i * out_stride]. In place is fine (out may be one of the inputs, with the same stride).
 * Returns how many points had an input outside the domain that was not already NaN; -1 for an unknown quantity, a negative count or a NULL in need. */
ptrdiff_t sc_evaluate(sc_quantity quantity, ptrdiff_t count, sc_column n, sc_column T, sc_column d, sc_column K,
                      double *out, ptrdiff_t out_stride);

/* Columns of results, `count` long each; any of them may be NULL. */
typedef struct sc_frontier_out {
    double *width;
    double *samples;
    double *error;
    double *misspecification;
    double *estimation;
    double *elasticity; /* d log(d n*) / d log C of the real-valued optimum */
    int8_t *status;     /* sc_status */
} sc_frontier_out;

/* For each budget C the width n >= 1 that minimises the bound at T = C/(cost d n) >= 1.
 * With `integer` not 0: over whole n with T = floor(C/(cost d n)).
 * Budgets, input_dims, concentrations and costs are broadcast by stride 0. Outside the domain or INFEASIBLE, results are NaN.
 * Returns 0; -1 for an unknown bound, a negative count or a NULL input. */
int sc_compute_optimal(sc_bound bound, int integer, ptrdiff_t count, sc_column budget, sc_column input_dim,
                       sc_column concentration, sc_column cost, const sc_frontier_out *out);

/* Random numbers that are a function of their place: Philox4x32-10 keyed by (key, item, purpose). Numbers come in groups of 16; groups
 * first_group, first_group + 1, ... go to out[16 * groups]. Key: from the seed; item: the network or repeat; purpose: below 256.
 * A Beta(1, K) stick is -expm1(-E / K) for an exponential E.
 * Returns 0; -1 for an unknown law, a purpose above 255, a negative count or a NULL. */
typedef enum sc_law {
    SC_EXPONENTIAL = 0, /* rate 1 */
    SC_NORMAL = 1,
    SC_SIGN = 2,   /* +1 or -1, fair */
    SC_UNIFORM = 3 /* odd multiples of 2^-53: never 0, never 1 */
} sc_law;
int sc_random(sc_law law, uint64_t key, uint64_t item, uint32_t purpose, uint64_t first_group, int groups, double *out);

const char *sc_status_string(int status);
const char *sc_version(void);
/* The instruction set in use: "baseline", "avx2" or "avx512". */
const char *sc_instruction_set(void);

#ifdef __cplusplus
}
#endif

#endif
