/* The spectrum of the prior's covariance operator (docs/spectral.md): for inputs of dimension d,
 * eigenvalue lambda_l with multiplicity N_l for l = 0, 1 and every even l. The even degrees are
 * numbered i = l/2; degree 1 has lambda_1 = 1/(4d), N_1 = d.
 */
#ifndef SC_SPECTRUM_H
#define SC_SPECTRUM_H

#include <stddef.h>
#include <stdint.h>

/* input dimensions beyond are refused; up to here d + 1 and d/2 are exact */
#define SC_WIDEST_INPUT 1e15

typedef struct sc_degree {
    double log_eigenvalue, log_multiplicity; /* -infinity for a multiplicity of 0 */
    double mass;                             /* N_l lambda_l, the variance of F that lies there */
    double tail;                             /* the mass of all higher degrees */
} sc_degree;

void sc_spectrum(double d, int count, sc_degree *out);

/* Where T samples end to resolve the spectrum: sums over the even degrees before, and the mass from
   there on. */
#define SC_KEPT_DEGREES 512
/* those beyond are charged their whole variance, which never makes a bound too low */
#define SC_MOST_DEGREES 65536
typedef struct sc_sphere {
    double d;
    int count;
    double eigenvalue[SC_KEPT_DEGREES];       /* decreasing */
    double multiplicity[SC_KEPT_DEGREES + 1]; /* sums over the degrees before */
    double logarithms[SC_KEPT_DEGREES + 1];   /* of N_l ln lambda_l */
    double rest[SC_KEPT_DEGREES + 1];         /* mass from here on */
} sc_sphere;

void sc_sphere_open(sc_sphere *, double d);
int sc_is_input_dim(double d); /* a whole number that sc_spectrum takes */
/* x, or the whole number that it misses by a few units in the last place: 1:16:5 has 8 in it */
double sc_nearly_whole(double x);
double sc_bayes_error_bound(const sc_sphere *, double T);

/* Kernels between directions with cosines t, d > 1: gram = sum over even l of N_l lambda_l P_l(t),
   covariance the same of N_l lambda_l^2, slopes of N_l lambda_l^2 P_l'(1). */
void sc_even_kernels(double d, ptrdiff_t count, const double *cosine, double *gram,
                     double *covariance, double *slopes);

#endif
