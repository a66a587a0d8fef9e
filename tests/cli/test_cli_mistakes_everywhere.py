"""A mistake on the command line is one line that says what is wrong, and status 2: over all
commands."""

import warnings

import numpy as np
import pytest

import scalecore as sc

pytest.importorskip("click")
pytest.importorskip("rich")

MISTAKES = """
: fit | Missing argument 'RUNS'
: fit nowhere.csv | 'nowhere.csv' does not exist
: fit folder | is a directory
: fit empty.csv | empty.csv is empty
: fit bytes.csv | bytes.csv is not a table in CSV
: fit text.csv | got 'abc' (str) in row 0
: fit noloss.csv | has no column with a usual name for loss
: fit runs.csv --form lion | 'lion' is not one of
: fit runs.csv --resamples -3 | resamples must be
: fit runs.csv --resamples 2.5 | resamples must be a whole number
: fit runs.csv --resamples 1e30 | resamples must be at most
: fit runs.csv --delta nan | delta must be
: fit runs.csv --level 1 | level
: fit runs.csv --out nowhere/law.json | the folder does not exist
: fit runs.csv --out folder | is a directory
: fit runs.csv --plot a.xyz | must end in one of
: compare nowhere.csv | 'nowhere.csv' does not exist
: compare runs.csv --forms lion | 'lion' is not one of
: compare runs.csv --forms tied,tied | forms must be different names
: compare runs.csv --against nowhere.csv | 'nowhere.csv' does not exist
: compare runs.csv --horizon 0.5 | horizon must be above 1
: compare runs.csv --resamples x | resamples
: compare runs.csv --rollout 1e20 | No such option '--rollout'
: plan | Missing argument 'LAW'
: plan nowhere.json -C 1e21 | 'nowhere.json' does not exist
: plan folder -C 1e21 | is a directory
: plan runs.csv -C 1e21 | 'runs.csv' is not a fitted law
: plan list.json -C 1e21 | 'list.json' is not a fitted law
: plan half.json -C 1e21 | 'half.json' is not a fitted law
: plan law.json | exactly one of
: plan law.json -C 1e21 --loss 2 | exactly one of
: plan law.json -C abc | 'abc' is neither a number
: plan law.json -C -1 | must be finite and greater than 0
: plan law.json -C 1e21 --level 2 | level must be
: plan law.json -C 1e21 --unique-samples 1e9 | needs a form with repeated data
: suggest law.json --budget 1e20 | Missing option '--target'
: suggest law.json --budget 0 --target 1e22 | budget must be
: suggest law.json --budget 1e20 --target inf | target must be
: suggest law.json --budget 1e20 --target 1e22 --quantity size | 'size' is not one of
: suggest law.json --budget 1e20 --target 1e22 --most-runs 1.5 | most_runs must be a whole number
: suggest law.json --budget 1e20 --target 1e22 --simulations 1e9 | simulations must be at most
: suggest given.json --budget 1e20 --target 1e22 | the law has no draws
: suggest half.json --budget 1e20 --target 1e22 | 'half.json' is not a fitted law
: report law.json | Missing option '--out'
: report law.json --out nowhere/r.html | the folder does not exist
: report law.json --out folder | is a directory
: report nowhere.json --out r.html | 'nowhere.json' does not exist
: report half.json --out r.html | 'half.json' is not a fitted law
: frontier | Missing option '-C'
: frontier -C 1e9 --bound lion | 'lion' is not one of
: frontier -C 1e9 --format yaml | 'yaml' is not one of
: frontier -C 1e9 --plot nowhere/a.png | the folder does not exist
: bound -n 0 -T 1e3 | width must be finite and at least 1
: bound -n 1 -T 1e3 -K nan | concentration must be finite
: bound -n 1:2 -T 1e3 | neither a number, a list
: bound -n 1:10:2.5 -T 1e3 | neither a number, a list
: bound -n 1:10:0 -T 1e3 | neither a number, a list
: isoflop -C 1e9 --points 1e30 | points must be at most
: simulate -n 1.5 | widths must be whole numbers, got '1.5'
: simulate -n 1 --inputs 0 | inputs must be at least 1
: simulate -n 1 --networks 1e30 | networks must be at most
: simulate -n 1 --rtol 1e-300 | rtol must be at least 1e-06
: train -n 2.5,3 -T 64 | widths must be whole numbers, got '2.5,3'
: train -n 1 -T 64 --rates -1 | rates must be finite and greater than 0
: train -n 1 -T 64 --repeats 1e30 | repeats must be at most
: train -n 1 -T 64 --out nowhere/x.nc | the folder does not exist
: spectrum -d 1e16 | input_dim must be at most
: figure1 --out a.xyz | must end in one of
: figure2 --runs runs.csv --out a.png | runs.csv was not written by TrainingRuns.save
: info nowhere | there is no such store
: info runs.csv | is not a store that sweep wrote
: plot folder | is not a store that sweep wrote
: sweep frontier -C 1e9 --out s3://bucket/x | not an address
: sweep frontier -C 1e9 --out runs.csv | is a file
: sweep frontier -C 1e9 --chunk 0 --out s | chunk must be at least 1
: sweep train -n 1.5 -T 64 --out s | widths must be whole numbers
: lion | No such command 'lion'
: --lion | No such option '--lion'
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("mistakes")
    N = np.tile([1e8, 3e8, 1e9, 3e9], 4)
    D = np.repeat([2e9, 8e9, 3e10, 1e11], 4)
    L = 1.8 + 480 / N**0.35 + 2100 / D**0.37
    rows = [f"{n},{d},{loss}\n" for n, d, loss in zip(N, D, L, strict=True)]
    (path / "runs.csv").write_text("parameters,samples,loss\n" + "".join(rows))
    (path / "noloss.csv").write_text("parameters,samples\n1e8,2e9\n")
    (path / "text.csv").write_text("parameters,samples,loss\n1e8,2e9,abc\n")
    (path / "empty.csv").write_text("")
    (path / "bytes.csv").write_bytes(bytes(range(256)) * 9)
    (path / "list.json").write_text("[1, 2]")
    (path / "folder").mkdir()
    sc.fit(sc.RunTable(N, D, L), "additive", resamples=5, rng=0).save(path / "law.json")
    values = {"E": 1.69, "A": 406.4, "alpha": 0.34, "B": 410.7, "beta": 0.28}
    sc.FittedLaw.from_values("additive", values).save(path / "given.json")
    whole = (path / "law.json").read_text()
    (path / "half.json").write_text(whole[: len(whole) // 2])
    return path


@pytest.mark.parametrize("line", [line[2:] for line in MISTAKES.strip().splitlines()])
def test_a_mistake_is_one_line_and_status_2(line, folder, monkeypatch, capsys):
    from scalecore.cli._app import run

    monkeypatch.chdir(folder)
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # the command sets its own
    before = sorted(folder.iterdir())
    text, message = line.split(" | ")
    with pytest.raises(SystemExit) as ended:
        run(text.split())
    shown = capsys.readouterr()
    assert ended.value.code == 2, shown.err
    assert not shown.out
    assert shown.err.count("\n") == 1
    assert shown.err.startswith("scalecore: ")
    assert message in shown.err
    assert sorted(folder.iterdir()) == before  # and nothing is written
