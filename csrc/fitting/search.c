/* Which minimisations a fit makes, and which of their ends it takes.
 *
 * Huber's delta falls from a first one (settings.h) to the one asked for. Where starts do not
 * agree, or hardly more runs lie within delta than there are parameters (the objective is then one
 * of absolute values, and neighbouring corners can both be minima), more starts look around.
 */
#include "fitting/fit.h"

#include <math.h>
#include <string.h>

#include "fitting/starts.h"

/* The least objective (of those that agree, the most stationary), and how many agree. */
static void judge(const sc_fit_table *t, sc_fit_ends *ends)
{
    double least = HUGE_VAL, flattest = HUGE_VAL;
    int best = -1, lowest = 0;
    for (int i = 0; i < ends->count; i++)
        if (t->objective[i] < least) {
            least = t->objective[i];
            lowest = i;
        }
    ends->agreed = 0;
    for (int i = 0; i < ends->count; i++) {
        if (!(t->objective[i] <= least + SC_FIT_AGREES * fabs(least) + SC_FIT_ROUNDED))
            continue;
        ends->agreed++;
        if (best < 0 || t->gradient[i] < flattest) {
            best = i;
            flattest = t->gradient[i];
        }
    }
    ends->best = best >= 0 && t->gradient[best] < SC_FIT_STATIONARY ? best : lowest;
}

/* Minimise from `count` starts, behind the ends that there are. */
static int minimise(const sc_engine *engine, const sc_fit_table *t, int count, sc_fit_ends *ends)
{
    sc_fit_problem p = sc_fit_problem_of(t, t->delta);
    p.first_deltas = t->first_deltas;
    const sc_fit_results out = {t->theta + (ptrdiff_t)ends->count * t->row->values,
                                t->objective + ends->count, t->gradient + ends->count,
                                t->passes + ends->count};
    if (sc_fit_jobs(engine, &p, 0, count, t->starts, 0, &out, t->solver, t->keep_going, t->state))
        return SC_STOPPED;
    ends->count += count;
    judge(t, ends);
    return SC_OK;
}

/* Starts of the table and of the caller; the solver puts them into the box. Returns how many. */
static int first_starts(const sc_fit_table *t, const sc_law_options *options)
{
    const sc_form_row *const row = t->row;
    sc_fit_runs logs = sc_fit_problem_of(t, t->delta).runs;
    logs.residual = SC_RESIDUAL_OF_LOG;
    logs.y = t->y;
    int count = sc_fit_starts(&logs, t->starts);
    for (ptrdiff_t i = 0; i < options->start_count; i++, count++)
        sc_form_to_theta(row, options->starts + i * row->values, t->centre,
                         t->starts + (ptrdiff_t)count * row->values);
    for (int i = 0; i < count; i++)
        t->first_deltas[i] = sc_fit_first_deltas[i % SC_FIT_FIRST_DELTA_COUNT];
    return count;
}

/* The farther away a start, the larger the delta that it begins with. */
static int from_around(const sc_engine *engine, const sc_fit_table *t, sc_fit_ends *ends)
{
    const sc_form_row *const row = t->row;
    sc_fit_around(engine, row->values, row->low, row->high,
                  t->theta + (ptrdiff_t)ends->best * row->values, (uint64_t)ends->count, t->starts);
    for (int i = 0; i < SC_FIT_MORE_STARTS; i++)
        t->first_deltas[i] = i < SC_FIT_AROUND ? 10 * fmin(t->delta, 1)
                                               : sc_fit_first_deltas[i % SC_FIT_FIRST_DELTA_COUNT];
    return minimise(engine, t, SC_FIT_MORE_STARTS, ends);
}

static int kinked(const sc_engine *engine, const sc_fit_table *t, const double *theta)
{
    const sc_fit_problem p = sc_fit_problem_of(t, t->delta);
    ptrdiff_t within = 0;
    if (!isfinite(t->delta))
        return 0;
    for (int j = 0; j < t->row->values; j++)
        if (!isfinite(theta[j]))
            return 0;
    engine->fit_values(&p.runs, theta, t->value, NULL);
    for (ptrdiff_t i = 0; i < t->runs; i++)
        within += fabs(t->y[i] - log(t->value[i])) <= t->delta;
    return within < SC_FIT_KINKED * t->row->values;
}

int sc_fit_search(const sc_engine *engine, sc_fit_table *t, const sc_law_options *options,
                  sc_fit_ends *ends)
{
    memset(ends, 0, sizeof *ends);
    const int first = first_starts(t, options);
    if (minimise(engine, t, first, ends))
        return SC_STOPPED;
    const int agree = ends->agreed >= 2 && ends->agreed >= (first + 1) / 2;
    if (!agree && from_around(engine, t, ends))
        return SC_STOPPED;
    if (!kinked(engine, t, t->theta + (ptrdiff_t)ends->best * t->row->values))
        return SC_OK;
    for (int round = 0; round < SC_FIT_MOST_ROUNDS; round++) {
        const double before = t->objective[ends->best];
        if (from_around(engine, t, ends))
            return SC_STOPPED;
        if (!(t->objective[ends->best] < before - SC_FIT_AGREES * fabs(before)))
            break;
    }
    return SC_OK;
}
