"""Mistakes at the commands fit, compare, plan, suggest and report: one clear line each, in the
command's own words, and nothing written.
"""

import csv
import json
import subprocess
import sys
import warnings

import numpy as np
import pytest

import scalecore as sc

pytest.importorskip("click")

from scalecore.cli._app import run

CHINCHILLA = {"E": 1.69, "A": 406.4, "alpha": 0.34, "B": 410.7, "beta": 0.28}


def write_table(path, heads, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([heads, *rows])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("mistakes")
    N, D = (a.ravel() for a in np.meshgrid(np.geomspace(1e7, 3e8, 4), np.geomspace(1e9, 2e10, 4)))
    noise = np.exp(0.004 * np.random.default_rng(0).standard_normal(16))
    L = (1.8 + 480 / N**0.35 + 2100 / D**0.37) * noise
    good, ray = list(zip(N, D, L, strict=True)), np.geomspace(1e8, 1e10, 9)
    write_table(place / "runs.csv", ["N", "D", "loss"], good)
    write_table(place / "holes.csv", ["N", "D", "loss"], [*good, (1e8, "", 3.0), (1e8, 1e9, -3.0)])
    write_table(place / "words.csv", ["N", "D", "loss"], [("7B", "2T", 2.0)])
    write_table(place / "other.csv", ["N", "D", "foo"], good)
    write_table(place / "perplexity.csv", ["N", "D", "perplexity"], good)
    write_table(place / "same.csv", ["N", "N", "loss"], good)
    write_table(place / "ray.csv", ["N", "D", "loss"], [(n, 20 * n, 2 + n**-0.1) for n in ray])
    write_table(place / "heads.csv", ["N", "D", "loss"], [])
    write_table(place / "useless.csv", ["N", "D", "loss"], [(1e8, -1e9, 3.0)])
    (place / "empty.csv").touch()
    (place / "bytes.csv").write_bytes(bytes(range(128, 256)))
    (place / "folder").mkdir()
    sc.fit(sc.RunTable(N, D, L), "additive", rng=0, resamples=40).save(place / "law.json")
    sc.FittedLaw.from_values("additive", CHINCHILLA).save(place / "given.json")
    ray_table = sc.RunTable(ray, 20 * ray, 2 + ray**-0.1)
    sc.fit(ray_table, "additive", rng=0, resamples=0).save(place / "ray.json")
    law = json.loads((place / "law.json").read_text())
    (place / "half.json").write_text((place / "law.json").read_text()[:500])
    (place / "part.json").write_text(json.dumps(law | {"theta": None}))
    (place / "future.json").write_text(json.dumps(law | {"format_version": 99}))
    law["runs"]["loss"][0] = 9.0
    (place / "changed.json").write_text(json.dumps(law))
    return place


@pytest.fixture
def told(folder, capsys, monkeypatch):
    """Call a command; return its status, what it printed and what it said."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # run() puts its own there

    def call(command):
        with pytest.raises(SystemExit) as end:
            run(command.split())
        printed = capsys.readouterr()
        return end.value.code, printed.out, printed.err

    return call


MISTAKES = [
    ("fit missing.csv", "'missing.csv' does not exist"),
    ("fit folder", "'folder' is a directory"),
    ("fit empty.csv", "empty.csv is empty"),
    ("fit heads.csv", "heads.csv has names of columns, but no run"),
    ("compare heads.csv", "heads.csv has names of columns, but no run"),
    ("fit useless.csv --drop-invalid", "but no run that --drop-invalid keeps"),
    ("fit bytes.csv", "is not a table in CSV"),
    ("fit holes.csv", "2 of 18 rows cannot be used (--drop-invalid leaves them out)"),
    ("fit words.csv", "got '7B' (str) in row 0; write 7e9"),
    ("fit other.csv", "--column loss=NAME; the columns there are 'N', 'D', 'foo'"),
    ("fit perplexity.csv", "the loss is the logarithm of 'perplexity'"),
    ("fit same.csv", "several columns 'N'"),
    ("fit runs.csv --column loss=los", "which --column loss asks for; the columns there are N, D,"),
    ("fit runs.csv --column lss=loss", "no quantity 'lss'"),
    ("fit runs.csv --where D=5", "no row of runs.csv has 'D' = '5'"),
    ("fit runs.csv --where Q=1", "which --where asks for"),
    ("fit runs.csv --form aditive", "'aditive' is not one of 'additive'"),
    ("fit runs.csv -C 10^22", "'10^22' is neither a number"),
    ("fit runs.csv --resamples many", "'many' is neither a number"),
    ("fit runs.csv --resamples 1.5", "resamples must be a whole number, got 1.5"),
    ("fit runs.csv --level 95 --out new.json", "level must be between 0 and 1, got 95"),
    ("fit runs.csv --plot fit", "must end in one of"),
    ("fit runs.csv --out runs.csv", "--out: 'runs.csv' is the file that is read"),
    ("fit runs.csv --formm additive", "No such option '--formm'"),
    ("fit runs.csv more.csv", "unexpected extra argument (more.csv)"),
    ("fitt runs.csv", "Did you mean 'fit'?"),
    ("compare runs.csv --against missing.csv", "'missing.csv'"),
    ("compare runs.csv --forms additive,additive", "'additive' twice"),
    ("compare runs.csv --forms compute", "must be laws of N and D"),
    ("compare runs.csv --cuts 1e22:", "'1e22:' is neither a number"),
    ("compare other.csv", "--column loss=NAME"),
    ("plan law.json -C nan", "must be finite and greater than 0"),
    ("plan law.json --loss -1", "loss must be finite and greater than 0"),
    ("plan law.json -C 1e21 --max-parameters 0", "max_parameters must be finite and greater"),
    ("plan law.json -C 1e21 --inference 1T", "'1T' is neither a number"),
    ("plan law.json -C 1e21 --price half", "'half' is neither a number"),
    ("plan runs.csv -C 1e21", "is not a fitted law"),
    ("plan runs.csv -C 1e21", "scalecore fit RUNS --out LAW writes one"),
    ("plan half.json -C 1e21", "is not a fitted law"),
    ("plan part.json -C 1e21", "is not a whole fitted law"),
    ("plan changed.json -C 1e21", "the file was changed"),
    ("plan future.json -C 1e21", "has format version 99"),
    ("suggest ray.json --budget 1e20 --target 1e23", "NO_LAW"),
    ("suggest law.json --budget much --target 1e23", "'much' is neither a number"),
    ("suggest law.json --budget 1e20,1e21 --target 1e23", "one number"),
    (
        "suggest law.json --budget 1e20 --target 1e23 --most-runs 0",
        "most_runs must be at least 1, got 0",
    ),
    ("report", "Missing argument 'LAW'"),
    ("report law.json", "Missing option '--out'"),
    ("report law.json --out no/where.html", "the folder does not exist"),
    ("report law.json --out folder", "'folder' is a directory"),
    ("report law.json --out law.json", "--out: 'law.json' is the file that is read"),
    ("report law.json --out new.html -C zero", "'zero' is neither a number"),
    ("report law.json --out new.html -C -1", "must be finite and greater than 0"),
    ("report runs.csv --out new.html", "is not a fitted law"),
]


@pytest.mark.parametrize(("command", "text"), MISTAKES)
def test_a_mistake_is_one_line_and_writes_nothing(told, folder, command, text):
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    status, out, said = told(command)
    assert status in (1, 2)
    assert said.startswith("scalecore: ")
    assert said.count("\n") == 1
    assert text in said
    assert "Traceback" not in said
    assert not out
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("plan law.json --loss 1.0", "OUT_OF_REACH (no model within the limits has that loss, or"),
        ("plan law.json --loss 2 --max-parameters 1e3", "1 of 1 questions have no answer: OUT_OF"),
        ("plan ray.json -C 1e21", "NO_LAW (the fit has no law of N and D)"),
        ("compare ray.csv", "NO_FORECAST"),
        ("fit ray.csv --form additive", "NOT_IDENTIFIED"),
    ],
)
def test_questions_without_an_answer_say_why(told, command, text):
    status, out, said = told(command)
    assert (status or 0) == 0
    assert text in said.splitlines()[-1]
    assert out


def test_findings_advise_in_the_commands_words(told, folder):
    N, D = (a.ravel() for a in np.meshgrid(np.geomspace(1e8, 3e9, 4), np.geomspace(2e9, 6e10, 4)))
    L = 1.8 + 480 / N**0.35 + 2100 / D**0.37
    heads = ["N", "D", "loss", "unique_samples"]
    write_table(folder / "epochs.csv", heads, zip(N, D, L, D / 3, strict=True))
    said = told("fit epochs.csv --resamples 0")[2]
    assert "REPEATED_SAMPLES" in said
    assert "--form repeated" in said
    assert "form=" not in said


@pytest.mark.skipif(sys.platform == "win32", reason="pipes")
@pytest.mark.parametrize("reader", ["| head -1", "| true", ">&-"])
def test_nobody_reads_what_a_plan_prints(folder, reader):
    command = f"{sys.executable} -m scalecore plan law.json -C 1e20:1e25:2000 --format csv {reader}"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, cwd=folder, timeout=120
    )
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") <= 1
