"""The tools that make and check the pages: mathml, check_pages and draw_architecture in docs."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

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


@pytest.fixture(scope="module")
def drawing():
    return load("draw_architecture")


def test_every_part_has_a_box_and_every_arrow_points_down(drawing):
    modules = drawing.modules_of_parts()
    below = drawing.imports(modules)
    place = drawing.places(below, modules)
    assert {"cli", "sweeps", "bounds", "_views", "_core", "csrc"} <= set(modules) == set(place)
    drawn = list(drawing.arrows(below))
    assert ("cli", "sweeps") in drawn
    assert ("cli", "network") not in drawn  # it follows from others
    for part, other in drawn:
        top, height = place[part][1], place[part][3]
        assert top + height < place[other][1], (part, other)
    for part, (left, _, width, *_) in place.items():
        assert left >= 0, part
        assert left + width <= drawing.WIDTH, part


def test_the_picture_is_well_formed_and_described(drawing):
    root = ElementTree.fromstring(drawing.picture())
    boxes = [element for element in root if element.tag.endswith("rect")]
    assert len(boxes) == len(drawing.modules_of_parts())
    described = next(element.text for element in root if element.tag.endswith("desc"))
    assert "cli imports sweeps" in described
