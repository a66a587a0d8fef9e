"""Every example against the installed package, from outside the source tree: the same bits as the
Python call."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import scalecore as sc

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "embedding"
ROW = r"\{([\d.e]+), ([\d.e]+), ([\d.e]+)\}"
pytestmark = pytest.mark.skipif(
    not EXAMPLES.is_dir(), reason="the folder examples/ is not beside tests/"
)
posix = pytest.mark.skipif(os.name != "posix", reason="compiler options of Unix")


def run(command, folder):
    done = subprocess.run(
        [str(part) for part in command], cwd=folder, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def compiled(folder, compilers, source, *options, arguments=()):
    """What a program prints that was compiled against the installed header and library."""
    compiler = next((name for name in compilers if shutil.which(name)), None)
    if compiler is None:
        pytest.skip(f"no {' or '.join(compilers)}")
    program = folder / "program"
    run([compiler, EXAMPLES / source, "-o", program, f"-I{sc.get_include()}", *options,
         f"-L{sc.get_library_dir()}",
         "-lscalecore", "-lm"], folder)  # fmt: skip
    return run([program, *arguments], folder)


def compiler_has(option, folder):
    (folder / "probe.c").write_text("int main(void) { return 0; }\n")
    command = ["cc", option, "probe.c", "-o", "probe"]
    return (
        shutil.which("cc")
        and subprocess.run(command, cwd=folder, capture_output=True).returncode == 0
    )


def hexadecimal(text):
    return np.array([[float.fromhex(word) for word in line.split()] for line in text.splitlines()])


@posix
def test_c_with_openmp(tmp_path):
    openmp = (
        ["-fopenmp"] if compiler_has("-fopenmp", tmp_path) else []
    )  # without it the program is the same, on one thread
    warnings = [
        "-std=c11",
        "-Wall",
        "-Wextra",
        "-Werror",
        *([] if openmp else ["-Wno-unknown-pragmas"]),
    ]
    budget, width, samples, error = hexadecimal(
        compiled(tmp_path, ["cc"], "frontier.c", *warnings, *openmp)
    ).T
    want = sc.compute_optimal(budget, 10, 100, cost=6)
    assert budget.tolist() == [1e6 * 2**i for i in range(40)]
    np.testing.assert_array_equal([width, samples, error], [want.width, want.samples, want.error])


@posix
def test_c_with_a_spectral_table(tmp_path):
    """Logarithms of C and of NumPy may differ in the last digit, so the bits may."""
    sc.spectral_table(10, most_units=100).save(tmp_path / "ten.sctable")
    options = ["-std=c11", "-Wall", "-Wextra", "-Werror"]
    text = compiled(tmp_path, ["cc"], "spectral.c", *options, arguments=["ten.sctable"])
    budget, width, samples, error, at_the_point = hexadecimal(text).T
    want = sc.compute_optimal(budget, 10, 100, cost=6, bound="refined")
    assert budget.tolist() == [1e8 * 4**i for i in range(20)]
    np.testing.assert_allclose(error, want.error, rtol=1e-12)
    np.testing.assert_allclose(at_the_point, sc.refined_bound(width, samples, 10, 100), rtol=1e-12)
    assert (at_the_point <= error * (1 + 1e-12)).all()


@posix
def test_c_with_a_fit(tmp_path):
    """Values, N*, their intervals, D* and the loss there, printed to six digits."""
    warnings = ["-std=c11", "-Wall", "-Wextra", "-Werror"]
    text = compiled(tmp_path, ["cc"], "fit_runs.c", *warnings)
    rows = [
        tuple(map(float, row)) for row in re.findall(ROW, (EXAMPLES / "fit_runs.c").read_text())
    ]
    law = sc.fit(sc.RunTable(*zip(*rows, strict=True)), "additive", resamples=0)
    assert len(rows) == 25
    got = {line.split()[0]: re.findall(r"[-\d.e+]+", line.split(" ", 1)[1])
           for line in text.splitlines()}  # fmt: skip
    best = law.compute_optimal(1e23)
    want = {**law.values, "N*": best.parameters, "D*": best.samples, "loss": best.loss}
    assert list(got) == list(want)
    for name, value in want.items():
        numbers = [float(number) for number in got[name]]
        assert abs(numbers[0] / value - 1) < 2e-5
        assert name in ("D*", "loss") or numbers[1] < numbers[0] < numbers[2]


@posix
def test_cpp_with_threads(tmp_path):
    options = ["-std=c++17", "-Wall", "-Wextra", "-Werror", "-pthread"]
    samples, width, error = hexadecimal(
        compiled(tmp_path, ["c++", "g++", "clang++"], "best_width.cpp", *options)
    ).T
    grid = 1.0 + np.arange(1000.0) ** 2
    want = sc.error_bound(grid, samples[:, None], 10, 100)
    assert samples.tolist() == [1000.0 * 2**i for i in range(30)]
    np.testing.assert_array_equal(width, grid[want.argmin(axis=1)])
    np.testing.assert_array_equal(error, want.min(axis=1))


@posix
def test_fortran(tmp_path):
    text = compiled(tmp_path, ["gfortran"], "allocate.f90", "-Wall", "-Werror")
    width, samples, error, again = np.array(
        [[int(word, 16) for word in line.split()] for line in text.splitlines()], np.uint64
    ).T
    want = sc.compute_optimal(1e6 * 2.0 ** np.arange(1, 31), 10, 100, cost=6, integer=True)
    assert width.size == 30
    for got, wanted in ((width, want.width), (samples, want.samples), (error, want.error)):
        np.testing.assert_array_equal(got.view(np.float64), wanted)
    # the frontier adds the two parts, each at the sharper resolution; the bound itself is one fused
    # sum
    np.testing.assert_allclose(again.view(np.float64), want.error, rtol=1e-14)
    np.testing.assert_array_equal(
        again.view(np.float64), sc.error_bound(want.width, want.samples, 10, 100)
    )


@pytest.fixture(scope="module")
def cython_module(tmp_path_factory):
    """The Cython example, built where only the installed package can be found."""
    pytest.importorskip("Cython")
    pytest.importorskip("setuptools")
    folder = tmp_path_factory.mktemp("cython")
    shutil.copy(EXAMPLES / "schedule_search.pyx", folder)
    package = Path(sc.__file__).parent.parent
    found = (
        [] if package.name.endswith("-packages") else [str(package)]
    )  # an editable install hides it
    (folder / "setup.py").write_text(
        "from Cython.Build import cythonize\nfrom setuptools import setup\n"
        "setup(name='example', ext_modules=cythonize('schedule_search.pyx', "
        f"include_path={found}))\n"
    )
    run([sys.executable, "setup.py", "-q", "build_ext", "--inplace"], folder)
    (built,) = [path for path in folder.iterdir() if path.suffix in (".so", ".pyd")]
    spec = importlib.util.spec_from_file_location("schedule_search", built)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_cython(cython_module):
    n = np.geomspace(1, 1e12, 1001)
    out = np.empty(n.size)
    cython_module.bounds(n, 1e9, 10.0, 100.0, out)
    np.testing.assert_array_equal(out, sc.error_bound(n, 1e9, 10, 100))
    growth, samples, average = np.geomspace(1e-6, 1, 50), np.geomspace(1e3, 1e9, 40), np.empty(50)
    cython_module.search(growth, samples, 10.0, 100.0, average)
    table = sc.error_bound(np.fmax(1, growth[:, None] * samples), samples, 10, 100)
    np.testing.assert_array_equal(
        average, [sum(row.tolist()) / samples.size for row in table]
    )  # in the same order
    want = sc.compute_optimal(1e12, 10, 100)
    assert cython_module.best(1e12, 10.0, 100.0) == (
        want.width,
        want.samples,
        want.error,
        want.status,
    )


@pytest.mark.parametrize(
    ("example", "needs"),
    [
        ("numba_loop", "numba"),
        ("cffi_blocks", "cffi"),
        ("scipy_quad", "scipy"),
        ("simpy_cluster", "simpy"),
    ],
)
def test_python_examples(example, needs, tmp_path):
    """They compare with the Python calls themselves."""
    pytest.importorskip(needs)
    assert len(run([sys.executable, EXAMPLES / f"{example}.py"], tmp_path)) > 40
