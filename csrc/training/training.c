/* Learners that read the data once: two-layer ReLU networks with a sigmoid output, batch size 1, in
   both precisions. */
#include "engine/engine.h"
#include "special/special.h"

/* most samples between two updates of the errors, and between two looks at checkpoints and clock */
#define SC_STRETCH 256
#define SC_LOGITS (SC_LEARNER_BATCH + SC_LEARNER_BATCH / 2)
#define SC_BETA_1 0.9
#define SC_BETA_2 0.999
#define SC_ADAM_EPSILON 1e-8

/* Packs of units that are handled together. */
#define SC_STRIP_PACKS (SC_REGISTERS == 32 ? 4 : 2)
/* The same in sgd.h, whose sweep loads, changes and stores each weight. With packs of a whole cache
   line, four stores in a row hold up what follows: two packs at a time take a twentieth less time.
   Packs of two doubles share a broadcast number, which SSE2 makes by two instructions: four at a
   time take a tenth fewer, though not all that they need stays in registers. Both samples of a pair
   must add up in the same order: a logit has the same bits in either place. */
#define SC_SWEEP_PACKS (SC_LANES == 2 ? 4 : 2)

#define SC_T(name) learn64_##name
#define learn64_number double
#define learn64_pack real
#define learn64_LANES SC_LANES
#define learn64_set r_set
#define learn64_load r_load
#define learn64_store r_store
#define learn64_fma r_fma
#define learn64_max r_max
#define learn64_sum_rows r_sum_rows
#define learn64_where_positive r_where_positive
#define learn64_over_root r_over_root
#define learn64_sigmoid sc_sigmoid
#include "training/learner.h"
#undef SC_T

#define SC_T(name) learn32_##name
#define learn32_number float
#define learn32_pack freal
#define learn32_LANES SC_FLANES
#define learn32_set f_set
#define learn32_load f_load
#define learn32_store f_store
#define learn32_fma f_fma
#define learn32_max f_max
#define learn32_sum_rows f_sum_rows
#define learn32_where_positive f_where_positive
#define learn32_over_root f_over_root
#define learn32_sigmoid f_sigmoid
#include "training/learner.h"
#undef SC_T

#include "training/adf.h"

typedef struct sc_learner_batch { /* work space of a call */
    union {
        learn64_half as64[2];
        learn32_half as32[2];
    } halves;
    /* the logits of each sample, learner beside learner, and room for what a half that is not full
       writes beyond */
    union {
        double as64[SC_STRETCH][SC_LOGITS];
        float as32[SC_STRETCH][SC_LOGITS];
    } history;
} sc_learner_batch;

SC_INLINE int logits_are_float(const sc_sample_block *data)
{
    return data->single && data->optimizer != SC_ADF;
}

/* Add up the errors of samples from ... to - 1 of a stretch, and record their means at checkpoints.
   A learner's error is one sum in the order of samples, so that cuts change no bit. */
static void account(const sc_sample_block *data, const sc_learner_batch *c,
                    const sc_learner *learners, int count, int place, int from, int to)
{
    SC_ALIGNED double sums[SC_LEARNER_BATCH] = {0};
    const int single = logits_are_float(data);
    int next = 0;
    for (int r = 0; r < count; r++)
        sums[r] = *learners[r].sum;
    while (next < data->checkpoint_count && data->checkpoints[next] <= data->first + place + from)
        next++;
    for (int i = from; i < to; i++) {
        const real p = r_set(data->probability[place + i]), offset = r_set(data->offset[place + i]);
        for (int r = 0; r < count; r += SC_LANES) {
            const real f =
                single ? r_load_float(&c->history.as32[i][r]) : r_load(&c->history.as64[i][r]);
            r_store(sums + r, r_load(sums + r) + (r_fma(-p, f, offset) + sc_softplus(f)));
        }
        const int64_t read = data->first + place + i + 1;
        if (next < data->checkpoint_count && data->checkpoints[next] == read) {
            for (int r = 0; r < count; r++)
                learners[r].record[next] = isfinite(sums[r]) ? sums[r] / (double)read : NAN;
            next++;
        }
    }
    for (int r = 0; r < count; r++) {
        for (int i = from; i < to && !isfinite(sums[r]) && *learners[r].diverged < 0; i++)
            if (!isfinite(single ? (double)c->history.as32[i][r] : c->history.as64[i][r]))
                *learners[r].diverged = data->first + place + i;
        *learners[r].sum = sums[r];
        *learners[r].read = data->first + place + to;
    }
}

static void stretch(const sc_sample_block *data, sc_mode mode, int from, int samples,
                    const sc_learner *learners, int count, sc_learner_batch *c)
{
    if (data->optimizer == SC_ADF)
        adf_stretch(data, mode, from, samples, learners, count, c->history.as64);
    else if (data->single && data->optimizer == SC_SGD)
        learn32_sgd_stretch(data, mode, from, samples, c->halves.as32, c->history.as32);
    else if (data->single)
        learn32_adam_stretch(data, mode, from, samples, c->halves.as32, c->history.as32);
    else if (data->optimizer == SC_SGD)
        learn64_sgd_stretch(data, mode, from, samples, c->halves.as64, c->history.as64);
    else
        learn64_adam_stretch(data, mode, from, samples, c->halves.as64, c->history.as64);
}

/* Samples between two looks at the clock: some ten milliseconds of work, and an even number. */
static int patience(const sc_sample_block *data, const sc_learner *learners, int count)
{
    double weights = 1.0;
    for (int r = 0; r < count; r++) {
        const double width = learners[r].width;
        weights += data->optimizer == SC_ADF
                       ? 1e3 + 4.0 * width * (width + data->input_dim)
                       : width * data->input_dim * (data->optimizer == SC_SGD ? 1 : 10);
    }
    const double samples = 2e7 / weights;
    return samples < 2 ? 2 : samples < SC_STRETCH ? (int)samples & ~1 : SC_STRETCH;
}

void SC_KERNEL(sc_train)(const sc_sample_block *data, sc_mode mode, const sc_learner *learners,
                         int count, void *space, sc_keep_going keep_going, void *state)
{
    sc_learner_batch *const c = space;
    const int read = mode == SC_LEARN ? (int)(*learners[0].read - data->first) : 0;
    /* what the weights have learned from */
    int from = data->optimizer == SC_SGD ? read & ~1 : read;
    if (data->optimizer == SC_ADF)
        ; /* its learners come one after another */
    else if (data->single)
        learn32_fill_lanes(data, c->halves.as32, learners, count);
    else
        learn64_fill_lanes(data, c->halves.as64, learners, count);
    const int longest = patience(data, learners, count);
    while (from < data->count && (!keep_going || keep_going(state))) {
        const int samples = data->count - from < longest ? data->count - from : longest,
                  old = from < read ? read - from : 0;
        stretch(data, mode, from, samples, learners, count, c);
        if (mode != SC_COMPLETE)
            account(data, c, learners, count, from, old, samples);
        from += samples;
    }
}

size_t SC_KERNEL(sc_train_space)(void) { return sizeof(sc_learner_batch); }

size_t SC_KERNEL(sc_learner_size)(int single, sc_optimizer optimizer, int input_dim, int width)
{
    if (optimizer == SC_ADF)
        return adf_size(input_dim, width) * sizeof(double);
    return single ? (size_t)learn32_padded(width) * (size_t)learn32_rows(optimizer, input_dim)
                        * sizeof(float)
                  : (size_t)learn64_padded(width) * (size_t)learn64_rows(optimizer, input_dim)
                        * sizeof(double);
}

void SC_KERNEL(sc_learner_copy)(int single, sc_optimizer optimizer, int input_dim, int width,
                                void *state, void *plain, int out)
{
    if (optimizer == SC_ADF)
        adf_copy(width, state, plain, out);
    else if (single)
        learn32_copy(optimizer, input_dim, width, state, plain, out);
    else
        learn64_copy(optimizer, input_dim, width, state, plain, out);
}

void SC_KERNEL(sc_schedule)(int64_t first, int count, double decay, double decay_start,
                            double *rate, double *first_moment, double *second_moment)
{
    SC_ALIGNED double t[8];
    const real scale = r_set(1.0 / decay_start), exponent = r_set(-decay), one = r_set(1.0),
               least = r_set(-700.0);
    for (int i = 0; i < count; i += 8) {
        for (int j = 0; j < 8; j++)
            t[j] = (double)(first + i + j);
        for (int j = 0; j < 8; j += SC_LANES) {
            const real place = r_load(t + j), read = place + one;
            r_store(rate + i + j, sc_exp(r_max(least, exponent * sc_log1p(place * scale))));
            /* ln 0.9 */
            r_store(first_moment + i + j,
                    one / -sc_expm1(r_max(least, read * r_set(-0.10536051565782628))));
            /* ln 0.999 */
            r_store(second_moment + i + j,
                    one / -sc_expm1(r_max(least, read * r_set(-0.0010005003335835335))));
        }
    }
}

static SC_NOINLINE void sweep(float *w, long count, freal change)
{
    for (long i = 0; i < count; i += SC_FLANES)
        f_store(w + i, f_load(w + i) + change);
}

void SC_KERNEL(sc_sweeps)(float *w, long count, long repeats)
{
    /* one after the other: the compiler would make one loop of both if it saw them */
    for (long r = 0; r < repeats; r++)
        sweep(w, count, f_set((float)r));
}
