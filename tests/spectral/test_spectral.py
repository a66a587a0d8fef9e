"""What spectral bounds are made from, against its twins: spectrum, directions, tables; and the
bound for unlimited width."""

import copy
import math
import os
import pickle
import signal
import threading
import time

import mpmath as mp
import numpy as np
import pytest
from oracles import spectral as oracle

import scalecore as sc
from scalecore._core.spectrum import exact_sum, fixed_parts
from scalecore.spectral._directions import (
    bits_of,
    directions_of_row,
    signs,
    symmetry_of,
    unspread,
)

UNITS = {1: 2, 2: 64, 3: 80, 10: 150}  # small tables: the default ones take seconds


@pytest.fixture(scope="module", autouse=True)
def tables():
    return {d: sc.spectral_table(d, most_units=units) for d, units in UNITS.items()}


# The spectrum


@pytest.mark.parametrize("d", [1, 2, 3, 5, 10, 39, 40, 100, 256, 257, 10**4, 10**7])
def test_spectrum_against_mpmath(d):
    found = sc.spectrum(d, degrees=24)
    left = mp.mpf(1) / 2
    for i, degree in enumerate(found.degree.tolist()):
        value, count = oracle.eigenvalue(degree, d), oracle.multiplicity(degree, d)
        left -= value * count
        if count == 0:
            assert found.mass[i] == 0
            assert found.log_multiplicity[i] == -np.inf
            continue
        assert abs(mp.mpf(found.log_eigenvalue[i]) - mp.log(value)) < 3e-13
        assert abs(mp.mpf(found.log_multiplicity[i]) - mp.log(count)) < 3e-13
        assert abs(found.mass[i] / (value * count) - 1) < 1e-13
        assert abs(found.tail[i] - left) <= (1e-12 * left if d <= 256 else 2e-16)
    assert abs(found.mass.sum() + found.tail[-1] - 0.5) < 1e-13


@pytest.mark.parametrize("d", [2, 3, 10, 50])
def test_spectrum_against_quadrature(d):
    found = sc.spectrum(d, degrees=8)
    by_quadrature = oracle.eigenvalues_by_quadrature(d, 16)
    np.testing.assert_allclose(found.eigenvalue, by_quadrature[found.degree], rtol=1e-8, atol=1e-17)


def test_spectrum_where_floats_end():
    found = sc.spectrum(10**7, degrees=64)
    assert np.isfinite(found.log_eigenvalue).all()
    assert found.eigenvalue[-1] == 0
    assert np.isinf(found.multiplicity[-1])
    assert np.isfinite(found.mass).all()
    assert (np.diff(found.tail) < 0).all()


@pytest.mark.parametrize(
    ("wrong", "error"),
    [(0, ValueError), (2.5, TypeError), (10**16, ValueError), ("3", TypeError), (True, TypeError)],
)
def test_input_dim_must_be_whole(wrong, error):
    for call in (sc.spectrum, sc.spectral_table, lambda d: sc.directions(d, 3)):
        with pytest.raises(error, match="input_dim"):
            call(wrong)


# Unlimited width


@pytest.mark.parametrize("d", [1, 2, 3, 10, 100, 10**4])
def test_bayes_error_bound_against_mpmath(d):
    T = np.array([1.0, 15.9, 16.1, 1e3, 1e6, 1e9, 1e13])
    expected = [float(oracle.bayes_error_bound(t, d)) for t in T]
    np.testing.assert_allclose(sc.bayes_error_bound(T, d), expected, rtol=1e-13)


def test_bayes_error_bound_has_the_known_values():
    T = [1000, 5063, 25629, 129747, 1477892]
    np.testing.assert_allclose(
        sc.bayes_error_bound(T, 10), [0.026867, 0.014349, 0.0056971, 0.0023376, 9.703e-4], rtol=3e-5
    )


def test_points_out_of_the_domain_spoil_only_themselves():
    for function, good, wrong in (
        (
            sc.bayes_error_bound,
            (100.0, 10),
            [(0.5, 10), (np.inf, 10), (100, 2.5), (100, 0), (100, 1e16)],
        ),
        (
            sc.spectral_bound,
            (5.0, 100.0, 10, 3.0),
            [(0.5, 9, 10, 1), (5, 0, 10, 1), (5, 9, 10.5, 1), (5, 9, 10, 0), (5, 9, 10, 1e301)],
        ),
    ):
        columns = np.array([good, *wrong, good], float).T
        with pytest.warns(RuntimeWarning, match="invalid value"):
            values = function(*columns)
        assert np.isnan(values[1:-1]).all()
        assert values[0] == values[-1] == function(*good)
        with np.errstate(all="raise"):
            assert np.isnan(function(np.nan, *good[1:]))
            function(*good)


# Directions


@pytest.mark.parametrize(
    ("d", "count"), [(1, 3), (2, 7), (3, 6), (5, 3), (10, 10), (10, 37), (40, 90)]
)
def test_directions_are_unit_and_spread(d, count):
    units = sc.directions(d, count)
    assert units.shape == (count, d)
    np.testing.assert_allclose((units**2).sum(axis=1), 1, atol=1e-13)
    if count <= d:
        np.testing.assert_allclose(units @ units.T, np.eye(count), atol=1e-15)
    elif d > 2:
        random = oracle.random_directions(count, d, np.random.default_rng(0))
        assert oracle.projected(units)[0].sum() > oracle.projected(random)[0].sum()


def test_exact_sums_are_those_of_fsum():
    """Over 120 decades, and where nearly all cancels."""
    rng = np.random.default_rng(0)
    for turn in range(600):
        size = int(10 ** rng.uniform(0, 4))
        numbers = rng.standard_normal(size) * 10 ** rng.uniform(
            -rng.uniform(0, 60), rng.uniform(0, 60), size
        )
        if turn % 3 == 0:
            numbers = np.concatenate([numbers, -numbers * (1 + rng.choice([0, 1e-16, 1e-8], size))])
        assert exact_sum(numbers) == math.fsum(numbers)
    assert exact_sum(np.array([1e300, 1.0, -1e300])) == 1
    assert exact_sum(np.zeros(3)) == exact_sum(np.empty(0)) == 0
    assert math.isnan(exact_sum(np.array([1.0, np.nan])))


def test_six_lines_in_space_are_an_icosahedron():
    cosines = np.abs(np.triu(sc.directions(3, 6) @ sc.directions(3, 6).T, 1))
    np.testing.assert_allclose(cosines[cosines > 0], np.sqrt(0.2), atol=1e-6)


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize(
    ("input_dim", "count"), [(3, 3 * 10**6), (2, 10**8), (1000, 60_000), (10, 10_000), (3, 17_000)]
)
def test_ctrl_c_ends_directions_whatever_their_number(input_dim, count):
    """Many seconds of work: frames, angles, Gram and Schmidt, or the descent."""
    pressed = []

    def press():
        time.sleep(0.2)
        pressed.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()

    def work():
        while True:  # a fast machine is done with one call before the key is pressed
            sc.directions(input_dim, count)

    with pytest.raises(KeyboardInterrupt):
        work()
    thread.join()
    assert time.monotonic() - pressed[0] < 5


def test_more_directions_than_memory_holds_are_refused():
    for input_dim, count in ((10**15, 10**9), (1, 10**14), (2, 2**53)):
        with pytest.raises(MemoryError, match="directions would take"):
            sc.directions(input_dim, count)
    with pytest.raises(ValueError, match="count must be at most"):
        sc.directions(3, 10**400)


def test_directions_are_the_same_everywhere(run_python):
    code = (
        "import hashlib, scalecore as sc\n"
        "from scalecore.spectral._directions import directions_of_row as of_row\n"
        "sets = [sc.directions(3, 20), sc.directions(10, 61), sc.directions(7, 600), "
        "of_row(10, 298), of_row(50, 300)]\n"
        "print(hashlib.sha256(b''.join(one.tobytes() for one in sets)).hexdigest())"
    )
    known = run_python(code)
    import scalecore._core.bounds as core

    names = {"avx512": ["avx2", "baseline"], "avx2": ["baseline"], "baseline": []}[
        core.instruction_set()
    ]
    for name in names:
        assert run_python(code, SCALECORE_ISA=name) == known
    assert run_python(code, OMP_NUM_THREADS="1") == known


@pytest.mark.parametrize("d", [4, 5, 6, 10, 16, 50])
def test_sign_changes_are_a_group_that_fixes_few(d):
    """Each element changes many signs and leaves many, and products are elements."""
    for bits in range(1, bits_of(d, 4000) + 1):
        common = np.arange(1 << bits)[:, None] & np.array(signs(d, bits))
        elements = 1 - 2.0 * (np.bitwise_count(common) & 1)
        changed = (elements[1:] < 0).sum(axis=1)
        assert np.minimum(changed, d - changed).min() >= 0.33 * d
        products = {tuple(row) for row in (elements[:, None] * elements).reshape(-1, d)}
        assert products == {tuple(row) for row in elements}


@pytest.mark.parametrize(
    ("d", "most", "bits", "axes"),
    [(10, 300, 1, True), (10, 600, 2, True), (20, 100, 2, False), (50, 600, 5, False)],
)
def test_orbits_describe_what_their_directions_do(d, most, bits, axes):
    """Matrices by characters have the eigenvalues of the whole, and leave little more than a set
    without symmetry."""
    symmetry = symmetry_of(d, most)
    assert (symmetry.bits, symmetry.axes) == (bits, axes)
    units = directions_of_row(d, symmetry.count)
    assert units.shape == (symmetry.count, d)
    np.testing.assert_allclose((units**2).sum(axis=1), 1, atol=1e-13)
    ((found, _),) = fixed_parts([unspread(d, symmetry)])
    exact = np.sort(oracle.projected(units)[0])[::-1]
    # sums, not each eigenvalue, are below the exact ones (test_spectral_rounding); the twin rounds
    assert (np.cumsum(found) <= np.cumsum(exact) + 1e-12).all()
    np.testing.assert_allclose(found, exact, rtol=1e-6, atol=1e-11)
    plain = oracle.projected(sc.directions(d, symmetry.count))[0]
    assert 0.25 - found.sum() < 1.03 * (0.25 - plain.sum())


# Tables


@pytest.mark.parametrize("d", [2, 3, 10])
def test_rows_are_projections_rounded_down(d, tables):
    table = tables[d]
    for i in range(3, len(table.units), 7):
        exact = oracle.span_eigenvalues(directions_of_row(d, int(table.units[i]) - 2), d)
        exact = np.sort(exact)[::-1]
        found = np.repeat(table.eigenvalues[i], table.copies[i].astype(int))
        assert found.size <= exact.size
        exact = exact[: found.size]
        np.testing.assert_allclose(
            found, exact, rtol=0.0202, atol=1e-10
        )  # those within 2 % of each other share their mean
        sums, exact_sums = np.cumsum(found), np.cumsum(exact)
        ends = np.cumsum(table.copies[i]).astype(int) - 1
        # sums within may have been lowered a little for a later row, the whole is not
        np.testing.assert_allclose(sums[ends], exact_sums[ends], rtol=1e-4)
        np.testing.assert_allclose(sums[-1], exact_sums[-1], rtol=1e-6)
        slack = 1e-10 if d == 2 else 1e-14  # the twin's series ends sooner at d = 2
        assert (sums <= exact_sums + slack * np.arange(1, found.size + 1)).all()
        assert abs(table.residual[i] - (0.5 - found.sum())) < 1e-14


def test_rows_majorise_those_before(tables):
    for table in tables.values():
        assert (np.diff(table.units) > 0).all()
        assert (np.diff(table.residual) <= 1e-16).all()
        for i in {*range(1, len(table.units))} - (
            {2} if table.input_dim > 1 else set()
        ):  # one unit and the pair do not compare
            sums = [
                np.cumsum(
                    np.pad(np.repeat(table.eigenvalues[j], table.copies[j].astype(int)), (0, 400))
                )[:300]
                for j in (i - 1, i)
            ]
            assert (sums[1] >= sums[0] - 2e-16 * 300).all()


def test_share_of_a_rounding(tables):
    """delta = 1 - 2 sum lambda_l P_l'(1) tr P Pi_l, by brute force in the span's own basis."""
    d, count = 10, 25
    units = sc.directions(d, count)
    G, _ = oracle.fixed_span(units)
    values, counts, _ = oracle.spectrum(d, 40)
    P = oracle.legendre(np.clip(units @ units.T, -1, 1), d, 40)
    total = sum(
        values[k]
        * k
        * (k + d - 2)
        / (d - 1)
        * counts[k]
        * values[k]
        * np.trace(np.linalg.solve(G, P[k]))
        for k in range(2, 40, 2)
    )
    row = int(np.flatnonzero(tables[d].units == count + 2)[0])
    assert tables[d].delta[row] == pytest.approx(0.5 - 2 * total, rel=1e-6)


def test_table_on_disk_is_the_table(tmp_path, run_python):
    code = (
        "import scalecore as sc; t = sc.spectral_table(4, most_units=20); "
        "print(t.residual.tolist(), t.delta.tolist())"
    )
    first = run_python(code, SCALECORE_TABLES=str(tmp_path))
    files = list(tmp_path.iterdir())
    assert len(files) == 1
    before = files[0].stat().st_mtime_ns
    assert run_python(code, SCALECORE_TABLES=str(tmp_path)) == first
    assert files[0].stat().st_mtime_ns == before


def test_a_table_too_expensive_is_refused_with_its_price():
    with pytest.raises(
        ValueError,
        match=r"most_units = 100000 is too expensive.* hours and .* GB.* the largest allowed is "
        r"16384. \d+ units already leave",
    ):
        sc.spectral_table(3, most_units=100_000)
    with pytest.raises(ValueError, match="most_units"):
        sc.spectral_table(3, most_units=1)
    with pytest.raises(TypeError, match="cache"):
        sc.spectral_table(3, most_units=20, cache=3)


def test_tables_are_pickled_and_copied(tables):
    for again in (pickle.loads(pickle.dumps(tables[3])), copy.deepcopy(tables[3])):
        assert again.input_dim == 3
        np.testing.assert_array_equal(again.residual, tables[3].residual)
        assert (
            again.strategies.arrays["eigenvalue"].tobytes()
            == tables[3].strategies.arrays["eigenvalue"].tobytes()
        )


def test_threads_share_one_table():
    got = []
    threads = [
        threading.Thread(target=lambda: got.append(sc.spectral_table(23, most_units=30)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(table) for table in got}) == 1


def test_wide_inputs_have_tables_in_closed_form():
    table = sc.spectral_table(10**7, most_units=200)
    assert table.units[-1] == 200
    assert np.isfinite(sc.refined_bound([1, 2, 1e4, 1e12], 1e12, 10**7, 100)).all()
