/* Small dense linear algebra of certificates and of wild resamples: orthonormal columns and
   singular values. */
#ifndef SC_FITTING_FACTORS_H
#define SC_FITTING_FACTORS_H

#include "fitting/fitting.h"

/* A matrix of as many rows as there are runs as Q R: q [column][row] holds its columns, and Q's
   afterwards; R [row][column], its upper half. A column that depends on those before may become
   nought. */
void sc_factorise(double *q, ptrdiff_t rows, int columns, double R[][SC_FIT_MOST_PARAMETERS]);

/* Singular values of a square matrix, in no order, by one-sided rotations (Hestenes), each to high
   relative accuracy. A [row][column] becomes A V = U diag(values); V is written where it is not
   NULL. For a positive semidefinite matrix that is U = V, and the values are eigenvalues. */
void sc_singular_values(int size, double A[][SC_FIT_MOST_PARAMETERS], double *values,
                        double V[][SC_FIT_MOST_PARAMETERS]);

#endif
