/* Sticks at a point: beside each row as many as pay, sent in each way, where a lower bound on what
 * that costs does not leave it out. Bounds are found for a pack of rows at once.
 */
#ifndef SC_STICKS_AT_POINTS_H
#define SC_STICKS_AT_POINTS_H

#include "spectral/stick_strategy.h"

/* rows beside which sticks are tried, at most: a table of ours has fewer */
#define STICK_ROWS 64

typedef struct stick_point {
    const sc_strategies *s;
    int with;
    double n, T, log_T;
    stick_law law;
    sc_spectral_terms *best;
    /* the rows beside which sticks may pay, in which way, what their fixed part costs at least, and
       how many sticks they leave room for */
    int rows;
    int vectors[STICK_ROWS], polar[STICK_ROWS];
    int may_be_sent[2]; /* as vectors, polar: beside any of them */
    ptrdiff_t row[STICK_ROWS];
    SC_ALIGNED double fixed[STICK_ROWS];
    SC_ALIGNED double room[STICK_ROWS];
} stick_point;

/* So many sticks beside a row, and a lower bound on what it costs with them. */
typedef struct stick_offer {
    double floor, sticks;
    ptrdiff_t row;
    stick_code code;
} stick_offer;

typedef struct stick_offers {
    int count, first; /* `first` has the least lower bound */
    stick_offer offer[STICK_ROWS];
} stick_offers;

/* At most e^-x, without an exponential. */
SC_INLINE real least_power(real x)
{
    real power = r_max(r_fma(x, r_set(-1.0 / 16), r_set(1.0)), r_set(0.0));
    for (int i = 0; i < 4; i++)
        power = power * power;
    return power;
}

/* The rows beside which a first stick pays, and whose fixed part leaves room for it. */
static void find_stick_rows(stick_point *p)
{
    const sc_strategies *s = p->s;
    const double *floors = floors_at(s, p->with, p->T), per_sample = 1 / p->T;
    const double of_vectors = p->law.log_first - p->law.log_noise + p->log_T,
                 log_ratio = p->law.log_first + p->log_T - 2 * SC_LN2;
    const int vectors = p->with & SC_WITH_STICKS, polar = p->with & SC_WITH_POLAR;
    p->rows = 0;
    p->may_be_sent[STICK_VECTORS] = p->may_be_sent[POLAR_ONE_BY_ONE] = 0;
    for (ptrdiff_t i = 0; i < s->atom_rows && p->rows < STICK_ROWS; i++) {
        const ptrdiff_t row = s->atom_row[i];
        const double room = p->n - s->units[row];
        if (room < 1)
            break;
        const int by_vectors = vectors && of_vectors + s->log_rounding[row] >= s->last_stick[row],
                  by_polar = polar && polar_may_pay(s, &p->law, row, p->log_T);
        if (!by_vectors && !by_polar)
            continue;
        /* no code sends more than have a size above the noise */
        const double most = log_ratio + s->log_residual[row] + p->law.fall,
                     decay = fmin(p->law.fall * room, most),
                     fixed = least_price(floors, row, p->T, per_sample);
        if (fixed + s->residual[row] * 0.125 * sc_first_lane(least_power(r_set(decay)))
            >= p->best->error)
            continue;
        p->may_be_sent[STICK_VECTORS] |= by_vectors;
        p->may_be_sent[POLAR_ONE_BY_ONE] |= by_polar;
        p->vectors[p->rows] = by_vectors;
        p->polar[p->rows] = by_polar;
        p->row[p->rows] = row;
        p->fixed[p->rows] = fixed;
        p->room[p->rows++] = floor(room);
    }
}

/* The rows of a pack; lanes that are left over repeat the last row. */
SC_INLINE stick_rows stick_rows_of(const stick_point *p, int first)
{
    const sc_strategies *const s = p->s;
    SC_ALIGNED double column[6][SC_LANES];
    for (int j = 0; j < SC_LANES; j++) {
        const ptrdiff_t row = p->row[first + j < p->rows ? first + j : p->rows - 1];
        column[0][j] = s->log_residual[row];
        column[1][j] = s->log_rounding[row];
        column[2][j] = s->last_stick[row];
        column[3][j] = s->log_delta[row];
        column[4][j] = s->last_polar[row];
        column[5][j] = s->polar_rise[row];
    }
    return (stick_rows){r_load(column[0]), r_load(column[1]), r_load(column[2]),
                        r_load(column[3]), r_load(column[4]), r_load(column[5])};
}

/* Of a pack of rows, those beside which sticks sent in this way may be best. */
static void offer_sticks(const stick_point *p, stick_code code, int first, const stick_rows *rows,
                         stick_offers *offers)
{
    const stick_law *const law = &p->law;
    const real log_T = r_set(p->log_T), one = r_set(1.0);
    SC_ALIGNED double sticks[SC_LANES], least[SC_LANES];
    r_store(sticks, paying_sticks(law, rows, code, log_T, r_load(p->room + first)));
    for (int j = 0; j < SC_LANES; j++)
        sticks[j] = floor(sticks[j]);
    const real m = r_max(r_load(sticks), one),
               sent = least_cost_of_sticks(law, rows, code, log_T, m) * r_set(1 / p->T),
               left = least_power(m * r_set(law->fall));
    r_store(least, sent);
    SC_ALIGNED double share[SC_LANES];
    r_store(share, left);
    for (int j = 0; j < SC_LANES && first + j < p->rows; j++) {
        const int i = first + j;
        const ptrdiff_t row = p->row[i];
        const double floor_of_row = least[j] + p->fixed[i] + share[j] * 0.125 * p->s->residual[row];
        if (!(code == STICK_VECTORS ? p->vectors[i] : p->polar[i]) || !(sticks[j] >= 1)
            || floor_of_row >= p->best->error)
            continue;
        offers->offer[offers->count] = (stick_offer){floor_of_row, sticks[j], row, code};
        if (floor_of_row < offers->offer[offers->first].floor)
            offers->first = offers->count;
        offers->count++;
    }
}

/* The offer with the least lower bound is tried first: with its result most others can be left
   out. */
static void take_offers(const stick_point *p, const stick_offers *offers)
{
    const stick_offer *taken = NULL;
    for (int k = 0; k < offers->count; k++) {
        const stick_offer *const o = &offers->offer[k == 0               ? offers->first
                                                    : k == offers->first ? 0
                                                                         : k];
        if (o->floor < p->best->error
            && try_sticks(p->s, p->with, &p->law, o->code, o->row, p->T, p->log_T, o->sticks,
                          p->best))
            taken = o;
    }
    if (!taken || taken->code != POLAR_ONE_BY_ONE)
        return;
    const stick_rows row = stick_row_of(p->s, taken->row);
    const double most = sc_first_lane(most_sticks(&p->law, &row, taken->code, r_set(p->log_T)));
    for (int step = -1; step <= 1; step += 2) { /* their number is found about */
        const double m = taken->sticks + step;
        if (m >= 1 && m <= p->n - p->s->units[taken->row] && m <= most)
            try_sticks(p->s, p->with, &p->law, taken->code, taken->row, p->T, p->log_T, m, p->best);
    }
}

static void sticks_at_point(const sc_strategies *s, int with, double n, double T, double K,
                            double log_quarter, sc_spectral_terms *best)
{
    stick_point p;
    stick_offers offers[3]; /* by code */
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
    for (int code = 0; code < 3; code++)
        offers[code].count = offers[code].first = 0;
    if (p.may_be_sent[POLAR_ONE_BY_ONE])
        prepare_polar(&p.law);
    for (int first = 0; first < p.rows; first += SC_LANES) {
        for (int j = p.rows; j < first + SC_LANES; j++)
            p.room[j] = p.room[p.rows - 1];
        const stick_rows rows = stick_rows_of(&p, first);
        for (int code = 0; code < 3; code++)
            if (p.may_be_sent[code != STICK_VECTORS])
                offer_sticks(&p, (stick_code)code, first, &rows, &offers[code]);
    }
    /* those first that are best most often */
    take_offers(&p, &offers[K < 2 ? POLAR_ALL_DIRECTIONS : POLAR_ONE_BY_ONE]);
    take_offers(&p, &offers[K < 2 ? POLAR_ONE_BY_ONE : POLAR_ALL_DIRECTIONS]);
    take_offers(&p, &offers[STICK_VECTORS]);
}

#endif
