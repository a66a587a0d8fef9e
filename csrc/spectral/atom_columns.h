/* Columns of the rows beside which atoms and sticks are tried, for kernels that read packs of
 * them. */
#ifndef SC_ATOM_COLUMNS_H
#define SC_ATOM_COLUMNS_H

#include "spectral/spectral.h"

/* How many numbers the columns of so many rows take, with floors over so many ranges. */
size_t sc_room_for_atom_columns(ptrdiff_t atom_rows, ptrdiff_t ranges);

/* Fill them from the columns of all rows, `atom_row` and the floors of a table. */
void sc_lay_atom_columns(sc_strategies *s, double *room);

#endif
