"""The same numbers however they are given: layouts, byte orders, types and libraries change no bit,
and what a result holds cannot be changed by accident."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import scalecore as sc

N = np.tile([1e8, 3e8, 1e9, 3e9], 4)
D = np.repeat([2e9, 8e9, 3e10, 1e11], 4)
NOISE = np.exp(0.003 * np.random.default_rng(0).standard_normal(16))
L = (1.8 + 480 / N**0.35 + 2100 / D**0.37) * NOISE
C = np.geomspace(1e13, 1e15, 16).round() * 1e8
LAW = sc.fit(sc.RunTable(N, D, L), "additive", resamples=20, rng=0)
VALUES = {"E": 1.87, "A": 521, "alpha": 0.35, "B": 1488, "beta": 0.35, "R_D": 15.4, "R_N": 5.3}
REPEATED = sc.FittedLaw.from_values("repeated", VALUES)


def packed(array):
    """A field of records: neither aligned nor a whole stride."""
    records = np.zeros(array.size, [("x", "u1"), ("v", "f8")])
    records["v"] = array
    return records["v"]


def read_only(array):
    copy = array.copy()
    copy.flags.writeable = False
    return copy


def of_xarray(array):
    return pytest.importorskip("xarray").DataArray(array, dims="run")


def of_dask(array):
    return pytest.importorskip("dask.array").from_array(array, chunks=5)


def of_polars(array):
    return pytest.importorskip("polars").Series(array)


def of_pyarrow(array):
    return pytest.importorskip("pyarrow").array(array)


def whole(way):
    """The same way for integers, where the numbers are whole and have room in them."""

    def of_integers(array):
        fit = (array == np.rint(array)).all() and array.max() < 2.0**63
        return way(array.astype(np.int64) if fit else array)

    return of_integers


WAYS = {
    "list": np.ndarray.tolist,
    "tuple": tuple,
    "strided": lambda a: np.repeat(a, 3)[::3],
    "reversed": lambda a: a[::-1].copy()[::-1],
    "swapped": lambda a: a.astype(">f8"),
    "read-only": read_only,
    "packed": packed,
    "Series": lambda a: pd.Series(a, index=np.arange(a.size)[::-1]),
    "Float64": lambda a: pd.array(a, dtype="Float64"),
    "xarray": of_xarray,
    "dask": of_dask,
    "objects": lambda a: a.astype(object),
    "long double": lambda a: a.astype(np.longdouble),
    "masked": np.ma.array,
    "polars": of_polars,
    "pyarrow": of_pyarrow,
    "integers": whole(np.asarray),
    "list of integers": whole(np.ndarray.tolist),
    "integer Series": whole(pd.Series),
    "Int64": whole(lambda a: pd.Series(a).convert_dtypes()),
    "integers of polars": whole(of_polars),
    "integers of pyarrow": whole(of_pyarrow),
}


def runs(way):
    return sc.RunTable(way(N), way(D), way(L))


CALLS = {
    "RunTable": runs,
    "fit": lambda way: sc.fit(runs(way), "coupled", resamples=3, rng=0),
    "predict": lambda way: LAW.predict(way(N), way(D)),
    "compute_optimal": lambda way: LAW.compute_optimal(way(C)),
    "samples_for": lambda way: LAW.samples_for(way(N), way(L)),
    "parameters_for": lambda way: LAW.parameters_for(way(D), way(L)),
    "plan": lambda way: sc.plan(REPEATED, training_budget=way(C), unique_samples=way(D)),
    "total": lambda way: sc.plan(LAW, total_budget=way(C), inference_samples=way(D)),
    "loss": lambda way: sc.plan(LAW, loss=way(L), max_parameters=way(100 * N)),
    "deviations": lambda way: sc.plan(LAW, training_budget=1e21).deviations(way(L)),
    "suggest_runs": lambda way: sc.suggest_runs(
        LAW,
        budget=1e20,
        target=1e22,
        most_runs=2,
        simulations=2,
        rng=0,
        candidates=(way(N / 10), way(D / 10)),
    ),
    "isoflop_profiles": lambda way: sc.isoflop_profiles(runs(way), resamples=3),
    "envelope": lambda way: sc.envelope(runs(way), resamples=3),
    "frontier": lambda way: sc.compute_optimal(way(C), 10, 100),
}


def numbers(result):
    found = {
        field.name: np.asarray(getattr(result, field.name)) for field in dataclasses.fields(result)
    }
    return {k: v.tobytes() for k, v in found.items() if v.dtype.kind in "fiub"}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_no_bit_depends_on_how_numbers_are_given(call):
    want = numbers(call(lambda array: array))
    assert len(want) >= 3
    for name, way in WAYS.items():
        assert numbers(call(way)) == want, name
    with np.errstate(all="raise"):
        assert numbers(call(lambda array: array)) == want


def test_results_do_not_hang_on_the_arrays_they_were_made_of():
    given = [N.copy(), D.copy(), L.copy()]
    table = sc.RunTable(*given)
    for array in given:
        array[:] = 1.0
    assert numbers(table) == numbers(sc.RunTable(N, D, L))
    theta = LAW.theta.copy()
    law = dataclasses.replace(LAW, theta=theta)
    theta[:] = 0.0
    assert law.values == LAW.values
    for array in (law.theta, law.theta_draws, table.loss, table.parameters):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0.0


@pytest.mark.parametrize("wrong", [np.zeros(4), np.zeros(6), np.zeros((1, 5)), None, ["a"] * 5])
def test_laws_made_by_hand_are_checked(wrong):
    with pytest.raises((ValueError, TypeError), match="theta must"):
        dataclasses.replace(LAW, theta=wrong)
    if np.shape(wrong) != (1, 5):
        with pytest.raises((ValueError, TypeError), match="theta_draws must"):
            dataclasses.replace(LAW, theta_draws=wrong)
