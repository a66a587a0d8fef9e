"""The spectrum, what directions describe of it, well-spread directions, and the bounds for
unlimited width."""

cimport numpy as np
from cpython.pyport cimport PY_SSIZE_T_MAX
from cython.parallel cimport prange
from libc.math cimport NAN
from libc.stdlib cimport free, malloc

from .bounds cimport ENGINE
from .engine cimport (
    SC_MOST_BITS, SC_NO_MEMORY, SC_STOPPED, sc_bayes_error_bound, sc_degree, sc_descent_space,
    sc_even_kernels, sc_is_input_dim, sc_lower_bound, sc_nearly_whole,
    sc_orbits, sc_orthonormalise, sc_padded, sc_projection_space, sc_set_size,
    sc_slope_of_lost, sc_spectrum, sc_sphere, sc_sphere_open,
)
from .checks cimport agree
from .element_order cimport ANY_ORDER, order_of
from .engine cimport exact_sum as c_exact_sum
from .fenv cimport (
    FE_ALL_EXCEPT, FE_INVALID, fegetexceptflag, feraiseexcept, fesetexceptflag, fexcept_t,
)
from .threads cimport (
    check_signals, keep_going, next_chunk, raise_pending, seconds_now, start_watch, team_size,
    watch,
)
from .ufuncs cimport PyArrayMethod_Context, ufunc_of_doubles

import numpy as np

np.import_array()
np.import_ufunc()

cdef double LARGEST = 1e300


def spectrum(double d, int count):
    """Log eigenvalue, log multiplicity, mass and tail of the first even degrees, as an array
    (count, 4)."""
    agree(sc_is_input_dim(d) and count >= 1, f"no spectrum of {count} degrees in dimension {d:g}")
    out = np.empty((count, 4))
    cdef double[:, ::1] values = out
    with nogil:
        sc_spectrum(d, count, <sc_degree *>&values[0, 0])
    return out


def slope_of_lost(double d, double least, double lost):
    """Return at most how much the mean of sum_l lambda_l P_l'(1) tr P Pi_l falls when directions,
    none of less variance than `least`, are dropped by chance that describe `lost` in the mean."""
    agree(sc_is_input_dim(d) and d > 1 and least > 0, "no directions to drop")
    return sc_slope_of_lost(d, least, lost)


def even_kernels(double d, const double[:, ::1] cosines, int lowest=0):
    """Gram, covariance and slope matrix of the even parts of units whose directions have these
    cosines: a symmetric matrix. Of the covariance the degrees from `lowest` on, which is even."""
    cdef Py_ssize_t count = cosines.shape[0], i
    agree(cosines.shape[1] == count and sc_is_input_dim(d),
          "cosines must be a square matrix, of a whole dimension")
    matrices = tuple(np.zeros((count, count)) for _ in range(3))
    cdef double[:, ::1] gram = matrices[0]
    cdef double[:, ::1] covariance = matrices[1]
    cdef double[:, ::1] slopes = matrices[2]
    cdef int team = team_size(count * count // 16384, 0)
    cdef watch look
    start_watch(&look)
    with nogil:
        for i in prange(count, schedule="dynamic", num_threads=team):
            if keep_going(&look):
                sc_even_kernels(d, lowest, count - i, &cosines[i, i], &gram[i, i],
                                &covariance[i, i], &slopes[i, i])
    raise_pending(&look)
    for matrix in matrices:
        matrix += np.triu(matrix, 1).T
    return matrices


cdef struct orbit_set:
    sc_orbits shape
    double *directions
    int steps


cdef class OrbitSet:
    """Directions to be spread: representatives (count, d), sign columns of their group, and whether
    unit vectors belong.

    The C struct's pointers are valid for as long as this object lives.
    """

    cdef orbit_set data
    cdef readonly object directions  # [coordinate][padded], changed in place
    cdef object columns

    def __init__(self, start, int bits, columns, bint axes, int steps):
        count, d = start.shape
        agree(0 <= bits <= SC_MOST_BITS and count >= 1 and d >= 1 and len(columns) == d
              and min(columns) >= 0 and max(columns) >> bits == 0,
              "columns must be d numbers of at most so many bits")
        agree(d >= 2 or steps == 0, "on a line there is nothing to spread")
        self.directions = np.zeros((d, sc_padded(count)))
        self.directions[:, :count] = start.T
        self.columns = np.ascontiguousarray(columns, np.intc)
        cdef double[:, ::1] numbers = self.directions
        cdef int[::1] column = self.columns
        self.data.shape.d, self.data.shape.bits = d, bits
        self.data.shape.axes, self.data.shape.orbits = axes, count
        self.data.shape.column = &column[0]
        self.data.directions = &numbers[0, 0]
        self.data.steps = steps

    def representatives(self):
        """The directions as they are now: (count, d)."""
        return np.ascontiguousarray(self.directions[:, : self.data.shape.orbits].T)


cdef void describe(orbit_set *which, watch *state, bint project, double *values, double *slope,
                   Py_ssize_t *count) noexcept nogil:
    cdef size_t size = sc_descent_space(&which.shape)
    cdef void *space
    if project:
        size = max(size, sc_projection_space(&which.shape))
    space = malloc(size)
    count[0] = SC_NO_MEMORY
    if space != NULL:
        count[0] = SC_STOPPED
        if ENGINE.descend(&which.shape, which.directions, which.steps, space, keep_going, state):
            count[0] = 0
            if project:
                count[0] = ENGINE.project(&which.shape, which.directions, space, keep_going, state,
                                          values, slope)
        free(space)


def exact_sum(numbers):
    """Return `math.fsum` of an array, as the descent has it."""
    cdef double[::1] copy = np.array(numbers, float).ravel()
    return c_exact_sum(&copy[0], copy.shape[0]) if copy.shape[0] else 0.0


def spread(OrbitSet directions):
    """Spread a set in place, on this thread. The same bits on every machine."""
    cdef watch state
    cdef Py_ssize_t count
    start_watch(&state)
    with nogil:
        describe(&directions.data, &state, False, NULL, NULL, &count)
    raise_pending(&state)
    if count == SC_NO_MEMORY:
        raise MemoryError


def fixed_parts(list sets, int n_threads=0):
    """Spread sets and tell what the covariance, projected on the even functions along each, has.

    For each set the eigenvalues, decreasing, and the sum of lambda_l P_l'(1) tr P Pi_l; None where
    rounding forbids. No sum of the largest eigenvalues, nor the other, is above the exact one. Each
    set is one thread's work from its start to its end, the largest first: nobody waits at barriers
    that a busy machine makes long.
    """
    cdef Py_ssize_t count = len(sets), i, j
    cdef watch state
    cdef orbit_set **which = <orbit_set **>malloc(count * sizeof(orbit_set *))
    cdef double **values = <double **>malloc(count * sizeof(double *))
    cdef int team = team_size(count, n_threads)
    slopes, sizes = np.zeros(count), np.zeros(count, np.intp)
    cdef double[::1] slope = slopes
    cdef Py_ssize_t[::1] size = sizes
    cdef double[::1] column
    arrays = [np.empty(sc_set_size(&(<OrbitSet>one).data.shape)) for one in sets]
    try:
        if which == NULL or values == NULL:
            raise MemoryError
        for i in range(count):
            column = arrays[i]
            which[i], values[i] = &(<OrbitSet>sets[i]).data, &column[0]
        start_watch(&state)
        with nogil:
            for j in prange(count, schedule="dynamic", chunksize=1, num_threads=team):
                describe(which[count - 1 - j], &state, True, values[count - 1 - j],
                         &slope[count - 1 - j], &size[count - 1 - j])
    finally:
        free(which)
        free(values)
    raise_pending(&state)
    if SC_NO_MEMORY in sizes:
        raise MemoryError
    return [None if n < 0 else (np.sort(array[:n])[::-1], float(s))
            for array, n, s in zip(arrays, sizes, slopes, strict=True)]


def orthonormalise(double[:, ::1] vectors):
    """Gram and Schmidt's orthonormal rows, in place; at most as many as columns."""
    agree(vectors.shape[0] <= vectors.shape[1], "more vectors than dimensions")
    if vectors.shape[0] == 0:
        return
    cdef int row, rows = <int>vectors.shape[0], d = <int>vectors.shape[1]
    cdef watch look
    start_watch(&look)
    with nogil:
        for row in range(rows):
            if keep_going(&look):
                sc_orthonormalise(&vectors[0, 0], row, row + 1, d)
    raise_pending(&look)


# ---- unlimited width -----------------------------------------------------------------------------

ctypedef Py_ssize_t (*points_function)(Py_ssize_t first, Py_ssize_t last, char **args,
                                       const np.npy_intp *steps) noexcept nogil


cdef struct bound_loop:
    points_function compute  # returns how many points are newly out of the domain
    int inputs
    Py_ssize_t block  # points that one thread computes in a row
    Py_ssize_t worth_a_thread
    Py_ssize_t quick  # fewer are sooner done than the GIL is let go
    Py_ssize_t first_chunk  # points until the first look at the signals
    Py_ssize_t largest_chunk  # and between two looks, even if those before took no time


cdef Py_ssize_t bayes_points(Py_ssize_t first, Py_ssize_t last, char **args,
                             const np.npy_intp *steps) noexcept nogil:
    cdef Py_ssize_t i, invalid = 0
    cdef double T, d, value
    cdef sc_sphere sphere
    sphere.d = NAN
    for i in range(first, last):
        T = (<double *>(args[0] + i * steps[0]))[0]
        d = sc_nearly_whole((<double *>(args[1] + i * steps[1]))[0])
        if 1 <= T <= LARGEST and sc_is_input_dim(d):
            if sphere.d != d:
                sc_sphere_open(&sphere, d)
            value = sc_bayes_error_bound(&sphere, T)
        else:
            value = NAN
            invalid += T == T and d == d
        (<double *>(args[2] + i * steps[2]))[0] = value
    return invalid


cdef Py_ssize_t lower_points(Py_ssize_t first, Py_ssize_t last, char **args,
                             const np.npy_intp *steps) noexcept nogil:
    cdef Py_ssize_t i, invalid = 0
    cdef double T, d, K, value
    cdef sc_lower_bound bound
    bound.d = bound.K = NAN
    for i in range(first, last):
        T = (<double *>(args[0] + i * steps[0]))[0]
        d = sc_nearly_whole((<double *>(args[1] + i * steps[1]))[0])
        K = (<double *>(args[2] + i * steps[2]))[0]
        if 1 <= T <= LARGEST and sc_is_input_dim(d) and 0 < K <= LARGEST:
            if bound.d != d or bound.K != K:
                ENGINE.lower_bound_open(&bound, d, K)
            value = ENGINE.bayes_error_lower_bound(&bound, T)
        else:
            value = NAN
            invalid += T == T and d == d and K == K
        (<double *>(args[3] + i * steps[3]))[0] = value
    return invalid


cdef bound_loop BAYES = bound_loop(bayes_points, 2, 256, 8192, 256, 16 * 8192, PY_SSIZE_T_MAX)
# 0.1 to 0.5 ms for every new d or K, 0.5 us for every other T: points may become a thousand times
# as slow as those before
cdef bound_loop LOWER = bound_loop(lower_points, 3, 128, 256, 8, 256, 512)


cdef Py_ssize_t in_blocks(const bound_loop *bound, Py_ssize_t first, Py_ssize_t last, int team,
                          char **args, const np.npy_intp *steps) noexcept nogil:
    cdef Py_ssize_t size = bound.block, blocks = (last - first + size - 1) // size, i, invalid = 0
    if team == 1:  # point by point
        return bound.compute(first, last, args, steps)
    for i in prange(blocks, schedule="static", num_threads=team):
        invalid += bound.compute(first + i * size, min(last, first + (i + 1) * size), args, steps)
    return invalid


cdef int inner_loop(const bound_loop *bound, char **args, Py_ssize_t count,
                    const np.npy_intp *steps) except -1:
    cdef Py_ssize_t done = 0, chunk = bound.first_chunk, invalid = 0, last
    cdef bint parallel = order_of(args, steps, count, bound.inputs) == ANY_ORDER
    cdef double started
    cdef int team
    cdef fexcept_t before
    fegetexceptflag(&before, FE_ALL_EXCEPT)
    while done < count:
        started, last = seconds_now(), min(count, done + chunk)
        team = team_size((last - done) // bound.worth_a_thread, 0) if parallel else 1
        if last - done < bound.quick:
            invalid += bound.compute(done, last, args, steps)
        else:
            with nogil:
                invalid += in_blocks(bound, done, last, team, args, steps)
        check_signals()
        done = last
        chunk = next_chunk(chunk, seconds_now() - started, bound.block)
        chunk = min(chunk, bound.largest_chunk)
    fesetexceptflag(&before, FE_ALL_EXCEPT)
    if invalid:
        feraiseexcept(FE_INVALID)
    return 0


cdef int bayes_loop(PyArrayMethod_Context *_context, char **args, np.npy_intp *dimensions,
                    np.npy_intp *steps, void *_data) except -1:
    return inner_loop(&BAYES, args, dimensions[0], steps)


cdef int lower_loop(PyArrayMethod_Context *_context, char **args, np.npy_intp *dimensions,
                    np.npy_intp *steps, void *_data) except -1:
    return inner_loop(&LOWER, args, dimensions[0], steps)


def make_bayes_error_bound(str doc):
    """The ufunc `bayes_error_bound` (T, d), with its documentation."""
    return ufunc_of_doubles("bayes_error_bound", doc, 2, bayes_loop)


def make_bayes_error_lower_bound(str doc):
    """The ufunc `bayes_error_lower_bound` (T, d, K), with its documentation."""
    return ufunc_of_doubles("bayes_error_lower_bound", doc, 3, lower_loop)
