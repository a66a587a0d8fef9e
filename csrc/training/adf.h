/* Online Bayesian logistic regression on fixed features z by assumed-density filtering; included by
 * training.c. Always in double.
 *
 * The coefficients' law is kept Gaussian, N(m, P). A sample's logit is then N(m.z, z'Pz), its
 * prediction the mean of the sigmoid over that law. After the label, the law becomes the Gaussian
 * with the mean and covariance of the exact posterior: with Z the prediction of the label that came
 * and s = P z,
 *
 *     m += s (ln Z)',   P += s s' (ln Z)'',   derivatives by m.z.
 *
 * (ln Z)'' is negative, and z'Pz (ln Z)'' is above -1: the curvature is at most 1/4, so that the
 * variance falls by no more than a factor 1 + z'Pz/4. So P stays positive.
 *
 * The change of P waits for the next sample, so that one sweep over P reads and writes it once. The
 * change subtracts v v' with v = s sqrt(-(ln Z)''), which is symmetric to the last bit, so that
 * only the lower triangle of P is stored: in tiles of at most ADF_TILE columns, each a table of the
 * rows from its first column on, padded by zeros to a multiple of 8.
 */

#define ADF_TILE 32
#define ADF_BATCH 8 /* samples whose features are computed together */

typedef struct adf_state {
    /* z[ADF_BATCH][padded], raw[features->raw][ADF_BATCH] */
    double *covariance, *mean, *s, *v, *z, *raw;
} adf_state;

SC_INLINE ptrdiff_t adf_padded(ptrdiff_t p) { return (p + 7) / 8 * 8; }

SC_INLINE size_t adf_covariance_size(ptrdiff_t p)
{
    /* tiles */
    const size_t padded = (size_t)adf_padded(p), whole = padded / ADF_TILE,
                 rest = padded % ADF_TILE;
    return whole * ADF_TILE * padded - ADF_TILE * ADF_TILE * (whole * (whole - (whole > 0)) / 2)
           + rest * rest;
}

SC_INLINE size_t adf_size(int raw, int p) /* in doubles */
{
    const size_t padded = (size_t)adf_padded(p);
    return adf_covariance_size(p) + padded * (3 + ADF_BATCH) + (size_t)raw * ADF_BATCH;
}

SC_INLINE adf_state adf_state_of(double *memory, ptrdiff_t p)
{
    const ptrdiff_t padded = adf_padded(p);
    adf_state a = {memory, memory + adf_covariance_size(p), NULL, NULL, NULL, NULL};
    a.s = a.mean + padded;
    a.v = a.s + padded;
    a.z = a.v + padded;
    a.raw = a.z + padded * ADF_BATCH;
    return a;
}

static void adf_copy(ptrdiff_t p, double *memory, double *plain, int out)
{
    const adf_state a = adf_state_of(memory, p);
    const ptrdiff_t padded = adf_padded(p);
    double *tile = a.covariance;
    for (ptrdiff_t first = 0; first < padded; first += ADF_TILE) {
        const ptrdiff_t rows = padded - first, wide = rows < ADF_TILE ? rows : ADF_TILE;
        for (ptrdiff_t j = first; j < p; j++)
            for (ptrdiff_t i = first; i < first + wide && i < p; i++) {
                double *const ours = tile + (j - first) * wide + i - first;
                if (out)
                    plain[j * p + i] = plain[i * p + j] = *ours;
                else
                    *ours = plain[j * p + i];
            }
        tile += wide * rows;
    }
    memcpy(out ? plain + p * p : a.mean, out ? a.mean : plain + p * p, (size_t)p * sizeof *plain);
}

/* z = basis [x, |directions x|] of samples first ... first + count - 1; beyond the last sample it
   is repeated. */
static SC_NOINLINE void adf_features(const sc_sample_block *data, const sc_features *f,
                                     ptrdiff_t first, int count, ptrdiff_t padded,
                                     double *restrict raw, double *restrict z)
{
    const ptrdiff_t d = data->input_dim;
    for (int i = 0; i < ADF_BATCH; i++) {
        const ptrdiff_t row = (first + (i < count ? i : count - 1)) * d;
        for (ptrdiff_t k = 0; k < d; k++)
            raw[k * ADF_BATCH + i] = data->single ? (double)((const float *)data->inputs)[row + k]
                                                  : ((const double *)data->inputs)[row + k];
    }
    for (ptrdiff_t u = d; u < f->raw; u++)
        for (int i = 0; i < ADF_BATCH; i += SC_LANES) {
            const double *direction = f->directions + (u - d) * d;
            real sum = r_set(0.0);
            for (ptrdiff_t k = 0; k < d; k++)
                sum = r_fma(r_set(direction[k]), r_load(raw + k * ADF_BATCH + i), sum);
            r_store(raw + u * ADF_BATCH + i, r_max(sum, -sum));
        }
    for (ptrdiff_t c = 0; c < padded; c += SC_LANES) {
        real sum[ADF_BATCH];
        for (int i = 0; i < ADF_BATCH; i++)
            sum[i] = r_set(0.0);
        for (ptrdiff_t k = 0; k < f->raw; k++) {
            const real weight = r_load(f->basis + k * padded + c);
            for (int i = 0; i < ADF_BATCH; i++)
                sum[i] = r_fma(weight, r_set(raw[k * ADF_BATCH + i]), sum[i]);
        }
        for (int i = 0; i < ADF_BATCH; i++)
            r_store(z + i * padded + c, sum[i]);
    }
}

/* One strip of a tile: P -= v v' if `learn`, then s += P z if `forward`. The strip's first row is
   its first column. Rows below the tile also serve as their mirror images above the diagonal, which
   are not stored. */
SC_INLINE void adf_strip(int packs, double *restrict P, ptrdiff_t wide, ptrdiff_t rows,
                         ptrdiff_t column, int learn, int forward, const double *restrict v,
                         const double *restrict z, double *restrict s)
{
    SC_ALIGNED double parts[8 * SC_LANES], sums[8];
    real v_here[SC_STRIP_PACKS], z_here[SC_STRIP_PACKS], total[SC_STRIP_PACKS];
    for (int q = 0; q < packs; q++) {
        v_here[q] = r_load(v + column + q * SC_LANES);
        z_here[q] = r_load(z + column + q * SC_LANES);
        total[q] = r_set(0.0);
    }
    for (ptrdiff_t j = 0; j < rows; j += 8) {
        for (int i = 0; i < 8; i++, P += wide) {
            const real vj = r_set(v[j + i]), zj = r_set(z[j + i]);
            real part = r_set(0.0);
            for (int q = 0; q < packs; q++) {
                real c = r_load(P + q * SC_LANES);
                if (learn) {
                    c = r_fnma(vj, v_here[q], c);
                    r_store(P + q * SC_LANES, c);
                }
                if (forward) {
                    total[q] = r_fma(c, zj, total[q]);
                    part = r_fma(c, z_here[q], part);
                }
            }
            if (forward)
                r_store(parts + i * SC_LANES, part);
        }
        if (forward && j >= wide) {
            r_sum_rows(parts, sums);
            for (int i = 0; i < 8; i += SC_LANES)
                r_store(s + j + i, r_load(s + j + i) + r_load(sums + i));
        }
    }
    for (int q = 0; q < packs && forward; q++)
        r_store(s + column + q * SC_LANES, r_load(s + column + q * SC_LANES) + total[q]);
}

#define ADF_SWEEP(name, learn, forward)                                                        \
    static SC_NOINLINE void name(const adf_state *a, ptrdiff_t p, const double *z)             \
    {                                                                                          \
        const ptrdiff_t padded = adf_padded(p);                                                \
        double *tile = a->covariance;                                                          \
        if (forward)                                                                           \
            memset(a->s, 0, (size_t)padded * sizeof *a->s);                                    \
        for (ptrdiff_t first = 0; first < padded; first += ADF_TILE) {                         \
            const ptrdiff_t rows = padded - first, wide = rows < ADF_TILE ? rows : ADF_TILE;   \
            ptrdiff_t c = 0;                                                                   \
            for (; SC_STRIP_PACKS == 4 && c + 4 * SC_LANES <= wide; c += 4 * SC_LANES)         \
                adf_strip(4, tile + c, wide, rows, c, learn, forward, a->v + first, z + first, \
                          a->s + first);                                                       \
            for (; c + 2 * SC_LANES <= wide; c += 2 * SC_LANES)                                \
                adf_strip(2, tile + c, wide, rows, c, learn, forward, a->v + first, z + first, \
                          a->s + first);                                                       \
            for (; c < wide; c += SC_LANES)                                                    \
                adf_strip(1, tile + c, wide, rows, c, learn, forward, a->v + first, z + first, \
                          a->s + first);                                                       \
            tile += wide * rows;                                                               \
        }                                                                                      \
    }
ADF_SWEEP(adf_forward, 0, 1)
ADF_SWEEP(adf_learn, 1, 0)
ADF_SWEEP(adf_learn_and_forward, 1, 1)
#undef ADF_SWEEP

SC_INLINE double adf_sum(real x)
{
    SC_ALIGNED double lanes[SC_LANES];
    double total = 0.0;
    r_store(lanes, x);
    for (int i = 0; i < SC_LANES; i++)
        total += lanes[i];
    return total;
}

SC_INLINE double adf_dot(const double *a, const double *b, ptrdiff_t padded)
{
    real total = r_set(0.0);
    for (ptrdiff_t i = 0; i < padded; i += SC_LANES)
        total = r_fma(r_load(a + i), r_load(b + i), total);
    return adf_sum(total);
}

typedef struct adf_prediction {
    /* Means, over a Gaussian logit a, of sigma(a), sigma(-a), sigma'(a) and sigma''(a). */
    double yes, no, slope, bend;
} adf_prediction;

/* The trapezoid rule in u = (a - mean)/root. Moving the line of integration by r into the complex
   plane bounds its error by e^(r^2/2 - 2 pi r/step), for any r below pi/root, where the sigmoid has
   its poles; the step below makes the bound e^-36. The range is widened by `root`, by which e^a
   shifts the Gaussian, so that both tails are right to a relative error. */
static adf_prediction adf_predict(double mean, double variance)
{
    if (!(isfinite(mean) && variance <= 1e6))
        return (adf_prediction){NAN, NAN, NAN, NAN};
    /* largest useful r, sqrt(72): there the step is longest */
    const double pi = 3.141592653589793, widest = 8.48528137423857;
    const double root = variance > 0.0 ? sqrt(variance) : 0.0,
                 r = root * widest > pi ? pi / root : widest;
    const double step = 2 * pi * r / (36.0 + 0.5 * r * r);
    const int half = ((int)((8.4 + root) / step) / 4 + 1) * 4;
    const real one = r_set(1.0), least = r_set(-700.0);
    real yes = r_set(0.0), no = yes, slope = yes, bend = yes;
    for (int k = -half; k < half; k += SC_LANES) {
        const real u = (r_lane_numbers() + r_set(k + 0.5)) * r_set(step),
                   a = r_fma(u, r_set(root), r_set(mean));
        const real weight = sc_exp(r_max(u * u * r_set(-0.5), least)),
                   e = sc_exp(r_max(r_min(a, -a), least));
        const real inverse = one / (one + e), other = e * inverse;
        const mask up = r_le(r_set(0.0), a);
        const real above = r_select(up, inverse, other), below = r_select(up, other, inverse);
        const real first = weight * inverse * other;
        yes = r_fma(weight, above, yes);
        no = r_fma(weight, below, no);
        slope = slope + first;
        bend = r_fma(first, below - above, bend);
    }
    const double scale = step * 0.3989422804014327; /* 1/sqrt(2 pi) */
    return (adf_prediction){scale * adf_sum(yes), scale * adf_sum(no), scale * adf_sum(slope),
                            scale * adf_sum(bend)};
}

/* Update the mean now. The covariance changes by v v' in the next sweep. */
static void adf_update(const adf_state *a, ptrdiff_t padded, const adf_prediction *of, int label)
{
    const double gain = label ? of->slope / of->yes : -of->slope / of->no;
    const double fall = gain * gain - (label ? of->bend / of->yes : -of->bend / of->no);
    const real move = r_set(gain), root = r_set(fall > 0.0 ? sqrt(fall) : fall == fall ? 0.0 : NAN);
    for (ptrdiff_t i = 0; i < padded; i += SC_LANES) {
        const real s = r_load(a->s + i);
        r_store(a->mean + i, r_fma(s, move, r_load(a->mean + i)));
        r_store(a->v + i, s * root);
    }
}

/* One learner after another reads a stretch of samples. history[i][r] becomes the logit of the
   probability that learner r gave sample i. */
static void adf_stretch(const sc_sample_block *data, sc_mode mode, int from, int samples,
                        const sc_learner *learners, int count,
                        double history[SC_STRETCH][SC_LOGITS])
{
    for (int r = 0; r < count; r++) {
        const ptrdiff_t p = learners[r].width, padded = adf_padded(p);
        const adf_state a = adf_state_of(learners[r].state, p);
        for (int i = 0; i < samples; i++) {
            const double *z = a.z + (i % ADF_BATCH) * padded;
            if (i % ADF_BATCH == 0)
                adf_features(data, learners[r].features, from + i, samples - i, padded, a.raw, a.z);
            if (i > 0 && mode == SC_LEARN)
                adf_learn_and_forward(&a, p, z);
            else
                adf_forward(&a, p, z);
            const adf_prediction of =
                adf_predict(adf_dot(z, a.mean, padded), adf_dot(z, a.s, padded));
            /* sc_log must not be given a NaN */
            history[i][r] =
                of.yes > 0 ? sc_first_lane(sc_log(r_set(of.yes)) - sc_log(r_set(of.no))) : NAN;
            const int label = data->single ? ((const float *)data->labels)[from + i] > 0.5f
                                           : ((const double *)data->labels)[from + i] > 0.5;
            if (mode == SC_LEARN)
                adf_update(&a, padded, &of, label);
        }
        if (mode == SC_LEARN)
            adf_learn(&a, p, a.z);
    }
}
