import csv
import re

import numpy as np
import pytest
from test_cli import rows, scalecore_command

import scalecore as sc

pytest.importorskip("click")

__all__ = ["scalecore_command"]

SMALL = ["--most-units", "64"]


@pytest.fixture(scope="module", autouse=True)
def tables(tmp_path_factory):
    """Build each table once for all processes; not of d = 3, of which docstrings show smaller
    ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCALECORE_TABLES", str(tmp_path_factory.mktemp("tables")))
        sc.spectral_table(5, most_units=64)
        yield


def test_bound_spectral(scalecore_command):
    got = rows(
        scalecore_command(
            "bound", "-n", "2,30", "-T", "1e5", "-d", "5", "--spectral", *SMALL, "--format", "csv"
        )
    )
    for row in got:
        point = [float(row[name]) for name in ("width", "samples", "input_dim", "concentration")]
        assert float(row["spectral_bound"]) == sc.spectral_bound(*point)
        assert float(row["refined_bound"]) == sc.refined_bound(*point)
        assert float(row["bayes_error_bound"]) == sc.bayes_error_bound(point[1], 5)
        assert float(row["bayes_error_lower_bound"]) == sc.bayes_error_lower_bound(*point[1:])
        assert row["strategy"] == sc.spectral_terms(*point, strategies="all").strategy
    assert "spectral_bound" not in scalecore_command("bound", "-n", "2", "-T", "1e5")


def test_fractional_dimensions_have_no_spectral_bound_and_are_told(tmp_path):
    from test_cli import run

    done = run(
        "bound",
        "-n",
        "2",
        "-T",
        "1e5",
        "-d",
        "2.5,5",
        "--spectral",
        *SMALL,
        "--format",
        "csv",
        folder=tmp_path,
    )
    broken, whole = rows(done.stdout)
    assert broken["spectral_bound"] == broken["bayes_error_bound"] == ""
    assert broken["bayes_error_lower_bound"] == ""
    assert broken["strategy"] == "invalid"
    assert float(broken["error_bound"]) > 0
    assert float(whole["spectral_bound"]) > 0
    assert done.stderr == "note: spectral bounds are for whole input_dim up to 1e15; none for 2.5\n"


def test_sweeps_tell_of_fractional_dimensions_too(tmp_path):
    from test_cli import run

    for command in (
        ["frontier", "-C", "1e6", "--bound", "refined"],
        ["bound", "-n", "2", "-T", "1e5", "--quantity", "spectral_bound"],
    ):
        done = run("sweep", *command, "-d", "1,2.5", "--out", command[0], folder=tmp_path)
        assert done.stderr.startswith(
            "note: spectral bounds are for whole input_dim up to 1e15; none for 2.5\nSweep("
        )
    quiet = run(
        "sweep", "frontier", "-C", "1e6", "-d", "1,2.5", "--out", "optimal", folder=tmp_path
    )
    assert "note" not in quiet.stderr


@pytest.mark.parametrize("bound", ["spectral", "refined"])
def test_frontier_and_isoflop(scalecore_command, bound):
    options = ["-d", "5", "-C", "1e6,1e9", "--bound", bound, *SMALL, "--format", "csv"]
    got = rows(scalecore_command("frontier", *options))
    best = sc.compute_optimal([1e6, 1e9], 5, 100, bound=bound)
    assert [float(row["width"]) for row in got] == best.width.tolist()
    lines = rows(scalecore_command("isoflop", *options, "--points", "5"))
    assert [float(row["error"]) for row in lines] == sc.isoflop(
        [1e6, 1e9], 5, 100, points=5, bound=bound
    ).error.ravel().tolist()


def test_spectrum(scalecore_command):
    got = rows(
        scalecore_command(
            "spectrum", "-d", "5", "--degrees", "5", "--plot", "s.png", "--format", "csv"
        )
    )
    found = sc.spectrum(5, degrees=5)
    for name in ("degree", "eigenvalue", "multiplicity", "mass", "tail"):
        assert [float(row[name]) for row in got] == getattr(found, name).tolist()
    assert (scalecore_command.folder / "s.png").stat().st_size > 5000


def numbers(folder, name="figure2.csv"):
    with (folder / name).open() as file:
        return list(csv.DictReader(file))


def test_figure2_writes_its_numbers(scalecore_command):
    scalecore_command("figure2", "-d", "5", "-K", "10", "--cost", "6", *SMALL)
    got = numbers(scalecore_command.folder)
    assert {row["line"] for row in got} == {"optimal", "closed_form", "spectral", "refined"}
    for row in got[:: len(got) // 40]:
        best = sc.compute_optimal(float(row["budget"]), 5, 10, cost=6, bound=row["line"])
        assert float(row["error"]) == best.error
        assert float(row["width"]) == best.width


def test_figure2_with_trained_networks(scalecore_command):
    places = ["-d", "5", "-K", "10", "--seed", "1"]
    scalecore_command(
        "train",
        *places,
        "-n",
        "1,2,4,8,16,32",
        "-T",
        "5000",
        "--rates",
        "0.05",
        "--repeats",
        "3",
        "-C",
        "1e4",
        "--out",
        "r.nc",
    )
    scalecore_command("figure2", "--runs", "r.nc", *SMALL)
    trained = [row for row in numbers(scalecore_command.folder) if row["line"] == "trained (sgd)"]
    assert {(row["input_dim"], row["concentration"]) for row in trained} == {("5.0", "10.0")}
    again = sc.TrainingRuns.load(scalecore_command.folder / "r.nc").frontier(
        [float(row["budget"]) for row in trained]
    )
    assert [float(row["error"]) for row in trained] == again.error.tolist()
    assert [float(row["error_low"]) for row in trained] == again.error_interval[:, 0].tolist()
    scalecore_command("figure2", *places, "--train", "500", *SMALL, "--out", "quick.pdf")
    assert any(
        row["line"] == "trained (sgd)" for row in numbers(scalecore_command.folder, "quick.csv")
    )
    for bad, text in (
        (["--runs", "r.nc", "--train", "500"], "--runs and --train exclude each other"),
        (["--runs", "r.nc", "-d", "4", *SMALL], "runs must have been trained at input_dim 4"),
        (["--runs", "none.nc"], "does not exist"),
        (["--train", "1.5"], "samples must be a whole number"),
        (["--most-units", "1"], "--most-units"),
        (["-d", "2.5"], "-d"),
    ):
        message = scalecore_command("figure2", *bad, status=2)
        assert text in message
        assert len(message.splitlines()) == 1


def test_the_filter_has_no_learning_rate(scalecore_command):
    common = ["-n", "1,4,16", "-T", "300", "--repeats", "2", "--seed", "1", "--optimizer", "adf"]
    got = rows(scalecore_command("train", "-d", "5", *common, "-C", "1500", "--format", "csv"))
    runs = sc.train(sc.NetworkPrior(5, 100), [1, 4, 16], 300, optimizer="adf", repeats=2, rng=1)
    assert float(got[0]["error"]) == runs.frontier([1500]).error[0]
    scalecore_command("sweep", "train", "-d", "2,5", "-K", "10", *common, "--out", "f.zarr")
    key = np.random.SeedSequence(1, spawn_key=(1,))
    with sc.Sweep.load(scalecore_command.folder / "f.zarr").open() as data:
        runs = sc.train(
            sc.NetworkPrior(5, 10), [1, 4, 16], 300, optimizer="adf", repeats=2, rng=key
        )
        assert data.learning_rate.values.tolist() == [1.0]
        assert np.array_equal(data.error.sel(input_dim=5), runs.error)
    for command in (["train"], ["sweep", "train", "--out", "x.zarr"]):
        message = scalecore_command(*command, "--optimizer", "adf", "--rates", "0.1", status=2)
        assert "--rates must be left out with --optimizer adf" in message
        assert len(message.splitlines()) == 1
    assert not (scalecore_command.folder / "x.zarr").exists()


def test_sweeping_the_filter_refuses_rates(tmp_path):
    grid, given = {"input_dim": 5, "concentration": 10}, {"widths": [1, 4], "samples": 100}
    for name, value in {"learning_rates": [0.1], "decay": 0.5, "decay_start": 10.0}.items():
        with pytest.raises(ValueError, match=f"{name} must be left out"):
            sc.sweep("train", grid, tmp_path / "f", optimizer="adf", **given, **{name: value})
    with pytest.raises(TypeError, match="learning_rates must be given"):
        sc.sweep("train", grid, tmp_path / "f", **given)
    assert not (tmp_path / "f").exists()


@pytest.mark.parametrize(
    "task", ["spectral_bound", "refined_bound", "bayes_error_bound", "bayes_error_lower_bound"]
)
def test_sweeps_of_spectral_bounds(tmp_path, task):
    sizes = {"samples": [1e3, 1e5], "input_dim": [1, 2.5, 5]}
    grid = {
        "bayes_error_bound": sizes,
        "bayes_error_lower_bound": sizes | {"concentration": 10},
    }.get(task, {"width": [2, 30]} | sizes | {"concentration": 10})
    sc.spectral_table(1)
    with sc.sweep(task, grid, tmp_path / "store").open() as data:
        values = data[task].values
    point = np.meshgrid(*(np.atleast_1d(axis) for axis in grid.values()), indexing="ij")
    with pytest.warns(RuntimeWarning, match="invalid value"):
        expected = getattr(sc, task)(*point).reshape(values.shape)
    assert np.array_equal(values, expected, equal_nan=True)
    assert np.isnan(values[..., 1]).all()


def test_help_teaches_about_tables(scalecore_command):
    for name in ("bound", "frontier", "isoflop", "figure2"):
        text = re.sub(r"\s+", " ", scalecore_command(name, "--help"))
        assert "--most-units" in text
        assert "SCALECORE_TABLES" in text
