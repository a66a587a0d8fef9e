"""The loop over budgets, which serves every bound."""

from libc.stdint cimport int8_t

from .engine cimport sc_objective


ctypedef struct pace:  # how budgets are shared out; no result depends on it
    Py_ssize_t block  # of one call of the engine, on one thread
    Py_ssize_t chunk  # between the first two looks at the signals; later ones follow the clock
    Py_ssize_t part  # that is worth a thread


cdef int solve(const sc_objective *objective, bint integer, pace at, int n_threads,
               const double[:] budget, const double[:] input_dim, const double[:] concentration,
               const double[:] cost, double[::1] width, double[::1] samples, double[::1] error,
               double[::1] misspecification, double[::1] estimation, double[::1] elasticity,
               int8_t[::1] status) except -1
