# cython: language_level=3, boundscheck=False, wraparound=False
# distutils: language=c
"""A width that grows while data comes in: which growth rate ends with the least average error? All
without the GIL."""

from libc.math cimport fmax
from scalecore.c_api cimport error_bound, optimal_allocation


cdef double average_error(double growth, double[::1] samples, double input_dim,
                          double concentration) noexcept nogil:
    cdef double total = 0.0
    cdef Py_ssize_t i
    for i in range(samples.shape[0]):
        total += error_bound(fmax(1.0, growth * samples[i]), samples[i], input_dim, concentration)
    return total / samples.shape[0]


def search(double[::1] growth, double[::1] samples, double input_dim, double concentration,
           double[::1] out):
    """out[i]: the average over `samples` of the bound at width growth[i] * samples."""
    cdef Py_ssize_t i
    with nogil:
        for i in range(growth.shape[0]):
            out[i] = average_error(growth[i], samples, input_dim, concentration)


def best(double budget, double input_dim, double concentration):
    """Width, samples, error and status of one budget."""
    cdef double width, samples, error
    cdef int status = optimal_allocation(False, False, budget, input_dim, concentration, 1.0,
                                         &width, &samples, &error)
    return width, samples, error, status


def bounds(double[::1] n, double T, double d, double K, double[::1] out):
    """One bound per width, one scalar call each."""
    cdef Py_ssize_t i
    with nogil:
        for i in range(n.shape[0]):
            out[i] = error_bound(n[i], T, d, K)
