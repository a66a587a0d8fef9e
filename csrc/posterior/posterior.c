/* Chains over the posterior of the infinite-width network, and what their states say of the error
   of the best learner. See posterior.h. */
#include "posterior/estimate.h"
#include "posterior/moves.h"

#define SC_PILOT_MOVES 40 /* trajectories of a pilot */
#define SC_WANTED_ACCEPTANCE 0.8
#define SC_LEAST_PREFIX 32 /* chains from the prior meet so many samples first */

static int sc_block_of(const sc_posterior *p)
{
    int block = SC_MOST_BLOCK;
    while (block > SC_LEAST_BLOCK
           && (size_t)block * (size_t)p->sticks * sizeof(float) > SC_ACTIVATION_BYTES)
        block /= 2;
    return block;
}

static size_t sc_all_states(const sc_posterior *p)
{
    return (size_t)p->states + (size_t)p->prior_states * (size_t)p->prior_chains;
}

/* Give every array its place after `base`, which may be NULL; returns how many bytes they take. */
static size_t sc_lay_out(sc_work *w, const sc_posterior *p, char *base)
{
    const size_t d = (size_t)p->input_dim, J = (size_t)p->sticks, block = (size_t)sc_block_of(p);
    const size_t samples = ((size_t)p->samples + block - 1) / block * block,
                 fresh = ((size_t)p->inputs + block - 1) / block * block;
    size_t used = 0;
#define TAKE(field, count)                                           \
    do {                                                             \
        w->field = base ? (void *)(base + used) : NULL;              \
        used += ((count) * sizeof *w->field + 63) / 64 * (size_t)64; \
    } while (0)
    TAKE(data.inputs, samples * d);
    TAKE(data.tail, samples);
    TAKE(fresh.inputs, fresh * d);
    TAKE(fresh.tail, fresh);
    TAKE(labels, samples);
    TAKE(all_labels, samples);
    TAKE(logits, samples);
    TAKE(proposed, samples);
    TAKE(position, J * (d + 2));
    TAKE(momentum, J * (d + 2));
    TAKE(slope, J * (d + 2));
    TAKE(kept, J * (d + 2));
    TAKE(sign, J);
    TAKE(exponential, J);
    TAKE(mass, J);
    TAKE(rest, J);
    TAKE(weight, J);
    TAKE(norm, J);
    TAKE(v, J * d);
    TAKE(block_inputs, block * d);
    TAKE(block_logits, block);
    TAKE(block_atoms, SC_ATOMS * d);
    TAKE(single_logits, block);
    TAKE(single_tail, block);
    TAKE(single_weights, J);
    TAKE(single_directions, J * d);
    TAKE(first_logits, fresh);
    TAKE(last_logits, fresh);
    TAKE(mean, (size_t)p->inputs);
    TAKE(prior_mean, (size_t)p->inputs);
    TAKE(probabilities, sc_all_states(p) * (size_t)p->inputs);
    TAKE(activations, J * block);
    TAKE(single_activations, J * block);
    TAKE(sums, J * d * SC_LANES);
    TAKE(single_sums, J * d * SC_FLANES);
#undef TAKE
    w->data.count = (ptrdiff_t)(samples / block);
    w->fresh.count = (ptrdiff_t)(fresh / block);
    w->block = (int)block;
    w->d = p->input_dim;
    w->sticks = p->sticks;
    w->latents = (ptrdiff_t)(J * (d + 2));
    w->p = p;
    w->step = p->step;
    return used;
}

/* Keep the predictions of the position as state k. */
static int sc_keep_state(sc_work *w, int k, double *trace)
{
    double *P = w->probabilities + (ptrdiff_t)k * w->p->inputs;
    if (!sc_chain_logits(w, &w->fresh, w->last_logits))
        return 0;
    for (ptrdiff_t i = 0; i < w->p->inputs; i += SC_LANES)
        r_store(P + i, sc_sigmoid(r_load(w->last_logits + i)));
    if (trace) {
        double *row = trace + (ptrdiff_t)k * (w->p->inputs + 1);
        row[0] = w->log_likelihood;
        memcpy(row + 1, w->last_logits, (size_t)w->p->inputs * sizeof *row);
    }
    return 1;
}

/* From one state to the next: signs, a trajectory, signs. Each leaves the posterior as it is, which
   is all that the bounds need. (The whole is reversible but for the order of proposals of one stick
   and of two.) */
static int sc_next_state(sc_work *w)
{
    const int proposals = (int)ceil(0.5 * w->p->flips * w->sticks);
    return sc_flips(w, proposals) && sc_trajectory(w) && sc_flips(w, proposals);
}

/* Keep `states` states of a chain, from the position on, as states first, first + 1, ... */
static int sc_run_chain(sc_work *w, int first, int states, double *trace)
{
    if (!sc_keep_state(w, first, trace))
        return 0;
    for (int k = first + 1; k < first + states; k++)
        if (!sc_next_state(w) || !sc_keep_state(w, k, trace))
            return 0;
    return 1;
}

/* Find the step at which trajectories from the truth are accepted as often as wanted. */
static int sc_find_step(sc_work *w, sc_posterior_result *result)
{
    double log_step = log(w->step), sum = 0.0;
    for (int i = 0; i < SC_PILOT_MOVES; i++) {
        const double before = w->accepted;
        w->step = exp(log_step);
        if (!sc_trajectory(w))
            return 0;
        log_step += (w->accepted - before - SC_WANTED_ACCEPTANCE) * (i < 8 ? 1.0 : 6.0 / (i - 2));
        log_step = fmin(0.0, fmax(log(1e-5), log_step));
        sum += i >= SC_PILOT_MOVES / 2 ? log_step : 0.0;
    }
    result->step = exp(sum / (SC_PILOT_MOVES - SC_PILOT_MOVES / 2));
    return 1;
}

/* Moves with the first samples only. Their likelihood is less stiff, in proportion to their
   number, and so the step is larger. */
static int sc_move_with_prefix(sc_work *w, ptrdiff_t samples)
{
    const double all = (double)w->p->samples + 100.0;
    sc_use_prefix(w, samples);
    w->step = fmin(1.0, w->p->step * sqrt(all / ((double)samples + 100.0)));
    if (!sc_chain_likelihood(w, w->logits, &w->log_likelihood))
        return 0;
    for (int i = 0; i < w->p->annealing; i++)
        if (!sc_next_state(w))
            return 0;
    return 1;
}

/* A state that has never seen the truth: drawn from the prior, then shown more and more of the
   samples. */
static int sc_anneal(sc_work *w)
{
    sc_chain_normals(w, w->position, w->latents);
    for (int j = 0; j < w->sticks; j++)
        w->sign[j] = sc_chain_uniform(w) < 0.5 ? -1.0 : 1.0;
    for (ptrdiff_t prefix = SC_LEAST_PREFIX; prefix < w->p->samples; prefix *= 2)
        if (!sc_move_with_prefix(w, prefix))
            return 0;
    return sc_move_with_prefix(w, w->p->samples);
}

/* The chain from the truth. */
static int sc_from_truth(sc_work *w, double *trace, sc_posterior_result *result)
{
    const sc_predictions from_truth = {w->probabilities, w->p->states, 1, w->p->inputs, w->mean};
    if (!sc_run_chain(w, 0, w->p->states, trace))
        return 0;
    sc_mean_prediction(&from_truth);
    result->lower = sc_spread_of_states(&from_truth);
    result->effective = sc_effective_states(&from_truth);
    result->moved = sc_root_mean_square_change(w);
    return 1;
}

/* Chains from the prior, which predict together. The truth's tail is hidden from them. */
static int sc_from_prior(sc_work *w, double *trace, sc_posterior_result *result)
{
    const int states = w->p->prior_states, chains = w->p->prior_chains;
    const sc_predictions from_prior = {w->probabilities + w->p->states * (ptrdiff_t)w->p->inputs,
                                       states, chains, w->p->inputs, w->prior_mean};
    memset(w->data.tail, 0, (size_t)(w->data.count * w->block) * sizeof(double));
    memset(w->fresh.tail, 0, (size_t)(w->fresh.count * w->block) * sizeof(double));
    for (int c = 0; c < chains; c++)
        if (!sc_anneal(w) || !sc_run_chain(w, w->p->states + c * states, states, trace))
            return 0;
    sc_mean_prediction(&from_prior);
    result->upper = result->lower + sc_mean_divergence(w->mean, w->prior_mean, w->p->inputs);
    result->prior_effective = sc_effective_states(&from_prior);
    return 1;
}

int SC_KERNEL(sc_posterior_chains)(const sc_posterior *p, void *space, sc_keep_going keep_going,
                                   void *state, double *trace, sc_posterior_result *result)
{
    sc_work w;
    memset(result, 0, sizeof *result);
    sc_lay_out(&w, p, space);
    w.keep_going = keep_going;
    w.state = state;
    w.moves = w.accepted = w.proposals = w.flipped = 0.0;
    result->step = p->step;
    sc_chain_streams(&w);
    if (!sc_draw_history(&w, &result->second_moment)
        || !sc_chain_likelihood(&w, w.logits, &w.log_likelihood)
        || !(p->pilot ? sc_find_step(&w, result) : sc_from_truth(&w, trace, result))
        || (p->prior_chains && !sc_from_prior(&w, trace, result)))
        return 0;
    result->acceptance = w.accepted / fmax(w.moves, 1.0);
    result->flip_acceptance = w.flipped / fmax(w.proposals, 1.0);
    return 1;
}

size_t SC_KERNEL(sc_posterior_space)(const sc_posterior *p)
{
    sc_work w;
    return sc_lay_out(&w, p, NULL);
}

void SC_KERNEL(sc_posterior_gradient)(const sc_posterior *p, int single, int repeats, void *space,
                                      double *latents, double *signs, float *inputs, float *labels,
                                      double *tail, double *log_likelihood, double *gradient)
{
    sc_work w;
    double second_moment;
    sc_lay_out(&w, p, space);
    w.keep_going = NULL;
    sc_chain_streams(&w);
    sc_draw_history(&w, &second_moment);
    for (ptrdiff_t i = 0; i < p->samples; i++) {
        const ptrdiff_t block = i / w.block, s = i % w.block;
        for (int k = 0; k < w.d; k++)
            inputs[i * w.d + k] = w.data.inputs[(block * w.d + k) * w.block + s];
        labels[i] = w.labels[i];
        tail[i] = w.data.tail[i];
    }
    if (isnan(latents[0])) { /* the truth's are asked for */
        memcpy(latents, w.position, (size_t)w.latents * sizeof *latents);
        memcpy(signs, w.sign, (size_t)w.sticks * sizeof *signs);
    }
    memcpy(w.position, latents, (size_t)w.latents * sizeof *latents);
    memcpy(w.sign, signs, (size_t)w.sticks * sizeof *signs);
    sc_chain_likelihood(&w, w.logits, log_likelihood);
    for (int r = 0; r < repeats; r++)
        sc_chain_slope(&w, single);
    memcpy(gradient, w.slope, (size_t)w.latents * sizeof *gradient);
}
