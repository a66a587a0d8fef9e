"""What learners, networks and finite models are given: inputs, labels, laws, streams."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arrays import (
    any_array,
    distinct,
    entry_of,
    frozen,
    positive_int,
    positive_number,
    real_array,
    refuse,
    whole_numbers,
)
from .words import describe, digits_of

MOST_SAMPLES = 2**53


def probability_laws(
    name: str, value: ArrayLike, shape: tuple[int | None, ...], wanted: str
) -> NDArray[np.float64]:
    """Return a read-only copy of `value`, probability laws along its last axis; None in `shape` is
    any length, `wanted` names it.

    A law must sum to 1 to 1e-12 and is divided by its sum.
    """
    array = real_array(name, value)
    if (
        array.ndim != len(shape)
        or any(n != m for n, m in zip(array.shape, shape, strict=True) if m is not None)
        or not array.size
    ):
        raise ValueError(f"{name} must have shape {wanted}, got {array.shape}")
    wrong = ~(np.isfinite(array) & (array >= 0))
    if wrong.any():
        index = np.unravel_index(np.argmax(wrong), array.shape)
        raise ValueError(
            f"{entry_of(name, index)} must be a probability, finite and not negative, got "
            f"{array[index]}"
        )
    sums = array.sum(axis=-1)
    wrong = np.abs(sums - 1) > 1e-12
    if wrong.any():
        index = np.unravel_index(np.argmax(wrong), sums.shape)
        raise ValueError(
            f"{entry_of(name, index)} must sum to 1, to within 1e-12, got {float(sums[index])!r}"
        )
    return frozen(np.ascontiguousarray(array / sums[..., None]))


def update_table(name: str, value: ArrayLike, inputs: int, labels: int) -> NDArray[np.generic]:
    """Return an update as int64 [state, input, label] -> state, or as float64 probabilities [state,
    input, label, state].
    """
    array = any_array(name, value)
    wanted = (
        f"(S, {inputs}, {labels}) of whole numbers, or (S, {inputs}, {labels}, S) of probabilities"
    )
    if array.dtype.kind == "f" and array.ndim == 4:
        return probability_laws(name, array, (None, inputs, labels, array.shape[0]), wanted)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must have shape {wanted}, got {describe(value)}")
    if array.ndim != 3 or array.shape[1:] != (inputs, labels) or not array.size:
        raise ValueError(f"{name} must have shape {wanted}, got {array.shape}")
    wrong = (array < 0) | (array >= len(array))
    if wrong.any():
        index = np.unravel_index(np.argmax(wrong), array.shape)
        raise ValueError(
            f"{entry_of(name, index)} must be a state, 0 to {len(array) - 1}, got {array[index]}"
        )
    return array.astype(np.int64)


def truth_values(name: str, value: ArrayLike, count: int) -> NDArray[np.bool_]:
    """Return `value` as one True or False for each of so many rows."""
    array = any_array(name, value)
    masked = isinstance(value, np.ma.MaskedArray) and np.ma.getmaskarray(value).any()
    if (array.dtype != bool and array.size) or masked:
        got = "one with masked elements" if masked else describe(value)
        raise TypeError(f"{name} must be one True or False a row, got {got}")
    if array.shape != (count,):
        raise ValueError(f"{name} must have the table's length, {count}, got shape {array.shape}")
    return array.astype(bool)


def networks_of_one_dimension(name: str, value: object, kind: type[Any]) -> tuple[Any, ...]:
    """Return the networks of an iterable as a tuple: at least one, of one input dimension."""
    if isinstance(value, kind) or not isinstance(value, Iterable):
        raise TypeError(f"{name} must be networks, got {describe(value)}")
    try:
        items: tuple[Any, ...] = tuple(value)
    except TypeError:  # an array without axes
        raise TypeError(f"{name} must be networks, got {describe(value)}") from None
    for i, item in enumerate(items):
        if not isinstance(item, kind):
            raise TypeError(f"{name}[{i}] must be a {kind.__name__}, got {describe(item)}")
        if item.input_dim != items[0].input_dim:
            raise ValueError(
                f"{name}[{i}] must have {items[0].input_dim} inputs as {name}[0] has, got "
                f"{item.input_dim}"
            )
    if not items:
        raise ValueError(f"{name} must hold at least one network, got none")
    return items


def sample_count(value: object) -> int:
    """Return a number of samples, which doubles must be able to count."""
    samples = positive_int("samples", value)
    if samples > MOST_SAMPLES:
        raise ValueError(f"samples must be at most 2**53, got {digits_of(samples)}")
    return samples


def checkpoint_list(value: ArrayLike, samples: int) -> NDArray[np.int64]:
    """Return distinct numbers of samples, in order, none beyond `samples`."""
    checkpoints = distinct("checkpoints", whole_numbers("checkpoints", value))
    if checkpoints.max() > samples:
        raise ValueError(
            f"checkpoints must be at most {samples}, the samples, got {checkpoints.max():g}"
        )
    return np.sort(checkpoints).astype(np.int64)


def place_among(name: str, value: object, known: NDArray[Any]) -> int:
    """Return where `value` stands among the known ones."""
    places = np.empty(0, np.intp)
    if value is not None:  # None is no number: it asks for the only element
        number = positive_number(name, value)
        places = np.flatnonzero(known == number)
        if places.size != 1:  # or a number as it is shown, rounded
            places = np.flatnonzero([f"{item:g}" == f"{number:g}" for item in known])
    if places.size != 1:
        raise ValueError(
            f"{name} must be one of {', '.join(f'{item:g}' for item in known)}, got {value!r}"
        )
    return int(places[0])


def input_rows(name: str, value: ArrayLike, input_dim: int) -> tuple[NDArray[np.floating], bool]:
    """Return inputs as contiguous rows (float32 stays, all else is float64), and whether there was
    one without an axis.
    """
    array = any_array(name, value)
    if array.dtype.kind not in "iuf" or array.dtype.itemsize > 8 or array.dtype == np.float16:
        raise TypeError(f"{name} must be float64, float32 or integers, got {describe(value)}")
    if array.ndim not in (1, 2) or array.shape[-1] != input_dim:
        raise ValueError(
            f"{name} must have shape (B, {input_dim}) or ({input_dim},), got {array.shape}"
        )
    dtype = np.float32 if array.dtype == np.float32 else np.float64
    return np.ascontiguousarray(array.reshape(-1, input_dim), dtype), array.ndim == 1


def input_matrix(name: str, value: ArrayLike, input_dim: int | None = None) -> NDArray[Any]:
    """Return inputs of samples, a row each, as they are: real numbers or truth values of any kind.

    Nothing is copied that need not be, and no number is looked at.
    """
    array = any_array(name, value)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must be numbers, a row a sample, got {describe(value)}")
    columns = "d" if input_dim is None else str(input_dim)
    if array.ndim != 2 or array.shape[1] != (input_dim or max(1, array.shape[1])):
        raise ValueError(f"{name} must have shape (T, {columns}), got {array.shape}")
    return array


def binary_labels(name: str, value: ArrayLike, count: int) -> NDArray[np.bool_]:
    """Return `count` labels, which must be 0 and 1 or False and True.

    -1 and 1 are refused: in a part of a stream one could not tell such labels from others.
    """
    array = any_array(name, value)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must be 0 or 1, or False or True, got {describe(value)}")
    if array.shape != (count,):
        raise ValueError(
            f"{name} must have shape ({count},), a label for each row of X, got {array.shape}"
        )
    labels = array.astype(np.bool_)
    refuse(name, "0 or 1 (of other classes, give y == one of them)", array, array != labels)
    return labels


def stream_key(rng: object) -> int:
    """Return the 64-bit key of the random streams that `rng` stands for: None, an int, a
    SeedSequence or a Generator (SPEC 7).
    """
    # NumPy takes durations for integers
    if isinstance(rng, (bool, np.bool_, np.timedelta64)) or not (
        rng is None
        or isinstance(rng, (int, np.integer, np.random.SeedSequence, np.random.Generator))
    ):
        raise TypeError(
            f"rng must be None, an int, a SeedSequence or a Generator, got {describe(rng)}"
        )
    if rng is None:
        # what a Generator without a seed begins with, in a tenth of the time
        return int.from_bytes(os.urandom(8), "little")
    if isinstance(rng, (int, np.integer)) and rng < 0:
        raise ValueError(f"rng must not be negative, got {rng}")
    generator = np.random.default_rng(rng)  # type: ignore[arg-type]
    return int(generator.integers(2**64, dtype=np.uint64))
