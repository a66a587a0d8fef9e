"""Samples that the user has, as one stream that learners read: arrays, or an iterator of blocks.

Either kind is cut anew into blocks of the engine's own size, so that the user's blocks change no
bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .._common.validation import binary_labels, boolean, describe, input_matrix

_MOST_SAMPLES = 4096  # of a block, an even number: see csrc/training/sgd.h
_MOST_BYTES = 32 << 20  # of a block's inputs, of all repeats together
_CHECKED_AT_ONCE = 1 << 20  # numbers: arrays in files are never in memory whole

Block = tuple[NDArray[Any], NDArray[Any]]  # inputs [repeat or 1, sample, input], their labels


class OwnData(Protocol):
    """A stream of samples.

    `failure` is what the user's iterator raised, or that it ended too soon.
    """

    size: int | None  # None: nobody knows
    shuffled: bool
    failure: Exception | None

    @property
    def input_dim(self) -> int:
        """Inputs of a sample."""

    def blocks(self, first: int, samples: int, repeats: int, key: int) -> Iterator[Block]:
        """Yield samples first ... samples - 1 of every repeat, in blocks of even length but for the
        last; where all repeats read the same, once.
        """


def own_data(data: Any, shuffle: bool | None, dtype: str) -> OwnData:
    """Return the stream of `train`'s `data`: a tuple (X, y) of arrays, or an iterable of blocks,
    read in this precision.
    """
    if shuffle is not None:
        boolean("shuffle", shuffle)
    if isinstance(data, tuple):
        if len(data) != 2:
            raise ValueError(f"data must be a tuple (X, y), got {len(data)} items")
        return _Arrays(*data, shuffle is None or bool(shuffle), dtype)
    if shuffle:
        raise ValueError(
            "shuffle must be left out or False where data are blocks, which are read as they come"
        )
    if isinstance(data, (str, bytes, dict, np.ndarray)) or not isinstance(data, Iterable):
        raise TypeError(
            "data must be a tuple (X, y) of arrays or an iterable of blocks (X, y), "
            f"got {describe(data)}"
        )
    return _Blocks(data, dtype)


def order_of(key: int, repeat: int, size: int) -> NDArray[np.int64]:
    """Return the order in which a repeat reads `size` samples that are shuffled."""
    return np.random.default_rng([key, repeat]).permutation(size)


class _Arrays:
    """Arrays, or what NumPy takes for them; files mapped into memory stay there."""

    size: int | None
    failure: Exception | None = None

    def __init__(self, X: Any, y: Any, shuffle: bool, dtype: str) -> None:
        self.X = input_matrix("X of data", X)
        self.y = binary_labels("y of data", y, len(self.X))
        if not self.y.size:
            raise ValueError("data must hold at least one sample, got none")
        self.size, self.shuffled, self._dtype = self.y.size, shuffle, dtype
        # read where they are; arrays in files are copied block by block
        flags = self.X.flags
        self._as_they_are = (
            not shuffle
            and type(self.X) is np.ndarray
            and self.X.dtype == dtype
            and flags.c_contiguous
            and flags.aligned
        )
        rows = max(1, _CHECKED_AT_ONCE // self.input_dim)
        for first in range(0, self.y.size, rows):
            _converted("X of data", self.X[first : first + rows], dtype, first, copied=False)

    @property
    def input_dim(self) -> int:
        return int(self.X.shape[1])

    def blocks(self, first: int, samples: int, repeats: int, key: int) -> Iterator[Block]:
        size = _block_size(repeats if self.shuffled else 1, self.input_dim)
        orders: list[Any] = [slice(None)]
        if self.shuffled:
            orders = [order_of(key, repeat, self.y.size)[:samples] for repeat in range(repeats)]
        for start in range(first, samples, size):
            end = min(start + size, samples)
            if self._as_they_are:
                yield self.X[None, start:end], self.y[None, start:end].astype(self._dtype)
                continue
            rows = [order[start:end] if self.shuffled else slice(start, end) for order in orders]
            inputs = np.empty((len(rows), end - start, self.input_dim), self._dtype)
            labels = np.empty((len(rows), end - start), self._dtype)
            for repeat, which in enumerate(rows):
                inputs[repeat], labels[repeat] = self.X[which], self.y[which]
            yield inputs, labels


class _Blocks:
    """An iterable of blocks (X, y) of any lengths."""

    size: int | None = None
    shuffled = False
    failure: Exception | None = None

    def __init__(self, data: Iterable[Any], dtype: str) -> None:
        self._blocks, self._dtype = enumerate(data), dtype

    @cached_property
    def _first(self) -> Block:
        """The first block: it says how many inputs a sample has."""
        for number, block in self._blocks:
            return _checked(block, f"block {number} of data", self._dtype)
        raise ValueError("data must hold at least one sample, got none")

    @property
    def input_dim(self) -> int:
        return int(self._first[0].shape[1])

    def blocks(self, first: int, samples: int, repeats: int, key: int) -> Iterator[Block]:
        size = _block_size(1, self.input_dim)
        waiting: list[Block] = []
        count, read = 0, 0  # samples that wait, samples seen
        for X, y in self._given(samples):
            start = max(0, first - read)
            read += len(y)
            end = len(y) - max(0, read - samples)
            while start < end:
                take = min(size - count, end - start)
                waiting.append((X[start : start + take], y[start : start + take]))
                count, start = count + take, start + take
                if count == size:
                    yield _together(waiting)
                    waiting, count = [], 0
        if count:
            yield _together(waiting)

    def _given(self, samples: int) -> Iterator[Block]:
        """Yield the user's blocks until there are so many samples. What the iterator raises ends
        them.
        """
        read, number = 0, 0
        X, y = self._first
        while True:
            yield X, y
            read += len(y)
            if read >= samples:
                return
            try:
                number, block = next(self._blocks)
                X, y = _checked(block, f"block {number} of data", self._dtype, self.input_dim)
            except StopIteration:
                if samples < OPEN:
                    self.failure = ValueError(
                        f"data must hold the {samples} samples asked for, and ended after {read}"
                    )
                return
            except Exception as error:
                self.failure = error
                return


OPEN = 2**53  # stands for the samples of data that are read to their end, wherever that is


def _block_size(repeats: int, input_dim: int) -> int:
    return min(_MOST_SAMPLES, max(2, _MOST_BYTES // (16 * repeats * input_dim) * 2))


def _together(parts: list[Block]) -> Block:
    X, y = (np.concatenate(columns)[None] for columns in zip(*parts, strict=True))
    return X, y


def _checked(block: Any, name: str, dtype: str, input_dim: int | None = None) -> Block:
    """Return copies of a block of the user's, a pair of anything that NumPy takes for arrays; its
    memory may be filled again for the next block.
    """
    if not isinstance(block, (tuple, list)) or len(block) != 2:
        raise TypeError(f"{name} must be a pair (X, y), got {describe(block)}")
    X = input_matrix(f"X in {name}", block[0], input_dim)
    y = binary_labels(f"y in {name}", block[1], len(X))
    return _converted(f"X in {name}", X, dtype, 0), y.astype(dtype)


def _converted(
    name: str, X: NDArray[Any], dtype: str, first: int, copied: bool = True
) -> NDArray[Any]:
    """Return X in this precision, by default always a copy; refuse what is no finite number in it,
    by its place in the whole of which X begins at `first`.
    """
    with np.errstate(over="ignore"):
        copy = X.astype(dtype, copy=copied)
    wrong = ~np.isfinite(copy)
    if wrong.any():
        row, column = np.unravel_index(np.argmax(wrong), X.shape)
        raise ValueError(
            f"{name} must be finite numbers in {dtype}, got {X[row, column].item()!r} in row "
            f"{first + row}, column {column}"
        )
    return copy
