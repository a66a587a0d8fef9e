"""The vertex of a parabola through the lowest points of lines: against NumPy's polynomials."""

import numpy as np
import pytest

from scalecore import EmpiricalStatus
from scalecore.fitting._line_optima import line_optima

X = np.log([1.0, 2, 3, 5, 9, 14, 30])


@pytest.mark.parametrize("seed", range(20))
def test_vertex_against_polyfit(seed):
    rng = np.random.default_rng(seed)
    centre, curvature = rng.uniform(X[2], X[4]), rng.uniform(0.02, 0.08)
    log_error = curvature * (X - centre) ** 2 - 3 + 1e-3 * rng.standard_normal(X.size)
    place, height, status = line_optima(X, np.exp(log_error))
    assert status == EmpiricalStatus.INTERIOR
    c2, c1, c0 = np.polyfit(X, log_error, 2)  # so flat that all points are near the lowest
    assert place == pytest.approx(-c1 / (2 * c2), abs=1e-9)
    assert height == pytest.approx(c0 - c1**2 / (4 * c2), abs=1e-9)


def test_far_points_are_left_out():
    """A wall at the far end does not move the vertex of the valley."""
    log_error = 0.05 * (X - X[2]) ** 2
    log_error[-2:] += 5
    c2, c1, _ = np.polyfit(X[:5], log_error[:5], 2)
    assert line_optima(X, np.exp(log_error))[0] == pytest.approx(-c1 / (2 * c2), abs=1e-9)


def test_a_lopsided_valley_falls_back_on_three_points():
    log_error = np.array([0.3, 0.29, 0.0, 0.0001, 0.0002, 0.0003, 0.0004])
    place, _, status = line_optima(X, np.exp(log_error))
    assert status == EmpiricalStatus.INTERIOR
    assert X[0] <= place <= X[-1]


def test_statuses_and_what_is_left_out():
    lines = np.array(
        [
            [1.0, 2, 3, 4, 5, 6, 7],
            [7.0, 6, 5, 4, 3, 2, 1],
            [np.inf, np.nan, -1, 0, 5, 4, np.inf],
            [np.nan] * 7,
            [np.nan, 3, 1, 2, np.nan, np.inf, 0],
        ]
    )
    place, height, status = line_optima(X, lines)
    assert [EmpiricalStatus(code).name for code in status] == [
        "AT_FEWEST_PARAMETERS",
        "AT_MOST_PARAMETERS",
        "TOO_FEW_WIDTHS",
        "TOO_FEW_WIDTHS",
        "INTERIOR",
    ]
    assert place[0] == X[0]
    assert place[1] == X[-1]
    assert np.isnan(place[2:4]).all()
    assert np.isnan(height[2:4]).all()
    assert X[1] < place[4] < X[3]


def test_many_lines_are_as_each_alone():
    rng = np.random.default_rng(1)
    lines = np.exp(rng.standard_normal((5, 4, X.size)))
    together = line_optima(X, lines)
    for index in np.ndindex(5, 4):
        for all_of, one in zip(together, line_optima(X, lines[index]), strict=True):
            assert np.array_equal(all_of[index], one, equal_nan=True)
