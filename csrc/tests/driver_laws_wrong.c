/* The driver's share of laws fitted to runs: every wrong argument has its status, and nothing is
   written. */
#include "laws.h"

static void wrong_points(void)
{
    double v[MOST], N[4] = {1e8, 1e9, 1e10, 1e11}, loss[4], gradient[4 * MOST];
    const sc_column c = {N, 1}, none = {NULL, 1}, odd = {(double *)((char *)N + 4), 1};
    memcpy(v, law_values[0], sizeof v);
    EXPECT(sc_law_evaluate(SC_LAW_ADDITIVE, v, 4, c, c, loss, NULL) == 0);
    EXPECT(sc_law_evaluate(SC_LAW_ADDITIVE, v, 0, none, none, NULL, NULL) == 0);
    EXPECT(sc_law_evaluate((sc_law_form)6, v, 4, c, c, loss, NULL) == SC_ERROR_ENUM);
    EXPECT(sc_law_evaluate((sc_law_form)-1, v, 4, c, c, loss, NULL) == SC_ERROR_ENUM);
    EXPECT(sc_law_evaluate(SC_LAW_ADDITIVE, v, -1, c, c, loss, NULL) == SC_ERROR_RANGE);
    EXPECT(sc_law_evaluate(SC_LAW_ADDITIVE, v, PTRDIFF_MAX, c, c, loss, NULL) == SC_ERROR_RANGE);
    EXPECT(sc_law_evaluate(SC_LAW_ADDITIVE, NULL, 4, c, c, loss, NULL) == SC_ERROR_NULL);
    EXPECT(sc_law_evaluate(SC_LAW_ADDITIVE, v, 4, none, c, loss, NULL) == SC_ERROR_NULL);
    EXPECT(sc_law_evaluate(SC_LAW_ADDITIVE, v, 4, c, none, loss, NULL) == SC_ERROR_NULL);
    EXPECT(sc_law_evaluate(SC_LAW_ADDITIVE, v, 4, c, c, NULL, gradient) == SC_ERROR_NULL);
    EXPECT(sc_law_evaluate(SC_LAW_ADDITIVE, v, 4, odd, c, loss, NULL) == SC_ERROR_ALIGNMENT);
    EXPECT(sc_law_evaluate(SC_LAW_ADDITIVE, v, 4, c, c, N, NULL) == SC_ERROR_OVERLAP);
    EXPECT(sc_law_evaluate(SC_LAW_ADDITIVE, v, 4, c, c, loss, loss) == SC_ERROR_OVERLAP);
    EXPECT(sc_law_evaluate(SC_LAW_ADDITIVE, v, 4, (sc_column){N, PTRDIFF_MIN}, c, loss, NULL)
           == SC_ERROR_RANGE);
    EXPECT(sc_law_evaluate(SC_LAW_ADDITIVE, v, 4, (sc_column){N + 3, -1}, (sc_column){N, 0}, loss,
                           gradient)
           == 0);
    for (int j = 0; j < 5; j++)
        for (int bad = 0; bad < 4; bad++) {
            memcpy(v, law_values[0], sizeof v);
            v[j] = (double[]){NAN, INFINITY, -1, 0}[bad];
            EXPECT(sc_law_evaluate(SC_LAW_ADDITIVE, v, 4, c, c, loss, NULL)
                   == (j == 0 && bad == 3 ? 0 : SC_ERROR_RANGE));
        }
    EXPECT(!sc_law_value_count((sc_law_form)-1) && !sc_law_value_count((sc_law_form)6));
}

static void wrong_fits(void)
{
    table t;
    sc_law_result result = SC_LAW_RESULT_INIT;
    const sc_law_result before = result;
    make_table(&t, SC_LAW_COUPLED);
    const sc_law_options good = t.options;
    double weights[RUNS];
    for (int which = 0; which < 34; which++) {
        int wanted = SC_ERROR_RANGE;
        double *number = NULL, kept = 0;
        sc_law_options *const o = &t.options;
        for (int i = 0; i < RUNS; i++)
            weights[i] = 1;
        *o = good;
        switch (which) {
        case 0:
            o->size += 8;
            wanted = SC_ERROR_SIZE;
            break;
        case 1:
            o->size = 16;
            wanted = SC_ERROR_SIZE;
            break;
        case 2:
            o->size -= 4;
            wanted = SC_ERROR_SIZE;
            break;
        case 3:
            o->form = 6;
            wanted = SC_ERROR_ENUM;
            break;
        case 4:
            o->form = -1;
            wanted = SC_ERROR_ENUM;
            break;
        case 5:
            o->loss = 4;
            wanted = SC_ERROR_ENUM;
            break;
        case 6:
            o->loss = -1;
            wanted = SC_ERROR_ENUM;
            break;
        case 7: o->delta = -1; break;
        case 8: o->delta = NAN; break;
        case 9: o->delta = INFINITY; break;
        case 10: o->runs = -1; break;
        case 11: o->runs = PTRDIFF_MAX; break;
        case 12:
            o->N.data = NULL;
            wanted = SC_ERROR_NULL;
            break;
        case 13:
            o->D.data = NULL;
            wanted = SC_ERROR_NULL;
            break;
        case 14:
            o->L.data = NULL;
            wanted = SC_ERROR_NULL;
            break;
        case 15:
            o->start_count = 1;
            wanted = SC_ERROR_NULL;
            break;
        case 16: o->start_count = -1; break;
        case 17:
            o->start_count = 10001;
            o->starts = weights;
            break;
        case 18: o->N.stride = PTRDIFF_MAX; break;
        case 19:
            o->L.data = (double *)((char *)o->L.data + 4);
            wanted = SC_ERROR_ALIGNMENT;
            break;
        case 20:
            o->cluster = (int64_t *)((char *)t.cluster + 4);
            wanted = SC_ERROR_ALIGNMENT;
            break;
        case 21:
            o->N.data = (double *)t.space;
            wanted = SC_ERROR_OVERLAP;
            break;
        case 22:
            o->cluster = t.space;
            wanted = SC_ERROR_OVERLAP;
            break;
        case 23:
            o->L.data = &result.objective;
            o->L.stride = 0;
            wanted = SC_ERROR_OVERLAP;
            break;
        case 24:
            number = &t.row[3][0];
            kept = NAN;
            break;
        case 25:
            number = &t.row[RUNS - 1][1];
            kept = INFINITY;
            break;
        case 26:
            number = &t.row[0][2];
            kept = 0;
            break;
        case 27:
            number = &t.row[7][2];
            kept = -2;
            break;
        case 28:
            number = &weights[9];
            kept = 0;
            break;
        case 29:
            number = &weights[9];
            kept = NAN;
            break;
        case 30:
            o->starts = weights;
            o->start_count = 1;
            number = &weights[4];
            kept = 0;
            break;
        case 31:
            o->starts = weights;
            o->start_count = 1;
            number = &weights[0];
            kept = NAN;
            break;
        case 32:
            o->starts = (double *)t.space;
            o->start_count = 1;
            wanted = SC_ERROR_OVERLAP;
            break;
        default: wanted = SC_ERROR_SPACE;
        }
        if (which == 28 || which == 29)
            o->weight = (sc_column){weights, 1};
        const size_t needed = sc_law_space(o);
        void *const own =
            which == 21 || which == 22 || which == 32 ? t.space : lines(needed ? needed : 64);
        if (number) {
            const double old = *number;
            *number = kept;
            kept = old;
        }
        EXPECT((needed == 0)
               == (wanted == SC_ERROR_ENUM || wanted == SC_ERROR_SIZE || (which >= 7 && which <= 11)
                   || (which >= 15 && which <= 17)));
        EXPECT(sc_law_fit(o, &result, own, needed - (wanted == SC_ERROR_SPACE)) == wanted);
        EXPECT(!memcmp(&result, &before, sizeof result)); /* nothing is written */
        if (number)
            *number = kept;
        if (own != t.space)
            free(own);
    }
    t.options = good;
    EXPECT(sc_law_fit(NULL, &result, t.space, t.bytes) == SC_ERROR_NULL && !sc_law_space(NULL));
    EXPECT(sc_law_fit(&t.options, NULL, t.space, t.bytes) == SC_ERROR_NULL);
    EXPECT(sc_law_fit(&t.options, &result, NULL, t.bytes) == SC_ERROR_NULL);
    EXPECT(sc_law_fit(&t.options, &result, (char *)t.space + 8, t.bytes) == SC_ERROR_ALIGNMENT);
    result.size = 8;
    EXPECT(sc_law_fit(&t.options, &result, t.space, t.bytes) == SC_ERROR_SIZE);
    free(t.space);
}

/* A struct from before there were weights, and one that ends between keep_going and its state. */
static void older_options(void)
{
    table t;
    sc_law_result result, whole;
    make_table(&t, SC_LAW_TIED);
    EXPECT(fit(&t, &whole) == SC_OK);
    t.options.size = offsetof(sc_law_options, weight);
    EXPECT(fit(&t, &result) == SC_OK && !memcmp(&whole, &result, sizeof result));
    int patience = 0;
    t.options.size = offsetof(sc_law_options, state);
    t.options.keep_going = patience_of;
    t.options.state = &patience;
    EXPECT(fit(&t, &result) == SC_OK && !memcmp(&whole, &result, sizeof result));
    t.options.size = sizeof t.options;
    EXPECT(fit(&t, &result) == SC_STOPPED && isnan(result.values[0]) == 0);
    patience = 1000000;
    EXPECT(fit(&t, &result) == SC_OK && !memcmp(&whole, &result, sizeof result));
    free(t.space);
}

static void wrong_resamples(void)
{
    table t;
    sc_law_result good, bad;
    double draws[DRAWS * MOST];
    int patience = 2;
    make_table(&t, SC_LAW_ADDITIVE);
    EXPECT(fit(&t, &good) == SC_OK && good.status == SC_LAW_CONVERGED);
    for (int which = 0; which < 16; which++) {
        int wanted = SC_ERROR_RANGE, how = SC_DRAW_WILD;
        sc_law_options options = t.options;
        uint64_t first = 0;
        ptrdiff_t count = DRAWS;
        double *out = draws;
        size_t bytes = t.bytes;
        bad = good;
        switch (which) {
        case 0:
            how = 4;
            wanted = SC_ERROR_ENUM;
            break;
        case 1:
            how = -1;
            wanted = SC_ERROR_ENUM;
            break;
        case 2: count = -1; break;
        case 3: count = PTRDIFF_MAX; break;
        case 4: first = UINT64_MAX; break;
        case 5: bad.theta[2] = NAN; break;
        case 6: bad.status = SC_LAW_NOT_IDENTIFIED; break;
        case 7:
            bad.size -= 8;
            wanted = SC_ERROR_SIZE;
            break;
        case 8:
            how = SC_DRAW_LEAVE_OUT;
            first = RUNS - DRAWS + 1;
            break;
        case 9:
            out = NULL;
            wanted = SC_ERROR_NULL;
            break;
        case 10:
            out = t.space;
            wanted = SC_ERROR_OVERLAP;
            break;
        case 11:
            out = bad.theta;
            count = 1;
            wanted = SC_ERROR_OVERLAP;
            break;
        case 12:
            bytes--;
            wanted = SC_ERROR_SPACE;
            break;
        case 13: options.runs = 5; break;
        case 14: options.delta = -1; break;
        default:
            options.keep_going = patience_of;
            options.state = &patience;
            wanted = SC_STOPPED;
        }
        EXPECT(
            sc_law_resample(&options, &bad, (sc_law_draws)how, 1, first, count, out, t.space, bytes)
            == wanted);
    }
    EXPECT(sc_law_resample(&t.options, &good, SC_DRAW_PAIRS, 1, 0, 0, NULL, t.space, t.bytes)
           == SC_OK);
    EXPECT(sc_law_resample(&t.options, NULL, SC_DRAW_PAIRS, 1, 0, 1, draws, t.space, t.bytes)
           == SC_ERROR_NULL);
    EXPECT(sc_law_resample(NULL, &good, SC_DRAW_PAIRS, 1, 0, 1, draws, t.space, t.bytes)
           == SC_ERROR_NULL);
    free(t.space);
}

void check_wrong_laws(void)
{
    wrong_points();
    wrong_fits();
    older_options();
    wrong_resamples();
}
