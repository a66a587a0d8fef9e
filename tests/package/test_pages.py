"""The tools that make and check the pages: mathml, check_pages and draw_architecture in docs."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
if not (DOCS / "check_pages.py").exists():
    pytest.skip("the pages are not beside the tests", allow_module_level=True)


def load(name):
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


check_pages = load("check_pages")
FAULTS = {
    "wide": ("<div style='width: 500px'>wide</div>", "500 pixels wide"),
    "picture": ("<img src='missing.png'>", "picture not loaded"),
    "anchor": ("<a href='#nowhere'>link</a>", "leads nowhere: #nowhere"),
    "server": ("<script src='http://example.invalid/x.js'></script>", "asks another server"),
    "code": ("<pre style='overflow: auto'>" + "x" * 400 + "</pre>", "<pre> xxx"),
}


def write(folder, name, body):
    page = f"<!DOCTYPE html><body style='margin: 0'><article>{body}</article></body>"
    (folder / f"{name}.html").write_text(page, encoding="utf-8")


def run(folder):
    command = [sys.executable, DOCS / "check_pages.py", folder]
    return subprocess.run(command, capture_output=True, text=True, timeout=200)


@pytest.mark.skipif(check_pages.chromium() is None, reason="no Chromium")
def test_every_kind_of_fault_is_found_and_nothing_else(tmp_path):
    write(tmp_path, "good", "<p id='here'>words</p><a href='#here'>link</a>")
    for name, (body, _) in FAULTS.items():
        write(tmp_path, name, body)
    done = run(tmp_path)
    assert done.returncode == 1, done.stderr
    lines = done.stdout.splitlines()
    for name, (_, message) in FAULTS.items():
        of_page = [line for line in lines if line.startswith(f"{name}.html at ")]
        assert any(message in line for line in of_page), (name, lines)
    assert "good.html" not in done.stdout
    assert "wide.html at 1400" not in done.stdout  # a desk has room for it


@pytest.mark.skipif(check_pages.chromium() is None, reason="no Chromium")
def test_good_pages_pass(tmp_path):
    write(tmp_path, "good", "<p>words</p>")
    done = run(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("1 pages")


def test_without_chromium_nothing_fails(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(check_pages, "chromium", lambda: None)
    monkeypatch.setattr(sys, "argv", ["check_pages.py", str(tmp_path)])
    assert check_pages.main() == 0
    assert "no Chromium" in capsys.readouterr().out


@pytest.fixture(scope="module")
def mathml():
    pytest.importorskip("math_core")
    pytest.importorskip("sphinx")
    return load("mathml")


@pytest.mark.parametrize(
    ("tex", "count"),
    [
        ("x", 1),
        ("a = b", 2),  # a line may end after the relation
        ("a + b - c", 3),
        ("-a", 1),  # this sign belongs to the term
        ("a = -b", 2),
        ("f(x, y)", 2),
        (r"\frac{a + b}{c}", 1),  # never inside a fraction
    ],
)
def test_lines_may_end_after_relations_and_signs(mathml, tex, count):
    from docutils import nodes

    html = mathml.inline(nodes.math(tex, tex))
    assert html.count("<math>") == count
    assert html.count("<wbr>") == count - 1


def test_punctuation_stays_with_its_formula(mathml):
    from docutils import nodes
    from docutils.frontend import get_default_settings
    from docutils.utils import new_document

    document = new_document("page", get_default_settings())
    words = [nodes.Text("where ("), nodes.math("n", "n"), nodes.Text("-th), and")]
    row = nodes.paragraph("", "", *words)
    document += row
    mathml.keep_punctuation(None, document)
    assert [row[0].astext(), row[2].astext()] == ["where ", " and"]
    html = mathml.inline(row[1])
    assert html.startswith('<span class="formula">(<math>')
    assert html.endswith("</math>-th),</span>")


def test_the_picture_of_the_imports_shows_those_of_today():
    """Draw it again where this fails: python docs/draw_architecture.py."""
    command = [sys.executable, DOCS / "draw_architecture.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr


def test_another_picture_is_told():
    drawing = load("draw_architecture")
    below = drawing.imports(drawing.modules_of_parts())
    assert "cli imports sweeps" in drawing.description(below)
    assert "training imports network" in drawing.description(below)
    assert "cli imports network" not in drawing.description(below)  # it follows from these
    below["network"].add("spectral")
    assert drawing.description(below) not in drawing.PICTURE.read_text(encoding="utf-8")
