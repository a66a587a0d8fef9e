/* The public functions on training: check arguments, then one call of the engine. */
#include "api/check.h"

#include <math.h>

static int options_of(const sc_training_options *options, sc_training_options *mine)
{
    memset(mine, 0, sizeof *mine);
    const int wrong =
        sc_copy_options(mine, sizeof *mine, offsetof(sc_training_options, decay), options);
    if (wrong)
        return wrong;
    if (mine->size < offsetof(sc_training_options, state) + sizeof mine->state)
        /* an older caller's struct may end before `state`, which keep_going needs */
        mine->keep_going = NULL;
    if (!sc_is_precision(mine->precision)
        || (mine->optimizer != SC_SGD && mine->optimizer != SC_ADAM))
        return SC_ERROR_ENUM;
    if (mine->decay_start == 0.0)
        mine->decay_start = 1.0;
    if (mine->input_dim < 1 || mine->input_dim > SC_MOST_INPUT_DIM
        || !(mine->decay >= 0.0 && mine->decay <= 10.0)
        || !(mine->decay_start >= 1e-9 && mine->decay_start <= 1e18))
        return SC_ERROR_RANGE;
    return SC_OK;
}

static size_t state_size(const sc_training_options *mine, int width)
{
    if (width < 1 || width > SC_MOST_WIDTH_TRAINED)
        return 0;
    return sc_engine_in_use()->learner_size(mine->precision == SC_SINGLE,
                                            (sc_optimizer)mine->optimizer, mine->input_dim, width);
}

static size_t weights_size(const sc_training_options *mine, int width)
{
    return (mine->optimizer == SC_ADAM ? 3 : 1) * ((size_t)mine->input_dim + 1) * (size_t)width
           * sc_number_size(mine->precision);
}

/* Runs come in an array. Its elements lie as far apart as the caller's struct is large, so that no
   other size than ours can be accepted. */
static int run_is_fine(const sc_run *run)
{
    if (!run)
        return SC_ERROR_NULL;
    if (!sc_aligned(run, _Alignof(sc_run)))
        return SC_ERROR_ALIGNMENT;
    if (run->size != sizeof *run)
        return SC_ERROR_SIZE;
    if (run->reserved || run->width < 1 || run->width > SC_MOST_WIDTH_TRAINED
        || !(run->learning_rate >= 0.0) || !isfinite(run->learning_rate))
        return SC_ERROR_RANGE;
    return SC_OK;
}

size_t sc_run_state_size(const sc_training_options *options, int width)
{
    sc_training_options mine;
    return options_of(options, &mine) ? 0 : state_size(&mine, width);
}

/* Copy between a run's state and plain weights. */
static int copy_weights(const sc_training_options *options, const sc_run *run, size_t state_bytes,
                        void *weights, int out)
{
    sc_training_options mine;
    int wrong = options_of(options, &mine);
    if (!wrong)
        wrong = run_is_fine(run);
    if (wrong)
        return wrong;
    const size_t needed = state_size(&mine, run->width);
    const sc_array arrays[] = {
        {run, sizeof *run, _Alignof(sc_run), !out},
        {run->state, needed, SC_ALIGNMENT, !out},
        {weights, weights_size(&mine, run->width), sc_number_size(mine.precision), out}};
    wrong = sc_check_arrays(arrays, 3);
    if (wrong)
        return wrong;
    if (state_bytes < needed)
        return SC_ERROR_SPACE;
    if (!out)
        memset(run->state, 0, needed);
    sc_engine_in_use()->learner_copy(mine.precision == SC_SINGLE, (sc_optimizer)mine.optimizer,
                                     mine.input_dim, run->width, run->state, weights, out);
    return SC_OK;
}

int sc_run_begin(const sc_training_options *options, sc_run *run, size_t state_bytes,
                 const void *weights)
{
    const int wrong = copy_weights(options, run, state_bytes, (void *)weights, 0);
    if (wrong)
        return wrong;
    run->error_sum = 0.0;
    run->read = 0;
    run->diverged = -1;
    return SC_OK;
}

int sc_run_weights(const sc_training_options *options, const sc_run *run, size_t state_bytes,
                   void *weights)
{
    return copy_weights(options, run, state_bytes, weights, 1);
}

/* Length of the arrays of factors on the learning rate: a factor for each sample, filled up to a
   multiple of 8. */
static size_t schedule_length(int count) { return ((size_t)count + 7) / 8 * 8; }

size_t sc_train_space(int count)
{
    if (count < 1 || count > SC_MOST_BLOCK)
        return 0;
    return SC_LINES(sc_engine_in_use()->train_space())
           + SC_LINES(3 * schedule_length(count) * sizeof(double));
}

/* Check the runs and translate them for the engine; SC_OK or what is wrong with them. */
static int learners_of(sc_run *runs, int run_count, int64_t first, int count, sc_learner *learners)
{
    for (int r = 0; r < run_count; r++) {
        sc_run *const run = &runs[r];
        const int wrong = run_is_fine(run);
        if (wrong)
            return wrong;
        if (run->read != runs->read || run->read < first || run->read - first >= count)
            return SC_ERROR_ORDER;
        learners[r] = (sc_learner){run->width, run->learning_rate, run->state,     &run->error_sum,
                                   NULL,       &run->read,         &run->diverged, NULL};
    }
    return SC_OK;
}

/* The arrays of a call, first its own and then every run's state, must not overlap. */
static int arrays_are_fine(const sc_training_options *mine, sc_run *runs, int run_count,
                           sc_array *arrays, int own)
{
    for (int r = 0; r < run_count; r++)
        arrays[own + r] =
            (sc_array){runs[r].state, state_size(mine, runs[r].width), SC_ALIGNMENT, 1};
    return sc_check_arrays(arrays, own + run_count);
}

int sc_train(const sc_training_options *options, sc_run *runs, int run_count, int64_t first,
             int count, const void *inputs, const void *labels, const double *probability,
             const double *offset, void *space, size_t space_bytes)
{
    sc_training_options mine;
    sc_learner learners[SC_MOST_RUNS];
    int wrong = options_of(options, &mine);
    if (wrong)
        return wrong;
    if (run_count < 0 || run_count > SC_MOST_RUNS || first < 0 || first > (INT64_MAX >> 24)
        || first % SC_SAMPLES || !sc_train_space(count))
        return SC_ERROR_RANGE;
    if (run_count == 0)
        return SC_OK;
    wrong = runs ? learners_of(runs, run_count, first, count, learners) : SC_ERROR_NULL;
    if (wrong)
        return wrong;
    const size_t rows = (size_t)count, each = sc_number_size(mine.precision),
                 d = (size_t)mine.input_dim, align = _Alignof(double);
    sc_array arrays[6 + SC_MOST_RUNS] = {
        {runs, (size_t)run_count * sizeof *runs, _Alignof(sc_run), 1},
        {inputs, rows * d * each, each, 0},
        {labels, rows * each, each, 0},
        {probability, rows * sizeof(double), align, 0},
        {offset, rows * sizeof(double), align, 0},
        {space, sc_train_space(count), SC_ALIGNMENT, 1}};
    wrong = arrays_are_fine(&mine, runs, run_count, arrays, 6);
    if (wrong)
        return wrong;
    if (space_bytes < sc_train_space(count))
        return SC_ERROR_SPACE;
    const sc_engine *const engine = sc_engine_in_use();
    const size_t length = schedule_length(count);
    double *const rate = (double *)((char *)space + SC_LINES(engine->train_space())),
                  *const moments = rate + length;
    engine->schedule(first, (int)length, mine.decay, mine.decay_start, rate, moments,
                     moments + length);
    sc_sample_block data = {mine.input_dim,
                            mine.precision == SC_SINGLE,
                            (sc_optimizer)mine.optimizer,
                            first,
                            count,
                            inputs,
                            labels,
                            probability,
                            offset,
                            rate,
                            moments,
                            moments + length,
                            0,
                            NULL};
    /* to evaluate, the engine starts at the beginning of a block: let this one begin where runs
       are */
    if (mine.examine) {
        const ptrdiff_t skip = (ptrdiff_t)(runs->read - first);
        data.first += skip;
        data.count -= (int)skip;
        data.inputs = (const char *)inputs + (size_t)skip * d * each;
        data.labels = (const char *)labels + (size_t)skip * each;
        data.probability += skip;
        data.offset += skip;
    }
    sc_asked a = {mine.keep_going, mine.state, 0};
    engine->train(&data, mine.examine ? SC_EVALUATE : SC_LEARN, learners, run_count, space, sc_ask,
                  &a);
    return a.stopped ? SC_STOPPED : SC_OK;
}
