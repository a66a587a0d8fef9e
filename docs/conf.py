"""Sphinx configuration: sphinx-build -W docs <folder>, with scalecore[docs] installed."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import scalecore

sys.path.insert(0, str(Path(__file__).parent))  # for mathml

project = "scalecore"
author = "The scalecore developers"
copyright = "the scalecore developers, BSD 3-Clause licence"
version = release = scalecore.__version__

extensions = [
    "mathml",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "sphinx_design",
]
exclude_patterns = ["_build"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
default_role = "autolink"

myst_heading_anchors = 3
myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]

autosummary_generate = False
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_default_options = {"exclude-members": "__init__, __new__"}
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_math_renderer = "mathml"
pygments_dark_style = "github-dark"
html_title = f"scalecore {release}"
html_show_sphinx = False
html_copy_source = False

# The Markdown pages are also read in the repository, where a link to `../scalecore/bounds.py` shows
# the code. Here it leads to the reference page of that module, which links to the code; other
# files, as the tests, are copied beside the pages. A link to a file that does not exist is a
# warning, and an error in CI.
REFERENCE = {
    "bounds": "bounds",
    "frontier/_allocation": "frontier",
    "frontier/_isoflop": "frontier",
    "network/_misspecification": "networks",
    "network/_prior": "networks",
    "training/_train": "training",
    "training/_runs": "training",
    "training/_empirical_frontier": "training",
    "information/_model": "information",
    "information/_hypotheses": "information",
    "information/updates": "information",
}


def link_to_reference(app, docname, source):
    for module, page in REFERENCE.items():
        source[0] = source[0].replace(f"](../scalecore/{module}.py)", f"](api/{page}.rst)")


def anchor_numbered_sections(app, docname, source):
    """Code cites `docs/theory.md, section 2.3`: that heading gets the anchor theory-2-3."""

    def anchored(match):
        return f"({docname}-{match[2].replace('.', '-')})=\n{match[0]}"

    source[0] = re.sub(r"^(##+) (\d+(?:\.\d+)?)\. ", anchored, source[0], flags=re.M)


def link_to_pages(app, what, name, item, options, lines):
    """Docstrings name pages, and sections of pages, as they are found in the repository."""

    def linked(match):
        page, section = match.groups()
        if section is None:
            return f":doc:`{match[0]} </{page}>`"
        return f":ref:`{match[0]} <{page}-{section.replace('.', '-')}>`"

    cited = re.compile(r"\bdocs/(\w+)\.md\b(?:, section (\d+(?:\.\d+)?))?")
    lines[:] = [cited.sub(linked, line) for line in lines]


def hide_constructors_of_results(app, what, name, item, options, signature, returned):
    """Of most classes users get objects and make none."""
    made = ("NetworkPrior", "FiniteModel", "HypothesisSet", "RunTable", "Update")
    return ("", "") if what == "class" and name.rpartition(".")[2] not in made else None


def draw_architecture(app):
    """Redraw the picture of the imports where this is possible; commit it if it changed."""
    here = Path(__file__).parent
    imports = here.parent / "tests" / "package" / "test_imports.py"
    if imports.exists() and importlib.util.find_spec("pytest"):
        subprocess.run([sys.executable, here / "draw_architecture.py"], check=True)


def setup(app):
    app.connect("builder-inited", draw_architecture)
    app.connect("autodoc-process-signature", hide_constructors_of_results, priority=100)
    app.connect("autodoc-process-docstring", link_to_pages)
    app.connect("source-read", link_to_reference)
    app.connect("source-read", anchor_numbered_sections)
