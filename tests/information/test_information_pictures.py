"""Pictures of finite models: they show what was computed."""

import numpy as np
import pytest
from information_models import smooth_coins

import scalecore as sc
from scalecore import updates


@pytest.fixture
def pyplot():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    yield plt
    plt.close("all")


def test_pictures_show_what_was_computed(pyplot):
    model = smooth_coins(9)
    curve = model.learning_curve(20)
    ax = curve.plot()
    assert (ax.get_lines()[0].get_ydata() == curve.information).all()
    assert len(ax.collections) == 0  # no band where nothing was drawn
    drawn = model.learning_curve(20, method="monte_carlo", rng=0)
    assert len(drawn.plot().collections) == 1
    parts = model.incremental(updates.last_sample(1, 2), 15, np.full((3, 1, 2), 0.5))
    ax = parts.plot()
    assert len(ax.collections) == 3
    assert ax.get_lines()[0].get_ydata() == pytest.approx(np.append(0, np.cumsum(parts.error)))
    top = ax.collections[-1].get_paths()[0].vertices[:, 1].max()
    assert top == pytest.approx(parts.total.error, rel=1e-12)  # the stack reaches the error
    got = model.constrained(np.eye(9)[np.arange(9) // 2 * 2], 20)
    heights = [bar.get_height() for bar in got.plot().patches]
    assert heights == pytest.approx([got.estimation, got.misspecification, got.error])
    best = model.best_channel(3, 20)
    image = best.plot().images[0].get_array()
    assert image.shape == (9, 3)
    assert np.allclose(image, best.channel[:, best.hypotheses])
    ax = pyplot.figure().subplots()
    assert curve.plot(ax) is ax


def test_infinite_terms_are_drawn_as_such(pyplot):
    model = sc.FiniteModel([0.5, 0.5], [[[1.0, 0.0]], [[0.5, 0.5]]], [1.0])
    parts = model.incremental(np.zeros((1, 1, 2), int), 3, [[[1.0, 0.0]]])
    assert "infinite" in parts.plot().get_title()
    endless = model.constrained([[1, 0], [1, 0]], 3)
    assert endless.bound == np.inf
    assert "infinite" in endless.plot().get_title()
    pyplot.gcf().canvas.draw()
