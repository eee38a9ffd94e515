"""What a table holds, as the buffers that Polars keeps it in: nothing is copied on the way to a kernel.

Source: Arrow columnar format, C data and C stream interfaces, https://arrow.apache.org/docs/format/Columnar.html and
https://arrow.apache.org/docs/format/CDataInterface.html.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

__all__ = ["Column", "buffers"]


class _Array(ctypes.Structure):
    """``struct ArrowArray``."""


_Array._fields_ = [
    *((name, ctypes.c_int64) for name in ("length", "null_count", "offset", "n_buffers", "n_children")),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(_Array))),
    ("dictionary", ctypes.POINTER(_Array)),
    ("release", ctypes.CFUNCTYPE(None, ctypes.POINTER(_Array))),
    ("private_data", ctypes.c_void_p),
]


class _Schema(ctypes.Structure):
    """``struct ArrowSchema``."""


_Schema._fields_ = [
    *((name, ctypes.c_char_p) for name in ("format", "name", "metadata")),
    *((name, ctypes.c_int64) for name in ("flags", "n_children")),
    ("children", ctypes.POINTER(ctypes.POINTER(_Schema))),
    ("dictionary", ctypes.POINTER(_Schema)),
    ("release", ctypes.CFUNCTYPE(None, ctypes.POINTER(_Schema))),
    ("private_data", ctypes.c_void_p),
]


class _Stream(ctypes.Structure):
    """``struct ArrowArrayStream``."""


_Stream._fields_ = [
    ("get_schema", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Stream), ctypes.POINTER(_Schema))),
    ("get_next", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Stream), ctypes.POINTER(_Array))),
    ("get_last_error", ctypes.c_void_p),
    ("release", ctypes.c_void_p),
    ("private_data", ctypes.c_void_p),
]

_NAME: Final = b"arrow_array_stream"
_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype = ctypes.c_void_p
_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]

#: Bytes of a value, by Arrow's name of its type. Floats are read as the bits that they are.
_WIDTHS: Final = {b"c": 1, b"C": 1, b"s": 2, b"S": 2, b"i": 4, b"I": 4, b"l": 8, b"L": 8, b"f": 4, b"g": 8}
_BOOLEAN, _VIEWS = b"b", b"vu"


class Column(NamedTuple):
    """``known`` has a bit a row, the lowest of a byte first, 1 where there is a value; null where every row has one.

    ``values`` are unsigned integers of the type's width, Booleans as 0 and 1, texts as ``(rows, 2)`` 64-bit halves of
    their Arrow views. What it holds where there is no value means nothing.
    """

    known: npt.NDArray[np.uint8] | None
    values: npt.NDArray[np.unsignedinteger]


class _Memory:
    """So many bytes at an address, for NumPy."""

    def __init__(self, address: int, size: int) -> None:
        self.__array_interface__ = {"shape": (size,), "typestr": "|u1", "data": (address, True), "version": 3}


def _at(address: int, size: int) -> npt.NDArray[np.uint8]:
    return np.asarray(_Memory(address, size))


def _bits(address: int, offset: int, rows: int) -> npt.NDArray[np.uint8]:
    """Bits from ``offset`` on; those left over in the last byte are zero."""
    first, shift = divmod(offset, 8)
    held = _at(address + first, (shift + rows + 7) // 8)
    if shift:
        return np.packbits(np.unpackbits(held, bitorder="little")[shift : shift + rows], bitorder="little")
    if rows % 8:
        held = held.copy()
        held[-1] &= (1 << rows % 8) - 1
    return held


def _column(array: Any, kind: bytes, rows: int) -> Column:
    held = array.buffers
    known = _bits(held[0], array.offset, rows) if held[0] else None
    if kind == _BOOLEAN:
        return Column(known, np.unpackbits(_bits(held[1], array.offset, rows), count=rows, bitorder="little"))
    if kind == _VIEWS:
        return Column(known, _at(held[1] + 16 * array.offset, 16 * rows).view(np.uint64).reshape(rows, 2))
    width = _WIDTHS[kind]
    return Column(known, _at(held[1] + width * array.offset, width * rows).view(f"u{width}"))


@contextmanager
def buffers(table: pl.DataFrame) -> Iterator[list[Column]]:
    """The columns of a table that has one chunk and at least one row; they hold for the ``with`` block.

    >>> with buffers(pl.DataFrame({"a": [1.5, None, 3.0], "b": [True, False, True]})) as (a, b):
    ...     a.known.tolist(), a.values.view("f8")[::2].tolist(), b.known, b.values.tolist()
    ([5], [1.5, 3.0], None, [1, 0, 1])
    """
    capsule = table.__arrow_c_stream__(None)
    stream = ctypes.cast(_pointer(capsule, _NAME), ctypes.POINTER(_Stream))
    schema, array = _Schema(), _Array()
    if stream.contents.get_schema(stream, ctypes.byref(schema)) or not schema.release:
        raise ValueError("no schema to export")
    kinds = [schema.children[i].contents.format for i in range(schema.n_children)]
    schema.release(ctypes.byref(schema))
    if stream.contents.get_next(stream, ctypes.byref(array)) or not array.release:
        raise ValueError("no rows to export")
    try:
        yield [_column(array.children[i].contents, kind, len(table)) for i, kind in enumerate(kinds)]
    finally:
        array.release(ctypes.byref(array))
