/* Drawn atoms beside a fixed part. n_s atoms cost K rho/(8 n_s) + eps^2/16 + U g/T with U = E
 * U_(n_s), g = ln(2 n_s) + d ln(1 + 2/eps): the bound of docs/theory.md, section 2 ("The bound at
 * width n"), for the residual rho in place of 1/2. The best n_s = e^x is where
 *
 *     phi(x) = ln( (a g + U)/T + w (rise of the fixed part + U g/T) ) + x - ln(K rho/8) = 0,
 *
 * with a = dU/dx. At a given T, w = 0 (further units may be idle); along n T = M, where every unit
 * costs samples, w = n_s/n.
 *
 * Strategies are solved a batch at a time: for one pack this is a long chain of operations that
 * wait for each other, and independent packs fill the gaps.
 */
#ifndef SC_ATOM_STRATEGY_H
#define SC_ATOM_STRATEGY_H

#include "bounds/bounds.h"
#include "spectral/fixed_strategy.h"

#define ATOM_BATCH 64
#define ATOM_PACKS (ATOM_BATCH / SC_LANES)
#define ATOM_STEPS 60
/* The search ends with a step in ln n_s below this, after which phi is not evaluated again: what is
   left is its square if it was Newton's step, as at a given T; and along n T = M, where it was a
   secant's, less than the step, of which the bound changes by the square. */
#define NEWTON_CLOSE 1e-3
#define SECANT_CLOSE 1e-6

typedef struct atom_batch {
    const sc_strategies *s;
    int with;
    int along; /* whether n T = T_or_product holds, or else T = T_or_product */
    int count;
    /* the point for which this strategy is solved, a number of the caller's */
    int owner[ATOM_BATCH];
    ptrdiff_t row[ATOM_BATCH];
    /* limit: most atoms; units: of the fixed part; share: K rho/8 */
    double T_or_product[ATOM_BATCH], K[ATOM_BATCH], limit[ATOM_BATCH], units[ATOM_BATCH],
        share[ATOM_BATCH];
    double guess[ATOM_BATCH]; /* first guess of x, or NaN */
    double root[ATOM_BATCH];  /* x where phi = 0, or the end nearest to it */
    /* what was evaluated last. `rise`: the derivative of list + loss in x; `slope`: that of phi, at
       a given T. */
    double log_atoms[ATOM_BATCH], atoms[ATOM_BATCH], samples[ATOM_BATCH],
        misspecification[ATOM_BATCH], loss[ATOM_BATCH], list[ATOM_BATCH], eps[ATOM_BATCH],
        rise[ATOM_BATCH], phi[ATOM_BATCH], slope[ATOM_BATCH];
} atom_batch;

SC_INLINE void add_atoms(atom_batch *q, int owner, ptrdiff_t row, double T_or_product, double K,
                         double limit)
{
    const int j = q->count++;
    K = K > LEAST_K ? K : LEAST_K;
    q->owner[j] = owner;
    q->row[j] = row;
    q->T_or_product[j] = T_or_product;
    q->K[j] = K;
    q->limit[j] = limit;
    q->units[j] = q->s->units[row];
    q->share[j] = q->s->residual[row] * 0.125 * K;
    q->guess[j] = (double)NAN;
}

typedef struct atom_pack {
    const atom_batch *q;
    int first;
    real T_or_product, d, units, atom_limit, limit; /* atoms at most, and the logarithm: of x */
    real share, log_share;
    sc_origin origin;
    real x; /* where phi is evaluated next */
} atom_pack;

typedef struct atom_parts {
    real x, misspecification, loss, list, eps, n, T, rise, phi, slope;
} atom_parts;

SC_INLINE void open_atoms(const atom_batch *q, int first, atom_pack *p)
{
    p->q = q;
    p->first = first;
    p->T_or_product = r_load(q->T_or_product + first);
    p->d = r_set(q->s->d);
    p->units = r_load(q->units + first);
    p->share = r_load(q->share + first);
    p->log_share = sc_log(p->share);
    p->atom_limit = r_load(q->limit + first);
    p->limit = sc_log(p->atom_limit);
    p->origin = sc_origin_of(r_load(q->K + first));
}

SC_INLINE real rise_of_lanes(const atom_pack *p, real T)
{
    double samples[SC_LANES], rise[SC_LANES];
    r_store(samples, T);
    for (int j = 0; j < SC_LANES; j++)
        rise[j] = rise_of(p->q->s, p->q->with, p->q->row[p->first + j], samples[j],
                          log(samples[j] * 0.25));
    return r_load(rise);
}

/* Open the packs of a batch that is not empty; lanes of the last pack that are left over repeat the
   first strategy. Returns the number of packs. */
static int open_packs(atom_batch *q, atom_pack *pack, int *which)
{
    const int count = q->count;
    while (q->count % SC_LANES)
        add_atoms(q, q->owner[0], q->row[0], q->T_or_product[0], q->K[0], q->limit[0]);
    const int packs = q->count / SC_LANES;
    q->count = count;
    for (int i = 0; i < packs; i++) {
        open_atoms(q, i * SC_LANES, &pack[i]);
        which[i] = i;
    }
    return packs;
}

/* The derivative of phi at a given T: 1 + d ln(a g + U)/dx, with `by_x` = a, `twice` = da/dx and
 * `total` = a g + U. Where eps is not clipped, d ln eps/dx = (a/U) (eps + 2)/(3 eps + 4). It
 * directs the search and needs no more than four digits.
 */
SC_INLINE real slope_of_phi(real d, real U, real by_x, real twice, real g, real eps, real total)
{
    const real one = r_set(1.0), two = r_set(2.0),
               finer = r_select(r_lt(eps, two), d * two * by_x, r_set(0.0))
                       * r_reciprocal_coarse(r_fma(r_set(3.0), eps, r_set(4.0)) * U);
    return r_fma(r_fma(twice, g, by_x * (two - finer)), r_reciprocal_coarse(total), one);
}

/* Evaluate phi and the parts of the bound at x of the packs pack[which[i]], phase by phase, so that
   packs of a phase fill each other's gaps. */
static void evaluate_packs(const atom_pack *pack, const int *which, int count, atom_parts *out)
{
    const int along = pack->q->along;
    real inverse_T[ATOM_PACKS], U[ATOM_PACKS], g[ATOM_PACKS];
    for (int i = 0; i < count; i++) {
        const atom_pack *p = &pack[which[i]];
        out[i].x = p->x;
        out[i].n = r_select(r_le(p->limit, p->x), p->atom_limit, sc_exp(p->x));
        out[i].T = p->T_or_product;
        if (along)
            out[i].T = out[i].T / (p->units + out[i].n);
        inverse_T[i] = r_reciprocal(out[i].T);
        U[i] = sc_occupancy_at(&p->origin, out[i].n);
    }
    for (int i = 0; i < count; i++)
        out[i].eps = sc_resolution(U[i] * inverse_T[i] * pack->d, SC_FOR_ITS_PARTS);
    for (int i = 0; i < count; i++) {
        g[i] = sc_unit_entropy(out[i].x + r_set(SC_LN2), pack->d, r_reciprocal(out[i].eps));
        out[i].loss = out[i].eps * out[i].eps * r_set(1.0 / 16);
        out[i].list = U[i] * inverse_T[i] * g[i];
    }
    for (int i = 0; i < count; i++) {
        const atom_pack *p = &pack[which[i]];
        const real n = out[i].n, K = p->origin.K;
        real trigamma, tetragamma;
        sc_polygamma(K + n, &trigamma, &tetragamma);
        const real by_x = n * trigamma * K, total = r_fma(by_x, g[i], U[i]);
        out[i].rise = total * inverse_T[i];
        if (along)
            out[i].rise =
                r_fma(n / (p->units + n), out[i].list + rise_of_lanes(p, out[i].T), out[i].rise);
        else
            out[i].slope = slope_of_phi(p->d, U[i], by_x, r_fma(n * tetragamma * n, K, by_x), g[i],
                                        out[i].eps, total);
        out[i].misspecification = p->share / n;
    }
    for (int i = 0; i < count; i++)
        out[i].phi = sc_log(out[i].rise) + out[i].x - pack[which[i]].log_share;
}

SC_INLINE void store_atoms(atom_batch *q, int first, const atom_parts *parts)
{
    r_store(q->log_atoms + first, parts->x);
    r_store(q->atoms + first, parts->n);
    r_store(q->samples + first, parts->T);
    r_store(q->misspecification + first, parts->misspecification);
    r_store(q->loss + first, parts->loss);
    r_store(q->list + first, parts->list);
    r_store(q->eps + first, parts->eps);
    r_store(q->rise + first, parts->rise);
    r_store(q->phi + first, parts->phi);
    if (!q->along)
        r_store(q->slope + first, parts->slope);
}

SC_INLINE void replace_lanes(atom_parts *parts, mask where, const atom_parts *by)
{
    parts->x = r_select(where, by->x, parts->x);
    parts->n = r_select(where, by->n, parts->n);
    parts->T = r_select(where, by->T, parts->T);
    parts->misspecification = r_select(where, by->misspecification, parts->misspecification);
    parts->loss = r_select(where, by->loss, parts->loss);
    parts->list = r_select(where, by->list, parts->list);
    parts->eps = r_select(where, by->eps, parts->eps);
    parts->rise = r_select(where, by->rise, parts->rise);
    parts->phi = r_select(where, by->phi, parts->phi);
    parts->slope = r_select(where, by->slope, parts->slope);
}

/* A first x, found as in frontier.c: U is taken as n, or as K ln(n/K), whichever gives more. */
SC_INLINE real first_guess_of_atoms(const atom_pack *p)
{
    real guess = r_load(p->q->guess + p->first);
    const mask none = r_is_nan(guess);
    if (m_any(none)) {
        const real log_most = sc_log(p->T_or_product);
        const real g = r_fma(p->d, r_max(r_set(0.5), log_most * r_set(0.2)),
                             r_fma(log_most, r_set(0.5), r_set(1.0)));
        const real log_K = sc_log(r_max(p->origin.K, r_set(1e-300))),
                   power = r_set(p->q->along ? 1.0 / 3 : 0.5), log_g = sc_log(g);
        const real narrow = (log_most + p->log_share - log_g) * power;
        const real wide = (log_most + p->log_share - log_K - log_g - r_set(SC_LN2))
                          * r_set(p->q->along ? 0.5 : 1.0);
        guess = r_select(none, r_max(narrow, wide), guess);
    }
    return r_min(r_max(guess, r_set(0.0)), p->limit);
}

/* The search for phi = 0 between 0 and the limit, one strategy a lane; where phi has no root, it
   ends at the end nearest to one. Newton's method at a given T, secants along n T = M, kept between
   points of either sign. */
typedef struct atom_search {
    real low, high, slope, before, phi_before, root;
    mask active;
} atom_search;

SC_INLINE void set_out(const atom_pack *p, const atom_parts *at, atom_search *search)
{
    search->active = r_le(r_set(0.0), p->limit); /* all lanes */
    search->low = r_set(0.0);
    search->high = p->limit;
    search->slope = r_set(1.8) + p->origin.K * r_reciprocal(p->origin.K + at->n);
    search->before = search->phi_before = r_set((double)NAN);
    search->root = at->x;
}

SC_INLINE void take_secant(const atom_parts *at, atom_search *search)
{
    const real zero = r_set(0.0), one = r_set(1.0);
    const real step = at->x - search->before, rise = at->phi - search->phi_before;
    const mask climbs = r_lt(zero, rise * step); /* false in the first step */
    search->slope =
        r_select(climbs, rise * r_reciprocal(r_select(climbs, step, one)), search->slope);
    search->before = at->x;
    search->phi_before = at->phi;
}

/* Where to evaluate next. A lane that has converged keeps its x, whatever the other lanes do. */
SC_INLINE real next_step(const atom_pack *p, const atom_parts *at, atom_search *search)
{
    const real zero = r_set(0.0), x = at->x, phi = at->phi,
               close = r_set(p->q->along ? SECANT_CLOSE : NEWTON_CLOSE);
    if (p->q->along)
        take_secant(at, search);
    else
        search->slope = at->slope;
    const mask above = r_lt(zero, phi);
    search->high = r_select(above, x, search->high);
    search->low = r_select(above, search->low, x);
    real next = x - phi * r_reciprocal(search->slope);
    const mask astray = m_not(m_and(r_le(search->low, next), r_le(next, search->high)));
    const mask at_end = m_or(m_and(above, r_le(search->low, zero)),
                             m_and(m_not(above), r_le(p->limit, search->high)));
    /* The ends themselves have not been evaluated, so a step past one of them leads there;
       elsewhere a step out of the bracket is replaced by halving. */
    const real halved = (search->low + search->high) * r_set(0.5);
    next = r_select(astray, r_select(at_end, r_select(above, zero, p->limit), halved), next);
    /* at an end phi is not 0, so that the last step is not negligible and must be taken */
    const mask to_end = m_or(r_le(next, zero), r_le(p->limit, next));
    search->root = r_select(search->active, next, search->root);
    search->active =
        m_and(search->active, r_lt(r_select(to_end, zero, close), r_max(next - x, x - next)));
    return r_select(search->active, next, x);
}

/* Find the best number of atoms of every strategy in the batch. */
static void solve_atoms(atom_batch *q)
{
    atom_pack pack[ATOM_PACKS];
    atom_parts parts[ATOM_PACKS], evaluated[ATOM_PACKS];
    atom_search search[ATOM_PACKS];
    int which[ATOM_PACKS];
    if (q->count < 1)
        return;
    const int packs = open_packs(q, pack, which);
    for (int i = 0; i < packs; i++)
        pack[i].x = first_guess_of_atoms(&pack[i]);
    evaluate_packs(pack, which, packs, parts);
    for (int i = 0; i < packs; i++)
        set_out(&pack[i], &parts[i], &search[i]);
    for (int step = 0, unsettled = packs; step < ATOM_STEPS && unsettled; step++) {
        const int before = unsettled;
        unsettled = 0;
        for (int k = 0; k < before; k++) {
            const int i = which[k];
            pack[i].x = next_step(&pack[i], &parts[i], &search[i]);
            which[unsettled] = i;
            unsettled += m_any(search[i].active);
        }
        evaluate_packs(pack, which, unsettled, evaluated);
        for (int k = 0; k < unsettled; k++)
            replace_lanes(&parts[which[k]], search[which[k]].active, &evaluated[k]);
    }
    for (int i = 0; i < packs; i++) {
        store_atoms(q, i * SC_LANES, &parts[i]);
        r_store(q->root + i * SC_LANES, search[i].root);
    }
}

/* What the strategies give at these ln n_s. */
static void evaluate_atoms(atom_batch *q, const double *log_atoms)
{
    atom_pack pack[ATOM_PACKS];
    atom_parts parts[ATOM_PACKS];
    int which[ATOM_PACKS];
    double at[ATOM_BATCH];
    if (q->count < 1)
        return;
    for (int j = 0; j < ATOM_BATCH; j++)
        at[j] = log_atoms[j < q->count ? j : 0];
    const int packs = open_packs(q, pack, which);
    for (int i = 0; i < packs; i++)
        pack[i].x = r_load(at + i * SC_LANES);
    evaluate_packs(pack, which, packs, parts);
    for (int i = 0; i < packs; i++)
        store_atoms(q, i * SC_LANES, &parts[i]);
}

/* What the strategies give at the whole number of atoms below each root, or at the one above it:
 * the theorem is about whole numbers, and what a real one gives in between may lie below the
 * least that is proved. From WHOLE_ANYHOW atoms on, the whole numbers around a root give what the
 * root gives, to rounding errors.
 */
#define WHOLE_ANYHOW 1e8

static void evaluate_whole_atoms(atom_batch *q, int upper)
{
    SC_ALIGNED double whole[ATOM_BATCH];
    SC_ALIGNED double log_whole[ATOM_BATCH];
    for (int first = 0; first < q->count; first += SC_LANES) {
        r_store(whole + first, sc_exp(r_load(q->root + first)));
        for (int j = first; j < first + SC_LANES; j++) {
            const double most = fmax(floor(q->limit[j]), 1), above = upper + 1e-12 * whole[j];
            whole[j] = whole[j] < WHOLE_ANYHOW ? fmin(floor(whole[j] + above), most)
                                               : fmin(whole[j], q->limit[j]);
        }
        r_store(log_whole + first, sc_log(r_load(whole + first)));
    }
    evaluate_atoms(q, log_whole);
    for (int j = 0; j < q->count; j++)
        q->atoms[j] = whole[j];
}

/* Whether a strategy that was settled or evaluated, beside a fixed part of this price, does better
   than the best so far, which then it is. */
static int take_atoms(const atom_batch *q, int j, const sc_price *price, sc_spectral_terms *best)
{
    const double error =
        q->misspecification[j] + q->loss[j] + q->list[j] + price->coefficients + price->distortion;
    if (!(error < best->error))
        return 0;
    *best = (sc_spectral_terms){
        error,      price->coefficients, price->distortion, q->misspecification[j],
        q->list[j], q->loss[j],          q->units[j],       q->atoms[j],
        q->eps[j],  SC_ATOMS_TOO};
    return 1;
}

/* The least that atoms can cost where they do better than the best bound so far: rows for which
 * that is too much are left out without solving for their atoms.
 *
 * Two things are known of such atoms. There are more than K of them: fewer cost more than they
 * save. And their rounding alone, eps^2/16 = d U/(T (2 + eps)), is below the best so far, which
 * bounds eps from above; their list costs at least 2 ln(1 + 2/eps) times their rounding. So list
 * and rounding together are at least B ln(1 + n_s/K), with B = *scale, and together with the loss K
 * rho/(8 n_s) at least B max(ln 2, 1 + ln z), z = rho/(8 B). (At K < 1 one atom has U = 1.)
 */
SC_INLINE void least_cost_of_atoms(real d, real K, real T, real best, real *scale,
                                   real *log_8_scale)
{
    const real one = r_set(1.0), two = r_set(2.0), wide = r_min(r_set(4.0) * r_sqrt(best), two);
    const real eps = wide / r_sqrt(r_fma(two, sc_log1p(two / wide), one));
    const real direction = sc_log1p(two / eps) + one / (two + eps);
    *scale = r_fma(d, direction, sc_log(r_max(K, one) * two)) * (K / T);
    *log_8_scale = sc_log(r_max(*scale * r_set(8.0), r_set(1e-300)));
}

SC_INLINE real least_cost_beside(real scale, real log_8_scale, real log_residual)
{
    return scale * r_max(r_set(1.0) - log_8_scale + log_residual, r_set(SC_LN2));
}

#endif
