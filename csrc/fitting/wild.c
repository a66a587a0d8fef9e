/* What wild resamples multiply by random weights.
 *
 * A fit of absolute values (Huber's loss with a small delta is nearly one) goes exactly through as
 * many runs as it has parameters, and its spread follows from the density of the residuals at zero,
 * not from their variance. So residuals are those of least squares, which has no such runs; and
 * where most of them lie in the linear part of the loss they are multiplied by E 1/|v|, v a weight,
 * because v r has that much more density at zero than r.
 *
 * The residuals r of a cluster become (1 - H)^-1 r, H its block of the hat matrix: what they would
 * be in a fit without the cluster, to first order (the jackknife's correction).
 */
#include "fitting/fit.h"

#include <math.h>
#include <string.h>

#include "fitting/factors.h"

#define MOST SC_FIT_MOST_PARAMETERS

/* Whether the median of |residual| is above delta. */
static int mostly_beyond(const sc_fit_table *t, double delta)
{
    ptrdiff_t beyond = 0;
    double below = 0, above = HUGE_VAL; /* the largest that is not, the smallest that is */
    for (ptrdiff_t i = 0; i < t->runs; i++) {
        const double size = fabs(t->residual[i]);
        beyond += size > delta;
        if (size > delta)
            above = fmin(above, size);
        else
            below = fmax(below, size);
    }
    return 2 * beyond == t->runs ? 0.5 * (below + above) > delta : 2 * beyond > t->runs;
}

/* An orthonormal basis [direction][run] of what the columns of table->jacobian span, in their
   place; returns how many. */
static int basis_of(const sc_fit_table *t)
{
    const int columns = t->row->values;
    double R[MOST][MOST], values[MOST], largest = 0;
    int kept[MOST], count = 0;
    for (int j = 0; t->weight && j < columns; j++)
        for (ptrdiff_t i = 0; i < t->runs; i++)
            t->jacobian[j * t->runs + i] *= sqrt(t->weight[i]);
    sc_factorise(t->jacobian, t->runs, columns, R);
    sc_singular_values(columns, R, values, NULL); /* R becomes U diag(values) */
    for (int j = 0; j < columns; j++)
        largest = fmax(largest, values[j]);
    for (int j = 0; j < columns; j++)
        if (values[j] > SC_FIT_UNSEEN * largest)
            kept[count++] = j;
    for (ptrdiff_t i = 0; i < t->runs; i++) {
        double row[MOST];
        for (int k = 0; k < count; k++) {
            row[k] = 0;
            for (int j = 0; j < columns; j++)
                row[k] += t->jacobian[j * t->runs + i] * R[j][kept[k]] / values[kept[k]];
        }
        for (int k = 0; k < count; k++)
            t->jacobian[k * t->runs + i] = row[k];
    }
    return count;
}

/* (1 - U U')^-1 r = r + U (1 - U'U)^-1 U'r for the runs of one cluster. */
static void without_own_pull(const sc_fit_table *t, ptrdiff_t first, int directions)
{
    double gram[MOST][MOST] = {{0}}, turn[MOST][MOST], share[MOST], seen[MOST] = {0}, back[MOST];
    const double *const U = t->jacobian;
    for (ptrdiff_t i = first; i >= 0; i = t->next[i])
        for (int j = 0; j < directions; j++) {
            seen[j] += U[j * t->runs + i] * t->residual[i];
            for (int k = 0; k < directions; k++)
                gram[j][k] += U[j * t->runs + i] * U[k * t->runs + i];
        }
    sc_singular_values(directions, gram, share, turn);
    memset(back, 0, sizeof back);
    for (int k = 0; k < directions; k++) {
        double along = 0;
        for (int j = 0; j < directions; j++)
            along += turn[j][k] * seen[j];
        along /= fmax(1 - share[k], SC_FIT_LEAST_LEFT);
        for (int j = 0; j < directions; j++)
            back[j] += turn[j][k] * along;
    }
    for (ptrdiff_t i = first; i >= 0; i = t->next[i])
        for (int j = 0; j < directions; j++)
            t->residual[i] += U[j * t->runs + i] * back[j];
}

static void each_without_own_pull(const sc_fit_table *t, int directions)
{
    if (!t->cluster) {
        for (ptrdiff_t i = 0; i < t->runs; i++) {
            double share = 0;
            for (int j = 0; j < directions; j++)
                share += t->jacobian[j * t->runs + i] * t->jacobian[j * t->runs + i];
            t->residual[i] /= fmax(1 - share, SC_FIT_LEAST_LEFT);
        }
        return;
    }
    for (ptrdiff_t c = 0; c < t->clusters; c++)
        t->head[c] = -1;
    for (ptrdiff_t i = t->runs - 1; i >= 0; i--) { /* in the order of the runs */
        t->next[i] = t->head[t->cluster[i]];
        t->head[t->cluster[i]] = i;
    }
    for (ptrdiff_t c = 0; c < t->clusters; c++)
        without_own_pull(t, t->head[c], directions);
}

int sc_fit_wild(const sc_engine *engine, sc_fit_table *t, const double *theta)
{
    double smooth[MOST], objective, gradient;
    int32_t passes;
    const int logs = t->loss != SC_LOSS_SQUARED;
    memcpy(smooth, theta, (size_t)t->row->values * sizeof(double));
    if (isfinite(t->delta)) {
        const sc_fit_problem squares = sc_fit_problem_of(t, HUGE_VAL);
        const sc_fit_results out = {smooth, &objective, &gradient, &passes};
        const int stop =
            sc_fit_jobs(engine, &squares, 0, 1, theta, 1, &out, t->solver, t->keep_going, t->state);
        if (stop)
            return SC_STOPPED;
    }
    const sc_fit_problem p = sc_fit_problem_of(t, t->delta);
    engine->fit_values(&p.runs, smooth, t->value, NULL);
    for (ptrdiff_t i = 0; i < t->runs; i++)
        t->residual[i] = t->target[i] - (logs ? log(t->value[i]) : t->value[i]);
    const double factor = mostly_beyond(t, t->delta) ? SC_FIT_INVERSE_WEBB : 1;
    sc_fit_jacobian(engine, t, theta);
    for (ptrdiff_t i = 0; i < t->runs; i++) {
        t->fitted[i] = logs ? log(t->value[i]) : t->value[i];
        t->residual[i] *= factor * (t->weight ? sqrt(t->weight[i]) : 1);
    }
    each_without_own_pull(t, basis_of(t));
    for (ptrdiff_t i = 0; t->weight && i < t->runs; i++)
        t->residual[i] /= sqrt(t->weight[i]);
    return SC_OK;
}
