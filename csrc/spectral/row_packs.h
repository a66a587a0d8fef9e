/* Packs of the rows beside which atoms and sticks are tried: what their fixed parts cost at least,
 * and which of them has the least lower bound.
 */
#ifndef SC_ROW_PACKS_H
#define SC_ROW_PACKS_H

#include "spectral/fixed_strategy.h"

/* rows that are compared at once; a table of ours has fewer beside which anything is tried */
#define ATOM_ROWS 64

/* The least that the fixed parts of a pack of rows cost; `floors`: see atom_floors_at. */
SC_INLINE real fixed_at_least(const sc_strategies *s, const double *floors, ptrdiff_t row, double T)
{
    return r_fma(r_load(floors + s->atoms.stride + row), r_set(T), r_load(floors + row))
           * r_set(1 / T);
}

/* Costs, which are positive: their last eight bits are replaced by the place of each, so that the
   least of them tells which it is. */
#define PLACE_BITS ((uint64_t)255)
#define NO_COST 1e300 /* of places that are left out */

SC_INLINE real with_place(real cost, int first)
{
    return r_from_bits((r_bits(cost) & b_set(~PLACE_BITS)) + b_lane_numbers()
                       + b_set((uint64_t)first));
}

/* The place of the least, or -1 if all are left out. */
SC_INLINE int place_of_least(real costs)
{
    uint64_t lane[SC_LANES];
    double as_double[SC_LANES];
    if (!m_any(r_lt(costs, r_set(0.5 * NO_COST))))
        return -1;
    r_store(as_double, costs);
    memcpy(lane, as_double, sizeof lane);
    for (int half = SC_LANES / 2; half > 0; half /= 2)
        for (int j = 0; j < half; j++)
            lane[j] = lane[j + half] < lane[j] ? lane[j + half] : lane[j];
    return (int)(lane[0] & PLACE_BITS);
}

#endif
