"""The posterior of the infinite-width network in plain NumPy: log-likelihood and gradient of a
latent, and what a chain's predictions say of the error.

A latent has d + 2 numbers a stick: all a, all b, and vectors as [group of 4][coordinate][stick].
"""

import numpy as np


def unpack(latents, d):
    """Return E and the vectors g [stick, coordinate]."""
    J = latents.size // (d + 2)
    a, b, g = latents[:J], latents[J : 2 * J], latents[2 * J :]
    return (a**2 + b**2) / 2, g.reshape(J // 4, d, 4).transpose(0, 2, 1).reshape(J, d)


def masses(exponentials, K):
    """Return the masses and what the sticks leave."""
    after = np.exp(-np.cumsum(exponentials) / K)
    before = np.append(1.0, after[:-1])
    return -before * np.expm1(-exponentials / K), after[-1]


def logits(latents, signs, X, tail, K):
    E, g = unpack(latents, X.shape[1])
    theta, left = masses(E, K)
    w = g / np.linalg.norm(g, axis=1)[:, None]
    return np.sqrt(K + 1) * np.maximum(X @ w.T, 0) @ (signs * theta) + left * tail


def log_likelihood(latents, signs, X, z, tail, K):
    return -np.logaddexp(0, -z * logits(latents, signs, X, tail, K)).sum()


def gradient(latents, signs, X, z, tail, K):
    """By the chain rule, written for the eye and not as the engine does it."""
    d, J = X.shape[1], signs.size
    E, g = unpack(latents, d)
    theta, left = masses(E, K)
    norm = np.linalg.norm(g, axis=1)[:, None]
    w = g / norm
    F = logits(latents, signs, X, tail, K)
    pull = z / (1 + np.exp(z * F))
    active = X @ w.T > 0
    by_theta = np.sqrt(K + 1) * signs * (pull @ (np.maximum(X @ w.T, 0)))
    by_w = (np.sqrt(K + 1) * signs * theta)[:, None] * ((active * pull[:, None]).T @ X)
    by_g = (by_w - (by_w * w).sum(axis=1)[:, None] * w) / norm
    after = np.exp(-np.cumsum(E) / K)
    jacobian = np.zeros((J + 1, J))  # of theta and of what is left, by E
    for i in range(J):
        jacobian[i, i] = after[i] / K
        jacobian[i + 1 : J, i] = -theta[i + 1 :] / K
        jacobian[J, i] = -left / K
    by_E = np.append(by_theta, pull @ tail) @ jacobian
    vectors = by_g.reshape(J // 4, 4, d).transpose(0, 2, 1).ravel()
    return np.concatenate([latents[:J] * by_E, latents[J : 2 * J] * by_E, vectors])


def entropy(p):
    return -(p * np.log(p) + (1 - p) * np.log1p(-p))


def spread(probabilities):
    """Mean over inputs of H(mean_k P_k) - mean_k H(P_k); probabilities [state, input]."""
    return (entropy(probabilities.mean(axis=0)) - entropy(probabilities).mean(axis=0)).mean()


def divergence(p, q):
    """Mean over inputs of d_KL(Bern(p) || Bern(q))."""
    return (p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))).mean()


def information_by_weights(draw, truths, samples, steps, rng):
    """I(F; H_t) summed over t < steps with its standard error, from networks drawn beforehand.

    `draw(count)` returns functions X -> logits [network, sample]. The posterior mean is the mean of
    `samples` prior draws, weighted by their likelihoods: right while I is small against ln samples.
    """
    F = draw(samples)
    each = []
    for _ in range(truths):
        f = draw(1)
        X = rng.standard_normal((steps, draw.dim))
        mine, others = f(X)[0], F(X)
        y = rng.random(steps) < 1 / (1 + np.exp(-mine))
        log_weights, total = np.zeros(samples), 0.0
        P = 1 / (1 + np.exp(-others))
        p = 1 / (1 + np.exp(-mine))
        for t in range(steps):
            w = np.exp(log_weights - log_weights.max())
            total += divergence(p[t], w @ P[:, t] / w.sum())
            log_weights += np.log(P[:, t] if y[t] else 1 - P[:, t])
        each.append(total)
    return np.mean(each), np.std(each, ddof=1) / np.sqrt(truths)


class ManyNetworks:
    """Draws of the infinite-width network, evaluated together."""

    def __init__(self, d, K, rng):
        self.dim, self.K, self.rng = d, K, rng

    def __call__(self, count):
        sticks = int(np.ceil(6 + 12 * self.K))  # leave e^-12 of the mass, or less
        E = self.rng.exponential(size=(count, sticks))
        after = np.exp(-np.cumsum(E, axis=1) / self.K)
        theta = -np.expm1(-E / self.K) * np.concatenate(
            [np.ones((count, 1)), after[:, :-1]], axis=1
        )
        g = self.rng.standard_normal((count, sticks, self.dim))
        w = g / np.linalg.norm(g, axis=2)[:, :, None]
        weights = np.sqrt(self.K + 1) * theta * self.rng.choice([-1.0, 1.0], theta.shape)

        def logits(X):
            out = np.zeros((count, len(X)))
            for j in range(sticks):
                out += weights[:, j, None] * np.maximum(w[:, j] @ X.T, 0)
            return out

        return logits


def one_atom_information(d, steps, truths, rng, grid=3000):
    """I(F; H_t) for F(x) = s max(w.x, 0), w uniform: the limit K -> 0, from a fine set of w.

    d = 1 has two directions; d = 2 a circle; beyond, uniform directions that include the truth's
    neighbours closely enough while the posterior is wider than their spacing.
    """
    if d == 1:
        w = np.array([[1.0], [-1.0]])
    elif d == 2:
        angle = (np.arange(grid // 2) + 0.5) * 4 * np.pi / grid
        w = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    else:
        g = rng.standard_normal((grid // 2, d))
        w = g / np.linalg.norm(g, axis=1)[:, None]
    each = []
    for _ in range(truths):
        g = rng.standard_normal(d)
        X = rng.standard_normal((steps, d))
        F = rng.choice([-1.0, 1.0]) * np.maximum(X @ (g / np.linalg.norm(g)), 0)
        p = 1 / (1 + np.exp(-F))
        y = rng.random(steps) < p
        log_weights, total = np.zeros((2, len(w))), 0.0
        for t in range(steps):
            h = np.maximum(w @ X[t], 0)
            weights = np.exp(log_weights - log_weights.max())
            q = 1 / (1 + np.exp(-h))
            mean = (weights[0] @ q + weights[1] @ (1 - q)) / weights.sum()
            total += divergence(p[t], mean)
            log_weights[0] += np.log(q if y[t] else 1 - q)
            log_weights[1] += np.log(1 - q if y[t] else q)
        each.append(total)
    return np.mean(each), np.std(each, ddof=1) / np.sqrt(truths)
