"""Blocks of samples that all learners of a repeat read; see sample_blocks.pxd."""

from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free

from .bounds cimport ENGINE
from .checks cimport agree
from .engine cimport (
    SC_MOST_CONCENTRATION,
    SC_MOST_INPUT_DIM,
    SC_SAMPLE_MULTIPLE,
    sc_optimizer,
    sc_sample_block,
)
from .memory cimport PAGE, Memory, address_of, whole_lines
from .threads cimport keep_going, watch

import numpy as np

cdef enum:
    MOST_SAMPLES = 4096       # of a block
    MOST_BYTES = 64 << 20     # of samples, both blocks of all repeats together


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
                             + 3 * sizeof(double) * size, PAGE, zeroed=True)
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
