"""Spectral bounds: the spectrum, well-spread directions, tables of strategies and the loops over points and budgets."""

cimport numpy as np
from cython.parallel cimport prange
from libc.math cimport NAN
from libc.stdint cimport int8_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from .engine cimport (
    SC_AT_MIN_SAMPLES, SC_AT_MIN_WIDTH, SC_INFEASIBLE, SC_INTERIOR, SC_INVALID, SC_WITH_ATOMS, SC_WITH_QUADRATIC,
    SC_WITH_STICKS, sc_bayes_error_bound, sc_degree, sc_engine, sc_engine_find, sc_even_kernels, sc_is_input_dim,
    sc_orthonormalise, sc_spectral_optimum, sc_spectral_terms, sc_spectrum, sc_sphere, sc_sphere_open, sc_strategies,
)
from .threads cimport check_signals, team_size

import traceback

import numpy as np

from .bounds import instruction_set

cdef extern from "<fenv.h>" nogil:
    ctypedef struct fexcept_t:
        pass
    const int FE_ALL_EXCEPT
    const int FE_INVALID
    int fegetexceptflag(fexcept_t *, int)
    int fesetexceptflag(const fexcept_t *, int)
    int feraiseexcept(int)

cdef extern from "Python.h":
    void PyErr_SetInterrupt()

np.import_array()
np.import_ufunc()

cdef const sc_engine *ENGINE = sc_engine_find(instruction_set().encode())
cdef double LARGEST = 1e300


def is_input_dim(double d):
    """Whether the spectrum takes this input dimension: a whole number from 1 to 1e15."""
    return bool(sc_is_input_dim(d))


def spectrum(double d, int count):
    """Log eigenvalue, log multiplicity, mass and tail of the first even degrees, as an array (count, 4)."""
    out = np.empty((count, 4))
    cdef double[:, ::1] values = out
    with nogil:
        sc_spectrum(d, count, <sc_degree *>&values[0, 0])
    return out


def even_kernels(double d, const double[:, ::1] cosines):
    """Gram, covariance and slope matrix of the even parts of units whose directions have these cosines: a symmetric matrix."""
    cdef Py_ssize_t count = cosines.shape[0], i
    matrices = tuple(np.zeros((count, count)) for _ in range(3))
    cdef double[:, ::1] gram = matrices[0]
    cdef double[:, ::1] covariance = matrices[1]
    cdef double[:, ::1] slopes = matrices[2]
    cdef int team = team_size(count * count // 16384, 0)
    with nogil:
        for i in prange(count, schedule="dynamic", num_threads=team):
            sc_even_kernels(d, count - i, &cosines[i, i], &gram[i, i], &covariance[i, i], &slopes[i, i])
    for matrix in matrices:
        matrix += np.triu(matrix, 1).T
    return matrices


def repulsion(const double[:, ::1] directions, Py_ssize_t count, double[:, ::1] pull, int n_threads=0):
    """Energies of the first `count` columns of directions [coordinate, padded]; the pull on each goes into a row of `pull`."""
    cdef Py_ssize_t stride = directions.shape[1], i
    cdef int d = <int>directions.shape[0], team
    energies = np.empty(count)
    cdef double[::1] energy = energies
    if stride % 64 or pull.shape[0] < count or pull.shape[1] != d:
        raise ValueError("directions must be padded to a multiple of 64 columns")
    team = team_size(count * stride * (d + 5) // 2000000, n_threads)  # parts of a millisecond
    spaces = np.empty((count if team > 1 else 1, 8 * d))
    cdef double[:, ::1] work = spaces
    with nogil:
        if team == 1:
            for i in range(count):
                energy[i] = ENGINE.repulsion(&directions[0, 0], stride, d, i, &pull[i, 0], &work[0, 0])
        else:
            for i in prange(count, schedule="dynamic", chunksize=8, num_threads=team):
                energy[i] = ENGINE.repulsion(&directions[0, 0], stride, d, i, &pull[i, 0], &work[i, 0])
    check_signals()
    return energies


def orthonormalise(double[:, ::1] vectors):
    """Gram and Schmidt's orthonormal rows, in place; at most as many as columns."""
    if vectors.shape[0] > vectors.shape[1]:
        raise ValueError("more vectors than dimensions")
    with nogil:
        sc_orthonormalise(&vectors[0, 0], <int>vectors.shape[0], <int>vectors.shape[1])


cdef class Strategies:
    """The table of one input dimension, as the engine reads it. Row r has its own decreasing eigenvalues."""

    cdef sc_strategies table
    cdef readonly object arrays  # what the table points to

    def __init__(self, double d, units, residual, eigenvalues, copies, atom_rows, rounding, last_stick, low_degrees):
        first = np.zeros(len(units) + 1, np.intp)
        np.cumsum([len(row) for row in eigenvalues], out=first[1:])
        sums = [
            (
                np.concatenate([[0.0], np.cumsum(multiplicity)]),
                np.concatenate([[0.0], np.cumsum(multiplicity * np.log(row))]),
                np.concatenate([np.cumsum((multiplicity * row)[::-1])[::-1], [0.0]]),
            )
            for row, multiplicity in zip(eigenvalues, copies, strict=True)
        ]
        units = np.ascontiguousarray(units, float)
        self.arrays = {
            "units": units,
            "log_units": np.log(np.maximum(units, 0.5)),
            "residual": np.ascontiguousarray(residual, float),
            "log_residual": np.log(np.maximum(residual, 1e-300)),
            "first": first,
            "eigenvalue": np.concatenate([*eigenvalues, [0.0]]),
            "copies": np.concatenate([part[0] for part in sums]),
            "logarithms": np.concatenate([part[1] for part in sums]),
            "rest": np.concatenate([part[2] for part in sums]),
            "log_rounding": np.log(rounding),
            "last_stick": np.ascontiguousarray(last_stick, float),
            "atom_row": np.append(np.asarray(atom_rows, np.intp), 0),
        }
        self.table.d = d
        self.table.rows = len(units)
        self.table.atom_rows = len(atom_rows)
        self.table.units = self.numbers("units")
        self.table.log_units = self.numbers("log_units")
        self.table.residual = self.numbers("residual")
        self.table.log_residual = self.numbers("log_residual")
        self.table.eigenvalue = self.numbers("eigenvalue")
        self.table.copies = self.numbers("copies")
        self.table.logarithms = self.numbers("logarithms")
        self.table.rest = self.numbers("rest")
        self.table.log_rounding = self.numbers("log_rounding")
        self.table.last_stick = self.numbers("last_stick")
        self.table.first = self.indices("first")
        self.table.atom_row = self.indices("atom_row")
        self.table.even[0], self.table.even[1] = low_degrees[:2]
        self.table.copies_2, self.table.beyond, self.table.beyond_orthogonal = low_degrees[2:]

    cdef const double *numbers(self, str name) except NULL:
        cdef const double[::1] view = self.arrays[name]
        return &view[0]

    cdef const Py_ssize_t *indices(self, str name) except NULL:
        cdef const Py_ssize_t[::1] view = self.arrays[name]
        return &view[0]


# ---- tables by input dimension ---------------------------------------------------------------------------------------------------

TABLE_OF = [None]  # set by scalecore._spectral_table: from an input dimension to its Strategies, built when first asked for


cdef struct known:
    double d
    const sc_strategies *table


cdef class Directory:
    """The tables that a call needs, found or built once before its loop starts."""

    cdef known *entries
    cdef Py_ssize_t count, room
    cdef list kept

    def __cinit__(self):
        self.kept = []

    def __dealloc__(self):
        free(self.entries)

    cdef int need(self, double d) except -1:
        cdef Strategies strategies
        cdef known *larger
        if find(self.entries, self.count, d) != NULL or not sc_is_input_dim(d):
            return 0
        strategies = TABLE_OF[0](d)
        self.kept.append(strategies)
        if self.count == self.room:
            larger = <known *>malloc(sizeof(known) * (2 * self.room + 8))
            if larger == NULL:
                raise MemoryError
            if self.count:
                memcpy(larger, self.entries, sizeof(known) * self.count)
            free(self.entries)
            self.entries = larger
            self.room = 2 * self.room + 8
        cdef Py_ssize_t place = self.count
        while place > 0 and self.entries[place - 1].d > d:
            self.entries[place] = self.entries[place - 1]
            place -= 1
        self.entries[place].d = d
        self.entries[place].table = &strategies.table
        self.count += 1
        return 0


cdef const sc_strategies *find(const known *entries, Py_ssize_t count, double d) noexcept nogil:
    cdef Py_ssize_t low = 0, high = count, middle
    while low < high:
        middle = (low + high) // 2
        if entries[middle].d < d:
            low = middle + 1
        else:
            high = middle
    return entries[low].table if low < count and entries[low].d == d else NULL


cdef Directory directory_of(const char *d, Py_ssize_t stride, Py_ssize_t count):
    cdef Directory directory = Directory()
    cdef double last = NAN, now
    cdef Py_ssize_t i
    for i in range(count if stride else min(count, 1)):
        now = (<const double *>(d + i * stride))[0]
        if now != last:
            directory.need(now)
            last = now
    return directory


# ---- ufuncs ----------------------------------------------------------------------------------------------------------------------

cdef enum:
    BLOCK = 256
    WORTH_A_THREAD = 1024


cdef bint in_range(double x) noexcept nogil:
    return 1 <= x <= LARGEST


cdef Py_ssize_t bayes_block(Py_ssize_t first, Py_ssize_t last, char **args, const np.npy_intp *steps) noexcept nogil:
    cdef Py_ssize_t i, invalid = 0
    cdef double T, d, value
    cdef sc_sphere sphere
    sphere.d = NAN
    for i in range(first, last):
        T = (<double *>(args[0] + i * steps[0]))[0]
        d = (<double *>(args[1] + i * steps[1]))[0]
        if in_range(T) and sc_is_input_dim(d):
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
    cdef int team = team_size(count // (8 * WORTH_A_THREAD), 0)
    cdef fexcept_t before
    fegetexceptflag(&before, FE_ALL_EXCEPT)
    if team == 1:
        invalid = bayes_block(0, count, args, steps)
    else:
        for i in prange(blocks, schedule="static", num_threads=team):
            invalid += bayes_block(i * BLOCK, min(count, (i + 1) * BLOCK), args, steps)
    fesetexceptflag(&before, FE_ALL_EXCEPT)
    if invalid:
        feraiseexcept(FE_INVALID)


cdef Py_ssize_t spectral_block(int strategies, const known *entries, Py_ssize_t tables, Py_ssize_t first, Py_ssize_t last,
                               char **args, const np.npy_intp *steps) noexcept nogil:
    cdef Py_ssize_t i, invalid = 0
    cdef double n, T, d, K
    cdef double last_d = NAN
    cdef const sc_strategies *table = NULL
    cdef sc_spectral_terms terms
    for i in range(first, last):
        n = (<double *>(args[0] + i * steps[0]))[0]
        T = (<double *>(args[1] + i * steps[1]))[0]
        d = (<double *>(args[2] + i * steps[2]))[0]
        K = (<double *>(args[3] + i * steps[3]))[0]
        if d != last_d:
            table = find(entries, tables, d)
            last_d = d
        if table != NULL and in_range(n) and in_range(T) and 0 < K <= LARGEST:
            ENGINE.spectral_point(table, strategies, n, T, K, &terms)
        else:
            terms.error = NAN
            invalid += n == n and T == T and d == d and K == K
        (<double *>(args[4] + i * steps[4]))[0] = terms.error
    return invalid


cdef void spectral_loop(char **args, const np.npy_intp *dimensions, const np.npy_intp *steps, void *data) noexcept nogil:
    cdef Py_ssize_t count = dimensions[0], blocks = (count + BLOCK - 1) // BLOCK, i, invalid = 0
    cdef int team = team_size(count // WORTH_A_THREAD, 0)
    cdef fexcept_t before
    cdef const known *entries = NULL
    cdef Py_ssize_t tables = 0
    cdef int strategies = <int><Py_ssize_t>data
    with gil:
        # NumPy's loops cannot raise. Without a table points are NaN; a Ctrl-C while one is built comes again after the call.
        fegetexceptflag(&before, FE_ALL_EXCEPT)  # before the search, in which a NaN is compared, and before tables are built
        try:
            directory = directory_of(args[2], steps[2], count)
            entries, tables = (<Directory>directory).entries, (<Directory>directory).count
        except KeyboardInterrupt:
            PyErr_SetInterrupt()
        except Exception:  # a folder of tables that cannot be written, too little memory
            traceback.print_exc()
        with nogil:
            if team == 1:
                invalid = spectral_block(strategies, entries, tables, 0, count, args, steps)
            else:
                for i in prange(blocks, schedule="static", num_threads=team):
                    invalid += spectral_block(strategies, entries, tables, i * BLOCK, min(count, (i + 1) * BLOCK), args, steps)
        fesetexceptflag(&before, FE_ALL_EXCEPT)
    if invalid:
        feraiseexcept(FE_INVALID)


cdef np.PyUFuncGenericFunction BAYES[1]
cdef np.PyUFuncGenericFunction SPECTRAL[1]
BAYES[0] = <np.PyUFuncGenericFunction>bayes_loop
SPECTRAL[0] = <np.PyUFuncGenericFunction>spectral_loop
cdef char DOUBLES[5]
DOUBLES[:] = [np.NPY_DOUBLE] * 5
STRATEGIES = {"atoms": SC_WITH_ATOMS, "sticks": SC_WITH_STICKS, "quadratic": SC_WITH_QUADRATIC}
cdef void *NOTHING[1]
cdef void *FIRST[1]
cdef void *REFINED[1]
NOTHING[0] = NULL
FIRST[0] = <void *><Py_ssize_t>SC_WITH_ATOMS
REFINED[0] = <void *><Py_ssize_t>(SC_WITH_ATOMS | SC_WITH_STICKS | SC_WITH_QUADRATIC)
cdef list _KEPT = []  # NumPy keeps pointers to the text, not the text


def make_ufunc(str name, str doc):
    """The ufunc `bayes_error_bound` (T, d), `spectral_bound` or `refined_bound` (n, T, d, K), with its documentation."""
    cdef bytes name_text = name.encode(), doc_text = doc.encode()
    cdef void **data = &FIRST[0]
    if name == "refined_bound":
        data = &REFINED[0]
    _KEPT.extend((name_text, doc_text))
    if name == "bayes_error_bound":
        return np.PyUFunc_FromFuncAndData(BAYES, NOTHING, DOUBLES, 1, 2, 1, np.PyUFunc_None, name_text, doc_text, 0)
    return np.PyUFunc_FromFuncAndData(SPECTRAL, data, DOUBLES, 1, 4, 1, np.PyUFunc_None, name_text, doc_text, 0)


# ---- arrays of points and budgets ------------------------------------------------------------------------------------------------

TERMS = ("error", "coefficients", "distortion", "residual", "list", "resolution_loss", "units", "atoms", "resolution", "strategy")


def terms(const double[::1] n, const double[::1] T, const double[::1] d, const double[::1] K, int strategies):
    """The parts of the bound, an array (points, len(TERMS)); NaN where an argument is out of its domain."""
    cdef Py_ssize_t count = n.shape[0], i
    out = np.full((count, len(TERMS)), np.nan)
    if count == 0:
        return out
    cdef double[:, ::1] values = out
    cdef Directory directory = directory_of(<const char *>&d[0], sizeof(double), count)
    cdef const known *entries = directory.entries
    cdef Py_ssize_t tables = directory.count
    cdef const sc_strategies *table
    with nogil:
        for i in range(count):
            table = find(entries, tables, d[i])
            if table != NULL and in_range(n[i]) and in_range(T[i]) and 0 < K[i] <= LARGEST:
                ENGINE.spectral_point(table, strategies, n[i], T[i], K[i], <sc_spectral_terms *>&values[i, 0])
    return out


cdef struct columns:
    const double *data[4]  # budget, input_dim, concentration, cost
    Py_ssize_t stride[4]
    double *width
    double *samples
    double *error
    double *misspecification
    double *estimation
    double *elasticity
    int8_t *status


cdef void solve_budget(const known *entries, Py_ssize_t tables, int strategies, bint integer, const columns *c,
                       Py_ssize_t i) noexcept nogil:
    cdef double C = c.data[0][i * c.stride[0]], d = c.data[1][i * c.stride[1]]
    cdef double K = c.data[2][i * c.stride[2]], cost = c.data[3][i * c.stride[3]]
    cdef double most = C / (cost * d)
    cdef const sc_strategies *table = find(entries, tables, d)
    cdef sc_spectral_optimum o
    cdef int8_t status
    if table == NULL or not 0 < K <= LARGEST or not C >= 0 or not cost > 0 or not most <= LARGEST:
        status = SC_INVALID
    elif most < 1:
        status = SC_INFEASIBLE
    else:
        ENGINE.spectral_optimal(table, strategies, integer, most, K, &o)
        status = SC_AT_MIN_WIDTH if o.width <= 1 else SC_AT_MIN_SAMPLES if o.samples <= 1 else SC_INTERIOR
        c.width[i], c.samples[i], c.elasticity[i] = o.width, o.samples, o.elasticity
        c.misspecification[i] = o.terms.distortion + o.terms.residual + o.terms.resolution_loss
        c.estimation[i] = o.terms.coefficients + o.terms.list
        c.error[i] = o.terms.error
    c.status[i] = status
    if status == SC_INVALID or status == SC_INFEASIBLE:
        c.width[i] = c.samples[i] = c.error[i] = c.misspecification[i] = c.estimation[i] = c.elasticity[i] = NAN


def compute_optimal(const double[:] budget, const double[:] input_dim, const double[:] concentration, const double[:] cost,
                    double[::1] width, double[::1] samples, double[::1] error, double[::1] misspecification,
                    double[::1] estimation, double[::1] elasticity, int8_t[::1] status, int strategies, bint integer,
                    int n_threads):
    """As `_core.frontier.compute_optimal`, for the spectral bound with these strategies."""
    cdef Py_ssize_t count = width.shape[0], done = 0, chunk = 2048, i
    cdef columns c
    cdef int j, team
    if count == 0:
        return
    for j, column in enumerate((budget, input_dim, concentration, cost)):
        point_to(&c, j, column)
    cdef Directory directory = directory_of(<const char *>c.data[1], c.stride[1] * <Py_ssize_t>sizeof(double), count)
    cdef const known *entries = directory.entries
    cdef Py_ssize_t tables = directory.count
    c.width, c.samples, c.error, c.misspecification = &width[0], &samples[0], &error[0], &misspecification[0]
    c.estimation, c.elasticity, c.status = &estimation[0], &elasticity[0], &status[0]
    while done < count:
        chunk = min(chunk, count - done)
        with nogil:
            team = team_size(chunk // 32, n_threads)
            if team == 1:
                for i in range(done, done + chunk):
                    solve_budget(entries, tables, strategies, integer, &c, i)
            else:
                for i in prange(done, done + chunk, schedule="dynamic", chunksize=16, num_threads=team):
                    solve_budget(entries, tables, strategies, integer, &c, i)
        done += chunk
        check_signals()


cdef int point_to(columns *c, int j, const double[:] values) except -1:
    c.data[j] = &values[0]
    c.stride[j] = values.strides[0] // <Py_ssize_t>sizeof(double) if values.shape[0] > 1 else 0
    return 0
