import doctest
import enum
import importlib.metadata
import inspect
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import scalecore as sc


def public_objects():
    """Every public name, the methods that its class has of ours, and for a module the names in its
    `__all__`."""
    for name in sc.__all__:
        item = getattr(sc, name)
        if name == "__version__":
            continue
        yield name, item
        if inspect.ismodule(item):
            yield from ((f"{name}.{inner}", getattr(item, inner)) for inner in item.__all__)
        elif inspect.isclass(item) and not issubclass(item, enum.Enum):
            ours = [kind for kind in item.__mro__ if kind.__module__.startswith("scalecore.")]
            for inner in dict.fromkeys(inner for kind in ours for inner in vars(kind)):
                if not inner.startswith("_") and inspect.isroutine(getattr(item, inner)):
                    yield f"{name}.{inner}", getattr(item, inner)


def test_public_methods_are_found():
    """Lest the test below passes because it looks at nothing."""
    names = {name for name, _ in public_objects()}
    assert {
        "Network.thin",
        "FittedLaw.interval",  # of a base
        "TrainingRuns.load",
        "FiniteModel.incremental",
        "updates.counts",
        "Status",
        "error_bound",
    } <= names


@pytest.mark.parametrize(
    ("name", "item"), [pytest.param(*pair, id=pair[0]) for pair in public_objects()]
)
def test_docstrings_are_numpydoc_and_their_examples_run(name, item, no_tables):
    text = item.__doc__
    assert text
    if not isinstance(item, np.ufunc):  # a list of names has room for one line
        assert "\n" not in inspect.cleandoc(text).split("\n\n")[0]
    wanted = ["Examples"]
    if isinstance(item, np.ufunc) or name in ("compute_optimal", "isoflop"):
        wanted = ["Parameters", "Returns", "Examples"]
    for section in wanted:
        assert re.search(rf"^ *{section}\n *{'-' * len(section)}$", text, re.M), section
    plt = pytest.importorskip("matplotlib.pyplot") if name.endswith(".plot") else None
    if plt:
        plt.switch_backend("Agg")
    examples = doctest.DocTestParser().get_doctest(text, {}, name, None, 0)
    result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE).run(
        examples
    )
    if plt:
        plt.close("all")
    assert result.failed == 0
    assert result.attempted >= 2


def test_one_version():
    header = Path(sc.get_include(), "scalecore.h").read_text()
    numbers = [
        re.search(rf"SC_VERSION_{part} (\d+)", header).group(1)
        for part in ("MAJOR", "MINOR", "PATCH")
    ]
    assert ".".join(numbers) == sc.__version__ == importlib.metadata.version("scalecore")


def test_sources_that_are_not_compiled_say_so(run_python, tmp_path):
    """Python started in a clone finds the sources before the package that is installed."""
    package = Path(sc.__file__).parent
    shutil.copytree(
        package,
        tmp_path / "scalecore",
        ignore=shutil.ignore_patterns("*.so", "*.pyd", "lib", "__pycache__"),
    )
    done = run_python("import scalecore", check=False, PYTHONPATH=str(tmp_path))
    assert "is not compiled: start Python in another folder" in done.stderr
    assert str(tmp_path) in done.stderr


def test_import_is_light(run_python):
    """Whatever numpy does not import itself stays out until it is used."""
    loaded = set(
        run_python(
            "import sys, numpy; before = set(sys.modules); import scalecore; "
            "print(*set(sys.modules) - before)"
        ).split()
    )
    extras = ("matplotlib", "xarray", "click", "scipy", "zarr", "dask", "tqdm", "pyarrow")
    of_python = ("concurrent", "csv", "decimal", "difflib", "hashlib", "importlib.metadata")
    of_python += ("inspect", "json", "logging", "multiprocessing", "pathlib", "tempfile", "urllib")
    areas = ("cli", "fitting", "frontier", "information", "network", "planning", "spectral")
    areas += ("sweeps", "training", "_views")
    ours = (f"scalecore.{area}" for area in (*areas, "plotting"))
    slow = (*extras, *of_python, "zipfile", *ours)
    assert not [name for name in loaded if name.startswith(slow)]


def test_missing_extras_are_named(run_python):
    code = """
import sys
for name in ("matplotlib", "matplotlib.pyplot", "xarray", "click"):
    sys.modules[name] = None
import scalecore as sc
f = sc.compute_optimal([1e6, 1e7], 10, 100)
for call in (f.plot, f.to_dataset):
    try:
        call()
    except ImportError as error:
        print(error)
from scalecore.__main__ import main
main()
"""
    done = run_python(code, check=False)
    assert "scalecore[plot]" in done.stdout
    assert "scalecore[data]" in done.stdout
    assert "scalecore[cli]" in done.stderr
    assert "Traceback" not in done.stderr


def test_typed():
    folder = Path(sc.__file__).parent
    assert (folder / "py.typed").exists()
    for name in ("bounds", "frontier", "information", "network", "threads"):
        assert (folder / "_core" / f"{name}.pyi").exists()


@pytest.mark.skipif(shutil.which("cc") is None or os.name != "posix", reason="needs a C compiler")
@pytest.mark.parametrize("language", ["c", "c++"])
def test_the_header_stands_alone(language, tmp_path):
    standard = {"c": "-std=c11", "c++": "-std=c++17"}[language]
    source = tmp_path / "use.c"
    source.write_text(
        '#include "scalecore.h"\n'
        "typedef double (*bound)(double, double, double, double);\n"
        "bound f(void) { return sc_error_bound; }\n"
        "sc_network_options network = SC_NETWORK_OPTIONS_INIT;\n"
        "sc_training_options training = SC_TRAINING_OPTIONS_INIT;\n"
    )
    command = [
        "cc",
        "-x",
        language,
        standard,
        "-Wall",
        "-Wextra",
        "-Wpedantic",
        "-Werror",
        "-fsyntax-only",
        f"-I{sc.get_include()}",
        source,
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    if language == "c++" and "cc1plus" in done.stderr:
        pytest.skip("no C++ compiler")
    assert done.returncode == 0, done.stderr
