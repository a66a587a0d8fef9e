"""The commands plan and suggest: numbers of the functions, and one clear line for every mistake."""

import csv
import io
import json
import warnings

import numpy as np
import pytest

import scalecore as sc

pytest.importorskip("click")

from scalecore.cli._app import run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with law.json, fitted with draws, and given.json, published constants."""
    place = tmp_path_factory.mktemp("laws")
    N, D = (a.ravel() for a in np.meshgrid(np.geomspace(1e7, 3e8, 4), np.geomspace(1e9, 2e10, 4)))
    noise = np.exp(0.004 * np.random.default_rng(0).standard_normal(16))
    table = sc.RunTable(N, D, (1.8 + 480 / N**0.35 + 2100 / D**0.37) * noise)
    sc.fit(table, "additive", rng=0, resamples=100).save(place / "law.json")
    values = {
        "E": 1.87,
        "A": 521,
        "alpha": 0.353,
        "B": 1488,
        "beta": 0.353,
        "R_D": 15.4,
        "R_N": 5.3,
    }
    sc.FittedLaw.from_values("repeated", values).save(place / "given.json")
    (place / "other.json").write_text("{}")
    return place


@pytest.fixture
def command(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # run() puts its own there

    def call(*arguments, status=0):
        with pytest.raises(SystemExit) as end:
            run(list(arguments))
        told = capsys.readouterr()
        assert end.value.code == status, told.err
        return told

    return call


def rows(told):
    return list(csv.DictReader(io.StringIO(told.out)))


def test_plan_prints_the_plan(command, folder):
    budgets = ("plan", "law.json", "-C", "1e21:1e25:5", "--inference", "1e12")
    found = rows(command(*budgets, "--format", "csv"))
    law = sc.FittedLaw.load(folder / "law.json")
    plan = sc.plan(law, training_budget=np.geomspace(1e21, 1e25, 5), inference_samples=1e12)
    for name in ("parameters", "samples_low", "loss_high", "total_compute"):
        assert [float(row[name]) for row in found] == pytest.approx(getattr(plan, name), rel=1e-12)
    assert {row["status"] for row in found} == {"INTERIOR"}
    assert json.loads(command(*budgets, "--format", "json").out)[0]["training_budget"] == 1e21
    assert "INTERIOR" in command(*budgets).out


def test_plan_takes_grids_and_says_what_has_no_answer(command):
    told = command(
        *("plan", "law.json", "--loss", "2.1,1.2", "--inference", "0,1e12"),
        *("--max-parameters", "5e9", "--format", "csv"),
    )
    found = rows(told)
    assert [row["status"] for row in found] == ["AT_MAX_PARAMETERS", "INTERIOR"] + [
        "OUT_OF_REACH"
    ] * 2
    assert found[2]["parameters"] == ""
    assert "2 of 4 questions have no answer" in told.err


def test_plan_with_repeats_and_prices(command, folder):
    found = rows(
        command("plan", "given.json", "-C", "1e23", "--unique-samples", "1e11", "--format", "csv")
    )
    assert float(found[0]["epochs"]) > 2
    assert "parameters_low" not in found[0]  # no draws
    price = rows(
        command("plan", "law.json", "--total-budget", "1e22", "--price", "0.5,2", "--format", "csv")
    )
    assert [float(row["factor"]) for row in price] == [0.5, 2.0]
    assert all(float(row["extra_total"]) > 0 for row in price)
    command("plan", "law.json", "-C", "1e22", "--plot", "price.png")
    assert (folder / "price.png").stat().st_size > 1000


def test_suggest_prints_pilots(command, folder):
    ask = (
        "suggest",
        "law.json",
        "--budget",
        "1e20",
        "--target",
        "1e23",
        "--seed",
        "0",
        "--simulations",
        "4",
    )
    told = command(*ask, "--format", "csv", "--plot", "pilots.png")
    found = rows(told)
    spent = sum(float(row["compute"]) * int(row["repeats"]) for row in found)
    assert 0.5e20 < spent <= 1e20 * (1 + 1e-9)
    assert "runs" in told.err
    assert "about [" in told.err
    assert (folder / "pilots.png").stat().st_size > 1000
    few = rows(command(*ask, "--quantity", "parameters", "--most-runs", "3", "--format", "csv"))
    assert sum(int(row["repeats"]) for row in few) <= 3


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ("plan law.json", "exactly one of --training-budget"),
        ("plan law.json -C 1e21 --loss 2", "exactly one of"),
        ("plan law.json -C -1e21", "training_budget must be finite and greater than 0"),
        ("plan law.json -C lots", "'lots' is neither a number"),
        ("plan law.json -C 1e21 --level 2", "level"),
        ("plan law.json -C 1e21 --inference-cost 1,2", "one number"),
        ("plan law.json -C 1e21 --unique-samples 1e9", "needs a form with repeated data"),
        ("plan nowhere.json -C 1e21", "does not exist"),
        ("plan other.json -C 1e21", "is not a fitted law"),
        ("plan law.json -C 1e21 --plot plan.txt", "must end in one of"),
        ("plan", "Missing argument 'LAW'"),
        ("suggest law.json --budget 1e20", "Missing option '--target'"),
        ("suggest law.json --budget 1 --target 1e23", "does not pay for any candidate"),
        ("suggest given.json --budget 1e20 --target 1e23", "no draws"),
        ("suggest law.json --budget 1e20 --target 1e23 --quantity E", "is not one of"),
    ],
)
def test_one_line_for_a_mistake(command, arguments, text):
    told = command(*arguments.split(), status=2)
    assert text in told.err
    assert told.err.count("\n") == 1
    assert not told.out
