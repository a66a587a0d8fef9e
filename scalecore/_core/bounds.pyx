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
    SC_OCCUPANCY, SC_OPTIMAL_RESOLUTION, SC_VERSION, sc_column, sc_engine, sc_engine_find,
    sc_quantity,
)
from .element_order cimport BLOCKS_IN_TURN, ONE_BY_ONE, element_order, order_of
from .fenv cimport (
    FE_ALL_EXCEPT, FE_INVALID, fegetexceptflag, feraiseexcept, fesetexceptflag, fexcept_t,
)
from .threads cimport team_size

import os

np.import_array()
np.import_ufunc()

VERSION = SC_VERSION.decode()

cdef enum:
    BLOCK = 2048  # points, 7 us of work
    WORTH_A_THREAD = 32768  # points, 80 us: many times what it costs to wake one

cdef const sc_engine *ENGINE


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


cdef void inner_loop(char **args, const np.npy_intp *dimensions, const np.npy_intp *steps,
                     void *data) noexcept nogil:
    cdef sc_quantity quantity = <sc_quantity><Py_ssize_t>data
    cdef int inputs = 2 if quantity == SC_OCCUPANCY else 4
    cdef Py_ssize_t count = dimensions[0], invalid = 0, i
    # strides are whole numbers of doubles; only views into odd structures are not
    cdef bint whole = True
    cdef sc_column columns[4]
    cdef fexcept_t before
    cdef element_order order = order_of(args, steps, count, inputs)
    cdef int j, slot
    for j in range(4):
        columns[j].data = NULL
        columns[j].stride = 0
    for j in range(inputs):
        slot = 3 if inputs == 2 and j == 1 else j  # occupancy(n, K)
        columns[slot].data = <const double *>args[j]
        columns[slot].stride = steps[j] // <Py_ssize_t>sizeof(double)
        whole = whole and steps[j] % <Py_ssize_t>sizeof(double) == 0
    whole = whole and steps[inputs] % <Py_ssize_t>sizeof(double) == 0
    fegetexceptflag(&before, FE_ALL_EXCEPT)
    if whole and order != ONE_BY_ONE:
        invalid = evaluate(quantity, count, columns, <double *>args[inputs],
                           steps[inputs] // <Py_ssize_t>sizeof(double),
                           1 if order == BLOCKS_IN_TURN else 0)
    else:
        for i in range(count):
            for j in range(inputs):
                slot = 3 if inputs == 2 and j == 1 else j
                columns[slot].data = <const double *>(args[j] + i * steps[j])
            invalid += ENGINE.evaluate(quantity, 1, columns,
                                       <double *>(args[inputs] + i * steps[inputs]), 1)
    fesetexceptflag(&before, FE_ALL_EXCEPT)
    if invalid:
        feraiseexcept(FE_INVALID)


cdef np.PyUFuncGenericFunction LOOPS[1]
LOOPS[0] = <np.PyUFuncGenericFunction>inner_loop
cdef char DOUBLES[5]
DOUBLES[:] = [np.NPY_DOUBLE] * 5
cdef void *QUANTITIES[6]  # NumPy keeps the address of each ufunc's entry

cdef dict _NAMES = {
    "error_bound": SC_ERROR_BOUND,
    "misspecification_bound": SC_MISSPECIFICATION_BOUND,
    "estimation_bound": SC_ESTIMATION_BOUND,
    "optimal_resolution": SC_OPTIMAL_RESOLUTION,
    "closed_form_bound": SC_CLOSED_FORM_BOUND,
    "occupancy": SC_OCCUPANCY,
}
cdef list _KEPT = []  # NumPy keeps pointers to the text, not the text


def make_ufunc(str name, str doc):
    """The ufunc of one quantity, with its documentation."""
    cdef sc_quantity quantity = _NAMES[name]
    cdef bytes name_text = name.encode(), doc_text = doc.encode()
    _KEPT.extend((name_text, doc_text))
    QUANTITIES[<int>quantity] = <void *><Py_ssize_t>quantity
    return np.PyUFunc_FromFuncAndData(
        LOOPS, &QUANTITIES[<int>quantity], DOUBLES, 1, 2 if quantity == SC_OCCUPANCY else 4, 1,
        np.PyUFunc_None, name_text, doc_text, 0,
    )
