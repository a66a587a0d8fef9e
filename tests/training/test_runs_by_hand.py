"""Training runs that a stranger made, changed, copied or wrote to a file: fields that do not fit
are refused by name before anything reads them."""

import contextlib
import copy
import dataclasses
import os
import pickle

import numpy as np
import pytest

import scalecore as sc
from scalecore.training._adf_features import Features

PRIOR = sc.NetworkPrior(3, 5.0)


def trained(optimizer):
    rates = {} if optimizer == "adf" else {"learning_rates": [0.1, 0.2]}
    return sc.train(PRIOR, [2, 5], 64, optimizer=optimizer, repeats=3, rng=0, **rates)


RUNS = {optimizer: trained(optimizer) for optimizer in ("sgd", "adam", "adf")}
ARRAYS = ("widths", "learning_rates", "checkpoints", "error", "final_error", "diverged")
NUMBERS = {
    "samples": (-1, 65, 2.5, 10**400, None),
    "optimizer": ("lion", None, 3),
    "decay": (-1.0, np.nan, "a", 10**400),
    "decay_start": (0.0, np.inf, None),
    "dtype": ("float16", None),
    "test_inputs": (0, 63, 2**40, -64, None, 1e300),
    "key": (-1, 2**64, 10**400, 1.5, None),
    "interrupted": (1, None),
    "prior": (None, 3, RUNS["sgd"]),
}


def wrong_arrays(array):
    """Arrays of another length along each axis, kind, number of axes or place in memory."""
    for axis in range(array.ndim):
        for size in (0, array.shape[axis] - 1, array.shape[axis] + 1, 3 * array.shape[axis] + 5):
            yield np.resize(array, (*array.shape[:axis], size, *array.shape[axis + 1 :]))
    yield array[None]
    yield array.astype(np.float16)
    yield array.astype(complex)
    yield array.astype(object)
    yield array.astype(array.dtype.newbyteorder())
    yield array.tolist()
    yield None


def uses(runs):
    return (
        lambda: runs.extend(128),
        lambda: runs.weights(0, 2, None if runs.optimizer == "adf" else 0.1),
        lambda: runs.data(0, 64),
        lambda: runs.frontier([100.0, 300.0], resamples=10),
    )


@pytest.mark.parametrize("runs", RUNS.values(), ids=RUNS)
def test_copies_are_runs_that_go_on(runs):
    want = runs.extend(128)
    for made in (
        pickle.loads(pickle.dumps(runs)),
        pickle.loads(pickle.dumps(runs, protocol=2)),
        copy.copy(runs),
        copy.deepcopy(runs),
        dataclasses.replace(runs),
    ):
        longer = made.extend(128)
        assert longer.error.tobytes() == want.error.tobytes()
        assert longer.final_error.tobytes() == want.final_error.tobytes()


@pytest.mark.parametrize("runs", RUNS.values(), ids=RUNS)
@pytest.mark.parametrize("name", [*ARRAYS, *NUMBERS])
def test_wrong_fields_are_refused_by_name(runs, name):
    for value in NUMBERS.get(name) or wrong_arrays(getattr(runs, name)):
        with pytest.raises((ValueError, TypeError), match=f"{name}|error|state"):
            dataclasses.replace(runs, **{name: value})
        changed = copy.copy(runs)
        object.__setattr__(changed, name, value)
        for call in (*uses(changed), lambda it=changed: copy.deepcopy(it)):
            with pytest.raises((ValueError, TypeError)) as caught:
                call()
            assert type(caught.value) in (ValueError, TypeError)


@pytest.mark.parametrize("runs", RUNS.values(), ids=RUNS)
@pytest.mark.parametrize("name", ["weights", "sums", "read", "diverged", "record", "planned"])
def test_a_wrong_state_is_refused_by_name(runs, name):
    given = getattr(runs._state, name)
    for value in wrong_arrays(given[1] if name == "weights" else given):
        changed = runs._state.copy()
        setattr(changed, name, [given[0], value] if name == "weights" else value)
        with pytest.raises((ValueError, TypeError), match=name):
            dataclasses.replace(runs, _state=changed)
    with pytest.raises(TypeError, match="_state must be"):
        dataclasses.replace(runs, _state=None)


def test_wrong_features_are_refused_by_name():
    runs = RUNS["adf"]
    for name in ("directions", "basis", "variances"):
        for value in wrong_arrays(getattr(runs._state.features[1], name)):
            state = runs._state.copy()
            state.features = [
                state.features[0],
                dataclasses.replace(state.features[1], **{name: value}),
            ]
            with pytest.raises((ValueError, TypeError), match=r"(of|features) .*width 5"):
                dataclasses.replace(runs, _state=state)
    state = runs._state.copy()
    state.features = [Features(np.eye(3), np.eye(6), np.ones(6)), state.features[1]]
    with pytest.raises(ValueError, match="directions of width 2 must be at most 1, got 3"):
        dataclasses.replace(runs, _state=state)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("netCDF4")
    path, found = tmp_path_factory.mktemp("runs") / "runs.nc", {}
    for name, runs in RUNS.items():
        runs.save(path)
        with xarray.open_dataset(path, decode_cf=False) as data:
            found[name] = data.load()
            found[name].encoding = {}
    return found


@pytest.mark.parametrize("optimizer", RUNS)
def test_files_without_a_part_are_refused_by_what_is_missing(optimizer, saved, tmp_path):
    data, path = saved[optimizer], tmp_path / "b.nc"
    data.to_netcdf(path)
    assert sc.TrainingRuns.load(path).extend(128).samples == 128
    for name in data.variables:
        data.drop_vars(name).to_netcdf(path)
        with pytest.raises(ValueError, match=rf"b\.nc does not hold .* no variable '{name}'"):
            sc.TrainingRuns.load(path)
    for name in set(data.attrs) - {"title", "source", "scalecore_format"}:
        part = data.copy()
        del part.attrs[name]
        part.to_netcdf(path)
        with pytest.raises(ValueError, match=rf"b\.nc does not hold .* no attribute '{name}'"):
            sc.TrainingRuns.load(path)


@pytest.mark.parametrize("optimizer", RUNS)
def test_files_with_a_wrong_part_are_refused(optimizer, saved, tmp_path):
    data, path = saved[optimizer], tmp_path / "b.nc"
    for name in set(data.attrs) - {"title", "source"}:
        for value in ("x", -1, 1e300, np.nan, [1.0, 2.0]):
            if name == "interrupted" or (name in ("decay", "decay_start") and value == 1e300):
                continue  # these are what they may be
            part = data.copy()
            part.attrs[name] = value
            part.to_netcdf(path)
            with pytest.raises((ValueError, TypeError)) as caught:
                sc.TrainingRuns.load(path)
            assert type(caught.value) in (ValueError, TypeError)
    for name, size in data.sizes.items():
        if size > 1 and name != "planned":
            data.isel({name: slice(size - 1)}).to_netcdf(path)
            if name in ("repeat", "width", "learning_rate"):  # a part of a grid is runs too
                assert sc.TrainingRuns.load(path).extend(128).error.shape[-1] > 0
                continue
            with pytest.raises(ValueError, match=r"b\.nc does not hold training runs"):
                sc.TrainingRuns.load(path)


def test_damaged_files_are_os_errors(saved, tmp_path):
    """Cut at many places, and spoilt: an error with the file's name, or the runs."""
    path = tmp_path / "cut.nc"
    saved["sgd"].to_netcdf(path)
    whole = path.read_bytes()
    rng = np.random.default_rng(int(os.environ.get("SCALECORE_FUZZ_SEED", "0")))
    for _ in range(int(os.environ.get("SCALECORE_FUZZ", "300")) // 10):
        part = bytearray(whole[: rng.integers(len(whole))] if rng.random() < 0.5 else whole)
        for place in rng.integers(0, max(1, len(part)), 3):
            part[place : place + 1] = bytes([rng.integers(256)])
        path.write_bytes(part)
        with contextlib.suppress(OSError, ValueError):
            sc.TrainingRuns.load(path)
