"""The wire format of protocol buffers as kernels: varints, doubles, fields.

A kernel that reads gives the value and the place after it, which is -1 where the bytes end or are none.

Source: Protocol Buffers documentation, "Encoding".
"""

import numpy as np

from testigos.kernels import kernel

__all__ = [
    "FIXED32", "FIXED64", "LENGTH", "VARINT", "get_double", "get_field", "get_varint", "put_double", "put_varint",
    "skip_value", "varint_size",
]  # fmt: skip

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5

_MOST = 0x7FFF_FFFF_FFFF_FFFF


@kernel
def get_varint(data, at, stop):  # type: ignore[no-untyped-def]
    """A varint of at most ten bytes; what 63 bits do not hold is the most that they do."""
    value = np.int64(0)
    for k in range(10):
        if at + k >= stop:
            return value, -1
        c = np.int64(data[at + k])
        if k < 9:
            value |= (c & 127) << (7 * k)
        elif c & 127:
            value = np.int64(_MOST)
        if c < 128:
            return value, at + k + 1
    return value, -1


@kernel
def get_field(data, at, stop):  # type: ignore[no-untyped-def]
    """Number and wire type of the field at ``at``; there is none of number 0 or with a tag of more than 32 bits."""
    tag, at = get_varint(data, at, stop)
    if at < 0 or tag < 8 or tag > 0xFFFF_FFFF:
        return 0, 0, -1
    return tag >> 3, tag & 7, at


@kernel
def skip_value(data, at, stop, wire):  # type: ignore[no-untyped-def]
    """Past the value of a field; -1 where it goes beyond ``stop``, -2 where its wire type is none or a group's."""
    if wire == VARINT:
        return get_varint(data, at, stop)[1]
    if wire == LENGTH:
        size, at = get_varint(data, at, stop)
        return at + size if at >= 0 and size <= stop - at else -1
    size = 8 if wire == FIXED64 else 4 if wire == FIXED32 else 0
    if size == 0:
        return -2
    return at + size if size <= stop - at else -1


@kernel
def get_double(data, at):  # type: ignore[no-untyped-def]
    """The double in ``data[at:at + 8]``."""
    value = np.uint64(0)
    for k in range(8):
        value |= np.uint64(data[at + k]) << np.uint64(8 * k)
    return np.uint64(value).view(np.float64)


@kernel
def varint_size(value):  # type: ignore[no-untyped-def]
    """Bytes that a number takes that is not negative."""
    size = 1
    while value > 127:
        value >>= 7
        size += 1
    return size


@kernel
def put_varint(out, at, value):  # type: ignore[no-untyped-def]
    """A number that is not negative; the place after it."""
    while value > 127:
        out[at] = value & 127 | 128
        value >>= 7
        at += 1
    out[at] = value
    return at + 1


@kernel
def put_double(out, at, field, value):  # type: ignore[no-untyped-def]
    """A field of a double, unless it is 0, which proto3 does not write; the place after it."""
    if value == 0.0:
        return at
    out[at] = field << 3 | FIXED64
    bits, place = np.float64(value).view(np.uint64), np.uint64(at + 1)
    for k in range(8):
        out[place + np.uint64(k)] = (bits >> np.uint64(8 * k)) & np.uint64(255)
    return at + 9
