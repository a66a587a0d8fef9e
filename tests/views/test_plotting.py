import numpy as np
import pytest

import scalecore as sc

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_isoflop_marks_every_optimum():
    lines = sc.isoflop([1e6, 1e7, 1e8, 2], 10, 100)
    ax = lines.plot()
    drawn = ax.get_lines()
    assert len(drawn) == 6  # three curves and three marks; the infeasible budget has neither
    marks = [line for line in drawn if line.get_marker() == "o"]
    for mark, n, error in zip(marks, lines.optimum.parameters, lines.optimum.error, strict=False):
        assert (mark.get_xdata()[0], mark.get_ydata()[0]) == (n, error)
    assert ax.get_xscale() == ax.get_yscale() == "log"
    assert "nats" in ax.get_ylabel()
    assert len(ax.get_legend().get_texts()) == 3


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 3), (1, 1, 0)])
def test_a_frontier_of_no_budget_can_be_drawn(shape):
    assert sc.compute_optimal(np.ones(shape), 3, 5).plot().get_xscale() == "log"


def test_frontier_has_a_dashed_line_of_slope_one():
    f = sc.compute_optimal(np.geomspace(1e6, 1e18, 13), 10, 100)
    _fig, ax = plt.subplots()
    assert f.plot(ax=ax) is ax
    dashed = [line for line in ax.get_lines() if line.get_linestyle() == "--"]
    assert len(dashed) == 1
    x, y = dashed[0].get_data()
    assert np.log(y[1] / y[0]) == pytest.approx(np.log(x[1] / x[0]))
    assert (ax.get_lines()[0].get_ydata() == f.parameters).all()


def test_families_and_degenerate_frontiers_draw():
    grid = sc.compute_optimal(
        np.geomspace(1e6, 1e9, 4)[:, None, None], np.array([1.0, 10])[:, None], [1.0, 10, 100]
    )
    assert len(grid.plot().get_lines()) == 7
    for budget in (1e6, [1e6], [1.0], []):
        sc.compute_optimal(budget, 10, 100).plot().figure.canvas.draw()
        sc.isoflop(budget, 10, 100).plot().figure.canvas.draw()


def names(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_legends_tell_lines_apart():
    """What differs between lines is named; of many lines some are, the first and the last among
    them."""
    assert [
        "d = 10" in name and "K" not in name
        for name in names(sc.isoflop([1e6, 1e6], [10, 20], 100).plot())
    ] == [True, False]
    assert all("d" not in name for name in names(sc.isoflop([1e6, 1e7], 10, 100).plot()))
    many = names(sc.isoflop(np.geomspace(1e5, 1e12, 15), 10, 100).plot())
    assert 6 <= len(many) <= 10
    assert "10^{5}" in many[0]
    assert "10^{12}" in many[-1]
    family = names(
        sc.compute_optimal(np.geomspace(1e4, 1e12, 9)[:, None], np.arange(1, 21), 100).plot()
    )
    assert 6 <= len(family) <= 10
    assert "d = 1$" in family[0]
    assert "d = 20$" in family[-2]
    assert family[-1] == "slope 1"


def test_where_there_is_nothing_the_picture_says_so():
    for ax in (sc.isoflop(1.0, 10, 100).plot(), sc.compute_optimal([1.0, 2.0], 10, 100).plot()):
        assert [text.get_text() for text in ax.texts] == ["no budget has an optimum"]


def test_figure1():
    from scalecore.plotting import figure1

    figure, lines, frontier = figure1()
    left, right = figure.axes
    assert lines.error.shape == (6, 200)
    assert frontier.elasticity.max() < 0.5
    assert left.get_title()
    assert right.get_title()
    figure.canvas.draw()
    tiny, _, _ = figure1(1, 1e-3)  # every optimum at width 1
    tiny.canvas.draw()


@pytest.mark.parametrize("d", [1, 2, 10])
def test_network(d):
    net = sc.NetworkPrior(d, 10.0).sample(1)
    axes = net.plot()
    assert len(axes) == (3 if d == 2 else 2)
    masses = axes[0].get_lines()[0].get_ydata()
    assert (np.diff(masses) <= 0).all()
    assert axes[1].get_lines()[0].get_ydata()[-1] == pytest.approx(1 - net.leftover)
    axes[0].figure.canvas.draw()
    with pytest.raises(ValueError, match="ax must hold"):
        net.plot(ax=plt.subplots()[1])


def test_misspecification_shows_the_bound_above_the_estimate():
    mc = sc.misspecification(sc.NetworkPrior(3, 10.0), [100, 1, 10], networks=20, inputs=64, rng=0)
    ax = mc.plot()
    bound = ax.get_lines()[0]
    assert bound.get_linestyle() == "--"
    assert bound.get_xdata().tolist() == [1, 10, 100]
    assert np.allclose(bound.get_ydata(), 10 / 16 / bound.get_xdata())
    assert ax.containers[0].has_yerr
    assert "nats" in ax.get_ylabel()
    ax.figure.canvas.draw()


@pytest.mark.parametrize("d", [1, 2, 10, 10**7])
def test_spectrum_has_a_step_for_each_degree_that_can_be_drawn(d):
    spectrum = sc.spectrum(d)
    ax = spectrum.plot()
    x, y = ax.get_lines()[0].get_data()
    assert ax.get_xscale() == ax.get_yscale() == "log"
    assert np.isfinite(x).all()
    assert (y > 0).all()
    assert (np.diff(x) >= 0).all()
    assert (y[1:] <= y[:-1] * (1 + 1e-12)).all()
    assert y[0] == spectrum.eigenvalue[0]
    assert x[:2].tolist() == [0.5, 1.5]
    labels = [int(text.get_text().replace(r"$\ell = ", "").strip("$")) for text in ax.texts]
    assert labels[0] == 0
    assert labels == sorted(labels)
    ax.figure.canvas.draw()


def test_figure2():
    from scalecore.plotting import figure2

    sc.spectral_table(5, most_units=64)
    figure, frontiers, trained = figure2(5, 10)
    assert trained is None
    left, right = figure.axes
    for ax, name in ((left, "error"), (right, "width")):
        drawn = {line.get_label(): line.get_ydata() for line in ax.get_lines()}
        for bound, label in (("optimal", "error_bound"), ("refined", "refined_bound")):
            assert np.array_equal(drawn[label], getattr(frontiers[bound], name))
    assert (frontiers["spectral"].error <= frontiers["optimal"].error).all()
    (band,), refined = left.collections, frontiers["refined"]
    edges = {tuple(point) for point in band.get_paths()[0].vertices}
    floor = sc.bayes_error_lower_bound(refined.samples, 5, 10)
    for edge in (floor, refined.error):
        assert set(zip(refined.budget, edge, strict=True)) <= edges
    figure.canvas.draw()


def test_figure2_shows_what_training_reaches():
    from scalecore.plotting import figure2

    sc.spectral_table(5, most_units=64)
    runs = sc.train(
        sc.NetworkPrior(5, 10), [1, 2, 4, 8, 16, 32], 5000, learning_rates=[0.05], repeats=3, rng=1
    )
    budgets = [1e3, 1e4, 1e5, 1e9]
    figure, frontiers, trained = figure2(5, 10, budgets=budgets, runs=runs)
    assert frontiers["optimal"].budget.tolist() == budgets
    assert set(trained.budget) <= set(budgets[:3])  # nobody reads 1e9 FLOPs of samples
    marks = sum(container[0].get_ydata().size for container in figure.axes[0].containers)
    assert marks == trained.budget.size
    figure.canvas.draw()
    assert figure2(5, 10, budgets=[1e12], runs=runs)[2] is None
    for given, text in (
        (
            {"concentration": 11, "runs": runs},
            "runs must have been trained at input_dim 5 and concentration 11",
        ),
        ({"budgets": [1.0]}, "budgets must hold one"),
        ({"budgets": [-1.0]}, "budgets must be"),
        ({"cost": 0}, "cost must be"),
        ({"input_dim": 0}, "input_dim must be"),
    ):
        with pytest.raises(ValueError, match=text):
            figure2(**{"input_dim": 5, "concentration": 10} | given)
