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
