/* Sums of doubles rounded once, whatever their order: those of Python's math.fsum. */
#ifndef SC_EXACT_H
#define SC_EXACT_H

#include <float.h>
#include <math.h>
#include <stddef.h>

/* A sum as doubles that do not overlap, increasing (Shewchuk 1997). */
typedef struct expansion {
    double part[64];
    int count;
} expansion;

static inline void add_exactly(expansion *e, double x)
{
    int parts = 0;
    for (int j = 0; j < e->count; j++) {
        const double y = e->part[j], sum = x + y;
        const double rest = fabs(x) < fabs(y) ? x - (sum - y) : y - (sum - x);
        if (rest != 0)
            e->part[parts++] = rest;
        x = sum;
    }
    e->part[parts] = x;
    e->count = parts + 1;
}

static inline double rounded_once(const expansion *e)
{
    int n = e->count - 1;
    if (n < 0)
        return 0;
    double sum = e->part[n], rest = 0;
    while (n > 0 && rest == 0) {
        const double x = sum, y = e->part[--n];
        sum = x + y;
        rest = y - (sum - x);
    }
    if (n > 0 && ((rest < 0) == (e->part[n - 1] < 0))
        && rest != 0) { /* half an ulp and more: away from the even one */
        const double twice = rest * 2, next = sum + twice;
        if (next - sum == twice)
            sum = next;
    }
    return sum;
}

#define SC_EXACT_LANES 8

static inline double larger_magnitude(double largest, double x) /* NaN where either is */
{
    const double size = fabs(x);
    return size > largest || size != size ? size : largest;
}

static inline double largest_magnitude(const double *x, ptrdiff_t count)
{
    double largest[SC_EXACT_LANES] = {0};
    ptrdiff_t i = 0;
    for (; i + SC_EXACT_LANES <= count; i += SC_EXACT_LANES)
        for (int l = 0; l < SC_EXACT_LANES; l++)
            largest[l] = larger_magnitude(largest[l], x[i + l]);
    for (; i < count; i++)
        largest[0] = larger_magnitude(largest[0], x[i]);
    for (int l = 1; l < SC_EXACT_LANES; l++)
        largest[0] = larger_magnitude(largest[0], largest[l]);
    return largest[0];
}

/* Take off each number's multiple of a power of two so coarse that all sums of these are exact;
   return their sum. */
static inline double take_layer(double *x, ptrdiff_t count, double shift)
{
    double sum[SC_EXACT_LANES] = {0};
    ptrdiff_t i = 0;
    for (; i + SC_EXACT_LANES <= count; i += SC_EXACT_LANES)
        for (int l = 0; l < SC_EXACT_LANES; l++) {
            const double layer = (x[i + l] + shift) - shift;
            sum[l] += layer;
            x[i + l] -= layer;
        }
    for (; i < count; i++) {
        const double layer = (x[i] + shift) - shift;
        sum[0] += layer;
        x[i] -= layer;
    }
    return ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7]));
}

/* Uses up the numbers. */
static inline double exact_sum(double *x, ptrdiff_t count)
{
    expansion sum = {{0}, 0};
    int bits = 0, exponent;
    while (bits < 62 && (ptrdiff_t)1 << bits <= count)
        bits++;
    for (double largest; (largest = largest_magnitude(x, count)) != 0;) {
        if (!(1e-200 < largest && largest < 1e200)) {
            for (ptrdiff_t i = 0; i < count; i++)
                add_exactly(&sum, x[i]);
            break;
        }
        frexp(largest, &exponent);
        add_exactly(&sum, take_layer(x, count, ldexp(1.5, exponent + bits)));
    }
    return rounded_once(&sum);
}

#endif
