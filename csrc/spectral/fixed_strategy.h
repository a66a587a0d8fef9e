/* What a fixed part costs (docs/spectral.md, sections 3 to 5): its coefficients are sent with
 * noise, or mixed over a Gaussian prior (section 8). And the quadratic form (section 10).
 */
#ifndef SC_FIXED_STRATEGY_H
#define SC_FIXED_STRATEGY_H

#include "special/special.h"
#include "spectral/spectral.h"

/* the kernels replace smaller concentrations by this; it changes no bound above 1e-290 nats */
#define LEAST_K 1e-290

/* mu T/4 from which on coefficients are summed by the table's moments */
#define MOMENTS_FROM 64.0

typedef struct sc_price {
    double coefficients, distortion;
    double rise; /* of coefficients + distortion along n T = const: n times the derivative in n */
} sc_price;

/* How many entries of a decreasing column are above `least`. The number of steps depends on the
   length only, so that the processor predicts every branch. */
SC_INLINE ptrdiff_t count_above(const double *column, ptrdiff_t size, double least)
{
    const double *from = column;
    if (size == 0)
        return 0;
    while (size > 1) {
        const ptrdiff_t half = size / 2;
        from += from[half - 1] > least ? half : 0;
        size -= half;
    }
    return from - column + (*from > least);
}

/* The sum of h(mu_i, T) over the coefficients: with D = min(mu, 4/T), ln(mu/D)/(2T) and D/8. */
SC_INLINE sc_price price_of_noise(const sc_strategies *s, ptrdiff_t row, double T,
                                  double log_quarter)
{
    const ptrdiff_t first = s->first[row],
                    low = count_above(s->eigenvalue + first, s->first[row + 1] - first, 4 / T);
    const ptrdiff_t sums = first + row + low;
    const double per_sample = 0.5 / T,
                 coefficients = (s->logarithms[sums] + s->copies[sums] * log_quarter) * per_sample;
    return (sc_price){coefficients, s->copies[sums] * per_sample + s->rest[sums] * 0.125,
                      coefficients};
}

/* Twice the cost, over all samples, of a coefficient that is mixed over its prior, with x = mu T/4:
 * 2 f(x) = p(x) + 2 kappa x/(1+x), where p is ln(1+x), or below x = TANGENT its tangent from the
 * point (0, 1); and x times the derivative. */
#define MIXTURE_TANGENT 2.1625815870646098
#define MIXTURE_SLOPE 0.21621659550187312 /* TANGENT/(1 + TANGENT)^2 */

typedef struct mixed {
    real cost, rise;
} mixed;

SC_INLINE mixed mixed_coefficient(real x, real twice_kappa)
{
    const real one = r_set(1.0), inverse = r_reciprocal(one + x), share = x * inverse,
               line = x * r_set(MIXTURE_SLOPE);
    const mask near = r_lt(x, r_set(MIXTURE_TANGENT));
    const real cost = r_select(near, line + share, sc_log1p(x)); /* 1 - 1/(1+x) is `share` */
    const real rise = r_select(near, r_fma(share, inverse, line), share);
    return (mixed){r_fma(twice_kappa, share, cost), r_fma(twice_kappa * share, inverse, rise)};
}

SC_INLINE double twice_kappa_of(double d) { return (1 + 2 / d) * 0.125; }

/* The lanes of a mask. */
SC_INLINE int lanes_in(mask m)
{
    unsigned n = m_lanes(m);
    n -= n >> 1 & 0x55;
    n = (n & 0x33) + (n >> 2 & 0x33);
    return (int)((n + (n >> 4)) & 15);
}

/* What many coefficients with x >= MOMENTS_FROM cost, in one sum each for `cost` and `rise`: ln(1 +
 * x) = ln x + ln(1 + y) and x/(1 + x) = 1/(1 + y) with y = 1/x are series in y, and the table has
 * the sums of their powers. What the series leave out is below 1e-16 of the sum.
 *
 * `sums`: where the row's sums over the first `sent` coefficients are; y: of the last of them.
 */
SC_INLINE void add_large(const sc_strategies *s, ptrdiff_t sums, double y, double log_quarter,
                         double twice_kappa, double *cost, double *rise)
{
    /* coefficients of y^1, y^2, ... in ln(1 + y), 1/(1 + y) and y/(1 + y)^2 */
    SC_ALIGNED static const double in_log[SC_MOMENTS] = {1,       -1.0 / 2, 1.0 / 3, -1.0 / 4,
                                                         1.0 / 5, -1.0 / 6, 1.0 / 7, -1.0 / 8},
                                   in_share[SC_MOMENTS] = {-1, 1, -1, 1, -1, 1, -1, 1},
                                   in_spread[SC_MOMENTS] = {1, -2, 3, -4, 5, -6, 7, -8};
    const double y2 = y * y, y4 = y2 * y2;
    SC_ALIGNED const double power[SC_MOMENTS] = {y,      y2,      y2 * y,      y4,
                                                 y4 * y, y4 * y2, y4 * y2 * y, y4 * y4};
    const double *const moment = s->moments + SC_MOMENTS * sums;
    real logs = r_set(0.0), shares = r_set(0.0), spreads = r_set(0.0);
    for (int k = 0; k < SC_MOMENTS; k += SC_LANES) {
        const real each = r_load(power + k) * r_load(moment + k);
        logs = r_fma(each, r_load(in_log + k), logs);
        shares = r_fma(each, r_load(in_share + k), shares);
        spreads = r_fma(each, r_load(in_spread + k), spreads);
    }
    const double share = s->copies[sums] + sum_of_lanes(shares);
    *cost = s->logarithms[sums] + s->copies[sums] * log_quarter
            + (sum_of_lanes(logs) + twice_kappa * share);
    *rise = share + twice_kappa * sum_of_lanes(spreads);
}

/* The sum of f(mu_i T/4)/T. Coefficients with x at most (1 + 2 kappa)/(1 - SLOPE) - 1 are not
   described, and cost mu/8 each. */
static sc_price price_of_mixture(const sc_strategies *s, ptrdiff_t row, double T,
                                 double log_quarter)
{
    const double twice_kappa = twice_kappa_of(s->d), quarter = T * 0.25,
                 least = ((1 + twice_kappa) / (1 - MIXTURE_SLOPE) - 1) / quarter;
    const ptrdiff_t first = s->first[row], size = s->first[row + 1] - first;
    const double *const eigenvalue = s->eigenvalue + first;
    ptrdiff_t sent = count_above(eigenvalue, size, MOMENTS_FROM / quarter);
    double large = 0, large_rise = 0;
    if (sent > 0)
        add_large(s, first + row + sent, 1 / (eigenvalue[sent - 1] * quarter), log_quarter,
                  twice_kappa, &large, &large_rise);
    real cost = r_set(0.0), rise = r_set(0.0);
    for (int full = SC_LANES; full == SC_LANES && sent < size; sent += full) {
        const real each_eigenvalue = r_load(eigenvalue + sent);
        const mask is_sent = m_and(r_lt(r_set(least), each_eigenvalue),
                                   r_lt(r_lane_numbers(), r_set((double)(size - sent))));
        const real copies = r_select(is_sent, r_load(s->multiplicity + first + sent), r_set(0.0));
        const mixed each = mixed_coefficient(each_eigenvalue * r_set(quarter), r_set(twice_kappa));
        cost = r_fma(copies, each.cost, cost);
        rise = r_fma(copies, each.rise, rise);
        full = lanes_in(is_sent);
    }
    const double per_sample = 0.5 / T, coefficients = (large + sum_of_lanes(cost)) * per_sample;
    return (sc_price){coefficients, s->rest[first + row + sent] * 0.125,
                      coefficients - (large_rise + sum_of_lanes(rise)) * per_sample};
}

SC_INLINE sc_price price_of(const sc_strategies *s, int with, ptrdiff_t row, double T,
                            double log_quarter)
{
    return with & SC_WITH_MIXTURE ? price_of_mixture(s, row, T, log_quarter)
                                  : price_of_noise(s, row, T, log_quarter);
}

/* The range that T lies in: a quarter of an octave, or everything beyond the last of these. */
SC_INLINE ptrdiff_t range_of(const sc_strategies *s, double T)
{
    uint64_t bits;
    memcpy(&bits, &T, sizeof bits);
    const ptrdiff_t range = (ptrdiff_t)(bits >> 50) - ((ptrdiff_t)1023 << 2), last = s->ranges - 1;
    return range < last ? range : last;
}

/* The chords over that range, of all rows and of those that may have atoms. */
SC_INLINE const double *floors_at(const sc_strategies *s, int with, double T)
{
    return s->floors[(with & SC_WITH_MIXTURE) != 0] + 2 * s->rows * range_of(s, T);
}
SC_INLINE const double *atom_floors_at(const sc_strategies *s, int with, double T)
{
    return s->atoms.floors[(with & SC_WITH_MIXTURE) != 0] + 2 * s->atoms.stride * range_of(s, T);
}

/* A lower bound on what a row costs, from its chord. */
SC_INLINE double least_price(const double *floors, ptrdiff_t row, double T, double per_sample)
{
    return (floors[2 * row] + floors[2 * row + 1] * T) * per_sample;
}

SC_INLINE sc_spectral_terms fixed_alone(const sc_strategies *s, int with, ptrdiff_t row, double T,
                                        double log_quarter)
{
    const sc_price price = price_of(s, with, row, T, log_quarter);
    const double residual = s->residual[row] * 0.125;
    return (sc_spectral_terms){price.coefficients + price.distortion + residual,
                               price.coefficients,
                               price.distortion,
                               residual,
                               0,
                               0,
                               s->units[row],
                               0,
                               (double)NAN,
                               SC_FIXED};
}

SC_INLINE void keep_better(const sc_spectral_terms *offer, sc_spectral_terms *best)
{
    if (offer->error < best->error)
        *best = *offer;
}

/* What the quadratic form costs: d trained units, and the pair that makes linear functions, make
 * every function of degree at most 2. What these units add in higher degrees has the mean square a;
 * it adds to the error at most as lengths of vectors add. For d >= 2.
 */
typedef struct quadratic_cost {
    real coefficients, distortion, residual;
} quadratic_cost;

/* `log_quarter`: ln(T/4) */
SC_INLINE quadratic_cost cost_of_quadratic(const sc_strategies *s, int with, real T,
                                           real log_quarter)
{
    const double d = s->d, variance[3] = {s->even[0], s->even[1], 1 / (4 * d)},
                 copies[3] = {1, s->copies_2, d};
    const real zero = r_set(0.0), one = r_set(1.0), eighth = r_set(0.125), least = r_set(4.0) / T,
               half_per_sample = r_set(0.125) * least;
    const int mixed_linear = (with & SC_WITH_MIXTURE) != 0;
    quadratic_cost q = {zero, zero, zero};
    real sent[2] = {zero, zero};
    for (int i = 0; i < 3 - mixed_linear; i++) {
        const real noise = r_min(r_set(variance[i]), least);
        const real logarithm = r_max(log_quarter + r_set(s->log_low[i]), zero);
        q.coefficients = r_fma(r_set(copies[i]) * logarithm, half_per_sample, q.coefficients);
        q.distortion = r_fma(r_set(copies[i] * 0.125), noise, q.distortion);
        if (i < 2)
            sent[i] = r_fnma(noise, r_set(1 / variance[i]), one);
    }
    if (mixed_linear) {
        const real x = T * r_set(variance[2] * 0.25),
                   cost = mixed_coefficient(x, r_set(twice_kappa_of(d))).cost;
        const mask pays = r_lt(cost, x);
        q.coefficients =
            r_fma(r_select(pays, cost, zero), half_per_sample * r_set(d), q.coefficients);
        q.distortion = q.distortion + r_select(pays, zero, r_set(d * variance[2] * 0.125));
    }
    const double linear = 1 / d, curved = 1 - 1 / d;
    const real alias =
        r_fma(r_set(s->beyond), r_fma(sent[1], r_set(curved), sent[0] * r_set(linear)),
              r_set(s->beyond_orthogonal * curved) * (sent[0] - sent[1]));
    const real length = r_set(sqrt(s->beyond)) + r_sqrt(r_max(alias, zero));
    q.residual = length * length * eighth;
    return q;
}

/* Whether a learner of width n may be a quadratic form. */
SC_INLINE int has_quadratic(const sc_strategies *s, double n) { return s->d >= 2 && n >= s->d + 2; }

/* Compare the quadratic form of one lane with the best so far, and replace that if it is better;
   returns whether it is. */
static int take_quadratic(const sc_strategies *s, const quadratic_cost *q, int lane,
                          sc_spectral_terms *best)
{
    const double coefficients = r_lane(q->coefficients, lane),
                 distortion = r_lane(q->distortion, lane), residual = r_lane(q->residual, lane),
                 error = coefficients + distortion + residual;
    if (!(error < best->error))
        return 0;
    *best = (sc_spectral_terms){.error = error,
                                .coefficients = coefficients,
                                .distortion = distortion,
                                .residual = residual,
                                .units = s->d + 2,
                                .resolution = (double)NAN,
                                .strategy = SC_QUADRATIC};
    return 1;
}

#endif
