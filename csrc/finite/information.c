/* A learner that keeps a statistic of the data: forward recursion on the joint law of hypothesis
 * and state of a finite model, and what each step keeps and forgets.
 *
 * Lanes of a pack are hypotheses. What needs sums over all hypotheses is left to `account`.
 */
#include "finite/information.h"

#define STRIP 4    /* packs whose sums stay in registers */
#define AHEAD 2    /* states whose sources are fetched before they are needed, */
#define NEAR 65536 /* if a block's law has more numbers than a near cache keeps anyway */

typedef struct step { /* one block of hypotheses; laws are [state][hypothesis of the block] */
    const double *mass, *law;
    double *next;
    ptrdiff_t from; /* the block's first hypothesis */
} step;

/* One strip of P(S' = state | f), and its share of the sums of P ln P and of the negentropy. */
SC_INLINE void merge(const sc_recursion *r, const step *now, ptrdiff_t state, ptrdiff_t at,
                     const int packs, real totals[2])
{
    const ptrdiff_t width = r->width, stride = r->model.stride;
    real sum[STRIP];
    for (int p = 0; p < packs; p++)
        sum[p] = r_set(0.0);
    for (ptrdiff_t e = r->first[state]; e < r->first[state + 1]; e++) {
        const ptrdiff_t source = r->source[e] * width + at,
                        cell = r->cell[e] * stride + now->from + at;
        if (now->mass[r->source[e]] == 0.0)
            continue;
        const real weight = r_set(r->weight[e]);
        for (int p = 0; p < packs; p++) {
            const ptrdiff_t i = p * SC_LANES;
            const real w = r_load(now->law + source + i) * r_load(r->model.theta + cell + i);
            sum[p] = r_fma(weight, w, sum[p]);
        }
    }
    for (int p = 0; p < packs; p++) {
        const ptrdiff_t i = at + p * SC_LANES, to = state * width + i;
        const real prior = r_load(r->prior + now->from + i);
        const mask none = r_lt(sum[p], r_set(SC_TINY));
        const real value = r_select(none, r_set(0.0), sum[p]);
        r_store(now->next + to, value);
        totals[0] = r_fma(prior, value * sc_log(r_max(sum[p], r_set(SC_TINY))), totals[0]);
        totals[1] = r_fma(r_load(r->negentropy + now->from + i), value, totals[1]);
    }
}

/* P(s, cell) of one block of hypotheses; returns the sum over the cells. */
static double marginal(const sc_recursion *r, const double *law, ptrdiff_t from, ptrdiff_t count,
                       double *out)
{
    SC_ALIGNED double joint[SC_MOST_WIDTH];
    const int cells = r->model.inputs * r->model.labels;
    double total = 0.0;
    for (ptrdiff_t f = 0; f < count; f += SC_LANES)
        r_store(joint + f, r_load(law + f) * r_load(r->prior + from + f));
    for (int c = 0; c < cells; c++) {
        const double *theta = r->model.theta + c * r->model.stride + from;
        real sum[STRIP];
        ptrdiff_t i = 0;
        for (int p = 0; p < STRIP; p++)
            sum[p] = r_set(0.0);
        for (; i + STRIP * SC_LANES <= count; i += STRIP * SC_LANES)
            for (int p = 0; p < STRIP; p++)
                sum[p] = r_fma(r_load(joint + i + p * SC_LANES), r_load(theta + i + p * SC_LANES),
                               sum[p]);
        for (; i < count; i += SC_LANES)
            sum[0] = r_fma(r_load(joint + i), r_load(theta + i), sum[0]);
        out[c] = sum_of_lanes((sum[0] + sum[1]) + (sum[2] + sum[3]));
        total += out[c];
    }
    return total;
}

SC_INLINE int reached(const sc_recursion *r, ptrdiff_t state, const double *mass)
{
    for (ptrdiff_t e = r->first[state]; e < r->first[state + 1]; e++)
        if (mass[r->source[e]] != 0.0)
            return 1;
    return 0;
}

/* Fetch the rows that `merge` will read for a state: transitions come from anywhere, which no
   processor foresees. */
SC_INLINE void fetch_sources(const sc_recursion *r, const step *now, ptrdiff_t state,
                             ptrdiff_t count)
{
    for (ptrdiff_t e = r->first[state]; e < r->first[state + 1]; e++) {
        const double *row = now->law + r->source[e] * r->width;
        for (ptrdiff_t i = 0; i < count; i += 8)
            SC_PREFETCH(row + i);
    }
}

void SC_KERNEL(sc_recur)(const sc_recursion *r, ptrdiff_t block, ptrdiff_t first, ptrdiff_t last,
                         const double *mass, const double *law, double *next, double *next_mass,
                         double *marginals, double sums[3])
{
    const step now = {mass, law, next, block * r->width};
    const ptrdiff_t remaining = r->model.stride - now.from,
                    count = remaining < r->width ? remaining : r->width;
    const int cells = r->model.inputs * r->model.labels, far = r->states * count > NEAR;
    real totals[2] = {r_set(0.0), r_set(0.0)};
    sums[2] = 0.0;
    for (ptrdiff_t s = first; s < last; s++) {
        if (far && s + AHEAD < last)
            fetch_sources(r, &now, s + AHEAD, count);
        /* a state without mass: its rows are never read, whatever they hold */
        if (!reached(r, s, mass)) {
            memset(marginals + s * cells, 0, (size_t)cells * sizeof *marginals);
            next_mass[s] = 0.0;
            continue;
        }
        ptrdiff_t f = 0;
        for (; f + STRIP * SC_LANES <= count; f += STRIP * SC_LANES)
            merge(r, &now, s, f, STRIP, totals);
        for (; f < count; f += SC_LANES)
            merge(r, &now, s, f, 1, totals);
        next_mass[s] = marginal(r, next + s * r->width, now.from, count, marginals + s * cells);
        sums[2] += next_mass[s];
    }
    for (int i = 0; i < 2; i++)
        sums[i] = sum_of_lanes(totals[i]);
}

/* The sum of x ln x over numbers that lie together. */
static double sum_x_log_x(const double *x, ptrdiff_t count)
{
    double padded[SC_LANES] = {0.0};
    real sum = r_set(0.0);
    for (ptrdiff_t i = 0; i < count; i += SC_LANES) {
        const double *at = x + i;
        if (count - i < SC_LANES) {
            memcpy(padded, at, (size_t)(count - i) * sizeof *x);
            at = padded;
        }
        const real value = r_load(at);
        sum = r_fma(value, sc_log(r_max(value, r_set(SC_TINY))), sum);
    }
    return sum_of_lanes(sum);
}

/* total d_KL(law / total || predictor), as a sum of terms q ln(q/p) - q + p, each of which is at
   least 0. */
static double divergence(const double *law, double total, const double *predictor, int labels,
                         int *impossible)
{
    double sum = 0.0;
    for (int y = 0; y < labels; y++) {
        const double q = law[y] / total, p = predictor[y], high = q > p ? q : p,
                     low = q > p ? p : q, apart = high - low;
        if (q == 0.0)
            sum += p;
        else if (p == 0.0) {
            *impossible = y;
            return INFINITY;
        } else {
            const double logarithm =
                low > high * 1e-300 ? log1p(apart / low) : log(high) - log(low);
            sum += q > p ? high * logarithm - apart : apart - low * logarithm;
        }
    }
    return total * sum;
}

void SC_KERNEL(sc_account)(const sc_recursion *r, ptrdiff_t first, ptrdiff_t blocks,
                           const double *marginals, const double *predictor, void *space,
                           sc_account *out)
{
    const int inputs = r->model.inputs, labels = r->model.labels, cells = inputs * labels;
    const ptrdiff_t remaining = r->states - first,
                    count = remaining < SC_ACCOUNT_STATES ? remaining : SC_ACCOUNT_STATES;
    SC_ALIGNED double given[SC_ACCOUNT_STATES], mass[SC_ACCOUNT_STATES];
    double *joint = space;
    *out = (sc_account){0.0, 0.0, 0.0, 0.0, -1};
    memcpy(joint, marginals + first * cells, (size_t)(count * cells) * sizeof *joint);
    for (ptrdiff_t b = 1; b < blocks; b++)
        for (ptrdiff_t i = 0; i < count * cells; i++)
            joint[i] += marginals[(b * r->states + first) * cells + i];
    memset(mass, 0, sizeof mass);
    for (int x = 0; x < inputs; x++) {
        for (ptrdiff_t s = 0; s < count; s++) {
            const ptrdiff_t at = s * cells + x * labels, place = first * cells + at;
            double total = 0.0;
            int impossible = -1;
            for (int y = 0; y < labels; y++)
                total += joint[at + y];
            given[s] = total;
            mass[s] += total;
            if (predictor && total > 0.0)
                out->gap += divergence(joint + at, total, predictor + place, labels, &impossible);
            if (impossible >= 0 && (out->impossible < 0 || place + impossible < out->impossible))
                out->impossible = place + impossible;
        }
        out->inputs += sum_x_log_x(given, count);
    }
    out->cells = sum_x_log_x(joint, count * cells);
    out->states = sum_x_log_x(mass, count);
}

#undef STRIP
#undef AHEAD
#undef NEAR
