/* What a fixed part along directions in orbits describes: the eigenvalues of G^-1/2 H G^-1/2, their
 * sums proved to be nowhere too large (docs/spectral.md, section 12).
 *
 * Degree 0 of H has rank 1, and degree 2 as many as there are quadratic forms. They are nearly all
 * of H, and would round away what the others add: they are kept apart, as features of directions,
 * until X H X' is made, where each degree is of its true size. */
#include "engine/engine.h"
#include "simd/vector.h"
#include "spectral/matrices.h"
#include "spectral/orbits.h"
#include "spectral/rounding.h"
#include "spectral/spectrum.h"

/* ---- kernels of a set, character by character ------------------------------------------------ */

enum { GRAM, COVARIANCE, SLOPES, KERNELS };

typedef struct kernels {
    const sc_orbits *set;
    ptrdiff_t size; /* of the first character's matrices; the others have orbits x orbits */
    double *matrix[KERNELS]; /* [character][size][size] */
    /* of one representative with all images of others; row sums of |covariance| */
    double *cosine, *value[KERNELS], *sum;
    sc_covariance_weights weights;
    int lowest; /* degree in the covariance's matrix: those below are features */
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
    sc_even_kernels(o->d, k->lowest, others * images, k->cosine, k->value[GRAM],
                    k->value[COVARIANCE], k->value[SLOPES]);
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
    sc_even_kernels(o->d, k->lowest, 2, own, k->value[GRAM], k->value[COVARIANCE],
                    k->value[SLOPES]);
    for (int kernel = 0; kernel < KERNELS; kernel++)
        for (int a = 0; a < o->d; a++)
            for (int b = 0; b < o->d; b++)
                k->matrix[kernel][(o->orbits + a) * n + o->orbits + b] = k->value[kernel][a != b];
    const double among = fabs(k->value[COVARIANCE][0]) + (o->d - 1) * fabs(k->value[COVARIANCE][1]);
    for (int a = 0; a < o->d; a++) {
        sc_even_kernels(o->d, k->lowest, o->orbits, directions + a * stride, k->value[GRAM],
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

/* ---- features of low degrees ----------------------------------------------------------------- */

enum { TOGETHER_LOW = 4 }; /* features that read a matrix together */

typedef struct low_room {
    const double *upper_inverse; /* y = x' */
    double *product;             /* to whose lower triangle they are added */
    double *feature, *projected; /* [TOGETHER_LOW][n] */
    int filled;
    sc_low_degrees sums;
} low_room;

static void add_projected(low_room *r, ptrdiff_t n)
{
    for (int f = 0; f < r->filled; f++) {
        const double *w = r->feature + f * n;
        double *z = r->projected + f * n;
        memset(z, 0, sizeof(double) * (size_t)n);
        add_upper_rows(z, r->upper_inverse, n, w, 0, n);
        r->sums.square += dot(w, w, n);
        r->sums.projected += dot(z, z, n);
    }
    for (ptrdiff_t i = 0; i < n; i++) {
        double factor[TOGETHER_LOW];
        for (int f = 0; f < r->filled; f++)
            factor[f] = r->projected[f * n + i];
        add_rows(r->product + i * n, r->projected, n, factor, r->filled, i + 1);
    }
    r->sums.count += r->filled;
    r->filled = 0;
}

/* To x h x' add what degrees 0 and 2 have: with t = u.v, N_0 lambda_0^2 + N_2 lambda_2^2 P_2(t) is
 * a constant and a multiple of t^2 = sum_ab (u_a u_b)(v_a v_b). Summed over the images of v, with
 * the character's signs, only pairs remain on which it acts as on a and b. */
static void add_low_degrees(const kernels *k, const double *directions, int character, ptrdiff_t n,
                            low_room *r)
{
    const sc_orbits *o = k->set;
    const ptrdiff_t stride = sc_padded(o->orbits);
    const double root = sqrt((double)(1 << o->bits)), d = o->d, *low = k->weights.low;
    const double constant = sqrt(k->lowest == 4 ? low[0] - low[1] / (d - 1) : low[0]);
    const double form = sqrt(low[1] * d / (d - 1));
    if (character == 0) {
        for (ptrdiff_t i = 0; i < n; i++)
            r->feature[i] = i < o->orbits ? constant * root : constant;
        r->filled = 1;
    }
    for (int a = 0; a < o->d && k->lowest == 4; a++)
        for (int b = a; b < o->d; b++) {
            if ((o->column[a] ^ o->column[b]) != character)
                continue;
            const double *u = directions + a * stride, *v = directions + b * stride;
            const double scale = a == b ? form * root : form * root * sqrt(2);
            double *w = r->feature + r->filled * n;
            for (ptrdiff_t i = 0; i < o->orbits; i++)
                w[i] = scale * (u[i] * v[i]);
            for (ptrdiff_t i = o->orbits; i < n; i++)
                w[i] = a == b && i - o->orbits == a ? form : 0;
            if (++r->filled == TOGETHER_LOW)
                add_projected(r, n);
        }
    add_projected(r, n);
}

/* ---- eigenvalues ----------------------------------------------------------------------------- */

/* Sums over the characters: the trace of the slopes, lowered by its error; what sums of the largest
   eigenvalues may be too large by; at least the variance that the exact span describes more than
   the eigenvalues say; no exact eigenvalue is below the least. */
typedef struct projected {
    double slope, loss, lost, least;
} projected;

/* At least the Frobenius norm, of a lower triangle. */
static double norm_of_lower(const double *a, ptrdiff_t n)
{
    double square = 0;
    for (ptrdiff_t i = 0; i < n; i++)
        square += 2 * dot(a + i * n, a + i * n, i) + a[i * n + i] * a[i * n + i];
    return 1.01 * sqrt(square);
}

/* Eigenvalues of one character's matrices; their number, or why there are none. */
static ptrdiff_t project(const kernels *k, const sc_rounding *r, const double *directions,
                         int character, double *room, sc_interest *p, double *values,
                         projected *sums)
{
    const ptrdiff_t n = character ? k->set->orbits : k->size;
    double *gram = of_character(k, GRAM, character), *inverse = room, *other = inverse + n * n,
           *product = other + n * n;
    double *below = product + n * n, *spare = below + n, *more = spare + n;
    if (!factorise(gram, n, spare, p))
        return SC_ROUNDING_FORBIDS;
    invert(gram, n, other, spare, p);
    transpose(other, n, inverse);
    congruence(inverse, other, of_character(k, COVARIANCE, character), n, spare, product, p);
    low_room low = {other, product, more, more + TOGETHER_LOW * n, 0, {0, 0, 0}};
    add_low_degrees(k, directions, character, n, &low);
    diagonal_of_congruence(inverse, of_character(k, SLOPES, character), n, spare, more, p);
    if (p->over)
        return SC_STOPPED;
    const double square = dot(inverse, inverse, n * n), size = norm_of_lower(product, n);
    for (ptrdiff_t i = 0; i < n; i++)
        sums->slope += more[i];
    sums->slope -= loss_of_slope(r, gram, inverse, n, square, more, spare);
    double trace = 0, kept = 0;
    const sc_losses found = losses(r, gram, inverse, product, n, square, size, &low.sums, more);
    tridiagonalise(product, n, values, below, spare, p);
    if (p->over)
        return SC_STOPPED;
    memcpy(inverse, values, sizeof(double) * (size_t)n);
    memcpy(other, below, sizeof(double) * (size_t)n);
    if (!diagonalise(values, below, n)
        || !lower_to_certainty(inverse, other, n, size, spare, values))
        return SC_ROUNDING_FORBIDS;
    for (ptrdiff_t i = 0; i < n; i++) {
        trace += inverse[i];
        kept += values[i];
        sums->least = fmin(sums->least, (values[i] - found.each) / 1.5);
    }
    sums->loss += found.sums;
    sums->lost += found.excess + trace - kept + rounding_of((double)n) * (trace + kept);
    return n;
}

/* Take the loss off the largest eigenvalue, which all sums of the largest contain: it is far above
   the others, as degree 0 is. 0 if it would not be the largest. */
static int take_off_largest(double *values, ptrdiff_t count, double loss)
{
    ptrdiff_t largest = 0;
    double second = 0;
    for (ptrdiff_t i = 1; i < count; i++)
        if (values[i] > values[largest])
            largest = i;
    for (ptrdiff_t i = 0; i < count; i++)
        if (i != largest)
            second = fmax(second, values[i]);
    if (!(loss < values[largest] - second))
        return 0;
    values[largest] -= loss;
    return 1;
}

ptrdiff_t SC_KERNEL(sc_project)(const sc_orbits *o, const double *directions, void *space,
                                sc_keep_going going, void *state, double *values, double *slope)
{
    const int images = 1 << o->bits;
    const ptrdiff_t stride = sc_padded(o->orbits), n = first_size(o), plain = o->orbits * o->orbits;
    /* forms take as much time as directions: where they are more, degree 2 stays in the matrix */
    const int lowest = o->d * (o->d + 1.0) / 2 <= (double)sc_set_size(o) ? 4 : 2;
    kernels k = {.set = o, .size = n, .lowest = lowest};
    sc_interest p = {going, state, 0};
    double *room = space;
    for (int i = 0; i < KERNELS; i++, room += n * n + (images - 1) * plain)
        k.matrix[i] = room;
    k.cosine = room;
    for (int i = 0; i < KERNELS; i++)
        k.value[i] = room += images * o->orbits + 2;
    k.sum = room += images * o->orbits + 2;
    room += n;
    memset(k.sum, 0, sizeof(double) * (size_t)n);
    sc_covariance_weights_of(o->d, lowest, &k.weights);
    sc_rounding r = rounding_of_entries(o, &k.weights, error_of_lengths(o, directions, stride));
    for (ptrdiff_t i = 0; i < o->orbits; i++) {
        if (is_over(&p))
            return SC_STOPPED;
        fill_orbits(&k, directions, stride, i);
    }
    if (o->axes)
        fill_axes(&k, directions, stride);
    for (ptrdiff_t i = 0; i < n; i++)
        r.norm = fmax(r.norm, 1.01 * k.sum[i]);
    ptrdiff_t count = 0;
    projected sums = {0, 0, 0, INFINITY};
    for (int character = 0; character < images; character++) {
        const ptrdiff_t more =
            project(&k, &r, directions, character, room, &p, values + count, &sums);
        if (more < 0)
            return more;
        count += more;
    }
    const double lost = sums.lost + sums.loss;
    *slope = sums.slope - sc_slope_of_lost(o->d, fmax(sums.least, lost / (double)count), lost);
    return isfinite(*slope) && take_off_largest(values, count, sums.loss) ? count
                                                                          : SC_ROUNDING_FORBIDS;
}
