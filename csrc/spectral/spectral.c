/* The spectral bound at points: the least over all strategies. */
#include "engine/engine.h"
#include "spectral/atoms_at_points.h"
#include "spectral/sticks_at_points.h"

#define POINTS ATOM_BATCH /* points of a block, whose atoms are solved together */

/* The last row whose units a width n has. */
static ptrdiff_t widest_row(const sc_strategies *s, double n)
{
    ptrdiff_t low = 0, size = s->rows;
    /* no branch but that of the loop, which depends on the number of rows only */
    while (size > 1) {
        const ptrdiff_t half = size / 2;
        low = s->units[low + half] <= n ? low + half : low;
        size -= half;
    }
    return low;
}

typedef struct point_block {
    const sc_strategies *s;
    stick_law sticks;
    int with, count;
    const double *n, *T, *K;
    SC_ALIGNED double log_quarter[POINTS]; /* ln(T/4) */
    ptrdiff_t widest[POINTS];              /* rows */
    sc_spectral_terms *best;
} point_block;

/* A pack of a column of the block; lanes beyond its end repeat the first point. */
SC_INLINE real pack_of(const point_block *p, const double *column, int first)
{
    if (first + SC_LANES <= p->count)
        return r_load(column + first);
    double lane[SC_LANES];
    for (int j = 0; j < SC_LANES; j++)
        lane[j] = column[first + j < p->count ? first + j : 0];
    return r_load(lane);
}

/* The widest row alone, sent with noise, what the others must be better than. */
static void widest_rows(point_block *p)
{
    for (int i = 0; i < p->count; i += SC_LANES)
        r_store(p->log_quarter + i, sc_log(pack_of(p, p->T, i) * r_set(0.25)));
    for (int i = 0; i < p->count; i++)
        p->widest[i] = widest_row(p->s, p->n[i]);
    for (int i = 0; i < p->count; i++)
        p->best[i] =
            fixed_alone(p->s, p->with & ~SC_WITH_MIXTURE, p->widest[i], p->T[i], p->log_quarter[i]);
}

static void quadratic_forms(point_block *p)
{
    for (int i = 0; i < p->count; i += SC_LANES) {
        const int last = i + SC_LANES < p->count ? i + SC_LANES : p->count;
        const quadratic_cost cost =
            cost_of_quadratic(p->s, p->with, pack_of(p, p->T, i), r_load(p->log_quarter + i));
        for (int j = i; j < last; j++)
            if (has_quadratic(p->s, p->n[j]))
                take_quadratic(p->s, &cost, j - i, &p->best[j]);
    }
}

static void sticks_at_points(const point_block *p)
{
    stick_concentrations concentrations;
    stick_block sticks;
    sticks.s = p->s;
    sticks.with = p->with;
    sticks.points = sticks.offers = 0;
    for (int i = 0; i < ATOM_BATCH; i++)
        sticks.point[i].law = p->sticks;
    for (ptrdiff_t from = 0; from < p->s->atom_rows; from += ATOM_ROWS) {
        for (int i = 0; i < p->count; i++) {
            if (i % SC_LANES == 0)
                find_concentrations(pack_of(p, p->K, i), &concentrations);
            if (is_full(&sticks))
                take_offers(&sticks);
            offer_at_point(&sticks, from, p->n[i], p->T[i], p->log_quarter[i], &concentrations,
                           i % SC_LANES, &p->best[i]);
        }
        take_offers(&sticks);
    }
}

/* Compare a row alone with the best so far, unless a lower bound on it is not below that. */
static void try_fixed_alone(const point_block *p, int i, ptrdiff_t row)
{
    const double T = p->T[i];
    if (least_price(floors_at(p->s, p->with, T), row, T, 1 / T) + p->s->residual[row] * 0.125
        >= p->best[i].error)
        return;
    const sc_spectral_terms terms = fixed_alone(p->s, p->with, row, T, p->log_quarter[i]);
    keep_better(&terms, &p->best[i]);
}

static void without_atoms(point_block *p)
{
    /* A mixture costs no more than noise, whose cost is read from the table: often sticks are below
       that, and the row alone is never computed. */
    const int mixture = (p->with & SC_WITH_MIXTURE) != 0;
    widest_rows(p);
    for (int i = 0; i < p->count; i++) {
        if (mixture)
            p->best[i].error *= 1 + 1e-12; /* so that the mixture is below it whatever is rounded */
        /* rows 1 and 2 are the one pair of which neither has the larger eigenvalues: two units may
           do worse than one */
        if (p->widest[i] == 2)
            try_fixed_alone(p, i, 1);
    }
    if (p->with & SC_WITH_QUADRATIC && p->s->d >= 2)
        quadratic_forms(p);
    if (p->with & (SC_WITH_STICKS | SC_WITH_POLAR))
        sticks_at_points(p);
    if (mixture)
        for (int i = 0; i < p->count; i++)
            try_fixed_alone(p, i, p->widest[i]);
}

static void with_atoms(point_block *p)
{
    atom_points q;
    q.s = p->s;
    q.with = p->with;
    q.count = p->count;
    q.T = p->T;
    q.K = p->K;
    q.log_quarter = p->log_quarter;
    q.best = p->best;
    for (int i = 0; i < p->count; i++)
        q.most[i] = p->n[i] < WHOLE_ANYHOW ? floor(p->n[i]) : p->n[i];
    atoms_at_points(&q);
}

/* The kernels took LEAST_K for a smaller K. With the true K, atoms alone may cost less than
   everything that was tried. */
static void least_K_was_too_large(const point_block *p, int i)
{
    sc_spectral_terms *const best = &p->best[i];
    const double n = floor(p->n[i]), T = p->T[i], d = p->s->d, K = p->K[i];
    const double error = SC_KERNEL(sc_point_error_bound)(n, T, d, K);
    if (error < best->error) {
        const double eps = SC_KERNEL(sc_point_optimal_resolution)(n, T, d, K);
        const double list = SC_KERNEL(sc_point_estimation_bound)(n, T, d, K);
        *best = (sc_spectral_terms){.error = error,
                                    .list = list,
                                    .residual = K * 0.0625 / n,
                                    .resolution_loss = eps * eps * 0.0625,
                                    .atoms = n,
                                    .resolution = eps,
                                    .strategy = SC_ATOMS_TOO};
    }
}

void SC_KERNEL(sc_spectral_points)(const sc_strategies *s, int with, ptrdiff_t count,
                                   const double *n, const double *T, const double *K,
                                   sc_spectral_terms *out)
{
    point_block p;
    p.s = s;
    p.with = with;
    p.sticks = stick_law_in(s->d);
    for (ptrdiff_t first = 0; first < count; first += POINTS) {
        p.count = count - first < POINTS ? (int)(count - first) : POINTS;
        p.n = n + first;
        p.T = T + first;
        p.K = K + first;
        p.best = out + first;
        without_atoms(&p);
        if (!(with & SC_WITH_ATOMS))
            continue;
        with_atoms(&p);
        for (int i = 0; i < p.count; i++)
            if (p.K[i] < LEAST_K)
                least_K_was_too_large(&p, i);
    }
}

double SC_KERNEL(sc_spectral_price)(const sc_strategies *s, int with, ptrdiff_t row, double T)
{
    const sc_price price = price_of(s, with, row, T, log(T * 0.25));
    return (price.coefficients + price.distortion) * T;
}
