/* The spectral bound at points: the least over all strategies. */
#include "spectral/atom_strategy.h"
#include "engine/engine.h"
#include "spectral/stick_strategy.h"

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

/* rows beside which sticks are tried, at most: a table of ours has fewer */
#define STICK_ROWS 64

/* A row beside which sticks may pay, in which way, and what its fixed part costs at least. */
typedef struct stick_row {
    ptrdiff_t row;
    int vectors, polar;
    double fixed;
} stick_row;

/* So many sticks beside a row, and a lower bound on what it costs with them. */
typedef struct stick_offer {
    double floor, sticks;
    ptrdiff_t row;
    stick_share share;
} stick_offer;

typedef struct stick_point {
    const sc_strategies *s;
    int with;
    double n, T, log_T;
    stick_law law;
    int rows;
    stick_row row[STICK_ROWS];
    sc_spectral_terms *best;
} stick_point;

/* At most e^-x, without an exponential. */
static double least_power(double x)
{
    double power = x < 16 ? 1 - x * (1.0 / 16) : 0;
    for (int i = 0; i < 4; i++)
        power *= power;
    return power;
}

/* The rows beside which a first stick pays, and as many as there may be leave little enough. */
static void find_stick_rows(stick_point *p)
{
    const sc_strategies *s = p->s;
    const double *floors = floors_at(s, p->with, p->T), per_sample = 1 / p->T;
    const double of_vectors = p->law.log_first - p->law.log_noise + p->log_T,
                 of_polar = p->law.log_first + p->log_T - 2 * SC_LN2, fall = p->law.fall;
    const int vectors = p->with & SC_WITH_STICKS, polar = p->with & SC_WITH_POLAR;
    p->rows = 0;
    for (ptrdiff_t i = 0; i < s->atom_rows && p->rows < STICK_ROWS; i++) {
        const ptrdiff_t row = s->atom_row[i];
        const double room = p->n - s->units[row], ratio = of_polar + s->log_residual[row];
        if (room < 1)
            break;
        const int by_vectors = vectors && of_vectors + s->log_rounding[row] >= s->last_stick[row],
                  by_polar = polar && ratio >= (p->law.K < 1 ? 0 : s->last_polar[row]);
        if (!by_vectors && !by_polar)
            continue;
        /* no code sends more than have a size above the noise */
        const double decay = fall * room < ratio + fall ? fall * room : ratio + fall,
                     fixed = least_price(floors, row, p->T, per_sample);
        if (fixed + s->residual[row] * 0.125 * least_power(decay) < p->best->error)
            p->row[p->rows++] = (stick_row){row, by_vectors, by_polar, fixed};
    }
}

/* Sticks beside each row, sent in one way. The offer with the least lower bound is tried first:
   with its result most others can be left out. */
static void sticks_of_code(stick_point *p, stick_code code)
{
    const sc_strategies *s = p->s;
    stick_offer offer[STICK_ROWS];
    int offers = 0, first = 0;
    for (int i = 0; i < p->rows; i++) {
        const ptrdiff_t row = p->row[i].row;
        if (!(code == STICK_VECTORS ? p->row[i].vectors : p->row[i].polar))
            continue;
        /* sticks are whole */
        const double m =
            paying_sticks(s, &p->law, code, row, p->log_T, floor(p->n - s->units[row]));
        if (m < 1)
            continue;
        const double least = least_cost_of_sticks(s, &p->law, code, row, p->log_T, m) / p->T
                             + p->row[i].fixed
                             + s->residual[row] * 0.125 * least_power(p->law.fall * m);
        if (least >= p->best->error)
            continue;
        const stick_share share = sticks_share(s, &p->law, code, row, p->T, p->log_T, m);
        offer[offers] = (stick_offer){share.list + share.loss + share.residual + p->row[i].fixed, m,
                                      row, share};
        first = offer[offers].floor < offer[first].floor ? offers : first;
        offers++;
    }
    const stick_offer *taken = NULL;
    for (int k = 0; k < offers; k++) {
        const stick_offer *const o = &offer[k == 0 ? first : k == first ? 0 : k];
        if (o->floor < p->best->error
            && take_sticks(s, p->with, code, o->row, p->T, p->log_T, o->sticks, &o->share, p->best))
            taken = o;
    }
    if (taken && code == POLAR_ONE_BY_ONE) /* their number is found about */
        for (int step = -1; step <= 1; step += 2) {
            const double m = taken->sticks + step;
            if (m >= 1 && m <= p->n - s->units[taken->row]
                && m <= most_sticks(s, &p->law, code, taken->row, p->log_T))
                try_sticks(s, p->with, &p->law, code, taken->row, p->T, p->log_T, m, p->best);
        }
}

static void sticks_at_point(const sc_strategies *s, int with, double n, double T, double K,
                            double log_quarter, sc_spectral_terms *best)
{
    stick_point p;
    p.s = s;
    p.with = with;
    p.n = n;
    p.T = T;
    p.log_T = log_quarter + 2 * SC_LN2;
    p.best = best;
    p.law = stick_law_of(s->d, K);
    find_stick_rows(&p);
    if (p.rows == 0)
        return;
    if (with & SC_WITH_POLAR) { /* first, because they are best most often */
        prepare_polar(&p.law);
        sticks_of_code(&p, K < 2 ? POLAR_ALL_DIRECTIONS : POLAR_ONE_BY_ONE);
        sticks_of_code(&p, K < 2 ? POLAR_ONE_BY_ONE : POLAR_ALL_DIRECTIONS);
    }
    if (with & SC_WITH_STICKS)
        sticks_of_code(&p, STICK_VECTORS);
}

/* A row whose remaining units may draw atoms, and a lower bound on what it costs with them. */
typedef struct offer {
    ptrdiff_t row;
    double floor;
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
    /* the best ln n_s beside that row, and `slope`: ln n_s changes by 1/slope for each 1 in the ln
       of the residual */
    double log_atoms[POINTS], slope[POINTS];
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

static void settle_and_take(point_block *p, atom_batch *q)
{
    double root[ATOM_BATCH];
    solve_atoms(q);
    memcpy(root, q->log_atoms, sizeof root);
    for (int j = 0; j < q->count; j++) {
        const int i = q->owner[j];
        if (q->row[j] == p->offer[i][0].row) {
            p->log_atoms[i] = q->log_atoms[j];
            p->slope[i] = q->slope[j];
        }
    }
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
                     grown = least_cost_beside(s, scale, log_8_scale, row);
        const double floor =
            least_price(floors, row, T, per_sample) + (lost > grown ? lost : grown);
        if (floor >= beaten)
            continue;
        if (p->offers[i] == OFFERS) {
            put_atoms_beside(p, i, row, (double)NAN, q);
            continue;
        }
        offer *const list = p->offer[i];
        const offer latest = {row, floor};
        list[p->offers[i]] = latest;
        if (latest.floor < list[0].floor) {
            list[p->offers[i]] = list[0];
            list[0] = latest;
        }
        p->offers[i]++;
    }
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
