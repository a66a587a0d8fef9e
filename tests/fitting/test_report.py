"""The report of a law: what it says, its HTML, that nothing leaves the page, and that what it says
about reproducing it is true.
"""

import base64
import importlib.util
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import scalecore as sc

pytest.importorskip("matplotlib")

GRID = [a.ravel() for a in np.meshgrid([1e8, 3e8, 1e9, 3e9], [2e9, 8e9, 3e10, 1e11])]
VALUES = {"E": 1.69, "A": 406.4, "alpha": 0.34, "B": 410.7, "beta": 0.28}
CHECKER = Path(__file__).resolve().parents[2] / "docs" / "check_pages.py"


def runs_of(E=1.8, spoilt=None, **more):
    N, D = GRID
    loss = E + 480 / N**0.35 + 2100 / D**0.37
    loss *= np.exp(0.003 * np.random.default_rng(0).standard_normal(16))
    if spoilt is not None:
        loss[spoilt] *= 1.2
    return sc.RunTable(N, D, loss, **more)


def mixture():
    return sc.compare(runs_of(), ("additive", "coupled"), resamples=20, rng=0).law


LAWS = {
    "good": lambda: sc.fit(runs_of(), "additive", resamples=50, rng=0),
    "bits": lambda: sc.fit(runs_of(loss_unit="bits"), "additive", resamples=50, rng=0),
    "named runs": lambda: sc.fit(
        runs_of(run=np.repeat(list("abcdefgh"), 2)), "tied", resamples=50, rng=0
    ),
    "no draws": lambda: sc.fit(runs_of(), "coupled", resamples=0),
    "edge at E = 0": lambda: sc.fit(runs_of(E=0.0), "additive", resamples=50, rng=0),
    "not identified": lambda: sc.fit(
        sc.RunTable(GRID[0], 20 * GRID[0], 3e2 / GRID[0] ** 0.2), "additive", resamples=0
    ),
    "one run": lambda: sc.fit(sc.RunTable([1e8], [2e9], [3.0]), "additive", resamples=0),
    "no runs": lambda: sc.fit(sc.RunTable([], [], []), "additive", resamples=0),
    "given": lambda: sc.FittedLaw.from_values("additive", VALUES),
    "of compute": lambda: sc.fit(runs_of(), "compute", resamples=50, rng=0),
    "repeated": lambda: sc.fit(
        runs_of(unique_samples=GRID[1] / np.tile([1, 5], 8)), "repeated_penalty", resamples=20
    ),
    "mixture": mixture,
}


def written(law, folder, budgets=None):
    law.report(folder / "report.html", budgets)
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Every kind of law, and the text of its report."""
    folder = tmp_path_factory.mktemp("reports")
    return {name: written(law(), folder) for name, law in LAWS.items()}


class Page(HTMLParser):
    """What the HTML tests ask of a page."""

    EMPTY = ("meta", "br", "img", "path", "use", "image", "link")

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.titles, self.language = [], [], [], [], None
        self.tables, self.pictures = [], []  # [th, td], and words
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        assert len(named) == len(attributes), "an attribute twice"
        if tag not in self.EMPTY:
            self.open.append(tag)
        self.ids += [named["id"]] if "id" in named else []
        self.links += [named[key] for key in ("href", "src", "xlink:href") if key in named]
        if tag == "html":
            self.language = named.get("lang")
        elif tag == "table":
            self.tables.append([0, 0])
        elif tag in ("th", "td"):
            self.tables[-1][tag == "td"] += 1
        elif tag == "svg":
            self.pictures.append((named.get("aria-labelledby"), named.get("role")))
        elif tag == "img":
            self.pictures.append((None, named["alt"]))

    def handle_endtag(self, tag):
        if tag not in self.EMPTY:
            assert self.open.pop() == tag

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in self.EMPTY:
            self.open.pop()

    def handle_data(self, data):
        if self.open and self.open[-1] == "title":
            self.titles.append(data)


@pytest.mark.parametrize("name", LAWS)
def test_html_is_whole_and_asks_nobody_for_anything(pages, name):
    text = pages[name]
    page = Page(text)
    assert page.language == "en"
    assert page.titles[0].startswith("Scaling law of")
    assert len(set(page.ids)) == len(page.ids)
    assert all(heads and cells for heads, cells in page.tables)
    for link in page.links:
        assert link.startswith(("#", "data:")), link[:60]
        assert link[0] != "#" or link[1:] in page.ids
    for reference in re.findall(r"url\(([^)]*)\)", text):
        assert reference[0] == "#"
        assert reference[1:] in page.ids
    assert "<script" not in text
    assert "@import" not in text
    assert "javascript:" not in text
    visible = re.sub(r'xmlns(:\w+)?="[^"]*"|base64,[^"]*"', "", text)
    assert "http" not in visible


@pytest.mark.parametrize(
    ("name", "count"),
    [
        *[("good", 3), ("bits", 3), ("named runs", 3), ("edge at E = 0", 3), ("mixture", 3)],
        *[("repeated", 3), ("no draws", 2), ("not identified", 2), ("given", 1), ("one run", 0)],
    ],
)
def test_pictures_have_words_with_numbers(pages, name, count):
    page = Page(pages[name])
    assert [role for _, role in page.pictures] == ["img"] * count
    assert len(page.titles) == 1 + count
    for (label, _), words in zip(page.pictures, page.titles[1:], strict=True):
        assert label in page.ids
        assert re.search(r"\d", words), words


def test_words_of_pictures_are_the_laws_numbers(tmp_path):
    law = LAWS["good"]()
    best = law.compute_optimal(1e23)
    isoloss, residuals, calibration = Page(written(law, tmp_path, 1e23)).titles[1:]
    assert f"N {best.parameters:.3g} and D {best.samples:.3g} at 1e+23 FLOPs" in isoloss
    off = 100 * np.expm1(law.residuals)
    far = np.argmax(abs(off))
    assert f"row {far}, {off[far]:+.2g} %" in residuals
    assert f"half within {np.median(abs(off)):.2g} %" in residuals
    ends = law.predict(*GRID, 0.8, kind="run")
    inside = np.mean((ends.low <= law.table.loss) & (law.table.loss <= ends.high))
    assert f"{inside:.0%} at level 80%" in calibration


def test_the_answer_comes_first_with_its_intervals(tmp_path):
    law = LAWS["good"]()
    best = law.compute_optimal([1e22, 3e23])
    text = written(law, tmp_path, [1e22, 3e23])
    lead = text[text.index("<h1>") : text.index("<h2>")]
    for i in range(2):
        assert f"{best.parameters[i] / 1e9:.3g} billion parameters" in lead
        for name in ("parameters", "samples", "loss"):
            value, low, high = (getattr(best, name + end)[i] for end in ("", "_low", "_high"))
            assert f"{value:.4g}<small>{low:.4g} to {high:.4g}</small>" in lead
    assert "INTERIOR" in lead


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("not identified", "There is no answer: </strong>NOT_IDENTIFIED"),
        ("one run", "There is no answer: </strong>TOO_FEW_RUNS"),
        ("no runs", "There is no answer: </strong>TOO_FEW_RUNS"),
        ("edge at E = 0", "a parameter is at the edge of its domain (E at the edge"),
        ("edge at E = 0", '<th scope="row">E</th><td>0<small>0 to'),
        ("given", "were given, not fitted"),
        ("no draws", "No intervals: the law was fitted without draws"),
        ("of compute", "no best split"),
        ("mixture", "A mixture of laws"),
        ("named runs", "runs with their checkpoints, 8 of them"),
        ("good", "name their runs"),
        ("bits", "loss (bits)"),
    ],
)
def test_degenerate_laws_say_so(pages, name, said):
    assert said in pages[name]


def test_runs_by_how_far_they_move_the_answer(tmp_path):
    law = sc.fit(runs_of(spoilt=3), "additive", loss="log", resamples=0)
    moved = law.influence(1e23)
    text = written(law, tmp_path, 1e23)
    section = text[text.index("Runs that move") : text.index("Pictures")]
    shown = re.findall(r'<th scope="row">(.*?)</th><td>× (.*?)</td><td>× (.*?)</td>', section)
    for (name, N, D), i in zip(shown, moved.order[:5], strict=True):
        ratios = (moved.parameters_ratio[i], moved.samples_ratio[i])
        assert (name, N, D) == (moved.names[i], *(f"{ratio:.3f}" for ratio in ratios))
    assert shown[0][0] == "row 3"
    assert "one run decides much of the answer" in text
    without = sc.fit(runs_of(spoilt=3).where(np.arange(16) != 3), "additive", loss="log")
    ratio = without.compute_optimal(1e23).parameters / law.compute_optimal(1e23).parameters
    assert (
        f"Without the 1 runs that lie far from the others (below) N* at 1e+23 FLOPs would be "
        f"{ratio:.3g} times as large" in text
    )


def test_names_are_escaped(tmp_path):
    table = runs_of(run=[f"<script>alert({i})</script>" for i in range(16)])
    text = written(sc.fit(table, "additive", resamples=50, rng=0), tmp_path)
    assert "<script" not in text
    assert "&lt;script&gt;alert" in text


def test_the_lines_of_the_page_write_the_page_again(tmp_path):
    table = sc.RunTable(*(np.append(c, np.nan) for c in (*GRID, runs_of().loss)), drop_invalid=True)
    law = sc.fit(table.where(table.rows != 2), "additive", resamples=50, rng=0)
    text = written(law, tmp_path, [1e22, 1.2345e23])
    assert "ROWS_DROPPED" in text
    data = re.search(r'download="law.json" href="data:application/json;base64,([^"]*)"', text)[1]
    (tmp_path / "law.json").write_bytes(base64.b64decode(data))
    (tmp_path / "report.html").unlink()
    lines = re.findall(r"<pre><code>(.*?)</code></pre>", text, re.DOTALL)
    code = lines[0].replace("&quot;", '"').replace("&#x27;", "'")
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, timeout=100)
    assert done.returncode == 0
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == text
    pytest.importorskip("click")
    (tmp_path / "report.html").unlink()
    command = [sys.executable, "-m", *lines[1].split()]
    assert subprocess.run(command, cwd=tmp_path, timeout=100).returncode == 0
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == text


def test_many_runs_make_a_page_that_can_be_opened(tmp_path):
    rng = np.random.default_rng(0)
    N, D = np.exp(rng.uniform(16, 23, (2, 30_000)))
    loss = (1.8 + 480 / N**0.35 + 2100 / D**0.37) * np.exp(0.003 * rng.standard_normal(30_000))
    text = written(sc.fit(sc.RunTable(N, D, loss), "additive", resamples=0), tmp_path)
    assert len(text) < 2e6
    assert "too large for this page" in text
    assert "too many runs" in text
    Page(text)


@pytest.mark.parametrize(
    ("budgets", "error", "said"),
    [
        ([], ValueError, "budgets must hold at least one"),
        ([1e22, -1], ValueError, "budgets must be positive and finite, got -1.0 in budgets"),
        (np.nan, ValueError, "budgets must be positive and finite"),
        ("much", TypeError, "budgets must be"),
    ],
)
def test_wrong_budgets_write_nothing(tmp_path, budgets, error, said):
    with pytest.raises(error, match=re.escape(said)):
        LAWS["given"]().report(tmp_path / "report.html", budgets)
    assert not list(tmp_path.iterdir())


def test_without_matplotlib_there_is_a_page_without_pictures(tmp_path, monkeypatch):
    law = LAWS["good"]()
    monkeypatch.setattr("scalecore.fitting._report_pictures.find_spec", lambda name: None)
    text = written(law, tmp_path)
    assert "<svg" not in text
    assert "scalecore[plot]" in text


@pytest.mark.parametrize("flags", [(), ("--blink-settings=preferredColorScheme=0",)])
def test_in_a_browser(tmp_path, flags):
    """Telephone, tablet and desk, light and dark: nothing too wide, nothing asked of a server."""
    if not CHECKER.exists():
        pytest.skip("the pages' checker is not beside the tests")
    spec = importlib.util.spec_from_file_location("check_pages", CHECKER)
    checker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(checker)
    browser = checker.chromium()
    if browser is None:
        pytest.skip("no Chromium")
    for i, law in enumerate(LAWS.values()):
        law().report(tmp_path / f"{i}.html")
    long = sc.fit(runs_of(run=["a-very-long-name" * 9] * 16), "additive", resamples=0)
    long.report(tmp_path / "long.html", np.geomspace(1e20, 1e27, 40))
    views = checker.measured(tmp_path, browser, flags)
    assert len(views) == (len(LAWS) + 1) * len(checker.WIDTHS)
    assert all(view["elements"] > 20 for view in views)
    assert [(view["page"], view["width"], view["faults"]) for view in views if view["faults"]] == []
