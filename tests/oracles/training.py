"""A learner as a textbook writes it, and what a prediction of its loses."""

import numpy as np


class Twin:
    """A two-layer network under SGD or Adam, in float64, a sample at a time."""

    def __init__(self, hidden, outputs, rate, optimizer="sgd", decay=0.5, decay_start=1000.0):
        self.w, self.a = np.array(hidden, float), np.array(outputs, float)
        self.rate, self.optimizer, self.decay, self.decay_start = (
            rate,
            optimizer,
            decay,
            decay_start,
        )
        self.moments = [np.zeros_like(array) for array in (self.w, self.w, self.a, self.a)]

    def step(self, x, y, t):
        z = self.w @ x
        h = np.maximum(z, 0)
        f = self.a @ h
        slope = 1 / (1 + np.exp(-f)) - y
        gradients = np.outer(slope * self.a * (z > 0), x), slope * h
        rate = self.rate * (1 + t / self.decay_start) ** -self.decay
        for i, (weight, gradient) in enumerate(zip((self.w, self.a), gradients, strict=True)):
            if self.optimizer == "sgd":
                weight -= rate * gradient
                continue
            m, v = self.moments[2 * i : 2 * i + 2]
            m += 0.1 * (gradient - m)
            v += 0.001 * (gradient**2 - v)
            weight -= (
                rate * (m / (1 - 0.9 ** (t + 1))) / (np.sqrt(v / (1 - 0.999 ** (t + 1))) + 1e-8)
            )
        return f


def kl(p, f):
    """Return d_KL(Bern(p) || Bern(sigma f)) of a logit f."""
    q = 1 / (1 + np.exp(-f))
    return p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))
