/* Loops over points and budgets of several input dimensions. The kernels take points of one table,
   inside the domain; which table, what is outside and which status a budget has is decided here,
   once for every instruction set. */
#include "spectral/arrays.h"
#include "spectral/spectrum.h"

#include <math.h>
#include <string.h>

const sc_strategies *sc_table_of(const sc_tables *tables, double input_dim)
{
    ptrdiff_t low = 0, high = tables->count;
    while (low < high) {
        const ptrdiff_t middle = low + (high - low) / 2;
        if (tables->entries[middle].input_dim < input_dim)
            low = middle + 1;
        else
            high = middle;
    }
    return low < tables->count && tables->entries[low].input_dim == input_dim
               ? tables->entries[low].table
               : NULL;
}

static int in_range(double x) { return x >= 1 && x <= SC_LARGEST_ARGUMENT; }
static int is_concentration(double K) { return K > 0 && K <= SC_LARGEST_ARGUMENT; }

int sc_is_spectral_point(double n, double T, double K)
{
    return in_range(n) && in_range(T) && is_concentration(K);
}

/* ---- points ---------------------------------------------------------------------------------- */

#define BATCH 64

typedef struct batch { /* points of one table that wait for the kernel */
    const sc_strategies *table;
    ptrdiff_t count;
    double n[BATCH], T[BATCH], K[BATCH];
    char *out[BATCH];
} batch;

static void settle(const sc_engine *engine, int with, batch *points, size_t wanted)
{
    sc_spectral_terms terms[BATCH];
    if (points->count)
        engine->spectral_points(points->table, with, points->count, points->n, points->T, points->K,
                                terms);
    for (ptrdiff_t i = 0; i < points->count; i++) {
        if (wanted == sizeof terms[i].error) /* a move, where any length is a call */
            memcpy(points->out[i], &terms[i].error, sizeof terms[i].error);
        else
            memcpy(points->out[i], &terms[i], wanted);
    }
    points->count = 0;
}

ptrdiff_t sc_spectral_array(const sc_engine *engine, const sc_tables *tables, int with,
                            ptrdiff_t first, ptrdiff_t last, char *const bytes[5],
                            const ptrdiff_t steps[5], size_t wanted)
{
    const double nan = (double)NAN;
    double last_d = nan;
    ptrdiff_t invalid = 0;
    batch points;
    points.table = NULL;
    points.count = 0;
    for (ptrdiff_t i = first; i < last; i++) {
        double in[4]; /* n, T, d, K */
        for (int j = 0; j < 4; j++)
            memcpy(&in[j], bytes[j] + i * steps[j], sizeof in[j]);
        char *const out = bytes[4] + i * steps[4];
        if (!(in[2] == last_d)) {
            settle(engine, with, &points, wanted);
            points.table = sc_table_of(tables, sc_nearly_whole(in[2]));
            last_d = in[2];
        }
        if (points.table && sc_is_spectral_point(in[0], in[1], in[3])) {
            points.n[points.count] = in[0];
            points.T[points.count] = in[1];
            points.K[points.count] = in[3];
            points.out[points.count] = out;
            if (++points.count == BATCH)
                settle(engine, with, &points, wanted);
        } else {
            memcpy(out, &nan, sizeof nan);
            invalid += !isnan(in[0]) && !isnan(in[1]) && !isnan(in[2]) && !isnan(in[3]);
        }
    }
    settle(engine, with, &points, wanted);
    return invalid;
}

/* ---- budgets --------------------------------------------------------------------------------- */

static void put(double *column, ptrdiff_t i, double value)
{
    if (column)
        column[i] = value;
}

static int8_t solve(const sc_engine *engine, const sc_strategies *table, int with, int integer,
                    const double in[4], sc_spectral_optimum *best)
{
    const double product = in[0] / (in[3] * in[1]);
    if (!table || !is_concentration(in[2]) || !(in[0] >= 0) || !(in[3] > 0)
        || !(product <= SC_LARGEST_ARGUMENT))
        return SC_INVALID;
    if (product < 1)
        return SC_INFEASIBLE;
    engine->spectral_optimal(table, with, integer, product, in[2], best);
    return best->width <= 1     ? SC_AT_MIN_WIDTH
           : best->samples <= 1 ? SC_AT_MIN_SAMPLES
                                : SC_INTERIOR;
}

void sc_spectral_frontier(const sc_engine *engine, const sc_tables *tables, int with, int integer,
                          ptrdiff_t count, const sc_column in[4], const sc_frontier_out *out)
{
    for (ptrdiff_t i = 0; i < count; i++) {
        double arguments[4], results[6];
        sc_spectral_optimum best;
        for (int j = 0; j < 4; j++)
            arguments[j] = in[j].data[i * in[j].stride];
        arguments[1] = sc_nearly_whole(arguments[1]);
        const sc_strategies *const table = sc_table_of(tables, arguments[1]);
        const int8_t status = solve(engine, table, with, integer, arguments, &best);
        for (int j = 0; j < 6; j++)
            results[j] = (double)NAN;
        if (status != SC_INVALID && status != SC_INFEASIBLE) {
            results[0] = best.width;
            results[1] = best.samples;
            results[2] = best.terms.error;
            results[3] = best.terms.distortion + best.terms.residual + best.terms.resolution_loss;
            results[4] = best.terms.coefficients + best.terms.list;
            results[5] = best.elasticity;
        }
        put(out->width, i, results[0]);
        put(out->samples, i, results[1]);
        put(out->error, i, results[2]);
        put(out->misspecification, i, results[3]);
        put(out->estimation, i, results[4]);
        put(out->elasticity, i, results[5]);
        if (out->status)
            out->status[i] = status;
    }
}

void sc_frontier(const sc_engine *engine, const sc_objective *objective, int integer,
                 ptrdiff_t count, const sc_column in[4], const sc_frontier_out *out)
{
    if (objective->tables)
        sc_spectral_frontier(engine, objective->tables, objective->with, integer, count, in, out);
    else
        engine->compute_optimal(objective->bound, integer, count, in, out);
}
