/* Concurrent calls of every kind from the very first on, for the thread sanitizer; all threads must
   find the same bits. */
#include "expect.h"

#include <pthread.h>

enum { THREADS = 8, ROUNDS = 20, POINTS = 300, D = 4, COUNT = 64 };

static double results[THREADS][ROUNDS];
int failures;

static double network_and_training(uint64_t key)
{
    sc_network_options o = SC_NETWORK_OPTIONS_INIT;
    sc_training_options t = SC_TRAINING_OPTIONS_INIT;
    double X[COUNT * D], y[COUNT], p[COUNT], q[COUNT], weights[(D + 1) * 8], kl, squared, occupancy,
        width = 5.0, logits[COUNT];
    o.key = key;
    o.input_dim = t.input_dim = D;
    o.concentration = 3.0;
    const size_t samples = sc_network_samples_space(&o, COUNT),
                 experiment = sc_network_experiment_space(&o, 1, COUNT),
                 train = sc_train_space(COUNT), state = sc_run_state_size(&t, 8),
                 product = sc_network_logits_space(D);
    char *space = lines(samples + experiment + train + product);
    sc_run run = {.size = sizeof run, .width = 8, .learning_rate = 0.1, .state = lines(state)};
    for (int i = 0; i < (D + 1) * 8; i++)
        weights[i] = cos(i);
    EXPECT(!sc_network_samples(&o, 1, 0, 0, COUNT, X, y, p, q, space, samples));
    EXPECT(!sc_network_experiment(&o, 1, 1, &width, COUNT, &kl, &squared, &occupancy, space,
                                  experiment));
    EXPECT(!sc_run_begin(&t, &run, state, weights)
           && !sc_train(&t, &run, 1, 0, COUNT, X, y, p, q, space, train));
    EXPECT(!sc_network_logits(SC_DOUBLE, D, 8, X, weights, COUNT, X, logits, space, product));
    free(run.state);
    free(space);
    return run.error_sum + kl + squared + occupancy + logits[COUNT - 1];
}

/* A fit and two of its resamples. */
static double fit(int round)
{
    double runs[20][3], draws[2][5];
    sc_law_options o = SC_LAW_OPTIONS_INIT;
    sc_law_result law = SC_LAW_RESULT_INIT;
    for (int i = 0; i < 20; i++) {
        runs[i][0] = 1e8 * (1 + i % 5) * (1 + round % 3);
        runs[i][1] = 1e10 * (1 + i / 5);
        runs[i][2] = 1.8 + 480 * pow(runs[i][0], -0.35) + 2100 * pow(runs[i][1], -0.37)
                     + 0.01 * sin(9 * i + round);
    }
    o.runs = 20;
    o.N = (sc_column){runs[0], 3};
    o.D = (sc_column){runs[0] + 1, 3};
    o.L = (sc_column){runs[0] + 2, 3};
    const size_t bytes = sc_law_space(&o);
    void *const space = lines(bytes);
    EXPECT(!sc_law_fit(&o, &law, space, bytes));
    law.status = SC_LAW_CONVERGED;
    EXPECT(!sc_law_resample(&o, &law, SC_DRAW_AUTO, 1, 0, 2, draws[0], space, bytes));
    free(space);
    return law.objective + draws[0][2] + draws[1][4];
}

static void *work(void *argument)
{
    double *const out = argument, n[POINTS], column[POINTS], T = 1e6, d = 10.0, K = 50.0,
                  random[16];
    for (int round = 0; round < ROUNDS; round++) {
        double sum =
            sc_error_bound(round + 1.0, T, d, K) + sc_closed_form_bound(round + 1.0, T, d, K);
        for (int i = 0; i < POINTS; i++)
            n[i] = 1.0 + i + round;
        const sc_column cn = {n, 1}, cT = {&T, 0}, cd = {&d, 0}, cK = {&K, 0};
        const sc_frontier_out widths = {column, NULL, NULL, NULL, NULL, NULL, NULL};
        EXPECT(sc_evaluate(SC_ERROR_BOUND, POINTS, cn, cT, cd, cK, column, 1) == 0);
        sum += column[POINTS - 1];
        EXPECT(sc_compute_optimal(SC_BOUND_OPTIMAL, round % 2, POINTS, cn, cd, cK, cd, &widths)
               == SC_OK);
        EXPECT(sc_random(SC_NORMAL, 1, (uint64_t)round, 2, 0, 1, random) == SC_OK);
        out[round] = sum + random[5] + network_and_training((uint64_t)round) + fit(round)
                     + (double)strlen(sc_instruction_set());
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        EXPECT(!pthread_create(&threads[i], NULL, work, results[i]));
    for (int i = 0; i < THREADS; i++)
        EXPECT(!pthread_join(threads[i], NULL));
    for (int i = 1; i < THREADS; i++)
        EXPECT(!memcmp(results[0], results[i], sizeof results[0]));
    printf("%d failures in %d threads\n", failures, THREADS);
    return failures != 0;
}
