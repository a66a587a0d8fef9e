"""The frontier's parallel loop: columns of budgets in, columns of optima out."""

from cython.parallel cimport prange
from libc.stdint cimport int8_t

from .bounds cimport ENGINE
from .checks cimport agree, one_or
from .engine cimport (
    SC_AT_MIN_SAMPLES, SC_AT_MIN_WIDTH, SC_BOUND_CLOSED_FORM, SC_BOUND_OPTIMAL, SC_INFEASIBLE,
    SC_INTERIOR, SC_INVALID, sc_bound, sc_column, sc_frontier,
    sc_frontier_out, sc_objective,
)
from .threads cimport check_signals, next_chunk, seconds_now, team_size

STATUS_CODES = {
    "INTERIOR": SC_INTERIOR,
    "AT_MIN_WIDTH": SC_AT_MIN_WIDTH,
    "AT_MIN_SAMPLES": SC_AT_MIN_SAMPLES,
    "INFEASIBLE": SC_INFEASIBLE,
    "INVALID": SC_INVALID,
}
BOUND_CODES = {"optimal": SC_BOUND_OPTIMAL, "closed_form": SC_BOUND_CLOSED_FORM}


cdef sc_column column_of(const double[:] values) noexcept nogil:
    cdef sc_column column
    column.data = &values[0]
    column.stride = values.strides[0] // <Py_ssize_t>sizeof(double) if values.shape[0] > 1 else 0
    return column


cdef void solve_block(const sc_objective *objective, bint integer, Py_ssize_t first,
                      Py_ssize_t count, const sc_column *inputs,
                      const sc_frontier_out *out) noexcept nogil:
    cdef sc_column block[4]
    cdef sc_frontier_out part
    cdef int j
    for j in range(4):
        block[j].data = inputs[j].data + first * inputs[j].stride
        block[j].stride = inputs[j].stride
    part.width = out.width + first
    part.samples = out.samples + first
    part.error = out.error + first
    part.misspecification = out.misspecification + first
    part.estimation = out.estimation + first
    part.elasticity = out.elasticity + first
    part.status = out.status + first
    sc_frontier(ENGINE, objective, integer, count, block, &part)


cdef int solve(const sc_objective *objective, bint integer, pace at, int n_threads,
               const double[:] budget, const double[:] input_dim, const double[:] concentration,
               const double[:] cost, double[::1] width, double[::1] samples, double[::1] error,
               double[::1] misspecification, double[::1] estimation, double[::1] elasticity,
               int8_t[::1] status) except -1:
    """Fill the output columns; each input is a column of the same length or of length 1. n_threads
    0 means the default."""
    cdef Py_ssize_t count = width.shape[0], done = 0, chunk = at.chunk, block = at.block, i, blocks
    cdef double started
    cdef int team
    cdef sc_column inputs[4]
    cdef sc_frontier_out out
    agree(one_or(count, budget.shape[0]) and one_or(count, input_dim.shape[0])
          and one_or(count, concentration.shape[0]) and one_or(count, cost.shape[0]),
          "inputs must be as many as the results, or one")
    agree(samples.shape[0] == count and error.shape[0] == count
          and misspecification.shape[0] == count and estimation.shape[0] == count
          and elasticity.shape[0] == count and status.shape[0] == count,
          "columns of results must be equally long")
    if count == 0:
        return 0
    inputs[0], inputs[1] = column_of(budget), column_of(input_dim)
    inputs[2], inputs[3] = column_of(concentration), column_of(cost)
    out.width, out.samples, out.error = &width[0], &samples[0], &error[0]
    out.misspecification = &misspecification[0]
    out.estimation, out.elasticity, out.status = &estimation[0], &elasticity[0], &status[0]
    while done < count:
        started = seconds_now()
        chunk = min(chunk, count - done)
        blocks = (chunk + block - 1) // block
        with nogil:
            team = team_size(chunk // at.part, n_threads)
            if team == 1:
                for i in range(blocks):
                    solve_block(objective, integer, done + i * block, min(block, chunk - i * block),
                                inputs, &out)
            else:
                for i in prange(blocks, schedule="dynamic", num_threads=team):
                    solve_block(objective, integer, done + i * block, min(block, chunk - i * block),
                                inputs, &out)
        done += chunk
        check_signals()
        chunk = next_chunk(chunk, seconds_now() - started, block)
    return 0


def compute_optimal(const double[:] budget, const double[:] input_dim,
                    const double[:] concentration, const double[:] cost, double[::1] width,
                    double[::1] samples, double[::1] error, double[::1] misspecification,
                    double[::1] estimation, double[::1] elasticity, int8_t[::1] status, int bound,
                    bint integer, int n_threads):
    """The frontier of a bound in closed form (a value of BOUND_CODES)."""
    cdef sc_objective objective
    cdef pace at
    objective.bound, objective.tables, objective.strategies = <sc_bound>bound, NULL, 0
    at.block = 16 if integer else 512  # a whole-number search may take milliseconds
    at.chunk = at.block * 512 if integer else at.block * 64
    at.part = 256 if integer else 2048  # of 150 us or so
    solve(&objective, integer, at, n_threads, budget, input_dim, concentration, cost, width,
          samples, error, misspecification, estimation, elasticity, status)
