/* Logits and gradients of the log-likelihood in one precision: included once for double and once
 * for float, with SC_T(name) giving the names.
 *
 * Samples lie in blocks, [coordinate][sample], and a block's inputs and its activations g.x (before
 * the maximum) stay in cache between the way forward and the way back. Atoms are in groups of four:
 * [group][coordinate][atom]. The way back needs one sum for each atom,
 *
 *     v_j = sum_t e_t 1[g_j.x_t > 0] x_t,     e_t = d log P(y_t) / d F(x_t),
 *
 * from which follow the gradients by its weight, w_j.v_j / |g_j|, and by its direction.
 */

#define PACKS (SC_REGISTERS == 32 ? 4 : 2)
#define STRIP (PACKS * SC_T(LANES)) /* samples in registers at a time: divides a block */
/* coordinates of v whose sums stay in registers, for two atoms */
#define COORDINATES (SC_REGISTERS == 32 ? 10 : 5)

SC_INLINE void SC_T(project)(const SC_T(number) * x, int block, const SC_T(number) * w, int d,
                             SC_T(pack) h[4][PACKS])
{
    for (int p = 0; p < PACKS; p++) {
        const SC_T(pack) column = SC_T(load)(x + p * SC_T(LANES));
        for (int a = 0; a < 4; a++)
            h[a][p] = SC_T(set)(w[a]) * column;
    }
    for (int k = 1; k < d; k++) {
        x += block;
        w += 4;
        for (int p = 0; p < PACKS; p++) {
            const SC_T(pack) column = SC_T(load)(x + p * SC_T(LANES));
            for (int a = 0; a < 4; a++)
                h[a][p] = SC_T(fma)(SC_T(set)(w[a]), column, h[a][p]);
        }
    }
}

/* logits += weights . max(w.x, 0) for a block. Rows of w.x go to `activations` if that is not
   NULL. */
static void SC_T(forward)(const SC_T(number) * x, int block, const SC_T(number) * w,
                          const SC_T(number) * weight, int groups, int d,
                          SC_T(number) * activations, SC_T(number) * logits)
{
    const SC_T(pack) zero = SC_T(set)(0);
    for (int s = 0; s < block; s += STRIP) {
        SC_T(pack) total[PACKS], h[4][PACKS];
        for (int p = 0; p < PACKS; p++)
            total[p] = SC_T(load)(logits + s + p * SC_T(LANES));
        for (int g = 0; g < groups; g++) {
            SC_T(project)(x + s, block, w + (size_t)g * 4 * (size_t)d, d, h);
            if (activations)
                for (int a = 0; a < 4; a++)
                    for (int p = 0; p < PACKS; p++)
                        SC_T(store)(activations + (size_t)(4 * g + a) * (size_t)block + s
                                        + p * SC_T(LANES),
                                    h[a][p]);
            for (int a = 0; a < 4; a++)
                for (int p = 0; p < PACKS; p++)
                    total[p] =
                        SC_T(fma)(SC_T(set)(weight[4 * g + a]), SC_T(max)(zero, h[a][p]), total[p]);
        }
        for (int p = 0; p < PACKS; p++)
            SC_T(store)(logits + s + p * SC_T(LANES), total[p]);
    }
}

/* Add a block's share of n coordinates of v for two atoms to sums [coordinate][atom of the
   two][lane]. */
SC_INLINE void SC_T(pull)(const SC_T(number) * x, int block, const SC_T(number) * pull,
                          const SC_T(number) * activations, int n, SC_T(number) * sums)
{
    SC_T(pack) v[2][COORDINATES];
    for (int k = 0; k < n; k++)
        for (int a = 0; a < 2; a++)
            v[a][k] = SC_T(load)(sums + (2 * k + a) * SC_T(LANES));
    for (int s = 0; s < block; s += SC_T(LANES)) {
        const SC_T(pack) e = SC_T(load)(pull + s);
        const SC_T(pack) first = SC_T(where_positive)(SC_T(load)(activations + s), e),
                         second = SC_T(where_positive)(SC_T(load)(activations + block + s), e);
        for (int k = 0; k < n; k++) {
            const SC_T(pack) column = SC_T(load)(x + k * block + s);
            v[0][k] = SC_T(fma)(first, column, v[0][k]);
            v[1][k] = SC_T(fma)(second, column, v[1][k]);
        }
    }
    for (int k = 0; k < n; k++)
        for (int a = 0; a < 2; a++)
            SC_T(store)(sums + (2 * k + a) * SC_T(LANES), v[a][k]);
}

/* The way back for a block: sums [pair of atoms][coordinate][atom of the two][lane]. */
static void SC_T(backward)(const SC_T(number) * x, int block, const SC_T(number) * pull,
                           const SC_T(number) * activations, int atoms, int d, SC_T(number) * sums)
{
    for (int j = 0; j < atoms; j += 2) {
        const SC_T(number) *rows = activations + (size_t)j * (size_t)block;
        SC_T(number) *to = sums + (size_t)j * (size_t)d * SC_T(LANES);
        int k = 0; /* in constant lengths, so that sums are in registers */
        for (; d - k >= COORDINATES; k += COORDINATES)
            SC_T(pull)(x + (ptrdiff_t)k * block, block, pull, rows, COORDINATES,
                       to + (ptrdiff_t)2 * k * SC_T(LANES));
        for (; d - k >= COORDINATES / 2; k += COORDINATES / 2)
            SC_T(pull)(x + (ptrdiff_t)k * block, block, pull, rows, COORDINATES / 2,
                       to + (ptrdiff_t)2 * k * SC_T(LANES));
        for (; k < d; k++)
            SC_T(pull)(x + (ptrdiff_t)k * block, block, pull, rows, 1,
                       to + (ptrdiff_t)2 * k * SC_T(LANES));
    }
}

/* v += the lanes of the sums, which become 0: [atom][coordinate] in double. */
static void SC_T(flush)(SC_T(number) * sums, int atoms, int d, double *v)
{
    for (int j = 0; j < atoms; j++)
        for (int k = 0; k < d; k++) {
            SC_T(number) *lanes =
                sums
                + ((size_t)(j / 2) * 2 * (size_t)d + 2 * (size_t)k + (size_t)(j % 2)) * SC_T(LANES);
            double sum = 0.0;
            for (int l = 0; l < SC_T(LANES); l++) {
                sum += (double)lanes[l];
                lanes[l] = 0;
            }
            v[(size_t)j * (size_t)d + (size_t)k] += sum;
        }
}

/* e = z sigma(-z F) in place of the logits F, z the label as +1 or -1, 0 for no sample; returns
   sum e tail. */
static double SC_T(residuals)(SC_T(number) * logits, const float *z, const SC_T(number) * tail,
                              int block)
{
    SC_T(pack) sum = SC_T(set)(0);
    SC_T(number) lanes[SC_T(LANES)];
    double total = 0.0;
    for (int s = 0; s < block; s += SC_T(LANES)) {
        const SC_T(pack) label = SC_T(load_single)(z + s),
                         e = label * SC_T(sigmoid)(SC_T(set)(0) - label * SC_T(load)(logits + s));
        SC_T(store)(logits + s, e);
        sum = SC_T(fma)(e, SC_T(load)(tail + s), sum);
    }
    SC_T(store)(lanes, sum);
    for (int l = 0; l < SC_T(LANES); l++)
        total += (double)lanes[l];
    return total;
}

#undef PACKS
#undef STRIP
#undef COORDINATES
