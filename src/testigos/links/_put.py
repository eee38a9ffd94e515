"""Kernels that formats share to write text: digits, fixed decimals, hexadecimal, times; and columns as arrays.

Every ``put_`` kernel writes into ``out`` from ``at`` on and gives the place after it. There must be room:
``DIGITS`` bytes for a number, ``STAMP`` for a time.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos import matrix
from testigos.kernels import kernel

__all__ = [
    "DIGITS", "STAMP", "civil", "floats", "literal", "names", "put", "put_decimal", "put_hex",
    "put_integer", "put_iso", "put_name", "put_padded", "put_scaled", "whole",
]  # fmt: skip

DIGITS: Final = 24  #: the most bytes that a number takes
STAMP: Final = 24  #: bytes of ``2025-10-23T18:03:12.500Z``, the longest time

_ZERO, _MINUS, _POINT = 48, 45, 46
_TENS: Final = np.repeat(np.arange(48, 58), 10).astype(np.uint8)
_ONES: Final = np.tile(np.arange(48, 58), 10).astype(np.uint8)
_POWERS: Final = 10 ** np.arange(20, dtype=np.uint64)
_DAY_MS: Final = 86_400_000


def literal(text: str) -> npt.NDArray[np.uint8]:
    """Fixed text for ``put``.

    >>> literal("ab").tolist()
    [97, 98]
    """
    return np.frombuffer(text.encode("ascii"), np.uint8)


def names(table: pl.DataFrame, column: str) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """A text column as UTF-8 bytes and where each row begins, (N + 1,); nulls and missing columns are empty.

    >>> data, start = names(pl.DataFrame({"a": ["xy", None, "z"]}), "a")
    >>> data.tobytes(), start.tolist()
    (b'xyz', [0, 2, 2, 3])
    """
    data, start = matrix.texts(table, [column])
    return data, start[0]


def floats(table: pl.DataFrame, column: str) -> npt.NDArray[np.float64]:
    """A column of numbers; NaN is null, and so is a column that is missing.

    >>> floats(pl.DataFrame({"a": [1, None]}), "a").tolist()
    [1.0, nan]
    """
    found: npt.NDArray[np.float64] = matrix.numbers(table, [column])[0]
    return found


def whole(table: pl.DataFrame, column: str, null: int) -> npt.NDArray[np.int64]:
    """A column of whole numbers that are not negative, Booleans or names of an Enum (its code), with a number for null.

    >>> whole(pl.DataFrame({"a": [True, None]}), "a", -1).tolist()
    [1, -1]
    """
    long = column in table.columns and table.get_column(column).dtype == pl.Int64
    found: npt.NDArray[np.int64] = (matrix.whole_numbers if long else matrix.codes)(table, [column])[0]
    if null != matrix.UNKNOWN:
        found[found == matrix.UNKNOWN] = null
    return found


@kernel
def put(out, at, text):  # type: ignore[no-untyped-def]
    """Bytes as they are."""
    for k in range(len(text)):
        out[np.uintp(at + k)] = text[k]
    return at + len(text)


@kernel
def put_name(out, at, data, low, high):  # type: ignore[no-untyped-def]
    """``data[low:high]``: a row of ``names``."""
    for k in range(high - low):
        out[np.uintp(at + k)] = data[np.uintp(low + k)]
    return at + max(high - low, 0)


@kernel
def _digits(out, at, units, size):  # type: ignore[no-untyped-def]
    """The lowest ``size`` digits of a number of 64 bits without a sign, two at a time."""
    units = np.uint64(units)
    k = at + size
    while k - at >= 2:
        rest = units // np.uint64(100)
        pair = units - rest * np.uint64(100)
        units = rest
        k -= 2
        out[np.uintp(k)] = _TENS[pair]
        out[np.uintp(k + 1)] = _ONES[pair]
    if k > at:
        out[at] = _ZERO + np.int64(units % np.uint64(10))
    return at + size


@kernel
def _size(units):  # type: ignore[no-untyped-def]
    """How many digits a number of 64 bits without a sign has."""
    size = 1
    while size < 20 and units >= _POWERS[size]:
        size += 1
    return size


@kernel
def put_integer(out, at, value):  # type: ignore[no-untyped-def]
    """A whole number in decimal."""
    value = np.int64(value)
    if value < 0:
        out[at] = _MINUS
        at += 1
        value = -value
    units = np.uint64(value)
    return _digits(out, at, units, _size(units))


@kernel
def put_padded(out, at, value, size):  # type: ignore[no-untyped-def]
    """A whole number that is not negative in so many digits, with zeros before it."""
    return _digits(out, at, np.uint64(value), size)


@kernel
def put_decimal(out, at, value, decimals):  # type: ignore[no-untyped-def]
    """A number with so many decimals, rounded to the nearest (ties to even); below 9.2e18 / 10^decimals."""
    whole = np.int64(np.rint(value * np.float64(_POWERS[decimals])))
    if whole < 0:
        out[at] = _MINUS
        at += 1
        whole = -whole
    return put_scaled(out, at, whole, decimals)


@kernel
def put_scaled(out, at, whole, decimals):  # type: ignore[no-untyped-def]
    """A whole number that is not negative by 10^decimals, with all its decimals."""
    units = np.uint64(whole)
    size = max(_size(units), decimals + 1)
    _digits(out, at, units, size)
    if decimals == 0:
        return at + size
    for k in range(at + size, at + size - decimals, -1):  # make room for the point
        out[np.uintp(k)] = out[np.uintp(k - 1)]
    out[at + size - decimals] = _POINT
    return at + size + 1


@kernel
def put_hex(out, at, value, size, upper):  # type: ignore[no-untyped-def]
    """The lowest ``size`` hexadecimal digits."""
    value = np.int64(value)
    for k in range(size - 1, -1, -1):
        digit = value & 15
        out[at + k] = _ZERO + digit if digit < 10 else (55 if upper else 87) + digit
        value >>= 4
    return at + size


@kernel
def civil(day):  # type: ignore[no-untyped-def]
    """Year, month and day of so many days since 1970-01-01.

    Source: proleptic Gregorian calendar, counted in eras of 400 years from 1 March 0000.
    """
    shifted = day + 719_468
    era = shifted // 146_097
    of_era = shifted - era * 146_097
    year = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    date = of_year - (153 * month + 2) // 5 + 1
    month = month + 3 if month < 10 else month - 9
    return year + era * 400 + (1 if month <= 2 else 0), month, date


@kernel
def put_iso(out, at, time_ns):  # type: ignore[no-untyped-def]
    """UTC to the nearest millisecond: ``2025-10-23T18:03:12.500Z``."""
    ms = (time_ns + 500_000) // 1_000_000
    year, month, date = civil(ms // _DAY_MS)
    of_day = ms % _DAY_MS
    at = put_padded(out, at, year, 4)
    out[at] = _MINUS
    at = put_padded(out, at + 1, month, 2)
    out[at] = _MINUS
    at = put_padded(out, at + 1, date, 2)
    out[at] = 84  # T
    at = put_padded(out, at + 1, of_day // 3_600_000, 2)
    out[at] = 58  # :
    at = put_padded(out, at + 1, of_day // 60_000 % 60, 2)
    out[at] = 58
    at = put_padded(out, at + 1, of_day // 1000 % 60, 2)
    out[at] = _POINT
    at = put_padded(out, at + 1, of_day % 1000, 3)
    out[at] = 90  # Z
    return at + 1
