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
    double fall;      /* -ln gamma */
    double log_first; /* ln m_1 */
    /* of a vector's coordinates: ln(4d) */
    double log_noise;
    /* of directions: (d-1)/2, and where `polar` is set ln(y/(delta T theta^2)), of section 9.1;
       psi(1+K) + Euler's constant; psi'(1+K) */
    double half, log_turn, harmonic, trigamma, log_grown; /* the last: ln(K+1) */
    double turn, least_turn; /* ln(y rho/(m_1 T delta/4)) of the first stick; its least of any K */
    int polar;
} stick_law;

/* psi(x) + Euler's constant, and psi'(x), for x >= 1 */
static void harmonic_of(double x, double *harmonic, double *trigamma)
{
    double sum = 0, squares = 0;
    for (; x < 10; x++) {
        sum += 1 / x;
        squares += 1 / (x * x);
    }
    const double y = 1 / x, z = y * y;
    const double tail =
        z * (1.0 / 12 - z * (1.0 / 120 - z * (1.0 / 252 - z * (1.0 / 240 - z * (1.0 / 132)))));
    const double rise =
        y * z * (1.0 / 6 - z * (1.0 / 30 - z * (1.0 / 42 - z * (1.0 / 30 - z * (5.0 / 66)))));
    *harmonic = log(x) - 0.5 * y - tail - sum + 0.5772156649015329;
    *trigamma = y + 0.5 * z + rise + squares;
}

SC_INLINE stick_law stick_law_of(double d, double K)
{
    K = fmax(K, LEAST_K);
    return (stick_law){.d = d,
                       .K = K,
                       .fall = log1p(2 / K),
                       .log_first = log(2 / (K + 2)),
                       .log_noise = log(4 * d),
                       .half = (d - 1) * 0.5};
}

/* ln of the mean square of a stick less its mean ln, as K grows: ln 2 + 2 Euler's constant */
#define LOG_OF_MEAN_OVER_MEAN_LOG 1.8475785103630110

/* What polar sticks need besides, at the first row where they may pay. */
SC_INLINE void prepare_polar(stick_law *law)
{
    if (law->polar)
        return;
    harmonic_of(1 + law->K, &law->harmonic, &law->trigamma);
    law->log_grown = log(law->K + 1);
    if (law->d > 1) { /* ln G/(4(d-1)) */
        const double turn = 1 - SC_LN2 + 1 / law->half + log1p(-1 / law->d) - log(8 * law->half);
        law->log_turn = turn + law->log_grown;
        law->turn = turn + 2 * SC_LN2;
        law->least_turn = law->turn - LOG_OF_MEAN_OVER_MEAN_LOG;
        if (law->K >= 2)
            law->turn += law->log_grown - law->log_first - 2 * law->harmonic;
    }
    law->polar = 1;
}

/* What m sticks cost to send, over all samples: with their noise, of which `noise` is the part of
   vectors or sizes; and the derivatives in m and in ln T. */
typedef struct stick_cost {
    double total, noise, by_sticks, by_log_T;
} stick_cost;

SC_INLINE stick_cost cost_of_vectors(const sc_strategies *s, const stick_law *law, ptrdiff_t row,
                                     double log_T, double m)
{
    const double half_d = s->d * 0.5,
                 first =
                     SC_LN2
                     + half_d
                           * (1 + law->log_first - law->log_noise + log_T + s->log_rounding[row]),
                 slope = half_d * law->fall;
    return (stick_cost){m * (first - slope * (m - 1) * 0.5), m * half_d, first - slope * (m - 0.5),
                        m * half_d};
}

/* ln(m_1 T rho/4): a stick's size is sent with noise 4/(T rho), which must be below its m_j */
SC_INLINE double log_size_ratio(const sc_strategies *s, const stick_law *law, ptrdiff_t row,
                                double log_T)
{
    return law->log_first + log_T + s->log_residual[row] - 2 * SC_LN2;
}

/* The signed sizes. Where K < 1 the first stick is most of the mass, so that its size is nearly
   known: then its sign may be sent alone, and its size around the mean. */
SC_INLINE stick_cost cost_of_sizes(const stick_law *law, double log_ratio, double m)
{
    const double first = 0.5 * (1 + log_ratio), slope = 0.5 * law->fall;
    stick_cost cost = {m * (first - slope * (m - 1) * 0.5), 0.5 * m, first - slope * (m - 0.5),
                       0.5 * m};
    if (law->K < 1) {
        /* the variance is K/(2(K+1)) times the mean square; noise e, in units of 4/(T rho) */
        const double w = exp(log_ratio) * law->K / (2 * (law->K + 1));
        const double e = 2 * w / (w + sqrt(w * (w + 4))),
                     saved = first - SC_LN2 - 0.5 * (log1p(w / e) + e);
        if (saved > 0) {
            cost.total -= saved;
            cost.noise -= 0.5 * (1 - e);
            cost.by_log_T -= 0.5 * (1 - e);
        }
    }
    return cost;
}

/* The sum of E ln y_j over the first m sticks, y_j = B theta_j^2; or where K < 2, that of ln E
   y_j. */
SC_INLINE stick_cost logs_one_by_one(const stick_law *law, double log_B, double m)
{
    const int wide = law->K >= 2;
    const double first = wide ? log_B - 2 * law->harmonic : log_B + law->log_first - law->log_grown,
                 fall = wide ? 2 / law->K : law->fall;
    return (stick_cost){m * (first - fall * (m - 1) * 0.5), 0, first - fall * (m - 0.5), m};
}

/* Sums over the first m sticks of bounds on E ln(1 + y_j), in units of (d-1)/2. */
SC_INLINE stick_cost turns_one_by_one(const stick_law *law, double log_B, double m)
{
    const double K = law->K, root = exp(-0.5 * log_B);
    stick_cost turns = logs_one_by_one(law, log_B, m);
    if (K >= 2) { /* and E ln(1 + 1/y_j), with E 1/(1 - beta) = K/(K-1) */
        const double rise = -log1p(-1 / K), scale = STICK_PI * K * (K - 1) * root,
                     excess = scale * expm1(m * rise);
        turns.total += excess;
        turns.by_sticks += (excess + scale) * rise;
        turns.by_log_T -= 0.5 * excess;
        return turns;
    }
    /* and 1/E y_j; the first stick as above, if that is less */
    const double log_y = log_B + law->log_first - law->log_grown, inverse = exp(-log_y);
    const double grown = exp(law->fall * m), others = inverse * 0.5 * K * (grown - (K + 2) / K);
    turns.total +=
        others + fmin(log_B - 2 * law->harmonic - log_y + STICK_PI * fmax(K, 1) * root, inverse);
    turns.by_sticks += inverse * 0.5 * K * grown * law->fall;
    turns.by_log_T -= others;
    return turns;
}

/* The sum of E ln(1 + B theta^2) over all sticks */
SC_INLINE stick_cost turns_of_all(const stick_law *law, double log_B)
{
    const double K = law->K, above = 0.5 * log_B - law->harmonic;
    double total = 2 * above + K * (above * above + STICK_PI * STICK_PI / 4 - law->trigamma);
    if (K < 1)
        total += 2 * K * (exp2(1 - K) - 1) * STICK_PI * exp(-0.5 * log_B)
                 + 4 * (1 - K * law->harmonic) * exp(-log_B);
    return (stick_cost){total, 0, 0, 1 + K * above};
}

static stick_cost cost_of_sticks(const sc_strategies *s, const stick_law *law, stick_code code,
                                 ptrdiff_t row, double log_T, double m)
{
    if (code == STICK_VECTORS)
        return cost_of_vectors(s, law, row, log_T, m);
    stick_cost cost = cost_of_sizes(law, log_size_ratio(s, law, row, log_T), m);
    if (s->d == 1) { /* a direction is a sign */
        cost.total += m * SC_LN2;
        cost.by_sticks += SC_LN2;
        return cost;
    }
    const double log_B = law->log_turn + log_T + s->log_delta[row];
    const stick_cost turns =
        code == POLAR_ONE_BY_ONE ? turns_one_by_one(law, log_B, m) : turns_of_all(law, log_B);
    cost.total += law->half * turns.total;
    cost.by_sticks += law->half * turns.by_sticks;
    cost.by_log_T += law->half * turns.by_log_T;
    return cost;
}

/* How many sticks may be sent, at a real number: of vectors those that pay, whose ln(m_j T
 * tau/(4d)) is at least the row's `last_stick`; of polar ones those with a size above its noise.
 * Below 1 if none. */
SC_INLINE double most_sticks(const sc_strategies *s, const stick_law *law, stick_code code,
                             ptrdiff_t row, double log_T)
{
    const double above = code == STICK_VECTORS ? law->log_first - law->log_noise + log_T
                                                     + s->log_rounding[row] - s->last_stick[row]
                                               : log_size_ratio(s, law, row, log_T);
    return 1 + above / law->fall;
}

/* Whether a polar stick may pay beside a row: whether the first one is above the row's `last_polar`,
   which does not know that a size may be known beforehand. */
SC_INLINE int polar_may_pay(const sc_strategies *s, const stick_law *law, ptrdiff_t row,
                            double log_T)
{
    return log_size_ratio(s, law, row, log_T) >= (law->K < 1 ? 0 : s->last_polar[row]);
}

/* The last polar stick that pays beside a row, about: one more saves e^z/2, with z = ln(m_j T
 * rho/4), and costs (1 + z)/2 + (d-1)/2 (t + SLANT e^(-t/2)), with t = E ln y_j. `last_polar` is
 * where these are equal for the least t - z that any K has, `polar_rise` its derivative in t - z. */
SC_INLINE double last_polar_stick(const sc_strategies *s, const stick_law *law, ptrdiff_t row,
                                  double log_T)
{
    const double first = log_size_ratio(s, law, row, log_T), z = s->last_polar[row],
                 m = 1 + (first - z) / law->fall;
    const double grown =
        law->turn - law->least_turn - (law->K >= 2 ? (m - 1) * (2 / law->K - law->fall) : 0);
    return m - grown * s->polar_rise[row] / law->fall;
}

/* How many sticks are sent, at most `limit`: as many as pay. With the directions of all of them
   paid for together, each that may be sent pays. */
SC_INLINE double paying_sticks(const sc_strategies *s, const stick_law *law, stick_code code,
                               ptrdiff_t row, double log_T, double limit)
{
    double most = fmin(most_sticks(s, law, code, row, log_T), limit);
    if (most > 1 && code == POLAR_ONE_BY_ONE)
        most = fmax(fmin(most, last_polar_stick(s, law, row, log_T)), 1);
    return most >= 1 ? floor(most) : 0;
}

/* Less than what m sticks cost to send, and than what more of them do, over all samples; found
   without logarithms. */
SC_INLINE double least_cost_of_sticks(const sc_strategies *s, const stick_law *law, stick_code code,
                                      ptrdiff_t row, double log_T, double m)
{
    if (code == STICK_VECTORS)
        return cost_of_vectors(s, law, row, log_T, m).total;
    const double first = 0.5 * (1 + log_size_ratio(s, law, row, log_T)),
                 sizes = m * (first - 0.25 * law->fall * (m - 1))
                         - (law->K < 1 ? fmax(first - SC_LN2, 0) : 0),
                 log_B = law->log_turn + log_T + s->log_delta[row];
    if (s->d == 1)
        return sizes + m * SC_LN2;
    if (code == POLAR_ALL_DIRECTIONS) {
        const double above = 0.5 * log_B - law->harmonic;
        return sizes + law->half * (2 * above + law->K * (above * above + 0.8));
    }
    const double turns = logs_one_by_one(law, log_B, m).total;
    /* where K < 2 the first stick's may be less than its part of this, by at most so much */
    return sizes + law->half * (law->K < 2 ? turns - LOG_OF_MEAN_OVER_MEAN_LOG : turns);
}

/* What sticks beside a row, along n T = product, have to stay under to be better than `limit`, the
 * best so far less the least that the fixed part costs. Where they leave 2^-k ... 2^(1-k) of it, the
 * others may cost 1 - 2^-k of it, and they are at least as many as leave 2^(1-k) of it, at most as
 * many samples. */
#define STICK_LEVELS 4
typedef struct stick_levels {
    int count;
    double sticks[STICK_LEVELS], log_T[STICK_LEVELS], allowed[STICK_LEVELS]; /* over all samples */
} stick_levels;

SC_INLINE stick_levels levels_of(const sc_strategies *s, const stick_law *law, ptrdiff_t row,
                                 double product, double limit)
{
    const double halving = SC_LN2 / law->fall, most = product - s->units[row];
    double m = (s->log_residual[row] - 3 * SC_LN2 - log(limit)) / law->fall, left = 0.5;
    stick_levels levels = {0, {0}, {0}, {0}};
    for (int k = 0; k < STICK_LEVELS; k++, m += halving, left *= 0.5) {
        if (m + halving < 1 && k + 1 < STICK_LEVELS)
            continue; /* one stick leaves less */
        const double sticks = m > 1 ? m : 1;
        if (sticks > most)
            break;
        const double T = product / (s->units[row] + sticks);
        levels.sticks[levels.count] = sticks;
        levels.log_T[levels.count] = log(T);
        levels.allowed[levels.count++] = (k + 1 < STICK_LEVELS ? 1 - left : 1) * limit * T;
    }
    return levels;
}

SC_INLINE int sticks_may_beat(const sc_strategies *s, const stick_law *law, stick_code code,
                              ptrdiff_t row, const stick_levels *levels)
{
    for (int k = 0; k < levels->count; k++)
        if (most_sticks(s, law, code, row, levels->log_T[k]) >= levels->sticks[k]
            && least_cost_of_sticks(s, law, code, row, levels->log_T[k], levels->sticks[k])
                   < levels->allowed[k])
            return 1;
    return 0;
}

typedef struct stick_share {
    double list, loss, residual;
} stick_share;

static stick_share sticks_share(const sc_strategies *s, const stick_law *law, stick_code code,
                                ptrdiff_t row, double T, double log_T, double m)
{
    const stick_cost cost = cost_of_sticks(s, law, code, row, log_T, m);
    return (stick_share){(cost.total - cost.noise) / T, cost.noise / T,
                         s->residual[row] * 0.125 * exp(-law->fall * m)};
}

/* Compare m sticks beside a row, whose share this is, with the best so far, and replace that if they
   are better; returns whether they are. */
SC_INLINE int take_sticks(const sc_strategies *s, int with, stick_code code, ptrdiff_t row,
                          double T, double log_T, double m, const stick_share *share,
                          sc_spectral_terms *best)
{
    const sc_price price = price_of(s, with, row, T, log_T - 2 * SC_LN2);
    const double error =
        price.coefficients + price.distortion + (share->list + share->loss + share->residual);
    if (!(error < best->error))
        return 0;
    *best = (sc_spectral_terms){error,
                                price.coefficients,
                                price.distortion,
                                share->residual,
                                share->list,
                                share->loss,
                                s->units[row],
                                m,
                                (double)NAN,
                                code == STICK_VECTORS ? SC_STICKS_TOO : SC_POLAR_TOO};
    return 1;
}

/* The same for any m. */
SC_INLINE int try_sticks(const sc_strategies *s, int with, const stick_law *law, stick_code code,
                         ptrdiff_t row, double T, double log_T, double m, sc_spectral_terms *best)
{
    const stick_share share = sticks_share(s, law, code, row, T, log_T, m);
    if (share.list + share.loss + share.residual + least_price(floors_at(s, with, T), row, T, 1 / T)
        >= best->error)
        return 0;
    return take_sticks(s, with, code, row, T, log_T, m, &share, best);
}

#endif
