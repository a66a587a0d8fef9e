/* What a fixed part costs (docs/spectral.md, sections 3 to 5): its coefficients are sent with
 * noise, or mixed over a Gaussian prior (section 8). And the quadratic form (section 10).
 */
#ifndef SC_FIXED_STRATEGY_H
#define SC_FIXED_STRATEGY_H

#include "special/special.h"
#include "spectral/spectral.h"

/* the kernels replace smaller concentrations by this; it changes no bound above 1e-290 nats */
#define LEAST_K 1e-290

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

/* The sum of f(mu_i T/4)/T. Coefficients with x at most (1 + 2 kappa)/(1 - SLOPE) - 1 are not
   described, and cost mu/8 each. */
static sc_price price_of_mixture(const sc_strategies *s, ptrdiff_t row, double T)
{
    const double twice_kappa = twice_kappa_of(s->d),
                 least = (1 + twice_kappa) / (1 - MIXTURE_SLOPE) - 1;
    const ptrdiff_t first = s->first[row],
                    sent = count_above(s->eigenvalue + first, s->first[row + 1] - first,
                                       4 * least / T);
    real cost = r_set(0.0), rise = r_set(0.0);
    for (ptrdiff_t i = 0; i < sent; i += SC_LANES) {
        const mask in_row = r_lt(r_lane_numbers(), r_set((double)(sent - i)));
        const real copies = r_select(in_row, r_load(s->multiplicity + first + i), r_set(0.0));
        const mixed each = mixed_coefficient(r_load(s->eigenvalue + first + i) * r_set(T * 0.25),
                                             r_set(twice_kappa));
        cost = r_fma(copies, each.cost, cost);
        rise = r_fma(copies, each.rise, rise);
    }
    const double coefficients = sum_of_lanes(cost) * 0.5 / T;
    return (sc_price){coefficients, s->rest[first + row + sent] * 0.125,
                      coefficients - sum_of_lanes(rise) * 0.5 / T};
}

SC_INLINE sc_price price_of(const sc_strategies *s, int with, ptrdiff_t row, double T,
                            double log_quarter)
{
    return with & SC_WITH_MIXTURE ? price_of_mixture(s, row, T)
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

/* The quadratic form: d trained units, and the pair that makes linear functions, make every
 * function of degree at most 2. What these units add in higher degrees has the mean square a; it
 * adds to the error at most as lengths of vectors add. */
static void quadratic_form(const sc_strategies *s, int with, double n, double T,
                           sc_spectral_terms *best)
{
    const double d = s->d, linear = 1 / (4 * d), least = 4 / T;
    if (d < 2 || n < d + 2)
        return;
    const double variance[3] = {s->even[0], s->even[1], linear}, copies[3] = {1, s->copies_2, d};
    const int mixed_linear = (with & SC_WITH_MIXTURE) != 0;
    double coefficients = 0, distortion = 0, sent[2];
    for (int i = 0; i < 3 - mixed_linear; i++) {
        const double noise = fmin(variance[i], least);
        coefficients += copies[i] * log(variance[i] / noise) * 0.5 / T;
        distortion += copies[i] * noise * 0.125;
        if (i < 2)
            sent[i] = 1 - noise / variance[i];
    }
    if (mixed_linear) {
        const double x = linear * T * 0.25;
        double twice[SC_LANES];
        r_store(twice, mixed_coefficient(r_set(x), r_set(twice_kappa_of(d))).cost);
        if (twice[0] < x)
            coefficients += d * twice[0] * 0.5 / T;
        else
            distortion += d * linear * 0.125;
    }
    const double alias = s->beyond * (sent[1] * (1 - 1 / d) + sent[0] / d)
                         + s->beyond_orthogonal * (1 - 1 / d) * (sent[0] - sent[1]);
    const double length = sqrt(s->beyond) + sqrt(fmax(alias, 0));
    const double residual = length * length * 0.125;
    keep_better(&(sc_spectral_terms){coefficients + distortion + residual, coefficients, distortion,
                                     residual, 0, 0, d + 2, 0, (double)NAN, SC_QUADRATIC},
                best);
}

#endif
