"""scalecore.h: a frozen interface, the bits of the ufuncs, and a status for every wrong call.

The C driver in csrc/tests goes through all wrong arguments under sanitizers; here, and in the files
beside this one, are those that a wrong binding makes.
"""

import ctypes
import re
import shutil
import subprocess
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_double, c_int, c_ssize_t, c_void_p
from pathlib import Path

import numpy as np
import pytest
from c_calls import Column, at, function, text

import scalecore as sc
from scalecore import c_api
from scalecore._core import network as core_network

SNAPSHOT = Path(__file__).with_name("abi.txt")
SCALARS = (
    "error_bound",
    "misspecification_bound",
    "estimation_bound",
    "optimal_resolution",
    "closed_form_bound",
    "occupancy",
)


def header():
    return Path(sc.get_include(), "scalecore.h").read_text()


def interface():
    """Every declaration, enumerator, struct field and constant of the header on a line of its own,
    without comments and layout."""
    text = re.sub(r"/\*.*?\*/", " ", header(), flags=re.S).replace("\\\n", " ")
    lines = [" ".join(line.split()) for line in re.findall(r"^#define SC_.*$", text, flags=re.M)]
    constants = [line for line in lines if not re.match(r"#define (SC_API|SC_VERSION)", line)]
    body = re.sub(r"^#.*$", "", text, flags=re.M).replace('extern "C" {', "")
    body = " ".join(body.split()).replace("SC_API ", "")
    declarations = re.findall(
        r"(?:typedef (?:enum|struct) \w+ \{.*?\} \w+|[\w*(][^;{}]*\([^;{}]*\));", body
    )
    return sorted(constants) + sorted(" ".join(text.split()) for text in declarations)


def test_the_interface_is_frozen():
    version, *frozen = SNAPSHOT.read_text().splitlines()
    changed = set(frozen) ^ set(interface())
    assert not changed, (
        "scalecore.h declares another interface than tests/c_api/abi.txt. Programs are compiled "
        "against it: raise "
        "SC_VERSION (the minor version while the major is 0, else the major if anything is "
        "changed or gone, the minor if "
        "something is new), say so in CHANGELOG.md, and write the snapshot anew with "
        "`python tests/c_api/test_c_api.py`.\n" + "\n".join(sorted(changed))
    )
    minor = re.search(r"SC_VERSION_MAJOR (\d+)\n#define SC_VERSION_MINOR (\d+)", header()).groups()
    assert version == "interface of scalecore " + ".".join(minor)


def declared_functions():
    return sorted(re.findall(r"^SC_API .*?\b(sc_\w+)\(", header(), flags=re.M))


def test_every_function_has_an_address():
    assert sorted(c_api.functions()) == declared_functions()
    assert len({c_api.address(name) for name in c_api.functions()}) == len(c_api.functions())
    with pytest.raises(ValueError, match="sc_error_bound"):
        c_api.address("sc_engine_find")


@pytest.mark.skipif(shutil.which("nm") is None, reason="no nm")
def test_symbols():
    libraries = list(Path(sc.get_library_dir()).glob("libscalecore.a"))
    if not libraries:
        pytest.skip("not a Unix library")
    text = subprocess.run(
        ["nm", "-g", "--defined-only", libraries[0]], capture_output=True, text=True, check=True
    ).stdout
    symbols = {
        line.split()[2].removeprefix("_") for line in text.splitlines() if len(line.split()) == 3
    }
    assert symbols >= set(declared_functions())
    assert not {name for name in symbols if not name.startswith("sc_")}
    modules = [
        *Path(sc.__file__).parent.glob("*.so"),
        *Path(core_network.__file__).parent.glob("*.so"),
    ]
    assert len(modules) > 5
    for module in modules:
        text = subprocess.run(
            ["nm", "-D", "--defined-only", module], capture_output=True, text=True
        )
        exported = {line.split()[-1] for line in text.stdout.splitlines()}
        assert not {name for name in exported if name.startswith("sc_")}, module


def test_scalars_have_the_bits_of_the_ufuncs():
    rng = np.random.default_rng(5)
    n, T, d = (
        10 ** rng.uniform(0, 12, 3000),
        10 ** rng.uniform(0, 30, 3000),
        10 ** rng.uniform(0, 6, 3000),
    )
    n[:600], n[600:700], T[700:710], d[710:720] = (
        10 ** rng.uniform(0, 300, 600),
        rng.uniform(-1, 1, 100),
        np.nan,
        np.inf,
    )
    K = 10 ** rng.uniform(rng.choice([-300, -3, 1], 3000), rng.choice([2, 6, 300], 3000))
    for name in SCALARS:
        arguments = (n, K) if name == "occupancy" else (n, T, d, K)
        scalar = function(f"sc_{name}", c_double, *[c_double] * len(arguments))
        with np.errstate(invalid="ignore"):
            want = getattr(sc, name)(*arguments)
        np.testing.assert_array_equal(
            [scalar(*point) for point in zip(*arguments, strict=True)], want
        )
        assert np.isnan(want).sum() >= 100


def test_scalars_have_those_bits_on_every_engine(run_python):
    code = """
import ctypes, numpy as np, scalecore as sc
from scalecore import c_api
f = ctypes.CFUNCTYPE(ctypes.c_double, *[ctypes.c_double] * 4)(c_api.address("sc_error_bound"))
n = np.geomspace(1, 1e12, 500)
assert np.array_equal([f(x, 1e9, 10, 100) for x in n], sc.error_bound(n, 1e9, 10, 100))
name = ctypes.CFUNCTYPE(ctypes.c_char_p)(c_api.address("sc_instruction_set"))
print(name().decode())
"""
    for engine in ("baseline", sc._core.bounds.instruction_set()):
        assert run_python(code, SCALECORE_ISA=engine).strip() == engine


def test_capsules():
    capsules = c_api.__pyx_capi__
    for name in SCALARS:
        doubles = "double, double" if name == "occupancy" else "double, double, double, double"
        assert f'"double ({doubles})"' in repr(capsules[name])
        assert '"double (int, double *)"' in repr(capsules[f"{name}_of"])
    vector = ctypes.pythonapi.PyCapsule_GetPointer
    vector.restype, vector.argtypes = c_void_p, [ctypes.py_object, c_char_p]
    bound = CFUNCTYPE(c_double, c_int, POINTER(c_double))(
        vector(capsules["error_bound_of"], b"double (int, double *)")
    )
    point = (c_double * 4)(100, 1e6, 10, 100)
    assert bound(4, point) == sc.error_bound(100, 1e6, 10, 100)
    assert np.isnan(bound(3, point))


def test_wrong_calls_have_a_status():
    evaluate = function(
        "sc_evaluate",
        c_ssize_t,
        c_int,
        c_ssize_t,
        Column,
        Column,
        Column,
        Column,
        c_void_p,
        c_ssize_t,
    )
    n = np.array([1.0, 10.0, 100.0])
    one, column, nothing = Column(at(n), 0), Column(at(n), 1), Column(None, 1)
    quantities = int(re.search(r"SC_QUANTITY_COUNT = (\d+)", header())[1])
    assert evaluate(0, 3, column, one, one, one, at(np.empty(3)), 1) == 0
    for call in (
        (quantities, 3, column, one, one, one, at(np.empty(3)), 1),
        (0, -3, column, one, one, one, at(np.empty(3)), 1),
        (0, 3, nothing, one, one, one, at(np.empty(3)), 1),
        (0, 3, column, one, one, one, None, 1),
        (0, 3, column, one, one, one, at(n) + 8, 1),
        (0, 3, Column(at(n) + 1, 0), one, one, one, at(np.empty(3)), 1),
        (0, 2**62, column, one, one, one, at(np.empty(3)), 1),
    ):
        assert evaluate(*call) == -1
    assert len({text(status) for status in range(-10, 5)}) == 15
    assert text(-99) == text(99) == "unknown status"
    compatible = function("sc_compatible", c_int, c_int)
    number = function("sc_version_number", c_int)()
    assert [
        compatible(version) for version in (number, number + 1, number + 100, number + 10000, 0)
    ] == [1, 0, 0, 0, 0]


if __name__ == "__main__":
    numbers = re.search(
        r"SC_VERSION_MAJOR (\d+)\n#define SC_VERSION_MINOR (\d+)", header()
    ).groups()
    SNAPSHOT.write_text(
        "\n".join([f"interface of scalecore {'.'.join(numbers)}", *interface()]) + "\n"
    )
