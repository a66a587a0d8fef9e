/* A lower bound on the error of the best possible learner, whatever its width (docs/lower_bound.md,
 * whose symbols are used here): van Trees' inequality for the coefficients of F on eigenfunctions.
 *
 * The information of sample t is at least the sum over degrees of gain/(t + offset). Gains and
 * offsets depend on how the directions of the target are moved; that is chosen anew for each range
 * of t, which any choice allows.
 */
#ifndef SC_LOWER_BOUND_H
#define SC_LOWER_BOUND_H

/* ranges of t: [0, 1), [1, 4), [4, 16), ... and all from 4^20 = 1.1e12 on */
#define SC_TIME_RANGES 22
/* degree 0, degree 1 and the even ones up to 126; what is left out only loosens the bound */
#define SC_LOWER_DEGREES 65
#define SC_SHARES 320 /* most nodes of the sums over a random share of the mass */

typedef struct sc_information_rate {
    double gain, offset; /* nats per sample at t: gain/(t + offset) */
} sc_information_rate;

typedef struct sc_lower_degree {
    double mass, eigenvalue; /* N_l lambda_l and lambda_l */
    double steepness;        /* A = l (l+d-2) */
    double curvature;        /* nu_l, from degree 4 on */
    double rest;             /* the mass of all degrees beyond */
} sc_lower_degree;

/* What serves every T: for one d and K. */
typedef struct sc_lower_bound {
    double d, K;
    int degrees; /* 1 at d = 1, where degree 0 counts twice */
    sc_lower_degree degree[SC_LOWER_DEGREES];
    sc_information_rate degree_0;
    /* nodes by falling s: xi = (K+1) x of a share x, xi^2, and the weights of xi and xi (1-x)^2 */
    int shares;
    double square[SC_SHARES], weight[SC_SHARES], weight_of_rest[SC_SHARES];
    int ranges; /* so many are known */
    int count[SC_TIME_RANGES];
    sc_information_rate rate[SC_TIME_RANGES][SC_LOWER_DEGREES];
    double told[SC_TIME_RANGES]; /* nats of all ranges before */
} sc_lower_bound;

#endif
