/* One kind of work, so many times, on one engine: instruction_counts.py counts its instructions.
   Prints how many points a repeat has. */
#include "engine/engine.h"
#include "tests/made_up_table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POINTS = 256, D = 10, ATOMS = 64, WIDTH = 64, RUNS = 8, SAMPLES = 64 };

static double n[POINTS], T[POINTS], out[POINTS];
static const double K = 100.0, d = D, cost = 6.0;

static void *memory(size_t bytes) { return aligned_alloc(64, (bytes + 63) / 64 * 64); }

/* numbers that look drawn, from -1 to 1 */
static double number(int i) { return fmod(i * 0.6180339887498949, 2.0) - 1.0; }

static void fill(int single, void *to, int count)
{
    for (int i = 0; i < count; i++)
        if (single)
            ((float *)to)[i] = (float)number(i);
        else
            ((double *)to)[i] = number(i);
}

static long bounds(long repeats)
{
    for (long r = 0; r < repeats; r++)
        sc_evaluate(SC_ERROR_BOUND, POINTS, (sc_column){n, 1}, (sc_column){T, 1},
                    (sc_column){&d, 0}, (sc_column){&K, 0}, out, 1);
    return POINTS;
}

static long frontier(long repeats)
{
    const sc_frontier_out widths = {out, NULL, NULL, NULL, NULL, NULL, NULL};
    for (long r = 0; r < repeats; r++)
        sc_compute_optimal(SC_BOUND_OPTIMAL, 0, POINTS, (sc_column){T, 1}, (sc_column){&d, 0},
                           (sc_column){&K, 0}, (sc_column){&cost, 0}, &widths);
    return POINTS;
}

/* points: activations, of one atom for one input */
static long network(long repeats, int single)
{
    const size_t bytes = sc_network_logits_space(D);
    double *directions = memory(8 * ATOMS * D), *weights = memory(8 * ATOMS),
           *X = memory(8 * POINTS * D);
    void *space = memory(bytes);
    fill(single, directions, ATOMS * D);
    fill(single, weights, ATOMS);
    fill(single, X, POINTS * D);
    for (long r = 0; r < repeats; r++)
        sc_network_logits(single ? SC_SINGLE : SC_DOUBLE, D, ATOMS, directions, weights, POINTS, X,
                          out, space, bytes);
    return ATOMS * POINTS;
}

/* points: weights that learn from one sample */
static long training(long repeats, int single)
{
    sc_training_options o = SC_TRAINING_OPTIONS_INIT;
    o.input_dim = D;
    o.precision = single ? SC_SINGLE : SC_DOUBLE;
    sc_run runs[RUNS];
    const size_t bytes = sc_train_space(SAMPLES), state = sc_run_state_size(&o, WIDTH);
    double *plain = memory(8 * (D + 1) * WIDTH), *X = memory(8 * SAMPLES * D),
           *labels = memory(8 * SAMPLES), *probability = memory(8 * SAMPLES),
           *offset = memory(8 * SAMPLES);
    void *space = memory(bytes);
    fill(single, plain, (D + 1) * WIDTH);
    fill(single, X, SAMPLES * D);
    memset(labels, 0, 8 * SAMPLES);
    memset(probability, 0, 8 * SAMPLES);
    memset(offset, 0, 8 * SAMPLES);
    for (int i = 0; i < RUNS; i++) {
        runs[i] = (sc_run){.size = sizeof *runs, .width = WIDTH, .learning_rate = 0.01};
        runs[i].state = memory(state);
        sc_run_begin(&o, &runs[i], state, plain);
    }
    for (long r = 0; r < repeats; r++)
        sc_train(&o, runs, RUNS, r * SAMPLES, SAMPLES, X, labels, probability, offset, space,
                 bytes);
    return (long)RUNS * SAMPLES * WIDTH * (D + 1);
}

static long spectral(long repeats)
{
    sc_spectral_table *table = made_up_table(D);
    if (!table)
        exit(1);
    for (long r = 0; r < repeats; r++)
        sc_spectral_evaluate(table, SC_REFINED_BOUND, POINTS, (sc_column){n, 1}, (sc_column){T, 1},
                             (sc_column){&K, 0}, out, 1);
    return POINTS;
}

int main(int count, char **words)
{
    if (count != 4)
        return 2;
    const sc_engine *engine = sc_engine_find(words[1]);
    const long repeats = atol(words[3]);
    if (!engine)
        return 3;
    sc_engine_use(engine);
    for (int i = 0; i < POINTS; i++) {
        n[i] = 10.0 + 100.0 * i;
        T[i] = 1e6 * (1.0 + i);
    }
    const char *work = words[2];
    const long points = !strcmp(work, "bounds")       ? bounds(repeats)
                        : !strcmp(work, "frontier")   ? frontier(repeats)
                        : !strcmp(work, "network64")  ? network(repeats, 0)
                        : !strcmp(work, "network32")  ? network(repeats, 1)
                        : !strcmp(work, "training64") ? training(repeats, 0)
                        : !strcmp(work, "training32") ? training(repeats, 1)
                        : !strcmp(work, "spectral")   ? spectral(repeats)
                                                      : 0;
    printf("%ld\n", points);
    return !points;
}
