"""Finite models in parallel: blocks of hypotheses and states of a recursion, of count vectors, and
histories of a Monte Carlo."""

from cython.parallel cimport prange, threadid
from libc.stdint cimport int32_t, uint64_t

from .bounds cimport ENGINE
from .checks cimport agree
from .engine cimport (
    SC_ACCOUNT_STATES,
    SC_FOR_TRUTH_INPUTS,
    SC_FOR_TRUTHS,
    SC_LOG_ZERO,
    SC_MOST_COUNTED,
    SC_MOST_WIDTH,
    sc_account,
    sc_finite,
    sc_recursion,
)
from .memory cimport LINE, Memory, whole_lines
from .threads cimport keep_going, raise_pending, start_watch, team_size, watch

import numpy as np

LOG_ZERO = SC_LOG_ZERO
MOST_COUNTED = SC_MOST_COUNTED
FOR_TRUTHS, FOR_INPUTS = SC_FOR_TRUTHS, SC_FOR_TRUTH_INPUTS

cdef enum:
    BLOCK = 131072  # hypotheses x count vectors of one call of the engine
    # so many, with WIDTH hypotheses of a block, stay in the second-level cache from step to step;
    # if there are
    STATES = 1024
    WIDTH = 64
    # up to so many, and blocks enough to keep threads busy, they stay in the third-level cache;
    MOST_STATES = 4096
    ENOUGH_BLOCKS = 8
    # otherwise blocks are as wide as they can be, are cut into pieces of the states, and meet after
    # every step
    PIECE = 64
    PAYS = 32768  # numbers to go through, some 20 us, before another thread pays
    MARGINALS = 1048576  # numbers that wait for `account`, or half as many as the law has


cdef Py_ssize_t worthwhile(Py_ssize_t parts, double work) noexcept nogil:
    """As many of the parts as are worth a thread each, when there is so much work (numbers that are
    gone through) in all."""
    return <Py_ssize_t>min(<double>parts, 1.0 + work / PAYS)


cdef sc_finite model_of(const double[:, :, ::1] theta, const double[:, :, ::1] log_theta):
    cdef sc_finite m
    agree(theta.shape[0] >= 1 and theta.shape[1] >= 1 and theta.shape[2] >= 8
          and theta.shape[2] % 8 == 0,
          "theta must be [input][label][hypothesis], hypotheses padded to a multiple of 8")
    for axis in range(3):
        agree(log_theta.shape[axis] == theta.shape[axis], "log_theta must have theta's shape")
    m.inputs, m.labels, m.stride = <int>theta.shape[0], <int>theta.shape[1], theta.shape[2]
    m.theta, m.log_theta = &theta[0, 0, 0], &log_theta[0, 0, 0]
    return m


cdef bint within(const int32_t[::1] places, Py_ssize_t count) noexcept:
    cdef Py_ssize_t i
    for i in range(places.shape[0]):
        if not 0 <= places[i] < count:
            return False
    return True


cdef class Recursion:
    """The law of (F, S_t), and what becomes of it step by step.

    `first`, `source`, `cell` and `weight` list the transitions by the state they lead to. Laws are
    [now or next][block of hypotheses][state][hypothesis]. No block needs another to go on, so each
    makes many steps before their marginals are added up.
    """

    cdef sc_recursion r
    cdef object kept_alive
    cdef double[:, :, :, ::1] law
    cdef double[:, :, ::1] mass
    cdef double[:, :, :, ::1] marginals  # of each step that waits
    cdef double[:, :, ::1] parts
    cdef sc_account[:, ::1] accounts
    cdef Py_ssize_t blocks, pieces, now

    def __init__(self, const double[:, :, ::1] theta, const double[:, :, ::1] log_theta,
                 const double[::1] prior, const double[::1] negentropy, const Py_ssize_t[::1] first,
                 const int32_t[::1] source, const int32_t[::1] cell, const double[::1] weight,
                 Py_ssize_t initial, Py_ssize_t hypotheses, Py_ssize_t steps):
        cdef Py_ssize_t states = first.shape[0] - 1, stride = theta.shape[2]
        cdef Py_ssize_t cells = theta.shape[0] * theta.shape[1]
        cdef bint whole = states <= STATES or (states <= MOST_STATES
                                               and stride >= ENOUGH_BLOCKS * WIDTH)
        cdef Py_ssize_t width = WIDTH if whole else SC_MOST_WIDTH, at_once
        agree(prior.shape[0] == stride == negentropy.shape[0],
              "prior and negentropy must be padded like theta")
        agree(states >= 1 and 0 <= initial < states and 0 <= hypotheses <= stride and steps >= 1,
              f"{states} states from state {initial}, {hypotheses} hypotheses, {steps} steps")
        agree(source.shape[0] == cell.shape[0] == weight.shape[0] == first[states],
              "transitions must be listed by the state they lead to")
        agree((np.diff(first) >= 0).all() and first[0] == 0,
              "transitions must be listed by the state they lead to")
        agree(within(source, states) and within(cell, cells),
              "transitions must be between states, by cells")
        self.kept_alive = (theta, log_theta, prior, negentropy, first, source, cell, weight)
        self.r.model = model_of(theta, log_theta)
        self.r.prior, self.r.negentropy = &prior[0], &negentropy[0]
        self.r.states, self.r.first = states, &first[0]
        self.r.source, self.r.cell = &source[0], &cell[0]
        self.r.weight, self.r.width = &weight[0], width
        self.blocks, self.now = (stride + width - 1) // width, 0
        self.pieces = 1 if whole else (states + PIECE - 1) // PIECE
        at_once = 1
        if self.pieces == 1:
            # the more steps, the less often a block comes back from memory
            at_once = max(1, min(64, steps, max(MARGINALS // (self.blocks * states * cells),
                                                width // cells)))
        law = np.zeros((2, self.blocks, states, width))
        real = np.arange(self.blocks * width) < hypotheses  # the others fill the last block
        law[0, :, initial] = real.reshape(self.blocks, width)
        self.law = law
        share = np.zeros((cells, self.blocks * width))
        share[:, :stride] = np.asarray(theta).reshape(cells, stride) * np.asarray(prior)
        marginals = np.zeros((at_once + 1, self.blocks, states, cells))
        marginals[0, :, initial] = share.reshape(cells, self.blocks, width).sum(axis=2).T
        self.marginals = marginals
        mass = np.zeros((2, self.blocks, states))
        mass[0, :, initial] = marginals[0, :, initial].sum(axis=1)
        self.mass = mass
        self.parts = np.empty((at_once, self.blocks * self.pieces, 3))
        chunks = (states + SC_ACCOUNT_STATES - 1) // SC_ACCOUNT_STATES
        self.accounts = np.zeros((at_once + 1, chunks), ACCOUNT)

    def run(self, const double[:, :, ::1] predictor, double[:, ::1] accounts, double[:, ::1] sums,
            Py_ssize_t[::1] impossible, int n_threads):
        """As many steps as `impossible` has places.

        Per step, accounts: x ln x of P(s,x,y), P(s,x) and P(s), the inference gap; sums, after the
        step: E ln P(S|F), E ln P(Y|F,X), and their weights' sum, 1 but for rounding;
        impossible: where the predictor (a table for every step, one for all, or none) gives 0 to
        what can happen, or -1. The last row of `accounts` is one more than the steps.
        """
        cdef Py_ssize_t steps = impossible.shape[0], at_once = self.parts.shape[0]
        cdef Py_ssize_t each = 8 * SC_ACCOUNT_STATES, t = 0, taken
        cdef Py_ssize_t count = self.blocks * self.pieces, i
        cdef double transitions = self.r.first[self.r.states]
        cdef double work = transitions * self.r.model.stride * min(at_once, steps)
        cdef int team = team_size(worthwhile(count, work), n_threads)
        cdef Memory memory
        cdef watch look
        agree(accounts.shape[0] > steps and accounts.shape[1] == 4
              and sums.shape[0] >= steps and sums.shape[1] == 3,
              f"accounts and sums must have rows for {steps} steps")
        agree(predictor.shape[0] in (0, 1) or predictor.shape[0] >= steps,
              f"{predictor.shape[0]} predictors for {steps} steps")
        agree(predictor.shape[0] == 0
              or predictor.shape[1] == self.r.states
              and predictor.shape[2] == self.marginals.shape[3],
              "predictor must be [step][state][cell]")
        each *= self.marginals.shape[3]
        memory = Memory(each * team_size(self.accounts.size, n_threads), LINE)
        start_watch(&look)
        with nogil:
            while t < steps and keep_going(&look):
                taken = min(at_once, steps - t)
                for i in prange(count, schedule="dynamic", num_threads=team):
                    self.advance(i, taken, &look)
                self.now = (self.now + taken) % 2
                self.account(predictor, t, taken, memory.data, each, n_threads)
                self.add_up(t, taken, accounts, sums, impossible)
                t += taken
        raise_pending(&look)

    cdef void advance(self, Py_ssize_t item, Py_ssize_t steps, watch *look) noexcept nogil:
        cdef Py_ssize_t block = item // self.pieces, piece = item % self.pieces
        cdef Py_ssize_t first = piece * PIECE, last = first + PIECE
        cdef Py_ssize_t now = self.now, after, t
        if self.pieces == 1:
            first = 0
        if self.pieces == 1 or last > self.r.states:
            last = self.r.states
        for t in range(steps):
            after = 1 - now
            if keep_going(look):
                ENGINE.recur(&self.r, block, first, last, &self.mass[now, block, 0],
                             &self.law[now, block, 0, 0], &self.law[after, block, 0, 0],
                             &self.mass[after, block, 0], &self.marginals[t + 1, block, 0, 0],
                             &self.parts[t, item, 0])
            now = after

    cdef void account(self, const double[:, :, ::1] predictor, Py_ssize_t first, Py_ssize_t steps,
                      char *space, Py_ssize_t each, int n_threads) noexcept nogil:
        """Account for the state before each of these steps, and after the last one, for which there
        is no predictor yet."""
        cdef Py_ssize_t chunks = self.accounts.shape[1], count = (steps + 1) * chunks
        cdef Py_ssize_t tables = predictor.shape[0], i, t
        cdef double numbers = <double>(steps + 1) * self.r.states * self.marginals.shape[3]
        cdef double work = numbers * (self.blocks + 10)
        cdef int team = team_size(worthwhile(count, work), n_threads)
        cdef const double *table
        for i in prange(count, schedule="static", num_threads=team):
            t = i // chunks
            table = NULL
            if tables > 0 and t < steps:
                table = &predictor[first + t if tables > 1 else 0, 0, 0]
            ENGINE.account(&self.r, i % chunks * SC_ACCOUNT_STATES, self.blocks,
                           &self.marginals[t, 0, 0, 0], table, space + threadid() * each,
                           &self.accounts[t, i % chunks])

    cdef void add_up(self, Py_ssize_t first, Py_ssize_t steps, double[:, ::1] accounts,
                     double[:, ::1] sums, Py_ssize_t[::1] impossible) noexcept nogil:
        cdef Py_ssize_t i, t
        cdef sc_account *a
        for t in range(steps + 1):
            accounts[first + t, :] = 0.0
            if t < steps:
                sums[first + t, :] = 0.0
                impossible[first + t] = -1
                for i in range(self.parts.shape[1]):
                    sums[first + t, 0] += self.parts[t, i, 0]
                    sums[first + t, 1] += self.parts[t, i, 1]
                    sums[first + t, 2] += self.parts[t, i, 2]
            for i in range(self.accounts.shape[1]):
                a = &self.accounts[t, i]
                accounts[first + t, 0] += a.cells
                accounts[first + t, 1] += a.inputs
                accounts[first + t, 2] += a.states
                accounts[first + t, 3] += a.gap
                if t < steps and impossible[first + t] < 0:
                    impossible[first + t] = a.impossible
        self.marginals[0] = self.marginals[steps]


ACCOUNT = np.dtype([("cells", "f8"), ("inputs", "f8"), ("states", "f8"), ("gap", "f8"),
                    ("impossible", np.intp)])


def count_vectors(const double[:, :, ::1] theta, const double[:, :, ::1] log_theta,
                  const double[::1] truth, const double[::1] learner,
                  const double[::1] log_factorial, int samples, uint64_t first, uint64_t last,
                  int n_threads):
    """Count vectors first .. last of `samples` samples: their shares of
    E ln(P(counts|F) / learner), a number for each block."""
    cdef sc_finite m = model_of(theta, log_theta)
    agree(truth.shape[0] == m.stride == learner.shape[0], "laws must be padded like theta")
    agree(0 <= samples < log_factorial.shape[0] and samples <= SC_MOST_COUNTED and first <= last,
          f"count vectors {first} to {last} of {samples} samples")
    cdef Py_ssize_t each = max(1, BLOCK // m.stride), i
    cdef Py_ssize_t blocks = <Py_ssize_t>((last - first + each - 1) // each)
    cdef double[::1] out = np.zeros(blocks)
    cdef int team = team_size(blocks, n_threads)
    cdef size_t room = whole_lines(ENGINE.enumerate_space(&m))
    cdef Memory memory = Memory(room * team, LINE)
    cdef char *space = memory.data
    cdef watch look
    start_watch(&look)
    with nogil:
        for i in prange(blocks, schedule="dynamic", num_threads=team):
            if keep_going(&look):
                out[i] = ENGINE.enumerate(&m, &truth[0], &learner[0], &log_factorial[0],
                                          samples, first + <uint64_t>(i * each),
                                          min(each, <Py_ssize_t>(last - first) - i * each),
                                          space + threadid() * room)
    raise_pending(&look)
    return np.asarray(out)


def histories(const double[:, :, ::1] theta, const double[:, :, ::1] log_theta,
              const double[::1] cumulative, const double[::1] log_truth,
              const double[::1] log_learner, const double[::1] negentropy, uint64_t key,
              uint64_t first, double[:, ::1] out, int n_threads):
    """Histories first, first + 1, ...: a row of `out` each, the learner's expected error at every
    sample given those before.

    An empty `log_learner` is the best learner: it believes the truth's law.
    """
    cdef sc_finite m = model_of(theta, log_theta)
    agree(cumulative.shape[0] == m.stride == log_truth.shape[0] and negentropy.shape[0] == m.stride,
          "laws must be padded like theta")
    agree(log_learner.shape[0] in (0, m.stride), "log_learner must be padded like theta, or empty")
    if out.shape[0] == 0 or out.shape[1] == 0:
        return
    cdef Py_ssize_t count = out.shape[0], samples = out.shape[1], i
    cdef double work = <double>count * samples * m.stride * (m.inputs * m.labels + 10)
    cdef int team = team_size(worthwhile(count, work), n_threads)
    cdef size_t room = whole_lines(ENGINE.replicate_space(&m))
    cdef const double *learner = &log_learner[0] if log_learner.shape[0] else NULL
    cdef Memory memory = Memory(room * team, LINE)
    cdef char *space = memory.data
    cdef watch look
    start_watch(&look)
    with nogil:
        for i in prange(count, schedule="dynamic", num_threads=team):
            if keep_going(&look):
                ENGINE.replicate(&m, &cumulative[0], &log_truth[0], learner, &negentropy[0],
                                 key, first + <uint64_t>i, samples, space + threadid() * room,
                                 keep_going, &look, &out[i, 0])
    raise_pending(&look)
