#include "spectral/spectrum.h"

#include <math.h>
#include <string.h>

#define PI 3.141592653589793
#define LN2 0.6931471805599453

int sc_is_input_dim(double d) { return d >= 1 && d <= SC_WIDEST_INPUT && d == floor(d); }

double sc_nearly_whole(double x)
{
    const double whole = floor(x + 0.5);
    return fabs(x - whole) <= 0x1p-50 * whole ? whole : x;
}

/* Gamma(d/2)/Gamma((d+1)/2) */
static double gamma_ratio(double d)
{
    if (d < 40) {
        const int odd = (int)d % 2;
        double ratio = odd ? sqrt(PI) : 2 / sqrt(PI);
        for (int k = odd ? 1 : 2; k < d; k += 2)
            ratio *= k / (k + 1.0);
        return ratio;
    }
    /* Coefficients -(2k+1) E_2k/4^(2k+1) / (k (2k+1)), with Euler's numbers E_2k. Around the
       midpoint of the two arguments the expansion is even. */
    const double z = d / 2 - 0.25, y = 1 / (z * z);
    const double series =
        y * (-1.0 / 64 + y * (5.0 / 2048 + y * (-61.0 / 49152 + y * (1385.0 / 1048576))));
    return exp(series) / sqrt(z);
}

/* Products along the degrees as mantissa and exponent, since eigenvalues underflow and
   multiplicities overflow. */
typedef struct scaled {
    double mantissa;
    int64_t exponent;
} scaled;

static void multiply(scaled *x, double factor)
{
    int shift;
    x->mantissa = frexp(x->mantissa * factor, &shift);
    x->exponent += shift;
}

static double log_of(const scaled *x) { return log(x->mantissa) + (double)x->exponent * LN2; }

typedef struct cursor {
    double d, l;
    scaled eigenvalue, multiplicity;
    double mass;
} cursor;

static cursor first_degree(double d)
{
    const double root = gamma_ratio(d);
    cursor c = {d, 0, {1, 0}, {1, 0}, d * root * root / (4 * PI)};
    multiply(&c.eigenvalue, c.mass);
    return c;
}

static void next_degree(cursor *c)
{
    const double l = c->l, d = c->d, fall = (l - 1) / (l + d + 1), decay = fall * fall;
    /* in this order the mass loses no digits: each factor is near 1, or the next one undoes it */
    const double growth = l == 0 ? (d + 2) * (d - 1) / 2
                                 : (2 * l + d + 2) / (2 * l + d - 2) * ((l + d - 2) / (l + 1))
                                       * ((l + d - 1) / (l + 2));
    multiply(&c->eigenvalue, decay);
    multiply(&c->multiplicity, growth);
    c->mass *= growth * decay;
    c->l += 2;
}

/* ---- what lies beyond a degree ------------------------------------------------------------------
 * With s = l + d/2 - 1 both Gamma ratios of N_l lambda_l are symmetric, so that N_l lambda_l = C
 * s^-4 exp(sum_k c_k s^-2k). Term by term the tail is a Hurwitz zeta function, whose
 * Euler-Maclaurin series at s/2 >= 50 needs a few terms.
 */
#define TAIL_TERMS 7
#define FAR_ENOUGH(d) (6 * (d) + 100)
/* from this dimension on, 1/2 less the mass so far is accurate enough, and FAR_ENOUGH is far
   away */
#define SMALL_DIM 256

/* B_n(1/2 + x) for odd n: sum over even j of binomial(n, j) B_j(1/2) x^(n-j) */
static double bernoulli_at_half_plus(int n, double x)
{
    static const double half[] = {1,
                                  -1.0 / 12,
                                  7.0 / 240,
                                  -31.0 / 1344,
                                  127.0 / 3840,
                                  -2555.0 / 33792,
                                  1414477.0 / 5591040,
                                  -57337.0 / 49152};
    double sum = 0, choose = 1;
    for (int j = 0; j < n; j += 2) {
        sum += choose * half[j / 2] * pow(x, n - j);
        choose *= (double)(n - j) * (n - j - 1) / ((j + 1.0) * (j + 2.0));
    }
    return sum;
}

static double hurwitz(double p, double a) /* a^p zeta(p, a) */
{
    const double y = 1 / a, y2 = y * y;
    const double c = p * (p + 1) * (p + 2);
    return a / (p - 1) + 0.5 + p * y * (1.0 / 12) - c * y * y2 / 720
           + c * (p + 3) * (p + 4) * y * y2 * y2 / 30240
           - c * (p + 3) * (p + 4) * (p + 5) * (p + 6) * y * y2 * y2 * y2 / 1209600;
}

static double tail_over_mass(double d, double l) /* sum_{j >= l} / the term at l */
{
    const double s = l + d / 2 - 1, y = 1 / (s * s), alpha = (d - 3) / 2, beta = d / 4 + 0.5;
    double c[TAIL_TERMS + 1], e[TAIL_TERMS + 1] = {1}, power = 1, four = 1, above = 0, below = 0;
    for (int k = 1; k <= TAIL_TERMS; k++) {
        power *= y;
        four *= 4;
        c[k] = (2 * four * bernoulli_at_half_plus(2 * k + 1, beta)
                - bernoulli_at_half_plus(2 * k + 1, alpha))
               / (k * (2.0 * k + 1)) * power;
        e[k] = 0;
        for (int j = 1; j <= k; j++)
            e[k] += j * c[j] * e[k - j] / k;
    }
    for (int k = 0; k <= TAIL_TERMS; k++) {
        above += e[k] * hurwitz(4 + 2 * k, s / 2);
        below += e[k];
    }
    return above / below;
}

/* The mass of the degrees from the cursor on; `before` is the mass of the even degrees before
   it. */
static double mass_from(cursor c, double before)
{
    const double far = FAR_ENOUGH(c.d);
    if (c.l < far && c.d > SMALL_DIM)
        return 0.25 - before;
    double sum = 0, lost = 0;
    for (; c.l < far; next_degree(&c)) {
        const double term = c.mass - lost, total = sum + term;
        lost = (total - sum) - term;
        sum = total;
    }
    return sum + c.mass * tail_over_mass(c.d, c.l);
}

void sc_spectrum(double d, int count, sc_degree *out)
{
    cursor c = first_degree(d);
    double before = 0, lost = 0;
    for (int i = 0; i < count; i++, next_degree(&c)) {
        out[i].log_eigenvalue = log_of(&c.eigenvalue);
        out[i].log_multiplicity = log_of(&c.multiplicity);
        out[i].mass = c.mass;
        const double term = c.mass - lost, total = before + term;
        lost = (total - before) - term;
        before = total;
    }
    double tail = mass_from(c, before);
    for (int i = count - 1; i >= 0; i--) {
        out[i].tail = tail;
        tail += out[i].mass;
    }
}

void sc_sphere_open(sc_sphere *sphere, double d)
{
    cursor c = first_degree(d);
    double before = 0, lost = 0;
    int i = 0;
    sphere->d = d;
    sphere->multiplicity[0] = sphere->logarithms[0] = 0;
    for (; i < SC_KEPT_DEGREES && c.mass > 0 && c.eigenvalue.exponent > -1000
           && c.multiplicity.exponent < 1000;
         i++, next_degree(&c)) {
        const double copies = ldexp(c.multiplicity.mantissa, (int)c.multiplicity.exponent);
        sphere->eigenvalue[i] = ldexp(c.eigenvalue.mantissa, (int)c.eigenvalue.exponent);
        sphere->multiplicity[i + 1] = sphere->multiplicity[i] + copies;
        sphere->logarithms[i + 1] = sphere->logarithms[i] + copies * log_of(&c.eigenvalue);
        sphere->rest[i] = c.mass;
        const double term = c.mass - lost, total = before + term;
        lost = (total - before) - term;
        before = total;
    }
    sphere->count = i;
    sphere->rest[i] = c.mass > 0 ? mass_from(c, before) : 0;
    for (; i > 0; i--)
        sphere->rest[i - 1] += sphere->rest[i];
}

/* What T samples resolve beyond the degrees that a sphere keeps, and the mass beyond that: needed
   for T above 1e11 at d = 2, above 1e20 at d = 5. */
static double finer_degrees(const sc_sphere *sphere, double T, double *rest)
{
    cursor c = first_degree(sphere->d);
    double sum = 0, mass_left = *rest;
    for (int i = 0; i < SC_MOST_DEGREES; i++, next_degree(&c)) {
        if (i < sphere->count)
            continue;
        const double log_ratio = log_of(&c.eigenvalue) + log(T / 4);
        if (!(log_ratio > 0) || c.multiplicity.exponent > 1000)
            break;
        sum += ldexp(c.multiplicity.mantissa, (int)c.multiplicity.exponent) * (log_ratio + 1);
        mass_left -= c.mass;
    }
    *rest = c.l >= FAR_ENOUGH(c.d) ? c.mass * tail_over_mass(c.d, c.l) : fmax(mass_left, 0);
    return sum / (2 * T);
}

double sc_bayes_error_bound(const sc_sphere *sphere, double T)
{
    const double linear = 1 / (4 * sphere->d), log_quarter = log(T / 4);
    double sum = linear * T > 4 ? sphere->d * (log(linear * T / 4) + 1) / (2 * T) : 0.25 / 8;
    /* bisect for the first degree that T samples do not resolve */
    int low = 0, high = sphere->count;
    while (low < high) {
        const int middle = (low + high) / 2;
        if (sphere->eigenvalue[middle] * T > 4)
            low = middle + 1;
        else
            high = middle;
    }
    double rest = sphere->rest[low];
    sum += (sphere->logarithms[low] + sphere->multiplicity[low] * (log_quarter + 1)) / (2 * T);
    if (low == sphere->count && rest > 0)
        sum += finer_degrees(sphere, T, &rest);
    return sum + rest / 8;
}

/* ---- kernels between directions -------------------------------------------------------------- */

#define MOST_SERIES 2048 /* most even degrees of a series; at d = 2 some 100 reach the last digit */

/* N_l lambda_l^2, and how small it may be to count. */
static double weight_of(const cursor *c)
{
    return c->mass > 0 ? c->mass * ldexp(c->eigenvalue.mantissa, (int)c->eigenvalue.exponent) : 0;
}

static double least_weight(const cursor *first) { return 1e-18 * first->mass * first->mass; }

/* P_l'(1) */
static double steepness(double d, double l) { return l * (l + d - 2) / (d - 1); }

void sc_covariance_weights_of(double d, int lowest, sc_covariance_weights *out)
{
    cursor c = first_degree(d);
    const double least = least_weight(&c);
    double even = c.mass; /* of all even functions it is 1/4 */
    *out = (sc_covariance_weights){{weight_of(&c), 0}, 0, 0, 0, 0, 0, 1};
    if (lowest == 0)
        out->sum = out->low[0];
    next_degree(&c);
    for (; out->terms < MOST_SERIES; out->terms++, next_degree(&c)) {
        const double weight = weight_of(&c), steep = weight * steepness(d, c.l);
        if (!(weight > least))
            break;
        if (out->terms == 1)
            out->low[1] = weight;
        if (c.l >= lowest) {
            out->sum += weight;
            out->steep += steep;
        }
        out->slope_sum += steep;
        out->slope_steep += steep * steepness(d, c.l);
        even += c.mass;
    }
    /* eigenvalues fall, and 1e-14 is more than what rounding does to the sum of masses */
    out->left_out =
        ldexp(c.eigenvalue.mantissa, (int)c.eigenvalue.exponent) * (fmax(0.25 - even, 0) + 1e-14);
}

#define STEPPED_DEGREES 128 /* that are gone through one by one */

double sc_slope_of_lost(double d, double least, double lost)
{
    if (lost <= 0) /* not where it is no number: that goes on, and forbids the row */
        return 0;
    const double log_least = log(least) - 1e-9; /* more than what rounding does */
    cursor c = first_degree(d);
    double log_eigenvalue = log(c.mass), l = 0;
    for (; log_eigenvalue > log_least && l < STEPPED_DEGREES; l += 2)
        log_eigenvalue += 2 * log(fabs(l - 1) / (l + d + 1));
    /* lambda_L <= lambda_l ((l + d + 1)/(L + d + 1))^(d + 2) */
    if (log_eigenvalue > log_least)
        l = (l + d + 1) * exp((log_eigenvalue - log_least) / (d + 2)) * (1 + 1e-9) - d + 1;
    return 1.01 * lost * (1 + steepness(d, l));
}

void sc_even_kernels(double d, int lowest, ptrdiff_t count, const double *cosine, double *gram,
                     double *covariance, double *slopes)
{
    enum { WIDE = 64 };
    for (ptrdiff_t first = 0; first < count; first += WIDE) {
        const int size = count - first < WIDE ? (int)(count - first) : WIDE;
        double t[WIDE], now[WIDE], last[WIDE], sum[WIDE], slope[WIDE];
        cursor c = first_degree(d);
        const double least = least_weight(&c);
        for (int j = 0; j < size; j++) {
            t[j] = fmax(-1, fmin(1, cosine[first + j]));
            gram[first + j] = (sqrt((1 - t[j]) * (1 + t[j])) + t[j] * asin(t[j])) / (2 * PI);
            last[j] = 1;
            now[j] = t[j];
            sum[j] = lowest == 0 ? weight_of(&c) : 0;
            slope[j] = 0;
        }
        for (int i = 1; i < MOST_SERIES; i++) {
            next_degree(&c);
            const double weight = weight_of(&c);
            if (!(weight > least))
                break;
            /* P_(l+1) = ((2l+d-2) t P_l - l P_(l-1))/(l+d-2) */
            for (int step = 0; step < 2; step++) {
                const double l = 2 * i - 1 + step, up = (2 * l + d - 2) / (l + d - 2),
                             down = l / (l + d - 2);
                if (step == 1) {
                    const double steep = weight * steepness(d, 2.0 * i);
                    const double kept = 2 * i >= lowest ? weight : 0;
                    for (int j = 0; j < size; j++) {
                        sum[j] += kept * now[j];
                        slope[j] += steep * now[j];
                    }
                }
                for (int j = 0; j < size; j++) {
                    const double next = up * t[j] * now[j] - down * last[j];
                    last[j] = now[j];
                    now[j] = next;
                }
            }
        }
        memcpy(covariance + first, sum, sizeof(double) * (size_t)size);
        memcpy(slopes + first, slope, sizeof(double) * (size_t)size);
    }
}
