/* The compute-optimal allocation, a pack of budgets at a time. */
#include "bounds/whole_widths.h"
#include "engine/blocks.h"
#include "engine/engine.h"

/* A hang is worse than a wrong digit; Newton has never been seen to take more than eight steps. */
#define MOST_STEPS 60
#define LOG_PAST_THE_LEAP 0.4054651081081644 /* ln 3/2 */
/* size of the last step in ln n: the next one would be its square times a curvature below 1/4 */
#define CLOSE_ENOUGH 1e-5

/* A first x = ln n, right to some tenths. With a guess for g, phi = 0 gives n^2 = M/(16 L (g+1))
   where n >> K, U = K L, and n^3 = K M/(16 (2g+1)) where n << K, U = n. Both overestimate U, so the
   larger of the two is nearer. */
SC_INLINE real first_guess(const sc_budget *b)
{
    const real half = b->log_product * r_set(0.5), one = r_set(1.0);
    const real g =
        r_fma(b->d, r_max(r_fma(b->log_product, r_set(0.22), r_set(-1.1)), r_set(0.7)), half + one);
    const real L = r_max(half - b->log_K - r_set(2.0), r_set(0.5));
    const real wide = (b->log_product - sc_log(r_set(16.0) * L * (g + one))) * r_set(0.5);
    const real narrow = (b->log_product + b->log_K - sc_log(r_set(32.0) * g)) * r_set(1.0 / 3);
    return r_min(r_max(r_max(wide, narrow), r_set(0.0)), b->log_product);
}

SC_INLINE real solve(sc_bound bound, const sc_budget *b)
{
    const real zero = r_set(0.0);
    real x = first_guess(b);
    mask active = r_le(zero, b->log_product);
    for (int step = 0; step < MOST_STEPS && m_any(active); step++) {
        const sc_condition c = sc_condition_at(bound, b, x);
        const real next = r_min(r_max(x - c.phi * r_reciprocal(c.slope), zero), b->log_product);
        const real moved = r_max(next - x, x - next);
        /* a lane that has converged keeps its value, whatever the other lanes do */
        x = r_select(active, next, x);
        active = m_and(active, r_lt(r_set(CLOSE_ENOUGH), moved));
    }
    return x;
}

/* Bisect for the point in [low, high] where phi, or with on_slope its slope, becomes positive. */
SC_INLINE real bisect(const sc_budget *b, int on_slope, real low, real high)
{
    for (int step = 0; step < MOST_STEPS; step++) {
        const real middle = (low + high) * r_set(0.5);
        const sc_condition c = sc_condition_closed_form(b, middle);
        const mask above = r_lt(r_set(0.0), on_slope ? c.slope : c.phi);
        high = r_select(above, middle, high);
        low = r_select(above, low, middle);
    }
    return high;
}

/* The closed form at K < 1/3. Its occupancy leaps from 1 to 1 + K ln(1/K) before n reaches 3/2,
   where phi first falls and then rises: so besides the last stationary point, n = 1 may be a
   minimum too. Returns the former (or 0 if there is none). */
SC_INLINE real solve_past_the_leap(const sc_budget *b)
{
    const real zero = r_set(0.0), past = r_min(r_set(LOG_PAST_THE_LEAP), b->log_product);
    const real found = solve(SC_BOUND_CLOSED_FORM, b);
    const mask beyond = r_lt(sc_condition_closed_form(b, past).phi, zero);
    const real dip = bisect(b, 1, zero, past);
    const mask dips = r_lt(sc_condition_closed_form(b, dip).phi, zero);
    const real before = r_select(dips, bisect(b, 0, dip, past), zero);
    return r_select(beyond, r_max(found, past), before);
}

SC_INLINE real error_at(sc_bound bound, const sc_budget *b, real x)
{
    const real n = sc_exp(x);
    const sc_parts p = sc_parts_at(bound, b, n, b->product / n);
    return p.misspecification + p.estimation;
}

typedef struct allocation {
    real width, samples, elasticity, status;
    real stationary; /* ln n from which a search over whole n sets out */
} allocation;

SC_INLINE allocation allocate(sc_bound bound, const sc_budget *b)
{
    real x = solve(bound, b);
    const real one = r_set(1.0);
    allocation a;
    if (bound == SC_BOUND_CLOSED_FORM) {
        const mask leaps = r_lt(b->origin.K, r_set(1.0 / 3));
        if (m_any(leaps))
            x = r_select(leaps, solve_past_the_leap(b), x);
    }
    a.stationary = x;
    if (bound == SC_BOUND_CLOSED_FORM)
        x = r_select(r_lt(error_at(bound, b, r_set(0.0)), error_at(bound, b, x)), r_set(0.0), x);
    const sc_condition c = sc_condition_at(bound, b, x);
    const mask at_min_width = r_le(x, r_set(0.0)), at_min_samples = r_le(b->log_product, x);
    a.width = r_select(at_min_samples, b->product, r_min(sc_exp(x), b->product));
    a.width = r_select(at_min_width, one, a.width);
    a.samples =
        r_select(at_min_samples, r_select(at_min_width, b->product, one), b->product / a.width);
    a.elasticity =
        r_select(at_min_width, r_set(0.0), r_select(at_min_samples, one, -c.pull / c.slope));
    a.status = r_select(at_min_width, r_set(SC_AT_MIN_WIDTH),
                        r_select(at_min_samples, r_set(SC_AT_MIN_SAMPLES), r_set(SC_INTERIOR)));
    return a;
}

/* Prepare one pack of inputs. Lanes without a feasible budget get the values of a harmless one, and
   a status that says what is wrong. */
SC_INLINE real prepare(real C, real d, real K, real cost, sc_budget *b)
{
    const real one = r_set(1.0);
    const real product = C / (cost * d);
    const mask valid = m_and(m_and(sc_in_range(d), sc_is_concentration(K)),
                             m_and(m_and(r_le(r_set(0.0), C), r_lt(r_set(0.0), cost)),
                                   r_le(product, r_set(SC_LARGEST))));
    const mask feasible = m_and(valid, r_le(one, product));
    b->product = r_select(feasible, product, one);
    b->d = r_select(feasible, d, one);
    b->log_product = sc_log(b->product);
    K = r_select(feasible, K, one);
    b->origin = sc_origin_of(K);
    b->ratio = sc_ratio_of(K);
    b->log_K = sc_log(r_max(K, r_set(1e-300)));
    return r_select(feasible, r_set(SC_INTERIOR),
                    r_select(valid, r_set(SC_INFEASIBLE), r_set(SC_INVALID)));
}

typedef struct results {
    double width[SC_LANES], samples[SC_LANES], error[SC_LANES], misspecification[SC_LANES],
        estimation[SC_LANES], elasticity[SC_LANES], status[SC_LANES];
} results;

SC_INLINE void solve_pack(sc_bound bound, int integer, real C, real d, real K, real cost,
                          results *r)
{
    sc_budget b;
    const real refused = prepare(C, d, K, cost, &b);
    const mask feasible = r_lt(refused, r_set(SC_INFEASIBLE));
    allocation a = allocate(bound, &b);
    if (integer) {
        a.width = r_min(sc_exp(a.stationary), b.product);
        a.samples = b.product / a.width;
        sc_best_whole(bound, &b, feasible, C, cost * d, &a.width, &a.samples);
        a.status = r_select(
            r_le(a.width, r_set(1.0)), r_set(SC_AT_MIN_WIDTH),
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

void SC_KERNEL(sc_compute_optimal)(sc_bound bound, int integer, ptrdiff_t count,
                                   const sc_column in[4], const sc_frontier_out *out)
{
    sc_packs packs[4];
    SC_ALIGNED double buffers[4][SC_BLOCK];
    results r;
    for (ptrdiff_t first = 0; first < count; first += SC_BLOCK) {
        const int size = count - first < SC_BLOCK ? (int)(count - first) : SC_BLOCK;
        for (int i = 0; i < 4; i++)
            sc_open(&packs[i], in[i], first, size, count, buffers[i]);
        for (int i = 0; i * SC_LANES < size; i++) {
            const real C = sc_pack(&packs[0], i), d = sc_pack(&packs[1], i),
                       K = sc_pack(&packs[2], i), cost = sc_pack(&packs[3], i);
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
