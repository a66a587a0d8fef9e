"""Suggested pilots: within budget, better than others of the same cost, and the promise is kept."""

import itertools

import matplotlib
import numpy as np
import pytest

import scalecore as sc
from scalecore.planning._exchange import Information, Purse, chosen_runs
from scalecore.planning._promise import Quantity, run_variance

matplotlib.use("Agg")

TRUTH = sc.FittedLaw.from_values(
    "additive", {"E": 1.8, "A": 480.0, "alpha": 0.35, "B": 2100.0, "beta": 0.37}
)


def simulated(N, D, rng, noise=0.004):
    return TRUTH.predict(N, D).loss * np.exp(noise * rng.standard_normal(len(N)))


def small_table(seed):
    rng = np.random.default_rng(seed)
    N, D = (a.ravel() for a in np.meshgrid(np.geomspace(1e7, 3e8, 4), np.geomspace(1e9, 2e10, 4)))
    return sc.RunTable(N, D, simulated(N, D, rng))


@pytest.fixture(scope="module")
def law():
    return sc.fit(small_table(0), "additive", rng=0, resamples=300)


# ---- the search ----------------------------------------------------------------------------------


def random_problem(rng, candidates=6, p=3, draws=4):
    """Information of random runs, at random gradients."""
    start = rng.standard_normal((draws, 5, p))
    covariance = np.linalg.inv(np.einsum("kip,kiq->kpq", start, start))
    J = (
        rng.standard_normal((draws, candidates, p))
        * np.exp(rng.standard_normal(candidates))[:, None]
    )
    return Information(covariance, rng.standard_normal((draws, p)), J, 0.5), np.exp(
        rng.standard_normal(candidates)
    )


def variance_of(known, runs):
    """By inverting information, not by updates."""
    total = 0.0
    for covariance, g, J in zip(known.covariance, known.gradient, known.runs, strict=True):
        M = np.linalg.inv(covariance) + sum(np.outer(J[i], J[i]) / known.noise for i in runs)
        total += g @ np.linalg.solve(M, g)
    return total / len(known.covariance)


def test_gains_and_updates_are_those_of_the_inverse():
    rng = np.random.default_rng(0)
    for _ in range(20):
        known, _ = random_problem(rng)
        assert known.variance == pytest.approx(variance_of(known, []), rel=1e-9)
        gains = known.gains()
        for i in range(6):
            assert known.variance - gains[i] == pytest.approx(variance_of(known, [i]), rel=1e-9)
            twice = known.with_run(i).with_run(2)
            assert twice.variance == pytest.approx(variance_of(known, [i, 2]), rel=1e-9)
            assert twice.with_run(2, -1).variance == pytest.approx(
                variance_of(known, [i]), rel=1e-6
            )


def test_near_the_best_of_all_designs():
    """All designs of six candidates within a budget: never 10 % above the best, 1 % in most."""
    rng = np.random.default_rng(1)
    ratios = []
    for _ in range(40):
        known, cost = random_problem(rng)
        budget = float(cost.sum() * rng.uniform(0.3, 1.0))
        purse = Purse(cost, budget, 5, 2)
        chosen, variance = chosen_runs(known, purse)
        assert cost[chosen].sum() <= budget * (1 + 1e-9)
        assert len(chosen) <= 5
        assert np.bincount(chosen).max(initial=0) <= 2
        assert variance == pytest.approx(variance_of(known, chosen), rel=1e-6)
        best = min(
            variance_of(known, runs)
            for size in range(6)
            for runs in itertools.combinations(np.repeat(np.arange(6), 2), size)
            if cost[list(runs)].sum() <= budget
        )
        ratios.append(variance / best)
    assert max(ratios) < 1.1
    assert np.median(ratios) < 1.01


# ---- what a run tells ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "factor"), [("log", 1.0), ("huber", np.pi / 2), ("absolute", np.pi / 2)]
)
def test_run_variance(loss, factor):
    """Of normal residuals: sigma^2 for least squares, pi/2 sigma^2 for absolute values.

    2,000 runs: the kernel's bias and the residuals' chance are about 5 % together.
    """
    rng = np.random.default_rng(3)
    N, D = 10 ** rng.uniform(7, 9, 2000), 10 ** rng.uniform(9, 11, 2000)
    table = sc.RunTable(N, D, simulated(N, D, rng, 0.02))
    law = sc.fit(table, "additive", loss=loss, resamples=0)
    assert run_variance(law) == pytest.approx(factor * 0.02**2, rel=0.12)


def test_gradients_of_quantities(law):
    """The envelope theorem: the loss at the best split changes as if the split stayed."""
    c = np.log(1e23 / 6) - law.centre.n - law.centre.m
    found = Quantity(law, "loss", c).gradient(law.theta[None])[0]
    best = law.compute_optimal(1e23)
    n, m = np.log(best.parameters) - law.centre.n, np.log(best.samples) - law.centre.m
    E, a, alpha, b, beta = law.theta
    first, second = np.exp(a - alpha * n), np.exp(b - beta * m)
    exact = np.array([1, first, -n * first, second, -m * second]) / (E + first + second)
    assert found == pytest.approx(exact, rel=1e-6)
    size = Quantity(law, "parameters", c).gradient(law.theta[None])[0]
    assert size[1] == pytest.approx(
        1 / (alpha + beta), rel=1e-6
    )  # n* = (... + a - b + beta c)/(alpha + beta)
    assert size[3] == pytest.approx(-1 / (alpha + beta), rel=1e-6)
    assert size[0] == pytest.approx(0, abs=1e-9)


# ---- suggestions ---------------------------------------------------------------------------------


@pytest.mark.parametrize("quantity", ["loss", "parameters"])
def test_within_budget_and_narrower(law, quantity):
    design = sc.suggest_runs(
        law, budget=1e20, target=1e23, quantity=quantity, rng=0, simulations=16
    )
    assert design.status == sc.DesignStatus.PLANNED
    assert design.total_compute <= 1e20 * (1 + 1e-9)
    assert len(design) <= 24
    assert design.repeats.max() <= 3
    assert design.compute == pytest.approx(6 * design.parameters * design.samples)
    now = law.compute_optimal(1e23)
    ends = (getattr(now, quantity + "_low"), getattr(now, quantity + "_high"))
    assert design.before == pytest.approx(ends, rel=1e-9)
    assert design.value == pytest.approx(getattr(now, quantity), rel=1e-9)
    assert design.width_before == pytest.approx(np.log(ends[1] / ends[0]))
    assert np.log(design.after[1] / design.after[0]) == pytest.approx(design.width_after)
    assert design.width_after < 0.7 * design.width_before
    again = sc.suggest_runs(law, budget=1e20, target=1e23, quantity=quantity, rng=0, simulations=16)
    assert again.width_after == design.width_after
    more = sc.suggest_runs(law, budget=1e21, target=1e23, quantity=quantity, simulations=0)
    assert more.width_linear < design.width_linear


def test_candidates_of_ones_own(law):
    N, D = np.array([1e8, 3e8, 1e9])[:, None], np.array([1e9, 1e10])
    design = sc.suggest_runs(
        law, budget=3e19, target=1e23, candidates=(N, D), simulations=0, most_runs=3
    )
    assert set(design.parameters) <= {1e8, 3e8, 1e9}
    assert set(design.samples) <= {1e9, 1e10}
    assert 1 <= len(design) <= 3


def test_questions_without_an_answer(law):
    S = sc.DesignStatus
    ask = {"budget": 1e20, "target": 1e23}
    few = sc.fit(sc.RunTable([1e8, 1e9], [1e10, 1e10], [3.0, 2.8]), "additive")
    for other, status in (
        (few, S.NO_LAW),
        (TRUTH, S.NO_DRAWS),
        (sc.fit(law.table, "additive", resamples=0), S.NO_DRAWS),
    ):
        design = sc.suggest_runs(other, **ask)
        assert design.status == status
        assert len(design) == 0
        assert status.name in repr(design)
        assert status.name in design._repr_html_()
        design.plot()
    assert sc.suggest_runs(law, budget=1e10, target=1e23).status == S.NO_CANDIDATE
    matplotlib.pyplot.close("all")


@pytest.mark.parametrize(
    ("wrong", "error", "text"),
    [
        ({"budget": -1.0}, ValueError, "budget"),
        ({"target": [1e23, 1e24]}, ValueError, "target must be one positive"),
        ({"quantity": "E"}, ValueError, "quantity must be one of 'loss', 'parameters'"),
        ({"candidates": 5}, TypeError, "candidates must be a pair"),
        ({"candidates": ([1e8], [-1.0])}, ValueError, r"candidates\[1\]"),
        ({"candidates": ([1e8] * 2, [1e9] * 3)}, ValueError, "broadcast"),
        ({"most_runs": 0}, ValueError, "most_runs"),
        ({"simulations": -1}, ValueError, "simulations"),
        ({"level": 1.0}, ValueError, "level"),
        ({"rng": "x"}, TypeError, "rng"),
    ],
)
def test_mistakes(law, wrong, error, text):
    with pytest.raises(error, match=text):
        sc.suggest_runs(law, **{"budget": 1e20, "target": 1e23, **wrong})
    with pytest.raises(TypeError, match="law must be a FittedLaw"):
        sc.suggest_runs("law.json", budget=1e20, target=1e23)


def test_tables_with_runs_weights_and_bits(law):
    """Checkpoints of named runs, weights, another unit, a form with repeated data."""
    table = law.table
    rich = sc.RunTable(
        table.parameters,
        table.samples,
        table.loss / np.log(2),
        run=np.repeat(np.arange(8), 2),
        weight=np.linspace(0.5, 2, 16),
        unique_samples=table.samples / 2,
        loss_unit="bits",
    )
    for form, loss in (
        ("additive", "huber"),
        ("additive", "squared"),
        ("repeated_penalty", "huber"),
    ):
        fitted = sc.fit(rich, form, loss=loss, rng=0, resamples=100)
        assert fitted.usable
        design = sc.suggest_runs(fitted, budget=1e20, target=1e23, simulations=4, rng=0)
        assert design.status == sc.DesignStatus.PLANNED
        assert np.isfinite(design.width_after)
        assert design.before[0] < design.value < design.before[1]


def test_shows_itself(law):
    design = sc.suggest_runs(law, budget=1e20, target=1e23, simulations=0)
    assert "narrow" in repr(design)
    assert "FLOPs" in design._repr_html_()
    assert design.plot().get_title()
    matplotlib.pyplot.close("all")


# ---- the promise ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_promise_is_kept():
    """30 tables: realised over promised width, and over that of an isoFLOP grid of twice the cost.

    examples/which_pilots.py does this for 200 truths. One table scatters by a factor of 1.4, so a
    median of 30 by 8 %, and these limits are 3 standard deviations away.
    """
    ratios, against = [], []
    for seed in range(30):
        rng = np.random.default_rng([8, seed])
        fitted = sc.fit(small_table(seed), "additive", rng=seed, resamples=300)
        design = sc.suggest_runs(fitted, budget=5e19, target=1e23, rng=seed, simulations=24)
        N, D = (np.repeat(part, design.repeats) for part in (design.parameters, design.samples))
        budgets = np.repeat(1e20 / (5 * 13 / 9) * np.array([1 / 9, 1 / 3, 1]), 5)
        grid_n = fitted.compute_optimal(budgets).parameters * np.tile(2.0 ** np.arange(-2, 3), 3)
        widths = []
        for n, d in ((N, D), (grid_n, budgets / (6 * grid_n))):
            table = fitted.table
            joined = sc.RunTable(
                np.concatenate([table.parameters, n]),
                np.concatenate([table.samples, d]),
                np.concatenate([table.loss, simulated(n, d, rng)]),
            )
            best = sc.fit(joined, "additive", rng=seed, resamples=300).compute_optimal(1e23)
            widths.append(np.log(best.loss_high / best.loss_low))
        ratios.append(widths[0] / design.width_after)
        against.append(widths[0] / widths[1])
    assert 0.75 < np.median(ratios) < 1.25
    assert np.median(against) < 1.0
