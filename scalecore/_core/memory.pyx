"""Memory that the engine works in; see memory.pxd."""

from libc.stdlib cimport calloc, free, malloc


cdef class Memory:
    """Memory that begins on a multiple of `boundary` bytes; zeros, where that is asked for."""

    def __cinit__(self, size_t size, size_t boundary, bint zeroed=False):
        cdef size_t whole = size + boundary
        self.raw = <char *>(calloc(whole, 1) if zeroed else malloc(whole))
        if self.raw == NULL:
            raise MemoryError(f"{size} bytes of work space")
        self.data = self.raw + (boundary - <size_t>self.raw % boundary) % boundary

    def __dealloc__(self):
        free(self.raw)
