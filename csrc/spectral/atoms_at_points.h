/* Atoms at points: beside each row the best number of them, where a lower bound on what that costs
 * does not leave the row out.
 *
 * What atoms cost beside a row depends on the row by two numbers only, its share A = K rho/8 and
 * the limit: it is the least of A/n + h(n) over n up to the limit, with h(n) what n atoms' list and
 * rounding cost. One evaluation, of h and its derivative in ln n at any n, is a lower bound for all
 * rows at once (see least_beside), close for rows whose A is near the one with which n is best.
 * So points go in rounds: each solves for the row whose lower bound is least, and closes those that
 * can do no better, until none is open. A round of a block of points is solved together.
 */
#ifndef SC_ATOMS_AT_POINTS_H
#define SC_ATOMS_AT_POINTS_H

#include "spectral/atom_strategy.h"
#include "spectral/row_packs.h"

/* What an evaluation at n_1 atoms tells of the other rows of its point: ln n_1, h(n_1), its
   derivative in ln n; the ln of the residual beside which n_1 is best, and how the ln of that
   changes with ln n. */
typedef struct atom_tangent {
    double log_atoms, cost, rise, log_residual, slope;
} atom_tangent;

typedef struct atom_points {
    const sc_strategies *s;
    int with, count;
    const double *T, *K, *log_quarter;
    sc_spectral_terms *best;
    double most[ATOM_BATCH]; /* units; whole where there may be less than WHOLE_ANYHOW atoms */
    /* see least_cost_of_atoms */
    SC_ALIGNED double scale[ATOM_BATCH];
    SC_ALIGNED double log_8_scale[ATOM_BATCH];
    /* Of the rows from number `from` on among those that may have atoms: which may be best for each
       point, as bits, and the one with the least lower bound. */
    ptrdiff_t from;
    uint64_t open[ATOM_BATCH];
    int first[ATOM_BATCH];
    atom_tangent tangent[ATOM_BATCH];
    sc_price price[ATOM_BATCH]; /* of the fixed parts of a batch */
} atom_points;

/* A lower bound on what atoms cost beside the rows of a pack.
 *
 * With M(n) = dh/d ln n, n M(n) = A at the best n, and the least C(A) has dC/d ln A = A/n = M. As n
 * grows M hardly falls: where K >= 1, d ln M/d ln n, which is slope_of_phi() - 1, is above -1/17
 * everywhere (-0.055 as d grows; a test looks for the least), so that d ln M/d ln A > -1/16. With
 * A_1 = n_1 M(n_1), t = ln(A/A_1) and y = ln(n/n_1), integrating gives
 *
 *     C(A) >= h(n_1) + M(n_1) (1 + 16 (1 - e^(-t/16))), h(n) >= h(n_1) + M(n_1) 17 (1 - e^(-y/17)),
 *
 * and the last terms are at least t - BEND t^2 and y - BEND y^2 up to 8 either way. The second is
 * for a limit below the best n, up to which A/n + h(n) falls. For K < 1 there is what holds for any
 * h: C rises with A, and is concave.
 */
#define BEND 0.0375

SC_INLINE real least_beside(const atom_tangent *at, double K, real share, real log_residual,
                            real limit)
{
    const real zero = r_set(0.0), one = r_set(1.0), far = r_set(8.0), rise = r_set(at->rise),
               cost = r_set(at->cost), past = log_residual - r_set(at->log_residual),
               by_limit = share * r_reciprocal(limit);
    if (K < 1)
        return r_max((cost + rise) * sc_exp(r_max(r_min(past, zero), r_set(-700.0))), by_limit);
    const real t = r_min(past, far), y = sc_log(limit) - r_set(at->log_atoms), size = r_max(y, -y);
    const real bend = r_set(-BEND), open = r_fma(rise, r_fma(t * t, bend, t + one), cost),
               closed = r_fma(rise, r_fma(y * y, bend, y), cost + by_limit);
    const mask stops = m_and(r_le(r_fma(size, r_set(0.08), y), past), r_le(size, r_set(6.0)));
    return r_select(stops, closed, r_max(r_select(r_le(-far, t), open, zero), by_limit));
}

/* The mask of these bits */
SC_INLINE mask mask_of(unsigned lanes)
{
    return b_nonzero((b_set(lanes) >> b_lane_numbers()) & b_set(1));
}

/* Of the open rows of a point, leave open those that may do better than the best so far. */
static void keep_open(atom_points *p, int i)
{
    const sc_atom_columns *const a = &p->s->atoms;
    const double K = fmax(p->K[i], LEAST_K),
                 T = p->T[i], *const floors = atom_floors_at(p->s, p->with, T);
    const uint64_t all = p->open[i];
    const real beaten = r_set(p->best[i].error * (1 + 1e-10)), one = r_set(1.0),
               none = r_set(NO_COST);
    real seen = none;
    uint64_t open = 0;
    for (int k = 0; k < ATOM_ROWS && all >> k; k += SC_LANES) {
        const unsigned before = (unsigned)(all >> k) & ((1u << SC_LANES) - 1);
        if (!before)
            continue;
        const ptrdiff_t row = p->from + k;
        const real least = fixed_at_least(p->s, floors, row, T)
                           + least_beside(&p->tangent[i], K, r_load(a->eighth + row) * r_set(K),
                                          r_load(a->log_residual + row),
                                          r_max(r_set(p->most[i]) - r_load(a->units + row), one));
        const mask kept = m_and(r_lt(least, beaten), mask_of(before));
        open |= (uint64_t)m_lanes(kept) << k;
        seen = r_min(seen, with_place(r_select(kept, least, none), k));
    }
    p->open[i] = open;
    p->first[i] = place_of_least(seen);
}

/* Whether atoms may help at a point: see least_cost_of_atoms. */
SC_INLINE int may_have_atoms(const atom_points *p, int i)
{
    return p->scale[i] * SC_LN2 < p->best[i].error;
}

/* Open the rows that leave room for atoms, of which there are more than K, and beside which they
   may do better than the best so far. */
static void open_rows(atom_points *p, int i)
{
    const sc_atom_columns *const a = &p->s->atoms;
    const double T = p->T[i], *const floors = atom_floors_at(p->s, p->with, T);
    const real beaten = r_set(p->best[i].error), K = r_set(fmax(p->K[i], LEAST_K)),
               most = r_set(p->most[i]), one = r_set(1.0), none = r_set(NO_COST),
               scale = r_set(p->scale[i]), log_8_scale = r_set(p->log_8_scale[i]),
               least_list = scale * r_set(SC_LN2);
    const ptrdiff_t rows = p->s->atom_rows - p->from;
    real seen = none;
    uint64_t open = 0;
    for (int k = 0; k < ATOM_ROWS && k < rows; k += SC_LANES) {
        const ptrdiff_t row = p->from + k;
        const real limit = most - r_load(a->units + row);
        const mask room = m_and(r_le(one, limit), r_lt(K, limit));
        if (!m_any(room))
            break;
        const real loss = r_load(a->eighth + row) * K * r_reciprocal(r_max(limit, one)),
                   drawn =
                       r_max(loss + least_list,
                             least_cost_beside(scale, log_8_scale, r_load(a->log_residual + row))),
                   least = drawn + fixed_at_least(p->s, floors, row, T);
        const mask may_win = m_and(room, r_lt(least, beaten));
        open |= (uint64_t)m_lanes(may_win) << k;
        seen = r_min(seen, with_place(r_select(may_win, least, none), k));
    }
    p->open[i] = open;
    p->first[i] = place_of_least(seen);
}

static void find_least_costs(atom_points *p)
{
    SC_ALIGNED double K[ATOM_BATCH], T[ATOM_BATCH], best[ATOM_BATCH];
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

SC_INLINE void put_atoms(const atom_points *p, int i, int k, double guess, atom_batch *q)
{
    const ptrdiff_t row = p->from + k;
    add_atoms(q, i, p->s->atom_row[row], p->T[i], p->K[i], p->most[i] - p->s->atoms.units[row]);
    q->guess[q->count - 1] = guess;
}

SC_INLINE void keep_tangent(atom_points *p, const atom_batch *q, int j)
{
    p->tangent[q->owner[j]] =
        (atom_tangent){q->log_atoms[j], q->loss[j] + q->list[j], q->rise[j],
                       p->s->log_residual[q->row[j]] + q->phi[j], q->slope[j]};
}

/* Take those whose root is their limit, which is whole or need not be. Of the others, leave out
   those that at a real number of atoms do no better than what is known, and keep the rest to be
   rounded. */
static void take_limits(atom_points *p, atom_batch *q)
{
    int kept = 0;
    for (int j = 0; j < q->count; j++) {
        const int i = q->owner[j];
        const sc_price price = price_of(q->s, q->with, q->row[j], q->samples[j], p->log_quarter[i]);
        if (q->atoms[j] == q->limit[j] && q->phi[j] <= 0) {
            take_atoms(q, j, &price, &p->best[i]);
            continue;
        }
        const double least = price.coefficients + price.distortion,
                     at_root = (q->rise[j] + q->loss[j] + q->list[j]) * (1 - 1.1 * fabs(q->phi[j]));
        if (!((least + at_root) * (1 - 1e-9) < p->best[i].error))
            continue;
        p->price[kept] = price;
        q->owner[kept] = i;
        q->row[kept] = q->row[j];
        q->T_or_product[kept] = q->T_or_product[j];
        q->K[kept] = q->K[j];
        q->limit[kept] = q->limit[j];
        q->units[kept] = q->units[j];
        q->share[kept] = q->share[j];
        q->root[kept++] = q->root[j];
    }
    q->count = kept;
}

/* Solve for the rows of a round, and take what is better. */
static void settle_round(atom_points *p, atom_batch *q)
{
    solve_atoms(q);
    for (int j = 0; j < q->count; j++)
        keep_tangent(p, q, j);
    take_limits(p, q);
    for (int upper = 0; upper < 2; upper++) {
        evaluate_whole_atoms(q, upper);
        for (int j = 0; j < q->count; j++)
            take_atoms(q, j, &p->price[j], &p->best[q->owner[j]]);
    }
}

/* Solve for the first open row of each point, and leave open those that may do better; returns for
   how many points. The first round has no tangent to begin from. */
static int one_round(atom_points *p, int round, atom_batch *q)
{
    q->count = 0;
    for (int i = 0; i < p->count; i++)
        if (p->open[i]) {
            const atom_tangent *const at = &p->tangent[i];
            double guess = (double)NAN;
            if (round > 0)
                guess = at->log_atoms
                        + (p->s->atoms.log_residual[p->from + p->first[i]] - at->log_residual)
                              / at->slope;
            put_atoms(p, i, p->first[i], guess, q);
        }
    const int solved = q->count;
    settle_round(p, q);
    for (int i = 0; i < p->count; i++)
        if (p->open[i]) {
            p->open[i] &= ~((uint64_t)1 << p->first[i]);
            if (p->open[i])
                keep_open(p, i);
        }
    return solved;
}

/* Compare the best so far with atoms beside every row. What a point leaves out depends on nothing
   but the point. */
static void atoms_at_points(atom_points *p)
{
    atom_batch q;
    q.s = p->s;
    q.with = p->with;
    q.along = 0;
    find_least_costs(p);
    for (p->from = 0; p->from < p->s->atom_rows; p->from += ATOM_ROWS) {
        for (int i = 0; i < p->count; i++) {
            p->open[i] = 0;
            if (may_have_atoms(p, i))
                open_rows(p, i);
        }
        for (int round = 0; one_round(p, round, &q); round++)
            ;
    }
}

#endif
