/* The driver's share of chains over the posterior, which only the engine has: work space of the
   exact size, the same bits on memory that was used before, and the way out at every question. */
#include "engine/engine.h"
#include "expect.h"

static sc_posterior posterior_of(int input_dim, int sticks, int samples)
{
    const sc_posterior p = {.key = 3,
                            .item = 2,
                            .place = 1,
                            .input_dim = input_dim,
                            .concentration = 2.0,
                            .truncation = 1e-8,
                            .sticks = sticks,
                            .samples = samples,
                            .inputs = SC_INPUT_MULTIPLE,
                            .states = 3,
                            .prior_states = 2,
                            .prior_chains = 2,
                            .annealing = 1,
                            .step = 0.4,
                            .turn = 0.8,
                            .flips = 0.5};
    return p;
}

static void chains(int input_dim, int sticks, int samples)
{
    const sc_engine *engine = sc_engine_in_use();
    const sc_posterior p = posterior_of(input_dim, sticks, samples);
    const size_t bytes = engine->posterior_space(&p);
    void *space = lines(bytes);
    double *trace = lines(7 * (SC_INPUT_MULTIPLE + 1) * sizeof *trace);
    sc_posterior_result first, second;
    int calls = 1000000, stopped = 1;
    EXPECT(bytes % SC_ALIGNMENT == 0);
    EXPECT(engine->posterior_chains(&p, space, patience_of, &calls, trace, &first) == 1);
    EXPECT(first.lower >= 0.0 && first.upper >= first.lower && first.effective >= 1.0);
    EXPECT(first.acceptance >= 0.0 && first.acceptance <= 1.0);
    memset(space, 0xff, bytes); /* NaN everywhere */
    EXPECT(engine->posterior_chains(&p, space, NULL, NULL, NULL, &second) == 1);
    EXPECT(!memcmp(&first, &second, sizeof first));
    const int questions = 1000000 - calls;
    for (int patience = 0; patience < questions; patience += 1 + questions / 5) {
        calls = patience;
        stopped &= !engine->posterior_chains(&p, space, patience_of, &calls, NULL, &second);
    }
    EXPECT(stopped);
    free(trace);
    free(space);
}

static void pilots(void)
{
    const sc_engine *engine = sc_engine_in_use();
    sc_posterior p = posterior_of(3, 8, 40);
    p.pilot = 1;
    p.prior_states = p.prior_chains = 0;
    void *space = lines(engine->posterior_space(&p));
    sc_posterior_result result;
    EXPECT(engine->posterior_chains(&p, space, NULL, NULL, NULL, &result) == 1);
    EXPECT(result.step > 0.0 && result.step <= 1.0);
    free(space);
}

static void gradients(void)
{
    const sc_engine *engine = sc_engine_in_use();
    enum { DIM = 3, STICKS = 8, COUNT = 70, LATENTS = STICKS * (DIM + 2) };
    const sc_posterior p = posterior_of(DIM, STICKS, COUNT);
    double latents[LATENTS] = {NAN}, signs[STICKS], tail[COUNT], gradient[2][LATENTS], value;
    float inputs[COUNT * DIM], labels[COUNT];
    void *space = lines(engine->posterior_space(&p));
    for (int single = 0; single < 2; single++)
        engine->posterior_gradient(&p, single, 1, space, latents, signs, inputs, labels, tail,
                                   &value, gradient[single]);
    EXPECT(value < 0.0);
    for (int i = 0; i < LATENTS; i++)
        EXPECT(fabs(gradient[0][i] - gradient[1][i]) < 1e-3);
    free(space);
}

void check_posterior(void)
{
    chains(1, 8, 0);
    chains(3, 16, 65);
    chains(12, 8, 300);
    pilots();
    gradients();
}
