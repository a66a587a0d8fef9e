"""What notebooks show: well-formed tables with the numbers of the result, and nothing of it left to
be read as markup."""

from html.parser import HTMLParser

import numpy as np
import pytest

import scalecore as sc
from scalecore._views import html as _html

PRIOR = sc.NetworkPrior(input_dim=4, concentration=10)


class Reader(HTMLParser):
    """Reads tables; an end tag that closes something else, or an unknown tag, is an error."""

    def __init__(self, text):
        super().__init__()
        self.open, self.rows, self.text = [], [], ""
        self.feed(text)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag, attrs):
        assert tag in ("div", "strong", "table", "thead", "tbody", "tr", "th", "td"), tag
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data + "\n"
        if self.open[-1] in ("th", "td"):
            self.rows[-1][-1] += data


def read(result):
    reader = Reader(result._repr_html_())
    assert len({len(row) for row in reader.rows}) == 1
    assert type(result).__name__ in reader.text
    return reader


def number(cell):
    return float(cell.split()[0].replace(",", ""))


def test_frontier():
    best = sc.compute_optimal([1e6, 1e9, 1.0], 10, 100)
    head, *rows = read(best).rows
    assert [row[head.index("status")] for row in rows] == ["INTERIOR", "INTERIOR", "INFEASIBLE"]
    assert [number(row[head.index("width n*")]) for row in rows[:2]] == pytest.approx(
        best.width[:2], rel=1e-3
    )
    assert [number(row[head.index("error (nats)")]) for row in rows[:2]] == pytest.approx(
        best.error[:2], rel=1e-3
    )
    assert rows[2][head.index("width n*")] == "nan"


@pytest.mark.parametrize("shape", [(), (0,), (1, 1), (200, 5)])
def test_frontiers_of_any_shape(shape):
    best = sc.compute_optimal(np.geomspace(1e6, 1e9, int(np.prod(shape))).reshape(shape), 10, 100)
    reader = read(best)
    assert len(reader.rows) == 1 + min(best.width.size, 12)
    if best.width.size > 12:
        assert "12 of 1,000 elements" in reader.text
        assert "1,000 INTERIOR" in reader.text
        assert [number(reader.rows[place][0]) for place in (1, -1)] == pytest.approx([1e6, 1e9])


def test_network():
    net = PRIOR.sample(1)
    cells = dict(read(net).rows)
    assert number(cells["units"]) == len(net)
    assert number(cells["mass of the heaviest unit"]) == pytest.approx(net.masses.max(), rel=1e-3)
    half = int(cells["units that hold half of the mass"])
    masses = np.sort(net.masses)[::-1]
    assert masses[: half - 1].sum() < 0.5 <= masses[:half].sum()
    assert dict(read(net.thin(1, 0)).rows)["units that hold half of the mass"] == "1"


def test_training_and_its_frontier():
    runs = sc.train(PRIOR, [1, 4, 16, 64], 4000, learning_rates=[0.02, 0.1, 1e30], repeats=3, rng=1)
    head, *rows = read(runs).rows
    means = runs.error[..., -1].mean(axis=0)[:, :2]
    assert [number(row[head.index("error (nats)")]) for row in rows] == pytest.approx(
        means.min(axis=1), rel=1e-3
    )
    assert [number(row[head.index("best rate")]) for row in rows] == [
        [0.02, 0.1][j] for j in means.argmin(axis=1)
    ]
    assert [number(row[head.index("runs diverged")]) for row in rows] == list(
        (runs.diverged >= 0).sum(axis=(0, 2))
    )
    assert (runs.diverged >= 0).any()
    found = runs.frontier([1e4, 5e4, 1e5], resamples=50)
    head, *rows = read(found).rows
    assert [number(row[head.index("width n*")]) for row in rows] == pytest.approx(
        found.width, rel=1e-3, nan_ok=True
    )
    assert [number(row[head.index("n* of the bound")]) for row in rows] == pytest.approx(
        found.theory.width, rel=1e-3
    )
    assert [row[head.index("status")] for row in rows] == [
        sc.EmpiricalStatus(int(code)).name for code in found.status
    ]


def test_runs_that_all_diverged():
    runs = sc.train(PRIOR, [4], 100, learning_rates=[1e30], repeats=2, rng=1)
    assert (runs.diverged >= 0).all()
    assert read(runs).rows[1] == ["4", "-", "-", "-", "2"]


@pytest.mark.parametrize("widths", [10, [5, 50], list(range(1, 31))])
def test_misspecification(widths):
    estimate = sc.misspecification(PRIOR, widths, networks=8, inputs=64, rng=1)
    reader = read(estimate)
    head, *rows = reader.rows
    assert len(rows) == min(np.size(widths), 12)
    kl, bound = np.ravel(estimate.kl.mean), np.ravel(estimate.bound)
    for place, row in ((0, rows[0]), (-1, rows[-1])):
        assert number(row[head.index("KL (nats)")]) == pytest.approx(kl[place], rel=1e-3)
        assert number(row[head.index("KL / bound")]) == pytest.approx(
            kl[place] / bound[place], rel=1e-3
        )
    assert ("12 of 30 widths" in reader.text) == (np.size(widths) == 30)


def test_information():
    coin = sc.FiniteModel([0.5, 0.5], [[[0.5, 0.5]], [[0.1, 0.9]]], [1.0])
    curve = coin.learning_curve(1000)
    head, *rows = read(curve).rows
    assert [number(row[0]) for row in (rows[0], rows[-1])] == [1, 1000]
    for row in rows:
        assert number(row[head.index("I(F; H_t) (nats)")]) == pytest.approx(
            curve.information[int(number(row[0]))], rel=1e-3
        )
    parts = coin.incremental(sc.updates.last_sample(1, 2), 20)
    rows = read(parts).rows[1:]
    for name, total, average, share in rows:
        assert number(total) == pytest.approx(
            getattr(parts.total, name.replace(" ", "_")), rel=1e-3
        )
        assert number(average) == pytest.approx(number(total) / 20, rel=1e-3)
        assert number(share) == pytest.approx(100 * number(total) / parts.total.error, abs=0.1)
    certain = sc.FiniteModel([1.0], [[[0.5, 0.5]]], [1.0]).learning_curve(1)
    head, row = read(certain).rows
    assert row[head.index("share of H(F)")] == "-"


def test_what_cannot_happen_is_named():
    coin = sc.FiniteModel([0.5, 0.5], [[[0.5, 0.5]], [[0.1, 0.9]]], [1.0])
    parts = coin.incremental(sc.updates.last_sample(1, 2), 3, np.tile([[[1.0, 0.0]]], (3, 1, 1)))
    reader = read(parts)
    assert "gives 0 to label 1" in reader.text
    assert reader.rows[-1][1] == "inf"


def test_everything_is_escaped():
    bad = "<script>&\"'</script>"
    reader = Reader(_html.html_table(bad, [bad], [[bad]], bad))  # an unknown tag would be an error
    assert reader.text.count(bad) == 4
    assert reader.rows == [[bad], [bad]]
