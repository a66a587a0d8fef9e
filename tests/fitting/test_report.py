"""The report of a law: what it says, and that nothing leaves the page."""

import re

import numpy as np

import scalecore as sc


def law_of(**more):
    N, D = (a.ravel() for a in np.meshgrid([1e8, 3e8, 1e9, 3e9], [2e9, 8e9, 3e10, 1e11]))
    noise = np.exp(0.003 * np.random.default_rng(0).standard_normal(16))
    table = sc.RunTable(N, D, (1.8 + 480 / N**0.35 + 2100 / D**0.37) * noise, **more)
    return sc.fit(table, "additive", resamples=50, rng=0)


def written(law, tmp_path, budgets=None):
    law.report(tmp_path / "r.html", budgets)
    return (tmp_path / "r.html").read_text(encoding="utf-8")


def test_content_and_no_request(tmp_path):
    names = [f"<script>alert({i})</script>" for i in range(16)]
    law = law_of(run=names)
    text = written(law, tmp_path, [1e23])
    assert f"{law.compute_optimal(1e23).parameters:.4g}" in text
    assert text.count("<svg ") == 3
    assert "CONVERGED" in text
    assert "<script" not in text
    assert "src=" not in text
    assert "http" not in re.sub(r'xmlns(:\w+)?="[^"]*"', "", text)


def test_law_that_is_not_usable(tmp_path):
    law = sc.fit(sc.RunTable([1e8], [2e9], [3.0]), "additive", resamples=0)
    assert not law.usable
    assert "not usable" in written(law, tmp_path)


def test_law_from_values(tmp_path):
    values = {"E": 1.69, "A": 406.4, "alpha": 0.34, "B": 410.7, "beta": 0.28}
    assert "INTERIOR" in written(sc.FittedLaw.from_values("additive", values), tmp_path)
