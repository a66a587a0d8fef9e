"""What a fixed part leaves of the variance 1/2, by kind of directions: random, random orthonormal
frames, and the library's.

    python which_directions.py [INPUT_DIM [COUNT ...]]

"ideal" is what as many eigenfunctions of the covariance would leave, the least that any features
could.
"""

import sys

import numpy as np

import scalecore as sc
from scalecore.spectral._directions import _frames
from scalecore.spectral._table_rows import described_by


def left(d, directions):
    return 0.25 - described_by(d, directions)[0].sum()


def ideal(d, count):
    known = sc.spectrum(d)
    even = np.repeat(
        known.eigenvalue[known.degree != 1],
        np.minimum(known.multiplicity[known.degree != 1], count).round().astype(int),
    )
    return 0.25 - even[:count].sum()


def main():
    d = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    counts = [int(text) for text in sys.argv[2:]] or [20, 55, 100, 200, 400, 1000]
    rng = np.random.default_rng(0)
    print(
        f"d = {d}: residual beside the pair\n{'units':>6} {'random':>10} {'frames':>10} "
        f"{'spread':>10} {'ideal':>10}"
    )
    for count in counts:
        random = rng.standard_normal((count, d))
        random /= np.linalg.norm(random, axis=1, keepdims=True)
        kinds = (
            left(d, random),
            left(d, _frames(d, count)),
            left(d, sc.directions(d, count)),
            ideal(d, count),
        )
        print(f"{count + 2:6d} " + " ".join(f"{value:10.6f}" for value in kinds))


if __name__ == "__main__":
    main()
