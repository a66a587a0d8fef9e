/* Sampling from the posterior of the infinite-width network, and what its error says.
 *
 * The latent has sticks and a tail. Each of the first J sticks is two normals a, b, a normal vector
 * g in R^d and a sign s: E = (a^2 + b^2)/2 is exponential, beta = 1 - e^(-E/K), the mass is beta
 * times what the sticks before it left, and the direction is w = g/|g|. So the prior of everything
 * that is continuous is N(0, I). Sticks beyond J are told: their masses relative to what J sticks
 * leave, their directions and signs are the truth's, and their sum is one number for each sample
 * (its tail), which the mass that is left multiplies:
 *
 *     F(x) = sqrt(K+1) (sum_j s_j theta_j max(w_j.x, 0)) + rest * tail(x).
 *
 * Inputs are rounded to single precision, exactly as training in single precision rounds them;
 * everything that decides about acceptance is computed in double.
 */
#ifndef SC_POSTERIOR_H
#define SC_POSTERIOR_H

#include <stddef.h>
#include <stdint.h>

#define SC_STICK_MULTIPLE 8  /* sticks that move come in multiples */
#define SC_INPUT_MULTIPLE 64 /* and so do fresh inputs */
#define SC_MOST_STEPS 4096   /* of one trajectory */

/* One history H_t, drawn with network `item` of the key, and chains given it. */
typedef struct sc_posterior {
    uint64_t key, item; /* of the network and its samples: those of training's repeat `item` */
    uint64_t place;     /* of the chains' own random numbers and fresh inputs, below 2^20 */
    int input_dim;
    double concentration;
    double truncation; /* the truth has atoms until this mass is left */
    int sticks;        /* that move, a multiple of SC_STICK_MULTIPLE */
    ptrdiff_t samples; /* t, may be 0 */
    int inputs;        /* fresh ones, on which states are compared; a multiple */
    /* states of the chain from the truth, the truth included: an exact draw from the posterior */
    int states;
    /* states of each chain from the prior, and how many such chains predict together: they never
       see the truth, nor its tail (theirs is 0) */
    int prior_states, prior_chains;
    int annealing;  /* moves of a chain from the prior at each doubling of its samples */
    int pilot;      /* only find the step at which trajectories from the truth are accepted */
    int accept_all; /* for the test that has to notice it: every proposal is taken */
    double step;    /* of the integrator, in (0, 1] */
    double turn;  /* mean length of a trajectory, an angle: a quarter turn forgets the prior part */
    double flips; /* proposals for signs a state, as a share of the sticks */
} sc_posterior;

/* Only doubles: a row of an array. */
typedef struct sc_posterior_result {
    /* mean over fresh inputs of H(mean_k P_k) - mean_k H(P_k), the chain from the truth: in
       expectation at most the information of a sample */
    double lower;
    /* mean over fresh inputs of mean_k d_KL(P_k || Q), Q the mean prediction of the chains from the
       prior: in expectation at least that information. It is lower + d_KL(mean_k P_k || Q). */
    double upper;
    double acceptance, flip_acceptance; /* shares of proposals, all chains */
    double moved; /* root mean square of F_last - F_first over fresh inputs, chain from the truth */
    /* states of the chain from the truth and of those from the prior, corrected for their
       correlation */
    double effective, prior_effective;
    double second_moment; /* (K+1) sum theta^2 of the truth, whose expectation is 1 */
    double step;          /* that was used, or found */
} sc_posterior_result;

#endif
