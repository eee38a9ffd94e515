"""Kernels that write JSON: texts with what must be escaped, and the fewest digits from which the same number is read.

Source: RFC 8259, sections 6 and 7.
"""

from typing import Final

import numpy as np

from testigos.kernels import kernel
from testigos.links._put import put_hex, put_integer, put_padded, put_scaled

__all__ = ["ESCAPED", "FLOAT", "put_float32", "put_float64", "put_text", "put_whole"]

ESCAPED: Final = 6  #: the most bytes that one byte of a text takes
FLOAT: Final = 40  #: the most bytes of a float

_TEN: Final = np.array([10.0**k for k in range(23)])  # exact in binary64
_MOST_DECIMALS: Final = 22
_SPLIT: Final = 134_217_729.0  # 2^27 + 1


@kernel
def put_text(out, at, data, low, high):  # type: ignore[no-untyped-def]
    """``data[low:high]``, UTF-8, as the inside of a JSON string."""
    for k in range(low, high):
        c = data[np.uintp(k)]
        if c == 34 or c == 92:
            out[at] = 92
            out[at + 1] = c
            at += 2
        elif c < 32:
            out[at] = 92
            out[at + 1] = 117  # u
            at = put_hex(out, at + 2, c, 4, False)
        else:
            out[np.uintp(at)] = c
            at += 1
    return at


@kernel
def put_whole(out, at, value):  # type: ignore[no-untyped-def]
    """A whole number of 64 bits without a sign."""
    value = np.uint64(value)
    if value < np.uint64(1_000_000_000_000_000_000):
        return put_integer(out, at, np.int64(value))
    at = put_integer(out, at, np.int64(value // np.uint64(1_000_000_000)))
    return put_padded(out, at, np.int64(value % np.uint64(1_000_000_000)), 9)


@kernel
def _put_units(out, at, units, decimals):  # type: ignore[no-untyped-def]
    """``units`` / 10^decimals without the zeros at its end; a float keeps one."""
    left = np.uint64(units)
    while decimals > 1:
        fewer = left // np.uint64(10)
        if fewer * np.uint64(10) != left:
            break
        left = fewer
        decimals -= 1
    if decimals == 0:
        left *= np.uint64(10)
    return put_scaled(out, at, np.int64(left), max(decimals, 1))


@kernel
def _decimals(value, digits):  # type: ignore[no-untyped-def]
    """Decimals with which a number, at least 0, has so many digits, from 0 to 22."""
    decimals = digits - 1
    while decimals > 0 and value >= _TEN[np.uintp(digits - decimals)]:
        decimals -= 1
    while decimals < _MOST_DECIMALS and value * _TEN[np.uintp(decimals)] < _TEN[np.uintp(digits - 1)]:
        decimals += 1
    return decimals


@kernel
def _put_large(out, at, value):  # type: ignore[no-untyped-def]
    """A number so large that it is a whole one."""
    at = put_integer(out, at, np.int64(min(value, 9e18)))
    out[at] = 46
    out[at + 1] = 48
    return at + 2


@kernel
def put_float32(out, at, value):  # type: ignore[no-untyped-def]
    """A number of binary32: read as binary64 and rounded, it is the same again; to 22 decimals."""
    value = np.float64(value)
    if value < 0:
        out[at] = 45
        at += 1
        value = -value
    if value >= 1e9:
        return _put_large(out, at, value)
    meant, nine = np.float32(value), _decimals(value, 9)
    for fewer in (3, 1, 2, 0):  # most have six digits or fewer, or they need eight or nine
        decimals = max(nine - fewer, 0)
        power = _TEN[np.uintp(decimals)]
        units = np.rint(value * power)
        if np.float32(units / power) == meant:
            if fewer != 1 or decimals == 0:
                break
            power = _TEN[np.uintp(decimals - 1)]
            seven = np.rint(value * power)
            if np.float32(seven / power) == meant:
                units, decimals = seven, decimals - 1
            break
    return _put_units(out, at, np.int64(units), decimals)


@kernel
def put_float64(out, at, value):  # type: ignore[no-untyped-def]
    """A number of binary64 in at most 17 digits, from which it is read again; to 22 decimals, below 9e18.

    Where 15 digits do they are taken, else 17. The product with a power of ten is exact in two numbers (Dekker 1971).
    """
    if value < 0:
        out[at] = 45
        at += 1
        value = -value
    if value >= 9_007_199_254_740_992.0:
        return _put_large(out, at, value)
    decimals = _decimals(value, 15)
    units = np.rint(value * _TEN[decimals])
    if units / _TEN[decimals] == value:
        return _put_units(out, at, np.int64(units), decimals)
    decimals = min(decimals + 2, _MOST_DECIMALS)
    power = _TEN[decimals]
    product = value * power
    a = _SPLIT * value
    a_high = a - (a - value)
    a_low = value - a_high
    b = _SPLIT * power
    b_high = b - (b - power)
    b_low = power - b_high
    rest = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    whole = np.floor(product)
    return _put_units(out, at, np.int64(whole) + np.int64(np.rint((product - whole) + rest)), decimals)
