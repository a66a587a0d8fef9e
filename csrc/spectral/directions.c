/* Well-spread directions: the same on every machine, to the last bit.
 *
 * Only + - * / and roots, in a fixed order and never fused, so that no compiler, instruction set or
 * number of threads changes a bit, and the descent, chaotic as it is, ends at the same place
 * everywhere.
 */
#include "engine/engine.h"
#include "simd/vector.h"

#define SC_PARTNERS 64    /* partners at a time */
#define SC_PARTIAL_SUMS 8 /* partial sums, whatever the instruction set */
#define SC_APART 1e-9

/* The pull on one direction by all others, of the energy sum 1/(1 - (u_i.u_j)^2), and its share of
   it (above what orthogonal ones have). Directions lie [coordinate][stride], stride a multiple of
   SC_PARTNERS, padded by noughts. */
double SC_KERNEL(sc_repulsion)(const double *directions, ptrdiff_t stride, int d, ptrdiff_t which,
                               double *pull, void *space)
{
    double *sums = space, energy[SC_PARTIAL_SUMS] = {0};
    memset(sums, 0, sizeof(double) * SC_PARTIAL_SUMS * (size_t)d);
    for (ptrdiff_t first = 0; first < stride; first += SC_PARTNERS) {
        double t[SC_PARTNERS] = {0};
        for (int k = 0; k < d; k++) {
            const double *row = directions + k * stride;
            const double mine = row[which];
            for (int j = 0; j < SC_PARTNERS; j++)
                t[j] += mine * row[first + j];
        }
        if (which >= first && which < first + SC_PARTNERS)
            t[which - first] = 0;
        for (int j = 0; j < SC_PARTNERS; j += SC_PARTIAL_SUMS)
            for (int l = 0; l < SC_PARTIAL_SUMS; l++) {
                const double square = t[j + l] * t[j + l], inverse = 1 / (1 - square + SC_APART);
                energy[l] += square * inverse;
                t[j + l] = t[j + l] * inverse * inverse;
            }
        for (int k = 0; k < d; k++) {
            const double *row = directions + k * stride + first;
            double *sum = sums + SC_PARTIAL_SUMS * k;
            for (int j = 0; j < SC_PARTNERS; j += SC_PARTIAL_SUMS)
                for (int l = 0; l < SC_PARTIAL_SUMS; l++)
                    sum[l] += t[j + l] * row[j + l];
        }
    }
    for (int k = 0; k < d; k++) {
        const double *s = sums + SC_PARTIAL_SUMS * k;
        pull[k] = ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
    }
    return ((energy[0] + energy[4]) + (energy[1] + energy[5]))
           + ((energy[2] + energy[6]) + (energy[3] + energy[7]));
}
