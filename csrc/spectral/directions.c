/* Well-spread directions: the same on every machine, to the last bit.
 *
 * Only + - * / and roots, in a fixed order and never fused, and sums that are rounded once, so that no compiler,
 * instruction set or number of threads changes a bit, and the descent, chaotic as it is, ends at the same place everywhere.
 */
#include "engine/engine.h"
#include "simd/vector.h"
#include "spectral/exact.h"
#include "spectral/orbits.h"

#define SC_APART 1e-9

/* In place of cosines the weights of their pulls, of the energy sum 1/(1 - (u_i.u_j)^2); its share above what orthogonal
   directions have is added to `energy`. */
SC_INLINE void weigh_pulls(double *t, int count, double *energy)
{
    for (int j = 0; j < count; j += SC_PARTIAL_SUMS)
        for (int l = 0; l < SC_PARTIAL_SUMS; l++) {
            const double square = t[j + l] * t[j + l], inverse = 1 / (1 - square + SC_APART);
            energy[l] += square * inverse;
            t[j + l] = t[j + l] * inverse * inverse;
        }
}

/* The pull on one direction by all others, and its share of the energy. Directions lie [coordinate][stride]. */
static double repulsion(const double *directions, ptrdiff_t stride, int d, ptrdiff_t which,
                        double *pull, double *sums)
{
    double energy[SC_PARTIAL_SUMS] = {0};
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
        weigh_pulls(t, SC_PARTNERS, energy);
        for (int k = 0; k < d; k++) {
            const double *row = directions + k * stride + first;
            double *sum = sums + SC_PARTIAL_SUMS * k;
            for (int j = 0; j < SC_PARTNERS; j += SC_PARTIAL_SUMS)
                for (int l = 0; l < SC_PARTIAL_SUMS; l++)
                    sum[l] += t[j + l] * row[j + l];
        }
    }
    for (int k = 0; k < d; k++)
        pull[k] = sum_of_partial(sums + SC_PARTIAL_SUMS * k);
    return sum_of_partial(energy);
}

/* Walsh and Hadamard: x[g] becomes the sum over c of x[c], with a minus where g and c have an odd number of common bits. */
SC_INLINE void over_characters(double (*x)[SC_PARTIAL_SUMS], int count)
{
    for (int half = 1; half < count; half *= 2)
        for (int i = 0; i < count; i += 2 * half)
            for (int j = i; j < i + half; j++)
                for (int l = 0; l < SC_PARTIAL_SUMS; l++) {
                    const double a = x[j][l], b = x[j + half][l];
                    x[j][l] = a + b;
                    x[j + half][l] = a - b;
                }
}

/* The same where all images of all representatives pull. */
SC_INLINE double repulsion_by_images(const sc_orbits *o, int count, const double *directions,
                                     ptrdiff_t stride, ptrdiff_t which, double *pull, double *sums)
{
    double energy[SC_PARTIAL_SUMS] = {0};
    for (ptrdiff_t first = 0; first < stride; first += SC_PARTIAL_SUMS) {
        double t[SC_MOST_IMAGES][SC_PARTIAL_SUMS];
        memset(t, 0, sizeof(double) * SC_PARTIAL_SUMS * (size_t)count);
        for (int k = 0; k < o->d; k++) {
            const double *row = directions + k * stride;
            const double mine = row[which];
            double *share = t[o->column[k]];
            for (int l = 0; l < SC_PARTIAL_SUMS; l++)
                share[l] += mine * row[first + l];
        }
        over_characters(t, count);
        if (which >= first && which < first + SC_PARTIAL_SUMS)
            t[0][which - first] = 0; /* itself */
        weigh_pulls(t[0], SC_PARTIAL_SUMS * count, energy);
        over_characters(t, count);
        for (int k = 0; k < o->d; k++) {
            const double *row = directions + k * stride + first, *weight = t[o->column[k]];
            double *sum = sums + SC_PARTIAL_SUMS * k;
            for (int l = 0; l < SC_PARTIAL_SUMS; l++)
                sum[l] += weight[l] * row[l];
        }
    }
    for (int k = 0; k < o->d; k++)
        pull[k] = sum_of_partial(sums + SC_PARTIAL_SUMS * k);
    double total = sum_of_partial(energy);
    for (int k = 0; k < (o->axes ? o->d : 0); k++) {
        const double t = directions[k * stride + which], inverse = 1 / (1 - t * t + SC_APART);
        total += t * t * inverse;
        pull[k] += t * inverse * inverse;
    }
    return total;
}

static double repulsion_in_set(const sc_orbits *o, const double *directions, ptrdiff_t stride,
                               ptrdiff_t which, double *pull, double *sums)
{
    memset(sums, 0, sizeof(double) * SC_PARTIAL_SUMS * (size_t)o->d);
    switch (o->bits + (o->axes ? 8 : 0)) { /* loops of known length are unrolled */
    case 0: return repulsion(directions, stride, o->d, which, pull, sums);
    case 9: return repulsion_by_images(o, 2, directions, stride, which, pull, sums);
    case 10: return repulsion_by_images(o, 4, directions, stride, which, pull, sums);
    case 11: return repulsion_by_images(o, 8, directions, stride, which, pull, sums);
    case 12: return repulsion_by_images(o, 16, directions, stride, which, pull, sums);
    case 13: return repulsion_by_images(o, 32, directions, stride, which, pull, sums);
    default: return repulsion_by_images(o, 1 << o->bits, directions, stride, which, pull, sums);
    }
}

/* ---- descent -------------------------------------------------------------------------------------------------------- */

typedef struct place {
    double *u, *gradient; /* [coordinate][stride] */
    double energy;
} place;

typedef struct descent {
    const sc_orbits *set;
    ptrdiff_t stride;
    double *product, *pull, *sums, *length;
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
    const ptrdiff_t count = s->set->orbits;
    for (int k = 0; k < s->set->d; k++)
        for (ptrdiff_t j = 0; j < count; j++)
            s->product[k * count + j] = a[k * s->stride + j] * b[k * s->stride + j];
    return exact_sum(s->product, s->set->d * count);
}

/* The energy and its gradient along the sphere; 0 if the work was stopped. */
static int look_around(const descent *s, place *p)
{
    const ptrdiff_t count = s->set->orbits;
    for (ptrdiff_t i = 0; i < count; i++) {
        if (i % 16 == 0 && s->going && !s->going(s->state))
            return 0;
        s->length[i] = repulsion_in_set(s->set, p->u, s->stride, i, s->pull, s->sums);
        for (int k = 0; k < s->set->d; k++)
            p->gradient[k * s->stride + i] = s->pull[k];
    }
    p->energy = exact_sum(s->length, count);
    dots(s, p->gradient, p->u, s->length);
    for (int k = 0; k < s->set->d; k++) {
        double *gradient = p->gradient + k * s->stride;
        const double *u = p->u + k * s->stride;
        for (ptrdiff_t j = 0; j < count; j++)
            gradient[j] -= s->length[j] * u[j];
    }
    return 1;
}

static void step_down(const descent *s, const place *from, double step, double *to)
{
    const ptrdiff_t count = s->set->orbits, size = s->set->d * s->stride;
    for (ptrdiff_t i = 0; i < size; i++)
        to[i] = from->u[i] - step * from->gradient[i];
    dots(s, to, to, s->length);
    for (ptrdiff_t j = 0; j < count; j++)
        s->length[j] = sqrt(s->length[j]);
    for (int k = 0; k < s->set->d; k++)
        for (ptrdiff_t j = 0; j < count; j++)
            to[k * s->stride + j] /= s->length[j];
}

static double steepest_of(const descent *s, const place *at)
{
    dots(s, at->gradient, at->gradient, s->length);
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

/* Barzilai and Borwein's two lengths of a step, in turn. `from` becomes how far it went and how the gradient changed. */
static double next_length(const descent *s, const place *to, place *from, double step, int turn)
{
    const ptrdiff_t size = s->set->d * s->stride;
    for (ptrdiff_t i = 0; i < size; i++) {
        from->u[i] = to->u[i] - from->u[i];
        from->gradient[i] = to->gradient[i] - from->gradient[i];
    }
    const double along = inner(s, from->u, from->gradient);
    if (along <= 0)
        return 2 * step;
    return turn % 2 ? inner(s, from->u, from->u) / along
                    : along / inner(s, from->gradient, from->gradient);
}

/* Lower the energy by at most `steps` gradient steps; the lowest set remains. Returns 0 if the work was stopped. */
int SC_KERNEL(sc_descend)(const sc_orbits *set, double *directions, int steps, void *space,
                          sc_keep_going going, void *state)
{
    const ptrdiff_t stride = sc_padded(set->orbits), size = set->d * stride;
    double *free_space = space;
    place here = {free_space, free_space + size, 0},
          there = {free_space + 2 * size, free_space + 3 * size, 0};
    double *best = directions, lowest;
    const descent s = {set,
                       stride,
                       free_space + 4 * size,
                       free_space + 5 * size,
                       free_space + 5 * size + set->d,
                       free_space + 5 * size + (1 + SC_PARTIAL_SUMS) * set->d,
                       going,
                       state};
    const double longest = longest_step(set);
    double step = (double)INFINITY;
    if (steps < 1)
        return 1;
    memset(free_space, 0, sizeof(double) * 4 * (size_t)size);
    memcpy(here.u, directions, sizeof(double) * (size_t)size);
    if (!look_around(&s, &here))
        return 0;
    lowest = here.energy;
    for (int turn = 0; turn < steps; turn++) {
        const double steepest = steepest_of(&s, &here);
        if (steepest <= 1e-12)
            break;
        step = fmin(step, longest / steepest);
        step_down(&s, &here, step, there.u);
        if (!look_around(&s, &there))
            return 0;
        if (there.energy > 1.1 * here.energy) {
            step = step / 4;
            continue;
        }
        const place before = here;
        here = there;
        there = before;
        step = next_length(&s, &here, &there, step, turn);
        memset(there.u, 0, sizeof(double) * (size_t)size);
        memset(there.gradient, 0, sizeof(double) * (size_t)size);
        if (here.energy < lowest) {
            lowest = here.energy;
            memcpy(best, here.u, sizeof(double) * (size_t)size);
        }
    }
    return 1;
}
