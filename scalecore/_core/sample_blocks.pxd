"""Blocks of samples that all learners of a repeat read: drawn here, or the caller's own."""

from libc.stdint cimport int64_t

from .engine cimport sc_experiment, sc_optimizer, sc_sample_block
from .memory cimport Memory
from .threads cimport watch


cdef class Blocks:
    cdef sc_experiment experiment
    cdef int first_repeat, repeats, size, single, fresh
    cdef size_t inputs, labels      # bytes a repeat
    cdef Memory memory
    cdef sc_sample_block *sample_blocks

    cdef void announce(self, sc_optimizer optimizer, int64_t first, int count, double decay,
                       double decay_start, const int64_t[::1] checkpoints) noexcept


cdef class GivenBlocks:
    cdef int repeats, input_dim, single
    cdef sc_sample_block *sample_blocks
    cdef tuple arrays   # that the blocks point into

    cdef int take(self, inputs, labels, sc_optimizer optimizer, int64_t first, double decay,
                  double decay_start, const int64_t[::1] checkpoints, bint but_the_last) except -1


cdef struct sample_source:
    sc_experiment experiment
    sc_sample_block *sample_blocks
    int first_repeat, single, fresh


cdef sample_source source_of(Blocks blocks) noexcept

cdef void draw_samples(const sample_source *source, int number, void *space,
                       watch *look) noexcept nogil

cdef int block_size(int repeats, int input_dim, bint single)
