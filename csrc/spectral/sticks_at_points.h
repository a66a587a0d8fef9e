/* Sticks at a point: beside each row as many as pay, sent in each way, where a lower bound on what
 * that costs does not leave it out. Rows go a pack at a time; of the packs, the one with the least
 * lower bound comes first, and most often leaves out all others.
 */
#ifndef SC_STICKS_AT_POINTS_H
#define SC_STICKS_AT_POINTS_H

#include "spectral/row_packs.h"
#include "spectral/stick_strategy.h"

/* Beside the rows of a pack, from place `row` on among those where sticks are tried: so many sticks
   each, and the least that this may cost, with the fixed part; NO_COST where sticks are left out. */
typedef struct stick_offer {
    SC_ALIGNED double least[SC_LANES];
    SC_ALIGNED double sticks[SC_LANES];
    ptrdiff_t row;
    stick_code code;
} stick_offer;

#define STICK_OFFERS (3 * ATOM_ROWS / SC_LANES) /* of a point: three codes */

typedef struct stick_point {
    double n, T, log_T, per_sample;
    stick_law law;
    sc_spectral_terms *best;
    int first, offers; /* of the block's */
    int place;         /* of the least lower bound among them, or -1 */
    /* what the fixed part of row number `priced` costs */
    ptrdiff_t priced;
    sc_price price;
} stick_point;

/* Points whose offers wait to be taken. Until then nothing branches on a bound, so that a processor
   works on several points at once. */
typedef struct stick_block {
    const sc_strategies *s;
    int with, points, offers;
    stick_point point[ATOM_BATCH];
    /* room for one more, which may turn out to be none */
    stick_offer offer[4 * STICK_OFFERS + 1];
} stick_block;

/* What formulas of sticks read for a pack of rows; room for sticks, what the fixed parts cost at
   least, residual/8. */
typedef struct stick_pack {
    stick_levels at;
    real room, fixed, eighth;
} stick_pack;

SC_INLINE stick_pack pack_at(const sc_strategies *s, int with, const stick_point *p, ptrdiff_t row)
{
    const sc_atom_columns *const a = &s->atoms;
    const stick_rows columns = {r_load(a->log_residual + row), r_load(a->log_rounding + row),
                                r_load(a->last_stick + row),   r_load(a->log_delta + row),
                                r_load(a->last_polar + row),   r_load(a->polar_rise + row)};
    return (stick_pack){
        levels_of(&p->law, &columns, r_set(p->log_T)), r_set(floor(p->n)) - r_load(a->units + row),
        fixed_at_least(s, atom_floors_at(s, with, p->T), row, p->T), r_load(a->eighth + row)};
}

/* At most e^-x, without an exponential. */
SC_INLINE real least_power(real x)
{
    real power = r_max(r_fma(x, r_set(-1.0 / 64), r_set(1.0)), r_set(0.0));
    for (int i = 0; i < 6; i++)
        power = power * power;
    return power;
}

/* How many polar sticks pay is found about. A lower bound on what one more or one less changes the
 * cost by, where that is below 0, and which: the sums over sticks are a parabola in m and a convex
 * function, and what is left falls by gamma.
 */
SC_INLINE real one_stick_more_or_less(const stick_law *law, real m, real limit, real by_sticks,
                                      real residual, real per_sample, real *step)
{
    const real zero = r_set(0.0), one = r_set(1.0);
    const double gamma = law->gamma,
                 bend = 0.5 * law->fall + law->half * (law->K >= 2 ? 2 / law->K : law->fall);
    const real bent = per_sample * r_set(0.5 * bend),
               more = r_fma(residual, r_set(gamma - 1), by_sticks - bent),
               less = r_fma(residual, r_set(1 / gamma - 1), -by_sticks - bent);
    const mask may_more = m_and(r_le(m + one, limit), r_lt(more, zero)),
               may_less = m_and(r_lt(one, m), r_lt(less, zero));
    *step = r_select(may_more, one, r_select(may_less, -one, zero));
    return r_select(may_more, more, r_select(may_less, less, zero));
}

/* Offer sticks sent in this way beside those rows of a pack where they may be best. Returns the
   lower bounds, with their places. */
SC_INLINE real offer_sticks(stick_block *b, stick_point *p, const stick_pack *pack, ptrdiff_t row,
                            stick_code code, mask may)
{
    const stick_law *const law = &p->law;
    const real one = r_set(1.0);
    const real pays = paying_sticks(law, &pack->at, code, pack->room),
               m = r_floor(r_max(pays, one));
    const real sent = least_cost_of_sticks(law, &pack->at, code, m),
               left = least_power(m * r_set(law->fall)),
               beside = r_fma(left, pack->eighth, r_max(sent, r_set(0.0)) * r_set(p->per_sample)),
               least = pack->fixed + beside; /* not negative: see with_place */
    may = m_and(m_and(may, r_le(one, pays)), r_lt(least, r_set(p->best->error)));
    stick_offer *const o = &b->offer[p->first + p->offers];
    o->row = row;
    o->code = code;
    const real offered = r_select(may, least, r_set(NO_COST)),
               placed = with_place(offered, SC_LANES * p->offers);
    r_store(o->least, offered);
    r_store(o->sticks, m);
    p->offers += m_any(may);
    return placed;
}

/* Make offers beside a pack of rows; `seen`: the least lower bounds of those before. Returns 0
   where no row has room, nor has one of the packs after. */
SC_INLINE int offers_beside(stick_block *b, stick_point *p, ptrdiff_t row, real *seen)
{
    const stick_law *const law = &p->law;
    const stick_pack pack = pack_at(b->s, b->with, p, row);
    const mask room = r_le(r_set(1.0), pack.room);
    if (!m_any(room))
        return 0;
    /* no code sends more than have a size above the noise */
    const real fall = r_set(law->fall), decay = r_min(fall * pack.room, pack.at.size + fall),
               least = r_fma(pack.eighth, least_power(decay), pack.fixed);
    const mask may = m_and(room, r_lt(least, r_set(p->best->error))),
               polar = m_and(may, may_pay(law, &pack.at, POLAR_ONE_BY_ONE)),
               vectors = m_and(may, may_pay(law, &pack.at, STICK_VECTORS));
    if (b->with & SC_WITH_POLAR && m_any(polar)) {
        *seen = r_min(*seen, offer_sticks(b, p, &pack, row, POLAR_ONE_BY_ONE, polar));
        *seen = r_min(*seen, offer_sticks(b, p, &pack, row, POLAR_ALL_DIRECTIONS, polar));
    }
    if (b->with & SC_WITH_STICKS && m_any(vectors))
        *seen = r_min(*seen, offer_sticks(b, p, &pack, row, STICK_VECTORS, vectors));
    return 1;
}

/* Add a point to the block, with its offers beside the rows from number `from` on, ATOM_ROWS rows
   of them; `lane` of these concentrations is its. */
static void offer_at_point(stick_block *b, ptrdiff_t from, double n, double T, double log_quarter,
                           const stick_concentrations *concentrations, int lane,
                           sc_spectral_terms *best)
{
    const ptrdiff_t last = from + ATOM_ROWS, rows = b->s->atoms.stride;
    stick_point *const p = &b->point[b->points];
    p->n = n;
    p->T = T;
    p->log_T = log_quarter + 2 * SC_LN2;
    p->per_sample = 1 / T;
    set_concentration(&p->law, concentrations, lane);
    p->best = best;
    p->first = b->offers;
    p->offers = 0;
    p->priced = -1;
    real seen = r_set(NO_COST);
    for (ptrdiff_t row = from; row < last && row < rows; row += SC_LANES)
        if (!offers_beside(b, p, row, &seen))
            break;
    p->place = place_of_least(seen);
    b->points += p->place >= 0;
    b->offers += p->place >= 0 ? p->offers : 0;
}

/* What the sticks of an offer cost. `least`: with the fixed part, at least; and if one more or less
   (`step`) may cost less, at most by `change`, with that. */
typedef struct settled_offer {
    SC_ALIGNED double list[SC_LANES];
    SC_ALIGNED double loss[SC_LANES];
    SC_ALIGNED double residual[SC_LANES];
    SC_ALIGNED double step[SC_LANES];
    SC_ALIGNED double change[SC_LANES];
} settled_offer;

/* Find that, and with it better lower bounds. */
static void settle_offer(const stick_block *b, const stick_point *p, stick_offer *o,
                         settled_offer *out)
{
    const stick_law *const law = &p->law;
    const stick_pack pack = pack_at(b->s, b->with, p, o->row);
    const real m = r_load(o->sticks), per_sample = r_set(p->per_sample), none = r_set(NO_COST);
    const stick_cost cost = cost_of_sticks(law, &pack.at, o->code, m);
    const real list = (cost.total - cost.noise) * per_sample, loss = cost.noise * per_sample,
               residual = stick_exp(m * r_set(-law->fall)) * pack.eighth,
               total = pack.fixed + (list + loss + residual);
    real step = r_set(0.0), change = step;
    if (o->code == POLAR_ONE_BY_ONE) {
        const real limit = r_min(most_sticks(law, &pack.at, o->code), pack.room);
        change = one_stick_more_or_less(law, m, limit, cost.by_sticks * per_sample, residual,
                                        per_sample, &step);
    }
    r_store(o->least,
            r_select(r_lt(r_load(o->least), none), r_max(total + change, pack.fixed), none));
    r_store(out->list, list);
    r_store(out->loss, loss);
    r_store(out->residual, residual);
    r_store(out->step, step);
    r_store(out->change, change);
}

/* The lower bounds of an offer that are below the best so far, with their places. */
SC_INLINE real least_of(const stick_block *b, const stick_point *p, int offer)
{
    const real none = r_set(NO_COST), least = r_load(b->offer[p->first + offer].least);
    return with_place(r_select(r_lt(least, r_set(p->best->error)), least, none), offer * SC_LANES);
}

/* The place of the least lower bound, or -1 if none is below the best so far. */
static int least_offer(const stick_block *b, const stick_point *p)
{
    real seen = r_set(NO_COST);
    for (int i = 0; i < p->offers; i++)
        seen = r_min(seen, least_of(b, p, i));
    return place_of_least(seen);
}

static const sc_price *price_of_row(const stick_block *b, stick_point *p, ptrdiff_t row)
{
    if (row != p->priced)
        p->price = price_of(b->s, b->with, row, p->T, p->log_T - 2 * SC_LN2);
    p->priced = row;
    return &p->price;
}

static void try_polar(const stick_block *b, stick_point *p, ptrdiff_t row, double m)
{
    const stick_share share = sticks_share(b->s, &p->law, POLAR_ONE_BY_ONE, row, p->T, p->log_T, m);
    take_sticks(b->s, POLAR_ONE_BY_ONE, row, m, &share, price_of_row(b, p, row), p->best);
}

/* Take the sticks of one row, if they do better than the best so far. */
static void take_offer(const stick_block *b, stick_point *p, stick_offer *o,
                       const settled_offer *settled, int j)
{
    const ptrdiff_t row = b->s->atom_row[o->row + j];
    const stick_share share = {settled->list[j], settled->loss[j], settled->residual[j]};
    o->least[j] = NO_COST;
    take_sticks(b->s, o->code, row, o->sticks[j], &share, price_of_row(b, p, row), p->best);
    const double lowest = p->price.coefficients + p->price.distortion + share.list + share.loss
                          + share.residual + settled->change[j];
    if (settled->step[j] != 0 && lowest < p->best->error)
        try_polar(b, p, row, o->sticks[j] + settled->step[j]);
}

/* Take offers of all points until none may do better than the best so far, and empty the block. An
   offer that is chosen again is settled again: most often the first leaves out all others. */
static void take_offers(stick_block *b)
{
    settled_offer settled;
    for (int i = 0; i < b->points; i++) {
        stick_point *const p = &b->point[i];
        for (int place = p->place; place >= 0; place = least_offer(b, p)) {
            const int which = place / SC_LANES;
            stick_offer *const o = &b->offer[p->first + which];
            settle_offer(b, p, o, &settled);
            const int at = place_of_least(least_of(b, p, which));
            if (at >= 0)
                take_offer(b, p, o, &settled, at % SC_LANES);
        }
    }
    b->points = b->offers = 0;
}

/* Whether a block must be emptied before it takes one more point. */
SC_INLINE int is_full(const stick_block *b)
{
    return b->points == ATOM_BATCH || b->offers > 3 * STICK_OFFERS;
}

#endif
