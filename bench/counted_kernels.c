/* Kernels for count_instructions.py: each function measure_* does one share of work, whose
 * instructions callgrind counts. What they need is made before, and what they compute is checked to
 * be finite, so that nothing can be left out.
 */
#include "engine/engine.h"
#include "scalecore.h"
#include "tests/made_up_table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* noipa: functions of equal bodies would become one */
#define MEASURED __attribute__((noipa)) static void

enum {
    POINTS = 4096,
    BUDGETS = 256,
    D = 10,
    ATOMS = 256,
    INPUTS = 256,
    RUNS = 16,
    WIDTH = 64,
    SAMPLES = 256,
    WIDTHS = 16,
    STATES = 256,
    HYPOTHESES = 64,
    CELLS = 6,
    TABLE = 240
};

static double n[POINTS], T[POINTS], K[POINTS], budget[BUDGETS], out[POINTS], probability[SAMPLES],
    offset[SAMPLES];
static double directions[ATOMS * D], weights[ATOMS], inputs[INPUTS * D];
static float directions32[ATOMS * D], weights32[ATOMS], inputs32[INPUTS * D], out32[INPUTS];
static sc_spectral_table *table;
static void *space;
static size_t space_bytes;

static void *memory(size_t bytes)
{
    const size_t whole = (bytes / SC_ALIGNMENT + 1) * SC_ALIGNMENT;
    void *p = aligned_alloc(SC_ALIGNMENT, whole);
    if (!p)
        abort();
    memset(p, 0, whole);
    return p;
}

static void expect(int what, const char *which)
{
    if (!what) {
        printf("%s failed\n", which);
        exit(1);
    }
}

static void finite(const double *x, int count, const char *which)
{
    for (int i = 0; i < count; i++)
        expect(isfinite(x[i]), which);
}

static uint64_t seed = 1;
static double uniform(void) /* the same numbers everywhere */
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(seed >> 11) * 0x1p-53;
}

/* ---- bounds, frontiers, spectral bounds ------------------------------------------------------ */

MEASURED measure_error_bound(void)
{
    sc_evaluate(SC_ERROR_BOUND, POINTS, (sc_column){n, 1}, (sc_column){T, 1},
                (sc_column){&(double){D}, 0}, (sc_column){&(double){100}, 0}, out, 1);
}

MEASURED measure_closed_form_bound(void)
{
    sc_evaluate(SC_CLOSED_FORM_BOUND, POINTS, (sc_column){n, 1}, (sc_column){T, 1},
                (sc_column){&(double){D}, 0}, (sc_column){K, 1}, out, 1);
}

static void frontier(int whole)
{
    const sc_frontier_out to = {.width = out};
    expect(sc_compute_optimal(SC_BOUND_OPTIMAL, whole, BUDGETS, (sc_column){budget, 1},
                              (sc_column){&(double){D}, 0}, (sc_column){&(double){100}, 0},
                              (sc_column){&(double){1}, 0}, &to)
               == SC_OK,
           "frontier");
}

MEASURED measure_frontier(void) { frontier(0); }
MEASURED measure_whole_frontier(void) { frontier(1); }

MEASURED measure_spectral_bound(void)
{
    sc_spectral_evaluate(table, SC_SPECTRAL_BOUND, 256, (sc_column){n, 1}, (sc_column){T, 1},
                         (sc_column){K, 1}, out, 1);
}

MEASURED measure_refined_bound(void)
{
    sc_spectral_evaluate(table, SC_REFINED_BOUND, 128, (sc_column){n, 1}, (sc_column){T, 1},
                         (sc_column){K, 1}, out, 1);
}

MEASURED measure_refined_frontier(void)
{
    const sc_frontier_out to = {.width = out};
    sc_spectral_compute_optimal(table, SC_REFINED_BOUND, 0, 8, (sc_column){budget, 32},
                                (sc_column){&(double){100}, 0}, (sc_column){&(double){1}, 0}, &to);
}

static void bounds(void)
{
    for (int i = 0; i < POINTS; i++) {
        n[i] = floor(1 + 1000 * uniform());
        T[i] = 1e3 * exp(14 * uniform());
        K[i] = exp(9 * uniform());
    }
    for (int i = 0; i < BUDGETS; i++)
        budget[i] = 1e5 * exp(0.125 * i); /* up to widths without a next double */
    table = made_up_table(D);
    expect(table != NULL, "made_up_table");
    measure_error_bound();
    finite(out, POINTS, "error_bound");
    measure_closed_form_bound();
    finite(out, POINTS, "closed_form_bound");
    measure_frontier();
    finite(out, BUDGETS, "frontier");
    measure_whole_frontier();
    finite(out, BUDGETS, "whole frontier");
    measure_spectral_bound();
    finite(out, 256, "spectral_bound");
    measure_refined_bound();
    finite(out, 128, "refined_bound");
    measure_refined_frontier();
    finite(out, 8, "refined frontier");
    sc_spectral_table_free(table);
}

/* ---- the network ----------------------------------------------------------------------------- */

MEASURED measure_logits_double(void)
{
    sc_network_logits(SC_DOUBLE, D, ATOMS, directions, weights, INPUTS, inputs, out, space,
                      space_bytes);
}

MEASURED measure_logits_single(void)
{
    sc_network_logits(SC_SINGLE, D, ATOMS, directions32, weights32, INPUTS, inputs32, out32, space,
                      space_bytes);
}

static sc_network_options network;
static double widths[WIDTHS], kl[WIDTHS], squared[WIDTHS], occupancy[WIDTHS];

MEASURED measure_misspecification(void)
{
    expect(sc_network_experiment(&network, 0, WIDTHS, widths, INPUTS, kl, squared, occupancy, space,
                                 space_bytes)
               == SC_OK,
           "misspecification");
}

static void networks(void)
{
    for (int i = 0; i < ATOMS * D; i++)
        directions32[i] = (float)(directions[i] = 2 * uniform() - 1);
    for (int i = 0; i < ATOMS; i++)
        weights32[i] = (float)(weights[i] = 2 * uniform() - 1);
    for (int i = 0; i < INPUTS * D; i++)
        inputs32[i] = (float)(inputs[i] = 2 * uniform() - 1);
    space_bytes = sc_network_logits_space(D);
    space = memory(space_bytes);
    measure_logits_double();
    finite(out, INPUTS, "logits");
    measure_logits_single();
    for (int i = 0; i < INPUTS; i++)
        expect(fabs(out32[i] - out[i]) < 1e-3, "logits in float");
    free(space);

    network = (sc_network_options)SC_NETWORK_OPTIONS_INIT;
    network.input_dim = D;
    network.concentration = 30;
    network.truncation = 1e-8;
    network.precision = SC_SINGLE;
    for (int i = 0; i < WIDTHS; i++)
        widths[i] = floor(pow(1.5, i));
    space_bytes = sc_network_experiment_space(&network, WIDTHS, INPUTS);
    space = memory(space_bytes);
    measure_misspecification();
    finite(kl, WIDTHS, "misspecification");
    free(space);
}

/* ---- training -------------------------------------------------------------------------------- */

static sc_training_options training;
static sc_run runs[RUNS];
static void *X, *y;

static void train(void)
{
    expect(
        sc_train(&training, runs, RUNS, 0, SAMPLES, X, y, probability, offset, space, space_bytes)
            == SC_OK,
        "train");
}

MEASURED measure_sgd_double(void) { train(); }
MEASURED measure_sgd_single(void) { train(); }
MEASURED measure_adam_single(void) { train(); }

MEASURED measure_samples(void)
{
    expect(sc_network_samples(&network, 1, 0, 0, SAMPLES, X, y, probability, offset, space,
                              space_bytes)
               == SC_OK,
           "samples");
}

static void trained(int precision, int optimizer, void (*measure)(void))
{
    training = (sc_training_options)SC_TRAINING_OPTIONS_INIT;
    training.input_dim = D;
    training.precision = network.precision = precision;
    training.optimizer = optimizer;
    training.decay = 0.5;
    training.decay_start = 1000;
    X = memory(SAMPLES * D * sizeof(double));
    y = memory(SAMPLES * sizeof(double));
    space_bytes = sc_network_samples_space(&network, SAMPLES);
    space = memory(space_bytes);
    measure_samples(); /* its count is of the last call, in float */
    free(space);
    double *plain = memory(3 * (D + 1) * WIDTH * sizeof(double));
    for (int i = 0; i < (D + 1) * WIDTH; i++)
        if (precision == SC_SINGLE)
            ((float *)plain)[i] = (float)(0.2 * uniform() - 0.1);
        else
            plain[i] = 0.2 * uniform() - 0.1;
    const size_t bytes = sc_run_state_size(&training, WIDTH);
    for (int r = 0; r < RUNS; r++) {
        runs[r] = (sc_run){.size = sizeof *runs,
                           .width = WIDTH,
                           .learning_rate = 0.001 * (r + 1),
                           .state = memory(bytes)};
        expect(sc_run_begin(&training, &runs[r], bytes, plain) == SC_OK, "begin");
    }
    space_bytes = sc_train_space(SAMPLES);
    space = memory(space_bytes);
    measure();
    for (int r = 0; r < RUNS; r++) {
        finite(&runs[r].error_sum, 1, "train");
        free(runs[r].state);
    }
    free(space);
    free(plain);
    free(X);
    free(y);
}

/* ---- finite models --------------------------------------------------------------------------- */

static sc_recursion recursion;
static double sums[3];
static double *laws, *next, *mass, *next_mass, *marginals;

MEASURED measure_recursion(void)
{
    sc_engine_in_use()->recur(&recursion, 0, 0, STATES, mass, laws, next, next_mass, marginals,
                              sums);
}

/* A step of a dense random table: into every state lead CELLS transitions from random states. */
static void finite_models(void)
{
    const size_t law_bytes = STATES * HYPOTHESES * sizeof(double);
    double *theta = memory(CELLS * HYPOTHESES * sizeof *theta),
           *log_theta = memory(CELLS * HYPOTHESES * sizeof *theta),
           *prior = memory(HYPOTHESES * sizeof *prior),
           *negentropy = memory(HYPOTHESES * sizeof *prior);
    ptrdiff_t *first = memory((STATES + 1) * sizeof *first);
    int32_t *source = memory(STATES * CELLS * sizeof *source), *cell = memory(STATES * CELLS * 4);
    double *weight = memory(STATES * CELLS * sizeof *weight);
    laws = memory(law_bytes), next = memory(law_bytes);
    mass = memory(STATES * 8), next_mass = memory(STATES * 8);
    marginals = memory(STATES * CELLS * 8);
    for (int f = 0; f < HYPOTHESES; f++) {
        prior[f] = 1.0 / HYPOTHESES;
        double sum = 0;
        for (int c = 0; c < CELLS; c++)
            sum += theta[c * HYPOTHESES + f] = 0.1 + uniform();
        for (int c = 0; c < CELLS; c++) {
            theta[c * HYPOTHESES + f] /= sum;
            log_theta[c * HYPOTHESES + f] = log(theta[c * HYPOTHESES + f]);
        }
    }
    for (int s = 0; s <= STATES; s++)
        first[s] = s * CELLS;
    for (int i = 0; i < STATES * CELLS; i++) {
        source[i] = (int32_t)(STATES * uniform());
        cell[i] = i % CELLS;
        weight[i] = 1;
    }
    for (int i = 0; i < STATES * HYPOTHESES; i++) {
        laws[i] = 1.0 / STATES;
        mass[i / HYPOTHESES] += laws[i] / HYPOTHESES;
    }
    recursion = (sc_recursion){.model = {HYPOTHESES, 2, 3, theta, log_theta},
                               .prior = prior,
                               .negentropy = negentropy,
                               .states = STATES,
                               .first = first,
                               .source = source,
                               .cell = cell,
                               .weight = weight,
                               .width = HYPOTHESES};
    measure_recursion();
    finite(next, STATES * HYPOTHESES, "recursion");
    finite(sums, 3, "recursion");
}

/* ---- fits ------------------------------------------------------------------------------------ */

static sc_law_options law;
static sc_law_result result;

MEASURED measure_fit(void)
{
    expect(sc_law_fit(&law, &result, space, space_bytes) == SC_OK, "fit");
}

static void fits(void)
{
    static double N[TABLE], tokens[TABLE], loss[TABLE];
    for (int i = 0; i < TABLE; i++) {
        N[i] = 1e8 * pow(1.4, i % 16);
        tokens[i] = 2e9 * pow(1.5, i / 16);
        loss[i] = (1.8 + 480 * pow(N[i], -0.35) + 2100 * pow(tokens[i], -0.37))
                  * (1 + 0.004 * (uniform() - 0.5));
    }
    law = (sc_law_options)SC_LAW_OPTIONS_INIT;
    law.form = SC_LAW_ADDITIVE;
    law.runs = TABLE;
    law.N = (sc_column){N, 1};
    law.D = (sc_column){tokens, 1};
    law.L = (sc_column){loss, 1};
    law.weight.data = NULL;
    result = (sc_law_result)SC_LAW_RESULT_INIT;
    space_bytes = sc_law_space(&law);
    space = memory(space_bytes);
    measure_fit();
    expect(result.status == SC_LAW_CONVERGED, "fit");
}

int main(int count, char **arguments)
{
    const sc_engine *engine = sc_engine_find(count > 1 ? arguments[1] : NULL);
    if (!engine) {
        printf("this processor has no %s\n", arguments[1]);
        return 2;
    }
    sc_engine_use(engine);
    bounds();
    networks();
    trained(SC_DOUBLE, SC_SGD, measure_sgd_double);
    trained(SC_SINGLE, SC_SGD, measure_sgd_single);
    trained(SC_SINGLE, SC_ADAM, measure_adam_single);
    finite_models();
    fits();
    return 0;
}
