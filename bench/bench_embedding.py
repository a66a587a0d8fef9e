"""Ten million scalar calls of the bound from C, Cython and Numba, against the same code inlined
into a C loop.

The C program needs the folder csrc, so this benchmark runs in a clone; the others use the installed
package.
"""

import ctypes
import shutil
import subprocess
import sys
from pathlib import Path
from time import perf_counter

import numpy as np
import pytest

import scalecore as sc
from scalecore import c_api
from scalecore._core.bounds import instruction_set

ROOT = Path(__file__).resolve().parents[1]
COUNT = 10_000_000
FLAGS = [
    "-std=c11",
    "-D_POSIX_C_SOURCE=200809L",
    "-O3",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fno-trapping-math",
]
TARGETS = {
    "avx512": [
        "-mavx512f",
        "-mavx512dq",
        "-mavx512vl",
        "-mfma",
        '-DSC_VECTOR="simd/vector_avx512.h"',
    ],
    "avx2": ["-mavx2", "-mfma", '-DSC_VECTOR="simd/vector_avx2.h"'],
    "baseline": [],
}
LOOP = """
# cython: boundscheck=False, wraparound=False
from scalecore.c_api cimport error_bound
def total(double[::1] n, double[::1] T, double d, double K):
    cdef double total = 0.0
    cdef Py_ssize_t i
    with nogil:
        for i in range(n.shape[0]):
            total += error_bound(n[i], T[i], d, K)
    return total
"""


def c_loops(folder):
    """Ns a point of the inlined and the calling C loop."""
    program = folder / "scalar_calls"
    include = [f"-I{ROOT / 'csrc'}", f"-I{sc.get_include()}"]
    library = [f"-L{sc.get_library_dir()}", "-lscalecore", "-lm"]
    source = ROOT / "bench" / "scalar_calls.c"
    subprocess.run(
        ["cc", *FLAGS, *TARGETS[instruction_set()], *include, source, *library, "-o", program],
        check=True,
    )
    return [
        float(word)
        for word in subprocess.run(
            [program, str(COUNT)], capture_output=True, text=True, check=True
        ).stdout.split()
    ]


def cython_loop(folder):
    (folder / "calls.pyx").write_text(LOOP)
    package = [str(Path(sc.__file__).parents[1])]
    (folder / "setup.py").write_text(
        "from Cython.Build import cythonize\nfrom setuptools import setup\n"
        f"setup(name='calls', ext_modules=cythonize('calls.pyx', include_path={package}))\n"
    )
    subprocess.run(
        [sys.executable, "setup.py", "-q", "build_ext", "--inplace"], cwd=folder, check=True
    )
    sys.path.insert(0, str(folder))
    import calls

    return calls.total


def numba_loop():
    import numba

    error_bound = ctypes.CFUNCTYPE(ctypes.c_double, *[ctypes.c_double] * 4)(
        c_api.address("sc_error_bound")
    )

    @numba.njit
    def total(n, T, d, K):
        result = 0.0
        for i in range(n.size):
            result += error_bound(n[i], T[i], d, K)
        return result

    return total


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_scalar_calls(tmp_path, capsys):
    n, T = 1.0 + np.arange(float(COUNT)), 1e3 + 7.0 * np.arange(float(COUNT))
    times = {"C, the same code inlined": 1e9, "C, a call": 1e9}
    loops = {"Cython": cython_loop(tmp_path), "Numba": numba_loop()}
    for _ in range(3):
        for name, time in zip(
            ("C, the same code inlined", "C, a call"), c_loops(tmp_path), strict=True
        ):
            times[name] = min(times[name], time)
        for name, loop in loops.items():
            start = perf_counter()
            loop(n, T, 10.0, 100.0)
            times[name] = min(times.get(name, 1e9), (perf_counter() - start) / COUNT * 1e9)
    with capsys.disabled():
        print("\nscalar calls of the bound, ns each")
        for name, time in times.items():
            print(f"  {name:28} {time:7.2f}  x {time / times['C, the same code inlined']:.2f}")
