"""The compiled parts. Everything declarative is in pyproject.toml.

SCALECORE_NO_OPENMP=1 builds without threads; otherwise OpenMP is used if a small program with it
compiles and links.
"""

import os
import re
import sys
import sysconfig
import tempfile
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_clib import build_clib
from setuptools.command.build_ext import build_ext

# Every file of csrc but its tests. Kernels are compiled on their own here, and once more for each
# instruction set (csrc/README.md).
ENGINE = sorted(
    path.as_posix() for path in Path("csrc").glob("*/*.c") if path.parent.name != "tests"
)
HEADERS = sorted(
    str(path) for path in [*Path("csrc").rglob("*.h"), *Path("scalecore").rglob("*.h")]
)
VERSION = re.search(
    r'#define SC_VERSION "(.+)"', Path("scalecore/include/scalecore.h").read_text()
).group(1)

# No -march: wide vectors are chosen at run time. No -ffast-math: at link time it would set
# flush-to-zero for the whole process. Contraction is off because fused multiply-adds are written
# out: the same bits from every loop, tail and thread count. Python asks for wrapping integers,
# which ours never do: without, indices become simple pointers (an eighth of a training step).
UNIX_FLAGS = [
    *(
        "-std=c11",
        "-O3",
        "-ffp-contract=off",
        "-fno-math-errno",
        "-fno-trapping-math",
        "-fno-wrapv",
    ),
    *("-fvisibility=hidden", "-g0"),
]
# gcc does not align the stack to more than 16 bytes on Windows, but moves AVX's vectors as if it
# did: the assembler turns those moves into others, which take any address.
MINGW_FLAGS = [*UNIX_FLAGS, "-Wa,-muse-unaligned-vector-move"]
# No /arch: SSE2 is its default, and the engine has one lane there (csrc/simd/vector.h). No
# /experimental:c11atomics: engine/chosen.h does without. /openmp, not /openmp:llvm: the loops are
# of OpenMP 2.0, whose runtime wheels may bring along. /fp:precise fuses no multiply-adds on x86.
# Without /utf-8 sources would be read in the machine's code page.
MSVC_FLAGS = ["/std:c11", "/O2", "/fp:precise", "/utf-8"]
FLAGS = {"msvc": MSVC_FLAGS, "mingw32": MINGW_FLAGS}  # of other compilers: UNIX_FLAGS

if sys.maxsize < 2**32:
    sys.exit("scalecore needs a 64-bit Python: its engine counts in 64 bits")


# gcc loads a constant on Arm by two instructions, its page and its place, but by one where it
# stands behind the function: a seventh of a frontier's instructions. clang does not know the flag.
ARM_FLAG = "-mpc-relative-literal-loads"


def links(compiler, program, compile_flags, link_flags=()):
    """Whether a compiler takes these flags and makes a program with them."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "probe.c")
        source.write_text(program)
        try:
            objects = compiler.compile(
                [str(source)], output_dir=folder, extra_postargs=list(compile_flags)
            )
            compiler.link_executable(
                objects, str(Path(folder, "probe")), extra_postargs=list(link_flags)
            )
        except Exception:
            return False
    return True


class BuildEngine(build_clib):
    """The engine, compiled once for all extension modules."""

    def build_libraries(self, libraries):
        # an archive is added to: one of an earlier build may hold files that are no more
        for name, _ in libraries:
            Path(self.compiler.library_filename(name, output_dir=self.build_clib)).unlink(
                missing_ok=True
            )
        flags = FLAGS.get(self.compiler.compiler_type, UNIX_FLAGS)
        if sysconfig.get_platform().endswith("aarch64") and links(
            self.compiler, "int main(void) { return 0; }\n", [ARM_FLAG]
        ):
            flags = [*flags, ARM_FLAG]
        super().build_libraries([(name, info | {"cflags": flags}) for name, info in libraries])


class BuildExt(build_ext):
    def run(self):
        self.run_command("build_clib")
        super().run()
        self.ship_library()

    def ship_library(self):
        """Put the engine beside the header: programs that are not Python link it. The package holds
        it as scalecore/lib."""
        engine = self.get_finalized_command("build_clib")
        built = self.library_file(engine.build_clib, "scalecore_engine")
        package = "scalecore" if self.inplace else os.path.join(self.build_lib, "scalecore")
        shipped = self.library_file(os.path.join(package, "lib"), "scalecore")
        self.mkpath(os.path.dirname(shipped))
        self.copy_file(built, shipped)

    def library_file(self, folder, name):
        return self.compiler.library_filename(name, output_dir=folder)

    def get_outputs(self):
        package = os.path.join(self.build_lib, "scalecore", "lib")
        return [*super().get_outputs(), self.library_file(package, "scalecore")]

    def build_extensions(self):
        compiler = self.compiler.compiler_type
        openmp_compile, openmp_link = self.openmp_flags(compiler == "msvc")
        # named, for not every Python has the library of mathematics open for others
        mathematics = ["-lm"] if compiler == "unix" else []
        for extension in self.extensions:
            extension.extra_compile_args = FLAGS.get(compiler, UNIX_FLAGS) + openmp_compile
            extension.extra_link_args = [*openmp_link, *mathematics]
        super().build_extensions()

    def openmp_flags(self, msvc):
        if os.environ.get("SCALECORE_NO_OPENMP", "0") not in ("", "0"):
            return [], []
        if msvc:
            return ["/openmp"], []
        candidates = [(["-fopenmp"], ["-fopenmp"])]
        if sys.platform == "darwin":
            candidates.append((["-Xpreprocessor", "-fopenmp"], ["-lomp"]))
        for compile_flags, link_flags in candidates:
            program = "#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }\n"
            if links(self.compiler, program, compile_flags, link_flags):
                return compile_flags, link_flags
        print("scalecore: this compiler has no OpenMP; building for one thread", file=sys.stderr)
        return [], []


INCLUDE = ["csrc", "scalecore/include", "scalecore/_core", numpy.get_include()]


# One build for every CPython from 3.11 on, if asked for; docs/embedding.md says what that costs.
ABI3 = os.environ.get("SCALECORE_ABI3", "0") not in ("", "0")
ABI3_MACROS = [("Py_LIMITED_API", "0x030b0000"), ("CYTHON_LIMITED_API", "1")] if ABI3 else []


def extension(name):
    return Extension(
        f"scalecore.{name}",
        [f"scalecore/{name.replace('.', '/')}.pyx"],
        include_dirs=INCLUDE,
        py_limited_api=ABI3,
        define_macros=[
            ("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION"),
            ("NPY_TARGET_VERSION", "NPY_2_0_API_VERSION"),
            *ABI3_MACROS,
        ],
        depends=[*HEADERS, *ENGINE],
    )


setup(
    version=VERSION,
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if ABI3 else {},
    libraries=[
        (
            "scalecore_engine",
            {"sources": ENGINE, "include_dirs": INCLUDE, "obj_deps": {"": HEADERS + ENGINE}},
        )
    ],
    ext_modules=cythonize(
        [
            *(
                extension(f"_core.{name}")
                for name in (
                    "threads",
                    "ufuncs",
                    "bounds",
                    "frontier",
                    "network",
                    "posterior",
                    "memory",
                    "sample_blocks",
                    "learners",
                    "training",
                    "information",
                    "spectrum",
                    "spectral",
                    "fitting",
                )
            ),
            extension("c_api"),
        ],
        compiler_directives={
            "language_level": "3",
            "boundscheck": False,
            "wraparound": False,
            "cdivision": True,
        },
    ),
    cmdclass={"build_clib": BuildEngine, "build_ext": BuildExt},
)
