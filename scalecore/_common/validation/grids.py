"""Axes of grids, and how they are cut."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import LARGEST, nearly_whole, positive_int, real_array
from .words import describe, known_name

MOST_POINTS = 10**8


def parse_axis(
    name: str, text: str, *, least: float = 0.0, exclusive: bool = False
) -> NDArray[np.float64]:
    """Parse one axis of a grid: ``1e6``, ``1e6,1e9``, or ``1e6:1e15:50`` for 50 log-spaced values
    including both ends.
    """
    parts = text.split(":")
    try:
        if len(parts) == 1:
            values = np.array([float(item) for item in text.split(",")])
        elif len(parts) == 3:
            first, last, count = float(parts[0]), float(parts[1]), _whole(parts[2])
            if not 1 <= count <= MOST_POINTS or not (0 < first < np.inf and 0 < last < np.inf):
                raise ValueError
            values = np.geomspace(first, last, count)
            values = np.where(values < 2.0**44, nearly_whole(values), values)
        else:
            raise ValueError
    except (ValueError, OverflowError):
        raise ValueError(
            f"{name}: {text!r} is neither a number, a list 1e6,1e9 nor a range FIRST:LAST:COUNT "
            "such as 1e6:1e15:50"
        ) from None
    inside = (values > least) if exclusive else (values >= least)
    if not (inside & (values <= LARGEST)).all():
        wanted = f"{'greater than' if exclusive else 'at least'} {least:g}"
        raise ValueError(
            f"{name} must be finite and {wanted}, and at most {LARGEST:g}, got {text!r}"
        )
    return values


def _whole(text: str) -> int:
    """Return a whole number, however it is written: 50, 1e2, 5e1."""
    number = float(text)
    if number != math.floor(number):
        raise ValueError(text)
    return int(number)


def grid_axis(name: str, value: Any) -> NDArray[np.float64]:
    """Return one axis of a sweep's grid: a number, as an array without axes, or a list; both also
    as text.
    """
    array = parse_axis(name, value) if isinstance(value, str) else real_array(name, value)
    if array.ndim > 1 or array.size == 0:
        raise ValueError(f"axis {name} must be a number or a non-empty list, got {describe(value)}")
    if not np.isfinite(array).all():
        raise ValueError(f"axis {name} must be finite, got {describe(value)}")
    return array


def chunk_lengths(
    shape: Mapping[str, int], chunks: Mapping[str, int] | None, points: int
) -> dict[str, int]:
    """Return a chunk's length along each axis: what is asked, elsewhere the last axes whole as long
    as `points` allow.
    """
    if chunks is not None and not isinstance(chunks, Mapping):
        raise TypeError(f"chunks must be a dict, got {describe(chunks)}")
    asked = dict(chunks or {})
    for name in asked:
        known_name(
            f"chunks has no axis {name!r}; the grid's axes of several values are", name, shape
        )
    lengths: dict[str, int] = {}
    for name in reversed(list(shape)):
        wanted = positive_int(f"chunks[{name!r}]", asked[name]) if name in asked else max(1, points)
        lengths[name] = min(shape[name], wanted)
        points //= lengths[name]
    return {name: lengths[name] for name in shape}
