/* More starts, where the first do not agree or the objective has kinks: near the best, farther
   away, and all over the box. */
#include <math.h>

#include "fitting/starts.h"
#include "special/philox.h"

#define NEAR 0.03 /* of a start in the third of six distances, in units of theta */
#define FAR 0.25
#define LOWEST -4.0 /* theta of starts anywhere: where laws of real runs lie */
#define HIGHEST 2.0

static double moved(double theta, double step)
{
    return theta * (1 + 0.5 * tanh(step)) + (theta == 0 ? 0.1 * fabs(step) : 0.2 * step);
}

void sc_fit_around(const sc_engine *engine, int parameters, const double *low, const double *high,
                   const double *theta, uint64_t seed, double *starts)
{
    for (int i = 0; i < SC_FIT_MORE_STARTS; i++) {
        const int kind = i / SC_FIT_AROUND;
        double number[SC_GROUP];
        engine->numbers(kind < 2 ? SC_NORMAL : SC_UNIFORM, seed, (uint64_t)i, SC_FOR_STARTS, 0, 1,
                        number);
        const double spread = (kind == 0 ? NEAR : FAR) * ldexp(1.0, i % 6 - 2);
        for (int j = 0; j < parameters; j++) {
            const double from = fmax(low[j], LOWEST), to = fmax(from, fmin(high[j], HIGHEST));
            const double start =
                kind < 2 ? moved(theta[j], spread * number[j]) : from + (to - from) * number[j];
            starts[i * parameters + j] = fmin(fmax(start, low[j]), high[j]);
        }
    }
}
