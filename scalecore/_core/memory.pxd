"""Memory that the engine works in: where it begins, and what its parts are rounded to."""

cdef enum:
    LINE = 64    # of a cache
    PAGE = 4096


cdef class Memory:
    cdef char *raw
    cdef char *data


cdef inline size_t whole_lines(size_t size) noexcept nogil:
    return (size + LINE - 1) // LINE * LINE


cdef inline size_t whole_pages(size_t size) noexcept nogil:
    """What one thread writes has pages of its own: prefetching beyond its end would take lines from
    another thread."""
    return (size + PAGE - 1) // PAGE * PAGE


cdef inline void *address_of(array) noexcept:
    cdef size_t address = array.ctypes.data
    return <void *>address
