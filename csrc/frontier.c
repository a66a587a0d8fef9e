/* The compute-optimal allocation, a pack of budgets at a time. */
#include "allocation.h"
#include "columns.h"
#include "engine.h"
#include "integer.h"

/* A hang is worse than a wrong digit; Newton has never been seen to take more than eight steps. */
#define MOST_STEPS 60
#define CLOSE_ENOUGH 1e-5 /* of the last step in ln n: the next would be its square, times a curvature below 1/4 */

SC_INLINE real solve(sc_bound bound, const sc_budget *b)
{
    const real zero = r_set(0.0);
    real x = b->log_most * r_set(0.5);
    mask active = r_le(zero, b->log_most);
    for (int step = 0; step < MOST_STEPS && m_lanes(active); step++) {
        const sc_condition c = sc_condition_at(bound, b, x);
        const real next = r_min(r_max(x - c.phi * r_reciprocal(c.slope), zero), b->log_most);
        const real moved = r_max(next - x, x - next);
        x = r_select(active, next, x); /* a lane that has arrived stays, whatever its neighbours do */
        active = m_and(active, r_lt(r_set(CLOSE_ENOUGH), moved));
    }
    return x;
}

typedef struct allocation {
    real width, samples, elasticity, status;
} allocation;

SC_INLINE allocation allocate(sc_bound bound, const sc_budget *b)
{
    const real x = solve(bound, b), one = r_set(1.0);
    const sc_condition c = sc_condition_at(bound, b, x);
    const mask at_min_width = r_le(x, r_set(0.0)), at_min_samples = r_le(b->log_most, x);
    allocation a;
    a.width = r_select(at_min_samples, b->most, r_min(sc_exp(x), b->most));
    a.width = r_select(at_min_width, one, a.width);
    a.samples = r_select(at_min_samples, r_select(at_min_width, b->most, one), b->most / a.width);
    a.elasticity = r_select(at_min_width, r_set(0.0), r_select(at_min_samples, one, -c.pull / c.slope));
    a.status = r_select(at_min_width, r_set(SC_AT_MIN_WIDTH),
                        r_select(at_min_samples, r_set(SC_AT_MIN_SAMPLES), r_set(SC_INTERIOR)));
    return a;
}

/* One pack of inputs; lanes that are not feasible are given the values of a harmless budget and their status. */
SC_INLINE real prepare(real C, real d, real K, real cost, sc_budget *b)
{
    const real one = r_set(1.0);
    const real most = C / (cost * d);
    const mask valid = m_and(m_and(sc_in_range(d), sc_is_concentration(K)),
                             m_and(m_and(r_le(r_set(0.0), C), r_lt(r_set(0.0), cost)), r_le(most, r_set(SC_LARGEST))));
    const mask feasible = m_and(valid, r_le(one, most));
    b->most = r_select(feasible, most, one);
    b->d = r_select(feasible, d, one);
    b->log_most = sc_log(b->most);
    K = r_select(feasible, K, one);
    b->origin = sc_origin_of(K);
    b->ratio = sc_ratio_of(K);
    return r_select(feasible, r_set(SC_INTERIOR), r_select(valid, r_set(SC_INFEASIBLE), r_set(SC_INVALID)));
}

typedef struct results {
    double width[SC_LANES], samples[SC_LANES], error[SC_LANES], misspecification[SC_LANES], estimation[SC_LANES],
        elasticity[SC_LANES], status[SC_LANES];
} results;

SC_INLINE void solve_pack(sc_bound bound, int integer, real C, real d, real K, real cost, results *r)
{
    sc_budget b;
    const real refused = prepare(C, d, K, cost, &b);
    const mask feasible = r_lt(refused, r_set(SC_INFEASIBLE));
    allocation a = allocate(bound, &b);
    if (integer) {
        double unit[SC_LANES], budget[SC_LANES], dim[SC_LANES], concentration[SC_LANES];
        r_store(r->width, a.width);
        r_store(r->samples, a.samples);
        r_store(budget, C);
        r_store(unit, cost * d);
        r_store(dim, b.d);
        r_store(concentration, b.origin.K);
        for (int j = 0; j < SC_LANES; j++)
            if (m_lanes(feasible) >> j & 1)
                sc_best_integer(bound, budget[j], unit[j], dim[j], concentration[j], &r->width[j], &r->samples[j]);
        a.width = r_load(r->width);
        a.samples = r_load(r->samples);
        a.status = r_select(r_le(a.width, r_set(1.0)), r_set(SC_AT_MIN_WIDTH),
                            r_select(r_le(a.samples, r_set(1.0)), r_set(SC_AT_MIN_SAMPLES), r_set(SC_INTERIOR)));
    }
    const sc_parts parts = sc_parts_at(bound, &b, a.width, a.samples);
    r_store(r->width, r_select(feasible, a.width, r_nan()));
    r_store(r->samples, r_select(feasible, a.samples, r_nan()));
    r_store(r->misspecification, r_select(feasible, parts.misspecification, r_nan()));
    r_store(r->estimation, r_select(feasible, parts.estimation, r_nan()));
    r_store(r->error, r_select(feasible, parts.misspecification + parts.estimation, r_nan()));
    r_store(r->elasticity, r_select(feasible, a.elasticity, r_nan()));
    r_store(r->status, r_select(feasible, a.status, refused));
}

SC_INLINE void copy_lanes(const double *from, double *to, ptrdiff_t at, int count)
{
    if (to)
        memcpy(to + at, from, (size_t)count * sizeof *to);
}

void SC_KERNEL(sc_compute_optimal)(sc_bound bound, int integer, ptrdiff_t count, const sc_column in[4], const sc_frontier_out *out)
{
    sc_packs packs[4];
    results r;
    for (ptrdiff_t first = 0; first < count; first += SC_BLOCK) {
        const int size = count - first < SC_BLOCK ? (int)(count - first) : SC_BLOCK;
        for (int i = 0; i < 4; i++)
            sc_open(&packs[i], in[i], first, size);
        for (int i = 0; i * SC_LANES < size; i++) {
            const real C = sc_pack(&packs[0], i), d = sc_pack(&packs[1], i), K = sc_pack(&packs[2], i), cost = sc_pack(&packs[3], i);
            if (bound == SC_BOUND_OPTIMAL)
                solve_pack(SC_BOUND_OPTIMAL, integer, C, d, K, cost, &r);
            else
                solve_pack(SC_BOUND_CLOSED_FORM, integer, C, d, K, cost, &r);
            const ptrdiff_t at = first + i * SC_LANES;
            const int lanes = size - i * SC_LANES < SC_LANES ? size - i * SC_LANES : SC_LANES;
            copy_lanes(r.width, out->width, at, lanes);
            copy_lanes(r.samples, out->samples, at, lanes);
            copy_lanes(r.error, out->error, at, lanes);
            copy_lanes(r.misspecification, out->misspecification, at, lanes);
            copy_lanes(r.estimation, out->estimation, at, lanes);
            copy_lanes(r.elasticity, out->elasticity, at, lanes);
            for (int j = 0; out->status && j < lanes; j++)
                out->status[at + j] = (int8_t)r.status[j];
        }
    }
}
