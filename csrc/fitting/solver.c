/* Many minimisations side by side.
 *
 * Every lane of a pack is one minimisation, with its own weights, targets and parameters: a
 * Levenberg-Marquardt iteration on the exact Hessian (Newton's where the law is ours, Gauss and
 * Newton's where it is the caller's), inside a box. A lane that has finished takes the next job
 * while the others go on. Huber's delta falls from 1 to the one asked for by tens: the first
 * problem is least squares, each answer is the start of the next, and no lane is asked to find its
 * way among absolute values from afar.
 *
 * Only the sums over runs are done in packs. What a lane decides is scalar C, and depends on
 * nothing but its own sums.
 */
#include "fitting/solver.h"

#include <math.h>
#include <string.h>

#include "fitting/laws.h"
#include "special/philox.h"

#define MOST SC_FIT_MOST_PARAMETERS
#define LOOSE 1e-3     /* scaled gradient that ends an intermediate delta */
#define ROUNDING 2e-15 /* relative rounding error of a residual: a smaller gradient is 0 */
#define SMALLEST_PULL 1e-290
/* mean square of a column of J below which the runs do not determine the parameter */
#define SMALLEST_COLUMN 1e-16

typedef struct lane {
    int busy, fresh; /* fresh: the next sums are the first at theta under this delta */
    ptrdiff_t job;
    double theta[MOST], trial[MOST];
    double objective, gradient[MOST], hessian[SC_FIT_PACKED], columns[MOST], measure;
    double damping, growth, delta, predicted;
    int passes, stalled;
} lane;

typedef struct workspace {
    int lanes;
    lane *lane;
    double *theta, *delta, *weights, *targets, *values, *gradients;
    sc_fit_sums *sums;
} workspace;

static size_t rounded(size_t bytes) { return (bytes + 63) / 64 * 64; }

static size_t lay_out(const sc_engine *engine, const sc_fit_problem *p, char *space, workspace *w)
{
    const size_t lanes = (size_t)engine->fit_lanes(), runs = (size_t)p->runs.count,
                 each = lanes * sizeof(double);
    const int foreign = p->runs.form == SC_FORM_FOREIGN, wild = p->resampling == SC_RESAMPLE_WILD;
    const size_t parts[8] = {lanes * sizeof(lane),
                             MOST * each,
                             each,
                             runs * each,
                             wild ? runs * each : 0,
                             foreign ? SC_FIT_BLOCK * each : 0,
                             foreign ? SC_FIT_BLOCK * (size_t)p->runs.parameters * each : 0,
                             sizeof(sc_fit_sums)};
    size_t at[8], total = 0;
    for (int i = 0; i < 8; i++) {
        at[i] = total;
        total += rounded(parts[i]);
    }
    if (w) {
        w->lanes = (int)lanes;
        w->lane = (lane *)(space + at[0]);
        w->theta = (double *)(space + at[1]);
        w->delta = (double *)(space + at[2]);
        w->weights = (double *)(space + at[3]);
        w->targets = wild ? (double *)(space + at[4]) : NULL;
        w->values = (double *)(space + at[5]);
        w->gradients = (double *)(space + at[6]);
        w->sums = (sc_fit_sums *)(space + at[7]);
    }
    return total;
}

static char *aligned(void *space) { return (char *)(((uintptr_t)space + 63) / 64 * 64); }

size_t sc_fit_space(const sc_engine *engine, const sc_fit_problem *problem)
{
    return lay_out(engine, problem, NULL, NULL) + 64;
}

/* ---- resampling ------------------------------------------------------------------------------ */

static double webb(double uniform)
{
    static const double points[6] = {-1.224744871391589, -1.0, -0.7071067811865476,
                                     0.7071067811865476, 1.0,  1.224744871391589};
    return points[(int)(uniform * 6.0)];
}

typedef struct uniforms { /* the numbers of one job's stream, in order */
    const sc_engine *engine;
    uint64_t key, job, group;
    int used;
    double number[SC_GROUP];
} uniforms;

static double next_uniform(uniforms *u)
{
    if (u->used == SC_GROUP) {
        u->engine->numbers(SC_UNIFORM, u->key, u->job, SC_FOR_RESAMPLES, u->group++, 1, u->number);
        u->used = 0;
    }
    return u->number[u->used++];
}

void sc_fit_resample(const sc_engine *engine, const sc_fit_problem *p, uint64_t job,
                     double *weights, double *targets, ptrdiff_t stride)
{
    const ptrdiff_t runs = p->runs.count;
    uniforms u = {engine, p->key, job, 0, SC_GROUP, {0}};
    for (ptrdiff_t i = 0; i < runs; i++)
        weights[i * stride] = p->resampling == SC_RESAMPLE_PAIRS ? 0.0
                              : p->weight                        ? p->weight[i]
                                                                 : 1.0;
    if (p->resampling == SC_RESAMPLE_LEAVE_OUT)
        for (ptrdiff_t i = 0; i < runs; i++)
            if ((uint64_t)(p->cluster ? p->cluster[i] : i) == job)
                weights[i * stride] = 0.0;
    if (p->resampling == SC_RESAMPLE_NOT || p->resampling == SC_RESAMPLE_LEAVE_OUT)
        return;
    /* The clusters' draws stand where their first runs' weights or targets will be: runs are sorted
       by cluster's first appearance in `cluster`, so a cluster's number is at most its runs'
       numbers, and going backwards reads a draw before it is written over. */
    double *draw = p->resampling == SC_RESAMPLE_PAIRS ? weights : targets;
    if (p->resampling == SC_RESAMPLE_PAIRS)
        for (ptrdiff_t c = 0; c < p->clusters; c++)
            draw[(ptrdiff_t)(next_uniform(&u) * (double)p->clusters) * stride] += 1.0;
    else
        for (ptrdiff_t c = 0; c < p->clusters; c++)
            draw[c * stride] = webb(next_uniform(&u));
    for (ptrdiff_t i = runs - 1; i >= 0; i--) {
        const double v = draw[(p->cluster ? p->cluster[i] : i) * stride];
        if (p->resampling == SC_RESAMPLE_PAIRS)
            weights[i * stride] = p->weight ? v * p->weight[i] : v;
        else
            targets[i * stride] = p->fitted[i] + p->residual[i] * v;
    }
}

/* ---- a lane's decisions ---------------------------------------------------------------------- */

static int held(const sc_fit_problem *p, const double *theta, const double *gradient, int i)
{
    return p->low[i] >= p->high[i] || (theta[i] <= p->low[i] && gradient[i] > 0)
           || (theta[i] >= p->high[i] && gradient[i] < 0);
}

/* The largest cosine between the pulls psi of the runs and a column of J, rounding errors taken
   off: zero at an optimum, whatever the units, and where the law goes through every run. */
static double scaled_gradient(const sc_fit_problem *p, const double *theta, const sc_fit_sums *s,
                              int l)
{
    double worst = 0;
    const double pull = fmax(s->squared_pull[l], SMALLEST_PULL);
    for (int i = 0; i < p->runs.parameters; i++) {
        double gradient[MOST];
        gradient[i] = s->gradient[i][l];
        if (held(p, theta, gradient, i))
            continue;
        const double column = fmax(s->squared_columns[i][l], SMALLEST_COLUMN * s->weight[l]);
        const double beyond = fmax(fabs(gradient[i]) - ROUNDING * sqrt(column * s->weight[l]), 0.0);
        const double cosine = isfinite(gradient[i]) ? beyond / sqrt(pull * column) : HUGE_VAL;
        if (!(cosine <= worst))
            worst = cosine;
    }
    return worst;
}

static void accept(const sc_fit_problem *p, lane *a, const sc_fit_sums *s, int l, double measure)
{
    const int n = p->runs.parameters;
    memcpy(a->theta, a->trial, sizeof a->theta);
    a->objective = s->objective[l];
    a->measure = measure;
    for (int i = 0; i < n; i++) {
        a->gradient[i] = s->gradient[i][l];
        a->columns[i] = fmax(s->squared_columns[i][l], SMALLEST_COLUMN * s->weight[l]);
    }
    for (int i = 0; i < SC_PACKED(n, 0); i++)
        a->hessian[i] = s->hessian[i][l];
}

/* step = -(H + damping D)^-1 g over what is free, by L D L'; 0 where that is not positive
   definite */
static int solve(const sc_fit_problem *p, const lane *a, double *step)
{
    const int n = p->runs.parameters;
    double L[SC_FIT_PACKED], pivot[MOST];
    int free_[MOST];
    for (int i = 0; i < n; i++)
        free_[i] = !held(p, a->theta, a->gradient, i);
    for (int i = 0; i < n; i++) {
        const double own = a->hessian[SC_PACKED(i, i)] + a->damping * a->columns[i];
        double diagonal = free_[i] ? own : 1.0;
        for (int j = 0; j < i; j++) {
            double x = free_[i] && free_[j] ? a->hessian[SC_PACKED(i, j)] : 0.0;
            for (int k = 0; k < j; k++)
                x -= L[SC_PACKED(i, k)] * L[SC_PACKED(j, k)] * pivot[k];
            L[SC_PACKED(i, j)] = x / pivot[j];
            diagonal -= x * L[SC_PACKED(i, j)];
        }
        if (!(diagonal > 1e-15 * fabs(own) && diagonal > 1e-14 * a->damping * a->columns[i]
              && diagonal > 0))
            return 0;
        pivot[i] = diagonal;
    }
    for (int i = 0; i < n; i++) {
        double x = free_[i] ? -a->gradient[i] : 0.0;
        for (int j = 0; j < i; j++)
            x -= L[SC_PACKED(i, j)] * step[j];
        step[i] = x;
    }
    for (int i = n - 1; i >= 0; i--) {
        double x = step[i] / pivot[i];
        for (int j = i + 1; j < n; j++)
            x -= L[SC_PACKED(j, i)] * step[j];
        step[i] = x;
    }
    return 1;
}

/* The next point to look at: a damped step, cut to the box. 0 where no damping gives one that
   should go down. */
static int propose(const sc_fit_problem *p, lane *a)
{
    const int n = p->runs.parameters;
    for (int tries = 0; tries < 60; tries++) {
        double step[MOST], slope = 0, bend = 0;
        if (solve(p, a, step)) {
            for (int i = 0; i < n; i++) {
                a->trial[i] = fmin(fmax(a->theta[i] + step[i], p->low[i]), p->high[i]);
                step[i] = a->trial[i] - a->theta[i];
            }
            for (int i = 0; i < n; i++) {
                slope += a->gradient[i] * step[i];
                bend += a->hessian[SC_PACKED(i, i)] * step[i] * step[i];
                for (int j = 0; j < i; j++)
                    bend += 2 * a->hessian[SC_PACKED(i, j)] * step[i] * step[j];
            }
            a->predicted = -(slope + 0.5 * bend);
            if (a->predicted > 0)
                return 1;
        }
        a->damping = fmax(a->damping * 10, 1e-6);
    }
    return 0;
}

/* Decide a lane's next step from the sums of a pass; returns 1 when its minimisation is over. */
static int advance(const sc_fit_problem *p, lane *a, const sc_fit_sums *s, int l)
{
    const double objective = s->objective[l], measure = scaled_gradient(p, a->trial, s, l);
    a->passes++;
    if (a->fresh) {
        accept(p, a, s, l, measure);
        a->fresh = a->stalled = 0;
    } else {
        const double noise = 4e-16 * fabs(a->objective), gain = a->objective - objective;
        const int equal = fabs(gain) <= noise && a->predicted <= 16 * noise;
        if (gain > 0 || (equal && measure < a->measure)) {
            const double ratio = equal ? 1.0 : gain / a->predicted, x = 2 * ratio - 1;
            a->damping *= fmin(fmax(0.1, 1 - x * x * x), 2.0);
            a->growth = 2;
            accept(p, a, s, l, measure);
            a->stalled = equal ? a->stalled + 1 : 0;
        } else {
            a->damping = fmax(a->damping * a->growth, 1e-9);
            a->growth *= 2;
            a->stalled += equal;
        }
    }
    const int last = a->delta <= p->delta;
    const int over = a->measure <= (last ? p->goal : fmax(LOOSE, p->goal)) || a->stalled >= 3
                     || a->damping > 1e30 || !isfinite(a->objective) || a->passes >= p->most_passes;
    if (!over && propose(p, a))
        return 0;
    if (last || a->passes >= p->most_passes || !isfinite(a->objective))
        return 1;
    a->delta = fmax(a->delta / 10, p->delta);
    if (a->delta < 3 * p->delta)
        a->delta = p->delta;
    memcpy(a->trial, a->theta, sizeof a->trial);
    a->fresh = 1;
    a->damping = fmin(a->damping, 1e-2);
    a->growth = 2;
    return 0;
}

/* ---- the loop -------------------------------------------------------------------------------- */

static int look(const sc_engine *engine, const sc_fit_problem *p, const workspace *w)
{
    if (p->runs.form != SC_FORM_FOREIGN) {
        engine->fit_sum(&p->runs, w->theta, w->delta, w->weights, w->targets, w->sums);
        return 0;
    }
    for (ptrdiff_t first = 0; first < p->runs.count; first += SC_FIT_BLOCK) {
        const ptrdiff_t remaining = p->runs.count - first,
                        block = remaining < SC_FIT_BLOCK ? remaining : SC_FIT_BLOCK;
        const int stop =
            p->evaluate(p->state, w->theta, w->lanes, first, block, w->values, w->gradients);
        if (stop)
            return stop;
        engine->fit_add(&p->runs, first, block, w->values, w->gradients, w->delta, w->weights,
                        w->targets, w->sums);
    }
    return 0;
}

static void begin(const sc_engine *engine, const sc_fit_problem *p, const workspace *w, int l,
                  ptrdiff_t job, uint64_t number, const double *start)
{
    const double first = p->first_deltas ? p->first_deltas[job] : p->first_delta;
    lane *a = &w->lane[l];
    memset(a, 0, sizeof *a);
    a->busy = a->fresh = 1;
    a->job = job;
    a->growth = 2;
    a->damping = 1e-3;
    a->delta = fmax(first, p->delta);
    for (int i = 0; i < p->runs.parameters; i++)
        a->trial[i] = fmin(fmax(start[i], p->low[i]), p->high[i]);
    sc_fit_resample(engine, p, number, w->weights + l, w->targets ? w->targets + l : NULL,
                    w->lanes);
}

static void show(const sc_fit_problem *p, const workspace *w, int l)
{
    w->delta[l] = w->lane[l].delta;
    for (int i = 0; i < p->runs.parameters; i++)
        w->theta[i * w->lanes + l] = w->lane[l].trial[i];
}

int sc_fit_jobs(const sc_engine *engine, const sc_fit_problem *p, uint64_t first, ptrdiff_t count,
                const double *starts, int one_start, const sc_fit_results *out, void *space,
                sc_keep_going keep_going, void *watch)
{
    const int n = p->runs.parameters;
    workspace w;
    ptrdiff_t next = 0, busy = 0;
    lay_out(engine, p, aligned(space), &w);
    for (int l = 0; l < w.lanes; l++) {
        /* lanes without a job of their own compute the first job; their results are not read */
        const ptrdiff_t job = next < count ? next : 0;
        begin(engine, p, &w, l, job, first + (uint64_t)job, starts + (one_start ? 0 : job * n));
        w.lane[l].busy = next < count;
        busy += next < count;
        next += next < count;
        show(p, &w, l);
    }
    while (busy) {
        const int stop = keep_going && !keep_going(watch) ? SC_STOPPED : look(engine, p, &w);
        if (stop)
            return stop;
        for (int l = 0; l < w.lanes; l++) {
            lane *a = &w.lane[l];
            if (!a->busy)
                continue;
            if (advance(p, a, w.sums, l)) {
                memcpy(out->theta + a->job * n, a->theta, (size_t)n * sizeof(double));
                out->objective[a->job] = a->objective;
                out->scaled_gradient[a->job] = a->measure;
                out->passes[a->job] = a->passes;
                if (next < count) {
                    begin(engine, p, &w, l, next, first + (uint64_t)next,
                          starts + (one_start ? 0 : next * n));
                    next++;
                } else {
                    a->busy = 0;
                    busy--;
                }
            }
            show(p, &w, l);
        }
    }
    return 0;
}

int sc_fit_look(const sc_engine *engine, const sc_fit_problem *p, const double *theta,
                sc_fit_sums *out, void *space)
{
    workspace w;
    sc_fit_problem plain = *p;
    plain.resampling = SC_RESAMPLE_NOT;
    lay_out(engine, &plain, aligned(space), &w);
    for (int l = 0; l < w.lanes; l++) {
        sc_fit_resample(engine, &plain, 0, w.weights + l, NULL, w.lanes);
        w.delta[l] = p->delta;
        for (int i = 0; i < p->runs.parameters; i++)
            w.theta[i * w.lanes + l] = theta[i];
    }
    const int stop = look(engine, &plain, &w);
    memcpy(out, w.sums, sizeof *out);
    return stop;
}
