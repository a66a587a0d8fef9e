/* The compute-optimal frontier by the refined bound, from a table that Python has written:
 *
 *   python -c "import scalecore as s; s.spectral_table(10).save('ten.sctable')"
 *   cc spectral.c -I$(python -c "import scalecore as s; print(s.get_include())") \
 *      -L$(python -c "import scalecore as s; print(s.get_library_dir())") -lscalecore -lm
 *   ./a.out ten.sctable
 */
#include <math.h>
#include <scalecore.h>
#include <stdio.h>

enum { BUDGETS = 20 };

int main(int argc, char **argv)
{
    double budget[BUDGETS], width[BUDGETS], samples[BUDGETS], error[BUDGETS];
    const double concentration = 100.0, cost = 6.0;
    const sc_frontier_out out = {width, samples, error, NULL, NULL, NULL, NULL};
    const sc_column C = {budget, 1}, K = {&concentration, 0}, c = {&cost, 0};
    sc_spectral_table *table;
    int wrong = argc == 2 ? sc_spectral_table_load(argv[1], &table) : SC_ERROR_FILE;
    if (wrong)
        return fprintf(stderr, "%s\n", sc_status_string(wrong)), 1;
    for (int i = 0; i < BUDGETS; i++)
        budget[i] = ldexp(1e8, 2 * i);
    wrong = sc_spectral_compute_optimal(table, SC_REFINED_BOUND, 0, BUDGETS, C, K, c, &out);
    if (wrong)
        fprintf(stderr, "%s\n", sc_status_string(wrong));
    /* the bound of a network that is as wide and has read as much */
    for (int i = 0; i < BUDGETS && !wrong; i++)
        printf("%a %a %a %a %a\n", budget[i], width[i], samples[i], error[i],
               sc_spectral_bound(table, SC_REFINED_BOUND, width[i], samples[i], concentration));
    sc_spectral_table_free(table);
    return wrong != 0;
}
