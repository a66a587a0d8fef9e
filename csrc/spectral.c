/* The spectral bound at a point, and its best allocation of a budget. Control is scalar; what costs, the atoms' part, is computed for a
 * pack of strategies at once.
 */
#include "spectral.h"

#include "bounds.h"
#include "engine.h"

#define SPECTRAL_STEPS 60
#define SPECTRAL_LEAST_K 1e-290 /* smaller ones are taken for this: the bound grows by less than that */
#define SPECTRAL_CLOSE 1e-5 /* the last step in ln n_s: what it leaves is a fraction, and the bound's error the square of that */

/* ---- the fixed part ------------------------------------------------------------------------------------------------------------ */

typedef struct fixed_share {
    double coefficients, distortion;
} fixed_share;

/* sum_i h(mu_i, T) of a row, in its two parts: with D = min(mu, 4/T), ln(mu/D)/(2T) and D/8. */
static fixed_share fixed_part(const sc_strategies *s, ptrdiff_t row, double T, double log_quarter)
{
    const double *eigenvalue = s->eigenvalue + s->first[row], least = 4 / T;
    ptrdiff_t low = 0, size = s->first[row + 1] - s->first[row];
    while (size > 0) { /* the number of eigenvalues above 4/T; no branch but the loop's own */
        const ptrdiff_t half = size / 2;
        const int above = eigenvalue[low + half] > least;
        low = above ? low + half + 1 : low;
        size = above ? size - half - 1 : half;
    }
    const ptrdiff_t sums = s->first[row] + row + low;
    const double per_sample = 0.5 / T;
    return (fixed_share){(s->logarithms[sums] + s->copies[sums] * log_quarter) * per_sample,
                         s->copies[sums] * per_sample + s->rest[sums] * 0.125};
}

/* the last row that a width pays for */
static ptrdiff_t widest_row(const sc_strategies *s, double n)
{
    ptrdiff_t low = 0, high = s->rows;
    while (high - low > 1) {
        const ptrdiff_t middle = (low + high) / 2;
        if (s->units[middle] <= n)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* ---- atoms -------------------------------------------------------------------------------------------------------------------------
 * n_s of them cost K rho/(8 n_s) + eps^2/16 + U g/T with U = E U_(n_s), g = ln(2 n_s) + d ln(1 + 2/eps): section 4's bound for the
 * residual rho in place of 1/2. The best n_s = e^x is where
 *
 *     phi(x) = ln( (a g + U)/T + w (coefficients + U g/T) ) + x - ln(K rho/8) = 0,      a = dU/dx,
 *
 * w = 0 at a given T (more units may be idle), and w = n_s/n along n T = M, where every unit costs samples.
 */
typedef struct atoms_problem {
    const sc_strategies *s;
    ptrdiff_t row[SC_LANES];
    fixed_share fixed[SC_LANES]; /* at a given T */
    int along;                 /* n T = most, instead of a given T */
    double T, most;
    real d, units, limit;      /* of x */
    real share, log_share;     /* K rho/8 */
    sc_origin origin;
} atoms_problem;

typedef struct atoms_parts {
    real misspecification, loss, list, eps, n, T, phi;
} atoms_parts;

SC_INLINE void set_problem(atoms_problem *p, const sc_strategies *s, double K, int along, double T_or_most)
{
    p->s = s;
    p->along = along;
    p->T = p->most = T_or_most;
    p->d = r_set(s->d);
    p->origin = sc_origin_of(r_set(K));
    for (int j = 0; j < SC_LANES; j++)
        p->fixed[j] = (fixed_share){0, 0};
}

SC_INLINE real atoms_samples(const atoms_problem *p, real n)
{
    if (p->along)
        return r_set(p->most) / (p->units + n);
    return r_set(p->T);
}

SC_INLINE real lane_coefficients(const atoms_problem *p, real T)
{
    double samples[SC_LANES], out[SC_LANES];
    r_store(samples, T);
    for (int j = 0; j < SC_LANES; j++)
        out[j] = fixed_part(p->s, p->row[j], samples[j], log(samples[j] / 4)).coefficients;
    return r_load(out);
}

SC_INLINE atoms_parts atoms_at(const atoms_problem *p, real x)
{
    const real n = sc_exp(x), K = p->origin.K, T = atoms_samples(p, n), inverse_T = r_reciprocal(T);
    const real U = sc_occupancy_at(&p->origin, n), per_sample = U * inverse_T;
    const real eps = sc_resolution(per_sample * p->d, SC_FOR_ITS_PARTS);
    const real g = sc_unit_entropy(x + r_set(SC_LN2), p->d, r_reciprocal(eps));
    real trigamma, tetragamma;
    sc_polygamma(K + n, &trigamma, &tetragamma);
    atoms_parts parts = {p->share / n, eps * eps * r_set(1.0 / 16), per_sample * g, eps, n, T, r_set(0.0)};
    real rise = r_fma(n * trigamma * K, g, U) * inverse_T;
    if (p->along)
        rise = r_fma(n / (p->units + n), parts.list + lane_coefficients(p, T), rise);
    parts.phi = sc_log(rise) + x - p->log_share;
    return parts;
}

SC_INLINE real atoms_condition(const atoms_problem *p, real x)
{
    return atoms_at(p, x).phi;
}

/* A first x, like that of frontier.c: U taken as n, or as K ln(n/K), whichever gives more. */
SC_INLINE real atoms_guess(const atoms_problem *p)
{
    const double log_most = log(p->along ? p->most : p->T);
    const real g = r_fma(p->d, r_set(fmax(0.5, 0.2 * log_most)), r_set(log_most * 0.5 + 1));
    const real log_K = sc_log(r_max(p->origin.K, r_set(1e-300))), power = r_set(p->along ? 1.0 / 3 : 0.5);
    const real narrow = (r_set(log_most) + p->log_share - sc_log(g)) * power;
    const real wide = (r_set(log_most) + p->log_share - log_K - sc_log(g * r_set(2.0))) * r_set(p->along ? 0.5 : 1.0);
    return r_min(r_max(r_max(narrow, wide), r_set(0.0)), p->limit);
}

/* Where phi = 0 between 0 and the limit, or the end at which it is nearest: secants, kept between points of either sign. */
SC_INLINE real atoms_solve(const atoms_problem *p)
{
    const real zero = r_set(0.0), one = r_set(1.0), half = r_set(0.5);
    real low = zero, high = p->limit, x = atoms_guess(p), phi = atoms_condition(p, x);
    real slope = one + r_set(p->along ? 0.8 : 0.1) + p->origin.K * r_reciprocal(p->origin.K + sc_exp(x));
    mask active = r_le(zero, p->limit);
    for (int step = 0; step < SPECTRAL_STEPS; step++) {
        const mask above = r_lt(zero, phi);
        high = r_select(above, x, high);
        low = r_select(above, low, x);
        real next = x - phi * r_reciprocal(slope);
        const mask astray = m_not(m_and(r_le(low, next), r_le(next, high)));
        const mask at_end = m_or(m_and(above, r_le(low, zero)), m_and(m_not(above), r_le(p->limit, high)));
        /* the ends themselves have not been tried, so a step past them leads there; elsewhere it means halving */
        next = r_select(astray, r_select(at_end, r_select(above, zero, p->limit), (low + high) * half), next);
        const real moved = r_max(next - x, x - next), last = x;
        x = r_select(active, next, x); /* a lane that has arrived stays, whatever its neighbours do */
        active = m_and(active, r_lt(r_set(SPECTRAL_CLOSE), moved));
        if (!m_lanes(active))
            break;
        const real phi_there = atoms_condition(p, x);
        const mask climbs = r_lt(zero, (phi_there - phi) * (x - last));
        slope = r_select(climbs, (phi_there - phi) * r_reciprocal(r_select(climbs, x - last, one)), slope);
        phi = phi_there;
    }
    return x;
}

/* ---- a point --------------------------------------------------------------------------------------------------------------------- */

typedef struct contest {
    sc_spectral_terms best;
    ptrdiff_t row; /* of the best with atoms, and its ln n_s */
    double log_atoms;
} contest;

/* The least that atoms can cost. They are more than K, or they add more than they tell, and their rounding must leave the bound below
 * the best so far; so U g/T >= B ln(1 + n_s/K) with this B, and with the loss K rho/(8 n_s) it is at least B max(ln 2, 1 + ln z),
 * z = K rho/(8 B K). At K < 1 one atom is U = 1.
 */
typedef struct least_atoms {
    double scale, offset; /* B, and ln z - ln rho */
} least_atoms;

static least_atoms least_atoms_at(double d, double K, double T, double best)
{
    const double scale = (log(2 * fmax(K, 1)) + d * log1p(0.5 / sqrt(best))) * K / T;
    return (least_atoms){scale, -log(8 * scale)}; /* 1/scale may overflow */
}

SC_INLINE double least_cost(const sc_strategies *s, const least_atoms *least, ptrdiff_t row)
{
    const double grown = 1 + least->offset + s->log_residual[row];
    return least->scale * (grown > SC_LN2 ? grown : SC_LN2);
}

static sc_spectral_terms without_atoms(const sc_strategies *s, ptrdiff_t row, double T, double log_quarter)
{
    const fixed_share f = fixed_part(s, row, T, log_quarter);
    const double residual = s->residual[row] * 0.125;
    return (sc_spectral_terms){f.coefficients + f.distortion + residual, f.coefficients, f.distortion, residual, 0, 0,
                               s->units[row], 0, (double)NAN, SC_FIXED};
}

/* Try the pack's strategies, seen at n_s = e^x. */
SC_INLINE void try_atoms(const atoms_problem *p, real x, atoms_parts parts, int lanes, contest *c)
{
    double misspecification[SC_LANES], loss[SC_LANES], list[SC_LANES], eps[SC_LANES], atoms[SC_LANES], samples[SC_LANES], at[SC_LANES];
    r_store(misspecification, parts.misspecification);
    r_store(loss, parts.loss);
    r_store(list, parts.list);
    r_store(eps, parts.eps);
    r_store(atoms, parts.n);
    r_store(samples, parts.T);
    r_store(at, x);
    for (int j = 0; j < lanes; j++) {
        const fixed_share f = p->along ? fixed_part(p->s, p->row[j], samples[j], log(samples[j] / 4)) : p->fixed[j];
        const double error = misspecification[j] + loss[j] + list[j] + f.coefficients + f.distortion;
        if (error < c->best.error) {
            c->best = (sc_spectral_terms){error, f.coefficients, f.distortion, misspecification[j], list[j], loss[j],
                                          p->s->units[p->row[j]], atoms[j], eps[j], SC_ATOMS_TOO};
            c->row = p->row[j];
            c->log_atoms = at[j];
        }
    }
}

/* Fill a pack's lanes: strategy j may draw up to limit[j] atoms. What is left of the pack repeats the first. */
SC_INLINE void open_atoms(atoms_problem *p, int lanes, const double *limit)
{
    double units[SC_LANES], share[SC_LANES], limits[SC_LANES], K[SC_LANES];
    r_store(K, p->origin.K);
    for (int j = 0; j < SC_LANES; j++) {
        const int from = j < lanes ? j : 0;
        p->row[j] = p->row[from];
        units[j] = p->s->units[p->row[j]];
        share[j] = p->s->residual[p->row[j]] * 0.125 * K[0];
        limits[j] = limit[from];
    }
    p->units = r_load(units);
    p->share = r_load(share);
    p->log_share = sc_log(p->share);
    p->limit = sc_log(r_load(limits));
}

SC_INLINE void contest_at_T(atoms_problem *p, int lanes, const double *limit, contest *c)
{
    open_atoms(p, lanes, limit);
    real x = p->limit;
    atoms_parts parts = atoms_at(p, x);
    const mask idle = r_lt(r_set(0.0), parts.phi); /* fewer atoms would do better */
    if (m_lanes(idle)) {
        x = r_select(idle, atoms_solve(p), x);
        parts = atoms_at(p, x);
    }
    try_atoms(p, x, parts, lanes, c);
}

/* ---- a trained quadratic form ----------------------------------------------------------------------------------------------------
 * d trained units beside the pair make every function of degree at most 2. Their aliases in higher degrees have the mean square a
 * below, and add at most as lengths do.
 */
static void quadratic_form(const sc_strategies *s, double n, double T, contest *c)
{
    const double d = s->d, linear = 1 / (4 * d), least = 4 / T;
    if (d < 2 || n < d + 2)
        return;
    const double variance[3] = {s->even[0], linear, s->even[1]}, copies[3] = {1, d, s->copies_2};
    double coefficients = 0, distortion = 0, sent[3];
    for (int i = 0; i < 3; i++) {
        const double left = fmin(variance[i], least);
        coefficients += copies[i] * log(variance[i] / left) * 0.5 / T;
        distortion += copies[i] * left * 0.125;
        sent[i] = 1 - left / variance[i];
    }
    const double alias = s->beyond * (sent[2] * (1 - 1 / d) + sent[0] / d) + s->beyond_orthogonal * (1 - 1 / d) * (sent[0] - sent[2]);
    const double length = sqrt(s->beyond) + sqrt(fmax(alias, 0));
    const double residual = length * length * 0.125, error = coefficients + distortion + residual;
    if (error < c->best.error)
        c->best = (sc_spectral_terms){error, coefficients, distortion, residual, 0, 0, d + 2, 0, (double)NAN, SC_QUADRATIC};
}

/* ---- sticks -----------------------------------------------------------------------------------------------------------------------
 * The first m sticks of the process, as vectors of mean square m_j = 2 gamma^(j-1)/(K+2), gamma = K/(K+2), each sent with a sign and d
 * noisy coordinates, leave gamma^m rho. Per sample they cost [m A + B m (m-1)/2]/T, A = ln 2 + (d/2)(1 + ln(m_1 T tau/(4d))),
 * B = (d/2) ln gamma.
 */
typedef struct stick_law {
    double fall;      /* -ln gamma */
    double log_first; /* ln(m_1/(4d)) */
} stick_law;

static stick_law stick_law_of(double d, double K)
{
    K = fmax(K, SPECTRAL_LEAST_K);
    return (stick_law){log1p(2 / K), log(2 / (K + 2)) - log(4 * d)};
}

typedef struct stick_share {
    double list, loss, residual, most; /* most: sticks that pay at this T */
} stick_share;

/* The number of sticks that pay, a whole one: those whose ln(m_j T tau/(4d)) is at least the row's last. */
static double paying_sticks(const sc_strategies *s, const stick_law *law, ptrdiff_t row, double log_T)
{
    const double above = law->log_first + log_T + s->log_rounding[row] - s->last_stick[row];
    return above < 0 ? 0 : floor(1 + above / law->fall);
}

static stick_share sticks_cost(const sc_strategies *s, const stick_law *law, ptrdiff_t row, double T, double log_T, double m)
{
    const double log_first = law->log_first + log_T + s->log_rounding[row];
    stick_share share;
    share.list = m * (SC_LN2 + s->d * 0.5 * (log_first - law->fall * (m - 1) * 0.5)) / T;
    share.loss = m * s->d * 0.5 / T;
    share.residual = s->residual[row] * 0.125 * exp(-law->fall * m);
    return share;
}

static void try_sticks(const sc_strategies *s, const stick_law *law, ptrdiff_t row, double T, double log_T, double m, fixed_share f,
                       contest *c)
{
    const stick_share share = sticks_cost(s, law, row, T, log_T, m);
    const double error = f.coefficients + f.distortion + share.list + share.loss + share.residual;
    if (error < c->best.error)
        c->best = (sc_spectral_terms){error, f.coefficients, f.distortion, share.residual, share.list, share.loss, s->units[row], m,
                                      (double)NAN, SC_STICKS_TOO};
}

static void sticks_at_point(const sc_strategies *s, double n, double T, double K, double log_quarter, contest *c)
{
    const stick_law law = stick_law_of(s->d, K);
    const double log_T = log_quarter + 2 * SC_LN2;
    for (ptrdiff_t i = 0; i < s->atom_rows; i++) {
        const ptrdiff_t row = s->atom_row[i];
        const double m = fmin(n - s->units[row], paying_sticks(s, &law, row, log_T));
        if (n - s->units[row] < 1)
            break;
        if (m < 1)
            continue;
        const fixed_share f = fixed_part(s, row, T, log_quarter);
        if (f.coefficients + f.distortion >= c->best.error)
            break; /* wider rows cost more */
        try_sticks(s, &law, row, T, log_T, m, f, c);
    }
}

/* The most sticks that pay along n T = most, real: more of them leave fewer samples to each. Newton's steps on a concave function stay
   on its left. */
static double paying_along(const sc_strategies *s, const stick_law *law, ptrdiff_t row, double most)
{
    const double units = s->units[row];
    double last = fmin(paying_sticks(s, law, row, log(most / (units + 1))), most - units);
    if (last <= 1 || paying_sticks(s, law, row, log(most / (units + last))) >= last)
        return last;
    const double above = law->log_first + log(most) + s->log_rounding[row] - s->last_stick[row];
    double m = 1;
    for (int step = 0; step < 300; step++) { /* a few, but one for each factor of 300 in K */
        const double n = units + m, gap = 1 + (above - log(n)) / law->fall - m, move = gap / (1 + 1 / (law->fall * n));
        m = fmax(m + move, 1);
        if (move <= 1e-9 * m)
            break;
    }
    return fmin(m, last);
}

/* Beside a row, the best number of sticks along n T = most, at least one: where
 * (coefficients + list)/(q + m) + [A + B (m - 1/2)]/T + (rho/8) ln gamma gamma^m turns positive. */
static double sticks_along(const sc_strategies *s, const stick_law *law, ptrdiff_t row, double most, double last)
{
    double low = 0, high = last, m = 0.5 * last;
    for (int step = 0; step < 40 && high - low > 1e-7 * high; step++, m = 0.5 * (low + high)) {
        const double n = s->units[row] + m, T = most / n, log_T = log(T);
        const stick_share share = sticks_cost(s, law, row, T, log_T, m);
        const double A = SC_LN2 + s->d * 0.5 * (1 + law->log_first + log_T + s->log_rounding[row]);
        const double slope = (fixed_part(s, row, T, log_T - 2 * SC_LN2).coefficients + share.list) / n
                             + (A - s->d * 0.5 * law->fall * (m - 0.5)) / T - share.residual * law->fall;
        if (slope > 0)
            high = m;
        else
            low = m;
    }
    return fmax(m, 1);
}

static double greater(double a, double b) /* of two numbers; fmax is a call */
{
    return a > b ? a : b;
}

/* Rows that may have atoms are looked at in two rounds: first some from all over the table, whose best lets the second round leave out
   most of the others by what they must cost at least. */
#define SPECTRAL_STRIDE 3

static void atoms_at_point(const sc_strategies *s, double n, double T, double K, double log_quarter, contest *c)
{
    double limit[SC_LANES];
    atoms_problem p;
    K = K > SPECTRAL_LEAST_K ? K : SPECTRAL_LEAST_K;
    if ((SC_LN2 + s->d) * K * SC_LN2 >= c->best.error * T) /* no bound is above 1/16, where ln(1 + 1/(2 sqrt)) is above 1 */
        return;
    set_problem(&p, s, K, 0, T);
    double beaten = c->best.error;
    least_atoms least = least_atoms_at(s->d, K, T, beaten);
    for (int round = 0; round < 2; round++) {
        if (c->best.error < beaten)
            least = least_atoms_at(s->d, K, T, c->best.error);
        double fixed = 0; /* cost of the fixed part of the last row that was looked at; wider rows cost more */
        int lanes = 0;
        for (ptrdiff_t i = round ? 0 : SPECTRAL_STRIDE / 2; i < s->atom_rows; i += round ? 1 : SPECTRAL_STRIDE) {
            const ptrdiff_t row = s->atom_row[i];
            const double most = n - s->units[row], loss = s->residual[row] * 0.125 * K / most;
            const double cost = greater(least_cost(s, &least, row), loss + least.scale * SC_LN2);
            if (most < 1 || most <= K || fixed + least.scale * SC_LN2 >= c->best.error)
                break;
            if (fixed + cost >= c->best.error || (round && i % SPECTRAL_STRIDE == SPECTRAL_STRIDE / 2))
                continue;
            const fixed_share f = fixed_part(s, row, T, log_quarter);
            fixed = f.coefficients + f.distortion;
            if (fixed + cost >= c->best.error)
                continue;
            p.row[lanes] = row;
            p.fixed[lanes] = f;
            limit[lanes++] = most;
            if (lanes == SC_LANES) {
                contest_at_T(&p, lanes, limit, c);
                lanes = 0;
            }
        }
        if (lanes)
            contest_at_T(&p, lanes, limit, c);
    }
}

void SC_KERNEL(sc_spectral_point)(const sc_strategies *s, int with, double n, double T, double K, sc_spectral_terms *out)
{
    const double log_quarter = log(T / 4);
    const ptrdiff_t widest = widest_row(s, n);
    contest c;
    c.best = without_atoms(s, widest, T, log_quarter);
    if (widest == 2) { /* the one pair of rows of which neither has larger eigenvalues: two units may do worse than one */
        const sc_spectral_terms one = without_atoms(s, 1, T, log_quarter);
        if (one.error < c.best.error)
            c.best = one;
    }
    if (with & SC_WITH_QUADRATIC)
        quadratic_form(s, n, T, &c);
    if (with & SC_WITH_STICKS)
        sticks_at_point(s, n, T, K, log_quarter, &c);
    if (with & SC_WITH_ATOMS && n > K)
        atoms_at_point(s, n, T, K, log_quarter, &c);
    *out = c.best;
}

/* ---- a budget -------------------------------------------------------------------------------------------------------------------- */

SC_INLINE void contest_along(atoms_problem *p, int lanes, const double *limit, contest *c)
{
    open_atoms(p, lanes, limit);
    const real x = atoms_solve(p);
    try_atoms(p, x, atoms_at(p, x), lanes, c);
}

/* d ln(units + n_s) / d ln M where phi(x; M) = 0, by differences: phi has kinks where a coefficient starts to be sent. */
static double atoms_elasticity(atoms_problem *p, const contest *c)
{
    const double step = 1e-4, most = p->most;
    double phi[4], lane[SC_LANES], limit[1] = {most};
    p->row[0] = c->row;
    open_atoms(p, 1, limit);
    for (int i = 0; i < 4; i++) {
        p->most = most * (i < 2 ? 1 : i == 2 ? 1 - step : 1 + step);
        r_store(lane, atoms_condition(p, r_set(c->log_atoms + (i == 0 ? -step : i == 1 ? step : 0))));
        phi[i] = lane[0];
    }
    p->most = most;
    const double by_x = (phi[1] - phi[0]) / (2 * step), by_budget = (phi[3] - phi[2]) / (log1p(step) - log1p(-step));
    return -by_budget / by_x * c->best.atoms / (c->best.units + c->best.atoms);
}

/* Whole n_s near the real optimum, with T = floor(M/n). T loses up to 1/T of its value, which outweighs being off the optimum by about
   n/sqrt(T), so that is how far the search goes. */
static void whole_atoms(atoms_problem *p, contest *c, double *samples)
{
    const double units = p->s->units[c->row], centre = c->best.atoms;
    const double reach = fmin(2 + 2 * centre / sqrt(p->most / (units + centre)), 500);
    contest best = *c;
    best.best.error = (double)INFINITY;
    double first = floor(fmax(centre - reach, 1)), last = fmin(ceil(centre + reach), floor(p->most - units));
    if (first > last)
        first = last;
    const double most = p->most;
    double limit[1] = {most};
    p->row[0] = c->row;
    open_atoms(p, 1, limit);
    p->along = 0;
    for (double atoms = first; atoms <= last; atoms++) {
        p->T = floor(most / (units + atoms));
        p->fixed[0] = fixed_part(p->s, c->row, p->T, log(p->T / 4));
        const double before = best.best.error;
        const real x = r_set(log(atoms));
        try_atoms(p, x, atoms_at(p, x), 1, &best);
        if (best.best.error < before) {
            best.best.atoms = atoms;
            *samples = p->T;
        }
        if (atoms + 1 == atoms)
            break;
    }
    p->along = 1;
    *c = best;
}

/* One budget's search so far: the best of all, and what the best with a real number of atoms or sticks needs to be made whole. */
typedef struct search {
    contest c;
    double samples;
    ptrdiff_t row;
} search;

static void take(search *found, const contest *c, double samples, ptrdiff_t row)
{
    found->c = *c;
    found->samples = samples;
    found->row = row;
}

static void search_without_units(const sc_strategies *s, int with, int integer, double most, search *found)
{
    const double log_most = log(most);
    for (ptrdiff_t row = 1; row < s->rows && s->units[row] <= most; row++) { /* row 0 has no units, and predicts a half */
        const double T = integer ? floor(most / s->units[row]) : most / s->units[row];
        contest c = found->c;
        c.best = without_atoms(s, row, T, integer ? log(T / 4) : log_most - s->log_units[row] - 2 * SC_LN2);
        if (c.best.error < found->c.best.error)
            take(found, &c, T, row);
    }
    if (with & SC_WITH_QUADRATIC && s->d + 2 <= most) {
        const double T = integer ? floor(most / (s->d + 2)) : most / (s->d + 2);
        contest c = found->c;
        quadratic_form(s, s->d + 2, T, &c);
        if (c.best.error < found->c.best.error)
            take(found, &c, T, 0);
    }
}

SC_INLINE void search_atoms(const sc_strategies *s, double most, double K, atoms_problem *p, contest *c)
{
    double limit[SC_LANES];
    int lanes = 0;
    for (ptrdiff_t i = 0; i < s->atom_rows; i++) {
        const ptrdiff_t row = s->atom_row[i];
        const double narrowest = s->units[row] + fmax(K, 1);
        if (narrowest >= most)
            break;
        /* n_s at least K: what they cost rises with n_s, and what they leave falls, and the sum is twice the geometric mean or more */
        const double T = most / narrowest;
        const least_atoms least = least_atoms_at(s->d, K, T, c->best.error);
        const double mean = 2 * sqrt(s->residual[row] * 0.125 * K * least.scale * SC_LN2 / narrowest);
        const fixed_share f = fixed_part(s, row, T, log(T / 4));
        if (f.coefficients + f.distortion + fmax(least_cost(s, &least, row), mean) >= c->best.error)
            continue;
        p->row[lanes] = row;
        limit[lanes++] = most - s->units[row];
        if (lanes == SC_LANES) {
            contest_along(p, lanes, limit, c);
            lanes = 0;
        }
    }
    if (lanes)
        contest_along(p, lanes, limit, c);
}

static void search_sticks(const sc_strategies *s, int integer, double most, double K, search *found)
{
    const stick_law law = stick_law_of(s->d, K);
    for (ptrdiff_t i = 0; i < s->atom_rows; i++) {
        const ptrdiff_t row = s->atom_row[i];
        const double units = s->units[row], narrowest = most / (units + 1);
        if (narrowest < 1)
            break;
        const double last = paying_along(s, &law, row, most);
        if (last < 1 || fixed_part(s, row, narrowest, log(narrowest / 4)).coefficients >= found->c.best.error)
            continue;
        const double best = sticks_along(s, &law, row, most, last);
        for (int step = 0; step < 4; step++) { /* the best itself, and whole numbers around it: there may be but one stick */
            double m = step == 3 ? best : floor(best) + step - 1;
            if (step == 3 && integer)
                break;
            m = fmax(fmin(m, last), 1);
            if (integer)
                m = floor(m);
            const double samples = integer ? floor(most / (units + m)) : most / (units + m);
            m = fmin(m, paying_sticks(s, &law, row, log(samples)));
            if (m < 1)
                continue;
            const double T = integer ? floor(most / (units + m)) : most / (units + m), log_T = log(T);
            contest c = found->c;
            try_sticks(s, &law, row, T, log_T, m, fixed_part(s, row, T, log_T - 2 * SC_LN2), &c);
            if (c.best.error < found->c.best.error)
                take(found, &c, T, row);
        }
    }
}

/* d ln(q + m) / d ln M, by differences: the best m moves smoothly while the row stays. */
static double sticks_elasticity(const sc_strategies *s, const search *found, double most, double K)
{
    const double step = 1e-3, units = found->c.best.units, m = found->c.best.atoms;
    const stick_law law = stick_law_of(s->d, K);
    double n[2];
    for (int i = 0; i < 2; i++) {
        const double M = most * exp(i ? step : -step);
        const double last = paying_along(s, &law, found->row, M);
        if (last <= m * (1 + 2 * step))
            return 0; /* at the last stick that pays, which stays until the next does */
        n[i] = units + sticks_along(s, &law, found->row, M, last);
    }
    return log(n[1] / n[0]) / (2 * step);
}

void SC_KERNEL(sc_spectral_optimal)(const sc_strategies *s, int with, int integer, double most, double K, sc_spectral_optimum *out)
{
    search found;
    memset(&found, 0, sizeof found);
    found.c.best.error = (double)INFINITY;
    search_without_units(s, with, integer, most, &found);
    if (with & SC_WITH_STICKS)
        search_sticks(s, integer, most, K, &found);
    out->elasticity = found.c.best.strategy == SC_STICKS_TOO ? sticks_elasticity(s, &found, most, K) : 0;
    if (with & SC_WITH_ATOMS && most > K) {
        const double concentration = fmax(K, SPECTRAL_LEAST_K);
        atoms_problem p;
        set_problem(&p, s, concentration, 1, most);
        contest c = found.c;
        c.row = -1;
        search_atoms(s, most, concentration, &p, &c);
        if (c.row >= 0) {
            double samples = most / (c.best.units + c.best.atoms);
            const double elasticity = c.log_atoms <= 0 ? 0 : samples <= 1 ? 1 : atoms_elasticity(&p, &c);
            if (integer)
                whole_atoms(&p, &c, &samples);
            if (c.best.error < found.c.best.error) {
                take(&found, &c, samples, c.row);
                out->elasticity = elasticity;
            }
        }
    }
    out->terms = found.c.best;
    out->width = found.c.best.units + found.c.best.atoms;
    out->samples = found.samples;
}
