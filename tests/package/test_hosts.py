"""Inside other people's processes: forks after threaded work, many Python threads, too little
memory.

SCALECORE_FORKS sets how many forks each start method gets (CI: a few; by hand: 1000).
"""

import os

import numpy as np
import pytest

import scalecore as sc

FORKS = int(os.environ.get("SCALECORE_FORKS", "25"))

MIXED = """
import numpy as np, scalecore as sc

def mixed(i):
    "Every kind of parallel work, small; as bytes."
    rng = np.random.default_rng(i)
    n = np.geomspace(1, 1e6 + i, 70_000)
    prior = sc.NetworkPrior(3, 5.0 + i % 3)
    network = prior.sample(i)
    parts = [
        sc.error_bound(n, 1e6, 10, 100),
        sc.compute_optimal(np.geomspace(1e6, 1e12, 700), 10 + i % 5, 100).width,
        network(rng.standard_normal((1100, 3))),
        sc.misspecification(prior, [4, 9], networks=3, inputs=64, rng=i).kl.mean,
        sc.train(prior, [2, 5], 128, learning_rates=[0.1, 0.3], repeats=2, rng=i).error,
    ]
    return b"".join(np.asarray(part).tobytes() for part in parts)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_forks_after_threaded_work(run_python):
    """Children of os.fork, some of them from a thread, and their own children; as a preloading web
    server makes them."""
    code = (
        MIXED
        + f"""
import os, sys, threading
want = [mixed(i) for i in range(4)]

def child(i, deeper=True):
    process = os.fork()
    if process == 0:
        status = 1
        try:
            status = 0 if mixed(i % 4) == want[i % 4] else 2
            if deeper and i % 5 == 0:
                status = status or child(i + 1, False)
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])

bad = []
for i in range({FORKS}):
    if i % 7 == 3:
        thread = threading.Thread(target=lambda: bad.append(child(i)))
        thread.start()
        thread.join()
    else:
        bad.append(child(i))
    if i % 10 == 0:
        assert mixed(i % 4) == want[i % 4]  # the parent keeps its threads
assert len(bad) == {FORKS} and not any(bad), bad
print("done")
"""
    )
    done = run_python(code, timeout=60 + 2 * FORKS, OMP_NUM_THREADS="4", PYTHONWARNINGS="ignore")
    assert done.strip() == "done"


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing_after_threaded_work(method, tmp_path, run_python):
    if method == "fork" and not hasattr(os, "fork"):
        pytest.skip("no fork here")
    tasks = FORKS if method == "fork" or FORKS >= 1000 else max(4, FORKS // 5)
    (tmp_path / "work.py").write_text(
        MIXED
        + f"""
if __name__ == "__main__":
    import multiprocessing
    want = [mixed(i) for i in range(4)]
    context = multiprocessing.get_context({method!r})
    with context.Pool(3, maxtasksperchild=1) as pool:
        found = pool.map(mixed, [i % 4 for i in range({tasks})], chunksize=1)
    assert found == [want[i % 4] for i in range({tasks})]
    print("done")
"""
    )
    code = (
        f"import runpy, sys; sys.argv = ['work']; runpy.run_path({str(tmp_path / 'work.py')!r}, "
        "run_name='__main__')"
    )
    if method != "fork":  # children import the main module by its path
        code = (
            "import subprocess, sys; print(subprocess.run([sys.executable, "
            f"{str(tmp_path / 'work.py')!r}], check=True).returncode)"
        )
    done = run_python(code, timeout=120 + 4 * FORKS, OMP_NUM_THREADS="4", PYTHONWARNINGS="ignore")
    assert "done" in done


def test_64_python_threads(run_python):
    """Mixed calls from many threads at once have the bits of serial ones."""
    rounds = int(os.environ.get("SCALECORE_ROUNDS", "4"))
    code = (
        MIXED
        + f"""
import threading
want = [mixed(i) for i in range(8)]
wrong, done = [], []

def work(seed):
    for i in range({rounds}):
        which = (seed + i) % 8
        if mixed(which) != want[which]:
            wrong.append((seed, i))
        done.append(1)

threads = [threading.Thread(target=work, args=(seed,)) for seed in range(64)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert not wrong, wrong[:5]
print(len(done))
"""
    )
    assert run_python(code, timeout=120 + 64 * rounds) == f"{64 * rounds}\n"


def test_an_allocation_that_fails_is_a_memory_error(run_python):
    """Arrays and work space that cannot be had: an exception, and the next call works."""
    pytest.importorskip("resource")
    code = """
import resource, numpy as np, scalecore as sc
prior = sc.NetworkPrior(3, 50.0)
network = prior.sample(0)
small = sc.error_bound(np.geomspace(1, 10, 100), 1e6, 10, 100)
sc.train(prior, [2], 64, learning_rates=[0.1], repeats=1, rng=0)
n = np.ones(1)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (96 << 20), -1))
raised = 0
for call in (
    lambda: sc.error_bound(np.broadcast_to(n, 10**9), 1e6, 10, 100),
    lambda: sc.compute_optimal(np.broadcast_to(1e9 * n, 10**8), 10, 100, n_threads=1),
    lambda: sc.misspecification(sc.NetworkPrior(1000, 5.0), [4], networks=2, inputs=10**5, rng=0,
                                n_threads=1),
    lambda: sc.train(sc.NetworkPrior(10_000, 1.0), [5000], 64, learning_rates=[0.1], repeats=1,
                     rng=0, n_threads=1),
):
    try:
        call()
    except MemoryError:
        raised += 1
assert raised == 4, raised
again = sc.error_bound(np.geomspace(1, 10, 100), 1e6, 10, 100, out=np.empty(100))
assert np.array_equal(again, small)
print("done")
"""
    if not os.path.exists("/proc/self/statm"):
        pytest.skip("no /proc here")
    assert run_python(code).strip() == "done"


def test_arrays_through_the_wrappers_whatever_their_layout():
    """A fuzzer of the array wrappers: random shapes, strides, types and values, against one point
    at a time."""
    rng = np.random.default_rng(int(os.environ.get("SCALECORE_FUZZ_SEED", "0")))
    special = np.array([0, 1, 0.5, -1, np.nan, np.inf, 1e300, 1e301, 1e-300, 1e-310, 2, 10, 80])
    for _ in range(int(os.environ.get("SCALECORE_FUZZ", "300"))):
        shape = tuple(rng.integers(0, 6, rng.integers(1, 3)))
        arguments = []
        for _ in range(4):
            own = tuple(size if rng.random() < 0.8 else 1 for size in shape)
            values = np.where(
                rng.random(own) < 0.2, rng.choice(special, own), 10 ** rng.uniform(0, 12, own)
            )
            step = tuple(slice(None, None, rng.choice([-2, -1, 1, 2])) for _ in own)
            room = np.zeros(tuple(2 * size for size in own), rng.choice([np.float64, np.float32]))
            part = room[step][tuple(slice(size) for size in own)]
            with np.errstate(over="ignore"):
                part[...] = values
            part.flags.writeable = bool(rng.random() < 0.5)
            arguments.append(part)
        with np.errstate(all="ignore"):
            got = sc.error_bound(*arguments)
            points = np.broadcast_arrays(*arguments)
            flat = [
                float(sc.error_bound(*map(float, point)))
                for point in zip(*(p.ravel() for p in points), strict=True)
            ]
            want = np.array(flat).reshape(points[0].shape)
            if not any(a.dtype == np.float64 for a in arguments):
                got = got.astype(np.float64)
            frontier = sc.compute_optimal(*arguments[:3])
        np.testing.assert_array_equal(got, want)
        assert frontier.status.shape == np.broadcast_shapes(*(a.shape for a in arguments[:3]))
