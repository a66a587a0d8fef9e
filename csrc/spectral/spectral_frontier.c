/* The best allocation of a budget for a spectral bound. Every strategy is searched, because the
   bound has many minima over n. */
#include "spectral/atom_strategy.h"
#include "engine/engine.h"
#include "spectral/stick_strategy.h"

/* The best strategy that one budget's search has found, and its samples and row. */
typedef struct allocation_search {
    sc_spectral_terms best;
    double samples;
    ptrdiff_t row;
    stick_code code; /* of sticks */
} allocation_search;

static void search_without_units(const sc_strategies *s, int with, int integer, double product,
                                 allocation_search *found)
{
    const double log_product = log(product);
    /* row 0 has no units: it predicts 1/2 whatever the data */
    for (ptrdiff_t row = 1; row < s->rows && s->units[row] <= product; row++) {
        const double T = integer ? floor(product / s->units[row]) : product / s->units[row];
        const double log_quarter =
            integer ? log(T * 0.25) : log_product - s->log_units[row] - 2 * SC_LN2;
        if (least_price(floors_at(s, with, T), row, T, 1 / T) + s->residual[row] * 0.125
            >= found->best.error)
            continue;
        const sc_spectral_terms terms = fixed_alone(s, with, row, T, log_quarter);
        if (terms.error < found->best.error)
            *found = (allocation_search){terms, T, row, STICK_VECTORS};
    }
    if (with & SC_WITH_QUADRATIC && s->d + 2 <= product) {
        const double T = integer ? floor(product / (s->d + 2)) : product / (s->d + 2),
                     before = found->best.error;
        quadratic_form(s, with, s->d + 2, T, &found->best);
        if (found->best.error < before)
            found->samples = T;
    }
}

/* ---- sticks ---------------------------------------------------------------------------------- */

/* The most sticks that may be sent along n T = product, as a real number: with more of them each has
   fewer samples. The function is convex, so that Newton's iterates stay left of the root. */
static double most_along(const sc_strategies *s, const stick_law *law, stick_code code,
                         ptrdiff_t row, double product)
{
    const double units = s->units[row];
    const double first = most_sticks(s, law, code, row, log(product / (units + 1))),
                 last = fmin(floor(first), product - units);
    if (!(last > 1) || most_sticks(s, law, code, row, log(product / (units + last))) >= last)
        return fmax(last, 0);
    const double gap_at_one = first + log(units + 1) / law->fall; /* first: at n = units + 1 */
    double m = 1;
    /* a few steps, and one more for each factor of 300 in K */
    for (int step = 0; step < 300; step++) {
        const double n = units + m, gap = gap_at_one - log(n) / law->fall - m,
                     move = gap / (1 + 1 / (law->fall * n));
        m = fmax(m + move, 1);
        if (move <= 1e-9 * m)
            break;
    }
    return fmin(m, last);
}

/* ln of what one more stick adds, along n T = product, over what it saves: T (rise of the fixed
 * part) + sticks' cost less its derivative in ln T, plus n times that in m, all over n T, over
 * (rho/8) (-ln gamma) gamma^m. Nearly linear in m. */
static double sticks_condition(const sc_strategies *s, int with, const stick_law *law,
                               stick_code code, ptrdiff_t row, double product, double m)
{
    const double n = s->units[row] + m, T = product / n, log_T = log(T);
    const stick_cost cost = cost_of_sticks(s, law, code, row, log_T, m);
    const double added = price_of(s, with, row, T, log_T - 2 * SC_LN2).rise * T + cost.total
                         - cost.by_log_T + cost.by_sticks * n;
    if (!(added > 0))
        return -(double)INFINITY;
    return log(added / product)
           - (s->log_residual[row] - 3 * SC_LN2 + log(law->fall) - law->fall * m);
}

/* The best number of sticks beside a row, along n T = product, between 1 and `last`, to a step of
   `close`. Secants
   between points of either sign; the value at an end that stays is halved (Dowell and Jarratt's
   Illinois rule). */
static double sticks_along(const sc_strategies *s, int with, const stick_law *law, stick_code code,
                           ptrdiff_t row, double product, double last, double close)
{
    double low = 1, high = last, at_low, at_high, m = 1;
    if (last <= 1 || (at_low = sticks_condition(s, with, law, code, row, product, 1)) >= 0)
        return 1;
    if ((at_high = sticks_condition(s, with, law, code, row, product, last)) <= 0)
        return last;
    int side = 0;
    double before = 0;
    for (int step = 0; step < 100 && high - low > 1e-9 * high; step++) {
        m = (low * at_high - high * at_low) / (at_high - at_low);
        if (!(m > low && m < high))
            m = 0.5 * (low + high);
        if (fabs(m - before) < close)
            break;
        before = m;
        const double value = sticks_condition(s, with, law, code, row, product, m);
        if (fabs(value) < 1e-11)
            break;
        if (value > 0) {
            at_low = side > 0 ? at_low * 0.5 : at_low;
            high = m;
            at_high = value;
        } else {
            at_high = side < 0 ? at_high * 0.5 : at_high;
            low = m;
            at_low = value;
        }
        side = value > 0 ? 1 : -1;
    }
    return m;
}

/* Try the whole numbers of sticks around the best real one (they may coincide). */
static void try_whole_sticks(const sc_strategies *s, int with, int integer, const stick_law *law,
                             stick_code code, ptrdiff_t row, double product, double real_one,
                             double last, allocation_search *found)
{
    const double units = s->units[row];
    for (int step = -1; step <= 1; step++) {
        double m = fmax(fmin(floor(real_one) + step, floor(last)), 1);
        const double samples = product / (units + m),
                     most = most_sticks(s, law, code, row, log(integer ? floor(samples) : samples));
        m = fmin(m, floor(most));
        if (!(m >= 1))
            continue;
        const double T = integer ? floor(product / (units + m)) : product / (units + m);
        if (try_sticks(s, with, law, code, row, T, log(T), m, &found->best)) {
            found->samples = T;
            found->row = row;
            found->code = code;
        }
    }
}

static void search_sticks_beside(const sc_strategies *s, int with, int integer, stick_law *law,
                                 ptrdiff_t row, double log_T, double product, double fixed,
                                 allocation_search *found)
{
    const int polar = with & SC_WITH_POLAR && polar_may_pay(s, law, row, log_T),
              vectors =
                  with & SC_WITH_STICKS && most_sticks(s, law, STICK_VECTORS, row, log_T) >= 1;
    if (!polar && !vectors)
        return;
    if (polar)
        prepare_polar(law);
    const stick_levels levels = levels_of(s, law, row, product, found->best.error - fixed);
    /* those first that are best most often */
    static const stick_code codes[3] = {POLAR_ONE_BY_ONE, POLAR_ALL_DIRECTIONS, STICK_VECTORS};
    for (int i = polar ? 0 : 2; i < (vectors ? 3 : 2); i++) {
        if (!sticks_may_beat(s, law, codes[i], row, &levels))
            continue;
        const double last = most_along(s, law, codes[i], row, product);
        if (last < 1)
            continue;
        /* whole sticks around it are tried */
        const double best = sticks_along(s, with, law, codes[i], row, product, last, 0.05);
        try_whole_sticks(s, with, integer, law, codes[i], row, product, best, last, found);
    }
}

static void search_sticks(const sc_strategies *s, int with, int integer, double product, double K,
                          allocation_search *found)
{
    stick_law law = stick_law_of(s->d, K);
    for (ptrdiff_t i = 0; i < s->atom_rows; i++) {
        const ptrdiff_t row = s->atom_row[i];
        const double narrowest = product / (s->units[row] + 1);
        if (narrowest < 1)
            break;
        /* `narrowest` has the most samples, and a fixed part costs least with them */
        const double fixed =
            least_price(floors_at(s, with, narrowest), row, narrowest, 1 / narrowest);
        if (fixed < found->best.error)
            search_sticks_beside(s, with, integer, &law, row, log(narrowest), product, fixed,
                                 found);
    }
}

/* d ln(q + m) / d ln M of the best real m, by finite differences: whole sticks change in steps. */
static double sticks_elasticity(const sc_strategies *s, int with, const allocation_search *found,
                                double product, double K)
{
    const double step = 1e-3, units = found->best.units, m = found->best.atoms;
    stick_law law = stick_law_of(s->d, K);
    prepare_polar(&law);
    double n[2];
    for (int i = 0; i < 2; i++) {
        const double M = product * exp(i ? step : -step);
        const double last = most_along(s, &law, found->code, found->row, M);
        if (last <= m * (1 + 2 * step))
            return 0; /* m is the last stick that pays: it stays the same until the next one pays */
        n[i] = units + sticks_along(s, with, &law, found->code, found->row, M, last, 0);
    }
    return log(n[1] / n[0]) / (2 * step);
}

/* ---- atoms ----------------------------------------------------------------------------------- */

typedef struct best_with_atoms {
    sc_spectral_terms best;
    ptrdiff_t row; /* the row of the best strategy with atoms, or -1; and its ln n_s */
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

static void search_atoms(const sc_strategies *s, double product, double K, atom_batch *q,
                         best_with_atoms *best)
{
    for (ptrdiff_t i = 0; i < s->atom_rows; i++) {
        const ptrdiff_t row = s->atom_row[i];
        const double narrowest = s->units[row] + fmax(K, 1);
        if (narrowest >= product)
            break;
        /* n_s is at least K. What atoms cost rises with n_s and what they leave falls, so that
           their sum is at least twice the geometric mean. */
        const double T = product / narrowest;
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
        add_atoms(q, 0, row, product, K, product - s->units[row]);
        if (q->count == SC_LANES) /* solve them now: their results may leave out later rows */
            settle_and_compare(q, best);
    }
    if (q->count)
        settle_and_compare(q, best);
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
    if (with & (SC_WITH_STICKS | SC_WITH_POLAR))
        search_sticks(s, with, integer, product, K, &found);
    const int has_sticks =
        found.best.strategy == SC_STICKS_TOO || found.best.strategy == SC_POLAR_TOO;
    out->elasticity = has_sticks ? sticks_elasticity(s, with, &found, product, K) : 0;
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
