"""Texts as numbers, many at once: found by their 64-bit hash, kept once.

Two texts of the same hash would be taken for one; among a million texts that has a chance of 3e-8.
"""

from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.kernels import kernel

__all__ = ["NOTHING", "Numbers", "Texts"]

#: What Polars makes of null.
NOTHING: Final = int(pl.Series([None], dtype=pl.String).hash()[0])
_NULL: Final = pl.Series("texts", [None], dtype=pl.String)  # before all texts
_EMPTY: Final = -1
_GONE: Final = -2

Hashes = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]


@kernel
def _look(keys, numbers, hashes, out):  # type: ignore[no-untyped-def]
    """The number of each hash; -1 where it has none."""
    mask = len(keys) - 1
    for i in range(len(hashes)):
        h = hashes[i]
        at = np.int64(h >> np.uint64(7)) & mask
        out[i] = -1
        while numbers[at] != _EMPTY:
            if numbers[at] >= 0 and keys[at] == h:
                out[i] = numbers[at]
                break
            at = (at + 1) & mask


@kernel
def _set(keys, numbers, hashes, given):  # type: ignore[no-untyped-def]
    """Gives hashes that have none a number."""
    mask = len(keys) - 1
    for i in range(len(hashes)):
        at = np.int64(hashes[i] >> np.uint64(7)) & mask
        while numbers[at] >= 0:
            at = (at + 1) & mask
        keys[at], numbers[at] = hashes[i], given[i]


@kernel
def _unset(keys, numbers, hashes):  # type: ignore[no-untyped-def]
    mask = len(keys) - 1
    for i in range(len(hashes)):
        at = np.int64(hashes[i] >> np.uint64(7)) & mask
        while numbers[at] != _EMPTY:
            if numbers[at] >= 0 and keys[at] == hashes[i]:
                numbers[at] = _GONE
                break
            at = (at + 1) & mask


@lru_cache(maxsize=256)
def _hash_of(text: str) -> Hashes:
    return pl.Series([text]).hash().to_numpy()


class Numbers:
    """Numbers by hash."""

    def __init__(self) -> None:
        self._keys: Hashes = np.zeros(1024, np.uint64)
        self._numbers: Ints = np.full(1024, _EMPTY)
        self._filled = 0  # with those that are gone

    def find(self, hashes: Hashes) -> Ints:
        """The number of each hash, (N,); -1 where it has none."""
        out = np.empty(len(hashes), np.int64)
        _look(self._keys, self._numbers, hashes, out)
        return out

    def set(self, hashes: Hashes, numbers: Ints) -> None:
        """Gives hashes, of which none has one, their number."""
        self._filled += len(hashes)
        if 2 * self._filled > len(self._keys):
            held = self._numbers >= 0
            keys, old = self._keys[held], self._numbers[held]
            size = 1 << int(4 * (len(keys) + len(hashes))).bit_length()
            self._keys, self._numbers = np.zeros(size, np.uint64), np.full(size, _EMPTY)
            _set(self._keys, self._numbers, keys, old)
            self._filled = len(keys) + len(hashes)
        _set(self._keys, self._numbers, hashes, numbers)

    def unset(self, hashes: Hashes) -> None:
        """Takes their number from hashes."""
        _unset(self._keys, self._numbers, hashes)


class Texts:
    """Texts by number, in the order in which they were met; ``rank`` orders them whatever that was."""

    def __init__(self) -> None:
        self._held: list[str] = []
        self._numbers = Numbers()
        self._series = _NULL.clone()
        self.rank = np.zeros(64, np.int64)

    def __len__(self) -> int:
        return len(self._held)

    def __getitem__(self, number: int) -> str:
        return self._held[number]

    def numbers(self, texts: pl.Series, hashes: Hashes) -> Ints:
        """The number of each text, (N,), -1 for null; new ones get one. ``hashes``: by ``Series.hash()``."""
        found = self._numbers.find(hashes)
        new = np.flatnonzero((found < 0) & (hashes != np.uint64(NOTHING)))
        if len(new):
            _, first = np.unique(hashes[new], return_index=True)
            rows = np.sort(new[first])
            self._add([texts[i] for i in rows.tolist()], hashes[rows])
            found[new] = self._numbers.find(hashes[new])
        return found

    def number(self, text: str) -> int:
        """The number of a text; -1 if it was never met."""
        return int(self._numbers.find(_hash_of(text))[0])

    def _add(self, texts: list[str], hashes: Hashes) -> None:
        first, last = len(self._held), len(self._held) + len(texts)
        if last > len(self.rank):
            self.rank = np.concatenate((self.rank, np.zeros(last, np.int64)))
        for k, text in enumerate(texts):
            self.rank[first + k] = int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)
        self._held += texts
        self._numbers.set(hashes, np.arange(first, last))
        # in few pieces, so that looking up stays quick
        self._series = self._series.append(pl.Series("texts", texts, dtype=pl.String))
        if self._series.n_chunks() > 8:
            self._series = self._series.rechunk()

    def named(self, numbers: npt.NDArray[Any]) -> pl.Series:
        """The text of each number, null for NaN and negative ones."""
        found: pl.Series = self._series[(np.fmax(numbers, -1.0) + 1.0).astype(np.uint32)]
        return found

    def kept(self, numbers: npt.NDArray[Any]) -> Ints:
        """Forgets all but these; gives the new number of each old one."""
        numbers = np.unique(numbers)
        moved = np.full(len(self), -1, np.int64)
        moved[numbers] = np.arange(len(numbers))
        texts = [self._held[n] for n in numbers.tolist()]
        self._held, self._numbers = [], Numbers()
        self._series = _NULL.clone()
        self._add(texts, pl.Series(texts, dtype=pl.String).hash().to_numpy())
        return moved
