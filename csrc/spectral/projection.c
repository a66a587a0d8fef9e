/* What a fixed part along directions in orbits describes: the eigenvalues of G^-1/2 H G^-1/2 (docs/spectral.md).
 *
 * No library is called and nothing runs in parallel here: rows of a table are large enough to be divided among threads
 * whole, and a machine that is busy otherwise does not keep anyone waiting at a barrier.
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

/* ---- symmetric matrices [n][n] ---------------------------------------------------------------------------------------- */

/* Asks whether the work shall go on, before each row of a matrix; after a no, all that follows is void. */
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

/* The lower triangle becomes L, LL' the matrix; 0 if rounding forbids. */
static int factorise(double *a, ptrdiff_t n, sc_interest *p)
{
    for (ptrdiff_t i = 0; i < n && !is_over(p); i++) {
        double *mine = a + i * n;
        for (ptrdiff_t j = 0; j < i; j++)
            mine[j] = (mine[j] - dot(mine, a + j * n, j)) / a[j * n + j];
        const double pivot = mine[i] - dot(mine, mine, i);
        if (!(pivot > 0))
            return 0;
        mine[i] = sqrt(pivot);
    }
    return 1;
}

/* L^-1, lower, into x, whose upper triangle becomes nought. */
static void invert(const double *lower, ptrdiff_t n, double *x, sc_interest *p)
{
    for (ptrdiff_t i = 0; i < n && !is_over(p); i++) {
        double *row = x + i * n;
        const double scale = 1 / lower[i * n + i];
        memset(row, 0, sizeof(double) * (size_t)n);
        add_rows(row, x, n, lower + i * n, i, i);
        for (ptrdiff_t j = 0; j < i; j++)
            row[j] *= -scale;
        row[i] = scale;
    }
}

/* The lower triangle of x h x', x lower, h symmetric in full; `half` is room for a matrix. */
static void congruence(const double *x, const double *h, ptrdiff_t n, double *half, double *out,
                       sc_interest *p)
{
    memset(half, 0, sizeof(double) * (size_t)(n * n));
    for (ptrdiff_t i = 0; i < n && !is_over(p); i++)
        add_rows(half + i * n, h, n, x + i * n, i + 1, n);
    for (ptrdiff_t i = 0; i < n && !is_over(p); i++)
        for (ptrdiff_t j = 0; j <= i; j++)
            out[i * n + j] = dot(half + i * n, x + j * n, j + 1);
}

static double trace_of_congruence(const double *x, const double *h, ptrdiff_t n, double *row,
                                  sc_interest *p)
{
    double trace = 0;
    for (ptrdiff_t i = 0; i < n && !is_over(p); i++) {
        memset(row, 0, sizeof(double) * (size_t)n);
        add_rows(row, h, n, x + i * n, i + 1, i + 1);
        trace += dot(row, x + i * n, i + 1);
    }
    return trace;
}

/* The largest eigenvalue of x'x, x lower, from below by some per cent; a and b are room for n each. */
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

/* Householder: the lower triangle to a diagonal and what lies below it; v and w are room for n each. */
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
        memset(w, 0, sizeof(double) * (size_t)last);
        for (ptrdiff_t i = 0; i < last; i++) {
            const double *row = a + i * n;
            w[i] += dot(row, v, i + 1);
            add_rows(w, row, n, v + i, 1, i);
        }
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

/* Implicit QL steps on diagonal d[0..n) and e[1..n) beside it, until d holds the eigenvalues; 0 if that takes for ever. */
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

/* ---- kernels of a set, character by character ------------------------------------------------------------------------------ */

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

/* Eigenvalues of one character's matrices, lowered by what rounding may have added; their number, or
   why there are none. */
static ptrdiff_t project(const kernels *k, int character, double error, double *room,
                         sc_interest *p, double *values, double *slope)
{
    const ptrdiff_t n = character ? k->set->orbits : k->size;
    double *gram = of_character(k, GRAM, character), *inverse = room, *half = inverse + n * n,
           *product = half + n * n;
    double *below = product + n * n, *spare = below + n;
    if (!factorise(gram, n, p))
        return SC_ROUNDING_FORBIDS;
    invert(gram, n, inverse, p);
    congruence(inverse, of_character(k, COVARIANCE, character), n, half, product, p);
    *slope += trace_of_congruence(inverse, of_character(k, SLOPES, character), n, spare, p);
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
    double *room = space, most = 0;
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
        most = fmax(most, k.sum[i]);
    ptrdiff_t count = 0;
    *slope = 0;
    for (int character = 0; character < images; character++) {
        const double error = (2 + o->bits) * 2.220446049250313e-16 * most;
        const ptrdiff_t more = project(&k, character, error, room, &p, values + count, slope);
        if (more < 0)
            return more;
        count += more;
    }
    return count;
}
