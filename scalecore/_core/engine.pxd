"""The C engine as Cython sees it: csrc/engine/engine.h over the public scalecore.h."""

from libc.stdint cimport int8_t, int32_t, int64_t, uint32_t, uint64_t


cdef extern from "scalecore.h" nogil:
    const char *SC_VERSION

    ctypedef enum sc_quantity:
        SC_ERROR_BOUND
        SC_MISSPECIFICATION_BOUND
        SC_ESTIMATION_BOUND
        SC_OPTIMAL_RESOLUTION
        SC_CLOSED_FORM_BOUND
        SC_OCCUPANCY

    ctypedef enum sc_bound:
        SC_BOUND_OPTIMAL
        SC_BOUND_CLOSED_FORM

    ctypedef enum sc_status:
        SC_INTERIOR
        SC_AT_MIN_WIDTH
        SC_AT_MIN_SAMPLES
        SC_INFEASIBLE
        SC_INVALID

    ctypedef struct sc_column:
        const double *data
        Py_ssize_t stride

    ctypedef struct sc_frontier_out:
        double *width
        double *samples
        double *error
        double *misspecification
        double *estimation
        double *elasticity
        int8_t *status


cdef extern from "special/philox.h" nogil:
    const int SC_FOR_TRUTHS
    const int SC_FOR_TRUTH_INPUTS
    const int SC_FOR_RESAMPLES


cdef extern from "posterior/posterior.h" nogil:
    const int SC_STICK_MULTIPLE
    const int SC_INPUT_MULTIPLE

    ctypedef struct sc_posterior:
        uint64_t key
        uint64_t item
        uint64_t place
        int input_dim
        double concentration
        double truncation
        int sticks
        Py_ssize_t samples
        int inputs
        int states
        int prior_states
        int prior_chains
        int annealing
        int pilot
        int accept_all
        double step
        double turn
        double flips

    ctypedef struct sc_posterior_result:
        double lower
        double upper
        double acceptance
        double flip_acceptance
        double moved
        double effective
        double prior_effective
        double second_moment
        double step


cdef extern from "spectral/spectrum.h" nogil:
    ctypedef struct sc_degree:
        double log_eigenvalue
        double log_multiplicity
        double mass
        double tail

    ctypedef struct sc_sphere:
        double d

    int sc_is_input_dim(double)
    double sc_nearly_whole(double)
    void sc_spectrum(double, int, sc_degree *)
    void sc_sphere_open(sc_sphere *, double)
    double sc_slope_of_lost(double, double, double)
    double sc_bayes_error_bound(const sc_sphere *, double)
    void sc_even_kernels(double, int, Py_ssize_t, const double *, double *, double *, double *)


cdef extern from "spectral/lower_bound.h" nogil:
    ctypedef struct sc_lower_bound:
        double d
        double K


cdef extern from "spectral/spectral.h" nogil:
    ctypedef struct sc_strategies:
        double d
        Py_ssize_t rows
        const double *units
        const double *log_units
        const double *residual
        const double *log_residual
        const Py_ssize_t *first
        const double *eigenvalue
        const double *multiplicity
        const double *copies
        const double *logarithms
        const double *rest
        const double *floors[2]
        Py_ssize_t ranges
        Py_ssize_t atom_rows
        const Py_ssize_t *atom_row
        const double *log_rounding
        const double *last_stick
        const double *log_delta
        const double *last_polar
        const double *polar_rise
        double even[2]
        double copies_2
        double beyond
        double beyond_orthogonal

    const int SC_WITH_ATOMS
    const int SC_WITH_STICKS
    const int SC_WITH_QUADRATIC
    const int SC_WITH_MIXTURE
    const int SC_WITH_POLAR
    const int SC_SPECTRAL_BOUND
    const int SC_REFINED_BOUND

    ctypedef struct sc_spectral_terms:
        double error
        double coefficients
        double distortion
        double residual
        double list
        double resolution_loss
        double units
        double atoms
        double resolution
        double strategy

    ctypedef struct sc_spectral_optimum:
        sc_spectral_terms terms
        double width
        double samples
        double elasticity


cdef extern from "fitting/fitting.h" nogil:
    const int SC_FIT_MOST_PARAMETERS
    const int SC_FIT_MOST_LANES
    const int SC_FIT_PACKED

    ctypedef enum sc_form:
        SC_FORM_ADDITIVE
        SC_FORM_TIED
        SC_FORM_COUPLED
        SC_FORM_KAPLAN
        SC_FORM_COMPUTE
        SC_FORM_FOREIGN

    ctypedef enum sc_residual:
        SC_RESIDUAL_OF_LOG
        SC_RESIDUAL_OF_LOSS

    ctypedef struct sc_fit_sums:
        double objective[8]
        double gradient[12][8]
        double hessian[78][8]
        double squared_columns[12][8]
        double squared_pull[8]
        double weight[8]

    ctypedef struct sc_fit_runs:
        Py_ssize_t count
        sc_form form
        sc_residual residual
        int parameters
        const double *n
        const double *m
        const double *y


cdef extern from "engine/engine.h" nogil:
    const int SC_MOST_WIDTHS
    const int SC_MOST_INPUT_DIM
    const double SC_MOST_CONCENTRATION
    const int SC_MOST_WIDTH_TRAINED

    ctypedef struct sc_experiment:
        uint64_t key
        int input_dim
        double concentration
        double truncation
        int inputs
        int width_count
        const double *widths

    ctypedef int (*sc_keep_going)(void *) noexcept nogil

    ctypedef enum sc_optimizer:
        SC_SGD
        SC_ADAM

    const int SC_ADF

    ctypedef enum sc_mode:
        SC_LEARN
        SC_EVALUATE
        SC_COMPLETE

    ctypedef struct sc_sample_block:
        int input_dim
        int single
        sc_optimizer optimizer
        int64_t first
        int count
        const void *inputs
        const void *labels
        const double *probability
        const double *offset
        const double *rate
        const double *first_moment
        const double *second_moment
        int checkpoint_count
        const int64_t *checkpoints

    const int SC_SAMPLE_MULTIPLE
    const int SC_LEARNER_BATCH

    ctypedef struct sc_features:
        int raw
        const double *directions
        const double *basis

    ctypedef struct sc_learner:
        int width
        double rate
        void *state
        double *sum
        double *record
        int64_t *read
        int64_t *diverged
        const sc_features *features

    const double SC_LOG_ZERO
    const int SC_MOST_COUNTED
    const int SC_MOST_WIDTH
    const int SC_ACCOUNT_STATES

    ctypedef struct sc_finite:
        Py_ssize_t stride
        int inputs
        int labels
        const double *theta
        const double *log_theta

    ctypedef struct sc_recursion:
        sc_finite model
        const double *prior
        const double *negentropy
        Py_ssize_t states
        const Py_ssize_t *first
        const int32_t *source
        const int32_t *cell
        const double *weight
        Py_ssize_t width

    ctypedef struct sc_account:
        double cells
        double inputs
        double states
        double gap
        Py_ssize_t impossible

    ctypedef struct sc_orbits:
        int d
        int bits
        int axes
        Py_ssize_t orbits
        const int *column

    ctypedef struct sc_engine:
        const char *name
        Py_ssize_t (*evaluate)(sc_quantity, Py_ssize_t, const sc_column *, double *,
                               Py_ssize_t) noexcept nogil
        void (*compute_optimal)(sc_bound, int, Py_ssize_t, const sc_column *,
                                const sc_frontier_out *) noexcept nogil
        void (*experiment)(const sc_experiment *, int, uint64_t, void *, sc_keep_going, void *,
                           double *, double *, double *) noexcept nogil
        int (*fit_lanes)() noexcept nogil
        void (*fit_values)(const sc_fit_runs *, const double *theta, double *value,
                           double *gradient) noexcept nogil
        size_t (*experiment_space)(const sc_experiment *, int) noexcept nogil
        double (*atoms)(const sc_experiment *, uint64_t, uint64_t, double, double *, double *,
                        double *) noexcept nogil
        void (*logits64)(const double *, const double *, Py_ssize_t, int, int, const double *,
                         Py_ssize_t, double *, void *) noexcept nogil
        void (*logits32)(const float *, const float *, Py_ssize_t, int, int, const float *,
                         Py_ssize_t, float *, void *) noexcept nogil
        size_t (*logits_space)(int) noexcept nogil
        int (*samples)(const sc_experiment *, int, uint64_t, int, uint64_t, void *, sc_keep_going,
                       void *, void *, void *, double *, double *) noexcept nogil
        size_t (*samples_space)(int, int) noexcept nogil
        void (*schedule)(int64_t, int, double, double, double *, double *, double *) noexcept nogil
        void (*train)(const sc_sample_block *, sc_mode, const sc_learner *, int, void *,
                      sc_keep_going, void *) noexcept nogil
        size_t (*train_space)() noexcept nogil
        size_t (*learner_size)(int, sc_optimizer, int, int) noexcept nogil
        void (*learner_copy)(int, sc_optimizer, int, int, void *, void *, int) noexcept nogil
        void (*sweeps)(float *, long, long) noexcept nogil
        void (*philox)(const uint32_t *, uint64_t, uint32_t *) noexcept nogil
        void (*numbers)(int, uint64_t, uint64_t, uint32_t, uint64_t, int, double *) noexcept nogil
        double (*binomial)(uint64_t, uint64_t, double, double) noexcept nogil
        double (*poisson)(uint64_t, uint64_t, const double *, int, double *) noexcept nogil
        void (*draws)(const sc_experiment *, uint64_t, double *, double *) noexcept nogil
        void (*recur)(const sc_recursion *, Py_ssize_t, Py_ssize_t, Py_ssize_t, const double *,
                      const double *, double *, double *, double *, double *) noexcept nogil
        void (*account)(const sc_recursion *, Py_ssize_t, Py_ssize_t, const double *,
                        const double *, void *, sc_account *) noexcept nogil
        double (*enumerate)(const sc_finite *, const double *, const double *, const double *, int,
                            uint64_t, Py_ssize_t, void *) noexcept nogil
        size_t (*enumerate_space)(const sc_finite *) noexcept nogil
        void (*replicate)(const sc_finite *, const double *, const double *, const double *,
                          const double *, uint64_t, uint64_t, Py_ssize_t, void *, sc_keep_going,
                          void *, double *) noexcept nogil
        size_t (*replicate_space)(const sc_finite *) noexcept nogil
        void (*spectral_points)(const sc_strategies *, int, Py_ssize_t, const double *,
                                const double *, const double *, sc_spectral_terms *) noexcept nogil
        void (*spectral_optimal)(const sc_strategies *, int, int, double, double,
                                 sc_spectral_optimum *) noexcept nogil
        void (*lower_bound_open)(sc_lower_bound *, double, double) noexcept nogil
        double (*bayes_error_lower_bound)(sc_lower_bound *, double) noexcept nogil
        double (*spectral_price)(const sc_strategies *, int, Py_ssize_t, double) noexcept nogil
        int (*descend)(const sc_orbits *, double *, int, void *, sc_keep_going,
                       void *) noexcept nogil
        Py_ssize_t (*project)(const sc_orbits *, const double *, void *, sc_keep_going, void *,
                              double *, double *) noexcept nogil
        double (*multiply_adds)(long, int, double *) noexcept nogil
        int (*posterior_chains)(const sc_posterior *, void *, sc_keep_going, void *, double *,
                                sc_posterior_result *) noexcept nogil
        size_t (*posterior_space)(const sc_posterior *) noexcept nogil
        void (*posterior_gradient)(const sc_posterior *, int, int, void *, double *, double *,
                                   float *, float *, double *, double *,
                                   double *) noexcept nogil

    const int SC_ATOMS
    void sc_orthonormalise(double *, int, int, int)
    size_t sc_descent_space(const sc_orbits *) noexcept nogil
    size_t sc_projection_space(const sc_orbits *) noexcept nogil
    const int SC_MOST_BITS
    const int SC_NO_MEMORY
    const int SC_STOPPED
    Py_ssize_t sc_padded(Py_ssize_t) noexcept nogil
    Py_ssize_t sc_set_size(const sc_orbits *) noexcept nogil
    const sc_engine *sc_engine_find(const char *name)


cdef extern from "spectral/arrays.h" nogil:
    ctypedef struct sc_table_entry:
        double input_dim
        const sc_strategies *table

    ctypedef struct sc_tables:
        const sc_table_entry *entries
        Py_ssize_t count

    ctypedef struct sc_objective:
        sc_bound bound
        const sc_tables *tables
        int strategies "with"

    const sc_strategies *sc_table_of(const sc_tables *, double)
    int sc_is_spectral_point(double n, double T, double K)
    Py_ssize_t sc_spectral_array(const sc_engine *, const sc_tables *, int, Py_ssize_t, Py_ssize_t,
                                 char **, const Py_ssize_t *, size_t)
    void sc_frontier(const sc_engine *, const sc_objective *, int, Py_ssize_t, const sc_column *,
                     const sc_frontier_out *)


cdef extern from "spectral/table.h" nogil:
    ctypedef struct sc_table_rows:
        double input_dim
        int64_t rows
        const double *units
        const int64_t *lengths
        const double *eigenvalues
        const double *copies
        const double *residual
        const double *delta

    ctypedef struct sc_spectral_table:
        sc_strategies strategies

    int SC_ERROR_MEMORY
    int sc_table_from_rows(const sc_engine *, const sc_table_rows *, sc_spectral_table **)


cdef extern from "fitting/settings.h" nogil:
    const double SC_LOWEST_TERM, SC_HIGHEST_TERM, SC_STEEPEST
    const double SC_LEAST_COUPLING, SC_MOST_COUPLING, SC_MOST_OFFSET
    const double SC_FIT_GOAL, SC_FIT_ALMOST_ABSOLUTE, SC_FIT_AGREES, SC_FIT_ROUNDED
    const double SC_FIT_STATIONARY, SC_FIT_DEGENERATE, SC_FIT_FLAT
    const double SC_FIT_SHARP_ENOUGH, SC_FIT_NEAR, SC_FIT_FAILED
    const double SC_FIT_LEAST_LEFT, SC_FIT_UNSEEN, SC_FIT_INVERSE_WEBB
    const int SC_FIT_MOST_PASSES, SC_FIT_KINKED, SC_FIT_MOST_ROUNDS, SC_FIT_ENOUGH_CLUSTERS
    enum:
        SC_FIT_FIRST_DELTA_COUNT
    const double sc_fit_first_deltas[SC_FIT_FIRST_DELTA_COUNT]

cdef extern from "fitting/solver.h" nogil:
    ctypedef enum sc_resampling:
        SC_RESAMPLE_NOT
        SC_RESAMPLE_PAIRS
        SC_RESAMPLE_WILD
        SC_RESAMPLE_LEAVE_OUT

    ctypedef int (*sc_fit_evaluate)(void *state, const double *theta, int lanes, Py_ssize_t first,
                                    Py_ssize_t count, double *value,
                                    double *gradient) noexcept nogil

    ctypedef struct sc_fit_problem:
        sc_fit_runs runs
        double delta
        double first_delta
        const double *first_deltas
        double goal
        int most_passes
        const double *weight
        const double *low
        const double *high
        sc_resampling resampling
        Py_ssize_t clusters
        const Py_ssize_t *cluster
        const double *fitted
        const double *residual
        uint64_t key
        sc_fit_evaluate evaluate
        void *state

    ctypedef struct sc_fit_results:
        double *theta
        double *objective
        double *scaled_gradient
        int32_t *passes

    size_t sc_fit_space(const sc_engine *, const sc_fit_problem *)
    int sc_fit_jobs(const sc_engine *, const sc_fit_problem *, uint64_t first, Py_ssize_t count,
                    const double *starts, int one_start, const sc_fit_results *, void *space,
                    int (*)(void *) noexcept nogil, void *)
    int sc_fit_look(const sc_engine *, const sc_fit_problem *, const double *theta, sc_fit_sums *,
                    void *space)
    void sc_fit_resample(const sc_engine *, const sc_fit_problem *, uint64_t job, double *weights,
                         double *targets, Py_ssize_t stride)


cdef extern from "fitting/starts.h" nogil:
    enum:
        SC_FIT_STARTS
        SC_FIT_MORE_STARTS
    int sc_fit_starts(const sc_fit_runs *, double *starts)
    void sc_fit_around(const sc_engine *, int parameters, const double *low, const double *high,
                       const double *theta, uint64_t seed, double *starts)

cdef extern from "spectral/exact.h":
    double exact_sum(double *, Py_ssize_t) noexcept nogil
