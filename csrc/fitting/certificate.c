/* Is it the optimum, and does the table say anything about it? */
#include "fitting/fit.h"

#include <math.h>

#include "fitting/factors.h"

#define ONE_PLACE 1e-9 /* range of logarithms that is none */

void sc_fit_jacobian(const sc_engine *engine, const sc_fit_table *t, const double *theta)
{
    const sc_fit_problem p = sc_fit_problem_of(t, t->delta);
    engine->fit_values(&p.runs, theta, t->value, t->jacobian);
    if (t->loss == SC_LOSS_SQUARED)
        return;
    for (int j = 0; j < t->row->values; j++)
        for (ptrdiff_t i = 0; i < t->runs; i++)
            t->jacobian[j * t->runs + i] /= t->value[i];
}

/* Condition number of the columns that are free, weighted and scaled to length one. */
static double condition_of(const sc_fit_table *t, const double *theta)
{
    const sc_form_row *const row = t->row;
    double R[SC_FIT_MOST_PARAMETERS][SC_FIT_MOST_PARAMETERS], values[SC_FIT_MOST_PARAMETERS];
    int count = 0;
    for (int j = 0; j < row->values; j++) {
        if (!(theta[j] > row->low[j] && theta[j] < row->high[j]))
            continue;
        const double *const given = t->jacobian + j * t->runs;
        double *const column = t->jacobian + count++ * t->runs, squares = 0; /* count <= j */
        for (ptrdiff_t i = 0; i < t->runs; i++) {
            column[i] = given[i] * (t->weight ? sqrt(t->weight[i]) : 1);
            squares += column[i] * column[i];
        }
        if (!isfinite(squares))
            return HUGE_VAL;
        for (ptrdiff_t i = 0; i < t->runs; i++)
            column[i] /= squares > 0 ? sqrt(squares) : 1;
    }
    if (!count)
        return HUGE_VAL;
    sc_factorise(t->jacobian, t->runs, count, R);
    sc_singular_values(count, R, values, NULL);
    double largest = values[0], smallest = values[0];
    for (int i = 1; i < count; i++) {
        largest = fmax(largest, values[i]);
        smallest = fmin(smallest, values[i]);
    }
    return smallest > 0 ? largest / smallest : HUGE_VAL;
}

static int one_place(const sc_fit_table *t, const double *x)
{
    double low = x[0], high = x[0];
    for (ptrdiff_t i = 1; i < t->runs; i++) {
        low = fmin(low, x[i]);
        high = fmax(high, x[i]);
    }
    return high - low < ONE_PLACE;
}

/* Whether the smaller singular value of the columns n and m is SC_FIT_FLAT of the larger. */
static int one_line(const sc_fit_table *t)
{
    double nn = 0, nm = 0, mm = 0;
    for (ptrdiff_t i = 0; i < t->runs; i++) {
        nn += t->n[i] * t->n[i];
        nm += t->n[i] * t->m[i];
        mm += t->m[i] * t->m[i];
    }
    const double larger = 0.5 * (nn + mm) + hypot(0.5 * (nn - mm), nm);
    return nn * mm - nm * nm < SC_FIT_FLAT * SC_FIT_FLAT * larger * larger;
}

/* Whether there are fewer different points than `enough`. */
static int few_points(const sc_fit_table *t, int enough)
{
    ptrdiff_t found[SC_FIT_MOST_PARAMETERS];
    int count = 0;
    for (ptrdiff_t i = 0; i < t->runs && count < enough; i++) {
        int known = 0;
        for (int k = 0; k < count; k++)
            known |= t->n[found[k]] == t->n[i] && t->m[found[k]] == t->m[i];
        if (!known)
            found[count++] = i;
    }
    return count < enough;
}

/* Why the runs cannot identify the form whatever their losses. */
static sc_law_reason what_is_missing(const sc_fit_table *t)
{
    if (one_place(t, t->n))
        return SC_REASON_ONE_SIZE;
    if (!t->row->without_samples && one_place(t, t->m))
        return SC_REASON_ONE_SAMPLES;
    if (!t->row->without_samples && one_line(t))
        return SC_REASON_ONE_LINE;
    return few_points(t, sc_form_free(t->row)) ? SC_REASON_FEW_POINTS : SC_REASON_NONE;
}

void sc_fit_certify(const sc_engine *engine, const sc_fit_table *t, sc_law_result *result)
{
    const sc_form_row *const row = t->row;
    const double *const theta = result->theta;
    result->at_edge = 0;
    for (int j = 0; j < row->values; j++)
        if (row->low[j] < row->high[j] && (theta[j] <= row->low[j] || theta[j] >= row->high[j]))
            result->at_edge |= 1u << j;
    sc_fit_jacobian(engine, t, theta);
    result->condition = condition_of(t, theta);
    result->reason = (int32_t)what_is_missing(t);
    result->status = SC_LAW_NOT_IDENTIFIED;
    if (result->reason != SC_REASON_NONE)
        return;
    if (!(result->scaled_gradient < SC_FIT_STATIONARY)) {
        result->status = SC_LAW_NOT_CONVERGED;
        result->reason = SC_REASON_GRADIENT;
    } else if (!(result->condition < SC_FIT_DEGENERATE))
        result->reason = SC_REASON_CONDITION;
    else {
        result->status = result->at_edge ? SC_LAW_AT_EDGE : SC_LAW_CONVERGED;
        result->reason = result->at_edge ? SC_REASON_EDGE : SC_REASON_NONE;
    }
}
