cimport numpy as np

cdef extern from "numpy/ufuncobject.h":
    ctypedef struct PyArrayMethod_Context:
        pass

ctypedef int (*ufunc_loop)(PyArrayMethod_Context *, char **, np.npy_intp *, np.npy_intp *,
                           void *) except -1

cdef object ufunc_of_doubles(str name, str doc, int inputs, ufunc_loop loop)
