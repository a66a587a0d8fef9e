"""The command fit: the numbers of `sc.fit`, and one clear line for every mistake."""

import csv
import io
import json
import warnings

import numpy as np
import pytest

import scalecore as sc

pytest.importorskip("click")

from scalecore.cli._app import run


@pytest.fixture
def command(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # run() puts its own there
    N, D = (a.ravel() for a in np.meshgrid(np.geomspace(1e8, 3e9, 4), np.geomspace(1e9, 2e10, 4)))
    noise = np.exp(0.004 * np.random.default_rng(0).standard_normal(16))
    with open("runs.csv", "w", newline="") as file:
        write = csv.writer(file)
        write.writerow(["params", "tokens", "val_loss"])
        loss = (1.8 + 480 / N**0.35 + 2100 / D**0.37) * noise
        write.writerows(zip(*(map(repr, column.tolist()) for column in (N, D, loss)), strict=True))

    def call(*arguments, status=0):
        with pytest.raises(SystemExit) as stop:
            run([str(argument) for argument in arguments])
        code = stop.value.code or 0
        assert code == status if status is not None else code != 0
        return capsys.readouterr()

    return call


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_parameters_are_those_of_the_function(command):
    shown = command("fit", "runs.csv", "--form", "additive", "--seed", 3, "--format", "csv")
    law = sc.fit(sc.RunTable.read("runs.csv"), "additive", rng=3)
    for row in rows_of(shown.out):
        low, high = law.interval()[row["parameter"]]
        assert float(row["value"]) == law.values[row["parameter"]]
        assert (float(row["low"]), float(row["high"])) == (low, high)
    assert "samples = 'tokens', loss = 'val_loss'" in shown.err
    assert "CONVERGED" in shown.err
    assert "starts agree" in shown.err


def test_splits_laws_and_pictures(command):
    shown = command(
        *("fit", "runs.csv", "--form", "tied", "-C", "1e21:1e23:3", "--seed", 1),
        *("--out", "law.json", "--plot", "fit.png", "--format", "json"),
    )
    rows = json.loads(shown.out)
    law = sc.FittedLaw.load("law.json")
    best = law.compute_optimal([1e21, 1e22, 1e23])
    np.testing.assert_array_equal([row["parameters"] for row in rows], best.parameters)
    np.testing.assert_array_equal([row["loss_high"] for row in rows], best.loss_high)
    assert {row["status"] for row in rows} == {"INTERIOR"}
    with open("fit.png", "rb") as picture:
        assert picture.read(4) == b"\x89PNG"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("nope.csv",), "nope.csv"),
        (("runs.csv", "--column", "loss=foo"), "the columns there are params, tokens, val_loss"),
        (("runs.csv", "--column", "loss"), "name=value"),
        (("runs.csv", "--form", "straight"), "straight"),
        (("runs.csv", "--form", "repeated"), "unique_samples"),
        (("runs.csv", "--delta", "0"), "delta"),
        (("runs.csv", "--level", "2"), "level"),
        (("runs.csv", "--resamples", "-1"), "resamples"),
        (("runs.csv", "-C", "0"), "budget"),
        (("runs.csv", "--out", "no/where.json"), "folder does not exist"),
    ],
)
def test_each_mistake_is_one_line(command, arguments, text):
    shown = command("fit", *arguments, status=2)
    assert text in shown.err
    assert len(shown.err.strip().splitlines()) == 1
    assert not shown.out


def test_a_law_that_is_not_identified_says_what_would_help(command):
    N = np.geomspace(1e8, 1e10, 9)
    with open("ray.csv", "w") as file:
        file.write("N,D,L\n" + "".join(f"{n},{20 * n},{2 + n**-0.1}\n" for n in N))
    shown = command("fit", "ray.csv", "--form", "additive", "-C", "1e22")
    assert "NOT_IDENTIFIED" in shown.err
    assert "add runs" in shown.err
    assert "NO_LAW" in shown.out
