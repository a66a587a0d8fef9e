"""A bound is one row: whoever lists bounds reads the table, so that a row added here is known."""

import re

import numpy as np
import pytest

import scalecore as sc
from scalecore.frontier._objectives import OBJECTIVES, Objective


def toy_bound(n, T, d, K):
    """K/n + d n/T: along d n T = C the best width is (C K)^(1/3) / d^(2/3) * (1/2)^(1/3)."""
    return K / n + d * n / T


def minimise(budgets, optima, integer, n_threads):
    most = budgets.budget / (budgets.cost * budgets.input_dim)
    # with T = most/n the bound is K/n + d n^2/most
    width = np.cbrt(budgets.concentration * most / (2 * budgets.input_dim))
    optima.width[:] = np.clip(width, 1, most)
    optima.samples[:] = most / optima.width
    optima.misspecification[:] = budgets.concentration / optima.width
    optima.estimation[:] = budgets.input_dim * optima.width / optima.samples
    optima.error[:] = optima.misspecification + optima.estimation
    optima.elasticity[:] = 1 / 3
    optima.status[:] = sc.Status.INTERIOR


@pytest.fixture
def toy(monkeypatch):
    row = Objective("toy", toy_bound, minimise, "a bound of the test's own", style="-.")
    monkeypatch.setitem(OBJECTIVES, "toy", row)
    return row


BUDGETS = np.geomspace(1e5, 1e9, 5)


def test_it_is_minimised(toy):
    best = sc.compute_optimal(BUDGETS, 3, 10, cost=6, bound="toy")
    widths = best.width[:, None] * np.geomspace(0.5, 2, 101)
    samples = BUDGETS[:, None] / (6 * 3 * widths)
    around = toy_bound(widths, samples, 3, 10)
    assert np.allclose(around.min(axis=1), best.error, rtol=1e-12)
    assert np.allclose(best.error, best.misspecification + best.estimation)
    assert repr(best).startswith("Frontier(toy bound")


def test_isoflop_has_it(toy):
    lines = sc.isoflop(BUDGETS, 3, 10, bound="toy", points=9)
    assert np.allclose(lines.error, toy_bound(lines.width, lines.samples, 3, 10))
    assert (lines.error >= lines.optimum.error[:, None]).all()


def test_a_picture_has_it(toy):
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("Agg")
    from scalecore.plotting import figure2

    sc.spectral_table(3, most_units=16)
    figure, frontiers, _ = figure2(3, 10, budgets=BUDGETS)
    assert list(frontiers) == list(OBJECTIVES)
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    assert set(lines) == {row.label for row in OBJECTIVES.values()}
    assert lines["toy_bound"].get_linestyle() == "-."
    assert np.array_equal(lines["toy_bound"].get_ydata(), frontiers["toy"].error)
    plt.close(figure)


def test_a_sweep_has_it(toy, tmp_path):
    pytest.importorskip("zarr")
    grid = {"budget": BUDGETS, "input_dim": [3, 4], "concentration": 10}
    done = sc.sweep("compute_optimal", grid, tmp_path / "toy", chunks={"budget": 2}, bound="toy")
    with done.open() as data:
        best = sc.compute_optimal(BUDGETS[:, None], [3, 4], 10, bound="toy")
        assert np.array_equal(
            data.optimal_width if "optimal_width" in data else data.width, best.width
        )


def test_an_unknown_one_is_refused_and_all_are_named(toy):
    with pytest.raises(ValueError, match=r"'refined', .*'toy', got 'toys'"):
        sc.compute_optimal(1e6, 3, 10, bound="toys")


def test_docstrings_name_all():
    """The rows of the library; a row of a test's own is not in them."""
    for call in (sc.compute_optimal, sc.isoflop):
        named = re.search(r"bound : \{(.*?)\}", call.__doc__).group(1)
        assert re.findall(r'"(\w+)"', named) == list(OBJECTIVES)


def test_strategies_have_one_source():
    """`spectral_terms` calls "all" what refined_bound does, and its default is spectral_bound."""
    sc.spectral_table(3, most_units=16)
    n, T = [4.0, 300.0, 1e5], [1e3, 1e6, 1e12]
    every = sc.spectral_terms(n, T, 3, 10, strategies="all").error
    assert np.array_equal(every, sc.refined_bound(n, T, 3, 10))
    assert np.array_equal(sc.spectral_terms(n, T, 3, 10).error, sc.spectral_bound(n, T, 3, 10))
    for name, ufunc in (("spectral", sc.spectral_bound), ("refined", sc.refined_bound)):
        best = sc.compute_optimal(1e8, 3, 10, bound=name)
        assert np.isclose(ufunc(best.width, best.samples, 3, 10), best.error, rtol=1e-12)
