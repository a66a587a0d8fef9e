/* See atom_columns.h. */
#include "spectral/atom_columns.h"

#include <math.h>

#define PACK 8 /* lanes of the widest pack */

static ptrdiff_t whole_packs(ptrdiff_t rows) { return (rows + PACK - 1) / PACK * PACK; }

size_t sc_room_for_atom_columns(ptrdiff_t atom_rows, ptrdiff_t ranges)
{
    return (size_t)whole_packs(atom_rows) * (8 + 4 * (size_t)ranges);
}

/* The row of place i: the last one's after the last. */
static ptrdiff_t row_at(const sc_strategies *s, ptrdiff_t i)
{
    return s->atom_row[i < s->atom_rows ? i : s->atom_rows - 1];
}

static double *lay(const sc_strategies *s, const double *column, double factor, double *to)
{
    for (ptrdiff_t i = 0; i < s->atoms.stride; i++)
        to[i] = column[row_at(s, i)] * factor;
    return to;
}

void sc_lay_atom_columns(sc_strategies *s, double *room)
{
    sc_atom_columns *const a = &s->atoms;
    const ptrdiff_t stride = whole_packs(s->atom_rows);
    a->stride = stride;
    a->units = lay(s, s->units, 1, room);
    for (ptrdiff_t i = s->atom_rows; i < stride; i++)
        room[i] = (double)INFINITY;
    a->eighth = lay(s, s->residual, 0.125, room + stride);
    a->log_residual = lay(s, s->log_residual, 1, room + 2 * stride);
    a->log_rounding = lay(s, s->log_rounding, 1, room + 3 * stride);
    a->last_stick = lay(s, s->last_stick, 1, room + 4 * stride);
    a->log_delta = lay(s, s->log_delta, 1, room + 5 * stride);
    a->last_polar = lay(s, s->last_polar, 1, room + 6 * stride);
    a->polar_rise = lay(s, s->polar_rise, 1, room + 7 * stride);
    for (int mixture = 0; mixture < 2; mixture++) {
        double *const floors = room + (8 + 2 * mixture * s->ranges) * stride;
        for (ptrdiff_t range = 0; range < s->ranges; range++)
            for (ptrdiff_t i = 0; i < stride; i++) {
                const double *const chord =
                    s->floors[mixture] + 2 * (range * s->rows + row_at(s, i));
                floors[2 * range * stride + i] = chord[0];
                floors[(2 * range + 1) * stride + i] = chord[1];
            }
        a->floors[mixture] = floors;
    }
}
