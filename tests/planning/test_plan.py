"""Plans against formulas, brute force and published numbers."""

import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scalecore as sc

matplotlib.use("Agg")

SARDANA = dict(
    zip(
        ("A", "B", "E", "alpha", "beta"),
        (*np.exp([6.0073404, 6.0179186, 0.5267228]), 0.33917084, 0.2849083),
        strict=True,
    )
)
LAW = sc.FittedLaw.from_values("additive", SARDANA)


@pytest.fixture(scope="module")
def fitted():
    N, D = (a.ravel() for a in np.meshgrid(np.geomspace(1e7, 3e9, 7), np.geomspace(1e9, 1e11, 6)))
    noise = np.exp(0.003 * np.random.default_rng(0).standard_normal(N.size))
    table = sc.RunTable(N, D, (1.8 + 480 / N**0.35 + 2100 / D**0.37) * noise)
    return sc.fit(table, "additive", rng=0, resamples=200)


def loss_of(values, N, D):
    """E + (A/N^alpha + B/D^beta)^gamma, written plainly."""
    inner = values["A"] / N ** values["alpha"] + values["B"] / D ** values["beta"]
    return values["E"] + inner ** values.get("gamma", 1.0)


def samples_of(values, N, loss):
    """The D of a loss; infinite where there is none."""
    with np.errstate(invalid="ignore", divide="ignore"):
        room = (loss - values["E"]) ** (1 / values.get("gamma", 1.0)) - values["A"] / N ** values[
            "alpha"
        ]
        return np.where(room > 0, (values["B"] / room) ** (1 / values["beta"]), np.inf)


def random_law(rng):
    """A law with exponents and scales as the field finds them, additive or coupled."""
    values = {
        "alpha": rng.uniform(0.2, 0.6),
        "beta": rng.uniform(0.2, 0.6),
        "E": rng.uniform(0, 2.5),
    }
    values["A"] = np.exp(rng.uniform(-1, 1)) * 1e8 ** values["alpha"]
    values["B"] = np.exp(rng.uniform(-1, 1)) * 1e10 ** values["beta"]
    if rng.random() < 0.5:
        values["gamma"] = rng.uniform(0.3, 1.5)
    return sc.FittedLaw.from_values("coupled" if "gamma" in values else "additive", values), values


# ---- published numbers and special cases ---------------------------------------------------------


def test_sardana():
    """Sardana et al.: the quality of a 13B model, 2e12 tokens served."""
    quality = LAW.predict(13e9, 6.174e11).loss
    chinchilla = sc.plan(LAW, loss=quality)
    assert chinchilla.parameters == pytest.approx(13e9, rel=1e-4)
    assert chinchilla.samples == pytest.approx(6.174e11, rel=1e-3)
    best = sc.plan(LAW, loss=quality, inference_samples=2e12)
    assert best.parameters == pytest.approx(7.12e9, rel=1e-3)
    assert best.samples == pytest.approx(1.295e12, rel=1e-3)
    assert best.saving == pytest.approx(0.163, abs=5e-4)
    assert best.status == sc.PlanStatus.INTERIOR


@pytest.mark.parametrize("form", ["additive", "tied", "coupled"])
def test_compute_optimal_is_the_special_case(fitted, form):
    law = fitted if form == "additive" else sc.fit(fitted.table, form, rng=0, resamples=100)
    budgets = np.geomspace(1e18, 1e25, 8)
    ours, theirs = sc.plan(law, training_budget=budgets), law.compute_optimal(budgets)
    for name in ("parameters", "samples", "loss"):
        for end in ("", "_low", "_high"):
            assert getattr(ours, name + end) == pytest.approx(
                getattr(theirs, name + end), rel=1e-12
            )
    assert (ours.status == sc.PlanStatus.INTERIOR).all()
    assert ours.training_compute == pytest.approx(budgets, rel=1e-12)


def test_a_little_inference_changes_little():
    """The section meets the closed form: nothing else tells it the digits."""
    budget = np.geomspace(1e19, 1e26, 8)
    closed = sc.plan(LAW, training_budget=budget)
    found = sc.plan(LAW, total_budget=budget, inference_samples=1e-30)
    assert found.parameters == pytest.approx(closed.parameters, rel=1e-9)
    assert found.loss == pytest.approx(closed.loss, rel=1e-14)


# ---- brute force ---------------------------------------------------------------------------------


def brute_budget(values, budget, inference, most_n, most_d, cost):
    N = np.geomspace(1e3, min(most_n, 1e17), 4001)
    with np.errstate(divide="ignore", invalid="ignore"):
        D = np.minimum((budget / N - 2 * inference) / cost, most_d)
        return np.min(np.where(D > 0, loss_of(values, N, D), np.inf))


def brute_loss(values, loss, inference, most_n, most_d, cost):
    N = np.geomspace(1e3, min(most_n, 1e17), 4001)
    D = samples_of(values, N, loss)
    return np.min(np.where(most_d >= D, cost * N * D + 2 * N * inference, np.inf))


def test_no_grid_beats_a_plan():
    """1,000 laws and constraints, three targets each: no point of a fine grid is better, and limits
    hold."""
    rng = np.random.default_rng(16)
    answered = 0
    for _ in range(125):
        law, values = random_law(rng)
        inference = np.where(rng.random(8) < 0.3, 0.0, 10 ** rng.uniform(9, 14, 8))
        most_n = np.where(rng.random(8) < 0.5, np.inf, 10 ** rng.uniform(7, 12, 8))
        most_d = np.where(rng.random(8) < 0.5, np.inf, 10 ** rng.uniform(9, 13, 8))
        cost = rng.uniform(2, 8, 8)
        budget = 10 ** rng.uniform(18, 25, 8)
        loss = values["E"] + rng.uniform(0.02, 0.6, 8)
        limits = {"max_parameters": most_n, "max_samples": most_d, "training_cost": cost}
        total = sc.plan(law, total_budget=budget, inference_samples=inference, **limits)
        training = sc.plan(law, training_budget=budget, inference_samples=inference, **limits)
        cheapest = sc.plan(law, loss=loss, inference_samples=inference, **limits)
        for plan, spent in ((total, total.total_compute), (training, training.training_compute)):
            assert plan.answered.all()
            assert (spent <= budget * (1 + 1e-10)).all()
        for plan in (total, training, cheapest):
            good = plan.answered
            assert (plan.parameters[good] <= most_n[good]).all()
            assert (plan.samples[good] <= most_d[good]).all()
            assert plan.loss[good] == pytest.approx(
                loss_of(values, plan.parameters, plan.samples)[good], rel=1e-9
            )
        for i in range(8):
            rest = (most_n[i], most_d[i], cost[i])
            assert total.loss[i] <= brute_budget(values, budget[i], inference[i], *rest) * (
                1 + 1e-12
            )
            assert training.loss[i] <= brute_budget(values, budget[i], 0.0, *rest) * (1 + 1e-12)
            least = brute_loss(values, loss[i], inference[i], *rest)
            if cheapest.answered[i]:
                answered += 1
                assert cheapest.total_compute[i] <= least * (1 + 1e-9)
            else:
                assert cheapest.status[i] == sc.PlanStatus.OUT_OF_REACH
                assert np.isinf(least)
    assert answered > 500


@settings(max_examples=25)
@given(
    st.floats(18, 26),
    st.floats(8, 15),
    st.floats(7, 13),
    st.floats(9, 14),
    st.booleans(),
    st.booleans(),
)
def test_budget_and_loss_are_dual(budget, inference, most_n, most_d, limit_n, limit_d):
    """The least budget for the least loss of a budget is that budget, unless limits leave some of
    it."""
    limits = {
        "max_parameters": 10**most_n if limit_n else None,
        "max_samples": 10**most_d if limit_d else None,
    }
    first = sc.plan(LAW, total_budget=10**budget, inference_samples=10**inference, **limits)
    again = sc.plan(LAW, loss=first.loss, inference_samples=10**inference, **limits)
    assert again.total_compute == pytest.approx(first.total_compute, rel=1e-7)
    assert again.parameters == pytest.approx(first.parameters, rel=1e-4)


# ---- statuses, shapes, mistakes ------------------------------------------------------------------


def test_statuses():
    S = sc.PlanStatus
    assert sc.plan(LAW, loss=[1.6, 1.0]).status.tolist() == [S.OUT_OF_REACH] * 2
    assert sc.plan(LAW, loss=2.0, max_parameters=1e8).status == S.OUT_OF_REACH
    assert sc.plan(LAW, training_budget=1e23, max_parameters=1e9).status == S.AT_MAX_PARAMETERS
    assert sc.plan(LAW, training_budget=1e23, max_samples=1e11).status == S.AT_MAX_SAMPLES
    both = sc.plan(LAW, training_budget=1e23, max_parameters=1e9, max_samples=1e11)
    assert both.status == S.AT_BOTH_LIMITS
    assert sc.plan(LAW, loss=2.0, max_parameters=5e9).parameters == 5e9
    assert sc.plan(LAW, loss=2.0, max_samples=5e11).samples == 5e11
    assert (both.parameters, both.samples, both.training_compute) == pytest.approx(
        (1e9, 1e11, 6e20)
    )
    bad = sc.plan(LAW, training_budget=[1e21, -1.0, np.nan, np.inf, 0.0])
    assert bad.status.tolist() == [S.INTERIOR] + [S.INVALID] * 4
    assert np.isnan(bad.loss[1:]).all()
    assert sc.plan(LAW, training_budget=1e21, inference_samples=-1).status == S.INVALID
    assert sc.plan(LAW, training_budget=1e21, max_parameters=0).status == S.INVALID


def test_no_law_no_plan():
    few = sc.fit(sc.RunTable([1e8, 1e9], [1e10, 1e10], [3.0, 2.8]), "additive", resamples=0)
    compute = sc.FittedLaw.from_values("compute", {"E": 1.7, "A": 1e3, "alpha": 0.15})
    for law in (few, compute):
        plan = sc.plan(law, training_budget=[1e21, np.nan])
        assert plan.status.tolist() == [sc.PlanStatus.NO_LAW, sc.PlanStatus.INVALID]
        assert np.isnan(plan.parameters).all()
        assert "NO_LAW" in repr(sc.plan(law, training_budget=1e21))
        plan.plot()
        assert np.isnan(plan.saving).all()
        assert np.isnan(plan.deviations().extra_total).all()


def test_all_numbers_broadcast():
    plan = sc.plan(
        LAW,
        total_budget=np.geomspace(1e20, 1e24, 3)[:, None],
        inference_samples=[0, 1e12],
        max_parameters=np.array([1e9, np.inf])[:, None, None],
        inference_cost=2.5,
    )
    assert plan.parameters.shape == plan.status.shape == plan.saving.shape == (2, 3, 2)
    assert plan.deviations([0.5, 2]).extra_total.shape == (2, 3, 2, 2)
    one = sc.plan(LAW, total_budget=1e24, inference_samples=1e12, inference_cost=2.5)
    assert plan.parameters[1, 2, 1] == one.parameters
    assert np.ndim(one.parameters) == 0
    assert len(sc.plan(LAW, training_budget=[]).parameters) == 0


@pytest.mark.parametrize(
    ("given_", "error", "text"),
    [
        ({}, TypeError, "exactly one of training_budget, loss, total_budget"),
        ({"loss": 2.0, "training_budget": 1e21}, TypeError, "got training_budget, loss"),
        ({"training_budget": "1e21"}, TypeError, "training_budget must be real numbers"),
        ({"loss": [2.0, 2.1], "inference_samples": [1, 2, 3]}, ValueError, "broadcast"),
        ({"loss": 2.0, "unique_samples": 1e11}, ValueError, "unique_samples needs a form"),
        ({"loss": 2.0, "level": 1.5}, ValueError, "level"),
    ],
)
def test_mistakes(given_, error, text):
    with pytest.raises(error, match=text):
        sc.plan(LAW, **given_)


def test_wants_a_law():
    with pytest.raises(TypeError, match="law must be a FittedLaw"):
        sc.plan("law.json", loss=2.0)


def test_units_do_not_matter(fitted):
    table = fitted.table
    billions = sc.RunTable(
        table.parameters / 1e9, table.samples / 1e9, table.loss / np.log(2), loss_unit="bits"
    )
    law = sc.fit(billions, "additive", rng=0, resamples=200)
    one = sc.plan(fitted, total_budget=1e22, inference_samples=1e12)
    two = sc.plan(law, total_budget=1e22 / 1e18, inference_samples=1e3)
    assert two.parameters == pytest.approx(one.parameters / 1e9, rel=1e-6)
    assert two.loss == pytest.approx(one.loss / np.log(2), rel=1e-9)


# ---- intervals -----------------------------------------------------------------------------------


def test_intervals_are_those_of_the_draws(fitted):
    """Each draw's own plan, one law at a time, and the middle of them."""
    plan = sc.plan(fitted, loss=2.1, inference_samples=1e12, max_samples=1e12, level=0.8)
    names = fitted.form.parameters
    found = []
    for draw in fitted.form.to_values(fitted.theta_draws, fitted.user_centre):
        law = sc.FittedLaw.from_values("additive", dict(zip(names, draw, strict=True)))
        found.append(sc.plan(law, loss=2.1, inference_samples=1e12, max_samples=1e12).parameters)
    low, high = np.quantile(found, [0.1, 0.9], method="inverted_cdf")
    assert (plan.parameters_low, plan.parameters_high) == pytest.approx((low, high), rel=1e-6)
    assert plan.loss_low == plan.loss_high == 2.1


def test_draws_that_never_reach_a_loss_count_as_infinite(fitted):
    """A loss near E: some draws have a higher E, and the upper end says so."""
    E = fitted.draws["E"]
    near = float(np.quantile(E, 0.8))
    plan = sc.plan(fitted, loss=near)
    assert plan.status == sc.PlanStatus.INTERIOR
    assert np.isinf(plan.parameters_high)
    assert np.isinf(plan.total_compute_high)
    assert np.isfinite(plan.total_compute_low)
    assert (
        sc.plan(fitted, loss=float(np.quantile(E, 0.2)) - 0.02).status == sc.PlanStatus.OUT_OF_REACH
    )


# ---- the price of another size -------------------------------------------------------------------


@pytest.mark.parametrize("inference", [0.0, 1e12])
@pytest.mark.parametrize("target", ["loss", "total_budget", "training_budget"])
def test_deviations_by_the_formula(target, inference):
    plan = sc.plan(LAW, **{target: 2.0 if target == "loss" else 3e23}, inference_samples=inference)
    factors = np.array([0.5, 1.0, 2.0, 4.0])
    price = plan.deviations(factors)
    N = factors * plan.parameters
    D = samples_of(SARDANA, N, plan.loss)
    assert price.parameters == pytest.approx(N)
    assert price.samples == pytest.approx(D, rel=1e-7)
    assert price.extra_training == pytest.approx(
        N * D / (plan.parameters * plan.samples) - 1, abs=1e-7
    )
    total = 6 * N * D + 2 * N * inference
    assert price.extra_total == pytest.approx(total / plan.total_compute - 1, abs=1e-7)
    counted = 0.0 if target == "training_budget" else 2 * N * inference
    spent = plan.training_compute if target == "training_budget" else plan.total_compute
    room = (spent - counted) / (6 * N)
    with np.errstate(invalid="ignore"):
        there = np.where(room > 0, loss_of(SARDANA, N, room), np.inf)
    assert price.loss == pytest.approx(there, rel=1e-9)
    assert price.extra_total[1] == pytest.approx(0, abs=1e-9)
    if target != "training_budget" or not inference:
        assert (price.extra_total > -1e-9).all()
        assert (price.extra_loss > -1e-12).all()


def test_sizes_too_small_never_get_there():
    price = sc.plan(LAW, loss=1.9).deviations([0.05, 0.25])
    assert np.isinf(price.extra_training[0])
    assert np.isnan(price.samples[0])
    assert "never" in repr(price)
    with pytest.raises(ValueError, match="factors"):
        sc.plan(LAW, loss=1.9).deviations([0.0])


def test_deviations_have_intervals(fitted):
    price = sc.plan(fitted, training_budget=1e22).deviations([0.5, 2.0])
    assert (price.extra_training_low <= price.extra_training).all()
    assert (price.extra_training <= price.extra_training_high).all()
    assert (price.extra_training_low > 0).all()


# ---- views ---------------------------------------------------------------------------------------


def test_shows_itself(fitted):
    plan = sc.plan(fitted, loss=[2.1, 1.0], inference_samples=1e12)
    assert "1 of them answered" in repr(plan)
    assert "OUT_OF_REACH" in plan._repr_html_()
    one = sc.plan(fitted, loss=2.1, inference_samples=1e12)
    assert "INTERIOR" in repr(one)
    assert "[" in repr(one)
    assert "half" in repr(one.deviations())
    assert "%" in one.deviations()._repr_html_()
    assert "2 plans" in repr(plan.deviations())
    for law_plan in (plan, one):
        for kind in ("price", "targets", None):
            assert law_plan.plot(kind).get_ylabel()
    with pytest.raises(ValueError, match="unique_samples"):
        one.epoch_returns()
    with pytest.raises(ValueError, match="kind"):
        one.plot("pie")
    matplotlib.pyplot.close("all")
