/* Sums over the first coefficients of a row, which the kernels read instead of adding up. */
#ifndef SC_ROW_SUMS_H
#define SC_ROW_SUMS_H

#include "spectral/spectral.h"

/* Sums over the first i eigenvalues, i = 0 ... length; see sc_strategies. */
typedef struct sc_row_sums {
    double *copies, *logarithms, *rest, *moments;
} sc_row_sums;

void sc_lay_row_sums(const double *eigenvalue, const double *multiplicity, ptrdiff_t length,
                     const sc_row_sums *sums);

#endif
