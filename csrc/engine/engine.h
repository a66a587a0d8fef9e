/* The kernels of one instruction set, and the choice among those that this processor has.
 *
 * bounds.c and frontier.c are compiled once per instruction set: on their own for the baseline, and through isa_avx2.c and
 * isa_avx512.c, which switch the compiler's target and include them again. Each fills in its share of one sc_engine.
 */
#ifndef SC_ENGINE_H
#define SC_ENGINE_H

#include "fitting/fitting.h"
#include "scalecore.h"
#include "spectral.h"

/* A Monte Carlo over random networks: what every one of them has in common. */
typedef struct sc_experiment {
    uint64_t key;       /* of the random streams */
    int input_dim;
    double concentration;
    double truncation;  /* atoms are drawn until this mass is left, and every draw has its atom */
    int inputs;         /* per network */
    int width_count;    /* at most SC_MOST_WIDTHS */
    const double *widths;
} sc_experiment;

#define SC_ADF ((sc_optimizer)(SC_ADAM + 1)) /* which the public functions do not have: see adf.h */

typedef enum sc_mode {
    SC_LEARN,
    SC_EXAMINE, /* sums and records errors, but learns nothing */
    SC_COMPLETE /* learns from every sample, also from one whose partner is missing; records nothing */
} sc_mode;

/* What all learners of a repeat read in one go: samples first .. first + count of their network's stream. */
typedef struct sc_lesson {
    int input_dim;
    int single; /* inputs, labels and states (but those of SC_ADF) are float, not double */
    sc_optimizer optimizer;
    int64_t first;
    int count;
    const void *inputs; /* count x input_dim */
    const void *labels; /* 0 or 1 */
    const double *probability, *offset; /* see sc_samples */
    const double *rate, *first_moment, *second_moment; /* factors on each sample's rate, and Adam's corrections */
    int checkpoint_count;
    const int64_t *checkpoints; /* increasing */
} sc_lesson;

#define SC_LESSON_MULTIPLE SC_SAMPLES
#define SC_CLASS SC_MOST_RUNS /* learners that a kernel teaches together */

/* Features of SC_ADF: basis [x, |directions x|]. */
typedef struct sc_features {
    int raw;                  /* input_dim and the number of directions */
    const double *directions; /* [raw - input_dim][input_dim] */
    const double *basis;      /* [raw][width], width padded to a multiple of 8 by noughts */
} sc_features;

/* One network in training. */
typedef struct sc_learner {
    int width;         /* of SC_ADF: its coefficients */
    double rate;
    void *state;       /* see sc_learner_size */
    double *sum;       /* of its errors so far */
    double *record;    /* the mean error at each checkpoint */
    int64_t *read;     /* samples that it has seen; SGD has learned from an even number of them */
    int64_t *diverged; /* the first sample whose logit was not finite, or -1 */
    const sc_features *features; /* of SC_ADF */
} sc_learner;

/* A model with finitely many hypotheses, inputs and labels. An input with a label is a cell; rows lie along the hypotheses. */
typedef struct sc_finite {
    ptrdiff_t stride; /* hypotheses, padded to a multiple of 8 by some that can do nothing */
    int inputs, labels;
    const double *theta;     /* [input][label][hypothesis] P(x) P(y|f,x) */
    const double *log_theta; /* SC_LOG_ZERO where that is 0 */
} sc_finite;

#define SC_LOG_ZERO -1e9  /* far below what any possible history has, and finite: times nought it is nought */
#define SC_MOST_COUNTED 500000 /* samples of an enumeration: more could reach that with possible histories */

/* The recursion on P(S_t = s | F = f): into each state lead transitions, each from a state, on a cell, with a probability. */
typedef struct sc_recursion {
    sc_finite model;
    const double *prior;      /* padded by 0 */
    const double *negentropy; /* prior times E(ln P(Y|f,X) | f) */
    ptrdiff_t states;
    const ptrdiff_t *first; /* transitions into state s are first[s] .. first[s+1] */
    const int32_t *source, *cell;
    const double *weight;
    ptrdiff_t width; /* hypotheses of a block, at most SC_MOST_WIDTH and a multiple of 8; the last may have fewer */
} sc_recursion;

#define SC_MOST_WIDTH 128
#define SC_ACCOUNT_STATES 1024 /* of one call of account */

/* Sums over the joint law of state, input and label; x ln x stands for its sum over all of them. */
typedef struct sc_account {
    double cells, inputs, states;     /* x ln x of P(s,x,y), P(s,x), P(s) */
    double gap;                       /* E d_KL(P(Y|S,X) || predictor) */
    ptrdiff_t impossible;             /* first [state][input][label] that can happen and has predictor 0, or -1 */
} sc_account;

typedef double (*sc_point)(double n, double T, double d, double K);

typedef struct sc_engine {
    const char *name;
    sc_point point[SC_QUANTITY_COUNT]; /* one point, without the machinery of blocks but with the same bits */
    ptrdiff_t (*evaluate)(sc_quantity, ptrdiff_t, const sc_column in[4], double *out, ptrdiff_t out_stride);
    void (*compute_optimal)(sc_bound, int integer, ptrdiff_t, const sc_column in[4], const sc_frontier_out *out);
    /* One network: per width the means over its inputs of d_KL and (F - F~)^2, and the distinct units. */
    void (*experiment)(const sc_experiment *, int single, uint64_t item, void *space, sc_keep_going, void *state, double *kl,
                       double *squared, double *occupancy);
    size_t (*experiment_space)(const sc_experiment *, int single); /* bytes */
    /* Atoms in order, SC_ATOMS at a time: masses and signed scales, unnormalised directions as [group of 4][coordinate][atom];
       returns the mass left. */
    double (*atoms)(const sc_experiment *, uint64_t item, uint64_t chunk_number, double left, double *masses, double *scales,
                    double *directions);
    void (*logits64)(const double *directions, const double *weights, ptrdiff_t atoms, int d, const double *X, ptrdiff_t count,
                     double *out, void *space);
    void (*logits32)(const float *directions, const float *weights, ptrdiff_t atoms, int d, const float *X, ptrdiff_t count,
                     float *out, void *space);
    size_t (*logits_space)(int d);
    int (*samples)(const sc_experiment *, int single, uint64_t item, int fresh, uint64_t first, void *space, sc_keep_going, void *state,
                   void *inputs, void *labels, double *probability, double *offset);
    size_t (*samples_space)(int input_dim, int count);
    /* Factors of a lesson: (1 + t/t0)^-decay, and Adam's 1/(1 - beta^(t+1)). Each an array of count, a multiple of 8. */
    void (*schedule)(int64_t first, int count, double decay, double decay_start, double *rate, double *first_moment, double *second_moment);
    /* Teach learners, who have all read as much, what they have not read of a lesson. */
    void (*train)(const sc_lesson *, sc_mode, const sc_learner *, int count, void *space, sc_keep_going, void *state);
    size_t (*train_space)(void);
    size_t (*learner_size)(int single, sc_optimizer, int input_dim, int width); /* bytes, a multiple of 64; SC_ADF: raw for input_dim */
    /* Between a learner's state and plain arrays [plane][input_dim + 1][width]: weights (the last row are the output weights) and, for
       Adam, first and second moments. For SC_ADF [width + 1][width]: the covariance, then the mean. */
    void (*learner_copy)(int single, sc_optimizer, int input_dim, int width, void *state, void *plain, int out);
    void (*sweeps)(float *, long count, long repeats); /* read, change, write: the time that a sweep of weights must take */
    /* Philox4x32-10 of one counter, for tests; `groups` x 16 numbers of a stream by an sc_law. */
    void (*philox)(const uint32_t counter[4], uint64_t key, uint32_t out[4]);
    void (*numbers)(int kind, uint64_t key, uint64_t item, uint32_t purpose, uint64_t first, int groups, double *out);
    double (*binomial)(uint64_t key, uint64_t item, double n, double p);
    /* A step of the recursion, of one block of hypotheses, into states first ... last: laws [state][hypothesis of the block], their
       logarithms (0 for 0), and the block's mass of each state, before and after; P(s,x,y) of the block into marginals. Sums of
       P ln P(s'|f), of P (ln P(s,x,y|f) - ln P(s'|f)) over what is merged into s', and of the negentropy (whose total moves with the
       law's rounding). Blocks have nothing to do with each other until `account`. */
    void (*recur)(const sc_recursion *, ptrdiff_t block, ptrdiff_t first, ptrdiff_t last, const double *mass, const double *law,
                  const double *log_law, double *next, double *log_next, double *next_mass, double *marginals, double sums[3]);
    /* Add up the blocks' marginals of states first ... (at most SC_ACCOUNT_STATES) and what follows; no predictor is the best one.
       Space: as many doubles times cells. */
    void (*account)(const sc_recursion *, ptrdiff_t first, ptrdiff_t blocks, const double *marginals, const double *predictor,
                    void *space, sc_account *out);
    /* Count vectors first, first + 1, ... of so many samples: their share of E ln(P(counts|F) / mixture of the learner). */
    double (*enumerate)(const sc_finite *, const double *truth, const double *learner, const double *log_factorial, int samples,
                        uint64_t first, ptrdiff_t count, void *space);
    size_t (*enumerate_space)(const sc_finite *); /* bytes */
    /* One history drawn from the truth: out[t] = E(d_KL(P(Y|F,X) || learner at t) | history). No learner is the best one. */
    void (*replicate)(const sc_finite *, const double *cumulative, const double *log_truth, const double *log_learner,
                      const double *negentropy, uint64_t key, uint64_t item, ptrdiff_t samples, void *space, sc_keep_going,
                      void *state, double *out);
    size_t (*replicate_space)(const sc_finite *); /* bytes */
    /* The spectral bound with such strategies (flags) at points n, T in [1, 1e300] and K in (0, 1e300], and its best allocation of
       n T = most >= 1. */
    void (*spectral_points)(const sc_strategies *, int with, ptrdiff_t count, const double *n, const double *T, const double *K,
                            sc_spectral_terms *out);
    void (*spectral_optimal)(const sc_strategies *, int with, int integer, double most, double K, sc_spectral_optimum *out);
    double (*spectral_price)(const sc_strategies *, int with, ptrdiff_t row, double T); /* of a row over all T samples, nats */
    /* Fits (fitting/fitting.h): sums over runs for a pack of replicas; the same from a caller's values; values of a law of ours. */
    int (*fit_lanes)(void);
    void (*fit_sum)(const sc_fit_runs *, const double *theta, const double *delta, const double *weights, const double *targets,
                    sc_fit_sums *);
    void (*fit_add)(const sc_fit_runs *, ptrdiff_t first, ptrdiff_t count, const double *values, const double *gradients,
                    const double *delta, const double *weights, const double *targets, sc_fit_sums *);
    void (*fit_values)(const sc_fit_runs *, const double *theta, double *value, double *gradient);
    double (*repulsion)(const double *directions, ptrdiff_t stride, int d, ptrdiff_t which, double *pull, void *space);
    /* `repeats` x 16 chains of multiply-adds that stay in registers; returns how many flops that were. The peak to compare with. */
    double (*multiply_adds)(long repeats, int single, double *sink);
} sc_engine;

/* Gram and Schmidt's orthonormal rows, in place: at most d of them, of d numbers each. The same bits on every machine. */
void sc_orthonormalise(double *vectors, int rows, int d);

/* The best engine that this processor runs, or NULL when `name` is not NULL and names none that it runs. */
const sc_engine *sc_engine_find(const char *name);
/* The engine of the public functions: the best one, unless sc_engine_use has chosen (before any of them is called). */
const sc_engine *sc_engine_in_use(void);
void sc_engine_use(const sc_engine *engine);

#ifndef SC_KERNEL
#define SC_KERNEL(name) name##_baseline
#endif

#if (defined(__x86_64__) || defined(__i386__)) && (defined(__GNUC__) || defined(__clang__))
#define SC_HAVE_X86_KERNELS 1
#endif

#define SC_DECLARE_KERNELS(isa)                                                                                                  \
    double sc_point_error_bound_##isa(double, double, double, double);                                                           \
    double sc_point_misspecification_bound_##isa(double, double, double, double);                                                \
    double sc_point_estimation_bound_##isa(double, double, double, double);                                                      \
    double sc_point_optimal_resolution_##isa(double, double, double, double);                                                    \
    double sc_point_closed_form_bound_##isa(double, double, double, double);                                                     \
    double sc_point_occupancy_##isa(double, double, double, double);                                                             \
    ptrdiff_t sc_evaluate_##isa(sc_quantity, ptrdiff_t, const sc_column[4], double *, ptrdiff_t);                                \
    void sc_compute_optimal_##isa(sc_bound, int, ptrdiff_t, const sc_column[4], const sc_frontier_out *);                        \
    void sc_experiment_##isa(const sc_experiment *, int, uint64_t, void *, sc_keep_going, void *, double *, double *, double *);  \
    size_t sc_experiment_space_##isa(const sc_experiment *, int);                                                                \
    int sc_samples_##isa(const sc_experiment *, int, uint64_t, int, uint64_t, void *, sc_keep_going, void *, void *, void *,         \
                         double *, double *);                                                                                    \
    size_t sc_samples_space_##isa(int, int);                                                                                     \
    void sc_schedule_##isa(int64_t, int, double, double, double *, double *, double *);                                          \
    void sc_train_##isa(const sc_lesson *, sc_mode, const sc_learner *, int, void *, sc_keep_going, void *);                           \
    size_t sc_train_space_##isa(void);                                                                                           \
    size_t sc_learner_size_##isa(int, sc_optimizer, int, int);                                                                   \
    void sc_learner_copy_##isa(int, sc_optimizer, int, int, void *, void *, int);                                                \
    void sc_sweeps_##isa(float *, long, long);                                                                                   \
    double sc_atoms_##isa(const sc_experiment *, uint64_t, uint64_t, double, double *, double *, double *);                      \
    void sc_logits64_##isa(const double *, const double *, ptrdiff_t, int, const double *, ptrdiff_t, double *, void *);         \
    void sc_logits32_##isa(const float *, const float *, ptrdiff_t, int, const float *, ptrdiff_t, float *, void *);             \
    size_t sc_logits_space_##isa(int);                                                                                           \
    void sc_philox_##isa(const uint32_t[4], uint64_t, uint32_t[4]);                                                              \
    void sc_numbers_##isa(int, uint64_t, uint64_t, uint32_t, uint64_t, int, double *);                                           \
    double sc_binomial_##isa(uint64_t, uint64_t, double, double);                                                                \
    void sc_recur_##isa(const sc_recursion *, ptrdiff_t, ptrdiff_t, ptrdiff_t, const double *, const double *, const double *,    \
                        double *, double *, double *, double *, double[3]);                                                      \
    void sc_account_##isa(const sc_recursion *, ptrdiff_t, ptrdiff_t, const double *, const double *, void *, sc_account *);      \
    double sc_enumerate_##isa(const sc_finite *, const double *, const double *, const double *, int, uint64_t, ptrdiff_t,       \
                              void *);                                                                                           \
    size_t sc_enumerate_space_##isa(const sc_finite *);                                                                          \
    void sc_replicate_##isa(const sc_finite *, const double *, const double *, const double *, const double *, uint64_t,         \
                            uint64_t, ptrdiff_t, void *, sc_keep_going, void *, double *);                                       \
    size_t sc_replicate_space_##isa(const sc_finite *);                                                                          \
    void sc_spectral_points_##isa(const sc_strategies *, int, ptrdiff_t, const double *, const double *, const double *,          \
                                  sc_spectral_terms *);                                                                          \
    void sc_spectral_optimal_##isa(const sc_strategies *, int, int, double, double, sc_spectral_optimum *);                      \
    double sc_spectral_price_##isa(const sc_strategies *, int, ptrdiff_t, double);                                               \
    int sc_fit_lanes_##isa(void);                                                                                                \
    void sc_fit_sum_##isa(const sc_fit_runs *, const double *, const double *, const double *, const double *, sc_fit_sums *);   \
    void sc_fit_add_##isa(const sc_fit_runs *, ptrdiff_t, ptrdiff_t, const double *, const double *, const double *,             \
                          const double *, const double *, sc_fit_sums *);                                                        \
    void sc_fit_values_##isa(const sc_fit_runs *, const double *, double *, double *);                                           \
    double sc_repulsion_##isa(const double *, ptrdiff_t, int, ptrdiff_t, double *, void *);                                      \
    double sc_multiply_adds_##isa(long, int, double *);
SC_DECLARE_KERNELS(baseline)
SC_DECLARE_KERNELS(avx2)
SC_DECLARE_KERNELS(avx512)

#endif
