"""The random streams. Each statistical test has a fixed seed and a false-alarm rate of 1e-4 or
less."""

import math
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import scalecore as sc
from scalecore._core import network as core

# Random123's published vectors for philox4x32-10: counter, key, output
KNOWN = [
    (
        "00000000 00000000 00000000 00000000",
        "00000000 00000000",
        "6627e8d5 e169c58d bc57ac4c 9b00dbd8",
    ),
    (
        "ffffffff ffffffff ffffffff ffffffff",
        "ffffffff ffffffff",
        "408f276d 41c83b0e a20bc7c6 6d5451fd",
    ),
    (
        "243f6a88 85a308d3 13198a2e 03707344",
        "a4093822 299f31d0",
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
]


def kolmogorov_smirnov(values, cdf):
    """sqrt(n) D; above 2.23 with probability 1e-4."""
    values = np.sort(values)
    n = values.size
    F = cdf(values)
    return np.sqrt(n) * max(np.max(np.arange(1, n + 1) / n - F), np.max(F - np.arange(n) / n))


def normal_cdf(x):
    return 0.5 * np.vectorize(math.erfc)(-x / math.sqrt(2))


def chi_square_is_fine(counts, expected):
    """Wilson and Hilferty: the cube root is nearly normal; 3.9 standard deviations are 1e-4."""
    keep = expected > 5
    observed = np.append(counts[keep], counts[~keep].sum())
    wanted = np.append(expected[keep], expected[~keep].sum())
    observed, wanted = observed[wanted > 0], wanted[wanted > 0]
    df = observed.size - 1
    statistic = ((observed - wanted) ** 2 / wanted).sum()
    z = ((statistic / df) ** (1 / 3) - (1 - 2 / (9 * df))) / math.sqrt(2 / (9 * df))
    return z < 3.9


@pytest.mark.parametrize(("counter", "key", "output"), KNOWN)
def test_known_answers(counter, key, output):
    words = [int(word, 16) for word in counter.split()]
    low, high = (int(word, 16) for word in key.split())
    assert [f"{word:08x}" for word in core.philox(words, low | high << 32)] == output.split()


def test_every_instruction_set_draws_the_same(run_python):
    code = """
try:
    from scalecore._core import network as core
except ImportError:
    print("lacking"); raise SystemExit
import numpy as np
for kind in ("exponential", "normal", "sign", "uniform"):
    print(*core.numbers(kind, 5, 3, 2, 10**12, 2).round(12).tolist())
print(core.philox([1, 2, 3, 4], 5), core.binomial(1, 1e6, 0.3, 5).tolist())
print(core.poisson(1, 2, np.geomspace(1e-3, 1e6, 61)).tolist())
"""
    printed = [run_python(code, SCALECORE_ISA=isa) for isa in ("baseline", "avx2", "avx512")]
    assert len({text for text in printed if text.strip() != "lacking"}) == 1


@pytest.mark.parametrize("seed", range(3))
def test_normals_and_exponentials(seed):
    z = core.numbers("normal", seed, 1, 4, 0, 12_500)
    assert kolmogorov_smirnov(z, normal_cdf) < 2.23
    assert (
        kolmogorov_smirnov(
            core.numbers("exponential", seed, 1, 1, 0, 12_500), lambda x: -np.expm1(-x)
        )
        < 2.23
    )
    uniform = core.numbers("uniform", seed, 1, 7, 0, 12_500)
    assert kolmogorov_smirnov(uniform, lambda x: x) < 2.23
    assert 0 < uniform.min() < uniform.max() < 1
    moments = [(z**k).mean() for k in (1, 2, 3, 4)]
    spread = [1, math.sqrt(2), math.sqrt(15), math.sqrt(96)]
    assert all(
        abs(m - e) < 4 * s / math.sqrt(z.size)
        for m, e, s in zip(moments, (0, 1, 0, 3), spread, strict=True)
    )
    pairs = z.reshape(-1, 2, 8)  # cosine and sine of one angle must not know each other
    for left, right in ((pairs[:, 0], pairs[:, 1]), (z[:-1], z[1:]), (z[:-16], z[16:])):
        assert abs((left * right).mean()) < 4 / math.sqrt(left.size)
        assert abs((left**2 * right**2).mean() - 1) < 4 * math.sqrt(8) / math.sqrt(left.size)


def test_signs_are_fair():
    signs = core.numbers("sign", 9, 0, 3, 0, 20_000)
    assert set(signs) == {-1, 1}
    assert abs(signs.mean()) < 4 / math.sqrt(signs.size)
    assert abs((signs[1:] * signs[:-1]).mean()) < 4 / math.sqrt(signs.size)


def test_streams_are_unrelated_and_places_are_fixed():
    base = core.numbers("normal", 1, 1, 4, 0, 5000)
    for key, item, purpose in (
        (2, 1, 4),
        (1 + 2**32, 1, 4),
        (1, 2, 4),
        (1, 1 + 2**32, 4),
        (1, 1, 5),
    ):
        other = core.numbers("normal", key, item, purpose, 0, 5000)
        assert abs(np.corrcoef(base, other)[0, 1]) < 4 / math.sqrt(base.size)
        assert not np.isin(base, other).any()
    assert (core.numbers("normal", 1, 1, 4, 100, 7) == base[1600:1712]).all()
    far = core.numbers("normal", 1, 1, 4, 2**40, 1)
    assert not np.isin(far, base).any()


def log_pmf(n, p):
    k = np.arange(n + 1)
    lgamma = np.vectorize(math.lgamma)
    return (
        lgamma(n + 1)
        - lgamma(k + 1)
        - lgamma(n - k + 1)
        + k * math.log(p)
        + (n - k) * math.log1p(-p)
    )


@pytest.mark.parametrize(
    ("n", "p"),
    [
        (1, 0.3),
        (10, 0.5),
        (7, 0.999),
        (40, 0.2),
        (40, 0.26),
        (100, 0.5),
        (1000, 0.011),
        (1000, 0.99),
        (5000, 0.4),
        (300, 0.04),
    ],
)
def test_binomials(n, p):
    size = 40_000
    draws = core.binomial(3, n, p, size)
    assert draws.min() >= 0
    assert draws.max() <= n
    assert chi_square_is_fine(
        np.bincount(draws.astype(int), minlength=n + 1), size * np.exp(log_pmf(n, p))
    )


def test_huge_and_degenerate_binomials():
    draws = core.binomial(4, 1e15, 0.37, 20_000)
    assert abs(draws.mean() - 3.7e14) < 4 * math.sqrt(1e15 * 0.37 * 0.63 / 20_000)
    assert abs(draws.std() / math.sqrt(1e15 * 0.37 * 0.63) - 1) < 4 / math.sqrt(2 * 20_000)
    assert (core.binomial(4, 5, 0.0, 10) == 0).all()
    assert (core.binomial(4, 5, 1.0, 10) == 5).all()
    assert (core.binomial(4, 0, 0.5, 10) == 0).all()
    assert (core.binomial(4, 1e6, 1e-300, 10) == 0).all()


@pytest.mark.parametrize("mean", [1e-3, 0.5, 3.0, 9.999, 10.0, 13.7, 40.0, 300.0])
def test_poissons(mean):
    """Of 61 variates at a time half have another mean, by the other method."""
    means = np.full(61, mean)
    means[1::2] = 17.0 if mean < 10 else 2.0
    draws = np.concatenate([core.poisson(3, item, means)[::2] for item in range(1300)])
    k = np.arange(draws.max() + 1)
    log_factorial = np.cumsum(np.log(np.maximum(k, 1)))
    law = np.exp(k * math.log(mean) - mean - log_factorial)
    law[-1] += 1 - law.sum()
    assert chi_square_is_fine(np.bincount(draws.astype(int)), draws.size * law)


@pytest.mark.parametrize("mean", [1e4, 1e6, 1e12, 8e15])
def test_huge_poissons(mean):
    draws = np.concatenate([core.poisson(4, i, np.full(64, mean)) for i in range(1000)])
    z = (draws - mean) / math.sqrt(mean)
    skewness, size = 1 / math.sqrt(mean), draws.size
    assert (draws == np.rint(draws)).all()
    assert abs(z.mean()) < 4 / math.sqrt(size)
    assert abs(z.std() - 1) < 4 / math.sqrt(2 * size)
    assert abs((z**3).mean() - skewness) < 4 * math.sqrt(15 / size)
    assert kolmogorov_smirnov(z, lambda x: edgeworth(x, skewness)) < 2.23


def edgeworth(x, skewness):
    """The normal law with a little skewness."""
    density = np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    return normal_cdf(x) - density * skewness * (x * x - 1) / 6


@pytest.mark.skipif(shutil.which("cc") is None or os.name != "posix", reason="needs a C compiler")
@pytest.mark.skipif("SCALECORE_ISA" in os.environ, reason="C chooses the best instruction set")
def test_streams_from_c(tmp_path):
    """The same numbers without Python: csrc compiled on its own, where the source tree is at
    hand."""
    source = Path(__file__).parents[2] / "csrc"
    if not source.is_dir():
        pytest.skip("outside the source tree")
    program = tmp_path / "numbers.c"
    program.write_text(
        """#include "scalecore.h"
#include <stdio.h>
int main(void) {
    double out[32];
    if (sc_random(SC_NORMAL, 5, 3, 2, 7, 2, out)) return 1;
    if (!sc_random(SC_NORMAL, 5, 3, 256, 7, 2, out)) return 1;
    for (int i = 0; i < 32; i++) printf("%.17g\\n", out[i]);
}
"""
    )
    flags = [
        "-std=c11",
        "-O2",
        "-ffp-contract=off",
        f"-I{source}",
        f"-I{sc.get_include()}",
        program,
        *(path for path in sorted(source.glob("*/*.c")) if path.parent.name != "tests"),
        "-lm",
        "-o",
        tmp_path / "numbers",
    ]
    subprocess.run(["cc", *flags], check=True)
    printed = subprocess.run(
        [tmp_path / "numbers"], check=True, capture_output=True, text=True
    ).stdout.split()
    assert [float(text) for text in printed] == core.numbers("normal", 5, 3, 2, 7, 2).tolist()
