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
#include "special/poisson.h"

#define SC_TILES 16      /* tiles whose sums wait for the next atoms when a network is evaluated */
#define SC_GUIDES 256    /* parts of a chunk's mass, equal ones, from which a place is looked for */
#define SC_FEW_DRAWS 192 /* are placed one by one; more, by Poisson variates */
#define SC_COMPARED 256  /* inputs compared at a time; a multiple of every tile */
#define SC_INPUTS 32     /* inputs whose random numbers come together; every tile is a multiple */

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
    int steps;       /* at most, from an atom of `guide` to that of a place; -1: not known yet */
    unsigned char guide[SC_GUIDES]; /* the atom where each part of the mass begins */
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
    c->steps = -1;
    c->number++;
    return 1;
}

/* A width-n network's n draws from the atoms, distributed chunk by chunk. */
typedef struct sc_thinning {
    double n, unplaced; /* number of draws, and how many of them have no chunk yet */
    double occupancy;
    uint64_t drawn; /* of the chunk's atoms, a bit each */
    double count[SC_ATOMS];
    sc_sequence uniforms;
} sc_thinning;

SC_INLINE void sc_thinning_start(sc_thinning *t, const sc_experiment *e, uint64_t item, int width)
{
    t->n = t->unplaced = e->widths[width];
    t->occupancy = 0.0;
    t->uniforms = sc_sequence_of((sc_stream){e->key, item, (uint32_t)(SC_FOR_DRAWS + width)});
}

/* Fill in the guide: count the atoms that begin in each part, and sum. */
static void sc_chunk_guide(sc_chunk *c)
{
    unsigned char begin[SC_GUIDES + 2] = {0};
    const double step = c->below[SC_ATOMS] / SC_GUIDES;
    int sum = 0, steps = 0;
    for (int a = 1; a < SC_ATOMS; a++) {
        const double part = c->below[a] / step;
        begin[(int)part + ((int)part < part)]++;
    }
    for (int i = 0; i < SC_GUIDES; i++) {
        sum += begin[i];
        steps = begin[i + 1] > steps ? begin[i + 1] : steps;
        c->guide[i] = (unsigned char)sum;
    }
    c->steps = steps;
}

/* Distribute m draws over the chunk's atoms.
 *
 * Independent Poisson variates of means proportional to the masses are, given their sum N, the
 * counts of N draws, whatever N is. So if N <= m they place N of the draws, and m - N are left;
 * sums above m are rejected, which happens to one in six: the mean of N is a standard deviation
 * below m. */
static void sc_place(sc_thinning *t, sc_chunk *c, double m)
{
    while (m > SC_FEW_DRAWS) {
        SC_ALIGNED double mean[SC_ATOMS], count[SC_ATOMS];
        const double rate = (m - sqrt(m)) / c->below[SC_ATOMS] / c->mass_before;
        for (int a = 0; a < SC_ATOMS; a++)
            mean[a] = rate * c->mass[a];
        const double placed = sc_fill_poisson(&t->uniforms, mean, SC_ATOMS, count);
        if (placed > m)
            continue;
        for (int a = 0; a < SC_ATOMS; a++)
            t->count[a] += count[a];
        m -= placed;
    }
    if (m > 0.0 && c->steps < 0)
        sc_chunk_guide(c);
    for (; m > 0.0; m--) {
        const double u = sc_next_uniform(&t->uniforms), place = u * c->below[SC_ATOMS];
        int a = c->guide[(int)(u * SC_GUIDES)];
        /* as many steps for every draw: no processor could predict where each of them ends */
        for (int i = 0; i < c->steps; i++)
            a += c->below[a + 1] <= place;
        t->count[a] += 1.0;
    }
}

/* Find the draws that fall into this chunk: how often each atom was drawn. Returns the atoms that
   were, a bit each, and keeps them in `drawn`; where none was, counts stay as they were. */
SC_INLINE uint64_t sc_thin_chunk(sc_thinning *t, sc_chunk *c)
{
    t->drawn = 0;
    if (t->unplaced == 0.0)
        return 0;
    const double in_chunk =
        sc_binomial(&t->uniforms, t->unplaced, c->below[SC_ATOMS] < 1.0 ? c->below[SC_ATOMS] : 1.0);
    if (in_chunk == 0.0)
        return 0;
    memset(t->count, 0, sizeof t->count);
    sc_place(t, c, in_chunk);
    t->unplaced -= in_chunk;
    real distinct = r_set(0.0);
    for (int a = 0; a < SC_ATOMS; a += SC_LANES) {
        const mask drawn = r_lt(r_set(0.0), r_load(t->count + a));
        t->drawn |= (uint64_t)m_lanes(drawn) << a;
        distinct = distinct + r_select(drawn, r_set(1.0), r_set(0.0));
    }
    t->occupancy += sum_of_lanes(distinct);
    return t->drawn;
}

/* The place of the lowest bit that is set; some bit must be. */
SC_INLINE int sc_lowest_bit(uint64_t x)
{
#ifdef __GNUC__
    return __builtin_ctzll(x);
#else
    int place = 0;
    for (; !(x & 1); x >>= 1)
        place++;
    return place;
#endif
}

#endif
