/* The truth and its samples: the same network, inputs and labels as training's repeat `item` in
 * single precision, drawn from the same streams.
 */
#ifndef SC_POSTERIOR_HISTORY_H
#define SC_POSTERIOR_HISTORY_H

#include "posterior/evaluate.h"

/* Groups of random numbers that a chain may use: SC_GROUP << SC_CHAIN_BITS numbers. */
#define SC_CHAIN_BITS 40

SC_INLINE sc_stream sc_chain_stream(const sc_work *w, sc_purpose purpose)
{
    return (sc_stream){w->p->key, w->p->item, purpose};
}

/* The next numbers of the chain itself. */
static void sc_chain_normals(sc_work *w, double *out, ptrdiff_t count)
{
    const sc_stream stream = sc_chain_stream(w, SC_FOR_CHAINS);
    double group[SC_GROUP];
    for (ptrdiff_t i = 0; i < count; i += SC_GROUP) {
        sc_fill_normal(&stream, w->next_group++, 1, group);
        memcpy(out + i, group,
               (size_t)(count - i < SC_GROUP ? count - i : SC_GROUP) * sizeof *group);
    }
}

SC_INLINE double sc_chain_uniform(sc_work *w) { return sc_next_uniform(&w->uniforms); }

static void sc_chain_streams(sc_work *w)
{
    w->next_group = w->p->place << SC_CHAIN_BITS;
    w->uniforms = sc_sequence_of(sc_chain_stream(w, SC_FOR_CHAIN_CHOICES));
    w->uniforms.group = w->p->place << SC_CHAIN_BITS;
}

/* Inputs first ... of a stream into blocks (see draw_inputs in network/tile.h). */
static void sc_chain_inputs(sc_work *w, sc_purpose purpose, uint64_t first, sc_blocks *to)
{
    const sc_stream stream = sc_chain_stream(w, purpose);
    const uint64_t d = (uint64_t)w->d;
    for (ptrdiff_t i = 0; i < to->count * w->block; i += SC_INPUTS)
        for (int k = 0; k < w->d; k++) {
            double numbers[SC_INPUTS];
            float *row = to->inputs + (i / w->block * w->d + k) * w->block + i % w->block;
            sc_fill_normal(&stream,
                           ((first + (uint64_t)i) / SC_INPUTS * d + (uint64_t)k)
                               * (SC_INPUTS / SC_GROUP),
                           SC_INPUTS / SC_GROUP, numbers);
            for (int j = 0; j < SC_INPUTS; j++)
                row[j] = (float)numbers[j];
        }
}

/* The truth's sticks as a position: what the engine's sc_atoms gives, with an angle for each
   exponential. */
static void sc_true_position(sc_work *w)
{
    const int J = w->sticks, d = w->d;
    const sc_stream sticks = sc_chain_stream(w, SC_FOR_STICKS),
                    signs = sc_chain_stream(w, SC_FOR_SIGNS),
                    directions = sc_chain_stream(w, SC_FOR_DIRECTIONS);
    double *a = sc_stick_a(w->position), *b = sc_stick_b(w->position, J),
           *g = sc_vectors(w->position, J), group[SC_GROUP], more[SC_GROUP];
    for (int j = 0; j < J; j += SC_GROUP) {
        const size_t bytes = (size_t)(J - j < SC_GROUP ? J - j : SC_GROUP) * sizeof *group;
        sc_fill_exponential(&sticks, (uint64_t)j / SC_GROUP, 1, group);
        memcpy(w->exponential + j, group, bytes);
        sc_fill_sign(&signs, (uint64_t)j / SC_GROUP, 1, more);
        memcpy(w->sign + j, more, bytes);
    }
    for (ptrdiff_t i = 0; i < (ptrdiff_t)J * d; i += SC_GROUP) {
        const ptrdiff_t here = (ptrdiff_t)J * d - i < SC_GROUP ? (ptrdiff_t)J * d - i : SC_GROUP;
        sc_fill_normal(&directions, (uint64_t)i / SC_GROUP, 1, group);
        memcpy(g + i, group, (size_t)here * sizeof *group);
    }
    sc_chain_normals(w, a, J); /* a pair of normals has a uniform angle, whatever its length */
    sc_chain_normals(w, b, J);
    for (int j = 0; j < J; j++) {
        const double scale = sqrt(2.0 * w->exponential[j] / (a[j] * a[j] + b[j] * b[j]));
        a[j] *= scale;
        b[j] *= scale;
    }
}

/* Add the sticks beyond J to the tails of both kinds of inputs; also sum their squared masses. */
static int sc_true_tail(sc_work *w, double *squared_masses)
{
    const sc_experiment e = {
        w->p->key, w->p->input_dim, w->p->concentration, w->p->truncation, 0, 0, NULL};
    sc_blocks *const both[2] = {&w->data, &w->fresh};
    double *directions = w->block_atoms, weight[SC_ATOMS];
    sc_chunk chunk;
    int before = 0;
    sc_chunk_start(&chunk);
    chunk.wanted = 0;
    for (int n = 0; n < 2; n++)
        memset(both[n]->tail, 0, (size_t)(both[n]->count * w->block) * sizeof(double));
    for (; sc_chunk_next(&chunk, &e, w->p->item, directions); before += SC_ATOMS) {
        for (int a = 0; a < SC_ATOMS; a++) {
            const int told = before + a >= w->sticks;
            /* where J sticks leave nothing that a double can hold, nothing is told */
            weight[a] = told && w->left > 0.0 ? chunk.scale[a] * (chunk.mass[a] / w->left) : 0.0;
            *squared_masses += told ? chunk.mass[a] * chunk.mass[a] : 0.0;
        }
        if (before + SC_ATOMS <= w->sticks)
            continue;
        for (int n = 0; n < 2; n++)
            for (ptrdiff_t i = 0; i < both[n]->count; i++) {
                const double *x =
                    sc_doubles_of_block(w, both[n]->inputs + i * (ptrdiff_t)w->block * w->d);
                if (!sc_chain_goes_on(w))
                    return 0;
                chain64_forward(x, w->block, directions, weight, SC_ATOMS / 4, w->d, NULL,
                                both[n]->tail + i * w->block);
            }
    }
    return 1;
}

/* Use the first `samples` samples only. */
static void sc_use_prefix(sc_work *w, ptrdiff_t samples)
{
    w->data.count = (samples + w->block - 1) / w->block;
    for (ptrdiff_t i = 0; i < w->data.count * w->block; i++)
        w->labels[i] = i < samples ? w->all_labels[i] : 0.0f;
}

/* Draw the truth, its samples and fresh inputs; the position is the truth afterwards. */
static int sc_draw_history(sc_work *w, double *second_moment)
{
    const sc_stream labels = sc_chain_stream(w, SC_FOR_LABELS);
    double squares = 0.0;
    sc_chain_inputs(w, SC_FOR_INPUTS, 0, &w->data);
    sc_chain_inputs(w, SC_FOR_FRESH_INPUTS, w->p->place << 20, &w->fresh);
    sc_true_position(w);
    sc_weigh_sticks(w);
    if (!sc_true_tail(w, &squares) || !sc_chain_logits(w, &w->data, w->logits)
        || !sc_chain_logits(w, &w->fresh, w->first_logits))
        return 0;
    for (ptrdiff_t i = 0; i < w->data.count * w->block; i += SC_GROUP) {
        double uniform[SC_GROUP], probability[SC_GROUP];
        sc_fill_uniform(&labels, (uint64_t)i / SC_GROUP, 1, uniform);
        for (int s = 0; s < SC_GROUP; s += SC_LANES)
            r_store(probability + s, sc_sigmoid(r_load(w->logits + i + s)));
        for (int s = 0; s < SC_GROUP; s++)
            w->all_labels[i + s] = uniform[s] < probability[s] ? 1.0f : -1.0f;
    }
    for (int j = 0; j < w->sticks; j++)
        squares += w->mass[j] * w->mass[j];
    *second_moment = (w->p->concentration + 1.0) * squares;
    sc_use_prefix(w, w->p->samples);
    return 1;
}

#endif
