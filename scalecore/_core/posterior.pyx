"""Chains over the posterior of the infinite-width network in parallel: each chain, with the history
that it is given, is one call of the engine."""

from cython.parallel cimport prange, threadid
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, malloc

from .bounds cimport ENGINE
from .checks cimport agree
from .engine cimport (
    SC_INPUT_MULTIPLE,
    SC_MOST_CONCENTRATION,
    SC_MOST_INPUT_DIM,
    SC_STICK_MULTIPLE,
    sc_posterior,
    sc_posterior_result,
)
from .memory cimport LINE, Memory
from .threads cimport keep_going, raise_pending, start_watch, team_size, watch

import numpy as np

STICK_MULTIPLE = SC_STICK_MULTIPLE
INPUT_MULTIPLE = SC_INPUT_MULTIPLE
MOST_STICKS, MOST_SAMPLES = MOST_STICKS_, MOST_SAMPLES_
# columns of what `chains` returns: the fields of sc_posterior_result
(LOWER, UPPER, ACCEPTANCE, FLIP_ACCEPTANCE, MOVED, EFFECTIVE, PRIOR_EFFECTIVE, SECOND_MOMENT,
 STEP) = range(9)

cdef enum:
    MOST_SAMPLES_ = 1000000000
    MOST_PLACES = 1 << 20
    MOST_INPUTS = 1 << 20
    MOST_STATES = 1 << 20
    MOST_STICKS_ = 1 << 24
    COLUMNS = 9


cdef class Chains:
    """Chains as the engine wants them, one call for each row of `jobs`: item, place, sticks,
    samples."""
    cdef sc_posterior *all
    cdef Py_ssize_t count
    cdef size_t space  # bytes that the largest of them needs

    def __cinit__(self, uint64_t key, int input_dim, double concentration, jobs, steps, bint pilot,
                  int inputs, int states, int prior_states, int prior_chains, int annealing,
                  double turn, double flips, bint accept_all=False):
        cdef int64_t[:, ::1] rows = np.ascontiguousarray(jobs, np.int64)
        cdef double[::1] step = np.ascontiguousarray(steps, np.float64)
        cdef Py_ssize_t i
        cdef sc_posterior *p
        agree(1 <= input_dim <= SC_MOST_INPUT_DIM and 0 < concentration <= SC_MOST_CONCENTRATION,
              "chains must be of a prior that can be drawn")
        agree(rows.shape[1] == 4 and step.shape[0] == rows.shape[0],
              "a job is item, place, sticks, samples, and has a step")
        agree(SC_INPUT_MULTIPLE <= inputs <= MOST_INPUTS and inputs % SC_INPUT_MULTIPLE == 0
              and 1 <= states <= MOST_STATES and 0 <= prior_states <= MOST_STATES
              and 0 <= prior_chains <= (MOST_STATES if prior_states else 0) and annealing >= 0
              and 0 < turn <= 100 and 0 <= flips <= 100,
              "a chain needs fresh inputs, states and moves")
        self.count = rows.shape[0]
        self.all = <sc_posterior *>malloc(max(self.count, 1) * sizeof(sc_posterior))
        if self.all == NULL:
            raise MemoryError("chains")
        for i in range(self.count):
            p = &self.all[i]
            agree(0 <= rows[i, 0] and 0 <= rows[i, 1] < MOST_PLACES
                  and SC_STICK_MULTIPLE <= rows[i, 2] <= MOST_STICKS_
                  and rows[i, 2] % SC_STICK_MULTIPLE == 0 and 0 <= rows[i, 3] <= MOST_SAMPLES_
                  and 0 < step[i] <= 1, "a job's numbers must be in their ranges")
            p.key, p.item, p.place = key, rows[i, 0], rows[i, 1]
            p.input_dim, p.concentration, p.truncation = input_dim, concentration, 1e-8
            p.sticks, p.samples, p.step = <int>rows[i, 2], rows[i, 3], step[i]
            p.inputs, p.states, p.annealing, p.pilot = inputs, states, annealing, pilot
            p.prior_states, p.prior_chains = prior_states, prior_chains
            p.turn, p.flips, p.accept_all = turn, flips, accept_all
            self.space = max(self.space, (ENGINE.posterior_space(p) + 63) // 64 * 64)

    def __dealloc__(self):
        free(self.all)


def chains(*, uint64_t key, int input_dim, double concentration, jobs, steps, int inputs,
           int states, int prior_states=0, int prior_chains=0, int annealing=0, double turn,
           double flips, bint pilot=False, bint accept_all=False, trace=None, int n_threads=0):
    """A row for each job: see LOWER, UPPER, ... `trace` is None, or [job, state of all chains, 1 +
    inputs] for log-likelihoods and logits. `accept_all` is for the test that has to notice it."""
    cdef Chains work = Chains(key, input_dim, concentration, jobs, steps, pilot, inputs, states,
                              prior_states, prior_chains, annealing, turn, flips, accept_all)
    results = np.zeros((work.count, COLUMNS))
    cdef double[:, ::1] out = results
    cdef double[:, :, ::1] traces = trace
    cdef Py_ssize_t i, count = work.count
    cdef int team = team_size(count, n_threads)
    cdef Memory space = Memory(work.space * team, LINE)
    cdef char *place = space.data
    cdef size_t each = work.space
    cdef const sc_posterior *all = work.all
    cdef bint traced = trace is not None
    cdef watch look
    if traced:
        agree(traces.shape[0] == count and traces.shape[2] == inputs + 1
              and traces.shape[1] == states + prior_states * prior_chains,
              "a trace is [job, state, 1 + inputs]")
    start_watch(&look)
    with nogil:
        for i in prange(count, schedule="dynamic", num_threads=team, chunksize=1):
            if keep_going(&look):
                ENGINE.posterior_chains(&all[i], place + threadid() * each, keep_going, &look,
                                        &traces[i, 0, 0] if traced else NULL,
                                        <sc_posterior_result *>&out[i, 0])
    raise_pending(&look)
    return results


def space_of(int input_dim, int sticks, int64_t samples, int inputs, int all_states):
    """Bytes that a call of the engine works on."""
    cdef sc_posterior p
    p.input_dim, p.sticks, p.samples, p.inputs = input_dim, sticks, samples, inputs
    p.states, p.prior_states, p.prior_chains = all_states, 0, 0
    return ENGINE.posterior_space(&p)


def gradient(*, uint64_t key, int input_dim, double concentration, job, bint single, latents=None,
             signs=None, int repeats=1):
    """The history of a job with the log-likelihood and its gradient at latents and signs, by
    default the truth's (for tests and benchmarks)."""
    cdef Chains work = Chains(key, input_dim, concentration, [job], [1.0], False,
                              SC_INPUT_MULTIPLE, 1, 0, 0, 0, 1.0, 0.0)
    cdef Py_ssize_t sticks = work.all[0].sticks, samples = work.all[0].samples
    cdef double[::1] position = np.full(sticks * (input_dim + 2), np.nan)
    cdef double[::1] sign = np.ones(sticks), slope = np.zeros(sticks * (input_dim + 2))
    cdef float[:, ::1] x = np.zeros((samples + 1, input_dim), np.float32)
    cdef float[::1] z = np.zeros(samples + 1, np.float32)
    cdef double[::1] tail = np.zeros(samples + 1)
    cdef double value
    cdef Memory space = Memory(work.space, LINE)
    if latents is not None:
        agree(np.shape(latents) == np.shape(position) and np.shape(signs) == np.shape(sign),
              "latents must be d + 2 numbers a stick, signs one")
        position, sign = np.array(latents, np.float64), np.array(signs, np.float64)
    with nogil:
        ENGINE.posterior_gradient(&work.all[0], single, repeats, space.data, &position[0], &sign[0],
                                  &x[0, 0], &z[0], &tail[0], &value, &slope[0])
    return {"inputs": np.asarray(x)[:samples], "labels": np.asarray(z)[:samples],
            "tail": np.asarray(tail)[:samples], "latents": np.asarray(position),
            "signs": np.asarray(sign), "log_likelihood": value, "gradient": np.asarray(slope)}
