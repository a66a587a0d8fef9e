/* From the latent to what the likelihood needs, and gradients back. */
#ifndef SC_POSTERIOR_LATENTS_H
#define SC_POSTERIOR_LATENTS_H

#include "posterior/work.h"

SC_INLINE double *sc_stick_a(double *latents) { return latents; }
SC_INLINE double *sc_stick_b(double *latents, int sticks) { return latents + sticks; }
SC_INLINE double *sc_vectors(double *latents, int sticks) { return latents + 2 * sticks; }

/* place of coordinate k of stick j's vector */
SC_INLINE ptrdiff_t sc_coordinate(int j, int k, int d)
{
    return ((ptrdiff_t)(j / 4) * d + k) * 4 + j % 4;
}

SC_INLINE real sc_exp_of_share(const double *sum, double rate) /* e^(rate sum), rate < 0 */
{
    return sc_exp(r_max(r_load(sum) * r_set(rate), r_set(-700.0)));
}

/* Masses, norms and weights of the position. */
static void sc_weigh_sticks(sc_work *w)
{
    const int J = w->sticks, d = w->d;
    const double rate = -1.0 / w->p->concentration, gain = sqrt(w->p->concentration + 1.0);
    const double *a = sc_stick_a(w->position), *b = sc_stick_b(w->position, J),
                 *g = sc_vectors(w->position, J);
    double before = 0.0;
    for (int j = 0; j < J; j++) {
        w->exponential[j] = 0.5 * (a[j] * a[j] + b[j] * b[j]);
        w->mass[j] = before;
        before += w->exponential[j];
        w->rest[j] = before;
    }
    for (int j = 0; j < J; j += SC_LANES) {
        const real share = sc_expm1(r_max(r_load(w->exponential + j) * r_set(rate), r_set(-700.0)));
        r_store(w->mass + j, -(share * sc_exp_of_share(w->mass + j, rate)));
        r_store(w->rest + j, sc_exp_of_share(w->rest + j, rate));
    }
    for (int j = 0; j < J; j++) {
        double square = 0.0;
        for (int k = 0; k < d; k++) {
            const double x = g[sc_coordinate(j, k, d)];
            square += x * x;
        }
        w->norm[j] = square > 0.0 ? sqrt(square) : 1.0; /* without a direction: h = 0 anyway */
        w->weight[j] = w->sign[j] * gain * w->mass[j] / w->norm[j];
    }
    w->left = w->rest[J - 1];
}

/* The gradient of the log-likelihood by the latent, from v and the pull on the mass that is
   left. */
static void sc_slope_of_latents(sc_work *w, double tail_pull)
{
    const int J = w->sticks, d = w->d;
    const double gain = sqrt(w->p->concentration + 1.0);
    const double *a = sc_stick_a(w->position), *b = sc_stick_b(w->position, J),
                 *g = sc_vectors(w->position, J);
    double *to_a = sc_stick_a(w->slope), *to_b = sc_stick_b(w->slope, J),
           *to_g = sc_vectors(w->slope, J);
    double later = w->left * tail_pull; /* d log P / d log(mass left), of all that comes later */
    for (int j = J - 1; j >= 0; j--) {
        const double *v = w->v + (ptrdiff_t)j * d;
        double along = 0.0;
        for (int k = 0; k < d; k++)
            along += g[sc_coordinate(j, k, d)] * v[k];
        along /= w->norm[j];
        for (int k = 0; k < d; k++)
            to_g[sc_coordinate(j, k, d)] =
                w->weight[j] * (v[k] - along * g[sc_coordinate(j, k, d)] / w->norm[j]);
        const double by_mass = w->sign[j] * gain * along;
        const double by_exponential = (w->rest[j] * by_mass - later) / w->p->concentration;
        to_a[j] = a[j] * by_exponential;
        to_b[j] = b[j] * by_exponential;
        later += w->mass[j] * by_mass;
    }
}

#endif
