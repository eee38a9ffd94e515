"""Kernels for the pages of a Parquet file: dictionaries, bit-packed runs, differences.

Source: Apache Parquet format 2.10, Encodings.md: RLE / bit-packing hybrid (3), delta encoding (5).
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

from testigos.store._thrift import varint, zigzag

__all__ = ["dictionary", "differences", "packed", "repeated"]

_BLOCK: Final = 128  # differences that share a least one
_MINI: Final = 32  # of them share a width
_LEAST_GAIN: Final = 2  # a dictionary is worth while if a value comes this often


@njit(cache=True, nogil=True)
def _dictionary(keys, table, limit, indices, first):  # type: ignore[no-untyped-def]
    """Number of distinct keys, or -1 past ``limit``; fills ``indices`` and where each distinct key is ``first``."""
    mask = len(table) - 1
    count = 0
    for i in range(len(keys)):
        key = np.uint64(keys[i])
        at = np.int64((key * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(40)) & mask
        while table[at] >= 0 and keys[first[table[at]]] != keys[i]:
            at = (at + 1) & mask
        if table[at] < 0:
            if count == limit:
                return -1
            table[at] = count
            first[count] = i
            count += 1
        indices[i] = table[at]
    return count


def dictionary(
    keys: npt.NDArray[np.unsignedinteger], most: int
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.int64]] | None:
    """For each key the number of its distinct value, and where each of those is first; null if there are many.

    >>> [part.tolist() for part in dictionary(np.array([7, 7, 9, 7], np.uint8), 4)]
    [[0, 0, 1, 0], [0, 2]]
    """
    limit = max(1, min(most, len(keys) // _LEAST_GAIN))
    indices, first = np.empty(len(keys), np.uint16), np.empty(limit, np.int64)
    table = np.full(1 << (4 * limit - 1).bit_length(), -1, np.int32)
    count = _dictionary(keys, table, limit, indices, first)
    return None if count < 0 else (indices, first[:count])


@njit(cache=True, nogil=True)
def _pack(values, width, out):  # type: ignore[no-untyped-def]
    held = np.uint64(0)
    bits = 0
    at = 0
    for value in values:
        held |= np.uint64(value) << np.uint64(bits)
        bits += width
        while bits >= 8:
            out[at] = np.uint8(held & np.uint64(0xFF))
            at += 1
            held >>= np.uint64(8)
            bits -= 8
    if bits:
        out[at] = np.uint8(held)


def packed(values: npt.NDArray[np.uint16], width: int) -> bytes:
    """A bit-packed run of numbers of up to 16 bits; the last group of eight is filled up with zeros.

    >>> packed(np.arange(8, dtype=np.uint16), 3).hex()
    '0388c6fa'
    """
    groups = -(-len(values) // 8)
    out = np.zeros(groups * width, np.uint8)
    _pack(values, width, out)
    return varint(groups << 1 | 1) + out.tobytes()


def repeated(value: int, count: int, width: int) -> bytes:
    """A run of one number, ``count`` times."""
    return varint(count << 1) + value.to_bytes((width + 7) // 8, "little")


@njit(cache=True, nogil=True)
def _varint(out, at, number):  # type: ignore[no-untyped-def]
    while number > np.uint64(0x7F):
        out[at] = np.uint8(number & np.uint64(0x7F)) | np.uint8(0x80)
        number >>= np.uint64(7)
        at += 1
    out[at] = np.uint8(number)
    return at + 1


@njit(cache=True, nogil=True)
def _differences(values, out):  # type: ignore[no-untyped-def]
    """Blocks of differences, which wrap at 64 bits; gives the number of bytes."""
    at = 0
    steps = np.empty(_BLOCK, np.uint64)
    for begin in range(1, len(values), _BLOCK):
        count = min(_BLOCK, len(values) - begin)
        least = values[begin] - values[begin - 1]
        for i in range(count):
            least = min(least, values[begin + i] - values[begin + i - 1])
        zigzagged = (np.uint64(least) << np.uint64(1)) ^ np.uint64(least >> 63)
        at = _varint(out, at, zigzagged)
        widths = at
        at += _BLOCK // _MINI
        for i in range(_BLOCK):
            steps[i] = np.uint64(values[begin + i] - values[begin + i - 1] - least) if i < count else np.uint64(0)
        for mini in range(_BLOCK // _MINI):
            every = np.uint64(0)
            for i in range(mini * _MINI, (mini + 1) * _MINI):
                every |= steps[i]
            width = 0
            while every:
                every >>= np.uint64(1)
                width += 1
            out[widths + mini] = width
            if mini * _MINI >= count:
                continue
            word, filled, put = np.uint64(0), 0, at
            for i in range(mini * _MINI, (mini + 1) * _MINI):
                word |= steps[i] << np.uint64(filled)
                filled += width
                if filled >= 64:
                    for k in range(8):
                        out[put + k] = np.uint8((word >> np.uint64(8 * k)) & np.uint64(0xFF))
                    put += 8
                    filled -= 64
                    # a shift by 64 is none
                    word = steps[i] >> np.uint64(width - filled) if filled else np.uint64(0)
            for k in range(filled // 8):
                out[put + k] = np.uint8((word >> np.uint64(8 * k)) & np.uint64(0xFF))
            at += 4 * width
    return at


def differences(values: npt.NDArray[np.int64]) -> bytes:
    """At least one number, as the first and the differences of the others.

    >>> differences(np.array([7, 5, 3, 1, 2, 3, 4, 5])).hex()[:14]
    '800104080e0302'
    """
    out = np.empty(len(values) * 8 + (len(values) // _BLOCK + 1) * (_MINI * 8 + 16), np.uint8)
    size = _differences(values, out)
    head = varint(_BLOCK) + varint(_BLOCK // _MINI) + varint(len(values)) + zigzag(int(values[0]))
    return head + out[:size].tobytes()
