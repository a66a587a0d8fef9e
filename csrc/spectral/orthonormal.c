/* Orthonormal rows, the same on every machine, to the last bit: see directions.c. */
#include "engine/engine.h"

#include <math.h>

#define SC_PARTIAL_SUMS 8

/* Rows first to last - 1; those before are orthonormal already. */
void sc_orthonormalise(double *vectors, int first, int last, int d)
{
    for (int i = first; i < last; i++) {
        double *mine = vectors + (ptrdiff_t)i * d;
        for (int j = 0; j <= i; j++) {
            const double *other = vectors + (ptrdiff_t)j * d;
            double sums[SC_PARTIAL_SUMS] = {0};
            for (int k = 0; k < d; k++)
                sums[k % SC_PARTIAL_SUMS] += mine[k] * other[k];
            const double *s = sums, product = ((s[0] + s[4]) + (s[1] + s[5]))
                                              + ((s[2] + s[6]) + (s[3] + s[7]));
            const double root = sqrt(product);
            for (int k = 0; k < d; k++)
                mine[k] = j < i ? mine[k] - product * other[k] : mine[k] / root;
        }
    }
}
