"""Two builds of the package beside each other: interleaved processes, medians, ratios.

    python builds.py FIRST SECOND [ROUNDS]

FIRST and SECOND are folders that hold a package `scalecore` each (`pip install --target FOLDER
WHEEL`). What is compared so: a wheel with one from before a change, or one for all Pythons
(SCALECORE_ABI3=1 pip wheel .) with one for this Python. SCALECORE_ISA in the environment chooses
the instruction set of both.
"""

import json
import statistics
import subprocess
import sys
import time

ROUNDS = 7


def kernels():
    """What is timed, by name: a call, and how many of them in a row."""
    import numpy as np

    import scalecore as sc

    rng = np.random.default_rng(0)
    prior = sc.NetworkPrior(10, 100)
    network, inputs = prior.sample(0), rng.standard_normal((4096, 10))
    few, X = sc.NetworkPrior(3, 5).sample(0), rng.standard_normal((8, 3))
    points = np.geomspace(1, 1e6, 500_000)
    some = [10 ** rng.uniform(low, high, 5000) for low, high in ((0, 6), (2, 12), (0, 4))]
    budgets, fewer = np.geomspace(1e6, 1e15, 50_000), np.geomspace(1e6, 1e15, 300)
    N, D = (axis.ravel() for axis in np.meshgrid(np.geomspace(1e7, 1e9, 12), [1e9, 4e9, 2e10]))
    loss = (1.8 + 480 / N**0.35 + 2100 / D**0.37) * np.exp(0.004 * rng.standard_normal(N.size))
    table = sc.RunTable(N, D, loss)

    def trained(optimizer):
        options = {"learning_rates": [0.05], "repeats": 8, "test_inputs": 64, "n_threads": 1}
        return lambda: sc.train(prior, [64], 4000, optimizer=optimizer, rng=1, **options)

    return {
        "error_bound, one point": (lambda: sc.error_bound(10.0, 1e4, 10.0, 100.0), 5000),
        "compute_optimal, one budget": (lambda: sc.compute_optimal(1e9, 10, 100), 300),
        "the same, refined": (lambda: sc.compute_optimal(1e9, 10, 100, bound="refined"), 100),
        "a network at 8 inputs": (lambda: few(X), 1000),
        "error_bound, 5e5 points": (lambda: sc.error_bound(points, 1e6, 10, 100), 3),
        "spectral_bound, 5e3 points": (lambda: sc.spectral_bound(*some[:2], 10, some[2]), 3),
        "refined_bound, 5e3 points": (lambda: sc.refined_bound(*some[:2], 10, some[2]), 2),
        "compute_optimal, 5e4 budgets": (lambda: sc.compute_optimal(budgets, 10, 100), 3),
        "the same, refined, 300": (
            lambda: sc.compute_optimal(fewer, 10, 100, bound="refined"),
            3,
        ),
        "a network at 4,096 inputs": (lambda: network(inputs), 5),
        "misspecification": (
            lambda: sc.misspecification(prior, [1, 100], networks=8, inputs=512, rng=0),
            3,
        ),
        "SGD": (trained("sgd"), 3),
        "Adam": (trained("adam"), 3),
        "fit": (lambda: sc.fit(table, "additive", resamples=0), 20),
    }


def measure():
    """Print what each kernel takes, the best of five."""
    found = {}
    for name, (call, number) in kernels().items():
        call()
        times = []
        for _ in range(5):
            start = time.perf_counter()
            for _ in range(number):
                call()
            times.append((time.perf_counter() - start) / number)
        found[name] = min(times)
    print(json.dumps(found))


def main():
    if sys.argv[1] == "--measure":
        sys.path.insert(0, sys.argv[2])
        measure()
        return
    folders, rounds = sys.argv[1:3], int(sys.argv[3]) if len(sys.argv) > 3 else ROUNDS
    times = {folder: [] for folder in folders}
    for _ in range(rounds):
        for folder in folders:
            command = [sys.executable, __file__, "--measure", folder]
            printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            times[folder].append(json.loads(printed))
    print(f"{'':32}{'first, us':>12}{'second, us':>12}{'second/first':>14}   of each round")
    for name in times[folders[0]][0]:
        first, second = ([run[name] * 1e6 for run in times[folder]] for folder in folders)
        ratios = sorted(b / a for a, b in zip(first, second, strict=True))
        print(
            f"{name:32}{statistics.median(first):12.3f}{statistics.median(second):12.3f}"
            f"{statistics.median(ratios):14.3f}   {ratios[0]:.3f} to {ratios[-1]:.3f}"
        )


if __name__ == "__main__":
    main()
