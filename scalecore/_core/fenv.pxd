"""Floating-point flags: NumPy looks at them after a ufunc's loop, which must not leave its own
inner ones."""

cdef extern from "<fenv.h>" nogil:
    ctypedef struct fexcept_t:
        pass
    const int FE_ALL_EXCEPT
    const int FE_INVALID
    int fegetexceptflag(fexcept_t *, int)
    int fesetexceptflag(const fexcept_t *, int)
    int feraiseexcept(int)
