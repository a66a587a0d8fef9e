/* Ten million sc_error_bound, one call each, against the same code inlined into the loop (for the
   instruction set it is compiled for). Prints ns a point of both: least of seven rounds, taken in
   turn. See bench_embedding.py. */
#define SC_ISA inlined
#include "bounds/points.c"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static SC_NOINLINE double inlined(const double *n, const double *T, long count, double d, double K)
{
    double total = 0.0;
    for (long i = 0; i < count; i++)
        total += point(SC_ERROR_BOUND, n[i], T[i], d, K);
    return total;
}

static SC_NOINLINE double called(const double *n, const double *T, long count, double d, double K)
{
    double total = 0.0;
    for (long i = 0; i < count; i++)
        total += sc_error_bound(n[i], T[i], d, K);
    return total;
}

int main(int argc, char **argv)
{
    const long count = argc > 1 ? atol(argv[1]) : 10000000;
    double *n = malloc((size_t)count * sizeof *n), *T = malloc((size_t)count * sizeof *T),
           best[2] = {1e9, 1e9};
    if (!n || !T)
        return 1;
    for (long i = 0; i < count; i++) {
        n[i] = 1.0 + (double)i;
        T[i] = 1e3 + 7.0 * (double)i;
    }
    for (int round = 0; round < 7; round++)
        for (int which = 0; which < 2; which++) {
            const double start = now();
            volatile const double total =
                which ? called(n, T, count, 10.0, 100.0) : inlined(n, T, count, 10.0, 100.0);
            const double time = (now() - start) / (double)count * 1e9;
            (void)total;
            best[which] = time < best[which] ? time : best[which];
        }
    printf("%.3f %.3f\n", best[0], best[1]);
    free(n);
    free(T);
    return 0;
}
