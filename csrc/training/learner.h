/* Learners in one precision: included once for double and once for float, with SC_T(name) giving
 * the names.
 *
 * A learner is f(x) = sum_i a_i max(w_i.x, 0). Its state lies in tiles of at most TILE units, each
 * a table of rows: the d rows of w, then a, then what its optimizer keeps (sgd.h, adam.h). Units
 * that only fill up the last pack have weights 0, and keep them.
 */

/* a cache line: states are padded to a multiple of it for every instruction set */
#define UNITS ((int)(64 / sizeof(SC_T(number))))
#define TILE (4 * UNITS)
#define PACK SC_T(LANES)
#define HALF_BATCH (SC_LEARNER_BATCH / 2)
#define SLOTS (HALF_BATCH > PACK ? HALF_BATCH : PACK)

/* Call `strip`, a function of (packs, the place of its first unit, the tile's width, ...), for
   every strip of a learner, and add up what it returns in `total`, lane by lane. A strip has at
   most so many packs as `widest`, 4, 2 or 1. After each tile do one step for the `other` half of
   the batch (see `correct`). */
#define FOR_STRIPS(widest, other, strip, state, padded, rows, ...)      \
    SC_T(pack) total = SC_T(set)(0);                                    \
    for (int first = 0; first < padded; first += TILE) {                \
        const int wide = padded - first < TILE ? padded - first : TILE; \
        int s = 0;                                                      \
        for (; (widest) == 4 && s + 4 * PACK <= wide; s += 4 * PACK)    \
            total = total + strip(4, (state) + s, wide, __VA_ARGS__);   \
        for (; (widest) >= 2 && s + 2 * PACK <= wide; s += 2 * PACK)    \
            total = total + strip(2, (state) + s, wide, __VA_ARGS__);   \
        for (; s < wide; s += PACK)                                     \
            total = total + strip(1, (state) + s, wide, __VA_ARGS__);   \
        (state) += (ptrdiff_t)wide * (rows);                            \
        SC_T(correct)(other);                                           \
    }

SC_INLINE int SC_T(padded)(int width) { return (width + UNITS - 1) / UNITS * UNITS; }

SC_INLINE int SC_T(rows)(sc_optimizer optimizer, int d)
{
    return optimizer == SC_ADAM ? 3 * d + 4 : d + 3;
}

/* What half a batch of learners keeps between two samples: lane i belongs to learner i. Lanes
   without a learner hold nothing that is read. */
typedef struct SC_T(half) {
    const sc_learner *learners;
    int count, waiting; /* steps of `correct` that are not done yet */
    SC_T(number) label, factor;
    SC_ALIGNED SC_T(number) slope[SLOTS], rate[SLOTS], logit[SLOTS];
    /* parts of the logits, a row of lanes a learner */
    SC_ALIGNED SC_T(number) rows[HALF_BATCH * PACK];
    SC_T(number) * history; /* where the logits are kept */
} SC_T(half);

/* One step from the parts of the logits to the slopes, sigma(f) - y times `factor` and minus the
   rate. The steps are long chains of operations that wait for each other, and a processor looks
   only so far ahead: so the sweep over one half of the learners does a step of the other half's
   after each tile. */
SC_INLINE void SC_T(correct)(SC_T(half) * half)
{
    if (half->waiting == 2) {
        SC_T(sum_rows)(half->rows, half->logit);
        memcpy(half->history, half->logit, HALF_BATCH * sizeof *half->logit);
    } else if (half->waiting == 1)
        for (int i = 0; i < HALF_BATCH; i += PACK) {
            const SC_T(pack) slope =
                SC_T(sigmoid)(SC_T(load)(half->logit + i)) - SC_T(set)(half->label);
            SC_T(store)(half->slope + i,
                        SC_T(load)(half->rate + i) * SC_T(set)(half->factor) * slope);
        }
    half->waiting--;
}

SC_INLINE void SC_T(finish)(SC_T(half) * half)
{
    while (half->waiting > 0)
        SC_T(correct)(half);
}

/* The parts of a half's logits of sample t have been computed: note what its slopes will need. */
SC_INLINE void SC_T(expect)(SC_T(half) halves[2], int h, const sc_sample_block *data, int learn,
                            int t, SC_T(number) history[SC_LOGITS])
{
    SC_T(half) *half = &halves[h];
    half->label = ((const SC_T(number) *)data->labels)[t];
    half->factor = !learn ? 0 : data->optimizer == SC_SGD ? (SC_T(number))data->rate[t] : 1;
    half->history = history + (h ? halves[0].count : 0);
    half->waiting = 2;
}

static void SC_T(fill_lanes)(const sc_sample_block *data, SC_T(half) halves[2],
                             const sc_learner *learners, int count)
{
    memset(halves, 0, 2 * sizeof *halves);
    for (int h = 0; h < 2; h++) {
        halves[h].learners = learners + (h ? (count + 1) / 2 : 0);
        halves[h].count = h ? count / 2 : (count + 1) / 2;
        for (int i = 0; i < halves[h].count; i++)
            halves[h].rate[i] =
                data->optimizer == SC_SGD ? -(SC_T(number))halves[h].learners[i].rate : 1;
    }
}

static void SC_T(copy)(sc_optimizer optimizer, int d, int width, SC_T(number) * state,
                       SC_T(number) * plain, int out)
{
    const int padded = SC_T(padded)(width), planes = optimizer == SC_ADAM ? 3 : 1;
    for (int first = 0; first < padded; first += TILE) {
        const int wide = padded - first < TILE ? padded - first : TILE,
                  units = width - first < wide ? width - first : wide;
        for (int plane = 0; plane < planes; plane++)
            for (int k = 0; k <= d; k++) {
                /* the rows of a weight's moments: see adam.h */
                const int row = plane == 0 ? k : d + 2 + 2 * k + plane - 1;
                SC_T(number) *ours = state + (ptrdiff_t)row * wide,
                             *theirs = plain + ((ptrdiff_t)plane * (d + 1) + k) * width + first;
                memcpy(out ? theirs : ours, out ? ours : theirs, (size_t)units * sizeof *ours);
            }
        state += (ptrdiff_t)wide * SC_T(rows)(optimizer, d);
    }
}

#include "training/adam.h"
#include "training/sgd.h"

#undef UNITS
#undef TILE
#undef PACK
#undef HALF_BATCH
#undef SLOTS
#undef FOR_STRIPS
