/* Known answers, on every platform and every engine.
 *
 * Numbers without rounding that depends on the instruction set are the same to the last bit
 * everywhere: words of Philox, uniform numbers, signs and directions. Where multiply-adds are fused
 * and nothing is approximated (AVX2, NEON) so are the bounds, frontiers, other random numbers,
 * atoms and logits. The rest, and every other engine, is held to a relative error. Values are
 * AVX2's, which the tests in Python hold against mpmath.
 */
#include "engine/engine.h"
#include "expect.h"
#include "made_up_table.h"

enum { POINTS = 24, D = 10 };

/* FNV-1a: one number for many */
static uint64_t hash_of(const void *bytes, size_t count)
{
    const unsigned char *at = bytes;
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < count; i++)
        hash = (hash ^ at[i]) * 0x100000001b3u;
    return hash;
}

static int fused(void)
{
#ifdef __aarch64__
    return 1;
#else
    return !strcmp(sc_instruction_set(), "avx2");
#endif
}

#define EXPECT_BITS(array, known)                                                           \
    do {                                                                                    \
        const uint64_t hash = hash_of(array, sizeof(array));                                \
        if (hash != (known))                                                                \
            printf("%s: bits 0x%016llx\n", sc_instruction_set(), (unsigned long long)hash); \
        EXPECT(hash == (known));                                                            \
    } while (0)

static void expect_near(const char *what, const double *values, const double *known, int count,
                        double error)
{
    for (int i = 0; i < count; i++)
        if (!(fabs(values[i] - known[i]) <= error * fabs(known[i]))) {
            failures++;
            printf("%s, %s[%d]: %.17g, not %.17g\n", sc_instruction_set(), what, i, values[i],
                   known[i]);
        }
}

static void streams(void)
{
    double uniform[64], sign[64], normal[64], exponential[64];
    static const uint32_t counter[4] = {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                          known[4] = {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1};
    uint32_t words[4];
    sc_engine_in_use()->philox(counter, 0x299f31d0a4093822u, words);
    EXPECT(!memcmp(words, known, sizeof words)); /* Random123's vector */
    sc_random(SC_UNIFORM, 5, 3, 2, 7, 4, uniform);
    sc_random(SC_SIGN, 5, 3, 2, 7, 4, sign);
    sc_random(SC_NORMAL, 5, 3, 2, 7, 4, normal);
    sc_random(SC_EXPONENTIAL, 5, 3, 2, 7, 4, exponential);
    EXPECT_BITS(uniform, 0x5adeea6b09ec0075u);
    EXPECT_BITS(sign, 0x54617cf302c73e25u);
    if (fused()) {
        EXPECT_BITS(normal, 0xaf011d11713699fbu);
        EXPECT_BITS(exponential, 0xb36da4a8321cf53cu);
    }
    static const double normals[4] = {-0.53794325043126034, 2.6824134752826518,
                                      -0.11133005114127781, 0.044881261587369735},
                        exponentials[4] = {0.59884329677066661, 1.6518292580386977,
                                           0.019373657315023881, 2.0545020138377117};
    expect_near("normal", normal + 28, normals, 4, 1e-13);
    expect_near("exponential", exponential + 28, exponentials, 4, 1e-14);
}

/* Widths, samples, concentrations and budgets that are exact in binary. */
typedef struct points {
    double n[POINTS], T[POINTS], K[POINTS], budget[POINTS];
} points;

static points points_of(void)
{
    points p;
    for (int i = 0; i < POINTS; i++) {
        p.n[i] = ldexp(1.0 + i / 32.0, i);
        p.T[i] = ldexp(1.25 + (i * 7 % 16) / 16.0, 2 * i + 1);
        p.K[i] = ldexp(1.0 + i / 64.0, i / 2 - 3);
        p.budget[i] = ldexp(1.0 + i / 32.0, 3 * i + 8);
    }
    return p;
}

static void bounds(void)
{
    static const double known[SC_QUANTITY_COUNT][3] = {
        {3.3076600944637597, 0.00022061309173825296, 1.511150953869663e-06},
        {0.2578125, 0.00011519284458960034, 1.508639533872507e-06},
        {3.0498475944637597, 0.00010542024714865261, 2.5114199971559736e-09},
        {2, 0.011822809623228053, 4.003211672151704e-05},
        {8.0765244684452302, 0.00029795725081903043, 3.018627313038629e-06},
        {1, 30.4084998452397, 3700.3680513681238}};
    static const uint64_t bits[SC_QUANTITY_COUNT] = {0x485f8f3f6a4d8964u, 0x6c4842ccd615beb3u,
                                                     0x8a19b6e4d0980709u, 0x2bde065e903664f8u,
                                                     0x1f1f59d4e74596afu, 0x4a12b451658a1414u};
    const points p = points_of();
    const double d = D;
    for (int q = 0; q < SC_QUANTITY_COUNT; q++) {
        double out[POINTS];
        sc_evaluate((sc_quantity)q, POINTS, (sc_column){p.n, 1}, (sc_column){p.T, 1},
                    (sc_column){&d, 0}, (sc_column){p.K, 1}, out, 1);
        const double some[3] = {out[0], out[11], out[23]};
        expect_near("bounds", some, known[q], 3, 1e-13);
        if (fused())
            EXPECT_BITS(out, bits[q]);
    }
}

static void frontier(void)
{
    static const double known[2][4] = {
        {2600.2222110944567, 18940288.302028365, 0.00021673442750684698, 1.0739521372756587e-07},
        {2600, 18941907, 0.00021673442860236522, 1.0739521372756599e-07}};
    static const uint64_t bits[2] = {0x4d2b598c614273b3u, 0x861796c086eaa20eu};
    const points p = points_of();
    const double d = D, cost = 6.0;
    for (int integer = 0; integer < 2; integer++) {
        double out[3][POINTS];
        const sc_frontier_out to = {out[0], out[1], out[2], NULL, NULL, NULL, NULL};
        sc_compute_optimal(SC_BOUND_OPTIMAL, integer, POINTS, (sc_column){p.budget, 1},
                           (sc_column){&d, 0}, (sc_column){p.K, 1}, (sc_column){&cost, 0}, &to);
        const double some[4] = {out[0][11], out[1][11], out[2][11], out[2][23]};
        expect_near("frontier", some, known[integer], 4, 1e-12);
        if (fused())
            EXPECT_BITS(out, bits[integer]);
    }
}

/* Directions by descent, and what a fixed part along them describes: that takes an arc sine, which
   is the C library's. */
static void directions(void)
{
    enum { ORBITS = 6 };
    static const int column[4] = {0, 1, 2, 3};
    static const double known[4] = {0.00013472476180104674, 0.00013425303604810556,
                                    0.00012812831580477047, 0.00011449695403619046};
    const sc_orbits set = {.d = 4, .bits = 2, .axes = 1, .orbits = ORBITS, .column = column};
    const ptrdiff_t stride = sc_padded(ORBITS);
    const size_t bytes = sc_descent_space(&set), more = sc_projection_space(&set);
    double *u = lines((size_t)(4 * stride) * sizeof *u), found[4 * ORBITS], eigenvalues[28], slope;
    void *space = lines(bytes > more ? bytes : more);
    for (int i = 0; i < ORBITS; i++) {
        double row[4], square = 0;
        for (int k = 0; k < 4; k++) {
            row[k] = 1 + (i * 5 + k * 3) % 7;
            square += row[k] * row[k];
        }
        for (int k = 0; k < 4; k++)
            u[k * stride + i] = row[k] / sqrt(square);
    }
    const sc_engine *engine = sc_engine_in_use();
    EXPECT(engine->descend(&set, u, 20, space, NULL, NULL));
    for (int k = 0; k < 4; k++)
        memcpy(found + k * ORBITS, u + k * stride, ORBITS * sizeof *u);
    EXPECT_BITS(found, 0x279fd18a6983a556u);
    EXPECT(engine->project(&set, u, space, NULL, NULL, eigenvalues, &slope) == 28);
    expect_near("eigenvalues", eigenvalues, known, 4, 1e-10);
    free(u);
    free(space);
}

static void network(void)
{
    sc_network_options o = SC_NETWORK_OPTIONS_INIT;
    o.key = 7;
    o.input_dim = D;
    o.concentration = 5.0;
    const size_t some = sc_network_atoms_space(D), more = sc_network_logits_space(D);
    void *space = lines(some > more ? some : more);
    static double masses[SC_ATOMS], weights[SC_ATOMS], atoms[SC_ATOMS * D], inputs[48 * D],
        logits[48];
    static float single_weights[SC_ATOMS], single_atoms[SC_ATOMS * D], single_inputs[48 * D],
        single_logits[48];
    double left;
    EXPECT(!sc_network_atoms(&o, 1, 0, 1.0, masses, weights, atoms, &left, space, some));
    for (int i = 0; i < 48 * D; i++)
        single_inputs[i] = (float)(inputs[i] = (i * 37 % 101 - 50) / 32.0);
    EXPECT(!sc_network_logits(SC_DOUBLE, D, SC_ATOMS, atoms, weights, 48, inputs, logits, space,
                              more));
    if (fused()) {
        EXPECT_BITS(masses, 0x37e061fe3352ec75u);
        EXPECT_BITS(weights, 0x0b7faf62aab497cau);
        EXPECT_BITS(atoms, 0x1b7673088eb3ba83u);
        EXPECT_BITS(logits, 0x6e42ab5326e47452u);
    }
    static const double known[4] = {-0.11619616772413582, 0.2856442853307109, 0.3836903255425092,
                                    -0.11565134517315415};
    expect_near("logits", logits + 44, known, 4, 1e-12);
    /* from weights that are the same everywhere, to the bits of single precision */
    for (int i = 0; i < SC_ATOMS; i++)
        single_weights[i] = (float)(i * 29 % 67 - 33) / 64;
    for (int i = 0; i < SC_ATOMS * D; i++)
        single_atoms[i] = (float)(i * 31 % 97 - 48) / 64;
    EXPECT(!sc_network_logits(SC_SINGLE, D, SC_ATOMS, single_atoms, single_weights, 48,
                              single_inputs, single_logits, space, more));
    EXPECT_BITS(single_logits, 0x0eeaf6223e4d39ebu); /* all of its sums are exact */
    free(space);
}

/* Sums over lanes: the order, and with it the last digits, depends on their number. */
static void experiment_and_training(void)
{
    enum { SAMPLES = 192, WIDTH = 21 };
    static const double widths[2] = {3.0, 20.0}, known[6] = {0.013810603392371206,
                                                             0.0055755600654869347,
                                                             0.11778083782786594,
                                                             0.047706653637845216,
                                                             3,
                                                             6},
                        errors[2][2] = {{25.1618616410274, 14.437413511976278},
                                        {25.161863355696834, 14.4374163624194}};
    sc_network_options o = SC_NETWORK_OPTIONS_INIT;
    o.key = 7;
    o.input_dim = D;
    o.concentration = 5.0;
    double out[6];
    size_t bytes = sc_network_experiment_space(&o, 2, 40);
    void *space = lines(bytes);
    EXPECT(!sc_network_experiment(&o, 1, 2, widths, 40, out, out + 2, out + 4, space, bytes));
    expect_near("experiment", out, known, 6, 1e-11);
    free(space);
    for (int single = 0; single < 2; single++)
        for (int optimizer = 0; optimizer < 2; optimizer++) {
            static double X[SAMPLES * D], y[SAMPLES], p[SAMPLES], q[SAMPLES],
                weights[3 * (D + 1) * WIDTH];
            sc_training_options t = SC_TRAINING_OPTIONS_INIT;
            o.precision = t.precision = single;
            t.input_dim = D;
            t.optimizer = optimizer;
            bytes = sc_network_samples_space(&o, SAMPLES);
            space = lines(bytes);
            EXPECT(!sc_network_samples(&o, 1, 0, 0, SAMPLES, X, y, p, q, space, bytes));
            free(space);
            memset(weights, 0, sizeof weights);
            for (int i = 0; i < (D + 1) * WIDTH; i++)
                if (single)
                    ((float *)weights)[i] = (float)(i * 29 % 67 - 33) / 64;
                else
                    weights[i] = (i * 29 % 67 - 33) / 64.0;
            const size_t state = sc_run_state_size(&t, WIDTH);
            sc_run run = {.size = sizeof run, .width = WIDTH, .learning_rate = 0.01};
            run.state = lines(state);
            EXPECT(!sc_run_begin(&t, &run, state, weights));
            bytes = sc_train_space(SAMPLES);
            space = lines(bytes);
            EXPECT(!sc_train(&t, &run, 1, 0, SAMPLES, X, y, p, q, space, bytes));
            expect_near("training", &run.error_sum, &errors[single][optimizer], 1,
                        single ? 1e-4 : 1e-10);
            free(run.state);
            free(space);
        }
}

static void spectral_points(void)
{
    static const double known[4] = {0.0625, 0.0012501786595689184, 1.7659105710419362e-06,
                                    1.3777286462496087e-09};
    const points p = points_of();
    double out[POINTS];
    sc_spectral_table *table = made_up_table(D);
    EXPECT(table
           && !sc_spectral_evaluate(table, SC_REFINED_BOUND, POINTS, (sc_column){p.n, 1},
                                    (sc_column){p.T, 1}, (sc_column){p.K, 1}, out, 1));
    sc_spectral_table_free(table);
    const double some[4] = {out[0], out[8], out[15], out[23]};
    expect_near("spectral bound", some, known, 4, 1e-12);
}

void check_known(void)
{
    streams();
    bounds();
    frontier();
    directions();
    network();
    experiment_and_training();
    spectral_points();
}
