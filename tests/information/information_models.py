"""Random finite models, updates and predictors to test with."""

import numpy as np

import scalecore as sc


def random_model(seed, M=None, n_x=None, n_y=None, zeros=0.0):
    """Laws from Dirichlet distributions of random concentration, some entries 0."""
    rng = np.random.default_rng(seed)
    M, n_x, n_y = (
        given or int(rng.integers(1, most)) for given, most in ((M, 12), (n_x, 4), (n_y, 5))
    )

    def law(*shape):
        array = rng.gamma(10.0 ** rng.uniform(-1, 1), size=shape) + 1e-300
        array *= rng.random(shape) >= zeros
        array[..., 0] += ~array.any(axis=-1)
        return array / array.sum(axis=-1, keepdims=True)

    return sc.FiniteModel(law(M), law(M, n_x, n_y), law(n_x))


def random_update(seed, model, S, stochastic=False):
    rng = np.random.default_rng([seed, 1])
    n_x, n_y = model.likelihood.shape[1:]
    if not stochastic:
        return rng.integers(0, S, (S, n_x, n_y))
    return rng.dirichlet(np.full(S, 0.3), (S, n_x, n_y))


def random_predictor(seed, *shape):
    return np.random.default_rng([seed, 2]).dirichlet(np.ones(shape[-1]), shape[:-1])


def smooth_coins(M):
    p = np.linspace(0.05, 0.95, M)
    return sc.FiniteModel(np.full(M, 1 / M), np.stack([1 - p, p], axis=1)[:, None, :], [1.0])


def bits(result):
    """Return the numbers of a result, bit for bit."""
    return [
        np.asarray(value).tobytes()
        for value in vars(result).values()
        if not isinstance(value, (str, type(None)))
    ]
