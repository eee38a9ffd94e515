"""Kernels for the pages of a Parquet file: dictionaries, bit-packed runs, differences.

Source: Apache Parquet format 2.10, Encodings.md: RLE / bit-packing hybrid (3), delta encoding (5).
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

from testigos.store._thrift import varint, zigzag

__all__ = ["dense", "dictionary", "differences", "inline", "packed", "repeated", "telling"]

_BLOCK: Final = 128  # differences that share a least one
_MINI: Final = 32  # of them share a width
_INLINE: Final = 12  # bytes of text that fit into an Arrow view
_LEAST_GAIN: Final = 2  # a dictionary is worth while if a value comes this often

_Numbers = npt.NDArray[Any]


#: By the highest six bits of this number times a power of two: which power (a De Bruijn sequence).
_SEQUENCE: Final = 0x03F79D71B4CB0A89
_POWERS: Final = np.argsort([(_SEQUENCE << power & (1 << 64) - 1) >> 58 for power in range(64)])


@njit(cache=True, nogil=True)
def _dense(values, words, out):  # type: ignore[no-untyped-def]
    at = 0
    for k in range(len(words)):
        word = words[k]
        while word:
            lowest = word & (~word + np.uint64(1))
            out[at] = values[64 * k + _POWERS[np.int64((lowest * np.uint64(_SEQUENCE)) >> np.uint64(58))]]
            at += 1
            word ^= lowest


def dense(values: _Numbers, known: npt.NDArray[np.uint8], count: int) -> _Numbers:
    """The ``count`` values whose bit of ``known`` is set; the lowest bit of a byte is the first. Fast if they are few.

    >>> dense(np.array([7, 8, 9, 10]), np.array([0b1010], np.uint8), 2).tolist()
    [8, 10]
    """
    words = np.zeros(-(-len(known) // 8), "<u8")
    words.view(np.uint8)[: len(known)] = known
    out: _Numbers = np.empty(count, values.dtype)
    _dense(values, words.astype(np.uint64, copy=False), out)
    return out


@njit(cache=True, nogil=True)
def _place(key, mask):  # type: ignore[no-untyped-def]
    return np.int64((np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(40)) & mask


@njit(cache=True, nogil=True)
def _dictionary(keys, table, limit, kept, indices, first):  # type: ignore[no-untyped-def]
    """Number of distinct keys, or -1 past ``limit``; fills ``indices`` and where each distinct key is ``first``."""
    mask = len(table) - 1
    count = 0
    for i in range(len(keys)):
        key = keys[i]
        at = _place(key, mask)
        number = table[at]
        while number >= 0 and kept[number] != key:
            at = (at + 1) & mask
            number = table[at]
        if number < 0:
            if count == limit:
                return -1
            number = table[at] = count
            kept[count] = key
            first[count] = i
            count += 1
        indices[i] = number
    return count


@njit(cache=True, nogil=True)
def _dictionary_pairs(keys, table, limit, kept, indices, first):  # type: ignore[no-untyped-def]
    mask = len(table) - 1
    count = 0
    number = -1
    for i in range(len(keys)):
        low, high = keys[i, 0], keys[i, 1]
        if number < 0 or kept[number, 0] != low or kept[number, 1] != high:  # rows often repeat the text before
            at = _place(low ^ (high * np.uint64(0xD1B54A32D192ED03)), mask)
            number = table[at]
            while number >= 0 and (kept[number, 0] != low or kept[number, 1] != high):
                at = (at + 1) & mask
                number = table[at]
            if number < 0:
                if count == limit:
                    return -1
                number = table[at] = count
                kept[count, 0], kept[count, 1] = low, high
                first[count] = i
                count += 1
        indices[i] = number
    return count


@njit(cache=True, nogil=True)
def _dictionary_bytes(keys, table, limit, indices, first):  # type: ignore[no-untyped-def]
    count = 0
    for i in range(len(keys)):
        number = table[keys[i]]
        if number < 0:
            if count == limit:
                return -1
            number = table[keys[i]] = count
            first[count] = i
            count += 1
        indices[i] = number
    return count


def dictionary(keys: _Numbers, most: int) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.int64]] | None:
    """For each key, a number or a pair of them, the number of its distinct value, and where each of those is first.

    Null if there are many.

    >>> [part.tolist() for part in dictionary(np.array([7, 7, 9, 7], np.uint8), 4)]
    [[0, 0, 1, 0], [0, 2]]
    """
    limit = max(1, min(most, len(keys) // _LEAST_GAIN))
    indices, first = np.empty(len(keys), np.uint16), np.empty(limit, np.int64)
    if keys.dtype == np.uint8 and keys.ndim == 1:
        count = _dictionary_bytes(keys, np.full(256, -1, np.int32), limit, indices, first)
    else:
        table = np.full(1 << (4 * limit - 1).bit_length(), -1, np.int32)
        kept = np.empty((limit, *keys.shape[1:]), keys.dtype)
        count = (_dictionary if keys.ndim == 1 else _dictionary_pairs)(keys, table, limit, kept, indices, first)
    return None if count < 0 else (indices, first[:count])


@njit(cache=True, nogil=True)
def _spread(views):  # type: ignore[no-untyped-def]
    """The length of the longest text, and whether all views are one."""
    longest = np.uint64(0)
    one = True
    for i in range(len(views)):
        longest = max(longest, views[i, 0] & np.uint64(0xFFFFFFFF))
        one &= views[i, 0] == views[0, 0] and views[i, 1] == views[0, 1]
    return longest, one


def telling(views: npt.NDArray[np.uint64]) -> bool:
    """Are texts equal just where their views are? So it is for texts that their views hold whole, and for only one."""
    longest, one = _spread(views)
    return bool(one or longest <= _INLINE)


@njit(cache=True, nogil=True)
def _inline(views, out):  # type: ignore[no-untyped-def]
    """Number of bytes, or -1 where a view does not hold its text."""
    at = np.int64(0)
    for i in range(len(views)):
        size = np.int64(views[i, 0] & np.uint64(0xFFFFFFFF))
        if size > _INLINE:
            return -1
        out[at], out[at + 1], out[at + 2], out[at + 3] = size, 0, 0, 0
        for k in range(size):
            half = views[i, 0] >> np.uint64(32 + 8 * k) if k < 4 else views[i, 1] >> np.uint64(8 * (k - 4))
            out[at + 4 + k] = np.uint8(half & np.uint64(0xFF))
        at += 4 + size
    return at


def inline(views: npt.NDArray[np.uint64]) -> bytes | None:
    """Texts as Parquet's plain encoding has them, from Arrow views; null where one is too long to be in its view.

    >>> inline(np.array([[0x6261_00000002, 0]], np.uint64))
    b'\\x02\\x00\\x00\\x00ab'
    """
    out = np.empty((4 + _INLINE) * len(views), np.uint8)
    size = _inline(views, out)
    return None if size < 0 else out[:size].tobytes()


@njit(cache=True, nogil=True)
def _pack(values, width, words):  # type: ignore[no-untyped-def]
    held = np.uint64(0)
    bits = 0
    at = 0
    for i in range(len(values)):
        value = np.uint64(values[i])
        held |= value << np.uint64(bits)
        bits += width
        if bits >= 64:
            words[at] = held
            at += 1
            bits -= 64
            held = value >> np.uint64(width - bits)  # never by 64: a width is at most 16
    if bits:
        words[at] = held


def packed(values: npt.NDArray[np.uint16], width: int) -> bytes:
    """A bit-packed run of numbers of up to 16 bits; the last group of eight is filled up with zeros.

    >>> packed(np.arange(8, dtype=np.uint16), 3).hex()
    '0388c6fa'
    """
    groups = -(-len(values) // 8)
    words = np.zeros(-(-groups * width // 8), np.uint64)
    _pack(values, width, words)
    return varint(groups << 1 | 1) + words.astype("<u8", copy=False).tobytes()[: groups * width]


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
    steps = np.empty(_BLOCK, np.int64)
    for begin in range(1, len(values), _BLOCK):
        count = min(_BLOCK, len(values) - begin)
        least = values[begin] - values[begin - 1]
        for i in range(count):
            steps[i] = values[begin + i] - values[begin + i - 1]
            least = min(least, steps[i])
        zigzagged = (np.uint64(least) << np.uint64(1)) ^ np.uint64(least >> 63)
        at = _varint(out, at, zigzagged)
        widths = at
        at += _BLOCK // _MINI
        for i in range(count):
            steps[i] -= least
        steps[count:] = 0
        for mini in range(_BLOCK // _MINI):
            every = np.uint64(0)
            for i in range(mini * _MINI, (mini + 1) * _MINI):
                every |= np.uint64(steps[i])
            width = 0
            while every >> np.uint64(8):
                every >>= np.uint64(8)
                width += 8
            while every:
                every >>= np.uint64(1)
                width += 1
            out[widths + mini] = width
            if mini * _MINI >= count:
                continue
            word, filled, put = np.uint64(0), 0, at
            for i in range(mini * _MINI, (mini + 1) * _MINI):
                step = np.uint64(steps[i])
                word |= step << np.uint64(filled)
                filled += width
                if filled >= 64:
                    for k in range(8):
                        out[put + k] = np.uint8((word >> np.uint64(8 * k)) & np.uint64(0xFF))
                    put += 8
                    filled -= 64
                    # a shift by 64 is none
                    word = step >> np.uint64(width - filled) if filled else np.uint64(0)
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
