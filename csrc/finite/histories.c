/* Histories of a finite model: all of them at once, through their count vectors; or a single one,
   drawn for the Monte Carlo. */
#include "finite/information.h"
#include "special/philox.h"

/* ---- all histories, by their counts ---------------------------------------------------------- */

/* How many ways there are to write `total` as an ordered sum of `parts` whole numbers. The caller
   keeps results below 2^44. */
static uint64_t compositions(uint64_t total, uint64_t parts)
{
    uint64_t ways = 1;
    for (uint64_t i = 1; i < parts; i++)
        ways = ways * (total + i) / i;
    return ways;
}

/* The count vector of a rank, in the order in which the last part changes slowest. */
static void composition_of(uint64_t rank, int total, int parts, int *counts)
{
    for (int k = parts - 1; k > 0; k--) {
        uint64_t ways;
        for (counts[k] = 0;
             rank >= (ways = compositions((uint64_t)(total - counts[k]), (uint64_t)k)); counts[k]++)
            rank -= ways;
        total -= counts[k];
    }
    counts[0] = total;
}

SC_INLINE void next_composition(int *counts)
{
    int i = 0;
    while (counts[i] == 0)
        i++;
    const int value = counts[i];
    counts[i] = 0;
    counts[0] = value - 1;
    counts[i + 1]++;
}

/* ln of the sum of weight e^x over the hypotheses that have a weight, however small all e^x are;
   -INFINITY where the sum is 0. */
static double log_mixture(const double *weight, const double *x, ptrdiff_t count)
{
    double greatest = SC_LOG_ZERO, sum = 0.0;
    for (ptrdiff_t f = 0; f < count; f++)
        if (weight[f] > 0.0 && x[f] > greatest)
            greatest = x[f];
    if (greatest < SC_LOG_ZERO / 2)
        return -INFINITY;
    for (ptrdiff_t f = 0; f < count; f++)
        if (weight[f] > 0.0)
            sum += weight[f] * exp(x[f] - greatest);
    return greatest + log(sum);
}

/* The share of one count vector, given the log-likelihoods and the greatest of them. `orders` is ln
   of the number of histories with these counts. */
static double share(const sc_finite *m, const double *truth, const double *learner,
                    const double *logs, double greatest, double orders)
{
    real true_sum = r_set(0.0), log_sum = r_set(0.0), learner_sum = r_set(0.0);
    for (ptrdiff_t f = 0; f < m->stride; f += SC_LANES) {
        const real below = r_load(logs + f) - r_set(greatest), value = sc_exp_or_zero(below),
                   joint = value * r_load(truth + f);
        true_sum = true_sum + joint;
        log_sum = r_fma(joint, below, log_sum);
        learner_sum = r_fma(value, r_load(learner + f), learner_sum);
    }
    const double true_total = sum_of_lanes(true_sum),
                 scale = greatest + orders > -700.0 ? exp(greatest + orders) : 0.0;
    double mixture = sum_of_lanes(learner_sum);
    if (true_total == 0.0)
        return 0.0;
    mixture = mixture > 1e-280 ? log(mixture) : log_mixture(learner, logs, m->stride) - greatest;
    if (mixture == -INFINITY) /* the learner rules out what can happen, however seldom */
        return INFINITY;
    return scale == 0.0 ? 0.0 : scale * (sum_of_lanes(log_sum) - true_total * mixture);
}

double SC_KERNEL(sc_enumerate)(const sc_finite *m, const double *truth, const double *learner,
                               const double *log_factorial, int samples, uint64_t first,
                               ptrdiff_t count, void *space)
{
    const int cells = m->inputs * m->labels;
    double *logs = space, *numbers = logs + m->stride, sum = 0.0;
    int *counts = (int *)(numbers + cells), *seen = counts + cells;
    composition_of(first, samples, cells, counts);
    for (ptrdiff_t i = 0; i < count; i++) {
        double orders = log_factorial[samples], greatest = SC_LOG_ZERO, lanes[SC_LANES];
        int seen_count = 0;
        for (int c = 0; c < cells; c++)
            if (counts[c]) {
                orders -= log_factorial[counts[c]];
                numbers[seen_count] = counts[c];
                seen[seen_count++] = c;
            }
        real highest = r_set(SC_LOG_ZERO);
        for (ptrdiff_t f = 0; f < m->stride; f += SC_LANES) {
            const real value = sc_log_likelihood(m, numbers, seen, seen_count, f, r_set(0.0));
            r_store(logs + f, value);
            highest = r_max(highest, value);
        }
        r_store(lanes, highest);
        for (int j = 0; j < SC_LANES; j++)
            greatest = lanes[j] > greatest ? lanes[j] : greatest;
        if (greatest > SC_LOG_ZERO / 2)
            sum += share(m, truth, learner, logs, greatest, orders);
        if (i + 1 < count)
            next_composition(counts);
    }
    return sum;
}

size_t SC_KERNEL(sc_enumerate_space)(const sc_finite *m)
{
    const size_t cells = (size_t)m->inputs * (size_t)m->labels;
    return ((size_t)m->stride + cells) * sizeof(double) + 2 * cells * sizeof(int);
}

/* ---- one history of the Monte Carlo ---------------------------------------------------------- */

/* hypotheses of a block, whose probabilities are kept until all cells have been summed */
#define BELIEF 256

typedef struct belief {
    double log_total;   /* ln of the total of prior times likelihood */
    double negentropy;  /* E ln P(cell|f) under the posterior */
    double *predictive; /* probability of each cell */
} belief;

/* The posterior after these counts, and what it predicts. It is computed afresh each time: no error
   accumulates, and no hypothesis that underflows is lost for good. */
static void believe(const sc_finite *m, const double *log_prior, const double *negentropy,
                    const double *numbers, const int *seen, int seen_count, belief *b)
{
    SC_ALIGNED double posterior[BELIEF];
    const int cells = m->inputs * m->labels;
    double total = 0.0, mean = 0.0;
    for (int c = 0; c < cells; c++)
        b->predictive[c] = 0.0;
    for (ptrdiff_t from = 0; from < m->stride; from += BELIEF) {
        const ptrdiff_t width = m->stride - from < BELIEF ? m->stride - from : BELIEF;
        real sum = r_set(0.0), mean_sum = r_set(0.0);
        for (ptrdiff_t i = 0; i < width; i += SC_LANES) {
            const real start = r_load(log_prior + from + i) - r_set(b->log_total);
            const real value = sc_exp_or_zero(r_min(
                sc_log_likelihood(m, numbers, seen, seen_count, from + i, start), r_set(700.0)));
            r_store(posterior + i, value);
            sum = sum + value;
            mean_sum = r_fma(value, r_load(negentropy + from + i), mean_sum);
        }
        total += sum_of_lanes(sum);
        mean += sum_of_lanes(mean_sum);
        for (int c = 0; c < cells; c++) {
            const double *theta = m->theta + c * m->stride + from;
            real part = r_set(0.0), other = r_set(0.0);
            ptrdiff_t i = 0;
            for (; i + 2 * SC_LANES <= width; i += 2 * SC_LANES) {
                part = r_fma(r_load(posterior + i), r_load(theta + i), part);
                other =
                    r_fma(r_load(posterior + i + SC_LANES), r_load(theta + i + SC_LANES), other);
            }
            for (; i < width; i += SC_LANES)
                part = r_fma(r_load(posterior + i), r_load(theta + i), part);
            b->predictive[c] += sum_of_lanes(part + other);
        }
    }
    for (int c = 0; c < cells; c++)
        b->predictive[c] /= total;
    b->negentropy = mean / total;
    b->log_total += log(total);
}

/* ln P(cell | data) of a cell that is possible only under hypotheses which the data have all but
   ruled out. */
static double log_predictive(const sc_finite *m, const double *log_prior, const double *numbers,
                             const int *seen, int seen_count, int cell, double log_total)
{
    double greatest = SC_LOG_ZERO, sum = 0.0;
    for (int pass = 0; pass < 2; pass++)
        for (ptrdiff_t f = 0; f < m->stride; f++) {
            double x = log_prior[f] + m->log_theta[cell * m->stride + f];
            for (int j = 0; j < seen_count; j++)
                x += numbers[j] * m->log_theta[seen[j] * m->stride + f];
            if (pass)
                sum += exp(x - greatest);
            else if (x > greatest)
                greatest = x;
        }
    return greatest < SC_LOG_ZERO / 2 ? -INFINITY : greatest + log(sum) - log_total;
}

/* The smallest i with cumulative[i] > u times the last entry; never an i of probability 0. */
static ptrdiff_t sample_index(const double *cumulative, ptrdiff_t count, double uniform)
{
    const double u = uniform * (1.0 - 0x1p-52) * cumulative[count - 1];
    ptrdiff_t low = 0, high = count - 1;
    while (low < high) {
        const ptrdiff_t middle = low + (high - low) / 2;
        if (cumulative[middle] > u)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

void SC_KERNEL(sc_replicate)(const sc_finite *m, const double *cumulative, const double *log_truth,
                             const double *log_learner, const double *negentropy, uint64_t key,
                             uint64_t item, ptrdiff_t samples, void *space,
                             sc_keep_going keep_going, void *state, double *out)
{
    const int cells = m->inputs * m->labels;
    double *counts = space, *numbers = counts + cells, *chances = numbers + cells,
           *logs = chances + cells;
    belief truth = {0.0, 0.0, logs + cells}, learner = {0.0, 0.0, logs + 2 * cells};
    int *seen = (int *)(logs + 3 * cells);
    sc_sequence uniforms = sc_sequence_of((sc_stream){key, item, SC_FOR_HISTORIES});
    const ptrdiff_t f = sample_index(cumulative, m->stride, sc_next_uniform(&uniforms));
    double sum = 0.0;
    for (int c = 0; c < cells; c++) {
        counts[c] = 0.0;
        chances[c] = sum += m->theta[c * m->stride + f];
    }
    for (ptrdiff_t t = 0; t < samples && keep_going(state); t++) {
        int seen_count = 0;
        for (int c = 0; c < cells; c++)
            if (counts[c] > 0.0) {
                numbers[seen_count] = counts[c];
                seen[seen_count++] = c;
            }
        believe(m, log_truth, negentropy, numbers, seen, seen_count, &truth);
        if (log_learner)
            believe(m, log_learner, negentropy, numbers, seen, seen_count, &learner);
        double error = truth.negentropy;
        for (int c = 0; c < cells; c++) {
            const double p = truth.predictive[c], q = log_learner ? learner.predictive[c] : p;
            logs[c] = q > SC_TINY ? log(q)
                      : p > 0.0 ? log_predictive(m, log_learner ? log_learner : log_truth, numbers,
                                                 seen, seen_count, c,
                                                 log_learner ? learner.log_total : truth.log_total)
                                : 0.0;
            error -= p > 0.0 ? p * logs[c] : 0.0;
        }
        out[t] = error;
        if (error == INFINITY) { /* so is the error of every later sample */
            for (t++; t < samples; t++)
                out[t] = INFINITY;
            return;
        }
        const ptrdiff_t c = sample_index(chances, cells, sc_next_uniform(&uniforms));
        counts[c] += 1.0;
        truth.log_total += log(truth.predictive[c]);
        learner.log_total += logs[c];
    }
}

size_t SC_KERNEL(sc_replicate_space)(const sc_finite *m)
{
    return (size_t)m->inputs * (size_t)m->labels * (6 * sizeof(double) + sizeof(int));
}
