"""Fits in parallel: starts and resamples of one table, cut into chunks that threads take."""

from cython.parallel cimport prange, threadid
from libc.stdint cimport int32_t, uint64_t

from .bounds cimport ENGINE
from .engine cimport (
    SC_FIT_AGREES, SC_FIT_ALMOST_ABSOLUTE, SC_FIT_DEGENERATE, SC_FIT_ENOUGH_CLUSTERS,
    SC_FIT_FAILED, SC_FIT_FIRST_DELTA_COUNT, SC_FIT_FLAT, SC_FIT_GOAL, SC_FIT_INVERSE_WEBB,
    SC_FIT_KINKED, SC_FIT_LEAST_LEFT, SC_FIT_MORE_STARTS, SC_FIT_MOST_PARAMETERS,
    SC_FIT_MOST_PASSES, SC_FIT_MOST_ROUNDS, SC_FIT_NEAR, SC_FIT_ROUNDED, SC_FIT_SHARP_ENOUGH,
    SC_FIT_STARTS, SC_FIT_STATIONARY, SC_FIT_UNSEEN, SC_FORM_ADDITIVE, SC_FORM_COMPUTE,
    SC_FORM_COUPLED, SC_FORM_FOREIGN, SC_FORM_KAPLAN, SC_FORM_TIED, SC_HIGHEST_TERM,
    SC_LEAST_COUPLING, SC_LOWEST_TERM, SC_MOST_COUPLING, SC_MOST_OFFSET, SC_RESAMPLE_LEAVE_OUT,
    SC_RESAMPLE_NOT, SC_RESAMPLE_PAIRS, SC_RESAMPLE_WILD, SC_RESIDUAL_OF_LOG, SC_RESIDUAL_OF_LOSS,
    SC_STEEPEST, sc_fit_around, sc_fit_first_deltas, sc_fit_jobs,
    sc_fit_look, sc_fit_problem, sc_fit_resample, sc_fit_results, sc_fit_runs, sc_fit_space,
    sc_fit_starts, sc_fit_sums, sc_form, sc_resampling,
)
from .checks cimport agree
from .memory cimport LINE, Memory
from .threads cimport keep_going, raise_pending, start_watch, team_size, watch

import numpy as np

FORM_CODES = {
    "additive": SC_FORM_ADDITIVE,
    "tied": SC_FORM_TIED,
    "coupled": SC_FORM_COUPLED,
    "kaplan": SC_FORM_KAPLAN,
    "compute": SC_FORM_COMPUTE,
}
PARAMETERS = {
    SC_FORM_ADDITIVE: 5, SC_FORM_TIED: 4, SC_FORM_COUPLED: 6, SC_FORM_KAPLAN: 5, SC_FORM_COMPUTE: 3
}
FOREIGN = SC_FORM_FOREIGN
MOST_PARAMETERS = SC_FIT_MOST_PARAMETERS
RESAMPLINGS = {"none": SC_RESAMPLE_NOT, "pairs": SC_RESAMPLE_PAIRS, "wild": SC_RESAMPLE_WILD,
               "leave_out": SC_RESAMPLE_LEAVE_OUT}

# what decides a fit (fitting/settings.h), which the functions of scalecore.h read as well
STATIONARY = SC_FIT_STATIONARY
AGREES = SC_FIT_AGREES
ROUNDED = SC_FIT_ROUNDED
DEGENERATE = SC_FIT_DEGENERATE
FLAT = SC_FIT_FLAT
ALMOST_ABSOLUTE = SC_FIT_ALMOST_ABSOLUTE
SHARP_ENOUGH = SC_FIT_SHARP_ENOUGH
NEAR = SC_FIT_NEAR
FAILED = SC_FIT_FAILED
LEAST_LEFT = SC_FIT_LEAST_LEFT
UNSEEN = SC_FIT_UNSEEN
INVERSE_WEBB = SC_FIT_INVERSE_WEBB
KINKED = SC_FIT_KINKED
MOST_ROUNDS = SC_FIT_MOST_ROUNDS
ENOUGH_CLUSTERS = SC_FIT_ENOUGH_CLUSTERS
LOWEST_TERM = SC_LOWEST_TERM
HIGHEST_TERM = SC_HIGHEST_TERM
STEEPEST = SC_STEEPEST
LEAST_COUPLING = SC_LEAST_COUPLING
MOST_COUPLING = SC_MOST_COUPLING
MOST_OFFSET = SC_MOST_OFFSET
FIRST_DELTAS = np.array([sc_fit_first_deltas[i] for i in range(SC_FIT_FIRST_DELTA_COUNT)])
FIRST_DELTAS.flags.writeable = False

cdef enum:
    # jobs of one call of the engine: enough that lanes which wait for the last few do not matter
    CHUNK = 128
    PAYS = 400000  # runs looked at, some 100 us, before another thread pays


cdef int ask(void *state, const double *theta, int lanes, Py_ssize_t count, Py_ssize_t first,
             double *value, double *gradient) noexcept:
    problem = <Problem>state
    cdef Py_ssize_t parameters = problem.problem.runs.parameters
    try:
        given = np.asarray(<double[:parameters, :lanes]><double *>theta)
        values, gradients = problem.function(given, first, first + count)
        np.asarray(<double[:count, :lanes]>value)[...] = values
        np.asarray(<double[:count, :parameters, :lanes]>gradient)[...] = gradients
    except BaseException as error:
        problem.error = error
        return 1
    return 0


cdef int call_back(void *state, const double *theta, int lanes, Py_ssize_t first, Py_ssize_t count,
                   double *value, double *gradient) noexcept nogil:
    """An `sc_fit_evaluate`: values and gradients of a form written in Python. Stops the fit where
    it raised."""
    with gil:
        return ask(state, theta, lanes, count, first, value, gradient)


cdef int agree_on_runs(int form, Py_ssize_t count, const double[::1] n, const double[::1] m,
                       Py_ssize_t parameters) except -1:
    """Refuse columns of different lengths and parameters that are not the form's."""
    agree((n is None or n.shape[0] == count) and (m is None or m.shape[0] == count),
          "columns must have one number for each run")
    agree(form == SC_FORM_FOREIGN or PARAMETERS.get(form) == parameters,
          "theta must have the form's parameters")
    return 0


cdef class Problem:
    """A table of runs in centred logarithms, a form and a loss: what is minimised.

    `function(theta, first, stop)`, theta [parameter, lane], returns values [run, lane] and
    gradients [run, parameter, lane] of a form that is not the engine's.
    """

    cdef sc_fit_problem problem
    cdef object function, error
    cdef tuple kept_alive, resampled

    def __init__(self, int form, const double[::1] n, const double[::1] m, const double[::1] y, *,
                 bint of_loss, double delta, const double[::1] low, const double[::1] high,
                 const double[::1] weight=None, const Py_ssize_t[::1] cluster=None,
                 Py_ssize_t clusters=0, function=None, double goal=SC_FIT_GOAL,
                 int most_passes=SC_FIT_MOST_PASSES):
        cdef sc_fit_problem *p = &self.problem
        agree_on_runs(form, y.shape[0], n, m, low.shape[0])
        agree(y.shape[0] >= 1 and 1 <= low.shape[0] == high.shape[0] <= SC_FIT_MOST_PARAMETERS,
              "there must be runs, and both ends for each parameter")
        agree(weight is None or weight.shape[0] == y.shape[0], "weights must be one for each run")
        agree(cluster is None or (cluster.shape[0] == y.shape[0] and np.min(cluster) >= 0
                                  and np.max(cluster) < clusters),
              "clusters must be one for each run, from 0")
        agree((form == SC_FORM_FOREIGN) == (function is not None),
              "a form of Python's needs its function, and no other does")
        self.kept_alive = (n, m, y, low, high, weight, cluster)
        self.function = function
        p.runs.count, p.runs.form, p.runs.parameters = y.shape[0], <sc_form>form, <int>low.shape[0]
        p.runs.residual = SC_RESIDUAL_OF_LOSS if of_loss else SC_RESIDUAL_OF_LOG
        p.runs.n = &n[0] if n is not None else &y[0]
        p.runs.m = &m[0] if m is not None else p.runs.n
        p.runs.y = &y[0]
        p.low, p.high = &low[0], &high[0]
        p.weight = &weight[0] if weight is not None else NULL
        p.cluster = &cluster[0] if cluster is not None else NULL
        p.clusters = clusters if cluster is not None else y.shape[0]
        p.delta, p.goal, p.most_passes = delta, goal, most_passes
        p.evaluate = call_back
        p.state = <void *>self

    @property
    def parameters(self):
        return self.problem.runs.parameters

    def minimise(self, const double[:, ::1] starts, *, first_delta=1.0, int n_threads=0):
        """Minimise from each start: theta [start, parameter], objective, scaled gradient, passes.

        `first_delta`, one number or one a start, is the Huber's delta with which each begins.
        """
        cdef const double[::1] deltas
        self.problem.resampling = SC_RESAMPLE_NOT
        deltas = np.array(np.broadcast_to(first_delta, (max(1, starts.shape[0]),)), np.float64)
        self.problem.first_deltas = &deltas[0]
        return self.run(starts, False, 0, starts.shape[0], n_threads)

    def resample(self, const double[::1] start, Py_ssize_t first, Py_ssize_t count, *, str how,
                 uint64_t key, const double[::1] fitted=None, const double[::1] residual=None,
                 double first_delta=1.0, int n_threads=0):
        """The same for resamples first ... first + count, all from one start."""
        self.describe(how, key, fitted, residual)
        self.problem.first_delta, self.problem.first_deltas = first_delta, NULL
        return self.run(np.asarray(start)[None], True, first, count, n_threads)

    cdef void describe(self, str how, uint64_t key, const double[::1] fitted,
                       const double[::1] residual):
        self.problem.resampling = <sc_resampling><int>RESAMPLINGS[how]
        self.problem.key = key
        agree((fitted is None) == (residual is None) and (fitted is not None or how != "wild"),
              "wild resamples need what was fitted and the residuals")
        self.resampled = (fitted, residual)
        if fitted is not None:
            agree(fitted.shape[0] == residual.shape[0] == self.problem.runs.count,
                  "residuals must be one for each run")
            self.problem.fitted, self.problem.residual = &fitted[0], &residual[0]

    cdef object run(self, const double[:, ::1] starts, bint one_start, uint64_t first,
                    Py_ssize_t count, int n_threads):
        cdef sc_fit_problem *p = &self.problem
        cdef int parameters = p.runs.parameters, team, stopped = 0
        cdef Py_ssize_t chunks = (count + CHUNK - 1) // CHUNK, i
        cdef size_t each = (sc_fit_space(ENGINE, p) + 127) // 64 * 64
        cdef sc_fit_results out
        cdef watch look
        agree(starts.shape[1] == parameters and count >= 0,
              "starts must have the form's parameters")
        theta, objective = np.empty((count, parameters)), np.empty(count)
        gradient, passes = np.empty(count), np.empty(count, np.int32)
        if count == 0:
            return theta, objective, gradient, passes
        cdef double[:, ::1] theta_view = theta
        cdef double[::1] objective_view = objective, gradient_view = gradient
        cdef int32_t[::1] passes_view = passes
        out.theta, out.objective = &theta_view[0, 0], &objective_view[0]
        out.scaled_gradient, out.passes = &gradient_view[0], &passes_view[0]
        team = 1 if p.runs.form == SC_FORM_FOREIGN else team_size(
            min(chunks, 1 + p.runs.count * count * 20 // PAYS), n_threads)
        cdef Memory memory = Memory(each * team, LINE)
        cdef char *space = memory.data
        self.error = None
        start_watch(&look)
        with nogil:
            if team == 1:
                for i in range(chunks):
                    stopped = stopped or chunk(p, starts, one_start, first, i, count, &out,
                                               space, &look)
            else:
                for i in prange(chunks, schedule="dynamic", num_threads=team):
                    stopped |= chunk(p, starts, one_start, first, i, count, &out,
                                     space + each * threadid(), &look)
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        raise_pending(&look)
        return theta, objective, gradient, passes

    def look(self, const double[::1] theta):
        """Objective, gradient, Hessian, Gauss-Newton columns' squares, squares of the pulls and
        total weight at theta."""
        cdef sc_fit_sums sums
        cdef int n = self.problem.runs.parameters, i, j
        agree(theta.shape[0] == n, "theta must have the form's parameters")
        self.problem.resampling = SC_RESAMPLE_NOT
        cdef Memory memory = Memory(sc_fit_space(ENGINE, &self.problem), LINE)
        self.error = None
        sc_fit_look(ENGINE, &self.problem, &theta[0], &sums, memory.data)
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        hessian = np.empty((n, n))
        for i in range(n):
            for j in range(i + 1):
                hessian[i, j] = hessian[j, i] = sums.hessian[i * (i + 1) // 2 + j][0]
        return (sums.objective[0], np.array([sums.gradient[i][0] for i in range(n)]), hessian,
                np.array([sums.squared_columns[i][0] for i in range(n)]), sums.squared_pull[0],
                sums.weight[0])

    def drawn(self, uint64_t job, *, str how, uint64_t key, const double[::1] fitted=None,
              const double[::1] residual=None):
        """Weights and targets [run] of one resample, for tests."""
        cdef Py_ssize_t count = self.problem.runs.count
        cdef double[::1] weights = np.empty(count), targets = np.empty(count)
        self.describe(how, key, fitted, residual)
        sc_fit_resample(ENGINE, &self.problem, job, &weights[0], &targets[0], 1)
        return np.asarray(weights), np.asarray(targets)


cdef int chunk(const sc_fit_problem *p, const double[:, ::1] starts, bint one_start, uint64_t first,
               Py_ssize_t i, Py_ssize_t count, const sc_fit_results *out, char *space,
               watch *look) noexcept nogil:
    cdef Py_ssize_t begin = i * CHUNK, size = min(<Py_ssize_t>CHUNK, count - begin)
    cdef sc_fit_problem own = p[0]
    cdef sc_fit_results part
    if own.first_deltas != NULL:
        own.first_deltas += begin
    part.theta = out.theta + begin * p.runs.parameters
    part.objective, part.passes = out.objective + begin, out.passes + begin
    part.scaled_gradient = out.scaled_gradient + begin
    return sc_fit_jobs(ENGINE, &own, first + begin, size, &starts[0 if one_start else begin, 0],
                       one_start, &part, space, keep_going, look)


def values(int form, const double[::1] n, const double[::1] m, const double[::1] theta,
           bint gradient=False):
    """Values [point] of a law of the engine's, and gradients [parameter, point] where they are
    wanted."""
    cdef sc_fit_runs runs
    out = np.empty(n.shape[0])
    slopes = np.empty((theta.shape[0], n.shape[0])) if gradient else None
    cdef double[::1] out_view = out
    cdef double[:, ::1] slopes_view
    agree_on_runs(form, n.shape[0], n, m, theta.shape[0])
    agree(form != SC_FORM_FOREIGN, "the engine has no such form")
    if n.shape[0] == 0:
        return out, slopes
    runs.count, runs.form, runs.parameters = n.shape[0], <sc_form>form, <int>theta.shape[0]
    runs.n, runs.m, runs.y = &n[0], &m[0] if m is not None else &n[0], NULL
    if gradient:
        slopes_view = slopes
        ENGINE.fit_values(&runs, &theta[0], &out_view[0], &slopes_view[0, 0])
    else:
        ENGINE.fit_values(&runs, &theta[0], &out_view[0], NULL)
    return out, slopes


def starts(int form, const double[::1] y, const double[::1] n, const double[::1] m=None):
    """Starts [start, parameter] of a form of the engine's, from the runs alone, best first."""
    cdef sc_fit_runs runs
    parameters = PARAMETERS.get(form, 0)
    agree(parameters > 0 and y.shape[0] >= 1,
          "starts are those of the engine's forms, from at least one run")
    agree_on_runs(form, y.shape[0], n, m, parameters)
    cdef double[:, ::1] out = np.empty((SC_FIT_STARTS, parameters))
    runs.count, runs.form, runs.parameters = y.shape[0], <sc_form>form, parameters
    runs.residual = SC_RESIDUAL_OF_LOG
    runs.n, runs.m, runs.y = &n[0], &m[0] if m is not None else &n[0], &y[0]
    return np.asarray(out)[:sc_fit_starts(&runs, &out[0, 0])]


def around(const double[::1] theta, const double[::1] low, const double[::1] high, uint64_t seed):
    """Starts [start, parameter] inside the box: a third near theta, a third farther away, a third
    anywhere."""
    if not 0 < theta.shape[0] <= SC_FIT_MOST_PARAMETERS:
        raise ValueError(f"theta must have 1 to {SC_FIT_MOST_PARAMETERS} parameters, "
                         f"got {theta.shape[0]}")
    agree(low.shape[0] == theta.shape[0] == high.shape[0],
          "there must be both ends for each parameter")
    cdef double[:, ::1] out = np.empty((SC_FIT_MORE_STARTS, theta.shape[0]))
    sc_fit_around(ENGINE, <int>theta.shape[0], &low[0], &high[0], &theta[0], seed, &out[0, 0])
    return np.asarray(out)
