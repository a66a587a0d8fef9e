/* The bounds over arrays, a block at a time.
 *
 * A point is a chain of some 250 cycles of operations that wait for each other, more than a
 * processor can look ahead. Each block therefore goes through short phases - occupancy, resolution,
 * result - in which neighbouring packs overlap. What one phase hands to the next stays in the first
 * cache.
 */
#include "bounds/bounds.h"
#include "engine/blocks.h"
#include "engine/engine.h"

/* Loops take a copy: a compiler that only has a pointer must expect every store to change what it
   points to, and loads addresses and steps anew for each pack. */
typedef struct points {
    int packs;
    sc_packs n, T, d, K;
    /* where the next block's results will go; where there is none, any valid address */
    const double *out_ahead;
} points;

/* Whether pack i begins a cache line, of eight doubles. */
SC_INLINE int begins_line(int i) { return i * SC_LANES % 8 == 0; }

/* Prefetching of the next block, a request for each cache line, is divided between two phases, so
   that requests come at an even pace. */
SC_INLINE void fetch_ahead_n_K_out(const points *p, int i)
{
    if (!begins_line(i))
        return;
    sc_fetch_ahead(&p->n, i);
    sc_fetch_ahead(&p->K, i);
    SC_PREFETCH(p->out_ahead + i * SC_LANES);
}

SC_INLINE void fetch_ahead_T_d(const points *p, int i)
{
    if (!begins_line(i))
        return;
    sc_fetch_ahead(&p->T, i);
    sc_fetch_ahead(&p->d, i);
}

typedef enum quantity_columns { N_AND_K, ALL_COLUMNS } quantity_columns;

typedef enum concentrations { K_VARIES, K_SMALL, K_LARGE, K_FAR } concentrations;

SC_INLINE void occupancy_phase(const points p, const concentrations kind, double *out)
{
    sc_origin origin = sc_origin_of(sc_pack(&p.K, 0));
    for (int i = 0; i < p.packs; i++) {
        if (kind == K_VARIES)
            origin = sc_origin_of(sc_pack(&p.K, i));
        else
            /* one K for all points: the compiler drops the branch for the other kind */
            origin.any_small = kind == K_SMALL;
        if (kind == K_FAR)
            origin.terms = SC_FAR_TERMS;
        r_store(out + i * SC_LANES, sc_occupancy_at(&origin, sc_pack(&p.n, i)));
        fetch_ahead_n_K_out(&p, i);
    }
}

static SC_NOINLINE void each_occupancy(const points *p, double *out)
{
    if (p->K.step != 0)
        occupancy_phase(*p, K_VARIES, out);
    else if (m_any(r_lt(sc_pack(&p->K, 0), r_set(SC_STIRLING_FROM))))
        occupancy_phase(*p, K_SMALL, out);
    else if (m_any(r_le(r_set(SC_FAR_FROM), sc_pack(&p->K, 0))))
        occupancy_phase(*p, K_FAR, out);
    else
        occupancy_phase(*p, K_LARGE, out);
}

/* Intermediate results of a block, a column each, that one phase hands to the next. */
typedef struct columns {
    SC_ALIGNED double per_sample[SC_BLOCK]; /* U, then U/T */
    SC_ALIGNED double entropy[SC_BLOCK];    /* d U/T */
    SC_ALIGNED double eps[SC_BLOCK];
    SC_ALIGNED double inverse[SC_BLOCK]; /* 1/eps */
} columns;

/* The first half of the way from occupancy to resolution, for one pack. `greatest` is the greatest
   d U/T so far. */
SC_INLINE void start(const points *p, columns *c, int i, real *greatest)
{
    const int at = i * SC_LANES;
    const real per_sample = r_load(c->per_sample + at) / sc_pack(&p->T, i);
    const real entropy = per_sample * sc_pack(&p->d, i);
    *greatest = r_max(entropy, *greatest);
    r_store(c->per_sample + at, per_sample);
    r_store(c->entropy + at, entropy);
    r_store(c->eps + at, sc_resolution_start(entropy));
    fetch_ahead_T_d(p, i);
}

/* The second half; the result is not yet clipped to 2. */
SC_INLINE void polish(sc_sharpness sharpness, columns *c, int i)
{
    const int at = i * SC_LANES;
    const sc_net net =
        sc_resolution_polished(r_load(c->entropy + at), r_load(c->eps + at), sharpness);
    r_store(c->eps + at, net.eps);
    r_store(c->inverse + at, net.inverse);
}

/* From the occupancy to U/T, the occupancy per sample, and the resolution. Newton's steps for a
   pack are taken while the divider works on U/T of the next. Clipping is rare: it gets a loop of
   its own. */
SC_INLINE void each_resolution(sc_sharpness sharpness, const points p, columns *c)
{
    real greatest = r_set(0.0);
    start(&p, c, 0, &greatest);
    for (int i = 1; i < p.packs; i++) {
        start(&p, c, i, &greatest);
        polish(sharpness, c, i - 1);
    }
    polish(sharpness, c, p.packs - 1);
    if (m_any(r_le(r_set(1.0), greatest)))
        for (int at = 0; at < p.packs * SC_LANES; at += SC_LANES) {
            const sc_net net = {r_load(c->eps + at), r_load(c->inverse + at)},
                         clipped = sc_net_clipped(net, r_load(c->entropy + at));
            r_store(c->eps + at, clipped.eps);
            r_store(c->inverse + at, clipped.inverse);
        }
}

/* Each caller passes a constant quantity, so that the compiler makes a version without branches for
   each. */
SC_INLINE void optimal_block(sc_quantity quantity, const points p, double *out)
{
    const sc_sharpness sharpness = quantity == SC_ERROR_BOUND ? SC_FOR_THE_BOUND : SC_FOR_ITS_PARTS;
    columns c;
    each_occupancy(&p, c.per_sample);
    each_resolution(sharpness, p, &c);
    for (int i = 0; i < p.packs; i++) {
        const int at = i * SC_LANES;
        const real eps = r_load(c.eps + at), per_sample = r_load(c.per_sample + at);
        real result = eps;
        if (quantity == SC_ERROR_BOUND || quantity == SC_MISSPECIFICATION_BOUND)
            result = sc_misspecification_at(sc_pack(&p.n, i), sc_pack(&p.K, i), eps);
        if (quantity == SC_ERROR_BOUND || quantity == SC_ESTIMATION_BOUND) {
            const real entropy = sc_unit_entropy(sc_log_twice(sc_pack(&p.n, i)), sc_pack(&p.d, i),
                                                 r_load(c.inverse + at));
            result = r_fma(per_sample, entropy, quantity == SC_ERROR_BOUND ? result : r_set(0.0));
        }
        r_store(out + at, result);
    }
}

/* The closed form takes two phases: the occupancy's bound and the root, then the other logarithms.
   Each has one division to keep the divider as busy as the multipliers. */
SC_INLINE void closed_form_phases(const points p, const int uniform, const int may_be_huge,
                                  double *out)
{
    SC_ALIGNED double occupancy[SC_BLOCK], cover[SC_BLOCK], misspecification[SC_BLOCK];
    sc_ratio ratio = sc_ratio_of(sc_pack(&p.K, 0));
    for (int i = 0; i < p.packs; i++) {
        const int at = i * SC_LANES;
        const real n = sc_pack(&p.n, i);
        if (!uniform)
            ratio = sc_ratio_of(sc_pack(&p.K, i));
        r_store(occupancy + at, sc_occupancy_bound_at(&ratio, n, may_be_huge));
        r_store(cover + at, sc_closed_form_cover(&ratio, n));
        r_store(misspecification + at, sc_closed_form_misspecification(n, ratio.K));
        fetch_ahead_n_K_out(&p, i);
    }
    for (int i = 0; i < p.packs; i++) {
        const int at = i * SC_LANES;
        const real n = sc_pack(&p.n, i);
        if (!uniform && may_be_huge)
            ratio = sc_ratio_of(sc_pack(&p.K, i));
        const real entropy =
            sc_closed_form_entropy(&ratio, n, sc_pack(&p.d, i), r_load(cover + at), may_be_huge);
        r_store(out + at, r_load(misspecification + at)
                              + r_load(occupancy + at) * entropy / sc_pack(&p.T, i));
        fetch_ahead_T_d(&p, i);
    }
}

static SC_NOINLINE void closed_form_block(const points *p, const int plain, double *out)
{
    if (!plain)
        closed_form_phases(*p, 0, 1, out);
    else if (p->K.step)
        closed_form_phases(*p, 0, 0, out);
    else
        closed_form_phases(*p, 1, 0, out);
}

/* Occupancies, clipped to the range 1 to n that the documentation promises: rounding might leave
   it. */
static void occupancy_block(const points *p, double *out)
{
    SC_ALIGNED double occupancy[SC_BLOCK];
    each_occupancy(p, occupancy);
    for (int i = 0; i < p->packs; i++) {
        const int at = i * SC_LANES;
        r_store(out + at, r_min(r_max(r_load(occupancy + at), r_set(1.0)), sc_pack(&p->n, i)));
    }
}

static void quantity_block(sc_quantity quantity, const points *p, int plain, double *out)
{
    switch (quantity) {
    case SC_ERROR_BOUND: optimal_block(SC_ERROR_BOUND, *p, out); break;
    case SC_MISSPECIFICATION_BOUND: optimal_block(SC_MISSPECIFICATION_BOUND, *p, out); break;
    case SC_ESTIMATION_BOUND: optimal_block(SC_ESTIMATION_BOUND, *p, out); break;
    case SC_OPTIMAL_RESOLUTION: optimal_block(SC_OPTIMAL_RESOLUTION, *p, out); break;
    case SC_CLOSED_FORM_BOUND: closed_form_block(p, plain, out); break;
    default: occupancy_block(p, out);
    }
}

/* Whether all values of a block are plain: n, T and d in [1, 2^512), K in [2^-256, 2^256). Then no
   point is out of the domain and nothing overflows. The test subtracts the bits of the least plain
   value, as integers: exactly the plain values have zeros in the uppermost three bits afterwards.
   Blocks with any other value, NaN too, go through mask_domain. */
#define SC_ONE_BITS ((uint64_t)1023 << 52)
#define SC_LEAST_K_BITS ((uint64_t)(1023 - 256) << 52)

SC_INLINE int block_is_plain(quantity_columns columns, const points *p)
{
    bits above = r_bits(sc_pack(&p->K, 0)) - SC_LEAST_K_BITS;
    if (p->K.step)
        for (int i = 1; i < p->packs; i++)
            above |= r_bits(sc_pack(&p->K, i)) - SC_LEAST_K_BITS;
    if (columns == N_AND_K)
        for (int i = 0; i < p->packs; i++)
            above |= r_bits(sc_pack(&p->n, i)) - SC_ONE_BITS;
    else {
        for (int i = 0; i < p->packs; i++)
            above |= (r_bits(sc_pack(&p->n, i)) - SC_ONE_BITS)
                     | (r_bits(sc_pack(&p->T, i)) - SC_ONE_BITS);
        for (int i = 0; i < (p->d.step ? p->packs : 1); i++)
            above |= r_bits(sc_pack(&p->d, i)) - SC_ONE_BITS;
    }
    return !b_any(above >> 61);
}

/* NaN for the points out of the domain; returns how many of the first `count` became so without
   being NaN before. */
static SC_NOINLINE ptrdiff_t mask_domain(quantity_columns columns, const points *p, int count,
                                         double *out)
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

/* Size of a first, short block, after which `out` lies on a cache line: NumPy's large arrays all
   begin 16 bytes after the beginning of one. */
SC_INLINE int to_alignment(const double *out, ptrdiff_t stride, ptrdiff_t count)
{
    const int ahead = (int)((64 - ((uintptr_t)out & 63)) & 63) / 8;
    return stride == 1 && ahead && count > SC_BLOCK ? ahead : SC_BLOCK;
}

ptrdiff_t SC_KERNEL(sc_evaluate)(sc_quantity quantity, ptrdiff_t count, const sc_column in[4],
                                 double *out, ptrdiff_t out_stride)
{
    const quantity_columns columns = quantity == SC_OCCUPANCY ? N_AND_K : ALL_COLUMNS;
    ptrdiff_t invalid = 0;
    points p;
    SC_ALIGNED double buffers[4][SC_BLOCK], buffer[SC_BLOCK];
    int size = to_alignment(out, out_stride, count);
    for (ptrdiff_t first = 0; first < count; first += size, size = SC_BLOCK) {
        if (size > count - first)
            size = (int)(count - first);
        p.packs = (size + SC_LANES - 1) / SC_LANES;
        sc_open(&p.n, in[0], first, size, count, buffers[0]);
        sc_open(&p.K, in[3], first, size, count, buffers[3]);
        if (columns == ALL_COLUMNS) {
            sc_open(&p.T, in[1], first, size, count, buffers[1]);
            sc_open(&p.d, in[2], first, size, count, buffers[2]);
        }
        const int plain = block_is_plain(columns, &p);
        const int direct = out_stride == 1 && size % SC_LANES == 0 && plain;
        double *result = direct ? out + first : buffer;
        p.out_ahead = direct && count - first >= size + SC_BLOCK ? result + size : buffer;
        quantity_block(quantity, &p, plain, result);
        if (!plain)
            invalid += mask_domain(columns, &p, size, result);
        if (!direct)
            sc_spread(result, size, out + first * out_stride, out_stride);
    }
    return invalid;
}
