"""`scalecore compare`: forms by forecasting, and two recipes."""

import csv
import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest

import scalecore as sc

pytest.importorskip("click")


@pytest.fixture
def command(tmp_path):
    N, D = (a.ravel() for a in np.meshgrid(np.geomspace(2e7, 4e9, 6), np.geomspace(1e9, 3e11, 6)))
    loss = 1.8 + (5e3 / N**0.45 + 2e4 / D**0.46) ** 0.5
    for name, factor in (("runs.csv", 1.0), ("better.csv", 0.99)):
        with open(tmp_path / name, "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["params", "tokens", "val_loss", "recipe"])
            writer.writerows(zip(N, D, factor * loss, ["a"] * 30 + ["b"] * 6, strict=True))

    def run(*arguments, status=0):
        done = subprocess.run(
            [sys.executable, "-m", "scalecore", "compare", *arguments],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=dict(os.environ),
            timeout=120,
        )
        assert done.returncode == status, done.stderr
        return done

    run.folder = tmp_path
    return run


def test_forms(command):
    done = command("runs.csv", "--forms", "additive,coupled", "--resamples", "20", "--seed", "1")
    assert "best: coupled" in done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        "form",
        "additive",
        "coupled",
        "stacked",
    ]
    rows = json.loads(command("runs.csv", "--resamples", "0", "--format", "json").stdout)
    found = sc.compare(sc.RunTable.read(command.folder / "runs.csv"), resamples=0)
    assert [row["error"] for row in rows[:3]] == [found.mean_error[form] for form in found.forms]
    assert rows[0]["coverage"] is None


def test_every_cut_and_a_picture(command):
    done = command(
        "runs.csv",
        *("--cuts", "1e19,1e20", "--each", "--resamples", "0"),
        *("--format", "csv", "--plot", "forecasts.png"),
    )
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [float(row["compute"]) for row in rows] == [1e19, 1e20] * 3
    assert (command.folder / "forecasts.png").stat().st_size > 1000


def test_rows_and_columns(command):
    done = command(
        "runs.csv",
        *("--where", "recipe=a", "--column", "loss=val_loss", "--column", "samples=tokens"),
        *("--resamples", "0", "--each", "--format", "csv"),
    )
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert int(rows[-1]["fitted"]) < 30


def test_recipes(command):
    done = command(
        "better.csv", "--against", "runs.csv", "--resamples", "50", "--seed", "0", "--format", "csv"
    )
    difference, share = csv.DictReader(io.StringIO(done.stdout))
    assert float(difference["value"]) == pytest.approx(-0.01)
    assert float(difference["pairs"]) == 36
    assert float(share["low"]) <= float(share["value"]) < 1


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (["missing.csv"], 2, "missing.csv"),
        (["runs.csv", "--forms", "nonsense"], 2, "'nonsense' is not one of additive"),
        (["runs.csv", "--column", "loss"], 2, "--column must be like name=value, got 'loss'"),
        (["runs.csv", "--column", "loss=val"], 2, "val_loss"),
        (["runs.csv", "--cuts", "1e30"], 2, "leaves nothing"),
        (["runs.csv", "--horizon", "1"], 2, "horizon must be above 1"),
        ([], 2, "RUNS"),
    ],
)
def test_mistakes_are_one_line(command, arguments, status, text):
    told = command(*arguments, status=status).stderr
    assert text in told
    assert len(told.splitlines()) == 1
