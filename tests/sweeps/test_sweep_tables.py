"""Sweeps of spectral bounds: tables are built once, before the first chunk, and every process goes
by them."""

import errno
import os
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from multiprocessing import get_context

import numpy as np
import pytest
from sweep_cases import same

import scalecore as sc
from scalecore.sweeps._store import TABLES

pytest.importorskip("zarr")
pytest.importorskip("xarray")
tables, rows = (
    import_module(f"scalecore.spectral.{name}") for name in ("_table_lookup", "_table_rows")
)

GRID = {"budget": [1e5, 1e7, 1e9], "input_dim": [4, 5, 5.5], "concentration": 10}
ONE_EACH = {"budget": 1, "input_dim": 1}


@pytest.fixture
def builds(monkeypatch):
    """A process without tables: the dimensions of those that it builds, small ones. That of d = 1
    costs nothing."""
    real, built = tables.build_rows, []
    monkeypatch.setattr(
        tables,
        "build_rows",
        lambda d, most, progress: (built.extend([d] * (d > 1)), real(d, most, progress))[1],
    )
    monkeypatch.setattr(tables, "_TABLES", {})
    monkeypatch.setattr(tables, "DEFAULT_UNITS", 20)
    monkeypatch.setenv("SCALECORE_TABLES", "")
    return built


@pytest.mark.parametrize("task", [sc.compute_optimal, sc.spectral_bound, sc.refined_bound])
def test_tables_are_built_before_the_chunks_and_gone_after_them(task, builds, tmp_path, capfd):
    frontier = task is sc.compute_optimal
    grid = (
        GRID
        if frontier
        else {"width": 8, "samples": [1e3, 1e5], "input_dim": [4, 5, 5.5], "concentration": 10}
    )
    done = sc.sweep(
        task,
        grid,
        tmp_path / "s",
        chunks={"input_dim": 1},
        progress=True,
        **{"bound": "spectral"} if frontier else {},
    )
    assert builds == [4, 5]
    shown = capfd.readouterr().err
    assert (
        0
        <= shown.index("table of input_dim 4: 100%")
        < shown.index("table of input_dim 5: 100%")
        < shown.index("3/3")
    )
    assert not (done.path / TABLES).exists()
    with done.open() as data:
        if frontier:
            expected = sc.compute_optimal(
                np.array(GRID["budget"])[:, None], GRID["input_dim"], 10, bound="spectral"
            ).error
            values = data.error.values
        else:
            with np.errstate(invalid="ignore"):
                expected = task(8, np.array([[1e3], [1e5]]), GRID["input_dim"], 10)
            values = data[task.__name__].values
    assert np.array_equal(values, expected, equal_nan=True)
    assert np.isfinite(values).any(axis=0).tolist() == [True, True, False]
    tables._TABLES.clear()
    sc.sweep(
        task,
        grid,
        tmp_path / "s",
        chunks={"input_dim": 1},
        **{"bound": "spectral"} if frontier else {},
    )
    assert builds == [4, 5]  # where all is finished none is needed


def test_other_sweeps_need_none(builds, tmp_path):
    sc.sweep("compute_optimal", GRID, tmp_path / "frontier")
    sc.sweep("bayes_error_bound", {"samples": [1, 10], "input_dim": 4}, tmp_path / "bayes")
    assert builds == []


def test_workers_go_by_the_callers_tables(builds, tmp_path, monkeypatch):
    """Their own would have 2,048 units, other values, and take minutes."""
    for d in (4, 5):
        sc.spectral_table(d, most_units=20)
    monkeypatch.setattr(tables, "DEFAULT_UNITS", 2048)
    here = sc.sweep("compute_optimal", GRID, tmp_path / "here", chunks=ONE_EACH, bound="refined")
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        there = sc.sweep(
            "compute_optimal",
            GRID,
            tmp_path / "there",
            chunks=ONE_EACH,
            bound="refined",
            executor=pool,
        )
    assert not (there.path / TABLES).exists()
    same(here, there)
    assert builds == [4, 5]


def test_a_stopped_sweep_keeps_its_tables(builds, tmp_path, monkeypatch):
    module, asked = (
        import_module("scalecore.sweeps._runners"),
        {"chunks": ONE_EACH, "bound": "spectral"},
    )
    real = rows._even_parts

    def stopping(d, counts):
        if d == 5 and 7 in counts:
            raise KeyboardInterrupt
        return real(d, counts)

    monkeypatch.setattr(rows, "_even_parts", stopping)
    with pytest.raises(KeyboardInterrupt):
        sc.sweep("compute_optimal", GRID, tmp_path / "s", **asked)
    assert sc.Sweep.load(tmp_path / "s").finished == 0
    assert len(list((tmp_path / "s" / TABLES).iterdir())) == 1
    monkeypatch.setattr(rows, "_even_parts", real)

    def full(store, number, out):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    tables._TABLES.clear()
    with monkeypatch.context() as patch:
        patch.setattr(module, "write_chunk", full)
        with pytest.raises(OSError, match="finished chunks are kept"):
            sc.sweep("compute_optimal", GRID, tmp_path / "s", **asked)
    assert builds == [4, 5, 5]
    tables._TABLES.clear()
    done = sc.sweep("compute_optimal", GRID, tmp_path / "s", **asked)
    assert builds == [4, 5, 5]
    same(done, sc.sweep("compute_optimal", GRID, tmp_path / "whole", **asked))


def test_a_full_disk_is_the_stores(builds, tmp_path, monkeypatch):
    def full(file, **arrays):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(
        OSError, match="finished chunks are kept, the same call continues"
    ) as caught:
        sc.sweep(
            "spectral_bound",
            {"width": 8, "samples": 1e5, "input_dim": 4, "concentration": 1},
            tmp_path / "s",
        )
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(tmp_path / "s"))
    assert list((tmp_path / "s" / TABLES).iterdir()) == []


def test_a_table_of_the_process_is_not_replaced(builds, tmp_path):
    """Nor does one that came with a store stand for more units than it has."""
    grid = {"width": 8, "samples": 1e5, "input_dim": 4, "concentration": 1}
    table = sc.spectral_table(4, most_units=10)
    sc.sweep("spectral_bound", grid, tmp_path / "s")
    assert sc.spectral_table(4, most_units=10) is table
    tables.share_table(4, tmp_path / "tables", 10)
    tables._TABLES.clear()
    tables.adopt_table(4, tmp_path / "tables", 10)
    assert sc.spectral_table(4, most_units=10).units.tolist() == table.units.tolist()
    assert sc.spectral_table(4, most_units=20).units[-1] == 20
    assert builds == [4, 4]
