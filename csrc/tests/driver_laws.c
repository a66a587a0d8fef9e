/* The driver's share of laws fitted to runs: losses and gradients by formula, fits, resamples.
   Wrong arguments are in driver_laws_wrong.c. */
#include "laws.h"

/* ---- points ---------------------------------------------------------------------------------- */

static void evaluated(int form)
{
    enum { POINTS = 70 };
    const int width = sc_law_value_count((sc_law_form)form);
    const double *const v = law_values[form];
    double N[POINTS], D[POINTS], *loss = malloc(POINTS * sizeof *loss),
                                 *gradient = malloc((size_t)(POINTS * width) * sizeof *gradient);
    for (int i = 0; i < POINTS; i++) {
        N[i] = 1e7 * pow(1.1, i);
        D[i] = 1e11 * pow(1.15, -i);
    }
    const sc_column cN = {N, 1}, cD = {D, 1}, none = {NULL, 1};
    const int alone = form == SC_LAW_COMPUTE;
    EXPECT(sc_law_evaluate((sc_law_form)form, v, POINTS, cN, alone ? none : cD, loss, gradient)
           == 0);
    for (int i = 0; i < POINTS; i++) {
        const double wanted = formula(form, v, N[i], D[i]);
        EXPECT(fabs(loss[i] - wanted) <= 1e-13 * wanted);
        for (int j = 0; j < width; j++) { /* fourth-order differences */
            double around[4], moved[MOST], step = v[j] ? 1e-3 * v[j] : 1e-3;
            for (int k = 0; k < 4; k++) {
                memcpy(moved, v, sizeof moved);
                moved[j] += step * (k < 2 ? k - 2 : k - 1);
                around[k] = formula(form, moved, N[i], D[i]);
            }
            const double slope =
                (8 * (around[2] - around[1]) - (around[3] - around[0])) / (12 * step);
            EXPECT(fabs(gradient[i * width + j] - slope) <= 1e-6 * fabs(slope) + 1e-11 / step);
        }
    }
    N[3] = 0;
    N[66] = INFINITY;
    N[5] = NAN;
    D[7] = -1;
    EXPECT(sc_law_evaluate((sc_law_form)form, v, POINTS, cN, cD, loss, gradient)
           == (alone ? 2 : 3));
    for (int i = 0; i < POINTS; i++) {
        const int bad = i == 3 || i == 66 || i == 5 || (i == 7 && !alone);
        EXPECT((isnan(loss[i]) != 0) == bad
               && (isnan(gradient[i * width + width - 1]) != 0) == bad);
    }
    free(gradient);
    free(loss);
}

/* ---- fits ------------------------------------------------------------------------------------ */

static void fitted(int form)
{
    table t;
    sc_law_result result, again;
    make_table(&t, form);
    const int width = sc_law_value_count((sc_law_form)form);
    const int last = form == SC_LAW_TIED ? SC_LOSS_ABSOLUTE : SC_LOSS_SQUARED; /* kinks take long */
    for (int loss = SC_LOSS_HUBER; loss <= last; loss++) {
        t.options.loss = loss;
        t.bytes = sc_law_space(&t.options);
        free(t.space);
        t.space = lines(t.bytes);
        EXPECT(fit(&t, &result) == SC_OK && fit(&t, &again) == SC_OK);
        EXPECT(!memcmp(&result, &again, sizeof result)); /* whatever was in the work space */
        if (loss == SC_LOSS_ABSOLUTE)
            continue; /* with kinks this sharp small tables may have no certificate */
        EXPECT(result.status == SC_LAW_CONVERGED || result.status == SC_LAW_AT_EDGE
               || result.status == SC_LAW_NOT_IDENTIFIED);
        EXPECT(result.scaled_gradient < 1e-8 && result.agreed >= 2
               && result.agreed <= result.starts);
        EXPECT((result.reason == SC_REASON_NONE) == (result.status == SC_LAW_CONVERGED));
        for (int i = 0; i < RUNS && result.status == SC_LAW_CONVERGED; i++) {
            double value;
            EXPECT(sc_law_evaluate((sc_law_form)form, result.values, 1, (sc_column){t.row[i], 0},
                                   (sc_column){t.row[i] + 1, 0}, &value, NULL)
                   == 0);
            EXPECT(fabs(value / t.row[i][2] - 1) < 0.02);
        }
        for (int j = width; j < MOST; j++)
            EXPECT(isnan(result.values[j]) && isnan(result.theta[j]));
    }
    t.options.loss = SC_LOSS_HUBER;
    t.options.starts = law_values[form];
    t.options.start_count = 1;
    free(t.space);
    t.bytes = sc_law_space(&t.options);
    t.space = lines(t.bytes);
    if (form != SC_LAW_COMPUTE) { /* one more start, and the same optimum */
        EXPECT(fit(&t, &again) == SC_OK && again.starts > 8);
        t.options.start_count = 0;
        EXPECT(fit(&t, &result) == SC_OK);
        EXPECT(fabs(again.objective / result.objective - 1) < 1e-9);
    }
    free(t.space);
}

static void statuses(void)
{
    table t;
    sc_law_result result;
    make_table(&t, SC_LAW_ADDITIVE);
    t.options.runs = 0;
    t.options.N.data = t.options.D.data = t.options.L.data = NULL;
    EXPECT(fit(&t, &result) == SC_OK && result.status == SC_LAW_TOO_FEW_RUNS);
    EXPECT(isnan(result.values[0]) && isnan(result.objective));
    free(t.space);
    make_table(&t, SC_LAW_ADDITIVE);
    t.options.runs = 5;
    EXPECT(fit(&t, &result) == SC_OK && result.reason == SC_REASON_FEW_RUNS);
    for (int which = 0; which < 4; which++) {
        free(t.space);
        make_table(&t, SC_LAW_ADDITIVE);
        for (int i = 0; i < RUNS; i++)
            switch (which) {
            case 0: t.row[i][0] = 1e9; break;
            case 1: t.row[i][1] = 1e9; break;
            case 2: t.row[i][1] = 20 * t.row[i][0]; break;
            default: t.row[i][0] = i % 2 ? 1e9 : 1e8; t.row[i][1] = i % 4 < 2 ? 1e9 : 1e10;
            }
        EXPECT(fit(&t, &result) == SC_OK && result.status == SC_LAW_NOT_IDENTIFIED);
        EXPECT(result.reason == SC_REASON_ONE_SIZE + which);
    }
    for (int i = 0; i < RUNS; i++) /* no offset is low enough */
        t.row[i][2] = 40 * pow(t.row[i][0] = 1e8 * pow(3, i % 6), -0.1)
                      + 30 * pow(t.row[i][1] = 2e9 * pow(4, i / 6), -0.09) - 3;
    EXPECT(fit(&t, &result) == SC_OK && result.status == SC_LAW_AT_EDGE);
    EXPECT(result.at_edge == 1 && result.values[0] == 0 && result.reason == SC_REASON_EDGE);
    for (int reason = SC_REASON_NONE; reason <= SC_REASON_EDGE; reason++)
        for (int other = -1; other < reason; other++)
            EXPECT(strcmp(sc_law_reason_string(reason), sc_law_reason_string(other)));
    EXPECT(!strcmp(sc_law_reason_string(9), "unknown reason"));
    free(t.space);
}

/* ---- resamples ------------------------------------------------------------------------------- */

static void resampled(int form)
{
    table t;
    sc_law_result result;
    make_table(&t, form);
    t.options.cluster = t.cluster;
    t.bytes = sc_law_space(&t.options);
    free(t.space);
    t.space = lines(t.bytes);
    EXPECT(fit(&t, &result) == SC_OK);
    const int width = sc_law_value_count((sc_law_form)form),
              usable = result.status == SC_LAW_CONVERGED || result.status == SC_LAW_AT_EDGE;
    const size_t size = (size_t)(DRAWS * width) * sizeof(double);
    double *draws = malloc(size), *again = malloc(size);
    for (int how = SC_DRAW_AUTO; how <= SC_DRAW_LEAVE_OUT; how++) {
        const sc_law_draws h = (sc_law_draws)how;
        const int wanted = usable ? SC_OK : SC_ERROR_RANGE;
        EXPECT(sc_law_resample(&t.options, &result, h, 5, 3, DRAWS, draws, t.space, t.bytes)
               == wanted);
        if (!usable)
            continue;
        for (int i = 0; i < DRAWS; i++) /* one at a time, on work space that is spoilt */
            EXPECT(memset(t.space, 255, t.bytes)
                   && !sc_law_resample(&t.options, &result, h, 5, 3 + (uint64_t)i, 1,
                                       again + i * width, t.space, t.bytes));
        for (int i = 0; i < DRAWS * width; i++)
            EXPECT(same(draws[i], again[i]));
        EXPECT(isnan(draws[width]) || fabs(draws[width] - result.values[0]) < 3);
    }
    free(again);
    free(draws);
    free(t.space);
}

void check_laws(void)
{
    const int step = getenv("SC_DRIVER_STEP") ? 2 : 1; /* half the forms in a short run */
    for (int form = 0; form < SC_LAW_FORM_COUNT; form += step) {
        evaluated(form);
        fitted(form);
        resampled(form);
    }
    statuses();
    check_wrong_laws();
}
