"""Networks as hypotheses: what samples tell of which network it is."""

import numpy as np
import pytest
from information_models import bits
from oracles import information as oracle

import scalecore as sc


def few_networks(count, d=3, K=4.0):
    return [sc.NetworkPrior(d, K).sample(seed) for seed in range(count)]


def test_hypothesis_set_against_likelihood_ratios():
    """Against log-likelihood ratios: an estimate of the same mean by other means."""
    nets = few_networks(6)
    curve = sc.HypothesisSet(nets).learning_curve(60, replicates=400, rng=1)
    assert (curve.method, curve.replicates) == ("monte_carlo", 400)
    assert curve.information[0] == 0
    # the first sample, by an independent Monte Carlo over inputs
    X = np.random.default_rng(0).standard_normal((20_000, 3))
    p = np.stack([net.probability(X) for net in nets])
    one = oracle.kl(np.stack([1 - p, p], -1), np.stack([1 - p.mean(0), p.mean(0)], -1)).mean(0)
    error = np.hypot(curve.std_error[1], one.std() / np.sqrt(one.size))
    assert abs(curve.information[1] - one.mean()) < 4 * error
    # the whole run, by log-likelihood ratios of data drawn with NumPy
    ratios = []
    rng = np.random.default_rng(2)
    for _ in range(1500):
        truth, X = rng.integers(6), rng.standard_normal((60, 3))
        p = np.stack([net.probability(X) for net in nets])
        y = rng.random(60) < p[truth]
        likely = np.log(np.where(y, p, 1 - p)).sum(1)
        ratios.append(likely[truth] - np.logaddexp.reduce(likely) + np.log(6))
    error = np.hypot(curve.std_error[-1], np.std(ratios) / np.sqrt(len(ratios)))
    assert abs(curve.information[-1] - np.mean(ratios)) < 4 * error
    assert curve.std_error[-1] < 0.5 * np.std(ratios) / np.sqrt(
        400
    )  # what averaging over the hypothesis and the label saves
    assert (np.diff(curve.information) > 0).all()


def test_hypothesis_set_behaves(monkeypatch):
    nets = few_networks(5)
    some = sc.HypothesisSet(nets)
    assert repr(some) == "HypothesisSet(5 networks, 3 inputs, entropy 1.60944 nats)"
    long = some.learning_curve(3000, replicates=4, rng=0)
    assert (long.information <= np.log(5) + 4 * np.nan_to_num(long.std_error) + 1e-12).all()
    assert long.information[-1] > 1.2
    results = [bits(some.learning_curve(700, replicates=3, rng=5, n_threads=n)) for n in (1, 2)]
    assert results[0] == results[1]
    short = some.learning_curve(300, replicates=3, rng=5)
    assert short.information == pytest.approx(
        some.learning_curve(700, replicates=3, rng=5).information[:301], abs=1e-12
    )
    monkeypatch.setattr("scalecore.information._hypotheses._NUMBERS", 500)  # blocks of 96 samples
    assert some.learning_curve(300, replicates=3, rng=5).information == pytest.approx(
        short.information, abs=1e-12
    )
    known = sc.HypothesisSet(nets, [1, 0, 0, 0, 0])
    assert known.entropy == 0
    assert np.abs(known.learning_curve(50, replicates=2, rng=0).information).max() < 1e-12
    assert (
        np.abs(
            sc.HypothesisSet([nets[0], nets[0]]).learning_curve(50, replicates=2, rng=0).information
        ).max()
        < 1e-12
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sc.HypothesisSet([]), "networks must hold at least one"),
        (lambda: sc.HypothesisSet(5), "networks must be networks"),
        (lambda: sc.HypothesisSet([1, 2]), r"networks\[0\] must be a Network"),
        (
            lambda: sc.HypothesisSet([*few_networks(1), *few_networks(1, d=2)]),
            r"networks\[1\] must have 3 inputs",
        ),
        (lambda: sc.HypothesisSet(few_networks(2), [0.5, 0.6]), "prior must sum to 1"),
        (lambda: sc.HypothesisSet(few_networks(2), [1.0]), r"prior must have shape \(2,\)"),
        (lambda: sc.HypothesisSet(few_networks(2)).learning_curve(0), "samples must be at least 1"),
        (
            lambda: sc.HypothesisSet(few_networks(2)).learning_curve(5, replicates=1),
            "replicates must be at least 2",
        ),
    ],
)
def test_hypothesis_sets_refuse_by_name(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()
