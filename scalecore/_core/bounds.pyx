"""NumPy ufuncs over the engine's block kernels.

A ufunc's inner loop hands its strided arguments to the engine as they are, so that broadcasting
costs nothing and no input is copied. Long loops are cut into fixed blocks for OpenMP.
Floating-point flags raised inside are the kernels' own business and are put back; a point outside
the domain raises `invalid`, once, as np.log(-1) does.
"""

cimport numpy as np
from cython.parallel cimport prange

from .engine cimport (
    SC_CLOSED_FORM_BOUND, SC_ERROR_BOUND, SC_ESTIMATION_BOUND, SC_MISSPECIFICATION_BOUND,
    SC_OCCUPANCY, SC_OPTIMAL_RESOLUTION, SC_VERSION, sc_column, sc_engine_find,
    sc_quantity,
)
from .element_order cimport BLOCKS_IN_TURN, ONE_BY_ONE, element_order, order_of
from .fenv cimport (
    FE_ALL_EXCEPT, FE_INVALID, fegetexceptflag, feraiseexcept, fesetexceptflag, fexcept_t,
)
from .threads cimport check_signals, next_chunk, seconds_now, team_size
from .ufuncs cimport PyArrayMethod_Context, ufunc_loop, ufunc_of_doubles

import os

np.import_array()
np.import_ufunc()

VERSION = SC_VERSION.decode()

cdef enum:
    BLOCK = 2048  # points, 7 us of work
    WORTH_A_THREAD = 32768  # points, 80 us: many times what it costs to wake one
    FIRST_CHUNK = 128 * 2048  # points, a millisecond: until the first look at the signals


def _choose_engine():
    global ENGINE
    wanted = os.environ.get("SCALECORE_ISA") or None
    ENGINE = sc_engine_find(NULL) if wanted is None else sc_engine_find(wanted.encode())
    if ENGINE == NULL:
        raise ImportError(f"SCALECORE_ISA={wanted!r}: this processor has no such engine "
                          "(baseline, avx2, avx512)")


_choose_engine()


def instruction_set():
    """The engine in use: 'baseline', 'avx2' or 'avx512'. SCALECORE_ISA in the environment, read at
    import, overrides the choice."""
    return ENGINE.name.decode()


cdef sc_column block_of(sc_column column, Py_ssize_t first) noexcept nogil:
    column.data += first * column.stride
    return column


cdef Py_ssize_t evaluate_block(sc_quantity quantity, Py_ssize_t first, Py_ssize_t count,
                               const sc_column *columns, double *out,
                               Py_ssize_t out_stride) noexcept nogil:
    cdef sc_column block[4]
    cdef int j
    for j in range(4):
        block[j] = block_of(columns[j], first)
    return ENGINE.evaluate(quantity, min(<Py_ssize_t>BLOCK, count - first), block,
                           out + first * out_stride, out_stride)


cdef Py_ssize_t evaluate(sc_quantity quantity, Py_ssize_t count, const sc_column *columns,
                         double *out, Py_ssize_t out_stride, int threads) noexcept nogil:
    """All blocks, in turn on one thread or at once on several; returns the number of points newly
    out of the domain."""
    cdef Py_ssize_t i, blocks = (count + BLOCK - 1) // BLOCK, invalid = 0
    cdef int team = team_size(count // WORTH_A_THREAD, threads)
    if team == 1:
        for i in range(blocks):
            invalid += evaluate_block(quantity, i * BLOCK, count, columns, out, out_stride)
    else:
        for i in prange(blocks, schedule="static", num_threads=team):
            invalid += evaluate_block(quantity, i * BLOCK, count, columns, out, out_stride)
    return invalid


cdef Py_ssize_t one_by_one(sc_quantity quantity, Py_ssize_t first, Py_ssize_t last, char **args,
                           const np.npy_intp *steps, int inputs) noexcept nogil:
    cdef sc_column columns[4]
    cdef Py_ssize_t i, invalid = 0
    cdef int j
    for j in range(4):
        columns[j].data = NULL
        columns[j].stride = 0
    for i in range(first, last):
        for j in range(inputs):
            columns[slot_of(j, inputs)].data = <const double *>(args[j] + i * steps[j])
        invalid += ENGINE.evaluate(quantity, 1, columns,
                                   <double *>(args[inputs] + i * steps[inputs]), 1)
    return invalid


cdef int slot_of(int argument, int inputs) noexcept nogil:
    return 3 if inputs == 2 and argument == 1 else argument  # occupancy(n, K)


cdef Py_ssize_t points(sc_quantity quantity, Py_ssize_t first, Py_ssize_t last, char **args,
                       const np.npy_intp *steps, int inputs, element_order order) noexcept nogil:
    """Some of a loop's points, in an order that overlap allows."""
    cdef sc_column columns[4]
    # strides are whole numbers of doubles; only views into odd structures are not
    cdef bint whole = True
    cdef int j, slot
    for j in range(inputs + 1):
        whole = whole and steps[j] % <Py_ssize_t>sizeof(double) == 0
    if not whole or order == ONE_BY_ONE:
        return one_by_one(quantity, first, last, args, steps, inputs)
    for j in range(4):
        columns[j].data = NULL
        columns[j].stride = 0
    for j in range(inputs):
        slot = slot_of(j, inputs)
        columns[slot].data = <const double *>(args[j] + first * steps[j])
        columns[slot].stride = steps[j] // <Py_ssize_t>sizeof(double)
    return evaluate(quantity, last - first, columns,
                    <double *>(args[inputs] + first * steps[inputs]),
                    steps[inputs] // <Py_ssize_t>sizeof(double),
                    1 if order == BLOCKS_IN_TURN else 0)


cdef int inner_loop(sc_quantity quantity, char **args, Py_ssize_t count,
                    const np.npy_intp *steps) except -1:
    cdef int inputs = 2 if quantity == SC_OCCUPANCY else 4
    cdef Py_ssize_t done = 0, chunk = FIRST_CHUNK, invalid = 0, last
    cdef element_order order = order_of(args, steps, count, inputs)
    cdef double started
    cdef fexcept_t before
    fegetexceptflag(&before, FE_ALL_EXCEPT)
    if count < BLOCK:  # sooner done than the GIL is let go
        invalid = points(quantity, 0, count, args, steps, inputs, order)
        done = count
        check_signals()  # a call with `where`, or of a short axis, comes here very often
    while done < count:
        started, last = seconds_now(), min(count, done + chunk)
        with nogil:
            invalid += points(quantity, done, last, args, steps, inputs, order)
        check_signals()
        done = last
        chunk = next_chunk(chunk, seconds_now() - started, FIRST_CHUNK)
    fesetexceptflag(&before, FE_ALL_EXCEPT)
    if invalid:
        feraiseexcept(FE_INVALID)
    return 0


cdef int error_bound_loop(PyArrayMethod_Context *_context, char **args, np.npy_intp *dimensions,
                          np.npy_intp *steps, void *_data) except -1:
    return inner_loop(SC_ERROR_BOUND, args, dimensions[0], steps)


cdef int misspecification_bound_loop(PyArrayMethod_Context *_context, char **args,
                                     np.npy_intp *dimensions, np.npy_intp *steps,
                                     void *_data) except -1:
    return inner_loop(SC_MISSPECIFICATION_BOUND, args, dimensions[0], steps)


cdef int estimation_bound_loop(PyArrayMethod_Context *_context, char **args,
                               np.npy_intp *dimensions, np.npy_intp *steps, void *_data) except -1:
    return inner_loop(SC_ESTIMATION_BOUND, args, dimensions[0], steps)


cdef int optimal_resolution_loop(PyArrayMethod_Context *_context, char **args,
                                 np.npy_intp *dimensions, np.npy_intp *steps,
                                 void *_data) except -1:
    return inner_loop(SC_OPTIMAL_RESOLUTION, args, dimensions[0], steps)


cdef int closed_form_bound_loop(PyArrayMethod_Context *_context, char **args,
                                np.npy_intp *dimensions, np.npy_intp *steps, void *_data) except -1:
    return inner_loop(SC_CLOSED_FORM_BOUND, args, dimensions[0], steps)


cdef int occupancy_loop(PyArrayMethod_Context *_context, char **args, np.npy_intp *dimensions,
                        np.npy_intp *steps, void *_data) except -1:
    return inner_loop(SC_OCCUPANCY, args, dimensions[0], steps)


cdef struct named_loop:
    const char *name
    int inputs
    ufunc_loop loop

cdef named_loop LOOPS[6]
LOOPS[0] = named_loop(b"error_bound", 4, error_bound_loop)
LOOPS[1] = named_loop(b"misspecification_bound", 4, misspecification_bound_loop)
LOOPS[2] = named_loop(b"estimation_bound", 4, estimation_bound_loop)
LOOPS[3] = named_loop(b"optimal_resolution", 4, optimal_resolution_loop)
LOOPS[4] = named_loop(b"closed_form_bound", 4, closed_form_bound_loop)
LOOPS[5] = named_loop(b"occupancy", 2, occupancy_loop)


def make_ufunc(str name, str doc):
    """The ufunc of one quantity, with its documentation."""
    cdef int i
    for i in range(6):
        if LOOPS[i].name == name.encode():
            return ufunc_of_doubles(name, doc, LOOPS[i].inputs, LOOPS[i].loop)
    raise KeyError(name)
