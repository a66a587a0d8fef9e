/* Whole-number answers: the true minimum of the bound over whole n with T = floor(C/(cost d n)).
 *
 * The floor makes the bound jagged, so the best whole n need not lie beside the real optimum n*.
 * But the bound falls with T, hence L(n, floor) >= L(n, C/(cost d n)), and the right-hand side is
 * unimodal (allocation.h; the closed form from n = 2 on, and n = 1 is offered apart): once it
 * exceeds the best value found, nothing further out can win. The search walks outward from n* until
 * then, over n where n* <= T* and over T where T is the smaller number. It ends after some (n/sqrt
 * T)^(2/3) candidates, since each lucky n (a small remainder) narrows what is left.
 *
 * Here a search is one budget's, and the lanes of a pack are its candidates. Its first steps are
 * taken for many budgets at once, in whole_widths.h.
 */
#ifndef SC_INTEGER_SEARCH_H
#define SC_INTEGER_SEARCH_H

#include "bounds/allocation.h"

#define SC_EXACT_INTEGERS 9007199254740992.0 /* 2^53: from here on every double is whole */
/* Most candidates of one walk, some ten times what any needs from a good start: from a bad one the
   walk must still end. */
#define SC_MOST_CANDIDATES (1 << 22)

/* What budgets pay for in whole numbers: T = floor(budget / (unit n)) or n = floor(budget /
   (unit T)). */
typedef struct sc_budget_line {
    sc_bound bound;
    sc_budget b;
    real budget, unit;
} sc_budget_line;

/* The search of one budget, which is in all lanes of `line`, and the best so far. */
typedef struct sc_search {
    sc_budget_line line;
    double best_error, best_n, best_T;
} sc_search;

SC_INLINE real sc_error_at(const sc_budget_line *line, real n, real T)
{
    const sc_parts p = sc_parts_at(line->bound, &line->b, n, T);
    return p.misspecification + p.estimation;
}

SC_INLINE real sc_affordable(const sc_budget_line *line, real other) /* T for n, or n for T */
{
    return line->budget / (line->unit * other);
}

static void sc_offer(sc_search *s, real n, real T)
{
    double errors[SC_LANES], ns[SC_LANES], Ts[SC_LANES];
    r_store(errors, sc_error_at(&s->line, n, T));
    r_store(ns, n);
    r_store(Ts, T);
    for (int j = 0; j < SC_LANES; j++)
        if (errors[j] < s->best_error || (errors[j] == s->best_error && ns[j] < s->best_n)) {
            s->best_error = errors[j];
            s->best_n = ns[j];
            s->best_T = Ts[j];
        }
}

/* Offer n = start, start + step, ... until no wider (or narrower) n can be better. */
static void sc_walk_widths(sc_search *s, double start, double step)
{
    const real one = r_set(1.0);
    const double last = sc_first_lane(r_floor(s->line.b.product));
    int packs = SC_MOST_CANDIDATES / SC_LANES;
    for (double n0 = start; 1.0 <= n0 && n0 <= last && packs; n0 += step * SC_LANES, packs--) {
        const real n =
            r_min(r_max(r_fma(r_lane_numbers(), r_set(step), r_set(n0)), one), r_set(last));
        const real T = sc_affordable(&s->line, n);
        if (n0 != start && sc_first_lane(sc_error_at(&s->line, n, T)) >= s->best_error)
            return;
        sc_offer(s, n, r_max(r_floor(T), one));
    }
}

/* The widest whole n with floor(budget / (unit n)) >= T; corrected for the quotient's own
   rounding. */
SC_INLINE real sc_widest(const sc_search *s, real T)
{
    const real one = r_set(1.0);
    real n = r_floor(sc_affordable(&s->line, T));
    n = r_select(r_le(T, r_floor(sc_affordable(&s->line, n + one))), n + one, n);
    return r_select(r_lt(r_floor(sc_affordable(&s->line, r_max(n, one))), T), n - one, n);
}

/* At one T the bound has one minimum over n: bisect the sign of its difference over lo <= n <=
   hi. */
static void sc_bisect_width(sc_search *s, double T, double lo, double hi)
{
    while (lo < hi && hi <= SC_EXACT_INTEGERS) { /* beyond, lo + 1 may not be a double */
        const double middle = lo + sc_first_lane(r_floor(r_set(0.5 * (hi - lo))));
        const double at_middle = sc_first_lane(sc_error_at(&s->line, r_set(middle), r_set(T)));
        const double at_next = sc_first_lane(sc_error_at(&s->line, r_set(middle + 1.0), r_set(T)));
        if (at_middle <= at_next)
            hi = middle;
        else
            lo = middle + 1.0;
    }
    sc_offer(s, r_set(lo), r_set(T));
}

/* Offer T = start, start + step, ... For each T the whole n with floor(budget / (unit n)) = T are
   lo to hi, and hi is nearly always the best of them. */
static void sc_walk_samples(sc_search *s, double start, double step)
{
    const real one = r_set(1.0);
    const double last = sc_first_lane(r_floor(s->line.b.product));
    int packs = SC_MOST_CANDIDATES / SC_LANES;
    for (double T0 = start; 1.0 <= T0 && T0 <= last && packs; T0 += step * SC_LANES, packs--) {
        const real T =
            r_min(r_max(r_fma(r_lane_numbers(), r_set(step), r_set(T0)), one), r_set(last));
        const real hi = sc_widest(s, T), lo = sc_widest(s, T + one) + one;
        const real nearest = r_max(step > 0 ? hi : lo, one);
        if (T0 != start
            && sc_first_lane(sc_error_at(&s->line, nearest, sc_affordable(&s->line, nearest)))
                   >= s->best_error)
            return;
        const mask has_n = r_le(lo, hi);
        const mask inside =
            m_and(m_and(has_n, r_lt(lo, hi)), r_lt(sc_error_at(&s->line, r_max(hi - one, one), T),
                                                   sc_error_at(&s->line, r_max(hi, one), T)));
        /* where no n belongs to this T, offer n = 1 instead */
        const real n = r_max(r_select(has_n, hi, one), one);
        sc_offer(s, n, r_max(r_select(has_n, T, r_floor(sc_affordable(&s->line, n))), one));
        if (m_any(inside)) {
            double Ts[SC_LANES], los[SC_LANES], his[SC_LANES];
            r_store(Ts, T);
            r_store(los, lo);
            r_store(his, hi);
            for (int j = 0; j < SC_LANES; j++)
                if (m_lanes(inside) >> j & 1)
                    sc_bisect_width(s, Ts[j], los[j], his[j]);
        }
    }
}

/* Begin the search of one of the budgets, that of a lane. */
static sc_search sc_search_of(const sc_budget_line *line, int lane)
{
    const real K = r_set(r_lane(line->b.origin.K, lane));
    sc_search s;
    s.line.bound = line->bound;
    s.line.budget = r_set(r_lane(line->budget, lane));
    s.line.unit = r_set(r_lane(line->unit, lane));
    s.line.b.product = s.line.budget / s.line.unit;
    s.line.b.log_product = sc_log(s.line.b.product);
    s.line.b.d = r_set(r_lane(line->b.d, lane));
    s.line.b.origin = sc_origin_of(K);
    s.line.b.ratio = sc_ratio_of(K);
    s.line.b.log_K = sc_log(K);
    s.best_error = INFINITY;
    s.best_n = s.best_T = 1.0;
    return s;
}

/* Search outward from T, the whole number of samples at the (last) stationary point. */
static void sc_search_samples(sc_search *s, double T)
{
    /* the closed form's bound may have a second minimum there */
    sc_offer(s, r_set(1.0), r_floor(s->line.b.product));
    sc_walk_samples(s, T, -1.0);
    sc_walk_samples(s, T + 1.0, 1.0);
}

#endif
