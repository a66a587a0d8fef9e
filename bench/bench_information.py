"""Exact information beside NumPy tensor sums: Theorem B's recursion and the learning curve, how
they grow, and the second core."""

import numpy as np

import scalecore as sc

STEPS = 50


def random_model(M, n_x=2, n_y=2):
    rng = np.random.default_rng(0)
    return sc.FiniteModel(
        rng.dirichlet(np.ones(M)),
        rng.dirichlet(np.ones(n_y), (M, n_x)),
        rng.dirichlet(np.ones(n_x)),
    )


def random_update(S, n_x=2, n_y=2):
    """Every state is reached, and by four transitions on average."""
    return np.random.default_rng(1).integers(0, S, (S, n_x, n_y))


def sum_x_log_x(p):
    p = p[p > 0]
    return p @ np.log(p)


def numpy_incremental(model, update, steps):
    """At its best: marginals by BLAS, merging by one sorted reduceat, and informations instead of
    divergences."""
    (S, n_x, n_y), M = update.shape, len(model.prior)
    theta = np.ascontiguousarray((model.likelihood * model.inputs[:, None]).reshape(M, -1).T)
    order = np.argsort(update.ravel(), kind="stable")
    target, (source, cell) = update.ravel()[order], np.divmod(order, n_x * n_y)
    starts = np.flatnonzero(np.append(True, target[1:] != target[:-1]))
    negentropy = model.prior @ ((model.likelihood * np.log(model.likelihood)).sum(2) @ model.inputs)
    joint, entropy = np.zeros((S, M)), sum_x_log_x(model.prior)
    joint[0], retained, rows = model.prior, 0.0, []
    for _ in range(steps):
        cells = joint @ theta.T
        error = negentropy - sum_x_log_x(cells) + sum_x_log_x(cells.reshape(-1, n_y).sum(1))
        triples = joint[source]
        triples *= theta[cell]
        joint[target[starts]] = np.add.reduceat(triples, starts, axis=0)
        joint[np.setdiff1d(np.arange(S), target)] = 0
        after = sum_x_log_x(joint) - sum_x_log_x(joint.sum(1)) - entropy
        rows.append((error, after, retained + error - after))
        retained = after
    return np.array(rows)


def numpy_histories(model, samples, replicates):
    """The same estimator, all histories at once: posteriors by multiplication, predictions by
    BLAS."""
    rng = np.random.default_rng(0)
    M = len(model.prior)
    theta = np.ascontiguousarray((model.likelihood * model.inputs[:, None]).reshape(M, -1).T)
    negentropy = (theta * np.log(theta)).sum(0)
    posterior = np.tile(model.prior, (replicates, 1))
    chances = np.cumsum(theta[:, rng.choice(M, replicates, p=model.prior)], axis=0)
    total = np.zeros(replicates)
    for _ in range(samples):
        cells = posterior @ theta.T
        total += posterior @ negentropy - (cells * np.log(cells)).sum(1)
        drawn = (rng.random(replicates) > chances).sum(0)
        posterior *= theta[drawn]
        posterior /= posterior.sum(1, keepdims=True)
    return total.mean()


def test_incremental(contest):
    model, update = random_model(1000), random_update(256)
    ours, theirs = model.incremental(update, STEPS), numpy_incremental(model, update, STEPS)
    assert (
        np.abs(np.stack([ours.error, ours.retained[1:], ours.forgotten], axis=1) - theirs).max()
        < 1e-12
    )
    contenders = {
        "scalecore": lambda: model.incremental(update, STEPS),
        "scalecore, one thread": lambda: model.incremental(update, STEPS, n_threads=1),
        "NumPy tensor sums": lambda: numpy_incremental(model, update, STEPS),
    }
    contest("incremental, M = 1,000, S = 256, 2 x 2 cells", contenders, STEPS, "us a step", 1e6)


def test_incremental_is_linear(contest):
    small, large, wide = random_model(1000), random_model(4000), random_model(1000, 4, 4)
    update, more, many, wider = (
        random_update(256),
        random_update(1024),
        random_update(4096),
        random_update(256, 4, 4),
    )
    contenders = {
        "M = 1,000, S = 256, 2 x 2 cells, 50 steps": lambda: small.incremental(update, STEPS),
        "M = 4,000": lambda: large.incremental(update, STEPS),
        "S = 1,024": lambda: small.incremental(more, STEPS),
        "S = 4,096": lambda: small.incremental(many, STEPS),
        "4 x 4 cells": lambda: wide.incremental(wider, STEPS),
        "200 steps": lambda: small.incremental(update, 4 * STEPS),
    }
    contest("incremental: four times each size (and 16 times the states)", contenders, 1, "ms", 1e3)


def test_learning_curve_monte_carlo(contest):
    model = random_model(10_000)

    def ours(samples=1000, replicates=100, threads=None):
        return lambda: model.learning_curve(
            samples, method="monte_carlo", replicates=replicates, rng=0, n_threads=threads
        )

    contenders = {
        "scalecore": ours(),
        "scalecore, one thread": ours(threads=1),
        "scalecore, T = 250": ours(samples=250),
        "scalecore, 25 replicates": ours(replicates=25),
        "NumPy, all histories at once": lambda: numpy_histories(model, 1000, 100),
    }
    contest("learning curve, M = 1e4, T = 1e3, 100 replicates", contenders, 1, "s", 1.0)


def test_learning_curve_exact(contest):
    model = random_model(1000)

    def ours(samples, threads=None):
        return lambda: model.learning_curve(samples, method="exact", n_threads=threads)

    contenders = {"scalecore, T = 20": ours(20), "one thread": ours(20, 1), "T = 24": ours(24)}
    contest(
        "exact learning curve, M = 1,000, 10,625 and 20,474 count vectors", contenders, 1, "ms", 1e3
    )


def test_best_channel(contest):
    """No rival: NumPy itself is what it runs on."""
    model, wide = random_model(1000), random_model(1000, 4, 4)
    contenders = {
        "M = 1,000, size 8, T = 100": lambda: model.best_channel(8, 100),
        "T = 10,000": lambda: model.best_channel(8, 10_000),
        "4 x 4 cells, T = 100": lambda: wide.best_channel(8, 100),
        "size 64, T = 10,000": lambda: model.best_channel(64, 10_000),
    }
    contest("best channel", contenders, 1, "s", 1.0, rounds=1, repeats=3)
