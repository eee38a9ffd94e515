"""Kernels for messages that are written as hexadecimal digits."""

from typing import Final

import numpy as np
from numba import njit

__all__ = ["LONGEST_GARBAGE", "byte_at", "digit", "put_byte"]

#: Bytes that belong to no message are cut into frames of this length, so that none can wait for ever.
LONGEST_GARBAGE: Final = 1024


def _digits() -> "np.ndarray[tuple[int], np.dtype[np.int8]]":
    table = np.full(256, -1, np.int8)
    for k, letter in enumerate(b"0123456789abcdef"):
        table[letter] = k
    for k, letter in enumerate(b"ABCDEF"):
        table[letter] = k + 10
    return table


_DIGITS: Final = _digits()
_LETTERS: Final = np.frombuffer(b"0123456789abcdef", np.uint8)


@njit(cache=True, nogil=True, inline="always")
def digit(byte):  # type: ignore[no-untyped-def]
    """The value of a hexadecimal digit; -1 of anything else."""
    return _DIGITS[byte]


@njit(cache=True, nogil=True, inline="always")
def byte_at(data, at):  # type: ignore[no-untyped-def]
    """The byte that two hexadecimal digits write."""
    return np.uint8(_DIGITS[data[at]] << 4 | _DIGITS[data[at + 1]])


@njit(cache=True, nogil=True, inline="always")
def put_byte(made, at, byte):  # type: ignore[no-untyped-def]
    """Writes a byte as two digits; gives where the next one goes."""
    made[at] = _LETTERS[byte >> 4]
    made[at + 1] = _LETTERS[byte & 15]
    return at + 2
