"""Imports lead down only: which folder may know which, and that no two modules know each other.

Read from the sources as they run, functions' own imports too; annotations (under TYPE_CHECKING) may
look up.
"""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import scalecore

PACKAGE = Path(scalecore.__file__).parent
FLOORS = [  # from the ground up; those on one floor do not know each other
    {"_core"},
    {"_common"},
    {"_views"},
    {"bounds"},
    {"spectral", "network", "fitting"},
    {"frontier", "information"},
    {"planning", "training"},
    {"posterior"},
    {"updates", "sweeps", "plotting"},
    {""},  # scalecore itself, which gathers the public names
    {"cli"},
    {"__main__"},
]
MOST_FILES = 6  # directly in scalecore/


def module_name(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def running(tree):
    """Yield the nodes of a module that run: all but the bodies of `if TYPE_CHECKING:`."""
    for node in ast.iter_child_nodes(tree):
        if (
            isinstance(node, ast.If)
            and isinstance(node.test, ast.Name)
            and node.test.id == "TYPE_CHECKING"
        ):
            continue
        yield node
        yield from running(node)


def imports(path, modules):
    """Return the modules of the package that a module imports."""
    name, found = module_name(path), set()
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in running(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.split(".")[0] == "scalecore"}
        elif isinstance(node, ast.ImportFrom):
            base = (
                package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            )
            source = ".".join([*base, *([node.module] if node.module else [])])
            if source.split(".")[0] == "scalecore":
                inner = {f"{source}.{alias.name}" for alias in node.names}
                found |= (inner & modules) or {source}
    return found - {name}


def graph(package=PACKAGE):
    paths = sorted(package.rglob("*.py"))
    modules = {module_name(path) for path in paths} | {
        f"scalecore._core.{path.stem}" for path in (package / "_core").glob("*.pyx")
    }
    return {module_name(path): imports(path, modules) for path in paths}


def floor(name):
    room = name.split(".")[1] if "." in name else ""
    return next((i for i, rooms in enumerate(FLOORS) if room in rooms), None), room


def upward(edges):
    """Return the imports that lead up, or across from one folder to another on its floor."""
    wrong = []
    for name, imported in edges.items():
        here, room = floor(name)
        assert here is not None, f"{name} is on no floor: name its folder in FLOORS"
        for other in imported:
            there, other_room = floor(other)
            if there is None or there > here or (there == here and room != other_room):
                wrong.append(f"{name} imports {other}")
    return wrong


def circle(edges):
    """Return a circle of imports, or nothing."""
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def test_no_import_leads_up():
    edges = graph()
    assert len(edges) > 30  # it has looked at something
    assert upward(edges) == []


def test_no_circle():
    assert circle(graph()) == []


def test_few_files_at_the_door():
    files = sorted(path.name for path in PACKAGE.glob("*.py"))
    assert len(files) <= MOST_FILES, files


@pytest.mark.parametrize(
    ("text", "finder"),
    [
        ("from ..plotting import figure1", upward),
        ("def f():\n    from .. import sweeps", upward),
        ("from ..network import Network", upward),
        ("import scalecore.cli", upward),
        ("from ._terms import spectral_terms", circle),
    ],
)
def test_what_is_forbidden_is_found(text, finder):
    """The finders are not blind: each of these imports in a low module is told."""
    edges = graph()
    path = PACKAGE / "spectral" / "_bounds.py"
    tree_imports = imports_of_text(text, path, set(edges))
    assert tree_imports
    edges["scalecore.spectral._bounds"] = edges["scalecore.spectral._bounds"] | tree_imports
    edges["scalecore.spectral._terms"] = edges["scalecore.spectral._terms"] | {
        "scalecore.spectral._bounds"
    }
    assert finder(edges)


def imports_of_text(text, path, modules, tmp=None):
    class Source:
        name = path.name

        def relative_to(self, other):
            return path.relative_to(other)

        def read_text(self, encoding):
            return text

    return imports(Source(), modules)


def test_annotations_may_look_up():
    path = PACKAGE / "spectral" / "_bounds.py"
    text = "if TYPE_CHECKING:\n    from ..cli import main\nelse:\n    x = 1"
    assert not imports_of_text(text, path, set(graph()))
