/* The strategies of a width-n learner in dimension d (docs/spectral.md): a table whose rows are
 * built once, by Python or from a file.
 *
 * Row r spends `units[r]` of the width on a fixed part, which sends coefficients of variance
 * `eigenvalue` and leaves the mean square `residual`. Rows grow: of two, the wider one has the
 * lower bound at every T, except for rows 1 and 2 (one unit, and the pair that makes linear
 * functions). Units beyond the row's may draw atoms.
 */
#ifndef SC_SPECTRAL_H
#define SC_SPECTRAL_H

#include "scalecore.h"

/* The columns of sc_strategies for the rows beside which atoms and sticks are tried, one after the
 * other; after the last one comes that again, up to whole packs, but with infinitely many units,
 * which no width has. `eighth`: residual/8.
 * floors[mixture][range] are the rows' values at T = 0, and then their slopes.
 */
typedef struct sc_atom_columns {
    ptrdiff_t stride; /* rows, with those that are there again */
    const double *units, *eighth, *log_residual, *log_rounding, *last_stick, *log_delta,
        *last_polar, *polar_rise, *floors[2];
} sc_atom_columns;

#define SC_MOMENTS 8

typedef struct sc_strategies {
    double d;
    ptrdiff_t rows;
    const double *units, *log_units, *residual, *log_residual;
    /* Row r has the eigenvalues first[r] ... first[r + 1] - 1, which decrease. Kernels read whole
       packs, so that there must be 8 more numbers after the last. */
    const ptrdiff_t *first;
    const double *eigenvalue, *multiplicity;
    /* Prefix sums of each row, which begin at first[r] + r and have one entry more than the row has
       eigenvalues. Entry i: how many coefficients the first i eigenvalues have, the sum of their ln
       eigenvalue, and the variance of all later ones. */
    const double *copies, *logarithms, *rest;
    /* At the same places, SC_MOMENTS numbers each: for k = 1, 2, ... the sum of (the last one's
       eigenvalue / eigenvalue)^k over these coefficients. */
    const double *moments;
    /* A lower bound on what a row costs, found without its sums. Over all T samples the cost is
       concave in T, so that it lies above its chord over any range of T.
       floors[mixture][range][row] = {the chord's value at T = 0, its slope}, for coefficients sent
       with noise (0) and for the mixture (1). A range is a quarter of an octave, from T = 1 on; the
       last has no end. See least_price. */
    const double *floors[2];
    ptrdiff_t ranges;
    /* [row][range]: how many eigenvalues of the row are above 4/T where the range begins. */
    const int32_t *above;
    /* the rows beside which atoms and sticks are tried for the remaining units */
    ptrdiff_t atom_rows;
    const ptrdiff_t *atom_row;
    sc_atom_columns atoms; /* their columns */
    /* ln tau: what an error in a stick's vector costs beside a row's fixed part */
    const double *log_rounding;
    /* ln(m T tau/(4d)) of the smallest stick that pays, m being its mean square */
    const double *last_stick;
    /* ln of the share of a turned direction that is seen beside a row's fixed part, delta */
    const double *log_delta;
    /* ln(m_j T rho/4) of the smallest polar stick that may pay, m_j being its mean square */
    const double *last_polar, *polar_rise; /* and what it changes by: see last_polar_stick */
    double even[2], copies_2;              /* lambda_0, lambda_2, N_2 */
    double log_low[3];                     /* ln of lambda_0, lambda_2, and lambda_1 = 1/(4d) */
    double beyond, beyond_orthogonal;      /* k_4(1) and k_4(0), of the degrees from 4 on */
} sc_strategies;

typedef enum sc_strategy {
    SC_FIXED,
    SC_ATOMS_TOO,
    SC_STICKS_TOO,
    SC_QUADRATIC,
    SC_POLAR_TOO
} sc_strategy;

/* One point of the bound, and what it is made of. All in nats per sample but for units, atoms and
   resolution. */
typedef struct sc_spectral_terms {
    double error;
    /* of the fixed part: what its coefficients cost, and what their noise or absence costs */
    double coefficients, distortion;
    double residual;              /* what neither the fixed part nor atoms describe */
    double list, resolution_loss; /* of atoms or sticks: their list, and its rounding */
    /* units of the fixed part or the quadratic form; atoms or sticks; the resolution eps of atoms
       (NaN without atoms) */
    double units, atoms, resolution;
    double strategy; /* an sc_strategy */
} sc_spectral_terms;

/* The best allocation of one budget M = C/(cost d) = n T. */
typedef struct sc_spectral_optimum {
    sc_spectral_terms terms;
    double width, samples, elasticity;
} sc_spectral_optimum;

#endif
