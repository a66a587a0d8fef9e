"""What surrounds a process: thread limits, OpenMP's environment, missing streams, closed pipes."""

import subprocess
import sys

import pytest

from scalecore._core.threads import has_openmp

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a Unix matter")
threaded = pytest.mark.skipif(not has_openmp(), reason="built without threads")

WORK = """
import hashlib, os, resource, sys, numpy as np, scalecore as sc
from scalecore._core.threads import default_threads
# What is loaded when it is used is loaded here, before files are out of reach of a lesser user.
sc.train(sc.NetworkPrior(3, 5.0), [2], 64, learning_rates=[0.1], repeats=1, rng=1, n_threads=1)
{before}
n = np.geomspace(1, 1e12, 300_001)
one = sc.error_bound(n, 1e6, 10, 100)
two = sc.compute_optimal(np.geomspace(1e6, 1e12, 9000), 10, 100, n_threads=7).width
runs = sc.train(sc.NetworkPrior(3, 5.0), [2, 5], 128, learning_rates=[0.1], repeats=3, rng=1)
digest = hashlib.sha256(one.tobytes() + two.tobytes() + runs.error.tobytes()).hexdigest()
print(default_threads(), digest)
"""


@pytest.fixture(scope="module")
def expected(run_python):
    return run_python(WORK.format(before=""), OMP_NUM_THREADS="1").split()[1]


@threaded
@pytest.mark.parametrize(
    "environment",
    [
        {"OMP_PROC_BIND": "true"},
        {"OMP_PROC_BIND": "close", "OMP_PLACES": "cores"},
        {"OMP_PROC_BIND": "spread", "OMP_PLACES": "threads"},
        {"OMP_PLACES": "{0}"},
    ],
)
def test_bound_threads_are_as_many_as_the_process_may_use(environment, run_python, expected):
    """OpenMP binds the thread that loads it to one processor: that is not all there are."""
    free = run_python(WORK.format(before="")).split()
    bound = run_python(WORK.format(before=""), **environment).split()
    assert bound[1] == free[1] == expected
    assert bound[0] == free[0] or environment == {"OMP_PLACES": "{0}"}


@threaded
@pytest.mark.parametrize("name", ["OMP_STACKSIZE", "GOMP_STACKSIZE"])
@pytest.mark.parametrize(
    ("size", "serial"), [("16K", True), ("20", True), ("64 k", True), ("4M", False)]
)
def test_stacks_too_small_for_threads_make_calls_serial(name, size, serial, run_python, expected):
    threads, digest = run_python(
        WORK.format(before=""), OMP_NUM_THREADS="3", **{name: size}
    ).split()
    assert digest == expected
    assert threads == ("1" if serial else "3")


@threaded
@pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")
@pytest.mark.parametrize("limit", ["address space", "processes"])
def test_threads_that_cannot_be_had_are_done_without(limit, run_python, expected):
    """GCC's OpenMP ends the process where it cannot start a thread."""
    if limit == "processes":  # of a user of its own, for root has no limit
        before = (
            "os.getuid() or os.setuid(54321)\nresource.setrlimit(resource.RLIMIT_NPROC, (1, 1))"
        )
    else:
        before = (
            'used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()\n'
            "resource.setrlimit(resource.RLIMIT_AS, (used + (60 << 20), -1))"
        )
    code = WORK.format(before=before)
    threads, digest = run_python(code, OMP_NUM_THREADS="7", OMP_STACKSIZE="64M").split()
    assert digest == expected
    assert threads == ("1" if limit == "address space" else threads)


def command(line, folder):
    return subprocess.run(
        ["bash", "-c", line.replace("scalecore ", f"{sys.executable} -m scalecore ")],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=120,
    )


@pytest.mark.parametrize(
    "line",
    [
        "scalecore simulate -n 1,5 --networks 2 --inputs 64 --seed 1",
        "scalecore train -n 1,2 -T 200 --rates 0.1 --repeats 2 --seed 1",
        "scalecore bound -n 1,4 -T 1e3 -d 3 --spectral --most-units 16",
        "scalecore sweep bound -n 1,5 -T 1e3 --out {out}",
    ],
)
def test_commands_need_no_standard_error(line, tmp_path):
    whole = command(line.format(out="a"), tmp_path)
    without = command(line.format(out="b") + " 2>&-", tmp_path)
    assert (without.returncode, without.stdout) == (whole.returncode, whole.stdout)
    assert whole.returncode == 0


def test_bars_need_no_standard_error(run_python):
    code = """
import sys
sys.stderr = None
import scalecore as sc
sc.misspecification(sc.NetworkPrior(3, 5), [2], networks=2, inputs=64, progress=True)
sc.spectral_table(6, most_units=10, progress=True)
sc.train(sc.NetworkPrior(3, 5), [2], 64, learning_rates=[0.1], repeats=2, progress=True)
print("done")
"""
    assert run_python(code) == "done\n"


@pytest.mark.parametrize("form", ["csv", "json", "table"])
@pytest.mark.parametrize("reader", ["true", "head -1"])
def test_a_pipe_that_nobody_reads_ends_a_command_as_it_ends_others(reader, form, tmp_path):
    many = f"scalecore frontier -C 1e6:1e24:40000 --format {form}"
    done = command(f"{many} | {reader}; echo ${{PIPESTATUS[0]}}", tmp_path)
    other = command(f"seq 1 1000000 | {reader}; echo ${{PIPESTATUS[0]}}", tmp_path)
    assert done.stdout.split()[-1] == other.stdout.split()[-1] == "141"
    assert done.stderr == ""


WHOLE = [
    ("simulate -d {} --networks 2 --inputs 64 -n 1", "-d"),
    ("spectrum -d {}", "-d"),
    ("bound -n 1 -T 1e3 -d {}", "-d"),
    ("frontier -C 1e9 -d {} --bound refined --most-units 16", "-d"),
    ("train -d {} -n 1 -T 64 --repeats 2 --rates 0.1", "-d"),
]


@pytest.mark.parametrize("text", [line for line, _ in WHOLE])
def test_whole_numbers_are_written_in_any_way(text, tmp_path):
    same = {
        command(
            f"scalecore {text.format(d)} {'--seed 1' * ('-n 1' in text and 'bound' not in text)}",
            tmp_path,
        ).stdout
        for d in ("8", "8e0", "8.0", "0.8e1", "7.999999999999999")
    }
    assert len(same) == 1
    assert "8" in same.pop()


def test_a_range_has_the_whole_numbers_that_it_passes(tmp_path):
    """1:16:5 is 1, 2, 4, 8, 16; its 7.999999999999999 had no spectral bound."""
    done = command(
        "scalecore bound -n 3 -T 1e3 -d 1:16:5 --spectral --most-units 16 --format csv", tmp_path
    )
    rows = [line.split(",") for line in done.stdout.splitlines()]
    place, bound = rows[0].index("input_dim"), rows[0].index("refined_bound")
    assert [row[place] for row in rows[1:]] == ["1.0", "2.0", "4.0", "8.0", "16.0"]
    assert all(float(row[bound]) > 0 for row in rows[1:])
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("spectrum -d 2.5", "input_dim must be a whole number, got 2.5"),
        ("spectrum -d 0", "input_dim must be at least 1, got 0"),
        ("simulate --networks 1e0", "networks must be at least 2, got 1e0"),
        ("simulate --seed -1", "seed must be at least 0, got -1"),
        ("bound -n 1:10:100000000 -T 1e3", "1e+08 combinations are too many to print"),
        ("sweep bound -n 3 --quantity bayes_error_bound --out x", "has no use for the option -n"),
        ("sweep bound --quantity occupancy --out x", "occupancy needs the option -n"),
    ],
)
def test_mistakes_are_one_line(line, message, tmp_path):
    done = command(f"scalecore {line}", tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_all_bounds_can_be_swept(tmp_path):
    for quantity, options in (("occupancy", "-n 1,5"), ("bayes_error_bound", "-T 1e3,1e4 -d 3")):
        done = command(
            f"scalecore sweep bound --quantity {quantity} {options} --out {quantity}", tmp_path
        )
        assert done.returncode == 0, done.stderr


def test_a_store_without_a_feasible_budget_has_no_picture(tmp_path):
    assert command("scalecore sweep frontier -C 1e-9,1e-8 --out s", tmp_path).returncode == 0
    done = command("scalecore plot s", tmp_path)
    assert done.returncode == 2
    assert "no budget that is feasible" in done.stderr
    assert done.stderr.count("\n") == 1
