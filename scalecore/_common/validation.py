"""The one place where arguments are checked. Each message names the argument, what was given and
what is wanted.
"""

from __future__ import annotations

import math
import operator
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def real_array(name: str, value: ArrayLike) -> NDArray[np.float64]:
    """Return `value` as a float64 array, without a copy where it is one; bad numbers inside are the
    elements' own business.
    """
    if type(value) is float or (type(value) is int and abs(value) < 2**53):  # the usual case, first
        return np.array(float(value))
    array = _array(name, value)
    # integers beyond 64 bits become objects, as do None and many things that are no numbers
    if array.dtype == object:
        try:
            if not all(map(is_real, array.flat)):
                raise TypeError
            return array.astype(np.float64)
        except (TypeError, OverflowError):
            raise TypeError(f"{name} must be real numbers, got {describe(value)}") from None
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must be real numbers, got {describe(value)}")
    array = array.astype(np.float64, copy=False)
    if not array.flags.aligned or any(stride % array.itemsize for stride in array.strides):
        # a field of packed records: the kernels count strides in whole elements
        array = array.copy()
    return array


def is_real(item: object) -> bool:
    """Whether an element is a real number; for Python truth values are numbers too, and for NumPy
    durations.
    """
    return isinstance(item, (int, float, np.integer, np.floating)) and not isinstance(
        item, (bool, np.timedelta64)
    )


def _array(name: str, value: Any) -> NDArray[Any]:
    """Return `value` as an array; what is masked in it is not a number."""
    try:
        array = np.asarray(value)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"{name} is not an array: {error}") from None
    except (TypeError, UserWarning) as error:  # what is masked in a list, where warnings are errors
        raise TypeError(f"{name} is not an array: {error}") from None
    if isinstance(value, np.ma.MaskedArray) and array.dtype.kind in "iuf":
        return np.where(np.ma.getmaskarray(value), np.nan, array)
    return array


def broadcast(**arrays: NDArray[np.float64]) -> tuple[int, ...]:
    """Return the common shape of the named arrays."""
    shapes_found = {array.shape for array in arrays.values()}
    if len(shapes_found) == 1:
        return shapes_found.pop()
    try:
        return np.broadcast_shapes(*(array.shape for array in arrays.values()))
    except ValueError:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise ValueError(f"shapes do not broadcast together: {shapes}") from None


def positive_array(name: str, value: ArrayLike) -> NDArray[np.float64]:
    """Return `value` as a float64 array of positive finite numbers."""
    array = real_array(name, value)
    if array.ndim or not 0 < array.item() < math.inf:
        refuse(name, "positive and finite", array, ~(np.isfinite(array) & (array > 0)))
    return array


def refuse(
    name: str, wanted: str, array: NDArray[Any], wrong: NDArray[np.bool_] | np.bool_
) -> None:
    """Raise a ValueError that names the first wrong entry, if there is one."""
    if not np.any(wrong):
        return
    got = describe(array)
    if array.ndim:
        index = np.unravel_index(np.argmax(wrong), array.shape)
        got = f"{array[index].item()!r} in {_entry(name, index)}"
    raise ValueError(f"{name} must be {wanted}, got {got}")


def nearly_whole(array: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return numbers; those that miss a whole one by a few units in the last place, as it.

    The range 1:16:5 has 7.999999999999999 in it.
    """
    with np.errstate(all="ignore"):
        whole = np.rint(array)
        return np.where(np.abs(array - whole) <= 2.0**-50 * np.abs(whole), whole, array)


def positive_int(name: str, value: object, least: int = 1, most: int | None = None) -> int:
    """Return `value` as an int that is at least `least`, and at most `most`."""
    try:
        if isinstance(value, (bool, np.bool_, np.timedelta64)):
            raise TypeError
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {describe(value)}") from None
    if number < least:
        raise ValueError(f"{name} must be at least {least}, got {_digits(number)}")
    if most is not None and number > most:
        raise ValueError(f"{name} must be at most {most}, got {_digits(number)}")
    return number


def _digits(number: int) -> str:
    """Return a whole number for a message; Python refuses to write very long ones."""
    return str(number) if abs(number) < 10**60 else f"one of {number.bit_length()} bits"


def input_dimension(name: str, value: object) -> int:
    """Return `value` as the dimension of a sphere: a whole number from 1 to 1e15."""
    return positive_int(name, value, most=10**15)


def enough_memory(what: str, numbers: float) -> None:
    """Refuse what needs more memory than this machine has, where it tells: the system would kill
    the process instead.
    """
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not POSIX
        return
    if 8 * numbers > memory:
        raise MemoryError(
            f"{what} would take {8e-9 * numbers:.3g} GB, and this machine has "
            f"{1e-9 * memory:.3g} GB"
        )


def positive_number(name: str, value: object) -> float:
    """Return `value` as a positive finite float."""
    array = real_array(name, value)  # type: ignore[arg-type]
    if array.ndim or not (np.isfinite(array) and array > 0):
        raise ValueError(f"{name} must be one positive finite number, got {describe(value)}")
    return float(array)


def nonnegative_number(name: str, value: object) -> float:
    """Return `value` as a finite float, at least 0."""
    array = real_array(name, value)  # type: ignore[arg-type]
    if array.ndim or not (np.isfinite(array) and array >= 0):
        raise ValueError(f"{name} must be one finite number, at least 0, got {describe(value)}")
    return float(array)


def distinct(name: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `values` as a list of at least one number, without duplicates."""
    array = np.atleast_1d(values)
    if array.ndim > 1 or array.size == 0:
        raise ValueError(f"{name} must be a non-empty list, got {describe(array)}")
    if np.unique(array).size < array.size:
        raise ValueError(f"{name} must be distinct, got {array.tolist()}")
    return np.ascontiguousarray(array)


def fraction(name: str, value: object, most: float = 1.0) -> float:
    """Return `value` as a float above 0, and below 1 (or up to `most`, where that is not 1)."""
    number = positive_number(name, value)
    if number > most or (number == most == 1.0):
        raise ValueError(f"{name} must be between 0 and {most:g}, got {number!r}")
    return number


def whole_numbers(name: str, value: ArrayLike, most: float = 2.0**53) -> NDArray[np.float64]:
    """Return `value` as a float64 array of whole numbers from 1; doubles count to 2**53."""
    array = nearly_whole(real_array(name, value))
    refuse(
        name,
        "whole numbers, at least 1",
        array,
        ~(np.isfinite(array) & (array >= 1) & (array == np.floor(array))),
    )
    refuse(
        name,
        f"whole numbers, at most {'2**53' if most == 2.0**53 else f'{most:g}'}",
        array,
        array > most,
    )
    return array


def finite_array(
    name: str, value: ArrayLike, shape: tuple[int | None, ...], wanted: str
) -> NDArray[np.float64]:
    """Return `value` as a contiguous float64 array of finite numbers.

    None in `shape` is any length, `wanted` names it.
    """
    array = np.ascontiguousarray(real_array(name, value))
    if array.ndim != len(shape) or any(
        n != m for n, m in zip(array.shape, shape, strict=True) if m is not None
    ):
        raise ValueError(f"{name} must have shape {wanted}, got {array.shape}")
    refuse(name, "finite numbers", array, ~np.isfinite(array))
    return array


def _entry(name: str, index: tuple[np.intp, ...]) -> str:
    return f"{name}[{', '.join(str(int(i)) for i in index)}]" if index else name


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
            f"{_entry(name, index)} must be a probability, finite and not negative, got "
            f"{array[index]}"
        )
    sums = array.sum(axis=-1)
    wrong = np.abs(sums - 1) > 1e-12
    if wrong.any():
        index = np.unravel_index(np.argmax(wrong), sums.shape)
        raise ValueError(
            f"{_entry(name, index)} must sum to 1, to within 1e-12, got {float(sums[index])!r}"
        )
    return frozen(np.ascontiguousarray(array / sums[..., None]))


def frozen(array: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `array`, read-only from now on."""
    array.flags.writeable = False
    return array


def update_table(name: str, value: ArrayLike, inputs: int, labels: int) -> NDArray[np.generic]:
    """Return an update as int64 [state, input, label] -> state, or as float64 probabilities [state,
    input, label, state].
    """
    array = _array(name, value)
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
            f"{_entry(name, index)} must be a state, 0 to {len(array) - 1}, got {array[index]}"
        )
    return array.astype(np.int64)


def truth_values(name: str, value: ArrayLike, count: int) -> NDArray[np.bool_]:
    """Return `value` as one True or False for each of so many rows."""
    array = _array(name, value)
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
        raise ValueError(f"samples must be at most 2**53, got {_digits(samples)}")
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
    array = _array(name, value)
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
    array = _array(name, value)
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
    array = _array(name, value)
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


def thread_count(value: object) -> int:
    """Return the number of threads asked for; 0 stands for None, all that this process may use."""
    return 0 if value is None else min(positive_int("n_threads", value), 2**15)


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


MOST_SAMPLES = 2**53
LARGEST = 1e300  # the domain of the bounds ends there
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
        return f"{_digits(value)} ({type(value).__name__})"
    try:
        text = " ".join(repr(value).split())
    except Exception:  # any class of the caller's, which may raise anything
        text = "an object"
    return f"{text if len(text) <= 60 else text[:57] + '...'} ({type(value).__name__})"
