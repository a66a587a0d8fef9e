"""What is odd about a table: each kind is found where it is, with its rows, and not where it is
not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scalecore as sc
from scalecore.fitting._far_runs import deviations
from scalecore.fitting._findings import CHECKS

Kind = sc.FindingKind


def law(n, d):
    return 1.82 + 478 / n**0.347 + 2143 / d**0.367


def grid(noise=0.002, seed=1):
    """Five model sizes at six numbers of samples: nothing odd."""
    n, d = (x.ravel() for x in np.meshgrid(np.geomspace(3e7, 3e9, 5), np.geomspace(1e9, 1e11, 6)))
    return n, d, law(n, d) * np.exp(noise * np.random.default_rng(seed).standard_normal(n.size))


def kinds(table):
    return [finding.kind for finding in table.findings()]


def only(table, kind):
    """Return the one finding that there must be."""
    found = table.findings()
    assert [finding.kind for finding in found] == [kind], found
    return found[0]


def test_each_kind_is_one_row_of_the_table():
    assert [row.kind for row in CHECKS] == list(Kind)
    for row in CHECKS:
        assert row.advice.endswith(".")
        assert ". " not in row.advice  # one sentence
        assert row.kind.name in Kind.__doc__


def test_a_good_table_has_no_findings():
    n, d, loss = grid()
    assert sc.RunTable(n, d, loss).findings() == ()
    assert sc.RunTable(n, d, loss / np.log(2), loss_unit="bits").findings() == ()
    full = sc.RunTable(n, d, loss, 6.3 * n * d, d, np.arange(30), np.ones(30), progress=np.ones(30))
    assert full.findings() == ()
    assert sc.RunTable(n, d, law(n, d)).findings() == ()  # without noise


@pytest.mark.parametrize("seed", range(5))
def test_good_tables_of_other_designs_have_no_findings(seed):
    """Chinchilla's isoFLOP profiles, with D = C/6N by construction; a ladder; random runs."""
    rng = np.random.default_rng(seed)
    budget = np.repeat(np.geomspace(1e18, 1e21, 9), 12)
    n = np.sqrt(budget / 120) * np.exp(rng.uniform(-1.5, 1.5, budget.size))
    d = budget / (6 * n)
    assert (
        kinds(sc.RunTable(n, d, law(n, d) * np.exp(0.005 * rng.standard_normal(n.size)), budget))
        == []
    )
    n = np.repeat([1.9e8, 3.7e8, 7.6e8, 1.3e9, 3.2e9], 5)
    d = n * np.tile([10, 20, 40, 100, 200], 5)
    assert kinds(sc.RunTable(n, d, law(n, d) * np.exp(0.002 * rng.standard_normal(n.size)))) == []
    n, d = np.exp(rng.uniform(16, 22, 60)), np.exp(rng.uniform(21, 26, 60))
    assert kinds(sc.RunTable(n, d, law(n, d) * np.exp(0.01 * rng.standard_normal(60)))) == []


def test_dropped_rows():
    n, d, loss = grid()
    loss[[4, 7]] = np.nan
    finding = only(sc.RunTable(n, d, loss, drop_invalid=True), Kind.ROWS_DROPPED)
    assert finding.rows.tolist() == [4, 7]
    assert (
        repr(finding)
        == "ROWS_DROPPED: 2 rows could not be used (rows 4, 7). Look why, before trusting what the "
        "others say."
    )
    assert not finding.rows.flags.writeable


def test_embedding_parameters_in_doubt():
    """The same runs give exponents .37 and .68 with and without embeddings: a table says which N it
    has."""
    n, d, loss = grid()
    frame = {"N": n, "N_no_embed": 0.8 * n - 2e6, "D": d, "L": loss}
    finding = only(sc.RunTable.from_frame(frame), Kind.COLUMN_IN_DOUBT)
    assert (
        "parameters is column 'N'; 'N_no_embed', 0.733 to 0.799 times that, might be meant as well"
        in finding.seen
    )
    assert finding.rows.size == 0
    assert sc.RunTable.from_frame(frame, columns={"parameters": "N_no_embed"}).findings() == ()


def test_few_runs():
    n, d, loss = grid()
    for count in range(6):
        table = sc.RunTable(n[:count], d[:count], loss[:count])
        assert Kind.TOO_FEW_RUNS in kinds(table)
        assert table.findings()[0].rows.tolist() == list(range(count))


def test_duplicates():
    n, d, loss = grid()
    rows = [*range(30), 3, 17, 3]
    finding = only(sc.RunTable(n[rows], d[rows], loss[rows]), Kind.DUPLICATE_ROWS)
    assert finding.rows.tolist() == [30, 31, 32]
    unique = np.full(33, 1e12)
    unique[31] = 2e12  # another data set
    assert only(
        sc.RunTable(n[rows], d[rows], loss[rows], unique_samples=unique), Kind.DUPLICATE_ROWS
    ).rows.tolist() == [30, 32]


def test_swapped_columns_are_seen():
    n, d, _ = grid()
    n = n / 30  # every run has read more samples than it has parameters
    assert (d > n).all()
    found = sc.RunTable(d, n, law(n, d)).findings()
    assert found[0].kind == Kind.SWAPPED
    assert found[0].rows.size == 30
    assert Kind.SWAPPED not in kinds(sc.RunTable(n, d, law(n, d)))


def test_units():
    n, d, loss = grid()
    finding = sc.RunTable(n / 1e9, d, loss).findings()[0]
    assert finding.kind == Kind.SMALL_UNITS
    assert finding.seen == "parameters are 0.03 to 3 and not whole"
    assert Kind.SMALL_UNITS in kinds(sc.RunTable(n, d / 1e9, loss))
    small = sc.RunTable(
        [40.0, 80, 160] * 4, np.repeat([500.0, 1000, 2000, 4000], 3), np.linspace(0.4, 0.1, 12)
    )
    assert Kind.SMALL_UNITS not in kinds(small)  # tiny networks, counted one by one


@pytest.mark.parametrize("ratio", [20, 5, 100])
@pytest.mark.parametrize("spread", [0, 0.05])
def test_all_runs_on_one_ray(ratio, spread):
    """D = 20 N gives alpha from -0.5 to 0.35 without a word elsewhere."""
    n = np.geomspace(1e8, 1e10, 20)
    d = ratio * n * np.exp(np.random.default_rng(0).uniform(-spread, spread, n.size))
    finding = sc.RunTable(n, d, law(n, d)).findings()[0]
    assert finding.kind == Kind.ONE_RAY
    assert finding.rows.size == 20
    assert f"D/N is {ratio}" in finding.seen or spread
    off = np.append(d[:-1], 30 * d[-1])  # one run off the ray does not save the others
    assert sc.RunTable(n, off, law(n, off)).findings()[0].rows.tolist() == list(range(19))
    off[::3] *= 3
    assert Kind.ONE_RAY not in kinds(sc.RunTable(n, off, law(n, off)))


@pytest.mark.parametrize("slope", [-1, 0.5, 1.7])
def test_all_runs_on_another_line(slope):
    """One isoFLOP curve, or only compute-optimal runs."""
    n = np.geomspace(1e8, 1e10, 20)
    d = 1e10 * (n / 1e9) ** slope
    finding = only(sc.RunTable(n, d, law(n, d)), Kind.ONE_RAY)
    assert f"N^{slope:.2f}" in finding.seen


def test_levels():
    n, d, loss = grid()
    same = np.full(30, 1e9) * np.exp(np.random.default_rng(0).uniform(0, 0.005, 30))
    assert kinds(sc.RunTable(same, d, loss))[0] == Kind.ONE_SIZE
    assert Kind.ONE_SAMPLE_COUNT in kinds(sc.RunTable(n, np.full(30, 1e10), loss))
    two = np.where(np.arange(30) % 2, 1e9, 2e9)
    assert Kind.TOO_FEW_LEVELS in kinds(sc.RunTable(two, d, loss))
    found = {finding.kind: finding.seen for finding in sc.RunTable(n, two, loss).findings()}
    assert found[Kind.TOO_FEW_LEVELS] == "there are only two different numbers of samples"
    constant = sc.RunTable(np.full(30, 1e9), np.full(30, 1e10), np.full(30, 2.5))
    assert set(kinds(constant)) == {Kind.ONE_SIZE, Kind.ONE_SAMPLE_COUNT, Kind.DUPLICATE_ROWS}
    dense = np.geomspace(1e8, 1e9, 3000)  # neighbours are closer than a level, the ends are not
    assert not {Kind.ONE_SIZE, Kind.TOO_FEW_LEVELS} & set(
        kinds(sc.RunTable(dense, dense[::-1], law(dense, dense[::-1])))
    )


def test_compute_that_disagrees():
    n, d, loss = grid()
    compute = 6 * n * d
    compute[[2, 5]] *= 3
    finding = only(sc.RunTable(n, d, loss, compute), Kind.COMPUTE_DISAGREES)
    assert finding.rows.tolist() == [2, 5]
    assert "compute is 3 times 6 N D in 2 of 30 rows" in finding.seen
    assert only(sc.RunTable(n, d, loss, 2 * n * d), Kind.COMPUTE_DISAGREES).rows.size == 30
    assert sc.RunTable(n, d, loss, 2 * n * d, cost=2).findings() == ()
    assert sc.RunTable(n, d, loss, 1.9 * 6 * n * d).findings() == ()
    exa = only(sc.RunTable(n, d, loss, 6e-18 * n * d), Kind.COMPUTE_DISAGREES)
    assert "compute is 1e-18 times" in exa.seen


def test_budgets_rounded_to_one_digit():
    """1.5e19 and 2.5e19 both become 2e19, and share a curve that neither belongs to."""
    n, d, loss = grid()
    compute = np.array([float(f"{c:.0e}") for c in 6 * n * d])
    finding = only(sc.RunTable(n, d, loss, compute), Kind.COMPUTE_ROUNDED)
    off = np.abs(np.log(compute / (6 * n * d))) > 0.05
    assert finding.rows.tolist() == np.flatnonzero(off).tolist()
    n, budget = np.tile(np.geomspace(3e7, 3e9, 10), 3), np.repeat([1e18, 3e18, 1e19], 10)  # kept to
    assert sc.RunTable(n, budget / (6 * n), law(n, budget / 6 / n), budget).findings() == ()


def test_repeated_samples():
    n, d, loss = grid()
    unique = np.minimum(d, 3e10)
    finding = only(sc.RunTable(n, d, loss, unique_samples=unique), Kind.REPEATED_SAMPLES)
    assert finding.rows.tolist() == np.flatnonzero(d > 3e10).tolist()
    assert "up to 3.333 times" in finding.seen


def test_losses_that_are_no_losses():
    n, d, loss = grid()
    assert only(sc.RunTable(n, d, np.exp(loss)), Kind.LOOKS_LIKE_PERPLEXITY).rows.size == 30
    high = kinds(sc.RunTable(n / 1e4, d / 1e4, np.full(30, 40.0) * np.exp(-np.log(n) / 100)))
    assert (
        Kind.LOOKS_LIKE_PERPLEXITY in high
    )  # without language models of this size to compare with
    for values, unit, guess in (
        (loss / np.log(2), "nats", "bits per token"),
        (loss, "bits", "nats"),
        (loss / np.log(2) / 4.5, "nats", "per byte"),
        (loss / np.log(2) ** 2, "bits", "counted in bits twice"),
    ):
        finding = only(sc.RunTable(n, d, values, loss_unit=unit), Kind.LOOKS_LIKE_OTHER_UNIT)
        assert guess in finding.seen
    for factor in (0.75, 1.25):  # other text and tokens
        assert sc.RunTable(n, d, factor * loss).findings() == ()


def test_several_losses_at_one_point():
    n, d, loss = grid(noise=0.01)
    rows = np.append(np.arange(30), [3, 3, 8])
    values = loss[rows]
    values[[30, 31, 32]] *= [1.05, 0.98, 1.003]  # untuned, better tuned, another seed
    table = sc.RunTable(n[rows], d[rows], values)
    finding = only(table, Kind.SEVERAL_LOSSES)
    assert finding.rows.tolist() == [3, 30]
    assert "7.1 % above" in finding.seen
    best = table.best_per_point()
    assert best.rows.tolist() == [*range(3), *range(4, 30), 31]
    assert best.findings() == ()
    unique = np.arange(33) + 1e12
    assert (
        sc.RunTable(n[rows], d[rows], values, unique_samples=unique).best_per_point().loss.size
        == 33
    )


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 4)), max_size=30))
def test_best_per_point_is_what_a_dict_gives(rows):
    n, d, loss = np.array(rows, float).reshape(-1, 3).T
    best = {}
    for i, key in enumerate(zip(n, d, strict=True)):
        if key not in best or loss[i] < loss[best[key]]:
            best[key] = i
    table = sc.RunTable(n, d, loss)
    assert table.best_per_point().rows.tolist() == sorted(best.values())
    seen, repeats = set(), []
    for i, key in enumerate(zip(n, d, loss, strict=True)):
        repeats += [i] if key in seen else []
        seen.add(key)
    found = [f for f in table.findings() if f.kind == Kind.DUPLICATE_ROWS]
    assert (found[0].rows.tolist() if found else []) == repeats


def test_early_checkpoints():
    n, d, loss = grid()
    progress = np.tile([0.2, 0.6, 1.0], 10)
    finding = only(sc.RunTable(n, d, loss, progress=progress), Kind.EARLY_CHECKPOINTS)
    assert finding.rows.tolist() == np.flatnonzero(progress < 1).tolist()


def test_runs_far_from_others():
    n, d, loss = grid()
    loss[[5, 20]] *= [1.3, 0.8]
    finding = only(sc.RunTable(n, d, loss), Kind.FAR_FROM_OTHERS)
    assert finding.rows.tolist() == [5, 20]
    lonely = np.append(n, 7e10), np.append(d, 2e12)  # one large run, where the law says
    assert sc.RunTable(*lonely, np.append(loss, law(7e10, 2e12))).findings()[-1].rows.tolist() == [
        5,
        20,
    ]


def test_influence_of_a_fit_takes_the_surfaces_place():
    n, d, loss = grid()
    loss[5] *= 1.3
    table = sc.RunTable(n, d, loss)
    influence = np.full(30, -0.01)
    influence[[3, 4, 6]] = [0.5, np.nan, 0.04]  # without row 4 there is no answer
    assert [f.rows.tolist() for f in table.findings(influence)] == [[3, 4]]
    assert table.findings(np.full(30, 0.01)) == ()
    law = sc.fit(table, form="additive", resamples=2)
    assert [f.rows.tolist() for f in table.findings(law.influence(1e24))] in ([], [[5]])
    loss[:6] *= 1.3  # a whole run
    runs = sc.RunTable(n, d, loss, run=np.arange(30) // 6)
    measured = sc.Influence(
        runs.run_names, {}, np.array([2.0, 1.01, 1.01, 0.99, 1.01]), np.ones(5), 1e24
    )
    assert [f.rows.tolist() for f in runs.findings(measured) if f.kind == Kind.FAR_FROM_OTHERS] == [
        list(range(6))
    ]
    with pytest.raises(ValueError, match="influence must have one element a row, 30, got 3"):
        table.findings([1, 2, 3])
    with pytest.raises(TypeError, match="influence must be real numbers"):
        table.findings(["a"] * 30)


def test_the_surface_is_the_laws():
    """Without noise nothing is off, whatever the exponents; a tenth of outliers does not move
    it."""
    n, d = (x.ravel() for x in np.meshgrid(np.geomspace(1e7, 1e10, 8), np.geomspace(1e8, 1e12, 10)))
    outliers = np.random.default_rng(3).choice(80, 8, replace=False)
    for alpha, beta in ((0.2, 0.5), (0.35, 0.37), (0.9, 0.3)):
        loss = 1.7 + 0.5 * (n / 1e8) ** -alpha + 0.6 * (d / 1e10) ** -beta
        distance, usual = deviations(n, d, loss)
        assert usual < 2e-3
        assert np.abs(distance).max() < 0.02
        loss[outliers] *= 1.4
        distance, _ = deviations(n, d, loss)
        assert np.abs(distance[outliers] - np.log(1.4)).max() < 0.03
        assert np.abs(np.delete(distance, outliers)).max() < 0.03


positive = st.floats(1e-300, 1e300)


@settings(max_examples=150)
@given(st.lists(st.tuples(positive, positive, positive), max_size=16), st.booleans())
def test_no_table_makes_a_check_fail(rows, full):
    n, d, loss = np.array(rows, float).reshape(-1, 3).T
    more = (
        {
            "compute": loss[::-1],
            "unique_samples": n,
            "progress": np.full(n.size, 0.5),
            "run": np.arange(n.size),
        }
        if full
        else {}
    )
    table = sc.RunTable(n, d, loss, **more)
    for finding in table.findings():
        assert np.isin(finding.rows, table.rows).all()
        assert (np.diff(finding.rows) > 0).all()
        assert "nan" not in finding.seen
    assert isinstance(table._repr_html_(), str)


@settings(max_examples=15)
@given(st.randoms(use_true_random=False))
def test_order_of_rows_changes_nothing(random):
    n, d, loss = grid()
    rows = [*range(30), 4, 9]
    n, d, loss = n[rows], d[rows], loss[rows]
    loss[[2, 31]] *= [1.4, 1.02]
    order = list(range(32))
    random.shuffle(order)
    before, after = (
        sc.RunTable(n, d, loss).findings(),
        sc.RunTable(n[order], d[order], loss[order]).findings(),
    )
    assert [f.kind for f in before] == [f.kind for f in after]
    for old, new in zip(before, after, strict=True):
        if old.kind != Kind.DUPLICATE_ROWS:  # of two equal rows the later one
            assert sorted(order[row] for row in new.rows) == old.rows.tolist()


def test_rows_keep_their_numbers_in_parts_of_a_table():
    n, d, loss = grid()
    loss[25] *= 1.5
    part = sc.RunTable(n, d, loss).where(np.arange(30) >= 10)
    assert only(part, Kind.FAR_FROM_OTHERS).rows.tolist() == [25]


def read(public_table, name, **options):
    return sc.RunTable.read(public_table(name), **options)


def test_public_chinchilla(public_table):
    """Five digitised outliers, and nothing else: D = C/6N by construction is fine."""
    table = read(public_table, "chinchilla_epoch")
    assert sorted(only(table, Kind.FAR_FROM_OTHERS).rows.tolist()) == sorted(
        np.argsort(table.loss)[-5:].tolist()
    )
    assert (
        read(public_table, "chinchilla_epoch", loss_unit="bits").findings()[0].kind
        == Kind.LOOKS_LIKE_OTHER_UNIT
    )
    swapped = sc.RunTable(table.samples, table.parameters, table.loss)
    assert kinds(swapped)[0] == Kind.SWAPPED


def test_public_gemstones(public_table):
    for subset in ("cool_end", "hot", "hot_100b+", "lr_ablation_hot"):
        table = read(
            public_table,
            "gemstones",
            where={"subset": subset},
            columns={"parameters": "N", "compute": None},
        )
        assert table.findings() == ()
        progress = table.samples / table.samples.max()
        early = sc.RunTable(
            table.parameters, table.samples, table.loss, run=table.run, progress=progress
        )
        assert only(early, Kind.EARLY_CHECKPOINTS).rows.size > 100
    assert kinds(read(public_table, "gemstones", where={"subset": "hot"})) == [Kind.COLUMN_IN_DOUBT]


def test_public_datablations(public_table):
    table = read(public_table, "datablations_fit182")
    repeated, far = table.findings()
    assert repeated.kind == Kind.REPEATED_SAMPLES
    assert repeated.rows.size == np.count_nonzero(table.samples > table.unique_samples)
    assert far.kind == Kind.FAR_FROM_OTHERS
    excluded = read(public_table, "datablations_fit182", where={"excluded_as_outlier": "True"})
    assert np.isin(far.rows, excluded.rows).mean() > 0.8


def test_public_olmo_and_open_lm(public_table):
    """Three runs that are listed twice; a run of 1/4 of Chinchilla's samples, and no alarm for the
    large ones."""
    olmo = read(public_table, "olmo_ladder_final")
    rows = only(olmo, Kind.DUPLICATE_ROWS).rows
    assert rows.size == 3
    for dataset in ("c4_original", "rpj", "rw_original"):
        table = read(
            public_table,
            "open_lm_overtraining",
            where={"dataset": dataset},
            columns={"L": "loss_c4_val_shard-{0000000..00", "N": "N"},
        )
        for finding in table.findings():
            assert finding.kind == Kind.FAR_FROM_OTHERS
            assert table.parameters[np.isin(table.rows, finding.rows)].max() < 5e8


def test_public_porian(public_table):
    """IsoFLOP slices with few parameters or samples at their ends: at most a few early runs are
    far."""
    where = {
        "dataset": "rw",
        "hparams": "tuned",
        "warmup": "short",
        "decay": "const",
        "param_count": "standard",
    }
    assert read(public_table, "porian_isoflop", where=where, columns={"N": "N"}).findings() == ()
    where = {"file": "summary_df_att", "hparams": "base", "warmup": "short", "decay": "kaplan"}
    assert (
        only(read(public_table, "porian_isoflop", where=where), Kind.FAR_FROM_OTHERS).rows.size <= 5
    )
