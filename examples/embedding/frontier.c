/* The compute-optimal frontier over forty doublings of the budget, in parallel on the host's own
 * OpenMP threads.
 *
 *   cc -fopenmp frontier.c -I$(python -c "import scalecore as s; print(s.get_include())") \
 *      -L$(python -c "import scalecore as s; print(s.get_library_dir())") -lscalecore -lm
 */
#include <math.h>
#include <scalecore.h>
#include <stdio.h>
#include <stdlib.h>

enum { BUDGETS = 40, BLOCK = 4 };

int main(void)
{
    double budget[BUDGETS], width[BUDGETS], samples[BUDGETS], error[BUDGETS];
    const double input_dim = 10.0, concentration = 100.0, cost = 6.0;
    int wrong = 0;
    if (!sc_compatible(SC_VERSION_NUMBER))
        return fprintf(stderr, "compiled for scalecore %s, found %s\n", SC_VERSION, sc_version()),
               1;
    for (int i = 0; i < BUDGETS; i++)
        budget[i] = ldexp(1e6, i);
#pragma omp parallel for schedule(dynamic) reduction(| : wrong)
    /* each block is one call; which thread makes it changes nothing */
    for (int first = 0; first < BUDGETS; first += BLOCK) {
        const sc_frontier_out out = {
            width + first, samples + first, error + first, NULL, NULL, NULL, NULL};
        const sc_column C = {budget + first, 1}, d = {&input_dim, 0}, K = {&concentration, 0},
                        c = {&cost, 0};
        wrong |= sc_compute_optimal(SC_BOUND_OPTIMAL, 0, BLOCK, C, d, K, c, &out);
    }
    if (wrong)
        return fprintf(stderr, "%s\n", sc_status_string(wrong)), 1;
    for (int i = 0; i < BUDGETS; i++)
        printf("%a %a %a %a\n", budget[i], width[i], samples[i], error[i]);
    return 0;
}
