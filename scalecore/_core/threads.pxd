cdef int team_size(Py_ssize_t parts, int requested) noexcept nogil
cdef double seconds_now() noexcept nogil
cdef Py_ssize_t next_chunk(Py_ssize_t chunk, double seconds, Py_ssize_t least) noexcept nogil
cdef int check_signals() except -1

cdef struct watch:
    bint stop          # a signal handler raised: everybody drop what you are doing
    double next_look   # when to look for signals again

cdef void start_watch(watch *state) noexcept nogil
cdef int keep_going(void *state) noexcept nogil
cdef int raise_pending(watch *state) except -1
