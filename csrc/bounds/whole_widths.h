/* The best whole numbers for a pack of budgets. Most searches end a few widths away from the real
 * optimum: these steps are taken for all budgets of the pack at once. What is still open then is
 * searched budget by budget (integer_search.h).
 */
#ifndef SC_WHOLE_WIDTHS_H
#define SC_WHOLE_WIDTHS_H

#include "bounds/integer_search.h"

/* Steps either way for the whole pack. Twice as many or half as many take as long: by then few lanes
   are open. */
#define SC_STEPS_TOGETHER 4

/* The best of each lane so far, and the next widths to try on either side. */
typedef struct sc_whole_pack {
    sc_budget_line line;
    real error, n, T, below, above;
} sc_whole_pack;

/* Offer a whole width n to these lanes. */
SC_INLINE void sc_offer_widths(sc_whole_pack *p, mask lanes, real n)
{
    const real one = r_set(1.0), T = r_max(r_floor(sc_affordable(&p->line, n)), one),
               error = sc_error_at(&p->line, n, T);
    const mask narrower = m_and(r_le(error, p->error), r_lt(n, p->n)),
               better = m_and(lanes, m_or(r_lt(error, p->error), narrower));
    p->error = r_select(better, error, p->error);
    p->n = r_select(better, n, p->n);
    p->T = r_select(better, T, p->T);
}

/* Offer a whole width n to those of the lanes where it, or one further out, may be better; returns
   these lanes. */
SC_INLINE mask sc_step_out(sc_whole_pack *p, mask lanes, real n)
{
    const real one = r_set(1.0), last = r_floor(p->line.b.product);
    lanes = m_and(lanes, m_and(r_le(one, n), r_le(n, last)));
    if (!m_any(lanes))
        return lanes;
    n = r_min(r_max(n, one), last);
    lanes = m_and(lanes, r_lt(sc_error_at(&p->line, n, sc_affordable(&p->line, n)), p->error));
    if (m_any(lanes))
        sc_offer_widths(p, lanes, n);
    return lanes;
}

/* Search these lanes from their real optima n outward; returns those in which widths beyond `below`
   or `above` may still be better. */
SC_INLINE mask sc_search_together(sc_whole_pack *p, mask lanes, real n)
{
    const real one = r_set(1.0), zero = r_set(0.0), last = r_floor(p->line.b.product);
    const mask above_fits = m_and(lanes, r_le(n + one, last));
    p->error = r_set(INFINITY);
    p->n = p->T = one;
    if (p->line.bound == SC_BOUND_CLOSED_FORM) /* there it may have a second minimum */
        sc_offer_widths(p, lanes, one);
    sc_offer_widths(p, lanes, r_max(n, one));
    sc_offer_widths(p, above_fits, r_max(r_min(n + one, last), one));
    p->below = n - one;
    p->above = n + one + one;
    mask down = lanes, up = above_fits;
    for (int step = 0; step < SC_STEPS_TOGETHER && m_any(m_or(down, up)); step++) {
        down = sc_step_out(p, down, p->below);
        up = sc_step_out(p, up, p->above);
        p->below = r_select(down, p->below - one, p->below);
        p->above = r_select(up, p->above + one, p->above);
    }
    /* a side that has ended is left out of what follows: no budget pays for these */
    p->below = r_select(down, p->below, zero);
    p->above = r_select(up, p->above, r_set(INFINITY));
    return m_or(down, up);
}

/* The best whole widths and their samples in these lanes, from the (last) stationary points as real
   widths and samples; the others are left as they are. */
static void sc_best_whole(sc_bound bound, const sc_budget *b, mask lanes, real C, real unit,
                          real *width, real *samples)
{
    const real end = r_set(SC_EXACT_INTEGERS), n = r_floor(*width), T = r_floor(*samples);
    lanes = m_and(lanes, m_or(r_lt(n, end), r_lt(T, end)));
    const mask over_widths = m_and(lanes, r_le(n, T));
    double widths[SC_LANES], wholes[SC_LANES];
    sc_whole_pack p;
    p.line.bound = bound;
    p.line.b = *b;
    p.line.budget = C;
    p.line.unit = unit;
    const unsigned open = m_lanes(sc_search_together(&p, over_widths, n)),
                   over_samples = m_lanes(lanes) & ~m_lanes(over_widths);
    r_store(widths, r_select(over_widths, p.n, *width));
    r_store(wholes, r_select(over_widths, p.T, *samples));
    for (int j = 0; j < SC_LANES; j++) {
        if (!((open | over_samples) >> j & 1))
            continue;
        sc_search s = sc_search_of(&p.line, j);
        if (over_samples >> j & 1) {
            sc_search_samples(&s, r_lane(T, j));
        } else {
            s.best_error = r_lane(p.error, j);
            s.best_n = widths[j];
            s.best_T = wholes[j];
            sc_walk_widths(&s, r_lane(p.below, j), -1.0);
            sc_walk_widths(&s, r_lane(p.above, j), 1.0);
        }
        widths[j] = s.best_n;
        wholes[j] = s.best_T;
    }
    *width = r_load(widths);
    *samples = r_load(wholes);
}

#endif
