"""The average bound over a range of widths, by scipy.integrate.quad, without Python in its inner
loop."""

import scipy
from scipy.integrate import quad

import scalecore as sc
from scalecore import c_api

bound = scipy.LowLevelCallable.from_cython(
    c_api, "error_bound_of"
)  # of x = (n, T, d, K); quad integrates over the first


def average(low, high, samples, input_dim, concentration, integrand=bound):
    """Mean of the bound over widths between low and high."""
    return quad(integrand, low, high, args=(samples, input_dim, concentration))[0] / (high - low)


def main():
    """Compare with quad over the Python function: the same points, so the same bits."""
    for samples in (1e3, 1e6, 1e9):
        ours = average(10.0, 1000.0, samples, 10.0, 100.0)
        assert ours == average(
            10.0, 1000.0, samples, 10.0, 100.0, lambda n, T, d, K: float(sc.error_bound(n, T, d, K))
        )
        print(f"T = {samples:g}: {ours:.6g} nats per sample on average")


if __name__ == "__main__":
    main()
