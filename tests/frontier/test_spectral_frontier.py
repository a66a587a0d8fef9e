"""The frontier of the spectral bounds: every strategy is looked at, and the optimum is where a fine
grid has it."""

import pickle

import numpy as np
import pytest

import scalecore as sc

BOUNDS = {"spectral": sc.spectral_bound, "refined": sc.refined_bound}


@pytest.fixture(scope="module", autouse=True)
def tables():
    return {
        d: sc.spectral_table(d, most_units=units)
        for d, units in {1: 2, 2: 64, 3: 80, 10: 150}.items()
    }


def near(table, most):
    """Widths for a grid: all whole ones up to 3000, and many beyond."""
    whole = np.arange(1.0, min(most, 3000) + 1)
    return np.unique(
        np.concatenate(
            [whole, np.geomspace(1, most, 4000), table.units[1:][table.units[1:] <= most]]
        )
    )


@pytest.mark.parametrize("bound", BOUNDS)
@pytest.mark.parametrize("d", [1, 3, 10])
@pytest.mark.parametrize("K", [0.3, 20, 1e4])
def test_no_width_of_a_fine_grid_is_better(bound, d, K, tables):
    budgets = np.geomspace(3 * d, 1e17, 15)
    best = sc.compute_optimal(budgets, d, K, bound=bound)
    np.testing.assert_allclose(best.width * best.samples * d, budgets, rtol=1e-12)
    np.testing.assert_allclose(best.misspecification + best.estimation, best.error, rtol=1e-12)
    np.testing.assert_allclose(BOUNDS[bound](best.width, best.samples, d, K), best.error, rtol=1e-9)
    for budget, error in zip(budgets, best.error, strict=True):
        n = near(tables[d], budget / d)
        values = BOUNDS[bound](n, np.maximum(budget / (d * n), 1.0), d, K)
        assert error <= values.min() * (1 + 1e-7)


def test_no_number_of_sticks_is_better_where_they_are_few(tables):
    """At small K there are a few sticks, or one: whole ones, also where the width is real."""
    rng = np.random.default_rng(3)
    budgets, K = 3 * 10 ** rng.uniform(0.5, 9, 60), 10 ** rng.uniform(-3, 1, 60)
    best = sc.compute_optimal(budgets, 3, K, bound="refined")
    for budget, k, error in zip(budgets, K, best.error, strict=True):
        n = np.geomspace(1, min(budget / 3, 60), 4000)
        assert error <= sc.refined_bound(n, np.maximum(budget / (3 * n), 1), 3, k).min() * (
            1 + 1e-7
        )
    terms = sc.spectral_terms(best.width, best.samples, 3, K, strategies="all")
    sticks = np.isin(terms.strategy, ("sticks", "polar"))
    assert sticks.sum() > 5
    assert (terms.atoms[sticks] == np.floor(terms.atoms[sticks])).all()
    whole = sc.compute_optimal(budgets, 3, K, bound="refined", integer=True)
    large = budgets > 1e5
    assert (
        whole.error[large] <= best.error[large] * (1 + 1e-3)
    ).all()  # it loses a fraction of a sample, not of a stick


@pytest.mark.parametrize(
    ("bound", "strategy", "step", "close"),
    [("spectral", "atoms", 0.7, 0.06), ("refined", "polar", 0.7, 0.06)],
)
def test_elasticity_is_the_slope_of_the_parameters(bound, strategy, step, close):
    """Sticks and atoms are whole, so that theirs is the slope over many of them."""
    budgets = np.geomspace(1e10, 1e18, 9)
    best = sc.compute_optimal(budgets, 10, 100, bound=bound)
    low, high = (
        sc.compute_optimal(budgets * np.exp(side * step), 10, 100, bound=bound) for side in (-1, 1)
    )
    terms, below, above = (
        sc.spectral_terms(
            at.width, at.samples, 10, 100, strategies="all" if bound == "refined" else "atoms"
        )
        for at in (best, low, high)
    )
    moving = terms.strategy == strategy
    one_row = (below.units == terms.units) & (above.units == terms.units)
    assert (moving & one_row).sum() >= 4
    slope = np.log(high.parameters / low.parameters) / (2 * step)
    np.testing.assert_allclose(
        best.elasticity[moving & one_row], slope[moving & one_row], rtol=close
    )
    assert (best.elasticity[~moving] == 0).all()


@pytest.mark.parametrize("bound", BOUNDS)
def test_status_and_bad_budgets(bound):
    best = sc.compute_optimal(
        [10, 1e6, 9, np.nan, 1e6, -1, 1e6],
        [10, 10, 10, 10, 2.5, 10, 10],
        [1, 1, 1, 1, 1, 1, -1],
        bound=bound,
    )
    names = [sc.Status(int(code)).name for code in best.status]
    assert names == [
        "AT_MIN_WIDTH",
        "INTERIOR",
        "INFEASIBLE",
        "INVALID",
        "INVALID",
        "INVALID",
        "INVALID",
    ]
    assert np.isnan(best.width[2:]).all()
    assert np.isfinite(best.error[:2]).all()


@pytest.mark.parametrize("bound", BOUNDS)
def test_whole_numbers(bound):
    budgets = np.geomspace(30, 1e16, 25)
    real, whole = (
        sc.compute_optimal(budgets, 3, 20, bound=bound, integer=flag) for flag in (False, True)
    )
    assert (whole.width == np.floor(whole.width)).all()
    assert (whole.samples == np.floor(whole.samples)).all()
    assert (3 * whole.width * whole.samples <= budgets).all()
    np.testing.assert_allclose(
        BOUNDS[bound](whole.width, whole.samples, 3, 20), whole.error, rtol=1e-9
    )
    large = budgets > 1e6
    assert (whole.error[large] <= real.error[large] * (1 + 1e-3)).all()  # a stick more or less
    for budget, error in zip(budgets[:8], whole.error[:8], strict=True):
        n = np.arange(1.0, np.floor(budget / 3) + 1)
        assert error <= BOUNDS[bound](n, np.floor(budget / (3 * n)), 3, 20).min() * (1 + 1e-9)


def test_whole_numbers_where_few_atoms_are_drawn():
    """What T loses by being whole is more there than one row differs from another."""
    for d, budget, K in (
        (2, 7646071502.73842, 1.12484e-5),
        (3, 2119122916.377, 5.6985e-5),
        (3, 1e6, 1e-3),
    ):
        best = sc.compute_optimal(budget, d, K, bound="spectral", integer=True)
        n = np.arange(1.0, 65)
        values = sc.spectral_bound(n, np.floor(budget / (d * n)), d, K)
        assert float(best.error) <= values.min() * (1 + 1e-9)
        assert float(best.error) == pytest.approx(
            float(sc.spectral_bound(best.width, best.samples, d, K)), rel=1e-12
        )


def test_isoflop_and_shapes():
    lines = sc.isoflop([1e4, 1e7], 3, 20, bound="spectral", points=300)
    assert lines.error.shape == (2, 300)
    assert (lines.error.min(axis=1) >= lines.optimum.error * (1 - 1e-12)).all()
    grid = sc.compute_optimal(
        np.geomspace(1e4, 1e9, 4)[:, None, None],
        np.array([1, 3, 10])[:, None],
        [1.0, 50.0],
        bound="refined",
    )
    assert grid.shape == (4, 3, 2)
    assert np.isfinite(grid.error).all()
    one = sc.compute_optimal(1e9, 10, 50.0, bound="refined")
    assert float(one.error) == grid.error[3, 2, 1]
    assert "refined bound" in repr(one)
    assert sc.compute_optimal(np.empty(0), 3, 1, bound="spectral").width.shape == (0,)
    again = pickle.loads(pickle.dumps(grid))
    assert (again.error == grid.error).all()
    assert again.bound == "refined"


def test_threads_do_not_matter():
    budgets = np.geomspace(10, 1e18, 3000)
    one, three = (
        sc.compute_optimal(budgets, 10, 100, bound="refined", n_threads=count) for count in (1, 3)
    )
    for name in ("width", "samples", "error", "elasticity"):
        np.testing.assert_array_equal(getattr(one, name), getattr(three, name))


def test_known_values_are_reached_or_improved():
    """What a coarse prototype of the spectral bound gave at d = 10, K = 100."""
    best = sc.compute_optimal([1e5, 1e6, 1e7, 1e8], 10, 100, bound="spectral")
    assert (best.error <= [0.0236, 0.0143, 0.0089, 0.0037]).all()
    assert (best.error >= [0.0220, 0.0130, 0.0075, 0.0028]).all()
