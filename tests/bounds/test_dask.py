"""The ufuncs on Dask arrays: lazily, in constant memory, the same numbers."""

import os

import numpy as np
import pytest

import scalecore as sc

da = pytest.importorskip("dask.array")


def test_dask_arrays_stay_lazy():
    widths, samples = (
        10 ** da.linspace(0, 6, 60, chunks=20),
        10 ** da.linspace(3, 12, 50, chunks=25),
    )
    bound = sc.error_bound(widths[:, None], samples, 10, 100)
    assert isinstance(bound, da.Array)
    assert bound.chunks == ((20,) * 3, (25,) * 2)
    assert np.array_equal(
        bound.compute(), sc.error_bound(widths.compute()[:, None], samples.compute(), 10, 100)
    )


@pytest.mark.parametrize("name", ["spectral_bound", "refined_bound"])
def test_no_table_is_built_before_compute(name, run_python):
    """Dask and xarray call a ufunc on noughts and on nothing, to learn the type of the result."""
    code = f"""
import dask.array as da, numpy as np, scalecore as sc, xarray as xr
from scalecore.spectral._table_lookup import has_table
values = [[2.0, 3.0, 4.0], [1e3, 1e4, 1e5], [1.0] * 3, [10.0, 20.0, 30.0]]  # n, T, d, K
lazy = [da.from_array(np.array(v), chunks=2) for v in values]
calls = [lazy] + [[*values[:k], lazy[k], *values[k + 1 :]] for k in range(4)]
first = [v[0] for v in values]
calls += [[*first[:k], lazy[k], *first[k + 1 :]] for k in range(4)]
calls += [[xr.DataArray(lazy[0], dims="x"), 1e4, 1, 10]]
bounds = [sc.{name}(*call) for call in calls] + [lazy[0].map_blocks(sc.{name}, 1e4, 1, 10)]
bounds.append(da.map_blocks(sc.{name}, *lazy))
for bound in bounds:
    assert getattr(bound, "chunks", None) or bound.chunksizes, bound
assert not has_table(1)
assert np.isnan(sc.{name}([0.0, np.nan], [1e3, 1e3], 1, 10)).all() and not has_table(1)
assert np.array_equal(bounds[0].compute(), sc.{name}(*values)) and has_table(1)
print("done")
"""
    assert run_python(code, PYTHONWARNINGS="ignore").split() == ["done"]


@pytest.mark.slow
def test_many_points_in_constant_memory(run_python):
    side = (
        3163 if os.environ.get("CI") else 10_000
    )  # 1e7 or 1e8 points: 80 or 800 MB, if they were all there
    code = f"""
import resource, dask, dask.array as da, scalecore as sc
dask.config.set(scheduler="threads", num_workers=2)
def least(side):
    widths = 10 ** da.linspace(0, 6, side, chunks=1000)
    samples = 10 ** da.linspace(3, 12, side, chunks=1000)
    return float(sc.error_bound(widths[:, None], samples, 10, 100).min().compute())
least(2000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(least({side}), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""
    least, more = map(float, run_python(code).split())
    assert least == pytest.approx(
        sc.error_bound(10 ** np.linspace(0, 6, side), 1e12, 10, 100).min(), rel=1e-12
    )
    assert more < 60  # MB
