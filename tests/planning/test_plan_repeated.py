"""Plans with fewer unique samples than a budget could read: repeats wear off, or do harm."""

import matplotlib
import numpy as np
import pytest

import scalecore as sc

matplotlib.use("Agg")

VALUES = {"E": 1.87, "A": 521.0, "alpha": 0.353, "B": 1488.0, "beta": 0.353}
WEARS_OFF = VALUES | {"R_D": 15.4, "R_N": 5.3}
DOES_HARM = VALUES | {"P": 0.02}
LAWS = {
    "repeated": sc.FittedLaw.from_values("repeated", WEARS_OFF),
    "repeated_penalty": sc.FittedLaw.from_values("repeated_penalty", DOES_HARM),
}


def loss_of(form, N, D, U):
    """The forms, written plainly."""
    v = WEARS_OFF if form == "repeated" else DOES_HARM
    U = np.minimum(U, D)
    if form == "repeated":
        best = (v["alpha"] * v["A"] / (v["beta"] * v["B"]) * U ** v["beta"]) ** (1 / v["alpha"])
        base = np.minimum(N, best)
        D = U * (1 + v["R_D"] * (1 - np.exp(-(D / U - 1) / v["R_D"])))
        N = base * (1 + v["R_N"] * (1 - np.exp(-(N / base - 1) / v["R_N"])))
        return v["E"] + v["A"] / N ** v["alpha"] + v["B"] / D ** v["beta"]
    powers = v["E"] + v["A"] / N ** v["alpha"] + v["B"] / D ** v["beta"]
    return powers + v["P"] * np.sqrt(N / U) * np.log(D / U)


@pytest.mark.parametrize("form", LAWS)
@pytest.mark.parametrize("unique", [3e9, 1e11, 1e13])
@pytest.mark.parametrize("inference", [0.0, 1e12])
def test_no_grid_beats_a_plan(form, unique, inference):
    law = LAWS[form]
    N, D = np.meshgrid(np.geomspace(1e7, 1e13, 700), np.geomspace(1e8, 1e15, 700))
    loss, spent = loss_of(form, N, D, unique), 6 * N * D + 2 * N * inference
    for budget in (1e20, 1e22, 1e24, 1e26):
        plan = sc.plan(law, total_budget=budget, inference_samples=inference, unique_samples=unique)
        assert plan.answered
        assert plan.total_compute <= budget * (1 + 1e-9)
        assert plan.loss == pytest.approx(
            loss_of(form, plan.parameters, plan.samples, unique), rel=1e-9
        )
        assert plan.epochs == pytest.approx(max(1, plan.samples / unique))
        assert plan.loss <= loss[spent <= budget].min() * (1 + 1e-7)
        # and the way back: the cheapest for a loss that is a little higher
        wanted = 1.01 * float(plan.loss)
        cheap = sc.plan(law, loss=wanted, inference_samples=inference, unique_samples=unique)
        assert cheap.answered
        assert cheap.total_compute <= spent[loss <= wanted].min() * (1 + 1e-6)
        found = loss_of(form, cheap.parameters, cheap.samples, unique)
        assert found == pytest.approx(wanted, rel=1e-9)


def test_a_budget_that_would_do_harm_is_left():
    plan = sc.plan(LAWS["repeated_penalty"], training_budget=[1e20, 1e26], unique_samples=3e9)
    assert plan.status.tolist() == [sc.PlanStatus.INTERIOR, sc.PlanStatus.BUDGET_LEFT]
    assert plan.training_compute[1] < 1e26
    more = sc.plan(LAWS["repeated_penalty"], training_budget=1e27, unique_samples=3e9)
    assert more.loss == pytest.approx(plan.loss[1], rel=1e-6)
    lower = sc.plan(LAWS["repeated_penalty"], loss=0.999 * plan.loss[1], unique_samples=3e9)
    assert lower.status == sc.PlanStatus.OUT_OF_REACH


def test_enough_samples_are_no_limit():
    for law in LAWS.values():
        free = sc.plan(law, training_budget=1e22)
        plenty = sc.plan(law, training_budget=1e22, unique_samples=1e15)
        assert plenty.loss == pytest.approx(free.loss, rel=1e-12)
        assert plenty.epochs == free.epochs == 1


def test_epochs_are_worth_less_and_less():
    """Against the formula where parameters are few: only D' changes, by U e^(-k/R) and so on."""
    plan = sc.plan(LAWS["repeated"], training_budget=1e23, unique_samples=1e11, max_parameters=1e8)
    returns = plan.epoch_returns(6)
    k = np.arange(1, 7)
    effective = 1e11 * (1 + 15.4 * (1 - np.exp(-(k - 1) / 15.4)))
    assert returns.loss == pytest.approx(loss_of("repeated", 1e8, k * 1e11, 1e11), rel=1e-12)
    assert returns.effective_samples == pytest.approx(effective, rel=1e-6)
    assert returns.worth == pytest.approx(np.diff(effective, prepend=0) / 1e11, rel=1e-6)
    assert "worth 1, 0.9" in repr(returns)
    assert "worth" in returns._repr_html_()
    assert plan.plot("epochs").get_xlabel() == "epoch"
    harm = sc.plan(
        LAWS["repeated_penalty"], training_budget=1e24, unique_samples=3e9
    ).epoch_returns(3000)
    assert harm.worth[0] == pytest.approx(1, rel=1e-6)
    assert harm.worth[-1] < 0
    matplotlib.pyplot.close("all")


def test_deviations_where_repeats_do_harm():
    plan = sc.plan(LAWS["repeated_penalty"], training_budget=1e23, unique_samples=1e10)
    price = plan.deviations([0.5, 2.0])
    found = loss_of("repeated_penalty", price.parameters, price.samples, 1e10)
    good = np.isfinite(price.extra_total)
    assert found[good] == pytest.approx(float(plan.loss), rel=1e-9)
    assert (price.extra_total > 0).all()


def test_arrays_of_unique_samples():
    plan = sc.plan(LAWS["repeated"], training_budget=1e23, unique_samples=[1e10, 1e11, 1e12])
    assert (np.diff(plan.loss) < 0).all()
    assert (np.diff(plan.epochs) < 0).all()
    assert plan.epoch_returns(4).worth.shape == (3, 4)
