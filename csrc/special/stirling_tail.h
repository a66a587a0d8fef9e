/* What Stirling's formula leaves of ln k!, for rejection from laws of counts. */
#ifndef SC_STIRLING_TAIL_H
#define SC_STIRLING_TAIL_H

#include "special/special.h"

/* ln k! - [(k + 1/2) ln(k+1) - (k+1) + ln(2 pi)/2] of whole k >= 0 */
SC_INLINE real sc_stirling_tails(real k)
{
    /* k < 10 */
    static const double table[16] = {0.08106146679532726, 0.04134069595540929, 0.02767792568499834,
                                     0.02079067210376509, 0.01664469118982119, 0.01387612882307075,
                                     0.01189670994589177, 0.01041126526197209, 0.009255462182712733,
                                     0.008330563433362871};
    const real inverse = r_reciprocal(k + r_set(1.0)), square = inverse * inverse;
    const real inner = r_fma(square, r_set(-1.0 / 1260), r_set(1.0 / 360)),
               series = r_fnma(inner, square, r_set(1.0 / 12)) * inverse;
    /* the low bits of k + 2^52 are k's */
    return r_select(r_lt(k, r_set(10.0)), r_lookup16(table, r_bits(k + r_set(0x1p52))), series);
}

SC_INLINE double sc_stirling_tail(double k) { return sc_first_lane(sc_stirling_tails(r_set(k))); }

#endif
