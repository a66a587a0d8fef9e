/* Network evaluation in one precision: included once for double and once for float, with SC_T(name)
 * giving the names.
 *
 * h = max(w.x, 0) for four atoms and a few packs of inputs stays in registers; only the weighted
 * sums leave them, and, for atoms that a width-n network drew, the rows of h that its own sums
 * need. Never the matrix of atoms x inputs. Inputs lie in tiles of SC_T(TILE):
 * [tile][coordinate][input]; atoms in groups of four: [group][coordinate][atom].
 */

#define PACKS (SC_T(TILE) / SC_T(LANES) < SC_TILE_PACKS ? SC_T(TILE) / SC_T(LANES) : SC_TILE_PACKS)
#define STRIP (PACKS * SC_T(LANES)) /* inputs in registers at a time */

SC_INLINE void SC_T(activations)(const SC_T(number) * x, const SC_T(number) * w, int d,
                                 SC_T(pack) h[4][PACKS])
{
    const SC_T(pack) zero = SC_T(set)(0);
    for (int p = 0; p < PACKS; p++) {
        const SC_T(pack) column = SC_T(load)(x + p * SC_T(LANES));
        for (int a = 0; a < 4; a++)
            h[a][p] = SC_T(set)(w[a]) * column;
    }
    for (int k = 1; k < d; k++) {
        x += SC_T(TILE);
        w += 4;
        /* the next group's rows: too short for the processor's own prefetching */
        SC_PREFETCH(w + 4 * d);

        for (int p = 0; p < PACKS; p++) {
            const SC_T(pack) column = SC_T(load)(x + p * SC_T(LANES));
            for (int a = 0; a < 4; a++)
                h[a][p] = SC_T(fma)(SC_T(set)(w[a]), column, h[a][p]);
        }
    }
    for (int a = 0; a < 4; a++)
        for (int p = 0; p < PACKS; p++)
            h[a][p] = SC_T(max)(zero, h[a][p]); /* in this order NaN stays NaN */
}

/* sum += weights . h over all groups, for one strip of inputs. Groups that have a slot store their
   rows of h there. */
SC_INLINE void SC_T(strip)(const SC_T(number) * x, const SC_T(number) * w,
                           const SC_T(number) * weight, int groups, int d, const int *slot,
                           SC_T(number) * activations, SC_T(number) * sum)
{
    SC_T(pack) total[PACKS], h[4][PACKS];
    for (int p = 0; p < PACKS; p++)
        total[p] = SC_T(load)(sum + p * SC_T(LANES));
    for (int g = 0; g < groups; g++) {
        SC_T(activations)(x, w + (size_t)g * 4 * (size_t)d, d, h);
        for (int a = 0; a < 4; a++)
            for (int p = 0; p < PACKS; p++)
                total[p] = SC_T(fma)(SC_T(set)(weight[4 * g + a]), h[a][p], total[p]);
        if (slot && slot[g] >= 0)
            for (int a = 0; a < 4; a++)
                for (int p = 0; p < PACKS; p++)
                    SC_T(store)(activations + (4 * slot[g] + a) * STRIP + p * SC_T(LANES), h[a][p]);
    }
    for (int p = 0; p < PACKS; p++)
        SC_T(store)(sum + p * SC_T(LANES), total[p]);
}

/* The rows of h that two widths sum, with the weights of both: first those that both have drawn,
   then those of one alone. A row that both need is loaded once. */
typedef struct SC_T(pair) {
    int end[3]; /* where the rows of both, of the first alone, and of the second alone end */
    int row[SC_ATOMS];
    SC_T(number) weight[2][SC_ATOMS];
} SC_T(pair);

/* List them for a chunk of atoms; there may be no second width. */
static void SC_T(list_rows)(const sc_chunk *chunk, const sc_thinning *a, const sc_thinning *b,
                            const int *slot, SC_T(pair) * pair)
{
    const uint64_t second = b ? b->drawn : 0,
                   parts[3] = {a->drawn & second, a->drawn & ~second, second & ~a->drawn};
    const double a_share = 1.0 / a->n, b_share = b ? 1.0 / b->n : 0.0;
    int n = 0;
    for (int i = 0; i < 3; i++) {
        for (uint64_t left = parts[i]; left; left &= left - 1, n++) {
            const int atom = sc_lowest_bit(left);
            const double scale = chunk->scale[atom];
            pair->row[n] = 4 * slot[atom / 4] + atom % 4;
            pair->weight[0][n] = (SC_T(number))(scale * (a->count[atom] * a_share));
            if (b)
                pair->weight[1][n] = (SC_T(number))(scale * (b->count[atom] * b_share));
        }
        pair->end[i] = n;
    }
}

SC_INLINE void SC_T(add_row)(const SC_T(number) * h, SC_T(number) weight, SC_T(pack) total[PACKS])
{
    SC_UNROLL for (int p = 0; p < PACKS; p++) total[p] =
        SC_T(fma)(SC_T(set)(weight), SC_T(load)(h + p * SC_T(LANES)), total[p]);
}

/* Add the rows from `from` on and before `to` that one width alone needs. */
SC_INLINE void SC_T(add_rows)(const SC_T(number) * activations, const int *row,
                              const SC_T(number) * weight, int from, int to,
                              SC_T(pack) total[PACKS], SC_T(pack) other[PACKS])
{
    int i = from;
    for (; i + 1 < to; i += 2) {
        SC_T(add_row)(activations + row[i] * STRIP, weight[i], total);
        SC_T(add_row)(activations + row[i + 1] * STRIP, weight[i + 1], other);
    }
    if (i < to)
        SC_T(add_row)(activations + row[i] * STRIP, weight[i], total);
}

/* a and b += their sums of weight * stored row of h */
SC_INLINE void SC_T(rows)(const SC_T(number) * activations, const SC_T(pair) * pair,
                          SC_T(number) * a, SC_T(number) * b)
{
    /* two chains of additions each: with one, every addition would wait for the one before */
    SC_T(pack) a_sum[PACKS], a_other[PACKS], b_sum[PACKS], b_other[PACKS];
    const int both = pair->end[0], end = pair->end[2];
    const int *row = pair->row;
    const SC_T(number) *v = pair->weight[0], *w = pair->weight[1];
    SC_UNROLL for (int p = 0; p < PACKS; p++)
    {
        a_sum[p] = SC_T(load)(a + p * SC_T(LANES));
        b_sum[p] = SC_T(load)(b + p * SC_T(LANES));
        a_other[p] = SC_T(set)(0);
        b_other[p] = SC_T(set)(0);
    }
    int i = 0;
    for (; i + 1 < both; i += 2) {
        const SC_T(number) *h = activations + row[i] * STRIP,
                           *next = activations + row[i + 1] * STRIP;
        SC_T(add_row)(h, v[i], a_sum);
        SC_T(add_row)(h, w[i], b_sum);
        SC_T(add_row)(next, v[i + 1], a_other);
        SC_T(add_row)(next, w[i + 1], b_other);
    }
    if (i < both) {
        SC_T(add_row)(activations + row[i] * STRIP, v[i], a_sum);
        SC_T(add_row)(activations + row[i] * STRIP, w[i], b_sum);
    }
    SC_T(add_rows)(activations, row, v, both, pair->end[1], a_sum, a_other);
    SC_T(add_rows)(activations, row, w, pair->end[1], end, b_sum, b_other);
    SC_UNROLL for (int p = 0; p < PACKS; p++)
    {
        SC_T(store)(a + p * SC_T(LANES), a_sum[p] + a_other[p]);
        SC_T(store)(b + p * SC_T(LANES), b_sum[p] + b_other[p]);
    }
}

/* Put atoms (row-major directions) into groups; returns how many groups there are. */
static int SC_T(group_atoms)(const SC_T(number) * directions, const SC_T(number) * weights,
                             int atoms, int d, SC_T(number) * w, SC_T(number) * weight)
{
    const int groups = (atoms + 3) / 4;
    for (int a = 0; a < 4 * groups; a++) {
        /* units that only fill up a group have weight 0 */
        const SC_T(number) *row = directions + (ptrdiff_t)(a < atoms ? a : 0) * d;
        SC_T(number) *to = w + (size_t)(a / 4) * 4 * (size_t)d + a % 4;
        weight[a] = a < atoms ? weights[a] : 0;
        for (int k = 0; k < d; k++)
            to[4 * k] = row[k];
    }
    return groups;
}

/* Logits of `count` inputs (row-major) for a network of given atoms: row-major directions, or, if
   `grouped`, whole groups. */
static void SC_T(logits)(const SC_T(number) * directions, const SC_T(number) * weights,
                         ptrdiff_t atoms, int grouped, int d, const SC_T(number) * X,
                         ptrdiff_t count, SC_T(number) * out, SC_T(number) * workspace)
{
    SC_T(number) *const own = workspace, *const own_weight = own + (size_t)SC_ATOMS * (size_t)d,
                        *const x = own_weight + SC_ATOMS,
                        *const sum = x + (size_t)SC_T(TILE) * (size_t)d * SC_TILES;
    for (ptrdiff_t first = 0; first < count; first += SC_T(TILE) * SC_TILES) {
        const int inputs =
            count - first < SC_T(TILE) * SC_TILES ? (int)(count - first) : SC_T(TILE) * SC_TILES;
        const int tiles = (inputs + SC_T(TILE) - 1) / SC_T(TILE);
        for (int i = 0; i < tiles * SC_T(TILE); i++) {
            /* inputs that only fill up the last tile are a copy of the first, and their results are
               not read */
            const SC_T(number) *row = X + (first + (i < inputs ? i : 0)) * d;
            SC_T(number) *to =
                x + (size_t)(i / SC_T(TILE)) * (size_t)d * SC_T(TILE) + i % SC_T(TILE);
            sum[i] = 0;
            for (int k = 0; k < d; k++)
                to[(ptrdiff_t)k * SC_T(TILE)] = row[k];
        }
        for (ptrdiff_t j = 0; j < atoms; j += SC_ATOMS) {
            const int present = atoms - j < SC_ATOMS ? (int)(atoms - j) : SC_ATOMS;
            const SC_T(number) *w = directions + j * d, *weight = weights + j;
            int groups = present / 4;
            if (!grouped) {
                groups = SC_T(group_atoms)(w, weight, present, d, own, own_weight);
                w = own;
                weight = own_weight;
            }
            for (int t = 0; t < tiles; t++)
                for (int s = 0; s < SC_T(TILE); s += STRIP)
                    SC_T(strip)(x + (size_t)t * (size_t)d * SC_T(TILE) + s, w, weight, groups, d,
                                NULL, NULL, sum + t * SC_T(TILE) + s);
        }
        memcpy(out + first, sum, (size_t)inputs * sizeof *out);
    }
}

/* Inputs first ... first + padded - 1 of a stream, in tiles. Both precisions get the same numbers,
   though their tiles differ. */
static void SC_T(draw_inputs)(const sc_stream *stream, uint64_t first, int padded, int d,
                              SC_T(number) * x)
{
    for (int i = 0; i < padded; i += SC_INPUTS)
        for (int k = 0; k < d; k++) {
            double numbers[SC_INPUTS];
            SC_T(number) *to = x + ((size_t)(i / SC_T(TILE)) * (size_t)d + (size_t)k) * SC_T(TILE)
                               + i % SC_T(TILE);
            sc_fill_normal(stream,
                           ((first + (uint64_t)i) / SC_INPUTS * (uint64_t)d + (uint64_t)k)
                               * (SC_INPUTS / SC_GROUP),
                           SC_INPUTS / SC_GROUP, numbers);
            for (int j = 0; j < SC_INPUTS; j++)
                to[j] = (SC_T(number))numbers[j];
        }
}

SC_INLINE void SC_T(convert_atoms)(const sc_chunk *chunk, const double *normals, int d,
                                   SC_T(number) * w, SC_T(number) * weight)
{
    for (int a = 0; a < SC_ATOMS * d; a++)
        w[a] = (SC_T(number))normals[a];
    for (int a = 0; a < SC_ATOMS; a++)
        weight[a] = (SC_T(number))(chunk->scale[a] * chunk->mass[a]);
}

/* Inputs first ... first + e->inputs - 1 (whole tiles) of network `item`, row after row, and its
   logits. Returns 0 if keep_going stopped the work. */
static int SC_T(samples)(const sc_experiment *e, uint64_t item, sc_purpose purpose, uint64_t first,
                         void *space, sc_keep_going keep_going, void *state, SC_T(number) * rows,
                         SC_T(number) * logits)
{
    const int d = e->input_dim, tiles = e->inputs / SC_T(TILE);
    sc_chunk *chunk = space;
    double *normals = (double *)(chunk + 1);
    SC_T(number) *w = (SC_T(number) *)(normals + (size_t)SC_ATOMS * (size_t)d),
                 *weight = w + (size_t)SC_ATOMS * (size_t)d;
    SC_T(number) *x = weight + SC_ATOMS;
    SC_T(draw_inputs)(&(sc_stream){e->key, item, purpose}, first, e->inputs, d, x);
    memset(logits, 0, (size_t)e->inputs * sizeof *logits);
    sc_chunk_start(chunk);
    chunk->wanted = 0;
    while (sc_chunk_next(chunk, e, item, normals)) {
        if (keep_going && !keep_going(state))
            return 0;
        SC_T(convert_atoms)(chunk, normals, d, w, weight);
        for (int t = 0; t < tiles; t++)
            for (int s = 0; s < SC_T(TILE); s += STRIP)
                SC_T(strip)(x + (size_t)t * (size_t)d * SC_T(TILE) + s, w, weight, SC_ATOMS / 4, d,
                            NULL, NULL, logits + t * SC_T(TILE) + s);
    }
    for (int i = 0; i < e->inputs; i++)
        for (int k = 0; k < d; k++)
            rows[(size_t)i * (size_t)d + (size_t)k] =
                x[((size_t)(i / SC_T(TILE)) * (size_t)d + (size_t)k) * SC_T(TILE) + i % SC_T(TILE)];
    return 1;
}

/* Means over the inputs of d_KL(Bern(sigma F) || Bern(sigma F~)) and of (F - F~)^2, for every
   width. What they take of F alone is computed once. F~ lies as [tile][`each` widths][input]. */
static void SC_T(compare)(const SC_T(number) * sum, const SC_T(number) * thinned, int each,
                          int inputs, int widths, double *kl, double *squared)
{
    for (int w = 0; w < widths; w++)
        kl[w] = squared[w] = 0.0;
    for (int first = 0; first < inputs; first += SC_COMPARED) {
        sc_kl_from of_whole[SC_COMPARED / SC_LANES];
        const int count = inputs - first < SC_COMPARED ? inputs - first : SC_COMPARED;
        for (int i = 0; i < count; i += SC_LANES)
            of_whole[i / SC_LANES] = sc_kl_prepare(SC_T(widen)(sum + first + i));
        for (int w = 0; w < widths; w++) {
            const SC_T(number) *other =
                thinned + (size_t)first * (size_t)each + (size_t)w * SC_T(TILE);
            sc_kl_sum kl_sum = sc_kl_start();
            real square_sum = r_set(0.0);
            for (int i = 0; i < count; i += SC_LANES) {
                const real F = SC_T(widen)(sum + first + i),
                           f = SC_T(widen)(other + i % SC_T(TILE));
                /* the last tile is padded: leave out what pads it */
                const mask real_input = r_lt(r_lane_numbers(), r_set(count - i));
                kl_sum = sc_kl_add(kl_sum, real_input, F, of_whole[i / SC_LANES], f);
                square_sum = square_sum + r_select(real_input, (F - f) * (F - f), r_set(0.0));
                if ((i + SC_LANES) % SC_T(TILE) == 0)
                    other += each * SC_T(TILE);
            }
            kl[w] += sc_kl_total(kl_sum) / inputs;
            squared[w] += sum_of_lanes(square_sum) / inputs;
        }
    }
}

/* One network's share of the Monte Carlo; see sc_experiment in engine.h. */
static void SC_T(experiment)(const sc_experiment *e, uint64_t item, void *space,
                             sc_keep_going keep_going, void *state, double *kl, double *squared,
                             double *occupancy)
{
    const int d = e->input_dim, tiles = (e->inputs + SC_T(TILE) - 1) / SC_T(TILE),
              padded = tiles * SC_T(TILE);
    sc_chunk *chunk = space;
    SC_T(number) *w = (SC_T(number) *)(chunk + 1), *x = w + (size_t)SC_ATOMS * (size_t)d,
                 *sum = x + (size_t)padded * (size_t)d;
    const int pairs = (e->width_count + 1) / 2, each = 2 * pairs;
    SC_T(number) *thinned = sum + padded, *activations = thinned + (size_t)padded * (size_t)each,
                 *weight = activations + SC_ATOMS * STRIP;
    SC_T(pair) *pair = (SC_T(pair) *)(weight + SC_ATOMS);
    double *normals = (double *)(((uintptr_t)(pair + pairs) + 63) & ~(uintptr_t)63);
    sc_thinning *thinning = (sc_thinning *)(normals + SC_ATOMS * (size_t)d);

    SC_T(draw_inputs)(&(sc_stream){e->key, item, SC_FOR_INPUTS}, 0, padded, d, x);
    memset(sum, 0, (size_t)padded * (size_t)(each + 1) * sizeof *sum);
    sc_chunk_start(chunk);
    for (int i = 0; i < e->width_count; i++)
        sc_thinning_start(&thinning[i], e, item, i);

    while (sc_chunk_next(chunk, e, item, normals)) {
        if (keep_going && !keep_going(state))
            return;
        SC_T(convert_atoms)(chunk, normals, d, w, weight);
        int slot[SC_ATOMS / 4], slots = 0;
        uint64_t drawn = 0;
        chunk->wanted = 0;
        for (int i = 0; i < e->width_count; i++) {
            drawn |= sc_thin_chunk(&thinning[i], chunk);
            chunk->wanted |= thinning[i].unplaced > 0;
        }
        for (int g = 0; g < SC_ATOMS / 4; g++)
            slot[g] = drawn >> 4 * g & 15 ? slots++ : -1;
        for (int i = 0; i < pairs; i++)
            SC_T(list_rows)(chunk, &thinning[2 * i],
                            2 * i + 1 < e->width_count ? &thinning[2 * i + 1] : NULL, slot,
                            &pair[i]);
        for (int t = 0; t < tiles; t++)
            for (int s = 0; s < SC_T(TILE); s += STRIP) {
                const int place = t * SC_T(TILE) + s;
                SC_T(strip)(x + (size_t)t * (size_t)d * SC_T(TILE) + s, w, weight, SC_ATOMS / 4, d,
                            slot, activations, sum + place);
                /* sums of all widths lie together: a tile apart, they would share a few sets of the
                   cache */
                SC_T(number) *to = thinned + (size_t)t * (size_t)each * SC_T(TILE) + s;
                for (int i = 0; i < pairs; i++, to += 2 * SC_T(TILE))
                    if (pair[i].end[2])
                        SC_T(rows)(activations, &pair[i], to, to + SC_T(TILE));
            }
    }
    for (int i = 0; i < e->width_count; i++)
        occupancy[i] = thinning[i].occupancy;
    SC_T(compare)(sum, thinned, each, e->inputs, e->width_count, kl, squared);
}

#undef PACKS
#undef STRIP
