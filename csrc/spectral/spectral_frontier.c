/* The best allocation of a budget for a spectral bound. Every strategy is searched, because the
   bound has many minima over n. */
#include "spectral/atom_strategy.h"
#include "engine/engine.h"
#include "spectral/sticks_along.h"

/* A row alone, with all samples that it leaves. */
static void try_row_alone(const sc_strategies *s, int with, int integer, double product,
                          double log_product, ptrdiff_t row, allocation_search *found)
{
    const double T = integer ? floor(product / s->units[row]) : product / s->units[row];
    if (least_price(floors_at(s, with, T), row, T, 1 / T) + s->residual[row] * 0.125
        >= found->best.error)
        return;
    const double log_quarter =
        integer ? log(T * 0.25) : log_product - s->log_units[row] - 2 * SC_LN2;
    const sc_spectral_terms terms = fixed_alone(s, with, row, T, log_quarter);
    if (terms.error < found->best.error)
        *found = (allocation_search){terms, T, row, STICK_VECTORS};
}

/* The row with the least lower bound is tried first: with its result most others can be left
   out. */
static void search_without_units(const sc_strategies *s, int with, int integer, double product,
                                 allocation_search *found)
{
    const double log_product = log(product);
    double least = (double)INFINITY;
    ptrdiff_t first = 1, row;
    /* row 0 has no units: it predicts 1/2 whatever the data */
    for (row = 1; row < s->rows && s->units[row] <= product; row++) {
        const double T = product / s->units[row],
                     floor_of_row = least_price(floors_at(s, with, T), row, T, 1 / T)
                                    + s->residual[row] * 0.125;
        first = floor_of_row < least ? row : first;
        least = fmin(floor_of_row, least);
    }
    const ptrdiff_t rows = row;
    if (rows > 1)
        try_row_alone(s, with, integer, product, log_product, first, found);
    for (row = 1; row < rows; row++)
        if (row != first)
            try_row_alone(s, with, integer, product, log_product, row, found);
    if (with & SC_WITH_QUADRATIC && has_quadratic(s, product)) {
        const double T = integer ? floor(product / (s->d + 2)) : product / (s->d + 2);
        const quadratic_cost cost = cost_of_quadratic(s, with, r_set(T), r_set(log(T * 0.25)));
        if (take_quadratic(s, &cost, 0, &found->best))
            found->samples = T;
    }
}

/* ---- atoms ----------------------------------------------------------------------------------- */

typedef struct best_with_atoms {
    sc_spectral_terms best;
    ptrdiff_t row; /* the row of the best strategy with atoms, or -1; and its ln n_s */
    double log_atoms;
} best_with_atoms;

/* take_atoms() with the fixed part that a strategy has. */
static int try_atoms(const atom_batch *q, int j, sc_spectral_terms *best)
{
    const double T = q->samples[j], of_atoms = q->misspecification[j] + q->loss[j] + q->list[j];
    if (!(of_atoms + least_price(floors_at(q->s, q->with, T), q->row[j], T, 1 / T) < best->error))
        return 0;
    const sc_price price = price_of(q->s, q->with, q->row[j], T, log(T * 0.25));
    return take_atoms(q, j, &price, best);
}

static void settle_and_compare(atom_batch *q, best_with_atoms *best)
{
    solve_atoms(q);
    for (int upper = 0; upper < 2; upper++) {
        evaluate_whole_atoms(q, upper);
        for (int j = 0; j < q->count; j++)
            if (try_atoms(q, j, &best->best)) {
                best->row = q->row[j];
                best->log_atoms = q->root[j];
            }
    }
    q->count = 0;
}

/* Rows beside which atoms may be drawn, and lower bounds on what they give then. */
typedef struct atom_rows {
    int count;
    ptrdiff_t row[ATOM_BATCH];
    SC_ALIGNED double narrowest[ATOM_BATCH];
    SC_ALIGNED double share[ATOM_BATCH]; /* residual/8 */
    SC_ALIGNED double log_residual[ATOM_BATCH];
    SC_ALIGNED double floor[ATOM_BATCH];
} atom_rows;

/* The next rows of the table, from *next on; those that are left over in the last pack repeat the
   last row. */
static void next_atom_rows(const sc_strategies *s, double product, double K, ptrdiff_t *next,
                           atom_rows *rows)
{
    int i = 0;
    for (; i < ATOM_BATCH && *next < s->atom_rows; i++, ++*next) {
        const ptrdiff_t row = s->atom_row[*next];
        const double narrowest = s->units[row] + fmax(K, 1);
        if (narrowest >= product) {
            *next = s->atom_rows;
            break;
        }
        rows->row[i] = row;
        rows->narrowest[i] = narrowest;
        rows->share[i] = s->residual[row] * 0.125;
        rows->log_residual[i] = s->log_residual[row];
    }
    rows->count = i;
    for (; i > 0 && i % SC_LANES; i++) {
        rows->narrowest[i] = rows->narrowest[i - 1];
        rows->share[i] = rows->share[i - 1];
        rows->log_residual[i] = rows->log_residual[i - 1];
    }
}

/* The lower bounds. n_s is at least K. What atoms cost rises with n_s and what they leave falls, so
   that their sum is at least twice the geometric mean. Returns the least one's place. */
static int floors_of_atoms(const sc_strategies *s, int with, double product, double K, double best,
                           atom_rows *rows)
{
    int first = 0;
    for (int i = 0; i < rows->count; i += SC_LANES) {
        const real narrowest = r_load(rows->narrowest + i), T = r_set(product) / narrowest;
        real scale, log_8_scale;
        least_cost_of_atoms(r_set(s->d), r_set(K), T, r_set(best), &scale, &log_8_scale);
        const real mean =
            r_sqrt(r_load(rows->share + i) * scale * r_set(4 * SC_LN2) * (r_set(K) / narrowest));
        r_store(rows->floor + i,
                r_max(least_cost_beside(scale, log_8_scale, r_load(rows->log_residual + i)), mean));
    }
    for (int i = 0; i < rows->count; i++) {
        const double T = product / rows->narrowest[i];
        rows->floor[i] += least_price(floors_at(s, with, T), rows->row[i], T, 1 / T);
        first = rows->floor[i] < rows->floor[first] ? i : first;
    }
    return first;
}

/* The row with the least lower bound is solved first, with its neighbours in a pack: with their
   results most others can be left out. */
static void search_atoms(const sc_strategies *s, double product, double K, atom_batch *q,
                         best_with_atoms *best)
{
    atom_rows rows;
    for (ptrdiff_t next = 0; next < s->atom_rows;) {
        next_atom_rows(s, product, K, &next, &rows);
        const int first = floors_of_atoms(s, q->with, product, K, best->best.error, &rows),
                  from = first > SC_LANES / 2 ? first - SC_LANES / 2 : 0, to = from + SC_LANES;
        for (int others = 0; others < 2; others++) {
            for (int i = 0; i < rows.count; i++)
                if ((i < from || i >= to) == others && rows.floor[i] < best->best.error)
                    add_atoms(q, 0, rows.row[i], product, K, product - s->units[rows.row[i]]);
            if (q->count)
                settle_and_compare(q, best);
        }
    }
}

/* d ln(units + n_s) / d ln M where phi(x; M) = 0, by differences: phi has kinks where a coefficient
   starts to be sent. */
static double atoms_elasticity(atom_batch *q, const best_with_atoms *best, double product, double K)
{
    const double step = 1e-4;
    const double x[4] = {best->log_atoms - step, best->log_atoms + step, best->log_atoms,
                         best->log_atoms};
    const double budget[4] = {product, product, product * (1 - step), product * (1 + step)};
    q->count = 0;
    for (int i = 0; i < 4; i++)
        add_atoms(q, 0, best->row, budget[i], K, budget[i]);
    evaluate_atoms(q, x);
    q->count = 0;
    const double by_x = (q->phi[1] - q->phi[0]) / (2 * step),
                 by_budget = (q->phi[3] - q->phi[2]) / (log1p(step) - log1p(-step));
    return -by_budget / by_x * best->best.atoms / (best->best.units + best->best.atoms);
}

/* Try whole n_s near the real optimum, with T = floor(M/n). Rounding T down loses up to 1/T of its
   value, which outweighs an error of n_s up to about n/sqrt(T): the search goes as far as that. */
static void search_whole_atoms(atom_batch *q, double product, double K, best_with_atoms *best,
                               double *samples)
{
    const double units = best->best.units, centre = best->best.atoms;
    const double reach = fmin(2 + 2 * centre / sqrt(product / (units + centre)), 500);
    const double last = fmin(ceil(centre + reach), floor(product - units)),
                 first = fmin(floor(fmax(centre - reach, 1)), last);
    double whole[ATOM_BATCH], x[ATOM_BATCH];
    best->best.error = (double)INFINITY;
    q->along = q->count = 0;
    for (double atoms = first; atoms <= last; atoms++) {
        const double T = floor(product / (units + atoms));
        whole[q->count] = atoms;
        x[q->count] = log(atoms);
        add_atoms(q, 0, best->row, T, K, product);
        const int at_end = !(atoms + 1 <= last) || atoms + 1 == atoms;
        if (q->count == ATOM_BATCH || at_end) {
            evaluate_atoms(q, x);
            for (int j = 0; j < q->count; j++)
                if (try_atoms(q, j, &best->best)) {
                    best->best.atoms = whole[j];
                    *samples = q->samples[j];
                }
            q->count = 0;
        }
        if (at_end)
            break;
    }
}

/* Where the best width is small, every width up to this is tried, with atoms beside every row:
   there, what rounding T down loses is more than the strategies differ by. */
#define EVERY_WIDTH 64

static void search_every_width(const sc_strategies *s, int with, double product, double K,
                               allocation_search *found, double *width)
{
    double n[EVERY_WIDTH], T[EVERY_WIDTH], concentration[EVERY_WIDTH];
    sc_spectral_terms terms[EVERY_WIDTH];
    const int count = product < EVERY_WIDTH ? (int)product : EVERY_WIDTH;
    for (int i = 0; i < count; i++) {
        n[i] = i + 1;
        T[i] = floor(product / n[i]);
        concentration[i] = K;
    }
    SC_KERNEL(sc_spectral_points)(s, with, count, n, T, concentration, terms);
    for (int i = 0; i < count; i++)
        if (terms[i].error < found->best.error) {
            *found = (allocation_search){terms[i], T[i], 0, STICK_VECTORS};
            *width = n[i];
        }
}

/* ---- a budget -------------------------------------------------------------------------------- */

void SC_KERNEL(sc_spectral_optimal)(const sc_strategies *s, int with, int integer, double product,
                                    double K, sc_spectral_optimum *out)
{
    allocation_search found;
    memset(&found, 0, sizeof found);
    found.best.error = (double)INFINITY;
    search_without_units(s, with, integer, product, &found);
    stick_budget sticks = {s, with, integer, product, log(product), stick_law_of(s->d, K)};
    if (with & (SC_WITH_STICKS | SC_WITH_POLAR))
        search_sticks(&sticks, &found);
    const int has_sticks =
        found.best.strategy == SC_STICKS_TOO || found.best.strategy == SC_POLAR_TOO;
    out->elasticity = has_sticks ? sticks_elasticity(&sticks, &found) : 0;
    if (with & SC_WITH_ATOMS && product > K) {
        const double concentration = fmax(K, LEAST_K);
        atom_batch q;
        q.s = s;
        q.with = with;
        q.along = 1;
        q.count = 0;
        best_with_atoms drawn = {found.best, -1, 0};
        search_atoms(s, product, concentration, &q, &drawn);
        if (drawn.row >= 0) {
            double samples = product / (drawn.best.units + drawn.best.atoms);
            const double elasticity = drawn.log_atoms <= 0 ? 0
                                      : samples <= 1
                                          ? 1
                                          : atoms_elasticity(&q, &drawn, product, concentration);
            if (integer)
                search_whole_atoms(&q, product, concentration, &drawn, &samples);
            if (drawn.best.error < found.best.error) {
                found = (allocation_search){drawn.best, samples, drawn.row, STICK_VECTORS};
                out->elasticity = elasticity;
            }
        }
    }
    double width = found.best.units + found.best.atoms;
    if (integer && with & SC_WITH_ATOMS && width <= EVERY_WIDTH)
        search_every_width(s, with, product, K, &found, &width);
    out->terms = found.best;
    out->width = width;
    out->samples = found.samples;
}
