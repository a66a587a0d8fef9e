/* From a table of training runs to an allocation with its interval:
 *
 *   cc fit_runs.c -I$(python -c "import scalecore as s; print(s.get_include())") \
 *      -L$(python -c "import scalecore as s; print(s.get_library_dir())") -lscalecore -lm
 *   ./a.out
 */
#include <math.h>
#include <scalecore.h>
#include <stdio.h>
#include <stdlib.h>

enum { DRAWS = 1000, VALUES = 5 };

/* Parameters, tokens, loss in nats. */
static const double runs[][3] = {
    {5e7, 2e9, 3.5307},      {5e7, 8e9, 3.2368},      {5e7, 3.2e10, 3.0336},
    {5e7, 1.3e11, 2.9406},   {5e7, 5e11, 2.8659},     {1.6e8, 2e9, 3.2029},
    {1.6e8, 8e9, 2.9170},    {1.6e8, 3.2e10, 2.7191}, {1.6e8, 1.3e11, 2.6072},
    {1.6e8, 5e11, 2.5495},   {5e8, 2e9, 3.0033},      {5e8, 8e9, 2.6879},
    {5e8, 3.2e10, 2.5100},   {5e8, 1.3e11, 2.3883},   {5e8, 5e11, 2.3291},
    {1.6e9, 2e9, 2.8446},    {1.6e9, 8e9, 2.5332},    {1.6e9, 3.2e10, 2.3501},
    {1.6e9, 1.3e11, 2.2395}, {1.6e9, 5e11, 2.1852},   {5e9, 2e9, 2.7521},
    {5e9, 8e9, 2.4462},      {5e9, 3.2e10, 2.2664},   {5e9, 1.3e11, 2.1470},
    {5e9, 5e11, 2.0915},
};
static const char *const names[VALUES] = {"E", "A", "alpha", "B", "beta"};

/* N at the least loss where 6 N D = budget: alpha A/N^alpha = beta B/D^beta. */
static double best_size(const double *v, double budget)
{
    const double alpha = v[2], beta = v[4];
    return pow(alpha * v[1] / (beta * v[3]) * pow(budget / 6, beta), 1 / (alpha + beta));
}

/* A resample without a minimum is NaN: behind all others. */
static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return isnan(x) || isnan(y) ? !!isnan(x) - !!isnan(y) : (x > y) - (x < y);
}

/* With the central 95 % of the draws. */
static void print_interval(const char *name, double value, double *draws)
{
    qsort(draws, DRAWS, sizeof *draws, ascending);
    printf("%s %.6g [%.6g, %.6g]\n", name, value, draws[DRAWS / 40 - 1],
           draws[DRAWS - 1 - DRAWS / 40]);
}

static int fail(int wrong) { return fprintf(stderr, "%s\n", sc_status_string(wrong)), 1; }

int main(void)
{
    static double draws[DRAWS][VALUES], column[DRAWS];
    sc_law_options table = SC_LAW_OPTIONS_INIT;
    sc_law_result law = SC_LAW_RESULT_INIT;
    table.form = SC_LAW_ADDITIVE;
    table.runs = sizeof runs / sizeof *runs;
    table.N = (sc_column){&runs[0][0], 3}; /* every third number */
    table.D = (sc_column){&runs[0][1], 3};
    table.L = (sc_column){&runs[0][2], 3};
    const size_t bytes = sc_law_space(&table);
    void *const space = aligned_alloc(SC_ALIGNMENT, bytes);
    if (!space)
        return 1;
    int wrong = sc_law_fit(&table, &law, space, bytes);
    if (wrong)
        return fail(wrong);
    if (law.status != SC_LAW_CONVERGED && law.status != SC_LAW_AT_EDGE)
        return fprintf(stderr, "%s\n", sc_law_reason_string(law.reason)), 1;
    wrong = sc_law_resample(&table, &law, SC_DRAW_AUTO, 1, 0, DRAWS, draws[0], space, bytes);
    if (wrong)
        return fail(wrong);
    free(space);
    for (int i = 0; i < VALUES; i++) {
        for (int k = 0; k < DRAWS; k++)
            column[k] = draws[k][i];
        print_interval(names[i], law.values[i], column);
    }
    const double budget = 1e23, N = best_size(law.values, budget), D = budget / (6 * N);
    double loss;
    sc_law_evaluate(SC_LAW_ADDITIVE, law.values, 1, (sc_column){&N, 0}, (sc_column){&D, 0}, &loss,
                    NULL);
    for (int k = 0; k < DRAWS; k++)
        column[k] = best_size(draws[k], budget);
    print_interval("N*", N, column);
    printf("D* %.6g\nloss %.6g\n", D, loss);
    return 0;
}
