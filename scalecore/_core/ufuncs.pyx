"""Ufuncs whose loops may raise.

A loop of NumPy's older kind could not, and a Ctrl-C inside a long call, too little memory or a
warning that is an error must. So loops are registered as of the newer kind, which NumPy calls with
the GIL; they let go of it for long work themselves.
"""

cimport numpy as np
from cpython.object cimport PyObject
from cpython.pycapsule cimport PyCapsule_New
from cpython.ref cimport Py_INCREF

import numpy as np

cdef extern from *:
    ctypedef struct PyType_Slot:
        int slot
        void *pfunc

cdef extern from "numpy/ufuncobject.h":
    ctypedef struct PyArray_DTypeMeta:
        pass
    ctypedef enum NPY_ARRAYMETHOD_FLAGS:
        NPY_METH_REQUIRES_PYAPI
    const int NPY_METH_strided_loop
    ctypedef struct PyArrayMethod_Spec:
        const char *name
        int nin
        int nout
        np.NPY_CASTING casting
        NPY_ARRAYMETHOD_FLAGS flags
        PyArray_DTypeMeta **dtypes
        PyType_Slot *slots
    int PyUFunc_AddLoopFromSpec(object, PyArrayMethod_Spec *) except -1
    int PyUFunc_AddPromoter(object, object, object) except -1

np.import_array()
np.import_ufunc()

DOUBLE = type(np.dtype(np.float64))
cdef enum:
    MOST_INPUTS = 4
cdef list _KEPT = []  # NumPy keeps pointers to the text, not the text
cdef char ALL_DOUBLES[MOST_INPUTS + 1]
cdef int _place
for _place in range(MOST_INPUTS + 1):
    ALL_DOUBLES[_place] = np.NPY_DOUBLE


cdef bint becomes_double(kind):
    return issubclass(kind.type, (int, float)) or np.can_cast(kind.type, np.float64)


cdef int to_doubles(PyObject *ufunc, PyObject **given, PyObject **_signature,
                    PyObject **wanted) except -1:
    """NumPy's question which loop is for these types: that for doubles, if every input is one
    without loss, as in other ufuncs."""
    cdef int i, inputs = (<object>ufunc).nin
    for i in range(inputs):
        if (given[i] != NULL and (<object>given[i]).type is not None
                and not becomes_double(<object>given[i])):
            name = (<object>ufunc).__name__
            raise TypeError(f"ufunc {name!r} not supported for the input types: "
                            "real numbers are wanted")
    for i in range(inputs + 1):
        Py_INCREF(DOUBLE)
        wanted[i] = <PyObject *>DOUBLE
    return 0


cdef object ufunc_of_doubles(str name, str doc, int inputs, ufunc_loop loop):
    """A ufunc of so many doubles, with its documentation."""
    cdef bytes name_text = name.encode(), doc_text = doc.encode()
    cdef PyArray_DTypeMeta *doubles[MOST_INPUTS + 1]
    cdef PyType_Slot slots[2]
    cdef PyArrayMethod_Spec spec
    cdef int i
    _KEPT.extend((name_text, doc_text))
    function = np.PyUFunc_FromFuncAndData(NULL, NULL, NULL, 0, inputs, 1, np.PyUFunc_None,
                                          name_text, doc_text, 0)
    for i in range(inputs + 1):
        doubles[i] = <PyArray_DTypeMeta *>DOUBLE
    slots[0].slot, slots[0].pfunc = NPY_METH_strided_loop, <void *>loop
    slots[1].slot, slots[1].pfunc = 0, NULL
    spec.name, spec.nin, spec.nout = name_text, inputs, 1
    spec.casting, spec.flags = np.NPY_NO_CASTING, NPY_METH_REQUIRES_PYAPI
    spec.dtypes, spec.slots = doubles, slots
    PyUFunc_AddLoopFromSpec(function, &spec)
    PyUFunc_AddPromoter(function, (np.dtype,) * (inputs + 1),
                        PyCapsule_New(<void *>to_doubles, "numpy._ufunc_promoter", NULL))
    announce_types(function)
    return function


cdef void announce_types(np.ufunc function) noexcept:
    """Let `ufunc.types` say what the loop takes.

    NumPy lists loops of the older kind there and leaves out those of the newer one. Polars reads
    the list to learn that integers and single precision become doubles.
    """
    function.ntypes, function.types = 1, ALL_DOUBLES
