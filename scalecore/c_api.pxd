"""Functions for other Cython modules: `from scalecore.c_api cimport error_bound`. Nothing to
include, nothing to link.

Domains, units and errors: scalecore.h (see `scalecore.get_include`). All are safe without the GIL,
on any number of threads.
"""

cdef double error_bound(double n, double T, double d, double K) noexcept nogil
cdef double misspecification_bound(double n, double T, double d, double K) noexcept nogil
cdef double estimation_bound(double n, double T, double d, double K) noexcept nogil
cdef double optimal_resolution(double n, double T, double d, double K) noexcept nogil
cdef double closed_form_bound(double n, double T, double d, double K) noexcept nogil
cdef double occupancy(double n, double K) noexcept nogil

# The best allocation of a budget; the sc_status. Any pointer may be NULL.
cdef int optimal_allocation(bint closed_form, bint integer, double budget, double input_dim,
                            double concentration, double cost,
                            double *width, double *samples, double *error) noexcept nogil

# The same over a vector of arguments, as scipy.LowLevelCallable takes it: x = (n, T, d, K), or (n,
# K); NaN for any other count.
cdef double error_bound_of(int count, double *x) noexcept nogil
cdef double misspecification_bound_of(int count, double *x) noexcept nogil
cdef double estimation_bound_of(int count, double *x) noexcept nogil
cdef double optimal_resolution_of(int count, double *x) noexcept nogil
cdef double closed_form_bound_of(int count, double *x) noexcept nogil
cdef double occupancy_of(int count, double *x) noexcept nogil
