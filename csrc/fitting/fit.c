#include "fitting/fit.h"

#include <math.h>
#include <string.h>

#include "fitting/starts.h"

#define AT_A_TIME 128 /* resamples of one call of the solver */

/* ---- room ------------------------------------------------------------------------------------ */

static ptrdiff_t slots_for(ptrdiff_t runs)
{
    ptrdiff_t count = 16;
    while (count < 2 * runs)
        count *= 2;
    return count;
}

static void *take(char *space, size_t *used, size_t bytes)
{
    char *const at = space ? space + *used : NULL;
    *used += (bytes + SC_ALIGNMENT - 1) / SC_ALIGNMENT * SC_ALIGNMENT;
    return at;
}

size_t sc_fit_lay_out(const sc_engine *engine, const sc_law_options *options, void *space,
                      sc_fit_table *t)
{
    const sc_form_row *const row = sc_form_row_of(options->form);
    const size_t runs = (size_t)options->runs, column = runs * sizeof(double),
                 values = (size_t)row->values;
    const int clustered = options->cluster != NULL;
    const size_t starts = SC_FIT_MORE_STARTS + (size_t)options->start_count; /* at a time */
    const size_t jobs = starts + (1 + SC_FIT_MOST_ROUNDS) * SC_FIT_MORE_STARTS;
    size_t used = 0;
    memset(t, 0, sizeof *t);
    t->row = row;
    t->runs = options->runs;
    t->n = take(space, &used, column);
    t->m = row->without_samples ? t->n : take(space, &used, column);
    t->y = take(space, &used, column);
    t->target = options->loss == SC_LOSS_SQUARED ? take(space, &used, column) : t->y;
    t->weight = options->weight.data ? take(space, &used, column) : NULL;
    t->value = take(space, &used, column);
    t->jacobian = take(space, &used, values * column);
    t->fitted = take(space, &used, column);
    t->residual = take(space, &used, column);
    t->slot_count = clustered ? slots_for(options->runs) : 0;
    t->cluster = clustered ? take(space, &used, runs * sizeof(ptrdiff_t)) : NULL;
    t->head = clustered ? take(space, &used, runs * sizeof(ptrdiff_t)) : NULL;
    t->next = clustered ? take(space, &used, runs * sizeof(ptrdiff_t)) : NULL;
    t->slots = clustered ? take(space, &used, (size_t)t->slot_count * sizeof(ptrdiff_t)) : NULL;
    t->starts = take(space, &used, starts * values * sizeof(double));
    t->first_deltas = take(space, &used, starts * sizeof(double));
    t->theta = take(space, &used, jobs * values * sizeof(double));
    t->objective = take(space, &used, jobs * sizeof(double));
    t->gradient = take(space, &used, jobs * sizeof(double));
    t->passes = take(space, &used, jobs * sizeof(int32_t));
    sc_fit_problem p = sc_fit_problem_of(t, 1);
    p.resampling = SC_RESAMPLE_WILD; /* which takes the most */
    t->solver = take(space, &used, sc_fit_space(engine, &p));
    return used;
}

/* ---- the runs -------------------------------------------------------------------------------- */

static double at(sc_column column, ptrdiff_t i) { return column.data[i * column.stride]; }

static int is_positive(double x) { return x > 0 && isfinite(x); }

static double take_mean(double *x, ptrdiff_t count)
{
    double sum = 0;
    for (ptrdiff_t i = 0; i < count; i++)
        sum += x[i];
    const double mean = count ? sum / (double)count : 0;
    for (ptrdiff_t i = 0; i < count; i++)
        x[i] -= mean;
    return mean;
}

/* Numbers 0, 1, ... for the clusters in order of their first runs, by a table of hashes. */
static ptrdiff_t number_clusters(const int64_t *given, const sc_fit_table *t)
{
    ptrdiff_t clusters = 0; /* head: the first run of each, for now */
    for (ptrdiff_t i = 0; i < t->slot_count; i++)
        t->slots[i] = -1;
    for (ptrdiff_t i = 0; i < t->runs; i++) {
        uint64_t hash = (uint64_t)given[i] * 0x9E3779B97F4A7C15u;
        hash ^= hash >> 32;
        ptrdiff_t slot = (ptrdiff_t)(hash & (uint64_t)(t->slot_count - 1));
        while (t->slots[slot] >= 0 && given[t->head[t->slots[slot]]] != given[i])
            slot = (slot + 1) & (t->slot_count - 1);
        if (t->slots[slot] < 0) {
            t->head[clusters] = i;
            t->slots[slot] = clusters++;
        }
        t->cluster[i] = t->slots[slot];
    }
    return clusters;
}

int sc_fit_fill(const sc_law_options *options, sc_fit_table *t)
{
    const int two = !t->row->without_samples;
    for (ptrdiff_t i = 0; i < t->runs; i++) {
        const double N = at(options->N, i), D = two ? at(options->D, i) : 1, L = at(options->L, i),
                     w = t->weight ? at(options->weight, i) : 1;
        if (!is_positive(N) || !is_positive(D) || !is_positive(L) || !is_positive(w))
            return SC_ERROR_RANGE;
        t->n[i] = log(N);
        if (two)
            t->m[i] = log(D);
        t->y[i] = log(L);
        if (t->weight)
            t->weight[i] = w;
    }
    t->centre.n = take_mean(t->n, t->runs);
    t->centre.m = two ? take_mean(t->m, t->runs) : 0;
    t->centre.y = take_mean(t->y, t->runs);
    for (ptrdiff_t i = 0; t->target != t->y && i < t->runs; i++)
        t->target[i] = exp(t->y[i]);
    t->clusters = t->cluster ? number_clusters(options->cluster, t) : t->runs;
    t->loss = (sc_law_loss)options->loss;
    t->delta = t->loss == SC_LOSS_HUBER      ? options->delta
               : t->loss == SC_LOSS_ABSOLUTE ? SC_FIT_ALMOST_ABSOLUTE
                                             : HUGE_VAL;
    t->keep_going = options->keep_going;
    t->state = options->state;
    return SC_OK;
}

sc_fit_problem sc_fit_problem_of(const sc_fit_table *t, double delta)
{
    sc_fit_problem p;
    memset(&p, 0, sizeof p);
    p.runs.count = t->runs;
    p.runs.form = t->row->form;
    p.runs.residual = t->loss == SC_LOSS_SQUARED ? SC_RESIDUAL_OF_LOSS : SC_RESIDUAL_OF_LOG;
    p.runs.parameters = t->row->values;
    p.runs.n = t->n;
    p.runs.m = t->m;
    p.runs.y = t->target;
    p.delta = delta;
    p.first_delta = 1;
    p.goal = SC_FIT_GOAL;
    p.most_passes = SC_FIT_MOST_PASSES;
    p.weight = t->weight;
    p.low = t->row->low;
    p.high = t->row->high;
    p.resampling = SC_RESAMPLE_NOT;
    p.clusters = t->clusters;
    p.cluster = t->cluster;
    return p;
}

/* ---- the fit --------------------------------------------------------------------------------- */

static double sum_of_sizes(const sc_engine *engine, const sc_fit_table *t, const double *theta)
{
    const sc_fit_problem p = sc_fit_problem_of(t, t->delta);
    double sum = 0;
    engine->fit_values(&p.runs, theta, t->value, NULL);
    for (ptrdiff_t i = 0; i < t->runs; i++)
        sum += (t->weight ? t->weight[i] : 1) * fabs(t->y[i] - log(t->value[i]));
    return sum;
}

static void no_fit(sc_law_result *result)
{
    result->status = SC_LAW_TOO_FEW_RUNS;
    result->reason = SC_REASON_FEW_RUNS;
    result->objective = result->scaled_gradient = (double)NAN;
    result->condition = HUGE_VAL;
    for (int i = 0; i < SC_LAW_MOST_VALUES; i++)
        result->values[i] = result->theta[i] = (double)NAN;
}

int sc_fit_whole(const sc_engine *engine, sc_fit_table *t, const sc_law_options *options,
                 sc_law_result *result)
{
    const sc_form_row *const row = t->row;
    const size_t size = (size_t)row->values * sizeof(double);
    if (t->runs <= sc_form_free(row)) {
        no_fit(result);
        return SC_OK;
    }
    sc_fit_ends ends = {0, 0, 0};
    if (sc_fit_search(engine, t, options, &ends))
        return SC_STOPPED;
    const int best = ends.best;
    for (int i = 0; i < SC_LAW_MOST_VALUES; i++)
        result->values[i] = result->theta[i] = (double)NAN;
    memcpy(result->theta, t->theta + (ptrdiff_t)best * row->values, size);
    sc_form_to_values(row, result->theta, t->centre, result->values);
    result->scaled_gradient = t->gradient[best];
    result->objective =
        t->loss == SC_LOSS_ABSOLUTE ? sum_of_sizes(engine, t, result->theta) : t->objective[best];
    result->starts = ends.count;
    result->agreed = ends.agreed;
    result->passes = t->passes[best];
    result->centre[0] = t->centre.n;
    result->centre[1] = t->centre.m;
    result->centre[2] = t->centre.y;
    sc_fit_certify(engine, t, result);
    return SC_OK;
}

/* ---- its resamples --------------------------------------------------------------------------- */

static sc_resampling method_of(const sc_fit_table *t, sc_law_draws how)
{
    if (how == SC_DRAW_AUTO)
        how = t->clusters >= SC_FIT_ENOUGH_CLUSTERS ? SC_DRAW_PAIRS : SC_DRAW_WILD;
    return how == SC_DRAW_PAIRS  ? SC_RESAMPLE_PAIRS
           : how == SC_DRAW_WILD ? SC_RESAMPLE_WILD
                                 : SC_RESAMPLE_LEAVE_OUT;
}

int sc_fit_draws(const sc_engine *engine, sc_fit_table *t, const sc_law_result *result,
                 sc_law_draws how, uint64_t key, uint64_t first, ptrdiff_t count, double *values)
{
    const sc_form_row *const row = t->row;
    const sc_resampling method = method_of(t, how);
    if (method != SC_RESAMPLE_LEAVE_OUT)
        t->delta = fmax(t->delta, SC_FIT_SHARP_ENOUGH);
    if (method == SC_RESAMPLE_WILD && sc_fit_wild(engine, t, result->theta))
        return SC_STOPPED;
    sc_fit_problem p = sc_fit_problem_of(t, t->delta);
    p.resampling = method;
    p.key = key;
    p.fitted = t->fitted;
    p.residual = t->residual;
    p.first_delta = fmin(fmax(t->delta, SC_FIT_NEAR), 1);
    for (ptrdiff_t done = 0; done < count; done += AT_A_TIME) {
        const ptrdiff_t here = count - done < AT_A_TIME ? count - done : AT_A_TIME;
        const sc_fit_results out = {t->theta, t->objective, t->gradient, t->passes};
        if (sc_fit_jobs(engine, &p, first + (uint64_t)done, here, result->theta, 1, &out, t->solver,
                        t->keep_going, t->state))
            return SC_STOPPED;
        for (ptrdiff_t i = 0; i < here; i++) {
            double *const own = values + (done + i) * row->values;
            sc_form_to_values(row, t->theta + i * row->values, t->centre, own);
            if (!isfinite(t->objective[i])
                || (method != SC_RESAMPLE_LEAVE_OUT && !(t->gradient[i] < SC_FIT_FAILED)))
                for (int j = 0; j < row->values; j++)
                    own[j] = (double)NAN;
        }
    }
    return SC_OK;
}
