import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress

import numpy as np
import pytest

import scalecore as sc

pytest.importorskip("click")


def run(*arguments, folder=None, **environment):
    command = [sys.executable, "-m", "scalecore", *arguments]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=folder,
        env=os.environ | environment,
        timeout=120,
    )


@pytest.fixture
def scalecore_command(tmp_path):
    def command(*arguments, status=0):
        done = run(*arguments, folder=tmp_path)
        assert done.returncode == status, done.stderr
        return done.stdout if status == 0 else done.stderr

    command.folder = tmp_path
    return command


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_bound(scalecore_command):
    table = scalecore_command("bound", "-n", "1:1e4:5", "-T", "1e6")
    assert len(table.splitlines()) == 6
    assert "error_bound" in table.splitlines()[0]
    got = rows(
        scalecore_command(
            "bound", "-n", "1:1e4:5", "-T", "1e3,1e6", "-d", "3", "-K", "7", "--format", "csv"
        )
    )
    assert len(got) == 10
    for row in got:
        point = [float(row[name]) for name in ("width", "samples", "input_dim", "concentration")]
        assert float(row["error_bound"]) == sc.error_bound(*point)  # CSV keeps every digit
        assert float(row["closed_form_bound"]) == sc.closed_form_bound(*point)
        assert float(row["occupancy"]) == sc.occupancy(point[0], 7)


def test_frontier(scalecore_command):
    text = scalecore_command(
        "frontier", "-C", "1e6:1e12:3", "-d", "10,100", "--cost", "6", "--format", "json"
    )
    got = json.loads(text)
    best = sc.compute_optimal(np.array([1e6, 1e9, 1e12])[:, None], [10, 100], 100, cost=6)
    assert np.allclose([row["width"] for row in got], best.width.ravel(), rtol=1e-15)
    assert {row["status"] for row in got} == {"INTERIOR"}
    infeasible = json.loads(scalecore_command("frontier", "-C", "5", "--format", "json"))[0]
    assert infeasible["status"] == "INFEASIBLE"
    assert infeasible["width"] is None
    whole = rows(scalecore_command("frontier", "-C", "1e6", "--integer", "--format", "csv"))[0]
    assert (whole["width"], whole["samples"]) == ("27.0", "3703.0")


def test_infinity_is_not_json(scalecore_command):
    row = json.loads(
        scalecore_command(
            "bound", "-n", "1e300", "-T", "1", "-d", "1e300", "-K", "1e300", "--format", "json"
        )
    )[0]
    assert row["error_bound"] is None


def test_isoflop(scalecore_command):
    got = rows(scalecore_command("isoflop", "-C", "1e6,1e9", "--points", "9", "--format", "csv"))
    assert len(got) == 18
    assert float(got[4]["error"]) == sc.isoflop([1e6], 10, 100, points=9).error[0, 4]


def test_bayes(scalecore_command):
    arguments = ("-d", "3", "-K", "5", "-T", "10,100", "--replicates", "4", "--states", "4")
    got = rows(scalecore_command("bayes", *arguments, "--seed", "5", "--format", "csv"))
    sc.spectral_table(3)  # as the command has it: other tests may have left a smaller one
    found = sc.bayes_error(sc.NetworkPrior(3, 5), [10, 100], replicates=4, states=4, rng=5)
    assert [float(row["lower"]) for row in got] == found.lower.tolist()
    assert [float(row["upper"]) for row in got] == found.upper.tolist()
    assert [row["upper_source"] for row in got] == found.upper_source.tolist()


def test_simulate(scalecore_command):
    arguments = (
        "simulate",
        "-d",
        "3",
        "-K",
        "7",
        "--widths",
        "1:100:5",
        "--networks",
        "8",
        "--inputs",
        "32",
        "--seed",
        "5",
    )
    got = rows(scalecore_command(*arguments, "--format", "csv"))
    mc = sc.misspecification(
        sc.NetworkPrior(3, 7), [1, 3, 10, 32, 100], networks=8, inputs=32, rng=5
    )
    assert [float(row["kl"]) for row in got] == mc.kl.mean.tolist()
    assert [float(row["bound"]) for row in got] == mc.bound.tolist()
    assert [float(row["occupancy_std_error"]) for row in got] == mc.occupancy.std_error.tolist()
    assert len(json.loads(scalecore_command(*arguments, "--format", "json"))) == 5
    assert "kl/bound" in scalecore_command(*arguments)


@pytest.mark.parametrize(
    ("arguments", "file"),
    [
        (["frontier", "-C", "1e6:1e12:5", "--plot", "a.png"], "a.png"),
        (["isoflop", "-C", "1e6:1e8:3", "--plot", "b.svg"], "b.svg"),
        (["figure1", "--out", "c.pdf"], "c.pdf"),
        (
            ["simulate", "-n", "1:100:3", "--networks", "4", "--inputs", "8", "--plot", "d.png"],
            "d.png",
        ),
    ],
)
def test_pictures(scalecore_command, arguments, file):
    scalecore_command(*arguments)
    head = (scalecore_command.folder / file).read_bytes()[:500]
    assert {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[file[2:]] in head


def test_figure1_writes_its_numbers(scalecore_command):
    scalecore_command("figure1", "-d", "20", "-K", "50")
    numbers = rows((scalecore_command.folder / "figure1.csv").read_text())
    assert {row["panel"] for row in numbers} == {"isoflop", "isoflop_optimum", "frontier"}
    for row in numbers:
        point = [float(row[name]) for name in ("width", "samples", "input_dim", "concentration")]
        assert float(row["error"]) == pytest.approx(sc.error_bound(*point), rel=1e-14)
        assert point[2:] == [20, 50]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["frontier"], "Missing option '-C'"),
        (["frontier", "-C", "many"], "'many' is neither a number"),
        (["frontier", "-C", "1e6:1e9"], "FIRST:LAST:COUNT"),
        (["frontier", "-C", "1e6:1e9:0"], "FIRST:LAST:COUNT"),
        (["frontier", "-C", "1e6:inf:4"], "FIRST:LAST:COUNT"),
        (["frontier", "-C", "-5"], "budget must be finite and greater than 0"),
        (["frontier", "-C", "nan"], "budget must be finite"),
        (["frontier", "-C", "1e6", "-d", "0.5"], "input_dim must be finite and at least 1"),
        (["frontier", "-C", "1e6", "-K", "0"], "concentration must be finite and greater than 0"),
        (["frontier", "-C", "1e6", "--cost", "0"], "cost must be"),
        (["frontier", "-C", "1e6", "--cost", "1,2"], "one number"),
        (["frontier", "-C", "1e6", "--bound", "x"], "'x' is not one of"),
        (["frontier", "-C", "1e6", "--format", "xml"], "'xml' is not one of"),
        (["frontier", "-C", "1e6", "--plot", "a.xyz"], "must end in one of .png"),
        (["frontier", "-C", "1e6", "--plot", "no/such/a.png"], "folder does not exist"),
        (["isoflop", "-C", "1e6", "--points", "1"], "must be at least 2, got 1"),
        (["bound", "-n", "0", "-T", "5"], "width must be finite and at least 1"),
        (["bound", "-n", "1e301", "-T", "5"], "at most 1e+300"),
        (["bound", "-n", "1:10:999999999999999", "-T", "5"], "FIRST:LAST:COUNT"),
        (["bound", "-n", "1:1e4:100000", "-T", "1:1e4:100000"], "too many to print"),
        (["isoflop", "-C", "1e6", "--points", "99999999999999"], "points must be at most 1000000"),
        (["figure1", "-d", "1e300"], "too large to draw"),
        (["simulate", "-d", "0"], "input_dim must be at least 1, got 0"),
        (["simulate", "-K", "0"], "concentration must be"),
        (["simulate", "-n", "0.5"], "widths must be finite and at least 1"),
        (["simulate", "-n", "1:1e6:500"], "at most 200"),
        (["simulate", "--networks", "1"], "must be at least 2, got 1"),
        (["simulate", "--dtype", "float16"], "'float16' is not one of"),
        (["simulate", "--rtol", "0"], "rtol must be"),
        (["simulate", "--inputs", "1000000000000"], "inputs must be at most"),
        (["frontier"], "(see scalecore frontier --help)"),
        (["figur1"], "No such command"),
        (["--what"], "No such option"),
    ],
)
def test_mistakes_give_one_line_and_status_2(scalecore_command, arguments, message):
    printed = scalecore_command(*arguments, status=2)
    assert printed.startswith("scalecore: ")
    assert message in printed
    assert len(printed.splitlines()) == 1
    assert list(scalecore_command.folder.iterdir()) == []  # nothing was written


def test_help_teaches(scalecore_command):
    for command in ("--help",), ("frontier", "--help"), ("sweep", "train", "--help"):
        assert "1e6:1e15:50" in scalecore_command(*command)
    for name in ("bound", "frontier", "isoflop", "figure1", "simulate"):
        assert f"Example: scalecore {name}" in scalecore_command(name, "--help")
    assert sc.__version__ in scalecore_command("--version")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes")
def test_a_closed_pipe_is_not_an_error(tmp_path):
    command = f"{sys.executable} -m scalecore frontier -C 1e6:1e24:20000 --format csv | head -1"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=120,
    )
    assert done.stdout.startswith("budget,")
    assert done.stderr == ""


@pytest.mark.skipif(sys.platform == "win32", reason="pipes")
def test_runs_are_saved_though_nobody_reads(tmp_path):
    train = f"{sys.executable} -m scalecore train -n 1,2 -T 200 --rates 0.1 --repeats 2 --out"
    for command in f"{train} a.nc | true", f"{train} b.nc >&-":
        done = subprocess.run(
            ["bash", "-c", command], capture_output=True, text=True, cwd=tmp_path, timeout=120
        )
        assert "Traceback" not in done.stderr
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.nc", "b.nc"]


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="needs folders that refuse"
)
def test_what_cannot_be_written_is_refused_before_the_work(scalecore_command):
    scalecore_command.folder.chmod(0o500)
    try:
        for command in (
            ["frontier", "-C", "1e6", "--plot", "a.png"],
            ["train", "-T", "1e9", "--out", "a.nc"],
        ):
            assert "permission denied" in scalecore_command(*command, status=2)
    finally:
        scalecore_command.folder.chmod(0o700)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["simulate", "-K", "1e5", "--networks", "100000"], []),
        (
            ["sweep", "train", "-K", "1,2", "-T", "1e8", "--out", "a.zarr"],
            ["the same command continues"],
        ),
        (
            ["sweep", "train", "-K", "1,2,3,4,5", "-T", "1e8", "--workers", "2", "--out", "b.zarr"],
            ["the same command continues"],
        ),
    ],
)
def test_interrupts_are_answered_at_once_and_told(command, told, tmp_path):
    def interruptible():
        signal.signal(signal.SIGINT, signal.default_int_handler)

    process = subprocess.Popen(
        [sys.executable, "-m", "scalecore", *command],
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        start_new_session=True,
        preexec_fn=interruptible,
    )
    deadline = time.monotonic() + 60
    while (
        "--out" in command and not (tmp_path / command[-1]).exists() and time.monotonic() < deadline
    ):
        time.sleep(0.1)  # however busy the machine
    time.sleep(4)  # until workers are at it
    assert process.poll() is None
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all processes
    try:
        printed = process.communicate(timeout=10)[
            1
        ]  # the machine may be busy; without an answer it takes hours
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130
    assert [line for line in printed.splitlines() if line][-1] == "scalecore: interrupted"
    for text in (*told, "interrupted"):
        assert text in printed
    assert "Traceback" not in printed
    assert "Warning" not in printed


def test_diverged_learners_are_told(tmp_path):
    done = run(
        "train", "-n", "1,2", "-T", "100", "--rates", "1e10", "--repeats", "2", folder=tmp_path
    )
    assert "note: 4 of 4 learners diverged: lower --rates" in done.stderr


def test_train(scalecore_command):
    command = [
        "train",
        "-n",
        "1,2,4,8,16",
        "-T",
        "2000",
        "--rates",
        "0.02,0.1",
        "--repeats",
        "3",
        "--seed",
        "1",
    ]
    got = rows(scalecore_command(*command, "-C", "1e3,1e4", "--format", "csv"))
    runs = sc.train(
        sc.NetworkPrior(10, 100),
        [1, 2, 4, 8, 16],
        2000,
        learning_rates=[0.02, 0.1],
        repeats=3,
        rng=1,
    )
    best = runs.frontier([1e3, 1e4])
    assert [float(row["width"]) for row in got] == best.width.tolist()
    assert [float(row["bound_error"]) for row in got] == best.theory.error.tolist()
    assert [row["status"] for row in got] == [
        sc.EmpiricalStatus(int(code)).name for code in best.status
    ]
    table = scalecore_command(
        *command, "--out", "runs.nc", "--curves", "curves.png", "--plot", "frontier.png"
    )
    assert len(table.splitlines()) == 8
    for name in ("runs.nc", "curves.png", "frontier.png"):
        assert (scalecore_command.folder / name).stat().st_size > 5000
    assert np.array_equal(
        sc.TrainingRuns.load(scalecore_command.folder / "runs.nc").error, runs.error
    )
    for bad, text in (
        (["--rates", "0"], "rates must be"),
        (["-T", "1.5"], "samples must be a whole number"),
        (["--repeats", "1"], "--repeats"),
        (["--out", "nowhere/runs.nc"], "folder does not exist"),
        (["--optimizer", "lbfgs"], "lbfgs"),
        (["--rates", "0.1,0.1"], "learning_rates must be distinct"),
        (["-n", "1e12"], "widths must keep"),
    ):
        message = scalecore_command("train", *bad, status=2)
        assert text in message
        assert len(message.splitlines()) == 1


def test_sweep_info_and_plot(scalecore_command):
    command = [
        "sweep",
        "frontier",
        "-C",
        "1e6:1e12:13",
        "-d",
        "1:1000:4",
        "-K",
        "1:1e4:5",
        "--out",
        "sweep.zarr",
    ]
    scalecore_command(*command, "--chunk", "5")
    store = sc.Sweep.load(scalecore_command.folder / "sweep.zarr")
    assert (store.finished, store.chunks) == (3, 3)
    with store.open() as data:
        best = sc.compute_optimal(
            data.budget.values[:, None, None],
            data.input_dim.values[:, None],
            data.concentration.values,
        )
        assert np.array_equal(data.width.values, best.width)
    scalecore_command(*command, "--chunk", "5")  # nothing to do
    assert "belongs to another sweep" in scalecore_command(*command, "--chunk", "4", status=2)
    told = scalecore_command("info", "sweep.zarr")
    for text in (
        "compute_optimal",
        "budget: 13 values from 1e+06 to 1e+12, in chunks of 5",
        "cost: 1",
        "3 of 3 chunks (100.0%)",
    ):
        assert text in told
    scalecore_command("plot", "sweep.zarr", "--out", "sweep.png")
    assert (scalecore_command.folder / "sweep.png").stat().st_size > 20_000
    scalecore_command(
        "sweep", "bound", "-n", "1:100:5", "-T", "1e3,1e6", "--out", "bound.zarr", "--workers", "2"
    )
    with sc.Sweep.load(scalecore_command.folder / "bound.zarr").open() as data:
        assert np.array_equal(
            data.error_bound.values,
            sc.error_bound(data.width.values[:, None], data.samples.values, 10, 100),
        )
    for bad, text in (
        (["info", "nothing.zarr"], "no such store"),
        (["plot", "bound.zarr"], "only swept frontiers can be drawn"),
        (["sweep", "frontier", "-C", "1e6"], "--out"),
        (["sweep", "frontier", "-C", "0", "--out", "x.zarr"], "budget must be"),
        (
            ["sweep", "train", "-d", "2.5", "--out", "x.zarr"],
            "input_dim must be whole numbers, at least 1, got 2.5",
        ),
        (["sweep", "train", "-T", "10.5", "--out", "x.zarr"], "samples must be a whole number"),
    ):
        message = scalecore_command(*bad, status=2)
        assert text in message
        assert len(message.splitlines()) == 1
    assert not (scalecore_command.folder / "x.zarr").exists()


def test_sweeps_of_networks(scalecore_command):
    places = ["-d", "2,3", "-K", "1,10", "--widths", "1,2,4", "--seed", "3"]
    scalecore_command(
        "sweep",
        "misspecification",
        *places,
        "--networks",
        "8",
        "--inputs",
        "32",
        "--out",
        "kl.zarr",
    )
    scalecore_command(
        "sweep",
        "train",
        *places,
        "-T",
        "200",
        "--rates",
        "0.1",
        "--repeats",
        "2",
        "--workers",
        "2",
        "--out",
        "t.zarr",
    )
    key = np.random.SeedSequence(3, spawn_key=(3,))
    with sc.Sweep.load(scalecore_command.folder / "kl.zarr").open() as data:
        expected = sc.misspecification(
            sc.NetworkPrior(3, 10), [1, 2, 4], networks=8, inputs=32, rng=key
        )
        assert np.array_equal(data.kl.sel(input_dim=3, concentration=10), expected.kl.mean)
    with sc.Sweep.load(scalecore_command.folder / "t.zarr").open() as data:
        runs = sc.train(
            sc.NetworkPrior(3, 10), [1, 2, 4], 200, learning_rates=[0.1], repeats=2, rng=key
        )
        assert np.array_equal(data.error.sel(input_dim=3, concentration=10), runs.error)


def commands(group, path=()):
    for name, command in group.commands.items():
        yield (*path, name), command
        yield from commands(command, (*path, name)) if hasattr(command, "commands") else ()


def test_every_help_teaches_by_an_example():
    """One that the command itself takes."""
    from scalecore.cli import main

    for path, command in commands(main):
        example = (
            re.search(r"Example: scalecore ([^\n]+)", command.help)
            .group(1)
            .split(", then")[0]
            .split()
        )
        assert tuple(example[: len(path)]) == path
        command.make_context(path[-1], example[len(path) :])


def test_shells_complete(tmp_path):
    def complete(*words):
        asked = {
            "_SCALECORE_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join(words),
            "COMP_CWORD": str(len(words) - 1),
        }
        done = run(folder=tmp_path, **asked)
        assert done.returncode == 0, done.stderr
        return {line.partition(",")[2] for line in done.stdout.splitlines()}

    assert {"sweep", "frontier", "info"} <= complete("scalecore", "")
    assert complete("scalecore", "sweep", "t") == {"train"}
    assert complete("scalecore", "sweep", "frontier", "--bound", "c") == {"closed_form"}
    assert complete("scalecore", "sweep", "train", "--opt") == {"--optimizer"}
