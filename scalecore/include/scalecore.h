/* scalecore: information-theoretic error bounds, compute-optimal allocation, and the process that
 * they are about.
 *
 * The whole engine behind the Python package, usable from C11 and C++17 on its own. What holds for
 * every function:
 *
 *   Threads    None of its own, no locks, no errno, no signals, no mutable state (the processor is
 *              looked at once and remembered): every function may be called from any number of
 *              threads at once, also in a child after fork, as long as no two calls write to the
 *              same memory. Results depend on neither the thread nor the split into calls.
 *   Ownership  Nothing is allocated or kept, but for spectral tables, which are the caller's to
 *              free: a pointer given is used until the call returns. Work space is the caller's.
 *   Errors     A function that returns int returns SC_OK or a negative sc_call for wrong arguments,
 *              found before anything is written. Numbers out of their domain are no such error
 *              where arrays are mapped: they give NaN in their own place.
 *   Memory     Every pointer must be aligned for its type, work space and training states on
 *              SC_ALIGNMENT bytes. Outputs may not overlap anything else unless "in place" is said
 *              to be fine. Pointers that lead nowhere cannot be noticed. The stack must have
 *              64 KiB.
 *   Floats     Floating-point flags may be raised that mean nothing. Round to nearest is assumed,
 *              denormals too.
 *   Units      Errors are in nats per sample, compute in the unit of `cost`.
 *
 *   n  width, T  samples, d  input_dim: finite reals in [1, 1e300]
 *   K  concentration: a real in (0, 1e300]
 *   outside this domain a bound is NaN.
 *
 * Arrays come as a pointer and a stride counted in doubles: 1 for a plain array, 0 for one value
 * that serves every point.
 *
 * Structs with options begin with their size: `sc_network_options o = SC_NETWORK_OPTIONS_INIT;`
 * sets it. A struct from an older version is shorter and accepted, with defaults for what it lacks;
 * a longer one is refused (SC_ERROR_SIZE). 0 means the default.
 */
#ifndef SCALECORE_H
#define SCALECORE_H

#include <stddef.h>
#include <stdint.h>

#define SC_VERSION_MAJOR 0
#define SC_VERSION_MINOR 1
#define SC_VERSION_PATCH 0
#define SC_VERSION "0.1.0"
#define SC_VERSION_NUMBER (SC_VERSION_MAJOR * 10000 + SC_VERSION_MINOR * 100 + SC_VERSION_PATCH)

/* Compile the shared library with SC_BUILD_SHARED, and (Windows only) whoever uses it with
   SC_USE_SHARED. */
#if defined(SC_BUILD_SHARED) && defined(_WIN32)
#define SC_API __declspec(dllexport)
#elif defined(SC_USE_SHARED) && defined(_WIN32)
#define SC_API __declspec(dllimport)
#elif defined(SC_BUILD_SHARED) && defined(__GNUC__)
#define SC_API __attribute__((visibility("default")))
#else
#define SC_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- what a call returns --------------------------------------------------------------------- */

typedef enum sc_call {
    SC_OK = 0,
    /* of sc_evaluate, sc_compute_optimal, sc_optimal_allocation and sc_random: any of the
       following */
    SC_ERROR_ARGUMENT = -1,
    SC_ERROR_NULL = -2,  /* NULL where data or memory is due */
    SC_ERROR_RANGE = -3, /* a count, size or number out of its domain */
    SC_ERROR_ENUM = -4,  /* not a value of this enum */
    /* a struct larger than this version knows, or too small for what must be there */
    SC_ERROR_SIZE = -5,
    SC_ERROR_ALIGNMENT = -6, /* a pointer that is not aligned */
    SC_ERROR_OVERLAP = -7,   /* memory to write overlaps other memory of the call */
    SC_ERROR_SPACE = -8,     /* too little work space */
    SC_ERROR_ORDER = -9,     /* samples that a run cannot read next */
    /* keep_going returned 0: what was written is incomplete unless said otherwise */
    SC_STOPPED = -10,
    SC_ERROR_FILE = -11,  /* not a file of a spectral table, or damaged, or it cannot be read */
    SC_ERROR_MEMORY = -12 /* too little memory for a spectral table */
} sc_call;

/* What became of one budget. */
typedef enum sc_status {
    SC_INTERIOR = 0,       /* the optimum is inside: width > 1 and samples > 1 */
    SC_AT_MIN_WIDTH = 1,   /* best at width 1: the budget is better spent on data alone */
    SC_AT_MIN_SAMPLES = 2, /* best at one sample */
    SC_INFEASIBLE = 3,     /* cannot pay for one unit and one sample: budget < cost * input_dim */
    SC_INVALID = 4         /* an input is out of its domain */
} sc_status;

/* English text of an sc_status, or of a negative sc_call; "unknown status" for anything else.
   Static: never free it. */
SC_API const char *sc_status_string(int status);

/* The version of the library that is running: "0.1.0", and as SC_VERSION_NUMBER. */
SC_API const char *sc_version(void);
SC_API int sc_version_number(void);
/* 1 if a program compiled for SC_VERSION_NUMBER `compiled` may use this library: same major version
 * (while that is 0, the same minor version too), and not newer than the library. Call it as
 * sc_compatible(SC_VERSION_NUMBER), once, before anything else. */
SC_API int sc_compatible(int compiled);
/* The instruction set in use: "baseline" (SSE2 on x86, NEON on 64-bit Arm), "avx2" or "avx512". Last
   digits may differ between them. Static text. */
SC_API const char *sc_instruction_set(void);

/* ---- bounds ---------------------------------------------------------------------------------- */

typedef enum sc_quantity {
    SC_ERROR_BOUND = 0,
    SC_MISSPECIFICATION_BOUND = 1,
    SC_ESTIMATION_BOUND = 2,
    SC_OPTIMAL_RESOLUTION = 3,
    SC_CLOSED_FORM_BOUND = 4,
    SC_OCCUPANCY = 5, /* depends on n and K only; T and d may be NULL */
    SC_QUANTITY_COUNT = 6
} sc_quantity;

/* One point: the same bits as sc_evaluate. No errors but NaN, for an argument out of its domain.
   error: nats per sample, the minimum over the resolution of misspecification + estimation, which
   are its parts there; resolution: the minimiser, in (0, 2]; closed form: nats per sample, without
   a minimisation; occupancy: expected distinct units of n draws. */
SC_API double sc_error_bound(double n, double T, double d, double K);
SC_API double sc_misspecification_bound(double n, double T, double d, double K);
SC_API double sc_estimation_bound(double n, double T, double d, double K);
SC_API double sc_optimal_resolution(double n, double T, double d, double K);
SC_API double sc_closed_form_bound(double n, double T, double d, double K);
SC_API double sc_occupancy(double n, double K);

typedef struct sc_column {
    const double *data;
    ptrdiff_t stride; /* in doubles, of either sign or 0 */
} sc_column;

/* `count` points: out[i * out_stride]. In place is fine (out may be one of the inputs, with the
 * same stride); any other overlap is refused. Returns how many points had an input outside the
 * domain that was not already NaN; SC_ERROR_ARGUMENT for an unknown quantity, a negative count, a
 * NULL in need, a misaligned pointer, an overlap, or strides that lead out of the address space. */
SC_API ptrdiff_t sc_evaluate(sc_quantity quantity, ptrdiff_t count, sc_column n, sc_column T,
                             sc_column d, sc_column K, double *out, ptrdiff_t out_stride);

/* ---- the frontier ---------------------------------------------------------------------------- */

typedef enum sc_bound {
    SC_BOUND_OPTIMAL = 0,    /* minimise sc_error_bound */
    SC_BOUND_CLOSED_FORM = 1 /* minimise sc_closed_form_bound */
} sc_bound;

/* Columns of results, `count` long each; any of them may be NULL. */
typedef struct sc_frontier_out {
    double *width;
    double *samples;
    double *error;
    double *misspecification;
    double *estimation;
    double *elasticity; /* d log(d n*) / d log C of the real-valued optimum */
    int8_t *status;     /* sc_status */
} sc_frontier_out;

/* For each budget C the width n >= 1 that minimises the bound at T = C/(cost d n) >= 1. With
 * `integer` not 0: over whole n with T = floor(C/(cost d n)). Budgets, input_dims, concentrations
 * and costs are broadcast by stride 0. Outside the domain or INFEASIBLE, results are NaN. A result
 * may take an input's place if both have stride 1 (no two results the same place). Returns SC_OK;
 * SC_ERROR_ARGUMENT for an unknown bound, a negative count, a NULL input, a misaligned pointer or
 * an overlap. */
SC_API int sc_compute_optimal(sc_bound bound, int integer, ptrdiff_t count, sc_column budget,
                              sc_column input_dim, sc_column concentration, sc_column cost,
                              const sc_frontier_out *out);

/* The same for one budget, by value. Any of width, samples and error may be NULL. Returns the
 * sc_status; SC_ERROR_ARGUMENT for an unknown bound or pointers that are misaligned or overlap. */
SC_API int sc_optimal_allocation(sc_bound bound, int integer, double budget, double input_dim,
                                 double concentration, double cost, double *width, double *samples,
                                 double *error);

/* ---- spectral bounds ------------------------------------------------------------------------- */

/* What a bound lets a learner do beside a fixed part, any of them together; the two bounds of the
 * package are SC_SPECTRAL_BOUND and SC_REFINED_BOUND. docs/spectral.md derives them, in its
 * sections "Width n with drawn atoms", "Sticks instead of drawn atoms", "Sizes and directions
 * apart", "A trained quadratic form" and "Coefficients under a Gaussian prior". */
typedef enum sc_spectral_strategies {
    SC_WITH_ATOMS = 1,     /* units that are left over draw atoms */
    SC_WITH_STICKS = 2,    /* or hold the first sticks of the process */
    SC_WITH_QUADRATIC = 4, /* or all units are trained into a quadratic form */
    SC_WITH_MIXTURE = 8,   /* coefficients are mixed over a Gaussian prior */
    SC_WITH_POLAR = 16,    /* sticks' sizes and directions are sent apart */
    SC_SPECTRAL_BOUND = 1,
    SC_REFINED_BOUND = 31
} sc_spectral_strategies;

/* What fixed parts of so many units describe, for one input dimension. Opaque, and the caller's:
 * made by one of the next three functions, read by any number of threads at once, and given back to
 * sc_spectral_table_free by the same copy of the library. */
typedef struct sc_spectral_table sc_spectral_table;

/* From rows that follow each other: row r has units[r] units (0, 1, and then more and more, up to
 * 1e15) and describes lengths[r] (0 for row 0, else 1 or more) variances, of which eigenvalues has
 * each, in (1e-100, 1/2] and decreasing in a row, and copies how many coefficients have it.
 * residual[r] >= 0: what they leave of the variance 1/2, to 1e-12. delta[r], in [-2, 2]: the share
 * of a direction's rounding that is seen beside the row. Rows of the lowest bounds are those of
 * `spectral_table` in Python, whose arrays these are. input_dim: a whole number from 1 to 1e15;
 * rows: 2 ... 2^20. Takes time and memory in proportion to rows times 21 octaves more than those of
 * 4/(the smallest eigenvalue), and to the eigenvalues. Returns SC_OK and *table; SC_ERROR_NULL,
 * _ALIGNMENT, _RANGE or _MEMORY. */
SC_API int sc_spectral_table_build(double input_dim, int64_t rows, const double *units,
                                   const int64_t *lengths, const double *eigenvalues,
                                   const double *copies, const double *residual,
                                   const double *delta, sc_spectral_table **table);
/* From a file that `SpectralTable.save` has written, or its bytes. What is in it is checked as rows
 * are, and by a sum. Returns SC_OK and *table; SC_ERROR_NULL, _ALIGNMENT, _FILE or _MEMORY. */
SC_API int sc_spectral_table_load(const char *path, sc_spectral_table **table);
SC_API int sc_spectral_table_read(const void *bytes, size_t count, sc_spectral_table **table);
/* Give a table back; nothing for NULL. */
SC_API void sc_spectral_table_free(sc_spectral_table *table);
/* Its dimension, and the units of its widest row; NaN for NULL. */
SC_API double sc_spectral_table_input_dim(const sc_spectral_table *table);
SC_API double sc_spectral_table_most_units(const sc_spectral_table *table);

/* As sc_evaluate, for the bound with such strategies (flags of sc_spectral_strategies) in the
 * table's dimension: nats per sample. Returns how many points had an input outside the domain that
 * was not already NaN; SC_ERROR_NULL (no table), _ENUM (strategies) or _ARGUMENT (the rest, as
 * there). */
SC_API ptrdiff_t sc_spectral_evaluate(const sc_spectral_table *table, int strategies,
                                      ptrdiff_t count, sc_column n, sc_column T, sc_column K,
                                      double *out, ptrdiff_t out_stride);
/* One point, the same bits; NaN also for no table or unknown strategies. */
SC_API double sc_spectral_bound(const sc_spectral_table *table, int strategies, double n, double T,
                                double K);
/* As sc_compute_optimal, for the bound with such strategies in the table's dimension. Some hundred
 * microseconds a budget. Returns SC_OK; SC_ERROR_NULL (no table), _ENUM or _ARGUMENT. */
SC_API int sc_spectral_compute_optimal(const sc_spectral_table *table, int strategies, int integer,
                                       ptrdiff_t count, sc_column budget, sc_column concentration,
                                       sc_column cost, const sc_frontier_out *out);

/* ---- random streams -------------------------------------------------------------------------- */

/* Random numbers that are a function of their place: Philox4x32-10 keyed by (key, item, purpose).
 * Numbers come in groups of 16; groups first_group, first_group + 1, ... go to out[16 * groups].
 * Key: from the seed; item: the network or repeat; purpose: below 256. A Beta(1, K) stick is
 * -expm1(-E / K) for an exponential E. Returns SC_OK; SC_ERROR_ARGUMENT for an unknown law, a
 * purpose above 255, a negative count, a NULL or a misaligned pointer. */
typedef enum sc_law {
    SC_EXPONENTIAL = 0, /* rate 1 */
    SC_NORMAL = 1,
    SC_SIGN = 2,   /* +1 or -1, fair */
    SC_UNIFORM = 3 /* odd multiples of 2^-53: never 0, never 1 */
} sc_law;
SC_API int sc_random(sc_law law, uint64_t key, uint64_t item, uint32_t purpose,
                     uint64_t first_group, int groups, double *out);

/* ---- the infinite-width network -------------------------------------------------------------- */

#define SC_ALIGNMENT 64           /* bytes, of work space and states */
#define SC_ATOMS 64               /* atoms of a chunk */
#define SC_SAMPLES 64             /* samples come in multiples of it */
#define SC_MOST_WIDTHS 200        /* of one sc_network_experiment */
#define SC_MOST_INPUT_DIM 65536   /* of networks that are drawn or trained */
#define SC_MOST_CONCENTRATION 1e9 /* likewise: time grows in proportion */

/* Called now and then during long work, on the calling thread: after every SC_ATOMS atoms of a
   network, after some 10 ms of training. 0 asks it to stop. Functions without it take time in
   proportion to their count: cut arrays to stop between calls. */
typedef int (*sc_keep_going)(void *state);

typedef enum sc_precision {
    SC_DOUBLE = 0, /* inputs, labels, logits and weights are double */
    SC_SINGLE = 1  /* float */
} sc_precision;

/* The law of the networks: F(x) = sqrt(K+1) sum_j mass_j sign_j max(w_j.x, 0), directions w_j
 * uniform on the sphere, masses by breaking sticks with concentration K. Network number i of a key
 * is always the same one. */
typedef struct sc_network_options {
    size_t size;              /* sizeof(sc_network_options) */
    uint64_t key;             /* of the random streams: from the seed */
    int32_t input_dim;        /* 1 ... SC_MOST_INPUT_DIM */
    int32_t precision;        /* sc_precision */
    double concentration;     /* (0, SC_MOST_CONCENTRATION] */
    double truncation;        /* atoms are drawn until this mass is left: [1e-15, 1); 0: 1e-8 */
    sc_keep_going keep_going; /* or NULL */
    void *state;              /* for keep_going */
} sc_network_options;
#define SC_NETWORK_OPTIONS_INIT {sizeof(sc_network_options), 0, 1, 0, 1.0, 0.0, 0, 0}

/* Atoms 64 chunk ... 64 chunk + 63 of a network, in the order of their sticks: masses[64] (of the
 * whole), weights[64] (sign mass sqrt(K+1)), directions[64][input_dim], rows of unit length.
 * `left`: the mass that the chunks before have left, 1 for chunk 0; *left_after: what this one
 * leaves. Double, whatever the precision; truncation and keep_going are not used. Work space:
 * sc_network_atoms_space(input_dim) bytes, 0 for a wrong input_dim. Returns SC_OK; SC_ERROR_NULL,
 * _RANGE (left outside [0, 1] too), _SIZE, _ENUM, _ALIGNMENT, _OVERLAP or _SPACE. */
SC_API size_t sc_network_atoms_space(int input_dim);
SC_API int sc_network_atoms(const sc_network_options *options, uint64_t network, uint64_t chunk,
                            double left, double *masses, double *weights, double *directions,
                            double *left_after, void *space, size_t space_bytes);

/* out[i] = sum_j weights[j] max(directions[j] . inputs[i], 0): directions [atoms][input_dim],
 * inputs [count][input_dim], in the given precision. Also the logits of any other two-layer ReLU
 * network. Work space: sc_network_logits_space(input_dim) bytes, 0 for a wrong input_dim. NaN and
 * infinity go their way. Returns SC_OK; SC_ERROR_NULL, _RANGE, _ENUM, _ALIGNMENT, _OVERLAP or
 * _SPACE. */
SC_API size_t sc_network_logits_space(int input_dim);
SC_API int sc_network_logits(sc_precision precision, int input_dim, ptrdiff_t atoms,
                             const void *directions, const void *weights, ptrdiff_t count,
                             const void *inputs, void *out, void *space, size_t space_bytes);

/* One network's share of the Monte Carlo: for each width (a whole number in [1, 2^53]; at most
 * SC_MOST_WIDTHS of them) the network is thinned to that many draws and compared with itself on
 * `inputs` (1 ... 2^20) standard normal inputs: kl[w], the mean of d_KL(Bern(sigmoid F) ||
 * Bern(sigmoid F~)) in nats, squared[w], of (F - F~)^2, occupancy[w], the distinct units. Takes
 * time in proportion to K ln(1/truncation) input_dim inputs. Work space in bytes from
 * sc_network_experiment_space (0 for wrong arguments). Returns SC_OK; SC_STOPPED; SC_ERROR_NULL,
 * _RANGE, _ENUM, _SIZE, _ALIGNMENT, _OVERLAP or _SPACE. */
SC_API size_t sc_network_experiment_space(const sc_network_options *options, int width_count,
                                          int inputs);
SC_API int sc_network_experiment(const sc_network_options *options, uint64_t network,
                                 int width_count, const double *widths, int inputs, double *kl,
                                 double *squared, double *occupancy, void *space,
                                 size_t space_bytes);

/* Labelled samples first ... first + count (both multiples of SC_SAMPLES, count at most 2^20) of a
 * network's endless stream: standard normal inputs [count][input_dim] and labels[count], 0 or 1, in
 * the options' precision; probability[count] of a 1; offset[count] such that d_KL(Bern(probability)
 * || Bern(sigmoid f)) = offset - probability f + softplus(f). `fresh` not 0: a second stream, for
 * judging what was trained on the first. Any cut of the stream gives the same bits. Work space:
 * sc_network_samples_space bytes. Returns SC_OK; SC_STOPPED; SC_ERROR_NULL, _RANGE, _ENUM, _SIZE,
 * _ALIGNMENT, _OVERLAP or _SPACE. */
SC_API size_t sc_network_samples_space(const sc_network_options *options, int count);
SC_API int sc_network_samples(const sc_network_options *options, uint64_t network, int fresh,
                              int64_t first, int count, void *inputs, void *labels,
                              double *probability, double *offset, void *space, size_t space_bytes);

/* ---- training -------------------------------------------------------------------------------- */

#define SC_MOST_RUNS 16 /* that read together */
#define SC_MOST_WIDTH_TRAINED 1048576

typedef enum sc_optimizer { SC_SGD = 0, SC_ADAM = 1 } sc_optimizer;

/* Two-layer ReLU networks that read a stream once, batch size 1, logistic loss; sample t has rate
   (1 + t/decay_start)^-decay. */
typedef struct sc_training_options {
    size_t size;              /* sizeof(sc_training_options) */
    int32_t input_dim;        /* 1 ... SC_MOST_INPUT_DIM */
    int32_t precision;        /* sc_precision, of inputs, labels and weights */
    int32_t optimizer;        /* sc_optimizer */
    int32_t examine;          /* not 0: sum up errors, learn nothing */
    double decay;             /* [0, 10]; 0: a constant rate */
    double decay_start;       /* [1e-9, 1e18]; 0: 1 */
    sc_keep_going keep_going; /* or NULL */
    void *state;              /* for keep_going */
} sc_training_options;
#define SC_TRAINING_OPTIONS_INIT {sizeof(sc_training_options), 1, 0, 0, 0, 0.0, 0.0, 0, 0}

/* One network in training. The caller owns it and its state; between calls they are plain bytes
   that may be copied and kept. */
typedef struct sc_run {
    size_t size;          /* sizeof(sc_run) */
    int32_t width;        /* 1 ... SC_MOST_WIDTH_TRAINED */
    int32_t reserved;     /* 0 */
    double learning_rate; /* finite, >= 0 */
    void *state;          /* sc_run_state_size bytes on SC_ALIGNMENT, set by sc_run_begin */
    /* nats; / read: the mean (prequential) error of what it predicted before it learned */
    double error_sum;
    int64_t read;     /* samples read */
    int64_t diverged; /* the first sample whose logit was not finite, or -1 */
} sc_run;

/* Bytes of a run's state, a multiple of SC_ALIGNMENT; 0 for wrong arguments. */
SC_API size_t sc_run_state_size(const sc_training_options *options, int width);
/* Set a run's state from weights [planes][input_dim + 1][width] in the options' precision (one
 * plane for SGD; three for Adam: weights, first and second moments, which begin at 0; the last row
 * of a plane is of the output weights), and error_sum, read and diverged to 0, 0 and -1; size,
 * width, reserved, learning_rate and state are the caller's to set before. Returns SC_OK;
 * SC_ERROR_NULL, _RANGE, _ENUM, _SIZE, _ALIGNMENT, _OVERLAP or _SPACE (state_bytes). */
SC_API int sc_run_begin(const sc_training_options *options, sc_run *run, size_t state_bytes,
                        const void *weights);
/* The weights of a run, as sc_run_begin takes them. SGD learns from samples in pairs: after an odd
 * number of samples the last has not been learned from. The same errors. */
SC_API int sc_run_weights(const sc_training_options *options, const sc_run *run, size_t state_bytes,
                          void *weights);

/* Let `runs` runs (at most SC_MOST_RUNS, all of which have read as much, and are of the same
 * options) read samples first ... first + count. `first` is a multiple of SC_SAMPLES and where the
 * runs are (run->read), or before it by less than count: what they have read is skipped, so that
 * after SC_STOPPED, or a count that was not a multiple of SC_SAMPLES, the same `first` with the
 * whole block continues, with the same bits as one call. inputs, labels, probability and offset as
 * of sc_network_samples, count (1 ... 2^20) of each. Every run's samples advance alike, and runs in
 * one call or in many give the same bits. Work space: sc_train_space(count) bytes. Returns SC_OK;
 * SC_STOPPED, the runs being where they say; SC_ERROR_NULL, _RANGE, _ENUM, _SIZE, _ALIGNMENT,
 * _OVERLAP, _SPACE or _ORDER. */
SC_API size_t sc_train_space(int count);
SC_API int sc_train(const sc_training_options *options, sc_run *runs, int run_count, int64_t first,
                    int count, const void *inputs, const void *labels, const double *probability,
                    const double *offset, void *space, size_t space_bytes);

/* ---- laws fitted to training runs ------------------------------------------------------------ */

/* Laws of the loss of a model with N parameters after D samples, and the order of their values (in
 * the units of the runs). All are positive, but E may be 0. */
typedef enum sc_law_form {
    SC_LAW_ADDITIVE = 0, /* E + A/N^alpha + B/D^beta: E, A, alpha, B, beta */
    SC_LAW_TIED = 1,     /* E + A/N^alpha + B/D^alpha: E, A, B, alpha */
    SC_LAW_COUPLED = 2,  /* E + (A/N^alpha + B/D^beta)^gamma: E, A, alpha, B, beta, gamma */
    /* [(N_c/N)^(alpha_N/alpha_D) + D_c/D]^alpha_D: E (held at 0), N_c, alpha_N, D_c, alpha_D */
    SC_LAW_KAPLAN = 3,
    SC_LAW_KAPLAN_OFFSET = 4, /* E + that */
    SC_LAW_COMPUTE = 5,       /* E + A/N^alpha, N being the compute; no D: E, A, alpha */
    SC_LAW_FORM_COUNT = 6
} sc_law_form;

#define SC_LAW_MOST_VALUES 6

/* How many values a form has; 0 for an unknown one. */
SC_API int sc_law_value_count(sc_law_form form);

/* The losses of a law at `count` points: loss[i] and, if gradient is not NULL, gradient
 * [count][values], the derivatives by each value. N and D: finite and positive, else NaN in their
 * own place; D may be without data for SC_LAW_COMPUTE. Returns how many points had an input outside
 * the domain that was not already NaN; SC_ERROR_NULL, _ENUM, _RANGE (count; values that are not
 * finite and positive), _ALIGNMENT or _OVERLAP. */
SC_API ptrdiff_t sc_law_evaluate(sc_law_form form, const double *values, ptrdiff_t count,
                                 sc_column N, sc_column D, double *loss, double *gradient);

/* What is summed over runs, r being ln L - ln L(N, D). */
typedef enum sc_law_loss {
    SC_LOSS_HUBER = 0,   /* r^2/2 up to delta, delta (|r| - delta/2) beyond */
    SC_LOSS_LOG = 1,     /* r^2/2 */
    SC_LOSS_SQUARED = 2, /* (L - L(N, D))^2/2, in units of the squared geometric mean of losses */
    SC_LOSS_ABSOLUTE = 3 /* |r| */
} sc_law_loss;

/* A table of runs and what to fit to it. */
typedef struct sc_law_options {
    size_t size;       /* sizeof(sc_law_options) */
    int32_t form;      /* sc_law_form */
    int32_t loss;      /* sc_law_loss */
    double delta;      /* of SC_LOSS_HUBER, in units of ln L: finite, positive; 0: 1e-3 */
    ptrdiff_t runs;    /* rows of the table, 0 ... 2^40 */
    sc_column N, D, L; /* finite and positive; D is not read for SC_LAW_COMPUTE */
    sc_column weight;  /* finite and positive, or without data: 1 */
    /* [runs], any numbers: rows of one number are of one run, and are drawn together; NULL: every
       row is a run of its own */
    const int64_t *cluster;
    const double *starts;  /* [start_count][values] to begin at beside those from the table; NULL */
    ptrdiff_t start_count; /* 0 ... 10,000 */
    sc_keep_going keep_going; /* asked before every pass over the runs, or NULL */
    void *state;              /* for keep_going */
} sc_law_options;
#define SC_LAW_OPTIONS_INIT \
    {sizeof(sc_law_options), 0, 0, 0.0, 0, {0, 1}, {0, 1}, {0, 1}, {0, 1}, 0, 0, 0, 0, 0}

/* What became of a fit: look here first. */
typedef enum sc_law_status {
    SC_LAW_CONVERGED = 0,      /* a certified optimum */
    SC_LAW_AT_EDGE = 1,        /* the same, with a value at the edge of its domain: E = 0, say */
    SC_LAW_NOT_IDENTIFIED = 2, /* other values describe the runs as well */
    SC_LAW_TOO_FEW_RUNS = 3,   /* not more runs than values */
    SC_LAW_NOT_CONVERGED = 4   /* no optimum could be certified */
} sc_law_status;

/* Why a status is not SC_LAW_CONVERGED. */
typedef enum sc_law_reason {
    SC_REASON_NONE = 0,
    SC_REASON_FEW_RUNS = 1,
    SC_REASON_ONE_SIZE = 2,    /* all runs have one N (or one compute) */
    SC_REASON_ONE_SAMPLES = 3, /* all runs have one D */
    SC_REASON_ONE_LINE = 4,    /* all runs lie on one line in (ln N, ln D), such as D = 20 N */
    SC_REASON_FEW_POINTS = 5,  /* fewer different (N, D) than values */
    SC_REASON_GRADIENT = 6,    /* the gradient is not zero */
    SC_REASON_CONDITION = 7,   /* the values trade off against each other */
    SC_REASON_EDGE = 8
} sc_law_reason;
/* English text of a reason, with what would help; "unknown reason" for anything else. Static. */
SC_API const char *sc_law_reason_string(int reason);

/* A fitted law and its certificate. */
typedef struct sc_law_result {
    size_t size; /* sizeof(sc_law_result) */
    int32_t status, reason;
    double values[SC_LAW_MOST_VALUES]; /* as sc_law_evaluate takes them; NaN beyond their count */
    double objective;                  /* the sum over runs */
    /* the largest cosine between the runs' pulls and a column of the Jacobian: below 1e-8 where it
       converged */
    double scaled_gradient;
    double condition; /* of the Jacobian with columns of length one */
    int32_t starts;   /* minimisations, each from another start */
    int32_t agreed;   /* those that ended at this objective, to 1e-9; the others ended higher */
    int32_t passes;   /* over the runs, of the best minimisation */
    uint32_t at_edge; /* bit i: values[i] is held by the edge of its domain */
    double centre[3]; /* means of ln N, ln D and ln L over the runs */
    /* the values in centred logarithms, where resamples begin */
    double theta[SC_LAW_MOST_VALUES];
} sc_law_result;
#define SC_LAW_RESULT_INIT {sizeof(sc_law_result), 0, 0, {0}, 0.0, 0.0, 0.0, 0, 0, 0, 0, {0}, {0}}

/* Fit: minimise the weighted sum over runs of a loss, by Newton's steps from starts that the table
 * itself gives (and those of the options); more of them look around where those disagree, or where
 * hardly any run lies within delta. result->size is the caller's to set before. `fit` in Python is
 * the same search, but for logarithms and means, which NumPy rounds otherwise: objectives agree to
 * 1e-9, values to as much as the runs determine them. A value that is too large for a double is
 * infinite. Work space: sc_law_space bytes (0 for wrong arguments), some 250 a run and 100,000.
 * Returns SC_OK, also for a fit without an optimum; SC_STOPPED; SC_ERROR_NULL, _RANGE (a row that
 * is not finite and positive too), _ENUM, _SIZE, _ALIGNMENT, _OVERLAP or _SPACE. */
SC_API size_t sc_law_space(const sc_law_options *options);
SC_API int sc_law_fit(const sc_law_options *options, sc_law_result *result, void *space,
                      size_t space_bytes);

/* How the runs of a resample are made. */
typedef enum sc_law_draws {
    SC_DRAW_AUTO = 0,  /* pairs from 60 runs on, else wild */
    SC_DRAW_PAIRS = 1, /* runs (clusters) with replacement */
    SC_DRAW_WILD = 2,  /* fitted losses and residuals times Webb's weights, one for each cluster */
    SC_DRAW_LEAVE_OUT = 3 /* resample k does without cluster k, in order of their first rows */
} sc_law_draws;

/* Fits of resamples first ... first + count: values [count][values], a row of NaN where a
 * minimisation failed. options and result are those of a fit that is SC_LAW_CONVERGED or _AT_EDGE;
 * every resample begins at its optimum. Resample k is a function of (table, key, k), so any cut
 * gives the same bits; a call with SC_DRAW_WILD does one more fit first. The draws of `fit` in
 * Python are those with key = law.key, first = 0. Work space: the same. Returns SC_OK; SC_STOPPED,
 * values being incomplete; the errors of sc_law_fit, _RANGE also for another result, and for
 * SC_DRAW_LEAVE_OUT beyond the clusters. */
SC_API int sc_law_resample(const sc_law_options *options, const sc_law_result *result,
                           sc_law_draws how, uint64_t key, uint64_t first, ptrdiff_t count,
                           double *values, void *space, size_t space_bytes);

#ifdef __cplusplus
}
#endif

#endif
