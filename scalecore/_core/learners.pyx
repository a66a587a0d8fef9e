"""Learners as the engine wants them; see learners.pxd."""

from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free

from .bounds cimport ENGINE
from .checks cimport agree
from .engine cimport (
    SC_ADAM,
    SC_ADF,
    SC_LEARN,
    SC_LEARNER_BATCH,
    SC_MOST_WIDTH_TRAINED,
    SC_SGD,
    sc_features,
    sc_learner,
    sc_mode,
    sc_optimizer,
    sc_sample_block,
)
from .memory cimport PAGE, Memory, address_of, whole_pages
from .threads cimport keep_going, team_size, watch

import numpy as np

cdef enum:
    # of learners that are updated together: read from the second cache as fast as they can be
    # updated. Fewer would share less of what is done once a sample for all of them.
    BATCH_BYTES = 128 << 10


cdef sc_optimizer optimizer_of(str name) noexcept:
    return SC_SGD if name == "sgd" else SC_ADAM if name == "adam" else <sc_optimizer>SC_ADF


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
        self.memory = Memory(sum(self.size(place[3]) for place in places) + PAGE * len(places),
                             PAGE, zeroed=True)
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
