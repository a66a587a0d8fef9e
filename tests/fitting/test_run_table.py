"""Tables of training runs: what is taken, what is refused and by which row."""

import copy
import hashlib
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scalecore as sc

N, D, L = [1e8, 1e8, 4e8, 4e8], [2e9, 8e9, 2e9, 8e9], [3.4, 3.1, 3.2, 2.8]
ARRAYS = ("parameters", "samples", "loss", "compute", "unique_samples", "weight", "progress")


def full(**change):
    given = {
        "parameters": N,
        "samples": D,
        "loss": L,
        "compute": [1e18, 5e18, 5e18, 2e19],
        "unique_samples": [1e9] * 4,
        "run": ["b", "a", "b", "c"],
        "weight": [1, 2, 3, 4],
        "progress": [0.25, 0.5, 0.75, 1],
    }
    return sc.RunTable(**(given | change))


def test_every_array_is_a_read_only_contiguous_float64_copy():
    source = np.array(N)
    table = full(
        parameters=source, samples=np.array([D, D]).T[:, 0], weight=np.array([1, 2, 3, 4], np.int8)
    )
    for name in ARRAYS:
        array = getattr(table, name)
        assert array.dtype == np.float64
        assert array.flags.c_contiguous
        assert not array.flags.writeable
    assert source.flags.writeable
    source[0] = 5
    assert table.parameters[0] == 1e8
    assert table.run_codes.tolist() == [0, 1, 0, 2]
    assert table.run_codes.dtype == np.int64
    assert table.run_names == ("b", "a", "c")
    assert table.run.tolist() == ["b", "a", "b", "c"]
    with pytest.raises(AttributeError):
        table.loss = source


def test_what_was_not_given_is_none():
    table = sc.RunTable(N, D, L)
    for name in ("compute", "unique_samples", "weight", "progress", "run", "run_codes"):
        assert getattr(table, name) is None
    assert table.run_names == ()
    assert table.dropped.size == 0
    assert table.flops.tolist() == [6 * n * d for n, d in zip(N, D, strict=True)]
    assert sc.RunTable(N, D, L, cost=2).flops.tolist() == [
        2 * n * d for n, d in zip(N, D, strict=True)
    ]
    assert full().flops is full().flops or full().flops.tolist() == full().compute.tolist()
    assert not table.flops.flags.writeable
    assert sc.RunTable([1e300], [1e300], [1.0]).flops.tolist() == [np.inf]  # and no warning


def test_losses_are_in_nats_inside():
    bits = sc.RunTable(N, D, np.divide(L, np.log(2)), loss_unit="bits")
    assert np.allclose(bits.loss, L, rtol=1e-15)
    assert bits.loss_unit == "bits"
    assert bits.loss_scale == np.log(2)
    assert sc.RunTable(N, D, L).loss_scale == 1
    assert "2.8 to 3.4 nats" in repr(sc.RunTable(N, D, L))
    assert "4.04 to 4.91 bits" in repr(bits)


@given(st.lists(st.booleans(), min_size=4, max_size=4))
def test_where_keeps_rows_and_their_numbers(mask):
    table = full()
    part = table.where(mask)
    kept = np.flatnonzero(mask)
    assert len(part) == kept.size
    assert part.rows.tolist() == kept.tolist()
    for name in ARRAYS:
        assert np.array_equal(getattr(part, name), getattr(table, name)[kept])
    assert part.run.tolist() == table.run[kept].tolist()
    assert sorted(set(part.run_codes.tolist())) == list(range(len(part.run_names)))
    again = part.where(np.ones(len(part), bool))
    assert again.data_hash == part.data_hash
    assert again.rows.tolist() == kept.tolist()


def test_hash_is_of_the_content_in_order():
    table = full()
    assert table.data_hash == full().data_hash
    assert len(table.data_hash) == 64
    assert table.data_hash == full(run=["x", "y", "x", "z"]).data_hash  # runs, not their names
    changes = [
        {"loss": [3.4, 3.1, 3.2, np.nextafter(2.8, 3)]},
        {"run": None},
        {"run": ["b", "a", "c", "b"]},
        {"weight": None},
        {"progress": [1, 1, 1, 1]},
        {"cost": 2},
        {"compute": table.unique_samples, "unique_samples": table.compute},
    ]
    order = [1, 0, 2, 3]
    others = [full(**change) for change in changes]
    others.append(sc.RunTable(*(getattr(table, name)[order] for name in ARRAYS[:3])))
    others.append(sc.RunTable(N, D, L))
    hashes = {table.data_hash, *(other.data_hash for other in others)}
    assert len(hashes) == len(others) + 1
    small = sc.RunTable([1.0], [2.0], [3.0])
    content = b"scalecore runs 1, cost 6.0"
    for name, value in (("parameters", 1.0), ("samples", 2.0), ("loss", 3.0)):
        content += f"\n{name} 1\n".encode() + np.array([value], "<f8").tobytes()
    assert small.data_hash == hashlib.sha256(content).hexdigest()


def test_tables_can_be_pickled_and_copied():
    table = full()
    for twin in (pickle.loads(pickle.dumps(table)), copy.copy(table), copy.deepcopy(table)):
        assert twin.data_hash == table.data_hash
        assert not twin.loss.flags.writeable
        assert repr(twin) == repr(table)


BAD = [np.nan, np.inf, -np.inf, 0.0, -1.0]


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("bad", BAD)
def test_rows_that_cannot_be_used_are_refused_by_number_or_dropped(name, bad):
    good = getattr(full(), name).copy()
    good[2] = bad
    with pytest.raises(
        ValueError, match=rf"^1 of 4 rows .*drop_invalid=True.*: {name} is .* in row 2$"
    ):
        full(**{name: good})
    table = full(**{name: good}, drop_invalid=True)
    assert table.rows.tolist() == [0, 1, 3]
    assert table.dropped.tolist() == [2]
    assert table.run_names == ("b", "a", "c")
    assert "1 invalid rows dropped" in repr(table)
    assert table.where([True, False, True]).rows.tolist() == [0, 3]


def test_the_message_names_every_fault_and_ten_rows():
    loss = np.ones(30)
    loss[:12] = np.nan
    loss[20] = -3
    with pytest.raises(ValueError, match=r"^13 of 30 rows") as caught:
        sc.RunTable(np.ones(30), np.ones(30), loss)
    text = str(caught.value)
    assert "loss is missing or not a number in rows 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more" in text
    assert "loss is not positive in row 20" in text
    with pytest.raises(ValueError, match="progress is above 1 in row 1"):
        full(progress=[1, 1.5, 1, 1])
    with pytest.raises(ValueError, match="run has no name in rows 1, 3"):
        full(run=["a", None, "a", ""])
    assert full(run=["a", None, "a", ""], drop_invalid=True).run_names == ("a",)


def test_missing_values_of_every_kind():
    pandas = pytest.importorskip("pandas")
    for values in (
        [1e8, None, 4e8, 4e8],
        np.ma.masked_array(N, mask=[0, 1, 0, 0]),
        np.ma.masked_array(np.array(N, object), mask=[0, 1, 0, 0]),
        pandas.Series([1, None, 4, 4], dtype="Int64"),
        pandas.Series([1.0, None, 4, 4], dtype="Float64"),
        pandas.array([1, pandas.NA, 4, 4], dtype=object),
    ):
        with pytest.raises(ValueError, match=r"parameters is missing or not a number in row 1$"):
            sc.RunTable(values, D, L)
    masked = np.ma.masked_array(["a", "b", "a", "b"], mask=[0, 0, 0, 1])
    with pytest.raises(ValueError, match=r"run has no name in row 3$"):
        full(run=masked)
    with pytest.raises(ValueError, match=r"run has no name in rows 0, 2$"):
        full(run=[np.nan, 1.0, np.nan, 2.0])


def test_numbers_of_every_kind():
    from decimal import Decimal
    from fractions import Fraction

    values = [Decimal("1e8"), Fraction(10**8), 4 * 10**8, np.float32(4e8)]
    assert sc.RunTable(values, D, L).parameters.tolist() == N
    assert sc.RunTable(np.array(N, ">f4"), D, L).parameters.tolist() == N
    assert sc.RunTable(np.array(N, np.longdouble), D, L).parameters.tolist() == N
    assert sc.RunTable([2**63, 10**19, 10**20, 10**300], D, L).parameters.tolist() == [
        2.0**63,
        1e19,
        1e20,
        1e300,
    ]
    with pytest.raises(ValueError, match=r"parameters is infinite in row 0$"):
        sc.RunTable([10**400, 1, 2, 3], D, L)
    names = full(run=[2.0, 1.0, 2.0, 1.5]).run_names
    assert names == ("2", "1", "1.5")
    assert full(run=[7, 7, 3, 7]).run_names == ("7", "3")


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"parameters": ["1", "2", "3", "4"]}, TypeError, "parameters must be real numbers"),
        ({"parameters": [1, "2", None, 4]}, TypeError, "parameters must be real numbers"),
        ({"parameters": [True, False, True, True]}, TypeError, "parameters must be real numbers"),
        ({"parameters": np.ones(4, complex)}, TypeError, "parameters must be real numbers"),
        ({"parameters": np.ones(4, "M8[s]")}, TypeError, "parameters must be real numbers"),
        (
            {"parameters": np.array([1, True, 2, 3], object)},
            TypeError,
            "parameters must be real numbers, got True .* in row 1",
        ),
        ({"parameters": 1e8}, ValueError, "parameters must be one-dimensional"),
        ({"parameters": np.ones((2, 2))}, ValueError, "parameters must be one-dimensional"),
        ({"parameters": [[1, 2], [3]]}, ValueError, "parameters is not an array"),
        (
            {"samples": D[:3]},
            ValueError,
            r"samples must have one element a run, as parameters has \(4\), got 3",
        ),
        ({"run": ["a"]}, ValueError, "run must have one element a run"),
        ({"run": np.array([[1], [2], [3], [4]])}, ValueError, "run must be one-dimensional"),
        ({"run": np.array([{}, {}, {}, {}])}, TypeError, "run must be names or numbers"),
        ({"loss": None}, ValueError, "loss must be one-dimensional"),
        ({"loss_unit": "bit"}, ValueError, "loss_unit must be one of 'nats', 'bits', got 'bit'"),
        ({"loss_unit": 2}, TypeError, "loss_unit must be one of"),
        ({"cost": 0}, ValueError, "cost must be one positive finite number"),
        ({"cost": "six"}, TypeError, "cost must be real numbers"),
        ({"drop_invalid": 1}, TypeError, "drop_invalid must be True or False"),
    ],
)
def test_bad_arguments_are_refused_by_name(change, error, text):
    with pytest.raises(error, match=text):
        full(**change)


def test_bad_masks_are_refused():
    table = full()
    for mask, error, text in (
        ([0, 1, 2, 3], TypeError, "mask must be one True or False a row"),
        ([True, False], ValueError, r"mask must have the table's length, 4, got shape \(2,\)"),
        (True, ValueError, "mask must have the table's length"),
        (None, TypeError, "mask must be"),
    ):
        with pytest.raises(error, match=text):
            table.where(mask)


def test_small_tables():
    for count in range(3):
        table = sc.RunTable(N[:count], D[:count], L[:count], run=["a"] * count)
        assert len(table) == count
        assert repr(table).startswith("RunTable(")
        assert len(table.where([])) == 0 if count == 0 else len(table.where([False] * count)) == 0
        assert table.flops.shape == (count,)
        assert len(table.data_hash) == 64


def test_what_is_masked_in_a_mask_is_neither_true_nor_false():
    table = sc.RunTable([1e8, 4e8], [2e9, 8e9], [3.4, 2.8])
    with pytest.raises(
        TypeError, match="mask must be one True or False a row, got one with masked"
    ):
        table.where(np.ma.array([True, True], mask=[False, True]))
    assert len(table.where(np.ma.array([True, False]))) == 1
