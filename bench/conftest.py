"""Side-by-side benchmarks: contenders interleaved, medians, one ratio table at the end, which
``pytest --page results`` also writes into results/bench.md and bench.json, with the machine.

A benchmark is a function that takes the fixture `contest` and hands it a title, contenders by name
and the number of items; the first one is ours. A contender who would take for ever at so many items
is a pair of its call and its own number of items. pytest-benchmark times the contenders in turn,
ROUNDS times over, so that a noisy minute hits all of them alike. Beside the time stands what the
process had of the processors (all its threads), which others on the machine disturb less.
"""

import os
from time import perf_counter, process_time, sleep

# Elsewhere BLAS kernels may be pinned; a rival must run at its best. Before NumPy is imported.
for variable in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(variable, None)

import numpy as np  # noqa: E402
import page  # noqa: E402
import pytest  # noqa: E402

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "7"))
# seconds: the last contender's threads go on spinning on everybody's cores for a while, OpenBLAS's
# for 2^28 cycles
REST = 0.15
REPEATS = 3  # calls in a row
TABLES = []
MACHINE = pytest.StashKey()


@pytest.fixture
def contest(benchmark):
    def run(
        title,
        contenders,
        items,
        unit="ns a point",
        scale=1e9,
        *,
        rounds=ROUNDS,
        repeats=REPEATS,
        notes=None,
    ):
        counts = {
            name: call[1] if isinstance(call, tuple) else items for name, call in contenders.items()
        }
        contenders = {
            name: call[0] if isinstance(call, tuple) else call for name, call in contenders.items()
        }
        for call in contenders.values():
            call()  # compile, warm up, touch memory
        times = {name: [] for name in contenders}
        processor = {name: [] for name in contenders}

        def once():
            for name, call in contenders.items():
                sleep(REST)
                call()  # and our own have gone to sleep by now
                for _ in range(repeats):
                    start, start_processor = perf_counter(), process_time()
                    call()
                    times[name].append(perf_counter() - start)
                    processor[name].append(process_time() - start_processor)

        benchmark.group = title
        benchmark.pedantic(once, rounds=rounds, iterations=1)

        def medians_of(measured):
            return {
                name: float(np.median(values)) / counts[name] * scale
                for name, values in measured.items()
            }

        medians = medians_of(times)
        benchmark.extra_info.update(medians)
        of = f"{unit}, processors' time in brackets, median of {rounds * repeats}, interleaved"
        TABLES.append((f"{title} ({of})", medians, medians_of(processor), notes or {}))
        return medians

    return run


def pytest_addoption(parser):
    parser.addoption("--page", metavar="FOLDER", help="write bench.json and bench.md there")


def pytest_configure(config):
    if config.getoption("--page"):
        config.stash[MACHINE] = page.machine()  # before our own load


def pytest_terminal_summary(terminalreporter, config):
    if config.getoption("--page"):
        page.write(config.getoption("--page"), config.stash[MACHINE], TABLES)
    write = terminalreporter.write_line
    for title, medians, processor, notes in TABLES:
        ours = next(iter(medians.values()))
        write("")
        write(title)
        for name, median in medians.items():
            line = (
                f"  {name:<52s} {median:>12.4g}   {median / ours:>9.2f} x  ({processor[name]:.4g})"
            )
            write(f"{line}  {notes.get(name, '')}".rstrip())
