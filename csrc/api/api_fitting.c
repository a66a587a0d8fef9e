/* The public functions of laws fitted to training runs. */
#include "api/check.h"
#include "fitting/fit.h"

#include <math.h>

#define BLOCK 64 /* points evaluated at a time */
#define MOST_RUNS ((ptrdiff_t)1 << (sizeof(ptrdiff_t) > 4 ? 40 : 20))
#define MOST_STARTS 10000

int sc_law_value_count(sc_law_form form)
{
    const sc_form_row *const row = sc_form_row_of((int)form);
    return row ? row->values : 0;
}

const char *sc_law_reason_string(int reason)
{
    switch (reason) {
    case SC_REASON_NONE: return "nothing is wrong";
    case SC_REASON_FEW_RUNS: return "not more runs than values: add runs";
    case SC_REASON_ONE_SIZE:
        return "all runs have one N (or one compute): add runs with other N (or compute)";
    case SC_REASON_ONE_SAMPLES: return "all runs have one D: add runs with other D";
    case SC_REASON_ONE_LINE:
        return "all runs lie on one line in (ln N, ln D), such as D = 20 N, on which the terms in "
               "N "
               "and D cannot be told apart: add runs with the same N and 4 to 10 times more or "
               "fewer samples";
    case SC_REASON_FEW_POINTS: return "fewer different (N, D) than values: add runs elsewhere";
    case SC_REASON_GRADIENT: return "the gradient is not zero where the minimisation ended";
    case SC_REASON_CONDITION:
        return "the values trade off against each other: widen the range of N and of D/N";
    case SC_REASON_EDGE: return "a value is at the edge of its domain";
    default: return "unknown reason";
    }
}

static int is_positive(double x) { return x > 0 && isfinite(x); }

/* Finite and positive; E may be 0. */
static int values_are_fine(const sc_form_row *row, const double *values)
{
    for (int i = 0; i < row->values; i++)
        if (!is_positive(values[i]) && !(i == 0 && values[i] == 0))
            return 0;
    return 1;
}

/* A strided column as an array of bytes to read; whether it can lie in the address space. */
static int column_bytes(sc_column column, ptrdiff_t count, sc_array *array)
{
    sc_span span;
    const int fits = sc_span_of(column.data, count, column.stride, sizeof(double), &span);
    *array = (sc_array){column.data ? (const void *)span.first : NULL, span.last - span.first,
                        _Alignof(double), 0};
    if (!column.data)
        array->bytes = count > 0 ? sizeof(double) : 0;
    return fits;
}

/* ---- points ---------------------------------------------------------------------------------- */

/* A law as its losses are computed. */
typedef struct law {
    const sc_form_row *row;
    const double *values;
    sc_form form;
    double theta[SC_LAW_MOST_VALUES];
} law;

static void evaluate_block(const sc_engine *engine, const law *law, int count, const double *N,
                           const double *D, double *loss, double *gradient)
{
    const int values = law->row->values;
    const int parameters = law->form == SC_FORM_COUPLED ? SC_LAW_MOST_VALUES : values;
    double n[BLOCK], m[BLOCK], slopes[SC_LAW_MOST_VALUES * BLOCK], own[SC_LAW_MOST_VALUES];
    for (int i = 0; i < count; i++) {
        n[i] = is_positive(N[i]) ? log(N[i]) : (double)NAN;
        m[i] = is_positive(D[i]) ? log(D[i]) : (double)NAN;
    }
    const sc_fit_runs runs = {count, law->form, SC_RESIDUAL_OF_LOG, parameters, n, m, NULL};
    engine->fit_values(&runs, law->theta, loss, gradient ? slopes : NULL);
    for (int i = 0; i < count; i++) {
        const int fine = is_positive(N[i]) && is_positive(D[i]);
        if (!fine)
            loss[i] = (double)NAN;
        if (!gradient)
            continue;
        for (int j = 0; j < parameters; j++)
            own[j] = slopes[j * count + i];
        sc_form_chain(law->row, law->values, n[i], m[i], own);
        for (int j = 0; j < values; j++)
            gradient[i * values + j] = fine ? own[j] : (double)NAN;
    }
}

ptrdiff_t sc_law_evaluate(sc_law_form form, const double *values, ptrdiff_t count, sc_column N,
                          sc_column D, double *loss, double *gradient)
{
    const sc_form_row *const row = sc_form_row_of((int)form);
    if (!row)
        return SC_ERROR_ENUM;
    if (count < 0 || count > SC_MOST_COUNT / SC_LAW_MOST_VALUES)
        return SC_ERROR_RANGE;
    const int two = !row->without_samples;
    const size_t width = (size_t)row->values * sizeof(double);
    sc_array arrays[5] = {{values, width, _Alignof(double), 0},
                          {loss, (size_t)count * sizeof(double), _Alignof(double), 1},
                          {gradient, gradient ? (size_t)count * width : 0, _Alignof(double), 1}};
    int fits = column_bytes(N, count, &arrays[3]);
    fits &= two ? column_bytes(D, count, &arrays[4]) : 1;
    const int wrong = sc_check_arrays(arrays, 4 + two);
    if (wrong)
        return wrong;
    if (!fits || !values_are_fine(row, values))
        return SC_ERROR_RANGE;
    law law = {row, values, row->form, {0}};
    ptrdiff_t outside = 0;
    law.form = sc_form_at_points(row, values, law.theta);
    for (ptrdiff_t first = 0; first < count; first += BLOCK) {
        const int here = count - first < BLOCK ? (int)(count - first) : BLOCK;
        double n[BLOCK], m[BLOCK];
        for (int i = 0; i < here; i++) {
            n[i] = N.data[(first + i) * N.stride];
            m[i] = two ? D.data[(first + i) * D.stride] : 1;
            outside += (!is_positive(n[i]) || !is_positive(m[i])) && !isnan(n[i]) && !isnan(m[i]);
        }
        evaluate_block(sc_engine_in_use(), &law, here, n, m, loss + first,
                       gradient ? gradient + first * row->values : NULL);
    }
    return outside;
}

/* ---- tables of runs -------------------------------------------------------------------------- */

static int options_of(const sc_law_options *options, sc_law_options *mine)
{
    memset(mine, 0, sizeof *mine);
    const int wrong =
        sc_copy_options(mine, sizeof *mine, offsetof(sc_law_options, weight), options);
    if (wrong)
        return wrong;
    if (mine->size < offsetof(sc_law_options, state) + sizeof mine->state)
        mine->keep_going = NULL; /* one without its state is no pair */
    const sc_form_row *const row = sc_form_row_of(mine->form);
    if (!row || mine->loss < SC_LOSS_HUBER || mine->loss > SC_LOSS_ABSOLUTE)
        return SC_ERROR_ENUM;
    if (mine->delta == 0)
        mine->delta = 1e-3;
    if (!is_positive(mine->delta) || mine->runs < 0 || mine->runs > MOST_RUNS
        || mine->start_count < 0 || mine->start_count > MOST_STARTS)
        return SC_ERROR_RANGE;
    if (mine->start_count && !mine->starts)
        return SC_ERROR_NULL;
    return SC_OK;
}

/* All memory of a call: what the options name, and `more` arrays in front of it. */
static int memory_is_fine(const sc_law_options *mine, sc_array *arrays, int more)
{
    const sc_form_row *const row = sc_form_row_of(mine->form);
    const sc_column columns[4] = {mine->N, mine->L, mine->D, mine->weight};
    const int needed[4] = {1, 1, !row->without_samples, mine->weight.data != NULL};
    int fits = 1, count = more;
    for (int i = 0; i < 4; i++)
        if (needed[i])
            fits &= column_bytes(columns[i], mine->runs, &arrays[count++]);
    if (mine->cluster)
        arrays[count++] =
            (sc_array){mine->cluster, (size_t)mine->runs * sizeof(int64_t), _Alignof(int64_t), 0};
    if (mine->start_count)
        arrays[count++] =
            (sc_array){mine->starts, (size_t)(mine->start_count * row->values) * sizeof(double),
                       _Alignof(double), 0};
    const int wrong = sc_check_arrays(arrays, count);
    if (wrong)
        return wrong;
    for (ptrdiff_t i = 0; i < mine->start_count; i++)
        if (!values_are_fine(row, mine->starts + i * row->values))
            return SC_ERROR_RANGE;
    return fits ? SC_OK : SC_ERROR_RANGE;
}

size_t sc_law_space(const sc_law_options *options)
{
    sc_law_options mine;
    sc_fit_table table;
    if (options_of(options, &mine))
        return 0;
    return sc_fit_lay_out(sc_engine_in_use(), &mine, NULL, &table);
}

/* Check what fit and resample share, and lay out the table in `space`; arrays[0] is their output.
   */
static int open_table(const sc_law_options *mine, const sc_array *output, const void *result,
                      void *space, size_t space_bytes, sc_fit_table *table)
{
    const size_t needed = sc_fit_lay_out(sc_engine_in_use(), mine, NULL, table);
    sc_array arrays[10] = {*output,
                           {result, sizeof(sc_law_result), _Alignof(sc_law_result), 0},
                           {space, needed, SC_ALIGNMENT, 1}};
    if (result == output->data)
        arrays[1] = (sc_array){NULL, 0, 1, 0};
    const int wrong = memory_is_fine(mine, arrays, 3);
    if (wrong)
        return wrong;
    if (space_bytes < needed)
        return SC_ERROR_SPACE;
    sc_fit_lay_out(sc_engine_in_use(), mine, space, table);
    return SC_OK;
}

/* Wrong numbers are found before anything but work space is written. */
int sc_law_fit(const sc_law_options *options, sc_law_result *result, void *space,
               size_t space_bytes)
{
    sc_law_options mine;
    sc_law_result found;
    sc_fit_table table;
    int wrong = options_of(options, &mine);
    if (!wrong) {
        memset(&found, 0, sizeof found);
        wrong = sc_copy_options(&found, sizeof found, sizeof found, result);
    }
    if (wrong)
        return wrong;
    const sc_array output = {result, found.size, _Alignof(sc_law_result), 1};
    wrong = open_table(&mine, &output, result, space, space_bytes, &table);
    if (!wrong)
        wrong = sc_fit_fill(&mine, &table);
    if (wrong)
        return wrong;
    const size_t size = found.size;
    memset(&found, 0, sizeof found);
    found.size = size;
    wrong = sc_fit_whole(sc_engine_in_use(), &table, &mine, &found);
    if (!wrong)
        memcpy(result, &found, size);
    return wrong;
}

int sc_law_resample(const sc_law_options *options, const sc_law_result *result, sc_law_draws how,
                    uint64_t key, uint64_t first, ptrdiff_t count, double *values, void *space,
                    size_t space_bytes)
{
    sc_law_options mine;
    sc_law_result fit;
    sc_fit_table table;
    int wrong = options_of(options, &mine);
    if (!wrong)
        wrong = sc_copy_options(&fit, sizeof fit, sizeof fit, result);
    if (wrong)
        return wrong;
    if ((int)how < SC_DRAW_AUTO || (int)how > SC_DRAW_LEAVE_OUT)
        return SC_ERROR_ENUM;
    const sc_form_row *const row = sc_form_row_of(mine.form);
    if (count < 0 || count > SC_MOST_COUNT / SC_LAW_MOST_VALUES
        || first > UINT64_MAX - (uint64_t)count
        || (fit.status != SC_LAW_CONVERGED && fit.status != SC_LAW_AT_EDGE)
        || mine.runs <= sc_form_free(row))
        return SC_ERROR_RANGE;
    for (int i = 0; i < row->values; i++)
        if (!isfinite(fit.theta[i]))
            return SC_ERROR_RANGE;
    const sc_array output = {values, (size_t)(count * row->values) * sizeof(double),
                             _Alignof(double), 1};
    wrong = open_table(&mine, &output, result, space, space_bytes, &table);
    if (!wrong)
        wrong = sc_fit_fill(&mine, &table);
    if (!wrong && how == SC_DRAW_LEAVE_OUT && first + (uint64_t)count > (uint64_t)table.clusters)
        wrong = SC_ERROR_RANGE;
    return wrong ? wrong
                 : sc_fit_draws(sc_engine_in_use(), &table, &fit, how, key, first, count, values);
}
