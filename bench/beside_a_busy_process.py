"""How much slower is each call beside one busy process, on two cores? More than 2.5 times is a
fault: threads that spin or wait at barriers for one that the other process keeps from running.

    python beside_a_busy_process.py [PART OF A NAME ...]

Each call is timed alone and beside a process that computes without a pause, in turn, so that what
else the machine does slows both; printed are the medians and their ratio. On one core, or beside
other work, ratios say little.
"""

import os
import statistics
import subprocess
import sys
import time

import numpy as np

import scalecore as sc
from scalecore.spectral._table_rows import build_rows

ROUNDS = 5
MOST = 2.5

prior = sc.NetworkPrior(input_dim=10, concentration=100)
budgets = np.geomspace(1e4, 1e12, 2000)
widths = np.geomspace(1, 1e6, 3_000_000)
runs = sc.train(prior, [4, 16], 2_000, learning_rates=[0.02, 0.05], repeats=8, rng=1)

CALLS = {
    "error_bound": lambda: sc.error_bound(widths, 1e6, 10, 100),
    "bayes_error_bound": lambda: sc.bayes_error_bound(widths[:300_000], 10),
    "spectral_bound": lambda: sc.spectral_bound(widths[::30], 1e6, 10, 100),
    "refined_bound": lambda: sc.refined_bound(widths[::300], 1e6, 10, 100),
    "compute_optimal": lambda: sc.compute_optimal(np.tile(budgets, 100), 10, 100),
    "compute_optimal refined": lambda: sc.compute_optimal(budgets, 10, 100, bound="refined"),
    "table d = 10": lambda: build_rows(10, 1024, False),
    "table d = 3": lambda: build_rows(3, 300, False),
    "train sgd": lambda: sc.train(
        prior, [4, 16], 20_000, learning_rates=[0.02, 0.05], repeats=8, rng=1
    ),
    "train adam": lambda: sc.train(
        prior, [4, 16], 20_000, learning_rates=[0.02], optimizer="adam", repeats=8, rng=1
    ),
    "train adf": lambda: sc.train(prior, [12, 57], 2_000, optimizer="adf", repeats=4, rng=1),
    "misspecification": lambda: sc.misspecification(prior, [10, 100], networks=200, rng=1),
    "frontier of runs": lambda: runs.frontier(np.geomspace(1e3, 1e5, 5)),
}


def timed(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def beside(call):
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        time.sleep(0.1)  # until it runs
        return timed(call)
    finally:
        busy.kill()
        busy.wait()


def main():
    wanted = sys.argv[1:]
    print(f"{os.cpu_count()} CPUs\n{'call':28}{'alone':>10}{'beside':>10}{'ratio':>8}")
    for name, call in CALLS.items():
        if wanted and not any(part in name for part in wanted):
            continue
        call()  # what is made once is made now
        pairs = [(timed(call), beside(call)) for _ in range(ROUNDS)]
        alone, busy = (statistics.median(times) for times in zip(*pairs, strict=True))
        ratio = statistics.median(b / a for a, b in pairs)
        fault = "  too slow" if ratio > MOST else ""
        print(f"{name:28}{alone:9.3f}s{busy:9.3f}s{ratio:8.2f}{fault}", flush=True)


if __name__ == "__main__":
    main()
