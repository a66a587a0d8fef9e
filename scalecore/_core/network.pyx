"""Networks in parallel: each network of a Monte Carlo, and each block of inputs of an evaluation,
is one call of the engine."""

from cython.parallel cimport prange, threadid
from libc.math cimport floor
from libc.stdint cimport uint32_t, uint64_t

from .bounds cimport ENGINE
from .checks cimport agree
from .engine cimport (
    SC_ATOMS, SC_MOST_CONCENTRATION, SC_MOST_INPUT_DIM, SC_MOST_WIDTHS,
    sc_experiment,
)
from .memory cimport LINE, Memory, whole_lines
from .threads cimport keep_going, raise_pending, start_watch, team_size, watch

import numpy as np

MOST_WIDTHS = SC_MOST_WIDTHS
MOST_INPUT_DIM = SC_MOST_INPUT_DIM
MOST_CONCENTRATION = SC_MOST_CONCENTRATION

cdef enum:
    INPUTS = 512  # a block of an evaluation
    MOST_EVALUATED = 8388607  # coordinates: indices into a block are int

ctypedef fused number:
    float
    double


cdef int agree_on_prior(int input_dim, double concentration) except -1:
    return agree(1 <= input_dim <= SC_MOST_INPUT_DIM and 0 < concentration <= SC_MOST_CONCENTRATION,
                 "input_dim must be 1 to 65536, concentration above 0 and at most 1e9")


def atoms(uint64_t key, uint64_t item, int input_dim, double concentration, uint64_t chunk,
          double left):
    """Chunk `chunk` of network `item`: unit directions, signs, masses, and the mass left after it
    (`left` before)."""
    agree_on_prior(input_dim, concentration)
    cdef sc_experiment e
    cdef double[::1] mass = np.empty(SC_ATOMS), scale = np.empty(SC_ATOMS)
    cdef double[::1] raw = np.empty(SC_ATOMS * input_dim)
    e.key, e.input_dim, e.concentration, e.truncation = key, input_dim, concentration, 0.0
    with nogil:
        left = ENGINE.atoms(&e, item, chunk, left, &mass[0], &scale[0], &raw[0])
    groups = np.asarray(raw).reshape(SC_ATOMS // 4, input_dim, 4)  # [four atoms, coordinate, atom]
    rows = groups.transpose(0, 2, 1).reshape(SC_ATOMS, input_dim)
    directions = rows / np.sqrt(np.square(rows).sum(axis=1))[:, None]
    return directions, np.sign(scale), np.asarray(mass), left


def grouped(directions, weights, dtype):
    """Atoms as `logits` wants them: directions [group of 4, coordinate, atom], and weights. Those
    that only fill up the last group have weight 0."""
    cdef Py_ssize_t m = len(weights), missing = (4 - m % 4) % 4
    agree(len(directions) == m, "there must be as many weights as directions")
    rows, padded = np.asarray(directions, dtype), np.asarray(weights, dtype)
    if missing:
        # the engine, where it groups atoms itself, fills up with the first atom of their chunk
        filler = rows[(m - 1) // SC_ATOMS * SC_ATOMS]
        rows = np.concatenate([rows, np.broadcast_to(filler, (missing, rows.shape[1]))])
        padded = np.concatenate([padded, np.zeros(missing, dtype)])
    groups = rows.reshape(-1, 4, rows.shape[1]).transpose(0, 2, 1)
    return np.ascontiguousarray(groups), np.ascontiguousarray(padded)


def logits(const number[:, :, ::1] directions, const number[::1] weights,
           const number[:, ::1] inputs, number[::1] out, int n_threads):
    """out[i] = sum_j weights[j] max(directions[j] . inputs[i], 0), of `grouped` atoms."""
    agree(1 <= directions.shape[1] <= MOST_EVALUATED, "directions must have 1 to 8388607 columns")
    agree(directions.shape[2] == 4 and weights.shape[0] == 4 * directions.shape[0],
          "there must be four directions a group, and as many weights as directions")
    agree(inputs.shape[1] == directions.shape[1],
          "inputs and directions must have the same dimension")
    agree(out.shape[0] == inputs.shape[0], "there must be as many results as inputs")
    cdef Py_ssize_t count = inputs.shape[0], m = weights.shape[0], i
    cdef Py_ssize_t blocks = (count + INPUTS - 1) // INPUTS
    cdef int d = <int>directions.shape[1], team = team_size(blocks, n_threads)
    cdef size_t each = whole_lines(ENGINE.logits_space(d))
    cdef Memory memory
    cdef char *space
    cdef const number *w
    cdef const number *a
    cdef watch look
    if count == 0 or m == 0:
        out[:] = 0
        return
    w, a = &directions[0, 0, 0], &weights[0]
    memory = Memory(each * team, LINE)
    space = memory.data
    start_watch(&look)
    with nogil:
        for i in prange(blocks, schedule="dynamic", num_threads=team):
            if keep_going(&look):
                if number is double:
                    ENGINE.logits64(w, a, m, True, d, &inputs[i * INPUTS, 0],
                                    min(<Py_ssize_t>INPUTS, count - i * INPUTS),
                                    &out[i * INPUTS], space + threadid() * each)
                else:
                    ENGINE.logits32(w, a, m, True, d, &inputs[i * INPUTS, 0],
                                    min(<Py_ssize_t>INPUTS, count - i * INPUTS),
                                    &out[i * INPUTS], space + threadid() * each)
    raise_pending(&look)


def experiment(uint64_t key, uint64_t first, int input_dim, double concentration, double truncation,
               int inputs, const double[::1] widths, bint single, double[:, ::1] kl,
               double[:, ::1] squared, double[:, ::1] occupancy, int n_threads):
    """Networks first, first + 1, ...: a row of each output per network."""
    agree_on_prior(input_dim, concentration)
    agree(inputs >= 1 and 1 <= widths.shape[0] <= SC_MOST_WIDTHS,
          f"{inputs} inputs, {widths.shape[0]} widths")
    agree(squared.shape[0] == kl.shape[0] == occupancy.shape[0] and kl.shape[1] == widths.shape[0]
          and squared.shape[1] == widths.shape[0] == occupancy.shape[1],
          "results need a row a network, a place a width")
    for width in widths:
        agree(1 <= width <= 2.0**53 and width == floor(width),
              f"widths must be whole numbers, 1 to 2**53, got {width!r}")
    if kl.shape[0] == 0:
        return
    cdef sc_experiment e
    cdef Py_ssize_t networks = kl.shape[0], i
    cdef int team = team_size(networks, n_threads)
    cdef size_t each
    cdef Memory memory
    cdef char *space
    cdef watch look
    e.key, e.input_dim, e.concentration = key, input_dim, concentration
    e.truncation, e.inputs = truncation, inputs
    e.width_count, e.widths = <int>widths.shape[0], &widths[0]
    each = whole_lines(ENGINE.experiment_space(&e, single))
    memory = Memory(each * team, LINE)
    space = memory.data
    start_watch(&look)
    with nogil:
        for i in prange(networks, schedule="dynamic", num_threads=team):
            if keep_going(&look):
                ENGINE.experiment(&e, single, first + i, space + threadid() * each, keep_going,
                                  &look, &kl[i, 0], &squared[i, 0], &occupancy[i, 0])
    raise_pending(&look)


def philox(counter, uint64_t key):
    """Philox4x32-10 of one counter of four words (for tests)."""
    cdef uint32_t words[4]
    cdef uint32_t out[4]
    words[:] = counter
    ENGINE.philox(words, key, out)
    return list(out)


def numbers(str kind, uint64_t key, uint64_t item, uint32_t purpose, uint64_t first, int groups):
    """`groups` x 16 numbers of a stream: 'exponential', 'normal', 'sign' or 'uniform' (for
    tests)."""
    cdef double[::1] out = np.empty(16 * groups)
    ENGINE.numbers(["exponential", "normal", "sign", "uniform"].index(kind), key, item, purpose,
                   first, groups, &out[0])
    return np.asarray(out)


def binomial(uint64_t key, double n, double p, Py_ssize_t size):
    """`size` binomial variates, each from a stream of its own (for tests)."""
    return np.array([ENGINE.binomial(key, item, n, p) for item in range(size)])


def poisson(uint64_t key, uint64_t item, const double[::1] means):
    """A Poisson variate of each of at most 64 means, all from one stream (for tests)."""
    agree(1 <= means.shape[0] <= 64, "means must be 1 to 64")
    cdef double[::1] out = np.empty(means.shape[0])
    ENGINE.poisson(key, item, &means[0], <int>means.shape[0], &out[0])
    return np.asarray(out)


def draws(uint64_t key, uint64_t item, double concentration, double width):
    """Masses of a network's first atoms, and how often a network of `width` units draws each (for
    tests)."""
    agree_on_prior(1, concentration)
    cdef sc_experiment e
    cdef double[::1] masses = np.empty(SC_ATOMS), counts = np.empty(SC_ATOMS)
    e.key, e.input_dim, e.concentration, e.truncation = key, 1, concentration, 0.0
    e.width_count, e.widths = 1, &width
    ENGINE.draws(&e, item, &masses[0], &counts[0])
    return np.asarray(masses), np.asarray(counts)


def multiply_adds(long repeats, bint single, int n_threads):
    """Run chains of multiply-adds on every thread; returns the flops (for benchmarks: the peak to
    compare with)."""
    cdef int team = team_size(2**20, n_threads), _i
    cdef double flops = 0.0, sink = 0.0
    with nogil:
        for _i in prange(team, schedule="static", num_threads=team):
            flops += ENGINE.multiply_adds(repeats, single, &sink)
    return flops
