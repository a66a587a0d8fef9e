/* Every kernel, a row each: KERNEL(what it returns, name, (parameters)). The one list of them: the
 * fields of sc_engine, the declarations that definitions are checked against, and each instruction
 * set's table are made from it.
 *
 * A kernel is defined once, as SC_KERNEL(sc_<name>), in a file that kernel_sources.h lists.
 * Python's view of sc_engine is scalecore/_core/engine.pxd, where the order does not matter. This
 * file is included again and again: no guard.
 */

/* ---- bounds ---------------------------------------------------------------------------------- */
/* One point, without the machinery of blocks but with the same bits; then arrays, and the best
   allocation. */
KERNEL(double, point_error_bound, (double n, double T, double d, double K))
KERNEL(double, point_misspecification_bound, (double n, double T, double d, double K))
KERNEL(double, point_estimation_bound, (double n, double T, double d, double K))
KERNEL(double, point_optimal_resolution, (double n, double T, double d, double K))
KERNEL(double, point_closed_form_bound, (double n, double T, double d, double K))
KERNEL(double, point_occupancy, (double n, double T, double d, double K))
KERNEL(ptrdiff_t, evaluate,
       (sc_quantity, ptrdiff_t count, const sc_column in[4], double *out, ptrdiff_t out_stride))
KERNEL(void, compute_optimal,
       (sc_bound, int integer, ptrdiff_t count, const sc_column in[4], const sc_frontier_out *out))

/* ---- the infinite-width network -------------------------------------------------------------- */
/* One network: per width the means over its inputs of d_KL and (F - F~)^2, and the distinct
   units. */
KERNEL(void, experiment,
       (const sc_experiment *, int single, uint64_t item, void *space, sc_keep_going, void *state,
        double *kl, double *squared, double *occupancy))
KERNEL(size_t, experiment_space, (const sc_experiment *, int single)) /* bytes */
/* Atoms in order, SC_ATOMS at a time: masses and signed scales, unnormalised directions as [group
   of 4][coordinate][atom]; returns the mass left. */
KERNEL(double, atoms,
       (const sc_experiment *, uint64_t item, uint64_t chunk_number, double left, double *masses,
        double *scales, double *directions))
/* Logits at inputs, a row each. Directions are rows too, or, if `grouped`, [group of 4][coordinate]
   [atom], and then `atoms` is a multiple of 4. */
KERNEL(void, logits64,
       (const double *directions, const double *weights, ptrdiff_t atoms, int grouped, int d,
        const double *X, ptrdiff_t count, double *out, void *space))
KERNEL(void, logits32,
       (const float *directions, const float *weights, ptrdiff_t atoms, int grouped, int d,
        const float *X, ptrdiff_t count, float *out, void *space))
KERNEL(size_t, logits_space, (int d))
KERNEL(int, samples,
       (const sc_experiment *, int single, uint64_t item, int fresh, uint64_t first, void *space,
        sc_keep_going, void *state, void *inputs, void *labels, double *probability,
        double *offset))
KERNEL(size_t, samples_space, (int input_dim, int count))

/* ---- training -------------------------------------------------------------------------------- */
/* Factors for a block of samples: the learning rate's decay (1 + t/t0)^-decay, and Adam's 1/(1 -
   beta^(t+1)) for both moments. Three arrays of `count` numbers, a multiple of 8. */
KERNEL(void, schedule,
       (int64_t first, int count, double decay, double decay_start, double *rate,
        double *first_moment, double *second_moment))
/* Let learners read the rest of a block of samples, and learn from it. All of them must have read
   equally many of its samples. */
KERNEL(void, train,
       (const sc_sample_block *, sc_mode, const sc_learner *, int count, void *space, sc_keep_going,
        void *state))
KERNEL(size_t, train_space, (void))
/* Bytes of a learner's state, a multiple of 64. For SC_ADF `input_dim` is the number of raw
   features. */
KERNEL(size_t, learner_size, (int single, sc_optimizer, int input_dim, int width))
/* Copy between a learner's state and plain arrays [plane][input_dim + 1][width]: the weights (the
   output weights are the last row) and, for Adam, the first and second moments. For SC_ADF the
   array is [width + 1][width]: the covariance, then the mean. */
KERNEL(void, learner_copy,
       (int single, sc_optimizer, int input_dim, int width, void *state, void *plain, int out))

/* ---- random numbers -------------------------------------------------------------------------- */
/* Philox4x32-10 of one counter, for tests; `groups` x 16 numbers of a stream by an sc_law. */
KERNEL(void, philox, (const uint32_t counter[4], uint64_t key, uint32_t out[4]))
KERNEL(void, numbers,
       (int kind, uint64_t key, uint64_t item, uint32_t purpose, uint64_t first, int groups,
        double *out))
KERNEL(double, binomial, (uint64_t key, uint64_t item, double n, double p))
/* at most 64 Poisson variates; their sum */
KERNEL(double, poisson, (uint64_t key, uint64_t item, const double *mean, int count, double *out))
/* The masses of the first SC_ATOMS atoms, and how often a network of e->widths[0] units draws each;
   input_dim must be 1. */
KERNEL(void, draws, (const sc_experiment *e, uint64_t item, double *masses, double *counts))

/* ---- finite models --------------------------------------------------------------------------- */
/* One step of the recursion for one block of hypotheses, into states first ... last - 1.
 *
 * In: the block's laws P(S = s | f), [state][hypothesis], and its mass of each state. Out: the same
 * after the step; the block's P(s,x,y) in `marginals`; and three sums, of P ln P(s'|f), of the
 * negentropy and of P itself (which are not quite constant: the law is rounded). What merging
 * transitions lose follows from the first, before and after the step. Blocks are independent of
 * each other; the kernel `account` puts them together. */
KERNEL(void, recur,
       (const sc_recursion *, ptrdiff_t block, ptrdiff_t first, ptrdiff_t last, const double *mass,
        const double *law, double *next, double *next_mass, double *marginals, double sums[3]))
/* For states first, first + 1, ... (at most SC_ACCOUNT_STATES): add up the blocks' marginals, and
   compute the sums of sc_account from the total. Where `predictor` is NULL, the best predictor is
   meant. `space` holds SC_ACCOUNT_STATES doubles for each cell. */
KERNEL(void, account,
       (const sc_recursion *, ptrdiff_t first, ptrdiff_t blocks, const double *marginals,
        const double *predictor, void *space, sc_account *out))
/* The share that count vectors first, first + 1, ... of `samples` samples have in E ln(P(counts|F)
   / P(counts) of the learner's mixture). */
KERNEL(double, enumerate,
       (const sc_finite *, const double *truth, const double *learner, const double *log_factorial,
        int samples, uint64_t first, ptrdiff_t count, void *space))
KERNEL(size_t, enumerate_space, (const sc_finite *)) /* bytes */
/* One history drawn from the truth: out[t] = E(d_KL(P(Y|F,X) || the learner's prediction at t) |
   history). Where `log_learner` is NULL, the best learner is meant. */
KERNEL(void, replicate,
       (const sc_finite *, const double *cumulative, const double *log_truth,
        const double *log_learner, const double *negentropy, uint64_t key, uint64_t item,
        ptrdiff_t samples, void *space, sc_keep_going, void *state, double *out))
KERNEL(size_t, replicate_space, (const sc_finite *)) /* bytes */

/* ---- spectral bounds ------------------------------------------------------------------------- */
/* The bound with the strategies `with` (flags) at points n and T in [1, 1e300], K in (0, 1e300];
   and its best allocation of n T = most, which is at least 1. */
KERNEL(void, spectral_points,
       (const sc_strategies *, int with, ptrdiff_t count, const double *n, const double *T,
        const double *K, sc_spectral_terms *out))
KERNEL(void, spectral_optimal,
       (const sc_strategies *, int with, int integer, double most, double K,
        sc_spectral_optimum *out))
/* What the fixed part of a row costs over all T samples, in nats. */
KERNEL(double, spectral_price, (const sc_strategies *, int with, ptrdiff_t row, double T))
/* The lower bound for d, whole, from 1 to SC_WIDEST_INPUT, and K in (0, 1e300]; its value at T in
   [1, 1e300], in any order: ranges are added as they are needed. */
KERNEL(void, lower_bound_open, (sc_lower_bound *, double d, double K))
KERNEL(double, bayes_error_lower_bound, (sc_lower_bound *, double T))
/* Spread a set's representatives [coordinate][padded] by at most `steps` steps of descent. Returns
   0 if keep_going stopped the work. */
KERNEL(int, descend,
       (const sc_orbits *, double *directions, int steps, void *space, sc_keep_going, void *state))
/* What a fixed part along a set of directions describes of the even functions: its eigenvalues, in
   any order, each lowered by what rounding may have added to it, and sum lambda_l P_l'(1) tr(P
   Pi_l). Returns how many eigenvalues, or a negative number that says why there are none
   (orbits.h). */
KERNEL(ptrdiff_t, project,
       (const sc_orbits *, const double *directions, void *space, sc_keep_going, void *state,
        double *eigenvalues, double *slope))

/* ---- the posterior of the infinite-width network --------------------------------------------- */
/* See posterior/posterior.h. A history of samples and chains given it; returns 0 if keep_going
   stopped the work. `trace`, where it is not NULL, gets a row for each state: its log-likelihood
   and its logits at the fresh inputs. */
KERNEL(int, posterior_chains,
       (const sc_posterior *, void *space, sc_keep_going, void *state, double *trace,
        sc_posterior_result *))
KERNEL(size_t, posterior_space, (const sc_posterior *)) /* bytes */
/* For tests and benchmarks: the history (inputs row after row, labels +1 or -1, tails), the
   log-likelihood and its gradient, `repeats` times, at latents and signs; where the first latent
   is NaN, at the truth's, which are returned. */
KERNEL(void, posterior_gradient,
       (const sc_posterior *, int single, int repeats, void *space, double *latents, double *signs,
        float *inputs, float *labels, double *tail, double *log_likelihood, double *gradient))

/* ---- fits ------------------------------------------------------------------------------------ */
/* See fitting/fitting.h. fit_sum: sums over the runs, for a pack of replicas. fit_add: the same
   sums from values and gradients that the caller computed. fit_values: values of one of the
   engine's laws. */
KERNEL(int, fit_lanes, (void))
KERNEL(void, fit_sum,
       (const sc_fit_runs *, const double *theta, const double *delta, const double *weights,
        const double *targets, sc_fit_sums *))
KERNEL(void, fit_add,
       (const sc_fit_runs *, ptrdiff_t first, ptrdiff_t count, const double *values,
        const double *gradients, const double *delta, const double *weights, const double *targets,
        sc_fit_sums *))
KERNEL(void, fit_values,
       (const sc_fit_runs *, const double *theta, double *value, double *gradient))

/* ---- speed of the machine, for benchmarks to compare with
   -------------------------------------- */
/* Read, change and write `count` weights: no training step can take less time than that. */
KERNEL(void, sweeps, (float *, long count, long repeats))
/* `repeats` x 16 chains of multiply-adds that stay in registers; returns their number of flops. */
KERNEL(double, multiply_adds, (long repeats, int single, double *sink))

#undef KERNEL
