"""Frames of pandas, polars and PyArrow, and of libraries that speak their protocols, as tables of
runs.
"""

import numpy as np
import pytest
from two_runs import check

import scalecore as sc


def columns():
    return {"N": [10**8, 4 * 10**8], "D": [2e9, 8e9], "L": [3.4, 2.8], "run": ["a", "b"]}


def frames():
    yield "dict", columns
    yield (
        "structured",
        lambda: np.array(
            [(1e8, 2e9, 3.4, "a"), (4e8, 8e9, 2.8, "b")],
            [("N", "f4"), ("D", "f8"), ("L", "f8"), ("run", "U1")],
        ),
    )
    for module, make in (
        ("pandas", lambda m: m.DataFrame(columns(), index=[7, 3])),
        ("polars", lambda m: m.DataFrame(columns())),
        ("polars", lambda m: m.LazyFrame(columns())),
        ("pyarrow", lambda m: m.table(columns())),
        ("pyarrow", lambda m: m.record_batch(columns())),
        ("pandas", lambda m: Stream(m.DataFrame(columns()))),
        ("polars", lambda m: Stream(m.DataFrame(columns()))),
        ("pyarrow", lambda m: Interchange(m.table(columns()))),
    ):
        yield module, lambda module=module, make=make: make(pytest.importorskip(module))


class Stream:
    """A frame of an unknown library that speaks the Arrow stream protocol."""

    def __init__(self, frame):
        self.frame = frame

    def __arrow_c_stream__(self, requested_schema=None):
        return self.frame.__arrow_c_stream__(requested_schema)


class Interchange:
    """A frame of an unknown library that speaks the dataframe interchange protocol."""

    def __init__(self, frame):
        self.frame = frame

    def __dataframe__(self, *args, **options):
        return self.frame.__dataframe__(*args, **options)


@pytest.mark.parametrize(
    "make", [pytest.param(make, id=f"{i}_{name}") for i, (name, make) in enumerate(frames())]
)
def test_frames(make):
    table = sc.RunTable.from_frame(make())
    check(table)
    assert table.run_names == ("a", "b")
    assert table.rows.tolist() == [0, 1]
    part = sc.RunTable.from_frame(make(), where={"run": "b"}, columns={"run": None})
    assert part.rows.tolist() == [1]
    assert part.run is None


@pytest.mark.parametrize(
    "column",
    [
        np.array([np.timedelta64(1, "s"), 2.0], object),
        np.array([np.True_, 2.0], object),
        np.array([True, 2.0], object),
        [np.timedelta64("NaT"), 2.0],
    ],
)
def test_durations_and_truths_are_no_numbers(column):
    frame = {"N": column, "D": [2e9, 8e9], "L": [3.4, 2.8]}
    with pytest.raises(TypeError, match=r"parameters .* must be real numbers, got .* in row 0"):
        sc.RunTable.from_frame(frame, drop_invalid=True)
    with pytest.raises(TypeError, match="parameters must be real numbers"):
        sc.RunTable(*frame.values())


def test_columns_that_can_be_read_once_are_refused():
    for column in (iter([1e8, 4e8]), (n for n in [1e8, 4e8])):
        with pytest.raises(TypeError, match=r"frame must be a dict of columns, got .* as 'N'"):
            sc.RunTable.from_frame({"N": column, "D": [2e9, 8e9], "L": [3.4, 2.8]})


def test_very_large_integers_of_polars():
    polars = pytest.importorskip("polars")
    wide = polars.Series([2**70, None], dtype=polars.Int128)
    frame = polars.DataFrame({"N": wide, "D": [2e9, 8e9], "L": [3.4, 2.8]})
    assert sc.RunTable.from_frame(frame, drop_invalid=True).parameters.tolist() == [2.0**70]


@pytest.mark.parametrize("module", ["pandas", "polars", "pyarrow"])
def test_missing_values_in_frames(module):
    library = pytest.importorskip(module)
    make = library.table if module == "pyarrow" else library.DataFrame
    data = {"N": [1, None, 4], "D": [2.0, 8.0, None], "L": [3.4, 2.8, 1.0], "run": ["a", None, "b"]}
    with pytest.raises(
        ValueError, match=r"parameters is missing or not a number in row 1; samples is .* in row 2$"
    ):
        sc.RunTable.from_frame(make(data), columns={"run": None})
    with pytest.raises(ValueError, match="none in row 1; columns"):
        sc.RunTable.from_frame(make(data))
    table = sc.RunTable.from_frame(make(data), columns={"run": "run"}, drop_invalid=True)
    assert table.rows.tolist() == [0]
    assert table.run_names == ("a",)


def test_odd_frames():
    pandas = pytest.importorskip("pandas")
    data = {"N": ["1e8", "4e8"], "D": [2e9, 8e9], "L": [3.4, 2.8]}
    with pytest.raises(
        TypeError,
        match=r"parameters \(column 'N' of the frame\) must be real numbers, got '1e8' \(str\) "
        r"in row 0",
    ):
        sc.RunTable.from_frame(pandas.DataFrame(data))
    nullable = pandas.DataFrame(columns()).convert_dtypes()
    check(sc.RunTable.from_frame(nullable))
    arrow = (
        pandas.DataFrame(columns()).convert_dtypes(dtype_backend="pyarrow")
        if pytest.importorskip("pyarrow")
        else nullable
    )
    check(sc.RunTable.from_frame(arrow))
    twice = pandas.DataFrame([[1e8, 2e9, 3.4, 5]], columns=["N", "D", "L", "L"])
    with pytest.raises(ValueError, match="several columns 'L'"):
        sc.RunTable.from_frame(twice)
    numbered = pandas.DataFrame([[1e8, 2e9, 3.4], [4e8, 8e9, 2.8]])
    check(sc.RunTable.from_frame(numbered, columns={"N": 0, "D": 1, "L": 2}))
    with pytest.raises(ValueError, match="columns there are '0', '1', '2'"):
        sc.RunTable.from_frame(numbered)
    with pytest.raises(ValueError, match="the columns there are none"):
        sc.RunTable.from_frame({})
    with pytest.raises(ValueError, match="samples must have one element a run"):
        sc.RunTable.from_frame({"N": [1, 2], "D": [1], "L": [1, 2]})
    for frame in (3, "runs.csv", [1, 2], np.ones((3, 3)), None):
        with pytest.raises(
            TypeError, match="frame must be a table of pandas, polars or PyArrow or a dict"
        ):
            sc.RunTable.from_frame(frame)
    assert len(sc.RunTable.from_frame(pandas.DataFrame(columns()).iloc[:0])) == 0
