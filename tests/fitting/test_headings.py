"""What a heading says: which quantity a column holds, and in which unit."""

import re

import numpy as np
import pytest
from two_runs import PLAIN, check

import scalecore as sc


@pytest.mark.parametrize(
    "heading",
    ["N,D,L", "params,tokens,loss", "Num Params,Training Tokens,Final Loss", " n , d , l "],
)
def test_usual_names_are_recognised(write, heading):
    table = sc.RunTable.read(write(PLAIN.replace("N,D,L", heading)))
    check(table)
    assert list(table.columns.values()) == [name.strip() for name in heading.split(",")]
    assert f"parameters = {heading.split(',')[0].strip()!r}" in repr(table)


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
