"""What the proof against rounding costs: by how much rows of a table are lowered, as a share of the
residual that they leave, and by what share of it delta is raised for that (docs/spectral.md,
sections 12.1 and 12.2).

    python what_rounding_costs.py [INPUT_DIM COUNT ...]

The residual of so many fixed directions beside the pair is computed here in NumPy without any
lowering, and so is what the estimate lowered rows by that the proof has replaced; the estimate is
left out where directions come in orbits of a group, for which it was made character by character.
"""

import sys

import numpy as np
from scipy.linalg import solve_triangular

import scalecore as sc
from scalecore._core.spectrum import even_kernels, fixed_parts
from scalecore.spectral._directions import directions_of_row, symmetry_of, unspread

SETS = [(3, 10), (3, 24), (3, 64), (3, 200), (3, 510), (3, 1000), (6, 300), (10, 57), (10, 300)]
SETS += [(10, 1000), (30, 300), (100, 300)]
ROUNDING = 2.0**-52


def factor_and_sum(directions):
    """The inverse of the Gram matrix's factor, the absolute covariances' largest row sum, the sum
    of the eigenvalues (degree 0 apart, as it would round away the others), and the slope."""
    d = directions.shape[1]
    cosines = directions @ directions.T
    cosines[np.diag_indices(len(directions))] = 1
    gram, covariance, slopes = even_kernels(float(d), cosines)
    without = even_kernels(float(d), cosines, 4)[1]
    known = sc.spectrum(d)
    low, form = (known.multiplicity * known.eigenvalue**2)[known.degree % 2 == 0][:2]
    lower = np.linalg.cholesky(gram)
    inverse = solve_triangular(lower, np.eye(len(lower)), lower=True)
    total = (low - form / (d - 1)) * (inverse.sum(axis=1) ** 2).sum()
    total += np.einsum("ij,jk,ik->", inverse, without, inverse, optimize=True)
    for a in range(d):
        for b in range(a, d):
            share = inverse @ (directions[:, a] * directions[:, b])
            total += form * d / (d - 1) * (1 if a == b else 2) * (share @ share)
    slope = np.einsum("ij,jk,ik->", inverse, slopes, inverse, optimize=True)
    return inverse, np.abs(covariance).sum(axis=1).max(), total, slope


def main():
    numbers = [int(text) for text in sys.argv[1:]]
    sets = list(zip(numbers[::2], numbers[1::2], strict=True)) or SETS
    print(
        f"{'d':>4} {'directions':>10} {'residual':>10} {'lowered by':>11} {'delta raised by':>15} "
        f"{'estimate was':>13}"
    )
    for d, most in sets:
        symmetry = symmetry_of(d, most)
        ((values, described),) = fixed_parts([unspread(d, symmetry)])
        inverse, row, total, slope = factor_and_sum(directions_of_row(d, symmetry.count))
        residual = 0.25 - total
        before = f"{'':13}"
        if symmetry.bits == 0:
            norm = np.linalg.norm(inverse, 2) ** 2
            before = f"{2 * ROUNDING * row * norm * symmetry.count / residual:13.2e}"
        print(
            f"{d:4d} {symmetry.count:10d} {residual:10.3e} "
            f"{(total - values.sum()) / residual:11.2e} "
            f"{2 * (slope - described) / (0.5 - 2 * slope):15.2e} {before}"
        )


if __name__ == "__main__":
    main()
