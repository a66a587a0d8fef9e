cdef int team_size(Py_ssize_t parts, int requested) noexcept nogil
cdef int check_signals() except -1
