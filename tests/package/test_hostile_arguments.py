"""Every argument of every public call given what a stranger might give: an answer, or an error that
names the argument, is of the promised kind and fits one line."""

import datetime
import decimal
import fractions
import inspect
import warnings

import numpy as np
import pandas as pd
import pytest

import scalecore as sc

HUGE = 10**400


class NoNumber:
    """Whatever it is asked, it fails."""

    def __repr__(self):
        raise RuntimeError("no repr")

    def __float__(self):
        raise TypeError("no float")


def values():
    """What is given; made anew for each argument, for some can be read once."""
    return {
        "None": None,
        "True": True,
        "-1": -1.0,
        "0": 0.0,
        "-0": -0.0,
        "nan": np.nan,
        "inf": np.inf,
        "huge": HUGE,
        "-huge": -HUGE,
        "very huge": 10**5000,
        "2**63": 2**63,
        "1e308": 1e308,
        "subnormal": 5e-324,
        "text": "a",
        "no text": "",
        "bytes": b"x",
        "complex": 1j,
        "Decimal": decimal.Decimal("1.5"),
        "Fraction": fractions.Fraction(1, 3),
        "object": object(),
        "no number": NoNumber(),
        "list": [],
        "ragged": [[1], [2, 3]],
        "nested": [[1.0, 2.0]],
        "texts": ["a", "b"],
        "[None]": [None],
        "[huge]": [HUGE, 1],
        "mixed": [1, "a"],
        "[masked]": [np.ma.masked, 2.0],
        "records": np.zeros(3, [("a", "f8"), ("b", "i4")]),
        "objects": np.array([object()]),
        "complexes": np.array([1 + 1j]),
        "date": np.datetime64("2020-01-01"),
        "duration": np.timedelta64(3, "D"),
        "day": datetime.date(2020, 1, 1),
        "0-d": np.array(3.0),
        "swapped": np.array([1e9, 2e9]).astype(">f8"),
        "half": np.array([1, 2], np.float16),
        "three axes": np.ones((2, 3, 4)),
        "empty": np.empty((0, 3)),
        "Series": pd.Series([1.0, np.nan]),
        "texts of pandas": pd.Series(["a", "b"] * 50),
        "Categorical": pd.Categorical(["a", "b"]),
        "NA": pd.NA,
        "Int64": pd.array([1, None], dtype="Int64"),
        "NaT": pd.NaT,
        "DataFrame": pd.DataFrame({"a": [1.0], "b": [2.0]}),
        "dict": {"a": 1},
        "set": {1, 2},
        "generator": (i for i in range(3)),
        "function": len,
        "class": int,
        "masked": np.ma.masked,
        "masked array": np.ma.array([1.0, 2.0], mask=[0, 1]),
        "uint64": np.array([2**63], np.uint64),
        "slice": slice(3),
        "...": ...,
    }


N = np.tile([1e8, 3e8, 1e9, 3e9], 4)
D = np.repeat([2e9, 8e9, 3e10, 1e11], 4)
NOISE = np.exp(0.003 * np.random.default_rng(0).standard_normal(16))
TABLE = sc.RunTable(N, D, (1.8 + 480 / N**0.35 + 2100 / D**0.37) * NOISE)
LAW = sc.fit(TABLE, "additive", resamples=20, rng=0)
VALUES = {"E": 1.87, "A": 521, "alpha": 0.35, "B": 1488, "beta": 0.35}
GIVEN = sc.FittedLaw.from_values("additive", VALUES)
REPEATED = sc.FittedLaw.from_values("repeated", VALUES | {"R_D": 15.4, "R_N": 5.3})
PLAN = sc.plan(REPEATED, training_budget=1e21, unique_samples=1e9)
PRIOR = sc.NetworkPrior(3, 5.0)
NETWORK = PRIOR.sample(0)
RUNS = sc.train(PRIOR, [2, 4], 64, learning_rates=[0.1], repeats=2, rng=0)
COIN = sc.FiniteModel([0.5, 0.5], [[[0.5, 0.5]], [[0.1, 0.9]]], [1.0])
SET = sc.HypothesisSet([NETWORK, PRIOR.sample(1)])

# Each call with arguments that are right, and which of them are tried.
CALLS = [
    (sc.compute_optimal, {"budget": 1e9, "input_dim": 10, "concentration": 100}),
    (sc.isoflop, {"budgets": 1e9, "input_dim": 10, "concentration": 100}),
    (sc.spectrum, {"input_dim": 10, "degrees": 5}),
    (sc.directions, {"input_dim": 3, "count": 5}),
    (sc.spectral_table, {"input_dim": 3, "most_units": 16}),
    (
        sc.spectral_terms,
        {"n": 2, "T": 1e5, "d": 3, "K": 10, "strategies": ["atoms"]},
    ),
    (sc.NetworkPrior, {"input_dim": 3, "concentration": 5}),
    (PRIOR.sample, {"rng": 0, "truncation": 1e-3}),
    (
        sc.misspecification,
        {"prior": PRIOR, "widths": [2], "networks": 2, "inputs": 64, "rng": 0},
    ),
    (
        sc.bayes_error,
        {"prior": PRIOR, "samples": [8], "replicates": 2, "states": 2, "rng": 0},
    ),
    (
        sc.train,
        {
            "prior": PRIOR,
            "widths": [2],
            "samples": 64,
            "learning_rates": [0.1],
            "repeats": 2,
            "rng": 0,
            "test_inputs": 64,
        },
    ),
    (
        sc.train,
        {
            "data": (np.eye(8, 3), np.arange(8) % 2),
            "widths": [2],
            "learning_rates": [0.1],
            "repeats": 2,
            "rng": 0,
        },
    ),
    (RUNS.extend, {"samples": 128}),
    (RUNS.frontier, {"budgets": [100.0, 1e3], "resamples": 3}),
    (RUNS.data, {"repeat": 0, "samples": 64}),
    (RUNS.weights, {"repeat": 0, "width": 2, "learning_rate": 0.1}),
    (RUNS.to_table, {"cost": 1.0}),
    (COIN.learning_curve, {"samples": 5}),
    (COIN.best_channel, {"size": 1, "samples": 5}),
    (SET.learning_curve, {"samples": 5, "replicates": 2, "rng": 0}),
    (sc.HypothesisSet, {"networks": [NETWORK]}),
    (sc.RunTable, {"parameters": N, "samples": D, "loss": TABLE.loss}),
    (
        sc.RunTable.from_frame,
        {"frame": pd.DataFrame({"parameters": N, "samples": D, "loss": TABLE.loss})},
    ),
    (TABLE.where, {"mask": N > 1e8}),
    (TABLE.findings, {}),
    (sc.fit, {"table": TABLE, "form": "additive", "resamples": 0}),
    (sc.FittedLaw.from_values, {"form": "additive", "values": VALUES}),
    (LAW.interval, {}),
    (LAW.predict, {"parameters": 1e9, "samples": 1e10}),
    (REPEATED.predict, {"parameters": 1e9, "samples": 1e10, "unique_samples": 1e9}),
    (LAW.compute_optimal, {"budget": 1e21}),
    (LAW.samples_for, {"parameters": 1e9, "loss": 2.5}),
    (LAW.parameters_for, {"samples": 1e11, "loss": 2.5}),
    (LAW.extrapolation, {"parameters": 1e9, "samples": 1e10}),
    (LAW.influence, {"budget": 1e21}),
    (LAW.profile, {"parameter": "alpha", "points": 5}),
    (LAW.plot, {"kind": "isoloss"}),
    (TABLE.plot, {}),
    (PLAN.plot, {}),
    (sc.isoflop_profiles, {"table": TABLE, "resamples": 5}),
    (sc.envelope, {"table": TABLE, "resamples": 5}),
    (sc.compare, {"table": TABLE, "forms": ["tied"], "resamples": 2}),
    (
        sc.compare_recipes,
        {"a": TABLE, "b": TABLE, "form": "tied", "resamples": 5},
    ),
    (sc.plan, {"law": GIVEN, "training_budget": 1e21}),
    (sc.plan, {"law": REPEATED, "total_budget": 1e21, "unique_samples": 1e9}),
    (sc.plan, {"law": GIVEN, "loss": 2.5}),
    (PLAN.deviations, {}),
    (PLAN.epoch_returns, {"most": 3}),
    (
        sc.suggest_runs,
        {"law": LAW, "budget": 1e20, "target": 1e22, "most_runs": 2, "simulations": 2},
    ),
]
NOT_TRIED = {
    "cache": "tests/spectral/test_spectral_tables.py",
    "executor": "tests/sweeps/test_sweep.py",
    "training_budget": "given twice",
}
MAY_BE_TOO_LARGE = ("input_dim", "count", "samples")  # for this machine's memory


def cases():
    for function, right in CALLS:
        for name in inspect.signature(function).parameters:
            tried = name not in NOT_TRIED or name in right
            if tried and name not in ("options", "resume"):
                yield function, right, name


def error_of(function, arguments):
    """Return what a call raises, or None; warnings are errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            function(**arguments)
        except Exception as error:
            return error
    return None


@pytest.mark.parametrize(
    ("function", "right", "name"),
    [pytest.param(*case, id=f"{case[0].__qualname__}-{case[2]}") for case in cases()],
)
def test_an_answer_or_an_error_that_names_the_argument(function, right, name):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    assert error_of(function, right) is None
    refused = 0
    for label, value in values().items():
        error = error_of(function, right | {name: value})
        pyplot.close("all")
        if error is None:
            continue
        refused += 1
        if isinstance(error, MemoryError):
            assert name in MAY_BE_TOO_LARGE, label
            continue
        text = str(error)
        assert type(error) in (ValueError, TypeError), (label, repr(error))
        assert name in text, (label, text)
        assert len(text) < 600, (label, text)
        assert "\n" not in text, (label, text)
    assert refused > 5
