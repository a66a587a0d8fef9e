"""What NumPy promises of a ufunc's loop, and threads and blocks must keep: elements are computed
one after the other.

NumPy copies no operand whose memory such a loop reads before it writes there, and `reduce` and
`accumulate` hand each result on as the next element's argument.
"""

cimport numpy as np


cdef enum element_order:
    ANY_ORDER  # no element writes where another reads: in blocks, on several threads
    # elements only write where those before them have read: in blocks, on one thread
    BLOCKS_IN_TURN
    ONE_BY_ONE  # an element may read what one before it wrote


cdef inline element_order order_of(char **args, const np.npy_intp *steps, Py_ssize_t count,
                                   int inputs) noexcept nogil:
    """The order that `count` elements with so many inputs and one output need."""
    cdef element_order order = ANY_ORDER
    cdef int j
    if count <= 1:
        return ANY_ORDER
    if -8 < steps[inputs] < 8:
        return ONE_BY_ONE  # results on top of each other, of which the last shall stay
    for j in range(inputs):
        order = max(order, order_beside(args[j], steps[j], args[inputs], steps[inputs], count))
    return order


cdef inline element_order order_beside(const char *source, Py_ssize_t source_step, const char *out,
                                       Py_ssize_t step, Py_ssize_t count) noexcept nogil:
    """The same for one input."""
    cdef Py_ssize_t ahead = source - out, last = (count - 1) * source_step
    cdef Py_ssize_t out_last = (count - 1) * step
    cdef Py_ssize_t stride = step if step > 0 else -step, between
    if ahead + max(last, 0) + 8 <= min(out_last, 0) or ahead + min(last, 0) >= max(out_last, 0) + 8:
        return ANY_ORDER  # disjoint
    if source_step == step:
        between = (ahead % stride + stride) % stride
        if ahead == 0 or 8 <= between <= stride - 8:
            return ANY_ORDER  # the same elements, or other columns of the same rows
    if (source_step >= step > 0 and ahead >= 0) or (source_step <= step < 0 and ahead <= 0):
        return BLOCKS_IN_TURN
    return ONE_BY_ONE
