"""Kernels that formats made of text share: lines, fields, numbers, times and names in a byte buffer.

They read bytes in place and never make a Python object a row. A field is the pair ``begin``/``end`` of
offsets into the buffer; an empty field is an unknown value.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

from testigos.kernels import kernel

__all__ = ["bytes_of", "distinct", "fields", "lines", "numbers", "texts", "times"]

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

_FNV_START: Final = np.uint64(0xCBF29CE484222325)  # FNV-1a, 64 bits: draft-eastlake-fnv, section 5
_FNV_PRIME: Final = np.uint64(0x100000001B3)


def bytes_of(buffer: bytes) -> Bytes:
    """The buffer as an array, not copied."""
    return np.frombuffer(buffer, np.uint8)


def lines(buffer: bytes, final: bool) -> tuple[Ints, Ints, bytes]:
    """``start`` and ``stop`` of every line that is not blank, without its line end, and the unfinished rest.

    >>> start, stop, rest = lines(b"ab\\r\\n\\ncd\\nef", False)
    >>> start.tolist(), stop.tolist(), rest
    ([0, 5], [2, 7], b'ef')
    """
    data = bytes_of(buffer)
    ends = np.flatnonzero(data == 10)
    if final:
        ends = np.append(ends, len(data))
    if not len(ends):
        return np.zeros(0, np.int64), np.zeros(0, np.int64), buffer
    start = np.concatenate((np.zeros(1, np.int64), ends[:-1] + 1))
    start, stop = _trimmed(data, start, ends.astype(np.int64))
    kept = stop > start
    return start[kept], stop[kept], buffer[int(ends[-1]) + 1 :]


@njit(cache=True, nogil=True)
def _trimmed(data: Any, start: Any, stop: Any) -> Any:
    low, high = start.copy(), stop.copy()
    for i in range(len(low)):
        while low[i] < high[i] and data[low[i]] in (9, 13, 32):
            low[i] += 1
        while high[i] > low[i] and data[high[i] - 1] in (9, 13, 32):
            high[i] -= 1
    return low, high


def fields(
    data: Bytes, start: Ints, stop: Ints, separator: str, width: int, quote: str = ""
) -> tuple[Ints, Ints, Ints]:
    """``begin`` and ``end`` of each line's first ``width`` fields, shape (lines, width), and how many it has.

    Blanks around a field and the quotes of a quoted one are left out; missing fields are empty.
    """
    begin = np.zeros((len(start), width), np.int64)
    end = np.zeros((len(start), width), np.int64)
    count = np.zeros(len(start), np.int64)
    _fields(data, start, stop, ord(separator), ord(quote) if quote else -1, begin, end, count)
    return begin, end, count


@kernel
def _fields(data: Any, start: Any, stop: Any, separator: Any, quote: Any, begin: Any, end: Any, count: Any) -> None:
    width = begin.shape[1]
    for i in range(len(start)):
        at, last, k = start[i], stop[i], 0
        while True:
            low = at
            if at < last and data[at] == quote:
                at += 1
                low = at
                while at < last and data[at] != quote:
                    at += 1
                high = at
                while at < last and data[at] != separator:
                    at += 1
            else:
                while at < last and data[at] != separator:
                    at += 1
                high = at
            while low < high and (data[low] == 32 or data[low] == 9):
                low += 1
            while high > low and (data[high - 1] == 32 or data[high - 1] == 9):
                high -= 1
            if k < width:
                begin[i, k] = low
                end[i, k] = high
            k += 1
            if at >= last:
                break
            at += 1
        count[i] = k


def numbers(data: Bytes, begin: Ints, end: Ints) -> tuple[npt.NDArray[np.float64], Mask]:
    """Decimal numbers, NaN where a field is empty or says null, and a mask of the fields that are no number.

    >>> value, bad = numbers(bytes_of(b"-12.5x"), np.array([0, 0, 5]), np.array([5, 0, 6]))
    >>> value.tolist(), bad.tolist()
    ([-12.5, nan, nan], [False, False, True])
    """
    value = np.empty(len(begin), np.float64)
    bad = np.zeros(len(begin), np.bool_)
    _numbers(data, begin, end, value, bad)
    return value, bad


@kernel
def _says_null(data: Any, low: Any, high: Any) -> bool:
    """Empty, or one of the words that tables write for an unknown value: null, none, nan, na, nat, n/a."""
    size = high - low
    if size <= 0:  # a stamp of two fields ends before it begins where the line lacks them
        return True
    if size > 4 or data[low] | 32 != 110:  # n
        return False
    second = data[low + 1] | 32 if size > 1 else 0
    third = data[low + 2] | 32 if size > 2 else 0
    fourth = data[low + 3] | 32 if size > 3 else 0
    if size == 2:
        return bool(second == 97)
    if size == 3:
        return bool((second == 97 and (third == 110 or third == 116)) or (second == 47 and third == 97))
    if size == 4:
        return bool(
            (second == 117 and third == 108 and fourth == 108) or (second == 111 and third == 110 and fourth == 101)
        )
    return False


@kernel
def _numbers(data: Any, begin: Any, end: Any, value: Any, bad: Any) -> None:
    for i in range(len(begin)):
        at, last = begin[i], end[i]
        value[i] = np.nan
        if _says_null(data, at, last):
            continue
        sign = 1.0
        if data[at] == 45 or data[at] == 43:
            if data[at] == 45:
                sign = -1.0
            at += 1
        whole, digits, scale, point = 0, 0, 0, False
        while at < last:
            c = data[at]
            if c == 46 and not point:
                point = True
            elif 48 <= c <= 57:
                digits += 1
                if whole < 100_000_000_000_000_000:  # 17 digits are more than a double holds
                    whole = whole * 10 + (int(c) - 48)
                    if point:
                        scale -= 1
                elif not point:
                    scale += 1
            else:
                break
            at += 1
        if at < last and digits > 0 and data[at] | 32 == 101:  # an exponent
            at += 1
            up = 1
            if at < last and (data[at] == 45 or data[at] == 43):
                if data[at] == 45:
                    up = -1
                at += 1
            power, seen = 0, 0
            while at < last and 48 <= data[at] <= 57 and seen < 4:
                power = power * 10 + (int(data[at]) - 48)
                at += 1
                seen += 1
            if seen == 0:
                digits = 0
            scale += up * power
        if at < last or digits == 0 or scale > 300 or scale < -300:
            bad[i] = True
        elif scale < 0:
            value[i] = sign * (whole / 10.0**-scale)
        else:
            value[i] = sign * (whole * 10.0**scale)


def times(data: Bytes, begin: Ints, end: Ints) -> tuple[Ints, Mask, Mask]:
    """Nanoseconds since 1970, a mask of the known ones, and a mask of the fields that are no time.

    A field is ISO 8601 (``-`` or ``/`` in the date; ``T``, blank or comma before the time; an offset, ``Z``
    or ``UTC`` after it; UTC without) or a number since 1970, whose size tells its unit: below 1e11 s, below 1e14
    ms, below 1e17 µs, else ns (own rule: unambiguous from 1973 to 5138).

    >>> text = b"2023-12-10T16:15:30.500Z"
    >>> times(bytes_of(text), np.array([0]), np.array([24]))[0].tolist()
    [1702224930500000000]
    """
    value = np.zeros(len(begin), np.int64)
    known = np.zeros(len(begin), np.bool_)
    bad = np.zeros(len(begin), np.bool_)
    _times(data, begin, end, value, known, bad)
    return value, known, bad


@kernel
def _two(data: Any, at: Any, last: Any) -> int:
    """Two digits as a number, -1 where there are none."""
    if at + 2 > last:
        return -1
    tens, ones = np.int64(data[at]) - 48, np.int64(data[at + 1]) - 48
    if not (0 <= tens <= 9 and 0 <= ones <= 9):
        return -1
    return int(tens * 10 + ones)


@kernel
def _fraction(data: Any, at: Any, last: Any, unit: Any) -> Any:
    """Digits after a point as so many of ``unit`` (a power of ten), and where they end."""
    total = np.int64(0)
    while at < last and 48 <= data[at] <= 57:
        unit //= 10
        total += (np.int64(data[at]) - 48) * unit
        at += 1
    return total, at


@kernel
def _days(year: Any, month: Any, day: Any) -> int:
    """Days from 1970-01-01 in the Gregorian calendar, years counted from March."""
    y = year - 1 if month <= 2 else year
    of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    return int(365 * y + y // 4 - y // 100 + y // 400 + of_year - 719_468)


@kernel
def _iso(data: Any, at: Any, last: Any) -> Any:
    century, year, month, day = _two(data, at, last), _two(data, at + 2, last), _two(data, at + 5, last), 0
    day = _two(data, at + 8, last)
    if century < 0 or year < 0 or not 1 <= month <= 12 or data[at + 7] != data[at + 4]:
        return np.int64(0), False
    year += 100 * century
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    longest = 30 if month in (4, 6, 9, 11) else 31
    if month == 2:
        longest = 29 if leap else 28
    if not (1678 <= year <= 2261 and 1 <= day <= longest):  # what 64 bits of nanoseconds hold
        return np.int64(0), False
    total = np.int64(_days(year, month, day)) * 86_400_000_000_000
    at += 10
    if at == last:
        return total, True
    if data[at] not in (84, 116, 32, 44):
        return np.int64(0), False
    at += 1
    hour, minute, second = _two(data, at, last), _two(data, at + 3, last), 0
    if hour < 0 or hour > 23 or minute < 0 or minute > 59 or data[at + 2] != 58:
        return np.int64(0), False
    at += 5
    if at < last and data[at] == 58:
        second = _two(data, at + 1, last)
        if second < 0 or second > 60:
            return np.int64(0), False
        at += 3
        if at < last and (data[at] == 46 or data[at] == 44):
            rest, at = _fraction(data, at + 1, last, np.int64(1_000_000_000))
            total += rest
    total += ((hour * 60 + minute) * 60 + second) * np.int64(1_000_000_000)
    if at < last and data[at] == 32:
        at += 1
    if at == last or (at + 1 == last and data[at] | 32 == 122):
        return total, True
    if at + 3 == last and data[at] == 85 and data[at + 1] == 84 and data[at + 2] == 67:  # UTC
        return total, True
    if data[at] == 43 or data[at] == 45:
        sign = 1 if data[at] == 43 else -1
        hours = _two(data, at + 1, last)
        at += 3
        if at < last and data[at] == 58:
            at += 1
        minutes = 0 if at == last else _two(data, at, last)
        if (at == last or at + 2 == last) and 0 <= hours <= 23 and 0 <= minutes <= 59:
            return total - sign * (hours * 60 + minutes) * np.int64(60_000_000_000), True
    return np.int64(0), False


@kernel
def _epoch(data: Any, at: Any, last: Any) -> Any:
    whole, digits = np.int64(0), 0
    while at < last and 48 <= data[at] <= 57:
        if whole > 900_000_000_000_000_000:
            return np.int64(0), False
        whole = whole * 10 + (np.int64(data[at]) - 48)
        digits += 1
        at += 1
    unit = np.int64(1)
    if whole < 100_000_000_000:
        unit = np.int64(1_000_000_000)
    elif whole < 100_000_000_000_000:
        unit = np.int64(1_000_000)
    elif whole < 100_000_000_000_000_000:
        unit = np.int64(1_000)
    if whole > 9_200_000_000_000_000_000 // unit:
        return np.int64(0), False
    total = whole * unit
    if at < last and data[at] == 46:
        rest, at = _fraction(data, at + 1, last, unit)
        total += rest
    return total, at == last and digits > 0


@kernel
def _times(data: Any, begin: Any, end: Any, value: Any, known: Any, bad: Any) -> None:
    for i in range(len(begin)):
        at, last = begin[i], end[i]
        if _says_null(data, at, last):
            continue
        if last - at >= 10 and (data[at + 4] == 45 or data[at + 4] == 47):
            value[i], known[i] = _iso(data, at, last)
        else:
            value[i], known[i] = _epoch(data, at, last)
        bad[i] = not known[i]


def texts(data: Bytes, begin: Ints, end: Ints, clean: Callable[[str], str | None]) -> pl.Series:
    """A string a field, after ``clean``, which is called once for each distinct text; empty ones are null.

    >>> buffer = bytes_of(b"AE503D~2a1b3c")
    >>> texts(buffer, np.array([0, 6, 0]), np.array([6, 13, 6]), str.lower).to_list()
    ['ae503d', '~2a1b3c', 'ae503d']
    """
    if not (end > begin).any():
        return pl.Series([None], dtype=pl.String).new_from_index(0, len(begin))
    code, first = distinct(data, begin, end)
    raw = data.tobytes() if len(first) > 1000 else None
    names: list[str | None] = []
    for i in first.tolist():
        low, high = int(begin[i]), int(end[i])
        text = (raw[low:high] if raw is not None else data[low:high].tobytes()).decode("utf-8", "replace")
        names.append(clean(text) if text else None)
    return pl.Series(names, dtype=pl.String).gather(code)


@njit(cache=True, nogil=True)
def distinct(data: Any, begin: Any, end: Any) -> Any:
    """The number of each slice's content, in the order of first appearance, and where each was first seen."""
    n = len(begin)
    code = np.empty(n, np.uint32)
    first = np.empty(512, np.int64)
    hashes = np.empty(512, np.uint64)
    table = np.full(2048, -1, np.int64)
    found = 0
    for i in range(n):
        h = _FNV_START
        for p in range(begin[i], end[i]):
            h = (h ^ np.uint64(data[p])) * _FNV_PRIME
        h ^= h >> np.uint64(29)
        mask = np.uint64(len(table) - 1)
        slot = h & mask
        while True:
            j = table[slot]
            if j < 0:
                break
            if hashes[j] == h and end[i] - begin[i] == end[first[j]] - begin[first[j]]:
                same = True
                for k in range(end[i] - begin[i]):
                    if data[begin[i] + k] != data[begin[first[j]] + k]:
                        same = False
                        break
                if same:
                    break
            slot = (slot + np.uint64(1)) & mask
        if j < 0:
            if found == len(first):
                wider, wider_hashes = np.empty(2 * found, np.int64), np.empty(2 * found, np.uint64)
                wider[:found] = first
                wider_hashes[:found] = hashes
                first, hashes = wider, wider_hashes
                table = np.full(8 * found, -1, np.int64)
                mask = np.uint64(len(table) - 1)
                for k in range(found):
                    slot = hashes[k] & mask
                    while table[slot] >= 0:
                        slot = (slot + np.uint64(1)) & mask
                    table[slot] = k
                slot = h & mask
                while table[slot] >= 0:
                    slot = (slot + np.uint64(1)) & mask
            table[slot] = found
            first[found] = i
            hashes[found] = h
            j = found
            found += 1
        code[i] = j
    return code, first[:found]
