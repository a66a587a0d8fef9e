#include "fitting/factors.h"

#include <math.h>

#define SWEEPS 60
#define ORTHOGONAL 1e-15 /* cosine of columns that need no more rotation */

static double inner(const double *a, const double *b, ptrdiff_t count)
{
    double sum = 0;
    for (ptrdiff_t i = 0; i < count; i++)
        sum += a[i] * b[i];
    return sum;
}

void sc_factorise(double *q, ptrdiff_t rows, int columns, double R[][SC_FIT_MOST_PARAMETERS])
{
    for (int j = 0; j < columns; j++) {
        double *const own = q + j * rows;
        for (int i = 0; i < columns; i++)
            R[i][j] = 0;
        for (int again = 0; again < 2; again++) /* twice is enough */
            for (int i = 0; i < j; i++) {
                const double *const other = q + i * rows;
                const double along = inner(other, own, rows);
                R[i][j] += along;
                for (ptrdiff_t k = 0; k < rows; k++)
                    own[k] -= along * other[k];
            }
        R[j][j] = sqrt(inner(own, own, rows));
        const double inverse = R[j][j] > 0 ? 1 / R[j][j] : 0;
        for (ptrdiff_t k = 0; k < rows; k++)
            own[k] *= inverse;
    }
}

static void rotate(double A[][SC_FIT_MOST_PARAMETERS], int size, int i, int j, double c, double s)
{
    for (int k = 0; k < size; k++) {
        const double left = A[k][i], right = A[k][j];
        A[k][i] = c * left - s * right;
        A[k][j] = s * left + c * right;
    }
}

/* Make columns i and j orthogonal; whether they were not. */
static int turn(int size, double A[][SC_FIT_MOST_PARAMETERS], double V[][SC_FIT_MOST_PARAMETERS],
                int i, int j)
{
    double left = 0, right = 0, both = 0;
    for (int k = 0; k < size; k++) {
        left += A[k][i] * A[k][i];
        right += A[k][j] * A[k][j];
        both += A[k][i] * A[k][j];
    }
    if (!(fabs(both) > ORTHOGONAL * sqrt(left) * sqrt(right)))
        return 0;
    const double zeta = (right - left) / (2 * both);
    const double t = (zeta < 0 ? -1 : 1) / (fabs(zeta) + hypot(1, zeta));
    const double c = 1 / sqrt(1 + t * t);
    rotate(A, size, i, j, c, c * t);
    if (V)
        rotate(V, size, i, j, c, c * t);
    return 1;
}

void sc_singular_values(int size, double A[][SC_FIT_MOST_PARAMETERS], double *values,
                        double V[][SC_FIT_MOST_PARAMETERS])
{
    for (int i = 0; V && i < size; i++)
        for (int j = 0; j < size; j++)
            V[i][j] = i == j;
    for (int sweep = 0, moved = 1; moved && sweep < SWEEPS; sweep++) {
        moved = 0;
        for (int i = 0; i < size; i++)
            for (int j = i + 1; j < size; j++)
                moved |= turn(size, A, V, i, j);
    }
    for (int i = 0; i < size; i++) {
        double squares = 0;
        for (int k = 0; k < size; k++)
            squares += A[k][i] * A[k][i];
        values[i] = sqrt(squares);
    }
}
