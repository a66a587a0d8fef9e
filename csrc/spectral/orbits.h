/* Directions in orbits of a group of sign changes, and what a fixed part along them describes.
 *
 * Element g of the group, 0 <= g < 2^bits, changes the sign of coordinate k where g and column[k]
 * have an odd number of common bits. The columns say how the group acts; bits = 0 is no group at
 * all. A set is `orbits` representatives, each with its 2^bits images, and where `axes` is set
 * the d unit vectors, which are their own images (but for a sign, which lines do not have). A
 * function of two directions that is even and unchanged by rotations is diagonal over the group's
 * characters, all real: one matrix of all directions falls apart into 2^bits matrices of the
 * representatives. */
#ifndef SC_ORBITS_H
#define SC_ORBITS_H

#include <stddef.h>

#include "scalecore.h"

#define SC_MOST_BITS 5
enum {
    SC_ROUNDING_FORBIDS = -1,
    SC_NO_MEMORY = -2
}; /* in place of a number of eigenvalues, as SC_STOPPED */

#define SC_MOST_IMAGES (1 << SC_MOST_BITS)
#define SC_PARTIAL_SUMS 8     /* of long sums, whatever the instruction set */
#define SC_REMEMBERED_STEPS 4 /* steps of a descent */
#define SC_PARTNERS 32        /* representatives are padded by noughts to a multiple of this */

typedef struct sc_orbits {
    int d, bits, axes;
    ptrdiff_t orbits;
    const int *column; /* d of them, below 2^bits */
} sc_orbits;

static inline ptrdiff_t sc_padded(ptrdiff_t orbits)
{
    return (orbits + SC_PARTNERS - 1) / SC_PARTNERS * SC_PARTNERS;
}

static inline ptrdiff_t sc_set_size(const sc_orbits *o)
{
    return (o->orbits << o->bits) + (o->axes ? o->d : 0);
}

static inline double sum_of_partial(const double *s)
{
    return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
}

#endif
