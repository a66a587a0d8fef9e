"""Laws fitted by scalecore.h: losses and gradients by formula, and `sc.fit`'s law, certificate and
draws."""

import ctypes
import math
from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    byref,
    c_double,
    c_int,
    c_int32,
    c_size_t,
    c_ssize_t,
    c_uint32,
    c_uint64,
    c_void_p,
)

import numpy as np
import pytest
from c_calls import Column, function, lines
from hypothesis import given, settings
from hypothesis import strategies as st

import scalecore as sc
from scalecore._core import fitting as core
from scalecore.fitting._forms import FORMS

NAMES = ("additive", "tied", "coupled", "kaplan", "kaplan_offset", "compute")
LOSSES = ("huber", "log", "squared", "absolute")
AUTO, PAIRS, WILD, LEAVE_OUT = range(4)
SC_ERROR_NULL, SC_ERROR_RANGE, SC_ERROR_ENUM, SC_ERROR_SIZE = -2, -3, -4, -5
SC_ERROR_OVERLAP, SC_ERROR_SPACE, SC_STOPPED = -7, -8, -10


class Options(Structure):
    _fields_ = (
        ("size", c_size_t),
        ("form", c_int32),
        ("loss", c_int32),
        ("delta", c_double),
        ("runs", c_ssize_t),
        ("N", Column),
        ("D", Column),
        ("L", Column),
        ("weight", Column),
        ("cluster", c_void_p),
        ("starts", c_void_p),
        ("start_count", c_ssize_t),
        ("keep_going", c_void_p),
        ("state", c_void_p),
    )


class Result(Structure):
    _fields_ = (
        ("size", c_size_t),
        ("status", c_int32),
        ("reason", c_int32),
        ("values", c_double * 6),
        ("objective", c_double),
        ("scaled_gradient", c_double),
        ("condition", c_double),
        ("starts", c_int32),
        ("agreed", c_int32),
        ("passes", c_int32),
        ("at_edge", c_uint32),
        ("centre", c_double * 3),
        ("theta", c_double * 6),
    )


space_of = function("sc_law_space", c_size_t, POINTER(Options))
fit_in_c = function("sc_law_fit", c_int, POINTER(Options), POINTER(Result), c_void_p, c_size_t)
resample_in_c = function(
    "sc_law_resample",
    *(c_int, POINTER(Options), POINTER(Result), c_int, c_uint64, c_uint64, c_ssize_t),
    *(c_void_p, c_void_p, c_size_t),
)
evaluate_in_c = function(
    "sc_law_evaluate", *(c_ssize_t, c_int, c_void_p, c_ssize_t, Column, Column, c_void_p, c_void_p)
)
reason = function("sc_law_reason_string", ctypes.c_char_p, c_int)
value_count = function("sc_law_value_count", c_int, c_int)


def column(array):
    return Column(None, 1) if array is None else Column(array.ctypes.data, array.strides[0] // 8)


class Table:
    """A RunTable as the C functions take it, and what they say of it."""

    def __init__(self, table, form, *, loss="huber", delta=0.0, by="run", starts=None):
        first = table.flops if form == "compute" else table.parameters
        codes = None if by == "row" else table.run_codes
        # any numbers will do for runs
        self.cluster = None if codes is None else (codes * -977 + 5).astype(np.int64)
        self.kept = [first, table.samples, table.loss, table.weight, starts]
        self.values = len(FORMS[form].parameters)
        self.options = Options(
            ctypes.sizeof(Options),
            NAMES.index(form),
            LOSSES.index(loss),
            delta,
            len(table),
            *map(column, self.kept[:4]),
            None if codes is None else self.cluster.ctypes.data,
            None if starts is None else starts.ctypes.data,
            0 if starts is None else len(starts),
        )
        self.result = Result(ctypes.sizeof(Result))
        self.space = lines(space_of(byref(self.options)))

    def fit(self):
        memory = self.space.ctypes.data, self.space.size
        assert fit_in_c(byref(self.options), byref(self.result), *memory) == 0
        return self.result

    def resample(self, how, key, first, count):
        values = np.empty((count, self.values))
        what = byref(self.options), byref(self.result), how, key, first, count
        memory = self.space.ctypes.data, self.space.size
        assert resample_in_c(*what, values.ctypes.data, *memory) == 0
        return values


def made_table(seed=0, count=40, noise=0.004, runs=None, weight=False):
    rng = np.random.default_rng(seed)
    N, D = 10 ** rng.uniform(7.5, 10, count), 10 ** rng.uniform(9, 11.5, count)
    L = (1.8 + 480 / N**0.35 + 2100 / D**0.37) * np.exp(noise * rng.standard_normal(count))
    names = None if runs is None else [f"run {i}" for i in rng.integers(0, runs, count)]
    weights = rng.uniform(0.5, 2, count) if weight else None
    return sc.RunTable(N, D, L, run=names, weight=weights)


def assert_same_fit(table, form, **options):
    """C's numbers are those of `sc.fit`; return both."""
    ours = Table(table, form, **options)
    python = {"loss": options.get("loss", "huber"), "by": options.get("by", "run")}
    law = sc.fit(table, form, delta=options.get("delta") or 1e-3, resamples=0, **python)
    got = ours.fit()
    assert sc.FitStatus(got.status) == law.status, (got.reason, law)
    if not law.usable:  # its numbers are anybody's
        return ours, law
    assert abs(got.objective - law.objective) <= 1e-9 * law.objective + 1e-24
    found = np.array(got.values[: ours.values])
    np.testing.assert_allclose(found, list(law.values.values()), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(got.condition, law.certificate.condition, rtol=1e-5)
    assert np.isnan(got.values[ours.values :]).all()
    names = [n for i, n in enumerate(FORMS[form].parameters) if got.at_edge >> i & 1]
    assert tuple(names) == law.certificate.at_edge
    return ours, law


# ---- points --------------------------------------------------------------------------------------

VALUES = {
    "additive": (1.8, 480, 0.35, 2100, 0.37),
    "tied": (1.8, 480, 900, 0.35),
    "coupled": (1.8, 30, 0.3, 90, 0.32, 0.8),
    "kaplan": (0, 8.8e13, 0.076, 5.4e13, 0.095),
    "kaplan_offset": (0.5, 8.8e13, 0.076, 5.4e13, 0.095),
    "compute": (1.7, 200, 0.12),
}


def formula(form, v, N, D):
    """The law, for values that may be complex."""
    if form == "additive":
        return v[0] + v[1] / N ** v[2] + v[3] / D ** v[4]
    if form == "tied":
        return v[0] + v[1] / N ** v[3] + v[2] / D ** v[3]
    if form == "coupled":
        return v[0] + (v[1] / N ** v[2] + v[3] / D ** v[4]) ** v[5]
    if form == "compute":
        return v[0] + v[1] / N ** v[2]
    return v[0] + ((v[1] / N) ** (v[2] / v[4]) + v[3] / D) ** v[4]


def evaluate(form, values, N, D):
    values = np.array(values, float)
    loss, gradient = np.empty(len(N)), np.empty((len(N), len(values)))
    outside = evaluate_in_c(
        *(NAMES.index(form), values.ctypes.data, len(N), column(N), column(D)),
        *(loss.ctypes.data, gradient.ctypes.data),
    )
    return outside, loss, gradient


@pytest.mark.parametrize("form", NAMES)
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_losses_and_gradients_are_those_of_the_formula(form, seed):
    """Gradients by complex steps, exact to rounding."""
    rng = np.random.default_rng(seed)
    values = np.array(VALUES[form]) * rng.uniform(0.8, 1.25, len(VALUES[form]))
    N, D = 10 ** rng.uniform(6, 13, 130), 10 ** rng.uniform(8, 14, 130)
    outside, loss, gradient = evaluate(form, values, N, D)
    assert outside == 0
    np.testing.assert_allclose(loss, formula(form, values, N, D), rtol=1e-13)
    for j in range(len(values)):
        moved = values.astype(complex)
        moved[j] += 1e-30j
        slope = formula(form, moved, N, D).imag / 1e-30
        scale = 1e-13 * np.abs(slope).max()
        np.testing.assert_allclose(gradient[:, j], slope, rtol=1e-11, atol=scale)


@pytest.mark.parametrize("form", NAMES)
def test_losses_are_those_of_the_package(form):
    names = FORMS[form].parameters
    assert value_count(NAMES.index(form)) == len(names)
    law = sc.FittedLaw.from_values(form, dict(zip(names, VALUES[form], strict=True)))
    N, D = np.geomspace(1e7, 1e12, 50), np.geomspace(1e13, 1e9, 50)
    _, loss, _ = evaluate(form, VALUES[form], N, D)
    if form == "compute":  # which predicts at 6 N D
        _, loss, _ = evaluate(form, VALUES[form], 6 * N * D, D)
    np.testing.assert_allclose(loss, law.predict(N, D).loss, rtol=1e-12)


def test_points_outside_are_nan_in_their_own_place():
    N, D = np.full(70, 1e9), np.full(70, 1e11)
    N[[0, 65]], D[3], N[7] = (-1, np.inf), 0, np.nan
    outside, loss, gradient = evaluate("coupled", VALUES["coupled"], N, D)
    bad = np.isin(np.arange(70), [0, 65, 3, 7])
    assert outside == 3
    np.testing.assert_array_equal(np.isnan(loss), bad)
    np.testing.assert_array_equal(np.isnan(gradient).all(1), bad)


# ---- fits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("form", NAMES)
def test_a_fit_is_the_packages(form, loss):
    for seed in range(3):
        assert_same_fit(made_table(seed, weight=seed == 1), form, loss=loss)


def test_deltas_units_and_clusters():
    """Clusters say nothing to a fit; strides are the caller's."""
    table = made_table(5, runs=10)
    for delta in (1e-1, 1e-2, 1e-4):
        ours, _ = assert_same_fit(table, "additive", delta=delta)
    rows = np.column_stack([table.parameters, table.samples, table.loss])
    strided = Table(table, "additive", delta=1e-4, by="row")
    strided.options.N, strided.options.D, strided.options.L = map(column, rows.T)
    strided.fit()
    assert bytes(strided.result) == bytes(ours.result)


def table_of(N, D, L):
    return sc.RunTable(*(np.array(part, float) for part in (N, D, L)))


def degenerate_tables():
    table = made_table(7)
    N, D, L = table.parameters, table.samples, table.loss
    rng = np.random.default_rng(8)
    steep = 40 / N**0.1 + 30 / D**0.09 - 3
    return {
        "FEW_RUNS": table_of(N[:5], D[:5], L[:5]),
        "NONE_AT_ALL": sc.RunTable([], [], []),
        "ONE_SIZE": table_of(np.full(40, 1e9), D, L),
        "ONE_SAMPLES": table_of(N, np.full(40, 1e9), L),
        "ONE_LINE": table_of(N, 20 * N, L),
        "FEW_POINTS": table_of(np.tile([1e8, 1e9], 20), np.repeat([1e9, 1e10], 20), L),
        "EDGE": table_of(N, D, steep),
        "noise alone": table_of(N, D, np.exp(0.1 * rng.standard_normal(40))),
        "a constant": table_of(N, D, np.full(40, 2.5)),
        "huge numbers": table_of(N * 1e280, D * 1e-280, L * 1e200),
    }


REASONS = ["NONE", "FEW_RUNS", "ONE_SIZE", "ONE_SAMPLES", "ONE_LINE", "FEW_POINTS"]
REASONS += ["GRADIENT", "CONDITION", "EDGE"]


@pytest.mark.parametrize("name", degenerate_tables())
@pytest.mark.parametrize("form", ["additive", "tied", "coupled", "kaplan_offset"])
def test_degenerate_tables_have_the_packages_status(name, form):
    if (name, form) == ("FEW_RUNS", "tied"):
        pytest.skip("five runs are enough for four values")
    ours, law = assert_same_fit(degenerate_tables()[name], form)
    if name in REASONS and (name, form) != ("FEW_POINTS", "tied"):
        assert REASONS[ours.result.reason] == name
    assert len(reason(ours.result.reason).decode()) > 10
    if law.status == sc.FitStatus.TOO_FEW_RUNS:
        assert np.isnan([*ours.result.values, ours.result.objective]).all()


def test_starts_of_ones_own():
    table = made_table(9)
    starts = np.array([VALUES["additive"], (0.5, 10, 0.1, 10, 0.1)])
    plain, more = Table(table, "additive"), Table(table, "additive", starts=starts)
    plain.fit(), more.fit()
    assert more.result.starts == plain.result.starts + 2
    np.testing.assert_allclose(more.result.values[:5], plain.result.values[:5], rtol=1e-7)
    starts[1, 2] = -1
    memory = more.space.ctypes.data, more.space.size
    assert fit_in_c(byref(more.options), byref(more.result), *memory) == SC_ERROR_RANGE


def test_keep_going():
    asked = []

    def three_times(_):
        asked.append(1)
        return len(asked) <= 3

    stop = CFUNCTYPE(c_int, c_void_p)(three_times)
    ours = Table(made_table(2), "coupled")
    ours.options.keep_going = ctypes.cast(stop, c_void_p)
    memory = ours.space.ctypes.data, ours.space.size
    assert fit_in_c(byref(ours.options), byref(ours.result), *memory) == SC_STOPPED
    assert len(asked) == 4
    assert list(ours.result.values) == [0] * 6


# ---- resamples -----------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["huber", "log", "squared"])
@pytest.mark.parametrize("form", NAMES)
@pytest.mark.parametrize(("runs", "how"), [(None, PAIRS), (None, WILD), (12, WILD), (70, AUTO)])
def test_draws_are_the_packages(form, loss, runs, how):
    """The same replicas; logarithms and means may differ in the last digit, and so may fits."""
    table = made_table(3, count=80 if runs != 70 else 300, runs=runs, weight=True)
    method = ("auto", "pairs", "wild")[how]
    law = sc.fit(table, form, loss=loss, resamples=150, rng=1, intervals=method)
    ours = Table(table, form, loss=loss)
    ours.fit()
    assert law.usable
    got, want = ours.resample(how, law.key, 0, 150), np.column_stack(list(law.draws.values()))
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
    assert np.nanmedian(np.abs(got - want) / np.maximum(np.abs(want), 1e-9)) < 1e-7
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("how", ["pairs", "leave_out"])
@pytest.mark.parametrize("form", ["additive", "coupled", "compute"])
def test_draws_have_the_bits_of_the_core(form, how):
    """Where logarithms and means are rounded as C does it."""
    table = made_table(4, count=50, runs=30)
    ours = Table(table, form)
    result = ours.fit()
    logs = [
        np.array([math.log(x) for x in part])  # C's, which NumPy's is not
        for part in (ours.kept[0], table.samples, table.loss)
    ]
    centres = [np.cumsum(part)[-1] / len(part) for part in logs]
    if form == "compute":
        centres[1] = 0.0
    assert list(result.centre) == centres
    n, m, y = (part - mean for part, mean in zip(logs, centres, strict=True))
    row = FORMS[form]
    problem = core.Problem(
        *(row.code, n, m, y),
        of_loss=False,
        delta=1e-3,
        low=np.array(row.low),
        high=np.array(row.high),
        cluster=table.run_codes.astype(np.intp),
        clusters=len(table.run_names),
    )
    count = len(table.run_names)
    theta = np.array(result.theta[: ours.values])
    want = problem.resample(theta, 0, count, how=how, key=77, first_delta=1e-3)[0]
    got = ours.resample(PAIRS if how == "pairs" else LEAVE_OUT, 77, 0, count)
    slope = want[:, 2]
    if form == "coupled":  # its gamma is rounded by C's exponential
        slope = slope / np.array([math.exp(x) for x in want[:, 5]])
    np.testing.assert_array_equal(got[:, 2], slope)


def test_leaving_out_is_the_packages_influence():
    table = made_table(6, count=60, runs=25)
    ours = Table(table, "additive")
    ours.fit()
    law = sc.fit(table, "additive", resamples=0)
    want = np.column_stack(list(law.influence(1e23).values.values()))
    np.testing.assert_allclose(ours.resample(LEAVE_OUT, 0, 0, len(want)), want, rtol=1e-6)


@pytest.mark.parametrize("how", [PAIRS, WILD])
def test_cuts_give_the_same_bits(how):
    ours = Table(made_table(6, count=60), "coupled")
    ours.fit()
    whole = ours.resample(how, 9, 0, 300)
    parts = [ours.resample(how, 9, first, 60) for first in range(0, 300, 60)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert not np.array_equal(ours.resample(how, 10, 0, 300), whole)


# ---- wrong arguments, as a wrong binding makes them; the C driver has the rest -------------------


def test_wrong_calls_have_a_status():
    ours = Table(made_table(), "additive")
    memory = ours.space.ctypes.data, ours.space.size

    def said(**changes):
        options = Options.from_buffer_copy(ours.options)
        for name, value in changes.items():
            setattr(options, name, value)
        result = Result(ctypes.sizeof(Result))
        return fit_in_c(byref(options), byref(result), *memory)

    assert said() == 0
    assert said(size=ctypes.sizeof(Options) + 8) == SC_ERROR_SIZE
    assert said(form=6) == said(loss=9) == SC_ERROR_ENUM
    assert said(delta=-1.0) == said(runs=-1) == said(delta=np.inf) == SC_ERROR_RANGE
    assert said(N=Column(None, 1)) == said(start_count=2) == SC_ERROR_NULL
    assert said(L=Column(memory[0], 1)) == SC_ERROR_OVERLAP
    bad = made_table().loss.copy()
    bad[17] = np.nan
    assert said(L=column(bad)) == SC_ERROR_RANGE
    small = memory[0], memory[1] - 1
    assert fit_in_c(byref(ours.options), byref(ours.result), *small) == SC_ERROR_SPACE
    assert space_of(None) == 0
    assert reason(99) == b"unknown reason"
