/* Where fits begin: variable projection over a grid of exponents that the runs themselves span.
 *
 * With the exponents given, the offset and the terms of E + e^(a - alpha n) + e^(b - beta m) are
 * linear. For every pair of exponents on the grid the best non-negative ones are those of a small
 * least-squares problem in relative error,
 *
 *     min sum_i (1 - (x_0 + x_1 e^(-alpha n_i) + x_2 e^(-beta m_i)) / L_i)^2,
 *
 * whose sums over runs are collected for the whole grid in one pass. The grid's exponents are those
 * for which a term falls by a given logarithm over the range of the runs, so that the starts depend
 * on the table alone. Their steps are whole multiples of the smallest one: a run's powers are
 * products of one exponential.
 */
#include "fitting/starts.h"

#include <math.h>

#define GRID 5
#define PAIRS (GRID * GRID)
#define LEAST_FALL 0.2   /* multiples 1, 3, 6, 12, 25: a term falls by 0.2, 0.6, 1.2, 2.4, 5 */
#define LEAST_RANGE 1e-3 /* of the logarithms: where all runs are alike, exponents stay finite */
#define FARTHEST 150.0   /* log losses beyond would make squares infinite, and no start better */
#define LEAST_SHARE 1e-3 /* of the loss: a start must be able to move away from nothing */
#define RIDGE 1e-12

static const double multiples[GRID] = {1.0, 3.0, 6.0, 12.0, 25.0};

typedef struct grid_sums { /* over runs, of products of the columns 1/L, x_i/L, z_j/L and 1 */
    double offset, offset_alone;
    double first[GRID], first_alone[GRID], first_offset[GRID];
    double second[GRID], second_alone[GRID], second_offset[GRID];
    double both[GRID][GRID];
} grid_sums;

typedef struct candidate {
    double cost, share[3]; /* of E and the two terms, at the centre */
    int first, second;     /* which exponents */
} candidate;

static double range_of(const double *x, ptrdiff_t count)
{
    double low = HUGE_VAL, high = -HUGE_VAL;
    for (ptrdiff_t i = 0; i < count; i++) {
        low = fmin(low, x[i]);
        high = fmax(high, x[i]);
    }
    return fmax(high - low, LEAST_RANGE);
}

static void powers(double log, double range, double scale, double *out)
{
    const double base = exp(-LEAST_FALL / range * log), cube = base * base * base;
    const double sixth = cube * cube, twelfth = sixth * sixth;
    out[0] = scale * base;
    out[1] = scale * cube;
    out[2] = scale * sixth;
    out[3] = scale * twelfth;
    out[4] = scale * twelfth * twelfth * base;
}

static void collect(const sc_fit_runs *runs, double range_n, double range_m, grid_sums *s)
{
    *s = (grid_sums){0};
    for (ptrdiff_t k = 0; k < runs->count; k++) {
        const double y = runs->residual == SC_RESIDUAL_OF_LOSS ? log(runs->y[k]) : runs->y[k];
        const double inverse = exp(-fmin(fmax(y, -FARTHEST), FARTHEST));
        double x[GRID], z[GRID];
        powers(runs->n[k], range_n, inverse, x);
        powers(runs->m[k], range_m, inverse, z);
        s->offset += inverse * inverse;
        s->offset_alone += inverse;
        for (int i = 0; i < GRID; i++) {
            s->first[i] += x[i] * x[i];
            s->first_alone[i] += x[i];
            s->first_offset[i] += x[i] * inverse;
            s->second[i] += z[i] * z[i];
            s->second_alone[i] += z[i];
            s->second_offset[i] += z[i] * inverse;
            for (int j = 0; j < GRID; j++)
                s->both[i][j] += x[i] * z[j];
        }
    }
}

/* x of G x = r over the columns in `support` (by L D L'), 0 elsewhere; 0 where one is negative. */
static int solve_on(const double G[3][3], const double *r, int size, int support, double *x)
{
    double L[3][3], pivot[3];
    int rows[3], n = 0;
    for (int i = 0; i < size; i++) {
        x[i] = 0;
        if (support >> i & 1)
            rows[n++] = i;
    }
    double ridge = 0;
    for (int i = 0; i < size; i++)
        ridge += RIDGE * G[i][i];
    for (int i = 0; i < n; i++) {
        double rest = r[rows[i]];
        for (int j = 0; j <= i; j++) {
            double g = G[rows[i]][rows[j]] + (i == j ? ridge : 0.0);
            for (int k = 0; k < j; k++)
                g -= L[i][k] * L[j][k] * pivot[k];
            if (i == j)
                pivot[i] = g;
            else
                L[i][j] = g / pivot[j];
        }
        for (int j = 0; j < i; j++)
            rest -= L[i][j] * x[rows[j]];
        x[rows[i]] = rest;
    }
    for (int i = n - 1; i >= 0; i--) {
        double value = x[rows[i]] / pivot[i];
        for (int k = i + 1; k < n; k++)
            value -= L[k][i] * x[rows[k]];
        if (!(value >= 0))
            return 0;
        x[rows[i]] = value;
    }
    return 1;
}

/* Minimise x' G x / 2 - r' x over x >= 0 by trying every support. */
static void nonnegative_least_squares(const double G[3][3], const double *r, int size,
                                      candidate *best)
{
    for (int support = 1; support < 1 << size; support++) {
        double x[3], cost = 0;
        if (!solve_on(G, r, size, support, x))
            continue;
        for (int i = 0; i < size; i++)
            cost -= 0.5 * x[i] * r[i];
        if (cost < best->cost) {
            best->cost = cost;
            for (int i = 0; i < size; i++)
                best->share[i] = x[i];
        }
    }
}

/* Put a candidate where it belongs among the `count` best so far; equals stay in order. */
static int insert(candidate *best, int count, const candidate *c)
{
    int at = count < SC_FIT_STARTS ? count : SC_FIT_STARTS;
    while (at > 0 && c->cost < best[at - 1].cost) {
        if (at < SC_FIT_STARTS)
            best[at] = best[at - 1];
        at--;
    }
    if (at < SC_FIT_STARTS)
        best[at] = *c;
    return count < SC_FIT_STARTS ? count + 1 : count;
}

static int best_candidates(const grid_sums *s, int two, candidate *best)
{
    int count = 0;
    for (int i = 0; i < GRID; i++)
        for (int j = 0; j < (two ? GRID : 1); j++) {
            candidate c = {0, {0, 0, 0}, i, j};
            const double G[3][3] = {{s->offset, s->first_offset[i], s->second_offset[j]},
                                    {s->first_offset[i], s->first[i], s->both[i][j]},
                                    {s->second_offset[j], s->both[i][j], s->second[j]}};
            const double r[3] = {s->offset_alone, s->first_alone[i], s->second_alone[j]};
            nonnegative_least_squares(G, r, two ? 3 : 2, &c);
            count = insert(best, count, &c);
        }
    return count;
}

/* The couplings that starts of the coupled form are given: first the additive form's, then sharper
   and softer ones. */
static const struct {
    int sum;
    double coupling;
} coupled_starts[SC_FIT_STARTS] = {{0, 1.0},  {0, 0.35}, {0, 2.0},  {1, 1.0},
                                   {1, 0.35}, {2, 1.0},  {2, 0.35}, {3, 1.0}};

int sc_fit_starts(const sc_fit_runs *runs, double *starts)
{
    const int two = runs->form != SC_FORM_COMPUTE;
    const double range_n = range_of(runs->n, runs->count);
    const double range_m = two ? range_of(runs->m, runs->count) : 1.0;
    sc_fit_runs seen = *runs;
    grid_sums s;
    candidate best[SC_FIT_STARTS];
    if (!two)
        seen.m = runs->n;
    collect(&seen, range_n, two ? range_m : range_n, &s);
    const int found = best_candidates(&s, two, best);
    const int count = runs->form == SC_FORM_COUPLED ? SC_FIT_STARTS : found;
    for (int k = 0; k < count; k++) {
        const int coupled = runs->form == SC_FORM_COUPLED;
        const candidate *c = &best[coupled ? coupled_starts[k].sum : k];
        double *theta = starts + k * runs->parameters;
        const double alpha = LEAST_FALL * multiples[c->first] / range_n;
        const double beta = LEAST_FALL * multiples[c->second] / range_m;
        const double a = log(fmax(c->share[1], LEAST_SHARE));
        const double b = log(fmax(c->share[2], LEAST_SHARE));
        theta[0] = fmax(c->share[0], LEAST_SHARE);
        theta[1] = a;
        switch (runs->form) {
        case SC_FORM_TIED:
            theta[2] = b;
            theta[3] = sqrt(alpha * beta);
            break;
        case SC_FORM_COMPUTE: theta[2] = alpha; break;
        case SC_FORM_KAPLAN:
            theta[2] = alpha;
            theta[3] = b;
            theta[4] = log(beta);
            break;
        default:
            theta[2] = alpha;
            theta[3] = b;
            theta[4] = beta;
            if (coupled)
                theta[5] = log(coupled_starts[k].coupling);
        }
    }
    return count;
}
