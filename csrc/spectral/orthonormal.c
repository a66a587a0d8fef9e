/* What directions.c and projection.c need but once, whatever the instruction set: orthonormal
 * rows, the same on every machine to the last bit, and the sizes of their work spaces. */
#include "engine/engine.h"
#include "spectral/orbits.h"

#include <math.h>

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
            const double product = sum_of_partial(sums);
            const double root = sqrt(product);
            for (int k = 0; k < d; k++)
                mine[k] = j < i ? mine[k] - product * other[k] : mine[k] / root;
        }
    }
}

size_t sc_descent_space(const sc_orbits *set)
{
    const size_t stride = (size_t)sc_padded(set->orbits), d = (size_t)set->d;
    return sizeof(double) * ((5 + 2 * SC_REMEMBERED_STEPS) * stride * d + stride)
           + sizeof(float) * (2 * stride + 4 * SC_PARTNERS) * d;
}

size_t sc_projection_space(const sc_orbits *set)
{
    const size_t orbits = (size_t)set->orbits, n = orbits + (set->axes ? (size_t)set->d : 0);
    const size_t images = (size_t)1 << set->bits;
    const size_t matrices = 3 * (n * n + (images - 1) * orbits * orbits) + 3 * n * n;
    return sizeof(double) * (matrices + 4 * images * orbits + 8 + 12 * n);
}
