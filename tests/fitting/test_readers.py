"""Files as tables of runs: CSV, JSON lines and Parquet, their rows and cells."""

import pytest
from two_runs import PLAIN, check

import scalecore as sc


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_delimiters_line_ends_and_byte_order_marks(write, delimiter, end, encoding):
    text = PLAIN.replace(",", delimiter).replace("\n", end) + end + f" {delimiter} {end}"
    check(sc.RunTable.read(write(text, encoding=encoding)))


def test_quotes_are_the_csv_modules_business(write):
    text = '"name, long",N,D,"L"\n"a ""b"", c",1e8,"2e9",3.4\n"two\nlines", 4e8 ,8e9,2.8\n'
    check(sc.RunTable.read(write(text)))
    assert sc.RunTable.read(write(text), columns={"run": "name, long"}).run_names == (
        'a "b", c',
        "two\nlines",
    )


def test_rows_that_say_what_went_wrong_can_be_dropped(write):
    path = write("N,D,L\n1e8,2e9,3.4\n4e8,8e9,diverged\n4e8,oom,2.9\n4e8,8e9,2.8\n")
    with pytest.raises(ValueError, match=r"'oom' .* in row 2; drop_invalid=True leaves it out"):
        sc.RunTable.read(path)
    table = sc.RunTable.read(path, drop_invalid=True)
    assert table.dropped.tolist() == [1, 2]
    assert table.rows.tolist() == [0, 3]
    for cell in ("7B", "inf", "1e999x"):  # numbers, though wrong ones
        path = write(f"N,D,L\n1e8,2e9,3.4\n{cell},8e9,2.8\n")
        if cell == "inf":
            assert sc.RunTable.read(path, drop_invalid=True).dropped.tolist() == [1]
            continue
        with pytest.raises(ValueError, match="must be numbers"):
            sc.RunTable.read(path, drop_invalid=True)


@pytest.mark.parametrize(
    ("cell", "hint"),
    [
        ("70M", "write 70e6"),
        ("1.3 B", "write 1.3e9"),
        ("2T", "write 2e12"),
        ('"1,300,000"', "write 1300000"),
        ("big", ""),
        ("0x10", ""),
    ],
)
def test_units_in_cells_are_refused_with_a_hint(write, cell, hint):
    with pytest.raises(
        ValueError,
        match=rf"parameters \(column 'N' of runs.csv\) must be numbers, got .* in row 1.*{hint}$",
    ):
        sc.RunTable.read(write(f"N,D,L\n1e8,2e9,3.4\n{cell},8e9,2.8\n"))


def test_gaps(write):
    path = write("N,D,L,C\n1e8,2e9,3.4,\n4e8,8e9,NA,\n4e8,8e9,2.8,7\n4e8,8e9\n")
    with pytest.raises(
        ValueError, match=r"2 of 4 rows .*: loss is missing or not a number in rows 1, 3$"
    ):
        sc.RunTable.read(path)
    table = sc.RunTable.read(path, drop_invalid=True)
    assert table.rows.tolist() == [0, 2]
    assert table.dropped.tolist() == [1, 3]
    assert table.compute is None
    assert table.notes == ("'C' was not taken for compute: it is empty in rows 0, 1, 3",)
    with pytest.raises(ValueError, match="compute is missing"):
        sc.RunTable.read(path, columns={"compute": "C"})
    with pytest.raises(
        ValueError, match=r"names runs in column 'run', but none in row 1; columns=\{'run': None\}"
    ):
        sc.RunTable.read(write("run,N,D,L\na,1,2,3\n,1,2,3\n"))


def test_rows_may_be_chosen(write):
    path = write("set,k,N,D,L\na,1,7e8,2e9,bad\nb,1,1e8,2e9,3.4\nc,2,4e8,8e9,2.8\n")
    table = sc.RunTable.read(path, where={"set": ["b", "c"]})
    check(table)
    assert table.rows.tolist() == [1, 2]
    assert len(sc.RunTable.read(path, where={"set": "b", "k": 1})) == 1
    with pytest.raises(
        ValueError, match=r"no row of runs.csv has 'set' = 'd'; its values are 'a', 'b', 'c'"
    ):
        sc.RunTable.read(path, where={"set": "d"})
    with pytest.raises(
        ValueError, match=r"no column 'sets', which where asks for.*did you mean 'set'"
    ):
        sc.RunTable.read(path, where={"sets": "d"})
    with pytest.raises(TypeError, match="where must be a dict"):
        sc.RunTable.read(path, where="set")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("\ufeff", "is empty"),
        (b"\xff\xfe", "is empty"),
        (b"N,D,L\n\x80,1,2\n", "is not a table in CSV"),
        (b"N,D,L\n1,2,3,4\n", "has 3 columns, but 4 in row 0"),
        (b"PAR1\x00\x00", "has no column"),
    ],
)
def test_files_that_are_no_tables(write, text, message):
    with pytest.raises(ValueError, match=f"runs.csv {message}"):
        sc.RunTable.read(write(text))


def test_paths(write, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing.csv"):
        sc.RunTable.read(tmp_path / "nothing.csv")
    with pytest.raises(ValueError, match=r"path must end in \.csv, .*got 'runs.xls'"):
        sc.RunTable.read(write(PLAIN, "runs.xls"))
    with pytest.raises(TypeError, match="path must be a path"):
        sc.RunTable.read(3.0)
    check(sc.RunTable.read(str(write(PLAIN, "RUNS.CSV"))))
    assert len(sc.RunTable.read(write("N,D,L\n"))) == 0


def test_json_lines(write):
    check(
        sc.RunTable.read(
            write(
                '{"N": 1e8, "D": 2000000000, "L": 3.4}\n\n'
                '{"D": "8e9", "N": 4e8, "L": 2.8, "x": [1]}\n',
                "r.jsonl",
            )
        )
    )
    check(
        sc.RunTable.read(
            write(
                '\ufeff[{"N": 1e8, "D": 2e9, "L": 3.4}, {"D": 8e9, "N": 4e8, "L": 2.8}]', "r.json"
            )
        )
    )
    with pytest.raises(ValueError, match="loss is missing or not a number in rows 0, 1, 2"):
        sc.RunTable.read(
            write(
                '{"N": 1, "D": 2}\n{"N": 1, "D": 2, "L": null}\n{"N": 1, "D": 2, "L": NaN}',
                "r.jsonl",
            )
        )
    with pytest.raises(
        ValueError,
        match=r"loss \(column 'L' of r.jsonl\) must be numbers, got \[2\] \(list\) in row 0",
    ):
        sc.RunTable.read(write('{"N": 1, "D": 2, "L": [2]}\n', "r.jsonl"))
    for text, message in (
        ("", "is empty"),
        ("3\n", "must hold one object a run, got 3"),
        ("{\n", "is not JSON"),
        (b"\x80", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
    ):
        with pytest.raises(ValueError, match=f"r.jsonl {message}"):
            sc.RunTable.read(write(text, "r.jsonl"))


def test_parquet(write, tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table(
        {"N": [10**8, 4 * 10**8], "D": [2e9, 8e9], "L": [3.4, 2.8], "run": ["a", "b"]}
    )
    parquet.write_table(table, tmp_path / "runs.parquet")
    found = sc.RunTable.read(tmp_path / "runs.parquet")
    check(found)
    assert found.run_names == ("a", "b")
    with pytest.raises(ValueError, match="is not Parquet"):
        sc.RunTable.read(write(PLAIN, "text.parquet"))
    with pytest.raises(FileNotFoundError):
        sc.RunTable.read(tmp_path / "nothing.parquet")


def test_extras_are_named(run_python, tmp_path):
    (tmp_path / "runs.parquet").write_bytes(b"PAR1")
    code = f"""
import sys
for name in ("pyarrow", "pandas", "polars"):
    sys.modules[name] = None
import scalecore as sc
class Frame:
    def __arrow_c_stream__(self, schema=None): ...
path = {str(tmp_path / "runs.parquet")!r}
for call in (lambda: sc.RunTable.read(path), lambda: sc.RunTable.from_frame(Frame())):
    try:
        call()
    except ImportError as error:
        print(error)
"""
    text = run_python(code)
    assert text.count("scalecore[frames]") == 2


@pytest.mark.parametrize(
    ("name", "options", "rows"),
    [
        ("chinchilla_epoch", {}, 245),
        ("gemstones", {"columns": {"run": None}}, 3493),
        ("gemstones", {"where": {"subset": "hot"}}, 220),
        ("porian_isoflop", {}, 1745),
        ("open_lm_overtraining", {"columns": {"loss": "loss_c4_val_shard-{0000000..00"}}, 104),
        ("datablations_fit182", {"where": {"excluded_as_outlier": "False"}}, 182),
        ("olmo_ladder_final", {}, 41),
    ],
)
def test_public_tables_are_read(public_table, name, options, rows):
    table = sc.RunTable.read(public_table(name), **options)
    assert len(table) == rows
    assert (name == "gemstones" and "where" in options) == (
        table.run is not None and len(table.run_names) < rows
    )
