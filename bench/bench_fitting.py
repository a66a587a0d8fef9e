"""A certified fit of runs and its resamples beside SciPy, lmfit, iminuit and chinchilla.

Each rival's line ends with how far its objective lies above ours, relatively: "reached" below 1e-9
(of the resamples, the worst).
"""

import importlib.util

import fitting_rivals as rivals
import numpy as np
import pytest

import scalecore as sc

RESAMPLES = 10_000
RIVALS_RESAMPLES = 4
REACHED = 1e-9
SLOW = {"rounds": 3, "repeats": 1}  # some rivals take seconds


def runs(rows):
    """Runs along nine isoFLOP lines, 6e18 to 3e21 FLOPs, with heavy-tailed errors of 0.4 %."""
    rng = np.random.default_rng(0)
    C = np.repeat(np.geomspace(6e18, 3e21, 9), -(-rows // 9))[:rows]
    N = np.sqrt(C / 120) * np.exp(rng.uniform(-1.3, 1.3, rows))
    D = C / (6 * N)
    loss = 1.8 + 480 / N**0.35 + 2100 / D**0.37
    return N, D, loss * np.exp(0.004 * rng.standard_t(4, rows) / np.sqrt(2))


def excess_over(objective, ours):
    excess = (objective - ours) / ours
    assert excess > -1e-9, f"ours was not the least: {excess:.1e}"
    return excess


def said(excess):
    return "reached" if excess < REACHED else f"missed by {excess:.1e}"


def test_fit(contest):
    columns = runs(240)
    ours, theirs = sc.RunTable(*columns), rivals.Table(*columns)
    contenders = {"scalecore": lambda: sc.fit(ours, "additive", resamples=0)}
    law = contenders["scalecore"]()
    assert law.status == sc.FitStatus.CONVERGED
    calls = dict(rivals.RIVALS)
    if importlib.util.find_spec("chinchilla"):
        calls["chinchilla (its BFGS, 32 starts)"] = rivals.chinchilla_package
    notes = {}
    for name, call in calls.items():
        contenders[name] = lambda call=call: call(theirs)
        notes[name] = said(excess_over(call(theirs)[0], law.objective))
    title = f"fit, 240 runs, 5 parameters; rivals from {len(rivals.STARTS)} good starts"
    contest(title, contenders, 1, "ms a fit", 1e3, notes=notes, **SLOW)


def test_resamples(contest):
    columns = runs(240)
    ours, theirs = sc.RunTable(*columns), rivals.Table(*columns)
    start = rivals.least_squares(theirs)[1]
    rng = np.random.default_rng(1)
    drawn = [rng.integers(0, 240, 240) for _ in range(RIVALS_RESAMPLES)]
    least = [
        sc.fit(sc.RunTable(*(c[rows] for c in columns)), "additive", resamples=0).objective
        for rows in drawn
    ]
    assert np.isfinite(sc.fit(ours, "additive", resamples=RESAMPLES).theta_draws).all()
    contenders = {"scalecore": lambda: sc.fit(ours, "additive", resamples=RESAMPLES)}
    notes = {"scalecore": f"{RESAMPLES:,} and the fit"}
    for name, call in rivals.RIVALS.items():

        def each(call=call):
            return [call(theirs.take(rows), [start])[0] for rows in drawn]

        contenders[name] = each, RIVALS_RESAMPLES
        worst = max(excess_over(*pair) for pair in zip(each(), least, strict=True))
        notes[name] = said(worst)
    title = "resamples of 240 runs, 5 parameters, from the optimum"
    contest(title, contenders, RESAMPLES, "ms a resample", 1e3, notes=notes, **SLOW)


def test_among_ourselves(contest):
    def fitting(rows, form, **options):
        table = sc.RunTable(*runs(rows))
        return lambda: sc.fit(table, form, **{"resamples": 0, **options})

    contest(
        "one certified fit",
        {
            "additive, 240 runs": fitting(240, "additive"),
            "the same, least squares of ln L": fitting(240, "additive", loss="log"),
            "coupled, 240 runs": fitting(240, "coupled"),
            "additive, 770 runs": fitting(770, "additive"),
            "coupled, 770 runs": fitting(770, "coupled"),
        },
        1,
        "ms a fit",
        1e3,
    )


def test_resamples_among_ourselves(contest):
    def resampling(rows, form):
        table = sc.RunTable(*runs(rows))
        return lambda: sc.fit(table, form, resamples=RESAMPLES)

    contest(
        f"a fit and {RESAMPLES:,} resamples",
        {
            "additive, 240 runs": resampling(240, "additive"),
            "coupled, 240 runs": resampling(240, "coupled"),
            "additive, 770 runs": resampling(770, "additive"),
        },
        1,
        "ms",
        1e3,
        **SLOW,
    )


def test_second_core(contest):
    table = sc.RunTable(*runs(240))

    def resampling(n_threads):
        options = {"resamples": RESAMPLES, "rng": 0, "n_threads": n_threads}
        return lambda: sc.fit(table, "additive", **options)

    two, one = resampling(2), resampling(1)
    assert np.array_equal(two().theta_draws, one().theta_draws)
    title = f"a fit and {RESAMPLES:,} resamples, threads"
    contest(title, {"two threads": two, "one thread": one}, 1, "ms", 1e3)


@pytest.mark.parametrize("rows", [10**3, 10**4, 10**5, 10**6])
def test_linear(contest, rows):
    table = sc.RunTable(*runs(rows))
    contest(
        f"fit, least squares of ln L, {rows:.0e} runs",
        {"scalecore": lambda: sc.fit(table, "additive", loss="log", resamples=0)},
        rows,
        "us a run",
        1e6,
        rounds=1,
    )
