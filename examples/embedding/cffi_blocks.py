"""Arrays through cffi: the block function on NumPy's memory, without a copy, and what it says to a
wrong call."""

import cffi
import numpy as np

import scalecore as sc
from scalecore import c_api

ffi = cffi.FFI()
ffi.cdef("""
    typedef struct { const double *data; ptrdiff_t stride; } sc_column;
    typedef ptrdiff_t evaluate(int quantity, ptrdiff_t count, sc_column n, sc_column T,
                               sc_column d, sc_column K, double *out,
                               ptrdiff_t out_stride);
    typedef const char *status_string(int status);
""")
evaluate = ffi.cast("evaluate *", c_api.address("sc_evaluate"))
status_string = ffi.cast("status_string *", c_api.address("sc_status_string"))
CLOSED_FORM_BOUND = 4


def column(array):
    """A vector, or one value for all points, as the engine takes it."""
    return ffi.new(
        "sc_column *", (ffi.from_buffer("double[]", array), 0 if array.size == 1 else 1)
    )[0]


def closed_form_bound(n, T, d, K):
    """Evaluate at vectors of equal length, or of length 1."""
    columns = [np.ascontiguousarray(x, float).reshape(-1) for x in (n, T, d, K)]
    out = np.empty(max(x.size for x in columns))
    done = evaluate(
        CLOSED_FORM_BOUND, out.size, *map(column, columns), ffi.from_buffer("double[]", out), 1
    )
    if done < 0:
        raise ValueError(ffi.string(status_string(done)).decode())
    return out, done


def main():
    """Compare with the ufunc, bit for bit."""
    n = np.geomspace(1, 1e12, 10_001)
    out, invalid = closed_form_bound(n, 1e9, 10, 100)
    assert invalid == 0
    assert np.array_equal(out, sc.closed_form_bound(n, 1e9, 10, 100))
    nan, invalid = closed_form_bound([0.5, 1.0], 1e9, 10, 100)
    assert invalid == 1
    assert np.isnan(nan[0])
    print(
        f"{out.size} points equal to the ufunc; a wrong call: "
        f"{ffi.string(status_string(-1)).decode()}"
    )


if __name__ == "__main__":
    main()
