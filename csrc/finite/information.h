/* What the kernels of finite models share. */
#ifndef SC_INFORMATION_H
#define SC_INFORMATION_H

#include "engine/engine.h"
#include "special/special.h"

/* probabilities below are taken as 0: subnormal numbers would be slow, and nobody could see the
   difference */
#define SC_TINY 1e-290

SC_INLINE double sc_lanes_sum(real x)
{
    double lanes[SC_LANES], sum = 0.0;
    r_store(lanes, x);
    for (int j = 0; j < SC_LANES; j++)
        sum += lanes[j];
    return sum;
}

SC_INLINE real sc_exp_or_zero(real x)
{
    const real least = r_set(-700.0);
    return r_select(r_lt(x, least), r_set(0.0), sc_exp(r_max(x, least)));
}

/* ln P(data | f) of so many samples in each of some cells, but for the number of their orders, on
   top of `start` */
SC_INLINE real sc_log_likelihood(const sc_finite *m, const double *counts, const int *cells,
                                 int some, ptrdiff_t f, real start)
{
    real sum = start;
    for (int j = 0; j < some; j++)
        sum = r_fma(r_set(counts[j]), r_load(m->log_theta + cells[j] * m->stride + f), sum);
    return sum;
}

#endif
