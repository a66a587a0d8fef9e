"""The last look at arrays before C reads them, which cannot tell how long they are.

Public functions have checked their arguments by then and say more; these hold for whatever else
calls, for objects whose fields were exchanged, and for files made by hand.
"""


cdef inline int agree(bint fine, str what) except -1:
    """Refuse arrays or numbers that C must not be given."""
    if not fine:
        raise ValueError(what)
    return 0


cdef inline bint one_or(Py_ssize_t count, Py_ssize_t length) noexcept:
    """Whether a column serves so many points."""
    return length == 1 or length == count
