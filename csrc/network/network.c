/* The infinite-width network: atoms, evaluation, and one network's share of the Monte Carlo, in
   both precisions. */
#include "network/network.h"

#define SC_TILE_PACKS (SC_REGISTERS == 32 ? 4 : 2) /* 16 accumulators of 32 registers, or 8 of 16 */

#define SC_T(name) double_##name
#define double_number double
#define double_pack real
#define double_LANES SC_LANES
#define double_TILE 32 /* inputs of a tile: what the registers of AVX-512 hold */
#define double_set r_set
#define double_load r_load
#define double_store r_store
#define double_fma r_fma
#define double_max r_max
#define double_widen r_load
#include "network/tile.h"
#undef SC_T

#define float_TILE 64

#define SC_T(name) float_##name
#define float_number float
#define float_pack freal
#define float_LANES SC_FLANES
#define float_set f_set
#define float_load f_load
#define float_store f_store
#define float_fma f_fma
#define float_max f_max
#define float_widen r_load_float
#include "network/tile.h"
#undef SC_T

void SC_KERNEL(sc_experiment)(const sc_experiment *e, int single, uint64_t item, void *space,
                              sc_keep_going keep_going, void *state, double *kl, double *squared,
                              double *occupancy)
{
    if (single)
        float_experiment(e, item, space, keep_going, state, kl, squared, occupancy);
    else
        double_experiment(e, item, space, keep_going, state, kl, squared, occupancy);
}

size_t SC_KERNEL(sc_experiment_space)(const sc_experiment *e, int single)
{
    const size_t number = single ? sizeof(float) : sizeof(double), d = (size_t)e->input_dim,
                 pairs = ((size_t)e->width_count + 1) / 2;
    const size_t padded = ((size_t)e->inputs + float_TILE - 1) / float_TILE * float_TILE;
    const size_t numbers =
        SC_ATOMS * d + padded * d + padded * (2 * pairs + 1) + SC_ATOMS * float_TILE + SC_ATOMS;
    return sizeof(sc_chunk) + numbers * number
           + pairs * (single ? sizeof(float_pair) : sizeof(double_pair)) + 64
           + SC_ATOMS * d * sizeof(double) + 2 * pairs * sizeof(sc_thinning);
}

/* Samples of network `item`: inputs, labels (0 or 1), the probability p of a 1, and the offset in
   d_KL(Bern(sigma F) || Bern(sigma f)) = offset - p f + softplus(f), which a learner's error
   needs. */
int SC_KERNEL(sc_samples)(const sc_experiment *e, int single, uint64_t item, int fresh,
                          uint64_t first, void *space, sc_keep_going keep_going, void *state,
                          void *inputs, void *labels, double *probability, double *offset)
{
    const sc_purpose purpose = fresh ? SC_FOR_FRESH_INPUTS : SC_FOR_INPUTS;
    const sc_stream label_stream = {e->key, item, SC_FOR_LABELS};
    if (single ? !float_samples(e, item, purpose, first, space, keep_going, state, inputs, labels)
               : !double_samples(e, item, purpose, first, space, keep_going, state, inputs, labels))
        return 0;
    for (int i = 0; i < e->inputs; i += SC_LANES) {
        const real F = single ? r_load_float((const float *)labels + i)
                              : r_load((const double *)labels + i),
                   p = sc_sigmoid(F);
        r_store(probability + i, p);
        r_store(offset + i, r_fma(p, F, -sc_softplus(F)));
    }
    for (int i = 0; i < e->inputs; i += SC_GROUP) {
        double uniform[SC_GROUP];
        sc_fill_uniform(&label_stream, (first + (uint64_t)i) / SC_GROUP, 1, uniform);
        for (int j = i; j < i + SC_GROUP; j++)
            if (single)
                ((float *)labels)[j] = uniform[j - i] < probability[j];
            else
                ((double *)labels)[j] = uniform[j - i] < probability[j];
    }
    return 1;
}

size_t SC_KERNEL(sc_samples_space)(int input_dim, int count)
{
    return sizeof(sc_chunk)
           + sizeof(double)
                 * (SC_ATOMS * (2 * (size_t)input_dim + 1) + (size_t)count * (size_t)input_dim);
}

double SC_KERNEL(sc_atoms)(const sc_experiment *e, uint64_t item, uint64_t chunk_number,
                           double left, double *masses, double *scales, double *directions)
{
    sc_chunk c;
    sc_chunk_start(&c);
    c.number = chunk_number;
    c.mass_after = left;
    sc_chunk_next(&c, e, item, directions);
    memcpy(masses, c.mass, sizeof c.mass);
    memcpy(scales, c.scale, sizeof c.scale);
    return c.mass_after;
}

void SC_KERNEL(sc_logits64)(const double *directions, const double *weights, ptrdiff_t atoms,
                            int grouped, int d, const double *X, ptrdiff_t count, double *out,
                            void *space)
{
    double_logits(directions, weights, atoms, grouped, d, X, count, out, space);
}

void SC_KERNEL(sc_logits32)(const float *directions, const float *weights, ptrdiff_t atoms,
                            int grouped, int d, const float *X, ptrdiff_t count, float *out,
                            void *space)
{
    float_logits(directions, weights, atoms, grouped, d, X, count, out, space);
}

size_t SC_KERNEL(sc_logits_space)(int d)
{
    return sizeof(double)
           * ((size_t)SC_ATOMS * ((size_t)d + 1) + (size_t)float_TILE * SC_TILES * ((size_t)d + 1));
}

void SC_KERNEL(sc_philox)(const uint32_t counter[4], uint64_t key, uint32_t out[4])
{
    bits c[4];
    for (int i = 0; i < 4; i++)
        c[i] = b_set(counter[i]);
    sc_philox(c, key);
    for (int i = 0; i < 4; i++) {
        uint64_t lanes[SC_LANES];
        memcpy(lanes, &c[i], sizeof lanes);
        out[i] = (uint32_t)lanes[SC_LANES - 1];
    }
}

void SC_KERNEL(sc_numbers)(int kind, uint64_t key, uint64_t item, uint32_t purpose, uint64_t first,
                           int groups, double *out)
{
    const sc_stream stream = {key, item, purpose};
    switch (kind) {
    case SC_EXPONENTIAL: sc_fill_exponential(&stream, first, groups, out); break;
    case SC_NORMAL: sc_fill_normal(&stream, first, groups, out); break;
    case SC_SIGN: sc_fill_sign(&stream, first, groups, out); break;
    default: sc_fill_uniform(&stream, first, groups, out);
    }
}

double SC_KERNEL(sc_binomial)(uint64_t key, uint64_t item, double n, double p)
{
    sc_sequence uniforms = sc_sequence_of((sc_stream){key, item, SC_FOR_DRAWS});
    return sc_binomial(&uniforms, n, p);
}

double SC_KERNEL(sc_poisson)(uint64_t key, uint64_t item, const double *mean, int count,
                             double *out)
{
    sc_sequence uniforms = sc_sequence_of((sc_stream){key, item, SC_FOR_DRAWS});
    return sc_fill_poisson(&uniforms, mean, count, out);
}

void SC_KERNEL(sc_draws)(const sc_experiment *e, uint64_t item, double *masses, double *counts)
{
    SC_ALIGNED double directions[SC_ATOMS];
    sc_chunk c;
    sc_thinning t;
    sc_chunk_start(&c);
    sc_thinning_start(&t, e, item, 0);
    sc_chunk_next(&c, e, item, directions);
    const uint64_t drawn = sc_thin_chunk(&t, &c);
    for (int a = 0; a < SC_ATOMS; a++) {
        masses[a] = c.mass[a];
        counts[a] = drawn >> a & 1 ? t.count[a] : 0.0;
    }
}

/* Chains side by side: four cycles for a result, two units, and on x86 with 16 registers all of
   them but four. */
#define SC_CHAINS 12

double SC_KERNEL(sc_multiply_adds)(long repeats, int single, double *sink)
{
    double lanes[SC_LANES];
    float flanes[SC_FLANES];
    if (single) {
        freal a[SC_CHAINS];
        for (int i = 0; i < SC_CHAINS; i++)
            a[i] = f_set((float)i);
        for (long r = 0; r < repeats; r++)
            for (int i = 0; i < SC_CHAINS; i++)
                a[i] = f_fma(a[i], f_set(0.99999f), f_set(1e-5f));
        for (int i = 1; i < SC_CHAINS; i++)
            a[0] = a[0] + a[i];
        f_store(flanes, a[0]);
        *sink = flanes[0];
        return 2.0 * SC_CHAINS * SC_FLANES * (double)repeats;
    }
    real a[SC_CHAINS];
    for (int i = 0; i < SC_CHAINS; i++)
        a[i] = r_set(i);
    for (long r = 0; r < repeats; r++)
        for (int i = 0; i < SC_CHAINS; i++)
            a[i] = r_fma(a[i], r_set(0.99999), r_set(1e-5));
    for (int i = 1; i < SC_CHAINS; i++)
        a[0] = a[0] + a[i];
    r_store(lanes, a[0]);
    *sink = lanes[0];
    return 2.0 * SC_CHAINS * SC_LANES * (double)repeats;
}
