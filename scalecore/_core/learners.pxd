"""Learners as the engine wants them, in batches that are updated together."""

from .engine cimport sc_features, sc_learner, sc_mode, sc_optimizer, sc_sample_block
from .memory cimport Memory
from .threads cimport watch


cdef class Learners:
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

    cdef size_t size(self, int w) noexcept
    cdef void copy(self, bint out) noexcept


cdef struct learner_batches:
    const sc_learner *learners
    const int *starts
    const int *repeat
    int count


cdef learner_batches batches_of(Learners learners) noexcept

cdef void update(const learner_batches *batches, int number, sc_mode mode,
                 const sc_sample_block *sample_blocks, void *space, watch *look) noexcept nogil
