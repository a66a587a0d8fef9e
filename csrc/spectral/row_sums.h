/* Sums over the first coefficients of a row, which the kernels read instead of adding up; and where
   among them to look. */
#ifndef SC_ROW_SUMS_H
#define SC_ROW_SUMS_H

#include "spectral/spectral.h"

/* Sums over the first i eigenvalues, i = 0 ... length; see sc_strategies. */
typedef struct sc_row_sums {
    double *copies, *logarithms, *rest, *moments;
} sc_row_sums;

void sc_lay_row_sums(const double *eigenvalue, const double *multiplicity, ptrdiff_t length,
                     const sc_row_sums *sums);

/* Where a range of T begins. Ranges are quarters of an octave; the last has no end. */
double sc_range_start(ptrdiff_t range);

/* See `above` in sc_strategies, which has its other columns: rows times ranges numbers. */
void sc_lay_counts(const sc_strategies *s, int32_t *above);

#endif
