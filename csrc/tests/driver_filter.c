/* The driver's share of the filter, which only the engine has: nothing outside its state is
   touched, the same bits however it is cut. */
#include "engine/engine.h"
#include "expect.h"

enum { D = 3, COUNT = 64 };

/* A filter of `units` directions whose basis is the identity, after COUNT samples in two calls; its
   state as plain arrays. */
static void run(const sc_sample_block *whole, int units, int cut, double *plain, double *sum)
{
    const sc_engine *engine = sc_engine_in_use();
    const int p = D + units, padded = (p + 7) / 8 * 8;
    double *directions = lines(sizeof(double) * D * (size_t)(units ? units : 1)),
           *basis = lines(sizeof(double) * (size_t)(p * padded));
    for (int u = 0; u < units; u++)
        for (int k = 0; k < D; k++)
            directions[u * D + k] = cos(1.0 + u + 2.0 * k);
    for (int i = 0; i < p; i++)
        basis[i * padded + i] = 1.0;
    const sc_features features = {p, directions, basis};
    const size_t bytes = engine->learner_size(whole->single, SC_ADF, p, p);
    void *state = lines(bytes), *space = lines(engine->train_space());
    int64_t read = 0, diverged = -1;
    sc_learner learner = {p, 1.0, state, sum, NULL, &read, &diverged, &features};
    memset(plain, 0, sizeof *plain * (size_t)(p * (p + 1)));
    for (int i = 0; i < p; i++)
        plain[i * p + i] = 0.1;
    EXPECT(bytes % 64 == 0);
    engine->learner_copy(whole->single, SC_ADF, p, p, state, plain, 0);
    *sum = 0.0;
    sc_sample_block part = *whole;
    part.count = cut;
    if (cut)
        engine->train(&part, SC_LEARN, &learner, 1, space, NULL, NULL);
    engine->train(whole, SC_LEARN, &learner, 1, space, NULL, NULL);
    engine->learner_copy(whole->single, SC_ADF, p, p, state, plain, 1);
    EXPECT(read == COUNT && diverged == -1);
    free(directions);
    free(basis);
    free(state);
    free(space);
}

void check_filter(void)
{
    for (int single = 0; single < 2; single++) {
        float x32[COUNT * D], y32[COUNT];
        double x[COUNT * D], y[COUNT], probability[COUNT], offset[COUNT];
        for (int i = 0; i < COUNT * D; i++)
            x[i] = x32[i] = (float)sin(1.0 + 7.0 * i);
        for (int i = 0; i < COUNT; i++) {
            y[i] = y32[i] = (float)(i % 3 == 0);
            probability[i] = 0.5;
            offset[i] = log(0.5);
        }
        const sc_sample_block data = {.input_dim = D,
                                      .single = single,
                                      .optimizer = SC_ADF,
                                      .count = COUNT,
                                      .inputs = single ? (void *)x32 : (void *)x,
                                      .labels = single ? (void *)y32 : (void *)y,
                                      .probability = probability,
                                      .offset = offset};
        static const int units[] = {0, 1, 5, 6, 13, 29, 30, 45, 61, 62, 90};
        for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
            const int p = D + units[i];
            const size_t bytes = sizeof(double) * (size_t)(p * (p + 1));
            double *once = malloc(bytes), *twice = malloc(bytes), error, again;
            run(&data, units[i], 0, once, &error);
            run(&data, units[i], 13, twice, &again);
            EXPECT(!memcmp(once, twice, bytes) && same(error, again) && error > 0.0
                   && error < COUNT);
            for (int k = 0; k < p; k++)
                EXPECT(once[k * p + k] > 0.0 && once[k * p + k] <= 0.1
                       && isfinite(once[p * p + k]));
            free(once);
            free(twice);
        }
    }
}
