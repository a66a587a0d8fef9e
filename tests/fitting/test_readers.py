"""Files and frames as tables of runs."""

import re

import numpy as np
import pytest

import scalecore as sc

PLAIN = "N,D,L\n1e8,2e9,3.4\n4e8,8e9,2.8\n"


@pytest.fixture
def write(tmp_path):
    def write(text, name="runs.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return path

    return write


def check(table):
    assert table.parameters.tolist() == [1e8, 4e8]
    assert table.samples.tolist() == [2e9, 8e9]
    assert np.allclose(table.loss, [3.4, 2.8], rtol=1e-15)


@pytest.mark.parametrize(
    "heading",
    ["N,D,L", "params,tokens,loss", "Num Params,Training Tokens,Final Loss", " n , d , l "],
)
def test_usual_names_are_recognised(write, heading):
    table = sc.RunTable.read(write(PLAIN.replace("N,D,L", heading)))
    check(table)
    assert list(table.columns.values()) == [name.strip() for name in heading.split(",")]
    assert f"parameters = {heading.split(',')[0].strip()!r}" in repr(table)


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


def test_columns_may_be_named(write):
    path = write("Size,Seen,Val,Spent,C,who,U\n1e8,2e9,3.4,9,5,x,\n4e8,8e9,2.8,8,6,y,\n")
    names = {
        "parameters": "Size",
        "tokens": "seen",
        "loss": "Val",
        "compute": "Spent",
        "run": "who",
        "U": None,
    }
    table = sc.RunTable.read(path, columns=names)
    check(table)
    assert table.compute.tolist() == [9, 8]
    assert table.run_names == ("x", "y")
    assert table.columns["samples"] == "Seen"
    assert sc.RunTable.read(path, columns=names | {"compute": None}).compute is None
    with pytest.raises(ValueError, match="columns names samples twice"):
        sc.RunTable.read(path, columns=names | {"D": "Seen"})
    with pytest.raises(
        ValueError, match=r"columns has no quantity 'lost'; they are .*; did you mean 'loss'"
    ):
        sc.RunTable.read(path, columns=names | {"lost": "C"})
    with pytest.raises(TypeError, match="columns must be a dict"):
        sc.RunTable.read(path, columns=["N", "D"])
    with pytest.raises(ValueError, match="must name a column, got None"):
        sc.RunTable.read(path, columns=names | {"loss": None})


def test_a_column_that_is_not_there_names_those_that_are(write):
    path = write("width,depth,tokens,ppl\n1,2,3,4\n")
    with pytest.raises(
        ValueError,
        match=r"usual name for parameters and loss; .*'width', 'depth', 'tokens', 'ppl'; the loss "
        r"is the logarithm of 'ppl'",
    ):
        sc.RunTable.read(path)
    with pytest.raises(
        ValueError,
        match=r"no column 'token', .*columns\['samples'\].*width, depth, tokens, ppl; did you "
        r"mean 'tokens'",
    ):
        sc.RunTable.read(path, columns={"samples": "token"})


def test_units_in_headings(write):
    table = sc.RunTable.read(
        write("N (M),tokens [billions],loss (bits/token)\n100,2,4.905\n400,8,4.04\n")
    )
    assert table.parameters.tolist() == [1e8, 4e8]
    assert table.samples.tolist() == [2e9, 8e9]
    assert table.loss_unit == "bits"
    assert np.allclose(table.loss, np.multiply([4.905, 4.04], np.log(2)))
    assert table.columns["parameters"] == "N (M) × 1e+06"
    path = write(PLAIN.replace("L", "L (bits)"))
    assert sc.RunTable.read(path).loss_unit == "bits"
    with pytest.raises(ValueError, match="loss_unit must be 'bits', as the heading"):
        sc.RunTable.read(path, loss_unit="nats")
    assert sc.RunTable.read(write(PLAIN), loss_unit="bits").loss_unit == "bits"


def test_units_in_the_last_word_of_a_known_name(write):
    path = write("model_size_M,train_tokens_B,eval_loss\n100,2,3.4\n400,8,2.8\n")
    table = sc.RunTable.read(path)
    assert table.parameters.tolist() == [1e8, 4e8]
    assert table.samples.tolist() == [2e9, 8e9]
    assert table.columns["samples"] == "train_tokens_B × 1e+09"
    asked = sc.RunTable.read(path, columns={"parameters": "model_size_M"})
    assert asked.parameters.tolist() == [1e8, 4e8]


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        *(("G", 1e9), ("giga", 1e9), ("in millions", 1e6), ("mio", 1e6), ("M, non-embedding", 1e6)),
        *(
            ("10^6", 1e6),
            ("×10^6", 1e6),
            ("1e6", 1e6),
            ("10⁹", 1e9),
            ("10**9", 1e9),
            ("Mparams", 1e6),
        ),
        *(("non-embedding", 1), ("#", 1), ("N", 1), ("backbone", 1), ("bn", 1e9), ("in B", 1e9)),
    ],
)
def test_units_of_counts(unit, factor):
    frame = {f"params ({unit})": [1.0, 4.0], "D": [2e9, 8e9], "L": [3.4, 2.8]}
    assert sc.RunTable.from_frame(frame).parameters.tolist() == [factor, 4 * factor]


@pytest.mark.parametrize(
    "heading",
    [
        *("params (MM)", "params (GB)", "params (bytes)", "params (M k)", "tokens (TB)"),
        *("params (µ)", "loss (%)", "loss (ppl)", "loss (log10)", "loss (millinats)"),
    ],
)
def test_units_that_are_not_understood_are_refused(heading):
    frame = {"params": [1e8, 4e8], "tokens": [2e9, 8e9], "loss": [3.4, 2.8]}
    name = heading.split()[0]
    frame[heading] = frame.pop(name)
    with pytest.raises(ValueError, match=rf"the unit in '{re.escape(heading)}' is not understood"):
        sc.RunTable.from_frame(frame)
    quantity = {"params": "parameters", "tokens": "samples"}.get(name, name)
    table = sc.RunTable.from_frame(frame, columns={quantity: heading})
    assert getattr(table, quantity).tolist() == frame[heading]
    assert "numbers were taken as they stand" in table.notes[0]


@pytest.mark.parametrize(
    ("heading", "factor"),
    [
        *(("flops (1e18)", 1e18), ("C (1e18 FLOP)", 1e18), ("compute (EFLOPs)", 1e18)),
        *(("compute (ZFLOP)", 1e21), ("compute (exaflop)", 1e18), ("compute (FLOPs)", 1)),
        *(("compute (PF-days)", 8.64e19), ("compute (petaflop/s-days)", 8.64e19)),
        *(("C (PFLOPS-days)", 8.64e19), ("compute (GPU hours)", None), ("compute (hours)", None)),
    ],
)
def test_units_of_compute(heading, factor):
    frame = {"N": [1.0, 2.0], "D": [1.0, 2.0], "L": [3.4, 2.8], heading: [1.5, 2.5]}
    table = sc.RunTable.from_frame(frame)
    if factor is None:
        assert table.compute is None
        assert table.notes == (f"the unit in {heading!r} is not understood: it was not taken",)
    else:
        np.testing.assert_allclose(table.compute, [1.5 * factor, 2.5 * factor], rtol=1e-15)


@pytest.mark.parametrize(
    ("heading", "unit"),
    [
        *(("loss_bits", "bits"), ("val_loss_bpb", "bits"), ("loss (bits-per-byte)", "bits")),
        *(("loss (bpb)", "bits"), ("loss (base 2)", "bits"), ("loss (log2)", "bits")),
        *(("loss_nats", "nats"), ("loss (C4)", "nats"), ("log_loss", "nats")),
    ],
)
def test_units_of_losses(heading, unit):
    frame = {"N": [1.0, 2.0], "D": [1.0, 2.0], heading: [3.4, 2.8], "loss_std": [0.1, 0.2]}
    table = sc.RunTable.from_frame(frame)
    assert table.loss_unit == unit
    np.testing.assert_allclose(table.loss / table.loss_scale, frame[heading], rtol=1e-15)


@pytest.mark.parametrize("heading", ["d_k", "n_t", "size_m", "loss_b", "tokens_x"])
def test_last_words_that_are_no_units(write, heading):
    path = write(f"{heading},N,D,L\n7,1e8,2e9,3.4\n8,4e8,8e9,2.8\n")
    assert heading not in sc.RunTable.read(path).columns.values()
    asked = sc.RunTable.read(path, columns={"parameters": heading})
    assert asked.parameters.tolist() == [7, 8]


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


def test_columns_that_only_sound_like_something(write):
    """A category called C is no compute, and a name is asked for only where it was given."""
    path = write("N,D,L,C,U\n1e8,2e9,3.4,web,1e9\n4e8,8e9,2.8,code,1e9\n")
    table = sc.RunTable.read(path)
    check(table)
    assert table.compute is None
    assert table.unique_samples.tolist() == [1e9, 1e9]
    assert table.notes == ("'C' was not taken for compute: it does not hold numbers",)
    with pytest.raises(ValueError, match=r"compute .* must be numbers, got 'web'"):
        sc.RunTable.read(path, columns={"compute": "C"})
    pandas = pytest.importorskip("pandas")
    assert sc.RunTable.from_frame(pandas.read_csv(path)).compute is None
    with pytest.raises(ValueError, match="compute is not positive in row 1"):
        sc.RunTable.read(write("N,D,L,C\n1e8,2e9,3.4,5\n4e8,8e9,2.8,0\n"))


def test_raw_and_non_embedding_parameters_are_told_apart(write):
    """Exponents .37 and .68 have been had from the same runs by counting N one way and the
    other."""
    path = write("N,N_no_embed,D,L\n1e8,5e7,2e9,3.4\n4e8,3e8,8e9,2.8\n")
    table = sc.RunTable.read(path)
    check(table)
    assert len(table.notes) == 1
    assert re.search(
        "parameters is column 'N'; 'N_no_embed', 0.5 to 0.75 times that", table.notes[0]
    )
    other = sc.RunTable.read(path, columns={"parameters": "N_no_embed"})
    assert other.parameters.tolist() == [5e7, 3e8]
    assert other.notes == ()
    twins = sc.RunTable.read(write("N,params,D,L\n1e8,1e8,2e9,3.4\n4e8,4e8,8e9,2.8\n"))
    assert twins.notes == ()  # the same numbers
    words = sc.RunTable.read(write("N,param_count,D,L\n1e8,kaplan,2e9,3.4\n4e8,kaplan,8e9,2.8\n"))
    assert words.notes == ()


def test_losses_must_be_unambiguous(write):
    assert sc.RunTable.read(write(PLAIN.replace("L", "c4_en_loss"))).columns["loss"] == "c4_en_loss"
    path = write("N,D,c4_loss,wiki_loss\n1e8,2e9,3.4,5\n4e8,8e9,2.8,4\n")
    with pytest.raises(ValueError, match=r"several losses; .* 'c4_loss', 'wiki_loss'"):
        sc.RunTable.read(path)
    check(sc.RunTable.read(path, columns={"loss": "c4_loss"}))
    with pytest.raises(ValueError, match="several columns 'L'"):
        sc.RunTable.read(write("N,D,L,L\n1,2,3,4\n"))


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


def columns():
    return {"N": [10**8, 4 * 10**8], "D": [2e9, 8e9], "L": [3.4, 2.8], "run": ["a", "b"]}


def frames():
    yield "dict", columns
    yield (
        "structured",
        lambda: np.array(
            [(1e8, 2e9, 3.4, "a"), (4e8, 8e9, 2.8, "b")],
            [("N", "f4"), ("D", "f8"), ("L", "f8"), ("run", "U1")],
        ),
    )
    for module, make in (
        ("pandas", lambda m: m.DataFrame(columns(), index=[7, 3])),
        ("polars", lambda m: m.DataFrame(columns())),
        ("polars", lambda m: m.LazyFrame(columns())),
        ("pyarrow", lambda m: m.table(columns())),
        ("pyarrow", lambda m: m.record_batch(columns())),
        ("pandas", lambda m: Stream(m.DataFrame(columns()))),
        ("polars", lambda m: Stream(m.DataFrame(columns()))),
        ("pyarrow", lambda m: Interchange(m.table(columns()))),
    ):
        yield module, lambda module=module, make=make: make(pytest.importorskip(module))


class Stream:
    """A frame of an unknown library that speaks the Arrow stream protocol."""

    def __init__(self, frame):
        self.frame = frame

    def __arrow_c_stream__(self, requested_schema=None):
        return self.frame.__arrow_c_stream__(requested_schema)


class Interchange:
    """A frame of an unknown library that speaks the dataframe interchange protocol."""

    def __init__(self, frame):
        self.frame = frame

    def __dataframe__(self, *args, **options):
        return self.frame.__dataframe__(*args, **options)


@pytest.mark.parametrize(
    "make", [pytest.param(make, id=f"{i}_{name}") for i, (name, make) in enumerate(frames())]
)
def test_frames(make):
    table = sc.RunTable.from_frame(make())
    check(table)
    assert table.run_names == ("a", "b")
    assert table.rows.tolist() == [0, 1]
    part = sc.RunTable.from_frame(make(), where={"run": "b"}, columns={"run": None})
    assert part.rows.tolist() == [1]
    assert part.run is None


@pytest.mark.parametrize(
    "column",
    [
        np.array([np.timedelta64(1, "s"), 2.0], object),
        np.array([np.True_, 2.0], object),
        np.array([True, 2.0], object),
        [np.timedelta64("NaT"), 2.0],
    ],
)
def test_durations_and_truths_are_no_numbers(column):
    frame = {"N": column, "D": [2e9, 8e9], "L": [3.4, 2.8]}
    with pytest.raises(TypeError, match=r"parameters .* must be real numbers, got .* in row 0"):
        sc.RunTable.from_frame(frame, drop_invalid=True)
    with pytest.raises(TypeError, match="parameters must be real numbers"):
        sc.RunTable(*frame.values())


def test_columns_that_can_be_read_once_are_refused():
    for column in (iter([1e8, 4e8]), (n for n in [1e8, 4e8])):
        with pytest.raises(TypeError, match=r"frame must be a dict of columns, got .* as 'N'"):
            sc.RunTable.from_frame({"N": column, "D": [2e9, 8e9], "L": [3.4, 2.8]})


def test_very_large_integers_of_polars():
    polars = pytest.importorskip("polars")
    wide = polars.Series([2**70, None], dtype=polars.Int128)
    frame = polars.DataFrame({"N": wide, "D": [2e9, 8e9], "L": [3.4, 2.8]})
    assert sc.RunTable.from_frame(frame, drop_invalid=True).parameters.tolist() == [2.0**70]


def test_what_is_masked_in_a_mask_is_neither_true_nor_false():
    table = sc.RunTable([1e8, 4e8], [2e9, 8e9], [3.4, 2.8])
    with pytest.raises(
        TypeError, match="mask must be one True or False a row, got one with masked"
    ):
        table.where(np.ma.array([True, True], mask=[False, True]))
    assert len(table.where(np.ma.array([True, False]))) == 1


@pytest.mark.parametrize("module", ["pandas", "polars", "pyarrow"])
def test_missing_values_in_frames(module):
    library = pytest.importorskip(module)
    make = library.table if module == "pyarrow" else library.DataFrame
    data = {"N": [1, None, 4], "D": [2.0, 8.0, None], "L": [3.4, 2.8, 1.0], "run": ["a", None, "b"]}
    with pytest.raises(
        ValueError, match=r"parameters is missing or not a number in row 1; samples is .* in row 2$"
    ):
        sc.RunTable.from_frame(make(data), columns={"run": None})
    with pytest.raises(ValueError, match="none in row 1; columns"):
        sc.RunTable.from_frame(make(data))
    table = sc.RunTable.from_frame(make(data), columns={"run": "run"}, drop_invalid=True)
    assert table.rows.tolist() == [0]
    assert table.run_names == ("a",)


def test_odd_frames():
    pandas = pytest.importorskip("pandas")
    data = {"N": ["1e8", "4e8"], "D": [2e9, 8e9], "L": [3.4, 2.8]}
    with pytest.raises(
        TypeError,
        match=r"parameters \(column 'N' of the frame\) must be real numbers, got '1e8' \(str\) "
        r"in row 0",
    ):
        sc.RunTable.from_frame(pandas.DataFrame(data))
    nullable = pandas.DataFrame(columns()).convert_dtypes()
    check(sc.RunTable.from_frame(nullable))
    arrow = (
        pandas.DataFrame(columns()).convert_dtypes(dtype_backend="pyarrow")
        if pytest.importorskip("pyarrow")
        else nullable
    )
    check(sc.RunTable.from_frame(arrow))
    twice = pandas.DataFrame([[1e8, 2e9, 3.4, 5]], columns=["N", "D", "L", "L"])
    with pytest.raises(ValueError, match="several columns 'L'"):
        sc.RunTable.from_frame(twice)
    numbered = pandas.DataFrame([[1e8, 2e9, 3.4], [4e8, 8e9, 2.8]])
    check(sc.RunTable.from_frame(numbered, columns={"N": 0, "D": 1, "L": 2}))
    with pytest.raises(ValueError, match="columns there are '0', '1', '2'"):
        sc.RunTable.from_frame(numbered)
    with pytest.raises(ValueError, match="the columns there are none"):
        sc.RunTable.from_frame({})
    with pytest.raises(ValueError, match="samples must have one element a run"):
        sc.RunTable.from_frame({"N": [1, 2], "D": [1], "L": [1, 2]})
    for frame in (3, "runs.csv", [1, 2], np.ones((3, 3)), None):
        with pytest.raises(
            TypeError, match="frame must be a table of pandas, polars or PyArrow or a dict"
        ):
            sc.RunTable.from_frame(frame)
    assert len(sc.RunTable.from_frame(pandas.DataFrame(columns()).iloc[:0])) == 0


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
