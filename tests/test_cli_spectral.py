"""The commands about spectral bounds; tables small, dimension 3."""

import numpy as np
import pytest
from test_cli import rows, run

import scalecore as sc

pytest.importorskip("click")


def done(*arguments, folder, status=0):
    finished = run(*arguments, folder=folder)
    assert finished.returncode == status, finished.stderr
    return finished


def test_spectrum(tmp_path):
    table = rows(done("spectrum", "-d", "10", "--degrees", "5", "--format", "csv", folder=tmp_path).stdout)
    assert [int(float(row["degree"])) for row in table] == [0, 1, 2, 4, 6]
    np.testing.assert_allclose([float(row["eigenvalue"]) for row in table], sc.spectrum(10, degrees=5).eigenvalue, rtol=1e-5)


def test_bound_tells_the_spectral_bounds(tmp_path):
    point = ("-n", "30", "-T", "1e5", "-d", "2.5,3", "-K", "10")
    told = done("bound", *point, "--spectral", "--most-units", "40", "--format", "csv", folder=tmp_path)
    fractional, whole = rows(told.stdout)
    assert "whole" in told.stderr
    assert fractional["strategy"] == "invalid"
    assert 0 < float(whole["refined_bound"]) <= float(whole["spectral_bound"]) < 0.1 * float(whole["error_bound"])


def test_figure2(tmp_path):
    done("figure2", "-d", "3", "-K", "10", "--most-units", "64", "--out", "two.png", folder=tmp_path)
    assert (tmp_path / "two.png").read_bytes().startswith(b"\x89PNG")
    lines = rows((tmp_path / "two.csv").read_text())
    by_line = {name: [float(row["error"]) for row in lines if row["line"] == name] for name in ("optimal", "spectral", "refined")}
    assert all(np.less(by_line["spectral"], by_line["optimal"]))
    assert all(np.less_equal(by_line["refined"], np.multiply(by_line["spectral"], 1 + 1e-12)))


def test_figure2_refuses_two_sources(tmp_path):
    (tmp_path / "runs.nc").write_bytes(b"")
    told = done("figure2", "--runs", "runs.nc", "--train", "100", folder=tmp_path, status=2)
    assert "--runs and --train" in told.stderr


def test_the_filter_from_a_shell(tmp_path):
    arguments = ("train", "-d", "3", "-K", "10", "-n", "2:8:3", "-T", "2000", "--optimizer", "adf", "--repeats", "2", "--seed", "1")
    assert "width" in done(*arguments, folder=tmp_path).stdout
    told = done(*arguments, "--rates", "0.1", folder=tmp_path, status=2)
    assert "rate" in told.stderr
