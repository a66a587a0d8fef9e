"""scalecore.h through ctypes: a frozen interface, the bits of the Python functions, and a status
for every wrong argument.

The C driver in csrc/tests goes through all wrong arguments under sanitizers; here are those that a
wrong binding makes.
"""

import ctypes
import re
import shutil
import subprocess
from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    byref,
    c_char_p,
    c_double,
    c_int,
    c_size_t,
    c_ssize_t,
    c_uint64,
    c_void_p,
)
from pathlib import Path

import numpy as np
import pytest

import scalecore as sc
from scalecore import c_api
from scalecore._core import network as core_network
from scalecore._core import training as core_training

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


def function(name, result, *arguments):
    return CFUNCTYPE(result, *arguments)(c_api.address(name))


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


class Column(Structure):
    _fields_ = (("data", c_void_p), ("stride", c_ssize_t))


class NetworkOptions(Structure):
    _fields_ = (
        ("size", c_size_t),
        ("key", c_uint64),
        ("input_dim", ctypes.c_int32),
        ("precision", ctypes.c_int32),
        ("concentration", c_double),
        ("truncation", c_double),
        ("keep_going", c_void_p),
        ("state", c_void_p),
    )


class TrainingOptions(Structure):
    _fields_ = (
        ("size", c_size_t),
        ("input_dim", ctypes.c_int32),
        ("precision", ctypes.c_int32),
        ("optimizer", ctypes.c_int32),
        ("examine", ctypes.c_int32),
        ("decay", c_double),
        ("decay_start", c_double),
        ("keep_going", c_void_p),
        ("state", c_void_p),
    )


class Run(Structure):
    _fields_ = (
        ("size", c_size_t),
        ("width", ctypes.c_int32),
        ("reserved", ctypes.c_int32),
        ("learning_rate", c_double),
        ("state", c_void_p),
        ("error_sum", c_double),
        ("read", ctypes.c_int64),
        ("diverged", ctypes.c_int64),
    )


def network_options(**changes):
    values = {
        "size": ctypes.sizeof(NetworkOptions),
        "key": 11,
        "input_dim": 7,
        "concentration": 30.0,
    } | changes
    return NetworkOptions(**values)


def lines(size):
    """Bytes that begin on a cache line."""
    raw = np.zeros(size + 64, np.uint8)
    return raw[-raw.ctypes.data % 64 :][:size]


def at(array):
    return array.ctypes.data


STATUS = function("sc_status_string", c_char_p, c_int)


def text(status):
    return STATUS(status).decode()


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


def call_samples(options, count=128, **changes):
    space_of = function("sc_network_samples_space", c_size_t, POINTER(NetworkOptions), c_int)
    samples = function(
        "sc_network_samples",
        c_int,
        POINTER(NetworkOptions),
        c_uint64,
        c_int,
        ctypes.c_int64,
        c_int,
        *[c_void_p] * 5,
        c_size_t,
    )
    dtype = np.float32 if options.precision == 1 else np.float64
    out = {
        "inputs": np.empty((128, 7), dtype),
        "labels": np.empty(128, dtype),
        "probability": np.empty(128),
        "offset": np.empty(128),
    }
    space = lines(space_of(byref(options), count))
    pointers = {name: at(array) for name, array in out.items()} | {"space": at(space)} | changes
    return samples(byref(options), 2, 0, 64, count, *pointers.values(), space.size), out


@pytest.mark.parametrize("precision", [0, 1])
def test_samples_are_those_of_the_package(precision):
    status, out = call_samples(network_options(precision=precision))
    assert status == 0
    inputs, labels, probability = core_training.samples(
        11, 7, 30.0, 2, 64, 128, precision == 1, False
    )
    np.testing.assert_array_equal(out["inputs"], inputs)
    np.testing.assert_array_equal(out["labels"], labels)
    np.testing.assert_array_equal(out["probability"], probability)


def test_wrong_options_have_a_status():
    def said(**changes):
        return text(call_samples(network_options(**changes))[0])

    assert "larger" in said(size=ctypes.sizeof(NetworkOptions) + 8)
    assert "too small" in said(size=8)
    assert "enum" in said(precision=2)
    assert "domain" in said(concentration=-1.0)
    assert "domain" in said(concentration=1e12)
    assert "domain" in said(truncation=2.0)
    # from before there was a truncation
    assert call_samples(network_options(size=NetworkOptions.truncation.offset))[0] == 0
    assert "domain" in text(call_samples(network_options(), 65)[0])
    assert "NULL" in text(call_samples(network_options(), inputs=None)[0])
    labels = np.empty(256)
    assert "aligned" in text(call_samples(network_options(), labels=at(labels) + 4)[0])
    assert "overlaps" in text(
        call_samples(network_options(), labels=at(labels), offset=at(labels) + 8)[0]
    )


def test_atoms_and_logits():
    options = network_options()
    network = sc.NetworkPrior(7, 30.0).sample(3)
    units, signs, masses, after = core_network.atoms(11, 5, 7, 30.0, 0, 1.0)
    atoms = function(
        "sc_network_atoms",
        c_int,
        POINTER(NetworkOptions),
        c_uint64,
        c_uint64,
        c_double,
        *[c_void_p] * 5,
        c_size_t,
    )
    out, weights, directions, left, space = (
        np.empty(64),
        np.empty(64),
        np.empty((64, 7)),
        np.empty(1),
        lines(64 * 7 * 8),
    )
    assert (
        atoms(
            byref(options),
            5,
            0,
            1.0,
            at(out),
            at(weights),
            at(directions),
            at(left),
            at(space),
            space.size,
        )
        == 0
    )
    np.testing.assert_array_equal(out, masses)
    np.testing.assert_array_equal(weights, np.sqrt(31.0) * signs * masses)
    # NumPy adds up the squares in another order
    np.testing.assert_allclose(directions, units, rtol=4e-16)
    assert left[0] == after
    logits = function(
        "sc_network_logits",
        c_int,
        c_int,
        c_int,
        c_ssize_t,
        c_void_p,
        c_void_p,
        c_ssize_t,
        *[c_void_p] * 3,
        c_size_t,
    )
    X = np.random.default_rng(0).standard_normal((50, 7))
    space = lines(function("sc_network_logits_space", c_size_t, c_int)(7))
    result = np.empty(50)
    pointers = [at(network.directions), at(network.output_weights)]
    assert logits(0, 7, len(network), *pointers, 50, at(X), at(result), at(space), space.size) == 0
    np.testing.assert_array_equal(result, network(X))


def test_an_experiment_is_the_packages():
    options = network_options()
    widths, out = np.array([4.0, 30.0]), np.empty((3, 2))
    kl, squared, occupancy = np.empty((1, 2)), np.empty((1, 2)), np.empty((1, 2))
    core_network.experiment(11, 9, 7, 30.0, 1e-8, 100, widths, False, kl, squared, occupancy, 1)
    space_of = function(
        "sc_network_experiment_space", c_size_t, POINTER(NetworkOptions), c_int, c_int
    )
    experiment = function(
        "sc_network_experiment",
        c_int,
        POINTER(NetworkOptions),
        c_uint64,
        c_int,
        c_void_p,
        c_int,
        *[c_void_p] * 4,
        c_size_t,
    )
    space = lines(space_of(byref(options), 2, 100))
    assert (
        experiment(
            byref(options),
            9,
            2,
            at(widths),
            100,
            at(out[0]),
            at(out[1]),
            at(out[2]),
            at(space),
            space.size,
        )
        == 0
    )
    np.testing.assert_array_equal(out, np.concatenate([kl, squared, occupancy]))


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_training_is_the_packages(optimizer, dtype):
    count, width, rate = 128, 20, 0.05
    planes = 3 if optimizer == "adam" else 1
    plain = np.zeros((planes, 8, width), dtype)
    plain[0] = np.random.default_rng(1).standard_normal((8, width))
    options = TrainingOptions(
        ctypes.sizeof(TrainingOptions), 7, int(dtype == np.float32), planes // 3, 0, 0.5, 100.0
    )
    network = network_options(precision=options.precision)
    state = lines(
        function("sc_run_state_size", c_size_t, POINTER(TrainingOptions), c_int)(
            byref(options), width
        )
    )
    run = Run(size=ctypes.sizeof(Run), width=width, learning_rate=rate, state=at(state))
    begin = function(
        "sc_run_begin", c_int, POINTER(TrainingOptions), POINTER(Run), c_size_t, c_void_p
    )
    assert begin(byref(options), byref(run), state.size, at(plain)) == 0
    samples = function(
        "sc_network_samples",
        c_int,
        POINTER(NetworkOptions),
        c_uint64,
        c_int,
        ctypes.c_int64,
        c_int,
        *[c_void_p] * 5,
        c_size_t,
    )
    data = [np.empty((count, 7), dtype), np.empty(count, dtype), np.empty(count), np.empty(count)]
    space = lines(
        function("sc_network_samples_space", c_size_t, POINTER(NetworkOptions), c_int)(
            byref(network), count
        )
    )
    assert samples(byref(network), 0, 0, 0, count, *map(at, data), at(space), space.size) == 0
    space = lines(function("sc_train_space", c_size_t, c_int)(count))
    train = function(
        "sc_train",
        c_int,
        POINTER(TrainingOptions),
        POINTER(Run),
        c_int,
        ctypes.c_int64,
        c_int,
        *[c_void_p] * 5,
        c_size_t,
    )
    assert (
        train(byref(options), byref(run), 1, 0, count, *map(at, data), at(space), space.size) == 0
    )
    after = np.empty_like(plain)
    weights = function(
        "sc_run_weights", c_int, POINTER(TrainingOptions), POINTER(Run), c_size_t, c_void_p
    )
    assert weights(byref(options), byref(run), state.size, at(after)) == 0

    shape = (1, 1, 1)
    states, sums, read, diverged = (
        [plain[None, None].copy()],
        np.zeros(shape),
        np.zeros(shape, np.int64),
        np.full(shape, -1),
    )
    core_training.train(
        key=11,
        input_dim=7,
        concentration=30.0,
        single=dtype == np.float32,
        optimizer=optimizer,
        decay=0.5,
        decay_start=100.0,
        features=[],
        states=states,
        rates=np.array([rate]),
        sums=sums,
        read=read,
        diverged=diverged,
        record=np.empty((*shape, 0)),
        checkpoints=np.zeros(0, np.int64),
        samples=count,
        n_threads=1,
        advance=lambda _: None,
    )
    assert (run.read, run.diverged, run.error_sum) == (count, -1, sums[0, 0, 0])
    assert 0 < run.error_sum < np.inf
    np.testing.assert_array_equal(after, states[0][0, 0])
    assert not np.array_equal(after, plain)


if __name__ == "__main__":
    numbers = re.search(
        r"SC_VERSION_MAJOR (\d+)\n#define SC_VERSION_MINOR (\d+)", header()
    ).groups()
    SNAPSHOT.write_text(
        "\n".join([f"interface of scalecore {'.'.join(numbers)}", *interface()]) + "\n"
    )
