/* The spectral bound's best allocation of a budget: every strategy is searched, for the curve over
   n has many minima. */
#include "spectral/atom_strategy.h"
#include "engine/engine.h"
#include "spectral/stick_strategy.h"

/* One budget's search so far: the best of all, its samples and its row. */
typedef struct allocation_search {
    sc_spectral_terms best;
    double samples;
    ptrdiff_t row;
} allocation_search;

static void search_without_units(const sc_strategies *s, int with, int integer, double most,
                                 allocation_search *found)
{
    const double log_most = log(most);
    /* row 0 has no units, and predicts a half */
    for (ptrdiff_t row = 1; row < s->rows && s->units[row] <= most; row++) {
        const double T = integer ? floor(most / s->units[row]) : most / s->units[row];
        const double log_quarter =
            integer ? log(T * 0.25) : log_most - s->log_units[row] - 2 * SC_LN2;
        if (least_price(floors_at(s, with, T), row, T, 1 / T) + s->residual[row] * 0.125
            >= found->best.error)
            continue;
        const sc_spectral_terms terms = fixed_alone(s, with, row, T, log_quarter);
        if (terms.error < found->best.error)
            *found = (allocation_search){terms, T, row};
    }
    if (with & SC_WITH_QUADRATIC && s->d + 2 <= most) {
        const double T = integer ? floor(most / (s->d + 2)) : most / (s->d + 2),
                     before = found->best.error;
        quadratic_form(s, with, s->d + 2, T, &found->best);
        if (found->best.error < before)
            found->samples = T;
    }
}

/* ---- sticks ---------------------------------------------------------------------------------- */

/* The most sticks that pay along n T = most, real: more of them leave fewer samples to each.
   Newton's steps on a convex function stay on the left. */
static double paying_along(const sc_strategies *s, const stick_law *law, ptrdiff_t row, double most)
{
    const double units = s->units[row];
    double last = fmin(paying_sticks(s, law, row, log(most / (units + 1))), most - units);
    if (last <= 1 || paying_sticks(s, law, row, log(most / (units + last))) >= last)
        return last;
    const double above = law->log_first + log(most) + s->log_rounding[row] - s->last_stick[row];
    double m = 1;
    for (int step = 0; step < 300; step++) { /* a few, but one for each factor of 300 in K */
        const double n = units + m, gap = 1 + (above - log(n)) / law->fall - m,
                     move = gap / (1 + 1 / (law->fall * n));
        m = fmax(m + move, 1);
        if (move <= 1e-9 * m)
            break;
    }
    return fmin(m, last);
}

/* The logarithm of how much another stick adds, along n T = most, over what it saves: (rise of the
 * fixed part + list)/(q + m) + [A + B (m - 1/2)]/T over (rho/8) (-ln gamma) gamma^m. Nearly linear
 * in m. */
static double sticks_condition(const sc_strategies *s, int with, const stick_law *law,
                               ptrdiff_t row, double most, double m)
{
    const double n = s->units[row] + m, T = most / n, log_T = log(T);
    const stick_share share = sticks_share(s, law, row, T, log_T, m);
    const double A = SC_LN2 + s->d * 0.5 * (1 + law->log_first + log_T + s->log_rounding[row]);
    const double added = (price_of(s, with, row, T, log_T - 2 * SC_LN2).rise + share.list) * T
                         + (A - s->d * 0.5 * law->fall * (m - 0.5)) * n;
    return log(added / most) - (s->log_residual[row] - 3 * SC_LN2 + log(law->fall) - law->fall * m);
}

/* Beside a row, the best number of sticks along n T = most, between 1 and `last`: secants between
   points of either sign, the value of an end that stays halved (Dowell and Jarratt's Illinois
   rule). */
static double sticks_along(const sc_strategies *s, int with, const stick_law *law, ptrdiff_t row,
                           double most, double last)
{
    double low = 1, high = last, at_low, at_high, m = 1;
    if (last <= 1 || (at_low = sticks_condition(s, with, law, row, most, 1)) >= 0)
        return 1;
    if ((at_high = sticks_condition(s, with, law, row, most, last)) <= 0)
        return last;
    int side = 0;
    for (int step = 0; step < 100 && high - low > 1e-9 * high; step++) {
        m = (low * at_high - high * at_low) / (at_high - at_low);
        if (!(m > low && m < high))
            m = 0.5 * (low + high);
        const double there = sticks_condition(s, with, law, row, most, m);
        if (fabs(there) < 1e-11)
            break;
        if (there > 0) {
            at_low = side > 0 ? at_low * 0.5 : at_low;
            high = m;
            at_high = there;
        } else {
            at_high = side < 0 ? at_high * 0.5 : at_high;
            low = m;
            at_low = there;
        }
        side = there > 0 ? 1 : -1;
    }
    return m;
}

static void search_sticks(const sc_strategies *s, int with, int integer, double most, double K,
                          allocation_search *found)
{
    const stick_law law = stick_law_of(s->d, K);
    for (ptrdiff_t i = 0; i < s->atom_rows; i++) {
        const ptrdiff_t row = s->atom_row[i];
        const double units = s->units[row], narrowest = most / (units + 1);
        if (narrowest < 1)
            break;
        const double last = paying_along(s, &law, row, most);
        /* with more samples a fixed part costs less */
        if (last < 1
            || least_price(floors_at(s, with, narrowest), row, narrowest, 1 / narrowest)
                   >= found->best.error)
            continue;
        const double best = sticks_along(s, with, &law, row, most, last);
        /* whole numbers around the best: there may be but one */
        for (int step = -1; step <= 1; step++) {
            double m = fmax(fmin(floor(best) + step, floor(last)), 1);
            const double samples = most / (units + m);
            m = fmin(m, paying_sticks(s, &law, row, log(integer ? floor(samples) : samples)));
            if (m < 1)
                continue;
            const double T = integer ? floor(most / (units + m)) : most / (units + m);
            if (try_sticks(s, with, &law, row, T, log(T), m, &found->best)) {
                found->samples = T;
                found->row = row;
            }
        }
    }
}

/* d ln(q + m) / d ln M of the best real m, by differences: sticks are whole, and their number goes
   up in steps along it. */
static double sticks_elasticity(const sc_strategies *s, int with, const allocation_search *found,
                                double most, double K)
{
    const double step = 1e-3, units = found->best.units, m = found->best.atoms;
    const stick_law law = stick_law_of(s->d, K);
    double n[2];
    for (int i = 0; i < 2; i++) {
        const double M = most * exp(i ? step : -step);
        const double last = paying_along(s, &law, found->row, M);
        if (last <= m * (1 + 2 * step))
            return 0; /* at the last stick that pays, which stays until the next does */
        n[i] = units + sticks_along(s, with, &law, found->row, M, last);
    }
    return log(n[1] / n[0]) / (2 * step);
}

/* ---- atoms ----------------------------------------------------------------------------------- */

typedef struct best_with_atoms {
    sc_spectral_terms best;
    ptrdiff_t row; /* of the best with atoms, or -1; and its ln n_s */
    double log_atoms;
} best_with_atoms;

static void settle_and_compare(atom_batch *q, best_with_atoms *best)
{
    double root[ATOM_BATCH];
    solve_atoms(q);
    memcpy(root, q->log_atoms, sizeof root);
    for (int upper = 0; upper < 2; upper++) {
        evaluate_whole_atoms(q, root, upper);
        for (int j = 0; j < q->count; j++)
            if (take_if_better(q, j, &best->best)) {
                best->row = q->row[j];
                best->log_atoms = root[j];
            }
    }
    q->count = 0;
}

static void search_atoms(const sc_strategies *s, double most, double K, atom_batch *q,
                         best_with_atoms *best)
{
    for (ptrdiff_t i = 0; i < s->atom_rows; i++) {
        const ptrdiff_t row = s->atom_row[i];
        const double narrowest = s->units[row] + fmax(K, 1);
        if (narrowest >= most)
            break;
        /* n_s at least K: what they cost rises with n_s, and what they leave falls, and the sum is
           twice the geometric mean or more */
        const double T = most / narrowest;
        real scales, logs;
        double scale[SC_LANES], log_8_scale[SC_LANES];
        least_cost_of_atoms(r_set(s->d), r_set(K), r_set(T), r_set(best->best.error), &scales,
                            &logs);
        r_store(scale, scales);
        r_store(log_8_scale, logs);
        const double mean = 2 * sqrt(s->residual[row] * 0.125 * K * scale[0] * SC_LN2 / narrowest);
        const double fixed = least_price(floors_at(s, q->with, T), row, T, 1 / T);
        if (fixed + fmax(least_cost_beside(s, scale[0], log_8_scale[0], row), mean)
            >= best->best.error)
            continue;
        add_atoms(q, 0, row, most, K, most - s->units[row]);
        if (q->count == SC_LANES) /* what they give may leave out others */
            settle_and_compare(q, best);
    }
    if (q->count)
        settle_and_compare(q, best);
}

/* d ln(units + n_s) / d ln M where phi(x; M) = 0, by differences: phi has kinks where a coefficient
   starts to be sent. */
static double atoms_elasticity(atom_batch *q, const best_with_atoms *best, double most, double K)
{
    const double step = 1e-4;
    const double x[4] = {best->log_atoms - step, best->log_atoms + step, best->log_atoms,
                         best->log_atoms};
    const double budget[4] = {most, most, most * (1 - step), most * (1 + step)};
    q->count = 0;
    for (int i = 0; i < 4; i++)
        add_atoms(q, 0, best->row, budget[i], K, budget[i]);
    evaluate_atoms(q, x);
    q->count = 0;
    const double by_x = (q->phi[1] - q->phi[0]) / (2 * step),
                 by_budget = (q->phi[3] - q->phi[2]) / (log1p(step) - log1p(-step));
    return -by_budget / by_x * best->best.atoms / (best->best.units + best->best.atoms);
}

/* Whole n_s near the real optimum, with T = floor(M/n). T loses up to 1/T of its value, which
   outweighs being off the optimum by about n/sqrt(T), so that is how far the search goes. */
static void search_whole_atoms(atom_batch *q, double most, double K, best_with_atoms *best,
                               double *samples)
{
    const double units = best->best.units, centre = best->best.atoms;
    const double reach = fmin(2 + 2 * centre / sqrt(most / (units + centre)), 500);
    const double last = fmin(ceil(centre + reach), floor(most - units)),
                 first = fmin(floor(fmax(centre - reach, 1)), last);
    double whole[ATOM_BATCH], x[ATOM_BATCH];
    best->best.error = (double)INFINITY;
    q->along = q->count = 0;
    for (double atoms = first; atoms <= last; atoms++) {
        const double T = floor(most / (units + atoms));
        whole[q->count] = atoms;
        x[q->count] = log(atoms);
        add_atoms(q, 0, best->row, T, K, most);
        const int at_end = !(atoms + 1 <= last) || atoms + 1 == atoms;
        if (q->count == ATOM_BATCH || at_end) {
            evaluate_atoms(q, x);
            for (int j = 0; j < q->count; j++)
                if (take_if_better(q, j, &best->best)) {
                    best->best.atoms = whole[j];
                    *samples = q->samples[j];
                }
            q->count = 0;
        }
        if (at_end)
            break;
    }
}

/* Where the best is narrow, every width, with atoms beside any row: at few atoms what T loses by
   being whole is more than they differ. */
#define EVERY_WIDTH 64

static void search_every_width(const sc_strategies *s, int with, double most, double K,
                               allocation_search *found, double *width)
{
    double n[EVERY_WIDTH], T[EVERY_WIDTH], concentration[EVERY_WIDTH];
    sc_spectral_terms terms[EVERY_WIDTH];
    const int count = most < EVERY_WIDTH ? (int)most : EVERY_WIDTH;
    for (int i = 0; i < count; i++) {
        n[i] = i + 1;
        T[i] = floor(most / n[i]);
        concentration[i] = K;
    }
    SC_KERNEL(sc_spectral_points)(s, with, count, n, T, concentration, terms);
    for (int i = 0; i < count; i++)
        if (terms[i].error < found->best.error) {
            *found = (allocation_search){terms[i], T[i], 0};
            *width = n[i];
        }
}

/* ---- a budget -------------------------------------------------------------------------------- */

void SC_KERNEL(sc_spectral_optimal)(const sc_strategies *s, int with, int integer, double most,
                                    double K, sc_spectral_optimum *out)
{
    allocation_search found;
    memset(&found, 0, sizeof found);
    found.best.error = (double)INFINITY;
    search_without_units(s, with, integer, most, &found);
    if (with & SC_WITH_STICKS)
        search_sticks(s, with, integer, most, K, &found);
    out->elasticity =
        found.best.strategy == SC_STICKS_TOO ? sticks_elasticity(s, with, &found, most, K) : 0;
    if (with & SC_WITH_ATOMS && most > K) {
        const double concentration = fmax(K, LEAST_K);
        atom_batch q;
        q.s = s;
        q.with = with;
        q.along = 1;
        q.count = 0;
        best_with_atoms drawn = {found.best, -1, 0};
        search_atoms(s, most, concentration, &q, &drawn);
        if (drawn.row >= 0) {
            double samples = most / (drawn.best.units + drawn.best.atoms);
            const double elasticity = drawn.log_atoms <= 0 ? 0
                                      : samples <= 1
                                          ? 1
                                          : atoms_elasticity(&q, &drawn, most, concentration);
            if (integer)
                search_whole_atoms(&q, most, concentration, &drawn, &samples);
            if (drawn.best.error < found.best.error) {
                found = (allocation_search){drawn.best, samples, drawn.row};
                out->elasticity = elasticity;
            }
        }
    }
    double width = found.best.units + found.best.atoms;
    if (integer && with & SC_WITH_ATOMS && width <= EVERY_WIDTH)
        search_every_width(s, with, most, K, &found, &width);
    out->terms = found.best;
    out->width = width;
    out->samples = found.samples;
}
