/* The log-likelihood of a state in double, and its gradient in either precision, block after
 * block.
 */
#ifndef SC_POSTERIOR_EVALUATE_H
#define SC_POSTERIOR_EVALUATE_H

#include "posterior/latents.h"

#define chain64_number double
#define chain64_pack real
#define chain64_LANES SC_LANES
#define chain64_set r_set
#define chain64_load r_load
#define chain64_load_single r_load_float
#define chain64_store r_store
#define chain64_fma r_fma
#define chain64_max r_max
#define chain64_where_positive r_where_positive
#define chain64_sigmoid sc_sigmoid
#define SC_T(name) chain64_##name
#include "posterior/likelihood.h"
#undef SC_T

#define chain32_number float
#define chain32_pack freal
#define chain32_LANES SC_FLANES
#define chain32_set f_set
#define chain32_load f_load
#define chain32_load_single f_load
#define chain32_store f_store
#define chain32_fma f_fma
#define chain32_max f_max
#define chain32_where_positive f_where_positive
#define chain32_sigmoid f_sigmoid
#define SC_T(name) chain32_##name
#include "posterior/likelihood.h"
#undef SC_T

#define SC_FLUSH_EVERY 32 /* blocks: sums in single precision stay short */

SC_INLINE int sc_chain_goes_on(const sc_work *w)
{
    return !w->keep_going || w->keep_going(w->state);
}

static const double *sc_doubles_of_block(const sc_work *w, const float *inputs)
{
    for (ptrdiff_t i = 0; i < (ptrdiff_t)w->block * w->d; i += SC_LANES)
        r_store(w->block_inputs + i, r_load_float(inputs + i));
    return w->block_inputs;
}

/* sum log P(y|F) over a block. Products of 1 + e^-|F|, of at most SC_MOST_BLOCK factors in (1, 2],
   need one logarithm. */
SC_INLINE double sc_block_log_likelihood(const double *logits, const float *labels, int block)
{
    const real zero = r_set(0.0), one = r_set(1.0);
    real linear = zero, product = one;
    for (int s = 0; s < block; s += SC_LANES) {
        const real z = r_load_float(labels + s), m = z * r_load(logits + s);
        const real e = sc_exp(r_max(r_min(m, -m), r_set(-700.0)));
        linear = linear + r_min(m, zero);
        product = product * r_fma(z * z, e, one); /* places without a sample have z = 0 */
    }
    return sum_of_lanes(linear - sc_log(product));
}

/* Logits of the position's network at blocks of inputs. Returns 0 if it was stopped. */
static int sc_chain_logits(sc_work *w, const sc_blocks *at, double *logits)
{
    for (ptrdiff_t i = 0; i < at->count; i++) {
        const double *x = sc_doubles_of_block(w, at->inputs + i * (ptrdiff_t)w->block * w->d);
        double *F = logits + i * w->block;
        if (!sc_chain_goes_on(w))
            return 0;
        for (int s = 0; s < w->block; s++)
            F[s] = w->left * at->tail[i * w->block + s];
        chain64_forward(x, w->block, sc_vectors(w->position, w->sticks), w->weight, w->sticks / 4,
                        w->d, NULL, F);
    }
    return 1;
}

/* The log-likelihood of the position: its logits go to `logits`. */
static int sc_chain_likelihood(sc_work *w, double *logits, double *log_likelihood)
{
    *log_likelihood = 0.0;
    sc_weigh_sticks(w);
    if (!sc_chain_logits(w, &w->data, logits))
        return 0;
    for (ptrdiff_t i = 0; i < w->data.count; i++)
        *log_likelihood +=
            sc_block_log_likelihood(logits + i * w->block, w->labels + i * w->block, w->block);
    return 1;
}

/* One block's way there and back; returns its pull on the mass that is left. */
static double sc_pull_of_block(sc_work *w, int single, ptrdiff_t i)
{
    const ptrdiff_t first = i * w->block;
    const float *x = w->data.inputs + first * w->d, *labels = w->labels + first;
    const double *tail = w->data.tail + first;
    const int J = w->sticks, d = w->d, block = w->block;
    double pull;
    if (single) {
        for (int s = 0; s < block; s++) {
            w->single_tail[s] = (float)tail[s];
            w->single_logits[s] = (float)(w->left * tail[s]);
        }
        chain32_forward(x, block, w->single_directions, w->single_weights, J / 4, d,
                        w->single_activations, w->single_logits);
        pull = chain32_residuals(w->single_logits, labels, w->single_tail, block);
        chain32_backward(x, block, w->single_logits, w->single_activations, J, d, w->single_sums);
    } else {
        const double *wide = sc_doubles_of_block(w, x);
        for (int s = 0; s < block; s++)
            w->block_logits[s] = w->left * tail[s];
        chain64_forward(wide, block, sc_vectors(w->position, J), w->weight, J / 4, d,
                        w->activations, w->block_logits);
        pull = chain64_residuals(w->block_logits, labels, tail, block);
        chain64_backward(wide, block, w->block_logits, w->activations, J, d, w->sums);
    }
    return pull;
}

/* The gradient of the log-likelihood at the position, into w->slope. */
static int sc_chain_slope(sc_work *w, int single)
{
    const int J = w->sticks, d = w->d;
    const ptrdiff_t numbers = (ptrdiff_t)J * d;
    const double *g = sc_vectors(w->position, J);
    double tail_pull = 0.0;
    sc_weigh_sticks(w);
    if (single) {
        for (ptrdiff_t i = 0; i < numbers; i++)
            w->single_directions[i] = (float)g[i];
        for (int j = 0; j < J; j++)
            w->single_weights[j] = (float)w->weight[j];
        memset(w->single_sums, 0, (size_t)numbers * SC_FLANES * sizeof(float));
    } else
        memset(w->sums, 0, (size_t)numbers * SC_LANES * sizeof(double));
    memset(w->v, 0, (size_t)numbers * sizeof *w->v);
    for (ptrdiff_t i = 0; i < w->data.count; i++) {
        if (!sc_chain_goes_on(w))
            return 0;
        tail_pull += sc_pull_of_block(w, single, i);
        if (i % SC_FLUSH_EVERY == SC_FLUSH_EVERY - 1 || i == w->data.count - 1) {
            if (single)
                chain32_flush(w->single_sums, J, d, w->v);
            else
                chain64_flush(w->sums, J, d, w->v);
        }
    }
    sc_slope_of_latents(w, tail_pull);
    return 1;
}

#endif
