/* Symmetric matrices of projection.c: factors, products, eigenvalues. What rounding may add to each
 * is bounded in rounding.h, which relies on how many roundings a sum goes through here: a product
 * in a sum of m goes through at most m/4 + 8 of them (SC_DEPTH), and m/4 + 24 in the steps to
 * tridiagonal form.
 *
 * No library is called and nothing runs in parallel: rows of a table are large enough to be divided
 * among threads whole, and a machine that is busy otherwise does not keep anyone waiting at a
 * barrier.
 */
#ifndef SC_MATRICES_H
#define SC_MATRICES_H

#include "simd/vector.h"
#include "spectral/orbits.h"
#include "spectral/spectrum.h"

#define SC_UNIT_ROUNDOFF 0x1p-53
#define SC_DEPTH(count) ((double)(count) / 4 + 8)

SC_INLINE double dot(const double *a, const double *b, ptrdiff_t count)
{
    double sum[SC_PARTIAL_SUMS] = {0};
    ptrdiff_t i = 0;
    for (; i + SC_PARTIAL_SUMS <= count; i += SC_PARTIAL_SUMS)
        for (int l = 0; l < SC_PARTIAL_SUMS; l++)
            sum[l] += a[i + l] * b[i + l];
    for (int l = 0; i < count; i++, l++)
        sum[l] += a[i] * b[i];
    return sum_of_partial(sum);
}

/* out += sum_k factor[k] rows[k], of `many` rows at a distance of n. */
SC_INLINE void add_rows(double *restrict out, const double *restrict rows, ptrdiff_t n,
                        const double *restrict factor, ptrdiff_t many, ptrdiff_t count)
{
    ptrdiff_t k = 0;
    for (; k + 4 <= many; k += 4) {
        const double *restrict a = rows + k * n, *restrict b = a + n, *restrict c = b + n,
                               *restrict e = c + n;
        const double fa = factor[k], fb = factor[k + 1], fc = factor[k + 2], fe = factor[k + 3];
        for (ptrdiff_t j = 0; j < count; j++)
            out[j] += (fa * a[j] + fb * b[j]) + (fc * c[j] + fe * e[j]);
    }
    for (; k < many; k++)
        for (ptrdiff_t j = 0; j < count; j++)
            out[j] += factor[k] * rows[k * n + j];
}

/* The same of rows first .. last - 1 of an upper triangle, up to column last - 1. */
SC_INLINE void add_upper_rows(double *restrict out, const double *restrict upper, ptrdiff_t n,
                              const double *restrict factor, ptrdiff_t first, ptrdiff_t last)
{
    for (ptrdiff_t k = first; k < last; k += 4) { /* left of its diagonal a row is nought */
        const ptrdiff_t many = k + 4 <= last ? 4 : last - k;
        add_rows(out + k, upper + k * n + k, n, factor + k, many, last - k);
    }
}

/* ---- symmetric matrices [n][n] --------------------------------------------------------------- */

/* Asks whether the work shall go on, before each row of a matrix; after a no, all that follows is
   void. */
typedef struct sc_interest {
    sc_keep_going going;
    void *state;
    int over;
} sc_interest;

static int is_over(sc_interest *p)
{
    p->over = p->over || (p->going && !p->going(p->state));
    return p->over;
}

/* Column i of rows first .. last - 1, which rows of sums want side by side. */
SC_INLINE const double *column_of(const double *a, ptrdiff_t n, ptrdiff_t i, ptrdiff_t first,
                                  ptrdiff_t last, double *column)
{
    for (ptrdiff_t k = first; k < last; k++)
        column[k - first] = a[k * n + i];
    return column;
}

/* The upper triangle becomes U, U'U the matrix; 0 if rounding forbids. `column` is room for n. */
static int factorise(double *a, ptrdiff_t n, double *column, sc_interest *p)
{
    for (ptrdiff_t i = 0; i < n && !is_over(p); i++) {
        double *mine = a + i * n;
        column_of(a, n, i, 0, i, column);
        for (ptrdiff_t k = 0; k < i; k++)
            column[k] = -column[k];
        add_rows(mine + i, a + i, n, column, i, n - i);
        if (!(mine[i] > 0))
            return 0;
        const double scale = 1 / sqrt(mine[i]);
        for (ptrdiff_t j = i; j < n; j++)
            mine[j] *= scale;
    }
    return 1;
}

/* y = U^-1, upper, its lower triangle nought: row by row from the last, so that what U y misses the
   identity by is bounded entry by entry. */
static void invert(const double *upper, ptrdiff_t n, double *y, double *factor, sc_interest *p)
{
    for (ptrdiff_t i = n - 1; i >= 0 && !is_over(p); i--) {
        double *row = y + i * n;
        const double scale = 1 / upper[i * n + i];
        memset(row, 0, sizeof(double) * (size_t)n);
        for (ptrdiff_t k = i + 1; k < n; k++)
            factor[k] = -upper[i * n + k];
        add_upper_rows(row, y, n, factor, i + 1, n);
        for (ptrdiff_t j = i + 1; j < n; j++)
            row[j] *= scale;
        row[i] = scale;
    }
}

static void transpose(const double *x, ptrdiff_t n, double *out)
{
    enum { TILE = 16 };
    for (ptrdiff_t i = 0; i < n; i += TILE)
        for (ptrdiff_t j = 0; j < n; j += TILE)
            for (ptrdiff_t k = i; k < n && k < i + TILE; k++)
                for (ptrdiff_t l = j; l < n && l < j + TILE; l++)
                    out[l * n + k] = x[k * n + l];
}

/* The lower triangle of x h x', x lower and y = x', h symmetric in full; `row` is room for n. */
static void congruence(const double *x, const double *y, const double *h, ptrdiff_t n, double *row,
                       double *out, sc_interest *p)
{
    memset(out, 0, sizeof(double) * (size_t)(n * n));
    for (ptrdiff_t i = 0; i < n && !is_over(p); i++) {
        memset(row, 0, sizeof(double) * (size_t)n);
        add_rows(row, h, n, x + i * n, i + 1, i + 1);
        add_upper_rows(out + i * n, y, n, row, 0, i + 1);
    }
}

/* The diagonal of x h x', x lower, h symmetric in full; `row` is room for n. */
static void diagonal_of_congruence(const double *x, const double *h, ptrdiff_t n, double *row,
                                   double *out, sc_interest *p)
{
    for (ptrdiff_t i = 0; i < n && !is_over(p); i++) {
        memset(row, 0, sizeof(double) * (size_t)n);
        add_rows(row, h, n, x + i * n, i + 1, i + 1);
        out[i] = dot(row, x + i * n, i + 1);
    }
}

/* w = a v, of the lower triangle of a's first `count` rows: four at a time, which are read once. */
static void symmetric_product(const double *restrict a, ptrdiff_t n, ptrdiff_t count,
                              const double *restrict v, double *restrict w)
{
    ptrdiff_t i = 0;
    memset(w, 0, sizeof(double) * (size_t)count);
    for (; i + 4 <= count; i += 4) {
        const double *restrict r = a + i * n, *restrict s = r + n, *restrict t = s + n,
                               *restrict u = t + n;
        double sum[4][SC_PARTIAL_SUMS] = {{0}};
        ptrdiff_t j = 0;
        for (; j + SC_PARTIAL_SUMS <= i; j += SC_PARTIAL_SUMS)
            for (int l = 0; l < SC_PARTIAL_SUMS; l++) {
                const double vj = v[j + l];
                sum[0][l] += r[j + l] * vj;
                sum[1][l] += s[j + l] * vj;
                sum[2][l] += t[j + l] * vj;
                sum[3][l] += u[j + l] * vj;
                w[j + l] += (v[i] * r[j + l] + v[i + 1] * s[j + l])
                            + (v[i + 2] * t[j + l] + v[i + 3] * u[j + l]);
            }
        for (int k = 0; k < 4; k++) {
            const double *row = r + k * n;
            for (ptrdiff_t m = j; m < i + k; m++) {
                sum[k][0] += row[m] * v[m];
                w[m] += v[i + k] * row[m];
            }
            w[i + k] += sum_of_partial(sum[k]) + row[i + k] * v[i + k];
        }
    }
    for (; i < count; i++) {
        w[i] += dot(a + i * n, v, i + 1);
        add_rows(w, a + i * n, n, v + i, 1, i);
    }
}

/* Householder: the lower triangle to a diagonal and what lies below it; v and w are room for n
   each. */
static void tridiagonalise(double *a, ptrdiff_t n, double *diagonal, double *below, double *w,
                           sc_interest *p)
{
    for (ptrdiff_t last = n - 1; last > 0 && !is_over(p); last--) {
        double *v = a + last * n; /* reflected to its last entry, which is v[last - 1] */
        const double norm = sqrt(dot(v, v, last));
        diagonal[last] = v[last];
        below[last] = v[last - 1] > 0 ? -norm : norm;
        if (dot(v, v, last - 1) == 0) {
            below[last] = v[last - 1];
            continue;
        }
        v[last - 1] -= below[last];
        const double scale = 2 / dot(v, v, last);
        symmetric_product(a, n, last, v, w);
        const double shift = dot(w, v, last) * scale * 0.5;
        for (ptrdiff_t i = 0; i < last; i++)
            w[i] = (w[i] - shift * v[i]) * scale;
        for (ptrdiff_t i = 0; i < last; i++) {
            double *restrict row = a + i * n;
            const double vi = v[i], wi = w[i];
            for (ptrdiff_t j = 0; j <= i; j++)
                row[j] -= vi * w[j] + wi * v[j];
        }
    }
    diagonal[0] = a[0];
}

/* Implicit QL steps on diagonal d[0..n) and e[1..n) beside it, until d holds the eigenvalues; 0 if
   that takes for ever. */
static int diagonalise(double *d, double *e, ptrdiff_t n)
{
    for (ptrdiff_t i = 1; i < n; i++)
        e[i - 1] = e[i];
    e[n - 1] = 0;
    for (ptrdiff_t l = 0; l < n; l++)
        for (int turn = 0;; turn++) {
            ptrdiff_t m = l;
            while (m < n - 1 && fabs(e[m]) > 1.1e-16 * (fabs(d[m]) + fabs(d[m + 1])))
                m++;
            if (m == l)
                break;
            if (turn == 60)
                return 0;
            double g = (d[l + 1] - d[l]) / (2 * e[l]), r = sqrt(g * g + 1);
            g = d[m] - d[l] + e[l] / (g + (g < 0 ? -r : r));
            double s = 1, c = 1, p = 0;
            ptrdiff_t i = m - 1;
            for (; i >= l; i--) {
                const double f = s * e[i], b = c * e[i];
                r = sqrt(f * f + g * g);
                e[i + 1] = r;
                if (r == 0) {
                    d[i + 1] -= p;
                    e[m] = 0;
                    break;
                }
                s = f / r;
                c = g / r;
                g = d[i + 1] - p;
                r = (d[i] - g) * s + 2 * c * b;
                p = s * r;
                d[i + 1] = g + p;
                g = c * r - b;
            }
            if (i >= l)
                continue;
            d[l] -= p;
            e[l] = g;
            e[m] = 0;
        }
    return 1;
}

/* Lower each value so much that the k-th of them, for every k, is certainly no more than the k-th
 * largest eigenvalue of the tridiagonal matrix; 0 if they are far from it.
 *
 * The sign changes of a Sturm sequence count eigenvalues below a shift, and do so exactly for a
 * matrix whose entries beside the diagonal differ by less than four roundings (docs/spectral.md,
 * 12.1); how the values were found does not matter. `square` is room for n. */
static int lower_to_certainty(const double *diagonal, const double *below, ptrdiff_t n, double size,
                              double *square, double *value)
{
    enum { SHIFTS = 8 };
    double step = 4 * (double)n * SC_UNIT_ROUNDOFF * size;
    square[0] = 0;
    for (ptrdiff_t k = 1; k < n; k++) /* never 0, so that no 0/0 occurs */
        square[k] = fmax(below[k] * below[k], 1e-290);
    for (ptrdiff_t first = 0; first < n;) {
        const int some = n - first < SHIFTS ? (int)(n - first) : SHIFTS;
        double value_of[SHIFTS], shift[SHIFTS], pivot[SHIFTS];
        int changes[SHIFTS] = {0}, smaller[SHIFTS] = {0}, too_many = 0;
        for (int l = 0; l < SHIFTS; l++) {
            value_of[l] = value[first + (l < some ? l : 0)];
            shift[l] = value_of[l] - step;
            pivot[l] = 1;
        }
        for (ptrdiff_t k = 0; k < n; k++)
            for (int l = 0; l < SHIFTS; l++) {
                pivot[l] = (diagonal[k] - shift[l]) - square[k] / pivot[l];
                changes[l] += pivot[l] < 0;
                smaller[l] += value[k] < value_of[l];
            }
        for (int l = 0; l < SHIFTS; l++)
            too_many |= !(changes[l] <= smaller[l]);
        if (!too_many)
            first += SHIFTS;
        else if ((step *= 4) < size)
            first = 0;
        else
            return 0;
    }
    for (ptrdiff_t k = 0; k < n; k++)
        value[k] -= step + 8 * SC_UNIT_ROUNDOFF * size;
    return 1;
}

#endif
