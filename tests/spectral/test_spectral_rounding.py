"""Eigenvalues of rows against 50-digit arithmetic: rounding may only have lowered their sums, and
by as much as is proved (docs/spectral.md, section 12.1)."""

from itertools import pairwise

import mpmath as mp
import numpy as np
import pytest
from oracles import spectral as oracle
from oracles import spectral_rounding as rounding

import scalecore as sc
from scalecore._core.spectrum import OrbitSet, even_kernels, fixed_parts, slope_of_lost
from scalecore.spectral import _table_rows


@pytest.fixture(autouse=True)
def fifty_digits():
    with mp.workdps(50):
        yield


def spread_or_close(d, count, closest):
    """Well-spread directions, of which two nearly coincide if `closest` is not None."""
    directions = sc.directions(d, count).copy()
    if closest:
        directions[1] = directions[0] + closest * directions[2]
        directions[1] /= np.linalg.norm(directions[1])
    return directions


def described(directions, bits=0, columns=None, axes=False):
    d = directions.shape[1]
    (found,) = fixed_parts([OrbitSet(directions, bits, columns or (0,) * d, axes, 0)])
    return found


def difference(exact, found):
    """Exact sums less those of floats, as floats: sums of floats are made in 50 digits too."""
    sums = [mp.fsum(mp.mpf(float(x)) for x in found[: k + 1]) for k in range(len(found))]
    return np.array([float(a - b) for a, b in zip(exact, sums, strict=True)])


CASES = [
    (2, 12, None),
    (2, 9, 1e-3),
    (3, 5, None),  # fewer directions than quadratic forms
    (3, 24, None),
    (3, 16, 1e-4),
    (10, 12, None),
    (10, 16, 1e-5),
    (6, 24, None),
    pytest.param(10, 57, None, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("d", "count", "closest"), CASES)
def test_no_sum_is_promised_too_high_and_each_lowered_as_proved(d, count, closest):
    """Against exact arithmetic. What is lost is what the formulas say, to a part in a hundred and
    what rounding truly did: a lowering left out, or halved, fails."""
    directions = spread_or_close(d, count, closest)
    exact, exact_slope = rounding.exact_projection(d, directions)
    found, slope = described(directions)
    assert len(found) == count
    lost, slope_lost = difference(exact, found), float(exact_slope - slope)
    assert (lost >= 0).all()
    assert slope_lost >= 0
    loss, slope_loss = rounding.proved_losses(d, directions)
    certainty = 6 * count * rounding.U * 0.2  # of one eigenvalue: section 12.1, (9)
    # the slope of a span from which directions are dropped by chance: the variance that is lost may
    # be twice the loss, and the least eigenvalue is known to a factor of 1.5
    least = float(exact[-1] - exact[-2])
    assert slope_lost >= rounding.slope_of_lost(d, least, lost[-1])
    if closest is None:
        for k, part in enumerate(lost):
            assert 0.9 * loss < part < 1.1 * loss + (k + 1) * certainty
        at_least = 0.9 * slope_loss + rounding.slope_of_lost(d, least, 1.9 * loss)
        lost_by_all = 2.1 * loss + 2 * count * certainty
        at_most = 1.1 * slope_loss + 1.1 * rounding.slope_of_lost(d, least / 1.6, lost_by_all)
        assert at_least < slope_lost < at_most
    else:  # rounding itself is a part of what is proved
        assert (lost > 0.5 * loss).all()
        assert (lost < 1.5 * loss + count * certainty).all()


@pytest.mark.parametrize("d", [2, 3, 6, 10, 100])
def test_slopes_are_concave_in_inverse_eigenvalues(d):
    """The points (1/lambda_l, P_l'(1)), of which the bound on lost slopes is made: between two, the
    slope is 2 lambda_l (l - 1)^2 / ((d - 1)(d + 2)), which falls."""
    degrees = range(0, 60, 2)
    inverse = [1 / oracle.eigenvalue(k, d) for k in degrees]
    steep = [mp.mpf(k * (k + d - 2)) / (d - 1) for k in degrees]
    rises = [
        (b - a) / (y - x)
        for a, b, x, y in zip(steep, steep[1:], inverse, inverse[1:], strict=False)
    ]
    for k, rise in zip(degrees, rises, strict=False):
        assert mp.almosteq(rise * inverse[k // 2] * (d - 1) * (d + 2), 2 * (k - 1) ** 2, 1e-30)
    assert all(a > b for a, b in pairwise(rises))


@pytest.mark.parametrize("d", [2, 3, 6, 10, 1000])
@pytest.mark.parametrize("least", [0.1, 1e-3, 1e-7, 1e-12, 1e-30])
def test_what_lost_directions_cost(d, least):
    """Against its twin, degree by degree; far out, where degrees are not gone through one by one,
    it is larger, by less than a half."""
    found = slope_of_lost(d, least, 1e-5)
    if d == 2 and least == 1e-30:  # l is 2e7 there: lambda_l > 1/(16 l^4), P_l'(1) = l^2
        assert 1e-5 * 0.25 / np.sqrt(least) < found < 1e-5 / np.sqrt(least)
        return
    exact = rounding.slope_of_lost(d, least, 1e-5)
    assert exact <= found < 1.5 * exact
    assert slope_of_lost(d, least, 0.0) == 0.0


@pytest.mark.parametrize("seed", range(10))
def test_dropped_directions_take_no_more_of_the_slope(seed):
    """Any directions of a span, dropped with any chances: the claim of section 12.2 itself."""
    rng = np.random.default_rng(seed)
    d = int(rng.choice([2, 3, 6, 10]))
    directions = oracle.random_directions(int(rng.integers(2, 24)), d, rng)
    part = rounding.projection(d, directions)
    values, vectors = np.linalg.eigh(part["M"])
    each = np.einsum("ji,jk,ki->i", vectors, part["slopes"], vectors)
    for power in (0, 1, 4):
        chances = rng.random(len(values)) ** power * (rng.random(len(values)) < 0.5)
        chances[rng.integers(len(values))] = 1.0
        least = values[chances > 0].min()
        allowed = slope_of_lost(d, least, chances @ values)
        assert chances @ each <= allowed * (1 + 1e-6)


def test_rows_whose_eigenvalues_are_lowered_have_a_larger_delta():
    """Eigenvalues that share their mean lose some roundings, and rows that give way more."""
    none, *few = _table_rows.first_rows(3)
    values = np.array([0.3, 0.1, 0.01, 0.0099, 1e-4])
    merged, copies, delta = _table_rows._merge_close_eigenvalues(
        (7.0, values, np.ones(5), 0.1), (none,), 3
    )[1:]
    assert copies.tolist() == [1, 1, 2, 1]
    lost = mp.fsum(values) - mp.fsum(merged * copies)
    assert 0 < lost < 1e-14
    assert delta - 0.1 >= 2 * rounding.slope_of_lost(3, 1e-4, lost) - 2e-17

    rows = [none, *few, (7.0, np.array([0.3, 0.05]), np.array([1.0, 3.0]), 0.1)]
    better = 8.0, np.array([0.3, 0.0499, 0.03]), np.array([1.0, 3.0, 1.0]), 0.05
    assert _table_rows._give_way(rows, better, 3)
    lowered, copies, delta = rows[-1][1:]
    lost = 0.45 - mp.fsum(lowered * copies)
    assert lost == pytest.approx(3e-4)
    least = rounding.slope_of_lost(3, 0.05, lost)
    assert 2 * least <= delta - 0.1 < 2.1 * least


@pytest.mark.parametrize(("d", "count"), [(2, 1), (2, 2), (3, 2), (3, 3), (6, 4), (10, 10)])
def test_orthonormal_directions_pay_for_what_lowering_takes(d, count):
    """A closed form, lowered by a part in 1e12: of the variance that is lost twice as much is
    counted, as its rounding may be of either sign."""
    exact, exact_slope = rounding.exact_projection(d, np.eye(d)[:count])
    values, copies, slope = _table_rows._orthonormal(d, count)
    lost = difference(exact, np.repeat(values, copies.astype(int)))
    assert (lost > 0).all()
    least = float(exact[-1] - exact[-2]) if count > 1 else float(exact[0])
    paid = float(exact_slope - slope) / rounding.slope_of_lost(d, least, lost[-1])
    assert 1.9 < paid < 2.2


@pytest.mark.parametrize("count", [5, 20])
def test_equal_angles_pay_for_what_lowering_takes(count, monkeypatch):
    """The same of a circulant, whose eigenvalues are exact sums over frequencies here. It pays less
    than its slope misses by leaving out frequencies, so that the two are looked at apart."""
    exact, exact_slope = rounding.exact_circle(count)
    values, _, slope = _table_rows._circle(count)
    lost = difference([mp.fsum(exact[: k + 1]) for k in range(count)], values)
    assert (lost > 0).all()
    monkeypatch.setattr(_table_rows._spectrum, "slope_of_lost", lambda *_: 0.0)
    unpaid = _table_rows._circle(count)[2]
    assert unpaid < exact_slope
    paid = (unpaid - slope) / rounding.slope_of_lost(2, float(exact[-1]), lost[-1])
    assert paid > 1.9
    if count == 20:  # with fewer, what the end of the sums may be counts for more
        assert paid < 3.5


def test_a_degree_too_small_to_be_counted_is_paid_for(monkeypatch):
    """At d = 1e9 orthonormal directions lose degree 2, all of which they might have described."""
    d, told = 10**9, []
    monkeypatch.setattr(
        _table_rows._spectrum, "slope_of_lost", lambda *given: told.append(given) or 0.0
    )
    monkeypatch.setattr(_table_rows, "_CLOSED_FORM", 1.0)  # next to which degree 2 is nothing
    assert _table_rows._orthonormal(d, 5)[1].tolist() == [1.0]
    ((_, least, lost),) = told
    assert lost == pytest.approx(4 * float(oracle.eigenvalue(2, d)), rel=1e-6, abs=0)
    assert least == lost / 5


@pytest.mark.parametrize("seed", range(12))
def test_directions_that_all_but_coincide(seed):
    """Rounding decides what they describe: the sums that are computed lie on both sides of the
    exact ones, those that are promised below."""
    rng = np.random.default_rng(seed)
    d = int(rng.choice([2, 3, 10]))
    directions = oracle.random_directions(6, d, rng)
    directions[3:] = directions[:3] + 10.0 ** -rng.uniform(3, 7) * rng.standard_normal((3, d))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    exact, exact_slope = rounding.exact_projection(d, directions)
    found = described(directions)
    if found is not None:  # else rounding forbids
        assert (difference(exact, found[0]) >= 0).all()
        assert exact_slope >= found[1]


def test_vectors_of_other_lengths_stand_for_their_directions():
    """Lengths that are wrong by 1e-9 cost some 1e-9, and nothing is promised too high."""
    directions = sc.directions(3, 12) * (1 + 1e-9 * np.arange(12)[:, None])
    exact, _ = rounding.exact_projection(3, directions)
    lost = difference(exact, described(directions)[0])
    assert (lost >= 0).all()
    assert lost[-1] < 1e-5


def test_orbits_promise_nothing_too_high():
    """Sums of all characters together, with the unit vectors."""
    d, columns = 4, (0, 1, 2, 3)
    directions = sc.directions(d, 5)
    found, slope = described(directions, 2, columns, True)
    elements = np.arange(4)[:, None] & np.array(columns)
    images = (1 - 2.0 * (np.bitwise_count(elements) & 1))[:, None] * directions
    exact, exact_slope = rounding.exact_projection(
        d, np.concatenate([images.reshape(-1, d), np.eye(d)])
    )
    lost = difference(exact, found)
    assert (lost >= 0).all()
    assert lost[-1] < 1e-11
    assert 0 <= exact_slope - slope < 1e-9


@pytest.mark.parametrize("d", [2, 3, 10, 100])
def test_entries_are_as_accurate_as_the_proof_wants(d):
    """At cosines that are floats: (2) with no error of the cosine. The arc sine is the C
    library's."""
    rng = np.random.default_rng(d)
    t = np.concatenate([rng.uniform(-1, 1, 12), 1 - 10.0 ** -rng.uniform(1, 15, 12), [0, 1, -1]])
    gram, covariance, slopes = even_kernels(float(d), np.diag(t) + t[:, None] * 0)[:3]
    weights = rounding.exact_weights(d)
    steep = rounding.steepness(d)
    slope_weights = [w * p for w, p in zip(weights, steep, strict=True)]
    terms = len(weights)
    total, slope_total = mp.fsum(weights), mp.fsum(slope_weights)
    weight_error = (204 + 14 * terms + terms + 8) * rounding.U
    for i, x in enumerate(t):
        x = mp.mpf(float(x))
        exact = rounding.gram_entry(x)
        assert abs(gram[i, i] - exact) <= 14 * rounding.U * exact
        exact = rounding.legendre_series(x, d, weights)
        steps = 5 * (d - 1) * rounding.U
        allowed = weight_error * total + steps * slope_total
        assert abs(covariance[i, i] - exact) <= allowed
        exact = rounding.legendre_series(x, d, slope_weights)
        steeper = mp.fsum(w * p for w, p in zip(slope_weights, steep, strict=True))
        allowed = weight_error * slope_total + steps * steeper
        assert abs(slopes[i, i] - exact) <= allowed


@pytest.mark.parametrize("d", [2, 3, 10, 39, 40, 1000])
def test_weights_of_degrees_are_as_accurate_as_the_proof_wants(d):
    found = sc.spectrum(d, degrees=64)
    for i in range(0, 32):
        mass = oracle.multiplicity(2 * i, d) * oracle.eigenvalue(2 * i, d)
        index = list(found.degree).index(2 * i)
        assert abs(found.mass[index] / mass - 1) < (100 + 10 * i) * rounding.U
