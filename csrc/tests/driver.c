/* Calls every function of scalecore.h, with good and with bad arguments, on memory of the exact
   size: for sanitizers and valgrind. Prints what failed; exits with 0 if nothing did. */
#include "engine/engine.h"
#include "expect.h"

int failures;

static void texts(void)
{
    EXPECT(!strcmp(sc_version(), SC_VERSION) && sc_version_number() == SC_VERSION_NUMBER);
    EXPECT(sc_compatible(SC_VERSION_NUMBER) && !sc_compatible(SC_VERSION_NUMBER + 1)
           && !sc_compatible(-1) && !sc_compatible(10000));
    EXPECT(strlen(sc_instruction_set()) > 0);
    for (int status = -12; status <= 4; status++) {
        EXPECT(strcmp(sc_status_string(status), "unknown status"));
        for (int other = -12; other < status; other++)
            EXPECT(strcmp(sc_status_string(status), sc_status_string(other)));
    }
    EXPECT(!strcmp(sc_status_string(5), "unknown status")
           && !strcmp(sc_status_string(-13), "unknown status"));
}

static double one(sc_quantity q, double n, double T, double d, double K)
{
    switch (q) {
    case SC_ERROR_BOUND: return sc_error_bound(n, T, d, K);
    case SC_MISSPECIFICATION_BOUND: return sc_misspecification_bound(n, T, d, K);
    case SC_ESTIMATION_BOUND: return sc_estimation_bound(n, T, d, K);
    case SC_OPTIMAL_RESOLUTION: return sc_optimal_resolution(n, T, d, K);
    case SC_CLOSED_FORM_BOUND: return sc_closed_form_bound(n, T, d, K);
    default: return sc_occupancy(n, K);
    }
}

static void bounds(void)
{
    static const double edge[] = {0.0,  -1.0, 1e-310, 0.5,   1.0,   1.5,     9.99,     10.0,
                                  80.0, 1e3,  1e9,    1e153, 1e300, 1.1e300, INFINITY, NAN};
    enum { EDGES = sizeof edge / sizeof *edge, COUNT = EDGES * EDGES };
    double *n = malloc(COUNT * sizeof *n), *K = malloc(COUNT * sizeof *K),
           *out = malloc(2 * COUNT * sizeof *out), T = 1e6, d = 10.0;
    for (int i = 0; i < COUNT; i++) {
        n[i] = edge[i % EDGES];
        K[i] = edge[i / EDGES];
    }
    const sc_column cn = {n, 1}, cT = {&T, 0}, cd = {&d, 0}, cK = {K, 1}, none = {NULL, 1},
                    odd = {(double *)((char *)n + 1), 1};
    for (int q = 0; q < SC_QUANTITY_COUNT; q++) {
        EXPECT(sc_evaluate((sc_quantity)q, COUNT, cn, cT, cd, cK, out, 2) > 0);
        for (int i = 0; i < COUNT; i++)
            EXPECT(same(out[2 * i], one((sc_quantity)q, n[i], T, d, K[i])));
        for (int bad = 0; bad < 5; bad++) {
            const double v[5] = {NAN, 0.5, -1.0, INFINITY, 2e300};
            EXPECT(isnan(one((sc_quantity)q, v[bad], T, d, 1.0))
                   && (q == SC_OCCUPANCY || isnan(one((sc_quantity)q, 1.0, v[bad], d, 1.0))));
        }
    }
    const sc_column back = {n + COUNT - 1, -1};
    EXPECT(sc_evaluate(SC_OCCUPANCY, COUNT, back, none, none, cK, out, 1) > 0
           && same(out[1], sc_occupancy(n[COUNT - 2], K[1])));
    EXPECT(sc_evaluate(SC_OCCUPANCY, 0, none, none, none, none, NULL, 1) == 0);
    EXPECT(sc_evaluate((sc_quantity)6, 1, cn, cT, cd, cK, out, 1) == SC_ERROR_ARGUMENT);
    EXPECT(sc_evaluate((sc_quantity)-1, 1, cn, cT, cd, cK, out, 1) == SC_ERROR_ARGUMENT);
    EXPECT(sc_evaluate(SC_ERROR_BOUND, -1, cn, cT, cd, cK, out, 1) == SC_ERROR_ARGUMENT);
    EXPECT(sc_evaluate(SC_ERROR_BOUND, 1, cn, none, cd, cK, out, 1) == SC_ERROR_ARGUMENT);
    EXPECT(sc_evaluate(SC_ERROR_BOUND, 1, odd, cT, cd, cK, out, 1) == SC_ERROR_ARGUMENT);
    EXPECT(sc_evaluate(SC_ERROR_BOUND, 1, cn, cT, cd, cK, NULL, 1) == SC_ERROR_ARGUMENT);
    EXPECT(sc_evaluate(SC_ERROR_BOUND, PTRDIFF_MAX, cn, cT, cd, cK, out, 1) == SC_ERROR_ARGUMENT);
    EXPECT(sc_evaluate(SC_ERROR_BOUND, 3, (sc_column){n, PTRDIFF_MIN}, cT, cd, cK, out, 1)
           == SC_ERROR_ARGUMENT);
    EXPECT(sc_evaluate(SC_ERROR_BOUND, 3, cn, cT, cd, cK, n + 1, 1) == SC_ERROR_ARGUMENT);
    EXPECT(sc_evaluate(SC_ERROR_BOUND, 3, cn, cT, cd, cK, n, 2) == SC_ERROR_ARGUMENT);
    EXPECT(sc_evaluate(SC_ERROR_BOUND, 3, cn, cT, cd, cK, out, 0) == SC_ERROR_ARGUMENT);
    EXPECT(sc_evaluate(SC_ERROR_BOUND, 3, cn, cT, cd, cK, &T, 1) == SC_ERROR_ARGUMENT);
    EXPECT(sc_evaluate(SC_OCCUPANCY, COUNT, cn, none, none, cK, out, 1) > 0
           && sc_evaluate(SC_OCCUPANCY, COUNT, cn, none, none, cK, n, 1) > 0);
    EXPECT(!memcmp(n + 5, out + 5, sizeof *n));
    free(n);
    free(K);
    free(out);
}

static void frontier(void)
{
    enum { COUNT = 37 };
    double C[COUNT], d = 10.0, K = 100.0, cost = 6.0, column[6][COUNT], width, samples, error;
    int8_t status[COUNT];
    for (int i = 0; i < COUNT; i++)
        C[i] = i < 2 ? (i ? NAN : 1.0) : pow(10.0, 1 + i / 2.0);
    const sc_column cC = {C, 1}, cd = {&d, 0}, cK = {&K, 0}, cc = {&cost, 0}, none = {NULL, 0};
    const sc_frontier_out out = {column[0], column[1], column[2], column[3],
                                 column[4], column[5], status},
                          few = {0};
    for (int bound = 0; bound < 2; bound++)
        for (int integer = 0; integer < 2; integer++) {
            EXPECT(sc_compute_optimal((sc_bound)bound, integer, COUNT, cC, cd, cK, cc, &out)
                   == SC_OK);
            EXPECT(status[0] == SC_INFEASIBLE && status[1] == SC_INVALID
                   && status[COUNT - 1] == SC_INTERIOR);
            for (int i = 0; i < COUNT; i++) {
                EXPECT(sc_optimal_allocation((sc_bound)bound, integer, C[i], d, K, cost, &width,
                                             &samples, &error)
                       == status[i]);
                EXPECT(same(width, column[0][i]) && same(samples, column[1][i])
                       && same(error, column[2][i]));
            }
        }
    EXPECT(sc_compute_optimal(SC_BOUND_OPTIMAL, 0, COUNT, cC, cd, cK, cc, &few) == SC_OK);
    EXPECT(sc_compute_optimal(SC_BOUND_OPTIMAL, 0, 0, none, none, none, none, &few) == SC_OK);
    EXPECT(sc_compute_optimal((sc_bound)2, 0, COUNT, cC, cd, cK, cc, &out) == SC_ERROR_ARGUMENT);
    EXPECT(sc_compute_optimal(SC_BOUND_OPTIMAL, 0, -1, cC, cd, cK, cc, &out) == SC_ERROR_ARGUMENT);
    EXPECT(sc_compute_optimal(SC_BOUND_OPTIMAL, 0, COUNT, cC, none, cK, cc, &out)
           == SC_ERROR_ARGUMENT);
    EXPECT(sc_compute_optimal(SC_BOUND_OPTIMAL, 0, COUNT, cC, cd, cK, cc, NULL)
           == SC_ERROR_ARGUMENT);
    const sc_frontier_out twice = {column[0], column[0] + 1, NULL, NULL, NULL, NULL, NULL},
                          over = {C + 1, NULL, NULL, NULL, NULL, NULL, NULL},
                          status_over = {NULL, NULL, NULL, NULL, NULL, NULL, (int8_t *)C},
                          place = {C, NULL, NULL, NULL, NULL, NULL, NULL};
    EXPECT(sc_compute_optimal(SC_BOUND_OPTIMAL, 0, COUNT, cC, cd, cK, cc, &twice)
           == SC_ERROR_ARGUMENT);
    EXPECT(sc_compute_optimal(SC_BOUND_OPTIMAL, 0, COUNT, cC, cd, cK, cc, &over)
           == SC_ERROR_ARGUMENT);
    EXPECT(sc_compute_optimal(SC_BOUND_OPTIMAL, 0, COUNT, cC, cd, cK, cc, &status_over)
           == SC_ERROR_ARGUMENT);
    EXPECT(sc_compute_optimal(SC_BOUND_OPTIMAL, 0, COUNT, cC, cd, cK, cc, &out) == SC_OK);
    EXPECT(sc_compute_optimal(SC_BOUND_OPTIMAL, 0, COUNT, cC, cd, cK, cc, &place) == SC_OK
           && !memcmp(C + 9, column[0] + 9, 8 * sizeof *C));
    EXPECT(sc_optimal_allocation(SC_BOUND_OPTIMAL, 0, 1e9, d, K, cost, NULL, NULL, NULL)
           == SC_INTERIOR);
    EXPECT(sc_optimal_allocation(SC_BOUND_OPTIMAL, 0, 1e9, d, K, cost, &width, &width, NULL)
           == SC_ERROR_ARGUMENT);
    /* near the domain's end the start may be far from the minimum: the walk must end all the same;
       it is long, and a short run has walked enough */
    if (!getenv("SC_DRIVER_STEP"))
        EXPECT(sc_optimal_allocation(SC_BOUND_OPTIMAL, 1, 3.8e25, 2e295, 2e295, 1e-310, &width,
                                     NULL, NULL)
                   >= 0
               && width >= 1.0);
    EXPECT(sc_optimal_allocation((sc_bound)7, 0, 1e9, d, K, cost, NULL, NULL, NULL)
           == SC_ERROR_ARGUMENT);
}

static void streams(void)
{
    double two[32], second[16];
    for (int law = SC_EXPONENTIAL; law <= SC_UNIFORM; law++) {
        EXPECT(sc_random((sc_law)law, 1, 2, 3, 4, 2, two) == SC_OK
               && sc_random((sc_law)law, 1, 2, 3, 5, 1, second) == SC_OK);
        EXPECT(!memcmp(two + 16, second, sizeof second));
    }
    EXPECT(sc_random(SC_NORMAL, 1, 2, 3, 4, 0, NULL) == SC_OK);
    EXPECT(sc_random((sc_law)4, 1, 2, 3, 4, 1, two) == SC_ERROR_ARGUMENT
           && sc_random((sc_law)-1, 1, 2, 3, 4, 1, two) == SC_ERROR_ARGUMENT);
    EXPECT(sc_random(SC_NORMAL, 1, 2, 256, 4, 1, two) == SC_ERROR_ARGUMENT
           && sc_random(SC_NORMAL, 1, 2, 3, 4, -1, two) == SC_ERROR_ARGUMENT);
    EXPECT(sc_random(SC_NORMAL, 1, 2, 3, 4, 1, NULL) == SC_ERROR_ARGUMENT);
    EXPECT(sc_random(SC_NORMAL, 1, 2, 3, 4, 1, (double *)((char *)two + 4)) == SC_ERROR_ARGUMENT);
}

int main(void)
{
    /* first as a program finds it */
    static const char *const names[] = {NULL, "avx512", "avx2", "baseline"};
    for (int i = 0; i < 4; i++) {
        const sc_engine *engine = i ? sc_engine_find(names[i]) : NULL;
        if (i && !engine)
            continue;
        /* valgrind knows no AVX-512, so that AVX2 is what it finds: a short run has that already */
        if (i && i < 3 && getenv("SC_DRIVER_STEP"))
            continue;
        if (engine)
            sc_engine_use(engine);
        texts();
        bounds();
        frontier();
        streams();
        check_known();
        check_networks();
        check_training();
        check_filter();
        check_posterior();
        check_spectral();
        check_tables();
        check_laws();
        printf("%d failures (%s, %s)\n", failures, sc_version(), sc_instruction_set());
    }
    return failures != 0;
}
