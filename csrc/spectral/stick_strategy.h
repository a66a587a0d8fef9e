/* Sticks beside a fixed part. The first m sticks of the process are sent as vectors of mean square
 * m_j = 2 gamma^(j-1)/(K+2), gamma = K/(K+2): a sign and d noisy coordinates each. They leave
 * gamma^m rho. Per sample they cost [m A + B m (m-1)/2]/T with A = ln 2 + (d/2)(1 + ln(m_1 T
 * tau/(4d))), B = (d/2) ln gamma. See docs/spectral.md, section 9 ("Sticks instead of drawn
 * atoms").
 */
#ifndef SC_STICK_STRATEGY_H
#define SC_STICK_STRATEGY_H

#include "spectral/fixed_strategy.h"

typedef struct stick_law {
    double fall;      /* -ln gamma */
    double log_first; /* ln(m_1/(4d)) */
} stick_law;

SC_INLINE stick_law stick_law_of(double d, double K)
{
    K = fmax(K, LEAST_K);
    return (stick_law){log1p(2 / K), log(2 / (K + 2)) - log(4 * d)};
}

typedef struct stick_share {
    double list, loss, residual;
} stick_share;

/* How many sticks pay beside a row: those whose ln(m_j T tau/(4d)) is at least the row's
   `last_stick`. */
static double paying_sticks(const sc_strategies *s, const stick_law *law, ptrdiff_t row,
                            double log_T)
{
    const double above = law->log_first + log_T + s->log_rounding[row] - s->last_stick[row];
    return above < 0 ? 0 : floor(1 + above / law->fall);
}

static stick_share sticks_share(const sc_strategies *s, const stick_law *law, ptrdiff_t row,
                                double T, double log_T, double m)
{
    const double log_first = law->log_first + log_T + s->log_rounding[row];
    return (stick_share){m * (SC_LN2 + s->d * 0.5 * (log_first - law->fall * (m - 1) * 0.5)) / T,
                         m * s->d * 0.5 / T, s->residual[row] * 0.125 * exp(-law->fall * m)};
}

/* Compare m sticks beside a row with the best so far, and replace that if they are better; returns
   whether they are. */
static int try_sticks(const sc_strategies *s, int with, const stick_law *law, ptrdiff_t row,
                      double T, double log_T, double m, sc_spectral_terms *best)
{
    const stick_share share = sticks_share(s, law, row, T, log_T, m);
    const double of_sticks = share.list + share.loss + share.residual,
                 log_quarter = log_T - 2 * SC_LN2;
    if (of_sticks + least_price(floors_at(s, with, T), row, T, 1 / T) >= best->error)
        return 0;
    const sc_price price = price_of(s, with, row, T, log_quarter);
    const double error = price.coefficients + price.distortion + of_sticks;
    if (error >= best->error)
        return 0;
    *best = (sc_spectral_terms){error,       price.coefficients, price.distortion, share.residual,
                                share.list,  share.loss,         s->units[row],    m,
                                (double)NAN, SC_STICKS_TOO};
    return 1;
}

#endif
