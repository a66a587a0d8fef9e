"""The ufuncs on columns of pandas, polars and PyArrow: whole numbers of every type, and what is
missing.
"""

import numpy as np
import pytest

import scalecore as sc

UFUNCS = sorted(name for name in sc.__all__ if isinstance(getattr(sc, name), np.ufunc))
WHOLE = [1, 20, 100]


def arguments(name, column):
    """The column, and whole numbers for everything else; the one dimension has a table at once."""
    others = {1: (), 2: (3,), 3: (1, 10), 4: (1000, 1, 10)}
    return column, *others[getattr(sc, name).nin]


def of_pandas(dtype):
    return lambda values: pytest.importorskip("pandas").Series(values, dtype=dtype)


def of_polars(dtype):
    def make(values):
        polars = pytest.importorskip("polars")
        return polars.Series("n", values, dtype=getattr(polars, dtype))

    return make


def of_pyarrow(dtype):
    return lambda values: pytest.importorskip("pyarrow").array(values, dtype)


WAYS = {
    "list": list,
    **{dtype: lambda values, dtype=dtype: np.array(values, dtype) for dtype in ("i1", "u8", "f4")},
    **{
        f"pandas {dtype}": of_pandas(dtype)
        for dtype in ("int64", "uint8", "float32", "Int64", "UInt16", "Float64", "int64[pyarrow]")
    },
    **{
        f"polars {dtype}": of_polars(dtype)
        for dtype in ("Int64", "Int32", "Int8", "UInt64", "UInt8", "Float32", "Float64")
    },
    **{f"pyarrow {dtype}": of_pyarrow(dtype) for dtype in ("int64", "uint8", "float32")},
}


def test_all_ufuncs_are_found():
    assert {"error_bound", "occupancy", "refined_bound", "bayes_error_lower_bound"} <= set(UFUNCS)


@pytest.mark.parametrize("name", UFUNCS)
def test_whole_numbers_of_every_type_are_doubles(name):
    function = getattr(sc, name)
    want = function(*arguments(name, np.array(WHOLE, float)))
    assert np.isfinite(want).all()
    for way, make in WAYS.items():
        if way.startswith(("pandas int64[", "pyarrow")):
            pytest.importorskip("pyarrow")
        got = np.asarray(function(*arguments(name, make(WHOLE))))
        assert got.dtype == np.float64, way
        assert (got == want).all(), way


@pytest.mark.parametrize("name", UFUNCS)
def test_the_types_of_a_ufunc_are_told(name):
    """By this list polars knows that everything becomes a double."""
    function = getattr(sc, name)
    assert function.types == ["d" * function.nin + "->d"]
    assert function.ntypes == 1


def test_a_column_stays_one():
    polars, pandas = pytest.importorskip("polars"), pytest.importorskip("pandas")
    for column in (polars.Series("n", WHOLE), pandas.Series(WHOLE, name="n", index=[7, 8, 9])):
        bound = sc.error_bound(column, 10**6, 10, 100)
        assert type(bound) is type(column)
        assert bound.name == "n"
    assert bound.index.tolist() == [7, 8, 9]
    samples = [10**6, 10**7, 10**8]
    both = sc.error_bound(polars.Series(WHOLE), polars.Series(samples), 10, 100)
    assert both.to_list() == sc.error_bound(WHOLE, samples, 10, 100).tolist()


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("way", ["polars Int64", "pandas Int64", "pandas Float64", "pyarrow int64"])
def test_what_is_missing_spoils_only_itself(way):
    bound = sc.error_bound(WAYS[way]([1, None, 100]), 10**6, 10, 100)
    first, missing, last = np.asarray(bound, float)
    assert np.isnan(missing)
    assert [first, last] == sc.error_bound([1, 100], 10**6, 10, 100).tolist()


@pytest.mark.parametrize("dtype", ["Int128", "Decimal", "Object"])
def test_columns_of_objects_are_refused(dtype):
    polars = pytest.importorskip("polars")
    column = polars.Series(WHOLE, dtype=getattr(polars, dtype))
    with pytest.raises(TypeError, match=r"error_bound.*real numbers are wanted"):
        sc.error_bound(column, 10**6, 10, 100)
