/* The public functions of the bounds: check arguments, choose the engine, call its kernel. */
#include "api/check.h"
#include "engine/chosen.h"

ptrdiff_t sc_evaluate(sc_quantity quantity, ptrdiff_t count, sc_column n, sc_column T, sc_column d,
                      sc_column K, double *out, ptrdiff_t out_stride)
{
    const sc_column in[4] = {n, T, d, K}, of_occupancy[2] = {n, K};
    if ((int)quantity < 0 || quantity >= SC_QUANTITY_COUNT || count < 0)
        return SC_ERROR_ARGUMENT;
    if (count == 0)
        return 0;
    const int fine = quantity == SC_OCCUPANCY
                         ? sc_columns_are_fine(of_occupancy, 2, count, out, out_stride)
                         : sc_columns_are_fine(in, 4, count, out, out_stride);
    if (!fine)
        return SC_ERROR_ARGUMENT;
    return sc_engine_recalled()->evaluate(quantity, count, in, out, out_stride);
}

int sc_compute_optimal(sc_bound bound, int integer, ptrdiff_t count, sc_column budget,
                       sc_column input_dim, sc_column concentration, sc_column cost,
                       const sc_frontier_out *out)
{
    const sc_column in[4] = {budget, input_dim, concentration, cost};
    if ((bound != SC_BOUND_OPTIMAL && bound != SC_BOUND_CLOSED_FORM) || count < 0 || !out
        || !sc_aligned(out, _Alignof(void *)))
        return SC_ERROR_ARGUMENT;
    if (count == 0)
        return SC_OK;
    if (!sc_results_are_fine(in, count, out))
        return SC_ERROR_ARGUMENT;
    sc_engine_recalled()->compute_optimal(bound, integer, count, in, out);
    return SC_OK;
}

int sc_optimal_allocation(sc_bound bound, int integer, double budget, double input_dim,
                          double concentration, double cost, double *width, double *samples,
                          double *error)
{
    int8_t status;
    const sc_frontier_out out = {width, samples, error, NULL, NULL, NULL, &status};
    const int wrong =
        sc_compute_optimal(bound, integer, 1, (sc_column){&budget, 0}, (sc_column){&input_dim, 0},
                           (sc_column){&concentration, 0}, (sc_column){&cost, 0}, &out);
    return wrong ? wrong : status;
}

int sc_random(sc_law law, uint64_t key, uint64_t item, uint32_t purpose, uint64_t first_group,
              int groups, double *out)
{
    if ((int)law < 0 || law > SC_UNIFORM || purpose > 255 || groups < 0 || (groups > 0 && !out)
        || !sc_aligned(out, _Alignof(double)))
        return SC_ERROR_ARGUMENT;
    sc_engine_recalled()->numbers(law, key, item, purpose, first_group, groups, out);
    return SC_OK;
}

double sc_error_bound(double n, double T, double d, double K)
{
    return sc_engine_recalled()->point_error_bound(n, T, d, K);
}

double sc_misspecification_bound(double n, double T, double d, double K)
{
    return sc_engine_recalled()->point_misspecification_bound(n, T, d, K);
}

double sc_estimation_bound(double n, double T, double d, double K)
{
    return sc_engine_recalled()->point_estimation_bound(n, T, d, K);
}

double sc_optimal_resolution(double n, double T, double d, double K)
{
    return sc_engine_recalled()->point_optimal_resolution(n, T, d, K);
}

double sc_closed_form_bound(double n, double T, double d, double K)
{
    return sc_engine_recalled()->point_closed_form_bound(n, T, d, K);
}

double sc_occupancy(double n, double K)
{
    return sc_engine_recalled()->point_occupancy(n, 1.0, 1.0, K);
}

const char *sc_status_string(int status)
{
    switch (status) {
    case SC_INTERIOR: return "interior";
    case SC_AT_MIN_WIDTH: return "at minimum width";
    case SC_AT_MIN_SAMPLES: return "at minimum samples";
    case SC_INFEASIBLE: return "infeasible: the budget cannot pay for one unit and one sample";
    case SC_INVALID: return "invalid: an input is out of its domain";
    case SC_ERROR_ARGUMENT:
        return "wrong argument: a NULL, a negative count, an unknown enum, a misaligned pointer or "
               "an overlap";
    case SC_ERROR_NULL: return "wrong argument: NULL where data or memory is due";
    case SC_ERROR_RANGE: return "wrong argument: a count, size or number out of its domain";
    case SC_ERROR_ENUM: return "wrong argument: not a value of this enum";
    case SC_ERROR_SIZE:
        return "wrong argument: a struct larger than this version knows, or too small";
    case SC_ERROR_ALIGNMENT: return "wrong argument: a pointer that is not aligned";
    case SC_ERROR_OVERLAP:
        return "wrong argument: memory to write overlaps other memory of the call";
    case SC_ERROR_SPACE: return "wrong argument: too little work space";
    case SC_ERROR_ORDER: return "wrong argument: samples that a run cannot read next";
    case SC_STOPPED: return "stopped by keep_going";
    case SC_ERROR_FILE: return "not a file of a spectral table, or damaged, or it cannot be read";
    case SC_ERROR_MEMORY: return "too little memory for a spectral table";
    default: return "unknown status";
    }
}

const char *sc_version(void) { return SC_VERSION; }
int sc_version_number(void) { return SC_VERSION_NUMBER; }

int sc_compatible(int compiled)
{
    const int major = compiled / 10000, minor = compiled / 100 % 100;
    return compiled <= SC_VERSION_NUMBER && major == SC_VERSION_MAJOR
           && (major > 0 || minor == SC_VERSION_MINOR);
}

const char *sc_instruction_set(void) { return sc_engine_recalled()->name; }
