/* Everything a chain works on: its data, its state, and what is computed from that. All arrays lie
 * in one piece of memory, whose size sc_posterior_space gives.
 */
#ifndef SC_POSTERIOR_WORK_H
#define SC_POSTERIOR_WORK_H

#include "engine/engine.h"
#include "network/network.h"
#include "posterior/posterior.h"

/* bytes of activations that stay in the second cache between the ways forward and back */
#define SC_ACTIVATION_BYTES (512 << 10)
#define SC_LEAST_BLOCK 64
#define SC_MOST_BLOCK 256

/* Samples in blocks: inputs [block][coordinate][sample], and numbers [block][sample]. */
typedef struct sc_blocks {
    ptrdiff_t count; /* of blocks in use */
    float *inputs;
    double *tail; /* what the sticks that are told add, for each unit of mass that is left */
} sc_blocks;

typedef struct sc_work {
    const sc_posterior *p;
    sc_keep_going keep_going;
    void *state;
    int d, sticks, block;
    ptrdiff_t latents; /* numbers in a state: a, b and g [group of 4][coordinate][atom] */
    sc_blocks data, fresh;
    float *labels; /* +1 or -1, 0 where there is no sample; beyond the prefix in use, 0 too */
    float *all_labels;
    /* the state, its momentum, the state to return to */
    double *position, *momentum, *slope, *kept, *sign;
    /* of each stick: E and sums of E before it (then mass), mass left after it, weight = sign *
       sqrt(K+1) * mass / |g|, |g| */
    double *exponential, *mass, *rest, *weight, *norm;
    double *v; /* see likelihood.h */
    double *logits, *proposed;
    /* of one block */
    double *block_inputs, *block_logits, *block_atoms;
    float *single_logits, *single_tail, *single_weights, *single_directions;
    double *activations, *sums; /* for gradients in double */
    float *single_activations, *single_sums;
    double *mean, *prior_mean;          /* of chains, at fresh inputs */
    double *probabilities;              /* P(Y = 1): [state of all chains][fresh input] */
    double *first_logits, *last_logits; /* at fresh inputs */
    double log_likelihood, left;        /* of the position; mass that its sticks leave */
    double step;
    double moves, accepted, proposals, flipped; /* counted */
    uint64_t next_group;                        /* of the chain's random numbers */
    sc_sequence uniforms;
} sc_work;

#endif
