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

typedef enum concentrations { K_VARIES, K_SMALL, K_LARGE } concentrations;

SC_INLINE void occupancy_phase(const points *p, const concentrations kind, double *out)
{
    sc_origin origin = sc_origin_of(sc_pack(&p->K, 0));
    for (int i = 0; i < p->packs; i++) {
        if (kind == K_VARIES)
            origin = sc_origin_of(sc_pack(&p->K, i));
        else
            origin.any_small = kind == K_SMALL; /* one K for all: let the compiler drop the other branch */
        r_store(out + i * SC_LANES, sc_occupancy_at(&origin, sc_pack(&p->n, i)));
    }
}

static SC_NOINLINE void each_occupancy(const points *p, double *out)
{
    if (p->K.step != 0)
        occupancy_phase(p, K_VARIES, out);
    else if (m_lanes(r_lt(sc_pack(&p->K, 0), r_set(SC_STIRLING_FROM))))
        occupancy_phase(p, K_SMALL, out);
    else
        occupancy_phase(p, K_LARGE, out);
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

/* The closed form has three independent logarithms and no root to polish: one phase does. */
SC_INLINE void closed_form_phase(const points *p, const int uniform, const int may_be_huge, double *out)
{
    sc_ratio ratio = sc_ratio_of(sc_pack(&p->K, 0));
    for (int i = 0; i < p->packs; i++) {
        const real n = sc_pack(&p->n, i);
        if (!uniform)
            ratio = sc_ratio_of(sc_pack(&p->K, i));
        const real per_sample = sc_occupancy_bound_at(&ratio, n, may_be_huge) * r_reciprocal(sc_pack(&p->T, i));
        const real entropy = sc_closed_form_entropy(&ratio, n, sc_pack(&p->d, i), may_be_huge);
        r_store(out + i * SC_LANES, sc_closed_form_misspecification(n, ratio.K) + per_sample * entropy);
    }
}

static SC_NOINLINE void closed_form_block(const points *p, double *out)
{
    if (p->K.step != 0 || m_lanes(r_lt(sc_pack(&p->K, 0), r_set(SC_LARGEST / SC_HUGE_RATIO))))
        closed_form_phase(p, p->K.step == 0, 1, out);
    else
        closed_form_phase(p, 1, 0, out);
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

/* Size of a first, short block after which `out` lies on a cache line. NumPy's large arrays all start 16 bytes behind one. */
SC_INLINE int to_alignment(const double *out, ptrdiff_t stride, ptrdiff_t count)
{
    const int ahead = (int)((64 - ((uintptr_t)out & 63)) & 63) / 8;
    return stride == 1 && ahead && count > SC_BLOCK ? ahead : SC_BLOCK;
}

ptrdiff_t SC_KERNEL(sc_evaluate)(sc_quantity quantity, ptrdiff_t count, const sc_column in[4], double *out, ptrdiff_t out_stride)
{
    const quantity_columns columns = quantity == SC_OCCUPANCY ? N_AND_K : ALL_COLUMNS;
    ptrdiff_t invalid = 0;
    points p;
    SC_ALIGNED double buffer[SC_BLOCK];
    int size = to_alignment(out, out_stride, count);
    for (ptrdiff_t first = 0; first < count; first += size, size = SC_BLOCK) {
        if (size > count - first)
            size = (int)(count - first);
        p.packs = (size + SC_LANES - 1) / SC_LANES;
        sc_open(&p.n, in[0], first, size);
        sc_open(&p.K, in[3], first, size);
        if (columns == ALL_COLUMNS) {
            sc_open(&p.T, in[1], first, size);
            sc_open(&p.d, in[2], first, size);
        }
        for (int j = 0; j < (columns == ALL_COLUMNS ? 4 : 1); j++)
            sc_fetch_ahead(in[j], first + size, count);
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
