/* What the kernels of finite models share. */
#ifndef SC_INFORMATION_H
#define SC_INFORMATION_H

#include "engine/engine.h"
#include "special/special.h"

/* Probabilities below this are taken as 0: subnormal numbers are slow, and matter to no result. */
#define SC_TINY 1e-290

SC_INLINE real sc_exp_or_zero(real x)
{
    const real least = r_set(-700.0);
    return r_select(r_lt(x, least), r_set(0.0), sc_exp(r_max(x, least)));
}

/* start + ln P(data | f) of counts[j] samples in each cells[j], without the factor for the number
   of orders in which they may come. */
SC_INLINE real sc_log_likelihood(const sc_finite *m, const double *counts, const int *cells,
                                 int cell_count, ptrdiff_t f, real start)
{
    real sum = start;
    for (int j = 0; j < cell_count; j++)
        sum = r_fma(r_set(counts[j]), r_load(m->log_theta + cells[j] * m->stride + f), sum);
    return sum;
}

#endif
