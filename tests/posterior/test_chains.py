"""The engine's chains over the posterior.

Statistical tests have fixed seeds; a comparison at 4 standard errors alarms falsely once in 16,000,
a chi-square test once in 10,000.
"""

import os
from math import erfc, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import posterior as oracle

from scalecore import NetworkPrior
from scalecore._core import posterior as core
from scalecore.network._prior import sample_network

SMALL = bool(os.environ.get("CI"))
PRIOR = {"key": 11, "input_dim": 3, "concentration": 5.0}
LINE = {"input_dim": 1, "concentration": 0.5}  # where directions are proposed too
OPTIONS = {"inputs": 64, "turn": 0.8, "flips": 1.0}


def run(jobs, step=0.3, **options):
    return core.chains(jobs=jobs, steps=[step] * len(jobs), **{**PRIOR, **OPTIONS, **options})


@settings(max_examples=40, deadline=None)
@given(
    d=st.integers(1, 23),
    K=st.floats(0.01, 200),
    sticks=st.integers(1, 6),
    samples=st.integers(0, 600),
    seed=st.integers(0, 2**32),
)
def test_likelihood_and_gradient(d, K, sticks, samples, seed):
    """At the truth and elsewhere; the single gradient has the precision of its numbers."""
    rng, job = np.random.default_rng(seed), [seed % 7, 0, 8 * sticks, samples]
    place = {"key": seed, "input_dim": d, "concentration": K, "job": job}
    for at in (
        {},
        {
            "latents": rng.standard_normal(8 * sticks * (d + 2)),
            "signs": rng.choice([-1.0, 1.0], 8 * sticks),
        },
    ):
        got = core.gradient(**place, single=False, **at)
        X, z = got["inputs"].astype(float), got["labels"].astype(float)
        arguments = (got["latents"], got["signs"], X, z, got["tail"], K)
        value, slope = oracle.log_likelihood(*arguments), oracle.gradient(*arguments)
        scale = max(1.0, np.abs(slope).max(initial=0))
        assert abs(got["log_likelihood"] - value) <= 1e-10 * max(1.0, abs(value))
        assert np.abs(got["gradient"] - slope).max(initial=0) <= 1e-10 * scale
        single = core.gradient(**place, single=True, **at)["gradient"]
        assert np.abs(single - slope).max(initial=0) <= 1e-3 * scale


def test_gradient_is_the_slope_of_the_likelihood():
    """By finite differences along random lines."""
    rng, job = np.random.default_rng(2), [0, 0, 16, 300]
    place = {"key": 1, "input_dim": 4, "concentration": 6.0, "job": job, "single": False}
    truth = core.gradient(**place)
    for _ in range(5):
        line = rng.standard_normal(truth["latents"].size)
        ends = [
            core.gradient(**place, latents=truth["latents"] + h * line, signs=truth["signs"])[
                "log_likelihood"
            ]
            for h in (-1e-6, 1e-6)
        ]
        assert np.diff(ends)[0] / 2e-6 == pytest.approx(truth["gradient"] @ line, rel=1e-4)


@pytest.mark.parametrize(("d", "K"), [(1, 0.3), (3, 5.0), (10, 30.0)])
def test_history_is_that_of_the_network(d, K):
    """Sticks, told tail and signs together are `NetworkPrior`'s network of the same key."""
    got = core.gradient(key=9, input_dim=d, concentration=K, job=[4, 0, 16, 256], single=False)
    X = got["inputs"].astype(float)
    mine = oracle.logits(got["latents"], got["signs"], X, got["tail"], K)
    net = sample_network(NetworkPrior(d, K), 9, 4, 1e-8)
    assert np.abs(mine - net(X)).max() < 1e-6  # of which 1e-8 is left out
    p = 1 / (1 + np.exp(-mine))
    deviation = ((got["labels"] > 0) - p).sum() / np.sqrt((p * (1 - p)).sum())
    assert abs(deviation) < 4


def test_estimates_are_those_of_the_states():
    jobs, states, inputs = [[i, i, 16, 50 * i] for i in range(3)], 9, 128
    trace = np.zeros((3, states + 2 * 5, 1 + inputs))
    rows = run(
        jobs, states=states, prior_states=5, prior_chains=2, annealing=2, inputs=inputs, trace=trace
    )
    for row, logits in zip(rows, trace[..., 1:], strict=True):
        P = 1 / (1 + np.exp(-logits))
        lower = oracle.spread(P[:states])
        Q = P[states:].mean(axis=0)
        upper = np.mean([oracle.divergence(p, Q) for p in P[:states]])
        assert row[core.LOWER] == pytest.approx(lower, rel=1e-9)
        assert row[core.UPPER] == pytest.approx(upper, rel=1e-9)
        moved = np.sqrt(np.square(logits[states - 1] - logits[0]).mean())
        assert row[core.MOVED] == pytest.approx(moved, rel=1e-9)
        assert 1 <= row[core.EFFECTIVE] <= states
        assert 1 <= row[core.PRIOR_EFFECTIVE] <= 10


def ranks_of_the_truth(replicates, states, **options):
    """Return the rank of the truth's log-likelihood among a stationary chain that it is in.

    Moves are reversible, so two chains from the truth are one chain with the truth at any place;
    where that is uniform, so are the ranks. (Proposals of one stick and of two come in the same
    order before a trajectory and after it, in reverse it would be the other: what that changes is
    far less than thousands of ranks show.)
    """
    rng = np.random.default_rng(5)
    branches = []
    for place in (0, 1):
        trace = np.zeros((replicates, states, 65))
        run([[i, place, 8, 40] for i in range(replicates)], states=states, trace=trace, **options)
        branches.append(trace[..., 0])
    there, back = branches
    before = rng.integers(states, size=replicates)
    ranks = []
    for i, count in enumerate(before):
        others = np.concatenate([there[i, 1 : 1 + count], back[i, 1 : states - count]])
        ties = rng.random()  # where nothing was accepted, values are equal
        ranks.append(
            np.count_nonzero(others < there[i, 0])
            + int(ties * (1 + np.count_nonzero(others == there[i, 0])))
        )
    return np.bincount(ranks, minlength=states)


def uniform(counts):
    """Whether a chi-square test at 1e-4 takes counts for uniform (Wilson and Hilferty)."""
    expected, k = counts.sum() / counts.size, counts.size - 1
    chi = (np.square(counts - expected) / expected).sum()
    z = ((chi / k) ** (1 / 3) - 1 + 2 / (9 * k)) / sqrt(2 / (9 * k))
    return erfc(z / sqrt(2)) / 2 > 1e-4


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{}, {"flips": 0.0}, {"step": 0.9}, {"turn": 0.05}, LINE, LINE | {"turn": 0.05}]
)
def test_ranks_of_the_truth_are_uniform(options):
    counts = ranks_of_the_truth(2000 if SMALL else 4000, 8, **options)
    assert uniform(counts), counts


@pytest.mark.parametrize(
    "options",
    [
        {"step": 0.9, "flips": 0.0},
        {"flips": 1.0, "turn": 0.01},
        LINE | {"flips": 1.0, "turn": 0.01},
    ],
)
def test_ranks_tell_of_a_broken_acceptance(options):
    """Once trajectories, once flips of signs that are all taken; and the same chains unbroken."""
    assert uniform(ranks_of_the_truth(400, 8, **options))
    assert not uniform(ranks_of_the_truth(400, 8, accept_all=True, **options))


@pytest.mark.parametrize("item", range(6))
def test_likelihoods_of_states_on_a_line_are_those_of_their_slopes(item):
    """A network on a line is two slopes, which ratios to the truth's logits give: so a proposal
    whose likelihood is not that of what it becomes is told.
    """
    K, states = LINE["concentration"], 40
    got = core.gradient(
        key=PRIOR["key"], input_dim=1, concentration=K, job=[item, 0, 8, 30], single=False
    )
    X, z = got["inputs"].astype(float), got["labels"].astype(float)
    truth = oracle.logits(got["latents"], got["signs"], X, got["tail"], K)
    trace = np.zeros((1, states, 65))
    run([[item, 0, 8, 30]], states=states, trace=trace, **LINE)
    ratios = trace[0, :, 1:] / trace[0, 0, 1:]
    last = ratios[-1]  # its two values tell the half lines apart
    half = np.abs(last - last[0]) > np.abs(last - last[np.abs(last - last[0]).argmax()])
    assert half.any()
    one, other = ratios[:, ~half][:, :1], ratios[:, half][:, :1]
    likelihoods = [
        -np.logaddexp(0, -z * truth * np.where(X[:, 0] > 0, right, left)).sum(axis=1)
        for right, left in ((one, other), (other, one))
    ]
    wrong = [np.abs(trace[0, :, 0] - likelihood).max() for likelihood in likelihoods]
    assert min(wrong) < 1e-8, wrong


def test_a_chain_on_a_line_changes_sides():
    """From any state to the opposite direction of its heaviest stick, which no trajectory does."""
    trace = np.zeros((40, 40, 65))
    run(
        [[i, 0, 8, 30] for i in range(40)], states=40, trace=trace, **LINE | {"concentration": 0.01}
    )
    slopes = np.abs(trace[..., 1:]).argmax(axis=2)  # one stick: one half line has all logits
    assert np.mean([np.unique(row).size > 1 for row in slopes]) > 0.5


def test_the_last_state_has_the_law_of_the_first():
    """Over networks and histories the state at any time is a draw from the prior."""
    count = 300 if SMALL else 1000
    trace = np.zeros((count, 6, 65))
    run([[i, 0, 16, 100] for i in range(count)], states=6, trace=trace)
    change = trace[:, -1, 0] - trace[:, 0, 0]
    assert abs(change.mean()) < 4 * change.std() / sqrt(count)
    squares = np.square(trace[..., 1:]).mean(axis=2)
    for state in (0, 5):
        assert abs(squares[:, state].mean() - 0.5) < 4 * squares[:, state].std() / sqrt(count)
    assert np.abs(change).mean() > 1  # it has moved


def test_a_chain_that_does_not_move_gives_nothing():
    rows = run([[i, 0, 16, 100] for i in range(20)], step=1e-9, turn=1e-9, flips=0.0, states=5)
    assert (np.abs(rows[:, core.LOWER]) < 1e-12).all()
    assert (rows[:, core.MOVED] < 1e-6).all()


def test_pilots_find_a_step_that_is_accepted():
    jobs = [[i, 0, 16, 400] for i in range(8)]
    step = np.exp(np.log(run(jobs, states=1, pilot=True)[:, core.STEP]).mean())
    accepted = run(jobs, step=step, states=20)[:, core.ACCEPTANCE].mean()
    assert 0.6 < accepted < 0.95


@pytest.mark.parametrize("threads", [2, 3])
def test_same_bits_for_any_threads_and_company(threads):
    jobs = [[i, i, 8 + 8 * (i % 3), 70 * i] for i in range(7)]
    options = {"states": 4, "prior_states": 3, "prior_chains": 2, "annealing": 1}
    alone = run(jobs, n_threads=1, **options)
    assert np.array_equal(alone, run(jobs, n_threads=threads, **options))
    assert np.array_equal(alone[3:4], run(jobs[3:4], n_threads=threads, **options))


@pytest.mark.parametrize(
    "wrong",
    [
        {"inputs": 65},
        {"inputs": 0},
        {"states": 0},
        {"turn": 0.0},
        {"turn": float("nan")},
        {"flips": -1.0},
        {"input_dim": 0},
        {"concentration": float("nan")},
        {"prior_chains": 1},
        {"trace": np.zeros((1, 2, 3))},
        {"step": 0.0},
        {"step": 1.5},
        {"jobs": [[0, 0, 9, 10]]},
        {"jobs": [[0, 0, 0, 10]]},
        {"jobs": [[0, 2**21, 8, 10]]},
        {"jobs": [[0, 0, 8, -1]]},
        {"jobs": [[0, 0, 8]]},
    ],
)
def test_what_c_must_not_be_given(wrong):
    jobs = wrong.pop("jobs", [[0, 0, 8, 10]])
    with pytest.raises(ValueError, match=r"must|needs|is"):
        run(jobs, **({"states": 2} | wrong))
