/* Moves that leave the posterior of the latent given the samples as it is, each reversible.
 *
 * A trajectory (Hamiltonian Monte Carlo; Neal 2011) alternates kicks by the likelihood's gradient
 * with the exact motion under the Gaussian prior, a rotation of positions and momenta. Kicks and
 * rotations preserve volume and are undone by a reversed momentum whatever the gradient is a
 * function of the position only: so it may be in single precision, and the energies that decide
 * about acceptance are in double. Step size and number of steps are drawn before the trajectory,
 * not of its state. Signs, and on a line directions, are changed by Metropolis, one or two atoms at
 * a time.
 */
#ifndef SC_POSTERIOR_MOVES_H
#define SC_POSTERIOR_MOVES_H

#include "posterior/history.h"

SC_INLINE double sc_half_square(const double *x, ptrdiff_t count)
{
    double sum = 0.0;
    for (ptrdiff_t i = 0; i < count; i++)
        sum += x[i] * x[i];
    return 0.5 * sum;
}

static void sc_kick(sc_work *w, double time)
{
    for (ptrdiff_t i = 0; i < w->latents; i++)
        w->momentum[i] += time * w->slope[i];
}

static void sc_turn(sc_work *w, double angle)
{
    const double c = cos(angle), s = sin(angle);
    for (ptrdiff_t i = 0; i < w->latents; i++) {
        const double q = w->position[i], p = w->momentum[i];
        w->position[i] = c * q + s * p;
        w->momentum[i] = c * p - s * q;
    }
}

static void sc_exchange(double **a, double **b)
{
    double *const was = *a;
    *a = *b;
    *b = was;
}

/* One trajectory, accepted or not: counted by the probability of acceptance. Returns 0 if it was
   stopped. */
static int sc_trajectory(sc_work *w)
{
    const double step = w->step * (0.8 + 0.4 * sc_chain_uniform(w));
    const double length = w->p->turn * (0.5 + sc_chain_uniform(w)) / step;
    const int steps = length < 1.0 ? 1 : length < SC_MOST_STEPS ? (int)length : SC_MOST_STEPS;
    double log_likelihood;
    sc_chain_normals(w, w->momentum, w->latents);
    memcpy(w->kept, w->position, (size_t)w->latents * sizeof *w->kept);
    const double before = sc_half_square(w->position, w->latents)
                          + sc_half_square(w->momentum, w->latents) - w->log_likelihood;
    for (int i = 0; i <= steps; i++) {
        if (!sc_chain_slope(w, 1))
            return 0;
        sc_kick(w, i == 0 || i == steps ? 0.5 * step : step);
        if (i < steps)
            sc_turn(w, step);
    }
    if (!sc_chain_likelihood(w, w->proposed, &log_likelihood))
        return 0;
    const double after = sc_half_square(w->position, w->latents)
                         + sc_half_square(w->momentum, w->latents) - log_likelihood;
    /* NaN, where a trajectory has left what can be computed, is not accepted */
    const double chance = after <= before ? 1.0 : exp(before - after);
    w->moves++;
    w->accepted += chance > 0.0 ? chance : 0.0;
    if (sc_chain_uniform(w) < chance || w->p->accept_all) {
        sc_exchange(&w->logits, &w->proposed);
        w->log_likelihood = log_likelihood;
    } else {
        memcpy(w->position, w->kept, (size_t)w->latents * sizeof *w->kept);
        sc_weigh_sticks(w);
    }
    return 1;
}

/* proposed -= change * max(side g_j.x, 0) for a block */
static void sc_without_stick(const sc_work *w, ptrdiff_t block, int j, double side, double change)
{
    const float *x = w->data.inputs + block * w->block * w->d;
    const double *g = sc_vectors(w->position, w->sticks);
    double *F = w->proposed + block * w->block;
    for (int s = 0; s < w->block; s += SC_LANES) {
        real h = r_set(0.0);
        for (int k = 0; k < w->d; k++)
            h = r_fma(r_set(side * g[sc_coordinate(j, k, w->d)]),
                      r_load_float(x + k * w->block + s), h);
        r_store(F + s, r_fnma(r_set(change), r_max(r_set(0.0), h), r_load(F + s)));
    }
}

/* What a proposal does to each of its sticks i and j, which may be one. */
typedef struct sc_change {
    int i, j;
    int flip;    /* the sign becomes its opposite */
    int reflect; /* so does the direction */
} sc_change;

static void sc_propose_stick(const sc_work *w, ptrdiff_t block, int j, const sc_change *change)
{
    const double before = w->weight[j], after = change->flip ? -before : before;
    if (change->reflect) {
        sc_without_stick(w, block, j, 1.0, before);
        sc_without_stick(w, block, j, -1.0, -after);
    } else
        sc_without_stick(w, block, j, 1.0, before - after);
}

static void sc_change_stick(sc_work *w, int j, const sc_change *change)
{
    double *g = sc_vectors(w->position, w->sticks);
    if (change->flip) {
        w->sign[j] = -w->sign[j];
        w->weight[j] = -w->weight[j];
    }
    for (int k = 0; change->reflect && k < w->d; k++)
        g[sc_coordinate(j, k, w->d)] = -g[sc_coordinate(j, k, w->d)];
}

/* Propose a change, by Metropolis. It undoes itself, the prior of signs and vectors is symmetric,
   and which sticks it is does not depend on the state: so the likelihoods decide. */
static int sc_propose(sc_work *w, const sc_change *change)
{
    double log_likelihood = 0.0;
    for (ptrdiff_t b = 0; b < w->data.count; b++) {
        const ptrdiff_t first = b * w->block;
        if (!sc_chain_goes_on(w))
            return 0;
        memcpy(w->proposed + first, w->logits + first, (size_t)w->block * sizeof *w->logits);
        sc_propose_stick(w, b, change->i, change);
        if (change->i != change->j)
            sc_propose_stick(w, b, change->j, change);
        log_likelihood += sc_block_log_likelihood(w->proposed + first, w->labels + first, w->block);
    }
    const double chance = exp(fmin(0.0, log_likelihood - w->log_likelihood));
    w->proposals++;
    w->flipped += chance;
    if (!(sc_chain_uniform(w) < chance || w->p->accept_all))
        return 1;
    sc_exchange(&w->logits, &w->proposed);
    w->log_likelihood = log_likelihood;
    sc_change_stick(w, change->i, change);
    if (change->i != change->j)
        sc_change_stick(w, change->j, change);
    return 1;
}

/* A stick, uniform among all. */
static int sc_any_stick(sc_work *w)
{
    const int j = (int)(sc_chain_uniform(w) * w->sticks);
    return j < w->sticks ? j : w->sticks - 1;
}

/* A line has two directions, and no trajectory leads from one to the other, because the network
   jumps where a vector is 0: there, directions are proposed too, of one stick or two, with their
   signs or without. In more dimensions a vector goes round. */
static int sc_reflect(sc_work *w, int two)
{
    const int i = sc_any_stick(w), j = two ? sc_any_stick(w) : i;
    const sc_change change = {i, j, sc_chain_uniform(w) < 0.5, 1};
    return sc_propose(w, &change);
}

/* Proposals in turn: one stick, two of opposite signs. Which two is uniform among all such pairs,
   whose number a flip of both does not change; where two draws have the same sign, nothing is
   proposed. */
static int sc_flips(sc_work *w, int proposals)
{
    for (int n = 0; n < proposals; n++) {
        const int i = sc_any_stick(w), j = n % 2 ? sc_any_stick(w) : i;
        const sc_change change = {i, j, 1, 0};
        if ((i == j || w->sign[i] != w->sign[j]) && !sc_propose(w, &change))
            return 0;
        if (w->d == 1 && !sc_reflect(w, n % 2))
            return 0;
    }
    return 1;
}

#endif
