/* The bounds over arrays, a block at a time.
 *
 * A point's chain of dependent operations is some 250 cycles long, more than a processor can look ahead. Each block therefore goes
 * through short phases - occupancy, resolution, result - whose intermediates stay in L1 and in which neighbouring packs overlap.
 */
#include "bounds.h"
#include "columns.h"
#include "engine.h"

typedef struct points {
    int packs;
    sc_packs n, T, d, K;
} points;

typedef enum quantity_columns { N_AND_K, ALL_COLUMNS } quantity_columns;

SC_INLINE void occupancy_phase(const points *p, const int uniform, double *out)
{
    sc_origin origin = sc_origin_of(sc_pack(&p->K, 0));
    for (int i = 0; i < p->packs; i++) {
        if (!uniform)
            origin = sc_origin_of(sc_pack(&p->K, i));
        r_store(out + i * SC_LANES, sc_occupancy_at(&origin, sc_pack(&p->n, i)));
    }
}

static SC_NOINLINE void each_occupancy(const points *p, double *out)
{
    if (p->K.step == 0)
        occupancy_phase(p, 1, out);
    else
        occupancy_phase(p, 0, out);
}

/* occupancy -> occupancy per sample U/T, and the resolution that goes with it */
SC_INLINE void each_resolution(sc_sharpness sharpness, const points *p, double *occupancy, double *resolution)
{
    for (int i = 0; i < p->packs; i++) {
        const real per_sample = r_load(occupancy + i * SC_LANES) / sc_pack(&p->T, i);
        r_store(occupancy + i * SC_LANES, per_sample);
        r_store(resolution + i * SC_LANES, sc_resolution(per_sample * sc_pack(&p->d, i), sharpness));
    }
}

SC_INLINE real misspecification(const points *p, int i, real eps)
{
    return sc_misspecification_at(sc_pack(&p->n, i), sc_pack(&p->K, i), eps);
}

SC_INLINE real estimation(const points *p, int i, real per_sample, real eps)
{
    return per_sample * sc_unit_entropy(sc_log(sc_pack(&p->n, i)), sc_pack(&p->d, i), eps);
}

/* Called with a constant quantity, so that each gets loops of its own. */
SC_INLINE void optimal_block(sc_quantity quantity, const points *p, double *out)
{
    SC_ALIGNED double per_sample[SC_BLOCK], resolution[SC_BLOCK];
    each_occupancy(p, per_sample);
    each_resolution(quantity == SC_ERROR_BOUND ? SC_FOR_THE_BOUND : SC_FOR_ITS_PARTS, p, per_sample, resolution);
    for (int i = 0; i < p->packs; i++) {
        const real eps = r_load(resolution + i * SC_LANES), u = r_load(per_sample + i * SC_LANES);
        real result = eps;
        if (quantity == SC_MISSPECIFICATION_BOUND)
            result = misspecification(p, i, eps);
        else if (quantity == SC_ESTIMATION_BOUND)
            result = estimation(p, i, u, eps);
        else if (quantity == SC_ERROR_BOUND)
            result = misspecification(p, i, eps) + estimation(p, i, u, eps);
        r_store(out + i * SC_LANES, result);
    }
}

SC_INLINE void closed_form_phases(const points *p, const int uniform, double *out)
{
    SC_ALIGNED double per_sample[SC_BLOCK];
    sc_ratio ratio = sc_ratio_of(sc_pack(&p->K, 0));
    for (int i = 0; i < p->packs; i++) {
        if (!uniform)
            ratio = sc_ratio_of(sc_pack(&p->K, i));
        r_store(per_sample + i * SC_LANES, sc_occupancy_bound_at(&ratio, sc_pack(&p->n, i)) / sc_pack(&p->T, i));
    }
    for (int i = 0; i < p->packs; i++) {
        const real n = sc_pack(&p->n, i);
        if (!uniform)
            ratio = sc_ratio_of(sc_pack(&p->K, i));
        const real estimation = r_load(per_sample + i * SC_LANES) * sc_closed_form_entropy(&ratio, n, sc_pack(&p->d, i));
        r_store(out + i * SC_LANES, sc_closed_form_misspecification(n, ratio.K) + estimation);
    }
}

static SC_NOINLINE void closed_form_block(const points *p, double *out)
{
    if (p->K.step == 0)
        closed_form_phases(p, 1, out);
    else
        closed_form_phases(p, 0, out);
}

static void quantity_block(sc_quantity quantity, const points *p, double *out)
{
    switch (quantity) {
    case SC_ERROR_BOUND: optimal_block(SC_ERROR_BOUND, p, out); break;
    case SC_MISSPECIFICATION_BOUND: optimal_block(SC_MISSPECIFICATION_BOUND, p, out); break;
    case SC_ESTIMATION_BOUND: optimal_block(SC_ESTIMATION_BOUND, p, out); break;
    case SC_OPTIMAL_RESOLUTION: optimal_block(SC_OPTIMAL_RESOLUTION, p, out); break;
    case SC_CLOSED_FORM_BOUND: closed_form_block(p, out); break;
    default: each_occupancy(p, out);
    }
}

/* Whether every value of a block's column lies in [least, most]. A NaN passes: it makes its own results NaN. */
SC_INLINE int column_in_range(const sc_packs *p, int packs, double least, double most)
{
    real low = r_set(1.0), high = r_set(1.0);
    for (int i = 0; i < packs; i++) {
        low = r_min(sc_pack(p, i), low); /* in this order NaN is passed over */
        high = r_max(sc_pack(p, i), high);
    }
    return !m_lanes(m_or(r_lt(low, r_set(least)), r_lt(r_set(most), high)));
}

SC_INLINE int block_in_range(quantity_columns columns, const points *p)
{
    return column_in_range(&p->n, p->packs, 1.0, SC_LARGEST) && column_in_range(&p->K, p->K.step ? p->packs : 1, SC_SMALLEST, SC_LARGEST)
           && (columns == N_AND_K
               || (column_in_range(&p->T, p->packs, 1.0, SC_LARGEST)
                   && column_in_range(&p->d, p->d.step ? p->packs : 1, 1.0, SC_LARGEST)));
}

/* NaN for the points out of the domain; returns how many of the first `count` became so without being NaN before. */
static SC_NOINLINE ptrdiff_t mask_domain(quantity_columns columns, const points *p, int count, double *out)
{
    ptrdiff_t invalid = 0;
    for (int i = 0; i < p->packs; i++) {
        const real n = sc_pack(&p->n, i), K = sc_pack(&p->K, i);
        mask valid = m_and(sc_in_range(n), sc_is_concentration(K));
        mask nan = m_or(r_is_nan(n), r_is_nan(K));
        if (columns == ALL_COLUMNS) {
            const real T = sc_pack(&p->T, i), d = sc_pack(&p->d, i);
            valid = m_and(valid, m_and(sc_in_range(T), sc_in_range(d)));
            nan = m_or(nan, m_or(r_is_nan(T), r_is_nan(d)));
        }
        r_store(out + i * SC_LANES, r_select(valid, r_load(out + i * SC_LANES), r_nan()));
        const unsigned refused = m_lanes(m_not(m_or(valid, nan)));
        for (int j = 0; j < SC_LANES && i * SC_LANES + j < count; j++)
            invalid += refused >> j & 1;
    }
    return invalid;
}

ptrdiff_t SC_KERNEL(sc_evaluate)(sc_quantity quantity, ptrdiff_t count, const sc_column in[4], double *out, ptrdiff_t out_stride)
{
    const quantity_columns columns = quantity == SC_OCCUPANCY ? N_AND_K : ALL_COLUMNS;
    ptrdiff_t invalid = 0;
    points p;
    SC_ALIGNED double buffer[SC_BLOCK];
    for (ptrdiff_t first = 0; first < count; first += SC_BLOCK) {
        const int size = count - first < SC_BLOCK ? (int)(count - first) : SC_BLOCK;
        p.packs = (size + SC_LANES - 1) / SC_LANES;
        sc_open(&p.n, in[0], first, size);
        sc_open(&p.K, in[3], first, size);
        if (columns == ALL_COLUMNS) {
            sc_open(&p.T, in[1], first, size);
            sc_open(&p.d, in[2], first, size);
        }
        const int in_range = block_in_range(columns, &p);
        const int direct = out_stride == 1 && size % SC_LANES == 0 && in_range;
        double *result = direct ? out + first : buffer;
        quantity_block(quantity, &p, result);
        if (!in_range)
            invalid += mask_domain(columns, &p, size, result);
        if (!direct)
            sc_spread(result, size, out + first * out_stride, out_stride);
    }
    return invalid;
}
