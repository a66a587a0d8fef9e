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

/* sum += the sum over a list of weight * stored row of h */
SC_INLINE void SC_T(rows)(const SC_T(number) * activations, const int *row,
                          const SC_T(number) * weight, int count, SC_T(number) * sum)
{
    /* two chains of additions: with one, each would wait for the one before */
    SC_T(pack) total[PACKS], other[PACKS];
    for (int p = 0; p < PACKS; p++) {
        total[p] = SC_T(load)(sum + p * SC_T(LANES));
        other[p] = SC_T(set)(0);
    }
    int i = 0;
    for (; i + 1 < count; i += 2)
        for (int p = 0; p < PACKS; p++) {
            total[p] =
                SC_T(fma)(SC_T(set)(weight[i]),
                          SC_T(load)(activations + row[i] * STRIP + p * SC_T(LANES)), total[p]);
            other[p] =
                SC_T(fma)(SC_T(set)(weight[i + 1]),
                          SC_T(load)(activations + row[i + 1] * STRIP + p * SC_T(LANES)), other[p]);
        }
    if (i < count)
        for (int p = 0; p < PACKS; p++)
            total[p] =
                SC_T(fma)(SC_T(set)(weight[i]),
                          SC_T(load)(activations + row[i] * STRIP + p * SC_T(LANES)), total[p]);
    for (int p = 0; p < PACKS; p++)
        SC_T(store)(sum + p * SC_T(LANES), total[p] + other[p]);
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
    SC_T(number) *thinned = sum + padded,
                 *activations = thinned + (size_t)padded * (size_t)e->width_count,
                 *weight = activations + SC_ATOMS * STRIP;
    SC_T(number) *row_weight = weight + SC_ATOMS;
    double *normals =
        (double *)(((uintptr_t)(row_weight + (size_t)SC_ATOMS * (size_t)e->width_count) + 63)
                   & ~(uintptr_t)63);
    sc_thinning *thinning = (sc_thinning *)(normals + SC_ATOMS * (size_t)d);
    int *row = (int *)(thinning + e->width_count),
        *rows = row + (size_t)SC_ATOMS * (size_t)e->width_count;

    SC_T(draw_inputs)(&(sc_stream){e->key, item, SC_FOR_INPUTS}, 0, padded, d, x);
    memset(sum, 0, (size_t)padded * (size_t)(e->width_count + 1) * sizeof *sum);
    sc_chunk_start(chunk);
    for (int i = 0; i < e->width_count; i++)
        sc_thinning_start(&thinning[i], e, item, i);

    while (sc_chunk_next(chunk, e, item, normals)) {
        if (keep_going && !keep_going(state))
            return;
        SC_T(convert_atoms)(chunk, normals, d, w, weight);
        int slot[SC_ATOMS / 4], slots = 0, drawn[SC_ATOMS / 4] = {0};
        int more = 0;
        for (int i = 0; i < e->width_count; i++) {
            rows[i] = sc_thin_chunk(&thinning[i], chunk, row + (size_t)i * SC_ATOMS);
            more |= thinning[i].unplaced > 0;
            for (int r = 0; r < rows[i]; r++)
                drawn[row[i * SC_ATOMS + r] / 4] = 1;
        }
        chunk->wanted = more;
        for (int g = 0; g < SC_ATOMS / 4; g++)
            slot[g] = drawn[g] ? slots++ : -1;
        for (int i = 0; i < e->width_count; i++)
            for (int r = 0; r < rows[i]; r++) {
                const int a = row[i * SC_ATOMS + r];
                row_weight[i * SC_ATOMS + r] =
                    (SC_T(number))(chunk->scale[a] * (double)thinning[i].count[a] / thinning[i].n);
                row[i * SC_ATOMS + r] = 4 * slot[a / 4] + a % 4;
            }
        for (int t = 0; t < tiles; t++)
            for (int s = 0; s < SC_T(TILE); s += STRIP) {
                const int place = t * SC_T(TILE) + s;
                SC_T(strip)(x + (size_t)t * (size_t)d * SC_T(TILE) + s, w, weight, SC_ATOMS / 4, d,
                            slot, activations, sum + place);
                for (int i = 0; i < e->width_count; i++)
                    if (rows[i])
                        SC_T(rows)(activations, row + (size_t)i * SC_ATOMS,
                                   row_weight + (size_t)i * SC_ATOMS, rows[i],
                                   thinned + (size_t)i * (size_t)padded + place);
            }
    }
    for (int i = 0; i < e->width_count; i++) {
        occupancy[i] = thinning[i].occupancy;
        SC_T(compare)(sum, thinned + (size_t)i * (size_t)padded, e->inputs, &kl[i], &squared[i]);
    }
}

#undef PACKS
#undef STRIP
