/* The bounds at one point. All lanes of a pack hold the same point, which goes straight through the
   formulas that bounds.c takes in phases. */
#include "bounds/bounds.h"
#include "engine/engine.h"

SC_INLINE real point_closed_form(real n, real T, real d, real K)
{
    const sc_ratio ratio = sc_ratio_of(K);
    const real entropy = sc_closed_form_entropy(&ratio, n, d, sc_closed_form_cover(&ratio, n), 1);
    return sc_closed_form_misspecification(n, K)
           + sc_occupancy_bound_at(&ratio, n, 1) * entropy / T;
}

SC_INLINE real point_optimal(sc_quantity quantity, real n, real T, real d, real K)
{
    const sc_origin origin = sc_origin_of(K);
    const real per_sample = sc_occupancy_at(&origin, n) / T, x = per_sample * d;
    const sc_sharpness sharpness = quantity == SC_ERROR_BOUND ? SC_FOR_THE_BOUND : SC_FOR_ITS_PARTS;
    const sc_net net =
        sc_net_clipped(sc_resolution_polished(x, sc_resolution_start(x), sharpness), x);
    if (quantity == SC_OPTIMAL_RESOLUTION)
        return net.eps;
    const real misspecification = sc_misspecification_at(n, K, net.eps);
    if (quantity == SC_MISSPECIFICATION_BOUND)
        return misspecification;
    const real entropy = sc_unit_entropy(sc_log_twice(n), d, net.inverse);
    return r_fma(per_sample, entropy, quantity == SC_ERROR_BOUND ? misspecification : r_set(0.0));
}

/* Each caller passes a constant quantity, as in bounds.c. */
SC_INLINE double point(sc_quantity quantity, double n, double T, double d, double K)
{
    if (!(n >= 1.0 && n <= SC_LARGEST && T >= 1.0 && T <= SC_LARGEST && d >= 1.0 && d <= SC_LARGEST
          && K > 0.0 && K <= SC_LARGEST))
        return NAN;
    if (quantity == SC_OCCUPANCY) {
        const sc_origin origin = sc_origin_of(r_set(K));
        const real occupancy = sc_occupancy_at(&origin, r_set(n));
        /* in the range 1 to n that the documentation promises */
        return sc_first_lane(r_min(r_max(occupancy, r_set(1.0)), r_set(n)));
    }
    if (quantity == SC_CLOSED_FORM_BOUND)
        return sc_first_lane(point_closed_form(r_set(n), r_set(T), r_set(d), r_set(K)));
    return sc_first_lane(point_optimal(quantity, r_set(n), r_set(T), r_set(d), r_set(K)));
}

#define POINT(name, quantity)                                                 \
    double SC_KERNEL(sc_point_##name)(double n, double T, double d, double K) \
    {                                                                         \
        return point(quantity, n, T, d, K);                                   \
    }
POINT(error_bound, SC_ERROR_BOUND)
POINT(misspecification_bound, SC_MISSPECIFICATION_BOUND)
POINT(estimation_bound, SC_ESTIMATION_BOUND)
POINT(optimal_resolution, SC_OPTIMAL_RESOLUTION)
POINT(closed_form_bound, SC_CLOSED_FORM_BOUND)
POINT(occupancy, SC_OCCUPANCY)
#undef POINT
