/* See row_sums.h. */
#include "spectral/row_sums.h"

#include <math.h>
#include <string.h>

/* Sums of powers in units of the last eigenvalue: `moments` of i + 1 from those of i. */
static void add_moments(double shrinks, double multiplicity, const double *before, double *moments)
{
    double power = 1;
    for (int k = 0; k < SC_MOMENTS; k++) {
        power *= shrinks;
        moments[k] = before[k] * power + multiplicity;
    }
}

void sc_lay_row_sums(const double *eigenvalue, const double *multiplicity, ptrdiff_t length,
                     const sc_row_sums *sums)
{
    double *const copies = sums->copies, *const logarithms = sums->logarithms,
                  *const rest = sums->rest, *const moments = sums->moments;
    copies[0] = logarithms[0] = rest[length] = 0;
    memset(moments, 0, SC_MOMENTS * sizeof *moments);
    for (ptrdiff_t i = 0; i < length; i++) {
        copies[i + 1] = copies[i] + multiplicity[i];
        logarithms[i + 1] = logarithms[i] + multiplicity[i] * log(eigenvalue[i]);
        add_moments(i ? eigenvalue[i] / eigenvalue[i - 1] : 0, multiplicity[i],
                    moments + SC_MOMENTS * i, moments + SC_MOMENTS * (i + 1));
    }
    for (ptrdiff_t i = length - 1; i >= 0; i--)
        rest[i] = rest[i + 1] + eigenvalue[i] * multiplicity[i];
}

double sc_range_start(ptrdiff_t range) { return ldexp(1 + range % 4 * 0.25, (int)(range / 4)); }

void sc_lay_counts(const sc_strategies *s, int32_t *above)
{
    for (ptrdiff_t row = 0; row < s->rows; row++) {
        ptrdiff_t i = s->first[row];
        for (ptrdiff_t range = 0; range < s->ranges; range++) {
            const double least = 4 / sc_range_start(range);
            while (i < s->first[row + 1] && s->eigenvalue[i] > least)
                i++;
            *above++ = (int32_t)(i - s->first[row]);
        }
    }
}
