/* Sticks at a point: beside each row as many as pay, sent in each way, where a lower bound on what
 * that costs does not leave it out. Rows go a pack at a time.
 */
#ifndef SC_STICKS_AT_POINTS_H
#define SC_STICKS_AT_POINTS_H

#include "spectral/row_packs.h"
#include "spectral/stick_strategy.h"

/* A pack of rows, from place `row` on among those beside which sticks are tried, with so many
   sticks each, and what these cost; and whether one more or less (`step`) may cost less, at most by
   `change`. `least`: with the fixed part and that change, at least; NO_COST where sticks are left
   out. */
typedef struct stick_offer {
    SC_ALIGNED double least[SC_LANES];
    SC_ALIGNED double sticks[SC_LANES];
    SC_ALIGNED double list[SC_LANES];
    SC_ALIGNED double loss[SC_LANES];
    SC_ALIGNED double residual[SC_LANES];
    SC_ALIGNED double step[SC_LANES];
    SC_ALIGNED double change[SC_LANES];
    ptrdiff_t row;
    stick_code code;
} stick_offer;

/* A pack of rows: what formulas of sticks read, room for sticks, what the fixed parts cost at
   least. */
typedef struct stick_pack {
    ptrdiff_t row;
    stick_rows columns;
    real room, fixed, eighth, ratio; /* `ratio`: log_size_ratio() */
    mask may;                        /* rows beside which sticks may be best */
} stick_pack;

#define STICK_PACKS (ATOM_ROWS / SC_LANES)

typedef struct stick_point {
    const sc_strategies *s;
    int with;
    double n, T, log_T;
    const stick_law *law;
    sc_spectral_terms *best;
    int packs, offers;
    stick_pack pack[STICK_PACKS];
    stick_offer offer[STICK_PACKS]; /* of one code */
    /* what the fixed part of row number `priced` costs */
    ptrdiff_t priced;
    sc_price price;
} stick_point;

/* At most e^-x, without an exponential. */
SC_INLINE real least_power(real x)
{
    real power = r_max(r_fma(x, r_set(-1.0 / 64), r_set(1.0)), r_set(0.0));
    for (int i = 0; i < 6; i++)
        power = power * power;
    return power;
}

SC_INLINE real whole_below(real x)
{
    SC_ALIGNED double lane[SC_LANES];
    r_store(lane, x);
    for (int j = 0; j < SC_LANES; j++)
        lane[j] = floor(lane[j]);
    return r_load(lane);
}

/* How many polar sticks pay is found about. A lower bound on what one more or one less changes the
 * cost by, where that is below 0, and which: the sums over sticks are a parabola in m and a convex
 * function, and what is left falls by gamma.
 */
SC_INLINE real one_stick_more_or_less(const stick_law *law, real m, real limit, real by_sticks,
                                      real residual, real per_sample, real *step)
{
    const real zero = r_set(0.0), one = r_set(1.0);
    const double gamma = law->K / (law->K + 2),
                 bend = 0.5 * law->fall + law->half * (law->K >= 2 ? 2 / law->K : law->fall);
    const real bent = per_sample * r_set(0.5 * bend),
               more = r_fma(residual, r_set(gamma - 1), by_sticks - bent),
               less = r_fma(residual, r_set(1 / gamma - 1), -by_sticks - bent);
    const mask may_more = m_and(r_le(m + one, limit), r_lt(more, zero)),
               may_less = m_and(r_lt(one, m), r_lt(less, zero));
    *step = r_select(may_more, one, r_select(may_less, -one, zero));
    return r_select(may_more, more, r_select(may_less, less, zero));
}

/* Offer sticks sent in this way beside those rows of a pack where they may be best. */
static void offer_sticks(stick_point *p, const stick_pack *pack, stick_code code, mask may)
{
    const stick_law *const law = p->law;
    const real log_T = r_set(p->log_T), one = r_set(1.0), per_sample = r_set(1 / p->T),
               beaten = r_set(p->best->error);
    const real pays = whole_below(paying_sticks(law, &pack->columns, code, log_T, pack->room)),
               m = r_max(pays, one);
    const real least = least_cost_of_sticks(law, &pack->columns, code, log_T, m) * per_sample,
               least_left = least_power(m * r_set(law->fall)) * pack->eighth;
    may = m_and(m_and(may, r_le(one, pays)), r_lt(pack->fixed + least + least_left, beaten));
    if (!m_lanes(may))
        return;
    const stick_cost cost = cost_of_sticks(law, &pack->columns, code, log_T, m);
    const real list = (cost.total - cost.noise) * per_sample, loss = cost.noise * per_sample,
               residual = stick_exp(m * r_set(-law->fall)) * pack->eighth,
               total = pack->fixed + (list + loss + residual);
    real step = r_set(0.0), change = r_set(0.0);
    if (code == POLAR_ONE_BY_ONE) {
        const real limit = r_min(most_sticks(law, &pack->columns, code, log_T), pack->room);
        change = one_stick_more_or_less(law, m, limit, cost.by_sticks * per_sample, residual,
                                        per_sample, &step);
    }
    const real lowest = r_max(total + change, pack->fixed);
    may = m_and(may, r_lt(lowest, beaten));
    stick_offer *const o = &p->offer[p->offers];
    p->offers += m_lanes(may) != 0;
    o->row = pack->row;
    o->code = code;
    r_store(o->least, r_select(may, lowest, r_set(NO_COST)));
    r_store(o->step, step);
    r_store(o->change, change);
    r_store(o->sticks, m);
    r_store(o->list, list);
    r_store(o->loss, loss);
    r_store(o->residual, residual);
}

/* Find the packs from row number `from` on, ATOM_ROWS rows of them, beside which sticks may be
   best. */
static void find_packs(stick_point *p, ptrdiff_t from)
{
    const sc_atom_columns *const a = &p->s->atoms;
    const stick_law *const law = p->law;
    const double *const floors = atom_floors_at(p->s, p->with, p->T);
    const real one = r_set(1.0), whole = r_set(floor(p->n)), log_T = r_set(p->log_T),
               beaten = r_set(p->best->error);
    p->packs = 0;
    for (ptrdiff_t row = from; row < from + ATOM_ROWS && row < a->stride; row += SC_LANES) {
        stick_pack *const pack = &p->pack[p->packs];
        pack->row = row;
        pack->columns = (stick_rows){r_load(a->log_residual + row), r_load(a->log_rounding + row),
                                     r_load(a->last_stick + row),   r_load(a->log_delta + row),
                                     r_load(a->last_polar + row),   r_load(a->polar_rise + row)};
        pack->room = whole - r_load(a->units + row);
        pack->fixed = fixed_at_least(p->s, floors, row, p->T);
        pack->eighth = r_load(a->eighth + row);
        pack->ratio = log_size_ratio(law, &pack->columns, log_T);
        /* no code sends more than have a size above the noise */
        const real fall = r_set(law->fall), decay = r_min(fall * pack->room, pack->ratio + fall);
        const mask room = r_le(one, pack->room);
        if (!m_lanes(room))
            break;
        pack->may = m_and(room, r_lt(r_fma(pack->eighth, least_power(decay), pack->fixed), beaten));
        p->packs += m_lanes(pack->may) != 0;
    }
}

/* Offer sticks sent in this way beside all rows where they may pay. */
static void offer_everywhere(stick_point *p, stick_code code)
{
    const stick_law *const law = p->law;
    const real above_noise = r_set(law->log_first - law->log_noise + p->log_T);
    p->offers = 0;
    for (int i = 0; i < p->packs; i++) {
        const stick_pack *const pack = &p->pack[i];
        const mask pay = code == STICK_VECTORS ? r_le(pack->columns.last_stick,
                                                      above_noise + pack->columns.log_rounding)
                                               : polar_may_pay(law, &pack->columns, pack->ratio),
                   may = m_and(pack->may, pay);
        if (!m_lanes(may))
            continue;
        offer_sticks(p, pack, code, may);
    }
}

/* The offer with the least lower bound, or -1 if none is below the best so far. */
static int least_offer(const stick_point *p)
{
    const real beaten = r_set(p->best->error), none = r_set(NO_COST);
    real seen = none;
    for (int i = 0; i < p->offers; i++) {
        const real least = r_load(p->offer[i].least);
        seen = r_min(seen, with_place(r_select(r_lt(least, beaten), least, none), i * SC_LANES));
    }
    return place_of_least(seen);
}

static const sc_price *price_of_row(stick_point *p, ptrdiff_t row)
{
    if (row != p->priced)
        p->price = price_of(p->s, p->with, row, p->T, p->log_T - 2 * SC_LN2);
    p->priced = row;
    return &p->price;
}

static void try_polar(stick_point *p, ptrdiff_t row, double m)
{
    const stick_share share = sticks_share(p->s, p->law, POLAR_ONE_BY_ONE, row, p->T, p->log_T, m);
    take_sticks(p->s, POLAR_ONE_BY_ONE, row, m, &share, price_of_row(p, row), p->best);
}

/* Take offers until none may do better than the best so far: most often the first leaves out all
   others. */
static void take_offers(stick_point *p)
{
    for (int place; (place = least_offer(p)) >= 0;) {
        stick_offer *const o = &p->offer[place / SC_LANES];
        const int j = place % SC_LANES;
        const ptrdiff_t row = p->s->atom_row[o->row + j];
        const stick_share share = {o->list[j], o->loss[j], o->residual[j]};
        o->least[j] = NO_COST;
        take_sticks(p->s, o->code, row, o->sticks[j], &share, price_of_row(p, row), p->best);
        const double lowest = p->price.coefficients + p->price.distortion + share.list + share.loss
                              + share.residual + o->change[j];
        if (o->step[j] != 0 && lowest < p->best->error)
            try_polar(p, row, o->sticks[j] + o->step[j]);
    }
}

static void sticks_at_point(const sc_strategies *s, int with, double n, double T,
                            double log_quarter, const stick_law *law, sc_spectral_terms *best)
{
    const double K = law->K;
    stick_point p;
    p.s = s;
    p.with = with;
    p.n = n;
    p.T = T;
    p.log_T = log_quarter + 2 * SC_LN2;
    p.best = best;
    p.law = law;
    p.priced = -1;
    /* those first that are best most often: they leave out most others */
    const stick_code first = K < 2 ? POLAR_ALL_DIRECTIONS : POLAR_ONE_BY_ONE,
                     second = K < 2 ? POLAR_ONE_BY_ONE : POLAR_ALL_DIRECTIONS;
    const stick_code order[3] = {first, second, STICK_VECTORS};
    for (ptrdiff_t from = 0; from < s->atom_rows; from += ATOM_ROWS) {
        find_packs(&p, from);
        for (int i = 0; i < 3; i++)
            if (with & (order[i] == STICK_VECTORS ? SC_WITH_STICKS : SC_WITH_POLAR)) {
                offer_everywhere(&p, order[i]);
                take_offers(&p);
            }
    }
}

#endif
