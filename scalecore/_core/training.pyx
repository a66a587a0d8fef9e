"""Learners in parallel: a block of samples is drawn once for all learners of a repeat, and they
read it in batches.

While the learners read one block, the next one is drawn. Blocks begin at fixed samples and learners
read them in order, so neither threads nor interruptions change a result.
"""

from cython.parallel cimport prange, threadid
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from .checks cimport agree
from .engine cimport (
    SC_ADAM,
    SC_ADF,
    SC_LEARNER_BATCH,
    SC_COMPLETE,
    SC_EVALUATE,
    SC_LEARN,
    SC_SAMPLE_MULTIPLE,
    SC_MOST_CONCENTRATION,
    SC_MOST_INPUT_DIM,
    SC_MOST_WIDTH_TRAINED,
    SC_SGD,
    sc_engine,
    sc_engine_find,
    sc_experiment,
    sc_features,
    sc_learner,
    sc_sample_block,
    sc_mode,
    sc_optimizer,
)
from .threads cimport keep_going, raise_pending, start_watch, team_size, watch

import numpy as np

from .bounds import instruction_set

cdef const sc_engine *ENGINE = sc_engine_find(instruction_set().encode())

cdef enum:
    MOST_SAMPLES = 4096       # of a block
    MOST_BYTES = 64 << 20     # of samples, both blocks of all repeats together
    BATCH_BYTES = 26 << 10    # of learners that are updated together: they stay in the first cache
    PAGE = 4096


cdef class Memory:
    """Zeroed memory that begins on a page."""
    cdef char *raw
    cdef char *data

    def __cinit__(self, size_t size):
        self.raw = <char *>calloc(size + PAGE, 1)
        if self.raw == NULL:
            raise MemoryError(f"{size} bytes of work space")
        self.data = self.raw + (PAGE - <size_t>self.raw % PAGE) % PAGE

    def __dealloc__(self):
        free(self.raw)


cdef size_t whole_lines(size_t size) noexcept:
    return (size + 63) // 64 * 64


cdef size_t whole_pages(size_t size) noexcept:
    """What one thread writes has pages of its own: prefetching beyond its end would take lines from
    another thread."""
    return (size + PAGE - 1) // PAGE * PAGE


cdef void describe(sc_sample_block *data, int input_dim, bint single, sc_optimizer optimizer,
                   int64_t first, int count, const double *factors, int size,
                   const int64_t[::1] checkpoints) noexcept:
    """Say all of a block but where its samples are; `factors` are three times `size` numbers."""
    data.input_dim, data.single, data.optimizer = input_dim, single, optimizer
    data.first, data.count = first, count
    data.rate, data.first_moment = factors, factors + size
    data.second_moment = factors + 2 * size
    data.checkpoint_count = <int>checkpoints.shape[0]
    data.checkpoints = &checkpoints[0] if checkpoints.shape[0] else NULL


cdef class Blocks:
    """A block of every repeat's samples, and the factors on their rates."""
    cdef sc_experiment experiment
    cdef int first_repeat, repeats, size, single, fresh
    cdef size_t inputs, labels      # bytes a repeat
    cdef Memory memory
    cdef sc_sample_block *sample_blocks

    def __cinit__(self, uint64_t key, int input_dim, double concentration, int first_repeat,
                  int repeats, int size, bint single, bint fresh):
        cdef size_t number = sizeof(float) if single else sizeof(double)
        agree(1 <= input_dim <= SC_MOST_INPUT_DIM and 0 < concentration <= SC_MOST_CONCENTRATION
              and first_repeat >= 0 and repeats >= 1 and size >= 1
              and size % SC_SAMPLE_MULTIPLE == 0,
              "samples must be of a prior that can be drawn, in whole blocks")
        self.experiment.key = key
        self.experiment.input_dim, self.experiment.concentration = input_dim, concentration
        self.experiment.truncation, self.experiment.inputs = 1e-8, size
        self.first_repeat, self.repeats, self.size = first_repeat, repeats, size
        self.single, self.fresh = single, fresh
        self.inputs = whole_lines(number * input_dim * size)
        self.labels = whole_lines(number * size)
        self.memory = Memory(repeats * (self.inputs + self.labels + 2 * sizeof(double) * size)
                             + 3 * sizeof(double) * size)
        self.sample_blocks = <sc_sample_block *>calloc(repeats, sizeof(sc_sample_block))
        if self.sample_blocks == NULL:
            raise MemoryError("sample_blocks")

    def __dealloc__(self):
        free(self.sample_blocks)

    cdef void announce(self, sc_optimizer optimizer, int64_t first, int count, double decay,
                       double decay_start, const int64_t[::1] checkpoints) noexcept:
        """Say which samples the block holds: they begin at `first`, and `count` of them are to be
        read.
        """
        cdef double *factors = <double *>self.memory.data
        cdef char *place = self.memory.data + 3 * sizeof(double) * self.size
        cdef sc_sample_block *data
        ENGINE.schedule(first, self.size, decay, decay_start, factors, factors + self.size,
                        factors + 2 * self.size)
        for repeat in range(self.repeats):
            data = &self.sample_blocks[repeat]
            describe(data, self.experiment.input_dim, self.single, optimizer, first, count, factors,
                     self.size, checkpoints)
            data.inputs, data.labels = place, place + self.inputs
            data.probability = <double *>(place + self.inputs + self.labels)
            data.offset = data.probability + self.size
            place += self.inputs + self.labels + 2 * sizeof(double) * self.size


cdef class GivenBlocks:
    """Blocks of samples that the caller has, in arrays [repeat, sample, input] and [repeat,
    sample]; a single repeat is everybody's.

    Nobody knows the probability of a label. With the label itself in its place, what is charged for
    a sample is the log-loss.
    """
    cdef int repeats, input_dim, single
    cdef sc_sample_block *sample_blocks
    cdef tuple arrays   # that the blocks point into

    def __cinit__(self, int repeats, int input_dim, bint single):
        self.repeats, self.input_dim, self.single = repeats, input_dim, single
        self.sample_blocks = <sc_sample_block *>calloc(repeats, sizeof(sc_sample_block))
        if self.sample_blocks == NULL:
            raise MemoryError("sample_blocks")

    def __dealloc__(self):
        free(self.sample_blocks)

    cdef int take(self, inputs, labels, sc_optimizer optimizer, int64_t first, double decay,
                  double decay_start, const int64_t[::1] checkpoints, bint but_the_last) except -1:
        """Point at samples, the first of which is number `first`; return how many are to be read.
        """
        cdef int number, count = labels.shape[1] - but_the_last, size = (count + 7) // 8 * 8
        dtype = np.float32 if self.single else np.float64
        agree(inputs.dtype == dtype == labels.dtype and inputs.flags.c_contiguous
              and labels.flags.c_contiguous and labels.shape[0] in (1, self.repeats) and count >= 1
              and inputs.shape == (*labels.shape, self.input_dim),
              "samples must be inputs [repeat, sample, input] with labels, of the states' type")
        factors, probability = np.empty((3, size)), labels.astype(np.float64)
        offset = np.zeros(labels.shape[1])
        self.arrays = inputs, labels, factors, probability, offset
        cdef double *factor = <double *>address_of(factors)
        ENGINE.schedule(first, size, decay, decay_start, factor, factor + size, factor + 2 * size)
        for repeat in range(self.repeats):
            number = repeat if labels.shape[0] > 1 else 0
            describe(&self.sample_blocks[repeat], self.input_dim, self.single, optimizer, first,
                     count, factor, size, checkpoints)
            self.sample_blocks[repeat].inputs = address_of(inputs[number])
            self.sample_blocks[repeat].labels = address_of(labels[number])
            self.sample_blocks[repeat].probability = <double *>address_of(probability[number])
            self.sample_blocks[repeat].offset = <double *>address_of(offset)
        return count


cdef struct sample_source:
    sc_experiment experiment
    sc_sample_block *sample_blocks
    int first_repeat, single, fresh


cdef sample_source source_of(Blocks blocks) noexcept:
    cdef sample_source source
    source.experiment, source.sample_blocks = blocks.experiment, blocks.sample_blocks
    source.first_repeat, source.single = blocks.first_repeat, blocks.single
    source.fresh = blocks.fresh
    return source


cdef void draw_samples(const sample_source *source, int number, void *space,
                       watch *look) noexcept nogil:
    cdef const sc_sample_block *data = &source.sample_blocks[number]
    ENGINE.samples(&source.experiment, source.single, source.first_repeat + number, source.fresh,
                   data.first, space, keep_going, look, <void *>data.inputs, <void *>data.labels,
                   <double *>data.probability, <double *>data.offset)


cdef int block_size(int repeats, int input_dim, bint single):
    cdef Py_ssize_t each = 2 * repeats * input_dim * (sizeof(float) if single else sizeof(double))
    return min(MOST_SAMPLES, max(<Py_ssize_t>SC_SAMPLE_MULTIPLE,
                                 MOST_BYTES // each // SC_SAMPLE_MULTIPLE * SC_SAMPLE_MULTIPLE))


cdef sc_optimizer optimizer_of(str name) noexcept:
    return SC_SGD if name == "sgd" else SC_ADAM if name == "adam" else <sc_optimizer>SC_ADF


cdef void *address_of(array) noexcept:
    cdef size_t address = array.ctypes.data
    return <void *>address


def padded_columns(basis):
    """A basis [coefficient, raw] as the engine wants it, [raw, coefficients padded to a multiple of
    8]."""
    padded = np.zeros((basis.shape[1], (basis.shape[0] + 7) // 8 * 8))
    padded[:, :basis.shape[0]] = basis.T
    return padded


def check_learners(optimizer, features, states, tuple shape, tuple arrays):
    """Every array that learners point into is as large as the engine takes it to be."""
    repeats, widths, rates = shape
    planes, adf = 3 if optimizer == "adam" else 1, optimizer == "adf"
    agree(optimizer in ("sgd", "adam", "adf") and repeats * widths * rates >= 1,
          "there must be learners")
    agree(np.shape(arrays[0]) == (rates,)
          and all(np.shape(array)[:3] == shape for array in arrays[1:]),
          "records must be [repeat, width, rate]")
    agree(len(states) == widths and len(features) == (widths if adf else 0),
          "there must be a state for each width")
    for state in states:
        agree(isinstance(state, np.ndarray) and state.ndim == 5 and state.flags.carray
              and state.shape[:3] == (repeats, rates, planes)
              and 1 <= state.shape[4] <= SC_MOST_WIDTH_TRAINED
              and state.dtype in (np.float32, np.float64) and state.dtype == states[0].dtype,
              "states must be [repeat, rate, plane, row, unit], of one type")
        rows = state.shape[4] + 1 if adf else states[0].shape[3]
        agree(state.shape[3] == rows and rows >= 2,
              "states must have a row for each input and one for the output weights")
    for state, (directions, basis) in zip(states, features):
        agree(all(array.dtype == np.float64 and array.flags.c_contiguous and array.ndim == 2
                  for array in (directions, basis)) and directions.shape[1] >= 1
              and basis.shape == (state.shape[4], sum(directions.shape)),
              "features must be directions, and a basis of as many coefficients as the state has")


def check_dimensions(optimizer, features, states, input_dim, single):
    """States are of the samples' dimension and type."""
    if optimizer == "adf":
        dims = [directions.shape[1] for directions, _ in features]
    else:
        dims = [state.shape[3] - 1 for state in states]
    dtype = np.float32 if single and optimizer != "adf" else np.float64
    agree(set(dims) == {input_dim}, "states and samples must have the same dimension")
    agree(all(state.dtype == dtype for state in states),
          "states and samples must have the same type")


cdef class Learners:
    """Every learner's state as the engine wants it, in batches that are updated together.

    Learners of a batch are of one repeat, have read equally many samples, and fit into a cache.
    """
    cdef sc_learner *all
    cdef int *starts
    cdef int *repeat
    cdef int batches
    cdef sc_optimizer optimizer
    cdef int input_dim, single, count
    cdef sc_features *features  # of each width, for ADF
    cdef void **plain   # each one's plain array
    cdef tuple arrays   # that learners point into
    cdef Memory memory

    def __cinit__(self, str optimizer, list features, list states, const double[::1] rates,
                  double[:, :, ::1] sums, int64_t[:, :, ::1] read, int64_t[:, :, ::1] diverged,
                  double[:, :, :, ::1] record, int n_threads):
        cdef int repeats = <int>sums.shape[0], widths = <int>sums.shape[1]
        cdef int rate_count = <int>sums.shape[2], r, w, i
        cdef size_t bytes = 0, each
        cdef sc_learner *learner
        cdef char *place
        cdef int most, team = team_size(2**30, n_threads)
        check_learners(optimizer, features, states, (repeats, widths, rate_count),
                       (rates, sums, read, diverged, record[:, :, :, :0]))
        self.optimizer, self.count = optimizer_of(optimizer), repeats * widths * rate_count
        tables = [(directions, padded_columns(basis)) for directions, basis in features]
        self.arrays = (states, sums, read, diverged, record, tables)
        self.input_dim, self.single = states[0].shape[3] - 1, states[0].dtype == np.float32
        self.all = <sc_learner *>calloc(self.count, sizeof(sc_learner))
        self.starts = <int *>calloc(self.count + 1, sizeof(int))
        self.repeat = <int *>calloc(self.count, sizeof(int))
        self.plain = <void **>calloc(self.count, sizeof(void *))
        self.features = <sc_features *>calloc(widths, sizeof(sc_features))
        if (self.all == NULL or self.starts == NULL or self.repeat == NULL or self.plain == NULL
                or self.features == NULL):
            raise MemoryError("learners")
        for w, (directions, basis) in enumerate(tables):
            self.features[w].raw = basis.shape[0]
            self.features[w].directions = <const double *>address_of(directions)
            self.features[w].basis = <const double *>address_of(basis)
        # how learners are put together changes no bit
        most = min(SC_LEARNER_BATCH, (self.count + team - 1) // team)
        wide = [state.shape[4] for state in states]
        places = sorted(
            ((r, read[r, w, i], wide[w], w, i) for r in range(repeats) for w in range(widths)
             for i in range(rate_count))
        )
        # batches begin with pages
        self.memory = Memory(sum(self.size(place[3]) for place in places) + PAGE * len(places))
        place = self.memory.data
        before = None
        for number, (r, position, width, w, i) in enumerate(places):
            each = self.size(w)
            reads = (r, position)  # the next sample that this learner reads
            if (reads != before or bytes + each > BATCH_BYTES
                    or number - self.starts[self.batches - 1] == most):
                self.starts[self.batches], self.repeat[self.batches] = number, r
                self.batches += 1
                bytes = 0
                place = self.memory.data + whole_pages(place - self.memory.data)
            before, bytes = reads, bytes + each
            learner = &self.all[number]
            learner.width, learner.rate, learner.state = width, rates[i], place
            learner.sum, learner.read = &sums[r, w, i], &read[r, w, i]
            learner.diverged = &diverged[r, w, i]
            learner.record = &record[r, w, i, 0] if record.shape[3] else NULL
            learner.features = &self.features[w]
            self.plain[number] = address_of(states[w][r, i])
            place += each
        self.starts[self.batches] = self.count
        self.copy(False)

    def __dealloc__(self):
        free(self.all)
        free(self.starts)
        free(self.repeat)
        free(self.plain)
        free(self.features)

    cdef size_t size(self, int w) noexcept:
        """Bytes of a learner of width number w."""
        cdef int rows = self.features[w].raw if self.optimizer == SC_ADF else self.input_dim
        return ENGINE.learner_size(self.single, self.optimizer, rows, self.arrays[0][w].shape[4])

    cdef void copy(self, bint out) noexcept:
        """Between the engine's states and the plain arrays. No Python here: an interrupt may be
        pending."""
        cdef int number
        for number in range(self.count):
            ENGINE.learner_copy(self.single, self.optimizer, self.input_dim, self.all[number].width,
                                self.all[number].state, self.plain[number], out)


cdef struct learner_batches:
    const sc_learner *learners
    const int *starts
    const int *repeat
    int count


cdef learner_batches batches_of(Learners learners) noexcept:
    cdef learner_batches batches
    batches.learners, batches.starts = learners.all, learners.starts
    batches.repeat, batches.count = learners.repeat, learners.batches
    return batches


cdef void update(const learner_batches *batches, int number, sc_mode mode,
                 const sc_sample_block *sample_blocks, void *space, watch *look) noexcept nogil:
    cdef const sc_sample_block *data = &sample_blocks[batches.repeat[number]]
    cdef const sc_learner *first = &batches.learners[batches.starts[number]]
    if mode != SC_LEARN or first.read[0] < data.first + data.count:
        ENGINE.train(data, mode, first, batches.starts[number + 1] - batches.starts[number], space,
                     keep_going, look)


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
    cdef Memory space = Memory(each * team)
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
    cdef Memory space = Memory(each * team)
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
    cdef Memory space = Memory(each * team)
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
    cdef Memory space = Memory(ENGINE.samples_space(input_dim, count))
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
