/* The spectrum of the prior's covariance operator (docs/spectral.md): for inputs of dimension d,
 * eigenvalue lambda_l with multiplicity N_l for l = 0, 1 and every even l. The even degrees are
 * numbered i = l/2; degree 1 has lambda_1 = 1/(4d), N_1 = d.
 */
#ifndef SC_SPECTRUM_H
#define SC_SPECTRUM_H

#include <stddef.h>
#include <stdint.h>

/* larger input dimensions are refused; up to this one d + 1 and d/2 are exact */
#define SC_WIDEST_INPUT 1e15

typedef struct sc_degree {
    double log_eigenvalue, log_multiplicity; /* -infinity for a multiplicity of 0 */
    double mass;                             /* N_l lambda_l, the variance of F that lies there */
    double tail;                             /* the mass of all higher degrees */
} sc_degree;

void sc_spectrum(double d, int count, sc_degree *out);

/* What finds, for T, where the resolved part of the spectrum ends: sums over the even degrees
   before each degree, and the mass from it on. */
#define SC_KEPT_DEGREES 512
/* degrees beyond are charged their whole variance, which never makes a bound too low */
#define SC_MOST_DEGREES 65536
typedef struct sc_sphere {
    double d;
    int count;
    double eigenvalue[SC_KEPT_DEGREES]; /* decreasing */
    /* for each degree, the sum over the degrees before it */
    double multiplicity[SC_KEPT_DEGREES + 1];
    double logarithms[SC_KEPT_DEGREES + 1]; /* of N_l ln lambda_l */
    double rest[SC_KEPT_DEGREES + 1];       /* mass from here on */
} sc_sphere;

void sc_sphere_open(sc_sphere *, double d);
int sc_is_input_dim(double d); /* a whole number that sc_spectrum takes */
/* x, or the whole number that x misses by no more than a few units in the last place: the range
   1:16:5 shall contain 8 */
double sc_nearly_whole(double x);
double sc_bayes_error_bound(const sc_sphere *, double T);

/* Kernels between directions with cosines t, d > 1: gram = sum over even l of N_l lambda_l P_l(t),
   covariance the same of N_l lambda_l^2 for l >= lowest (0, 2 or 4), slopes of N_l lambda_l^2
   P_l'(1). */
void sc_even_kernels(double d, int lowest, ptrdiff_t count, const double *cosine, double *gram,
                     double *covariance, double *slopes);

/* The series of sc_even_kernels, by which their errors are bounded. With w_l = N_l lambda_l^2 and
   p_l = P_l'(1): sums over l >= lowest of w and w p, over l >= 2 of w p and w p^2, at least the sum
   of w over the degrees that are left out, and how many degrees there are. */
typedef struct sc_covariance_weights {
    double low[2]; /* w_0, w_2 */
    double sum, steep, slope_sum, slope_steep, left_out;
    int terms;
} sc_covariance_weights;
void sc_covariance_weights_of(double d, int lowest, sc_covariance_weights *out);

/* At most so much does the mean of sum_l lambda_l P_l'(1) tr P Pi_l fall when directions are dropped
   from a span by chance, each a coefficient of its own, of which none has less variance than
   `least`, and which describe `lost` in the mean (docs/spectral.md, section 12.2). */
double sc_slope_of_lost(double d, double least, double lost);

#endif
