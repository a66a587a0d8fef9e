"""What NumPy promises of a ufunc's loop: elements as if one after the other, whatever overlaps, in
blocks and on threads or not.

NumPy hands the loop operands that overlap where a sequential loop would read before it writes.
Sizes are worth two threads.
"""

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided

import scalecore as sc

SIZES = {
    "bayes_error_bound": 16_411,
    "bayes_error_lower_bound": 515,
    "spectral_bound": 3011,
    "refined_bound": 3011,
}
UFUNCS = (
    "error_bound",
    "misspecification_bound",
    "estimation_bound",
    "closed_form_bound",
    "optimal_resolution",
    "occupancy",
    *SIZES,
)
OTHERS = {"n": 300.0, "T": 1e6, "d": 3.0, "K": 20.0}
OFFSETS = (1, 8, 9, 255, 256, 257, 2047, 2048)


@pytest.fixture(scope="module", autouse=True)
def small_table():
    sc.spectral_table(3, most_units=16)


def arguments_of(name):
    known = {"occupancy": "nK", "bayes_error_bound": "Td", "bayes_error_lower_bound": "TdK"}
    return known.get(name, "nTdK")


def column(name, argument, count):
    """Values of one argument, all different unless they must be dimensions that have tables (or
    take their time)."""
    if name in SIZES and argument == "d":
        return np.repeat([3.0, 1.0, 3.0, 1.0], -(-count // 4))[:count]
    return np.geomspace(1, 1e5, count)


def check(name, argument, room, source, out):
    """One call whose argument and output are views of one array, against the same call of a
    copy."""
    function, letters = getattr(sc, name), arguments_of(name)
    given = [source if letter == argument else OTHERS[letter] for letter in letters]
    want = function(*(np.array(value) for value in given))
    before = room.copy()
    assert function(*given, out=out) is out
    np.testing.assert_array_equal(out, want)
    room[...] = before


@pytest.mark.parametrize("name", UFUNCS)
def test_output_over_an_argument_at_any_offset(name):
    count = SIZES.get(name, 70_001)
    half = count // 2  # where the second thread's part begins
    for argument in arguments_of(name):
        room = column(name, argument, count)
        for k in (*OFFSETS, half - 1, half, half + 1):
            check(name, argument, room, room[k:], room[:-k])
            check(name, argument, room, room[:-k], room[k:])
            check(name, argument, room, room[k:][::-1], room[:-k][::-1])
            check(name, argument, room, room[k:], room[:-k][::-1])


@pytest.mark.parametrize("name", UFUNCS)
def test_output_over_an_argument_of_other_strides(name):
    count = SIZES.get(name, 70_001)
    for argument in arguments_of(name):
        room = column(name, argument, 2 * count + 2)
        check(name, argument, room, room[::2], room[: count + 1])  # reads run away from writes
        check(name, argument, room, room[: count + 1], room[::2])
        check(name, argument, room, room[::2], room[1::2])  # woven
        check(name, argument, room, room[2::2], room[:-2:2])
        check(name, argument, room, room[::-2], room[-count - 1 :][::-1])
        check(name, argument, room, room, room)
        check(name, argument, room, room, room[::-1])
        check(name, argument, room, room[5], room)
        grid = room[: count - count % 7].reshape(-1, 7)
        check(name, argument, room, grid[:, 1:], grid[:, :-1])
        check(name, argument, room, grid[1:], grid[:-1])
        records = np.zeros(count, [("a", "f8"), ("b", "f8"), ("odd", "u4")])  # stride 20
        for a, b in (("a", "b"), ("b", "a"), ("a", "a")):
            records["a"] = records["b"] = room[:count]
            check(name, argument, records, records[a], records[b])
            check(name, argument, records, records[a][1:], records[b][:-1])


def test_all_arguments_over_the_output():
    count = 70_001
    room = np.geomspace(1, 1e5, count + 3)
    parts = [room[k : count + k] for k in (3, 2, 1, 0)]
    want = sc.error_bound(*(part.copy() for part in parts))
    np.testing.assert_array_equal(sc.error_bound(*parts, out=parts[-1]), want)
    assert room[count:].tolist() == np.geomspace(1, 1e5, count + 3)[count:].tolist()


@pytest.mark.parametrize("name", UFUNCS)
def test_where_with_overlap(name):
    count = SIZES.get(name, 70_001)
    room = column(name, arguments_of(name)[0], count)
    where = np.random.default_rng(0).random(count - 1) < 0.7
    where[1000:1900] = where[count // 3 :] = True  # long runs, and short ones
    others = [OTHERS[letter] for letter in arguments_of(name)[1:]]
    want = np.where(where, getattr(sc, name)(room[1:].copy(), *others), room[:-1])
    getattr(sc, name)(room[1:], *others, out=room[:-1], where=where)
    np.testing.assert_array_equal(room[:-1], want)


@pytest.mark.parametrize("name", UFUNCS)
def test_the_last_of_results_on_top_of_each_other_stays(name):
    room, values = np.zeros(2), column(name, arguments_of(name)[0], SIZES.get(name, 70_001))
    others = [OTHERS[letter] for letter in arguments_of(name)[1:]]
    getattr(sc, name)(values, *others, out=as_strided(room, values.shape, (0,)))
    assert room.tolist() == [getattr(sc, name)(values[-1], *others), 0.0]


def one_after_the_other(function, values):
    """Every partial result of a reduction, by calls of two numbers."""
    results = [values[0]]
    for value in values[1:]:
        results.append(float(function(results[-1], value)))
    return np.array(results)


@pytest.mark.filterwarnings(
    "ignore:invalid value"
)  # of `bayes_error_bound`, whose own results are too small for it
@pytest.mark.parametrize("name", ["occupancy", "bayes_error_bound"])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8, 9, 255, 256, 257, 300, 3000])
def test_reductions_are_calls_one_after_the_other(name, count):
    function = getattr(sc, name)
    values = np.geomspace(1e6, 10, count) if name == "occupancy" else np.resize([1e300, 1.0], count)
    want = one_after_the_other(function, values)
    assert name != "occupancy" or (want > 1).all()
    for layout in (values, np.repeat(values, 2)[::2], values[::-1].copy()[::-1]):
        np.testing.assert_array_equal(function.accumulate(layout), want)
        np.testing.assert_array_equal(function.reduce(layout), want[-1])
        starts = sorted({0, count // 3, count // 2})
        ends = [*starts[1:], count]
        parts = [
            one_after_the_other(function, values[a:b])[-1]
            for a, b in zip(starts, ends, strict=True)
        ]
        np.testing.assert_array_equal(function.reduceat(layout, starts), parts)
    grid = np.stack([values, values[::-1], np.full(count, 50.0)])
    rows = np.stack([one_after_the_other(function, row) for row in grid])
    for table, axis in (
        (grid, 1),
        (grid.T, 0),
        (np.asfortranarray(grid), 1),
        (np.ascontiguousarray(grid.T), 0),
    ):
        found = function.accumulate(table, axis=axis)
        np.testing.assert_array_equal(found if axis else found.T, rows)
        np.testing.assert_array_equal(function.reduce(table, axis=axis), rows[:, -1])


def test_a_reduction_of_the_issue():
    assert sc.occupancy.reduce([100.0, 50.0, 60.0]) == sc.occupancy(sc.occupancy(100, 50), 60)
    assert sc.occupancy.reduce([100.0, 50.0, 60.0]).round(2) == 39.41


def test_reductions_over_wide_rows_are_worth_threads():
    rng = np.random.default_rng(3)
    rows = 10 ** rng.uniform(1, 4, (5, 70_001))
    want = rows[0]
    for row in rows[1:]:
        want = sc.occupancy(want, row)
    np.testing.assert_array_equal(sc.occupancy.reduce(rows, axis=0), want)
    np.testing.assert_array_equal(sc.occupancy.accumulate(rows, axis=0)[-1], want)
    in_place = rows.copy()
    np.testing.assert_array_equal(sc.occupancy.accumulate(in_place, axis=0, out=in_place)[-1], want)


def test_at_meets_places_again():
    rng = np.random.default_rng(4)
    values, places, K = (
        10 ** rng.uniform(1, 4, 50),
        rng.integers(0, 50, 3000),
        10 ** rng.uniform(2, 4, 3000),
    )
    want = values.copy()
    for place, k in zip(places, K, strict=True):
        want[place] = sc.occupancy(want[place], k)
    sc.occupancy.at(values, places, K)
    np.testing.assert_array_equal(values, want)


def test_outer_is_the_table_of_calls():
    n, K = np.geomspace(1, 1e5, 300), np.geomspace(1, 1e4, 301)
    np.testing.assert_array_equal(sc.occupancy.outer(n, K), sc.occupancy(n[:, None], K))
