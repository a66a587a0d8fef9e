"""Names, choices, paths, and how a value is described in a message."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Any

import numpy as np


def digits_of(number: int) -> str:
    """Return a whole number for a message; Python refuses to write very long ones."""
    return str(number) if abs(number) < 10**60 else f"one of {number.bit_length()} bits"


def known_name(
    message: str, value: object, known: Iterable[str], error: type[Exception] = ValueError
) -> None:
    """Refuse a name that is not known: `message`, the known ones, and the nearest of them."""
    names = list(known)
    if value not in names:
        from difflib import get_close_matches

        near = get_close_matches(value, names, 1) if isinstance(value, str) else []
        raise error(
            f"{message} {', '.join(names) or 'none'}"
            + (f"; did you mean {near[0]!r}?" if near else "")
        )


def one_of(name: str, value: object, allowed: Iterable[str]) -> str:
    """Return `value` if it is one of `allowed`."""
    names = list(allowed)
    if not isinstance(value, str):
        raise TypeError(
            f"{name} must be one of {', '.join(map(repr, names))}, got {describe(value)}"
        )
    if value not in names:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, names))}, got {value!r}")
    return value


def boolean(name: str, value: object) -> bool:
    """Return `value` if it is a bool."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {describe(value)}")
    return bool(value)


def path(name: str, value: object) -> str:
    """Return `value` as a path on this machine; an address would quietly become a folder here."""
    try:
        text = os.fsdecode(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{name} must be a path, got {describe(value)}") from None
    if not text or "\0" in text:
        raise ValueError(f"{name} must be a path, got {text!r}")
    # pathlib makes one stroke of two
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", text):
        raise ValueError(f"{name} must be a path on this machine, not an address, got {text!r}")
    return text


def names(name: str, value: Any, *, empty: bool = False) -> list[str]:
    """Return `value` as a list of at least one name, or of none where it may be `empty`."""
    try:
        found = None if isinstance(value, (str, bytes)) else list(value)
    except TypeError:  # no iterable, or one without an axis
        found = None
    if found is None or not (found or empty):
        raise TypeError(f"{name} must be a list of at least one name, got {describe(value)}")
    texts = [item for item in found if isinstance(item, str)]
    for text in texts:
        if texts.count(text) > 1:
            raise ValueError(f"{name} must be different names, got {text!r} twice")
    return found


def describe(value: object) -> str:
    """Describe `value` in a few words for an error message."""
    if isinstance(value, np.ndarray) and value.ndim:
        return f"an array of {value.dtype}, shape {value.shape}"
    if isinstance(value, np.ndarray):
        value = value.item()
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and shape:
        return f"a {type(value).__name__} of shape {shape}"
    if isinstance(value, int) and abs(value) >= 10**60:
        return f"{digits_of(value)} ({type(value).__name__})"
    try:
        text = " ".join(repr(value).split())
    except Exception:  # any class of the caller's, which may raise anything
        text = "an object"
    return f"{text if len(text) <= 60 else text[:57] + '...'} ({type(value).__name__})"
