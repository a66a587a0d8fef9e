/* Well-spread directions: the same on every machine, to the last bit.
 *
 * Only + - * / and roots, in a fixed order and never fused, so that no compiler, instruction set or
 * number of threads changes a bit, and the descent, chaotic as it is, ends at the same place
 * everywhere. Pulls are floats: half the room and a third of the time of doubles, and an error of
 * 1e-6 of a step changes nothing that a set is good for. The directions themselves are doubles, of
 * length 1 to their last bits.
 */
#include "engine/engine.h"
#include "simd/vector.h"
#include "spectral/exact.h"
#include "spectral/orbits.h"

#define SC_APART 1e-9f

enum { ROW = SC_PARTNERS }; /* most lanes of a block */

/* In place of cosines the weights of their pulls, of the energy sum 1/(1 - (u_i.u_j)^2); its share
   above what orthogonal directions have is added to `energy`. */
SC_INLINE void weigh_pulls(float *t, int images, int lanes, float *energy)
{
    const freal one = f_set(1), apart = f_set(SC_APART);
    for (int l = 0; l < lanes; l += SC_FLANES) {
        freal sum = f_load(energy + l);
        for (int g = 0; g < images; g++) {
            const freal x = f_load(t + g * lanes + l), square = x * x;
            const freal inverse = one / (one - square + apart);
            sum = sum + square * inverse;
            f_store(t + g * lanes + l, x * inverse * inverse);
        }
        f_store(energy + l, sum);
    }
}

/* Walsh and Hadamard: x[g] becomes the sum over c of x[c], with a minus where g and c have an odd
   number of common bits. */
SC_INLINE void over_characters(float *x, int images, int lanes)
{
    for (int half = 1; half < images; half *= 2)
        for (int i = 0; i < images; i += 2 * half)
            for (int j = i; j < i + half; j++)
                for (int l = 0; l < lanes; l += SC_FLANES) {
                    float *const here = x + j * lanes + l, *const there = here + half * lanes;
                    const freal a = f_load(here), b = f_load(there);
                    f_store(here, a + b);
                    f_store(there, a - b);
                }
}

/* Of a multiple of 16 floats, in an order that no instruction set changes. */
SC_INLINE float sum_of_floats(const float *x, int lanes)
{
    float s[16], r[8];
    for (int l = 0; l < 16; l++)
        s[l] = x[l];
    for (int first = 16; first < lanes; first += 16)
        for (int l = 0; l < 16; l++)
            s[l] += x[first + l];
    for (int l = 0; l < 8; l++)
        r[l] = s[l] + s[l + 8];
    return ((r[0] + r[4]) + (r[1] + r[5])) + ((r[2] + r[6]) + (r[3] + r[7]));
}

enum { TOGETHER = 4 }; /* representatives that read a block of others together */

typedef struct crowd {
    const sc_orbits *set;
    ptrdiff_t stride;
    const float *u;     /* [coordinate][stride] */
    float *pull, *sums; /* [coordinate][stride]; of those together, [coordinate][lanes] */
} crowd;

/* Cosines of some representatives with all images of a block: t[of whom][image][lane]. */
SC_INLINE void cosines(const crowd *c, int images, int lanes, int some, ptrdiff_t which,
                       ptrdiff_t first, float *t)
{
    const int size = images * lanes;
    for (int i = 0; i < some * size; i += SC_FLANES)
        f_store(t + i, f_set(0));
    for (int k = 0; k < c->set->d; k++) {
        const float *mine = c->u + k * c->stride + which, *row = c->u + k * c->stride + first;
        float *share = t + lanes * (images > 1 ? c->set->column[k] : 0);
        for (int l = 0; l < lanes; l += SC_FLANES) {
            const freal theirs = f_load(row + l);
            for (int m = 0; m < some; m++) {
                float *sum = share + m * size + l;
                f_store(sum, f_load(sum) + f_set(mine[m]) * theirs);
            }
        }
    }
    for (int m = 0; m < some; m++)
        over_characters(t + m * size, images, lanes);
}

/* Pulls between some representatives and all images of a block of others: added to `sums`, and,
   where it is not the block that they are in themselves, to the others' own. */
SC_INLINE void meet(const crowd *c, int images, int lanes, int some, ptrdiff_t which,
                    ptrdiff_t first, float *sums, float *energy)
{
    const int size = images * lanes, own = which >= first && which < first + lanes;
    SC_ALIGNED float t[TOGETHER * SC_MOST_IMAGES * 16];
    cosines(c, images, lanes, some, which, first, t);
    if (own)
        t[which - first] = 0; /* itself */
    for (int m = 0; m < some; m++) {
        weigh_pulls(t + m * size, images, lanes, energy);
        over_characters(t + m * size, images, lanes);
    }
    for (int k = 0; k < c->set->d; k++) {
        const float *mine = c->u + k * c->stride + which, *row = c->u + k * c->stride + first;
        const float *weight = t + lanes * (images > 1 ? c->set->column[k] : 0);
        float *back = c->pull + k * c->stride + first;
        for (int l = 0; l < lanes; l += SC_FLANES) {
            const freal theirs = f_load(row + l);
            freal pull = f_load(back + l);
            for (int m = 0; m < some; m++) {
                const freal w = f_load(weight + m * size + l);
                float *sum = sums + (m * c->set->d + k) * lanes + l;
                f_store(sum, f_load(sum) + w * theirs);
                pull = pull + w * f_set(mine[m]);
            }
            if (!own)
                f_store(back + l, pull);
        }
    }
}

/* The pulls between representatives from `which` on and those in their block and behind it: each
   pair of blocks meets once. Returns their share of the energy. Beyond the last representative
   there are noughts, which pull nobody. */
SC_INLINE double repulsion(const crowd *c, int images, int lanes, ptrdiff_t which)
{
    const ptrdiff_t own = which / lanes * lanes, d = c->set->d;
    SC_ALIGNED float inside[ROW] = {0}, outside[ROW] = {0};
    memset(c->sums, 0, sizeof(float) * (size_t)(TOGETHER * lanes * d));
    for (int m = 0; m < TOGETHER && which + m < c->set->orbits; m++)
        meet(c, images, lanes, 1, which + m, own, c->sums + m * d * lanes, inside);
    for (ptrdiff_t first = own + lanes; first < c->set->orbits; first += lanes)
        meet(c, images, lanes, TOGETHER, which, first, c->sums, outside);
    for (int m = 0; m < TOGETHER; m++)
        for (ptrdiff_t k = 0; k < d; k++)
            c->pull[k * c->stride + which + m] +=
                sum_of_floats(c->sums + (m * d + k) * lanes, lanes);
    return (double)sum_of_floats(inside, lanes) + 2 * (double)sum_of_floats(outside, lanes);
}

static double repulsion_in_set(const crowd *c, ptrdiff_t which)
{
    switch (c->set->bits) { /* loops of known length are unrolled */
    case 0: return repulsion(c, 1, 32, which);
    case 1: return repulsion(c, 2, 32, which);
    case 2: return repulsion(c, 4, 16, which);
    case 3: return repulsion(c, 8, 16, which);
    case 4: return repulsion(c, 16, 16, which);
    default: return repulsion(c, 32, 16, which);
    }
}

/* What the unit vectors add, each its own image. */
static double repulsion_of_axes(const crowd *c, ptrdiff_t which)
{
    double energy = 0;
    for (int k = 0; k < c->set->d; k++) {
        const float t = c->u[k * c->stride + which], inverse = 1 / (1 - t * t + SC_APART);
        energy += (double)(t * t * inverse);
        c->pull[k * c->stride + which] += t * inverse * inverse;
    }
    return energy;
}

/* ---- descent --------------------------------------------------------------------------------- */

typedef struct place {
    double *u, *gradient; /* [coordinate][stride] */
    double energy;
} place;

typedef struct descent {
    const sc_orbits *set;
    ptrdiff_t stride;
    float *single, *pull, *sums; /* see crowd */
    double *length;
    sc_keep_going going;
    void *state;
} descent;

/* For each direction sum_k a_k b_k, in the order of the coordinates. */
static void dots(const descent *s, const double *a, const double *b, double *out)
{
    const ptrdiff_t count = s->set->orbits;
    for (ptrdiff_t j = 0; j < count; j++)
        out[j] = a[j] * b[j];
    for (int k = 1; k < s->set->d; k++) {
        const double *x = a + k * s->stride, *y = b + k * s->stride;
        for (ptrdiff_t j = 0; j < count; j++)
            out[j] += x[j] * y[j];
    }
}

static double inner(const descent *s, const double *a, const double *b)
{
    const ptrdiff_t size = s->set->d * s->stride; /* a multiple of 8 */
    double sum[SC_PARTIAL_SUMS] = {0};
    for (ptrdiff_t i = 0; i < size; i += SC_PARTIAL_SUMS)
        for (int l = 0; l < SC_PARTIAL_SUMS; l++)
            sum[l] += a[i + l] * b[i + l];
    return sum_of_partial(sum);
}

/* Take the part along u off each direction's vector: what is left lies along the sphere. */
static void lay_along_sphere(const descent *s, const double *u, double *vector)
{
    const ptrdiff_t count = s->set->orbits;
    dots(s, vector, u, s->length);
    for (int k = 0; k < s->set->d; k++)
        for (ptrdiff_t j = 0; j < count; j++)
            vector[k * s->stride + j] -= s->length[j] * u[k * s->stride + j];
}

/* The energy and its gradient along the sphere; 0 if the work was stopped. */
static int look_around(const descent *s, place *p)
{
    const ptrdiff_t count = s->set->orbits, size = s->set->d * s->stride;
    const crowd c = {s->set, s->stride, s->single, s->pull, s->sums};
    for (ptrdiff_t i = 0; i < size; i++) {
        s->single[i] = (float)p->u[i];
        s->pull[i] = 0;
    }
    for (ptrdiff_t i = 0; i < count; i++) {
        if (i % 16 == 0 && s->going && !s->going(s->state))
            return 0;
        s->length[i] = i % TOGETHER == 0 ? repulsion_in_set(&c, i) : 0;
        if (s->set->axes)
            s->length[i] += repulsion_of_axes(&c, i);
    }
    for (int k = 0; k < s->set->d; k++)
        for (ptrdiff_t j = 0; j < count; j++)
            p->gradient[k * s->stride + j] = (double)s->pull[k * s->stride + j];
    p->energy = exact_sum(s->length, count);
    lay_along_sphere(s, p->u, p->gradient);
    return 1;
}

static void move(const descent *s, const double *from, const double *way, double step, double *to)
{
    const ptrdiff_t count = s->set->orbits, size = s->set->d * s->stride;
    for (ptrdiff_t i = 0; i < size; i++)
        to[i] = from[i] - step * way[i];
    dots(s, to, to, s->length);
    for (ptrdiff_t j = 0; j < count; j++)
        s->length[j] = sqrt(s->length[j]);
    for (int k = 0; k < s->set->d; k++)
        for (ptrdiff_t j = 0; j < count; j++)
            to[k * s->stride + j] /= s->length[j];
}

static double longest_of(const descent *s, const double *vectors)
{
    dots(s, vectors, vectors, s->length);
    return sqrt(largest_magnitude(s->length, s->set->orbits));
}

/* Half the distance of neighbours, or so. */
static double longest_step(const sc_orbits *set)
{
    int bits = 0;
    while (sc_set_size(set) >> bits)
        bits++;
    return ldexp(1, -1 - (bits + set->d - 2) / (set->d - 1));
}

/* The last steps, and how each changed the gradient (Nocedal 1980). */
typedef struct history {
    double *step[SC_REMEMBERED_STEPS], *change[SC_REMEMBERED_STEPS];
    double along[SC_REMEMBERED_STEPS]; /* their inner products, above 0 */
    int count;
} history;

static void add_multiple(double *x, const double *y, double factor, ptrdiff_t size)
{
    for (ptrdiff_t i = 0; i < size; i++)
        x[i] += factor * y[i];
}

/* Where to go: the gradient, as steeply curved as the last steps found the energy to be. */
static void find_way(const descent *s, const history *h, const place *here, double *way)
{
    const ptrdiff_t size = s->set->d * s->stride;
    double factor[SC_REMEMBERED_STEPS];
    memcpy(way, here->gradient, sizeof(double) * (size_t)size);
    for (int i = h->count - 1; i >= 0; i--) {
        factor[i] = inner(s, h->step[i], way) / h->along[i];
        add_multiple(way, h->change[i], -factor[i], size);
    }
    if (h->count) {
        const int last = h->count - 1;
        const double scale = h->along[last] / inner(s, h->change[last], h->change[last]);
        for (ptrdiff_t i = 0; i < size; i++)
            way[i] *= scale;
    }
    for (int i = 0; i < h->count; i++)
        add_multiple(way, h->step[i], factor[i] - inner(s, h->change[i], way) / h->along[i], size);
    lay_along_sphere(s, here->u, way);
}

static void remember(const descent *s, history *h, const place *from, const place *to)
{
    const ptrdiff_t size = s->set->d * s->stride;
    if (h->count == SC_REMEMBERED_STEPS) {
        double *const step = h->step[0], *const change = h->change[0];
        for (int i = 1; i < SC_REMEMBERED_STEPS; i++) {
            h->step[i - 1] = h->step[i];
            h->change[i - 1] = h->change[i];
            h->along[i - 1] = h->along[i];
        }
        h->step[--h->count] = step;
        h->change[h->count] = change;
    }
    double *const step = h->step[h->count], *const change = h->change[h->count];
    for (ptrdiff_t i = 0; i < size; i++) {
        step[i] = to->u[i] - from->u[i];
        change[i] = to->gradient[i] - from->gradient[i];
    }
    h->along[h->count] = inner(s, step, change);
    h->count += h->along[h->count] > 0;
}

/* Lower the energy by at most `steps` steps; the lowest set remains. Returns 0 if the work was
   stopped. */
int SC_KERNEL(sc_descend)(const sc_orbits *set, double *directions, int steps, void *space,
                          sc_keep_going going, void *state)
{
    const ptrdiff_t stride = sc_padded(set->orbits), size = set->d * stride;
    double *room = space, *const way = room + 4 * size;
    place here = {room, room + size, 0}, there = {room + 2 * size, room + 3 * size, 0};
    history past = {.count = 0};
    for (int i = 0; i < SC_REMEMBERED_STEPS; i++) {
        past.step[i] = room + (5 + 2 * i) * size;
        past.change[i] = room + (6 + 2 * i) * size;
    }
    double *const length = room + (5 + 2 * SC_REMEMBERED_STEPS) * size;
    float *const singles = (float *)(void *)(length + stride);
    const descent s = {set,    stride, singles, singles + size, singles + 2 * size,
                       length, going,  state};
    const double longest = longest_step(set);
    double lowest, share = 1;
    if (steps < 1)
        return 1;
    memset(room, 0, sizeof(double) * 4 * (size_t)size);
    memcpy(here.u, directions, sizeof(double) * (size_t)size);
    if (!look_around(&s, &here))
        return 0;
    lowest = here.energy;
    for (int turn = 0; turn < steps; turn++) {
        find_way(&s, &past, &here, way);
        if (!(inner(&s, way, here.gradient) > 0)) { /* uphill: what is remembered misleads */
            past.count = 0;
            find_way(&s, &past, &here, way);
        }
        const double steepest = longest_of(&s, way);
        if (steepest <= 1e-12)
            break;
        const double most = longest / steepest;
        move(&s, here.u, way, share * (past.count ? fmin(1, most) : most), there.u);
        if (!look_around(&s, &there))
            return 0;
        if (!(there.energy <= 1.001 * here.energy)) {
            share /= 4;
            continue;
        }
        share = 1;
        remember(&s, &past, &here, &there);
        const place before = here;
        here = there;
        there = before;
        if (here.energy < lowest) {
            lowest = here.energy;
            memcpy(directions, here.u, sizeof(double) * (size_t)size);
        }
    }
    return 1;
}
