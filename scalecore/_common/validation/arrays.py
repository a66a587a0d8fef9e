"""Numbers and arrays of numbers."""

from __future__ import annotations

import math
import operator
import os
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .words import describe, digits_of

LARGEST = 1e300  # the domain of the bounds ends there


def real_array(name: str, value: ArrayLike) -> NDArray[np.float64]:
    """Return `value` as a float64 array, without a copy where it is one; bad numbers inside are the
    elements' own business.
    """
    if type(value) is float or (type(value) is int and abs(value) < 2**53):  # the usual case, first
        return np.array(float(value))
    array = any_array(name, value)
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


def any_array(name: str, value: Any) -> NDArray[Any]:
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
        got = f"{array[index].item()!r} in {entry_of(name, index)}"
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
        raise ValueError(f"{name} must be at least {least}, got {digits_of(number)}")
    if most is not None and number > most:
        raise ValueError(f"{name} must be at most {most}, got {digits_of(number)}")
    return number


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


def entry_of(name: str, index: tuple[np.intp, ...]) -> str:
    return f"{name}[{', '.join(str(int(i)) for i in index)}]" if index else name


def frozen(array: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `array`, read-only from now on."""
    array.flags.writeable = False
    return array


def thread_count(value: object) -> int:
    """Return the number of threads asked for; 0 stands for None, all that this process may use."""
    return 0 if value is None else min(positive_int("n_threads", value), 2**15)
