"""The spectrum, what directions describe of it, well-spread directions, and the bound for unlimited width."""

cimport numpy as np
from cython.parallel cimport prange
from libc.math cimport NAN

from .engine cimport (
    sc_bayes_error_bound, sc_degree, sc_engine, sc_engine_find, sc_even_kernels, sc_is_input_dim, sc_nearly_whole,
    sc_orthonormalise, sc_spectrum,
    sc_sphere, sc_sphere_open,
)
from .checks cimport agree
from .element_order cimport ANY_ORDER, order_of
from .fenv cimport FE_ALL_EXCEPT, FE_INVALID, fegetexceptflag, feraiseexcept, fesetexceptflag, fexcept_t
from .threads cimport keep_going, raise_pending, start_watch, team_size, watch

import numpy as np

from .bounds import instruction_set

np.import_array()
np.import_ufunc()

cdef const sc_engine *ENGINE = sc_engine_find(instruction_set().encode())
cdef double LARGEST = 1e300


def spectrum(double d, int count):
    """Log eigenvalue, log multiplicity, mass and tail of the first even degrees, as an array (count, 4)."""
    agree(sc_is_input_dim(d) and count >= 1, f"no spectrum of {count} degrees in dimension {d:g}")
    out = np.empty((count, 4))
    cdef double[:, ::1] values = out
    with nogil:
        sc_spectrum(d, count, <sc_degree *>&values[0, 0])
    return out


def even_kernels(double d, const double[:, ::1] cosines):
    """Gram, covariance and slope matrix of the even parts of units whose directions have these cosines: a symmetric matrix."""
    cdef Py_ssize_t count = cosines.shape[0], i
    agree(cosines.shape[1] == count and sc_is_input_dim(d), "cosines must be a square matrix, of a whole dimension")
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
                sc_even_kernels(d, count - i, &cosines[i, i], &gram[i, i], &covariance[i, i], &slopes[i, i])
    raise_pending(&look)
    for matrix in matrices:
        matrix += np.triu(matrix, 1).T
    return matrices


def repulsion(const double[:, ::1] directions, Py_ssize_t count, double[:, ::1] pull, int n_threads=0):
    """Energies of the first `count` columns of directions [coordinate, padded]; the pull on each goes into a row of `pull`."""
    cdef Py_ssize_t stride = directions.shape[1], i
    cdef int d = <int>directions.shape[0], team
    energies = np.empty(count)
    cdef double[::1] energy = energies
    agree(d >= 1 and stride % 64 == 0 and 0 <= count <= stride and pull.shape[0] >= count and pull.shape[1] == d,
          "directions must be padded to a multiple of 64 columns")
    team = team_size(count * stride * (d + 5) // 2000000, n_threads)  # parts of a millisecond
    spaces = np.empty((count if team > 1 else 1, 8 * d))
    cdef double[:, ::1] work = spaces
    cdef watch look
    start_watch(&look)
    with nogil:
        if team == 1:
            for i in range(count):
                if not keep_going(&look):
                    break
                energy[i] = ENGINE.repulsion(&directions[0, 0], stride, d, i, &pull[i, 0], &work[0, 0])
        else:
            for i in prange(count, schedule="dynamic", chunksize=8, num_threads=team):
                if keep_going(&look):
                    energy[i] = ENGINE.repulsion(&directions[0, 0], stride, d, i, &pull[i, 0], &work[i, 0])
    raise_pending(&look)
    return energies


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


# ---- unlimited width -------------------------------------------------------------------------------------------------------------

cdef enum:
    BLOCK = 256
    WORTH_A_THREAD = 8192


cdef Py_ssize_t bayes_block(Py_ssize_t first, Py_ssize_t last, char **args, const np.npy_intp *steps) noexcept nogil:
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


cdef void bayes_loop(char **args, const np.npy_intp *dimensions, const np.npy_intp *steps, void *data) noexcept nogil:
    cdef Py_ssize_t count = dimensions[0], blocks = (count + BLOCK - 1) // BLOCK, i, invalid = 0
    cdef int team = team_size(count // WORTH_A_THREAD, 0) if order_of(args, steps, count, 2) == ANY_ORDER else 1
    cdef fexcept_t before
    fegetexceptflag(&before, FE_ALL_EXCEPT)
    if team == 1:  # point by point
        invalid = bayes_block(0, count, args, steps)
    else:
        for i in prange(blocks, schedule="static", num_threads=team):
            invalid += bayes_block(i * BLOCK, min(count, (i + 1) * BLOCK), args, steps)
    fesetexceptflag(&before, FE_ALL_EXCEPT)
    if invalid:
        feraiseexcept(FE_INVALID)


cdef np.PyUFuncGenericFunction BAYES[1]
BAYES[0] = <np.PyUFuncGenericFunction>bayes_loop
cdef char DOUBLES[3]
DOUBLES[:] = [np.NPY_DOUBLE] * 3
cdef void *NOTHING[1]
NOTHING[0] = NULL
cdef list _KEPT = []  # NumPy keeps pointers to the text, not the text


def make_bayes_error_bound(str doc):
    """The ufunc `bayes_error_bound` (T, d), with its documentation."""
    cdef bytes name_text = b"bayes_error_bound", doc_text = doc.encode()
    _KEPT.extend((name_text, doc_text))
    return np.PyUFunc_FromFuncAndData(BAYES, NOTHING, DOUBLES, 1, 2, 1, np.PyUFunc_None, name_text, doc_text, 0)
