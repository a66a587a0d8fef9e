/* Stochastic gradient descent, two samples a sweep. Included by learner.h.
 *
 * The first sample of a pair changes w to w + c1 x1 with c1 = -rate (sigma(f1) - y1) a 1[w.x1 > 0],
 * which changes the activation of the second by c1 (x1.x2). So both activations can be computed
 * from the weights before the pair, and both changes made in the sweep that computes the
 * activations of the next pair: a weight is read and written once for two samples. Pairs begin at
 * even samples, wherever a block was cut, so that cuts change no bit.
 *
 * Rows of a tile after a: the activations of the first sample, later c1 in their place; then w.x2,
 * later the activations of the second sample.
 */

/* If `learn`, learn from the pair before x, whose second slope is `slope`. Then, if `forward`,
   compute the activations of the pair x, x2. */
SC_INLINE SC_T(pack)
    SC_T(sgd_strip)(int packs, SC_T(number) *restrict w, ptrdiff_t stride, int learn, int forward,
                    int d, SC_T(number) slope, const SC_T(number) *restrict x,
                    const SC_T(number) *restrict x2)
{
    SC_T(pack) a[4], c1[4], c2[4], z1[4], z2[4], total = SC_T(set)(0);
    SC_T(number) *const outputs = w + d * stride, *const first = outputs + stride,
                        *const second = first + stride;
    const SC_T(number) *const previous = x - 2 * d;
    for (int p = 0; p < packs; p++) {
        a[p] = SC_T(load)(outputs + p * PACK);
        if (learn) {
            const SC_T(pack) h = SC_T(load)(second + p * PACK), s = SC_T(set)(slope);
            c1[p] = SC_T(load)(first + p * PACK);
            c2[p] = SC_T(where_positive)(h, s * a[p]);
            a[p] = SC_T(fma)(s, h, a[p]);
            SC_T(store)(outputs + p * PACK, a[p]);
        }
        z1[p] = z2[p] = SC_T(set)(0);
    }
    for (int k = 0; k < d; k++, w += stride) {
        SC_T(pack) weight[4];
        for (int p = 0; p < packs; p++)
            weight[p] = SC_T(load)(w + p * PACK);
        if (learn) {
            const SC_T(pack) s1 = SC_T(set)(previous[k]), s2 = SC_T(set)(previous[d + k]);
            for (int p = 0; p < packs; p++)
                weight[p] = SC_T(fma)(c2[p], s2, SC_T(fma)(c1[p], s1, weight[p]));
            for (int p = 0; p < packs; p++)
                SC_T(store)(w + p * PACK, weight[p]);
        }
        if (forward) {
            const SC_T(pack) x1k = SC_T(set)(x[k]), x2k = SC_T(set)(x2[k]);
            for (int p = 0; p < packs; p++)
                z1[p] = SC_T(fma)(weight[p], x1k, z1[p]);
            for (int p = 0; p < packs; p++)
                z2[p] = SC_T(fma)(weight[p], x2k, z2[p]);
        }
    }
    for (int p = 0; p < packs && forward; p++) {
        const SC_T(pack) h = SC_T(max)(SC_T(set)(0), z1[p]); /* in this order NaN stays NaN */
        SC_T(store)(first + p * PACK, h);
        SC_T(store)(second + p * PACK, z2[p]);
        total = SC_T(fma)(a[p], h, total);
    }
    return total;
}

/* Between the two samples of a pair: learn a, and find c1, from the first; correct the activations
   of the second. (w itself changes in the next sweep.) */
SC_INLINE SC_T(pack) SC_T(sgd_middle_strip)(int packs, SC_T(number) *restrict w, ptrdiff_t stride,
                                            int d, SC_T(number) slope, SC_T(number) product)
{
    SC_T(pack) total = SC_T(set)(0);
    SC_T(number) *const outputs = w + d * stride, *const first = outputs + stride,
                        *const second = first + stride;
    for (int p = 0; p < packs; p++) {
        const SC_T(pack) h1 = SC_T(load)(first + p * PACK), s = SC_T(set)(slope),
                         before = SC_T(load)(outputs + p * PACK);
        const SC_T(pack) c1 = SC_T(where_positive)(h1, s * before), a = SC_T(fma)(s, h1, before);
        const SC_T(pack) z2 = SC_T(fma)(c1, SC_T(set)(product), SC_T(load)(second + p * PACK)),
                         h2 = SC_T(max)(SC_T(set)(0), z2);
        SC_T(store)(outputs + p * PACK, a);
        SC_T(store)(first + p * PACK, c1);
        SC_T(store)(second + p * PACK, h2);
        total = SC_T(fma)(a, h2, total);
    }
    return total;
}

/* A sweep over all learners of a half of the batch. */
#define SGD_SWEEP(name, learn, forward)                                                     \
    static SC_NOINLINE void name(SC_T(half) * half, SC_T(half) * other, int d,              \
                                 const SC_T(number) * x, const SC_T(number) * x2)           \
    {                                                                                       \
        for (int i = 0; i < half->count; i++) {                                             \
            const int padded = SC_T(padded)(half->learners[i].width);                       \
            SC_T(number) *state = half->learners[i].state;                                  \
            const SC_T(number) slope = half->slope[i];                                      \
            FOR_STRIPS(SC_SWEEP_PACKS, other, SC_T(sgd_strip), state, padded, d + 3, learn, \
                       forward, d, slope, x, x2)                                            \
            if (forward)                                                                    \
                SC_T(store)(half->rows + i * PACK, total);                                  \
        }                                                                                   \
        SC_T(finish)(other);                                                                \
    }
SGD_SWEEP(SC_T(sgd_forward), 0, 1)
SGD_SWEEP(SC_T(sgd_learn), 1, 0)
SGD_SWEEP(SC_T(sgd_learn_and_forward), 1, 1)
#undef SGD_SWEEP

static SC_NOINLINE void SC_T(sgd_middle)(SC_T(half) * half, SC_T(half) * other, int d,
                                         SC_T(number) product)
{
    for (int i = 0; i < half->count; i++) {
        const int padded = SC_T(padded)(half->learners[i].width);
        SC_T(number) *state = half->learners[i].state;
        const SC_T(number) slope = half->slope[i];
        FOR_STRIPS(SC_SWEEP_PACKS, other, SC_T(sgd_middle_strip), state, padded, d + 3, d, slope,
                   product)
        SC_T(store)(half->rows + i * PACK, total);
    }
    SC_T(finish)(other);
}

/* A last sample without a partner gets its logit. It is learned from only in mode SC_COMPLETE, for
   which there must be finite numbers in the partner's place (they are multiplied by 0); in the
   other modes it waits, and is read again together with its partner. */
static void SC_T(sgd_stretch)(const sc_sample_block *data, sc_mode mode, int from, int samples,
                              SC_T(half) halves[2], SC_T(number) history[SC_STRETCH][SC_LOGITS])
{
    const int d = data->input_dim, learn = mode != SC_EVALUATE;
    const SC_T(number) *x = (const SC_T(number) *)data->inputs + (ptrdiff_t)from * d;
    for (int i = 0; i < samples; i += 2, x += 2 * d) {
        const int pair = i + 1 < samples;
        const SC_T(number) *x2 = pair ? x + d : x;
        SC_T(number) product = 0;
        for (int k = 0; k < d; k++)
            product += x[k] * x2[k];
        for (int h = 0; h < 2; h++) {
            if (i > 0 && learn)
                SC_T(sgd_learn_and_forward)(&halves[h], &halves[!h], d, x, x2);
            else
                SC_T(sgd_forward)(&halves[h], &halves[!h], d, x, x2);
            SC_T(expect)(halves, h, data, learn, from + i, history[i]);
        }
        for (int h = 0; h < 2 && pair; h++) {
            SC_T(sgd_middle)(&halves[h], &halves[!h], d, product);
            SC_T(expect)(halves, h, data, learn, from + i + 1, history[i + 1]);
        }
    }
    SC_T(finish)(&halves[1]);
    SC_T(finish)(&halves[0]);
    for (int h = 0; h < 2 && learn; h++)
        if (samples % 2 == 0)
            SC_T(sgd_learn)(&halves[h], &halves[!h], d, x, x);
        else if (mode == SC_COMPLETE) {
            SC_T(sgd_middle)(&halves[h], &halves[!h], d, 0);
            memset(halves[h].slope, 0, sizeof halves[h].slope);
            SC_T(sgd_learn)(&halves[h], &halves[!h], d, x, x);
        }
}
