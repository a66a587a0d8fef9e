/* The driver's share of training: the same bits from one call and from many, and every wrong
   argument. */
#include "expect.h"

enum { D = 3, COUNT = 192, RUNS = 5 };

typedef struct data {
    void *X, *y;
    double *p, *q;
} data;

static sc_training_options options_of(int precision, int optimizer)
{
    sc_training_options o = SC_TRAINING_OPTIONS_INIT;
    o.input_dim = D;
    o.precision = precision;
    o.optimizer = optimizer;
    o.decay = 0.5;
    o.decay_start = 10.0;
    return o;
}

static data data_of(int precision)
{
    sc_network_options o = SC_NETWORK_OPTIONS_INIT;
    const size_t each = precision ? sizeof(float) : sizeof(double);
    data it = {malloc(COUNT * D * each), malloc(COUNT * each), malloc(COUNT * 8),
               malloc(COUNT * 8)};
    o.input_dim = D;
    o.precision = precision;
    o.concentration = 20.0;
    const size_t bytes = sc_network_samples_space(&o, COUNT);
    void *space = lines(bytes);
    EXPECT(sc_network_samples(&o, 3, 0, 0, COUNT, it.X, it.y, it.p, it.q, space, bytes) == SC_OK);
    free(space);
    return it;
}

static void free_data(data it)
{
    free(it.X);
    free(it.y);
    free(it.p);
    free(it.q);
}

static void begin(const sc_training_options *o, sc_run *runs)
{
    for (int r = 0; r < RUNS; r++) {
        const int width = 1 + 33 * r; /* up to a whole tile and more */
        const size_t numbers = (size_t)((o->optimizer ? 3 : 1) * (D + 1) * width),
                     bytes = sc_run_state_size(o, width);
        double *plain = calloc(numbers, 8), *back = calloc(numbers, 8);
        for (int i = 0; i < (D + 1) * width; i++)
            if (o->precision)
                ((float *)plain)[i] = (float)sin(i + r);
            else
                plain[i] = sin(i + r);
        runs[r] = (sc_run){.size = sizeof *runs,
                           .width = width,
                           .learning_rate = 0.02 * (r + 1),
                           .state = lines(bytes)};
        EXPECT(sc_run_begin(o, &runs[r], bytes, plain) == SC_OK && runs[r].diverged == -1
               && runs[r].read == 0);
        EXPECT(sc_run_weights(o, &runs[r], bytes, back) == SC_OK
               && !memcmp(plain, back, numbers * (o->precision ? 4 : 8)));
        free(plain);
        free(back);
    }
}

static void end(sc_run *runs)
{
    for (int r = 0; r < RUNS; r++)
        free(runs[r].state);
}

static void cuts(int precision, int optimizer)
{
    sc_training_options o = options_of(precision, optimizer);
    const data it = data_of(precision);
    const size_t each = precision ? 4 : 8, bytes = sc_train_space(COUNT);
    sc_run whole[RUNS], parts[RUNS];
    int calls = 0;
    void *space = lines(bytes), *tight;
    begin(&o, whole);
    begin(&o, parts);
    EXPECT(sc_train(&o, whole, RUNS, 0, COUNT, it.X, it.y, it.p, it.q, space, bytes) == SC_OK);
    EXPECT(whole[0].read == COUNT && whole[RUNS - 1].error_sum > 0.0 && whole[0].diverged == -1);
    /* one at a time; then a cut that is no multiple, a stop, and the rest of the block */
    for (int r = 0; r < RUNS; r++) {
        tight = lines(sc_train_space(37));
        /* nothing behind a short block is read */
        void *X = malloc(37 * D * each), *y = malloc(37 * each);
        memcpy(X, it.X, 37 * D * each);
        memcpy(y, it.y, 37 * each);
        EXPECT(sc_train(&o, &parts[r], 1, 0, 37, X, y, it.p, it.q, tight, sc_train_space(37))
                   == SC_OK
               && parts[r].read == 37);
        free(tight);
        free(X);
        free(y);
    }
    o.keep_going = patience_of;
    o.state = &calls;
    EXPECT(sc_train(&o, parts, RUNS, 0, 64, it.X, it.y, it.p, it.q, space, bytes) == SC_STOPPED
           && parts[0].read == 37);
    o.keep_going = NULL;
    EXPECT(sc_train(&o, parts, RUNS, 0, 64, it.X, it.y, it.p, it.q, space, bytes) == SC_OK
           && parts[0].read == 64);
    EXPECT(sc_train(&o, parts, RUNS, 64, COUNT - 64, (char *)it.X + 64 * D * each,
                    (char *)it.y + 64 * each, it.p + 64, it.q + 64, space, bytes)
           == SC_OK);
    for (int r = 0; r < RUNS; r++)
        EXPECT(same(whole[r].error_sum, parts[r].error_sum) && parts[r].read == COUNT);
    o.examine = 1;
    for (int r = 0; r < RUNS; r++) {
        parts[r].read = whole[r].read = 0;
        parts[r].error_sum = whole[r].error_sum = 0.0;
    }
    EXPECT(sc_train(&o, whole, RUNS, 0, COUNT, it.X, it.y, it.p, it.q, space, bytes) == SC_OK);
    EXPECT(sc_train(&o, parts, RUNS, 0, 101, it.X, it.y, it.p, it.q, space, bytes) == SC_OK
           && parts[0].read == 101);
    EXPECT(sc_train(&o, parts, RUNS, 0, COUNT, it.X, it.y, it.p, it.q, space, bytes) == SC_OK
           && parts[0].read == COUNT);
    for (int r = 0; r < RUNS; r++)
        EXPECT(same(whole[r].error_sum, parts[r].error_sum));
    end(whole);
    end(parts);
    free(space);
    free_data(it);
}

static void wrong_calls(void)
{
    sc_training_options o = options_of(0, 0), bad;
    const data it = data_of(0);
    const size_t bytes = sc_train_space(COUNT);
    sc_run runs[RUNS], run;
    char *space = lines(bytes + 64), *shorter = malloc(offsetof(sc_training_options, decay));
    begin(&o, runs);
#define TRAIN(o, runs, n, first, count) \
    sc_train(o, runs, n, first, count, it.X, it.y, it.p, it.q, space, bytes)
    EXPECT(TRAIN(&o, NULL, 0, 0, 64) == SC_OK && TRAIN(&o, NULL, 1, 0, 64) == SC_ERROR_NULL
           && TRAIN(NULL, runs, 1, 0, 64) == SC_ERROR_NULL);
    EXPECT(TRAIN(&o, runs, -1, 0, 64) == SC_ERROR_RANGE
           && TRAIN(&o, runs, SC_MOST_RUNS + 1, 0, 64) == SC_ERROR_RANGE);
    EXPECT(TRAIN(&o, runs, 1, 1, 64) == SC_ERROR_RANGE
           && TRAIN(&o, runs, 1, -64, 64) == SC_ERROR_RANGE);
    EXPECT(TRAIN(&o, runs, 1, 0, 0) == SC_ERROR_RANGE
           && TRAIN(&o, runs, 1, 0, 1 << 21) == SC_ERROR_RANGE);
    EXPECT(TRAIN(&o, runs, 1, 64, 64) == SC_ERROR_ORDER);
    EXPECT(sc_train_space(0) == 0 && sc_train_space(-1) == 0 && sc_train_space(1 << 21) == 0);
    bad = o;
    bad.size = sizeof bad + 1;
    EXPECT(TRAIN(&bad, runs, 1, 0, 64) == SC_ERROR_SIZE && sc_run_state_size(&bad, 3) == 0);
    bad = o;
    bad.size = offsetof(sc_training_options, decay);
    memcpy(shorter, &bad, bad.size);
    EXPECT(sc_run_state_size((sc_training_options *)(void *)shorter, 3) > 0
           && sc_run_state_size(&o, 0) == 0);
    EXPECT(sc_run_state_size(&o, SC_MOST_WIDTH_TRAINED + 1) == 0
           && sc_run_state_size(NULL, 3) == 0);
    bad = o;
    bad.optimizer = 2;
    EXPECT(TRAIN(&bad, runs, 1, 0, 64) == SC_ERROR_ENUM);
    bad = o;
    bad.decay = -1.0;
    EXPECT(TRAIN(&bad, runs, 1, 0, 64) == SC_ERROR_RANGE);
    bad.decay = 0.0;
    bad.decay_start = NAN;
    EXPECT(TRAIN(&bad, runs, 1, 0, 64) == SC_ERROR_RANGE);
    EXPECT(sc_train(&o, runs, 1, 0, 64, NULL, it.y, it.p, it.q, space, bytes) == SC_ERROR_NULL);
    EXPECT(sc_train(&o, runs, 1, 0, 64, it.X, it.y, it.p, it.q, space + 8, bytes)
           == SC_ERROR_ALIGNMENT);
    EXPECT(sc_train(&o, runs, 1, 0, COUNT, it.X, it.y, it.p, it.q, space, bytes - 64)
           == SC_ERROR_SPACE);
    EXPECT(sc_train(&o, runs, 1, 0, 64, runs[0].state, it.y, it.p, it.q, space, bytes)
           == SC_ERROR_OVERLAP);
    run = runs[0];
    runs[0] = runs[1];
    EXPECT(TRAIN(&o, runs, 2, 0, 64) == SC_ERROR_OVERLAP); /* two runs, one state */
    runs[0] = run;
    run.width = 0;
    EXPECT(TRAIN(&o, &run, 1, 0, 64) == SC_ERROR_RANGE);
    run = runs[0];
    run.learning_rate = INFINITY;
    EXPECT(TRAIN(&o, &run, 1, 0, 64) == SC_ERROR_RANGE);
    run = runs[0];
    run.size -= 8;
    EXPECT(TRAIN(&o, &run, 1, 0, 64) == SC_ERROR_SIZE);
    run = runs[0];
    run.state = NULL;
    EXPECT(TRAIN(&o, &run, 1, 0, 64) == SC_ERROR_NULL
           && sc_run_begin(&o, &run, bytes, it.X) == SC_ERROR_NULL);
    EXPECT(sc_run_begin(&o, &runs[0], 64, it.X) == SC_ERROR_SPACE
           && sc_run_begin(&o, NULL, 64, it.X) == SC_ERROR_NULL);
    EXPECT(sc_run_begin(&o, &runs[0], bytes, runs[0].state) == SC_ERROR_OVERLAP
           && sc_run_begin(&o, &runs[0], bytes, NULL) == SC_ERROR_NULL);
    EXPECT(sc_run_weights(&o, &runs[0], bytes, (char *)it.X + 2) == SC_ERROR_ALIGNMENT);
    runs[0].learning_rate = 1e300; /* diverges, and says where; its neighbour stands */
    EXPECT(TRAIN(&o, runs, 2, 0, COUNT) == SC_OK && runs[0].diverged >= 0 && runs[1].diverged == -1
           && isfinite(runs[1].error_sum));
    end(runs);
    free(space);
    free(shorter);
    free_data(it);
}

void check_training(void)
{
    for (int precision = 0; precision < 2; precision++)
        for (int optimizer = 0; optimizer < 2; optimizer++)
            cuts(precision, optimizer);
    wrong_calls();
}
