/* The numbers that decide a fit: fits from C (fit.c, search.c) and from Python (scalecore/fitting,
 * through scalecore/_core/fitting.pyx) read them here, so that both find the same law.
 */
#ifndef SC_FITTING_SETTINGS_H
#define SC_FITTING_SETTINGS_H

/* ---- the box of theta: a term is e^..., relative to the losses, at the centre of the runs ---- */
#define SC_LOWEST_TERM -40.0
#define SC_HIGHEST_TERM 40.0
#define SC_STEEPEST 50.0 /* exponents above are steps, not power laws */
#define SC_LEAST_COUPLING -5.0
#define SC_MOST_COUPLING 5.0 /* ln gamma */
#define SC_MOST_OFFSET 1e3   /* E, relative to the geometric mean of the losses */

/* ---- minimisations --------------------------------------------------------------------------- */
#define SC_FIT_GOAL 1e-10 /* scaled gradient at which a minimisation stops */
#define SC_FIT_MOST_PASSES 400
#define SC_FIT_ALMOST_ABSOLUTE 1e-7 /* Huber's delta that stands for 0 */
/* Huber's delta falls from a first one to the one asked for. From 1, least squares, outliers decide
   which of several minima a start ends in; from the size of the noise, the start does. Starts have
   either in turn, so that agreement among them means something. */
enum { SC_FIT_FIRST_DELTA_COUNT = 8 };
static const double sc_fit_first_deltas[SC_FIT_FIRST_DELTA_COUNT] = {1.0, 0.03,  1.0, 0.01,
                                                                     1.0, 0.003, 1.0, 0.01};
#define SC_FIT_AGREES 1e-9   /* relative difference of objectives that counts as one optimum */
#define SC_FIT_ROUNDED 1e-24 /* objectives this small are rounding errors: the law meets all runs */
#define SC_FIT_KINKED 3      /* runs within delta for each parameter, below which there are kinks */
#define SC_FIT_MOST_ROUNDS 8 /* of starts around an optimum with kinks */

/* ---- the certificate ------------------------------------------------------------------------- */
#define SC_FIT_STATIONARY 1e-8 /* scaled gradient of an optimum */
#define SC_FIT_DEGENERATE 1e7  /* condition beyond which a direction is not seen */
/* Smallest over largest spread of (ln N, ln D): below, all runs lie on one line. */
#define SC_FIT_FLAT 0.03

/* ---- draws ----------------------------------------------------------------------------------- */
#define SC_FIT_ENOUGH_CLUSTERS 60 /* from here on, drawing runs with replacement covers */
/* Huber's delta of draws: kinks a hundredth of the residuals wide do not show in them. */
#define SC_FIT_SHARP_ENOUGH 1e-5
#define SC_FIT_NEAR 1e-3      /* residuals move by some thousandths from one resample to another */
#define SC_FIT_FAILED 1e-3    /* scaled gradient of a resample that has no minimum */
#define SC_FIT_LEAST_LEFT 0.1 /* of a residual, however much of the fit hangs on its run */
#define SC_FIT_UNSEEN 1e-10   /* of the largest singular value: a direction that runs do not see */
/* E 1/|v| of Webb's six weights, +-sqrt(1/2), +-1, +-sqrt(3/2): (sqrt 2 + 1 + sqrt(2/3))/3. */
#define SC_FIT_INVERSE_WEBB 1.0769033811002737

#endif
