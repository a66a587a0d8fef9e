/* The spectral bound at points: the least over all strategies. */
#include "spectral/atom_strategy.h"
#include "engine/engine.h"
#include "spectral/sticks_at_points.h"

#define POINTS 64 /* points of a block, whose atoms are solved together */

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

/* A row whose remaining units may draw atoms, and lower bounds on what its fixed part costs, and on
   what it costs with the atoms. */
typedef struct offer {
    ptrdiff_t row;
    double fixed, floor;
} offer;

/* rows of a point that are compared before they are solved; further rows are solved at once */
#define OFFERS 24

typedef struct point_block {
    const sc_strategies *s;
    int with, count;
    const double *n, *T, *K;
    /* see least_cost_of_atoms */
    SC_ALIGNED double log_quarter[POINTS], scale[POINTS], log_8_scale[POINTS];
    int offers[POINTS];
    offer offer[POINTS][OFFERS]; /* the one with the least lower bound comes first */
    /* beside that row: the best real number of atoms, its ln, what they cost; and `slope`: ln n_s
       changes by 1/slope for each 1 in the ln of the residual */
    double atoms[POINTS], log_atoms[POINTS], cost[POINTS], slope[POINTS];
    sc_spectral_terms *best;
} point_block;

static void find_logarithms(point_block *p, int first)
{
    double quarter[SC_LANES];
    for (int j = 0; j < SC_LANES; j++)
        quarter[j] = p->T[first + j < p->count ? first + j : first] * 0.25;
    r_store(p->log_quarter + first, sc_log(r_load(quarter)));
}

static void without_atoms(point_block *p, int i)
{
    const double n = p->n[i], T = p->T[i], log_quarter = p->log_quarter[i];
    const ptrdiff_t widest = widest_row(p->s, n);
    sc_spectral_terms *best = &p->best[i];
    *best = fixed_alone(p->s, p->with, widest, T, log_quarter);
    /* rows 1 and 2 are the one pair of which neither has the larger eigenvalues: two units may do
       worse than one */
    if (widest == 2) {
        const sc_spectral_terms one = fixed_alone(p->s, p->with, 1, T, log_quarter);
        keep_better(&one, best);
    }
    if (p->with & SC_WITH_QUADRATIC)
        quadratic_form(p->s, p->with, n, T, best);
    if (p->with & (SC_WITH_STICKS | SC_WITH_POLAR))
        sticks_at_point(p->s, p->with, n, T, p->K[i], log_quarter, best);
}

/* Leave out those that at a real number of atoms, the best, do no better than what is known. */
static void keep_those_that_may_win(const point_block *p, atom_batch *q)
{
    int kept = 0;
    for (int j = 0; j < q->count; j++) {
        const double T = q->samples[j],
                     least = least_price(floors_at(q->s, q->with, T), q->row[j], T, 1 / T),
                     of_atoms = q->misspecification[j] + q->loss[j] + q->list[j];
        if (!((least + of_atoms) * (1 - 1e-9) < p->best[q->owner[j]].error))
            continue;
        q->owner[kept] = q->owner[j];
        q->row[kept] = q->row[j];
        q->T_or_product[kept] = q->T_or_product[j];
        q->K[kept] = q->K[j];
        q->limit[kept] = q->limit[j];
        q->units[kept] = q->units[j];
        q->share[kept] = q->share[j];
        q->log_atoms[kept++] = q->log_atoms[j];
    }
    q->count = kept;
}

static void keep_first_root(point_block *p, const atom_batch *q, int j)
{
    const int i = q->owner[j];
    p->atoms[i] = q->atoms[j];
    p->log_atoms[i] = q->log_atoms[j];
    p->cost[i] = q->misspecification[j] + q->loss[j] + q->list[j];
    p->slope[i] = q->slope[j];
}

static void settle_and_take(point_block *p, atom_batch *q)
{
    double root[ATOM_BATCH];
    solve_atoms(q);
    for (int j = 0; j < q->count; j++)
        if (q->row[j] == p->offer[q->owner[j]][0].row)
            keep_first_root(p, q, j);
    keep_those_that_may_win(p, q);
    memcpy(root, q->log_atoms, sizeof root);
    for (int upper = 0; upper < 2; upper++) {
        evaluate_whole_atoms(q, root, upper);
        for (int j = 0; j < q->count; j++)
            take_if_better(q, j, &p->best[q->owner[j]]);
    }
    q->count = 0;
}

static void put_atoms_beside(point_block *p, int i, ptrdiff_t row, double guess, atom_batch *q)
{
    add_atoms(q, i, row, p->T[i], p->K[i], p->n[i] - p->s->units[row]);
    q->guess[q->count - 1] = guess;
    if (q->count == ATOM_BATCH)
        settle_and_take(p, q);
}

static void find_least(point_block *p)
{
    SC_ALIGNED double K[POINTS], T[POINTS], best[POINTS];
    const int packs = (p->count + SC_LANES - 1) / SC_LANES;
    for (int i = 0; i < packs * SC_LANES; i++) {
        const int from = i < p->count ? i : 0; /* lanes that are left over repeat the first point */
        K[i] = fmax(p->K[from], LEAST_K);
        T[i] = p->T[from];
        best[i] = p->best[from].error;
    }
    for (int i = 0; i < p->count; i += SC_LANES) {
        real scale, log_8_scale;
        least_cost_of_atoms(r_set(p->s->d), r_load(K + i), r_load(T + i), r_load(best + i), &scale,
                            &log_8_scale);
        r_store(p->scale + i, scale);
        r_store(p->log_8_scale + i, log_8_scale);
    }
}

/* List the rows beside which atoms may do better than everything that has been tried without
   atoms. */
static void find_offers(point_block *p, int i, atom_batch *q)
{
    const sc_strategies *s = p->s;
    const double T = p->T[i], K = fmax(p->K[i], LEAST_K), beaten = p->best[i].error;
    p->offers[i] = 0;
    /* No bound is above 1/16. So atoms that help have a rounding below 1, hence a list above the
       left side. */
    if (p->n[i] <= K || (SC_LN2 + s->d) * K * SC_LN2 >= beaten * T)
        return;
    const double *floors = floors_at(s, p->with, T);
    const double scale = p->scale[i], log_8_scale = p->log_8_scale[i], least = scale * SC_LN2,
                 per_sample = 1 / T;
    for (ptrdiff_t k = 0; k < s->atom_rows; k++) {
        const ptrdiff_t row = s->atom_row[k];
        const double atom_limit = p->n[i] - s->units[row];
        if (atom_limit < 1 || atom_limit <= K)
            break;
        const double lost = s->residual[row] * 0.125 * K / atom_limit + least,
                     grown = scale * (1 - log_8_scale + s->log_residual[row]),
                     fixed = least_price(floors, row, T, per_sample);
        const double floor = fixed + (lost > grown ? lost : grown);
        if (floor >= beaten)
            continue;
        if (p->offers[i] == OFFERS) {
            put_atoms_beside(p, i, row, (double)NAN, q);
            continue;
        }
        offer *const list = p->offer[i];
        const offer latest = {row, fixed, floor};
        list[p->offers[i]] = latest;
        if (latest.floor < list[0].floor) {
            list[p->offers[i]] = list[0];
            list[0] = latest;
        }
        p->offers[i]++;
    }
}

/* A lower bound on the cost of atoms beside a row, from what they cost beside the first one. The
 * cost is a least over n_s of (residual K/(8 n_s) + what rises with n_s), so that it is concave in
 * the residual, and rises with it: beside a larger residual it is not less, beside a smaller one
 * not less than in proportion. Where the first row's atoms are limited by the width, it falls at
 * most as the limit grows.
 */
static double least_cost_after_first(const point_block *p, int i, ptrdiff_t row)
{
    const sc_strategies *s = p->s;
    const ptrdiff_t first = p->offer[i][0].row;
    const double limit = p->n[i] - s->units[first], ratio = s->residual[row] / s->residual[first],
                 grown = (p->n[i] - s->units[row]) / limit;
    double cost = p->cost[i] * (1 - 1e-9);
    if (ratio < 1)
        cost *= ratio;
    if (grown > 1 && p->atoms[i] >= limit * (1 - 1e-9))
        cost /= grown;
    return cost;
}

/* For each point the row with the least lower bound is solved first: with its result most others
   can be left out. What a point leaves out depends on nothing but the point. */
static void with_atoms(point_block *p)
{
    atom_batch q;
    q.s = p->s;
    q.with = p->with;
    q.along = q.count = 0;
    find_least(p);
    for (int i = 0; i < p->count; i++)
        find_offers(p, i, &q);
    for (int i = 0; i < p->count; i++)
        if (p->offers[i])
            put_atoms_beside(p, i, p->offer[i][0].row, (double)NAN, &q);
    if (q.count)
        settle_and_take(p, &q);
    for (int i = 0; i < p->count; i++) {
        const double beaten = p->best[i].error;
        for (int k = 1; k < p->offers[i]; k++)
            if (p->offer[i][k].floor < beaten) {
                const ptrdiff_t row = p->offer[i][k].row;
                if (p->offer[i][k].fixed + least_cost_after_first(p, i, row) >= beaten)
                    continue;
                const double grown =
                    p->s->log_residual[row] - p->s->log_residual[p->offer[i][0].row];
                put_atoms_beside(p, i, row, p->log_atoms[i] + grown / p->slope[i], &q);
            }
    }
    if (q.count)
        settle_and_take(p, &q);
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
    for (ptrdiff_t first = 0; first < count; first += POINTS) {
        p.count = count - first < POINTS ? (int)(count - first) : POINTS;
        p.n = n + first;
        p.T = T + first;
        p.K = K + first;
        p.best = out + first;
        for (int i = 0; i < p.count; i += SC_LANES)
            find_logarithms(&p, i);
        for (int i = 0; i < p.count; i++)
            without_atoms(&p, i);
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
