"""The ``scalecore`` command."""

from ._app import main, run

__all__ = ["main", "run"]
