"""Objects that pickle and copy make anew by their constructor.

What it checks is checked again, and what it freezes stays frozen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np

from .validation import frozen


class Rebuilt:
    """Base of frozen dataclasses whose arrays C reads."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        values = (getattr(self, field.name) for field in fields(self))  # type: ignore[arg-type]
        return rebuild, (type(self), *values)


def rebuild(kind: type, *values: Any) -> Any:
    """Return an object of these fields, if its constructor accepts them.

    Arrays keep their bits, which the constructor might round once more.
    """
    made = kind(*values)
    for field, value in zip(fields(kind), values, strict=True):
        if isinstance(value, np.ndarray):
            object.__setattr__(made, field.name, frozen(np.array(value, np.float64, order="C")))
    return made
