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
#define MOMENTS_FROM 16.0

typedef struct sc_price {
    double coefficients, distortion;
    double rise; /* of coefficients + distortion along n T = const: n times the derivative in n */
} sc_price;

/* The range that T lies in: a quarter of an octave, or everything beyond the last of these. */
SC_INLINE ptrdiff_t range_of(const sc_strategies *s, double T)
{
    uint64_t bits;
    memcpy(&bits, &T, sizeof bits);
    const ptrdiff_t range = (ptrdiff_t)(bits >> 50) - ((ptrdiff_t)1023 << 2), last = s->ranges - 1;
    return range < last ? range : last;
}

/* The number of eigenvalues above 4/T, at least and at most: where T's range begins and ends. */
SC_INLINE ptrdiff_t first_above(const sc_strategies *s, ptrdiff_t row, double T)
{
    return s->above[row * s->ranges + range_of(s, T)];
}
SC_INLINE ptrdiff_t last_above(const sc_strategies *s, ptrdiff_t row, double T)
{
    const ptrdiff_t next = range_of(s, T) + 1;
    return next < s->ranges ? s->above[row * s->ranges + next] : s->first[row + 1] - s->first[row];
}

/* How many lanes a mask names. */
SC_INLINE int lanes_in(mask m)
{
#if SC_LANES <= 4 /* a digit for each of the sixteen masks */
    return (int)(0x4332322132212110u >> 4 * m_lanes(m) & 15);
#else
    unsigned n = m_lanes(m);
    n -= n >> 1 & 0x55;
    n = (n & 0x33) + (n >> 2 & 0x33);
    return (int)((n + (n >> 4)) & 15);
#endif
}

/* Of a pack of a row's eigenvalues, the lanes that are in the row and above `least`; they are the
   first ones. */
SC_INLINE mask above_in_row(const sc_strategies *s, ptrdiff_t row, ptrdiff_t i, real eigenvalue,
                            double least)
{
    const double size = (double)(s->first[row + 1] - s->first[row] - i);
    return m_and(r_lt(r_set(least), eigenvalue), r_lt(r_lane_numbers(), r_set(size)));
}

/* The number of eigenvalues above 4/T. */
SC_INLINE ptrdiff_t count_above(const sc_strategies *s, ptrdiff_t row, double T)
{
    const double *const eigenvalue = s->eigenvalue + s->first[row];
    ptrdiff_t count = first_above(s, row, T);
    for (int found = SC_LANES; found == SC_LANES; count += found)
        found = lanes_in(above_in_row(s, row, count, r_load(eigenvalue + count), 4 / T));
    return count;
}

/* The sum of h(mu_i, T) over the coefficients: with D = min(mu, 4/T), ln(mu/D)/(2T) and D/8. */
SC_INLINE sc_price price_of_noise(const sc_strategies *s, ptrdiff_t row, double T,
                                  double log_quarter)
{
    const ptrdiff_t sums = s->first[row] + row + count_above(s, row, T);
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

/* What the first `sent` coefficients of a row cost, all with x >= MOMENTS_FROM, in one sum each for
 * `cost` and `rise`. With y = 1/x these need ln(1 + x) = ln x + ln(1 + y), x/(1 + x) = 1/(1 + y),
 * and x times the derivative of that, y/(1 + y)^2: polynomials in y, found at Chebyshev's points,
 * which are wrong by 4e-17, 3e-16 and 3e-15 at most; and the table has the sums of y's powers, in
 * units of the last one's.
 */
SC_INLINE void add_large(const sc_strategies *s, ptrdiff_t row, ptrdiff_t sent, double T,
                         double log_quarter, double *cost, double *rise)
{
    static const double in_log[SC_MOMENTS] = {0.9999999999999993,  -0.499999999998702,
                                              0.3333333328962316,  -0.2499999438076509,
                                              0.19999644211829246, -0.16654375137004046,
                                              0.14048294119253188, -0.10057724919679985},
                        in_share[SC_MOMENTS] = {-0.9999999999999944, 0.999999999988597,
                                                -0.9999999961590658, 0.9999995059790654,
                                                -0.9999686946647556, 0.9989170018029798,
                                                -0.9790304458712207, 0.7832243566969765},
                        in_slope[SC_MOMENTS] = {0.9999999999999513, -1.9999999999000913,
                                                2.999999966337629,  -3.9999956679610857,
                                                4.999725231701863,  -5.990479897966377,
                                                6.815167999110264,  -6.078713884645792};
    const double twice_kappa = twice_kappa_of(s->d);
    const ptrdiff_t sums = s->first[row] + row + sent;
    const double copies = s->copies[sums], *const moment = s->moments + SC_MOMENTS * sums;
    const real y = r_set(4 / (T * s->eigenvalue[s->first[row] + sent - 1]));
    real log = r_set(0.0), share = log, slope = log;
    for (int k = SC_MOMENTS - 1; k >= 0; k--) {
        const real sum = r_set(moment[k]);
        log = r_fma(log, y, sum * r_set(in_log[k]));
        share = r_fma(share, y, sum * r_set(in_share[k]));
        slope = r_fma(slope, y, sum * r_set(in_slope[k]));
    }
    const double shares = sc_first_lane(r_fma(share, y, r_set(copies)));
    *cost =
        s->logarithms[sums] + copies * log_quarter + sc_first_lane(log * y) + twice_kappa * shares;
    *rise = shares + twice_kappa * sc_first_lane(slope * y);
}

/* The sum over the lanes, two by two: sum_of_lanes() adds one after another, which takes longer. */
SC_INLINE double sum_of_pairs(real x)
{
    SC_ALIGNED double lane[SC_LANES];
    r_store(lane, x);
    for (int half = SC_LANES / 2; half > 0; half /= 2)
        for (int j = 0; j < half; j++)
            lane[j] += lane[j + half];
    return lane[0];
}

/* The sum of f(mu_i T/4)/T. Coefficients with x at most (1 + 2 kappa)/(1 - SLOPE) - 1 are not
   described, and cost mu/8 each. */
SC_INLINE sc_price sum_of_mixture(const sc_strategies *s, ptrdiff_t row, double T,
                                  double log_quarter)
{
    const double twice_kappa = twice_kappa_of(s->d), per_sample = 1 / T,
                 least = (1 + twice_kappa) * (1 / (1 - MIXTURE_SLOPE)) - 1;
    const ptrdiff_t first = s->first[row],
                    from = T < MOMENTS_FROM ? 0 : first_above(s, row, T * (1 / MOMENTS_FROM)),
                    to = last_above(s, row, fmax(T / least, 1));
    ptrdiff_t sent = from;
    double large = 0, large_rise = 0;
    if (from > 0)
        add_large(s, row, from, T, log_quarter, &large, &large_rise);
    real cost = r_set(0.0), rise = cost;
    for (ptrdiff_t i = from; i < to; i += SC_LANES) {
        const real eigenvalue = r_load(s->eigenvalue + first + i);
        const mask is_sent = above_in_row(s, row, i, eigenvalue, 4 * least * per_sample);
        const real copies = r_select(is_sent, r_load(s->multiplicity + first + i), r_set(0.0));
        const mixed each = mixed_coefficient(eigenvalue * r_set(T * 0.25), r_set(twice_kappa));
        cost = r_fma(copies, each.cost, cost);
        rise = r_fma(copies, each.rise, rise);
        sent += lanes_in(is_sent);
    }
    const double coefficients = (large + sum_of_pairs(cost)) * 0.5 * per_sample;
    return (sc_price){coefficients, s->rest[first + row + sent] * 0.125,
                      coefficients - (large_rise + sum_of_pairs(rise)) * 0.5 * per_sample};
}

/* Frontiers alone need the rise. In two functions, the compiler leaves its sums out of the first. */
static sc_price price_of_mixture(const sc_strategies *s, ptrdiff_t row, double T,
                                 double log_quarter)
{
    sc_price price = sum_of_mixture(s, row, T, log_quarter);
    price.rise = (double)NAN;
    return price;
}
static double rise_of_mixture(const sc_strategies *s, ptrdiff_t row, double T, double log_quarter)
{
    return sum_of_mixture(s, row, T, log_quarter).rise;
}

SC_INLINE sc_price price_of(const sc_strategies *s, int with, ptrdiff_t row, double T,
                            double log_quarter)
{
    return with & SC_WITH_MIXTURE ? price_of_mixture(s, row, T, log_quarter)
                                  : price_of_noise(s, row, T, log_quarter);
}

SC_INLINE double rise_of(const sc_strategies *s, int with, ptrdiff_t row, double T,
                         double log_quarter)
{
    return with & SC_WITH_MIXTURE ? rise_of_mixture(s, row, T, log_quarter)
                                  : price_of_noise(s, row, T, log_quarter).rise;
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
