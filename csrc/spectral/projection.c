/* What a fixed part along directions in orbits describes: the eigenvalues of G^-1/2 H G^-1/2
 * (docs/spectral.md).
 *
 * No library is called and nothing runs in parallel here: rows of a table are large enough to be
 * divided among threads whole, and a machine that is busy otherwise does not keep anyone waiting
 * at a barrier.
 */
#include "engine/engine.h"
#include "simd/vector.h"
#include "spectral/orbits.h"
#include "spectral/spectrum.h"

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

/* x = U'^-1, lower, its upper triangle nought. */
static void invert(const double *upper, ptrdiff_t n, double *x, double *column, sc_interest *p)
{
    for (ptrdiff_t i = 0; i < n && !is_over(p); i++) {
        double *row = x + i * n;
        const double scale = 1 / upper[i * n + i];
        memset(row, 0, sizeof(double) * (size_t)n);
        add_rows(row, x, n, column_of(upper, n, i, 0, i, column), i, i);
        for (ptrdiff_t j = 0; j < i; j++)
            row[j] *= -scale;
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
        for (ptrdiff_t k = 0; k <= i; k += 4) { /* left of its diagonal y is nought */
            const ptrdiff_t many = k + 4 <= i ? 4 : i + 1 - k;
            add_rows(out + i * n + k, y + k * n + k, n, row + k, many, i + 1 - k);
        }
    }
}

/* The trace of x h x' = that of h x'x, h symmetric. */
static double trace_of_congruence(const double *x, const double *h, ptrdiff_t n, double *row,
                                  double *column, sc_interest *p)
{
    double trace = 0;
    for (ptrdiff_t k = 0; k < n && !is_over(p); k++) {
        memset(row, 0, sizeof(double) * (size_t)n);
        add_rows(row, x + k * n, n, column_of(x, n, k, k, n, column), n - k, k + 1);
        trace += 2 * dot(row, h + k * n, k) + row[k] * h[k * n + k];
    }
    return trace;
}

/* The largest eigenvalue of x'x, x lower, from below by some per cent; a and b are room for n
   each. */
static double square_norm(const double *x, ptrdiff_t n, double *a, double *b)
{
    double norm = 0;
    for (ptrdiff_t i = 0; i < n; i++)
        a[i] = 1;
    for (int turn = 0; turn < 12; turn++) {
        const double length = sqrt(dot(a, a, n));
        for (ptrdiff_t i = 0; i < n; i++)
            b[i] = dot(x + i * n, a, i + 1) / length;
        memset(a, 0, sizeof(double) * (size_t)n);
        for (ptrdiff_t i = 0; i < n; i++)
            add_rows(a, x + i * n, n, b + i, 1, i + 1);
        norm = sqrt(dot(a, a, n));
    }
    return norm;
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

/* ---- kernels of a set, character by character ------------------------------------------------ */

enum { GRAM, COVARIANCE, SLOPES, KERNELS };

typedef struct kernels {
    const sc_orbits *set;
    ptrdiff_t size; /* of the first character's matrices; the others have orbits x orbits */
    double *matrix[KERNELS]; /* [character][size][size] */
    double *cosine, *value[KERNELS],
        *sum; /* of one representative with all images of others; row sums of |covariance| */
} kernels;

static double *of_character(const kernels *k, int kernel, int character)
{
    const ptrdiff_t plain = k->set->orbits * k->set->orbits;
    return k->matrix[kernel] + (character ? k->size * k->size + (character - 1) * plain : 0);
}

static void transform(double *x, int count)
{
    for (int half = 1; half < count; half *= 2)
        for (int i = 0; i < count; i += 2 * half)
            for (int j = i; j < i + half; j++) {
                const double a = x[j], b = x[j + half];
                x[j] = a + b;
                x[j + half] = a - b;
            }
}

static void fill_orbits(const kernels *k, const double *directions, ptrdiff_t stride, ptrdiff_t i)
{
    const sc_orbits *o = k->set;
    const int images = 1 << o->bits;
    const ptrdiff_t others = o->orbits - i;
    memset(k->cosine, 0, sizeof(double) * (size_t)(others * images));
    for (int c = 0; c < o->d; c++) {
        const double *row = directions + c * stride + i;
        for (ptrdiff_t j = 0; j < others; j++)
            k->cosine[j * images + o->column[c]] += row[0] * row[j];
    }
    for (ptrdiff_t j = 0; j < others; j++)
        transform(k->cosine + j * images, images);
    k->cosine[0] = 1;
    sc_even_kernels(o->d, others * images, k->cosine, k->value[GRAM], k->value[COVARIANCE],
                    k->value[SLOPES]);
    for (ptrdiff_t j = 0; j < others; j++) {
        double sum = 0;
        for (int g = 0; g < images; g++)
            sum += fabs(k->value[COVARIANCE][j * images + g]);
        k->sum[i] += sum;
        if (j)
            k->sum[i + j] += sum;
    }
    for (int kernel = 0; kernel < KERNELS; kernel++)
        for (ptrdiff_t j = 0; j < others; j++) {
            double *value = k->value[kernel] + j * images;
            transform(value, images);
            for (int g = 0; g < images; g++) {
                const ptrdiff_t n = g ? o->orbits : k->size;
                double *matrix = of_character(k, kernel, g);
                matrix[(i + j) * n + i] = matrix[i * n + i + j] = value[g];
            }
        }
}

/* The unit vectors, which the first character has to itself. */
static void fill_axes(const kernels *k, const double *directions, ptrdiff_t stride)
{
    const sc_orbits *o = k->set;
    const double images = (double)(1 << o->bits), root = sqrt(images), own[2] = {1, 0};
    const ptrdiff_t n = k->size;
    sc_even_kernels(o->d, 2, own, k->value[GRAM], k->value[COVARIANCE], k->value[SLOPES]);
    for (int kernel = 0; kernel < KERNELS; kernel++)
        for (int a = 0; a < o->d; a++)
            for (int b = 0; b < o->d; b++)
                k->matrix[kernel][(o->orbits + a) * n + o->orbits + b] = k->value[kernel][a != b];
    const double among = fabs(k->value[COVARIANCE][0]) + (o->d - 1) * fabs(k->value[COVARIANCE][1]);
    for (int a = 0; a < o->d; a++) {
        sc_even_kernels(o->d, o->orbits, directions + a * stride, k->value[GRAM],
                        k->value[COVARIANCE], k->value[SLOPES]);
        for (int kernel = 0; kernel < KERNELS; kernel++)
            for (ptrdiff_t i = 0; i < o->orbits; i++) {
                double *matrix = k->matrix[kernel];
                matrix[(o->orbits + a) * n + i] = matrix[i * n + o->orbits + a] =
                    root * k->value[kernel][i];
            }
        k->sum[o->orbits + a] = among;
        for (ptrdiff_t i = 0; i < o->orbits; i++) {
            k->sum[o->orbits + a] += images * fabs(k->value[COVARIANCE][i]);
            k->sum[i] += fabs(k->value[COVARIANCE][i]);
        }
    }
}

static ptrdiff_t first_size(const sc_orbits *o) { return o->orbits + (o->axes ? o->d : 0); }

/* Eigenvalues of one character's matrices, lowered by what rounding may have added; their number,
   or why there are none. */
static ptrdiff_t project(const kernels *k, int character, double error, double *room,
                         sc_interest *p, double *values, double *slope)
{
    const ptrdiff_t n = character ? k->set->orbits : k->size;
    double *gram = of_character(k, GRAM, character), *inverse = room, *other = inverse + n * n,
           *product = other + n * n;
    double *below = product + n * n, *spare = below + n;
    if (!factorise(gram, n, spare, p))
        return SC_ROUNDING_FORBIDS;
    invert(gram, n, inverse, spare, p);
    transpose(inverse, n, other);
    congruence(inverse, other, of_character(k, COVARIANCE, character), n, spare, product, p);
    *slope += trace_of_congruence(inverse, of_character(k, SLOPES, character), n, spare, below, p);
    if (p->over)
        return SC_STOPPED;
    error *= square_norm(inverse, n, below, spare);
    tridiagonalise(product, n, values, below, spare, p);
    if (p->over)
        return SC_STOPPED;
    if (!diagonalise(values, below, n))
        return SC_ROUNDING_FORBIDS;
    for (ptrdiff_t i = 0; i < n; i++)
        values[i] -= error;
    return n;
}

ptrdiff_t SC_KERNEL(sc_project)(const sc_orbits *o, const double *directions, void *space,
                                sc_keep_going going, void *state, double *values, double *slope)
{
    const int images = 1 << o->bits;
    const ptrdiff_t stride = sc_padded(o->orbits), n = first_size(o), plain = o->orbits * o->orbits;
    kernels k = {o, n, {0}, 0, {0}, 0};
    sc_interest p = {going, state, 0};
    double *room = space, largest = 0;
    for (int i = 0; i < KERNELS; i++, room += n * n + (images - 1) * plain)
        k.matrix[i] = room;
    k.cosine = room;
    for (int i = 0; i < KERNELS; i++)
        k.value[i] = room += images * o->orbits + 2;
    k.sum = room += images * o->orbits + 2;
    room += n;
    memset(k.sum, 0, sizeof(double) * (size_t)n);
    for (ptrdiff_t i = 0; i < o->orbits; i++) {
        if (is_over(&p))
            return SC_STOPPED;
        fill_orbits(&k, directions, stride, i);
    }
    if (o->axes)
        fill_axes(&k, directions, stride);
    for (ptrdiff_t i = 0; i < n; i++)
        largest = fmax(largest, k.sum[i]);
    ptrdiff_t count = 0;
    *slope = 0;
    for (int character = 0; character < images; character++) {
        const double error = (2 + o->bits) * 2.220446049250313e-16 * largest;
        const ptrdiff_t more = project(&k, character, error, room, &p, values + count, slope);
        if (more < 0)
            return more;
        count += more;
    }
    return count;
}
