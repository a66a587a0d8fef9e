/* Sticks along a budget, n T = product: beside each row and sent in each way, the best whole number
 * of them, where a lower bound on what they give does not leave it out.
 */
#ifndef SC_STICKS_ALONG_H
#define SC_STICKS_ALONG_H

#include "spectral/allocation_search.h"
#include "spectral/stick_strategy.h"

typedef struct stick_budget {
    const sc_strategies *s;
    int with, integer;
    double product, log_product;
    stick_law law;
} stick_budget;

/* Sticks beside a row whose best number is between `low` and `high` or not better than the best so
   far; `floor` is a lower bound on what they give. */
typedef struct stick_range {
    ptrdiff_t row;
    stick_code code;
    double low, high, floor;
} stick_range;

/* Parts into which a range is cut: whole packs. */
#define STICK_PARTS 8

/* Narrow a range to the parts where sticks may be better than `limit`; returns whether there are
 * any. Between a and b sticks they cost, over all samples, at least what `a` of them do. A sample's
 * share of that is least with the most samples, T = product/(units + a), and so is what the fixed
 * part costs; and b of them leave least.
 */
static int narrow_sticks(const stick_budget *q, double limit, stick_range *range)
{
    const sc_strategies *const s = q->s;
    const stick_rows row = stick_row_of(s, range->row);
    const double units = s->units[range->row], part = (range->high - range->low) / STICK_PARTS;
    SC_ALIGNED double samples[STICK_PARTS], floors[STICK_PARTS], fits[STICK_PARTS];
    int from = STICK_PARTS, to = 0;
    double least = (double)INFINITY;
    for (int k = 0; k < STICK_PARTS; k += SC_LANES) {
        const real number = r_lane_numbers() + r_set(k),
                   m = r_fma(number, r_set(part), r_set(range->low)), n = m + r_set(units),
                   log_T = r_set(q->log_product) - sc_log(n);
        const stick_levels at = levels_of(&q->law, &row, log_T);
        const real cost = least_cost_of_sticks(&q->law, &at, range->code, m),
                   left = stick_exp((m + r_set(part)) * r_set(-q->law.fall));
        r_store(samples + k, r_set(q->product) / n);
        r_store(floors + k, r_fma(cost * n, r_set(1 / q->product),
                                  left * r_set(s->residual[range->row] * 0.125)));
        r_store(fits + k, most_sticks(&q->law, &at, range->code) - m);
    }
    for (int k = 0; k < STICK_PARTS; k++) {
        const double T = samples[k],
                     floor_of_part =
                         floors[k] + least_price(floors_at(s, q->with, T), range->row, T, 1 / T);
        /* rounding may move either side of a condition */
        if (!(fits[k] > -1e-9 * (1 + range->low) && floor_of_part * (1 - 1e-12) < limit))
            continue;
        from = k < from ? k : from;
        to = k + 1;
        least = fmin(least, floor_of_part);
    }
    if (to == 0)
        return 0;
    range->high = to < STICK_PARTS ? range->low + to * part : range->high;
    range->low += from * part;
    range->floor = least;
    return 1;
}

/* The most sticks that may be sent beside a row, one at a time, with so many samples. */
static double most_beside(const stick_budget *q, stick_code code, ptrdiff_t row, double T)
{
    const stick_rows rows = stick_row_of(q->s, row);
    const stick_levels at = levels_of(&q->law, &rows, r_set(log(T)));
    return sc_first_lane(most_sticks(&q->law, &at, code));
}

/* The most sticks that may be sent along n T = product, as a real number: with more of them each
   has fewer samples. The function is convex, so that Newton's iterates stay left of the root. */
static double most_along(const stick_budget *q, stick_code code, ptrdiff_t row)
{
    const double units = q->s->units[row];
    const double first = most_beside(q, code, row, q->product / (units + 1)),
                 last = fmin(floor(first), q->product - units);
    if (!(last > 1) || most_beside(q, code, row, q->product / (units + last)) >= last)
        return fmax(last, 0);
    const double gap_at_one = first + log(units + 1) / q->law.fall; /* first: at n = units + 1 */
    double m = 1;
    /* a few steps, and one more for each factor of 300 in K */
    for (int step = 0; step < 300; step++) {
        const double n = units + m, gap = gap_at_one - log(n) / q->law.fall - m,
                     move = gap / (1 + 1 / (q->law.fall * n));
        m = fmax(m + move, 1);
        if (move <= 1e-9 * m)
            break;
    }
    return fmin(m, last);
}

/* ln of what one more stick adds, along n T = product, over what it saves: T (rise of the fixed
 * part) + sticks' cost less its derivative in ln T, plus n times that in m, all over n T, over
 * (rho/8) (-ln gamma) gamma^m. Nearly linear in m. */
static double sticks_condition(const stick_budget *q, stick_code code, ptrdiff_t row, double m)
{
    const sc_strategies *const s = q->s;
    const stick_rows rows = stick_row_of(s, row);
    const double n = s->units[row] + m, T = q->product / n, log_T = log(T);
    const stick_levels at = levels_of(&q->law, &rows, r_set(log_T));
    const stick_cost cost = cost_of_sticks(&q->law, &at, code, r_set(m));
    const real of_sticks = r_fma(cost.by_sticks, r_set(n), cost.total - cost.by_log_T);
    const double added =
        rise_of(s, q->with, row, T, log_T - 2 * SC_LN2) * T + sc_first_lane(of_sticks);
    if (!(added > 0))
        return -(double)INFINITY;
    return log(added / (q->product * q->law.fall)) - s->log_residual[row] + 3 * SC_LN2
           + q->law.fall * m;
}

/* The best number of sticks beside a row, along n T = product, between `low` and `high`, to a step
   of `close`. Secants between points of either sign; the value at an end that stays is halved
   (Dowell and Jarratt's Illinois rule). */
static double sticks_along(const stick_budget *q, stick_code code, ptrdiff_t row, double low,
                           double high, double close)
{
    double at_low, at_high, m = low;
    if (high <= low || (at_low = sticks_condition(q, code, row, low)) >= 0)
        return low;
    if ((at_high = sticks_condition(q, code, row, high)) <= 0)
        return high;
    int side = 0;
    double before = 0;
    for (int step = 0; step < 100 && high - low > 1e-9 * high; step++) {
        m = (low * at_high - high * at_low) / (at_high - at_low);
        if (!(m > low && m < high))
            m = 0.5 * (low + high);
        if (fabs(m - before) < close)
            break;
        before = m;
        const double value = sticks_condition(q, code, row, m);
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

/* Compare m sticks beside a row with the best so far; returns whether they are better. */
static int try_sticks(const stick_budget *q, stick_code code, ptrdiff_t row, double T, double m,
                      sc_spectral_terms *best)
{
    const sc_strategies *const s = q->s;
    const double log_T = log(T);
    const stick_share share = sticks_share(s, &q->law, code, row, T, log_T, m);
    if (share.list + share.loss + share.residual
            + least_price(floors_at(s, q->with, T), row, T, 1 / T)
        >= best->error)
        return 0;
    const sc_price price = price_of(s, q->with, row, T, log_T - 2 * SC_LN2);
    return take_sticks(s, code, row, m, &share, &price, best);
}

/* Try the whole numbers of sticks around the best real one (they may coincide). */
static void try_whole_sticks(const stick_budget *q, stick_code code, ptrdiff_t row, double real_one,
                             double last, allocation_search *found)
{
    const double units = q->s->units[row];
    for (int step = -1; step <= 1; step++) {
        double m = fmax(fmin(floor(real_one) + step, floor(last)), 1);
        const double samples = q->product / (units + m);
        m = fmin(m, floor(most_beside(q, code, row, q->integer ? floor(samples) : samples)));
        if (!(m >= 1))
            continue;
        const double T = q->integer ? floor(q->product / (units + m)) : q->product / (units + m);
        if (try_sticks(q, code, row, T, m, &found->best)) {
            found->samples = T;
            found->row = row;
            found->code = code;
        }
    }
}

/* Find the best number in a range, unless it turns out that there is none better than the best so
   far. */
static void search_sticks_in(const stick_budget *q, stick_range *range, allocation_search *found)
{
    double before;
    do { /* whole sticks around it are tried */
        before = range->high - range->low;
        if (!narrow_sticks(q, found->best.error, range))
            return;
    } while (range->high - range->low > 2 && range->high - range->low < 0.6 * before);
    const double most = most_along(q, range->code, range->row);
    if (most < 1)
        return;
    const double high = fmin(range->high, most), low = fmin(range->low, high);
    const double best = sticks_along(q, range->code, range->row, low, high, 0.05);
    try_whole_sticks(q, range->code, range->row, best, most, found);
}

/* The ranges of sticks beside a row that may be better than the best so far: at most three. */
static int ranges_beside(const stick_budget *q, ptrdiff_t row, double log_T, double best,
                         double log_best, stick_range *ranges)
{
    const sc_strategies *const s = q->s;
    const stick_rows rows = stick_row_of(s, row);
    const stick_levels at = levels_of(&q->law, &rows, r_set(log_T));
    const int polar = q->with & SC_WITH_POLAR && m_any(may_pay(&q->law, &at, POLAR_ONE_BY_ONE));
    int count = 0;
    /* so few that they leave more than the best so far are none */
    const double low = fmax(1, (s->log_residual[row] - 3 * SC_LN2 - log_best) / q->law.fall);
    for (int code = 0; code < 3; code++) {
        if (!(code == STICK_VECTORS ? q->with & SC_WITH_STICKS : polar))
            continue;
        const double most = sc_first_lane(most_sticks(&q->law, &at, (stick_code)code));
        ranges[count] = (stick_range){row, (stick_code)code, low,
                                      fmin(floor(most), q->product - s->units[row]), 0};
        if (ranges[count].high >= low && narrow_sticks(q, best, &ranges[count]))
            count++;
    }
    return count;
}

/* rows whose ranges are compared before they are searched; those of further rows are searched at
   once */
#define STICK_RANGES (3 * 64)

/* The range with the least lower bound is searched first: with its result most others can be left
   out. */
static void search_sticks(const stick_budget *q, allocation_search *found)
{
    const sc_strategies *const s = q->s;
    stick_range range[STICK_RANGES + 3];
    const double best = found->best.error, log_best = log(best);
    int count = 0, first = 0;
    for (ptrdiff_t i = 0; i < s->atom_rows; i++) {
        const ptrdiff_t row = s->atom_row[i];
        const double narrowest = q->product / (s->units[row] + 1);
        if (narrowest < 1)
            break;
        /* `narrowest` has the most samples, and a fixed part costs least with them */
        if (least_price(floors_at(s, q->with, narrowest), row, narrowest, 1 / narrowest)
            >= found->best.error)
            continue;
        const int more = ranges_beside(q, row, log(narrowest), best, log_best, range + count);
        for (int k = count; k < count + more; k++)
            first = range[k].floor < range[first].floor ? k : first;
        if (count + more > STICK_RANGES)
            for (int k = count; k < count + more; k++)
                search_sticks_in(q, &range[k], found);
        else
            count += more;
    }
    for (int k = 0; k < count; k++) {
        const int which = k == 0 ? first : k == first ? 0 : k;
        if (range[which].floor * (1 - 1e-12) < found->best.error)
            search_sticks_in(q, &range[which], found);
    }
}

/* d ln(q + m) / d ln M of the best real m, by finite differences: whole sticks change in steps. */
static double sticks_elasticity(const stick_budget *at, const allocation_search *found)
{
    const double step = 1e-3, units = found->best.units, m = found->best.atoms;
    stick_budget q = *at;
    double n[2];
    for (int i = 0; i < 2; i++) {
        q.product = at->product * exp(i ? step : -step);
        q.log_product = at->log_product + (i ? step : -step);
        const double last = most_along(&q, found->code, found->row);
        if (last <= m * (1 + 2 * step))
            return 0; /* m is the last stick that pays: it stays the same until the next one pays */
        n[i] = units + sticks_along(&q, found->code, found->row, 1, last, 0);
    }
    return log(n[1] / n[0]) / (2 * step);
}

#endif
