"""The C engine as Cython sees it: csrc/engine.h over the public scalecore.h."""

from libc.stdint cimport int8_t


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


cdef extern from "engine.h" nogil:
    ctypedef struct sc_engine:
        const char *name
        Py_ssize_t (*evaluate)(sc_quantity, Py_ssize_t, const sc_column *, double *, Py_ssize_t) noexcept nogil
        void (*compute_optimal)(sc_bound, int, Py_ssize_t, const sc_column *, const sc_frontier_out *) noexcept nogil

    const sc_engine *sc_engine_find(const char *name)
