/* Sticks beside a fixed part: the first m of the process, stick j of mean square m_j = 2
 * gamma^(j-1)/(K+2), gamma = K/(K+2). They leave gamma^m rho. See docs/spectral.md.
 *
 * As vectors (section 9, "Sticks instead of drawn atoms"): a sign and d noisy coordinates each.
 * Polar (section 9.1, "Sizes and directions apart"): a signed size with noise, and a direction at a
 * precision that depends on the size. What the directions cost is bounded in two ways: stick by
 * stick, or by what those of all sticks cost together, which is less from some number on.
 */
#ifndef SC_STICK_STRATEGY_H
#define SC_STICK_STRATEGY_H

#include "spectral/fixed_strategy.h"

#define STICK_PI 3.141592653589793

typedef enum stick_code { STICK_VECTORS, POLAR_ONE_BY_ONE, POLAR_ALL_DIRECTIONS } stick_code;

typedef struct stick_law {
    double d, K;
    double gamma, fall, per_fall; /* K/(K+2), -ln of that, and 1/fall */
    double log_first;             /* ln m_1 */
    /* of a vector's coordinates: ln(4d) */
    double log_noise;
    /* of directions: (d-1)/2, and ln(y/(delta T theta^2)), of section 9.1; psi(1+K) + Euler's
       constant; psi'(1+K) */
    double half, log_turn, harmonic, trigamma, log_grown; /* the last: ln(K+1) */
    double rise;                                          /* where K >= 2: -ln(1 - 1/K) */
    double turn, least_turn; /* ln(y rho/(m_1 T delta/4)) of the first stick; its least of any K */
    double turn_in_d;        /* the part of log_turn that the dimension alone decides */
} stick_law;

/* The law in a dimension, before it has a concentration. */
SC_INLINE stick_law stick_law_in(double d)
{
    stick_law law = {.d = d, .log_noise = log(4 * d), .half = (d - 1) * 0.5};
    if (d > 1)
        law.turn_in_d = 1 - SC_LN2 + 1 / law.half + log1p(-1 / d) - log(8 * law.half);
    return law;
}

/* What the law takes of concentrations, found a pack at a time. */
typedef struct stick_concentrations {
    SC_ALIGNED double K[SC_LANES];
    SC_ALIGNED double gamma[SC_LANES];
    SC_ALIGNED double fall[SC_LANES];
    SC_ALIGNED double per_fall[SC_LANES];
    SC_ALIGNED double log_first[SC_LANES];
    SC_ALIGNED double log_grown[SC_LANES];
    SC_ALIGNED double rise[SC_LANES];
    SC_ALIGNED double harmonic[SC_LANES];
    SC_ALIGNED double trigamma[SC_LANES];
} stick_concentrations;

/* psi(x) + Euler's constant, and psi'(x), for x >= 1 */
SC_INLINE void harmonic_of(real x, real *harmonic, real *trigamma)
{
    const real from = r_set(10.0), one = r_set(1.0), zero = r_set(0.0);
    real sum = zero, squares = zero;
    for (mask small; small = r_lt(x, from), m_any(small);) {
        const real inverse = r_select(small, r_reciprocal(x), zero);
        sum = sum + inverse;
        squares = r_fma(inverse, inverse, squares);
        x = x + r_select(small, one, zero);
    }
    const real y = r_reciprocal(x), z = y * y;
    real tail = r_set(1.0 / 132), rise = r_set(5.0 / 66);
    tail = r_fnma(tail, z, r_set(1.0 / 240));
    tail = r_fnma(tail, z, r_set(1.0 / 252));
    tail = r_fnma(tail, z, r_set(1.0 / 120));
    tail = r_fnma(tail, z, r_set(1.0 / 12));
    rise = r_fnma(rise, z, r_set(1.0 / 30));
    rise = r_fnma(rise, z, r_set(1.0 / 42));
    rise = r_fnma(rise, z, r_set(1.0 / 30));
    rise = r_fnma(rise, z, r_set(1.0 / 6));
    *harmonic = sc_log(x) - r_fma(tail, z, r_set(0.5) * y) - sum + r_set(0.5772156649015329);
    *trigamma = r_fma(rise * z, y, r_fma(r_set(0.5), z, y)) + squares;
}

SC_INLINE void find_concentrations(real given, stick_concentrations *out)
{
    const real one = r_set(1.0), two = r_set(2.0), K = r_max(given, r_set(LEAST_K));
    const real fall = sc_log1p(two / K), least = r_reciprocal(K + two);
    real harmonic, trigamma;
    harmonic_of(K + one, &harmonic, &trigamma);
    r_store(out->K, K);
    r_store(out->gamma, K * least);
    r_store(out->fall, fall);
    r_store(out->per_fall, r_reciprocal(fall));
    r_store(out->log_first, sc_log(two * least));
    r_store(out->log_grown, sc_log1p(K));
    r_store(out->rise, sc_log1p(one / r_max(K - one, one)));
    r_store(out->harmonic, harmonic);
    r_store(out->trigamma, trigamma);
}

/* ln of the mean square of a stick less its mean ln, as K grows: ln 2 + 2 Euler's constant */
#define LOG_OF_MEAN_OVER_MEAN_LOG 1.8475785103630110

SC_INLINE void set_concentration(stick_law *law, const stick_concentrations *from, int lane)
{
    const double K = from->K[lane];
    law->K = K;
    law->gamma = from->gamma[lane];
    law->fall = from->fall[lane];
    law->per_fall = from->per_fall[lane];
    law->log_first = from->log_first[lane];
    law->harmonic = from->harmonic[lane];
    law->trigamma = from->trigamma[lane];
    law->log_grown = from->log_grown[lane];
    law->rise = from->rise[lane];
    if (law->d > 1) { /* ln G/(4(d-1)) */
        law->log_turn = law->turn_in_d + law->log_grown;
        law->turn = law->turn_in_d + 2 * SC_LN2;
        law->least_turn = law->turn - LOG_OF_MEAN_OVER_MEAN_LOG;
        if (K >= 2)
            law->turn += law->log_grown - law->log_first - 2 * law->harmonic;
    }
}

SC_INLINE stick_law stick_law_of(double d, double K)
{
    stick_law law = stick_law_in(d);
    stick_concentrations lanes;
    find_concentrations(r_set(K), &lanes);
    set_concentration(&law, &lanes, 0);
    return law;
}

/* What the formulas of sticks read of a table's rows: of one row in all lanes, or of a row in
   each. */
typedef struct stick_rows {
    real log_residual, log_rounding, last_stick, log_delta, last_polar, polar_rise;
} stick_rows;

SC_INLINE stick_rows stick_row_of(const sc_strategies *s, ptrdiff_t row)
{
    return (stick_rows){r_set(s->log_residual[row]), r_set(s->log_rounding[row]),
                        r_set(s->last_stick[row]),   r_set(s->log_delta[row]),
                        r_set(s->last_polar[row]),   r_set(s->polar_rise[row])};
}

/* Beside a row, at a number of samples: logarithms of what is sent of the first stick, over the
   noise that it is sent with. */
typedef struct stick_levels {
    real size;                               /* ln(m_1 T rho/4), of its size */
    real vector;                             /* ln(m_1 T tau/(4d)), of a vector's coordinates */
    real turn;                               /* ln B, of its direction: y_j = B theta_j^2 */
    real last_stick, last_polar, polar_rise; /* of the row */
} stick_levels;

SC_INLINE stick_levels levels_of(const stick_law *law, const stick_rows *rows, real log_T)
{
    const real first = r_set(law->log_first) + log_T;
    return (stick_levels){first + (rows->log_residual - r_set(2 * SC_LN2)),
                          first + (rows->log_rounding - r_set(law->log_noise)),
                          r_set(law->log_turn) + log_T + rows->log_delta,
                          rows->last_stick,
                          rows->last_polar,
                          rows->polar_rise};
}

/* What m sticks cost to send, over all samples: with their noise, of which `noise` is the part of
   vectors or sizes; and the derivatives in m and in ln T. */
typedef struct stick_cost {
    real total, noise, by_sticks, by_log_T;
} stick_cost;

/* The sum of `first`, `first` - `fall`, ... over m sticks, and its derivative in m */
SC_INLINE real sum_of_falling(real first, double fall, real m)
{
    return m * (first - r_set(0.5 * fall) * (m - r_set(1.0)));
}
SC_INLINE real slope_of_falling(real first, double fall, real m)
{
    return first - r_set(fall) * (m - r_set(0.5));
}

SC_INLINE stick_cost cost_of_vectors(const stick_law *law, const stick_levels *at, real m)
{
    const double half_d = law->d * 0.5, slope = half_d * law->fall;
    const real first = r_fma(r_set(half_d), at->vector, r_set(half_d + SC_LN2)),
               noise = m * r_set(half_d);
    return (stick_cost){sum_of_falling(first, slope, m), noise, slope_of_falling(first, slope, m),
                        noise};
}

/* e^x, where x may be anything: beyond 700 either way it no longer matters */
SC_INLINE real stick_exp(real x) { return sc_exp(r_max(r_min(x, r_set(700.0)), r_set(-700.0))); }

/* The signed sizes. Where K < 1 the first stick is most of the mass, so that its size is nearly
   known: then its sign may be sent alone, and its size around the mean. */
SC_INLINE stick_cost cost_of_sizes(const stick_law *law, real log_ratio, real m)
{
    const real half = r_set(0.5), one = r_set(1.0), zero = r_set(0.0),
               first = half * (one + log_ratio);
    const double slope = 0.5 * law->fall;
    stick_cost cost = {sum_of_falling(first, slope, m), half * m, slope_of_falling(first, slope, m),
                       half * m};
    if (law->K < 1) {
        /* the variance w is K/(2(K+1)) times the mean square, e the noise, both in units of
           4/(T rho) */
        const real w = stick_exp(log_ratio) * r_set(law->K / (2 * (law->K + 1)));
        const real root = one + r_sqrt(one + r_set(4.0) / w), e = r_set(2.0) / root;
        const real saved = first - r_set(SC_LN2) - half * (sc_log1p(half * w * root) + e);
        const mask saves = r_lt(zero, saved);
        cost.total = cost.total - r_select(saves, saved, zero);
        const real less_noise = r_select(saves, half * (one - e), zero);
        cost.noise = cost.noise - less_noise;
        cost.by_log_T = cost.by_log_T - less_noise;
    }
    return cost;
}

/* The sum of E ln y_j over the first m sticks, y_j = B theta_j^2; or where K < 2, that of ln E
   y_j. */
SC_INLINE stick_cost logs_one_by_one(const stick_law *law, real log_B, real m)
{
    const int wide = law->K >= 2;
    const double fall = wide ? 2 / law->K : law->fall;
    const real first = log_B + r_set(wide ? -2 * law->harmonic : law->log_first - law->log_grown);
    return (stick_cost){sum_of_falling(first, fall, m), r_set(0.0),
                        slope_of_falling(first, fall, m), m};
}

/* Sums over the first m sticks of bounds on E ln(1 + y_j), in units of (d-1)/2. */
SC_INLINE stick_cost turns_one_by_one(const stick_law *law, real log_B, real m)
{
    const double K = law->K;
    const real half = r_set(0.5), root = stick_exp(r_set(-0.5) * log_B);
    stick_cost turns = logs_one_by_one(law, log_B, m);
    if (K >= 2) { /* and E ln(1 + 1/y_j), with E 1/(1 - beta) = K/(K-1) */
        const real scale = root * r_set(STICK_PI * K * (K - 1)), rise = r_set(law->rise),
                   excess = scale * sc_expm1(r_min(m * rise, r_set(700.0)));
        turns.total = turns.total + excess;
        turns.by_sticks = r_fma(excess + scale, rise, turns.by_sticks);
        turns.by_log_T = turns.by_log_T - half * excess;
        return turns;
    }
    /* and 1/E y_j; the first stick as above, if that is less */
    const real log_y = log_B + r_set(law->log_first - law->log_grown), inverse = stick_exp(-log_y),
               grown = stick_exp(r_set(law->fall) * m - log_y) * r_set(0.5 * K),
               others = grown - inverse * r_set(0.5 * (K + 2)),
               first = r_fma(root, r_set(STICK_PI * fmax(K, 1)),
                             log_B - log_y - r_set(2 * law->harmonic));
    turns.total = turns.total + others + r_min(first, inverse);
    turns.by_sticks = r_fma(grown, r_set(law->fall), turns.by_sticks);
    turns.by_log_T = turns.by_log_T - others;
    return turns;
}

/* The sum of E ln(1 + B theta^2) over all sticks */
SC_INLINE stick_cost turns_of_all(const stick_law *law, real log_B)
{
    const double K = law->K;
    const real above = r_fma(log_B, r_set(0.5), r_set(-law->harmonic));
    real total =
        r_fma(r_set(K), r_fma(above, above, r_set(STICK_PI * STICK_PI / 4 - law->trigamma)),
              above + above);
    if (K < 1)
        total = total + stick_exp(r_set(-0.5) * log_B) * r_set(2 * K * (exp2(1 - K) - 1) * STICK_PI)
                + stick_exp(-log_B) * r_set(4 * (1 - K * law->harmonic));
    return (stick_cost){total, r_set(0.0), r_set(0.0), r_fma(r_set(K), above, r_set(1.0))};
}

SC_INLINE stick_cost cost_of_sticks(const stick_law *law, const stick_levels *at, stick_code code,
                                    real m)
{
    if (code == STICK_VECTORS)
        return cost_of_vectors(law, at, m);
    stick_cost cost = cost_of_sizes(law, at->size, m);
    if (law->d == 1) { /* a direction is a sign */
        cost.total = r_fma(m, r_set(SC_LN2), cost.total);
        cost.by_sticks = cost.by_sticks + r_set(SC_LN2);
        return cost;
    }
    const real half = r_set(law->half);
    const stick_cost turns =
        code == POLAR_ONE_BY_ONE ? turns_one_by_one(law, at->turn, m) : turns_of_all(law, at->turn);
    cost.total = r_fma(half, turns.total, cost.total);
    cost.by_sticks = r_fma(half, turns.by_sticks, cost.by_sticks);
    cost.by_log_T = r_fma(half, turns.by_log_T, cost.by_log_T);
    return cost;
}

/* How many sticks may be sent, at a real number: of vectors those that pay, whose ln(m_j T
 * tau/(4d)) is at least the row's `last_stick`; of polar ones those with a size above its noise.
 * Below 1 if none. */
SC_INLINE real most_sticks(const stick_law *law, const stick_levels *at, stick_code code)
{
    real above = at->size;
    if (code == STICK_VECTORS)
        above = at->vector - at->last_stick;
    return r_fma(above, r_set(law->per_fall), r_set(1.0));
}

/* Whether a stick may pay beside a row: a vector, whether the first pays; a polar one, whether the
   first is above the row's `last_polar`, which does not know that a size may be known
   beforehand. */
SC_INLINE mask may_pay(const stick_law *law, const stick_levels *at, stick_code code)
{
    if (code == STICK_VECTORS)
        return r_le(at->last_stick, at->vector);
    return r_le(law->K < 1 ? r_set(0.0) : at->last_polar, at->size);
}

/* The last polar stick that pays beside a row, about: one more saves e^z/2, with z = ln(m_j T
 * rho/4), and costs (1 + z)/2 + (d-1)/2 (t + SLANT e^(-t/2)), with t = E ln y_j. `last_polar` is
 * where these are equal for the least t - z of any K, `polar_rise` its derivative in t - z. */
SC_INLINE real last_polar_stick(const stick_law *law, const stick_levels *at)
{
    const real one = r_set(1.0), per_fall = r_set(law->per_fall),
               m = r_fma(at->size - at->last_polar, per_fall, one);
    real grown = r_set(law->turn - law->least_turn);
    if (law->K >= 2)
        grown = grown - (m - one) * r_set(2 / law->K - law->fall);
    return r_fnma(grown * at->polar_rise, per_fall, m);
}

/* How many sticks are sent, at most `limit`, before it is rounded down: as many as pay. With the
   directions of all of them paid for together, each that may be sent pays. */
SC_INLINE real paying_sticks(const stick_law *law, const stick_levels *at, stick_code code,
                             real limit)
{
    const real one = r_set(1.0), most = r_min(most_sticks(law, at, code), limit);
    if (code != POLAR_ONE_BY_ONE)
        return most;
    const real last = r_max(r_min(most, last_polar_stick(law, at)), one);
    return r_select(r_lt(one, most), last, most);
}

/* Less than what m sticks cost to send, and than what more of them do, over all samples; found
   without logarithms. */
SC_INLINE real least_cost_of_sticks(const stick_law *law, const stick_levels *at, stick_code code,
                                    real m)
{
    if (code == STICK_VECTORS)
        return cost_of_vectors(law, at, m).total;
    const real first = r_fma(at->size, r_set(0.5), r_set(0.5));
    real sizes = sum_of_falling(first, 0.5 * law->fall, m);
    if (law->K < 1)
        sizes = sizes - r_max(first - r_set(SC_LN2), r_set(0.0));
    if (law->d == 1)
        return r_fma(m, r_set(SC_LN2), sizes);
    const real half = r_set(law->half);
    if (code == POLAR_ALL_DIRECTIONS) {
        const real above = r_fma(at->turn, r_set(0.5), r_set(-law->harmonic));
        return r_fma(half, r_fma(r_set(law->K), r_fma(above, above, r_set(0.8)), above + above),
                     sizes);
    }
    real turns = logs_one_by_one(law, at->turn, m).total;
    if (law->K < 2) /* the first stick's may be less than its part of this, by at most so much */
        turns = turns - r_set(LOG_OF_MEAN_OVER_MEAN_LOG);
    return r_fma(half, turns, sizes);
}

typedef struct stick_share {
    double list, loss, residual;
} stick_share;

static stick_share sticks_share(const sc_strategies *s, const stick_law *law, stick_code code,
                                ptrdiff_t row, double T, double log_T, double m)
{
    const stick_rows rows = stick_row_of(s, row);
    const stick_levels at = levels_of(law, &rows, r_set(log_T));
    const stick_cost cost = cost_of_sticks(law, &at, code, r_set(m));
    const double total = sc_first_lane(cost.total), noise = sc_first_lane(cost.noise),
                 left = sc_first_lane(stick_exp(r_set(-law->fall * m)));
    return (stick_share){(total - noise) / T, noise / T, s->residual[row] * 0.125 * left};
}

/* Compare m sticks beside a row, whose share and whose fixed part's price these are, with the best
   so far, and replace that if they are better; returns whether they are. */
SC_INLINE int take_sticks(const sc_strategies *s, stick_code code, ptrdiff_t row, double m,
                          const stick_share *share, const sc_price *price, sc_spectral_terms *best)
{
    const double error =
        price->coefficients + price->distortion + (share->list + share->loss + share->residual);
    if (!(error < best->error))
        return 0;
    *best = (sc_spectral_terms){error,
                                price->coefficients,
                                price->distortion,
                                share->residual,
                                share->list,
                                share->loss,
                                s->units[row],
                                m,
                                (double)NAN,
                                code == STICK_VECTORS ? SC_STICKS_TOO : SC_POLAR_TOO};
    return 1;
}

#endif
