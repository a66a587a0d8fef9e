"""Objects as a stranger may make, copy, unpickle or change them.

Arrays that do not fit are refused before C reads them.
"""

import copy
import dataclasses
import os
import pickle

import numpy as np
import pytest

import scalecore as sc
from scalecore._core import fitting as core_fitting
from scalecore._core import frontier as core_frontier
from scalecore._core import information as core_information
from scalecore._core import network as core_network
from scalecore._core import spectral as core_spectral
from scalecore._core import spectrum as core_spectrum

COIN = sc.FiniteModel([0.3, 0.7], [[[0.5, 0.5]], [[0.1, 0.9]]], [1.0])
NETWORK = sc.NetworkPrior(3, 5.0).sample(0)


def remade(thing):
    """Every way in which Python makes one from another."""
    return {
        "pickle": pickle.loads(pickle.dumps(thing)),
        "old pickle": pickle.loads(pickle.dumps(thing, protocol=2)),
        "copy": copy.copy(thing),
        "deepcopy": copy.deepcopy(thing),
        "replace": dataclasses.replace(thing),
    }


@pytest.mark.parametrize(
    "thing",
    [COIN, NETWORK, sc.HypothesisSet([NETWORK, NETWORK], [0.1, 0.9]), sc.NetworkPrior(3, 5.0)],
)
def test_what_is_made_from_an_object_is_like_it(thing):
    for name, other in remade(thing).items():
        for field in dataclasses.fields(thing):
            mine, its = getattr(thing, field.name), getattr(other, field.name)
            if isinstance(mine, np.ndarray):
                assert its.tobytes() == mine.tobytes() or name == "replace"
                assert not mine.flags.writeable
                assert not its.flags.writeable, name
                with pytest.raises(ValueError, match="read-only"):
                    its[...] = 0


def test_laws_keep_their_bits_when_unpickled():
    """Laws are divided by their sums, which a second time would change some of them."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        p = rng.random((7, 2, 3))
        model = sc.FiniteModel(rng.dirichlet(np.ones(7)), p / p.sum(-1, keepdims=True), [0.1, 0.9])
        for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
            assert other.likelihood.tobytes() == model.likelihood.tobytes()
            assert other.prior.tobytes() == model.prior.tobytes()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            (np.ones((20_000_000, 3)), np.ones(1), 0, 5),
            ValueError,
            r"output_weights must have shape",
        ),
        ((np.ones((2, 3)), np.ones(3), 0, 5), ValueError, r"output_weights must have shape \(m,\)"),
        ((np.ones((2, 3)), np.ones((2, 1)), 0, 5), ValueError, r"output_weights must have shape"),
        ((np.ones(3), np.ones(3), 0, 5), ValueError, r"directions must have shape \(m, d\)"),
        ((np.ones((2, 0)), np.ones(2), 0, 5), ValueError, "directions must have at least one"),
        ((np.array([[1, np.nan]]), np.ones(1), 0, 5), ValueError, r"nan in directions\[0, 1\]"),
        ((np.ones((3, 1)), [1, 2, np.inf], 0, 5), ValueError, r"inf in output_weights\[2\]"),
        ((np.ones((1, 1), complex), np.ones(1), 0, 5), TypeError, "directions must be real"),
        ((np.ones((1, 1)), ["a"], 0, 5), TypeError, "output_weights must be real"),
        ((np.ones((1, 1)), np.ones(1), -1, 5), ValueError, "leftover must be"),
        ((np.ones((1, 1)), np.ones(1), 0, 0), ValueError, "concentration must be"),
    ],
)
def test_networks_made_by_hand_are_checked(arguments, error, message):
    with pytest.raises(error, match=message):
        sc.Network(*arguments)
    good = sc.Network(np.ones((2, 3), np.float32), [1, 2], 0, 5)  # other numbers are converted
    assert good(np.ones(3)) == 9.0
    fields = ("directions", "output_weights", "leftover", "concentration")
    with pytest.raises(error, match=message):
        dataclasses.replace(good, **dict(zip(fields, arguments, strict=True)))


def test_fields_that_were_exchanged_are_refused_where_they_are_used():
    X = np.ones((5, 3))
    for name, value in (
        ("output_weights", np.ones(2)),
        ("directions", np.ones((2, 3))),
        ("directions", np.ones((len(NETWORK), 0))),
    ):
        broken = copy.deepcopy(NETWORK)
        object.__setattr__(broken, name, value)
        with pytest.raises(ValueError, match=r"weights|directions|X must have shape"):
            broken(X)
        written = pickle.dumps(broken)
        for remake in (lambda it=broken: copy.deepcopy(it), lambda it=written: pickle.loads(it)):
            with pytest.raises(ValueError, match=r"output_weights|directions"):
                remake()


def test_priors_that_cannot_be_drawn_are_refused():
    for K in (1.0001e9, 1e12, 1e300, np.inf, np.nan, 0.0, -1.0):
        with pytest.raises(ValueError, match="concentration must be"):
            sc.NetworkPrior(3, K)
    for d in (65537, 10**12, 2**70, 0, -5):
        with pytest.raises(ValueError, match="input_dim must be at"):
            sc.NetworkPrior(d, 5)
    object.__setattr__(prior := sc.NetworkPrior(3, 5), "concentration", 1e12)
    for call in (lambda: sc.misspecification(prior, [3]), lambda: prior.sample(0, truncation=0.5)):
        with pytest.raises((ValueError, MemoryError), match="concentration"):
            call()


def test_widths_beyond_2_to_53_are_refused():
    assert (
        sc.misspecification(sc.NetworkPrior(3, 5), [2.0**53], networks=2, inputs=64, rng=0).kl.mean
        >= 0
    )
    for width in (2.0**53 + 2, 1e17, 1e300):
        with pytest.raises(
            ValueError,
            match=r"widths must be whole numbers, at most 2\*\*53, got .* in widths\[1\]",
        ):
            sc.misspecification(sc.NetworkPrior(3, 5), [1, width])


def wrong_shapes(rng, arrays, times):
    """Arguments of which one array is longer, shorter or empty."""
    for _ in range(times):
        changed = list(arrays)
        which = rng.choice([i for i, array in enumerate(arrays) if isinstance(array, np.ndarray)])
        array = arrays[which]
        axis = rng.integers(array.ndim)
        size = int(
            rng.choice(
                [
                    0,
                    1,
                    max(0, array.shape[axis] - 1),
                    array.shape[axis] + 1,
                    4 * array.shape[axis] + 3,
                ]
            )
        )
        if size == array.shape[axis]:
            continue
        shape = list(array.shape)
        shape[axis] = size
        changed[which] = (
            np.resize(array, shape)
            if array.size and 0 not in shape
            else np.zeros(shape, array.dtype)
        )
        yield changed


def functions_of_the_core():
    count, d, m = 6, 3, 4
    columns = [np.full(count, 1e6), np.full(count, 3.0), np.full(count, 5.0), np.full(count, 1.0)]
    results = [np.empty(count) for _ in range(6)] + [np.empty(count, np.int8)]
    tables = (sc.spectral_table(3, most_units=16).strategies,)
    likelihood = np.full((1, 2, 8), 0.5)
    laws = [likelihood, np.log(likelihood)]
    law, nothing = np.full(8, 1 / 8), np.zeros(8)
    yield core_frontier.compute_optimal, [*columns, *results, 0, False, 1]
    yield core_spectral.compute_optimal, [*columns, *results, 1, tables, False, 1]
    yield (
        core_spectral.terms,
        [np.full(count, 5.0) for _ in range(2)] + [np.full(count, 3.0), np.ones(count), 1, tables],
    )
    yield (
        core_network.logits,
        [
            *core_network.grouped(np.ones((m, d)), np.ones(m), float),
            np.ones((count, d)),
            np.empty(count),
            1,
        ],
    )
    rows = [np.empty((2, 3)) for _ in range(3)]
    yield core_network.experiment, [1, 0, 3, 5.0, 1e-8, 64, np.array([1.0, 2, 9]), False, *rows, 1]
    yield core_spectrum.even_kernels, [3.0, np.eye(4)]
    yield core_spectrum.orthonormalise, [np.eye(3, 5)]
    yield core_information.count_vectors, [*laws, law, law, np.zeros(10), 5, 0, 6, 1]
    yield (
        core_information.histories,
        [*laws, np.cumsum(law), nothing, nothing, nothing, 1, 0, np.empty((3, 7)), 1],
    )
    runs = [np.linspace(0.1, 1, 7) for _ in range(3)]
    yield core_fitting.starts, [0, *runs]
    yield core_fitting.around, [np.full(5, 0.5), np.zeros(5), np.ones(5), 0]
    yield core_fitting.values, [0, *runs[:2], np.full(5, 0.1), True]
    yield fitted, [*runs, np.ones(7), np.arange(7), np.zeros(5), np.ones(5), np.full((3, 5), 0.3)]
    starts, ends = np.array([0, 1, 2], np.intp), np.array([0, 1], np.int32)
    yield recursion, [*laws, law, nothing, starts, ends, np.array([0, 1], np.int32), np.ones(2)]


def fitted(n, m, y, weight, cluster, low, high, starts):
    problem = core_fitting.Problem(
        core_fitting.FORM_CODES["additive"],
        n,
        m,
        y,
        of_loss=False,
        delta=1.0,
        low=low,
        high=high,
        weight=weight,
        cluster=cluster,
        clusters=7,
        most_passes=3,
    )
    problem.minimise(starts)
    problem.resample(starts[0], 0, 4, how="wild", key=1, fitted=n, residual=m)
    problem.look(starts[0])


def recursion(theta, log_theta, prior, negentropy, first, source, cell, weight):
    made = core_information.Recursion(
        theta, log_theta, prior, negentropy, first, source, cell, weight, 0, 8, 3
    )
    made.run(np.empty((0, 2, 2)), np.empty((4, 4)), np.empty((3, 3)), np.zeros(3, np.intp), 1)


@pytest.mark.parametrize(("function", "arguments"), list(functions_of_the_core()))
def test_no_function_of_the_core_reads_beyond_an_array(function, arguments):
    """A fuzzer of what stands before C: refuse a call, or touch nothing but its arrays.

    SCALECORE_FUZZ makes it longer.
    """
    sc.spectral_table(3, most_units=16)
    function(*arguments)
    rng, refused = np.random.default_rng(int(os.environ.get("SCALECORE_FUZZ_SEED", "0"))), 0
    tries = list(wrong_shapes(rng, arguments, int(os.environ.get("SCALECORE_FUZZ", "300")) // 5))
    for changed in tries:
        try:
            function(*changed)
        except (ValueError, IndexError):
            refused += 1
    assert refused > len(tries) / 4


def test_transitions_out_of_range_are_refused():
    laws = [np.full((1, 2, 8), 0.5), np.zeros((1, 2, 8)), np.full(8, 1 / 8), np.zeros(8)]
    good = [
        np.array([0, 1, 2], np.intp),
        np.array([0, 1], np.int32),
        np.array([0, 1], np.int32),
        np.ones(2),
    ]
    recursion(*laws, *good)
    for which, value in ((0, 5), (1, 2), (1, -1), (2, 2), (2, -7), (0, -1)):
        bad = [array.copy() for array in good]
        bad[which][-1 if which else 1] = value
        with pytest.raises(ValueError, match="transitions"):
            recursion(*laws, *bad)


def test_tables_of_strategies_are_measured():
    good = sc.spectral_table(3, most_units=16).strategies.__reduce__()[1]
    core_spectral.Strategies(*good)
    for i in range(1, len(good)):
        for wrong in (good[i][:-1], np.append(good[i], good[i][-1:]), good[i][:0]):
            with pytest.raises(ValueError, match=r"table|lengths"):
                core_spectral.Strategies(*good[:i], wrong, *good[i + 1 :])
        for value in (-4, 10**9, 2**62):
            wrong = good[i].copy()
            wrong[1] = value
            with pytest.raises(ValueError, match=r"table|lengths"):
                core_spectral.Strategies(*good[:i], wrong, *good[i + 1 :])
    for d in (0, 2.5, np.nan, -1):
        with pytest.raises(ValueError, match="no rows of a table"):
            core_spectral.Strategies(d, *good[1:])


def test_a_table_of_strategies_keeps_what_it_was_made_from():
    made = sc.spectral_table(3, most_units=16).strategies
    given = [np.array(column) for column in made.__reduce__()[1]]
    table = core_spectral.Strategies(*given)
    budgets, results = [np.full(2, 1e6), np.full(2, 3.0), np.ones(2), np.ones(2)], []

    def spoil_what_it_was_given():
        for column in given[1:]:
            column[:] = 0

    def make_again():  # what Python may do to any object
        table.__init__(3.0, *[np.zeros(1)] * 6)

    for spoil in (lambda: None, table.arrays.clear, spoil_what_it_was_given, make_again):
        spoil()
        out = [np.empty(2) for _ in range(6)] + [np.empty(2, np.int8)]
        core_spectral.compute_optimal(*budgets, *out, 1, (table,), False, 1)
        results.append(out[2].tolist())
    assert all(found == results[0] for found in results)
    assert results[0][0] > 0
    with pytest.raises(TypeError):
        core_spectral.Strategies.__new__(core_spectral.Strategies)
