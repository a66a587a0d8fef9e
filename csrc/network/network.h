/* The infinite-width network as the kernels see it: chunks of atoms in stick-breaking order, and
 * draws from them.
 *
 * -ln(1 - beta_j) = E_j / K with E_j exponential, so the mass left after j sticks is e^(-G_j/K),
 * G_j = E_1 + ... + E_j. Atoms come in chunks of SC_ATOMS and are forgotten when used: memory
 * depends on neither K nor the number of networks.
 */
#ifndef SC_NETWORK_H
#define SC_NETWORK_H

#include "special/binomial.h"
#include "engine/engine.h"
#include "special/philox.h"

#define SC_TILES 16  /* tiles whose sums wait for the next atoms when a network is evaluated */
#define SC_INPUTS 32 /* inputs whose random numbers come together; every tile is a multiple */

typedef struct sc_chunk {
    double mass[SC_ATOMS];  /* of the whole */
    double scale[SC_ATOMS]; /* sign * sqrt(K+1) / |unnormalised direction| */
    /* mass of the atoms before, of what was left when the chunk began */
    double below[SC_ATOMS + 1];
    double left_before, left; /* mass not yet taken, before and after this chunk */
    uint64_t number;          /* of the next chunk */
    int wanted;               /* draws are still waiting for atoms */
} sc_chunk;

SC_INLINE void sc_chunk_start(sc_chunk *c)
{
    c->left_before = c->left = 1.0;
    c->number = 0;
    c->wanted = 1;
}

/* The next SC_ATOMS atoms; unnormalised directions as [group of 4][coordinate][atom]. Returns 0
   when none are needed. */
SC_INLINE int sc_chunk_next(sc_chunk *c, const sc_experiment *e, uint64_t item, double *directions)
{
    SC_ALIGNED double sticks[SC_ATOMS], sum[SC_ATOMS];
    const int groups = SC_ATOMS / SC_GROUP, d = e->input_dim;
    const uint64_t first = c->number * (uint64_t)groups;
    const sc_stream stick_stream = {e->key, item, SC_FOR_STICKS},
                    sign_stream = {e->key, item, SC_FOR_SIGNS},
                    direction_stream = {e->key, item, SC_FOR_DIRECTIONS};
    if (!c->wanted && c->left <= e->truncation)
        return 0;
    sc_fill_exponential(&stick_stream, first, groups, sticks);
    sc_fill_sign(&sign_stream, first, groups, c->scale);
    sc_fill_normal(&direction_stream, first * (uint64_t)d, groups * d, directions);
    double before = 0.0;
    for (int a = 0; a < SC_ATOMS; a++) { /* sum: of the sticks before this one */
        sum[a] = before;
        before += sticks[a];
    }
    c->left_before = c->left;
    for (int a = 0; a < SC_ATOMS; a += SC_LANES) {
        const real least = r_set(-700.0), rate = r_set(-1.0 / e->concentration);
        const real beta = -sc_expm1(r_max(r_load(sticks + a) * rate, least));
        const real share = sc_exp(r_max(r_load(sum + a) * rate, least)) * beta;
        r_store(c->below + a, share);
        r_store(c->mass + a, share * r_set(c->left_before));
    }
    double total = 0.0;
    for (int a = 0; a < SC_ATOMS; a++) {
        const double share = c->below[a];
        c->below[a] = total;
        total += share;
    }
    c->below[SC_ATOMS] = total;
    c->left = c->left_before
              * sc_first_lane(sc_exp(r_max(r_set(-before / e->concentration), r_set(-700.0))));
    const double gain = sqrt(e->concentration + 1.0);
    for (int a = 0; a < SC_ATOMS; a++) {
        double square = 0.0;
        for (int k = 0; k < d; k++) {
            const double x = directions[(a / 4 * d + k) * 4 + a % 4];
            square += x * x;
        }
        c->scale[a] *= gain / sqrt(square);
    }
    c->number++;
    return 1;
}

/* n draws from the network's atoms, placed chunk by chunk. */
typedef struct sc_thinning {
    double n, left; /* draws, and how many of them no chunk has yet */
    double occupancy;
    double count[SC_ATOMS];
    sc_sequence uniforms;
} sc_thinning;

SC_INLINE void sc_thinning_start(sc_thinning *t, const sc_experiment *e, uint64_t item, int width)
{
    t->n = t->left = e->widths[width];
    t->occupancy = 0.0;
    t->uniforms = sc_sequence_of((sc_stream){e->key, item, (uint32_t)(SC_FOR_DRAWS + width)});
}

/* Distribute m draws over the atoms low .. high: halve while that is cheaper than placing each
   draw. */
static void sc_place(sc_thinning *t, const sc_chunk *c, int low, int high, double m)
{
    if (m == 0.0)
        return;
    if (high - low == 1)
        t->count[low] += m;
    else if (m > 16.0 * (high - low)) {
        const int middle = (low + high) / 2;
        const double p = (c->below[middle] - c->below[low]) / (c->below[high] - c->below[low]);
        const double left = sc_binomial(&t->uniforms, m, p);
        sc_place(t, c, low, middle, left);
        sc_place(t, c, middle, high, m - left);
    } else
        for (; m > 0.0; m--) {
            const double place =
                c->below[low] + sc_next_uniform(&t->uniforms) * (c->below[high] - c->below[low]);
            int a = low;
            /* without branches: draws have no pattern to predict */
            for (int size = high - low; size > 1;) {
                const int half = size / 2;
                a += c->below[a + half] <= place ? half : 0;
                size -= half;
            }
            t->count[a] += 1.0;
        }
}

/* Draws that fall into this chunk; the atoms with any go to `atoms`, their number is returned. */
SC_INLINE int sc_thin_chunk(sc_thinning *t, const sc_chunk *c, int *atoms)
{
    if (t->left == 0.0)
        return 0;
    memset(t->count, 0, sizeof t->count);
    const double here =
        sc_binomial(&t->uniforms, t->left, c->below[SC_ATOMS] < 1.0 ? c->below[SC_ATOMS] : 1.0);
    sc_place(t, c, 0, SC_ATOMS, here);
    t->left -= here;
    int some = 0;
    for (int a = 0; a < SC_ATOMS; a++) {
        atoms[some] = a;
        some += t->count[a] > 0.0;
    }
    t->occupancy += some;
    return some;
}

#endif
