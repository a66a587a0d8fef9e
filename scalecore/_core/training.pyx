"""Learners in parallel: a block of samples is drawn once for all learners of a repeat, and they
read it in batches.

While the learners read one block, the next one is drawn. Blocks begin at fixed samples and learners
read them in order, so neither threads nor interruptions change a result.
"""

from cython.parallel cimport prange, threadid
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy

from .bounds cimport ENGINE
from .checks cimport agree
from .engine cimport (
    SC_COMPLETE,
    SC_EVALUATE,
    SC_LEARN,
    SC_SAMPLE_MULTIPLE,
    SC_SGD,
    sc_mode,
    sc_sample_block,
)
from .learners cimport Learners, batches_of, learner_batches, update
from .memory cimport PAGE, Memory, whole_pages
from .sample_blocks cimport Blocks, GivenBlocks, block_size, draw_samples, sample_source, source_of
from .threads cimport raise_pending, start_watch, team_size, watch

import numpy as np

from .learners import check_dimensions


def train(*, uint64_t key, int input_dim, double concentration, bint single, str optimizer,
          double decay, double decay_start, list features, list states, const double[::1] rates,
          double[:, :, ::1] sums, int64_t[:, :, ::1] read, int64_t[:, :, ::1] diverged,
          double[:, :, :, ::1] record, const int64_t[::1] checkpoints, int64_t samples,
          int n_threads, advance):
    """Let every learner read its repeat's samples until `samples`, in place.

    A state is [repeat, rate, plane, input_dim + 1, width] for each width; sums, read, diverged,
    record are [repeat, width, rate]. ADF has its features for each width, directions and basis, and
    [repeat, rate, plane, p + 1, p] for its p coefficients. When a signal handler raises, all arrays
    hold what was reached.
    """
    cdef int repeats = <int>sums.shape[0], item, team, count
    check_dimensions(optimizer, features, states, input_dim, single)
    agree(record.shape[3] == checkpoints.shape[0] and (np.diff(checkpoints) > 0).all()
          and np.min(read, initial=0) >= 0, "checkpoints must rise, and have a place in the record")
    cdef Learners learners = Learners(optimizer, features, states, rates, sums, read, diverged,
                                      record, n_threads)
    cdef int size = block_size(repeats, input_dim, single)
    cdef Blocks current = Blocks(key, input_dim, concentration, 0, repeats, size, single, False)
    cdef Blocks upcoming = Blocks(key, input_dim, concentration, 0, repeats, size, single, False)
    cdef size_t each = whole_pages(max(ENGINE.train_space(), ENGINE.samples_space(input_dim, size)))
    cdef int64_t first = np.min(read) // size * size
    cdef learner_batches batches = batches_of(learners)
    cdef sample_source source = source_of(upcoming)
    cdef sc_sample_block *sample_blocks
    cdef watch look
    cdef char *place
    team = team_size(repeats + batches.count, n_threads)
    cdef Memory space = Memory(each * team, PAGE, zeroed=True)
    place = space.data
    start_watch(&look)
    upcoming.announce(learners.optimizer, first, <int>min(<int64_t>size, samples - first),
                      decay, decay_start, checkpoints)
    with nogil:
        for item in prange(repeats, schedule="dynamic", num_threads=min(team, repeats)):
            draw_samples(&source, item, place + threadid() * each, &look)
    try:
        while first < samples and not look.stop:
            current, upcoming = upcoming, current
            count = repeats if first + size < samples else 0  # repeats whose next block is wanted
            if count:
                upcoming.announce(learners.optimizer, first + size,
                                  <int>min(<int64_t>size, samples - first - size), decay,
                                  decay_start, checkpoints)
            source, sample_blocks = source_of(upcoming), current.sample_blocks
            with nogil:
                for item in prange(count + batches.count, schedule="dynamic", num_threads=team):
                    if item < count:
                        draw_samples(&source, item, place + threadid() * each, &look)
                    else:  # the widest first
                        update(&batches, batches.count - 1 - (item - count), SC_LEARN,
                               sample_blocks, place + threadid() * each, &look)
            if not look.stop:
                advance(min(first + size, samples) - first)
            first += size
    finally:
        learners.copy(True)
    raise_pending(&look)


def train_on(*, int input_dim, bint single, str optimizer, double decay, double decay_start,
             list features, list states, const double[::1] rates, double[:, :, ::1] sums,
             int64_t[:, :, ::1] read, int64_t[:, :, ::1] diverged, double[:, :, :, ::1] record,
             const int64_t[::1] checkpoints, int64_t first, blocks, bint complete, int n_threads,
             advance):
    """Let every learner read the samples that `blocks` yields, from number `first` on, in place.

    Each block is inputs [repeat or 1, sample, input_dim] with labels; all but the last have an even
    number of samples, and so has `first` (see csrc/training/sgd.h). Arrays are those of `train`. If
    `complete`, states alone change: they learn from a sample that waits for its partner, whose
    place behind it must be there, with anything finite.
    """
    check_dimensions(optimizer, features, states, input_dim, single)
    agree(record.shape[3] == checkpoints.shape[0] and (np.diff(checkpoints) > 0).all()
          and np.min(read, initial=0) >= 0 and first % 2 == 0 and first >= 0,
          "checkpoints must rise, and have a place in the record; blocks begin at even samples")
    cdef Learners learners = Learners(optimizer, features, states, rates, sums, read, diverged,
                                      record, n_threads)
    cdef GivenBlocks given = GivenBlocks(<int>sums.shape[0], input_dim, single)
    cdef learner_batches batches = batches_of(learners)
    cdef int item, count = 0, team = team_size(batches.count, n_threads)
    cdef size_t each = whole_pages(ENGINE.train_space())
    cdef sc_mode mode = SC_COMPLETE if complete else SC_LEARN
    cdef Memory space = Memory(each * team, PAGE, zeroed=True)
    cdef char *place = space.data
    cdef watch look
    start_watch(&look)
    try:
        for inputs, labels in blocks:
            agree(count % 2 == 0, "only the last block may have an odd number of samples")
            count = given.take(inputs, labels, learners.optimizer, first, decay, decay_start,
                               checkpoints, complete)
            with nogil:
                for item in prange(batches.count, schedule="dynamic", num_threads=team):
                    update(&batches, batches.count - 1 - item, mode, given.sample_blocks,
                           place + threadid() * each, &look)
            if look.stop:
                break
            advance(count)
            first += count
    finally:
        learners.copy(True)
    raise_pending(&look)


def final_errors(*, uint64_t key, int input_dim, double concentration, bint single, str optimizer,
                 double decay, double decay_start, list features, list states,
                 const double[::1] rates, int64_t samples, int first_repeat, int inputs,
                 double[:, :, ::1] errors, int n_threads):
    """The learners after exactly `samples` samples: their states in place, and their mean errors on
    fresh inputs.

    `inputs` is a multiple of SC_SAMPLE_MULTIPLE. (SGD's states wait for every second sample: see
    csrc/training/sgd.h.)
    """
    cdef int repeats = <int>errors.shape[0], item, team, number, tail
    check_dimensions(optimizer, features, states, input_dim, single)
    nowhere = np.zeros((errors.shape[0], errors.shape[1], errors.shape[2]), np.int64)
    cdef int64_t[::1] at_end = np.array([inputs], np.int64)
    cdef double[:, :, :, ::1] record = np.empty((errors.shape[0], errors.shape[1], errors.shape[2],
                                                 1))
    cdef Learners learners = Learners(optimizer, features, states, rates,
                                      np.zeros(np.shape(errors)), nowhere, nowhere.copy(), record,
                                      n_threads)
    cdef bint waiting = samples % 2 == 1 and learners.optimizer == SC_SGD
    cdef Blocks fresh = Blocks(key, input_dim, concentration, first_repeat, repeats, inputs, single,
                               True)
    cdef Blocks last = Blocks(key, input_dim, concentration, first_repeat, repeats,
                              SC_SAMPLE_MULTIPLE, single, False)
    cdef size_t number_size = sizeof(float) if single else sizeof(double)
    cdef size_t each = whole_pages(max(ENGINE.train_space(),
                                       ENGINE.samples_space(input_dim, inputs)))
    cdef learner_batches batches = batches_of(learners)
    cdef sample_source new = source_of(fresh), old = source_of(last)
    cdef sc_sample_block *data
    cdef watch look
    cdef char *place
    team = team_size(repeats + batches.count, n_threads)
    cdef Memory space = Memory(each * team, PAGE, zeroed=True)
    place = space.data
    start_watch(&look)
    fresh.announce(learners.optimizer, 0, inputs, decay, decay_start, at_end)
    tail = <int>((samples - 1) % SC_SAMPLE_MULTIPLE)
    last.announce(learners.optimizer, samples - 1 - tail, SC_SAMPLE_MULTIPLE, decay, decay_start,
                  at_end)
    with nogil:
        for item in prange(repeats * (2 if waiting else 1), schedule="dynamic", num_threads=team):
            if item < repeats:
                draw_samples(&new, item, place + threadid() * each, &look)
            else:
                draw_samples(&old, item - repeats, place + threadid() * each, &look)
    if waiting:
        for item in range(repeats):
            data = &last.sample_blocks[item]
            data.inputs, data.labels = (<char *>data.inputs + number_size * tail * input_dim,
                                        <char *>data.labels + number_size * tail)
            data.rate, data.count = data.rate + tail, 1
        with nogil:
            for number in prange(batches.count, schedule="dynamic",
                                 num_threads=min(team, batches.count)):
                update(&batches, number, SC_COMPLETE, old.sample_blocks, place + threadid() * each,
                       &look)
    learners.copy(True)
    with nogil:
        for number in prange(batches.count, schedule="dynamic",
                             num_threads=min(team, batches.count)):
            update(&batches, number, SC_EVALUATE, new.sample_blocks, place + threadid() * each,
                   &look)
    raise_pending(&look)
    errors[...] = record[:, :, :, 0]


def samples(uint64_t key, int input_dim, double concentration, int repeat, int64_t first, int count,
            bint single, bint fresh):
    """Inputs, labels and probabilities of `count` samples of a repeat, whole multiples of
    SC_SAMPLE_MULTIPLE."""
    cdef Blocks block = Blocks(key, input_dim, concentration, repeat, 1, count, single, fresh)
    cdef Memory space = Memory(ENGINE.samples_space(input_dim, count), PAGE, zeroed=True)
    cdef watch look
    cdef const sc_sample_block *data
    cdef sample_source source
    dtype = np.float32 if single else np.float64
    inputs, labels = np.empty((count, input_dim), dtype), np.empty(count, dtype)
    probability = np.empty(count)
    cdef size_t to_inputs = inputs.ctypes.data, to_labels = labels.ctypes.data
    cdef size_t to_probability = probability.ctypes.data
    block.announce(SC_SGD, first, count, 0.0, 1.0, np.zeros(0, np.int64))
    data = &block.sample_blocks[0]
    source = source_of(block)
    start_watch(&look)
    with nogil:
        draw_samples(&source, 0, space.data, &look)
        memcpy(<void *>to_inputs, data.inputs, inputs_bytes(count, input_dim, single))
        memcpy(<void *>to_labels, data.labels, inputs_bytes(count, 1, single))
        memcpy(<void *>to_probability, data.probability, count * sizeof(double))
    raise_pending(&look)
    return inputs, labels, probability


cdef size_t inputs_bytes(Py_ssize_t count, int input_dim, bint single) noexcept nogil:
    return count * input_dim * (sizeof(float) if single else sizeof(double))


def sweeps(float[::1] weights, long repeats):
    """Read, change and write all weights `repeats` times on one thread (for benchmarks: what a step
    cannot do without)."""
    with nogil:
        ENGINE.sweeps(&weights[0], weights.shape[0], repeats)
