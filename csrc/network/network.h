/* Atoms of the infinite-width network, in chunks, and what a width-n network draws from them.
 *
 * -ln(1 - beta_j) = E_j / K with E_j exponential, so the mass left after j sticks is e^(-G_j/K),
 * G_j = E_1 + ... + E_j. Atoms come in stick-breaking order, in chunks of SC_ATOMS, and a chunk is
 * forgotten when it has been used: memory depends on neither K nor the number of networks.
 */
#ifndef SC_NETWORK_H
#define SC_NETWORK_H

#include "special/binomial.h"
#include "engine/engine.h"
#include "special/philox.h"

#define SC_TILES 16  /* tiles whose sums wait for the next atoms when a network is evaluated */
#define SC_INPUTS 32 /* inputs whose random numbers come together; every tile is a multiple */

/* What follows a chunk in a work space begins with a cache line, as the chunk does: a pack that
   lies across two lines costs two loads. */
typedef struct sc_chunk {
    SC_ALIGNED double mass[SC_ATOMS]; /* of the network's whole mass */
    double scale[SC_ATOMS];           /* sign * sqrt(K+1) / |unnormalised direction| */
    /* mass of the atoms before this one, as a share of what was left when the chunk began */
    double below[SC_ATOMS + 1];
    /* mass that no atom has taken yet, before this chunk and after it */
    double mass_before, mass_after;
    uint64_t number; /* of the next chunk */
    int wanted;      /* whether draws still wait for atoms */
} sc_chunk;

SC_INLINE void sc_chunk_start(sc_chunk *c)
{
    c->mass_before = c->mass_after = 1.0;
    c->number = 0;
    c->wanted = 1;
}

/* Make the next SC_ATOMS atoms; unnormalised directions as [group of 4][coordinate][atom]. Returns
   0 when no more are needed. */
SC_INLINE int sc_chunk_next(sc_chunk *c, const sc_experiment *e, uint64_t item, double *directions)
{
    SC_ALIGNED double sticks[SC_ATOMS], sum[SC_ATOMS];
    const int groups = SC_ATOMS / SC_GROUP, d = e->input_dim;
    const uint64_t first = c->number * (uint64_t)groups;
    const sc_stream stick_stream = {e->key, item, SC_FOR_STICKS},
                    sign_stream = {e->key, item, SC_FOR_SIGNS},
                    direction_stream = {e->key, item, SC_FOR_DIRECTIONS};
    if (!c->wanted && c->mass_after <= e->truncation)
        return 0;
    sc_fill_exponential(&stick_stream, first, groups, sticks);
    sc_fill_sign(&sign_stream, first, groups, c->scale);
    sc_fill_normal(&direction_stream, first * (uint64_t)d, groups * d, directions);
    double before = 0.0;
    for (int a = 0; a < SC_ATOMS; a++) { /* sum[a]: of the sticks before a */
        sum[a] = before;
        before += sticks[a];
    }
    c->mass_before = c->mass_after;
    for (int a = 0; a < SC_ATOMS; a += SC_LANES) {
        const real least = r_set(-700.0), rate = r_set(-1.0 / e->concentration);
        const real beta = -sc_expm1(r_max(r_load(sticks + a) * rate, least));
        const real share = sc_exp(r_max(r_load(sum + a) * rate, least)) * beta;
        r_store(c->below + a, share);
        r_store(c->mass + a, share * r_set(c->mass_before));
    }
    double total = 0.0;
    for (int a = 0; a < SC_ATOMS; a++) {
        const double share = c->below[a];
        c->below[a] = total;
        total += share;
    }
    c->below[SC_ATOMS] = total;
    c->mass_after =
        c->mass_before
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

/* A width-n network's n draws from the atoms, distributed chunk by chunk. */
typedef struct sc_thinning {
    double n, unplaced; /* number of draws, and how many of them have no chunk yet */
    double occupancy;
    double count[SC_ATOMS];
    sc_sequence uniforms;
} sc_thinning;

SC_INLINE void sc_thinning_start(sc_thinning *t, const sc_experiment *e, uint64_t item, int width)
{
    t->n = t->unplaced = e->widths[width];
    t->occupancy = 0.0;
    t->uniforms = sc_sequence_of((sc_stream){e->key, item, (uint32_t)(SC_FOR_DRAWS + width)});
}

/* Distribute m draws over the atoms low ... high - 1: by halves as long as that is cheaper than
   placing the draws one by one. */
static void sc_place(sc_thinning *t, const sc_chunk *c, int low, int high, double m)
{
    if (m == 0.0)
        return;
    if (high - low == 1)
        t->count[low] += m;
    else if (m > 16.0 * (high - low)) {
        const int middle = (low + high) / 2;
        const double p = (c->below[middle] - c->below[low]) / (c->below[high] - c->below[low]);
        const double lower = sc_binomial(&t->uniforms, m, p);
        sc_place(t, c, low, middle, lower);
        sc_place(t, c, middle, high, m - lower);
    } else
        for (; m > 0.0; m--) {
            const double place =
                c->below[low] + sc_next_uniform(&t->uniforms) * (c->below[high] - c->below[low]);
            int a = low;
            /* binary search without branches, for draws have no pattern that a processor could
               predict */
            for (int size = high - low; size > 1;) {
                const int half = size / 2;
                a += c->below[a + half] <= place ? half : 0;
                size -= half;
            }
            t->count[a] += 1.0;
        }
}

/* Find the draws that fall into this chunk: how often each atom was drawn. Lists the atoms that
   were drawn in `atoms` and returns how many they are. */
SC_INLINE int sc_thin_chunk(sc_thinning *t, const sc_chunk *c, int *atoms)
{
    if (t->unplaced == 0.0)
        return 0;
    memset(t->count, 0, sizeof t->count);
    const double in_chunk =
        sc_binomial(&t->uniforms, t->unplaced, c->below[SC_ATOMS] < 1.0 ? c->below[SC_ATOMS] : 1.0);
    sc_place(t, c, 0, SC_ATOMS, in_chunk);
    t->unplaced -= in_chunk;
    int drawn = 0;
    for (int a = 0; a < SC_ATOMS; a++) {
        atoms[drawn] = a;
        drawn += t->count[a] > 0.0;
    }
    t->occupancy += drawn;
    return drawn;
}

#endif
