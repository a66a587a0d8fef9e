/* Fitting laws L(N, D) to training runs: what the kernel that sums over runs and the solver above
 * it share.
 *
 * Everything is in centred logarithms: n = ln N - mean, m = ln D - mean, y = ln L - mean. So units
 * cancel, and every parameter has a magnitude near one. A law gives L relative to the geometric
 * mean of the losses.
 *
 * The objective is F(theta) = sum_i w_i rho(r_i). With residuals of logarithms, r = y - ln
 * L(theta), and Huber's rho(r) = r^2/2 up to delta and delta (|r| - delta/2) beyond; with residuals
 * of the loss itself, r = L - L(theta).
 */
#ifndef SC_FITTING_H
#define SC_FITTING_H

#include <stddef.h>
#include <stdint.h>

#define SC_FIT_MOST_PARAMETERS 12
/* replicas that one kernel call works on: as many as a pack has lanes, at most this */
#define SC_FIT_MOST_LANES 8

typedef enum sc_form {
    SC_FORM_ADDITIVE, /* E + e^(a - alpha n) + e^(b - beta m); theta = E, a, alpha, b, beta */
    SC_FORM_TIED,     /* the same with one exponent; theta = E, a, b, alpha */
    /* E + (e^(u/gamma) + e^(v/gamma))^gamma, u = a - alpha n, v = b - beta m; theta = E, a, alpha,
       b, beta, ln gamma */
    SC_FORM_COUPLED,
    SC_FORM_KAPLAN,  /* the same with beta = gamma; theta = E, a, alpha, b, ln gamma */
    SC_FORM_COMPUTE, /* E + e^(a - alpha n); theta = E, a, alpha */
    SC_FORM_FOREIGN  /* values and gradients come from the caller */
} sc_form;

typedef enum sc_residual { SC_RESIDUAL_OF_LOG, SC_RESIDUAL_OF_LOSS } sc_residual;

/* Sums over runs of one replica. Hessians are packed by rows: (0,0), (1,0), (1,1), (2,0), ... */
#define SC_FIT_PACKED (SC_FIT_MOST_PARAMETERS * (SC_FIT_MOST_PARAMETERS + 1) / 2)
typedef struct sc_fit_sums { /* [...][lane] */
    double objective[SC_FIT_MOST_LANES];
    double gradient[SC_FIT_MOST_PARAMETERS][SC_FIT_MOST_LANES];
    double hessian[SC_FIT_PACKED][SC_FIT_MOST_LANES];
    double squared_columns[SC_FIT_MOST_PARAMETERS][SC_FIT_MOST_LANES]; /* sum w J_j^2 */
    /* sum w psi^2, psi = rho' */
    double squared_pull[SC_FIT_MOST_LANES];
    double weight[SC_FIT_MOST_LANES]; /* sum w */
} sc_fit_sums;

/* Runs and what of them every replica shares. */
typedef struct sc_fit_runs {
    ptrdiff_t count;
    sc_form form;
    sc_residual residual;
    int parameters;
    /* [count]; y is ln L, or L for SC_RESIDUAL_OF_LOSS; m may be NULL where the form has none */
    const double *n, *m, *y;
} sc_fit_runs;

/* Sums for as many replicas as there are lanes: theta[parameter][lane], delta[lane], weights and
   targets [run][lane]; targets NULL: y. */
typedef void (*sc_fit_sum)(const sc_fit_runs *, const double *theta, const double *delta,
                           const double *weights, const double *targets, sc_fit_sums *sums);

/* The law's value of each run for one theta, and its gradient with respect to theta
   [run][parameter] where that is not NULL. */
typedef void (*sc_fit_values)(const sc_fit_runs *, const double *theta, double *value,
                              double *gradient);

/* A form of the caller's own: values [run][lane] and gradients [run][parameter][lane] of runs first
   .. first + count, for every lane. Returns 0, or anything else to stop the fit. */
typedef int (*sc_fit_evaluate)(void *state, const double *theta, int lanes, ptrdiff_t first,
                               ptrdiff_t count, double *value, double *gradient);

#define SC_FIT_BLOCK 1024 /* runs of a form of the caller's own that are asked for at a time */

#endif
