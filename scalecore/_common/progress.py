"""Progress bars (tqdm, on stderr)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def bar(
    total: int | None, show: bool, unit: str, what: str | None = None
) -> Iterator[Callable[[int], object]]:
    """Yield a function that takes how much more is done; it draws a bar if `show`, which names
    `what` is done.
    """
    if not show or sys.stderr is None:  # None where stderr is closed, as by `2>&-`
        yield lambda more: None
        return
    try:
        from tqdm import tqdm
    except ImportError as error:
        raise ImportError("progress=True needs tqdm: pip install 'scalecore[cli]'") from error
    with tqdm(
        total=total,
        desc=what,
        unit=unit,
        unit_scale=total is None or total >= 10_000,
        dynamic_ncols=True,
    ) as shown:
        yield shown.update
