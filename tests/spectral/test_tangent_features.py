"""What docs/spectral.md, section 10, says of aliases and of two units a direction.

Seeds are fixed; comparisons at 4 standard errors alarm falsely once in 16,000.
"""

import numpy as np
import pytest
from oracles import spectral as oracle
from oracles import spectral_tightened as tight
from oracles import tangent_features as tangent
from scipy.special import eval_jacobi

import scalecore as sc


@pytest.mark.parametrize("m", [2, 3, 4, 5, 7, 8])
def test_share_of_an_atom_in_two_dimensions(m):
    """The mean over the atom's angle, by quadrature, is a Jacobi polynomial inside and 0 outside;
    degree 2m."""
    angles = 2 * np.pi * np.arange(4096) / 4096
    n = m // 2
    for rho in (0.1, 0.4, 0.7, 0.95, 1.1, 2.5):
        z = 1 + rho * np.exp(1j * angles)
        share = ((z / abs(z)) ** m).real * (abs(z) if m % 2 else 1)
        y = rho**2
        known = (1 - y) ** (1 + m % 2) * eval_jacobi(n - 1, 0, 1 + m % 2, 1 - 2 * y)
        assert share.mean() == pytest.approx(known if rho < 1 else 0, abs=2e-6)


def test_aliases_agree_with_the_target_in_two_dimensions():
    """Degrees 4 and 6 outweigh all the others, whatever their signs."""
    lam = [float(oracle.eigenvalue(k, 2)) for k in range(0, 4004, 2)]  # degree 2i at i
    even = lam[2] - sum(n * lam[2 * n] for n in range(2, 1000))
    odd = lam[3] - sum(n * (n + 1) / 2 * lam[2 * n + 1] for n in range(2, 1000))
    beyond = 2e-6 * lam[2]  # of degrees above 4,000: less than 3/n^2 each
    assert even / lam[2] == pytest.approx(0.818, abs=1e-3)
    assert odd / lam[2] == pytest.approx(-0.030, abs=1e-3)
    assert even + min(odd, 0) - 1500 * beyond > 0.78 * lam[2]


def test_atom_by_atom_aliases_may_disagree_in_three_dimensions():
    """Others and their negative are equally likely: their trace m has the factor (s(C) - s(-C))/2,
    which is not 0, so that it makes the share of an atom negative where m is large."""
    others = np.array([-0.168, 0.903, -0.735])
    w = oracle.random_directions(60_000, 3, np.random.default_rng(2))
    factor = (tangent.alias_shares(others, 3, w)[1] - tangent.alias_shares(-others, 3, w)[1]) / 2
    assert factor.std() / np.sqrt(len(factor)) < 0.003
    assert factor.mean() == pytest.approx(-0.106, abs=0.012)


@pytest.mark.parametrize("d", [2, 3, 6])
def test_inner_products_of_tangent_features(d):
    """G and H against sums over random inputs and random atoms."""
    rng = np.random.default_rng(d)
    U = oracle.random_directions(3, d, rng)
    G, H = tangent.gram_and_covariance(U)
    x, w = rng.standard_normal((200_000, d)), oracle.random_directions(200_000, d, rng)
    features = np.einsum("nv,nk->nvk", np.sign(x @ U.T), x).reshape(len(x), -1) / 2
    # <f, phi_w>: the derivative by v of |v| kappa_even(cosine)
    t = np.clip(w @ U.T, -1, 1)
    slopes = np.arcsin(t) / (2 * np.pi)
    even = oracle.kappa_even(t)
    projections = (
        (even - slopes * t)[..., None] * U[None] + slopes[..., None] * w[:, None]
    ).reshape(len(w), -1)
    for rows, matrix in ((features, G), (projections, H)):
        products = rows[:, :, None] * rows[:, None, :]
        error = products.std(axis=0) / np.sqrt(len(rows))
        assert (abs(products.mean(axis=0) - matrix) < 4.5 * error + 1e-12).all()
        assert error.max() < 0.02 * abs(matrix).max()


def test_two_units_make_a_tangent_feature():
    """sign(v.x) (b.x) by two units, as near as one likes."""
    rng = np.random.default_rng(1)
    x, v, b = rng.standard_normal((200_000, 4)), np.eye(4)[0], np.array([0.3, 1.0, -2.0, 0.5])
    wanted, errors = np.sign(x @ v) * (x @ b), []
    for eps in (0.1, 0.01, 0.001):
        pair = (abs(x @ (v + eps * b)) - abs(x @ (v - eps * b))) / (2 * eps)
        errors.append(((pair - wanted) ** 2).mean())
    assert errors[0] > 5 * errors[1] > 25 * errors[2] > 0


@pytest.mark.parametrize(("d", "count", "left"), [(3, 3, 0.010929), (10, 10, 0.021632)])
def test_what_tangent_features_leave(d, count, left):
    U = sc.directions(d, count)
    mu = tangent.eigenvalues(U)
    assert len(mu) == d * count
    assert 0.25 - mu.sum() == pytest.approx(left, rel=1e-4)
    # no more than eigenfunctions, and no less than the directions' own features
    lam, copies, _ = oracle.spectrum(d)
    best = np.repeat(lam[::2], np.minimum(copies[::2], len(mu)).astype(int))
    assert (mu <= np.sort(best)[::-1][: len(mu)] * (1 + 1e-9)).all()
    own = oracle.projected(U)[0]
    assert (mu[: len(own)] >= own * (1 - 1e-9)).all()


def test_tangent_features_beat_the_table_and_the_quadratic_form():
    """At d = 10, K = 100, C = 1e7 and 1e8."""
    d, U = 10, {count: sc.directions(10, count) for count in (10, 30)}
    sc.spectral_table(d, most_units=128)
    for budget, count, gain in ((1e7, 10, 0.89), (1e8, 30, 0.91)):
        n = 2 * count + 2
        T, mu = budget / (d * n), tangent.eigenvalues(U[count])
        linear = d * tight.mixture_cost(np.array(1 / (4 * d)), T, d, True)
        found = linear + tight.mixture_cost(mu, T, d).sum() + (0.25 - mu.sum()) / 8
        best = sc.compute_optimal(budget, d, 100, bound="refined").error
        assert found < gain * best
