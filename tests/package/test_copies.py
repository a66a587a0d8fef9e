"""Every result can be pickled and copied, so that it passes between processes, and is the same."""

import copy
import dataclasses
import pickle

import numpy as np
import pytest

import scalecore as sc

N = np.tile([1e8, 3e8, 1e9, 3e9], 4)
D = np.repeat([2e9, 8e9, 3e10, 1e11], 4)
NOISE = np.exp(0.003 * np.random.default_rng(0).standard_normal(16))
VALUES = {"E": 1.87, "A": 521, "alpha": 0.35, "B": 1488, "beta": 0.35}


class OwnForm:
    """L = E (1 + A/N^a), as a user writes it."""

    name, parameters = "own", ("E", "A", "a")
    low, high = (0.0, 0.0, 0.0), (10.0, 1e6, 2.0)

    def loss(self, theta, N, D):
        return theta[..., 0] * (1 + theta[..., 1] / N ** theta[..., 2])

    def starts(self, table):
        return [[2.0, 100.0, 0.3]]


def results():
    table = sc.RunTable(N, D, (1.8 + 480 / N**0.35 + 2100 / D**0.37) * NOISE)
    law = sc.fit(table, "additive", resamples=20, rng=0)
    repeated = sc.FittedLaw.from_values("repeated", VALUES | {"R_D": 15.4, "R_N": 5.3})
    plan = sc.plan(repeated, training_budget=[1e21, 1e22], unique_samples=1e9)
    prior = sc.NetworkPrior(3, 5.0)
    runs = sc.train(prior, [2, 4], 64, learning_rates=[0.1], repeats=2, rng=0)
    coin = sc.FiniteModel([0.5, 0.5], [[[0.5, 0.5]], [[0.1, 0.9]]], [1.0])
    yield from (table, law, repeated, plan, plan.deviations(), plan.epoch_returns(3))
    for form in ("tied", "coupled", "kaplan", "kaplan_offset", "compute", OwnForm()):
        yield sc.fit(table, form, resamples=3, rng=0)
    yield sc.suggest_runs(law, budget=1e20, target=1e22, most_runs=3, simulations=2, rng=0)
    comparison = sc.compare(table, ["tied", "additive"], resamples=2, rng=0)
    yield from (comparison, *comparison.laws.values())
    yield sc.compare_recipes(table, table, "tied", resamples=5, rng=0)
    yield from (sc.isoflop_profiles(table, resamples=5), sc.envelope(table, resamples=5))
    yield from (law.compute_optimal([1e21, 1e22]), law.predict([1e9, 2e9], 1e10))
    yield from (law.samples_for(1e9, 2.5), law.influence(1e21), law.profile("alpha", points=7))
    yield from (sc.compute_optimal([1e9, 1e10], 10, 100), sc.isoflop(1e9, 10, 100))
    yield from (sc.spectral_table(3, most_units=16), sc.spectral_terms(2, 1e5, 3, 10))
    yield from (sc.spectrum(10), prior, prior.sample(0), sc.HypothesisSet([prior.sample(0)]))
    yield sc.misspecification(prior, [2], networks=2, inputs=64, rng=0)
    yield sc.bayes_error(prior, [8], replicates=2, states=2, rng=0)
    yield from (runs, runs.frontier([100.0, 1e3], resamples=3), runs.to_table())
    yield from (coin, coin.learning_curve(5), coin.best_channel(1, 5))
    yield from (coin.constrained(np.eye(2), 5), sc.updates.last_sample(1, 2))
    yield coin.incremental(sc.updates.last_sample(1, 2), 5)


def same(one, other):
    """Whether two results hold the same, to the last bit."""
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.tobytes() == other.tobytes()
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if hasattr(one, "arrays"):  # those of the engine
        return same(one.arrays, other.arrays)
    if callable(one) and not dataclasses.is_dataclass(one):
        return one.__qualname__ == other.__qualname__
    if dataclasses.is_dataclass(one):
        return type(one) is type(other) and all(
            same(getattr(one, field.name), getattr(other, field.name))
            for field in dataclasses.fields(one)
        )
    return type(one) is type(other) and (one == other or one != one or type(one) is OwnForm)


@pytest.mark.filterwarnings("ignore")
def test_every_result_can_be_pickled_and_copied():
    kinds = set()
    for one in results():
        kinds.add(type(one).__name__)
        if isinstance(one, sc.FittedLaw):
            one.compute_optimal(1e21)
            assert len(one.residuals) == len(
                one.table
            )  # what is computed once and kept must not stand in the way
        for other in (
            pickle.loads(pickle.dumps(one)),
            pickle.loads(pickle.dumps(one, protocol=2)),
            copy.copy(one),
            copy.deepcopy(one),
        ):
            assert repr(other) == repr(one)
            if dataclasses.is_dataclass(one):
                assert same(one, other), one
            if isinstance(one, sc.FittedLaw) and one.usable:
                assert same(other.compute_optimal(1e22).loss, one.compute_optimal(1e22).loss)
    assert len(kinds) >= 30


def test_a_known_form_is_pickled_as_itself():
    law = sc.FittedLaw.from_values("additive", VALUES)
    assert pickle.loads(pickle.dumps(law)).form is law.form
    assert copy.deepcopy(law).form is law.form


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("FittedLaw", "fitting._fitted_law"),
        ("TrainingRuns", "training._runs"),
        ("FiniteModel", "information._model"),
        ("RunTable", "fitting._run_table"),
        ("NetworkPrior", "network._prior"),
    ],
)
def test_pickles_of_earlier_versions_find_their_class(name, module):
    """A pickle holds the module of its class: one that moves can no longer be read."""
    kind = getattr(sc, name)
    assert (kind.__module__, kind.__qualname__) == (f"scalecore.{module}", name)
