#include "engine/engine.h"
#include "simd/vector.h"
#include "spectral/lower_bound.h"
#include "spectral/spectrum.h"

#include <math.h>

/* ---- nodes over a random share of the mass -----------------------------------------------------
 * The size-biased share x ~ Beta(1, K) is 1 - e^(-s/K), s ~ Exp(1). Sums over nodes with ln s in
 * equal steps converge geometrically: every integrand here is analytic in ln s up to an imaginary
 * part of pi/2. Their error is below 1e-11 of each sum, and LOWER_BOUND_SLACK keeps the result a
 * bound. */
#define SHARES_STEP 0.3
#define SHARES_HIGHEST 4.0    /* ln s; e^-s is below 1e-23 there */
#define SHARES_LOWEST (-72.0) /* where K is tiny nothing below matters */
#define SHARES_MARGIN 13.0    /* nodes further below where integrands peak have a share of e^-26 */
#define LOWER_BOUND_SLACK (1 - 1e-9)

/* How many nodes integrands with 1 + g xi^2 in the denominator need. */
static int shares_for(double K, double g)
{
    const double knee = fmin(0, log(K / (K + 1)) - 0.5 * log(g)); /* ln s where g xi^2 = 1 */
    const int count =
        (int)((SHARES_HIGHEST - fmax(SHARES_LOWEST, knee - SHARES_MARGIN)) / SHARES_STEP) + 1;
    return (count + 7) / 8 * 8; /* whole packs */
}

static void lay_shares(sc_lower_bound *b, int count)
{
    const double K = b->K;
    b->shares = count;
    for (int i = 0; i < count; i++) {
        const double s = exp(SHARES_HIGHEST - i * SHARES_STEP), xi = -(K + 1) * expm1(-s / K);
        b->square[i] = xi * xi;
        b->weight[i] = SHARES_STEP * s * exp(-s) * xi;
        b->weight_of_rest[i] = b->weight[i] * exp(-2 * s / K);
    }
}

/* Means over the share, with q = 1/(1 + g xi^2). */
typedef struct means {
    double J1;   /* xi q */
    double J0;   /* xi q^2 */
    double J2;   /* xi^3 q^2 */
    double own;  /* xi^3 q/J1: (K+1)^2 x^2 of the atom that moves */
    double rest; /* xi (1-x)^2 q/J1: the same of all other atoms */
} means;

static means means_over_shares(const sc_lower_bound *b, double g, int count)
{
    const real one = r_set(1.0), G = r_set(g);
    real J1 = r_set(0.0), J0 = J1, J2 = J1, own = J1, rest = J1;
    for (int i = 0; i < count; i += SC_LANES) {
        const real square = r_load(b->square + i), q = one / r_fma(G, square, one);
        const real once = r_load(b->weight + i) * q, twice = once * q;
        J1 = J1 + once;
        J0 = J0 + twice;
        J2 = r_fma(twice, square, J2);
        own = r_fma(once, square, own);
        rest = r_fma(r_load(b->weight_of_rest + i), q, rest);
    }
    const double total = sum_of_lanes(J1);
    const means m = {total, sum_of_lanes(J0), sum_of_lanes(J2), sum_of_lanes(own) / total,
                     sum_of_lanes(rest) / total};
    return m;
}

/* ---- how much of a logit's change reaches the label ------------------------------------------ */

/* E[w e^(-w y/8)], w = |X|^2/d: 4 sigma' on average where logits have the variance w y/2 */
static double damping(double d, double y) { return exp(-(d / 2 + 1) * log1p(y / (4 * d))); }

/* The factor of lambda in the Fisher information when the numerator has `factor` */
static double damping_of_fisher(double d, double factor)
{
    return 2 * factor - fmin(factor, damping(d, 1));
}

static sc_information_rate rate_of(double weight, double slope, double start)
{
    /* a larger slope is a smaller rate; no denormal numbers */
    const double safe = fmax(slope, 1e-290);
    const sc_information_rate rate = {weight / safe, start / safe};
    return rate;
}

/* Integral of gain/(t + offset) from `from` to `to` */
static double told_by(sc_information_rate rate, double from, double to)
{
    const double ratio = (to - from) / (from + rate.offset);
    const double logarithm =
        ratio < 1e300 ? log1p(ratio) : log(to + rate.offset) - log(from + rate.offset);
    return rate.gain * logarithm;
}

/* Degree 0: the share p of the mass whose signs are positive, p ~ Beta(K/2, K/2), is moved along
   p (1-p). */
static sc_information_rate rate_of_degree_0(double d, double K, double eigenvalue)
{
    const double k = K / 2, u = 1 / (k + 1), v = 1 / (k + 2), ku = k * u, kv = k * v;
    const double second = 1 / (2 * d), mean2 = eigenvalue / d; /* E t_+^2 and (E t_+)^2 */
    const double third = 2 / (d + 1);                          /* E t_+^3 / E t_+ */
    /* (K+4) m3/m1 - K m2, without its cancellation at large K */
    const double spread = 4 * ku * v * (third - second) + 4 * ku * kv * (second - mean2)
                          + 8 * u * v * third + 12 * ku * v * second + 4 * ku * kv * mean2;
    const double factor = exp(-(d / 2 + 1) * log1p((K + 1) / (K + 3) * spread / 8));
    const double variance =
        (K + 1) / (K + 3) * ((K + 2) / K) * (eigenvalue + (0.5 - eigenvalue) / (K + 2));
    const double fisher = variance - eigenvalue * (1 - damping_of_fisher(d, factor));
    return rate_of(eigenvalue * factor * factor / 8, fisher / 4, 1);
}

/* A degree l >= 1 while directions move by xi/(1 + g xi^2) along the gradient of a harmonic. */
static sc_information_rate rate_of_degree(const sc_lower_bound *b, int index, const means *m)
{
    const sc_lower_degree *degree = &b->degree[index];
    const double d = b->d, own = m->own / (b->K + 1);
    double factor;
    if (index == 1) /* degree 1 */
        factor = damping(d, m->rest + 2 * d / (d + 2) * own);
    else if (index == 2) /* degree 2 */
        factor = damping(d, m->rest + 4 * d / (d + 3) * own);
    else
        factor = fmax(0, damping(d, m->rest) - degree->curvature * own);
    const double moved = factor * m->J1;
    const double slope = damping_of_fisher(d, factor) * degree->eigenvalue * m->J1 * m->J1
                         + m->J2 / (2 * degree->steepness * (b->K + 1));
    return rate_of(degree->mass * moved * moved / 8, slope / 4, m->J0);
}

/* ---- ranges of t ---------------------------------------------------------------------------- */

static double range_start(int range) { return range == 0 ? 0 : ldexp(1, 2 * range - 2); }

/* Where in a range the choice of movements is the best: its geometric middle. */
static double range_middle(int range)
{
    return range == SC_TIME_RANGES - 1 ? range_start(range)
                                       : sqrt(range_start(range) * range_start(range + 1));
}

static double told_in_range(const sc_lower_bound *b, int range, double to)
{
    const double from = range_start(range);
    double sum = 0;
    for (int i = b->count[range] - 1; i >= 0; i--)
        sum += told_by(b->rate[range][i], from, to);
    return sum;
}

/* Degrees are left out where all of them together have less than 1e-6 of the rate. */
static void add_range(sc_lower_bound *b)
{
    const int range = b->ranges++;
    const double start = range_start(range), middle = range_middle(range);
    b->told[range] =
        range == 0 ? 0 : b->told[range - 1] + told_in_range(b, range - 1, range_start(range));
    b->rate[range][0] = b->degree_0;
    double rate = b->degree_0.gain / (start + b->degree_0.offset);
    int i = 1;
    for (; i < b->degrees && b->degree[i - 1].rest / 8 > 1e-6 * rate; i++) {
        const double g = middle / (8 * b->degree[i].steepness * (b->K + 1));
        const int shares = shares_for(b->K, g);
        const means m = means_over_shares(b, g, shares < b->shares ? shares : b->shares);
        b->rate[range][i] = rate_of_degree(b, i, &m);
        rate += b->rate[range][i].gain / (start + b->rate[range][i].offset);
    }
    b->count[range] = i;
}

/* ---- degrees -------------------------------------------------------------------------------- */

/* nu_l = 1/(4 d (d+4) |a_l| sqrt(N)), N the harmonics of degree l-3 in d+6 dimensions */
static void lay_curvatures(sc_lower_bound *b, const double *log_eigenvalue)
{
    const double d = b->d, D = d + 6;
    double log_harmonics = log(D); /* of degree 1 */
    for (int i = 3; i < b->degrees; i++) {
        const double log_root = 0.5 * (log_eigenvalue[i] - log(d));
        b->degree[i].curvature = exp(-log(4 * d * (d + 4)) - log_root - 0.5 * log_harmonics);
        for (int n = 2 * i - 5; n < 2 * i - 3; n++)
            log_harmonics += log((2 * n + D) / (2 * n + D - 2) * ((n + D - 2) / (n + 1)));
    }
}

void SC_KERNEL(sc_lower_bound_open)(sc_lower_bound *b, double d, double K)
{
    enum { EVEN = SC_LOWER_DEGREES - 1 };
    sc_degree even[EVEN];
    double log_eigenvalue[SC_LOWER_DEGREES];
    sc_spectrum(d, EVEN, even);
    b->d = d;
    b->K = K;
    b->degrees = d == 1 ? 1 : SC_LOWER_DEGREES;
    b->ranges = 0;
    for (int i = 0; i < b->degrees; i++) {
        const sc_degree *e = &even[i < 2 ? 0 : i - 1];
        sc_lower_degree *degree = &b->degree[i];
        const double l = i < 2 ? i : 2 * (i - 1);
        log_eigenvalue[i] = i == 1 ? -log(4 * d) : e->log_eigenvalue;
        degree->mass = i == 1 ? 0.25 : e->mass;
        degree->eigenvalue = exp(log_eigenvalue[i]);
        degree->steepness = l * (l + d - 2);
        degree->curvature = 0;
        degree->rest = i == 0 ? 0.5 - e->mass : e->tail;
    }
    lay_curvatures(b, log_eigenvalue);
    b->degree_0 = rate_of_degree_0(d, K, even[0].mass);
    if (d == 1) { /* degree 1 is degree 0 of the labels that are turned over where x < 0 */
        b->degree_0.gain *= 2;
        return;
    }
    const double largest = range_middle(SC_TIME_RANGES - 1) / (8 * (d - 1) * (K + 1));
    lay_shares(b, shares_for(K, largest));
}

double SC_KERNEL(sc_bayes_error_lower_bound)(sc_lower_bound *b, double T)
{
    int range = 0;
    while (range + 1 < SC_TIME_RANGES && range_start(range + 1) < T)
        range++;
    while (b->ranges <= range)
        add_range(b);
    return LOWER_BOUND_SLACK * (b->told[range] + told_in_range(b, range, T)) / T;
}
