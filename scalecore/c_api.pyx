"""The C functions of scalecore.h for compiled code in Python's world: through `cimport`, capsules
and addresses.

`cimport` from this module gives scalar functions without a header or a library. Their capsules are
in ``__pyx_capi__`` (for `scipy.LowLevelCallable.from_cython`: the functions whose names end in
``_of``). `address` gives the address of any function of scalecore.h, for Numba, cffi and ctypes.
All compute on the same engine as the Python functions, to the same bits.
"""

from libc.math cimport NAN

from ._core.engine cimport SC_BOUND_CLOSED_FORM, SC_BOUND_OPTIMAL, sc_engine, sc_engine_find

from ._core.bounds import instruction_set


cdef extern from "engine/engine.h" nogil:
    void sc_engine_use(const sc_engine *)

cdef extern from "scalecore.h" nogil:
    double sc_error_bound(double, double, double, double)
    double sc_misspecification_bound(double, double, double, double)
    double sc_estimation_bound(double, double, double, double)
    double sc_optimal_resolution(double, double, double, double)
    double sc_closed_form_bound(double, double, double, double)
    double sc_occupancy(double, double)
    int sc_optimal_allocation(int, int, double, double, double, double, double *, double *,
                              double *)
    void sc_evaluate()
    void sc_compute_optimal()
    void sc_spectral_table_build()
    void sc_spectral_table_load()
    void sc_spectral_table_read()
    void sc_spectral_table_free()
    void sc_spectral_table_input_dim()
    void sc_spectral_table_most_units()
    void sc_spectral_evaluate()
    void sc_spectral_bound()
    void sc_spectral_compute_optimal()
    void sc_random()
    void sc_network_atoms_space()
    void sc_network_atoms()
    void sc_network_logits_space()
    void sc_network_logits()
    void sc_network_experiment_space()
    void sc_network_experiment()
    void sc_network_samples_space()
    void sc_network_samples()
    void sc_run_state_size()
    void sc_run_begin()
    void sc_run_weights()
    void sc_train_space()
    void sc_train()
    void sc_law_value_count()
    void sc_law_evaluate()
    void sc_law_reason_string()
    void sc_law_space()
    void sc_law_fit()
    void sc_law_resample()
    void sc_status_string()
    void sc_version()
    void sc_version_number()
    void sc_compatible()
    void sc_instruction_set()

# what SCALECORE_ISA chose for the Python functions
sc_engine_use(sc_engine_find(instruction_set().encode()))

cdef double error_bound(double n, double T, double d, double K) noexcept nogil:
    return sc_error_bound(n, T, d, K)

cdef double misspecification_bound(double n, double T, double d, double K) noexcept nogil:
    return sc_misspecification_bound(n, T, d, K)

cdef double estimation_bound(double n, double T, double d, double K) noexcept nogil:
    return sc_estimation_bound(n, T, d, K)

cdef double optimal_resolution(double n, double T, double d, double K) noexcept nogil:
    return sc_optimal_resolution(n, T, d, K)

cdef double closed_form_bound(double n, double T, double d, double K) noexcept nogil:
    return sc_closed_form_bound(n, T, d, K)

cdef double occupancy(double n, double K) noexcept nogil:
    return sc_occupancy(n, K)

cdef int optimal_allocation(bint closed_form, bint integer, double budget, double input_dim,
                            double concentration, double cost, double *width, double *samples,
                            double *error) noexcept nogil:
    cdef int bound = SC_BOUND_CLOSED_FORM if closed_form else SC_BOUND_OPTIMAL
    return sc_optimal_allocation(bound, integer, budget, input_dim, concentration, cost, width,
                                 samples, error)

cdef double error_bound_of(int count, double *x) noexcept nogil:
    return sc_error_bound(x[0], x[1], x[2], x[3]) if count == 4 else NAN

cdef double misspecification_bound_of(int count, double *x) noexcept nogil:
    return sc_misspecification_bound(x[0], x[1], x[2], x[3]) if count == 4 else NAN

cdef double estimation_bound_of(int count, double *x) noexcept nogil:
    return sc_estimation_bound(x[0], x[1], x[2], x[3]) if count == 4 else NAN

cdef double optimal_resolution_of(int count, double *x) noexcept nogil:
    return sc_optimal_resolution(x[0], x[1], x[2], x[3]) if count == 4 else NAN

cdef double closed_form_bound_of(int count, double *x) noexcept nogil:
    return sc_closed_form_bound(x[0], x[1], x[2], x[3]) if count == 4 else NAN

cdef double occupancy_of(int count, double *x) noexcept nogil:
    return sc_occupancy(x[0], x[1]) if count == 2 else NAN


cdef dict ADDRESSES = {
    "sc_error_bound": <size_t>&sc_error_bound,
    "sc_misspecification_bound": <size_t>&sc_misspecification_bound,
    "sc_estimation_bound": <size_t>&sc_estimation_bound,
    "sc_optimal_resolution": <size_t>&sc_optimal_resolution,
    "sc_closed_form_bound": <size_t>&sc_closed_form_bound,
    "sc_occupancy": <size_t>&sc_occupancy,
    "sc_evaluate": <size_t>&sc_evaluate,
    "sc_compute_optimal": <size_t>&sc_compute_optimal,
    "sc_optimal_allocation": <size_t>&sc_optimal_allocation,
    "sc_spectral_table_build": <size_t>&sc_spectral_table_build,
    "sc_spectral_table_load": <size_t>&sc_spectral_table_load,
    "sc_spectral_table_read": <size_t>&sc_spectral_table_read,
    "sc_spectral_table_free": <size_t>&sc_spectral_table_free,
    "sc_spectral_table_input_dim": <size_t>&sc_spectral_table_input_dim,
    "sc_spectral_table_most_units": <size_t>&sc_spectral_table_most_units,
    "sc_spectral_evaluate": <size_t>&sc_spectral_evaluate,
    "sc_spectral_bound": <size_t>&sc_spectral_bound,
    "sc_spectral_compute_optimal": <size_t>&sc_spectral_compute_optimal,
    "sc_random": <size_t>&sc_random,
    "sc_network_atoms_space": <size_t>&sc_network_atoms_space,
    "sc_network_atoms": <size_t>&sc_network_atoms,
    "sc_network_logits_space": <size_t>&sc_network_logits_space,
    "sc_network_logits": <size_t>&sc_network_logits,
    "sc_network_experiment_space": <size_t>&sc_network_experiment_space,
    "sc_network_experiment": <size_t>&sc_network_experiment,
    "sc_network_samples_space": <size_t>&sc_network_samples_space,
    "sc_network_samples": <size_t>&sc_network_samples,
    "sc_run_state_size": <size_t>&sc_run_state_size,
    "sc_run_begin": <size_t>&sc_run_begin,
    "sc_run_weights": <size_t>&sc_run_weights,
    "sc_train_space": <size_t>&sc_train_space,
    "sc_train": <size_t>&sc_train,
    "sc_law_value_count": <size_t>&sc_law_value_count,
    "sc_law_evaluate": <size_t>&sc_law_evaluate,
    "sc_law_reason_string": <size_t>&sc_law_reason_string,
    "sc_law_space": <size_t>&sc_law_space,
    "sc_law_fit": <size_t>&sc_law_fit,
    "sc_law_resample": <size_t>&sc_law_resample,
    "sc_status_string": <size_t>&sc_status_string,
    "sc_version": <size_t>&sc_version,
    "sc_version_number": <size_t>&sc_version_number,
    "sc_compatible": <size_t>&sc_compatible,
    "sc_instruction_set": <size_t>&sc_instruction_set,
}


def address(str name):
    """Return the address of a function of scalecore.h, for as long as the process lives.

    >>> import ctypes
    >>> from scalecore import c_api
    >>> signature = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, ctypes.c_double)
    >>> occupancy = signature(c_api.address("sc_occupancy"))
    >>> occupancy(1.0, 100.0)
    1.0
    """
    if name not in ADDRESSES:
        raise ValueError(f"name must be one of {', '.join(ADDRESSES)}, got {name!r}")
    return ADDRESSES[name]


def functions():
    """Return the names that `address` knows: all functions of scalecore.h."""
    return tuple(ADDRESSES)
