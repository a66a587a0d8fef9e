"""Spectral bounds: tables of strategies, and the loops over points and budgets."""

cimport numpy as np
from cython.parallel cimport prange
from libc.math cimport NAN
from libc.stdint cimport int8_t, int64_t
from libc.stdlib cimport free, malloc

from .bounds cimport ENGINE
from .engine cimport (
    SC_ERROR_MEMORY, SC_REFINED_BOUND, SC_SPECTRAL_BOUND, SC_WITH_ATOMS, SC_WITH_MIXTURE,
    SC_WITH_POLAR, SC_WITH_QUADRATIC, SC_WITH_STICKS, sc_is_input_dim,
    sc_is_spectral_point, sc_nearly_whole, sc_objective, sc_spectral_array, sc_spectral_table,
    sc_spectral_terms, sc_strategies, sc_table_entry, sc_table_from_rows, sc_table_of,
    sc_table_rows, sc_tables,
)
from .checks cimport agree
from .element_order cimport ANY_ORDER, ONE_BY_ONE, element_order, order_of
from .fenv cimport (
    FE_ALL_EXCEPT, FE_INVALID, fegetexceptflag, feraiseexcept, fesetexceptflag, fexcept_t,
)
from .frontier cimport pace, solve
from .threads cimport check_signals, next_chunk, seconds_now, team_size
from .ufuncs cimport PyArrayMethod_Context, ufunc_of_doubles

import numpy as np

np.import_array()
np.import_ufunc()


cdef class Strategies:
    """The table of one input dimension, as the engine reads it; csrc/spectral/table.c lays it out.

    Eigenvalues and copies of all rows stand after one another; `lengths` tells how many each has.
    """

    cdef sc_spectral_table *made
    cdef tuple rows  # what it was made from

    def __cinit__(self, double input_dim, units, lengths, eigenvalues, copies, residual, delta):
        cdef const double[::1] units_, eigenvalues_, copies_, residual_, delta_
        cdef const int64_t[::1] lengths_
        cdef sc_table_rows given
        units_, residual_, delta_ = columns = [
            np.array(column, float) for column in (units, residual, delta)]
        eigenvalues_, copies_ = numbers = [
            np.array(column, float) for column in (eigenvalues, copies)]
        counts = np.array(lengths, np.int64)
        lengths_ = counts
        agree(len(counts) >= 2 and all(len(column) == len(counts) for column in columns),
              "a table has rows of units, lengths, residual and delta")
        agree(counts.min() >= 0 and counts.max() <= len(numbers[0])
              and all(len(column) == counts.sum() >= 1 for column in numbers),
              "lengths must tell how many eigenvalues and copies each row has")
        given.input_dim, given.rows = input_dim, len(counts)
        given.units, given.lengths = &units_[0], &lengths_[0]
        given.eigenvalues, given.copies = &eigenvalues_[0], &copies_[0]
        given.residual, given.delta = &residual_[0], &delta_[0]
        cdef int wrong
        with nogil:
            wrong = sc_table_from_rows(ENGINE, &given, &self.made)
        if wrong == SC_ERROR_MEMORY:
            raise MemoryError
        agree(not wrong, "these are no rows of a table")
        self.rows = (input_dim, columns[0], counts, *numbers, *columns[1:])

    def __dealloc__(self):
        free(self.made)

    def __reduce__(self):
        return Strategies, self.rows

    @property
    def arrays(self):
        """Copies of the engine's columns, by name."""
        cdef const sc_strategies *table = &self.made.strategies
        cdef Py_ssize_t rows = table.rows, numbers = table.first[rows]
        by_row = {
            "units": doubles(table.units, rows),
            "residual": doubles(table.residual, rows),
            "last_stick": doubles(table.last_stick, rows),
            "last_polar": doubles(table.last_polar, rows),
            "polar_rise": doubles(table.polar_rise, rows),
            "first": np.append(0, np.cumsum(self.rows[2])),
            "atom_row": np.array([table.atom_row[i] for i in range(table.atom_rows)], np.intp),
        }
        by_number = {
            "eigenvalue": doubles(table.eigenvalue, numbers),
            "multiplicity": doubles(table.multiplicity, numbers),
            "copies": doubles(table.copies, numbers + rows),
            "logarithms": doubles(table.logarithms, numbers + rows),
            "rest": doubles(table.rest, numbers + rows),
        }
        floors = {
            name: doubles(table.floors[i], table.ranges * rows * 2).reshape(-1, rows, 2)
            for i, name in enumerate(("noise_floors", "mixture_floors"))
        }
        return by_row | by_number | floors


cdef doubles(const double *first, Py_ssize_t count):
    cdef const double[::1] view = <double[:count]>first
    return np.array(view)


# ---- tables by input dimension -------------------------------------------------------------------

# Set by scalecore.spectral._table_lookup: from input dimensions, increasing, to their Strategies.
# Only a ufunc calls up by it, which meets dimensions in NumPy's loop; other callers know them and
# hand their tables in.
TABLES_FOR = [None]


cdef class Directory:
    """The tables that a call reads, as C takes them: by increasing input dimension."""

    cdef sc_table_entry *entries
    cdef sc_tables tables
    cdef list kept

    def __cinit__(self, tables):
        cdef Strategies strategies
        cdef Py_ssize_t i
        self.kept = list(tables)
        self.entries = <sc_table_entry *>malloc(sizeof(sc_table_entry) * (len(self.kept) + 1))
        if self.entries == NULL:
            raise MemoryError
        for i in range(len(self.kept)):
            agree(isinstance(self.kept[i], Strategies), "tables must be Strategies")
            strategies = self.kept[i]
            agree(i == 0 or self.entries[i - 1].input_dim < strategies.made.strategies.d,
                  "tables must be by increasing input_dim")
            self.entries[i].input_dim = strategies.made.strategies.d
            self.entries[i].table = &strategies.made.strategies
        self.tables.count = len(self.kept)
        self.tables.entries = self.entries

    def __dealloc__(self):
        free(self.entries)

    cdef int check(self, const double[:] dims) except -1:
        """Every dimension that has a table has it here: without it C would call the point
        invalid."""
        for d in dims_with_tables(dims):
            agree(sc_table_of(&self.tables, d) != NULL, "every input_dim needs its table")
        return 0


cdef enum:
    SEEN = 64


cdef list distinct_dims(const char *d, Py_ssize_t stride, Py_ssize_t count, char **points,
                        const np.npy_intp *steps):
    """The different dimensions that have a table, increasing; of points n, T, d, K only those
    inside the domain.

    A point outside is NaN without a table. That keeps Dask lazy: it calls a ufunc on noughts to
    learn the type of the result.
    """
    # those met last, so that a grid of dimensions does not ask the set for every point
    cdef double seen[SEEN]
    cdef double last = NAN, now
    cdef set found = set()
    cdef Py_ssize_t i, place
    for i in range(SEEN):
        seen[i] = NAN
    for i in range(count):
        now = sc_nearly_whole((<const double *>(d + i * stride))[0])
        if now == last or not sc_is_input_dim(now):
            continue
        if points != NULL and not sc_is_spectral_point((<const double *>(points[0]
                                                                         + i * steps[0]))[0],
                                                       (<const double *>(points[1]
                                                                         + i * steps[1]))[0],
                                                       (<const double *>(points[3]
                                                                         + i * steps[3]))[0]):
            continue
        last = now
        place = <Py_ssize_t>now % SEEN
        if seen[place] != now:
            seen[place] = now
            found.add(now)
        if stride == 0:
            break
    return sorted(found)


def dims_with_tables(const double[:] dims):
    """The different dimensions that have a table, increasing."""
    return distinct_dims(<const char *>&dims[0], dims.strides[0], dims.shape[0], NULL,
                         NULL) if dims.shape[0] else []


# ---- ufuncs --------------------------------------------------------------------------------------

cdef enum:
    BLOCK = 256
    WORTH_A_THREAD = 1024


cdef Py_ssize_t spectral_chunk(int strategies, Directory directory, Py_ssize_t first,
                               Py_ssize_t last, Py_ssize_t block, int team, char **args,
                               const np.npy_intp *steps, size_t wanted) noexcept:
    """Some of the points, in blocks; returns how many are invalid."""
    cdef const sc_tables *tables = &directory.tables
    cdef const Py_ssize_t *bytes_apart = <const Py_ssize_t *>steps
    cdef Py_ssize_t invalid = 0, i, blocks = (last - first + block - 1) // block
    with nogil:
        if team == 1:
            for i in range(blocks):
                invalid += sc_spectral_array(ENGINE, tables, strategies, first + i * block,
                                             min(last, first + (i + 1) * block), args, bytes_apart,
                                             wanted)
        else:
            for i in prange(blocks, schedule="dynamic", num_threads=team):
                invalid += sc_spectral_array(ENGINE, tables, strategies, first + i * block,
                                             min(last, first + (i + 1) * block), args, bytes_apart,
                                             wanted)
    return invalid


cdef Py_ssize_t spectral_points(int strategies, Directory directory, Py_ssize_t count, char **args,
                                const np.npy_intp *steps, size_t wanted) except -1:
    """All points in an order that overlap allows, and looks at the signals; returns how many are
    invalid."""
    cdef element_order order = order_of(args, steps, count, 4)
    cdef Py_ssize_t done = 0, invalid = 0, chunk = 16 * WORTH_A_THREAD
    cdef Py_ssize_t block = 1 if order == ONE_BY_ONE else BLOCK
    cdef double started
    cdef int team
    while done < count:
        started = seconds_now()
        chunk = min(chunk, count - done)
        team = team_size(chunk // WORTH_A_THREAD, 0) if order == ANY_ORDER else 1
        invalid += spectral_chunk(strategies, directory, done, done + chunk, block, team, args,
                                  steps, wanted)
        done += chunk
        check_signals()
        chunk = next_chunk(chunk, seconds_now() - started, BLOCK)
    return invalid


cdef int spectral_loop(int strategies, char **args, Py_ssize_t count,
                       const np.npy_intp *steps) except -1:
    cdef fexcept_t before
    cdef list dims
    # before the search, in which a NaN is compared, and before tables are built
    fegetexceptflag(&before, FE_ALL_EXCEPT)
    dims = distinct_dims(args[2], steps[2], count, args, steps)
    invalid = spectral_points(strategies, Directory(TABLES_FOR[0](dims) if dims else ()), count,
                              args, steps, sizeof(double))
    fesetexceptflag(&before, FE_ALL_EXCEPT)
    if invalid:
        feraiseexcept(FE_INVALID)
    return 0


STRATEGIES = {"atoms": SC_WITH_ATOMS, "sticks": SC_WITH_STICKS, "quadratic": SC_WITH_QUADRATIC,
              "mixture": SC_WITH_MIXTURE, "polar": SC_WITH_POLAR}

# what each ufunc may do
BOUND_STRATEGIES = {"spectral_bound": SC_SPECTRAL_BOUND, "refined_bound": SC_REFINED_BOUND}


cdef int first_loop(PyArrayMethod_Context *_context, char **args, np.npy_intp *dimensions,
                    np.npy_intp *steps, void *_data) except -1:
    return spectral_loop(SC_SPECTRAL_BOUND, args, dimensions[0], steps)


cdef int refined_loop(PyArrayMethod_Context *_context, char **args, np.npy_intp *dimensions,
                      np.npy_intp *steps, void *_data) except -1:
    return spectral_loop(SC_REFINED_BOUND, args, dimensions[0], steps)


def make_ufunc(str name, str doc):
    """The ufunc `spectral_bound` or `refined_bound` (n, T, d, K), with its documentation."""
    return ufunc_of_doubles(name, doc, 4, refined_loop if name == "refined_bound" else first_loop)


# ---- arrays of points and budgets ----------------------------------------------------------------

TERMS = ("error", "coefficients", "distortion", "residual", "list", "resolution_loss", "units",
         "atoms", "resolution", "strategy")


def terms(const double[::1] n, const double[::1] T, const double[::1] d, const double[::1] K,
          int strategies, tables):
    """The parts of the bound, an array (points, len(TERMS)); NaN where an argument is out of its
    domain.

    `tables` are the Strategies of all input dimensions, increasing."""
    cdef Py_ssize_t count = n.shape[0], i
    agree(T.shape[0] == d.shape[0] == K.shape[0] == count, "n, T, d and K must be equally long")
    out = np.full((count, len(TERMS)), np.nan)
    if count == 0:
        return out
    cdef double[:, ::1] values = out
    cdef Directory directory = Directory(tables)
    directory.check(d)
    cdef char *args[5]
    cdef np.npy_intp steps[5]
    args[0], args[1], args[2], args[3] = <char *>&n[0], <char *>&T[0], <char *>&d[0], <char *>&K[0]
    args[4] = <char *>&values[0, 0]
    for i in range(4):
        steps[i] = sizeof(double)
    steps[4] = sizeof(sc_spectral_terms)
    spectral_points(strategies, directory, count, args, steps, sizeof(sc_spectral_terms))
    return out


def compute_optimal(const double[:] budget, const double[:] input_dim,
                    const double[:] concentration, const double[:] cost, double[::1] width,
                    double[::1] samples, double[::1] error, double[::1] misspecification,
                    double[::1] estimation, double[::1] elasticity, int8_t[::1] status,
                    int strategies, tables, bint integer, int n_threads):
    """As `_core.frontier.compute_optimal`, for the spectral bound with these strategies.

    `tables` are the Strategies of all input dimensions, increasing."""
    cdef sc_objective objective
    cdef Directory directory = Directory(tables)
    cdef pace at
    directory.check(input_dim)
    objective.tables, objective.strategies = &directory.tables, strategies
    at.block, at.chunk, at.part = 16, 2048, 32  # some hundred microseconds each
    solve(&objective, integer, at, n_threads, budget, input_dim, concentration, cost, width,
          samples, error, misspecification, estimation, elasticity, status)
