"""Just enough of the Thrift compact protocol to write Parquet's metadata.

Source: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from collections.abc import Sequence
from typing import Self

__all__ = ["Struct", "varint", "zigzag"]

_BYTES = [bytes([number]) for number in range(0x100)]
_I32, _I64, _BINARY, _LIST, _STRUCT = 5, 6, 8, 9, 12


def varint(number: int) -> bytes:
    """An unsigned number, seven bits a byte, the lowest first.

    >>> varint(300).hex()
    'ac02'
    """
    if number < 0x80:
        return _BYTES[number]
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def zigzag(number: int) -> bytes:
    """A signed number: 0, -1, 1, -2 … are 0, 1, 2, 3 …"""
    return varint(2 * number if number >= 0 else -2 * number - 1)


class Struct:
    """A struct being written; its fields have to come in the order of their numbers."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._last = 0

    def _field(self, number: int, kind: int, data: bytes) -> Self:
        step = number - self._last
        assert 0 < step < 16
        self._parts += (_BYTES[step << 4 | kind], data)
        self._last = number
        return self

    def i32(self, number: int, value: int) -> Self:
        """A field of 32 bits."""
        return self._field(number, _I32, zigzag(value))

    def i64(self, number: int, value: int) -> Self:
        """A field of 64 bits."""
        return self._field(number, _I64, zigzag(value))

    def binary(self, number: int, value: bytes) -> Self:
        """A field of text or bytes."""
        return self._field(number, _BINARY, varint(len(value)) + value)

    def struct(self, number: int, value: bytes) -> Self:
        """A field that is a struct, as ``done`` gave it."""
        return self._field(number, _STRUCT, value)

    def _list(self, number: int, kind: int, items: Sequence[bytes]) -> Self:
        count = len(items)
        head = bytes([count << 4 | kind]) if count < 15 else bytes([0xF0 | kind]) + varint(count)
        return self._field(number, _LIST, head + b"".join(items))

    def structs(self, number: int, items: Sequence[bytes]) -> Self:
        """A field that is a list of structs."""
        return self._list(number, _STRUCT, items)

    def i32s(self, number: int, items: Sequence[int]) -> Self:
        """A field that is a list of numbers of 32 bits."""
        return self._list(number, _I32, [zigzag(item) for item in items])

    def binaries(self, number: int, items: Sequence[bytes]) -> Self:
        """A field that is a list of texts."""
        return self._list(number, _BINARY, [varint(len(item)) + item for item in items])

    def done(self) -> bytes:
        """Its bytes."""
        return b"".join(self._parts) + b"\0"
