"""Packages that are needed for some calls only."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def imported(module: str, purpose: str, extra: str) -> Any:
    """Return a module; where it is not installed, an ImportError says what needs it and which extra
    of ours brings it.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(f"{purpose}: pip install 'scalecore[{extra}]'") from error
