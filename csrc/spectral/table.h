/* Tables of strategies made in C: from rows, or from the bytes of a file of ours.
 *
 * A file, of little-endian numbers of eight bytes each:
 *
 *     "SCTABLE" and the format's number, 1, in the last byte
 *     input_dim                                    double
 *     rows, numbers                                unsigned: of rows, and of eigenvalues in all
 *     units[rows]                                  double
 *     lengths[rows]                                unsigned: eigenvalues of each row
 *     eigenvalues[numbers], copies[numbers]        double: row after row
 *     residual[rows], delta[rows]                  double
 *     crc                                          unsigned: CRC-32 (zlib's) of all before
 */
#ifndef SC_SPECTRAL_TABLE_H
#define SC_SPECTRAL_TABLE_H

#include "engine/engine.h"

/* What a table is made from; see scalecore.h. */
typedef struct sc_table_rows {
    double input_dim;
    int64_t rows;
    const double *units;
    const int64_t *lengths;
    const double *eigenvalues, *copies, *residual, *delta;
} sc_table_rows;

struct sc_spectral_table {
    sc_strategies strategies;
    double numbers[]; /* what they point to */
};

/* SC_OK and the table, which free() frees; SC_ERROR_RANGE or SC_ERROR_MEMORY. */
int sc_table_from_rows(const sc_engine *engine, const sc_table_rows *rows,
                       sc_spectral_table **table);
/* The same, or SC_ERROR_FILE. */
int sc_table_from_bytes(const sc_engine *engine, const unsigned char *bytes, size_t count,
                        sc_spectral_table **table);

#endif
