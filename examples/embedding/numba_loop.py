"""A parallel Numba loop that calls the bound of every point as a C function: where is more data
worth more than more width?"""

import ctypes

import numba
import numpy as np

import scalecore as sc
from scalecore import c_api

error_bound = ctypes.CFUNCTYPE(ctypes.c_double, *[ctypes.c_double] * 4)(
    c_api.address("sc_error_bound")
)


@numba.njit(parallel=True)
def gains(width, samples, input_dim, concentration):
    """Fall of the bound from twice the width, and from twice the samples, at every point of a
    grid."""
    out = np.empty((2, width.size, samples.size))
    for i in numba.prange(width.size):
        for j in range(samples.size):
            here = error_bound(width[i], samples[j], input_dim, concentration)
            out[0, i, j] = here - error_bound(2 * width[i], samples[j], input_dim, concentration)
            out[1, i, j] = here - error_bound(width[i], 2 * samples[j], input_dim, concentration)
    return out


def main():
    """Compare with the ufunc, bit for bit."""
    width, samples = np.geomspace(1, 1e5, 300), np.geomspace(1, 1e9, 200)
    wider, longer = gains(width, samples, 10.0, 100.0)
    n, T = width[:, None], samples[None, :]
    here = sc.error_bound(n, T, 10, 100)
    assert np.array_equal(wider, here - sc.error_bound(2 * n, T, 10, 100))
    assert np.array_equal(longer, here - sc.error_bound(n, 2 * T, 10, 100))
    print(
        f"more data is worth more at {np.mean(longer > wider):.1%} of {here.size} points; all "
        "equal to the ufunc"
    )


if __name__ == "__main__":
    main()
