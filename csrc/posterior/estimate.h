/* From the predictions of a chain's states at fresh inputs to what they say of the error. */
#ifndef SC_POSTERIOR_ESTIMATE_H
#define SC_POSTERIOR_ESTIMATE_H

#include "posterior/work.h"

SC_INLINE real sc_entropy(real p) /* of a label with that probability, in nats */
{
    const real least = r_set(1e-300), q = r_set(1.0) - p;
    return -r_fma(p, sc_log(r_max(p, least)), q * sc_log(r_max(q, least)));
}

/* d_KL(Bern(p) || Bern(m)) */
SC_INLINE real sc_divergence(real p, real m)
{
    const real least = r_set(1e-300), one = r_set(1.0);
    const real cross = r_fma(p, sc_log(r_max(m, least)), (one - p) * sc_log(r_max(one - m, least)));
    return -(cross + sc_entropy(p));
}

/* Predictions of some chains of as many states each. */
typedef struct sc_predictions {
    const double *P; /* [chain][state][input] */
    int states, chains;
    ptrdiff_t inputs;
    double *mean; /* of all states, at each input */
} sc_predictions;

static void sc_mean_prediction(const sc_predictions *of)
{
    const int count = of->states * of->chains;
    for (ptrdiff_t i = 0; i < of->inputs; i += SC_LANES) {
        real sum = r_set(0.0);
        for (int k = 0; k < count; k++)
            sum = sum + r_load(of->P + k * of->inputs + i);
        r_store(of->mean + i, sum * r_set(1.0 / count));
    }
}

/* Mean over inputs of d_KL(p || q). */
static double sc_mean_divergence(const double *p, const double *q, ptrdiff_t inputs)
{
    real sum = r_set(0.0);
    for (ptrdiff_t i = 0; i < inputs; i += SC_LANES)
        sum = sum + sc_divergence(r_load(p + i), r_load(q + i));
    return sum_of_lanes(sum) / (double)inputs;
}

/* Mean over inputs and states of d_KL(state || mean), which is H(mean) - mean H(state). */
static double sc_spread_of_states(const sc_predictions *of)
{
    const int count = of->states * of->chains;
    double total = 0.0;
    for (int k = 0; k < count; k++)
        total += sc_mean_divergence(of->P + k * of->inputs, of->mean, of->inputs);
    return total / count;
}

/* Mean over inputs and states of (P_k - mean)(P_(k + lag) - mean). */
static double sc_autocovariance(const sc_predictions *of, int lag)
{
    double total = 0.0;
    for (int c = 0; c < of->chains; c++)
        for (int k = 0; k + lag < of->states; k++) {
            const double *P = of->P + ((ptrdiff_t)c * of->states + k) * of->inputs,
                         *later = P + lag * of->inputs;
            real sum = r_set(0.0);
            for (ptrdiff_t i = 0; i < of->inputs; i += SC_LANES) {
                const real mean = r_load(of->mean + i);
                sum = r_fma(r_load(P + i) - mean, r_load(later + i) - mean, sum);
            }
            total += sum_of_lanes(sum);
        }
    return total / ((double)of->inputs * of->states * of->chains);
}

/* So many independent states would have as good a mean: states / (1 + 2 sum of the correlations),
   by Geyer's initial positive sequence. A chain that hardly moves looks better than it is. */
static double sc_effective_states(const sc_predictions *of)
{
    const double variance = sc_autocovariance(of, 0), most = (double)of->states * of->chains;
    double sum = -1.0;
    if (!(variance > 0.0))
        return 1.0;
    for (int lag = 0; lag < of->states; lag += 2) {
        const double pair = sc_autocovariance(of, lag) + sc_autocovariance(of, lag + 1);
        if (!(pair > 0.0))
            break;
        sum += 2.0 * pair / variance;
    }
    return sum > 1.0 ? fmax(1.0, most / sum) : most;
}

static double sc_root_mean_square_change(const sc_work *w)
{
    double sum = 0.0;
    for (ptrdiff_t i = 0; i < w->p->inputs; i++) {
        const double change = w->last_logits[i] - w->first_logits[i];
        sum += change * change;
    }
    return sqrt(sum / (double)w->p->inputs);
}

#endif
