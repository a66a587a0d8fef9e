/* A spectral table without Python: made-up rows. */
#ifndef SC_MADE_UP_TABLE_H
#define SC_MADE_UP_TABLE_H

#include "scalecore.h"

/* Rows r = 0, 1, ... send r eigenvalues, each a quarter of the one before. The caller frees it;
   NULL where it cannot be built. */
static inline sc_spectral_table *made_up_table(double input_dim)
{
    enum { ROWS = 12, SENT = ROWS * (ROWS - 1) / 2 };
    double units[ROWS], eigenvalue[SENT], copies[SENT], residual[ROWS], delta[ROWS] = {0};
    int64_t lengths[ROWS];
    int at = 0;
    for (int r = 0; r < ROWS; r++) {
        units[r] = r * (r + 1) / 2;
        lengths[r] = r;
        residual[r] = 0.5;
        for (int i = 0; i < r; i++, at++) {
            eigenvalue[at] = 0.1 / (1 << 2 * i);
            copies[at] = 1;
            residual[r] -= eigenvalue[at];
        }
    }
    sc_spectral_table *table;
    return sc_spectral_table_build(input_dim, ROWS, units, lengths, eigenvalue, copies, residual,
                                   delta, &table)
               ? NULL
               : table;
}

#endif
