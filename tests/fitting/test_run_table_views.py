"""Tables of runs as pictures and in notebooks."""

from html.parser import HTMLParser

import numpy as np
import pytest

import scalecore as sc


@pytest.fixture(autouse=True)
def no_display():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    yield
    matplotlib.pyplot.close("all")


def table(count=30, **options):
    n, d = (
        x.ravel()[:count]
        for x in np.meshgrid(np.geomspace(3e7, 3e9, 5), np.geomspace(1e9, 1e11, 6))
    )
    loss = 1.8 + 480 / n**0.35 + 2100 / d**0.37
    if count > 5:
        loss[5] *= 1.4
    return sc.RunTable(n, d, loss, **options)


def test_picture():
    import matplotlib.pyplot as plt

    runs = table(loss_unit="bits", run=np.arange(30) % 7)
    ax = runs.plot()
    points = ax.collections[0]
    assert np.allclose(points.get_offsets(), np.stack([runs.parameters, runs.samples], axis=1))
    assert np.allclose(points.get_array(), runs.loss / np.log(2))
    assert ax.get_xscale() == ax.get_yscale() == "log"
    assert ax.get_title() == "30 rows of 7 runs"
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["far from others", "$D = 20 N$"]
    assert ax.lines[0].get_xdata().tolist() == [runs.parameters[5]]
    axes = plt.subplots(1, 2)[1]
    assert runs.plot(ax=axes[1]) is axes[1]


def test_marks_are_where_rows_are_in_a_part_of_the_table():
    part = table().where(np.arange(30) > 2)
    assert part.plot().lines[0].get_xdata().tolist() == [table().parameters[5]]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_small_tables_have_pictures(count, tmp_path):
    ax = table(count).plot()
    ax.figure.savefig(tmp_path / "small.png")
    assert (
        "sans" in repr(table(count)._repr_html_())
        or f"{count:,} rows" in table(count)._repr_html_()
    )


def test_large_tables_are_thinned():
    rng = np.random.default_rng(0)
    n, d = np.exp(rng.uniform(16, 22, (2, 50_000)))
    runs = sc.RunTable(n, 30 * d, 1.8 + 480 / n**0.35)
    ax = runs.plot()
    assert len(ax.collections[0].get_offsets()) == 20_000
    assert ax.get_title() == "50,000 runs, 20,000 of them drawn"


class Cells(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.rows, self.open = [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data


def test_html():
    frame = {
        "N": [1e8, 4e8, 4e8],
        "D<b>": [2e9, 8e9, 8e9],
        "L": [3.4, 2.8, 2.8],
        "C": [1e18, np.nan, 1],
        "run": list("aab"),
    }
    runs = sc.RunTable.from_frame(frame, columns={"D": "D<b>"})
    text = runs._repr_html_()
    rows = Cells(text).rows
    assert rows[1] == ["parameters N", "N", "1e+08", "4e+08", "4e+08", "2"]
    assert rows[2][:2] == ["samples D", "D<b>"]
    assert rows[3] == ["loss (nats)", "L", "2.8", "2.8", "3.4", "2"]
    assert rows[4] == ["run", "run", "-", "-", "-", "2"]
    kinds = [row[0] for row in rows[6:]]
    assert kinds == [finding.kind.name for finding in runs.findings()]
    assert "&#x27;C&#x27; was not taken for compute: it is empty in row 1." in text


def isoflop_table(budgets=5):
    budget, n = (
        x.ravel() for x in np.meshgrid(np.geomspace(1e17, 1e21, budgets), np.geomspace(0.25, 4, 7))
    )
    n = n * np.sqrt(budget / 120)
    return sc.RunTable(n, budget / 6 / n, 1.8 + 400 / n**0.35 + 400 / (budget / 6 / n) ** 0.3)


def test_profiles_have_pictures(tmp_path):
    found = sc.isoflop_profiles(isoflop_table())
    left, right = found.plot()
    stars = [item for item in left.lines if item.get_marker() == "*"]
    assert [star.get_xdata()[0] for star in stars] == pytest.approx(found.parameters)
    assert f"slope {found.elasticity:.3f}" in right.get_legend().get_texts()[0].get_text()
    with pytest.raises(ValueError, match="ax must hold 2 axes"):
        found.plot(ax=left)
    ax = sc.envelope(isoflop_table()).plot()
    assert ax.lines[0].get_ydata()[0] == sc.envelope(isoflop_table()).loss[0]
    for count in (0, 1, 2):  # nothing to see is no error
        sc.isoflop_profiles(table(count)).plot()[0].figure.savefig(tmp_path / "few.png")
        sc.envelope(table(count)).plot().figure.savefig(tmp_path / "few.png")


def test_profiles_in_notebooks():
    found = sc.isoflop_profiles(isoflop_table(20))
    rows = Cells(found._repr_html_()).rows
    assert len(rows) == 13
    assert rows[1][0] == f"{found.budget[0]:.4g}"
    assert rows[1][-1] == "INTERIOR"
    assert rows[1][2].startswith(f"{found.parameters[0]:.4g} [")
