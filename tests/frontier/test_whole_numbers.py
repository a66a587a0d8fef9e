"""`compute_optimal(integer=True)`: the best whole widths and samples, against all of them."""

from pathlib import Path

import numpy as np
import pytest
from oracles import bounds as oracle
from random_problems import random_problems

import scalecore as sc
from scalecore import Status


@pytest.mark.parametrize("bound", ["optimal", "closed_form"])
def test_integers_against_brute_force(bound):
    rng = np.random.default_rng(9)
    ufunc = {"optimal": sc.error_bound, "closed_form": sc.closed_form_bound}[bound]
    for _ in range(250):
        d, K = 10 ** rng.uniform(0, 4), 10 ** rng.uniform(-2, 5)
        if rng.random() < 0.5:
            d = np.round(d)
        if rng.random() < 0.3:  # samples are scarcer than units: the search walks over T
            d, K = rng.uniform(1, 3), 10 ** rng.uniform(6, 13)
        cost = rng.choice([1.0, 6.0, 0.3])
        budget = cost * d * 10 ** rng.uniform(0, 5.3)
        f = sc.compute_optimal(budget, d, K, cost=cost, integer=True, bound=bound)
        n, T, error = oracle.best_integer(ufunc, budget, d, K, cost)
        assert f.error == pytest.approx(error, rel=1e-15), (budget, d, K, cost)
        assert (f.width, f.samples) == (n, T) or f.error == error, (budget, d, K, cost)
        assert f.samples == np.floor(budget / (cost * d * f.width))


@pytest.mark.parametrize("bound", ["optimal", "closed_form"])
def test_integers_of_a_budget_do_not_depend_on_the_others(bound):
    """First steps are taken for several budgets at once: some end there, some go on, some search
    over samples, and some are no budgets."""
    rng = np.random.default_rng(10)
    budget, d, K = random_problems(240, 11)
    budget[::7] = d[::7] * 10 ** rng.uniform(0, 2, budget[::7].size)  # few units, few samples
    K[::5] = 10 ** rng.uniform(6, 13, K[::5].size)  # samples are scarcer than units
    budget[::11] = rng.choice([np.nan, -1.0, 0.5, 1e300], budget[::11].size)
    fields = ("width", "samples", "error", "elasticity", "status")
    together = sc.compute_optimal(budget, d, K, integer=True, bound=bound)
    for i in rng.permutation(budget.size):
        alone = sc.compute_optimal(budget[i], d[i], K[i], integer=True, bound=bound)
        for name in fields:
            assert np.array_equal(
                getattr(together, name)[i], getattr(alone, name), equal_nan=True
            ), (name, budget[i], d[i], K[i])


@pytest.mark.parametrize("isa", ["baseline", "avx2"])
def test_integers_on_every_instruction_set(isa, run_python):
    """The number of lanes decides how far the search looks before it asks whether to stop."""
    code = f"""
import sys; sys.path[:0] = {[str(folder) for folder in Path(__file__).parents[:2]]!r}
try:
    import scalecore
except ImportError:
    raise SystemExit
import test_whole_numbers as tests
for bound in ("optimal", "closed_form"):
    tests.test_integers_against_brute_force(bound)
    tests.test_integers_of_a_budget_do_not_depend_on_the_others(bound)
tests.test_integers_of_known_difficulty()
"""
    run_python(code, SCALECORE_ISA=isa)


def test_integers_of_known_difficulty():
    """A remainder that pays far from the optimum, one sample as the best, and widths of 2^52, where
    the search once never ended."""
    f = sc.compute_optimal(6332320, 10, 232234.376, integer=True)
    assert f.width == oracle.best_integer(sc.error_bound, 6332320, 10, 232234.376)[0] == 683
    one = sc.compute_optimal(20, 10, 1e4, integer=True)
    assert (one.width, one.samples, one.status) == (2, 1, Status.AT_MIN_SAMPLES)
    assert sc.compute_optimal(10, 10, 1e4, integer=True).status == Status.AT_MIN_WIDTH
    for budget, d, K, bound in (
        (4.44476052963081e16, 1.0, 6.535641348786898e33, "optimal"),
        (6.222407017656342e30, 1.0, 1e20, "optimal"),
        (1.1440720337762588e33, 128.4957739836653, 1e20, "closed_form"),
    ):
        whole, real = (
            sc.compute_optimal(budget, d, K, integer=integer, bound=bound)
            for integer in (True, False)
        )
        assert real.error * (1 - 1e-14) <= whole.error <= real.error * 1.2
        assert whole.samples == np.floor(whole.samples)


def test_large_integers_against_a_wide_window():
    rng = np.random.default_rng(10)
    for _ in range(40):
        d, K = 10 ** rng.uniform(0, 3), 10 ** rng.uniform(-1, 4)
        budget = d * 10 ** rng.uniform(6, 15)
        real = sc.compute_optimal(budget, d, K)
        f = sc.compute_optimal(budget, d, K, integer=True)
        reach = max(200, min(2e5, 0.02 * real.width))
        widths = np.arange(max(1, np.floor(real.width - reach)), np.floor(real.width + reach))
        _, _, error = oracle.best_integer(sc.error_bound, budget, d, K, widths=widths)
        assert real.error <= f.error * (1 + 1e-15)
        assert f.error <= error * (1 + 1e-15), (budget, d, K)


def test_integers_where_doubles_end():
    f = sc.compute_optimal([1e30, 1e40, 1e60, 1e290], 10, 100, integer=True)
    assert (f.width == np.floor(f.width)).all()
    assert (f.samples == np.floor(f.samples)).all()
    assert np.allclose(f.error, sc.compute_optimal(f.budget, 10, 100).error, rtol=1e-13)
