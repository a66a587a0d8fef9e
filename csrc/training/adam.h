/* Adam (Kingma & Ba 2015), one sample a sweep: a sweep learns from one sample and computes the
 * activations of the next, so that each weight is read and written once. Included by learner.h.
 *
 * Rows of a tile after a: the activations; then the two moments of every row of w, and of a.
 */

typedef struct SC_T(adam_sample) {
    const SC_T(number) * x;
    SC_T(number) first, second; /* decay of the rate over 1 - beta_1^t; 1 / (1 - beta_2^t) */
} SC_T(adam_sample);

/* Adam's step for one weight and its gradient. The first moment lies `moments` numbers after the
   weight, the second `stride` after the first. Returns the new weight. */
SC_INLINE SC_T(pack)
    SC_T(adam_step)(SC_T(number) * w, ptrdiff_t moments, ptrdiff_t stride, SC_T(pack) gradient,
                    const SC_T(adam_sample) * previous, SC_T(number) rate)
{
    const SC_T(pack) beta_1 = SC_T(set)((SC_T(number))SC_BETA_1),
                     rest_1 = SC_T(set)((SC_T(number))(1 - SC_BETA_1));
    const SC_T(pack) beta_2 = SC_T(set)((SC_T(number))SC_BETA_2),
                     rest_2 = SC_T(set)((SC_T(number))(1 - SC_BETA_2));
    SC_T(number) *const m_place = w + moments, *const v_place = m_place + stride;
    const SC_T(pack) m = SC_T(fma)(beta_1, SC_T(load)(m_place), rest_1 * gradient);
    const SC_T(pack) v = SC_T(fma)(beta_2, SC_T(load)(v_place), rest_2 * (gradient * gradient));
    SC_T(store)(m_place, m);
    SC_T(store)(v_place, v);
    const SC_T(pack) move = SC_T(over_root)(m, v * SC_T(set)(previous->second),
                                            SC_T(set)((SC_T(number))SC_ADAM_EPSILON));
    return SC_T(fma)(SC_T(set)(rate * previous->first), move, SC_T(load)(w));
}

/* If `learn`, learn from the sample `previous`: `slope` is sigma(f) - y, `rate` minus the learning
   rate. Then, if `forward`, compute the activations of x. */
SC_INLINE SC_T(pack)
    SC_T(adam_strip)(int packs, SC_T(number) *restrict w, ptrdiff_t stride, int learn, int forward,
                     int d, const SC_T(adam_sample) * previous, SC_T(number) slope,
                     SC_T(number) rate, const SC_T(number) *restrict x)
{
    SC_T(pack) a[4], c[4], z[4], total = SC_T(set)(0);
    SC_T(number) *const outputs = w + d * stride, *const activations = outputs + stride;
    /* from row 0 of w to its first moment; from row k it is 2k rows more, less the k rows
       between */
    const ptrdiff_t moments = (d + 2) * stride;
    for (int p = 0; p < packs; p++) {
        a[p] = SC_T(load)(outputs + p * PACK);
        if (learn) {
            const SC_T(pack) h = SC_T(load)(activations + p * PACK), s = SC_T(set)(slope);
            c[p] = SC_T(where_positive)(h, s * a[p]);
            a[p] = SC_T(adam_step)(outputs + p * PACK, moments + d * stride, stride, s * h,
                                   previous, rate);
            SC_T(store)(outputs + p * PACK, a[p]);
        }
        z[p] = SC_T(set)(0);
    }
    for (int k = 0; k < d; k++, w += stride)
        for (int p = 0; p < packs; p++) {
            SC_T(pack) weight = SC_T(load)(w + p * PACK);
            if (learn) {
                weight = SC_T(adam_step)(w + p * PACK, moments + k * stride, stride,
                                         c[p] * SC_T(set)(previous->x[k]), previous, rate);
                SC_T(store)(w + p * PACK, weight);
            }
            if (forward)
                z[p] = SC_T(fma)(weight, SC_T(set)(x[k]), z[p]);
        }
    for (int p = 0; p < packs && forward; p++) {
        const SC_T(pack) h = SC_T(max)(SC_T(set)(0), z[p]); /* in this order NaN stays NaN */
        SC_T(store)(activations + p * PACK, h);
        total = SC_T(fma)(a[p], h, total);
    }
    return total;
}

/* A sweep over all learners of a half of the batch. */
#define ADAM_SWEEP(name, learn, forward)                                                         \
    static SC_NOINLINE void name(SC_T(half) * half, SC_T(half) * other, int d,                   \
                                 const SC_T(adam_sample) * previous, const SC_T(number) * x)     \
    {                                                                                            \
        for (int i = 0; i < half->count; i++) {                                                  \
            const int padded = SC_T(padded)(half->learners[i].width);                            \
            SC_T(number) *state = half->learners[i].state;                                       \
            const SC_T(number) slope = half->slope[i],                                           \
                               rate = -(SC_T(number))half->learners[i].rate;                     \
            FOR_STRIPS(SC_STRIP_PACKS, other, SC_T(adam_strip), state, padded, 3 * d + 4, learn, \
                       forward, d, previous, slope, rate, x)                                     \
            if (forward)                                                                         \
                SC_T(store)(half->rows + i * PACK, total);                                       \
        }                                                                                        \
        SC_T(finish)(other);                                                                     \
    }
ADAM_SWEEP(SC_T(adam_forward), 0, 1)
ADAM_SWEEP(SC_T(adam_learn), 1, 0)
ADAM_SWEEP(SC_T(adam_learn_and_forward), 1, 1)
#undef ADAM_SWEEP

static void SC_T(adam_stretch)(const sc_sample_block *data, sc_mode mode, int from, int samples,
                               SC_T(half) halves[2], SC_T(number) history[SC_STRETCH][SC_LOGITS])
{
    const int d = data->input_dim, learn = mode != SC_EVALUATE;
    const SC_T(number) *x = (const SC_T(number) *)data->inputs + (ptrdiff_t)from * d;
    SC_T(adam_sample) previous = {x, 0, 0};
    for (int i = 0; i < samples; i++, x += d) {
        for (int h = 0; h < 2; h++) {
            if (i > 0 && learn)
                SC_T(adam_learn_and_forward)(&halves[h], &halves[!h], d, &previous, x);
            else
                SC_T(adam_forward)(&halves[h], &halves[!h], d, &previous, x);
            SC_T(expect)(halves, h, data, learn, from + i, history[i]);
        }
        previous.x = x;
        previous.first = (SC_T(number))(data->first_moment[from + i] * data->rate[from + i]);
        previous.second = (SC_T(number))data->second_moment[from + i];
    }
    SC_T(finish)(&halves[1]);
    SC_T(finish)(&halves[0]);
    for (int h = 0; h < 2 && learn; h++)
        SC_T(adam_learn)(&halves[h], &halves[!h], d, &previous, x);
}
