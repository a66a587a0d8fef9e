"""Plain twins of everything in scalecore.information: sums over all histories, and Theorem B as
tensor sums."""

from itertools import product

import numpy as np


def kl(p, q):
    """d_KL of laws along the last axis."""
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p > 0, p * np.log(p / q), 0.0)
    return terms.sum(-1)


def mean(distances, inputs):
    """Over inputs; one that never happens may be infinite."""
    return distances[..., inputs > 0] @ inputs[inputs > 0]


def information(joint):
    """I of a joint law of two variables."""
    return kl(joint.ravel(), np.outer(joint.sum(1), joint.sum(0)).ravel())


def histories(model, steps):
    """Each history (a tuple of (x, y)) with its probabilities under every hypothesis."""
    n_x, n_y = model.likelihood.shape[1:]
    theta = model.likelihood * model.inputs[:, None]
    for history in product(product(range(n_x), range(n_y)), repeat=steps):
        law = np.ones(len(model.prior))
        for x, y in history:
            law = law * theta[:, x, y]
        yield history, law


def learner_error(model, learner, steps):
    """T L_T of the learner of this prior: sum over t, histories, hypotheses and inputs of
    d_KL(P(Y|f,x) || its predictive)."""
    total = 0.0
    for t in range(steps):
        for _, law in histories(model, t):
            mixture = learner * law
            if not (model.prior * law).any():
                continue
            if not mixture.any():
                return np.inf
            predictive = np.tensordot(mixture / mixture.sum(), model.likelihood, 1)
            distances = mean(kl(model.likelihood, predictive), model.inputs)
            weights = model.prior * law
            total += (weights[weights > 0] * distances[weights > 0]).sum()
    return total


def as_table(update):
    """A deterministic update as probabilities."""
    if update.ndim == 4:
        return update
    return (update[..., None] == np.arange(len(update))).astype(float)


def decompose(model, update, steps, predictor=None, initial=0):
    """Theorem B by tensors: retained (steps + 1), forgotten, inference gap and error (steps)."""
    update, states = as_table(update), len(update)
    joint = np.zeros((len(model.prior), states))
    joint[:, initial] = model.prior
    retained, forgotten, gap, error = [0.0], [], [], []
    for t in range(steps):
        triples = (
            joint[:, :, None, None] * (model.likelihood * model.inputs[:, None])[:, None]
        )  # f, s, x, y
        law = triples.sum(0)
        with np.errstate(invalid="ignore"):
            best = law / law.sum(-1, keepdims=True)
        said = best if predictor is None else predictor if predictor.ndim == 3 else predictor[t]
        weights = law.sum(-1)
        gap.append((weights * np.where(weights > 0, kl(best, said), 0))[weights > 0].sum())
        distances = kl(model.likelihood[:, None], said[None])
        pairs = triples.sum(-1)
        error.append((pairs[pairs > 0] * distances[pairs > 0]).sum())
        joint = np.einsum("fsxy,sxyz->fz", triples, update)
        retained.append(information(joint))
        forgotten.append(information(triples.reshape(len(joint), -1)) - retained[-1])
    return np.array(retained), np.array(forgotten), np.array(gap), np.array(error)


def enumerate_decomposition(model, update, steps, predictor):
    """Retained I(F; S_T) and total error by brute force over all histories of a deterministic
    update."""
    joint, error = np.zeros((len(model.prior), len(update))), 0.0
    for t in range(steps + 1):
        for history, law in histories(model, t):
            state = 0
            for x, y in history:
                state = update[state, x, y]
            weights = model.prior * law
            if t == steps:
                joint[:, state] += weights
            else:
                distances = mean(kl(model.likelihood, predictor[state]), model.inputs)
                error += (weights[weights > 0] * distances[weights > 0]).sum()
    return information(joint), error


def bound(model, channel, samples):
    """Theorem A's estimation and misspecification."""
    joint = model.prior[:, None] * channel
    distances = mean(kl(model.likelihood[:, None], model.likelihood[None]), model.inputs)
    return information(joint) / samples, (joint[joint > 0] * distances[joint > 0]).sum()
