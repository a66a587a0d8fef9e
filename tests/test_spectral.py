"""Spectral bounds against their twins: spectrum, directions, tables, points, and the parts that a bound is made of."""

import copy
import os
import pickle
import subprocess
import sys
import threading

import mpmath as mp
import numpy as np
import pytest
import spectral_oracle as oracle
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import occupancy
from spectral_tightened import mixture_cost

import scalecore as sc

UNITS = {1: 2, 2: 64, 3: 80, 10: 150}  # small tables: the default ones take seconds to a minute


@pytest.fixture(scope="module", autouse=True)
def tables():
    return {d: sc.spectral_table(d, most_units=units) for d, units in UNITS.items()}


def child(code, **environment):
    """Run in a process of its own, away from the source tree; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | environment, capture_output=True, text=True, check=True, cwd=os.path.sep
    )
    return done.stdout.strip()


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
    ("wrong", "error"), [(0, ValueError), (2.5, TypeError), (10**16, ValueError), ("3", TypeError), (True, TypeError)]
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
    np.testing.assert_allclose(sc.bayes_error_bound(T, 10), [0.026867, 0.014349, 0.0056971, 0.0023376, 9.703e-4], rtol=3e-5)


def test_points_out_of_the_domain_spoil_only_themselves():
    for function, good, wrong in (
        (sc.bayes_error_bound, (100.0, 10), [(0.5, 10), (np.inf, 10), (100, 2.5), (100, 0), (100, 1e16)]),
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


@pytest.mark.parametrize(("d", "count"), [(1, 3), (2, 7), (3, 6), (5, 3), (10, 10), (10, 37), (40, 90)])
def test_directions_are_unit_and_spread(d, count):
    units = sc.directions(d, count)
    assert units.shape == (count, d)
    np.testing.assert_allclose((units**2).sum(axis=1), 1, atol=1e-13)
    if count <= d:
        np.testing.assert_allclose(units @ units.T, np.eye(count), atol=1e-15)
    elif d > 2:
        random = oracle.random_directions(count, d, np.random.default_rng(0))
        assert oracle.projected(units)[0].sum() > oracle.projected(random)[0].sum()


def test_six_lines_in_space_are_an_icosahedron():
    cosines = np.abs(np.triu(sc.directions(3, 6) @ sc.directions(3, 6).T, 1))
    np.testing.assert_allclose(cosines[cosines > 0], np.sqrt(0.2), atol=1e-6)


def test_directions_are_the_same_everywhere():
    code = (
        "import hashlib, scalecore as sc\n"
        "print(hashlib.sha256(b''.join(sc.directions(d, n).tobytes() for d, n in [(3, 20), (10, 61), (7, 600)])).hexdigest())"
    )
    known = child(code)
    import scalecore._core.bounds as core

    names = {"avx512": ["avx2", "baseline"], "avx2": ["baseline"], "baseline": []}[core.instruction_set()]
    for name in names:
        assert child(code, SCALECORE_ISA=name) == known
    assert child(code, OMP_NUM_THREADS="1") == known


# Tables


@pytest.mark.parametrize("d", [2, 3, 10])
def test_rows_are_projections_rounded_down(d, tables):
    table = tables[d]
    for i in range(3, len(table.units), 7):
        exact = oracle.span_eigenvalues(sc.directions(d, int(table.units[i]) - 2), d)
        exact = np.sort(exact)[::-1]
        found = np.repeat(table.eigenvalues[i], table.copies[i].astype(int))
        assert found.size <= exact.size
        exact = exact[: found.size]
        np.testing.assert_allclose(found, exact, rtol=0.0202, atol=1e-10)  # those within 2 % of each other share their mean
        sums, exact_sums = np.cumsum(found), np.cumsum(exact)
        ends = np.cumsum(table.copies[i]).astype(int) - 1
        np.testing.assert_allclose(sums[ends], exact_sums[ends], rtol=1e-6)
        slack = 1e-10 if d == 2 else 1e-14  # the twin's series ends sooner at d = 2
        assert (sums <= exact_sums + slack * np.arange(1, found.size + 1)).all()
        assert abs(table.residual[i] - (0.5 - found.sum())) < 1e-14


def test_rows_majorise_those_before(tables):
    for table in tables.values():
        assert (np.diff(table.units) > 0).all()
        assert (np.diff(table.residual) <= 1e-16).all()
        for i in {*range(1, len(table.units))} - ({2} if table.input_dim > 1 else set()):  # one unit and the pair do not compare
            sums = [
                np.cumsum(np.pad(np.repeat(table.eigenvalues[j], table.copies[j].astype(int)), (0, 400)))[:300] for j in (i - 1, i)
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
        values[k] * k * (k + d - 2) / (d - 1) * counts[k] * values[k] * np.trace(np.linalg.solve(G, P[k])) for k in range(2, 40, 2)
    )
    row = int(np.flatnonzero(tables[d].units == count + 2)[0])
    assert tables[d].delta[row] == pytest.approx(0.5 - 2 * total, rel=1e-6)


def test_table_on_disk_is_the_table(tmp_path):
    code = "import scalecore as sc; t = sc.spectral_table(4, most_units=20); print(t.residual.tolist(), t.delta.tolist())"
    first = child(code, SCALECORE_TABLES=str(tmp_path))
    files = list(tmp_path.iterdir())
    assert len(files) == 1
    before = files[0].stat().st_mtime_ns
    assert child(code, SCALECORE_TABLES=str(tmp_path)) == first
    assert files[0].stat().st_mtime_ns == before


def test_a_table_too_dear_is_refused_with_its_price():
    with pytest.raises(
        ValueError, match=r"most_units = 100000 is too dear.* hours and .* GB.* 16384 can be had; \d+ units already leave"
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
        assert again.strategies.arrays["eigenvalue"].tobytes() == tables[3].strategies.arrays["eigenvalue"].tobytes()


def test_threads_share_one_table():
    got = []
    threads = [threading.Thread(target=lambda: got.append(sc.spectral_table(23, most_units=30))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(table) for table in got}) == 1


def test_wide_inputs_have_tables_in_closed_form():
    table = sc.spectral_table(10**7, most_units=200)
    assert table.units[-1] == 200
    assert np.isfinite(sc.refined_bound([1, 2, 1e4, 1e12], 1e12, 10**7, 100)).all()


# Points


def exhaustive(table, n, T, K, sticks=False, mixture=False):
    """The least over the table's rows, and for those that may have atoms over a dense grid of n_s, or over whole sticks."""
    cost_of = (lambda mu: mixture_cost(mu, T, d)) if mixture else lambda mu: oracle.coefficient_cost(mu, T)
    d, best = table.input_dim, np.inf
    may = set(table.strategies.arrays["atom_row"][:-1].tolist())
    for i, units in enumerate(table.units):
        if units > n:
            break
        fixed = float(table.copies[i] @ cost_of(table.eigenvalues[i])) if units else 0.0
        rho = table.residual[i]
        best = min(best, fixed + rho / 8)
        left = n - units
        if i not in may or left < 1:
            continue
        if not sticks:
            drawn = np.geomspace(1, left, 3000)
            U = np.array(sc.occupancy(drawn, K))
            eps = sc.optimal_resolution(drawn, T, d, K)
            cost = K * rho / (8 * drawn) + eps**2 / 16 + U * (np.log(2 * drawn) + d * np.log1p(2 / eps)) / T
        else:
            tau = max(rho, table.delta[i] / 2)
            j = np.arange(1, min(left, 5000) + 1)
            x = 2 / (K + 2) * (K / (K + 2)) ** (j - 1.0) * T * tau / (4 * d)
            with np.errstate(divide="ignore"):
                sent = np.where(x >= 1, np.log(2) + d / 2 * (np.log(x) + 1), np.inf)
            pays = np.cumsum(np.where(np.isfinite(sent), sent, np.inf)) / T + (K / (K + 2.0)) ** j * rho / 8
            cost = pays
        best = min(best, fixed + float(np.min(cost)))
    return best


@pytest.mark.parametrize("d", [2, 3, 10])
def test_spectral_bound_is_the_least_of_its_strategies(d, tables):
    rng = np.random.default_rng(d)
    beside = 0
    for _ in range(60):
        n, T, K = np.floor(10 ** rng.uniform(0, 6)), 10 ** rng.uniform(0, 14), 10 ** rng.uniform(-2, 4)
        found, least = float(sc.spectral_bound(n, T, d, K)), exhaustive(tables[d], n, T, K)
        assert least * (1 - 1e-5) <= found <= least * (1 + 1e-9)
        beside += sc.spectral_terms(n, T, d, K).atoms > 0
    assert beside > 5


@pytest.mark.parametrize("d", [2, 3, 10])
def test_refined_bound_is_the_least_of_its_strategies(d, tables):
    rng = np.random.default_rng(d)
    kinds = set()
    for _ in range(60):
        n, T, K = np.floor(10 ** rng.uniform(0, 4)), 10 ** rng.uniform(0, 14), 10 ** rng.uniform(-1, 3)
        least = min(
            *(exhaustive(tables[d], n, T, K, sticks, mixture=True) for sticks in (False, True)), quadratic_form(n, T, d, True)
        )
        found, terms = float(sc.refined_bound(n, T, d, K)), sc.spectral_terms(n, T, d, K, strategies="all")
        assert least * (1 - 1e-5) <= found <= least * (1 + 1e-9)
        assert float(terms.error) == found
        if terms.strategy == "sticks":
            assert terms.atoms == np.floor(terms.atoms)
        kinds.add(str(terms.strategy))
    assert "sticks" in kinds


def quadratic_form(n, T, d, mixture=False):
    """docs/spectral.md, with h for every coefficient, or f for those of linear functions; P_2(0) = -1/(d-1)."""
    if n < d + 2:
        return np.inf
    values, counts, _ = oracle.spectrum(d, 4)
    sent = 1 - oracle.distortion(values[:3], T) / values[:3]
    k_0 = float(oracle.kappa_even(0.0)) - values[0] + counts[2] * values[2] / (d - 1)
    rho = 0.25 - values[0] - counts[2] * values[2]
    alias = rho * (sent[2] * (1 - 1 / d) + sent[0] / d) + k_0 * (1 - 1 / d) * (sent[0] - sent[2])
    costs = oracle.coefficient_cost(values[:3], T)
    if mixture:
        costs[1] = mixture_cost(values[1], T, d)
    return float(counts[:3] @ costs) + (np.sqrt(rho) + np.sqrt(alias)) ** 2 / 8


@pytest.mark.parametrize("mixture", [False, True])
def test_quadratic_form_alone_against_its_twin(mixture):
    T = np.geomspace(1, 1e12, 40)
    terms = sc.spectral_terms(12, T, 10, 100, strategies=("quadratic", "mixture")[: 1 + mixture])
    chosen = terms.strategy == "quadratic"
    assert chosen.any()
    assert not chosen.all()
    np.testing.assert_allclose(terms.error[chosen], [quadratic_form(12, t, 10, mixture) for t in T[chosen]], rtol=1e-12)


@pytest.mark.parametrize("d", [1, 2, 3, 10])
def test_mixed_coefficients_against_their_twin(d, tables):
    """Over the whole range of mu T/4, also where the table's floors must not be above what a row costs."""
    table, T = tables[d], np.geomspace(1, 1e18, 400)
    terms = sc.spectral_terms(table.units[-1], T, d, 1e9, strategies="mixture")
    mixed = np.array([float(table.copies[-1] @ mixture_cost(table.eigenvalues[-1], t, d)) for t in T])
    np.testing.assert_allclose(terms.error, mixed + table.residual[-1] / 8, rtol=1e-13)
    noise = np.asarray(sc.spectral_terms(table.units[-1], T, d, 1e9, strategies=()).error)
    assert (terms.error <= noise * (1 + 1e-14)).all()
    assert (terms.error >= 0.69 * noise).all()
    assert (np.diff(terms.error) <= 1e-15 * terms.error[:-1]).all()


@pytest.mark.parametrize("d", [1, 2, 3, 10])
def test_no_row_costs_less_than_its_floor(d, tables):
    arrays, rng = tables[d].strategies.arrays, np.random.default_rng(d)
    T = np.concatenate([2.0 ** rng.uniform(0, 80, 2000), 2.0 ** np.arange(60) * 1.25, [1e300]])
    mantissa, exponent = np.frexp(T)
    place = np.minimum((exponent - 1) * 4 + np.floor((mantissa * 2 - 1) * 4).astype(int), len(arrays["noise_floors"]) - 1)
    for name, cost in (("noise_floors", oracle.coefficient_cost), ("mixture_floors", lambda mu, t: mixture_cost(mu, t, d))):
        floors = arrays[name][place]
        for i in range(1, len(tables[d].units), 9):
            costs = cost(tables[d].eigenvalues[i], T[:, None]) @ tables[d].copies[i] * T
            least = floors[:, i, 0] + floors[:, i, 1] * T
            assert (least <= costs * (1 + 1e-13)).all()
            reached = 2 ** np.floor(np.log2(4 / tables[d].eigenvalues[i][-1])) > T
            assert (least >= costs * 0.98)[reached].all()


def test_atoms_alone_are_the_error_bound(tables):
    """Where q = 0 is best, the bound is section 4's; a table of two units leaves nothing else that is wide."""
    n, T, K = 1e6, 1e12, 0.5
    terms = sc.spectral_terms(n, T, 1, K)
    assert terms.error <= sc.error_bound(n, T, 1, K)
    for n, T, d, K in [(300, 3.3e5, 10, 100), (5, 50, 3, 0.1)]:
        eps, U = float(sc.optimal_resolution(n, T, d, K)), float(occupancy(n, K))
        q0 = K * 0.5 / (8 * n) + eps**2 / 16 + U * (np.log(2 * n) + d * np.log(1 + 2 / eps)) / T
        assert q0 == pytest.approx(float(sc.error_bound(n, T, d, K)), rel=1e-12)
        assert float(sc.spectral_bound(n, T, d, K)) <= q0


@pytest.mark.parametrize("d", [2, 3, 10])
def test_a_second_unit_never_harms(d):
    T = np.geomspace(1, 1e5, 2000)
    for function in (sc.spectral_bound, sc.refined_bound):
        values = function(np.arange(1.0, 9)[:, None], T, d, 1e3)
        assert (np.diff(values, axis=0) <= values[:-1] * 1e-12).all()
        assert (np.diff(values, axis=1) <= values[:, :-1] * 1e-12).all()


POINT = st.tuples(st.floats(0, 12), st.floats(0, 30), st.sampled_from([1, 2, 3, 10]), st.floats(-6, 12))


@given(POINT, st.floats(0, 3), st.floats(0, 3))
@settings(max_examples=300, deadline=None)
def test_order_of_the_bounds(point, wider, longer):
    n, T, d, K = 10 ** point[0], 10 ** point[1], point[2], 10 ** point[3]
    spectral, refined = float(sc.spectral_bound(n, T, d, K)), float(sc.refined_bound(n, T, d, K))
    assert 0 < refined <= spectral <= 0.5 / 8 * (1 + 1e-12)
    assert spectral <= float(sc.error_bound(n, T, d, K)) * (1 + 1e-12)
    for function, here in ((sc.spectral_bound, spectral), (sc.refined_bound, refined)):
        assert float(function(n * 10**wider, T, d, K)) <= here * (1 + 1e-12)
        assert float(function(n, T * 10**longer, d, K)) <= here * (1 + 1e-12)


def test_real_widths_do_not_dip():
    """There are no parts of a stick: between whole widths a bound neither dips nor rises. Nor does it where K/T underflows."""
    rng = np.random.default_rng(5)
    for d in (1, 2, 3, 10):
        n = np.sort(rng.uniform(1, 12, (400, 40)), axis=1)
        T, K = 10 ** rng.uniform(1, 9, (400, 1)), 10 ** rng.uniform(-4, 2, (400, 1))
        for function in (sc.spectral_bound, sc.refined_bound):
            values = function(n, T, d, K)
            assert (np.diff(values, axis=1) <= 1e-12 * values[:, 1:]).all()
            assert (function(np.ceil(n), T, d, K) <= values * (1 + 1e-12)).all()
    values = sc.spectral_bound(108959.164, [2.34e202, 1.98e203], 10, 2.289e-123)
    assert values[1] <= values[0] * (1 + 1e-12)
    ends = sc.spectral_bound([1, 1.0000004370657831], 3829.79, 1, 1.9143e-53)
    assert ends[1] <= ends[0] * (1 + 1e-12)


@given(st.floats(1, 1e300), st.floats(1, 1e300), st.sampled_from([1, 2, 3, 10]), st.floats(5e-324, 1e300))
@settings(max_examples=200, deadline=None)
def test_every_valid_point_has_a_bound(n, T, d, K):
    with np.errstate(all="raise"):
        values = [float(function(n, T, d, K)) for function in (sc.spectral_bound, sc.refined_bound)]
    assert all(0 < value <= 0.0625 * (1 + 1e-12) for value in values)


def test_terms_add_up_and_take_any_strategies():
    n, T = np.meshgrid([1, 4, 57, 1000, 1e6], [10, 1e4, 1e8, 1e13])
    for chosen in ("atoms", "sticks", "quadratic", [], ("atoms", "sticks"), ("mixture", "atoms"), "all"):
        terms = sc.spectral_terms(n, T, 10, 100, strategies=chosen)
        total = terms.coefficients + terms.distortion + terms.residual + terms.list + terms.resolution_loss
        np.testing.assert_allclose(terms.error, total, rtol=1e-13)
        assert (terms.units + terms.atoms <= n * (1 + 1e-12)).all()
        assert set(terms.strategy.ravel()) <= {
            "fixed",
            *(_STRATEGIES if chosen == "all" else [chosen] if isinstance(chosen, str) else chosen),
        }
    assert (sc.spectral_terms(n, T, 10, 100).error == sc.spectral_bound(n, T, 10, 100)).all()
    with pytest.raises(ValueError, match="strategies"):
        sc.spectral_terms(1, 1, 3, 1, strategies="stick")
    assert sc.spectral_terms([0.5, 2], 10, 3, 1).strategy.tolist() == ["invalid", "fixed"]


_STRATEGIES = ("atoms", "sticks", "quadratic")


def test_same_bits_alone_and_in_company():
    rng = np.random.default_rng(8)
    n, T, K = 10 ** rng.uniform(0, 6, 300), 10 ** rng.uniform(0, 14, 300), 10 ** rng.uniform(-3, 4, 300)
    d, order = rng.choice([1, 2, 3, 10], 300).astype(float), rng.permutation(300)
    for function in (sc.spectral_bound, sc.refined_bound):
        together = function(n, T, d, K)
        alone = [float(function(*point)) for point in zip(n, T, d, K, strict=True)]
        np.testing.assert_array_equal(together, alone)
        np.testing.assert_array_equal(function(n[order], T[order], d[order], K[order]), together[order])


def test_ufuncs_take_views_and_many_dimensions():
    d = np.array([10, 3, 2.5, 3, 1, 10, 2])
    n, T, K = np.arange(14.0)[::2] + 2, np.geomspace(1e9, 1e3, 7)[::-1], np.full(7, 5.0)
    with np.errstate(invalid="ignore"):
        together = sc.spectral_bound(n, T, d, K)
        alone = [float(sc.spectral_bound(*point)) for point in zip(n, T, d, K, strict=True)]
    np.testing.assert_array_equal(together, alone)
    out = np.zeros(14)
    assert sc.refined_bound(n, T, 3, K, out=out[::2]) is not None
    assert (out[::2] > 0).all()
    assert (out[1::2] == 0).all()


def test_threads_give_the_same_bits():
    code = (
        "import hashlib, numpy as np, scalecore as sc\n"
        "sc.spectral_table(3, most_units=40)\n"
        "n, T = np.geomspace(1, 1e6, 20000), np.geomspace(1, 1e12, 20000)[::-1]\n"
        "parts = sc.spectral_bound(n, T, 3, 10), sc.refined_bound(n, T, 3, 10), sc.bayes_error_bound(T, 3)\n"
        "print(hashlib.sha256(b''.join(part.tobytes() for part in parts)).hexdigest())"
    )
    assert child(code, OMP_NUM_THREADS="1") == child(code, OMP_NUM_THREADS="3")
